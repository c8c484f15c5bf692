/*
 * The body is written top down for a reader who stops early: what, who, how to see it,
 * the input, then the long report. Every section has its share of the tracker's limit;
 * the base64 of the input, which can be long and is also on disk, takes what is left.
 */
#include "triage/issue.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"
#include "triage/markdown.h"
#include "triage/rate.h"

#include "base/banned.h"

#define HEX_MAX 1024	      /* bytes of input shown in hex */
#define BASE64_MAX (48 << 10) /* bytes of base64 */
#define REPORT_MAX (12 << 10)
#define LOG_MAX (8 << 10)
#define FRAMES_MAX (6 << 10)
#define COMMANDS_MAX (4 << 10)
#define FIELD_MAX 200
#define REASON_MAX 500
#define PRS_MAX 8
#define SIGHTINGS_MAX 20
#define SLUG_MAX 60
#define UID_MAX 80

/* Whatever the field holds, one word of [A-Za-z0-9._-] that starts with none of "._-". */
static char *safe_uid(const char *uid)
{
	size_t len = uid ? strlen(uid) : 0, i;
	char *safe;

	if (len == 0)
		return iw_strdup("bug");
	safe = iw_strndup(uid, len < UID_MAX ? len : UID_MAX);
	for (i = 0; safe[i]; i++)
		if (!isalnum((unsigned char)safe[i]) &&
			(i == 0 || !strchr("._-", safe[i])))
			safe[i] = '_';
	return safe;
}

/* The kind of the crash: "Heap-buffer-overflow\nREAD 4" is "heap-buffer-overflow". */
static char *kind_of(const struct triage_issue *issue)
{
	const char *type = issue->type && *issue->type ? issue->type : "crash";
	char *kind = iw_strndup(type, strcspn(type, "\n"));
	char *at;

	for (at = kind; *at; at++)
		*at = (char)tolower((unsigned char)*at);
	return kind;
}

/* The innermost function without the place behind it: "f (src/a.c:1)" is "f". NULL when
 * there are no frames. */
static char *function_of(const struct triage_issue *issue)
{
	const char *frame = issue->frame_count ? issue->frames[0] : NULL;
	const char *at = frame, *place = NULL;

	if (!frame || !*frame)
		return NULL;
	while ((at = strstr(at, " (")) != NULL)
		place = at++;
	return iw_strndup(
		frame, place && place != frame ? (size_t)(place - frame) : strlen(frame));
}

/* Titles are no Markdown, but trackers look for mentions and references in them. */
static void add_title_words(struct iw_buf *out, const char *text)
{
	struct iw_buf plain = {0};
	size_t i;

	iw_text_plain(&plain, text);
	for (i = 0; i < plain.len; i++) {
		char c = plain.data[i];

		if (c == '@')
			iw_buf_adds(out, "(at)");
		else if (c == '`')
			iw_buf_adds(out, "'");
		else if ((c == '#' || c == '!') &&
			isdigit((unsigned char)plain.data[i + 1]))
			iw_buf_adds(out, ".");
		else
			iw_buf_add(out, &c, 1);
	}
	iw_buf_fini(&plain);
}

static bool is_outcome(const struct triage_issue *issue, const char *word)
{
	return issue->outcome && strcmp(issue->outcome, word) == 0;
}

/* What the title ends with: who did it, as far as that is proven. */
static void add_blame(struct iw_buf *out, const struct triage_issue *issue)
{
	size_t i;

	if (is_outcome(issue, "pre-existing"))
		iw_buf_adds(out, " — pre-existing");
	if (is_outcome(issue, "flaky"))
		iw_buf_adds(out, " — flaky");
	if (issue->pr_count == 0 || issue->pr_count > 4)
		return;
	iw_buf_adds(out,
		is_outcome(issue, "staged") || is_outcome(issue, "interaction")
			? " — PR "
			: " — suspect: PR ");
	for (i = 0; i < issue->pr_count; i++)
		iw_buf_addf(out, "%s#%d", i ? " + " : "", issue->prs[i].number);
}

static size_t characters(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

/* Cuts buf to so many characters, the last of them an ellipsis. */
static void fit(struct iw_buf *buf, size_t max)
{
	size_t i, n = 0;

	if (!buf->len || characters(buf->data) <= max)
		return;
	for (i = 0; i < buf->len; i++) {
		n += ((unsigned char)buf->data[i] & 0xc0) != 0x80;
		if (n == max)
			break;
	}
	buf->len = i;
	iw_buf_adds(buf, "…");
}

char *triage_issue_title(const struct triage_issue *issue)
{
	_auto_free_ char *kind = kind_of(issue), *function = function_of(issue);
	struct iw_buf out = {0}, blame = {0};
	size_t room;

	if (issue->adapter && *issue->adapter) {
		iw_buf_adds(&out, "[");
		add_title_words(&out, issue->adapter);
		fit(&out, 30);
		iw_buf_adds(&out, "] ");
	}
	add_title_words(&out, kind);
	fit(&out, 70);
	if (function) {
		iw_buf_adds(&out, " in ");
		add_title_words(&out, function);
	} else if (issue->target) {
		iw_buf_adds(&out, " in target ");
		add_title_words(&out, issue->target);
	}
	if (issue->message && *issue->message) {
		iw_buf_adds(&out, " (");
		add_title_words(&out, issue->message);
		iw_buf_adds(&out, ")");
	}
	add_blame(&blame, issue);
	room = TRIAGE_TITLE_MAX - (blame.len ? characters(blame.data) : 0);
	fit(&out, room);
	if (blame.len)
		iw_buf_add(&out, blame.data, blame.len);
	iw_buf_fini(&blame);
	return iw_buf_steal(&out);
}

char *triage_issue_slug(const struct triage_issue *issue)
{
	_auto_free_ char *kind = kind_of(issue), *function = function_of(issue);
	_auto_free_ char *words =
		iw_fmt("%s%s%s", kind, function ? " in " : "", function ? function : "");
	struct iw_buf out = {0};
	size_t i;

	for (i = 0; words[i] && out.len < SLUG_MAX; i++) {
		char c = (char)tolower((unsigned char)words[i]);

		if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
			iw_buf_add(&out, &c, 1);
		else if (out.len && out.data[out.len - 1] != '-')
			iw_buf_adds(&out, "-");
	}
	while (out.len && out.data[out.len - 1] == '-')
		out.data[--out.len] = '\0';
	if (!out.len)
		iw_buf_adds(&out, "bug");
	return iw_buf_steal(&out);
}

char *triage_issue_file(const struct triage_issue *issue)
{
	_auto_free_ char *uid = safe_uid(issue->uid), *slug = triage_issue_slug(issue);

	return iw_fmt("%s-%s.md", uid, slug);
}

char *triage_issue_marker(const char *uid)
{
	_auto_free_ char *safe = safe_uid(uid);

	return iw_fmt("<!-- ironworks-bug: %s -->", safe);
}

static void add_row(struct iw_buf *out, const char *name, const char *value)
{
	if (!value || !*value)
		return;
	iw_buf_addf(out, "| %s | ", name);
	triage_md_span(out, value, FIELD_MAX);
	iw_buf_adds(out, " |\n");
}

static const char *attribution(const struct triage_issue *issue)
{
	static const char *const words[][2] = {
		{"staged", "**staged**: proven, this pull request causes it"},
		{"interaction",
			"**interaction**: proven, these pull requests cause it "
			"together, none of them alone"},
		{"pre-existing",
			"**pre-existing**: the base has it without any staged pull "
			"request"},
		{"suspect", "**suspect**: not proven"},
		{"flaky",
			"**flaky**: it shows too rarely or too irregularly to be "
			"attributed"},
		{"infra", "**infra**: our own machines failed, nothing is known"},
	};
	size_t i;

	for (i = 0; i < IW_COUNT(words); i++)
		if (is_outcome(issue, words[i][0]))
			return words[i][1];
	return "not attributed yet";
}

static void add_attribution(struct iw_buf *out, const struct triage_issue *issue)
{
	bool is_proven = is_outcome(issue, "staged") || is_outcome(issue, "interaction");
	size_t i;

	iw_buf_addf(out, "| Attribution | %s |\n", attribution(issue));
	for (i = 0; i < issue->pr_count && i < PRS_MAX; i++) {
		_auto_free_ char *label = iw_fmt("PR #%d", issue->prs[i].number);

		iw_buf_addf(out, "| %s | ", is_proven ? "Caused by" : "In question");
		triage_md_link(out, label, issue->prs[i].url);
		if (issue->prs[i].title && *issue->prs[i].title) {
			iw_buf_adds(out, " ");
			triage_md_span(out, issue->prs[i].title, FIELD_MAX);
		}
		iw_buf_adds(out, " |\n");
	}
	if (issue->pr_count > PRS_MAX)
		iw_buf_addf(out, "| | and %zu more |\n", issue->pr_count - PRS_MAX);
	if (issue->reason && *issue->reason) {
		iw_buf_adds(out, "| Reason | ");
		triage_md_span(out, issue->reason, REASON_MAX);
		iw_buf_adds(out, " |\n");
	}
}

/* Only what its reader would not expect. */
static void add_state(struct iw_buf *out, const struct triage_issue *issue)
{
	if (issue->state && strcmp(issue->state, "fixed") == 0)
		iw_buf_adds(out, "| State | **fixed** |\n");
	else if (issue->state && strcmp(issue->state, "regressed") == 0)
		iw_buf_adds(out,
			"| State | **regressed**: it was fixed, and shows again |\n");
}

static void add_severity(struct iw_buf *out, const struct triage_issue *issue)
{
	_auto_free_ char *text = iw_fmt("%s: %s", issue->severity,
		issue->severity_reason ? issue->severity_reason : "");

	add_row(out, "Severity", text);
	iw_buf_addf(out, "| Remote crash | %s |\n",
		issue->is_remote ? "**yes**: its target's input comes from the network"
				 : "no");
}

static void add_rate(struct iw_buf *out, const struct triage_issue *issue)
{
	struct triage_rate rate = triage_rate_of(issue->hits, issue->runs);

	if (issue->runs)
		iw_buf_addf(out,
			"| Reproduces | %u of %u runs (%.0f %%); its true rate is %.0f "
			"to "
			"%.0f %% with a confidence of %.0f %% |\n",
			issue->hits, issue->runs, 100.0 * issue->hits / issue->runs,
			floor(100 * rate.low), ceil(100 * rate.high),
			100 * TRIAGE_RATE_CONFIDENCE);
}

static void add_table(struct iw_buf *out, const struct triage_issue *issue)
{
	iw_buf_adds(out, "| | |\n|---|---|\n");
	add_row(out, "Type", issue->type);
	add_row(out, "Message", issue->message);
	iw_buf_addf(
		out, "| Security relevant | %s |\n", issue->is_security ? "yes" : "no");
	if (issue->severity)
		add_severity(out, issue);
	add_row(out, "Project", issue->adapter);
	add_row(out, "Target", issue->target);
	add_row(out, "Snapshot", issue->commit);
	add_row(out, "Flavour", issue->flavour);
	add_rate(out, issue);
	add_state(out, issue);
	add_row(out, "Newest snapshot", issue->retest);
	add_row(out, "Mended", issue->mend);
	add_attribution(out, issue);
	iw_buf_adds(out, "\n");
	if (issue->is_unsandboxed)
		iw_buf_adds(out,
			"> **Note:** the jobs of this host run without a sandbox "
			"(`--no-sandbox`).\n\n");
}

/* A section of lines in a fence. */
static void add_lines(struct iw_buf *out, const char *heading, const char *const *lines,
	size_t count, bool is_numbered, size_t max)
{
	struct iw_buf text = {0};
	size_t i;

	for (i = 0; i < count && text.len <= max; i++) {
		if (is_numbered)
			iw_buf_addf(&text, "#%zu ", i);
		iw_text_plain(&text, lines[i]);
		iw_buf_adds(&text, "\n");
	}
	if (text.len) {
		iw_buf_addf(out, "## %s\n\n", heading);
		if (!triage_md_fence(out, "text", text.data, text.len, max))
			iw_buf_adds(out, "\n(cut short)\n");
		iw_buf_adds(out, "\n");
	}
	iw_buf_fini(&text);
}

static void add_commands(struct iw_buf *out, const struct triage_issue *issue)
{
	_auto_free_ char *uid = safe_uid(issue->uid);
	struct iw_buf text = {0};

	iw_buf_adds(&text, "ironworks repro ");
	iw_text_shell(&text, issue->bug ? issue->bug : uid);
	if (issue->state_dir) {
		iw_buf_adds(&text, " --state ");
		iw_text_shell(&text, issue->state_dir);
	}
	iw_buf_adds(&text, "\n");
	if (issue->command)
		iw_buf_addf(&text, "%s\n", issue->command);
	iw_buf_adds(out, "## Reproduce\n\n");
	if (!triage_md_fence(out, "sh", text.data, text.len, COMMANDS_MAX))
		iw_buf_adds(out, "\n(cut short)\n");
	iw_buf_adds(out, "\n");
	iw_buf_fini(&text);
}

/* As xxd prints it. */
static void add_hex(struct iw_buf *out, const unsigned char *data, size_t len)
{
	struct iw_buf text = {0};
	size_t row, i;

	for (row = 0; row < len; row += 16) {
		iw_buf_addf(&text, "%08zx:", row);
		for (i = row; i < row + 16; i++) {
			iw_buf_adds(&text, i % 2 ? "" : " ");
			if (i < len)
				iw_buf_addf(&text, "%02x", data[i]);
			else
				iw_buf_adds(&text, "  ");
		}
		iw_buf_adds(&text, "  ");
		for (i = row; i < row + 16 && i < len; i++)
			iw_buf_addf(&text, "%c",
				data[i] >= 0x20 && data[i] < 0x7f ? data[i] : '.');
		iw_buf_adds(&text, "\n");
	}
	triage_md_fence(out, "text", text.data, text.len, text.len);
	iw_buf_adds(out, "\n");
	iw_buf_fini(&text);
}

static void add_base64(struct iw_buf *out, const struct triage_issue *issue, size_t room)
{
	struct iw_buf text = {0};

	/* 4 for 3, a newline in 76, and the fence around it. */
	if (issue->input_len / 3 * 4 + issue->input_len / 57 + 16 <= room) {
		iw_text_base64(&text, issue->input, issue->input_len);
		iw_buf_adds(out, "As base64, for `base64 -d`:\n\n");
		triage_md_fence(out, "text", text.data, text.len, text.len);
	} else {
		iw_buf_adds(out, "The whole input is too long for this page");
	}
	if (issue->artifact && *issue->artifact) {
		iw_buf_adds(out, text.len ? "\nIt is stored as " : ". It is stored as ");
		triage_md_span(out, issue->artifact, FIELD_MAX);
		iw_buf_adds(out, " on the host that found it");
	}
	if (!text.len || (issue->artifact && *issue->artifact))
		iw_buf_adds(out, ".\n");
	iw_buf_adds(out, "\n");
	iw_buf_fini(&text);
}

static void add_input(struct iw_buf *out, const struct triage_issue *issue, size_t room)
{
	if (!issue->input && !issue->artifact)
		return;
	iw_buf_adds(out, "## Input\n\n");
	iw_buf_addf(
		out, "%zu byte%s", issue->input_len, issue->input_len == 1 ? "" : "s");
	if (issue->first_len > issue->input_len)
		iw_buf_addf(out, ", minimized from %zu", issue->first_len);
	if (issue->input_len > HEX_MAX)
		iw_buf_addf(out, "; the first %d", HEX_MAX);
	iw_buf_adds(out, issue->input_len && issue->input ? ":\n\n" : ".\n\n");
	if (!issue->input_len || !issue->input)
		return;
	add_hex(out, issue->input,
		issue->input_len < HEX_MAX ? issue->input_len : HEX_MAX);
	if (room > out->len)
		room -= out->len;
	else
		room = 0;
	add_base64(out, issue, room < BASE64_MAX ? room : BASE64_MAX);
}

static void add_sightings(struct iw_buf *out, const struct triage_issue *issue)
{
	size_t i;

	if (issue->sighting_count == 0)
		return;
	iw_buf_adds(out,
		"## Seen\n\n| Target | Flavour | Times | First |\n|---|---|---|---|\n");
	for (i = 0; i < issue->sighting_count && i < SIGHTINGS_MAX; i++) {
		const struct triage_sighting *s = &issue->sightings[i];
		time_t at = (time_t)(s->first_ms / 1000);
		char when[32] = "unknown";
		struct tm tm;

		if (s->first_ms > 0 && gmtime_r(&at, &tm))
			strftime(when, sizeof when, "%Y-%m-%d %H:%M UTC", &tm);
		iw_buf_adds(out, "| ");
		triage_md_span(out, s->target ? s->target : "", FIELD_MAX / 2);
		iw_buf_adds(out, " | ");
		triage_md_span(out, s->flavour ? s->flavour : "", FIELD_MAX / 2);
		iw_buf_addf(out, " | %u | %s |\n", s->count, when);
	}
	if (issue->sighting_count > SIGHTINGS_MAX)
		iw_buf_addf(
			out, "\nand %zu more.\n", issue->sighting_count - SIGHTINGS_MAX);
	iw_buf_adds(out, "\n");
}

static void add_report(struct iw_buf *out, const struct triage_issue *issue)
{
	if (!issue->report || !issue->report_len)
		return;
	iw_buf_adds(out, "## Report\n\n");
	if (!triage_md_fence(out, "text", issue->report, issue->report_len, REPORT_MAX))
		iw_buf_adds(out, "\n(cut short)\n");
	iw_buf_adds(out, "\n");
}

char *triage_issue_body(const struct triage_issue *issue)
{
	_auto_free_ char *marker = triage_issue_marker(issue->uid);
	_auto_free_ char *uid = safe_uid(issue->uid);
	struct iw_buf out = {0}, tail = {0};
	bool is_proven = is_outcome(issue, "staged") || is_outcome(issue, "interaction");

	if (issue->decision)
		iw_buf_adds(&out, issue->decision);
	add_table(&out, issue);
	add_commands(&out, issue);
	add_lines(&out, "Stack", issue->frames, issue->frame_count, true, FRAMES_MAX);
	add_lines(&out, is_proven ? "How it was proven" : "What was tried", issue->log,
		issue->log_count, false, LOG_MAX);
	add_report(&tail, issue);
	add_sightings(&tail, issue);
	iw_buf_addf(&tail, "---\nFiled by Ironworks as bug `%s`.\n\n%s\n", uid, marker);
	/* 1 KiB for what add_input says around the data, 400 bytes for a title above. */
	add_input(&out, issue,
		TRIAGE_ISSUE_MAX > tail.len + 1424 ? TRIAGE_ISSUE_MAX - tail.len - 1424
						   : 0);
	iw_buf_add(&out, tail.data, tail.len);
	iw_buf_fini(&tail);
	return iw_buf_steal(&out);
}

char *triage_issue_document(const struct triage_issue *issue)
{
	_auto_free_ char *title = triage_issue_title(issue),
			 *body = triage_issue_body(issue);
	struct iw_buf out = {0};

	triage_md_heading(&out, title);
	iw_buf_addf(&out, "\n%s", body);
	return iw_buf_steal(&out);
}
