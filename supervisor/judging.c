/*
 * Every unit is seen by every sanitizer within some time. measuring.c runs the rounds;
 * here is what makes them keep the deadline, and what tells when they do not.
 *
 * Happy path: units are added, each judge's oldest is known, a round takes them within
 * its share of a core. When the oldest has waited so long that a round must begin now,
 * it begins whatever it costs, and its job goes before all others (farm_judge_is_near).
 * Rounds are as long as fits (farm_judge_limit); one that turns out longer, because of a
 * few slow units, ends with what it has (farm_judge_is_slow).
 *
 * The failures: a flavour that has no build, a round that fails, a target so slow that
 * one core is too few. Its units become late: that is said once, with the reason, and
 * once more when all is well again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"
#include "farm_room.h"
#include "sanitizers/flavour.h"

#include "base/banned.h"

/* What is needed for a round and what waits before it: at least this share of the time. */
#define RESERVE_SHARE 4
/* A round is planned to take at most this share. */
#define ROUND_SHARE 4
#define ROUND_MIN 64
#define ROUND_FIRST 512 /* while nobody knows how long a unit takes */
/* A round is cut after half of the time, but not before it can have come to anything. */
#define CUT_SHARE 2
#define CUT_MIN_MS 30000
/* Looks: so many until the deadline, and at most a twentieth of the writer's time. */
#define LOOKS 60
#define LOOK_MIN_MS 500
#define LOOK_MAX_MS 5000
#define LOOK_COST 20
#define SAY_MAX 3 /* judges that are told of one by one */
#define MINUTE_MS 60000

static int64_t within_ms(const struct farm *farm)
{
	return farm->config.judge_within_ms;
}

/* -- the judges of a target --------------------------------------------------------- */

static struct farm_lane *lane_of(struct farm_target *t, const char *flavour)
{
	size_t i;

	for (i = 0; i < t->lane_count; i++)
		if (strcmp(t->lanes[i].build->flavour, flavour) == 0)
			return &t->lanes[i];
	return NULL;
}

void farm_judges_init(struct farm_target *t)
{
	const struct farm_project *p = t->owner;
	size_t i;

	for (i = 0; i < p->flavour_count && t->judge_count < FARM_JUDGES; i++) {
		const char *flavour = p->requests[i].flavour;
		struct farm_judge *judge = &t->judges[t->judge_count];

		if (!san_flavour_find(flavour)->is_judge)
			continue;
		*judge = (struct farm_judge){.target = t, .flavour = flavour};
		judge->lane = lane_of(t, flavour);
		if (judge->lane)
			judge->lane->judge = judge;
		else
			judge->missing = p->builds[i] ? "its build has no such program"
						      : "it does not build";
		t->judge_count++;
	}
}

int farm_judges_load(
	struct farm_target *t, int64_t now_ms, struct iw_dbc *dbc, struct iw_err *err)
{
	struct corpus_judge rows[FARM_FLAVOURS + FARM_JUDGES] = {0};
	size_t count = 0, i;
	int rc;

	/* The judges first, to be found again. */
	for (i = 0; i < t->judge_count; i++)
		rows[count++] = (struct corpus_judge){
			.flavour = t->judges[i].flavour,
			.build_id = t->judges[i].lane ? t->judges[i].lane->build->id : -1,
			.within_ms = within_ms(t->farm),
		};
	for (i = 0; i < t->lane_count; i++)
		if (!t->lanes[i].judge)
			rows[count++] = (struct corpus_judge){
				.flavour = t->lanes[i].build->flavour,
				.build_id = t->lanes[i].build->id,
			};
	rc = corpus_judging_open(dbc, t->triage.id, rows, count, now_ms, err);
	for (i = 0; i < t->judge_count; i++)
		t->judges[i].since_ms = rows[i].since_ms;
	return rc;
}

void farm_judges_added(struct farm_target *t, size_t added)
{
	int64_t now = iw_time_wall_ms();
	size_t i;

	for (i = 0; added > 0 && i < t->judge_count; i++) {
		struct corpus_waiting *w = &t->judges[i].waiting;

		w->units += (int64_t)added;
		if (!w->oldest_ms)
			w->oldest_ms = now;
	}
}

/* -- rounds that keep the deadline -------------------------------------------------- */

bool farm_judge_is_near(const struct farm_judge *judge, int64_t now_ms)
{
	int64_t within, reserve;

	if (!judge || !judge->waiting.oldest_ms)
		return false;
	within = within_ms(judge->target->farm);
	reserve = within / RESERVE_SHARE;
	if (judge->lane && reserve < 2 * judge->lane->round_ms)
		reserve = 2 * judge->lane->round_ms;
	return now_ms >= judge->waiting.oldest_ms + within - reserve;
}

size_t farm_judge_limit(const struct farm_lane *lane)
{
	int64_t limit;

	if (!lane->judge)
		return CORPUS_MEASURE_LIMIT;
	if (!lane->unit_us)
		return ROUND_FIRST;
	limit = within_ms(lane->target->farm) / ROUND_SHARE * 1000 / lane->unit_us;
	if (limit < ROUND_MIN)
		return ROUND_MIN;
	return limit < CORPUS_MEASURE_LIMIT ? (size_t)limit : CORPUS_MEASURE_LIMIT;
}

bool farm_judge_is_slow(const struct farm_lane *lane, int64_t mono_ms)
{
	int64_t limit;

	if (!lane->judge || lane->is_cut)
		return false;
	limit = within_ms(lane->target->farm) / CUT_SHARE;
	return mono_ms - lane->began_ms > (limit > CUT_MIN_MS ? limit : CUT_MIN_MS);
}

/* -- how long units waited ---------------------------------------------------------- */

static void note_delay(struct farm_judge *judge, int64_t now_ms, int64_t delay_ms)
{
	int64_t minute = now_ms / MINUTE_MS;
	struct farm_delay *d = &judge->delays[minute % FARM_DELAYS];

	if (d->minute != minute)
		*d = (struct farm_delay){.minute = minute};
	if (d->ms < delay_ms)
		d->ms = delay_ms;
}

static int64_t waits_since(const struct farm_judge *judge, int64_t added_ms)
{
	return added_ms > judge->since_ms ? added_ms : judge->since_ms;
}

static int64_t oldest_waits(const struct farm_judge *judge, int64_t now_ms)
{
	int64_t since = judge->waiting.oldest_ms;

	return since && since < now_ms ? now_ms - since : 0;
}

/* The number never falls, also when a late unit is taken out of the corpus. */
static void note_missed(struct farm_judge *judge)
{
	if (judge->missed < judge->late_judged + judge->waiting.late)
		judge->missed = judge->late_judged + judge->waiting.late;
}

void farm_judge_note(struct farm_lane *lane, const struct corpus_measure_result *result,
	int64_t now_ms)
{
	struct farm_judge *judge = lane->judge;
	int64_t within = within_ms(lane->target->farm), ran, us = 0;
	size_t i;

	ran = (int64_t)(result->passed + result->died);
	if (!judge || ran == 0)
		return;
	for (i = 0; i < result->count; i++) {
		const struct corpus_measured *unit = &result->units[i];
		int64_t delay = now_ms - waits_since(judge, unit->unit.added_ms);

		if (unit->result->outcome == ENGINE_NOT_RUN)
			continue;
		note_delay(judge, now_ms, delay);
		judge->late_judged += delay > within;
		us += unit->result->us;
	}
	/* Starting the process counts, waiting for a core does not. */
	us = (us > result->cpu_us ? us : result->cpu_us) / ran + 1;
	lane->unit_us = lane->unit_us ? (lane->unit_us + us) / 2 : us;
	/* What is left is looked at now, and not when it is due. */
	lane->target->farm->judging_look_ms = 0;
}

int64_t farm_judge_delay(const struct farm_judge *judge, int64_t now_ms)
{
	int64_t longest = oldest_waits(judge, now_ms);
	size_t i;

	for (i = 0; i < FARM_DELAYS; i++)
		if (judge->delays[i].minute > now_ms / MINUTE_MS - FARM_DELAYS &&
			judge->delays[i].ms > longest)
			longest = judge->delays[i].ms;
	return longest;
}

/* -- the alarm ---------------------------------------------------------------------- */

static void why_they_wait(const struct farm_judge *judge, char why[static FARM_WHY_MAX])
{
	const struct farm_lane *lane = judge->lane;
	const char *words = "a round is about to begin";

	if (lane && lane->measure && !corpus_measure_is_waiting(lane->measure)) {
		if (lane->unit_us > 0)
			snprintf(why, FARM_WHY_MAX,
				"it judges %.3g units a second, which is too few",
				1000000.0 / (double)lane->unit_us);
		else
			snprintf(why, FARM_WHY_MAX, "its first round takes long");
		return;
	}
	if (!lane)
		words = judge->missing;
	else if (judge->target->state == FARM_TARGET_BROKEN)
		words = "the target is left out";
	else if (judge->target->state != FARM_TARGET_READY)
		words = "the target is still being opened";
	else if (lane->retry_ms > 0)
		words = "its rounds fail; an earlier message says how";
	else if (lane->measure)
		words = "no core was free for it";
	else if (judge->target->farm->phase >= FARM_DRAINING)
		words = "the farm is ending";
	snprintf(why, FARM_WHY_MAX, "%s", words);
}

static void tell_missed(struct farm_judge *judge)
{
	const struct farm_target *t = judge->target;
	char why[FARM_WHY_MAX], words[24];

	why_they_wait(judge, why);
	iw_time_words(within_ms(t->farm), words);
	farm_say(t->farm,
		"%s/%s: %lld unit%s waited longer than %s to be seen under %s: %s",
		project_adapter(t->owner->project)->name, t->spec.name,
		(long long)judge->waiting.late, judge->waiting.late == 1 ? "" : "s",
		words, judge->flavour, why);
}

void farm_judge_seen(
	struct farm_judge *judge, const struct corpus_waiting *waiting, int *said)
{
	const struct farm_target *t = judge->target;
	bool was_missed = judge->is_missed;

	judge->waiting = *waiting;
	note_missed(judge);
	judge->is_missed = waiting->late > 0;
	if (judge->is_missed == was_missed)
		return;
	if (judge->is_missed)
		iw_warn("units wait too long", S("target", t->spec.name),
			S("flavour", judge->flavour), I("late", waiting->late));
	if ((*said)++ >= SAY_MAX)
		return;
	if (judge->is_missed)
		tell_missed(judge);
	else
		farm_say(t->farm, "%s/%s: units are seen under %s in time again",
			project_adapter(t->owner->project)->name, t->spec.name,
			judge->flavour);
}

/* -- looking ------------------------------------------------------------------------ */

struct look {
	struct iw_db_req req;
	struct farm *farm;
	int64_t now_ms, cost_ms;
	struct seen {
		struct farm_judge *judge;
		int64_t target_id;
		struct corpus_waiting waiting;
	} * seen;
	size_t count, cap;
};

/* Writer thread. */
static int look_at_all(struct iw_dbc *dbc, void *ctx, struct iw_err *err)
{
	struct look *l = ctx;
	int64_t began = iw_time_mono_ms();
	size_t i;
	int rc = 0;

	for (i = 0; rc == 0 && i < l->count; i++)
		rc = corpus_judging_look(dbc, l->seen[i].target_id,
			l->seen[i].judge->flavour, l->now_ms, &l->seen[i].waiting, err);
	l->cost_ms = iw_time_mono_ms() - began;
	return rc;
}

static int64_t look_rest(const struct look *l)
{
	int64_t rest = within_ms(l->farm) / LOOKS;

	if (rest < LOOK_MIN_MS)
		rest = LOOK_MIN_MS;
	if (rest > LOOK_MAX_MS)
		rest = LOOK_MAX_MS;
	return rest > l->cost_ms * LOOK_COST ? rest : l->cost_ms * LOOK_COST;
}

static void on_looked(struct iw_db_req *req)
{
	struct look *l = req->ctx;
	struct farm *farm = l->farm;
	int said = 0;
	size_t i;

	farm->requests--;
	farm->is_looking = false;
	if (req->err.code)
		iw_warn("what waits could not be looked at", S("error", req->err.msg));
	for (i = 0; !req->err.code && i < l->count; i++)
		farm_judge_seen(l->seen[i].judge, &l->seen[i].waiting, &said);
	if (said > SAY_MAX)
		farm_say(farm, "… and %d more of its kind; the targets say which",
			said - SAY_MAX);
	free(l->seen);
	free(l);
	farm_advance(farm);
}

/* A judge that has seen all that came needs no look. */
static bool may_wait(const struct farm_judge *judge)
{
	return !judge->lane || judge->lane->has_work || judge->lane->measure ||
		judge->waiting.units > 0 || judge->is_missed;
}

static void take_judges(struct farm_target *t, void *ctx)
{
	struct look *l = ctx;
	size_t i;

	for (i = 0; t->triage.id >= 0 && i < t->judge_count; i++) {
		if (!may_wait(&t->judges[i]))
			continue;
		iw_grow(l->seen, l->count, l->cap);
		l->seen[l->count++] =
			(struct seen){.judge = &t->judges[i], .target_id = t->triage.id};
	}
}

void farm_judging_tick(struct farm *farm)
{
	int64_t now = iw_time_mono_ms();
	struct look *l;

	if (farm->phase >= FARM_DRAINING || farm->is_looking ||
		now < farm->judging_look_ms)
		return;
	l = iw_calloc(1, sizeof *l);
	l->farm = farm;
	l->now_ms = iw_time_wall_ms();
	farm_each_target(farm, take_judges, l);
	farm->judging_look_ms = now + look_rest(l);
	if (l->count == 0) {
		free(l);
		return;
	}
	farm->is_looking = true;
	farm->requests++;
	l->req = (struct iw_db_req){.run = look_at_all, .ctx = l, .done = on_looked};
	iw_db_submit(farm->db, &l->req);
}

void farm_judges_look(const struct farm_target *t, struct farm_target_view *view)
{
	int64_t now = iw_time_wall_ms();
	size_t i;

	view->judge_count = t->judge_count;
	for (i = 0; i < t->judge_count; i++) {
		const struct farm_judge *judge = &t->judges[i];
		struct farm_judge_view *v = &view->judges[i];

		*v = (struct farm_judge_view){
			.flavour = judge->flavour,
			.waiting = judge->waiting.units,
			.oldest_ms = oldest_waits(judge, now),
			.late = judge->waiting.late,
			.missed = judge->missed,
			.delay_ms = farm_judge_delay(judge, now),
		};
		if (judge->is_missed)
			why_they_wait(judge, v->why);
	}
}
