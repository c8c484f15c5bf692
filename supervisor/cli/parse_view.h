/*
 * What was understood of a text, for people and for programs. Everything added is safe to
 * print: foreign text goes through base/text.h. Thread: any.
 */
#ifndef IW_CLI_PARSE_VIEW_H
#define IW_CLI_PARSE_VIEW_H

#include <stdbool.h>

#include "base/buf.h"
#include "sanitizers/report.h"

/* A view may be much longer than what was read: whenever some of it is there, it is given to
 * drain, which empties the buffer. Without drain all of it stays there. */
struct parse_sink {
	struct iw_buf buf;
	void (*drain)(struct iw_buf *buf);
};

/* What ClusterFuzz is told by its environment. */
struct parse_knobs {
	const char *target; /* or NULL */
	bool has_limits;    /* timeouts and out-of-memory are crashes */
	bool asserts_are_security, checks_are_security;
};

/* Lines for a terminal. text is what reading was read from; target may be NULL. */
void cli_parse_plain(struct parse_sink *sink, const char *name, const char *target,
	const char *text, const struct san_reading *reading);
/* One JSON object. */
void cli_parse_json(struct parse_sink *sink, const char *name, const char *target,
	const struct san_reading *reading);
/* One line, a JSON object in ClusterFuzz's words. */
void cli_parse_clusterfuzz(struct parse_sink *sink, const char *name,
	const struct parse_knobs *knobs, const struct san_reading *reading);

#endif
