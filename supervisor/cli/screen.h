/*
 * A terminal to draw on: its second screen, keys as they are pressed, and what it was
 * before given back however the program ends.
 *
 * Plain ANSI sequences, which every terminal of today knows. There is one terminal, so
 * there is one screen. What is drawn passes iw_text_plain(), so no sequence but our own
 * ever reaches it.
 *
 * Source of the sequences: ECMA-48, and xterm's "Control Sequences" for the private
 * modes 7, 25 and 1049. Thread: one.
 */
#ifndef IW_CLI_SCREEN_H
#define IW_CLI_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/err.h"

enum cli_style {
	CLI_PLAIN,
	CLI_DIM,
	CLI_BOLD,
	CLI_BAR, /* headings */
	CLI_BAD, /* somebody should look */
};

struct cli_line {
	char *text;
	enum cli_style style;
};

/* Lines from the top. Zero-initialise it; clear keeps the room. */
struct cli_frame {
	struct cli_line *lines;
	size_t count, cap;
};

/* The text is made plain and cut to width columns; 0: not cut. */
void cli_frame_add(
	struct cli_frame *frame, enum cli_style style, int width, const char *text);
void cli_frame_clear(struct cli_frame *frame);
void cli_frame_fini(struct cli_frame *frame);
void cli_frame_print(const struct cli_frame *frame, FILE *out);

/* stdin and stdout have to be a terminal that can be drawn on. */
int cli_screen_open(bool has_color, struct iw_err *err);
/* The terminal is what it was. Harmless when it was not opened. */
void cli_screen_close(void);
void cli_screen_size(int *width, int *height);
/* Only lines that changed since the last frame are sent. */
void cli_screen_draw(const struct cli_frame *frame);
/* The next frame is sent whole: the terminal's size or content is another. */
void cli_screen_forget(void);

enum cli_key {
	/* below: characters as they are */
	CLI_KEY_UP = 256,
	CLI_KEY_DOWN,
	CLI_KEY_PAGE_UP,
	CLI_KEY_PAGE_DOWN,
	CLI_KEY_HOME,
	CLI_KEY_END,
	CLI_KEY_OTHER, /* a sequence that means nothing here */
};

/* The first key of what was read; *at moves behind it. -1: there is none left. */
int cli_key_next(const char *text, size_t len, size_t *at);

#endif
