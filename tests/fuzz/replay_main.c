/* Runs a fuzz target once on each file, or on each file of a folder, without an engine.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/mem.h"

#include "base/banned.h"

#define UNIT_MAX ((size_t)64 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path)
{
	struct iw_err err = IW_ERR_INIT;
	_auto_free_ char *data = NULL;
	size_t len;

	if (iw_file_read(path, UNIT_MAX, &data, &len, &err) < 0) {
		fprintf(stderr, "%s\n", err.msg);
		return -1;
	}
	LLVMFuzzerTestOneInput((const uint8_t *)data, len);
	return 0;
}

static int replay_entry(void *dir, const char *name)
{
	_auto_free_ char *path = iw_path_join(dir, name);

	return replay_file(path);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		struct stat st;
		int status;

		if (stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode))
			status = iw_dir_each(argv[i], replay_entry, argv[i], NULL);
		else
			status = replay_file(argv[i]);
		if (status)
			return 1;
	}
	return 0;
}
