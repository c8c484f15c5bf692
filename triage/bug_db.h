/*
 * Rows of the tables bug and bug_event: every statement on them is here, but for
 * merges (merge_db).
 * Synchronous; thread: that of the connection. Strings of a row are the row's own;
 * bug_row_fini frees.
 */
#ifndef TRIAGE_BUG_DB_H
#define TRIAGE_BUG_DB_H

#include <stdbool.h>
#include <stdint.h>

#include "base/db.h"
#include "base/hash.h"

struct bug_row {
	int64_t id;
	int64_t adapter_id, target_id, build_id;
	char adapter[48], target[48], flavour[40], closure[IW_SHA256_HEX];
	char state[16]; /* new, open, flaky, fixed, regressed */
	char type[64];
	bool is_security, is_minimized;
	const char *
		severity; /* a literal of severity.h; NULL: judged before there was one */
	char severity_reason[64];
	bool is_remote; /* a crash that strangers can send */
	bool is_merged; /* its outcome is of a main branch, which people run */
	char *frames;	/* JSON: the signature */
	struct iw_sha256 best, report;
	int64_t best_size, first_size;
	int64_t runs, hits;
	char *outcome, *prs, *proof; /* NULL until attributed */
	char *mend;		     /* who mended it the last time; NULL: nobody asked */
	char *issue;		     /* NULL until written */
	char *waits; /* why its builds wait for room, and what to do; NULL: they do not */
	char *snapshot;	     /* commit of its adapter's snapshot */
	char *found_commit;  /* of the one that it was found on; NULL: not known */
	char found_tree[41]; /* of build_id */
	char *tested_tree;   /* the newest it was run on again; NULL: none */
	int64_t tested_ms;
	int64_t tested_runs, tested_hits; /* 0 runs: it cannot be tested there */
	int64_t tested_reach; /* 1, 0; -1: not known whether its input reaches the code */
	int64_t found_ms, sightings;
	int64_t changed_ms;
	int64_t core_ms; /* CPU time of triage's jobs for it; builds are not counted */
	/* What people decided, which is decision_db's to change. */
	char *decision;			  /* wontfix, expected, closed; NULL: nothing */
	char *decision_by, *decision_why; /* or NULL */
	int64_t decision_ms, muted_ms;	  /* 0: not */
	int64_t merged_into; /* the bug that it turned out to be; -1: itself */
	int64_t burned_ms;   /* CPU time that engines lost to it */
	int64_t swallowed;   /* executions that ended there, and the engine went on */
};

void bug_row_fini(struct bug_row *row);
/* An input that made something fail is private until its bug is proven to be that of one
 * staged pull request: what several show together the base may have on another way. On a
 * main branch people may run what is staged. */
bool bug_row_is_private(const struct bug_row *row);

/* Makes a bug of state new from row's fields; sets row->id and found_ms. */
int bug_db_add(struct iw_dbc *dbc, struct bug_row *row, struct iw_err *err);
int bug_db_set_best(struct iw_dbc *dbc, int64_t id, const struct iw_sha256 *best,
	int64_t size, int64_t runs, int64_t hits, bool is_minimized, struct iw_err *err);
int bug_db_set_outcome(struct iw_dbc *dbc, int64_t id, const char *outcome,
	const char *prs, const char *proof, struct iw_err *err);
/* The proof as far as it has got, of one that is not attributed yet. */
int bug_db_set_progress(
	struct iw_dbc *dbc, int64_t id, const char *proof, struct iw_err *err);
/* The code that it fails in has other names by now: row's frames, report and build. */
int bug_db_rename(struct iw_dbc *dbc, const struct bug_row *row, struct iw_err *err);
/* Who mended it: mender.h's JSON. */
int bug_db_set_mend(struct iw_dbc *dbc, int64_t id, const char *mend, struct iw_err *err);
/* waits NULL: it does not wait. id 0: all. */
int bug_db_set_waits(
	struct iw_dbc *dbc, int64_t id, const char *waits, struct iw_err *err);
/* How many do. */
int bug_db_waiting(struct iw_dbc *dbc, int64_t *count, struct iw_err *err);
/* state becomes open or flaky unless it is further already; the issue's file is
 * remembered. */
int bug_db_set_issue(struct iw_dbc *dbc, int64_t id, const char *state, const char *issue,
	struct iw_err *err);
/* It was seen where strangers can send it. */
int bug_db_set_remote(struct iw_dbc *dbc, int64_t id, struct iw_err *err);
/* What its best input did on a newer snapshot. */
int bug_db_set_tested(struct iw_dbc *dbc, int64_t id, const char *tree, int64_t runs,
	int64_t hits, int64_t reach, struct iw_err *err);
int bug_db_set_state(
	struct iw_dbc *dbc, int64_t id, const char *state, struct iw_err *err);

/* A fixed bug shows again, with another input: 1, and it is regressed and has that input,
 * which row describes (best, size, runs, hits, flavour, build, tested_tree). 0: it was not
 * fixed, and nothing is done. */
int bug_db_regress(struct iw_dbc *dbc, const struct bug_row *row, struct iw_err *err);

/* Which bugs; zero-initialised means all. Strings are borrowed, NULL: any. */
struct bug_filter {
	const char *adapter, *target, *state, *outcome;
	int64_t pr;	/* at fault for it; 0: any */
	bool is_staged; /* only those with this outcome, whatever else is asked */
	int64_t before; /* only ids below; 0: any */
	int64_t limit;	/* 0: no limit */
};

typedef int (*bug_db_cb)(void *ctx, const struct bug_row *row);
/* Newest first, without those that were merged into another. Stops when each returns
 * non-zero, and returns it. */
int bug_db_find(struct iw_dbc *dbc, const struct bug_filter *filter, bug_db_cb each,
	void *ctx, struct iw_err *err);
/* Ids of those that changed after *since_ms, which becomes the newest change's time. */
typedef void (*bug_db_id_cb)(void *ctx, int64_t id);
int bug_db_changed(struct iw_dbc *dbc, int64_t *since_ms, bug_db_id_cb each, void *ctx,
	struct iw_err *err);
/* Those of a target, oldest first. */
int bug_db_of_target(struct iw_dbc *dbc, int64_t target_id, bug_db_cb each, void *ctx,
	struct iw_err *err);
/* Which pull requests are at fault for which bugs: newest bugs first; is_staged: only
 * those with that outcome. */
typedef void (*bug_db_brought_cb)(
	void *ctx, const char *adapter, int64_t pr, int64_t bug_id);
int bug_db_brought(struct iw_dbc *dbc, bool is_staged, bug_db_brought_cb each, void *ctx,
	struct iw_err *err);
/* All bugs, merged ones too, oldest first; id 0: all. Stops when each returns non-zero, and returns it. */
int bug_db_list(
	struct iw_dbc *dbc, int64_t id, bug_db_cb each, void *ctx, struct iw_err *err);

/*
 * What happened to it. Written in the transaction that changes the bug, whose changed_ms
 * is this moment then. text must not tell what is private: no type, frames or input.
 *
 *	found       a new bug, where and how often it fails
 *	sighting    seen again: the first few, later ones share one row that counts
 *	minimized   how small its input got
 *	attributed  outcome and pull requests
 *	issue       written for the first time
 *	tested      on a newer snapshot: whether it still shows
 *	fixed       it does not, and its input reaches the code that failed
 *	regressed   it was fixed, and shows again
 *	wontfix, expected, closed, muted, reopened
 *	            decision_db's, most of them by hand
 *	merged      with another, into it or it into this
 *	split       from another, or another from it
 *	alike       another bug may be this one too
 *	renamed     the code that it fails in has other names; which, is private
 */
int bug_db_add_event(struct iw_dbc *dbc, int64_t id, const char *what, const char *text,
	struct iw_err *err);
/* A person's act; by: a token's name or a local user's, NULL: the farm's own. why may be
 * NULL, and a secret. */
struct bug_word {
	const char *by, *why;
};
int bug_db_add_act(struct iw_dbc *dbc, int64_t id, const char *what, const char *text,
	const struct bug_word *word, struct iw_err *err);
/* One more crash was judged to be it; where: "demo/addrman, libfuzzer+asan". */
int bug_db_add_sighting(
	struct iw_dbc *dbc, int64_t id, const char *where, struct iw_err *err);
int bug_db_add_core(struct iw_dbc *dbc, int64_t id, int64_t core_ms, struct iw_err *err);

/* by and why are NULL for what the farm did; they may tell what is private. */
struct bug_event {
	int64_t at_ms;
	const char *what, *text, *by, *why;
};
typedef int (*bug_event_cb)(void *ctx, const struct bug_event *event);
/* Oldest first; strings are borrowed. Stops when each returns non-zero, and returns it.
 */
int bug_db_events(
	struct iw_dbc *dbc, int64_t id, bug_event_cb each, void *ctx, struct iw_err *err);

#endif
