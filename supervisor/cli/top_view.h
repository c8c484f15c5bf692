/*
 * What `ironworks top` shows: one look at a farm made into lines. Knows no terminal and
 * no socket, so a test can look at any farm in any size. Thread: one.
 */
#ifndef IW_CLI_TOP_VIEW_H
#define IW_CLI_TOP_VIEW_H

#include <jansson.h>
#include <stdbool.h>

#include "cli/screen.h"
#include "cli/top_list.h"

/* As `first`: beyond every end. */
#define TOP_ROWS_MAX (1 << 30)

struct top_view {
	int width, height;   /* in characters; width 0: as wide as it gets */
	enum top_what list;  /* what the lower part shows */
	int sort[TOP_WHATS]; /* as in top_list_spec */
	int first;	     /* row of the list at the top; set right when it is drawn */
	int rows;	     /* how many of them are seen; set when it is drawn */
	bool is_help;
	const char *trouble; /* what hinders a newer look, or NULL */
};

/* Adds exactly height lines. */
void top_view_draw(struct top_view *view, const json_t *look, struct cli_frame *frame);
/* All of it one below the other, however many lines that takes. */
void top_view_print(struct top_view *view, const json_t *look, struct cli_frame *frame);

#endif
