#include "adapters/suppressions.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "sanitizers/suppress.h"

#include "base/banned.h"

#define FOLDER "suppressions"
#define IN_BUILD ".suppressions"
#define FILE_MAX ((size_t)1 << 20)

struct walk {
	const char *dir;
	int (*each)(void *ctx, const char *name, const char *path);
	void *ctx;
};

/* Notes for people are no suppressions. */
static bool is_note(const char *name)
{
	const char *dot = strrchr(name, '.');

	return *name == '.' || (dot && strcmp(dot, ".md") == 0) ||
		name[strlen(name) - 1] == '~';
}

static int visit(void *ctx, const char *name)
{
	const struct walk *w = ctx;
	_auto_free_ char *path = iw_path_join(w->dir, name);

	return is_note(name) ? 0 : w->each(w->ctx, name, path);
}

int suppressions_each(const char *adapter_dir,
	int (*each)(void *ctx, const char *name, const char *path), void *ctx,
	struct iw_err *err)
{
	_auto_free_ char *dir = iw_path_join(adapter_dir, FOLDER);
	struct walk w = {.dir = dir, .each = each, .ctx = ctx};

	return iw_file_exists(dir) ? iw_dir_each(dir, visit, &w, err) : 0;
}

static int check_file(void *ctx, const char *name, const char *path)
{
	struct iw_err *err = ctx;
	_auto_free_ char *text = NULL;
	size_t len;
	int rc = iw_file_read(path, FILE_MAX, &text, &len, err);

	return rc < 0 ? rc : san_suppress_check(name, path, text, len, err);
}

int suppressions_check(const char *adapter_dir, struct iw_err *err)
{
	return suppressions_each(adapter_dir, check_file, err, err);
}

/* "" when there is none. */
static char *read_own(const struct adapter *adapter, const char *name, size_t *len)
{
	_auto_free_ char *path = iw_fmt("%s/" FOLDER "/%s", adapter->dir, name);
	char *text;

	if (iw_file_read(path, FILE_MAX, &text, len, NULL) == 0)
		return text;
	*len = 0;
	return iw_strdup("");
}

char *suppressions_ignorelist(
	const struct adapter *adapter, char hash[static IW_SHA256_HEX])
{
	char *path = iw_fmt("%s/" FOLDER "/" SAN_IGNORELIST, adapter->dir);
	_auto_free_ char *text = NULL;
	struct iw_sha256 sum;
	size_t len;

	if (iw_file_read(path, FILE_MAX, &text, &len, NULL) < 0) {
		free(path);
		return NULL;
	}
	sum = iw_sha256(text, len);
	iw_sha256_hex(&sum, hash);
	return path;
}

static int put_one(const struct adapter *adapter, const char *runtime, const char *dir,
	struct iw_err *err)
{
	_auto_free_ char *path = iw_path_join(dir, runtime);
	_auto_free_ char *temporary = iw_fmt("%s~", path);
	_auto_free_ char *own = NULL, *old = NULL;
	struct iw_buf text = {0};
	size_t own_len, old_len;
	int rc = 0;

	own = read_own(adapter, runtime, &own_len);
	iw_buf_adds(&text, san_suppress_shared(runtime));
	iw_buf_adds(&text, own);
	if (!text.len) {
		unlink(path);
	} else if (iw_file_read(path, 2 * FILE_MAX, &old, &old_len, NULL) < 0 ||
		old_len != text.len || memcmp(old, text.data, text.len) != 0) {
		/* A process that starts now reads the old one or the new one, whole. */
		rc = iw_file_write(temporary, text.data, text.len, 0644, err);
		if (rc == 0 && rename(temporary, path) < 0)
			rc = iw_err_set(err, IW_EIO, "cannot replace '%s'", path);
	}
	iw_buf_fini(&text);
	return rc;
}

int suppressions_put(
	const struct adapter *adapter, const char *build_dir, struct iw_err *err)
{
	_auto_free_ char *dir = iw_path_join(build_dir, IN_BUILD);
	struct stat st;
	size_t i;
	int rc = 0;

	/* What a build left there is the work of the code under test. */
	if (lstat(dir, &st) == 0 && !S_ISDIR(st.st_mode))
		rc = iw_dir_remove(dir, err);
	if (rc == 0)
		rc = iw_dir_make(dir, err);
	for (i = 0; rc == 0 && san_suppress_runtimes[i]; i++)
		rc = put_one(adapter, san_suppress_runtimes[i], dir, err);
	return rc;
}

char *suppressions_in(const char *build_dir, const char *variable)
{
	char name[16] = "", *path;
	size_t i, n = strcspn(variable, "_");

	for (i = 0; i < n && i < sizeof name - 1; i++)
		name[i] = (char)tolower((unsigned char)variable[i]);
	path = iw_fmt("%s/" IN_BUILD "/%s", build_dir, name);
	if (iw_file_exists(path))
		return path;
	free(path);
	return NULL;
}
