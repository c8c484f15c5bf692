#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/mem.h"

#include "base/banned.h"

static int read_from(int fd, const char *path, off_t from, size_t max, char **data,
	size_t *len, struct iw_err *err)
{
	_auto_free_ char *buf = NULL;
	size_t used = 0, cap = 0;
	struct stat st;

	if (fstat(fd, &st) == 0 && st.st_size > from)
		cap = (size_t)(st.st_size - from);
	if (cap > max)
		return iw_err_set(err, IW_EINVAL,
			"'%s' has %zu bytes, more than the %zu allowed", path, cap, max);
	/* One byte more than expected tells the end of the file without a second read.
	 * Files of /proc claim to be empty, and some of them can be read only in one
	 * piece. */
	cap = cap < 4096 ? 4096 : cap + 1;
	buf = iw_malloc(cap + 1);
	for (;;) {
		ssize_t n = pread(fd, buf + used, cap - used, from + (off_t)used);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return iw_err_errno(err, errno, "cannot read '%s'", path);
		if (n == 0)
			break;
		used += (size_t)n;
		if (used > max)
			return iw_err_set(err, IW_EINVAL,
				"'%s' has more than the %zu bytes allowed", path, max);
		if (used == cap) {
			cap *= 2;
			buf = iw_realloc(buf, cap + 1);
		}
	}
	buf[used] = '\0';
	*data = iw_steal(&buf);
	*len = used;
	return 0;
}

int iw_file_read(
	const char *path, size_t max, char **data, size_t *len, struct iw_err *err)
{
	_auto_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return iw_err_errno(err, errno, "cannot open '%s'", path);
	return read_from(fd, path, 0, max, data, len, err);
}

int iw_file_read_foreign_at(int dirfd, const char *name, size_t max, char **data,
	size_t *len, struct iw_err *err)
{
	_auto_close_ int fd = openat(
		dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0 && errno == ELOOP)
		return iw_err_set(err, IW_EINVAL, "'%s' is a link", name);
	if (fd < 0 && (errno == EACCES || errno == EPERM || errno == ENXIO))
		return iw_err_set(err, IW_EINVAL, "'%s' may not be read", name);
	if (fd < 0 || fstat(fd, &st) < 0)
		return iw_err_errno(err, errno, "cannot open '%s'", name);
	if (!S_ISREG(st.st_mode))
		return iw_err_set(err, IW_EINVAL, "'%s' is no regular file", name);
	return read_from(fd, name, 0, max, data, len, err);
}

int iw_file_read_foreign(
	const char *path, size_t max, char **data, size_t *len, struct iw_err *err)
{
	return iw_file_read_foreign_at(AT_FDCWD, path, max, data, len, err);
}

int iw_file_read_tail(
	const char *path, size_t max, char **data, size_t *len, struct iw_err *err)
{
	_auto_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	off_t from = 0;

	if (fd < 0 || fstat(fd, &st) < 0)
		return iw_err_errno(err, errno, "cannot open '%s'", path);
	if ((size_t)st.st_size > max)
		from = st.st_size - (off_t)max;
	/* The file may grow between the two calls: twice the room forgives that. */
	return read_from(fd, path, from, 2 * max, data, len, err);
}

int iw_file_write_all(
	int fd, const void *data, size_t len, const char *path, struct iw_err *err)
{
	const char *p = data;

	while (len > 0) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return iw_err_errno(err, errno, "cannot write '%s'", path);
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

int iw_file_write(
	const char *path, const void *data, size_t len, mode_t mode, struct iw_err *err)
{
	_auto_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);

	if (fd < 0)
		return iw_err_errno(err, errno, "cannot create '%s'", path);
	return iw_file_write_all(fd, data, len, path, err);
}

int iw_dir_sync(const char *path, struct iw_err *err)
{
	_auto_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fsync(fd) < 0)
		return iw_err_errno(err, errno, "cannot sync folder '%s'", path);
	return 0;
}

static int write_synced(
	const char *path, const void *data, size_t len, struct iw_err *err)
{
	_auto_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	int rc;

	if (fd < 0)
		return iw_err_errno(err, errno, "cannot create '%s'", path);
	rc = iw_file_write_all(fd, data, len, path, err);
	if (rc == 0 && fsync(fd) < 0)
		rc = iw_err_errno(err, errno, "cannot sync '%s'", path);
	return rc;
}

int iw_file_replace(const char *path, const void *data, size_t len, struct iw_err *err)
{
	/* Two threads may replace one file at once: each has a temporary of its own. */
	static atomic_uint count;
	_auto_free_ char *tmp = iw_fmt(
		"%s.tmp.%ld.%u", path, (long)getpid(), atomic_fetch_add(&count, 1));
	_auto_free_ char *dir = NULL;
	const char *slash = strrchr(path, '/');
	int rc;

	rc = write_synced(tmp, data, len, err);
	if (rc == 0 && rename(tmp, path) < 0)
		rc = iw_err_errno(err, errno, "cannot rename '%s' to '%s'", tmp, path);
	if (rc < 0) {
		unlink(tmp);
		return rc;
	}
	dir = slash ? iw_strndup(path, slash == path ? 1 : (size_t)(slash - path))
		    : iw_strdup(".");
	return iw_dir_sync(dir, err);
}

bool iw_file_exists(const char *path)
{
	return access(path, F_OK) == 0;
}

int64_t iw_file_size(const char *path)
{
	struct stat st;

	return stat(path, &st) < 0 ? -1 : st.st_size;
}

int iw_dir_make(const char *path, struct iw_err *err)
{
	_auto_free_ char *copy = iw_strdup(path);
	struct stat st;
	char *p;

	for (p = copy + 1; *copy; p++) {
		char kept = *p;

		if (kept != '/' && kept != '\0')
			continue;
		*p = '\0';
		if (mkdir(copy, 0755) < 0 && errno != EEXIST)
			return iw_err_errno(err, errno, "cannot make folder '%s'", copy);
		*p = kept;
		if (kept == '\0')
			break;
	}
	if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode))
		return iw_err_set(err, IW_EEXIST, "'%s' exists and is no folder", path);
	return 0;
}

/*
 * Removing: a job may leave folders that it made unreadable, and trees deeper than any
 * path can say. So this goes by descriptors, mends modes on its way, and moves what lies
 * too deep up to the top of the tree, where its turn comes: descriptors and stack stay
 * bounded.
 */
#define REMOVE_DEPTH 24

struct removal {
	int top; /* the tree's own folder */
	unsigned moved;
};

/* A folder that we may read and empty; its descriptor. */
static int open_to_empty(int dir, const char *name)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(dir, name, flags);

	if (fd < 0 && errno == EACCES && fchmodat(dir, name, 0700, 0) == 0)
		fd = openat(dir, name, flags);
	/* When it is not ours to change, emptying it will tell. */
	if (fd >= 0)
		(void)fchmod(fd, 0700);
	return fd;
}

static int move_up(struct removal *r, int dir, const char *name)
{
	char up[32];

	for (;;) {
		snprintf(up, sizeof up, "ironworks-%u", r->moved++);
		if (renameat2(dir, name, r->top, up, RENAME_NOREPLACE) == 0)
			return 0;
		if (errno != EEXIST)
			return -1;
	}
}

static int empty_folder(struct removal *r, int fd, int depth);

/* Takes away one entry; -1 with errno. */
static int remove_entry(struct removal *r, int dir, const char *name, int depth)
{
	int fd, kept;

	if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return -1;
	fd = open_to_empty(dir, name);
	if (fd < 0)
		return -1;
	if (depth < REMOVE_DEPTH)
		return empty_folder(r, fd, depth) < 0 ? -1
						      : unlinkat(dir, name, AT_REMOVEDIR);
	kept = move_up(r, dir, name);
	close(fd);
	return kept;
}

/* Takes fd. Again and again until a pass finds nothing: entries may come up from below.
 */
static int empty_folder(struct removal *r, int fd, int depth)
{
	DIR *list = fdopendir(fd);
	const struct dirent *entry;
	int found, rc = 0, kept;

	if (!list) {
		close(fd);
		return -1;
	}
	do {
		rewinddir(list);
		found = 0;
		while (rc == 0 && (entry = readdir(list)) != NULL) {
			if (strcmp(entry->d_name, ".") == 0 ||
				strcmp(entry->d_name, "..") == 0)
				continue;
			found++;
			rc = remove_entry(r, dirfd(list), entry->d_name, depth + 1);
		}
	} while (rc == 0 && found > 0);
	kept = errno;
	closedir(list);
	errno = kept;
	return rc;
}

int iw_dir_open_below(const char *root, const char *below, struct iw_err *err)
{
	int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	while (fd >= 0 && *below) {
		size_t n = strcspn(below, "/");
		_auto_free_ char *part = iw_strndup(below, n);
		_auto_close_ int up = fd;

		fd = openat(up, part, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		if (fd < 0 && (errno == ENOTDIR || errno == ELOOP))
			return iw_err_set(
				err, IW_EINVAL, "'%s' in '%s' is no folder", part, root);
		below += n + (below[n] == '/');
	}
	if (fd < 0)
		return iw_err_errno(err, errno, "cannot open '%s' in '%s'", below, root);
	return fd;
}

char *iw_dir_make_temp(const char *name, struct iw_err *err)
{
	const char *tmp = getenv("TMPDIR");
	char *dir;

	if (!tmp || *tmp != '/')
		tmp = "/tmp";
	dir = iw_fmt("%s/%s-XXXXXX", tmp, name);
	if (mkdtemp(dir))
		return dir;
	iw_err_errno(err, errno, "cannot make a folder in '%s'", tmp);
	free(dir);
	return NULL;
}

int iw_dir_remove(const char *path, struct iw_err *err)
{
	struct removal r = {.moved = 0};

	if (unlink(path) == 0 || errno == ENOENT)
		return 0;
	r.top = open_to_empty(AT_FDCWD, path);
	if (r.top >= 0 && empty_folder(&r, r.top, 0) == 0 && rmdir(path) == 0)
		return 0;
	return iw_err_errno(err, errno, "cannot remove '%s'", path);
}

static int copy_file(const char *from, const char *to, mode_t mode, struct iw_err *err)
{
	_auto_close_ int in = open(from, O_RDONLY | O_CLOEXEC);
	_auto_close_ int out = -1;
	char chunk[64 << 10];

	if (in < 0)
		return iw_err_errno(err, errno, "cannot open '%s'", from);
	out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode & 0777);
	if (out < 0)
		return iw_err_errno(err, errno, "cannot create '%s'", to);
	if (ioctl(out, FICLONE, in) == 0)
		return 0;
	for (;;) {
		ssize_t n = read(in, chunk, sizeof chunk);
		int rc;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return iw_err_errno(err, errno, "cannot read '%s'", from);
		if (n == 0)
			return 0;
		rc = iw_file_write_all(out, chunk, (size_t)n, to, err);
		if (rc < 0)
			return rc;
	}
}

struct copy {
	const char *from, *to;
	struct iw_err *err;
};

static int copy_entry(void *ctx, const char *name)
{
	struct copy *c = ctx;
	_auto_free_ char *from = iw_path_join(c->from, name);
	_auto_free_ char *to = iw_path_join(c->to, name);
	struct stat st;

	if (lstat(from, &st) < 0)
		return iw_err_errno(c->err, errno, "cannot look at '%s'", from);
	if (S_ISDIR(st.st_mode))
		return iw_dir_copy(from, to, c->err);
	if (S_ISLNK(st.st_mode)) {
		char link[4096];
		ssize_t n = readlink(from, link, sizeof link - 1);

		if (n < 0)
			return iw_err_errno(c->err, errno, "cannot read link '%s'", from);
		link[n] = '\0';
		if (symlink(link, to) < 0)
			return iw_err_errno(c->err, errno, "cannot make link '%s'", to);
		return 0;
	}
	/* Sockets, pipes and devices are nobody's content. */
	return S_ISREG(st.st_mode) ? copy_file(from, to, st.st_mode, c->err) : 0;
}

int iw_dir_copy(const char *from, const char *to, struct iw_err *err)
{
	struct copy c = {.from = from, .to = to, .err = err};
	int rc = iw_dir_make(to, err);

	return rc < 0 ? rc : iw_dir_each(from, copy_entry, &c, err);
}

#define SIZE_DEPTH 128

static int64_t disk_of(const struct stat *st)
{
	return (int64_t)st->st_blocks * 512;
}

/* Takes fd. Nothing that is deeper than a job may nest folders (keeper/disk.h) counts. */
static int64_t size_below(int fd, int depth)
{
	DIR *list = fdopendir(fd);
	const struct dirent *entry;
	int64_t bytes = 0;
	struct stat st;

	if (!list) {
		close(fd);
		return 0;
	}
	while ((entry = readdir(list)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
			fstatat(dirfd(list), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		bytes += disk_of(&st);
		if (!S_ISDIR(st.st_mode) || depth == SIZE_DEPTH)
			continue;
		fd = openat(dirfd(list), entry->d_name,
			O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		bytes += fd < 0 ? 0 : size_below(fd, depth + 1);
	}
	closedir(list);
	return bytes;
}

int64_t iw_dir_size(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return 0;
	return (fstat(fd, &st) == 0 ? disk_of(&st) : 0) + size_below(fd, 0);
}

int iw_dir_each(const char *path, iw_dir_cb cb, void *ctx, struct iw_err *err)
{
	struct dirent **list;
	int i, n, rc = 0;

	n = scandir(path, &list, NULL, alphasort);
	if (n < 0)
		return iw_err_errno(err, errno, "cannot list folder '%s'", path);
	for (i = 0; i < n; i++) {
		const char *name = list[i]->d_name;

		if (rc == 0 && strcmp(name, ".") != 0 && strcmp(name, "..") != 0)
			rc = cb(ctx, name);
		free(list[i]);
	}
	free(list);
	return rc;
}

int iw_dir_each_below(const char *root, const char *below, size_t max, iw_dir_cb cb,
	void *ctx, struct iw_err *err)
{
	int rc = 0, fd = iw_dir_open_below(root, below, err);
	DIR *list = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (!list && fd >= 0) {
		rc = iw_err_errno(err, errno, "cannot list '%s' in '%s'", below, root);
		close(fd);
	}
	if (!list)
		return fd < 0 ? fd : rc;
	while (rc == 0 && max > 0 && (entry = readdir(list)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		max--;
		rc = cb(ctx, entry->d_name);
	}
	closedir(list);
	return rc;
}

char *iw_path_join(const char *dir, const char *name)
{
	return iw_fmt("%s/%s", dir, name);
}

const char *iw_path_base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

bool iw_path_ends(const char *path, const char *end)
{
	size_t len = strlen(path), n = strlen(end);

	return len >= n && strcmp(path + len - n, end) == 0;
}

int64_t iw_disk_free(const char *path)
{
	struct statvfs st;

	if (statvfs(path, &st) < 0)
		return -1;
	return (int64_t)st.f_bavail * (int64_t)st.f_frsize;
}

int64_t iw_disk_size(const char *path)
{
	struct statvfs st;

	if (statvfs(path, &st) < 0)
		return -1;
	return (int64_t)st.f_blocks * (int64_t)st.f_frsize;
}
