/* Where the folder of an adapter is. Thread: any; looks at the disk. */
#ifndef ADAPTERS_LOCATE_H
#define ADAPTERS_LOCATE_H

#include "base/err.h"

/* The folder that where means (see adapter_load()), as it was written or found; the
 * caller frees it. IW_ENOENT names every place that was tried. */
int adapter_locate(const char *where, char **dir, struct iw_err *err);

#endif
