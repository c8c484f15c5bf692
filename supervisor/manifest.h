/*
 * The files of a build, by their content: what another machine fetches to have the very
 * same. Blocks, for every file is read. Thread: any.
 */
#ifndef IW_MANIFEST_H
#define IW_MANIFEST_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* [{"path", "mode", "size", "sha256"} or {"path", "link"}], folders before what is in
 * them; links that lead out are left out. Seeds are not needed to run one input, and
 * neither is what belongs to the programs named in `others`, which ends with NULL. NULL:
 * an error. A new reference. */
json_t *manifest_make(const char *dir, const char *const *others, struct iw_err *err);

/* Whether a path or the end of a link stays below its folder: relative, without "..". */
bool manifest_path_is_below(const char *path);

#endif
