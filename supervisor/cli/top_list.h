/*
 * The lists of `ironworks top`: cores, targets, bugs of one look at a farm as tables, in
 * an order and for a width. Thread: one.
 */
#ifndef IW_CLI_TOP_LIST_H
#define IW_CLI_TOP_LIST_H

#include <jansson.h>
#include <stdbool.h>

#include "cli/screen.h"
#include "cli/table.h"

enum top_what { TOP_TARGETS, TOP_BUGS, TOP_CORES, TOP_WHATS };

struct top_list_spec {
	enum top_what what;
	int sort;  /* which order, from 0; taken modulo their number */
	int width; /* 0: as wide as it gets */
};

/* look is what the farm answers: {"farm": {}, "targets": [], "bugs": []}. */
struct top_list {
	const char *name;
	const char *order;	 /* by what it is sorted, or NULL */
	struct cli_table *table; /* row 0 is the headings */
	int count;		 /* rows without them */
	enum cli_style *styles;	 /* of these rows, or NULL */
};

void top_list_init(
	struct top_list *list, const struct top_list_spec *spec, const json_t *look);
void top_list_fini(struct top_list *list);

#endif
