/*
 * `ironworks parse`: what the reader of reports makes of texts. The texts are hostile and
 * may be anything, so they are read whole and bounded, one after the other, and everything
 * shown goes through base/text.h.
 */
#include <errno.h>
#include <fcntl.h>
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
	"A text may be of any size. Of many failures, stacks and frames the first and "
	"the last\n"
	"are shown, and how many were left out. What a text says is not proven: a "
	"program may\n"
	"print a report that no sanitizer wrote.\n"
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
	struct cli_common common;
	bool clusterfuzz;
	const char *binary;
	struct cli_naming naming;
	struct parse_knobs knobs;
};

struct outcome {
	size_t read;	/* texts */
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

static void knobs_read(struct parse_knobs *knobs)
{
	const char *redzone = getenv("REDZONE");
	int64_t size;

	if (!knobs->target)
		knobs->target = getenv("FUZZ_TARGET");
	if (knobs->target && !*knobs->target)
		knobs->target = NULL;
	/* Large redzones make programs slow and big: what they hit says nothing. */
	knobs->has_limits = env_true("REPORT_OOMS_AND_HANGS", false) &&
		!(redzone && cli_number(redzone, 0, INT64_MAX, &size) &&
			size > REDZONE_MAX);
	knobs->asserts_are_security = env_true("ASSERTS_HAVE_SECURITY_IMPLICATION", true);
	knobs->checks_are_security = env_true("CHECKS_HAVE_SECURITY_IMPLICATION", false);
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

static bool is_list(const struct options *opts)
{
	return opts->common.json && !opts->clusterfuzz;
}

static void flush(struct iw_buf *out)
{
	if (out->len)
		fwrite(out->data, 1, out->len, stdout);
	iw_buf_clear(out);
}

static void parse_one(struct options *opts, const char *name, struct iw_buf *text,
	struct parse_sink *sink, struct outcome *outcome)
{
	_auto_(iw_arena_freep) struct iw_arena *arena = iw_arena_new();
	struct san_reading reading;
	struct iw_err err = IW_ERR_INIT;

	if (read_text(name, text, &err) < 0 ||
		(opts->binary && cli_naming_apply(&opts->naming, text, &err) < 0) ||
		san_report_read(arena, text->data, text->len, &reading, &err) < 0) {
		cli_fail(&err);
		outcome->is_failed = true;
		return;
	}
	if (!reading.count)
		outcome->is_empty = true;
	if (is_list(opts) && outcome->read)
		iw_buf_adds(&sink->buf, ",");
	outcome->read++;
	if (opts->clusterfuzz)
		cli_parse_clusterfuzz(sink, name, &opts->knobs, &reading);
	else if (opts->common.json)
		cli_parse_json(sink, name, opts->knobs.target, &reading);
	else
		cli_parse_plain(sink, name, opts->knobs.target, text->data, &reading);
}

int cli_parse(int argc, char **argv)
{
	static char input[] = "-";
	char *only[] = {input, NULL};
	struct options opts = {0};
	const struct cli_option more[] = {{"clusterfuzz", .flag = &opts.clusterfuzz},
		{"target", .word = &opts.knobs.target}, {"binary", .word = &opts.binary},
		{0}};
	struct outcome outcome = {0};
	struct iw_buf text = {0};
	struct parse_sink sink = {.drain = flush};
	struct iw_err err = IW_ERR_INIT;
	int first, rc = cli_options(argc, argv, help, more, &opts.common, &first);
	char **names = argv + first;

	if (rc >= 0)
		return rc;
	knobs_read(&opts.knobs);
	if (opts.binary &&
		cli_naming_open(&opts.naming, opts.binary, opts.common.no_sandbox, &err) <
			0) {
		cli_naming_close(&opts.naming);
		return cli_fail(&err);
	}
	if (!*names)
		names = only;
	if (is_list(&opts))
		iw_buf_adds(&sink.buf, "{\"texts\": [");
	for (; *names; names++) {
		parse_one(&opts, *names, &text, &sink, &outcome);
		flush(&sink.buf);
	}
	if (is_list(&opts))
		iw_buf_adds(&sink.buf, "]}\n");
	flush(&sink.buf);
	cli_naming_close(&opts.naming);
	iw_buf_fini(&text);
	iw_buf_fini(&sink.buf);
	if (fflush(stdout) != 0 || outcome.is_failed)
		return CLI_FAILED;
	return outcome.is_empty ? CLI_NO : CLI_DONE;
}
