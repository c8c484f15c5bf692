/*
 * Newer snapshots of branches that are followed, found and built while the old ones are
 * fuzzed: no engine stands still for a compiler.
 *
 *	RESTING --> LOOKING --> nothing new: RESTING
 *	   ^            \--> BUILDING --> READY --> the farm leaves for the next one, which
 *	   |                    |          opens the new snapshot from builds that are there
 *	   +--------------------+ does not build: the head is refused
 *
 * The failures: a source that cannot be reached is said once and asked again, each time
 * later; a snapshot that does not build is said with the compiler's first error and not
 * tried again until the branch moves on; what our own machine could not do (disk full) is
 * tried again. None of them ends the farm.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/build_log.h"
#include "adapters/news.h"
#include "adapters/project_db.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"
#include "farm_room.h"

#include "base/banned.h"

/* Rests after failures grow to this, or to the interval where that is longer. */
#define REST_MAX_MS (15 * 60 * 1000)

enum following_state { RESTING, LOOKING, BUILDING, READY };

struct farm_following {
	struct farm_project *owner;
	enum following_state state;
	int64_t ready_ms; /* READY: not before this the farm is asked to leave */
	struct project_news news;
	struct staging_snapshot *snapshot; /* that is being built, or is */
	struct iw_build_req requests[FARM_FLAVOURS];
	size_t pending;
	bool is_refused;
	struct iw_err failed; /* the machine's fault */
};

static const char *name_of(const struct farm_following *f)
{
	return project_adapter(f->owner->project)->name;
}

/* After so many failures in a row. */
static int64_t rest_ms(const struct farm_following *f)
{
	const struct farm_follow *follow = f->owner->follow;
	int64_t every = follow->every_ms, rest = every;
	int64_t max = every > REST_MAX_MS ? every : REST_MAX_MS;
	int i;

	for (i = 1; i < follow->failures && rest < max; i++)
		rest *= 2;
	return rest < max ? rest : max;
}

static void rest(struct farm_following *f)
{
	f->state = RESTING;
	f->owner->follow->due_ms = iw_time_mono_ms() + rest_ms(f);
	staging_free(iw_steal(&f->snapshot));
}

static void note_failure(struct farm_following *f, const struct iw_err *err)
{
	struct farm_follow *follow = f->owner->follow;

	if (err->code != IW_ECANCELED) {
		iw_warn("a branch could not be followed", S("adapter", name_of(f)),
			S("error", err->msg), I("failures", follow->failures + 1));
		if (follow->failures++ == 0)
			farm_say(f->owner->farm,
				"%s; commit %.12s is fuzzed on, and the branch is looked "
				"at again",
				err->msg, project_snapshot(f->owner->project)->commit);
	}
	rest(f);
}

static void note_success(struct farm_following *f)
{
	if (f->owner->follow->failures > 0)
		farm_say(f->owner->farm, "%s: its branch can be followed again",
			name_of(f));
	f->owner->follow->failures = 0;
}

/* -- building ----------------------------------------------------------------------- */

/* The others would be built for nobody. */
static void stop_builds(struct farm_following *f)
{
	struct iw_builder builder = project_builder(f->owner->project);
	size_t i;

	for (i = 0; i < f->owner->flavour_count; i++)
		builder.stop(builder.ctx, &f->requests[i]);
}

static void refuse(
	struct farm_following *f, const char *flavour, const struct iw_build *build)
{
	_auto_free_ char *error = build_error_words(build);

	f->is_refused = true;
	snprintf(f->owner->follow->refused, sizeof f->owner->follow->refused, "%s",
		f->snapshot->commit);
	iw_warn("a snapshot does not build", S("adapter", name_of(f)),
		S("commit", f->snapshot->commit), S("flavour", flavour),
		S("error", error));
	farm_say(f->owner->farm,
		"%s: the %s build of commit %.12s failed: %s; commit %.12s is fuzzed on "
		"until the branch moves again",
		name_of(f), flavour, f->snapshot->commit, error,
		project_snapshot(f->owner->project)->commit);
}

static void end_building(struct farm_following *f)
{
	if (f->is_refused) {
		rest(f);
		return;
	}
	if (f->failed.code) {
		note_failure(f, &f->failed);
		return;
	}
	iw_info("a snapshot is built", S("adapter", name_of(f)),
		S("commit", f->snapshot->commit));
	f->state = READY;
	f->ready_ms = 0;
}

static void on_built(
	struct iw_build_req *req, const struct iw_build *build, const struct iw_err *err)
{
	struct farm_following *f = req->ctx;
	struct farm *farm = f->owner->farm;
	bool is_first = !f->is_refused && !f->failed.code;

	farm->requests--;
	f->pending--;
	if (is_first && !build)
		f->failed = *err;
	/* Another flavour that does not build is left out, as at any opening. */
	else if (is_first && !build->is_ok &&
		strcmp(req->flavour, ADAPTER_REFERENCE) == 0)
		refuse(f, req->flavour, build);
	if (is_first && (f->is_refused || f->failed.code))
		stop_builds(f);
	if (f->pending == 0)
		end_building(f);
	farm_advance(farm);
}

static void start_building(struct farm_following *f)
{
	struct farm_project *p = f->owner;
	struct iw_builder builder = project_builder(p->project);
	size_t i;

	f->state = BUILDING;
	f->is_refused = false;
	f->failed = (struct iw_err)IW_ERR_INIT;
	f->pending = p->flavour_count;
	farm_say(p->farm,
		"%s: commit %.12s is new, building %zu flavours; %.12s is fuzzed on",
		name_of(f), f->snapshot->commit, p->flavour_count,
		project_snapshot(p->project)->commit);
	for (i = 0; i < p->flavour_count; i++) {
		struct iw_build_req *req = &f->requests[i];

		*req = (struct iw_build_req){
			.adapter_id = project_id(p->project), .done = on_built, .ctx = f};
		snprintf(req->tree, sizeof req->tree, "%s", f->snapshot->tree);
		snprintf(req->flavour, sizeof req->flavour, "%s", p->requests[i].flavour);
		p->farm->requests++;
		builder.build(builder.ctx, req);
	}
}

/* -- looking ------------------------------------------------------------------------ */

static void on_news(struct project_news *news, const struct iw_err *err)
{
	struct farm_following *f = news->ctx;
	struct farm *farm = f->owner->farm;

	farm->requests--;
	f->snapshot = news->snapshot;
	iw_debug("branch looked at", S("adapter", name_of(f)),
		S("news", f->snapshot ? f->snapshot->commit : ""));
	if (err) {
		note_failure(f, err);
	} else {
		note_success(f);
		if (f->snapshot && farm->phase == FARM_FUZZING)
			start_building(f);
		else
			rest(f);
	}
	farm_advance(farm);
}

static void look(struct farm_following *f)
{
	f->state = LOOKING;
	f->news = (struct project_news){
		.project = f->owner->project,
		.refused = f->owner->follow->refused,
		.done = on_news,
		.ctx = f,
	};
	f->owner->farm->requests++;
	project_news_look(&f->news);
}

/* -- moving ------------------------------------------------------------------------- */

/* The next farm opens this snapshot; of all others those that are fuzzed now, so that
 * their engines are the same. */
static void name_snapshots(struct farm_following *f)
{
	struct farm *farm = f->owner->farm;
	size_t i;

	for (i = 0; i < farm->project_count; i++) {
		struct farm_project *p = &farm->projects[i];
		struct farm_follow *follow = p->follow;
		const char *now = project_snapshot(p->project)->commit;
		bool moves = p == f->owner;

		snprintf(follow->before, sizeof follow->before, "%s", moves ? now : "");
		snprintf(follow->commit, sizeof follow->commit, "%s",
			moves ? f->snapshot->commit : now);
		/* Another one that is ready has its turn with the next farm. */
		if (moves)
			follow->due_ms = 0;
		else if (p->following && p->following->state == READY)
			follow->due_ms = iw_time_mono_ms();
	}
}

static void forget_snapshots(struct farm *farm)
{
	size_t i;

	for (i = 0; i < farm->project_count; i++)
		*farm->projects[i].follow->commit = *farm->projects[i].follow->before =
			'\0';
}

static void move(struct farm_following *f)
{
	struct farm *farm = f->owner->farm;
	_auto_free_ char *name = iw_strdup(name_of(f));
	char commit[IW_GIT_HEX];

	memcpy(commit, f->snapshot->commit, sizeof commit);
	name_snapshots(f);
	/* Here the farm may begin to leave. */
	if (farm->events.moved && farm->events.moved(farm->events.ctx)) {
		farm_say(farm, "%s: on to commit %.12s; engines go on", name, commit);
		return;
	}
	forget_snapshots(farm);
	f->ready_ms = iw_time_mono_ms() + f->owner->follow->every_ms;
}

/* -- the farm's side ---------------------------------------------------------------- */

/* A head that is being built is not given up because another one is ready. */
static bool is_building(const struct farm *farm)
{
	size_t i;

	for (i = 0; i < farm->project_count; i++)
		if (farm->projects[i].following &&
			farm->projects[i].following->state == BUILDING)
			return true;
	return false;
}

static struct farm_following *ready_one(const struct farm *farm)
{
	size_t i;

	for (i = 0; i < farm->project_count; i++)
		if (farm->projects[i].following &&
			farm->projects[i].following->state == READY)
			return farm->projects[i].following;
	return NULL;
}

void farm_follow_tick(struct farm *farm)
{
	int64_t now = iw_time_mono_ms();
	struct farm_following *ready;
	size_t i;

	if (farm->phase != FARM_FUZZING)
		return;
	ready = ready_one(farm);
	for (i = 0; i < farm->project_count && !ready; i++) {
		struct farm_following *f = farm->projects[i].following;

		if (f && f->state == RESTING && now >= f->owner->follow->due_ms)
			look(f);
	}
	if (ready && now >= ready->ready_ms && !is_building(farm))
		move(ready);
}

/* Also of a branch that nobody follows yet. */
static int store_worked(struct iw_dbc *dbc, void *ctx, struct iw_err *err)
{
	struct farm_project *p = ctx;

	return project_db_set_worked(
		dbc, project_id(p->project), project_snapshot(p->project)->commit, err);
}

static void on_worked(struct iw_db_req *req)
{
	struct farm_project *p = req->ctx;

	p->farm->requests--;
	if (req->err.code)
		iw_warn("a snapshot that works is not remembered",
			S("adapter", project_adapter(p->project)->name),
			S("error", req->err.msg));
	farm_advance(p->farm);
}

static void start_worked(struct farm_project *p)
{
	p->worked_req =
		(struct iw_db_req){.run = store_worked, .ctx = p, .done = on_worked};
	p->farm->requests++;
	iw_db_submit(p->farm->db, &p->worked_req);
}

static void begin(struct farm_project *p)
{
	struct farm_following *f = iw_calloc(1, sizeof *f);
	bool is_due = project_may_be_old(p->project);

	f->owner = p;
	if (p->follow->due_ms == 0)
		p->follow->due_ms =
			iw_time_mono_ms() + (is_due ? 0 : p->follow->every_ms);
	*p->follow->before = '\0';
	p->following = f;
}

bool farm_follow_is_trial(const struct farm *farm)
{
	size_t i;

	for (i = 0; i < farm->project_count; i++)
		if (farm->projects[i].follow && *farm->projects[i].follow->before)
			return true;
	return false;
}

void farm_follow_begin(struct farm *farm)
{
	size_t i;

	for (i = 0; i < farm->project_count; i++) {
		struct farm_project *p = &farm->projects[i];

		start_worked(p);
		if (p->follow && p->follow->every_ms > 0)
			begin(p);
	}
}

void farm_follow_stop(struct farm *farm)
{
	size_t i;

	for (i = 0; i < farm->project_count; i++) {
		struct farm_following *f = farm->projects[i].following;

		if (f && f->state == LOOKING)
			project_news_stop(&f->news);
		if (f && f->state == BUILDING)
			stop_builds(f);
	}
}

void farm_follow_free(struct farm_project *p)
{
	if (!p->following)
		return;
	assert(p->following->pending == 0);
	staging_free(p->following->snapshot);
	free(p->following);
}
