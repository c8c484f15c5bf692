/*
 * A table for people: columns as wide as their content, numbers to the right, foreign
 * text made harmless. Cells are added row by row.
 */
#ifndef IW_CLI_TABLE_H
#define IW_CLI_TABLE_H

#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"

struct cli_table;

/* columns: headings separated by '|'; one that starts with '>' is set to the right. */
struct cli_table *cli_table_new(const char *columns);
void cli_table_free(struct cli_table *table);
void cli_table_cell(struct cli_table *table, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* A number as people read it: 1,234,567. */
void cli_table_number(struct cli_table *table, int64_t value);
/* Lines are cut to width columns; 0: not at all. */
void cli_table_print(const struct cli_table *table, FILE *out, int width);
/* How many lines print writes. */
int cli_table_lines(const struct cli_table *table);

/*
 * Makes a table with all its rows no wider than width: columns of text are cut, but
 * before they become too short to say something, columns go: those of `expendable`, a
 * digit each (the first column is '0'), in this order.
 */
void cli_table_fit(struct cli_table *table, int width, const char *expendable);
/* Adds one line without its end; row 0 is the headings. */
void cli_table_line(const struct cli_table *table, int row, struct iw_buf *line);

#endif
