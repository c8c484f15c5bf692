#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "triage/artifact.h"
#include "triage/back.h"
#include "triage/crash_db.h"
#include "triage/merge_db.h"
#include "triage/rename.h"
#include "triage/retest_room.h"

#include "base/banned.h"

#define COMMIT_SHOWN 12

int triage_retest_take_row(void *ctx, const struct bug_row *row)
{
	struct triage_retest *r = ctx;

	/* The strings belong to the list. */
	free(r->blame);
	r->blame = row->proof ? iw_strdup(row->proof) : NULL;
	free(r->mend);
	r->mend = row->mend ? iw_strdup(row->mend) : NULL;
	r->row.report = row->report;
	r->row.hits = row->hits;
	r->row.runs = row->runs;
	r->row.best = row->best;
	memcpy(r->row.flavour, row->flavour, sizeof r->row.flavour);
	memcpy(r->row.type, row->type, sizeof r->row.type);
	memcpy(r->row.state, row->state, sizeof r->row.state);
	/* The newest tree that is known to show it by the names it has. */
	memcpy(r->row.found_tree, row->found_tree, sizeof r->row.found_tree);
	if (row->tested_tree && row->tested_hits > 0)
		snprintf(r->row.found_tree, sizeof r->row.found_tree, "%s",
			row->tested_tree);
	return 0;
}

static void describe(const struct triage_retest *r, const char *snapshot,
	struct triage_retest_seen *seen)
{
	*seen = (struct triage_retest_seen){
		.snapshot = snapshot,
		.hits = r->hits,
		.runs = r->runs - r->others,
		.others = r->others,
		.reach = r->reach,
		.shows_elsewise = r->shows_elsewise,
		.obstacle = r->obstacle,
		.was_hits = (unsigned)r->row.hits,
		.was_runs = (unsigned)r->row.runs,
	};
}

char *triage_retest_told(const struct triage_retest *r)
{
	_auto_free_ char *commit = iw_strndup(r->snapshot->commit, COMMIT_SHOWN);
	struct triage_retest_seen seen;

	describe(r, commit, &seen);
	return triage_retest_words(&seen);
}

/* What it would be, as far as is known now. */
const char *triage_retest_state_now(const struct triage_retest *r)
{
	struct triage_retest_seen seen;

	describe(r, r->snapshot->commit, &seen);
	return triage_retest_state(r->row.state, &seen);
}

/* Fixed, or back again; the evidence is the event before it. Who brought it back is asked
 * anew. */
static int store_state(struct triage_retest *r, struct iw_dbc *dbc, struct iw_err *err)
{
	const char *state = triage_retest_state_now(r);
	bool is_back = strcmp(state, "regressed") == 0;
	_auto_free_ char *back =
		is_back ? triage_back_words(r->snapshot, r->mend, r->blame) : NULL;
	const char *who = r->mender ? triage_mender_words(r->mender) : back;
	_auto_free_ char *text = iw_fmt("on %.12s%s%s%s", r->snapshot->commit,
		who ? ": " : "", back ? "back since " : "", who ? who : "");
	int rc;

	r->is_fixed = strcmp(state, "fixed") == 0;
	if (strcmp(state, r->row.state) == 0)
		return 0;
	r->is_gone = r->is_fixed;
	rc = bug_db_set_state(dbc, r->bug->id, state, err);
	if (rc == 0 && r->is_fixed && r->mender)
		rc = bug_db_set_mend(
			dbc, r->bug->id, triage_mender_proof(r->mender), err);
	if (rc == 0 && is_back) {
		r->is_back = true;
		rc = bug_db_set_outcome(dbc, r->bug->id, NULL, NULL, NULL, err);
	}
	return rc < 0 ? rc : bug_db_add_event(dbc, r->bug->id, state, text, err);
}

/* -- by other names ----------------------------------------------------------------- */

/* One that somebody found by today's names before this bug was known by them. */
static int take_twin(void *ctx, const struct bug_row *row)
{
	struct triage_retest *r = ctx;
	struct triage_signature now = r->today, sig = {0};

	now.former = NULL; /* what looks like the old names is none of this */
	if (row->id == r->bug->id || row->merged_into >= 0 ||
		row->target_id != r->bug->target_id ||
		r->twin_count == TRIAGE_TWINS_MAX ||
		triage_signature_parse(&sig, row->type, row->frames, NULL) < 0)
		return 0;
	if (triage_signature_same(&sig, &now))
		r->twins[r->twin_count++] = row->id;
	triage_signature_fini(&sig);
	return 0;
}

static char *rename_words(const struct triage_retest *r)
{
	struct triage_renames renames;

	triage_renames_find(r->today.former, &r->today, &renames);
	return triage_renames_words(&renames);
}

/* Its attribution stays: a name is no cause. */
static int store_names(struct triage_retest *r, struct iw_dbc *dbc, struct iw_err *err)
{
	_auto_free_ char *frames = triage_signature_json(&r->today);
	_auto_free_ char *why = rename_words(r);
	struct bug_row row = {
		.id = r->bug->id, .build_id = r->build->id, .frames = frames};
	size_t i;
	int rc = triage_artifact_put(
		r->world->artifacts_dir, r->report, r->report_len, &row.report, err);

	if (rc == 0)
		rc = bug_db_rename(dbc, &row, err);
	if (rc == 0)
		rc = bug_db_add_act(dbc, r->bug->id, "renamed",
			"code that it fails in has another name",
			&(struct bug_word){.why = why}, err);
	r->twin_count = 0;
	if (rc == 0)
		rc = bug_db_list(dbc, 0, take_twin, r, err);
	for (i = 0; rc == 0 && i < r->twin_count; i++)
		rc = bug_db_join_renamed(dbc, r->bug->id, r->twins[i], why, err);
	return rc;
}

int triage_retest_store(struct iw_dbc *dbc, void *ctx, struct iw_err *err)
{
	struct triage_retest *r = ctx;
	_auto_free_ char *text = NULL;
	/* A sighting may have said something of it meanwhile. */
	int rc = bug_db_list(dbc, r->bug->id, triage_retest_take_row, r, err);

	if (rc == 0)
		rc = crash_db_shows(dbc, r->bug->id, r->bug->target->reference_id,
			&r->shows_elsewise, err);

	text = triage_retest_told(r);
	if (rc == 0 && r->is_renamed)
		rc = store_names(r, dbc, err);
	if (rc == 0)
		rc = bug_db_set_tested(dbc, r->bug->id, r->snapshot->tree,
			r->runs - r->others, r->hits, r->reach, err);
	if (rc == 0)
		rc = bug_db_add_core(dbc, r->bug->id, r->cpu_us / 1000, err);
	if (rc == 0)
		rc = bug_db_add_event(dbc, r->bug->id, "tested", text, err);
	return rc < 0 ? rc : store_state(r, dbc, err);
}
