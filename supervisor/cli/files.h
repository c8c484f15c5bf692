/*
 * The files that somebody named: files, and folders with files in them. Blocks. Thread:
 * any.
 */
#ifndef IW_CLI_FILES_H
#define IW_CLI_FILES_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define CLI_FILE_MAX ((size_t)256 << 20)

struct cli_file {
	char *path;
	int64_t size;
};

struct cli_files {
	struct cli_file *items; /* small ones first, then by name */
	size_t count;
	/* below: private */
	size_t cap;
	const char *skip;
};

/* A link counts where it is named, and in a folder when it leads to a file: two folders
 * may lead into each other. The folder skip (or NULL) is left out, and so are README.txt
 * and FILE.min beside FILE, unless they are named. IW_EINVAL when there is no file, or one
 * that is too large. */
int cli_files_find(struct cli_files *files, char *const *paths, int count,
	const char *skip, struct iw_err *err);
/* One more, at the end. */
void cli_files_add(struct cli_files *files, const char *path, int64_t size);
void cli_files_fini(struct cli_files *files);

#endif
