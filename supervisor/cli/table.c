#include "cli/table.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"

#include "base/banned.h"

#define COLUMNS_MAX 16
/* Text cut shorter than this says little. */
#define TEXT_COMFORTABLE 20

struct cli_table {
	size_t columns;
	bool right[COLUMNS_MAX];
	size_t width[COLUMNS_MAX];
	char **cells;
	size_t count, cap;
};

static void add_cell(struct cli_table *t, char *text)
{
	size_t column = t->count % t->columns;
	size_t width = iw_text_width(text);

	if (width > t->width[column])
		t->width[column] = width;
	iw_grow(t->cells, t->count, t->cap);
	t->cells[t->count++] = text;
}

struct cli_table *cli_table_new(const char *columns)
{
	struct cli_table *t = iw_calloc(1, sizeof *t);
	const char *p;
	size_t i, len;

	t->columns = 1;
	for (p = columns; *p; p++)
		t->columns += *p == '|';
	for (i = 0, p = columns; i < t->columns; i++, p += len + 1) {
		len = strcspn(p, "|");
		t->right[i] = *p == '>';
		add_cell(t, iw_strndup(p + t->right[i], len - t->right[i]));
	}
	return t;
}

void cli_table_free(struct cli_table *t)
{
	size_t i;

	if (!t)
		return;
	for (i = 0; i < t->count; i++)
		free(t->cells[i]);
	free(t->cells);
	free(t);
}

void cli_table_cell(struct cli_table *t, const char *fmt, ...)
{
	_auto_free_ char *raw = NULL;
	struct iw_buf safe = {0};
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&raw, fmt, ap) < 0)
		abort();
	va_end(ap);
	iw_text_plain(&safe, raw);
	add_cell(t, iw_buf_steal(&safe));
}

void cli_table_number(struct cli_table *t, int64_t value)
{
	_auto_free_ char *digits = iw_fmt("%lld", (long long)value);
	size_t len = strlen(digits), i;
	struct iw_buf out = {0};

	for (i = 0; i < len; i++) {
		iw_buf_add(&out, digits + i, 1);
		if ((len - i) % 3 == 1 && i + 1 < len && digits[i] != '-')
			iw_buf_adds(&out, ",");
	}
	add_cell(t, iw_buf_steal(&out));
}

int cli_table_lines(const struct cli_table *t)
{
	return (int)(t->count / t->columns);
}

/* What is cut says so. */
static void add_cut(struct iw_buf *line, const char *text, size_t width)
{
	iw_buf_add(line, text, iw_text_fit(text, width - 1));
	iw_buf_adds(line, "…");
}

static void add_padded(struct iw_buf *line, const char *text, size_t width, bool right)
{
	size_t wide = iw_text_width(text);
	struct iw_buf cut = {0};

	if (wide > width) {
		add_cut(&cut, text, width);
		text = cut.data;
		wide = iw_text_width(text);
	}
	if (right)
		iw_buf_addf(line, "%*s", (int)(width - wide), "");
	iw_buf_adds(line, text);
	if (!right)
		iw_buf_addf(line, "%*s", (int)(width - wide), "");
	iw_buf_fini(&cut);
}

void cli_table_line(const struct cli_table *t, int row, struct iw_buf *line)
{
	size_t i, start = line->len;

	for (i = 0; i < t->columns; i++) {
		if (t->width[i] == 0)
			continue;
		if (line->len > start)
			iw_buf_adds(line, "  ");
		add_padded(line, t->cells[(size_t)row * t->columns + i], t->width[i],
			t->right[i]);
	}
	while (line->len > start && line->data[line->len - 1] == ' ')
		line->data[--line->len] = '\0';
}

/* With columns of text no wider than `text`. */
static size_t table_width(const struct cli_table *t, size_t text)
{
	size_t i, shown = 0, width = 0;

	for (i = 0; i < t->columns; i++) {
		shown += t->width[i] > 0;
		width += t->right[i] || t->width[i] < text ? t->width[i] : text;
	}
	return shown ? width + 2 * (shown - 1) : 0;
}

static size_t *widest_text(struct cli_table *t)
{
	size_t *widest = NULL;
	size_t i;

	for (i = 0; i < t->columns; i++)
		if (!t->right[i] && t->width[i] > 1 && (!widest || t->width[i] > *widest))
			widest = &t->width[i];
	return widest;
}

void cli_table_fit(struct cli_table *t, int width, const char *expendable)
{
	size_t room = (size_t)width, *widest;

	while (*expendable && table_width(t, TEXT_COMFORTABLE) > room)
		t->width[*expendable++ - '0'] = 0;
	while (table_width(t, SIZE_MAX) > room && (widest = widest_text(t)) != NULL)
		--*widest;
}

void cli_table_print(const struct cli_table *t, FILE *out, int width)
{
	struct iw_buf line = {0};
	int row;

	for (row = 0; row < cli_table_lines(t); row++) {
		iw_buf_clear(&line);
		cli_table_line(t, row, &line);
		if (line.data)
			fprintf(out, "%.*s\n",
				(int)(width > 0 ? iw_text_fit(line.data, (size_t)width)
						: line.len),
				line.data);
	}
	iw_buf_fini(&line);
}
