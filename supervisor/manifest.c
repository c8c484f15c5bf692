#include "manifest.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"

#include "base/banned.h"

#define DEPTH_MAX 16

struct walk {
	const char *dir;
	const char *const *others;
	const char *below; /* the folder that is looked at, from dir; "" is dir itself */
	int depth;
	json_t *files;
	struct iw_err *err;
};

bool manifest_path_is_below(const char *path)
{
	const char *at = path;

	if (*path == '\0' || *path == '/')
		return false;
	while ((at = strstr(at, "..")) != NULL) {
		if ((at == path || at[-1] == '/') && (at[2] == '/' || at[2] == '\0'))
			return false;
		at += 2;
	}
	return true;
}

/* "parser", "parser.dict", "parser_seed_corpus.zip": what a target has is named by it. */
static bool is_of(const char *name, const char *program)
{
	size_t len = strlen(program);

	return strncmp(name, program, len) == 0 &&
		(name[len] == '\0' || name[len] == '.' ||
			strncmp(name + len, "_seed_corpus", 12) == 0);
}

static bool is_wanted(const struct walk *w, const char *name)
{
	size_t i;

	if (w->depth > 0)
		return true;
	if (strstr(name, "_seed_corpus"))
		return false;
	for (i = 0; w->others[i]; i++)
		if (is_of(name, w->others[i]))
			return false;
	return true;
}

static int add_file(
	struct walk *w, const char *below, const char *path, const struct stat *st)
{
	char hex[IW_SHA256_HEX];
	struct iw_sha256 hash;
	int rc = iw_sha256_file(path, &hash, w->err);

	if (rc < 0)
		return rc;
	iw_sha256_hex(&hash, hex);
	json_array_append_new(w->files,
		json_pack("{ss si sI ss}", "path", below, "mode", (int)st->st_mode & 0777,
			"size", (json_int_t)st->st_size, "sha256", hex));
	return 0;
}

static int add_link(struct walk *w, const char *below, const char *path)
{
	char to[PATH_MAX];
	ssize_t len = readlink(path, to, sizeof to - 1);

	if (len < 0)
		return iw_err_errno(w->err, errno, "cannot read the link '%s'", path);
	to[len] = '\0';
	if (manifest_path_is_below(to))
		json_array_append_new(
			w->files, json_pack("{ss ss}", "path", below, "link", to));
	return 0;
}

static int look_at(void *ctx, const char *name)
{
	struct walk *w = ctx;
	_auto_free_ char *below =
		*w->below ? iw_path_join(w->below, name) : iw_strdup(name);
	_auto_free_ char *path = iw_path_join(w->dir, below);
	const char *above = w->below;
	struct stat st;
	int rc = 0;

	if (!is_wanted(w, name))
		return 0;
	if (lstat(path, &st) < 0)
		return iw_err_errno(w->err, errno, "cannot look at '%s'", path);
	if (S_ISREG(st.st_mode))
		return add_file(w, below, path, &st);
	if (S_ISLNK(st.st_mode))
		return add_link(w, below, path);
	if (!S_ISDIR(st.st_mode) || w->depth == DEPTH_MAX)
		return 0;
	w->below = below;
	w->depth++;
	rc = iw_dir_each(path, look_at, w, w->err);
	w->depth--;
	w->below = above;
	return rc;
}

json_t *manifest_make(const char *dir, const char *const *others, struct iw_err *err)
{
	struct walk w = {.dir = dir,
		.others = others,
		.below = "",
		.files = json_array(),
		.err = err};

	if (iw_dir_each(dir, look_at, &w, err) == 0)
		return w.files;
	json_decref(w.files);
	return NULL;
}
