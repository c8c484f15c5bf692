/* Line coverage: whatever the text is, names stay below the root and lines in order. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "sanitizers/lcov.h"

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_path(const char *path)
{
	const char *word = path;

	assert(*path && *path != '/' && path[strlen(path) - 1] != '/');
	for (; word; word = strchr(word, '/')) {
		word += *word == '/';
		assert(*word != '/' && strncmp(word, "../", 3) != 0);
		assert(strcmp(word, "..") != 0 && strncmp(word, "./", 2) != 0);
	}
}

static void check_file(const struct san_lcov_file *file)
{
	size_t reached = 0, i;

	check_path(file->path);
	assert(file->count > 0);
	for (i = 0; i < file->count; i++) {
		assert(file->lines[i].line > 0);
		assert(i == 0 || file->lines[i - 1].line < file->lines[i].line);
		assert(san_lcov_from(file, file->lines[i].line) == i);
		reached += file->lines[i].is_reached;
	}
	assert(reached == file->reached);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct iw_err err = IW_ERR_INIT;
	struct san_lcov lcov;
	size_t i;

	if (san_lcov_parse((const char *)data, size, "/src", &lcov, &err) < 0) {
		assert(err.code == IW_EINVAL && *err.msg);
		return 0;
	}
	for (i = 0; i < lcov.count; i++) {
		check_file(&lcov.files[i]);
		assert(i == 0 || strcmp(lcov.files[i - 1].path, lcov.files[i].path) < 0);
		assert(san_lcov_find(&lcov, lcov.files[i].path) == &lcov.files[i]);
	}
	san_lcov_fini(&lcov);
	return 0;
}
