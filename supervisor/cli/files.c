#include "cli/files.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/mem.h"

#include "base/banned.h"

static int compare_files(const void *left, const void *right)
{
	const struct cli_file *a = left, *b = right;

	if (a->size != b->size)
		return a->size < b->size ? -1 : 1;
	return strcmp(a->path, b->path);
}

static int take_path(
	struct cli_files *files, const char *path, bool is_named, struct iw_err *err);

static bool is_skipped(const struct cli_files *files, const struct stat *st)
{
	struct stat skip;

	return files->skip && stat(files->skip, &skip) == 0 &&
		skip.st_dev == st->st_dev && skip.st_ino == st->st_ino;
}

/* What tools put beside crashes: AFL++'s README.txt, and FILE.min of our own minimize. */
static bool is_no_crash(const char *path, const char *name)
{
	size_t len = strlen(path);
	_auto_free_ char *original = NULL;

	if (strcmp(name, "README.txt") == 0)
		return true;
	if (len < 5 || strcmp(path + len - 4, ".min") != 0)
		return false;
	original = iw_strndup(path, len - 4);
	return iw_file_exists(original);
}

static int take_folder(struct cli_files *files, const char *path, struct iw_err *err)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	int rc = 0;

	if (!dir)
		return iw_err_errno(err, errno, "cannot open '%s'", path);
	while (rc == 0 && (entry = readdir(dir)) != NULL) {
		_auto_free_ char *inner = iw_path_join(path, entry->d_name);

		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
			!is_no_crash(inner, entry->d_name))
			rc = take_path(files, inner, false, err);
	}
	closedir(dir);
	return rc;
}

static int take_path(
	struct cli_files *files, const char *path, bool is_named, struct iw_err *err)
{
	struct stat st;
	bool is_link = false;
	int rc = lstat(path, &st);

	if (rc == 0 && S_ISLNK(st.st_mode)) {
		is_link = true;
		rc = stat(path, &st);
	}
	if (rc < 0)
		return is_named ? iw_err_errno(err, errno, "cannot open '%s'", path) : 0;
	if (S_ISDIR(st.st_mode) && is_skipped(files, &st))
		return is_named ? iw_err_set(err, IW_EINVAL,
					  "'%s' is the folder of results; say --out DIR "
					  "for another one",
					  path)
				: 0;
	if (S_ISDIR(st.st_mode))
		return is_named || !is_link ? take_folder(files, path, err) : 0;
	if (!S_ISREG(st.st_mode))
		return is_named ? iw_err_set(err, IW_EINVAL,
					  "'%s' is neither a file nor a folder", path)
				: 0;
	if ((size_t)st.st_size > CLI_FILE_MAX)
		return iw_err_set(err, IW_EINVAL, "'%s' is larger than %zu MiB", path,
			CLI_FILE_MAX >> 20);
	cli_files_add(files, path, st.st_size);
	return 0;
}

void cli_files_add(struct cli_files *files, const char *path, int64_t size)
{
	iw_grow(files->items, files->count, files->cap);
	files->items[files->count++] =
		(struct cli_file){.path = iw_strdup(path), .size = size};
}

int cli_files_find(struct cli_files *files, char *const *paths, int count,
	const char *skip, struct iw_err *err)
{
	int i, rc = 0;

	*files = (struct cli_files){.skip = skip};
	for (i = 0; rc == 0 && i < count; i++)
		rc = take_path(files, paths[i], true, err);
	if (rc == 0 && files->count == 0)
		rc = iw_err_set(err, IW_EINVAL, "there are no files in '%s'", paths[0]);
	if (rc == 0)
		qsort(files->items, files->count, sizeof *files->items, compare_files);
	return rc;
}

void cli_files_fini(struct cli_files *files)
{
	size_t i;

	for (i = 0; i < files->count; i++)
		free(files->items[i].path);
	free(files->items);
	*files = (struct cli_files){0};
}
