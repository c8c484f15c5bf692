/*
 * The recipe: what of an adapter a build depends on. Hashed is a text with one line per
 * fact, so that nothing can be shifted from one fact into the next.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "adapters/adapter.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"

#include "base/banned.h"

/* Changes when the text does: old builds are then made again. */
#define RECIPE_FORMAT "recipe 1\n"
#define RECIPE_FILE_MAX (64 << 20)

struct recipe {
	const struct adapter *adapter;
	const char *dir;
	struct iw_buf text;
	struct iw_err *err;
};

/* The folder of build.command's program when it is a file of the adapter, else the
 * adapter's own. */
static char *recipe_dir(const struct adapter *adapter)
{
	const char *program = adapter->build_program;
	const char *slash = strrchr(program, '/');

	if (!slash || *program == '/')
		return iw_strdup(adapter->dir);
	return iw_fmt("%s/%.*s", adapter->dir, (int)(slash - program), program);
}

/* Paths may say "./" or "//" where the other does not. */
static bool is_same_file(const char *a, const char *b)
{
	struct stat x, y;

	return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev &&
		x.st_ino == y.st_ino;
}

/* Files beside the build's program that no build reads. */
static bool is_left_out(const struct adapter *adapter, const char *path, const char *name)
{
	static const char *const names[] = {"adapter.json", "adapter.nix", "README"};
	size_t i;

	for (i = 0; i < IW_COUNT(names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	if (*name == '.' || iw_path_ends(name, ".md") || iw_path_ends(name, "~"))
		return true;
	/* It makes the source, whose tree is in the closure anyway. */
	return adapter->source.command && *adapter->source.command[0] == '/' &&
		is_same_file(adapter->source.command[0], path);
}

static int add_file(struct recipe *recipe, const char *name)
{
	_auto_free_ char *path = iw_path_join(recipe->dir, name);
	_auto_free_ char *data = NULL;
	char hex[IW_SHA256_HEX];
	struct iw_sha256 hash;
	struct stat st;
	size_t len;
	int rc;

	if (is_left_out(recipe->adapter, path, name))
		return 0;
	if (stat(path, &st) < 0)
		return iw_err_errno(recipe->err, errno, "cannot look at '%s'", path);
	if (!S_ISREG(st.st_mode))
		return 0;
	rc = iw_file_read(path, RECIPE_FILE_MAX, &data, &len, recipe->err);
	if (rc < 0)
		return rc;
	hash = iw_sha256(data, len);
	iw_sha256_hex(&hash, hex);
	iw_buf_addf(&recipe->text, "file %s %s %zu:%s\n", hex,
		st.st_mode & 0111 ? "x" : "-", strlen(name), name);
	return 0;
}

/* iw_dir_each() sorts by the locale; names in byte order are the same everywhere. */
struct names {
	char **items;
	size_t count, cap;
};

static int add_name(void *ctx, const char *name)
{
	struct names *names = ctx;

	iw_grow(names->items, names->count, names->cap);
	names->items[names->count++] = iw_strdup(name);
	return 0;
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int add_files(struct recipe *recipe)
{
	struct names names = {0};
	size_t i;
	int rc = iw_dir_each(recipe->dir, add_name, &names, recipe->err);

	if (names.count)
		qsort(names.items, names.count, sizeof *names.items, by_bytes);
	for (i = 0; i < names.count; i++) {
		if (rc == 0)
			rc = add_file(recipe, names.items[i]);
		free(names.items[i]);
	}
	free(names.items);
	return rc;
}

int adapter_recipe_hash(
	const struct adapter *adapter, char hex[static IW_SHA256_HEX], struct iw_err *err)
{
	_auto_free_ char *dir = recipe_dir(adapter);
	struct recipe recipe = {.adapter = adapter, .dir = dir, .err = err};
	const char *const *arg = adapter->build.command;
	int rc;

	iw_buf_adds(&recipe.text, RECIPE_FORMAT);
	/* As it was written: the same adapter has one recipe wherever it lies. */
	iw_buf_addf(&recipe.text, "arg %zu:%s\n", strlen(adapter->build_program),
		adapter->build_program);
	for (arg++; *arg; arg++)
		iw_buf_addf(&recipe.text, "arg %zu:%s\n", strlen(*arg), *arg);
	rc = add_files(&recipe);
	if (rc == 0)
		iw_sha256_hex_of(recipe.text.data, hex);
	iw_buf_fini(&recipe.text);
	return rc < 0 ? iw_err_wrap(err, "adapter '%s'", adapter->name) : 0;
}
