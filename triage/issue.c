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
#include "triage/issue_repro.h"
#include "triage/markdown.h"
#include "triage/rate.h"

#include "base/banned.h"

#define REPORT_MAX (12 << 10)
#define LOG_MAX (8 << 10)
#define FRAMES_MAX (6 << 10)
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
			? " — "
			: " — suspect: ");
	for (i = 0; i < issue->pr_count; i++) {
		const struct triage_issue_pr *pr = &issue->prs[i];

		if (pr->number)
			iw_buf_addf(out, "%s#%d", i ? " + " : "PR ", pr->number);
		else
			iw_buf_addf(out, "%scommit %.12s", i ? " + " : "", pr->commit);
	}
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

/* All that is at fault belongs to no pull request. */
static bool is_pushed(const struct triage_issue *issue)
{
	size_t i;

	for (i = 0; i < issue->pr_count; i++)
		if (issue->prs[i].number)
			return false;
	return issue->pr_count > 0;
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

	if (is_outcome(issue, "staged") && is_pushed(issue))
		return "**staged**: proven, this commit causes it";
	for (i = 0; i < IW_COUNT(words); i++)
		if (is_outcome(issue, words[i][0]))
			return words[i][1];
	return "not attributed yet";
}

static void add_culprit(struct iw_buf *out, const struct triage_issue_pr *pr)
{
	bool has_title = pr->title && *pr->title;

	if (pr->number) {
		_auto_free_ char *label = iw_fmt("PR #%d", pr->number);

		triage_md_link(out, label, pr->url);
		iw_buf_adds(out, has_title ? " " : "");
	} else {
		iw_buf_addf(out, "commit %.12s, which belongs to no pull request%s",
			pr->commit, has_title ? ": " : "");
	}
	if (has_title)
		triage_md_span(out, pr->title, FIELD_MAX);
}

static void add_attribution(struct iw_buf *out, const struct triage_issue *issue)
{
	bool is_proven = is_outcome(issue, "staged") || is_outcome(issue, "interaction");
	size_t i;

	iw_buf_addf(out, "| Attribution | %s |\n", attribution(issue));
	for (i = 0; i < issue->pr_count && i < PRS_MAX; i++) {
		iw_buf_addf(out, "| %s | ", is_proven ? "Caused by" : "In question");
		add_culprit(out, &issue->prs[i]);
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
	if (issue->severity)
		add_severity(out, issue);
	else
		iw_buf_addf(out, "| Security relevant | %s |\n",
			issue->is_security ? "yes" : "no");
	iw_buf_addf(out, "| Private | %s |\n",
		issue->is_private
			? "**yes**: not for the public until one staged pull request is "
			  "proven to be the cause"
			: "no");
	add_row(out, "Project", issue->adapter);
	add_row(out, "Target", issue->target);
	add_row(out, "Snapshot", issue->commit);
	add_row(out, "Flavour", issue->flavour);
	add_rate(out, issue);
	add_state(out, issue);
	add_row(out, "Newest snapshot", issue->retest);
	add_row(out, "Mended", issue->mend);
	add_row(out, "Brought back", issue->back);
	add_attribution(out, issue);
	iw_buf_adds(out, "\n");
	if (issue->is_unsandboxed)
		iw_buf_adds(out,
			"> **Note:** the jobs of this host run without a sandbox "
			"(`--no-sandbox`).\n\n");
}

/* A section of lines in a fence, below words of ours. */
static void add_lines(struct iw_buf *out, const char *heading, const char *words,
	const char *const *lines, size_t count, bool is_numbered, size_t max)
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
		iw_buf_addf(out, "## %s\n\n%s", heading, words);
		if (!triage_md_fence(out, "text", text.data, text.len, max))
			iw_buf_adds(out, "\n(cut short)\n");
		iw_buf_adds(out, "\n");
	}
	iw_buf_fini(&text);
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

/* For a reader who has never seen such a log. */
static const char log_words[] =
	"Versions of the source were built, and each was run with the input below. One "
	"is "
	"*bad* when this crash showed, *good* when it did not in so many runs, and "
	"*untestable* when that could not be asked, from which nothing follows. The "
	"*snapshot* is the branch as it was fuzzed, the *base* is what all pull requests "
	"are staged on, the *tree at* one is the branch right after it came in. A pull "
	"request is called the cause only when versions without it are good and the "
	"base, "
	"or the oldest tree that it fits on, is bad with it alone.\n\n";

char *triage_issue_body(const struct triage_issue *issue)
{
	_auto_free_ char *marker = triage_issue_marker(issue->uid);
	_auto_free_ char *uid = safe_uid(issue->uid);
	struct iw_buf out = {0}, tail = {0};
	bool is_proven = is_outcome(issue, "staged") ||
		is_outcome(issue, "interaction") || is_outcome(issue, "pre-existing");

	if (issue->decision)
		iw_buf_adds(&out, issue->decision);
	add_table(&out, issue);
	issue_commands_add(&out, issue, uid);
	add_lines(&out, "Stack", "", issue->frames, issue->frame_count, true, FRAMES_MAX);
	add_lines(&out, is_proven ? "How it was proven" : "What was tried", log_words,
		issue->log, issue->log_count, false, LOG_MAX);
	add_report(&tail, issue);
	add_sightings(&tail, issue);
	iw_buf_addf(&tail, "---\nFiled by Ironworks as bug `%s`.\n\n%s\n", uid, marker);
	/* 1 KiB for what add_input says around the data, 400 bytes for a title above. */
	issue_input_add(&out, issue,
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
