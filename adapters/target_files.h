/*
 * The files of the source tree that make one target's program and nothing else: what reads
 * its input. Older trees get those of today, so that an input means the same on all.
 *
 * Thread: any.
 */
#ifndef ADAPTERS_TARGET_FILES_H
#define ADAPTERS_TARGET_FILES_H

#include <stdbool.h>
#include <stddef.h>

#include "adapters/adapter.h"

struct target_files {
	char **paths; /* below the root of the tree */
	size_t count;
};

/* Zero or more of them; fini frees. */
void target_files_init(struct target_files *files, const struct adapter *adapter,
	const struct adapter_target *target);
void target_files_fini(struct target_files *files);
/* Whether a file that a report names is one of them; builds call their source /src. */
bool target_files_have(const struct target_files *files, const char *path);

#endif
