#include "triage/debugger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "adapters/target_run.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "engine/program.h"
#include "sanitizers/binary.h"
#include "triage/transcript.h"
#include "triage/what.h"

#include "base/banned.h"

#define GDB "/usr/bin/gdb"
#define LOG_MAX ((size_t)512 << 10)
/* What gdb may take to read a large program beyond the program's own time and memory. */
#define EXTRA_MS 30000
#define EXTRA_MB 2048
#define TOKEN_BYTES 16

struct triage_debugger {
	const struct triage_world *world;
	char *binary, *report;
	char token[2 * TOKEN_BYTES + 1];
	struct iw_job *job;
	struct iw_timer *later;
	triage_debugger_cb done;
	void *ctx;
};

const char *triage_debugger_find(void)
{
	return access(GDB, X_OK) == 0 ? GDB : NULL;
}

static bool make_token(struct triage_debugger *op)
{
	unsigned char bytes[TOKEN_BYTES];
	size_t i;

	if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
		return false;
	for (i = 0; i < sizeof bytes; i++)
		snprintf(op->token + 2 * i, 3, "%02x", bytes[i]);
	return true;
}

static void add_command(struct iw_job *job, const char *command)
{
	iw_job_arg(job, "-ex");
	iw_job_arg(job, command);
}

static void add_mark(struct triage_debugger *op, const char *name)
{
	_auto_free_ char *echo = iw_fmt("echo \\n%s %s\\n", op->token, name);

	add_command(op->job, echo);
}

/* gdb starts the program by way of this one, which takes its output away. */
static void add_wrapper(struct iw_job *job, const char *input)
{
	struct iw_buf command = {0};

	iw_buf_adds(&command,
		"set exec-wrapper /bin/sh -c 'exec \"$@\" <\"$0\" >/dev/null 2>&1' ");
	iw_text_shell(&command, input);
	add_command(job, command.data);
	iw_buf_fini(&command);
}

/* Only what a program dies of stops it: all else is its own affair. gdb needs SIGTRAP for
 * itself, and stops at the program's own. */
static void add_words(
	struct triage_debugger *op, const char *const *args, const char *input)
{
	static const char *const before[] = {"set confirm off", "set style enabled off",
		"set width 0", "set height 0", "set print frame-arguments none",
		"set print address on", "set filename-display absolute",
		"set language auto", "handle all nostop noprint pass",
		"handle SIGSEGV SIGBUS SIGFPE SIGILL SIGABRT stop pass",
		"unset environment LINES", "unset environment COLUMNS"};
	static const char where[] =
		"printf \"%d %d %lx %lx %lx\\n\", $_siginfo.si_signo, $_siginfo.si_code, "
		"(unsigned long)$_siginfo._sifields._sigfault.si_addr, "
		"(unsigned long)$pc, (unsigned long)$sp";
	size_t i;

	iw_job_arg(op->job, GDB);
	iw_job_arg(op->job, "--batch");
	iw_job_arg(op->job, "-nx");
	iw_job_arg(op->job, "-q");
	iw_job_arg(op->job, "-iex");
	iw_job_arg(op->job, "set auto-load no");
	iw_job_arg(op->job, "-iex");
	iw_job_arg(op->job, "set debuginfod enabled off");
	for (i = 0; i < IW_COUNT(before); i++)
		add_command(op->job, before[i]);
	add_wrapper(op->job, engine_program_has_place(args) ? "/dev/null" : input);
	add_command(op->job, "run");
	add_mark(op, TRIAGE_TRANSCRIPT_AT);
	add_command(op->job, "set language c");
	add_command(op->job, where);
	add_command(op->job, "set language auto");
	add_mark(op, TRIAGE_TRANSCRIPT_STACK);
	iw_job_arg(op->job, "-ex");
	iw_job_argf(op->job, "backtrace %d", TRIAGE_TRANSCRIPT_FRAMES);
	add_mark(op, TRIAGE_TRANSCRIPT_FILES);
	add_command(op->job, "info files");
	add_mark(op, TRIAGE_TRANSCRIPT_END);
	add_command(op->job, "kill");
	iw_job_arg(op->job, "--args");
	iw_job_arg(op->job, op->binary);
	for (i = 0; args[i]; i++) {
		_auto_free_ char *word = engine_program_word(args[i], input);

		iw_job_arg(op->job, word);
	}
}

static int make_job(struct triage_debugger *op, const struct triage_debugger_spec *spec)
{
	const struct adapter_target *t = spec->target->spec;
	const char *reads[] = {spec->build->dir, NULL};
	_auto_free_ char *what = triage_what(
		&(struct triage_subject){.noun = "the death"}, spec->target, spec->build);
	struct iw_job_spec job_spec = {
		.purpose = IW_PURPOSE_REPRODUCE,
		.what = what,
		.reads = reads,
		.timeout_ms = target_timeout_s(spec->build, t) * 1000 + EXTRA_MS,
		.rss_limit_mb = target_rss_limit_mb(spec->build, t) + EXTRA_MB,
		.disk_limit_mb = t->disk_limit_mb,
		.log_limit = LOG_MAX,
	};
	_auto_free_ char *path = NULL;

	if (!make_token(op) || iw_job_new(&op->job, op->world->jobs, &job_spec, NULL) < 0)
		return IW_EJOB;
	path = iw_path_join(iw_job_work(op->job), "input");
	add_words(op, t->args, path);
	target_add_env(op->job, spec->build, target_use(t), op->world->symbolizer_path);
	return iw_file_write(path, spec->input, spec->len, 0644, NULL);
}

static void on_exit_of_gdb(struct iw_job *job, const struct iw_exit *exit, void *ctx)
{
	struct triage_debugger *op = ctx;
	_auto_free_ char *text = NULL;
	struct triage_transcript transcript = {.token = op->token, .program = op->binary};

	(void)exit; /* without its last words nothing is believed */
	if (iw_job_log_read(job, LOG_MAX, &text, &transcript.len, NULL) == 0 &&
		san_binary_entry(op->binary, &transcript.entry, NULL) == 0) {
		transcript.text = text;
		op->report = triage_transcript_report(&transcript);
	}
	iw_job_free(job);
	op->job = NULL;
	op->done(op, op->ctx);
}

static void on_failed(void *ctx)
{
	struct triage_debugger *op = ctx;

	iw_timer_free(iw_steal(&op->later));
	op->done(op, op->ctx);
}

struct triage_debugger *triage_debugger_start(const struct triage_world *world,
	const struct triage_debugger_spec *spec, triage_debugger_cb done, void *ctx)
{
	struct triage_debugger *op = iw_calloc(1, sizeof *op);

	op->world = world;
	op->done = done;
	op->ctx = ctx;
	op->binary = target_binary(spec->build, spec->target->spec);
	if (op->binary && make_job(op, spec) == 0) {
		iw_job_submit(op->job, on_exit_of_gdb, op);
		return op;
	}
	if (op->job)
		iw_job_free(iw_steal(&op->job));
	op->later = iw_timer_new(world->loop, on_failed, op);
	iw_timer_start(op->later, 0, 0);
	return op;
}

void triage_debugger_stop(struct triage_debugger *op)
{
	if (op->job)
		iw_job_stop(op->job);
}

char *triage_debugger_take(struct triage_debugger *op)
{
	return iw_steal(&op->report);
}

void triage_debugger_free(struct triage_debugger *op)
{
	if (!op)
		return;
	free(op->binary);
	free(op->report);
	free(op);
}
