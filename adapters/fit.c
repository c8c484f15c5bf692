#include "adapters/fit.h"

#include <stdlib.h>
#include <string.h>

#include "adapters/target_files.h"
#include "adapters/target_run.h"
#include "base/file.h"
#include "base/mem.h"

#include "base/banned.h"

/* -- branches ----------------------------------------------------------------------- */

/* Whether the oldest staged commit was put on the base itself, and not on something that
 * was merged with it later. */
static bool is_on_line(struct iw_git_repo *repo, const struct staging_snapshot *snapshot)
{
	struct iw_git_commit oldest;
	struct iw_err err;
	bool is;

	if (iw_git_commit_read(repo, snapshot->prs[0].merge, &oldest, &err) < 0)
		return true;
	is = oldest.parent_count > 0 &&
		strcmp(oldest.parents[0], snapshot->base_commit) == 0;
	iw_git_commit_fini(&oldest);
	return is;
}

char *fit_branches(struct iw_git_repo *repo, const struct adapter_source *source,
	const struct staging_snapshot *snapshot)
{
	char base[IW_GIT_HEX];
	struct iw_err err;

	if (!source->base || iw_git_resolve(repo, source->base, base, &err) < 0)
		return NULL;
	if (snapshot->count == 0 && strcmp(base, snapshot->commit) != 0)
		return iw_fmt("nothing is staged, because the base '%s' has all of the "
			      "branch '%s' and more: if it should not, 'branch' and "
			      "'base' in adapter.json are the wrong way round",
			source->base, source->branch);
	if (snapshot->count > 0 && !is_on_line(repo, snapshot))
		return iw_fmt("the base '%s' was merged into the branch '%s' and is not "
			      "on its first-parent line, so what is older may count as "
			      "staged: is 'base' in adapter.json the branch that it is "
			      "staged on?",
			source->base, source->branch);
	return NULL;
}

/* -- files -------------------------------------------------------------------------- */

static bool has_file(struct iw_git_repo *repo, const char *tree, const char *path)
{
	/* One that is larger counts as missing: nobody wrote it. */
	const size_t max = (size_t)64 << 20;
	_auto_free_ char *data = NULL;
	struct iw_err err;
	size_t len;

	return iw_git_file_read(repo, tree, path, max, &data, &len, &err) == 0;
}

/* The index of a pattern that does not hold for the target; -1: there is none. Of those
 * that differ from target to target one is enough: a.c here, a.cc there. */
static int find_missing(struct iw_git_repo *repo, const char *tree,
	const struct adapter *adapter, const struct target_files *files)
{
	int missing = -1;
	bool has_own = false;
	size_t i;

	for (i = 0; i < files->count; i++) {
		bool is_there = has_file(repo, tree, files->paths[i]);

		if (!strchr(adapter->target_files[i], '$')) {
			if (!is_there)
				return (int)i;
		} else if (is_there) {
			has_own = true;
		} else if (missing < 0) {
			missing = (int)i;
		}
	}
	return has_own ? -1 : missing;
}

struct look {
	struct iw_git_repo *repo;
	const char *tree;
	const struct adapter *adapter;
	const char *dir;
	/* Of the first that lacks one. */
	char *pattern, *path, *name;
	size_t missing; /* targets */
};

static void look_at(struct look *l, const struct adapter_target *target)
{
	struct target_files files;
	int at;

	target_files_init(&files, l->adapter, target);
	at = find_missing(l->repo, l->tree, l->adapter, &files);
	if (at >= 0 && l->missing++ == 0) {
		l->pattern = iw_strdup(l->adapter->target_files[at]);
		l->path = iw_strdup(files.paths[at]);
		l->name = iw_strdup(target->name);
	}
	target_files_fini(&files);
}

static int look_at_discovered(void *ctx, const char *name)
{
	struct look *l = ctx;
	struct adapter_target target = {.name = name, .binary = name};

	if (target_is_discovered(l->adapter, l->dir, name))
		look_at(l, &target);
	return 0;
}

static bool is_built(const char *dir, const struct adapter_target *target)
{
	_auto_free_ char *path = iw_path_join(dir, target->binary);

	return iw_file_exists(path);
}

static char *sentence(const struct look *l)
{
	_auto_free_ char *more = NULL;

	if (!l->missing)
		return NULL;
	more = l->missing > 1 ? iw_fmt(" (and %zu more)", l->missing - 1) : iw_strdup("");
	return iw_fmt("target_files: the source has no '%s', which '%s' means for target "
		      "%s%s, so bugs cannot be looked for in older trees that lack the "
		      "target: name its file in adapter.json",
		l->path, l->pattern, l->name, more);
}

char *fit_files(struct iw_git_repo *repo, const char *tree, const struct adapter *adapter,
	const char *dir)
{
	struct look l = {.repo = repo, .tree = tree, .adapter = adapter, .dir = dir};
	char *text;
	size_t i;

	if (!*adapter->target_files)
		return NULL;
	for (i = 0; i < adapter->target_count; i++)
		if (!dir || is_built(dir, &adapter->targets[i]))
			look_at(&l, &adapter->targets[i]);
	if (dir && adapter->discover)
		iw_dir_each(dir, look_at_discovered, &l, NULL);
	text = sentence(&l);
	free(l.pattern);
	free(l.path);
	free(l.name);
	return text;
}
