#include "cli/pile_bug.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "cli/pile_ask.h"
#include "cli/pile_folder.h"
#include "triage/debugger.h"
#include "triage/rate.h"

#include "base/banned.h"

/* Of a bug so many files are tried before it is given up. */
#define FILES_TRIED 4
/* Candidates by chance, where each fails that is as good: fewer than for one bug alone. */
#define CHANCES 1024

struct pile_bug *pile_bug_new(struct pile *pile, const struct triage_signature *seen)
{
	struct pile_bug *bug = iw_calloc(1, sizeof *bug);

	bug->pile = pile;
	if (seen) {
		triage_signature_copy(&bug->seen, seen);
		if (*seen->type)
			pile_know(pile, seen, bug);
	}
	return bug;
}

void pile_bug_add(struct pile_bug *bug, size_t file)
{
	iw_grow(bug->files, bug->count, bug->cap);
	bug->files[bug->count++] = file;
	bug->pile->entries[file].bug = bug;
}

void pile_bug_free(struct pile_bug *bug)
{
	triage_signature_fini(&bug->seen);
	triage_signature_fini(&bug->signature);
	triage_signature_fini(&bug->mute);
	free(bug->folder);
	free(bug->files);
	free(bug->source);
	free(bug->original);
	free(bug->input);
	free(bug->report);
	free(bug->smaller);
	free(bug);
}

static void end(struct pile_bug *bug, enum pile_bug_state state)
{
	bug->state = state;
	pile_bug_ended(bug);
}

/* -- fresh runs --------------------------------------------------------------------- */

static void on_run(struct triage_reproduce *op, const struct iw_err *err, void *ctx);

/* By what its runs are told from others. */
static const struct triage_signature *in_runs(const struct pile_bug *bug)
{
	return *bug->mute.type ? &bug->mute : &bug->signature;
}

/* how says what is run and how often. */
static void run(struct pile_bug *bug, struct triage_reproduce_spec how)
{
	const struct cli_plain *plain = bug->pile->spec.plain;

	how.build = &plain->build;
	how.target = &plain->target;
	how.purpose = IW_PURPOSE_REPRODUCE;
	how.is_hang = triage_signature_is_hang(
		*bug->signature.type ? &bug->signature : &bug->seen);
	bug->reproduce = triage_reproduce_start(&plain->world, &how, on_run, bug);
}

/* What is left of the runs that show a bug which fails at times, for each file of it. */
static unsigned runs_left(const struct pile_bug *bug)
{
	size_t files = bug->count < FILES_TRIED ? bug->count : FILES_TRIED;
	unsigned left = (unsigned)(files - bug->tried + 1), runs = 0;

	if (bug->missed < TRIAGE_RATE_MISSES)
		runs = (TRIAGE_RATE_MISSES - bug->missed + left - 1) / left;
	return runs > TRIAGE_RATE_STABLE ? runs : TRIAGE_RATE_STABLE;
}

/* Does it fail alone? A hang's stacks are compared: what they share names it. */
static void look(struct pile_bug *bug)
{
	bool is_slow = triage_signature_is_hang(&bug->seen);

	run(bug,
		(struct triage_reproduce_spec){
			.input = bug->original,
			.len = bug->original_len,
			.runs = is_slow ? TRIAGE_RATE_HANG_STABLE : runs_left(bug),
			.stop_hits = !is_slow,
			.price_ms = TRIAGE_RATE_MS,
			.had_runs = bug->missed,
			.had_ms = bug->ms,
		});
}

static void measure_rate(struct pile_bug *bug)
{
	run(bug,
		(struct triage_reproduce_spec){
			.input = bug->original,
			.len = bug->original_len,
			.is_for_rate = true,
			.had_hits = bug->hits,
			.had_runs = bug->runs,
			.had_ms = bug->ms,
			.same = in_runs(bug),
		});
}

/* Takes the next file of it that can be read; false: there is none, or it has taken too
 * long already. */
static bool load_next(struct pile_bug *bug)
{
	if (triage_rate_is_spent(bug->missed, bug->ms, TRIAGE_RATE_MS))
		return false;
	while (bug->tried < bug->count && bug->tried < FILES_TRIED) {
		size_t file = bug->files[bug->tried++];
		const char *path = bug->pile->spec.files->items[file].path;

		free(iw_steal(&bug->original));
		if (iw_file_read(path, CLI_FILE_MAX, &bug->original, &bug->original_len,
			    NULL) < 0)
			continue;
		free(bug->source);
		bug->source = iw_strdup(path);
		return true;
	}
	return false;
}

static void try_next(struct pile_bug *bug)
{
	bug->state = PILE_BUG_RUNNING;
	if (!load_next(bug)) {
		end(bug, PILE_BUG_GONE);
		return;
	}
	bug->hits = bug->runs = 0;
	look(bug);
}

/* -- minimizing --------------------------------------------------------------------- */

static void settle(struct pile_bug *bug, bool is_minimized)
{
	bug->is_minimized = is_minimized;
	bug->state = PILE_BUG_DONE;
	pile_folder_write_bug(bug->pile, bug);
	pile_bug_ended(bug);
}

static void on_minimized(struct triage_minimize *op, const struct iw_err *err, void *ctx)
{
	struct pile_bug *bug = ctx;
	size_t len;
	const uint8_t *best = triage_minimize_best(op, &len);
	bool is_smaller =
		len < bug->len || (len == bug->len && memcmp(best, bug->input, len) != 0);

	(void)err; /* the best so far stands all the same */
	free(bug->smaller);
	bug->smaller = is_smaller ? iw_memdup(best, len) : NULL;
	bug->smaller_len = len;
	triage_minimize_free(op);
	bug->minimize = NULL;
	if (bug->pile->is_stopped) {
		settle(bug, false);
	} else if (is_smaller) {
		bug->state = PILE_BUG_CHECKING;
		run(bug,
			(struct triage_reproduce_spec){
				.input = bug->smaller,
				.len = bug->smaller_len,
				.runs = bug->runs,
				.price_ms = TRIAGE_RATE_MS,
				.same = in_runs(bug),
			});
	} else {
		settle(bug, true);
	}
}

static void minimize(struct pile_bug *bug)
{
	const struct pile *pile = bug->pile;
	struct triage_minimize_spec spec = {
		.build = &pile->spec.plain->build,
		.target = &pile->spec.plain->target,
		.signature = in_runs(bug),
		.input = bug->input,
		.len = bug->len,
		.hits = bug->hits,
		.runs = bug->runs,
		.width = (unsigned)iw_slots_count(pile->spec.plain->slots),
		.chances =
			triage_signature_is_hang(&bug->signature) || bug->hits < bug->runs
			? 0
			: CHANCES,
		.budget_ms = pile->spec.budget_ms,
	};

	if (pile->spec.budget_ms == 0 || pile->is_stopped) {
		settle(bug, false);
		return;
	}
	if (!bug->is_known)
		pile_folder_write_bug(bug->pile, bug); /* whatever comes */
	bug->state = PILE_BUG_MINIMIZING;
	bug->minimize =
		triage_minimize_start(&pile->spec.plain->world, &spec, on_minimized, bug);
}

/* -- what runs say ------------------------------------------------------------------ */

static void take_report(struct pile_bug *bug, struct triage_reproduce_result *r)
{
	free(bug->report);
	bug->report = iw_steal(&r->report);
	bug->report_len = r->report_len;
	bug->severity = triage_severity_word(r->severity.class);
	bug->is_security |= r->severity.is_security;
}

/* It fails alone: it is a bug, and perhaps one that is known. */
static void confirm(struct pile_bug *bug, struct triage_reproduce_result *r)
{
	bool is_first = !*bug->signature.type;
	struct pile_bug *other;

	bug->hits += r->hits;
	bug->runs += r->runs;
	if (is_first) {
		triage_signature_copy(&bug->signature, &r->signature);
		take_report(bug, r);
		other = pile_find(bug->pile, &bug->signature, bug);
		if (other) {
			for (size_t i = 0; i < bug->count; i++)
				pile_bug_add(other, bug->files[i]);
			bug->into = other;
			end(bug, PILE_BUG_MERGED);
			return;
		}
		pile_know(bug->pile, &bug->signature, bug);
		bug->number = ++bug->pile->numbers;
		bug->folder = pile_folder_name(bug);
		bug->input = iw_memdup(bug->original, bug->original_len);
		bug->len = bug->original_len;
	}
	if (triage_rate_wants_more(bug->hits, bug->runs, bug->ms,
		    triage_signature_is_hang(&bug->signature)) &&
		is_first)
		measure_rate(bug);
	else
		minimize(bug);
}

/* Smaller, and it fails as often; or as far as a few runs can tell. */
static void check(struct pile_bug *bug, struct triage_reproduce_result *r)
{
	bool is_as_good = bug->hits == bug->runs ? r->hits == r->runs : r->hits > 0;

	if (is_as_good) {
		free(bug->input);
		bug->input = iw_steal(&bug->smaller);
		bug->len = bug->smaller_len;
		bug->hits = r->hits;
		bug->runs = r->runs;
		take_report(bug, r);
	}
	settle(bug, true);
}

/* -- runs that do not say where they died ------------------------------------------- */

/* The same at last: what the runs said, and what gdb saw of the input. */
static void take_runs(struct pile_bug *bug, struct triage_reproduce_result *r)
{
	if (bug->state == PILE_BUG_CHECKING)
		check(bug, r);
	else
		confirm(bug, r);
}

/* What gdb saw becomes a part of the runs' report. A smaller input that dies elsewhere by
 * the same signal is no smaller one of this bug. */
static void add_told(
	struct pile_bug *bug, struct triage_reproduce_result *r, const char *told)
{
	struct triage_signature sig = {0};
	_auto_free_ char *before = r->report;

	r->report = pile_join_report(before, r->report_len, told, &r->report_len);
	if (!triage_read_report(r->report, r->report_len, NULL, &sig, &r->severity))
		return;
	if (bug->state == PILE_BUG_CHECKING &&
		!triage_signature_same(&bug->signature, &sig))
		r->hits = 0;
	triage_signature_fini(&bug->mute);
	bug->mute = r->signature;
	r->signature = sig;
}

static void on_told(struct triage_debugger *debugger, void *ctx)
{
	struct pile_bug *bug = ctx;
	struct triage_reproduce *op = iw_steal(&bug->reproduce);
	struct triage_reproduce_result *r = triage_reproduce_result(op);
	_auto_free_ char *told = triage_debugger_take(debugger);

	triage_debugger_free(debugger);
	bug->debugger = NULL;
	if (told)
		add_told(bug, r, told);
	else if (bug->state == PILE_BUG_CHECKING && *bug->mute.type)
		r->hits = 0; /* nobody knows where that one dies */
	if (told || !bug->pile->is_stopped)
		take_runs(bug, r);
	else if (bug->number)
		settle(bug, false);
	else
		pile_bug_ended(bug); /* the next call asks again */
	triage_reproduce_free(op);
}

/* Keeps the runs until then. false: there is nothing to ask. */
static bool ask(struct pile_bug *bug, struct triage_reproduce *op)
{
	const struct triage_reproduce_result *r = triage_reproduce_result(op);
	const struct cli_plain *plain = bug->pile->spec.plain;
	bool is_check = bug->state == PILE_BUG_CHECKING;
	struct triage_debugger_spec spec = {.build = &plain->build,
		.target = &plain->target,
		.input = is_check ? bug->smaller : bug->original,
		.len = is_check ? bug->smaller_len : bug->original_len};

	if (!plain->spec.args || r->hits == 0 || r->signature.frames.count > 0 ||
		triage_signature_is_hang(&r->signature) ||
		(*bug->signature.type && !is_check) || !triage_debugger_find())
		return false;
	bug->reproduce = op;
	bug->debugger = triage_debugger_start(&plain->world, &spec, on_told, bug);
	return true;
}

static void on_run(struct triage_reproduce *op, const struct iw_err *err, void *ctx)
{
	struct pile_bug *bug = ctx;
	struct triage_reproduce_result *r = triage_reproduce_result(op);

	bug->reproduce = NULL;
	bug->ms += r->ms;
	if (err && err->code != IW_ECANCELED && !bug->pile->err.code)
		iw_err_copy(&bug->pile->err, err);
	if (!err && ask(bug, op))
		return;
	if (err && bug->number)
		settle(bug, false);
	else if (err)
		pile_bug_ended(bug);
	else if (bug->state == PILE_BUG_CHECKING || r->hits > 0 || *bug->signature.type)
		take_runs(bug, r);
	else {
		bug->missed += r->runs;
		try_next(bug);
	}
	triage_reproduce_free(op);
}

void pile_bug_start(struct pile_bug *bug)
{
	if (*bug->signature.type)
		minimize(bug); /* an earlier run has confirmed it */
	else
		try_next(bug);
}

void pile_bug_stop(struct pile_bug *bug)
{
	if (bug->debugger)
		triage_debugger_stop(bug->debugger);
	else if (bug->reproduce)
		triage_reproduce_stop(bug->reproduce);
	if (bug->minimize)
		triage_minimize_stop(bug->minimize);
}
