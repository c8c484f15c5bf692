#include "cli/repro_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/target_command.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/interrupt.h"
#include "cli/paragraph.h"
#include "cli/plain.h"
#include "cli/repro_run.h"
#include "triage/debugger.h"
#include "triage/reproduce.h"

#include "base/banned.h"

#define RUNS_DEFAULT 5
#define RUNS_MAX 10000
#define INPUT_MAX ((size_t)256 << 20)

static const char help[] =
	"Examples:\n"
	"  ironworks repro ./crash-1 --binary ./fuzz\n"
	"  ironworks repro ./crash-1 --binary ./tool --args '--fast @@' --runs 50\n"
	"\n"
	"usage: ironworks repro FILE --binary PROGRAM [--args WORDS] [--runs N] …\n"
	"\n"
	"Runs FILE in the sandbox N times (default 5), each in a fresh process, shows "
	"the\n"
	"report, and prints the paragraph that a bug report needs.\n"
	"\n" CLI_PLAIN_HELP "  --runs N         how often (default 5)\n"
	"  --gdb, --rr      run it once under that instead, outside the sandbox\n"
	"  --json           print the answer as one JSON object\n"
	"\n"
	"exit status: 0 it reproduces, 1 it does not, 2 usage, 4 failed\n";

struct repro {
	struct cli_plain_spec spec;
	struct cli_common common;
	int64_t runs;
	bool gdb, rr;
	const char *path;
	char *data;
	size_t len;
	struct cli_plain plain;
	struct cli_interrupt *interrupt;
	struct triage_reproduce *op;
	struct triage_debugger *debugger; /* looks where it died */
	bool is_done;
	struct iw_err err;
};

bool cli_repro_is_file(int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++)
		if (strcmp(argv[i], "--binary") == 0 ||
			strncmp(argv[i], "--binary=", 9) == 0)
			return true;
	return false;
}

static void on_done(struct triage_reproduce *op, const struct iw_err *err, void *ctx)
{
	struct repro *r = ctx;

	(void)op;
	if (err)
		iw_err_copy(&r->err, err);
	r->is_done = true;
}

static void on_interrupt(void *ctx)
{
	struct repro *r = ctx;

	if (r->debugger)
		triage_debugger_stop(r->debugger);
	else
		triage_reproduce_stop(r->op);
}

static void on_told(struct triage_debugger *debugger, void *ctx)
{
	struct repro *r = ctx;

	(void)debugger;
	r->is_done = true;
}

/* What gdb saw becomes a part of the report. */
static void add_told(struct triage_reproduce_result *result, const char *told)
{
	struct iw_buf whole = {0};

	iw_buf_add(&whole, result->report, result->report_len);
	iw_buf_adds(&whole, told);
	free(result->report);
	result->report_len = whole.len;
	result->report = iw_buf_steal(&whole);
	triage_signature_fini(&result->signature);
	triage_read_report(result->report, result->report_len, NULL, &result->signature,
		&result->severity);
}

/* Where it fails and no run said where. */
static void ask_debugger(struct repro *r)
{
	struct triage_reproduce_result *result = triage_reproduce_result(r->op);
	struct triage_debugger_spec spec = {
		.build = &r->plain.build,
		.target = &r->plain.target,
		.input = r->data,
		.len = r->len,
	};
	_auto_free_ char *told = NULL;

	if (!r->spec.args || result->hits == 0 || result->signature.frames.count > 0 ||
		triage_signature_is_hang(&result->signature) || !triage_debugger_find())
		return;
	r->is_done = false;
	r->debugger = triage_debugger_start(&r->plain.world, &spec, on_told, r);
	iw_loop_run_until(&r->plain.local.loop, &r->is_done);
	told = triage_debugger_take(r->debugger);
	triage_debugger_free(iw_steal(&r->debugger));
	if (told)
		add_told(result, told);
}

static int run(struct repro *r, struct iw_err *err)
{
	struct triage_reproduce_spec spec = {
		.build = &r->plain.build,
		.target = &r->plain.target,
		.input = r->data,
		.len = r->len,
		.runs = (unsigned)r->runs,
		.purpose = IW_PURPOSE_REPRODUCE,
	};

	/* First the handler: the run has begun before its start returns. */
	r->interrupt = cli_interrupt_new(&r->plain.local.loop, on_interrupt, r);
	r->op = triage_reproduce_start(&r->plain.world, &spec, on_done, r);
	iw_loop_run_until(&r->plain.local.loop, &r->is_done);
	if (!r->err.code)
		ask_debugger(r);
	cli_interrupt_free(iw_steal(&r->interrupt));
	return r->err.code ? iw_err_copy(err, &r->err) : 0;
}

static struct target_command command_of(const struct repro *r)
{
	return (struct target_command){
		.build = &r->plain.build,
		.target = &r->plain.spec,
		.program = r->spec.binary,
		.input = r->path,
		.symbolizer = r->plain.world.symbolizer_path,
	};
}

/* Returns only when it fails. */
static int debug(struct repro *r, struct iw_err *err)
{
	struct target_command command = command_of(r);
	char **words, **env;
	int rc;

	/* A debugger looks a name without a slash up in $PATH. */
	command.program = r->plain.path;
	target_command_words(&command, &words, &env);
	/* Nobody could remove what it has made once we are the debugger. */
	cli_plain_close(&r->plain);
	r->plain = (struct cli_plain){0};
	rc = repro_become(r->rr, words, env, err);
	free(env);
	target_command_words_free(words);
	return rc;
}

static char *make_paragraph(
	const struct repro *r, const struct triage_reproduce_result *result)
{
	const struct target_command command = command_of(r);
	const struct cli_paragraph about = {
		.build = &r->plain.build,
		.words_of_build = r->plain.words_of_build,
		.program = r->plain.path,
		.input = r->path,
		.data = r->data,
		.len = r->len,
	};

	return cli_paragraph_of_runs(&about, result, &command);
}

static void print_json(const struct repro *r,
	const struct triage_reproduce_result *result, const char *paragraph)
{
	_auto_free_ char *frames = triage_signature_names(&result->signature);

	cli_print_json(json_pack("{ss ss ss si si si ss so ss?}", "input", r->path,
		"flavour", r->plain.build.flavour, "build", r->plain.build.closure,
		"runs", (int)result->runs, "hits", (int)result->hits, "others",
		(int)result->others, "type", result->signature.type, "frames",
		json_loads(frames, 0, NULL), "paragraph", paragraph));
}

static void print(const struct repro *r, const struct triage_reproduce_result *result)
{
	_auto_free_ char *paragraph = result->hits ? make_paragraph(r, result) : NULL;
	struct iw_buf safe = {0};

	if (r->common.json) {
		print_json(r, result, paragraph);
		return;
	}
	if (result->report)
		iw_text_block(&safe, result->report, result->report_len);
	if (safe.len)
		printf("%s\n", safe.data);
	iw_buf_fini(&safe);
	if (paragraph)
		printf("%s\n%s fails in %u of %u runs; it reproduces\n", paragraph,
			r->path, result->hits, result->runs);
	else
		printf("%s passes in %u of %u runs; it does not reproduce\n", r->path,
			result->runs - result->others, result->runs);
	if (result->others)
		printf("\n%u of the runs failed otherwise\n", result->others);
}

static const char *take_runs(void *ctx, const char *word)
{
	return cli_number(word, 1, RUNS_MAX, ctx)
		? NULL
		: "--runs wants a number from 1 to 10000";
}

static int parse(int argc, char **argv, struct repro *r)
{
	const struct cli_option more[] = {CLI_PLAIN_OPTIONS(&r->spec),
		{"runs", .take = take_runs, .ctx = &r->runs}, {"gdb", .flag = &r->gdb},
		{"rr", .flag = &r->rr}, {0}};
	int first, rc = cli_options(argc, argv, help, more, &r->common, &first);

	if (rc >= 0)
		return rc;
	if (argc - first != 1)
		return cli_usage("repro",
			"which file? one is run at a time; 'ironworks "
			"triage' takes many");
	r->path = argv[first];
	r->spec.no_sandbox = r->common.no_sandbox;
	if ((r->gdb || r->rr) && r->spec.args && !strstr(r->spec.args, "@@"))
		return cli_usage("repro",
			"--gdb and --rr need the input's place, '@@', in --args");
	return -1;
}

int cli_repro_file(int argc, char **argv)
{
	struct repro r = {.runs = RUNS_DEFAULT};
	struct iw_err err = IW_ERR_INIT;
	bool is_hit = false;
	int rc = parse(argc, argv, &r);

	if (rc >= 0)
		return rc;
	rc = iw_file_read(r.path, INPUT_MAX, &r.data, &r.len, &err);
	if (rc == 0)
		rc = cli_plain_open(&r.plain, &r.spec, &err);
	if (rc == 0)
		rc = r.gdb || r.rr ? debug(&r, &err) : run(&r, &err);
	if (rc == 0) {
		print(&r, triage_reproduce_result(r.op));
		is_hit = triage_reproduce_result(r.op)->hits > 0;
	}
	triage_reproduce_free(r.op);
	cli_plain_close(&r.plain);
	free(r.data);
	if (rc < 0)
		return cli_fail(&err);
	return is_hit ? CLI_DONE : CLI_NO;
}
