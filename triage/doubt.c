/*
 * The happy path, for each merge in turn, or for the base alone:
 *
 *	TREE (git thread) --> BUILD --> SEARCH --> nothing: the next merge
 *	                                  |\--> BUILD the snapshot --> RUN: done
 *	                                  \--> of the base: done
 *
 * The failures: a set that cannot be merged or built proves nothing, on to the next; what
 * could not be run at all ends it with an error.
 */
#include "triage/doubt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/target_run.h"
#include "base/git.h"
#include "base/mem.h"
#include "triage/lent.h"
#include "triage/merged_tree.h"
#include "triage/reproduce.h"
#include "triage/search.h"

#include "base/banned.h"

#define SNAPSHOT_RUNS 8

struct triage_doubt {
	const struct triage_world *world;
	struct triage_doubt_spec spec;
	size_t at; /* index of the merge left out */
	char tree[IW_GIT_HEX];
	struct iw_git_req git_req;
	struct triage_lent lent;
	struct triage_search *search;
	struct triage_reproduce *run;
	struct triage_doubt_result result;
	char *found;
	struct iw_err err;
	bool is_stopped;
	triage_doubt_cb done;
	void *ctx;
};

static void next(struct triage_doubt *d);

static void finish(struct triage_doubt *d)
{
	triage_lent_let_go(&d->lent);
	if (d->is_stopped && !d->err.code)
		iw_err_set(&d->err, IW_ECANCELED, "stopped");
	d->done(d, d->err.code ? &d->err : NULL, d->ctx);
}

static void fail(struct triage_doubt *d, const struct iw_err *err)
{
	d->err = *err;
	finish(d);
}

static void pass_over(struct triage_doubt *d)
{
	triage_lent_let_go(&d->lent);
	free(iw_steal(&d->found));
	d->at++;
	next(d);
}

static void on_run(struct triage_reproduce *run, const struct iw_err *err, void *ctx)
{
	struct triage_doubt *d = ctx;
	unsigned hits = triage_reproduce_result(run)->hits;
	unsigned runs = triage_reproduce_result(run)->runs;
	struct iw_err copy = IW_ERR_INIT;

	if (err)
		copy = *err;
	d->result.cpu_us += triage_reproduce_result(run)->cpu_us;
	triage_reproduce_free(run);
	d->run = NULL;
	if (copy.code) {
		fail(d, &copy);
	} else if (hits == 0) {
		pass_over(d);
	} else {
		d->result.input = d->found;
		d->result.hits = hits;
		d->result.runs = runs;
		d->result.left_out = d->spec.merges[d->at];
		finish(d);
	}
}

static void on_snapshot_built(struct triage_lent *lent, const struct iw_err *err)
{
	struct triage_doubt *d = lent->ctx;
	const struct iw_build *build = lent->build;
	struct triage_reproduce_spec spec = {
		.build = build,
		.target = d->spec.target,
		.input = d->found,
		.len = d->result.len,
		.runs = SNAPSHOT_RUNS,
		.purpose = IW_PURPOSE_BISECT,
		.subject = d->spec.subject,
		.same = d->spec.signature,
	};

	if (!build) {
		fail(d, err);
	} else if (!build->is_ok || d->is_stopped) {
		pass_over(d);
	} else {
		d->run = triage_reproduce_start(d->world, &spec, on_run, d);
	}
}

/* The search has run it in a fresh process, and whoever asked runs it again. */
static void take_as_it_is(struct triage_doubt *d)
{
	d->result.input = d->found;
	d->result.hits = d->result.runs = 1;
	finish(d);
}

static void on_searched(struct triage_search *search, const struct iw_err *err, void *ctx)
{
	struct triage_doubt *d = ctx;
	const char *found = triage_search_found(search, &d->result.len);
	struct iw_err copy = IW_ERR_INIT;

	if (err)
		copy = *err;
	d->found = found ? iw_memdup(found, d->result.len) : NULL;
	d->result.cpu_us += triage_search_cpu_us(search);
	if (d->spec.base)
		d->result.base_ms = triage_search_spent_ms(search);
	triage_search_free(search);
	d->search = NULL;
	if (copy.code)
		fail(d, &copy);
	else if (!d->found)
		pass_over(d);
	else if (d->spec.base)
		take_as_it_is(d);
	else
		triage_lent_ask(&d->lent, project_snapshot(d->spec.target->project)->tree,
			on_snapshot_built);
}

static void on_built(struct triage_lent *lent, const struct iw_err *err)
{
	struct triage_doubt *d = lent->ctx;
	const struct iw_build *build = lent->build;
	struct triage_search_spec spec = {
		.build = build,
		.target = d->spec.target,
		.signature = d->spec.signature,
		.input = d->spec.input,
		.len = d->spec.len,
		.other = d->spec.original,
		.other_len = d->spec.original_len,
		.is_alone = d->spec.base != NULL,
		.seconds = d->spec.seconds,
		.subject = d->spec.subject,
	};
	_auto_free_ char *binary = NULL;

	if (!build) {
		fail(d, err);
		return;
	}
	if (build->is_ok)
		binary = target_binary(build, d->spec.target->spec);
	if (binary && !d->is_stopped)
		d->search = triage_search_start(d->world, &spec, on_searched, d);
	else
		pass_over(d);
}

static void on_tree(struct iw_git_req *req)
{
	struct triage_doubt *d = req->ctx;

	if (req->rc < 0)
		fail(d, &req->err);
	else if (req->rc > 0)
		pass_over(d);
	else
		triage_lent_ask(&d->lent, d->tree, on_built);
}

/* Git thread. */
static int find_tree(struct iw_git_repo *repo, void *ctx, struct iw_err *err)
{
	struct triage_doubt *d = ctx;
	const struct staging_snapshot *s = project_snapshot(d->spec.target->project);
	size_t merges[TRIAGE_BISECT_SET], count = 0, i;

	for (i = 0; i < d->spec.count; i++)
		if (i != d->at)
			merges[count++] = d->spec.merges[i];
	return triage_merged_tree(
		repo, s, s->base_commit, merges, count, TRIAGE_MERGED_ON, d->tree, err);
}

static void next(struct triage_doubt *d)
{
	if (d->is_stopped || d->at == (d->spec.base ? 1 : d->spec.count)) {
		finish(d);
		return;
	}
	if (d->spec.base) {
		triage_lent_ask(&d->lent, d->spec.base, on_built);
		return;
	}
	d->git_req = (struct iw_git_req){.run = find_tree, .ctx = d, .done = on_tree};
	iw_git_submit(project_git(d->spec.target->project), &d->git_req);
}

struct triage_doubt *triage_doubt_start(const struct triage_world *world,
	const struct triage_doubt_spec *spec, triage_doubt_cb done, void *ctx)
{
	struct triage_doubt *d = iw_calloc(1, sizeof *d);

	d->world = world;
	d->spec = *spec;
	d->lent = (struct triage_lent){
		.project = spec->target->project, .flavour = spec->flavour, .ctx = d};
	d->done = done;
	d->ctx = ctx;
	next(d);
	return d;
}

void triage_doubt_stop(struct triage_doubt *d)
{
	d->is_stopped = true;
	if (d->search)
		triage_search_stop(d->search);
	else if (d->run)
		triage_reproduce_stop(d->run);
	else
		triage_lent_stop(&d->lent);
}

const struct triage_doubt_result *triage_doubt_result(const struct triage_doubt *d)
{
	return &d->result;
}

void triage_doubt_free(struct triage_doubt *d)
{
	if (!d)
		return;
	free(d->found);
	free(d);
}
