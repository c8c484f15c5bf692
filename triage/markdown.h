/*
 * The few Markdown forms in which foreign text can do nothing: a code span and a fence,
 * both longer than any run of backticks inside (CommonMark 0.31, 4.5 and 6.1). Escapes
 * are not enough: GitHub looks for mentions and references after entities were decoded,
 * but never inside code.
 *
 * Pure. Thread: any.
 */
#ifndef TRIAGE_MARKDOWN_H
#define TRIAGE_MARKDOWN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* One line in a code span, at most max bytes and then "…"; a bar becomes a broken one, so
 * that it may stand in a table. An empty text becomes "(empty)". */
void triage_md_span(struct iw_buf *out, const char *text, size_t max);
/* Lines in a fence, at most max bytes of them; false when the end was cut off. info is
 * ours: "sh", "text". */
bool triage_md_fence(
	struct iw_buf *out, const char *info, const char *text, size_t len, size_t max);
/* A heading of foreign words. */
void triage_md_heading(struct iw_buf *out, const char *text);
/* [label](url) when the url is one, the label alone otherwise; label is ours. */
void triage_md_link(struct iw_buf *out, const char *label, const char *url);

/* The largest length up to max that does not split a UTF-8 character. */
size_t triage_md_cut(const char *s, size_t len, size_t max);

#endif
