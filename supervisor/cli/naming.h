/*
 * Names for reports that a program printed without a symbolizer, for commands that read
 * texts: one llvm-symbolizer in the sandbox, for one program.
 */
#ifndef IW_CLI_NAMING_H
#define IW_CLI_NAMING_H

#include "base/buf.h"
#include "cli/local.h"

/* Zero-initialise it. */
struct cli_naming {
	struct cli_local local;
	/* below: private */
	bool is_open;
	char *binary, *dir;
};

/* binary is the program's path; modules in its folder and in /usr get names. */
int cli_naming_open(struct cli_naming *naming, const char *binary, bool no_sandbox,
	struct iw_err *err);
/* Replaces the text by one with names. IW_EJOB when they could not be found. */
int cli_naming_apply(struct cli_naming *naming, struct iw_buf *text, struct iw_err *err);
void cli_naming_close(struct cli_naming *naming);

#endif
