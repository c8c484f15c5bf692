#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "triage/artifact.h"
#include "triage/back.h"
#include "triage/crash_db.h"
#include "triage/judge_room.h"
#include "triage/merge_db.h"
#include "triage/rate.h"

#include "base/banned.h"

const struct triage_reproduce_result *triage_judge_hit(const struct triage_judge *j)
{
	return j->run ? triage_reproduce_result(j->run) : NULL;
}

static int store_new_bug(struct triage_judge *j, struct iw_dbc *dbc, struct iw_err *err)
{
	const struct triage_reproduce_result *r = triage_judge_hit(j);
	struct bug_row *row = &j->row;
	const char *report = r->report ? r->report : "";
	int rc;

	rc = triage_artifact_put(
		j->world->artifacts_dir, report, r->report_len, &row->report, err);
	return rc < 0 ? rc : bug_db_add(dbc, row, err);
}

bool triage_judge_is_remote(const struct triage_judge *j)
{
	return j->c->target->spec->is_network && triage_judge_hit(j)->severity.is_crash;
}

struct fixed {
	char *mend, *proof; /* as the row has them */
};

static int take_fixed(void *ctx, const struct bug_row *row)
{
	struct fixed *fixed = ctx;

	fixed->mend = row->mend ? iw_strdup(row->mend) : NULL;
	fixed->proof = row->proof ? iw_strdup(row->proof) : NULL;
	return 0;
}

/* Why it is back, as far as the branch tells. */
static int tell_back(struct triage_judge *j, struct iw_dbc *dbc, int64_t id,
	const struct fixed *fixed, struct iw_err *err)
{
	const struct staging_snapshot *s = project_snapshot(j->c->target->project);
	_auto_free_ char *back = triage_back_words(s, fixed->mend, fixed->proof);
	_auto_free_ char *text = iw_fmt("on %.12s, with another input than before%s%s",
		s->commit, back ? ": back since " : "", back ? back : "");

	return bug_db_add_event(dbc, id, "regressed", text, err);
}

/* The bug gets this input: the one that it had does not show it on this snapshot. It is
 * minimized again, and its issue is rewritten. */
static int bring_back(struct triage_judge *j, struct iw_dbc *dbc, struct iw_err *err)
{
	const struct staging_snapshot *s = project_snapshot(j->c->target->project);
	struct fixed fixed = {0};
	struct bug_row row = {
		.build_id = j->build->id,
		.best = j->c->input,
		.best_size = (int64_t)j->len,
		.runs = j->runs,
		.hits = j->hits,
		.tested_tree = (char *)s->tree,
	};
	int rc;

	snprintf(row.flavour, sizeof row.flavour, "%s", j->build->flavour);
	rc = bug_db_survivor(dbc, j->bug->id, &row.id, err);
	if (rc == 0)
		rc = bug_db_list(dbc, row.id, take_fixed, &fixed, err);
	if (rc == 0)
		rc = bug_db_regress(dbc, &row, err);
	if (rc > 0) {
		j->is_back = true;
		rc = tell_back(j, dbc, row.id, &fixed, err);
	}
	free(fixed.mend);
	free(fixed.proof);
	return rc;
}

/* What the bug's row and its life say of this crash. */
static int tell_bug(
	struct triage_judge *j, struct iw_dbc *dbc, int64_t id, struct iw_err *err)
{
	_auto_free_ char *where =
		iw_fmt("%s/%s, %s", project_adapter(j->c->target->project)->name,
			j->c->target->spec->name, j->build->flavour);
	_auto_free_ char *rate = triage_rate_words(j->hits, j->runs);
	_auto_free_ char *found = iw_fmt("in %s, fails in %s", where, rate);
	int rc = bug_db_survivor(dbc, id, &id, err);

	if (rc == 0)
		rc = j->is_new ? bug_db_add_event(dbc, id, "found", found, err)
			       : bug_db_add_sighting(dbc, id, where, err);
	if (rc == 0 && triage_judge_is_remote(j))
		rc = bug_db_set_remote(dbc, id, err);
	return rc < 0 ? rc : bug_db_add_core(dbc, id, j->cpu_us / 1000, err);
}

/* Why it is no bug: how often it was run in vain, or what is needed to see it. */
static char *why_none(const struct triage_judge *j)
{
	_auto_free_ char *rate = triage_rate_words(0, j->own_runs);

	if (j->environment && triage_environment_result(j->environment)->why)
		return iw_strdup(triage_environment_result(j->environment)->why);
	if (j->own_runs == 0)
		return iw_fmt("none of %u runs fails on the flavours that can be judged",
			j->other_runs);
	return iw_fmt("fails in %s, on %s%s", rate, j->c->flavour,
		j->other_runs ? ", and never on others" : "");
}

/* An input that is no bug: it fails nowhere, or as the engine runs it only. */
static int store_none(struct triage_judge *j, struct iw_dbc *dbc, struct iw_err *err)
{
	const struct triage_environment_result *e =
		j->environment ? triage_environment_result(j->environment) : NULL;
	_auto_free_ char *why = why_none(j), *frames = NULL;
	int64_t tried = j->c->target->reference_id;
	struct crash_verdict verdict = {
		.state = "unreproducible",
		.runs = j->own_runs ? j->own_runs : j->other_runs,
		.why = why,
		.bug_id = -1,
		.tried_build = tried,
	};

	if (j->c->is_retry)
		return crash_db_retried(dbc, j->c->crash_id, tried, err);
	if (e && e->why) {
		frames = triage_signature_json(e->signature);
		verdict.state = "environment";
		verdict.runs = e->runs;
		verdict.hits = e->hits;
		verdict.type = e->signature->type;
		verdict.frames = frames;
	}
	return crash_db_judge(dbc, j->c->crash_id, &verdict, err);
}

int triage_judge_store(struct iw_dbc *dbc, void *ctx, struct iw_err *err)
{
	struct triage_judge *j = ctx;
	struct crash_verdict verdict = {
		.state = "judged",
		.runs = j->runs,
		.hits = j->hits,
		.tried_build = j->c->target->reference_id,
	};
	_auto_free_ char *frames = NULL;
	int rc = 0;

	if (!j->bug)
		return store_none(j, dbc, err);
	frames = triage_signature_json(&triage_judge_hit(j)->signature);
	verdict.type = triage_judge_hit(j)->signature.type;
	verdict.frames = frames;
	if (j->is_new)
		rc = store_new_bug(j, dbc, err);
	verdict.bug_id = j->is_new ? j->row.id : j->bug->id;
	if (rc == 0)
		rc = crash_db_judge(dbc, j->c->crash_id, &verdict, err);
	if (rc == 0)
		rc = tell_bug(j, dbc, verdict.bug_id, err);
	return rc < 0 || j->is_new ? rc : bring_back(j, dbc, err);
}
