/*
 * A report from a program under attack, shown everywhere that we show one: on a terminal,
 * as JSON, in ClusterFuzz's words, as a line and as an issue. None of it may hold anything
 * that its reader takes for more than text.
 */
#include "tests/lib/issue_promises.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/parse_view.h"
#include "sanitizers/frames.h"
#include "sanitizers/headline.h"
#include "sanitizers/report.h"

#include "base/banned.h"

/* What is shown of a text is not much more than what was kept of it. */
#define VIEW_MAX ((size_t)8 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_parse(const char *text, const struct san_reading *reading)
{
	static const struct parse_knobs knobs = {
		.target = "mine", .has_limits = true, .asserts_are_security = true};
	struct parse_sink sink = {0};

	cli_parse_plain(&sink, "-", NULL, text, reading);
	PROMISE(sink.buf.len <= VIEW_MAX);
	promise_plain(sink.buf.data, sink.buf.len);
	iw_buf_clear(&sink.buf);
	cli_parse_json(&sink, "-", "mine", reading);
	PROMISE(sink.buf.len <= VIEW_MAX);
	promise_json(sink.buf.data, sink.buf.len);
	PROMISE(!memchr(sink.buf.data, '\n', sink.buf.len));
	iw_buf_clear(&sink.buf);
	cli_parse_clusterfuzz(&sink, "-", &knobs, reading);
	promise_json(sink.buf.data, sink.buf.len);
	PROMISE(strchr(sink.buf.data, '\n') == sink.buf.data + sink.buf.len - 1);
	iw_buf_fini(&sink.buf);
}

/* What a log and a table say of it. */
static void check_headline(struct iw_arena *arena, const struct san_report *r)
{
	struct iw_buf line = {0};

	iw_text_plain(&line, san_report_headline(arena, r));
	promise_plain(line.data ? line.data : "", line.len);
	PROMISE(!line.len || !memchr(line.data, '\n', line.len));
	iw_buf_fini(&line);
}

/* The issue of the bug, with what triage takes from the report. */
static void check_issue(
	struct iw_arena *arena, const struct san_report *r, const char *text, size_t len)
{
	struct san_sig_frame frames[SAN_SIGNATURE_BOTH];
	const char *names[SAN_SIGNATURE_BOTH];
	size_t n = san_report_signature_frames(arena, r, frames, NULL), i;
	struct triage_issue issue = {
		.uid = "1",
		.adapter = "demo",
		.target = "tx",
		.type = r->crash_type,
		.message = r->title,
		.outcome = "suspect",
		.reason = r->message,
		.frames = names,
		.frame_count = n,
		.hits = 1,
		.runs = 5,
		.input = text,
		.input_len = len,
		.report = text,
		.report_len = len,
	};

	for (i = 0; i < n; i++)
		names[i] = frames[i].function;
	promise_issue(&issue);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct iw_arena *arena = iw_arena_new();
	char *text = iw_memdup(data, size);
	const struct san_report *primary;
	struct san_reading reading;

	PROMISE(san_report_read(arena, text, size, &reading, NULL) == 0);
	check_parse(text, &reading);
	primary = san_report_primary(reading.reports, reading.count);
	if (primary) {
		check_headline(arena, primary);
		check_issue(arena, primary, text, size);
	}
	free(text);
	iw_arena_free(arena);
	return 0;
}
