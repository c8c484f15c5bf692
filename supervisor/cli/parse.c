/*
 * `ironworks parse`: what the reader of reports makes of texts. The texts are hostile and
 * may be anything, so they are read whole and bounded, one after the other, and everything
 * shown goes through base/text.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/naming.h"
#include "cli/parse_view.h"
#include "sanitizers/frames.h"
#include "sanitizers/report.h"

#include "base/banned.h"

#define TEXT_MAX ((size_t)1 << 30)
#define REDZONE_MAX 64

static const char help[] =
	"Examples:\n"
	"  ironworks parse crash.log\n"
	"  ./fuzz_block crash-1f2e 2>&1 | ironworks parse\n"
	"  ironworks parse --json *.log\n"
	"  ironworks parse --clusterfuzz --target block crash.log\n"
	"  ironworks parse --binary ./fuzz_block unsymbolized.log\n"
	"\n"
	"usage: ironworks parse [FILE…] [--json | --clusterfuzz] [--target NAME]\n"
	"                       [--binary PROGRAM [--no-sandbox]]\n"
	"\n"
	"Reads what sanitizers, fuzz engines, libc, Go, Rust, valgrind and debuggers "
	"print\n"
	"when a program fails, and says what it understood. Without FILE, or for '-', "
	"it\n"
	"reads standard input. A text may hold any number of failures, and each one is "
	"a\n"
	"finding: its kind, access, address, message, whether it is a security matter, "
	"its\n"
	"stacks, and where in the text it stands. The finding marked * identifies the "
	"crash.\n"
	"Lines that look like a failure's heading and were not read are listed at the "
	"end.\n"
	"\n"
	"  --json         one object: {\"texts\": [{\"name\", \"findings\": […], "
	"\"unread\"}]}\n"
	"  --clusterfuzz  one line of JSON for each text, in ClusterFuzz's words: "
	"crash_type,\n"
	"                 crash_address, crash_state, is_security (all empty: no crash)\n"
	"  --target NAME  the fuzz target: what a timeout is called by\n"
	"  --binary PROGRAM\n"
	"                 the texts are PROGRAM's, printed without a symbolizer: their "
	"frames\n"
	"                 get the names that it would have given them, from "
	"llvm-symbolizer in\n"
	"                 the sandbox\n"
	"\n"
	"--clusterfuzz minds ClusterFuzz's variables in the environment: FUZZ_TARGET,\n"
	"REPORT_OOMS_AND_HANGS (without it timeouts and out-of-memory are no crash; with "
	"a\n"
	"REDZONE above 64 neither), ASSERTS_HAVE_SECURITY_IMPLICATION (default True),\n"
	"CHECKS_HAVE_SECURITY_IMPLICATION (default False).\n"
	"\n"
	"exit status: 0 every text was understood, 1 in some text nothing was found, 2 "
	"usage,\n"
	"4 a file could not be read\n";

struct options {
	bool json, clusterfuzz, no_sandbox;
	const char *target, *binary;
	struct cli_naming naming;
	bool has_limits; /* timeouts and out-of-memory are crashes */
	bool asserts_are_security, checks_are_security;
};

struct outcome {
	bool is_empty;	/* some text held nothing */
	bool is_failed; /* some file could not be read */
};

static bool env_true(const char *name, bool fallback)
{
	const char *value = getenv(name);

	if (!value || !*value)
		return fallback;
	return !strcasecmp(value, "true") || !strcmp(value, "1");
}

static void knobs_read(struct options *opts)
{
	const char *redzone = getenv("REDZONE");
	int64_t size;

	if (!opts->target)
		opts->target = getenv("FUZZ_TARGET");
	if (opts->target && !*opts->target)
		opts->target = NULL;
	/* Large redzones make programs slow and big: what they hit says nothing. */
	opts->has_limits = env_true("REPORT_OOMS_AND_HANGS", false) &&
		!(redzone && cli_number(redzone, 0, INT64_MAX, &size) &&
			size > REDZONE_MAX);
	opts->asserts_are_security = env_true("ASSERTS_HAVE_SECURITY_IMPLICATION", true);
	opts->checks_are_security = env_true("CHECKS_HAVE_SECURITY_IMPLICATION", false);
}

/* Pipes too, which is why this is not iw_file_read(). The buffer is used again for each
 * text. */
static int read_text(const char *name, struct iw_buf *text, struct iw_err *err)
{
	bool is_stdin = strcmp(name, "-") == 0;
	_auto_close_ int opened =
		is_stdin ? -1 : open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	int fd = is_stdin ? STDIN_FILENO : opened;

	iw_buf_clear(text);
	if (fd < 0)
		return iw_err_errno(err, errno, "cannot open '%s'", name);
	for (;;) {
		char piece[64 << 10];
		ssize_t n = read(fd, piece, sizeof piece);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return iw_err_errno(err, errno, "cannot read '%s'", name);
		if (n == 0)
			return 0;
		if (text->len + (size_t)n > TEXT_MAX)
			return iw_err_set(err, IW_EINVAL,
				"'%s' is larger than 1 GiB; cut the part with the report "
				"out of it",
				name);
		iw_buf_add(text, piece, (size_t)n);
	}
}

/* The report that identifies the crash, among those that ClusterFuzz would look at. */
static const struct san_report *pick(
	struct iw_arena *arena, const struct options *opts, const struct san_reading *all)
{
	struct san_report *some = iw_arena_alloc(arena, all->count * sizeof *some);
	size_t n = 0;

	for (size_t i = 0; i < all->count; i++)
		if (opts->has_limits || !san_kind_is_limit(all->reports[i].kind))
			some[n++] = all->reports[i];
	return san_report_primary(some, n);
}

/* Kinds whose address is told and is not looked for there. */
static bool is_without_address_there(enum san_kind kind)
{
	return kind == SAN_FPE || kind == SAN_MISALIGNED || kind == SAN_OBJECT_SIZE;
}

/* There Go has none, and for gdb it is where the program stopped. */
static const char *address_there(struct iw_arena *arena, const struct san_report *r)
{
	const struct san_stack *stack = san_report_stack(r, SAN_STACK_CRASH);

	if (r->dialect == SAN_BY_DEBUGGER && stack && stack->frames[0].pc)
		return iw_arena_fmt(
			arena, "0x%012llx", (unsigned long long)stack->frames[0].pc);
	if (!r->address_text || r->dialect == SAN_BY_GO ||
		is_without_address_there(r->kind))
		return "";
	return r->address_text;
}

static bool is_security_there(const struct options *opts, const struct san_report *r)
{
	if (r->kind == SAN_ASSERT)
		return opts->asserts_are_security;
	if (r->kind == SAN_CHECK || r->kind == SAN_DCHECK)
		return opts->checks_are_security;
	/* There a signal that gdb saw is always one. */
	return r->is_security || r->dialect == SAN_BY_DEBUGGER;
}

static void add_clusterfuzz(struct iw_buf *out, struct iw_arena *arena,
	const struct options *opts, const char *name, const struct san_reading *reading)
{
	const struct san_state_opts state_opts = {
		.target = opts->target, .as_clusterfuzz = true};
	const struct san_report *r = pick(arena, opts, reading);
	const char *state = "", *address = "";
	bool is_security = false;

	if (r && r->kind == SAN_BARE_STACK)
		r = NULL;
	if (r) {
		state = san_report_state(arena, r, &state_opts);
		if (!*state)
			state = "NULL";
		address = address_there(arena, r);
		is_security = is_security_there(opts, r);
	}
	iw_buf_adds(out, "{\"crash_type\": ");
	iw_text_json(out, r ? r->crash_type : "");
	iw_buf_adds(out, ", \"crash_address\": ");
	iw_text_json(out, address);
	iw_buf_adds(out, ", \"crash_state\": ");
	iw_text_json(out, state);
	iw_buf_addf(
		out, ", \"is_security\": %s, \"name\": ", is_security ? "true" : "false");
	iw_text_json(out, name);
	iw_buf_adds(out, "}\n");
}

static void flush(struct iw_buf *out)
{
	if (out->len)
		fwrite(out->data, 1, out->len, stdout);
	iw_buf_clear(out);
}

static void parse_one(struct options *opts, const char *name, struct iw_buf *text,
	struct iw_buf *out, struct outcome *outcome)
{
	_auto_(iw_arena_freep) struct iw_arena *arena = NULL;
	struct san_reading reading;
	struct iw_err err = IW_ERR_INIT;

	arena = iw_arena_new();
	if (read_text(name, text, &err) < 0 ||
		(opts->binary && cli_naming_apply(&opts->naming, text, &err) < 0) ||
		san_report_read(arena, text->data, text->len, &reading, &err) < 0) {
		cli_fail(&err);
		outcome->is_failed = true;
		return;
	}
	if (!reading.count)
		outcome->is_empty = true;
	if (opts->clusterfuzz)
		add_clusterfuzz(out, arena, opts, name, &reading);
	else if (opts->json)
		cli_parse_json(out, arena, name, opts->target, &reading);
	else
		cli_parse_plain(out, arena, name, opts->target, text->data, &reading);
}

static int options_read(int argc, char **argv, struct options *opts)
{
	static const struct option options[] = {
		{"json", no_argument, NULL, 'j'},
		{"clusterfuzz", no_argument, NULL, 'c'},
		{"target", required_argument, NULL, 't'},
		{"binary", required_argument, NULL, 'b'},
		{"no-sandbox", no_argument, NULL, 'n'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	int c;

	opterr = 0;
	optind = 1;
	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (c) {
		case 'j':
			opts->json = true;
			break;
		case 'c':
			opts->clusterfuzz = true;
			break;
		case 't':
			opts->target = optarg;
			break;
		case 'b':
			opts->binary = optarg;
			break;
		case 'n':
			opts->no_sandbox = true;
			break;
		case 'h':
			fputs(help, stdout);
			return CLI_DONE;
		default:
			return cli_usage(
				"parse", "unknown option, or one without its value");
		}
	}
	return -1;
}

int cli_parse(int argc, char **argv)
{
	static char input[] = "-";
	char *only[] = {input, NULL};
	struct options opts = {0};
	struct outcome outcome = {0};
	struct iw_buf text = {0}, out = {0};
	struct iw_err err = IW_ERR_INIT;
	int rc = options_read(argc, argv, &opts);
	char **names = argv + optind;
	bool is_list;

	if (rc >= 0)
		return rc;
	knobs_read(&opts);
	if (opts.binary &&
		cli_naming_open(&opts.naming, opts.binary, opts.no_sandbox, &err) < 0) {
		cli_naming_close(&opts.naming);
		return cli_fail(&err);
	}
	if (!*names)
		names = only;
	is_list = opts.json && !opts.clusterfuzz;
	if (is_list)
		iw_buf_adds(&out, "{\"texts\": [");
	for (size_t i = 0; names[i]; i++) {
		size_t before = out.len;

		if (is_list && i && out.data[out.len - 1] != '[')
			iw_buf_adds(&out, ",");
		parse_one(&opts, names[i], &text, &out, &outcome);
		/* A file that could not be read leaves no comma. */
		if (is_list && out.len == before + 1 && out.data[before] == ',') {
			out.len = before;
			out.data[before] = '\0';
		}
		if (!is_list)
			flush(&out);
	}
	if (is_list)
		iw_buf_adds(&out, "]}\n");
	flush(&out);
	cli_naming_close(&opts.naming);
	iw_buf_fini(&text);
	iw_buf_fini(&out);
	if (fflush(stdout) != 0 || outcome.is_failed)
		return CLI_FAILED;
	return outcome.is_empty ? CLI_NO : CLI_DONE;
}
