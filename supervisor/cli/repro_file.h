/* `ironworks repro FILE --binary PROGRAM`: an input on plain files, without a farm. */
#ifndef IW_CLI_REPRO_FILE_H
#define IW_CLI_REPRO_FILE_H

#include <stdbool.h>

/* Whether this is meant: --binary is among the words. */
bool cli_repro_is_file(int argc, char **argv);
/* Returns the exit status. */
int cli_repro_file(int argc, char **argv);

#endif
