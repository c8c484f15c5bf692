#include "triage/artifact.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"

#include "base/banned.h"

char *triage_artifact_path(const char *dir, const struct iw_sha256 *hash)
{
	char hex[IW_SHA256_HEX];

	iw_sha256_hex(hash, hex);
	return iw_fmt("%s/%.2s/%s", dir, hex, hex + 2);
}

int triage_artifact_put(const char *dir, const void *data, size_t len,
	struct iw_sha256 *hash, struct iw_err *err)
{
	_auto_free_ char *path = NULL, *folder = NULL, *there = NULL;
	size_t there_len;
	int rc;

	*hash = iw_sha256(data, len);
	path = triage_artifact_path(dir, hash);
	if (iw_file_size(path) == (int64_t)len &&
		triage_artifact_get(dir, hash, &there, &there_len, NULL) == 0)
		return 0; /* whole; a damaged one is written again */
	folder = iw_strndup(path, (size_t)(strrchr(path, '/') - path));
	rc = iw_dir_make(folder, err);
	if (rc == 0)
		rc = iw_file_replace(path, data, len, err);
	if (rc == 0)
		rc = iw_dir_sync(dir, err);
	return rc;
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
