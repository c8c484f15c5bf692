/*
 * What a bug, a crash, a target looks like from outside: the documents that `--json`
 * prints and that HTTP answers, made here so that they are the same.
 *
 * Who may not see private things gets null for what would tell of a private bug
 * (bug_row_is_private()), and "private": true.
 *
 * Results are new references, or NULL with an error. Thread: that of the connection.
 */
#ifndef IW_ANSWERS_H
#define IW_ANSWERS_H

#include <jansson.h>

#include "adapters/project_db.h"
#include "adapters/staged_db.h"
#include "campaign_db.h"
#include "corpus/judging_db.h"
#include "farm.h"
#include "state.h"
#include "triage/bug_db.h"
#include "triage/crash_db.h"

/* Where from and for whom. */
struct answer_scope {
	struct iw_dbc *dbc;
	const struct iw_state *state; /* its paths only */
	bool sees_private;
};

/* {"bugs": [], "next": id or null}, newest first; "next" goes into filter->before. */
json_t *answer_bugs(const struct answer_scope *scope, const struct bug_filter *filter,
	struct iw_err *err);
json_t *answer_crashes(const struct answer_scope *scope,
	const struct crash_filter *filter, struct iw_err *err);
json_t *answer_bug(const struct answer_scope *scope, const struct bug_row *row);
/* What another machine needs to run a bug's input: the recipe and the files of its build;
 * with all those of the other flavours that can judge, too. Reads them. answer_repro.c. */
json_t *answer_repro(
	const struct answer_scope *scope, int64_t bug_id, bool all, struct iw_err *err);
json_t *answer_crash(
	const struct answer_scope *scope, const struct triage_crash_row *row);

/* All targets, or with id one of them ({"targets": []} when there is none), as rows:
 * features of those that nobody fuzzes now are null. */
json_t *answer_targets(const struct answer_scope *scope, int64_t id, struct iw_err *err);
/* {"points": []} of a target, oldest first. */
json_t *answer_history(
	const struct answer_scope *scope, int64_t target_id, struct iw_err *err);
/* {"prs": []}: what was fuzzed with each staged pull request in the tree, and the bugs
 * that it brought. */
json_t *answer_prs(const struct answer_scope *scope, struct iw_err *err);
/* Those with this number, in full: what each changed, and what ran with it. */
json_t *answer_pr(const struct answer_scope *scope, int64_t pr, struct iw_err *err);
/* {"adapters": []}: which lines the corpora of each reach, as a whole and by "targets";
 * only these, where they are not NULL. answer_coverage.c. */
json_t *answer_coverage(const struct answer_scope *scope, const char *adapter,
	const char *target, struct iw_err *err);
/* Adds it to targets, which are by their ids. */
int answer_targets_coverage(
	const struct answer_scope *scope, json_t *by_id, struct iw_err *err);
/* Of a pull request's own lines; null when nobody has looked. */
json_t *answer_pr_coverage(const struct staged_row *row);
/* {"campaigns": []}, newest first; with id that one of them, or none. */
json_t *answer_campaigns(
	const struct answer_scope *scope, int64_t id, struct iw_err *err);
/* {"builds", "bytes", "left", "budget"}: what is built, how much of the disk it takes, how
 * many left to make room, and the bound, null where there is none. */
json_t *answer_disk(const struct answer_scope *scope, struct iw_err *err);
/* An array of ids of bugs that changed after *since_ms, which moves on. */
json_t *answer_changed_bugs(
	const struct answer_scope *scope, int64_t *since_ms, struct iw_err *err);

/* Of the units that a target has, on its reference build; answer_features.c. */
int answer_features(
	struct iw_dbc *dbc, int64_t target_id, int64_t *features, struct iw_err *err);
/* One target's row, with no engines yet; features: of its reference build, where somebody
 * knows them, else -1. */
json_t *answer_target(const struct answer_scope *scope,
	const struct project_target_row *row, int64_t features);
/* Adds one of its engines. */
void answer_engine(json_t *target, const struct project_engine_totals *engine);
/* Adds what waits for one of its judges. */
void answer_judge(json_t *target, const char *flavour,
	const struct corpus_waiting *waiting, int64_t now_ms);
/* Adds what the farm knows of the target beyond its row. */
void answer_target_live(json_t *target, const struct farm_target_view *view);

#endif
