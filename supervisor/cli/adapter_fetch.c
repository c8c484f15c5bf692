/*
 *	cli_fetch into a temporary folder --> its branches are read, its files looked up
 */
#include "cli/adapter_fetch.h"

#include <stdio.h>
#include <stdlib.h>

#include "adapters/fit.h"
#include "adapters/staging.h"
#include "base/file.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/fetch.h"
#include "cli/local.h"

#include "base/banned.h"

static int fetch(const struct adapter *adapter, const char *repo_dir, struct iw_err *err)
{
	struct cli_local local;
	/* A source command runs outside the sandbox wherever it runs. */
	int rc = cli_local_open_bare(&local, NULL, true, err);

	if (rc == 0)
		rc = cli_fetch(&local, adapter, repo_dir, err);
	cli_local_close(&local);
	return rc;
}

static void add_misfit(json_t *misfits, char *takes)
{
	if (takes)
		json_array_append_new(misfits, json_string(takes));
	free(takes);
}

static int look(const struct adapter *adapter, const char *repo_dir, json_t **answer,
	struct iw_err *err)
{
	_auto_(iw_git_closep) struct iw_git_repo *repo = NULL;
	_auto_(staging_freep) struct staging_snapshot *snapshot = NULL;
	const struct adapter_source *source = &adapter->source;
	json_t *misfits;
	int rc = iw_git_open(&repo, repo_dir, err);

	if (rc == 0)
		rc = staging_read(repo, source->branch, source->base, &snapshot, err);
	if (rc < 0)
		return rc;
	misfits = json_array();
	add_misfit(misfits, fit_branches(repo, source, snapshot));
	add_misfit(misfits, fit_files(repo, snapshot->tree, adapter, NULL));
	*answer = json_pack("{ss ss sI so}", "commit", snapshot->commit, "base_commit",
		snapshot->base_commit, "staged", (json_int_t)snapshot->count, "misfits",
		misfits);
	return 0;
}

int adapter_fetch(const struct adapter *adapter, json_t **answer, struct iw_err *err)
{
	_auto_free_ char *dir = iw_dir_make_temp("ironworks", err);
	_auto_free_ char *repo_dir = NULL;
	int rc;

	if (!dir)
		return err->code;
	repo_dir = iw_path_join(dir, "repo");
	rc = fetch(adapter, repo_dir, err);
	if (rc == 0)
		rc = look(adapter, repo_dir, answer, err);
	iw_dir_remove(dir, NULL);
	return rc < 0 ? iw_err_wrap(err, "adapter '%s'", adapter->name) : 0;
}

void adapter_fetch_print(const struct adapter *adapter, const json_t *answer)
{
	const struct adapter_source *source = &adapter->source;
	const json_t *misfits = json_object_get(answer, "misfits"), *misfit;
	size_t i;

	printf("  its source is there: %.12s of %s, %lld staged on %.12s%s%s\n",
		json_string_value(json_object_get(answer, "commit")), source->branch,
		(long long)json_integer_value(json_object_get(answer, "staged")),
		json_string_value(json_object_get(answer, "base_commit")),
		source->base ? " of " : "", source->base ? source->base : "");
	json_array_foreach(misfits, i, misfit)
		cli_print_plain(stdout, "  ", json_string_value(misfit));
}
