#include "base/git.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/git_repo.h"
#include "base/mem.h"

#include "base/banned.h"

/* More first-parent commits than any staging branch will see; a bound for hostile ones.
 */
#define LOG_MAX 100000
/* Of all parents, to tell which of those are new. */
#define RANGE_MAX 1000000
/* A pull request's description fits ten times. */
#define MESSAGE_MAX ((size_t)64 << 10)

int iw_git_fail(struct iw_err *err, int code, const char *fmt, ...)
{
	const git_error *last = git_error_last();
	char what[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);
	return iw_err_set(err, code == GIT_ENOTFOUND ? IW_ENOENT : IW_EIO, "%s: %s", what,
		last && last->message ? last->message : "git gave no reason");
}

int iw_git_oid(git_oid *oid, const char *id, struct iw_err *err)
{
	if (strlen(id) != IW_GIT_HEX - 1 ||
		strspn(id, "0123456789abcdef") != IW_GIT_HEX - 1 ||
		git_oid_fromstr(oid, id) < 0)
		return iw_err_set(
			err, IW_EINVAL, "'%.60s' is no git id of 40 hex digits", id);
	return 0;
}

static void to_hex(const git_oid *oid, char hex[static IW_GIT_HEX])
{
	git_oid_tostr(hex, IW_GIT_HEX, oid);
}

int iw_git_open(struct iw_git_repo **out, const char *path, struct iw_err *err)
{
	struct iw_git_repo *repo = iw_calloc(1, sizeof *repo);
	int rc;

	/* Counted, so each open has its close and nobody needs to know of an init. */
	git_libgit2_init();
	repo->path = iw_strdup(path);
	/* Without NO_SEARCH a missing repository would be looked for in the folders
	 * above, and found: our state may lie in somebody's checkout. */
	rc = git_repository_open_ext(
		&repo->git, path, GIT_REPOSITORY_OPEN_NO_SEARCH, NULL);
	if (rc < 0) {
		rc = iw_git_fail(err, rc, "cannot open git repository '%s'", path);
		iw_git_close(repo);
		return rc;
	}
	*out = repo;
	return 0;
}

void iw_git_close(struct iw_git_repo *repo)
{
	if (!repo)
		return;
	git_repository_free(repo->git);
	free(repo->path);
	free(repo);
	git_libgit2_shutdown();
}

void iw_git_closep(struct iw_git_repo **repo)
{
	iw_git_close(*repo);
}

static int lookup_commit(
	struct iw_git_repo *repo, const char *id, git_commit **out, struct iw_err *err)
{
	git_oid oid;
	int rc = iw_git_oid(&oid, id, err);

	if (rc < 0)
		return rc;
	rc = git_commit_lookup(out, repo->git, &oid);
	return rc < 0 ? iw_git_fail(err, rc, "cannot read commit %s", id) : 0;
}

int iw_git_lookup_tree(
	struct iw_git_repo *repo, const char *id, git_tree **out, struct iw_err *err)
{
	git_oid oid;
	int rc = iw_git_oid(&oid, id, err);

	if (rc < 0)
		return rc;
	rc = git_tree_lookup(out, repo->git, &oid);
	return rc < 0 ? iw_git_fail(err, rc, "cannot read tree %s", id) : 0;
}

/* A branch of this name, by its full reference; GIT_ENOTFOUND when there is none. */
static int find_branch(
	struct iw_git_repo *repo, const char *prefix, const char *name, git_object **out)
{
	_auto_(git_reference_freep) git_reference *ref = NULL;
	_auto_free_ char *full = iw_fmt("%s%s", prefix, name);
	int rc = git_reference_lookup(&ref, repo->git, full);

	return rc < 0 ? rc : git_reference_peel(out, ref, GIT_OBJECT_COMMIT);
}

static int find_revision(struct iw_git_repo *repo, const char *name, git_object **out)
{
	_auto_(git_object_freep) git_object *any = NULL;
	git_oid oid;
	int rc;

	/* A branch may be called like an id; an id never means a branch. */
	if (iw_git_oid(&oid, name, NULL) == 0)
		return git_object_lookup(out, repo->git, &oid, GIT_OBJECT_COMMIT);
	rc = find_branch(repo, "refs/heads/", name, out);
	if (rc < 0)
		rc = find_branch(repo, "refs/remotes/origin/", name, out);
	if (rc < 0)
		rc = git_revparse_single(&any, repo->git, name);
	if (rc == 0 && any)
		rc = git_object_peel(out, any, GIT_OBJECT_COMMIT);
	return rc;
}

int iw_git_resolve(struct iw_git_repo *repo, const char *name,
	char commit[static IW_GIT_HEX], struct iw_err *err)
{
	_auto_(git_object_freep) git_object *found = NULL;
	int rc = find_revision(repo, name, &found);

	if (rc == GIT_ENOTFOUND || rc == GIT_EINVALIDSPEC || rc == GIT_EAMBIGUOUS ||
		rc == GIT_EPEEL)
		return iw_err_set(err, IW_ENOENT,
			"no branch, tag or commit '%s' in git repository '%s'", name,
			repo->path);
	if (rc < 0)
		return iw_git_fail(
			err, rc, "cannot look up '%s' in '%s'", name, repo->path);
	to_hex(git_object_id(found), commit);
	return 0;
}

static void fill_commit(const git_commit *commit, struct iw_git_commit *out)
{
	const char *message = git_commit_message(commit);
	size_t i;

	to_hex(git_commit_id(commit), out->id);
	to_hex(git_commit_tree_id(commit), out->tree);
	out->time_ms = (int64_t)git_commit_time(commit) * 1000;
	out->message = iw_strndup(
		message ? message : "", message ? strnlen(message, MESSAGE_MAX) : 0);
	out->title = iw_strndup(out->message, strcspn(out->message, "\r\n"));
	out->parent_count = git_commit_parentcount(commit);
	out->parents = iw_calloc(out->parent_count + 1, sizeof *out->parents);
	for (i = 0; i < out->parent_count; i++)
		to_hex(git_commit_parent_id(commit, (unsigned)i), out->parents[i]);
}

int iw_git_commit_read(struct iw_git_repo *repo, const char *id,
	struct iw_git_commit *out, struct iw_err *err)
{
	_auto_(git_commit_freep) git_commit *commit = NULL;
	int rc;

	*out = (struct iw_git_commit){0};
	rc = lookup_commit(repo, id, &commit, err);
	if (rc == 0)
		fill_commit(commit, out);
	return rc;
}

void iw_git_commit_fini(struct iw_git_commit *commit)
{
	free(commit->title);
	free(commit->message);
	free(commit->parents);
	*commit = (struct iw_git_commit){0};
}

int iw_git_tree(struct iw_git_repo *repo, const char *id, char tree[static IW_GIT_HEX],
	struct iw_err *err)
{
	_auto_(git_commit_freep) git_commit *commit = NULL;
	int rc = lookup_commit(repo, id, &commit, err);

	if (rc == 0)
		to_hex(git_commit_tree_id(commit), tree);
	return rc;
}

static int by_id(const void *a, const void *b)
{
	return git_oid_cmp(a, b);
}

/* The commits in tip but not in base, sorted by id. libgit2's own first-parent walk does
 * not promise what it hides, and asking per commit whether base contains it walks the
 * history each time; one set answers all. */
static int list_range(struct iw_git_repo *repo, const git_oid *base, const git_oid *tip,
	git_oid **out, size_t *count, struct iw_err *err)
{
	_auto_(git_revwalk_freep) git_revwalk *walk = NULL;
	_auto_free_ git_oid *ids = NULL;
	size_t n = 0, cap = 0;
	git_oid id;
	int rc;

	rc = git_revwalk_new(&walk, repo->git);
	if (rc == 0)
		rc = git_revwalk_push(walk, tip);
	if (rc == 0)
		rc = git_revwalk_hide(walk, base);
	while (rc == 0 && (rc = git_revwalk_next(&id, walk)) == 0) {
		if (n == RANGE_MAX)
			return iw_err_set(err, IW_EINVAL,
				"more than %d commits above the base", RANGE_MAX);
		iw_grow(ids, n, cap);
		ids[n++] = id;
	}
	if (rc != GIT_ITEROVER)
		return iw_git_fail(err, rc, "cannot walk the history");
	if (n)
		qsort(ids, n, sizeof *ids, by_id);
	*out = iw_steal(&ids);
	*count = n;
	return 0;
}

static void reverse(struct iw_git_log *log)
{
	size_t i;

	for (i = 0; i < log->count / 2; i++) {
		struct iw_git_commit kept = log->commits[i];

		log->commits[i] = log->commits[log->count - 1 - i];
		log->commits[log->count - 1 - i] = kept;
	}
}

/* How far a first-parent line is followed. */
struct line {
	const git_oid
		*set; /* for as long as its commits are among these, sorted; NULL: */
	size_t count; /* to the root */
	bool has_set;
	size_t max; /* so many are enough; 0: more than LOG_MAX are an error */
};

static bool is_in(const struct line *line, const git_oid *at)
{
	return !line->has_set ||
		(line->count && bsearch(at, line->set, line->count, sizeof *at, by_id));
}

/* The newest first. */
static int follow(struct iw_git_repo *repo, git_oid at, const struct line *line,
	struct iw_git_log *log, struct iw_err *err)
{
	size_t cap = 0;

	while (is_in(line, &at) && (!line->max || log->count < line->max)) {
		_auto_(git_commit_freep) git_commit *commit = NULL;
		int rc;

		if (log->count == LOG_MAX)
			return iw_err_set(
				err, IW_EINVAL, "more than %d commits", LOG_MAX);
		rc = git_commit_lookup(&commit, repo->git, &at);
		if (rc == GIT_ENOTFOUND && line->max && log->count)
			return 0;
		if (rc < 0)
			return iw_git_fail(err, rc, "cannot read the history");
		iw_grow(log->commits, log->count, cap);
		log->commits[log->count] = (struct iw_git_commit){0};
		fill_commit(commit, &log->commits[log->count++]);
		if (git_commit_parentcount(commit) == 0)
			return 0;
		at = *git_commit_parent_id(commit, 0);
	}
	return 0;
}

static int read_line(struct iw_git_repo *repo, const git_oid *tip,
	const struct line *line, struct iw_git_log *out, struct iw_err *err)
{
	int rc = follow(repo, *tip, line, out, err);

	if (rc < 0)
		iw_git_log_fini(out);
	else
		reverse(out);
	return rc;
}

int iw_git_log_read(struct iw_git_repo *repo, const char *base, const char *tip,
	struct iw_git_log *out, struct iw_err *err)
{
	_auto_free_ git_oid *set = NULL;
	git_oid base_id, tip_id;
	size_t count = 0;
	int rc;

	*out = (struct iw_git_log){0};
	rc = iw_git_oid(&tip_id, tip, err);
	if (rc == 0 && base)
		rc = iw_git_oid(&base_id, base, err);
	if (rc == 0 && base)
		rc = list_range(repo, &base_id, &tip_id, &set, &count, err);
	if (rc < 0)
		return rc;
	return read_line(repo, &tip_id,
		&(struct line){.set = set, .count = count, .has_set = base != NULL}, out,
		err);
}

int iw_git_log_recent(struct iw_git_repo *repo, const char *tip, size_t max,
	struct iw_git_log *out, struct iw_err *err)
{
	git_oid tip_id;
	int rc;

	*out = (struct iw_git_log){0};
	rc = iw_git_oid(&tip_id, tip, err);
	return rc < 0 ? rc
		      : read_line(repo, &tip_id, &(struct line){.max = max}, out, err);
}

void iw_git_log_fini(struct iw_git_log *log)
{
	size_t i;

	for (i = 0; i < log->count; i++)
		iw_git_commit_fini(&log->commits[i]);
	free(log->commits);
	*log = (struct iw_git_log){0};
}
