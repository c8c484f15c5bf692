/* Names that there are, for a sentence about one that there is not. Pure. */
#ifndef IW_CLI_NEAR_NAME_H
#define IW_CLI_NEAR_NAME_H

#include <stddef.h>

/* "'script', 'block' and 4 more": what may have been meant comes first, the others in the
 * order of names, each once; "none" where there is none. The caller frees. */
char *cli_near_names(const char *wanted, const char *const *names, size_t count);

#endif
