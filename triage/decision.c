#include "triage/decision.h"

#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/time.h"
#include "triage/markdown.h"

#include "base/banned.h"

/* They stand on lines of their own at the head of an issue, where nothing comes from
 * strangers but one-line code spans. */
#define BEGIN "<!-- ironworks-decision -->\n"
#define END "<!-- /ironworks-decision -->\n\n"
#define WHO_MAX 80
#define ISSUE_MAX ((size_t)1 << 20)

static const struct {
	const char *verb, *what; /* what: of the row; NULL: it is none of its decisions */
} verbs[] = {
	{"wontfix", "wontfix"},
	{"expected", "expected"},
	{"close", "closed"},
	{"mute", NULL},
	{"reopen", NULL},
};

bool triage_decision_is(const char *verb)
{
	size_t i;

	for (i = 0; i < IW_COUNT(verbs); i++)
		if (strcmp(verbs[i].verb, verb) == 0)
			return true;
	return false;
}

bool triage_decision_is_quiet(const struct bug_row *row)
{
	return row->decision || row->muted_ms;
}

static const char *consequence(const struct bug_row *row)
{
	if (strcmp(row->decision, "closed") == 0)
		return "It is reopened when it shows on another snapshot than the one of "
		       "that day.";
	return "It is still seen and counted, but this text is not rewritten any more.";
}

char *triage_decision_text(const struct bug_row *row)
{
	struct iw_buf out = {0};
	char when[24];

	if (!triage_decision_is_quiet(row) && row->merged_into < 0)
		return iw_strdup("");
	iw_buf_adds(&out, BEGIN);
	if (row->merged_into >= 0)
		iw_buf_addf(&out,
			"**merged**: this is a part of bug %lld, whose issue speaks for "
			"both.\n",
			(long long)row->merged_into);
	if (row->decision) {
		iw_time_iso(row->decision_ms, when);
		iw_buf_addf(&out, "**%s**, decided by ", row->decision);
		triage_md_span(&out, row->decision_by ? row->decision_by : "?", WHO_MAX);
		iw_buf_addf(&out, ", %s", when);
		if (row->decision_why) {
			iw_buf_adds(&out, ": ");
			triage_md_span(&out, row->decision_why, DECISION_WHY_MAX);
		}
		iw_buf_addf(&out, ". %s\n", consequence(row));
	}
	if (row->muted_ms) {
		iw_time_iso(row->muted_ms, when);
		iw_buf_addf(&out,
			"**muted**, %s. This text is not rewritten when it is seen "
			"again.\n",
			when);
	}
	iw_buf_adds(&out, END);
	return iw_buf_steal(&out);
}

char *triage_decision_put(const char *text, const char *paragraph)
{
	const char *body = strstr(text, "\n\n"), *rest, *end;
	struct iw_buf out = {0};

	body = body ? body + 2 : text;
	rest = body;
	if (strncmp(rest, BEGIN, strlen(BEGIN)) == 0) {
		end = strstr(rest, END);
		rest = end ? end + strlen(END) : rest;
	}
	iw_buf_add(&out, text, (size_t)(body - text));
	iw_buf_adds(&out, paragraph);
	iw_buf_adds(&out, rest);
	return iw_buf_steal(&out);
}

struct writing {
	const char *outbox_dir;
	struct iw_err *err;
};

static int write_paragraph(void *ctx, const struct bug_row *row)
{
	struct writing *w = ctx;
	_auto_free_ char *paragraph = triage_decision_text(row);
	_auto_free_ char *path = NULL, *text = NULL, *changed = NULL;
	size_t len;
	int rc;

	/* One that is not written yet begins with it. */
	if (!row->issue)
		return 0;
	path = iw_path_join(w->outbox_dir, row->issue);
	if (!iw_file_exists(path))
		return 0;
	rc = iw_file_read(path, ISSUE_MAX, &text, &len, w->err);
	if (rc < 0)
		return rc;
	changed = triage_decision_put(text, paragraph);
	return iw_file_replace(path, changed, strlen(changed), w->err);
}

int triage_decision_rewrite(
	struct iw_dbc *dbc, const char *outbox_dir, int64_t bug_id, struct iw_err *err)
{
	struct writing w = {.outbox_dir = outbox_dir, .err = err};

	return bug_db_list(dbc, bug_id, write_paragraph, &w, err);
}

int triage_decide(struct iw_dbc *dbc, const char *outbox_dir, const char *verb,
	const struct decision *d, struct iw_err *err)
{
	size_t i = 0;
	int rc;

	while (strcmp(verbs[i].verb, verb) != 0)
		i++;
	if (verbs[i].what)
		rc = decision_db_set(dbc, d, verbs[i].what, err);
	else if (strcmp(verb, "mute") == 0)
		rc = decision_db_mute(dbc, d, err);
	else
		rc = decision_db_reopen(dbc, d, err);
	return rc < 0 ? rc : triage_decision_rewrite(dbc, outbox_dir, d->bug_id, err);
}
