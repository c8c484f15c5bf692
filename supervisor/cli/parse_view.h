/* What was understood of a text, for people and for programs. Everything added is safe to
 * print: foreign text goes through base/text.h. */
#ifndef IW_CLI_PARSE_VIEW_H
#define IW_CLI_PARSE_VIEW_H

#include "base/buf.h"
#include "base/mem.h"
#include "sanitizers/report.h"

/* Lines for a terminal. text is what reading was read from; target may be NULL. */
void cli_parse_plain(struct iw_buf *out, struct iw_arena *arena, const char *name,
	const char *target, const char *text, const struct san_reading *reading);
/* One JSON object. */
void cli_parse_json(struct iw_buf *out, struct iw_arena *arena, const char *name,
	const char *target, const struct san_reading *reading);

#endif
