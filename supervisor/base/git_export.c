/*
 * The happy path: folders and files are made through descriptors, links are only noted;
 * when all files are there the links are made, and then each is followed once to see
 * where it really leads.
 *
 * The failures: the tree is a stranger's. No link exists while files are written, so
 * nothing can be written through one. A link that leaves by its own text never becomes a
 * link; one that leaves by way of another ("a/b" -> "../..", then "c" -> "a/b/..") is
 * found by following it. Counts, bytes and depth are bounded: a few small objects can
 * name each other into billions of files.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/git_repo.h"
#include "base/mem.h"

#include "base/banned.h"

#define EXPORT_ENTRIES_MAX 500000
#define EXPORT_BYTES_MAX (4LL << 30)
#define EXPORT_DEPTH_MAX 100

struct link {
	char *path; /* below the export's folder */
	char *target;
	int depth; /* folders above it */
	bool is_placed, is_bad;
};

struct export
{
	struct iw_git_repo *repo;
	git_odb *odb;
	const char *dir;
	int root; /* descriptor of dir */
	struct link *links;
	size_t link_count, link_cap;
	int64_t entries, bytes;
	struct iw_err *err;
};

static int refuse(struct export *ex, const char *path, const char *why)
{
	return iw_err_set(ex->err, IW_EINVAL, "'%s' %s", path, why);
}

/* Names that are no names, or that would turn the export into a repository. */
static int check_name(struct export *ex, const char *path, const char *name)
{
	if (!*name || strchr(name, '/') || strcmp(name, ".") == 0 ||
		strcmp(name, "..") == 0 || strcasecmp(name, ".git") == 0)
		return refuse(ex, path, "has a name that no tree may hold");
	return 0;
}

static int write_file(struct export *ex, int dirfd, const char *name, const char *path,
	const void *data, size_t len, mode_t mode)
{
	_auto_close_ int fd = openat(
		dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);

	if (fd < 0)
		return iw_err_errno(
			ex->err, errno, "cannot create '%s/%s'", ex->dir, path);
	return iw_file_write_all(fd, data, len, path, ex->err);
}

static int export_blob(struct export *ex, int dirfd, const git_tree_entry *entry,
	const char *path, int depth)
{
	_auto_(git_blob_freep) git_blob *blob = NULL;
	git_filemode_t mode = git_tree_entry_filemode(entry);
	git_object_t type;
	size_t size;
	int rc;

	/* The size first: a lookup brings all of it into memory. */
	rc = git_odb_read_header(&size, &type, ex->odb, git_tree_entry_id(entry));
	if (rc == 0 && size > (size_t)(EXPORT_BYTES_MAX - ex->bytes))
		return refuse(ex, path, "makes the tree larger than 4 GiB");
	if (rc == 0)
		rc = git_blob_lookup(&blob, ex->repo->git, git_tree_entry_id(entry));
	if (rc < 0)
		return iw_git_fail(ex->err, rc, "cannot read '%s'", path);
	ex->bytes += (int64_t)size;
	if (mode != GIT_FILEMODE_LINK)
		return write_file(ex, dirfd, git_tree_entry_name(entry), path,
			git_blob_rawcontent(blob), size,
			mode == GIT_FILEMODE_BLOB_EXECUTABLE ? 0755 : 0644);
	if (size == 0 || size >= PATH_MAX ||
		memchr(git_blob_rawcontent(blob), '\0', size))
		return refuse(ex, path, "is a link to no possible path");
	iw_grow(ex->links, ex->link_count, ex->link_cap);
	ex->links[ex->link_count++] = (struct link){
		.path = iw_strdup(path),
		.target = iw_strndup(git_blob_rawcontent(blob), size),
		.depth = depth,
	};
	return 0;
}

static int export_tree(
	struct export *ex, int dirfd, const git_oid *id, const char *prefix, int depth);

static int make_folder(struct export *ex, int dirfd, const char *name, const char *path)
{
	int fd;

	if (mkdirat(dirfd, name, 0755) < 0)
		return iw_err_errno(
			ex->err, errno, "cannot make folder '%s/%s'", ex->dir, path);
	fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return iw_err_errno(
			ex->err, errno, "cannot open folder '%s/%s'", ex->dir, path);
	return fd;
}

static int export_entry(struct export *ex, int dirfd, const git_tree_entry *entry,
	const char *prefix, int depth)
{
	const char *name = git_tree_entry_name(entry);
	_auto_free_ char *path = iw_fmt("%s%s", prefix, name);
	_auto_free_ char *below = NULL;
	_auto_close_ int fd = -1;
	int rc = check_name(ex, path, name);

	if (rc < 0)
		return rc;
	if (++ex->entries > EXPORT_ENTRIES_MAX)
		return refuse(ex, path, "is one of more than 500,000 files in the tree");
	switch (git_tree_entry_type(entry)) {
	case GIT_OBJECT_BLOB:
		return export_blob(ex, dirfd, entry, path, depth);
	case GIT_OBJECT_TREE:
	case GIT_OBJECT_COMMIT: /* a submodule */
		break;
	default:
		return refuse(ex, path, "is neither file nor folder");
	}
	fd = make_folder(ex, dirfd, name, path);
	if (fd < 0 || git_tree_entry_type(entry) == GIT_OBJECT_COMMIT)
		return fd < 0 ? fd : 0;
	below = iw_fmt("%s/", path);
	return export_tree(ex, fd, git_tree_entry_id(entry), below, depth + 1);
}

static int export_tree(
	struct export *ex, int dirfd, const git_oid *id, const char *prefix, int depth)
{
	_auto_(git_tree_freep) git_tree *tree = NULL;
	size_t i, n;
	int rc;

	if (depth > EXPORT_DEPTH_MAX)
		return refuse(ex, prefix, "lies deeper than 100 folders");
	rc = git_tree_lookup(&tree, ex->repo->git, id);
	if (rc < 0)
		return iw_git_fail(ex->err, rc, "cannot read folder '%s'", prefix);
	n = git_tree_entrycount(tree);
	for (i = 0; i < n; i++) {
		rc = export_entry(
			ex, dirfd, git_tree_entry_byindex(tree, i), prefix, depth);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* By the text alone: an absolute target, or one that climbs above the export. */
static bool leaves_by_text(const struct link *link)
{
	const char *p = link->target;
	int depth = link->depth;

	if (*p == '/')
		return true;
	while (*p) {
		size_t len = strcspn(p, "/");

		if (len == 2 && p[0] == '.' && p[1] == '.')
			depth--;
		else if (len > 0 && !(len == 1 && p[0] == '.'))
			depth++;
		if (depth < 0)
			return true;
		p += len;
		p += *p == '/';
	}
	return false;
}

/* By following it. One that dangles leads nowhere; one that cannot be followed for
 * another reason (a loop, too long a path) is not trusted. */
static bool leaves_by_links(
	const struct export *ex, const char *root, const struct link *link)
{
	_auto_free_ char *path = iw_path_join(ex->dir, link->path);
	_auto_free_ char *real = realpath(path, NULL);
	size_t len = strlen(root);

	if (!real)
		return errno != ENOENT && errno != ENOTDIR;
	return strncmp(real, root, len) != 0 || (real[len] && real[len] != '/');
}

/* The plain file in a bad link's place. */
static int place_text(struct export *ex, const struct link *link)
{
	if (link->is_placed && unlinkat(ex->root, link->path, 0) < 0)
		return iw_err_errno(ex->err, errno, "cannot replace link '%s/%s'",
			ex->dir, link->path);
	return write_file(ex, ex->root, link->path, link->path, link->target,
		strlen(link->target), 0644);
}

static int place_links(struct export *ex)
{
	_auto_free_ char *root = realpath(ex->dir, NULL);
	size_t i, n = ex->link_count;
	int rc = 0;

	if (!root)
		return iw_err_errno(ex->err, errno, "cannot find '%s'", ex->dir);
	for (i = 0; i < n; i++) {
		struct link *link = &ex->links[i];

		link->is_bad = leaves_by_text(link);
		if (link->is_bad)
			continue;
		if (symlinkat(link->target, ex->root, link->path) < 0)
			return iw_err_errno(ex->err, errno, "cannot make link '%s/%s'",
				ex->dir, link->path);
		link->is_placed = true;
	}
	/* All are judged before any is taken away: one may leave by way of another. */
	for (i = 0; i < n; i++)
		if (ex->links[i].is_placed)
			ex->links[i].is_bad = leaves_by_links(ex, root, &ex->links[i]);
	for (i = 0; rc == 0 && i < n; i++)
		if (ex->links[i].is_bad)
			rc = place_text(ex, &ex->links[i]);
	return rc;
}

static int refuse_entry(void *ctx, const char *name)
{
	(void)ctx;
	(void)name;
	return 1;
}

static int open_empty(const char *dir, struct iw_err *err)
{
	int fd, rc = iw_dir_make(dir, err);

	if (rc == 0)
		rc = iw_dir_each(dir, refuse_entry, NULL, err);
	if (rc > 0)
		return iw_err_set(err, IW_EEXIST, "folder '%s' is not empty", dir);
	if (rc < 0)
		return rc;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? iw_err_errno(err, errno, "cannot open folder '%s'", dir) : fd;
}

int iw_git_export(
	struct iw_git_repo *repo, const char *tree, const char *dir, struct iw_err *err)
{
	struct export ex = {.repo = repo, .dir = dir, .err = err};
	_auto_close_ int root = -1;
	git_oid id;
	size_t i;
	int rc = iw_git_oid(&id, tree, err);

	if (rc == 0) {
		rc = git_repository_odb(&ex.odb, repo->git);
		if (rc < 0)
			rc = iw_git_fail(err, rc, "cannot open the object database");
	}
	if (rc == 0) {
		root = ex.root = open_empty(dir, err);
		rc = root < 0 ? root : export_tree(&ex, root, &id, "", 0);
	}
	if (rc == 0)
		rc = place_links(&ex);
	for (i = 0; i < ex.link_count; i++) {
		free(ex.links[i].path);
		free(ex.links[i].target);
	}
	free(ex.links);
	git_odb_free(ex.odb);
	return rc;
}
