#include "adapters/build_log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "base/file.h"
#include "base/mem.h"

#include "base/banned.h"

#define LEVEL 3

char *build_log_path(const char *builds_dir, const char *closure)
{
	return iw_fmt("%s/%s.log.zst", builds_dir, closure);
}

int build_log_keep(const char *path, const char *text, size_t len, struct iw_err *err)
{
	size_t bound = ZSTD_compressBound(len);
	_auto_free_ char *packed = iw_calloc(1, bound);
	size_t n = ZSTD_compress(packed, bound, text, len, LEVEL);

	if (ZSTD_isError(n))
		return iw_err_set(err, IW_EIO, "cannot compress '%s': %s", path,
			ZSTD_getErrorName(n));
	/* A build can be made again, and its log with it: no sync. */
	return iw_file_write(path, packed, n, 0644, err);
}

int build_log_read(const char *path, char **text, size_t *len, struct iw_err *err)
{
	_auto_free_ char *packed = NULL;
	unsigned long long size;
	size_t n, packed_len;
	int rc;

	if (!iw_file_exists(path))
		return iw_err_set(err, IW_ENOENT, "there is no build log '%s'", path);
	rc = iw_file_read(path, 2 * BUILD_LOG_MAX, &packed, &packed_len, err);
	if (rc < 0)
		return rc;
	size = ZSTD_getFrameContentSize(packed, packed_len);
	if (size > BUILD_LOG_MAX)
		return iw_err_set(err, IW_EIO, "'%s' is no build log", path);
	*text = iw_calloc(1, size + 1);
	n = ZSTD_decompress(*text, size, packed, packed_len);
	if (ZSTD_isError(n)) {
		free(iw_steal(text));
		return iw_err_set(err, IW_EIO, "cannot read build log '%s': %s", path,
			ZSTD_getErrorName(n));
	}
	*len = n;
	return 0;
}

void build_log_first_error(const char *log, char *error, size_t size)
{
	static const char *const marks[] = {" error: ", "undefined reference",
		"rror: ", "*** ", "No such file", "not found"};
	const char *at = NULL, *begin, *end;
	size_t i;

	for (i = 0; i < IW_COUNT(marks) && !at; i++)
		at = strstr(log, marks[i]);
	if (!at) {
		at = log + strlen(log);
		while (at > log && at[-1] == '\n')
			at--;
	}
	for (begin = at; begin > log && begin[-1] != '\n'; begin--)
		;
	end = begin + strcspn(begin, "\n");
	snprintf(error, size, "%.*s", (int)(end - begin), begin);
	if (!*error)
		snprintf(error, size, "the build command printed nothing");
}

const char *build_log_tail(const char *log, size_t len, int count)
{
	const char *at = log + len;

	if (at > log && at[-1] == '\n')
		at--;
	for (; at > log; at--)
		if (at[-1] == '\n' && --count == 0)
			break;
	return at;
}

/* A compiler names the file in the job's folder, which is gone by now; the user knows it
 * by its place in the source. */
char *build_error_words(const struct iw_build *build)
{
	static const char source[] = "/work/src/";
	const char *error = build->error;
	const char *at = strstr(error, source), *start = at;

	if (!at)
		return iw_strdup(error);
	while (start > error && !strchr(" \t'\"(", start[-1]))
		start--;
	return iw_fmt("%.*s%s", (int)(start - error), error, at + strlen(source));
}
