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

struct cli_table {
	size_t columns;
	bool right[COLUMNS_MAX];
	size_t width[COLUMNS_MAX];
	char **cells;
	size_t count, cap;
};

/* Characters, not bytes: continuation bytes of UTF-8 take no room. */
static size_t text_width(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

static void add_cell(struct cli_table *t, char *text)
{
	size_t column = t->count % t->columns;
	size_t width = text_width(text);

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

static void add_padded(struct iw_buf *line, const char *text, size_t width, bool right)
{
	int pad = (int)(width - text_width(text));

	if (right)
		iw_buf_addf(line, "%*s", pad, "");
	iw_buf_adds(line, text);
	if (!right)
		iw_buf_addf(line, "%*s", pad, "");
}

static void print_line(struct iw_buf *line, FILE *out, int width)
{
	size_t end = line->len, seen = 0, i;

	while (end > 0 && line->data[end - 1] == ' ')
		end--;
	for (i = 0; width > 0 && i < end; i++) {
		seen += ((unsigned char)line->data[i] & 0xc0) != 0x80;
		if (seen > (size_t)width)
			break;
	}
	fprintf(out, "%.*s\n", (int)(width > 0 ? i : end), line->data);
}

void cli_table_print(const struct cli_table *t, FILE *out, int width)
{
	struct iw_buf line = {0};
	size_t row, i;

	for (row = 0; row < t->count / t->columns; row++) {
		iw_buf_clear(&line);
		for (i = 0; i < t->columns; i++) {
			if (i)
				iw_buf_adds(&line, "  ");
			add_padded(&line, t->cells[row * t->columns + i], t->width[i],
				t->right[i]);
		}
		print_line(&line, out, width);
	}
	iw_buf_fini(&line);
}
