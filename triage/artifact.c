#include "triage/artifact.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

#include "base/banned.h"

char *triage_artifact_path(const char *dir, const struct iw_sha256 *hash)
{
	char hex[IW_SHA256_HEX];

	iw_sha256_hex(hash, hex);
	return iw_fmt("%s/%.2s/%s", dir, hex, hex + 2);
}

/* Whole: a damaged one is written again. */
static bool is_there(
	const char *dir, const char *path, const struct iw_sha256 *hash, size_t len)
{
	_auto_free_ char *there = NULL;
	size_t there_len;

	return iw_file_size(path) == (int64_t)len &&
		triage_artifact_get(dir, hash, &there, &there_len, NULL) == 0;
}

/* Its path, NULL when it is there already; its folder exists then. The caller frees. */
static int prepare(const char *dir, const void *data, size_t len, struct iw_sha256 *hash,
	char **path, struct iw_err *err)
{
	_auto_free_ char *folder = NULL;

	*hash = iw_sha256(data, len);
	*path = triage_artifact_path(dir, hash);
	if (is_there(dir, *path, hash, len)) {
		free(iw_steal(path));
		return 0;
	}
	folder = iw_strndup(*path, (size_t)(strrchr(*path, '/') - *path));
	return iw_dir_make(folder, err);
}

int triage_artifact_put(const char *dir, const void *data, size_t len,
	struct iw_sha256 *hash, struct iw_err *err)
{
	_auto_free_ char *path = NULL;
	int rc = prepare(dir, data, len, hash, &path, err);

	if (rc < 0 || !path)
		return rc;
	rc = iw_file_replace(path, data, len, err);
	return rc < 0 ? rc : iw_dir_sync(dir, err);
}

int triage_artifact_put_one_of_many(const char *dir, const void *data, size_t len,
	struct iw_sha256 *hash, struct iw_err *err)
{
	_auto_free_ char *path = NULL;
	int rc = prepare(dir, data, len, hash, &path, err);

	return rc < 0 || !path ? rc : iw_file_write(path, data, len, 0644, err);
}

int triage_artifact_sync_many(const char *dir, struct iw_err *err)
{
	_auto_close_ int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0 && syncfs(fd) == 0)
		return 0;
	return iw_err_errno(err, errno, "cannot write '%s' to the disk", dir);
}

int triage_artifact_get(const char *dir, const struct iw_sha256 *hash, char **data,
	size_t *len, struct iw_err *err)
{
	_auto_free_ char *path = triage_artifact_path(dir, hash);
	struct iw_sha256 found;
	int rc = iw_file_read(path, TRIAGE_ARTIFACT_MAX, data, len, err);

	if (rc < 0)
		return rc;
	found = iw_sha256(*data, *len);
	if (iw_sha256_equal(&found, hash))
		return 0;
	iw_freep(data);
	*data = NULL;
	return iw_err_set(err, IW_EIO,
		"artifact '%s' is damaged: its content does not "
		"match its name",
		path);
}
