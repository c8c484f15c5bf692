#include "cli/repro_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "adapters/target_command.h"
#include "adapters/target_run.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/interrupt.h"
#include "cli/local.h"
#include "cli/paragraph.h"
#include "cli/table.h"
#include "triage/reproduce.h"

#include "base/banned.h"

struct running {
	const struct repro_wish *wish;
	const struct repro_job *job;
	struct cli_local local;
	struct triage_world world;
	struct cli_interrupt *interrupt;
	struct triage_reproduce *op;
	struct cli_table *table; /* of several builds */
	json_t *tries;
	bool is_done, is_hit, is_stopped;
	struct iw_err err;
};

/* -- one build ---------------------------------------------------------------------- */

static void on_done(struct triage_reproduce *op, const struct iw_err *err, void *ctx)
{
	struct running *r = ctx;

	(void)op;
	r->is_done = true;
	if (err)
		r->err = *err;
}

static void on_interrupt(void *ctx)
{
	struct running *r = ctx;

	r->is_stopped = true;
	if (r->op)
		triage_reproduce_stop(r->op);
}

/* Another sanitizer has other words for the same cause: there every failure counts. */
static bool is_own_flavour(const struct running *r, const struct iw_build *build)
{
	const struct subject *s = r->job->subject;

	return s->has_signature && strcmp(build->flavour, s->build.flavour) == 0;
}

static int run_one(struct running *r, const struct iw_build *build, struct iw_err *err)
{
	const struct subject *s = r->job->subject;
	struct triage_target target = {.spec = &s->spec};
	struct triage_reproduce_spec spec = {
		.build = build,
		.target = &target,
		.input = s->data,
		.len = s->len,
		.runs = (unsigned)r->wish->runs,
		.purpose = IW_PURPOSE_REPRODUCE,
		.same = is_own_flavour(r, build) ? &s->signature : NULL,
	};

	r->is_done = false;
	r->op = triage_reproduce_start(&r->world, &spec, on_done, r);
	iw_loop_run_until(&r->local.loop, &r->is_done);
	return r->err.code ? iw_err_copy(err, &r->err) : 0;
}

/* -- what came of it ---------------------------------------------------------------- */

static char *make_paragraph(const struct running *r, const struct iw_build *build,
	const struct triage_reproduce_result *result)
{
	const struct subject *s = r->job->subject;
	_auto_free_ char *program = target_binary(build, &s->spec);
	/* The paragraph names a program by its content. */
	struct iw_build by_content = *build;
	const struct target_command command = {
		.build = build,
		.target = &s->spec,
		.program = program,
		.input = r->job->input_path,
		.symbolizer = r->world.symbolizer_path,
	};
	const struct cli_paragraph about = {
		.build = &by_content,
		.program = program,
		.input = r->job->input_path,
		.data = s->data,
		.len = s->len,
	};
	struct iw_sha256 hash;

	if (iw_sha256_file(program, &hash, NULL) == 0)
		iw_sha256_hex(&hash, by_content.closure);
	return cli_paragraph_of_runs(&about, result, &command);
}

/* Another failure may hide this one: it is no sign of a fix, so it has a name. */
struct otherwise {
	char *words; /* NULL: nothing failed otherwise */
	int64_t bug; /* that is known as; 0: none */
};

static struct otherwise look_otherwise(
	const struct running *r, const struct triage_reproduce_result *result)
{
	struct otherwise o = {0};

	if (!result->others)
		return o;
	o.words = triage_signature_words(&result->other);
	if (r->job->known)
		o.bug = r->job->known(r->job->known_ctx, &result->other);
	return o;
}

static void add_otherwise(const struct running *r,
	const struct triage_reproduce_result *result, json_t *json)
{
	struct otherwise o = look_otherwise(r, result);
	_auto_free_ char *words = o.words, *frames = NULL;

	if (!words)
		return;
	frames = triage_signature_names(&result->other);
	json_object_set_new(json, "otherwise",
		json_pack("{ss so so}", "type", result->other.type, "frames",
			json_loads(frames, 0, NULL), "bug",
			o.bug ? json_integer(o.bug) : json_null()));
}

static void print_otherwise(
	const struct running *r, const struct triage_reproduce_result *result)
{
	struct otherwise o = look_otherwise(r, result);
	_auto_free_ char *words = o.words;
	struct iw_buf safe = {0};

	if (!words)
		return;
	iw_text_plain(&safe, words);
	printf(", %u otherwise: %s", result->others, safe.data);
	if (o.bug)
		printf(", which is bug %lld", (long long)o.bug);
	iw_buf_fini(&safe);
}

static json_t *try_json(const struct running *r, const struct iw_build *build,
	const struct triage_reproduce_result *result, const char *paragraph)
{
	const struct subject *s = r->job->subject;
	_auto_free_ char *frames = triage_signature_names(&result->signature);
	json_t *json = json_pack("{ss ss ss ss ss ss si si si ss so ss? ss? sb}",
		"subject", s->name, "adapter", s->adapter, "target", s->target, "flavour",
		build->flavour, "build", build->closure, "tree", build->tree, "runs",
		(int)result->runs, "hits", (int)result->hits, "others",
		(int)result->others, "type", result->signature.type, "frames",
		json_loads(frames, 0, NULL), "paragraph", paragraph, "host", r->job->host,
		"cached", (int)r->job->is_cached);

	add_otherwise(r, result, json);
	return json;
}

static const char *conclusion(const struct triage_reproduce_result *result)
{
	if (result->hits)
		return "";
	return result->others == result->runs
		? "; whether this bug is there cannot be told"
		: "; it does not reproduce";
}

static void print_one(const struct running *r, const struct iw_build *build,
	const struct triage_reproduce_result *result, const char *paragraph)
{
	const struct subject *s = r->job->subject;
	struct iw_buf safe = {0};

	if (result->report)
		iw_text_block(&safe, result->report, result->report_len);
	if (safe.len)
		fwrite(safe.data, 1, safe.len, stdout);
	iw_buf_fini(&safe);
	printf("\n%s: %s/%s, %s, build %.12s: %u of %u runs fail%s", s->name, s->adapter,
		s->target, build->flavour, build->closure, result->hits, result->runs,
		is_own_flavour(r, build) ? " with this bug" : "");
	print_otherwise(r, result);
	puts(conclusion(result));
	if (paragraph)
		printf("\n%s", paragraph);
}

static void add_row(struct running *r, const struct iw_build *build,
	const struct triage_reproduce_result *result)
{
	bool other = !result->hits && result->others;
	bool failed = result->hits || other;
	const struct triage_signature *sig = other ? &result->other : &result->signature;

	cli_table_cell(r->table, "%s", build->flavour);
	cli_table_cell(r->table, "%u/%u", result->hits, result->runs);
	cli_table_cell(
		r->table, "%s%s", other ? "otherwise: " : "", failed ? sig->type : "-");
	cli_table_cell(
		r->table, "%s", failed && sig->frames.count ? sig->frames.names[0] : "-");
	cli_table_cell(r->table, "%.12s", build->closure);
}

static void take_result(struct running *r, const struct iw_build *build)
{
	const struct triage_reproduce_result *result = triage_reproduce_result(r->op);
	_auto_free_ char *paragraph =
		result->hits ? make_paragraph(r, build, result) : NULL;

	r->is_hit |= result->hits > 0;
	if (r->wish->common.json)
		json_array_append_new(r->tries, try_json(r, build, result, paragraph));
	else if (r->table)
		add_row(r, build, result);
	else
		print_one(r, build, result, paragraph);
}

static void print_all(const struct running *r)
{
	if (r->wish->common.json && r->job->build_count == 1)
		cli_print_json(json_incref(json_array_get(r->tries, 0)));
	else if (r->wish->common.json)
		cli_print_json(json_pack(
			"{ss sO}", "subject", r->job->subject->name, "tries", r->tries));
	else if (r->table)
		cli_table_print(r->table, stdout, 0);
}

static int run_all(struct running *r, struct iw_err *err)
{
	size_t i;
	int rc = cli_local_open(&r->local, NULL, r->wish->common.no_sandbox, err);

	r->world.loop = &r->local.loop;
	r->world.jobs = r->local.jobs;
	r->world.symbolizer = r->local.symbolizer;
	r->world.symbolizer_path = r->local.tools.symbolizer;
	if (rc == 0)
		r->interrupt = cli_interrupt_new(&r->local.loop, on_interrupt, r);
	for (i = 0; rc == 0 && !r->is_stopped && i < r->job->build_count; i++) {
		if (r->table && isatty(STDERR_FILENO))
			fprintf(stderr, "\r\033[K%s…", r->job->builds[i].flavour);
		rc = run_one(r, &r->job->builds[i], err);
		if (rc == 0)
			take_result(r, &r->job->builds[i]);
		triage_reproduce_free(iw_steal(&r->op));
	}
	if (r->table && isatty(STDERR_FILENO))
		fputs("\r\033[K", stderr);
	cli_interrupt_free(iw_steal(&r->interrupt));
	cli_local_close(&r->local);
	return rc < 0 || !r->is_stopped ? rc : iw_err_set(err, IW_ECANCELED, "stopped");
}

int repro_run(const struct repro_wish *wish, const struct repro_job *job, bool *is_hit,
	struct iw_err *err)
{
	struct running r = {
		.wish = wish, .job = job, .err = IW_ERR_INIT, .tries = json_array()};
	int rc;

	if (job->build_count > 1)
		r.table = cli_table_new("flavour|rate|type|in|build");
	rc = run_all(&r, err);
	if (rc == 0)
		print_all(&r);
	*is_hit = r.is_hit;
	cli_table_free(r.table);
	json_decref(r.tries);
	return rc;
}
