#include "cli/top_list.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/time.h"
#include "cli/summary.h"

#include "base/banned.h"

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static int64_t number_of(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

/* How long ago, by the farm's clock. */
static void ago(const json_t *look, int64_t at_ms, char words[static 24])
{
	int64_t age = number_of(json_object_get(look, "farm"), "now_ms") - at_ms;

	if (at_ms > 0)
		iw_time_words(age > 0 ? age : 0, words);
	else
		memcpy(words, "-", 2);
}

/* -- cores -------------------------------------------------------------------------- */

static void add_work(
	struct cli_table *t, const json_t *look, int64_t core, const json_t *work)
{
	char since[24];

	cli_table_cell(t, "%lld", (long long)core);
	if (!json_is_object(work)) {
		cli_table_cell(t, "idle");
		cli_table_cell(t, "%s", "");
		cli_table_cell(t, "%s", "");
		cli_table_cell(t, "%s", "");
		return;
	}
	ago(look, number_of(work, "since_ms"), since);
	cli_table_cell(t, "%s", text_of(work, "purpose"));
	cli_table_cell(t, "%s", since);
	cli_table_cell(t, "%s", text_of(work, "what"));
	cli_table_cell(t, "%s", text_of(work, "why"));
}

static struct cli_table *cores_table(const json_t *look)
{
	const json_t *slots = json_object_get(json_object_get(look, "farm"), "slots");
	struct cli_table *t = cli_table_new(">core|runs|>for|what|why");
	json_t *slot;
	size_t i;

	json_array_foreach(slots, i, slot)
	{
		const json_t *engine = json_object_get(slot, "engine");
		const json_t *front = json_object_get(slot, "front");
		int64_t core = number_of(slot, "core");

		if (json_is_object(front) || !json_is_object(engine))
			add_work(t, look, core, front);
		if (json_is_object(engine))
			add_work(t, look, core, engine);
	}
	return t;
}

/* -- targets and bugs --------------------------------------------------------------- */

struct order {
	const char *name, *key; /* key NULL: as answered */
	bool is_text;		/* A first; numbers: the largest first */
};

static const struct order target_orders[] = {
	{"name", "adapter", true},
	{"exec/s", "per_second", false},
	{"features", "features", false},
	{"units", "units", false},
	{"crashes", "crashes", false},
	{"open bugs", "open_bugs", false},
	{"last find", "found_ms", false},
	{NULL, NULL, false},
};
static const struct order bug_orders[] = {
	{"age", NULL, false},
	{"target", "adapter", true},
	{"sightings", "sightings", false},
	{"blame", "outcome", true},
	{NULL, NULL, false},
};

static const struct order *order_of(const struct top_list_spec *spec)
{
	const struct order *orders = spec->what == TOP_BUGS ? bug_orders : target_orders;
	int n = 0;

	while (orders[n].name)
		n++;
	return &orders[spec->sort % n];
}

static int compare_names(const json_t *a, const json_t *b)
{
	int rc = strcmp(text_of(a, "adapter"), text_of(b, "adapter"));

	return rc ? rc : strcmp(text_of(a, "target"), text_of(b, "target"));
}

struct item {
	const json_t *json;
	const struct order *order;
	size_t position; /* as answered: equals stay where they were */
};

static int compare_items(const void *left, const void *right)
{
	const struct item *a = left, *b = right;
	const char *key = a->order->key;
	int64_t x = number_of(a->json, key), y = number_of(b->json, key);
	int rc = !a->order->is_text
		? (x < y) - (x > y)
		: strcmp(text_of(a->json, key), text_of(b->json, key));

	if (rc == 0 && a->order->is_text)
		rc = compare_names(a->json, b->json);
	return rc ? rc : (a->position > b->position) - (a->position < b->position);
}

/* The caller frees it. */
static struct item *sorted(const json_t *array, const struct order *order)
{
	size_t n = json_array_size(array), i;
	struct item *items = iw_calloc(n + 1, sizeof *items);

	for (i = 0; i < n; i++)
		items[i] = (struct item){json_array_get(array, i), order, i};
	if (order->key)
		qsort(items, n, sizeof *items, compare_items);
	return items;
}

static void add_count(struct cli_table *t, const json_t *object, const char *key)
{
	if (json_is_integer(json_object_get(object, key)))
		cli_table_number(t, number_of(object, key));
	else
		cli_table_cell(t, "-");
}

/* The longest wait of a unit that some sanitizer has not seen, and whether it is too long.
 */
static bool is_late(const json_t *target, int64_t *oldest_ms)
{
	json_t *judging = json_object_get(target, "judging"), *judge;
	const char *flavour;
	bool late = false;

	*oldest_ms = 0;
	json_object_foreach (judging, flavour, judge) {
		late |= number_of(judge, "late") > 0;
		if (number_of(judge, "oldest_ms") > *oldest_ms)
			*oldest_ms = number_of(judge, "oldest_ms");
	}
	return late;
}

static void add_target(struct cli_table *t, const json_t *look, const json_t *target)
{
	const json_t *start = json_object_get(target, "features_start");
	char found[24], unseen[24] = "-";
	int64_t oldest_ms;

	is_late(target, &oldest_ms);
	if (oldest_ms > 0)
		iw_time_words(oldest_ms, unseen);
	ago(look, number_of(target, "found_ms"), found);
	cli_table_cell(t, "%s/%s", text_of(target, "adapter"), text_of(target, "target"));
	cli_table_cell(t, "%s", text_of(target, "status"));
	add_count(t, target, "per_second");
	add_count(t, target, "features");
	if (json_is_integer(start))
		cli_table_cell(t, "%+lld",
			(long long)(number_of(target, "features") -
				json_integer_value(start)));
	else
		cli_table_cell(t, "-");
	add_count(t, target, "units");
	add_count(t, target, "crashes");
	add_count(t, target, "open_bugs");
	cli_table_cell(t, "%s", found);
	cli_table_cell(t, "%s", unseen);
}

static void add_bug(struct cli_table *t, const json_t *look, const json_t *bug)
{
	_auto_free_ char *name = json_is_string(json_object_get(bug, "type"))
		? cli_bug_name(text_of(bug, "type"), json_object_get(bug, "frames"))
		: iw_strdup("private");
	_auto_free_ char *blame =
		cli_bug_blame(json_string_value(json_object_get(bug, "outcome")),
			json_object_get(bug, "prs"), json_object_get(bug, "commits"));
	char found[24];

	ago(look, number_of(bug, "found_ms"), found);
	cli_table_cell(t, "%lld", (long long)number_of(bug, "id"));
	cli_table_cell(t, "%s", name);
	cli_table_cell(t, "%s/%s", text_of(bug, "adapter"), text_of(bug, "target"));
	cli_table_cell(t, "%s", text_of(bug, "state"));
	cli_table_cell(t, "%lld/%lld", (long long)number_of(bug, "hits"),
		(long long)number_of(bug, "runs"));
	add_count(t, bug, "sightings");
	cli_table_cell(t, "%s", blame);
	cli_table_cell(t, "%s", found);
}

/* -- one of them -------------------------------------------------------------------- */

static const char *const list_names[TOP_WHATS] = {"targets", "bugs", "cores"};

static bool is_bad(enum top_what what, const json_t *json)
{
	int64_t oldest_ms;

	if (what == TOP_TARGETS)
		return strcmp(text_of(json, "status"), "broken") == 0 ||
			is_late(json, &oldest_ms);
	return json_is_true(json_object_get(json, "security"));
}

static void fill(struct top_list *l, const struct top_list_spec *spec, const json_t *look)
{
	const json_t *array = json_object_get(look, list_names[spec->what]);
	const struct order *order = order_of(spec);
	struct item *items;
	int i;

	l->order = order->name;
	items = sorted(array, order);
	l->count = (int)json_array_size(array);
	l->styles = iw_calloc((size_t)l->count + 1, sizeof *l->styles);
	l->table = spec->what == TOP_BUGS
		? cli_table_new(">bug|type|target|state|>rate|>seen|pull request|>found")
		: cli_table_new(
			  "target|status|>exec/s|>features|>new|>units|>crashes|>bugs"
			  "|>last find|>unseen");
	for (i = 0; i < l->count; i++) {
		if (spec->what == TOP_BUGS)
			add_bug(l->table, look, items[i].json);
		else
			add_target(l->table, look, items[i].json);
		if (is_bad(spec->what, items[i].json))
			l->styles[i] = CLI_BAD;
	}
	free(items);
}

void top_list_init(
	struct top_list *l, const struct top_list_spec *spec, const json_t *look)
{
	static const char *const expendable[TOP_WHATS] = {"94658", "5347", ""};

	*l = (struct top_list){.name = list_names[spec->what]};
	if (spec->what == TOP_CORES) {
		l->table = cores_table(look);
		l->count = cli_table_lines(l->table) - 1;
	} else {
		fill(l, spec, look);
	}
	if (spec->width)
		cli_table_fit(l->table, spec->width, expendable[spec->what]);
}

void top_list_fini(struct top_list *l)
{
	cli_table_free(l->table);
	free(l->styles);
}
