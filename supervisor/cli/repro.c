/* `ironworks repro`: the input of a bug or a crash once more, on the build it was found
 * on. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "adapters/adapter.h"
#include "adapters/build_db.h"
#include "adapters/project_db.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/local.h"
#include "cli/repro_file.h"
#include "triage/artifact.h"
#include "triage/bug_db.h"
#include "triage/crash_db.h"
#include "triage/reproduce.h"

#include "base/banned.h"

#define RUNS_DEFAULT 5

static const char help[] =
	"Examples:\n"
	"  ironworks repro 3\n"
	"  ironworks repro 3 --runs 50\n"
	"  ironworks repro crash:12 --state /srv/farm\n"
	"  ironworks repro ./crash-1 --binary ./fuzz\n"
	"\n"
	"usage: ironworks repro BUG|crash:CRASH [--runs N] [--state DIR] [--json]\n"
	"                       [--no-sandbox]\n"
	"       ironworks repro FILE --binary PROGRAM …\n"
	"\n"
	"Runs the best reproducer of a bug, or the input of a crash, on its own build "
	"in\n"
	"the sandbox, N times (default 5), and shows the report. A farm may be running "
	"on\n"
	"the same state. With --binary the input is a file of yours, and so is the "
	"program:\n"
	"'ironworks repro --binary P --help' tells more of that.\n"
	"\n"
	"exit status: 0 it reproduces, 1 it does not, 2 usage, 4 failed\n";

struct options {
	struct cli_common common;
	const char *what;
	int64_t runs, bug, crash;
};

/* What to run, gathered from the state. */
struct subject {
	char name[32]; /* "bug 3" */
	char adapter[48], target[48];
	struct iw_build build;
	int lock_fd; /* on its folder; -1: none */
	struct iw_sha256 input;
	int64_t build_id;
	struct triage_signature signature; /* of a bug */
	bool has_signature, found;
	char *data;
	size_t len;
	struct adapter *loaded;
	struct adapter_target spec;
};

static int take_bug(void *ctx, const struct bug_row *row)
{
	struct subject *s = ctx;

	s->found = true;
	snprintf(s->name, sizeof s->name, "bug %lld", (long long)row->id);
	memcpy(s->adapter, row->adapter, sizeof s->adapter);
	memcpy(s->target, row->target, sizeof s->target);
	s->input = row->best;
	s->build_id = row->build_id;
	s->has_signature =
		triage_signature_parse(&s->signature, row->type, row->frames, NULL) == 0;
	return 0;
}

static int take_crash(void *ctx, const struct triage_crash_row *row)
{
	struct subject *s = ctx;

	s->found = true;
	snprintf(s->name, sizeof s->name, "crash %lld", (long long)row->id);
	memcpy(s->adapter, row->adapter, sizeof s->adapter);
	memcpy(s->target, row->target, sizeof s->target);
	s->input = row->input;
	s->build_id = row->build_id;
	return 0;
}

static void take_build(void *ctx, const struct iw_build *build)
{
	struct subject *s = ctx;

	if (build->id == s->build_id)
		s->build = *build;
}

static int find_subject(const struct iw_state *state, const struct options *o,
	struct subject *s, struct iw_err *err)
{
	struct crash_filter filter = {.id = o->crash};
	int rc = o->bug ? bug_db_list(state->dbc, o->bug, take_bug, s, err)
			: crash_db_list(state->dbc, &filter, take_crash, s, err);

	if (rc == 0 && !s->found)
		return iw_err_set(err, IW_ENOENT,
			"there is no %s %lld in '%s'; 'ironworks %s list' shows all",
			o->bug ? "bug" : "crash", (long long)(o->bug ? o->bug : o->crash),
			state->dir, o->bug ? "bug" : "crash");
	return rc;
}

static int find_build(const struct iw_state *state, struct subject *s, struct iw_err *err)
{
	int64_t adapter_id;
	int rc = project_db_adapter_id(state->dbc, s->adapter, &adapter_id, err);

	if (rc == 0)
		rc = build_db_list(state->dbc, adapter_id, take_build, s, err);
	if (rc < 0)
		return rc;
	s->build.dir = iw_path_join(state->builds, s->build.closure);
	/* As long as this is held a farm that makes room leaves it alone. */
	s->lock_fd = open(s->build.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->lock_fd >= 0 && flock(s->lock_fd, LOCK_SH) == 0 &&
		iw_file_exists(s->build.dir))
		return 0;
	return iw_err_set(err, IW_ENOENT,
		"build %.12s of %s left to make room; 'ironworks build %s --flavour %s "
		"--commit %s --state %s' makes it again",
		s->build.closure, s->name, s->adapter, s->build.flavour, s->build.tree,
		state->dir);
}

/* How the target wants to be run stands in its adapter. */
static int find_target(
	const struct iw_state *state, struct subject *s, struct iw_err *err)
{
	const struct adapter_target *listed;
	_auto_free_ char *dir = NULL;
	int rc = project_db_adapter_dir(state->dbc, s->adapter, &dir, err);

	if (rc == 0)
		rc = adapter_load(dir, NULL, &s->loaded, err);
	if (rc < 0)
		return rc;
	listed = adapter_target_find(s->loaded, s->target);
	/* A discovered target is named like its program and has the defaults. */
	s->spec = listed ? *listed : adapter_target_defaults;
	if (!listed)
		s->spec.name = s->spec.binary = s->target;
	return 0;
}

struct outcome {
	struct triage_reproduce *op;
	bool is_done;
	struct iw_err err;
};

static void on_done(struct triage_reproduce *op, const struct iw_err *err, void *ctx)
{
	struct outcome *outcome = ctx;

	(void)op;
	outcome->is_done = true;
	if (err)
		outcome->err = *err;
}

static void print_result(
	const struct subject *s, const struct triage_reproduce_result *r, bool json)
{
	struct iw_buf safe = {0};

	if (json) {
		_auto_free_ char *frames = triage_signature_json(&r->signature);

		cli_print_json(json_pack("{ss ss ss ss si si si ss so}", "subject",
			s->name, "adapter", s->adapter, "target", s->target, "flavour",
			s->build.flavour, "runs", (int)r->runs, "hits", (int)r->hits,
			"others", (int)r->others, "type", r->signature.type, "frames",
			json_loads(frames, 0, NULL)));
		return;
	}
	if (r->report)
		iw_text_block(&safe, r->report, r->report_len);
	if (safe.len)
		fwrite(safe.data, 1, safe.len, stdout);
	iw_buf_fini(&safe);
	printf("\n%s: %s/%s, %s, build %.12s: %u of %u runs fail%s", s->name, s->adapter,
		s->target, s->build.flavour, s->build.closure, r->hits, r->runs,
		s->has_signature ? " with this bug" : "");
	if (r->others)
		printf(", %u otherwise", r->others);
	puts(r->hits ? "" : "; it does not reproduce");
}

static int reproduce(
	const struct options *o, struct subject *s, bool *hit, struct iw_err *err)
{
	struct cli_local local;
	struct outcome outcome = {.err = IW_ERR_INIT};
	struct triage_target target = {.spec = &s->spec};
	struct triage_world world = {0};
	struct triage_reproduce_spec spec = {
		.build = &s->build,
		.target = &target,
		.input = s->data,
		.len = s->len,
		.runs = (unsigned)o->runs,
		.purpose = IW_PURPOSE_REPRODUCE,
		.same = s->has_signature ? &s->signature : NULL,
	};
	int rc = cli_local_open(&local, NULL, o->common.no_sandbox, err);

	if (rc == 0) {
		world.loop = &local.loop;
		world.jobs = local.jobs;
		world.symbolizer = local.symbolizer;
		world.symbolizer_path = local.tools.symbolizer;
		outcome.op = triage_reproduce_start(&world, &spec, on_done, &outcome);
		iw_loop_run_until(&local.loop, &outcome.is_done);
		if (outcome.err.code)
			rc = iw_err_copy(err, &outcome.err);
	}
	if (rc == 0) {
		const struct triage_reproduce_result *r =
			triage_reproduce_result(outcome.op);

		*hit = r->hits > 0;
		print_result(s, r, o->common.json);
	}
	triage_reproduce_free(outcome.op);
	cli_local_close(&local);
	return rc;
}

static const char *take_runs(void *ctx, const char *word)
{
	struct options *o = ctx;

	return cli_number(word, 1, 10000, &o->runs)
		? NULL
		: "--runs wants a number from 1 to 10000";
}

static int parse(int argc, char **argv, struct options *o)
{
	const struct cli_option more[] = {{"runs", .take = take_runs, .ctx = o}, {0}};
	int first, rc;

	o->runs = RUNS_DEFAULT;
	rc = cli_options(argc, argv, help, more, &o->common, &first);
	if (rc >= 0)
		return rc;
	if (argc - first != 1)
		return cli_usage("repro", "which bug or crash?");
	o->what = argv[first];
	if (strncmp(o->what, "crash:", 6) == 0
			? !cli_number(o->what + 6, 1, INT64_MAX, &o->crash)
			: !cli_number(o->what, 1, INT64_MAX, &o->bug))
		return cli_usage("repro", "say a bug's number, or crash:NUMBER");
	return -1;
}

int cli_repro(int argc, char **argv)
{
	struct iw_err err = IW_ERR_INIT;
	struct options o = {0};
	struct subject s = {.lock_fd = -1};
	struct iw_state state;
	bool hit = false;
	int rc;

	if (cli_repro_is_file(argc, argv))
		return cli_repro_file(argc, argv);
	rc = parse(argc, argv, &o);
	if (rc >= 0)
		return rc;
	if (iw_state_open(&state, o.common.state, IW_STATE_READ, &err) < 0)
		return cli_fail(&err);
	rc = find_subject(&state, &o, &s, &err);
	if (rc == 0)
		rc = find_build(&state, &s, &err);
	if (rc == 0)
		rc = find_target(&state, &s, &err);
	if (rc == 0)
		rc = triage_artifact_get(
			state.artifacts, &s.input, &s.data, &s.len, &err);
	iw_state_close(&state);
	if (rc == 0)
		rc = reproduce(&o, &s, &hit, &err);
	triage_signature_fini(&s.signature);
	adapter_free(s.loaded);
	free(s.build.dir);
	if (s.lock_fd >= 0)
		close(s.lock_fd);
	free(s.data);
	if (rc < 0)
		return cli_fail(&err);
	return hit ? CLI_DONE : CLI_NO;
}
