/*
 * `ironworks minimize FILE --binary PROGRAM`: makes one crashing input small.
 *
 *	SEE, without names --> MINIMIZE --> CONFIRM: start and result, with names
 *
 * The first look needs no names, because both sides come from one program; that makes it
 * cheap enough to be forgotten beside what follows. A hang has nothing but names.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/time.h"
#include "cli/cli.h"
#include "cli/interrupt.h"
#include "cli/plain.h"
#include "triage/minimize.h"
#include "triage/rate.h"
#include "triage/reproduce.h"

#include "base/banned.h"

#define BUDGET_MS 60000
#define CANDIDATES_MAX 1000000
#define CHANCES 8192
#define INPUT_MAX ((size_t)16 << 20)
/* Two hits of two are taken for a stable one until it shows that they were luck. */
#define SEE_RUNS 30
#define SEE_HITS 2
#define FLAKY_HITS 5
#define CONFIRM_RUNS 5
#define CONFIRM_FLAKY_RUNS 25
#define HANG_RUNS 2
#define PROGRESS_MS 200

static const char help[] =
	"Examples:\n"
	"  ironworks minimize ./crash-1 --binary ./fuzz\n"
	"  ironworks minimize ./crash-1 --binary ./fuzz --budget 5m --out small\n"
	"  ironworks minimize ./crash-1 --binary ./tool --args '--fast @@'\n"
	"\n"
	"usage: ironworks minimize FILE --binary PROGRAM [--args WORDS] [--out FILE]\n"
	"           [--budget TIME] [--jobs N] …\n"
	"\n"
	"Makes FILE small while the same bug shows, told by its report: another crash is "
	"no\n"
	"success. What is found is written to FILE.min at once, so Ctrl-C leaves the "
	"best so\n"
	"far; at the end it is confirmed in fresh processes. Run it on the result again "
	"to go "
	"on.\n"
	"\n" CLI_PLAIN_HELP
	"  --out FILE       where the result goes (default: FILE.min)\n"
	"  --budget TIME    no longer than this (default 1m)\n"
	"  --json           print the answer as one JSON object\n"
	"\n"
	"exit status: 0 done, also when it cannot get smaller; 1 it does not fail, or "
	"not\n"
	"reliably enough; 2 usage; 4 failed\n";

struct minimize {
	struct cli_plain_spec spec;
	struct cli_common common;
	const char *path;
	const char *out_option;
	char *out, *temp;
	int64_t budget_ms, start_ms;
	char *data;
	size_t len;

	struct cli_plain plain;
	struct triage_world nameless;
	struct cli_interrupt *interrupt;
	struct iw_timer *look;
	struct triage_reproduce *see, *start, *result;
	struct triage_minimize *op;
	const uint8_t *best;
	size_t best_len;
	bool is_done, is_stopped, is_hang, is_flaky, is_confirmed;
	int64_t cpu_us;
	struct iw_err err;
};

/* -- steps ----------------------------------------------------------------------------- */

static void on_interrupt(void *ctx)
{
	struct minimize *m = ctx;

	m->is_stopped = true;
	if (m->op)
		triage_minimize_stop(m->op);
	if (m->see && !m->op)
		triage_reproduce_stop(m->see);
	if (m->result)
		triage_reproduce_stop(m->result);
	else if (m->start)
		triage_reproduce_stop(m->start);
}

static void await(struct minimize *m)
{
	iw_loop_run_until(&m->plain.local.loop, &m->is_done);
	m->is_done = false;
}

static void on_reproduced(
	struct triage_reproduce *op, const struct iw_err *err, void *ctx)
{
	struct minimize *m = ctx;

	m->cpu_us += triage_reproduce_result(op)->cpu_us;
	if (err && !m->err.code)
		iw_err_copy(&m->err, err);
	m->is_done = true;
}

static struct triage_reproduce *reproduce(struct minimize *m,
	const struct triage_world *world, struct triage_reproduce **op, const void *input,
	size_t len, unsigned runs, unsigned hits, const struct triage_signature *same)
{
	/* One that is known to fail is run until it does, as far as that can be borne. */
	bool is_sure = op == &m->start;
	struct triage_reproduce_spec spec = {
		.build = &m->plain.build,
		.target = &m->plain.target,
		.input = input,
		.len = len,
		.runs = runs,
		.stop_hits = hits,
		.price_ms = is_sure ? TRIAGE_RATE_GONE_MS : TRIAGE_RATE_MS,
		.purpose = IW_PURPOSE_MINIMIZE,
		.same = same,
	};

	*op = triage_reproduce_start(world, &spec, on_reproduced, m);
	await(m);
	return *op;
}

/* How often does it fail? What fails now and then is run until that is known roughly. */
static void see_rate(struct minimize *m, const struct triage_world *world)
{
	const struct triage_reproduce_result *r;

	triage_reproduce_free(iw_steal(&m->see));
	r = triage_reproduce_result(reproduce(m, world, &m->see, m->data, m->len,
		SEE_RUNS, m->is_hang ? HANG_RUNS : FLAKY_HITS, NULL));
	m->is_flaky = r->hits > 0 && r->hits < r->runs && !m->is_hang;
}

/* Does it fail at all? */
static void see(struct minimize *m)
{
	const struct triage_reproduce_result *r;
	const struct triage_world *world = &m->nameless;

	m->nameless = m->plain.world;
	m->nameless.symbolizer = NULL;
	r = triage_reproduce_result(
		reproduce(m, world, &m->see, m->data, m->len, SEE_HITS, 0, NULL));
	m->is_hang = triage_signature_is_hang(&r->signature);
	/* These are caught elsewhere in each run. */
	if (m->is_hang || strcmp(r->signature.type, "Stack-overflow") == 0)
		world = &m->plain.world;
	if (!m->err.code && (r->hits < SEE_HITS || m->is_hang))
		see_rate(m, world);
}

/* The whole new file or the whole old one is there, whenever we are killed. */
static int write_best(struct minimize *m, struct iw_err *err)
{
	int rc = iw_file_write(m->temp, m->best, m->best_len, 0644, err);

	if (rc == 0 && rename(m->temp, m->out) < 0)
		rc = iw_err_errno(err, errno, "cannot write '%s'", m->out);
	return rc;
}

static void on_gained(struct triage_minimize *op, void *ctx)
{
	struct minimize *m = ctx;

	m->best = triage_minimize_best(op, &m->best_len);
	if (!m->err.code && write_best(m, &m->err) < 0)
		triage_minimize_stop(op);
}

static void on_look(void *ctx)
{
	struct minimize *m = ctx;

	fprintf(stderr, "\r%zu of %zu bytes, %zu candidates\033[K", m->best_len, m->len,
		triage_minimize_candidates(m->op));
}

static void on_minimized(struct triage_minimize *op, const struct iw_err *err, void *ctx)
{
	struct minimize *m = ctx;

	m->cpu_us += triage_minimize_cpu_us(op);
	if (err && err->code != IW_ECANCELED && !m->err.code)
		iw_err_copy(&m->err, err);
	m->is_done = true;
}

static void minimize(struct minimize *m)
{
	const struct triage_reproduce_result *r = triage_reproduce_result(m->see);
	struct triage_minimize_spec spec = {
		.build = &m->plain.build,
		.target = &m->plain.target,
		.signature = &r->signature,
		.input = m->data,
		.len = m->len,
		.hits = r->hits,
		.runs = r->runs,
		.width = (unsigned)iw_slots_count(m->plain.slots),
		.candidates = m->is_hang || m->is_flaky ? 0 : CANDIDATES_MAX,
		.chances = m->is_hang || m->is_flaky ? 0 : CHANCES,
		.budget_ms = m->budget_ms,
		.gained = on_gained,
		.ctx = m,
	};

	m->op = triage_minimize_start(&m->plain.world, &spec, on_minimized, m);
	if (isatty(STDERR_FILENO)) {
		m->look = iw_timer_new(&m->plain.local.loop, on_look, m);
		iw_timer_start(m->look, PROGRESS_MS, PROGRESS_MS);
	}
	await(m);
	if (m->look)
		fputs("\r\033[K", stderr);
	iw_timer_free(iw_steal(&m->look));
	m->best = triage_minimize_best(m->op, &m->best_len);
}

/* As often as the start, a flaky one at least half as often, and by its names. */
static bool is_as_good(const struct minimize *m)
{
	const struct triage_reproduce_result *before = triage_reproduce_result(m->see);
	const struct triage_reproduce_result *after = triage_reproduce_result(m->result);

	if (!m->is_flaky)
		return after->hits == after->runs;
	return after->hits > 0 &&
		(uint64_t)after->hits * before->runs * 2 >=
		(uint64_t)before->hits * after->runs;
}

/* Fresh processes decide. What they do not see as the same bug is given up. */
static void confirm(struct minimize *m)
{
	const struct triage_world *world = &m->plain.world;
	unsigned runs = m->is_hang ? HANG_RUNS : CONFIRM_RUNS;

	reproduce(m, world, &m->start, m->data, m->len, m->is_flaky ? SEE_RUNS : 1, 1,
		NULL);
	if (m->err.code || m->is_stopped)
		return;
	if (m->best_len == m->len && memcmp(m->best, m->data, m->len) == 0) {
		m->is_confirmed = true;
		return;
	}
	reproduce(m, world, &m->result, m->best, m->best_len,
		m->is_flaky ? CONFIRM_FLAKY_RUNS : runs, 0,
		&triage_reproduce_result(m->start)->signature);
	m->is_confirmed = !m->err.code && !m->is_stopped && is_as_good(m);
}

static bool goes_on(const struct minimize *m)
{
	return !m->err.code && !m->is_stopped;
}

static void minimize_and_confirm(struct minimize *m)
{
	minimize(m);
	if (goes_on(m))
		confirm(m);
}

/* Two hits of two may be luck: then it does not fail among other units, or the result fails
 * less often than it must. */
static bool may_be_flaky(const struct minimize *m)
{
	bool has_failed = m->err.code ? m->err.code == IW_EJOB : !m->is_confirmed;

	return has_failed && !m->is_stopped && !m->is_flaky && !m->is_hang;
}

/* With the rate known it is done once more. */
static void try_as_flaky(struct minimize *m)
{
	struct iw_err before = m->err;

	m->err = (struct iw_err)IW_ERR_INIT;
	see_rate(m, &m->nameless);
	if (!goes_on(m) || !m->is_flaky) {
		if (!m->err.code)
			m->err = before;
		return;
	}
	triage_reproduce_free(iw_steal(&m->start));
	triage_reproduce_free(iw_steal(&m->result));
	triage_minimize_free(iw_steal(&m->op));
	minimize_and_confirm(m);
}

static int run(struct minimize *m, struct iw_err *err)
{
	m->interrupt = cli_interrupt_new(&m->plain.local.loop, on_interrupt, m);
	m->best = (const uint8_t *)m->data;
	m->best_len = m->len;
	see(m);
	if (goes_on(m) && triage_reproduce_result(m->see)->hits > 0) {
		minimize_and_confirm(m);
		if (may_be_flaky(m))
			try_as_flaky(m);
		if (goes_on(m) && !m->is_confirmed) {
			m->best = (const uint8_t *)m->data;
			m->best_len = m->len;
		}
		if (!m->err.code)
			write_best(m, &m->err);
	}
	cli_interrupt_free(iw_steal(&m->interrupt));
	if (m->is_stopped && m->op)
		return iw_err_set(err, IW_ECANCELED,
			"stopped by a signal; '%s' holds the best so far, %zu of %zu "
			"bytes, "
			"not yet confirmed",
			m->out, m->best_len, m->len);
	return m->err.code ? iw_err_copy(err, &m->err) : 0;
}

/* -- the answer ------------------------------------------------------------------------ */

static void print_json(const struct minimize *m)
{
	const struct triage_reproduce_result *r =
		triage_reproduce_result(m->result ? m->result : m->start);
	_auto_free_ char *frames =
		triage_signature_names(&triage_reproduce_result(m->start)->signature);

	cli_print_json(json_pack("{ss ss sI sI sb sI sI sI ss so sf sf}", "input",
		m->path, "out", m->out, "bytes", (json_int_t)m->len, "out_bytes",
		(json_int_t)m->best_len, "confirmed", m->is_confirmed, "hits",
		(json_int_t)r->hits, "runs", (json_int_t)r->runs, "candidates",
		(json_int_t)triage_minimize_candidates(m->op), "type",
		triage_reproduce_result(m->start)->signature.type, "frames",
		json_loads(frames, 0, NULL), "seconds",
		(double)(iw_time_mono_ms() - m->start_ms) / 1000, "core_seconds",
		(double)m->cpu_us / 1000000));
}

static int print(const struct minimize *m)
{
	const struct triage_reproduce_result *seen = triage_reproduce_result(m->see);

	if (seen->hits == 0) {
		fprintf(stderr,
			"ironworks: '%s' does not fail in %u runs, so there is nothing "
			"to "
			"minimize; 'ironworks repro' shows what a run does\n",
			m->path, seen->runs);
		return CLI_NO;
	}
	if (m->common.json)
		print_json(m);
	else if (m->is_confirmed && m->best_len < m->len)
		printf("%s: %zu of %zu bytes, the same bug in %u of %u runs\n", m->out,
			m->best_len, m->len, triage_reproduce_result(m->result)->hits,
			triage_reproduce_result(m->result)->runs);
	else if (m->is_confirmed)
		printf("%s: stays at %zu bytes\n", m->out, m->best_len);
	else
		fprintf(stderr,
			"ironworks: what was found smaller does not fail the same way in "
			"fresh "
			"processes, so '%s' is the input as it was\n",
			m->out);
	return m->is_confirmed ? CLI_DONE : CLI_NO;
}

static const char *take_budget(void *ctx, const char *word)
{
	int64_t *ms = ctx;

	*ms = iw_time_parse(word);
	return *ms > 0 ? NULL : "--budget takes a time like 30s or 5m";
}

static int parse(int argc, char **argv, struct minimize *m)
{
	const struct cli_option more[] = {CLI_PLAIN_OPTIONS(&m->spec),
		{"out", .word = &m->out_option},
		{"budget", .take = take_budget, .ctx = &m->budget_ms}, {0}};
	int first, rc = cli_options(argc, argv, help, more, &m->common, &first);

	if (rc >= 0)
		return rc;
	if (argc - first != 1)
		return cli_usage("minimize", "it takes one FILE");
	if (!m->spec.binary)
		return cli_usage(
			"minimize", "--binary is needed: the program that fails");
	m->path = argv[first];
	m->spec.no_sandbox = m->common.no_sandbox;
	m->out = m->out_option ? iw_strdup(m->out_option) : iw_fmt("%s.min", m->path);
	m->temp = iw_fmt("%s.new", m->out);
	return -1;
}

int cli_minimize(int argc, char **argv)
{
	struct minimize m = {.budget_ms = BUDGET_MS, .start_ms = iw_time_mono_ms()};
	struct iw_err err = IW_ERR_INIT;
	int status = CLI_FAILED, rc = parse(argc, argv, &m);

	if (rc >= 0)
		return rc;
	rc = iw_file_read(m.path, INPUT_MAX, &m.data, &m.len, &err);
	if (rc == 0)
		rc = cli_plain_open(&m.plain, &m.spec, &err);
	if (rc == 0)
		rc = run(&m, &err);
	if (rc == 0)
		status = print(&m);
	triage_reproduce_free(m.see);
	triage_reproduce_free(m.start);
	triage_reproduce_free(m.result);
	triage_minimize_free(m.op);
	cli_plain_close(&m.plain);
	free(m.data);
	free(m.out);
	free(m.temp);
	return rc < 0 ? cli_fail(&err) : status;
}
