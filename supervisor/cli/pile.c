#include "cli/pile.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/time.h"
#include "cli/gist.h"
#include "cli/pile_ask.h"
#include "cli/pile_bug.h"
#include "cli/pile_folder.h"

#include "base/banned.h"

#define PROGRESS_MS 200
/* Stacks without names that agree so far are one place; engines' own frames come first. */
#define KEY_FRAMES 24
/* More bugs at work than slots, because some of them wait for names. */
#define BUSY_EXTRA 4
/* Where a bug is flaky a file that passed may be one of its own: it is run so often again. A
 * file that fails in a third of its runs is missed by one in twelve then. */
#define ROUNDS 5

/* Files that died alike, by their raw stacks: their report gets names once. */
struct pile_group {
	struct pile *pile;
	char *key;
	struct pile_bug *bug; /* NULL: nobody knows yet, or it is none */
	size_t *files, count, cap;
	struct san_naming *naming;
	enum engine_death death;
	bool is_named, is_exit;
};

/* -- what is known ------------------------------------------------------------------ */

struct pile_bug *pile_bug_survivor(struct pile_bug *bug)
{
	while (bug && bug->state == PILE_BUG_MERGED)
		bug = bug->into;
	return bug;
}

void pile_know(
	struct pile *pile, const struct triage_signature *sig, struct pile_bug *bug)
{
	triage_clusters_add(pile->clusters, sig, bug);
}

struct search {
	const struct pile_bug *except;
	struct triage_nearest near;
};

/* What was merged speaks for the bug that it is a part of. */
static void take_near(void *ctx, void *owner, double similarity)
{
	struct search *s = ctx;
	struct pile_bug *bug = pile_bug_survivor(owner);

	if (bug != s->except && bug->state != PILE_BUG_GONE)
		triage_nearest_take(&s->near, bug, bug, similarity);
}

struct pile_bug *pile_find(
	struct pile *pile, const struct triage_signature *sig, struct pile_bug *except)
{
	struct search s = {.except = except};

	triage_clusters_find(pile->clusters, sig, take_near, &s);
	if (triage_nearest_joins(&s.near)) {
		iw_grow(pile->joints, pile->joint_count, pile->joint_cap);
		pile->joints[pile->joint_count++] =
			(struct pile_joint){s.near.owner, s.near.other};
	}
	return s.near.owner;
}

struct pile_bug *pile_entry_bug(const struct pile_entry *entry)
{
	return pile_bug_survivor(entry->bug);
}

const struct pile_entry *pile_entry_of(const struct pile *pile, size_t file)
{
	return &pile->entries[pile->entries[file].twin];
}

bool pile_bug_is_shown(const struct pile_bug *bug)
{
	return bug->number > 0 && bug->state != PILE_BUG_MERGED;
}

size_t pile_count(const struct pile *pile, enum pile_fate fate)
{
	size_t n = 0, i;

	for (i = 0; i < pile->spec.files->count; i++)
		n += pile_entry_of(pile, i)->fate == fate;
	return n;
}

size_t pile_unconfirmed(const struct pile *pile)
{
	size_t n = 0, i;

	for (i = 0; i < pile->spec.files->count; i++) {
		const struct pile_entry *entry = pile_entry_of(pile, i);

		n += entry->fate == PILE_UNKNOWN && entry->bug != NULL;
	}
	return n;
}

/* Twins do not run. */
size_t pile_progress(const struct pile *pile)
{
	size_t done = pile->known + pile->twins;

	return done + (pile->sift ? cli_sift_progress(pile->sift) : pile->sifted);
}

size_t pile_bug_files(const struct pile_bug *bug)
{
	const struct pile *pile = bug->pile;
	size_t n = 0, i;

	for (i = 0; i < pile->spec.files->count; i++)
		n += pile_entry_bug(pile_entry_of(pile, i)) == bug;
	return n;
}

/* -- deaths ------------------------------------------------------------------------- */

struct pile_bug *pile_add_bug(struct pile *pile, struct pile_bug *bug)
{
	iw_grow(pile->bugs, pile->bug_count, pile->bug_cap);
	return pile->bugs[pile->bug_count++] = bug;
}

/* Its fate once its bug's is known. */
static enum pile_fate fate_of(const struct pile_bug *bug)
{
	if (bug->number > 0)
		return PILE_FAILED;
	return bug->state == PILE_BUG_GONE ? PILE_VANISHED : PILE_UNKNOWN;
}

static void add_sighting(struct pile_group *g, size_t file)
{
	struct pile *pile = g->pile;

	if (g->is_exit) {
		pile->entries[file].fate = PILE_PASSED;
		return;
	}
	g->bug = pile_bug_survivor(g->bug);
	pile_bug_add(g->bug, file);
	pile->entries[file].fate = fate_of(g->bug);
}

/* What its report says, now that it has names. */
static void take_names(
	struct pile_group *g, const char *text, size_t len, bool is_program)
{
	struct triage_signature seen = {0};
	bool is_read = triage_read_report(text, len, NULL, &seen, NULL);
	size_t i;

	g->is_named = true;
	g->is_exit = is_program && !is_read && g->death == ENGINE_DEATH_EXIT;
	if (!is_read && g->death == ENGINE_DEATH_TIMEOUT)
		triage_signature_init(&seen, "Timeout", NULL);
	if (!g->is_exit) {
		g->bug = *seen.type ? pile_find(g->pile, &seen, NULL) : NULL;
		if (!g->bug)
			g->bug = pile_add_bug(g->pile, pile_bug_new(g->pile, &seen));
	}
	for (i = 0; i < g->count; i++)
		add_sighting(g, g->files[i]);
	triage_signature_fini(&seen);
}

static void on_named(struct san_naming *naming, void *ctx)
{
	struct pile_group *g = ctx;
	size_t len;
	_auto_free_ char *text = triage_named_report(naming, &len);

	g->naming = NULL;
	g->pile->naming--;
	/* Half a report is no answer. */
	if (!g->pile->is_stopped)
		take_names(g, text, len, g->pile->spec.plain->spec.args != NULL);
	pile_go_on(g->pile);
}

static void name(struct pile_group *g, const struct engine_unit_result *result)
{
	const struct cli_plain *plain = g->pile->spec.plain;
	struct san_naming_spec spec = {
		.dir = plain->build.dir,
		.binary = plain->path,
		.text = result->report ? result->report : "",
		.len = result->report ? result->report_len : 0,
	};

	if (!plain->world.symbolizer) {
		take_names(g, spec.text, spec.len, plain->spec.args != NULL);
		return;
	}
	g->pile->naming++;
	g->naming = san_naming_start(plain->world.symbolizer, &spec, on_named, g);
}

static struct pile_group *find_group(struct pile *pile, const char *key)
{
	size_t i;

	for (i = 0; i < pile->group_count; i++)
		if (strcmp(pile->groups[i]->key, key) == 0)
			return pile->groups[i];
	return NULL;
}

void pile_take_death(
	struct pile *pile, size_t file, const struct engine_unit_result *result)
{
	_auto_free_ char *key = cli_gist_key(engine_death_name(result->death),
		result->report, result->report_len, KEY_FRAMES);
	struct pile_group *g = find_group(pile, key);

	if (g && g->is_named) {
		add_sighting(g, file);
		return;
	}
	if (g) {
		iw_grow(g->files, g->count, g->cap);
		g->files[g->count++] = file;
		return;
	}
	g = iw_calloc(1, sizeof *g);
	g->pile = pile;
	g->key = iw_steal(&key);
	g->death = result->death;
	iw_grow(g->files, g->count, g->cap);
	g->files[g->count++] = file;
	iw_grow(pile->groups, pile->group_count, pile->group_cap);
	pile->groups[pile->group_count++] = g;
	name(g, result);
}

static void on_unit(void *ctx, size_t file, const struct engine_unit_result *result)
{
	struct pile *pile = ctx;

	pile->sifted++;
	if (!result)
		pile_bug_add(pile_add_bug(pile, pile_bug_new(pile, NULL)), file);
	else if (result->outcome == ENGINE_PASSED)
		pile->entries[file].fate = PILE_PASSED;
	else if (!pile_ask(pile, file, result))
		pile_take_death(pile, file, result);
	pile_go_on(pile);
}

/* -- the work ----------------------------------------------------------------------- */

static void stop(struct pile *pile)
{
	size_t i;

	pile->is_stopped = true;
	if (pile->sift)
		cli_sift_stop(pile->sift);
	for (i = 0; i < pile->group_count; i++)
		if (pile->groups[i]->naming)
			san_naming_stop(pile->groups[i]->naming);
	pile_ask_stop(pile);
	for (i = 0; i < pile->bug_count; i++)
		pile_bug_stop(pile->bugs[i]);
}

static void start_bugs(struct pile *pile)
{
	size_t max = (size_t)iw_slots_count(pile->spec.plain->slots) + BUSY_EXTRA, i;

	for (i = 0; i < pile->bug_count && pile->busy < max; i++) {
		struct pile_bug *bug = pile->bugs[i];

		if (bug->state != PILE_BUG_WAITING || pile->is_stopped)
			continue;
		pile->busy++;
		pile_bug_start(bug);
	}
}

static bool has_flaky(const struct pile *pile)
{
	size_t i;

	for (i = 0; i < pile->bug_count; i++)
		if (pile_bug_is_shown(pile->bugs[i]) &&
			pile->bugs[i]->hits < pile->bugs[i]->runs)
			return true;
	return false;
}

static void on_sifted(void *ctx, const struct iw_err *err);

static void start_sift(struct pile *pile, const size_t *todo, size_t count)
{
	struct cli_sift_events events = {.ctx = pile, .unit = on_unit, .done = on_sifted};

	pile->sift =
		cli_sift_start(pile->spec.plain, pile->spec.files, todo, count, &events);
}

/* Those that passed, once more. false: there is no reason to. */
static bool sift_again(struct pile *pile)
{
	const struct cli_files *files = pile->spec.files;
	_auto_free_ size_t *todo = NULL;
	size_t count = 0, i;

	if (pile->is_stopped || pile->rounds == ROUNDS || !has_flaky(pile))
		return false;
	todo = iw_calloc(files->count, sizeof *todo);
	for (i = 0; i < files->count; i++)
		if (pile->entries[i].fate == PILE_PASSED && pile->entries[i].twin == i &&
			!pile->entries[i].is_old)
			todo[count++] = i;
	if (count == 0)
		return false;
	pile->rounds++;
	pile->sifted -= count;
	start_sift(pile, todo, count);
	return true;
}

/* Whatever has come to an end: what comes next, and whether all is over. A bug may end
 * before its start returns. */
void pile_go_on(struct pile *pile)
{
	if (pile->is_going || pile->is_over)
		return;
	pile->is_going = true;
	if (pile->err.code && !pile->is_stopped)
		stop(pile);
	start_bugs(pile);
	pile->is_going = false;
	if (pile->sift || pile->naming > 0 || pile->questions || pile->busy > 0 ||
		sift_again(pile))
		return;
	pile->is_over = true;
	iw_timer_free(iw_steal(&pile->look));
	cli_interrupt_free(iw_steal(&pile->interrupt));
}

void pile_bug_ended(struct pile_bug *bug)
{
	struct pile *pile = bug->pile;
	size_t i;

	pile->busy--;
	for (i = 0; i < bug->count; i++)
		pile->entries[bug->files[i]].fate = fate_of(pile_bug_survivor(bug));
	pile_go_on(pile);
}

static void on_sifted(void *ctx, const struct iw_err *err)
{
	struct pile *pile = ctx;

	if (err && !pile->err.code && !pile->is_stopped)
		iw_err_copy(&pile->err, err);
	cli_sift_free(iw_steal(&pile->sift));
	pile_go_on(pile);
}

static void on_interrupt(void *ctx)
{
	stop(ctx);
}

static void on_look(void *ctx)
{
	struct pile *pile = ctx;

	pile->spec.progress(pile);
}

/* -- files that are the same -------------------------------------------------------- */

struct named_sha {
	struct iw_sha256 sha;
	size_t file;
};

static int compare_shas(const void *left, const void *right)
{
	const struct named_sha *a = left, *b = right;
	int order = memcmp(&a->sha, &b->sha, sizeof a->sha);

	return order ? order : (a->file > b->file) - (a->file < b->file);
}

static int hash_files(struct pile *pile, struct iw_err *err)
{
	const struct cli_files *files = pile->spec.files;
	struct named_sha *shas = iw_calloc(files->count, sizeof *shas);
	size_t i;
	int rc = 0;

	pile->entries = iw_calloc(files->count, sizeof *pile->entries);
	for (i = 0; rc == 0 && i < files->count; i++) {
		_auto_free_ char *data = NULL;
		size_t len;

		rc = iw_file_read(files->items[i].path, CLI_FILE_MAX, &data, &len, err);
		if (rc == 0)
			pile->entries[i].sha = iw_sha256(data, len);
		shas[i] = (struct named_sha){pile->entries[i].sha, i};
	}
	qsort(shas, files->count, sizeof *shas, compare_shas);
	for (i = 0; i < files->count; i++) {
		bool is_twin = i > 0 && iw_sha256_equal(&shas[i - 1].sha, &shas[i].sha);

		pile->entries[shas[i].file].twin =
			is_twin ? pile->entries[shas[i - 1].file].twin : shas[i].file;
	}
	free(shas);
	return rc;
}

static void start(struct pile *pile)
{
	const struct cli_files *files = pile->spec.files;
	size_t *todo = iw_calloc(files->count, sizeof *todo), count = 0, i;

	for (i = 0; i < files->count; i++) {
		struct pile_entry *entry = &pile->entries[i];

		entry->is_old = pile_entry_of(pile, i)->fate != PILE_UNKNOWN;
		if (entry->is_old)
			pile->known++;
		else if (entry->twin == i)
			todo[count++] = i;
		else
			pile->twins++;
	}
	/* First the handler: runs begin before their start returns. */
	pile->interrupt =
		cli_interrupt_new(pile->spec.plain->world.loop, on_interrupt, pile);
	start_sift(pile, todo, count);
	free(todo);
	if (pile->spec.progress) {
		pile->look = iw_timer_new(pile->spec.plain->world.loop, on_look, pile);
		iw_timer_start(pile->look, PROGRESS_MS, PROGRESS_MS);
	}
}

/* What turned out to be one bug while both were at work. The one with the lower number is
 * the one that people may have seen. */
static void join_bugs(struct pile *pile)
{
	size_t i, k;

	for (i = 0; i < pile->joint_count; i++) {
		struct pile_bug *a = pile_bug_survivor(pile->joints[i].a);
		struct pile_bug *b = pile_bug_survivor(pile->joints[i].b);
		struct pile_bug *younger = a->number > b->number ? a : b;
		struct pile_bug *older = younger == a ? b : a;

		if (a == b || !pile_bug_is_shown(a) || !pile_bug_is_shown(b))
			continue;
		younger->state = PILE_BUG_MERGED;
		younger->is_part = true;
		younger->into = older;
		for (k = 0; k < younger->count; k++)
			pile_bug_add(older, younger->files[k]);
	}
}

/* By number, those that have none at the end. */
static int compare_bugs(const void *left, const void *right)
{
	const struct pile_bug *a = *(struct pile_bug *const *)left;
	const struct pile_bug *b = *(struct pile_bug *const *)right;
	unsigned x = (unsigned)a->number - 1, y = (unsigned)b->number - 1;

	return (x > y) - (x < y);
}

int pile_run(struct pile *pile, const struct pile_spec *spec, struct iw_err *err)
{
	int rc;

	*pile = (struct pile){.spec = *spec,
		.clusters = triage_clusters_new(),
		.start_ms = iw_time_mono_ms()};
	rc = hash_files(pile, err);
	if (rc == 0)
		rc = pile_folder_open(pile, err);
	if (rc < 0)
		return rc;
	start(pile);
	iw_loop_run_until(spec->plain->world.loop, &pile->is_over);
	join_bugs(pile);
	if (pile->bug_count)
		qsort(pile->bugs, pile->bug_count, sizeof(struct pile_bug *),
			compare_bugs);
	rc = pile_folder_close(pile, pile->err.code ? NULL : err);
	if (pile->err.code)
		return iw_err_copy(err, &pile->err);
	if (rc == 0 && pile->is_stopped)
		return iw_err_set(err, IW_ECANCELED, "stopped by a signal");
	return rc;
}

void pile_fini(struct pile *pile)
{
	size_t i;

	for (i = 0; i < pile->group_count; i++) {
		free(pile->groups[i]->key);
		free(pile->groups[i]->files);
		free(pile->groups[i]);
	}
	for (i = 0; i < pile->bug_count; i++)
		pile_bug_free(pile->bugs[i]);
	triage_clusters_free(pile->clusters);
	free(pile->joints);
	free(pile->groups);
	free(pile->bugs);
	free(pile->entries);
	*pile = (struct pile){0};
}
