/* Our other programs: beside this one in a build tree, in libexec when installed. */
#ifndef IW_PROGRAMS_H
#define IW_PROGRAMS_H

#include "base/err.h"

/* The caller frees both. */
int iw_programs_find(char **keeper, char **driver, struct iw_err *err);
/* It lies where the driver does. NULL: AFL++ learns from others at its next start. The
 * caller frees. */
char *iw_programs_inbox(const char *driver);

#endif
