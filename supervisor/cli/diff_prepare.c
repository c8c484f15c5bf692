/* Before the first build of a comparison: adapter, folder, source, change, corpora. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "cli/diff_room.h"
#include "cli/fetch.h"
#include "cli/local.h"
#include "cli/near_name.h"

#include "base/banned.h"

/* What is discovered is known after a build. */
static int check_target(const struct diff *d, struct iw_err *err)
{
	const struct adapter *adapter = d->adapter;
	_auto_free_ const char **names = NULL;
	_auto_free_ char *words = NULL;
	size_t i;

	if (!d->wish.target || adapter->discover ||
		adapter_target_find(adapter, d->wish.target))
		return 0;
	names = iw_calloc(adapter->target_count + 1, sizeof *names);
	for (i = 0; i < adapter->target_count; i++)
		names[i] = adapter->targets[i].name;
	words = cli_near_names(d->wish.target, names, adapter->target_count);
	return iw_err_set(err, IW_EINVAL,
		"adapter '%s' has no target '%.60s'; %s/adapter.json has %s",
		adapter->name, d->wish.target, adapter->dir, words);
}

static int load_adapter(struct diff *d, struct iw_err *err)
{
	int rc = 0;

	if (d->wish.adapter)
		d->adapter_arg = iw_strdup(d->wish.adapter);
	else
		rc = diff_farm_adapter(d, &d->adapter_arg, err);
	if (rc == 0)
		rc = adapter_load_arg(d->adapter_arg, &d->adapter, err);
	return rc < 0 ? rc : check_target(d, err);
}

static int stop_walking(void *ctx, const char *name)
{
	(void)ctx;
	(void)name;
	return 1;
}

/* What is in a folder already may be a farm's: nothing of the change may get there. */
static int make_folder(struct diff *d, struct iw_err *err)
{
	const char *keep = d->wish.keep;

	if (!keep) {
		d->dir = iw_dir_make_temp("ironworks-diff", err);
		return d->dir ? 0 : err->code;
	}
	if (iw_file_exists(keep) && iw_dir_each(keep, stop_walking, NULL, err) != 0)
		return iw_err_set(err, IW_EINVAL,
			"'%s' holds something already; --keep wants a folder that is new "
			"or empty",
			keep);
	d->dir = iw_strdup(keep);
	d->stays = true;
	return 0;
}

/* -- the source --------------------------------------------------------------------- */

/* What a farm has fetched already need not come from far away again: its copy is copied,
 * and then only what is new is fetched. Git does not read what another user owns; then
 * all of it comes from there. */
static int copy_farms(const struct diff *d, struct cli_local *local, const char *repo,
	struct iw_err *err)
{
	struct adapter near = *d->adapter;
	struct iw_err why = IW_ERR_INIT;
	_auto_free_ char *copy = NULL;
	int rc;

	if (!d->farm.dir || !near.source.git)
		return 0;
	copy = iw_path_join(d->farm.sources, near.name);
	if (!iw_file_exists(copy))
		return 0;
	near.source.git = copy;
	rc = cli_fetch(local, &near, repo, &why);
	return rc == IW_ECANCELED ? iw_err_copy(err, &why) : 0;
}

static int bring_source(const struct diff *d, const struct iw_state *own,
	const char *repo, struct iw_err *err)
{
	struct cli_local local;
	/* With the sandbox, which is tried here, before anything takes long. */
	int rc = cli_local_open_bare(&local, own->jobs, false, err);

	fprintf(stderr, "fetching the source of %s\n", d->adapter->name);
	if (rc == 0)
		rc = copy_farms(d, &local, repo, err);
	if (rc == 0)
		rc = cli_fetch(&local, d->adapter, repo, err);
	cli_local_close(&local);
	return rc < 0 ? iw_err_wrap(err, "adapter '%s'", d->adapter->name) : 0;
}

static int find_change(struct diff *d, struct iw_git_repo *repo, struct iw_err *err)
{
	struct change_wish wish = {
		.pr = d->wish.pr, .from = d->wish.from, .to = d->wish.to};
	int rc = change_find(repo, &d->adapter->source, &wish, &d->change, err);

	return rc < 0 ? iw_err_wrap(err, "adapter '%s'", d->adapter->name) : 0;
}

static int fill(struct diff *d, struct iw_state *own, struct iw_err *err)
{
	_auto_(iw_git_closep) struct iw_git_repo *repo = NULL;
	_auto_free_ char *path = iw_path_join(own->sources, d->adapter->name);
	int rc = bring_source(d, own, path, err);

	if (rc == 0)
		rc = iw_git_open(&repo, path, err);
	if (rc == 0)
		rc = find_change(d, repo, err);
	return rc == 0 && d->farm.dir ? diff_farm_take(d, repo, own, err) : rc;
}

int diff_prepare(struct diff *d, struct iw_err *err)
{
	struct iw_state own;
	int rc = diff_farm_open(d, err);

	if (rc == 0)
		rc = load_adapter(d, err);
	if (rc == 0)
		rc = make_folder(d, err);
	if (rc == 0)
		rc = iw_state_open(&own, d->dir, IW_STATE_WRITE, err);
	if (rc < 0)
		return rc;
	free(d->dir);
	d->dir = iw_strdup(own.dir);
	rc = fill(d, &own, err);
	iw_state_close(&own);
	return rc;
}
