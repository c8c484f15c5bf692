/*
 * Foreign text made safe for where it goes: reports and function names are written by
 * programs under attack. Invalid UTF-8 becomes U+FFFD, control characters are shown, so
 * nothing here can move a cursor, end a string or open a tag. Thread: any.
 */
#ifndef IW_BASE_TEXT_H
#define IW_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* For terminals and logs: control characters as \xNN, tabs and newlines as spaces. */
void iw_text_plain(struct iw_buf *out, const char *s);
/* Whether s is a name that people see: at most max characters, one at least, all of them
 * valid UTF-8 that prints as what it is, and no space at either end. */
bool iw_text_is_name(const char *s, size_t max);
/* How many columns of a terminal plain text takes: wide characters two, marks on others
 * none. */
size_t iw_text_width(const char *s);
/* How many of its bytes fit into so many columns. */
size_t iw_text_fit(const char *s, size_t width);
/* A JSON string with its quotes. */
void iw_text_json(struct iw_buf *out, const char *s);
/* One line of Markdown outside code: every character with a meaning is escaped. */
void iw_text_markdown(struct iw_buf *out, const char *s);
/* Lines for a Markdown code block indented by the caller's fence; control characters as
 * \xNN, newlines and tabs kept. */
void iw_text_block(struct iw_buf *out, const char *s, size_t len);
/* Base64 with padding, in lines of 76 characters. */
void iw_text_base64(struct iw_buf *out, const void *data, size_t len);
/* What such a text stands for, with or without lines; false: it is none. */
bool iw_text_unbase64(struct iw_buf *out, const char *s, size_t len);
/* One shell word: quoted when it has to be. */
void iw_text_shell(struct iw_buf *out, const char *s);

#endif
