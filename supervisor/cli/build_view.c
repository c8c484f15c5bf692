#include "cli/build_view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/build_log.h"
#include "base/mem.h"
#include "base/size.h"
#include "base/text.h"
#include "base/time.h"
#include "cli/cli.h"
#include "cli/table.h"

#include "base/banned.h"

#define TAIL_LINES 20

static const char *text_of(const json_t *object, const char *field)
{
	const char *text = json_string_value(json_object_get(object, field));

	return text ? text : "";
}

static bool is_state(const json_t *part, const char *state)
{
	return strcmp(text_of(part, "state"), state) == 0;
}

static bool is_there(const json_t *part)
{
	return is_state(part, "cached") || is_state(part, "built");
}

bool build_view_is_whole(const json_t *answer)
{
	const json_t *part;
	size_t i;

	json_array_foreach(json_object_get(answer, "builds"), i,
		part) if (!is_there(part)) return false;
	return true;
}

void build_view_part(const char *adapter, const json_t *part)
{
	const char *flavour = text_of(part, "flavour"), *error = text_of(part, "error");
	_auto_free_ char *line = NULL;

	if (is_there(part))
		line = iw_fmt("%s: %s %s", adapter, flavour,
			is_state(part, "built") ? "is built" : "was there");
	else
		line = iw_fmt("%s: %s %s: %s", adapter, flavour,
			is_state(part, "failed") ? "does not build" : "cannot be built",
			error);
	cli_print_plain(stderr, "", line);
}

void build_view_progress(struct build_view *view, const json_t *answer)
{
	const json_t *part;
	size_t i;

	json_array_foreach(json_object_get(answer, "builds"), i, part)
	{
		uint64_t bit = (uint64_t)1 << (i % 64);

		if (is_state(part, "waiting") || view->told & bit)
			continue;
		view->told |= bit;
		build_view_part(text_of(answer, "adapter"), part);
	}
}

static void add_row(struct cli_table *table, const json_t *part)
{
	char core[24] = "-", size[24] = "-";

	if (is_there(part) || is_state(part, "failed"))
		iw_time_words(json_integer_value(json_object_get(part, "core_ms")), core);
	if (is_there(part))
		iw_size_words(json_integer_value(json_object_get(part, "bytes")), size);
	cli_table_cell(table, "%s", text_of(part, "flavour"));
	cli_table_cell(table, "%s", text_of(part, "state"));
	cli_table_cell(table, "%s", core);
	cli_table_cell(table, "%s", size);
	cli_table_cell(table, "%s", is_there(part) ? text_of(part, "dir") : "-");
}

static void print_failure(const json_t *part)
{
	const char *path = text_of(part, "log"), *tail;
	_auto_free_ char *head = iw_fmt("\n%s: ", text_of(part, "flavour"));
	_auto_free_ char *log = NULL;
	struct iw_err err = IW_ERR_INIT;
	struct iw_buf safe = {0};
	size_t len;

	fputs("\n", stdout);
	cli_print_plain(stdout, head + 1, text_of(part, "error"));
	if (!*path)
		return;
	if (build_log_read(path, &log, &len, &err) < 0) {
		cli_print_plain(stdout, "  ", err.msg);
		return;
	}
	tail = build_log_tail(log, len, TAIL_LINES);
	iw_text_block(&safe, tail, len - (size_t)(tail - log));
	printf("\nthe end of its log ('zstdcat %s' shows all):\n\n%s%s", path,
		safe.data ? safe.data : "",
		safe.len && safe.data[safe.len - 1] == '\n' ? "" : "\n");
	iw_buf_fini(&safe);
}

static void print_note(const json_t *part)
{
	_auto_free_ char *line =
		iw_fmt("%s: %s", text_of(part, "flavour"), text_of(part, "note"));

	if (*text_of(part, "note"))
		cli_print_plain(stdout, "\n", line);
}

void build_view_print(const json_t *answer)
{
	struct cli_table *table =
		cli_table_new("flavour|state|>core time|>on disk|build");
	const char *commit = text_of(answer, "commit");
	size_t i, made = 0, there = 0, count = 0;
	const json_t *part;

	json_array_foreach(json_object_get(answer, "builds"), i, part)
	{
		add_row(table, part);
		made += is_state(part, "built") || is_state(part, "failed");
		there += is_there(part);
		count++;
	}
	cli_table_print(table, stdout, 0);
	cli_table_free(table);
	for (i = 0; i < count; i++)
		print_note(json_array_get(json_object_get(answer, "builds"), i));
	json_array_foreach(json_object_get(answer, "builds"), i,
		part) if (!is_there(part)) print_failure(part);
	if (*text_of(answer, "note"))
		cli_print_plain(stdout, "\n", text_of(answer, "note"));
	printf("\n%s, %s %.12s: %zu of %zu flavours are there%s\n",
		text_of(answer, "adapter"), *commit ? "commit" : "tree",
		*commit ? commit : text_of(answer, "tree"), there, count,
		made ? "" : "; nothing was compiled");
}
