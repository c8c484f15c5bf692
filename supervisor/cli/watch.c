#include "cli/watch.h"

#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/text.h"
#include "base/time.h"
#include "cli/table.h"

#include "base/banned.h"

/* Without a terminal the view would be noise; a line now and then is a log. */
/* Columns that a narrow terminal does without: imports, executions, new features, units. */
#define EXPENDABLE "9356"
#define PLAIN_EVERY_MS 15000
#define DRAIN_MIN_MS 30000
#define DRAIN_MAX_MS 600000
/* A short run is somebody who tries something. */
#define COVER_FROM_MS 60000
#define COVER_MIN_MS 60000
#define COVER_MAX_MS 600000

void cli_watch_erase(struct cli_watch *w)
{
	if (w->lines > 0)
		fprintf(stderr, "\033[%dA\033[J", w->lines);
	w->lines = 0;
}

void cli_watch_say(void *ctx, const char *text)
{
	struct cli_watch *w = ctx;
	struct iw_buf safe = {0};

	iw_text_plain(&safe, text);
	cli_watch_erase(w);
	fprintf(stderr, "%s%s%s\n", w->whose ? w->whose : "", w->whose ? ": " : "",
		safe.data ? safe.data : "");
	iw_buf_fini(&safe);
}

static int terminal_width(void)
{
	struct winsize size;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
		return 80;
	return size.ws_col;
}

static void print_head(const struct cli_watch *w, const struct farm_view *view)
{
	static const char *const phases[] = {
		"opening", "fuzzing", "finishing triage", "closed"};
	bool has_end = view->phase == FARM_FUZZING && view->left_ms >= 0;
	char elapsed[24], left[24];

	iw_time_words(view->elapsed_ms, elapsed);
	iw_time_words(view->left_ms, left);
	fprintf(stderr,
		"%s%s%s  %s%s%s  engines %d/%d  builds %d  crashes to judge %d+%d  bugs "
		"to settle %d  new bugs %d\n",
		w->whose ? w->whose : "", w->whose ? ": " : "", phases[view->phase],
		elapsed, has_end ? ", left " : "", has_end ? left : "", view->engines,
		view->slots, view->builds_made, view->judging, view->backlog,
		view->pursuing, view->new_bugs);
}

/* "aflpp 12/9 libfuzzer 30/22": of what others found, given to it and kept by it. */
static void add_imports(struct cli_table *t, const struct farm_target_view *v)
{
	struct iw_buf text = {0};
	size_t i;

	for (i = 0; v->engine_count > 1 && i < v->engine_count; i++)
		iw_buf_addf(&text, "%s%s %lld/%lld", text.len ? " " : "",
			v->engines[i].name, (long long)v->engines[i].received,
			(long long)v->engines[i].kept);
	cli_table_cell(t, "%s", text.data ? text.data : "-");
	iw_buf_fini(&text);
}

static void add_target(struct cli_table *t, const struct farm_target_view *v)
{
	char since[24] = "-";

	if (v->found_ms)
		iw_time_words(iw_time_wall_ms() - v->found_ms, since);
	cli_table_cell(t, "%s/%s", v->adapter, v->target);
	cli_table_cell(t, "%s", v->status);
	cli_table_number(t, v->per_second);
	cli_table_number(t, v->executions);
	cli_table_number(t, v->features);
	cli_table_cell(t, "+%lld", (long long)(v->features - v->features_start));
	cli_table_number(t, v->units);
	cli_table_number(t, v->crashes);
	cli_table_cell(t, "%s", since);
	add_imports(t, v);
}

void cli_watch_look(void *ctx, const struct farm_view *view)
{
	struct cli_watch *w = ctx;
	struct cli_table *table;
	size_t i;

	if (!isatty(STDERR_FILENO)) {
		if (iw_time_mono_ms() < w->plain_at)
			return;
		w->plain_at = iw_time_mono_ms() + PLAIN_EVERY_MS;
		print_head(w, view);
		return;
	}
	table = cli_table_new("target|on|>exec/s|>executions|>features|>new|>units|"
			      ">crashes|>last find|imported/kept");
	for (i = 0; i < view->target_count; i++)
		add_target(table, &view->targets[i]);
	cli_watch_erase(w);
	print_head(w, view);
	w->lines = 1;
	if (view->target_count) {
		cli_table_fit(table, terminal_width(), EXPENDABLE);
		cli_table_print(table, stderr, terminal_width());
		w->lines += cli_table_lines(table);
	}
	cli_table_free(table);
}

static int64_t between(int64_t ms, int64_t min, int64_t max)
{
	if (ms < min)
		return min;
	return ms < max ? ms : max;
}

int64_t cli_watch_drain_ms(int64_t fuzz_ms)
{
	return between(fuzz_ms / 3, DRAIN_MIN_MS, DRAIN_MAX_MS);
}

int64_t cli_watch_cover_ms(int64_t fuzz_ms)
{
	return fuzz_ms < COVER_FROM_MS ? 0
				       : between(fuzz_ms / 3, COVER_MIN_MS, COVER_MAX_MS);
}
