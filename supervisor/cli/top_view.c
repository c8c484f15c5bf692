#include "cli/top_view.h"

#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/time.h"

#include "base/banned.h"

/* Newest bugs of a print; on a screen all that were answered can be scrolled to. */
#define PRINTED_BUGS 20
#define PRINTED_MESSAGES 5
#define CORES_MIN 2
/* Not more of a small terminal than this part. */
#define HEAD_PART 4
#define BUGS_MIN 2

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static int64_t number_of(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

/* -- the head ----------------------------------------------------------------------- */

/* Phrases one behind the other, in as many lines as it takes. */
struct phrases {
	struct top_view *view;
	struct cli_frame *frame;
	enum cli_style style;
	struct iw_buf line;
};

static void end_phrases(struct phrases *p)
{
	if (p->line.len)
		cli_frame_add(p->frame, p->style, p->view->width, p->line.data);
	iw_buf_fini(&p->line);
}

static void add_phrase(struct phrases *p, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
static void add_phrase(struct phrases *p, const char *fmt, ...)
{
	_auto_free_ char *text = NULL;
	size_t need;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		abort();
	va_end(ap);
	need = iw_text_width(text) + (p->line.len ? 3 + iw_text_width(p->line.data) : 0);
	if (p->line.len && p->view->width && need > (size_t)p->view->width)
		end_phrases(p);
	iw_buf_addf(&p->line, "%s%s", p->line.len ? "   " : "", text);
}

static void add_state(struct phrases *p, const json_t *farm)
{
	const json_t *left = json_object_get(farm, "left_ms");
	const char *phase = text_of(farm, "phase");
	char elapsed[24], words[24];

	iw_time_words(number_of(farm, "elapsed_ms"), elapsed);
	if (strcmp(phase, "fuzzing") == 0 && json_is_integer(left)) {
		iw_time_words(json_integer_value(left), words);
		add_phrase(p, "ironworks: %s %s, left %s", phase, elapsed, words);
	} else {
		add_phrase(p, "ironworks: %s %s", phase, elapsed);
	}
	if (json_is_false(json_object_get(farm, "sandbox")))
		add_phrase(p, "NO SANDBOX");
	add_phrase(p, "engines %lld/%zu", (long long)number_of(farm, "engines"),
		json_array_size(json_object_get(farm, "slots")));
	add_phrase(p, "waiting %lld", (long long)number_of(farm, "waiting"));
	add_phrase(p, "crashes to judge %lld+%lld", (long long)number_of(farm, "judging"),
		(long long)number_of(farm, "backlog"));
	add_phrase(p, "bugs to settle %lld", (long long)number_of(farm, "pursuing"));
	add_phrase(p, "new bugs %lld", (long long)number_of(farm, "new_bugs"));
}

/* What the core time went to, the most first. */
static void add_core_time(struct phrases *p, const json_t *farm)
{
	json_t *left = json_copy(json_object_get(farm, "core_ms"));
	int64_t total = 0;
	const char *key;
	json_t *ms;
	char words[24];

	json_object_foreach (left, key, ms)
		total += json_integer_value(ms);
	iw_time_words(total, words);
	add_phrase(p, "core time %s", words);
	while (total > 0 && json_object_size(left) > 0) {
		const char *most = NULL;

		json_object_foreach (left, key, ms)
			if (!most || json_integer_value(ms) > number_of(left, most))
				most = key;
		if (number_of(left, most) == 0)
			break;
		add_phrase(p, "%s %.1f%%", most,
			100.0 * (double)number_of(left, most) / (double)total);
		json_object_del(left, most);
	}
	json_decref(left);
}

static void add_head(struct top_view *v, const json_t *look, struct cli_frame *f)
{
	const json_t *farm = json_object_get(look, "farm");
	struct phrases p = {.view = v, .frame = f, .style = CLI_BOLD};

	add_state(&p, farm);
	end_phrases(&p);
	p.style = CLI_PLAIN;
	add_core_time(&p, farm);
	end_phrases(&p);
}

/* -- a list ------------------------------------------------------------------------- */

static void add_line(struct top_view *v, struct cli_frame *f, const struct top_list *l,
	int row, enum cli_style style)
{
	struct iw_buf line = {0};

	cli_table_line(l->table, row, &line);
	cli_frame_add(f, style, v->width, line.data ? line.data : "");
	iw_buf_fini(&line);
}

static void add_title(struct top_view *v, struct cli_frame *f, const struct top_list *l)
{
	struct iw_buf title = {0};

	iw_buf_adds(&title, l->name);
	/* Rows of cores are what runs on them. */
	if (l->order)
		iw_buf_addf(&title, " %d, by %s", l->count, l->order);
	if (v->rows < l->count)
		iw_buf_addf(&title, ", %d to %d", v->first + 1, v->first + v->rows);
	cli_frame_add(f, CLI_BOLD, v->width, title.data);
	iw_buf_fini(&title);
}

/* Rows from v->first on, with their title and headings: so many lines or fewer. */
static void add_list(
	struct top_view *v, const struct top_list *l, struct cli_frame *f, int lines)
{
	int i;

	v->rows = lines > 2 ? lines - 2 : 0;
	if (v->rows > l->count)
		v->rows = l->count;
	if (v->first > l->count - v->rows)
		v->first = l->count - v->rows;
	if (v->first < 0)
		v->first = 0;
	add_title(v, f, l);
	if (l->count == 0)
		return;
	add_line(v, f, l, 0, CLI_BAR);
	for (i = v->first; i < v->first + v->rows; i++)
		add_line(v, f, l, i + 1, l->styles ? l->styles[i] : CLI_PLAIN);
}

/* Above a list, in a third of the room that there is; too little shows none. */
static void add_some_cores(
	struct top_view *v, const json_t *look, struct cli_frame *f, int room)
{
	struct top_list_spec spec = {.what = TOP_CORES, .width = v->width};
	int most = room / 3, i, n;
	struct top_list l;

	if (most < CORES_MIN)
		return;
	top_list_init(&l, &spec, look);
	n = l.count > most ? most - 1 : l.count;
	if (l.count)
		add_line(v, f, &l, 0, CLI_BAR);
	for (i = 1; i <= n; i++)
		add_line(v, f, &l, i, CLI_PLAIN);
	if (n < l.count) {
		_auto_free_ char *more = iw_fmt("and %d more; c shows all", l.count - n);

		cli_frame_add(f, CLI_DIM, v->width, more);
	}
	cli_frame_add(f, CLI_PLAIN, 0, "");
	top_list_fini(&l);
}

/* Below targets there may be room for some bugs. */
static void add_some_bugs(
	struct top_view *v, const json_t *look, struct cli_frame *f, int lines)
{
	struct top_view part = {.width = v->width, .list = TOP_BUGS};
	struct top_list_spec spec = {.what = TOP_BUGS, .width = v->width};
	struct top_list l;

	if (lines < BUGS_MIN + 3)
		return;
	top_list_init(&l, &spec, look);
	cli_frame_add(f, CLI_PLAIN, 0, "");
	add_list(&part, &l, f, lines - 1);
	top_list_fini(&l);
}

/* Lines that there is no room for are left out at the end; missing ones are empty. */
static void set_height(struct cli_frame *f, int lines)
{
	while (f->count > (size_t)lines)
		free(f->lines[--f->count].text);
	while (f->count < (size_t)lines)
		cli_frame_add(f, CLI_PLAIN, 0, "");
}

/* -- all of it ---------------------------------------------------------------------- */

static const char *const help_lines[] = {
	"t  targets     b  bugs     c  cores",
	"s  the next order to sort by",
	"up, down, j, k, page up, page down, home, end   scroll",
	"q  quit",
	"",
	"cores: what runs on each and why. An engine shares its core with",
	"short jobs, which go first.",
	"engines: how many run, of how many cores there are.",
	"waiting: jobs that are not fuzzing and wait for a core.",
	"crashes to judge: now, and those that look like known bugs.",
	"bugs to settle: not attributed or written down yet.",
	"core time: CPU time of jobs that have ended since the farm started.",
	"new: features since the farm started.",
	"",
	"any key goes back",
	NULL,
};

static void add_foot(struct top_view *v, const json_t *look, struct cli_frame *f)
{
	const json_t *said = json_object_get(json_object_get(look, "farm"), "messages");
	const json_t *last = json_array_get(said, json_array_size(said) - 1);

	if (v->trouble)
		cli_frame_add(f, CLI_BAD, v->width, v->trouble);
	else
		cli_frame_add(f, CLI_DIM, v->width, text_of(last, "text"));
	cli_frame_add(f, CLI_BAR, v->width,
		"q quit  ? help  t targets  b bugs  c cores  s sort  j k scroll");
}

void top_view_draw(struct top_view *v, const json_t *look, struct cli_frame *f)
{
	int foot = v->height > 2 ? 2 : 0, room = v->height - foot, i;
	struct top_list_spec spec;
	struct top_list l;

	add_head(v, look, f);
	if ((int)f->count > v->height / HEAD_PART)
		set_height(f, v->height > HEAD_PART ? v->height / HEAD_PART : 1);
	cli_frame_add(f, CLI_PLAIN, 0, "");
	if (v->is_help) {
		for (i = 0; help_lines[i]; i++)
			cli_frame_add(f, CLI_PLAIN, v->width, help_lines[i]);
	} else {
		if (v->list != TOP_CORES)
			add_some_cores(v, look, f, room - (int)f->count);
		spec = (struct top_list_spec){v->list, v->sort[v->list], v->width};
		top_list_init(&l, &spec, look);
		add_list(v, &l, f, room - (int)f->count);
		top_list_fini(&l);
		if (v->list == TOP_TARGETS)
			add_some_bugs(v, look, f, room - (int)f->count);
	}
	set_height(f, room);
	if (foot)
		add_foot(v, look, f);
}

static void print_list(struct top_view *v, const json_t *look, struct cli_frame *f,
	enum top_what what, int most)
{
	struct top_view part = {.width = v->width, .list = what};
	struct top_list_spec spec = {.what = what, .width = v->width};
	struct top_list l;

	top_list_init(&l, &spec, look);
	cli_frame_add(f, CLI_PLAIN, 0, "");
	add_list(&part, &l, f, (l.count < most ? l.count : most) + 2);
	top_list_fini(&l);
}

void top_view_print(struct top_view *v, const json_t *look, struct cli_frame *f)
{
	const json_t *said = json_object_get(json_object_get(look, "farm"), "messages");
	size_t n = json_array_size(said), i;

	add_head(v, look, f);
	print_list(v, look, f, TOP_CORES, INT_MAX - 2);
	print_list(v, look, f, TOP_TARGETS, INT_MAX - 2);
	print_list(v, look, f, TOP_BUGS, PRINTED_BUGS);
	if (n)
		cli_frame_add(f, CLI_PLAIN, 0, "");
	for (i = n > PRINTED_MESSAGES ? n - PRINTED_MESSAGES : 0; i < n; i++)
		cli_frame_add(
			f, CLI_PLAIN, v->width, text_of(json_array_get(said, i), "text"));
}
