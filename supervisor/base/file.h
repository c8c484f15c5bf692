/*
 * Files: whole reads with a bound, atomic and durable replacement, trees.
 *
 * Everything blocks; on the loop only small files may go through here (workers and the
 * database thread may do what they like). Paths are borrowed, results belong to the
 * caller. Every descriptor is close-on-exec. Errors name the path.
 */
#ifndef IW_BASE_FILE_H
#define IW_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

/* Reads a whole file of at most max bytes (IW_EINVAL when larger). *data gets a NUL
 * behind its length. */
int iw_file_read(
	const char *path, size_t max, char **data, size_t *len, struct iw_err *err);

/* The same for a file that a job may have put there: follows no link (it could lead to a
 * file of ours), and waits for no pipe. IW_EINVAL when it is no regular file, or one that
 * may not be read. */
int iw_file_read_foreign(
	const char *path, size_t max, char **data, size_t *len, struct iw_err *err);
/* The same for a file of an open folder; name has no slash. */
int iw_file_read_foreign_at(int dirfd, const char *name, size_t max, char **data,
	size_t *len, struct iw_err *err);

/* The last max bytes of a file, or all of it. */
int iw_file_read_tail(
	const char *path, size_t max, char **data, size_t *len, struct iw_err *err);

/* Writes a temporary file beside path, fsyncs it, renames it over path and fsyncs the
 * folder: after a crash path is the old or the new file, whole. */
int iw_file_replace(const char *path, const void *data, size_t len, struct iw_err *err);

/* Writes a new or truncated file without syncing: for work that can be made again. */
int iw_file_write(
	const char *path, const void *data, size_t len, mode_t mode, struct iw_err *err);

/* All of len, or an error that names path. */
int iw_file_write_all(
	int fd, const void *data, size_t len, const char *path, struct iw_err *err);

bool iw_file_exists(const char *path);
int64_t iw_file_size(const char *path); /* -1 when there is none */

/* Makes path and what is missing above it. */
int iw_dir_make(const char *path, struct iw_err *err);
/* A new one that only this user may enter, in $TMPDIR or /tmp: "name-" and six letters.
 * The caller removes it and frees the path; NULL on error. */
char *iw_dir_make_temp(const char *name, struct iw_err *err);
int iw_dir_sync(const char *path, struct iw_err *err);
/* Removes a tree; links are removed, not followed; nothing there is fine. */
int iw_dir_remove(const char *path, struct iw_err *err);
/* Copies regular files and folders of a tree, modes kept; links are copied as links.
 * Where the file system can, files share their blocks until one of them is written. */
int iw_dir_copy(const char *from, const char *to, struct iw_err *err);

/* What a tree takes of the disk, in bytes; 0 when there is none. */
int64_t iw_dir_size(const char *path);

/* Opens a folder whose path below root a job may have written: no part of it may be a
 * link, which could lead out. root itself is trusted. IW_EINVAL when it is no folder.
 * Returns the descriptor. */
int iw_dir_open_below(const char *root, const char *below, struct iw_err *err);

/* Calls cb for each entry but . and .. in name order; a non-zero return ends the walk
 * and is returned. */
typedef int (*iw_dir_cb)(void *ctx, const char *name);
int iw_dir_each(const char *path, iw_dir_cb cb, void *ctx, struct iw_err *err);
/* The same for a folder that a job may have filled, below as for iw_dir_open_below(): in
 * no order, and of a flood only the first max entries. */
int iw_dir_each_below(const char *root, const char *below, size_t max, iw_dir_cb cb,
	void *ctx, struct iw_err *err);

/* "dir/name", which the caller frees. */
char *iw_path_join(const char *dir, const char *name);
/* The part behind the last slash; borrowed. */
const char *iw_path_base(const char *path);
bool iw_path_ends(const char *path, const char *end);

/* Room left for an unprivileged writer on path's file system, in bytes; -1 unknown. */
int64_t iw_disk_free(const char *path);
/* All of that file system, likewise. */
int64_t iw_disk_size(const char *path);

#endif
