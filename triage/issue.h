/*
 * The text of one bug for a tracker: Markdown made from a plain struct. Reports, function
 * names and pull request titles are written by strangers: whatever comes from them stands
 * in a code span or a fence longer than any run of backticks inside it, where neither
 * HTML nor mentions nor links live, after base/text.h has taken its control characters.
 *
 * The footer's marker makes sending idempotent: search for it before you file.
 *
 * Pure and synchronous. Thread: any.
 */
#ifndef TRIAGE_ISSUE_H
#define TRIAGE_ISSUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRIAGE_TITLE_MAX 120   /* characters */
#define TRIAGE_ISSUE_MAX 65000 /* bytes; GitHub takes 65,536 characters */

struct triage_sighting {
	const char *target;
	const char *flavour;
	unsigned count;
	int64_t first_ms; /* UTC */
};

struct triage_issue_pr {
	int number; /* 0: it belongs to no pull request, and commit says what it is */
	const char *title; /* NULL: not known */
	const char *url;   /* NULL, or not https:// or http://: no link */
	const char *commit;
};

/* NULL and 0 mean not known unless a line says otherwise: the row is left out. */
struct triage_issue {
	const char *uid; /* of the bug, the same on every host: [A-Za-z0-9._-] */
	const char *bug; /* what `ironworks repro` takes; NULL: uid */
	const char *adapter;
	const char *target;
	const char *type; /* may hold a newline, as ClusterFuzz writes it */
	const char *message;
	bool is_private;
	bool is_security;			/* told where there is no severity */
	const char *severity, *severity_reason; /* triage/severity.h */
	bool is_remote;				/* a crash that strangers can send */
	const char *commit;			/* of the snapshot that it was found on */
	const char *state;			/* word of bug.state */
	const char *mend;			/* who mended it, where it is fixed */
	const char *back;			/* who brought it back */
	const char *retest; /* what it did on a newer one: triage_retest_words() */
	const char *flavour;
	unsigned hits, runs;  /* reproduction rate */
	bool is_unsandboxed;  /* jobs ran with --no-sandbox */
	const char *decision; /* Markdown of ours: triage_decision_text() */

	const char *outcome; /* word of bug.outcome; NULL: not attributed yet */
	const char *reason;
	const struct triage_issue_pr *prs;
	size_t pr_count;
	const char *const *log; /* triage_bisect_log() */
	size_t log_count;

	const char *const *frames;
	size_t frame_count;
	const char *state_dir; /* of --state */
	const char *command;   /* the raw command, quoted for a shell */
	const void *input;     /* best reproducer */
	size_t input_len;
	size_t first_len;     /* its size when it was found */
	const char *artifact; /* where the whole input is */
	const char *report;   /* excerpt; its first 12 KiB are shown */
	size_t report_len;

	const struct triage_sighting *sightings;
	size_t sighting_count;
};

/* "[demo] heap-buffer-overflow in cursor_read (message) — PR #123", one line of plain
 * text of at most TRIAGE_TITLE_MAX characters. The caller frees. */
char *triage_issue_title(const struct triage_issue *issue);
/* The Markdown below the title. The caller frees. */
char *triage_issue_body(const struct triage_issue *issue);
/* A file of its own: the title as a heading, then the body. The caller frees. */
char *triage_issue_document(const struct triage_issue *issue);
/* Lower-case words of the title for a file name, "heap-buffer-overflow-in-cursor-read",
 * at most 60 characters, "bug" when nothing is left. The caller frees. */
char *triage_issue_slug(const struct triage_issue *issue);
/* "<uid>-<slug>.md", a single path component whatever the fields hold. Caller frees. */
char *triage_issue_file(const struct triage_issue *issue);
/* "<!-- ironworks-bug: <uid> -->", as the footer has it. The caller frees. */
char *triage_issue_marker(const char *uid);

#endif
