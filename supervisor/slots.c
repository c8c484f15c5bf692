#include "slots.h"

#include <assert.h>
#include <sched.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/time.h"

#include "base/banned.h"

#define CORES_MAX 1024

/* Places of a slot, each with a row of those that wait for it; the last row is of jobs
 * that have no slot. */
enum place { FRONT, ENGINE, URGENT, PLACES, LAST = PLACES, ROWS };

struct slot {
	int core;
	struct iw_job *jobs[PLACES];
	int64_t since_ms[PLACES];
};

struct waiting {
	struct waiting *next;
	struct iw_job *job;
	int64_t due_ms;
};

/* Whose turn it is: the one whose patience ends first. Triage comes before builds and
 * those before measuring, but nobody starves however long the row before him is. */
static const int64_t patience_ms[IW_PURPOSE_COUNT] = {
	[IW_PURPOSE_REPRODUCE] = 0,
	[IW_PURPOSE_MINIMIZE] = 3000,
	[IW_PURPOSE_BISECT] = 1000,
	[IW_PURPOSE_SYMBOLIZE] = 0, /* a service, which waits for no slot */
	[IW_PURPOSE_FETCH] = 0,
	[IW_PURPOSE_BUILD] = 2000,
	[IW_PURPOSE_MEASURE] = 4000,
	[IW_PURPOSE_REPLAY] = 10000,
	[IW_PURPOSE_DISTIL] = 10000,
	[IW_PURPOSE_COVER] = 60000, /* these two wait in rows of their own */
	[IW_PURPOSE_FUZZ] = 0,
};

struct iw_slots {
	struct slot *slots;
	int count;
	struct iw_job *last;
	struct waiting *rows[ROWS]; /* by due time */
	bool is_granting;
	int64_t cpu_us[IW_PURPOSE_COUNT]; /* of jobs that have ended */
	int64_t busy_ms;
};

struct iw_slots *iw_slots_new(int cores)
{
	struct iw_slots *slots = iw_calloc(1, sizeof *slots);
	cpu_set_t set;
	int core;

	CPU_ZERO(&set);
	if (sched_getaffinity(0, sizeof set, &set) < 0)
		CPU_SET(0, &set);
	if (cores <= 0 || cores > CPU_COUNT(&set))
		cores = CPU_COUNT(&set);
	slots->slots = iw_calloc((size_t)cores, sizeof *slots->slots);
	for (core = 0; core < CORES_MAX && slots->count < cores; core++)
		if (CPU_ISSET(core, &set))
			slots->slots[slots->count++].core = core;
	return slots;
}

void iw_slots_free(struct iw_slots *slots)
{
	if (!slots)
		return;
	assert(!slots->rows[FRONT] && !slots->rows[ENGINE] && !slots->rows[URGENT] &&
		!slots->rows[LAST]);
	free(slots->slots);
	free(slots);
}

int iw_slots_count(const struct iw_slots *slots)
{
	return slots->count;
}

int iw_slots_core(const struct iw_slots *slots, int i)
{
	return slots->slots[i].core;
}

int64_t iw_slots_core_ms(const struct iw_slots *slots, enum iw_purpose purpose)
{
	return slots->cpu_us[purpose] / 1000;
}

int64_t iw_slots_busy_ms(const struct iw_slots *slots)
{
	return slots->busy_ms;
}

struct iw_job *iw_slots_job(const struct iw_slots *slots, int i, bool engine)
{
	const struct slot *s = &slots->slots[i];

	if (engine)
		return s->jobs[ENGINE];
	return s->jobs[URGENT] ? s->jobs[URGENT] : s->jobs[FRONT];
}

struct iw_job *iw_slots_last(const struct iw_slots *slots)
{
	return slots->last;
}

/* The free slot with the least on it, so that work spreads before it piles up. */
static struct slot *free_slot(const struct iw_slots *slots, enum place place)
{
	struct slot *best = NULL;
	int i, k, load, least = PLACES;

	for (i = 0; i < slots->count; i++) {
		struct slot *s = &slots->slots[i];

		if (s->jobs[place])
			continue;
		for (k = load = 0; k < PLACES; k++)
			load += s->jobs[k] != NULL;
		if (load >= least)
			continue;
		least = load;
		best = s;
	}
	return best;
}

int iw_slots_waiting(const struct iw_slots *slots)
{
	const struct waiting *w;
	int n = 0;

	for (w = slots->rows[FRONT]; w; w = w->next)
		n++;
	for (w = slots->rows[URGENT]; w; w = w->next)
		n++;
	return n;
}

int iw_slots_busy(const struct iw_slots *slots)
{
	int i, n = iw_slots_waiting(slots);

	for (i = 0; i < slots->count; i++)
		n += (slots->slots[i].jobs[FRONT] != NULL) +
			(slots->slots[i].jobs[URGENT] != NULL);
	return n;
}

int iw_slots_fuzz_room(const struct iw_slots *slots)
{
	const struct waiting *w;
	int i, n = 0;

	for (i = 0; i < slots->count; i++)
		n += !slots->slots[i].jobs[ENGINE];
	for (w = slots->rows[ENGINE]; w; w = w->next)
		n--;
	return n > 0 ? n : 0;
}

static struct iw_job *pop(struct waiting **queue)
{
	struct waiting *w = *queue;
	struct iw_job *job = w->job;

	*queue = w->next;
	free(w);
	return job;
}

static void grant_from(struct iw_slots *slots, enum place place)
{
	struct slot *slot;

	while (slots->rows[place] && (slot = free_slot(slots, place)) != NULL) {
		struct iw_job *job = pop(&slots->rows[place]);

		slot->jobs[place] = job;
		slot->since_ms[place] = iw_time_mono_ms();
		iw_job_grant(job, slot->core);
	}
}

/* On any core: the kernel finds one where somebody leaves something. Where others wait
 * all the time it begins one day all the same. */
static void grant_last(struct iw_slots *slots)
{
	const struct waiting *first = slots->rows[LAST];
	bool is_quiet = !slots->rows[FRONT] && !slots->rows[URGENT];

	if (slots->last || !first || (!is_quiet && first->due_ms > iw_time_mono_ms()))
		return;
	slots->last = pop(&slots->rows[LAST]);
	iw_job_grant(slots->last, -1);
}

static void grant(struct iw_slots *slots)
{
	if (slots->is_granting)
		return;
	slots->is_granting = true;
	grant_from(slots, URGENT);
	grant_from(slots, FRONT);
	grant_from(slots, ENGINE);
	grant_last(slots);
	slots->is_granting = false;
}

static struct waiting **row_of(struct iw_slots *slots, const struct iw_job *job)
{
	switch (iw_job_purpose(job)) {
	case IW_PURPOSE_FUZZ:
		return &slots->rows[ENGINE];
	case IW_PURPOSE_COVER:
		return &slots->rows[LAST];
	default:
		return &slots->rows[iw_job_is_urgent(job) ? URGENT : FRONT];
	}
}

static void want(void *ctx, struct iw_job *job)
{
	struct iw_slots *slots = ctx;
	struct waiting **at = row_of(slots, job);
	struct waiting *w = iw_calloc(1, sizeof *w);

	w->job = job;
	w->due_ms = iw_time_mono_ms() + patience_ms[iw_job_purpose(job)];
	while (*at && (*at)->due_ms <= w->due_ms)
		at = &(*at)->next;
	w->next = *at;
	*at = w;
	grant(slots);
}

static void leave(struct iw_slots *slots, struct slot *slot, int place)
{
	slot->jobs[place] = NULL;
	slots->busy_ms += iw_time_mono_ms() - slot->since_ms[place];
}

static void gone(void *ctx, struct iw_job *job)
{
	struct iw_slots *slots = ctx;
	struct waiting **at = row_of(slots, job);
	int i, k;

	slots->cpu_us[iw_job_purpose(job)] += iw_exit_cpu_us(iw_job_exit(job));
	while (*at && (*at)->job != job)
		at = &(*at)->next;
	if (*at)
		pop(at);
	for (i = 0; i < slots->count; i++)
		for (k = 0; k < PLACES; k++)
			if (slots->slots[i].jobs[k] == job)
				leave(slots, &slots->slots[i], k);
	if (slots->last == job)
		slots->last = NULL;
	grant(slots);
}

/* On its own core, or where there is room: cores may have been fewer or other ones then.
 */
static void taken(void *ctx, struct iw_job *job, int core)
{
	struct iw_slots *slots = ctx;
	struct slot *slot = NULL;
	int i;

	for (i = 0; i < slots->count && !slot; i++)
		if (slots->slots[i].core == core && !slots->slots[i].jobs[ENGINE])
			slot = &slots->slots[i];
	if (!slot)
		slot = free_slot(slots, ENGINE);
	if (slot) {
		slot->jobs[ENGINE] = job;
		slot->since_ms[ENGINE] = iw_time_mono_ms();
	}
}

static void stop_place(struct iw_slots *slots, enum place place)
{
	int i;

	/* A waiting job leaves its queue when it is stopped. */
	while (slots->rows[place])
		iw_job_stop(slots->rows[place]->job);
	for (i = 0; i < slots->count; i++)
		if (slots->slots[i].jobs[place])
			iw_job_stop(slots->slots[i].jobs[place]);
}

void iw_slots_stop_front(struct iw_slots *slots)
{
	while (slots->rows[LAST])
		iw_job_stop(slots->rows[LAST]->job);
	if (slots->last)
		iw_job_stop(slots->last);
	stop_place(slots, URGENT);
	stop_place(slots, FRONT);
}

void iw_slots_stop_all(struct iw_slots *slots)
{
	iw_slots_stop_front(slots);
	stop_place(slots, ENGINE);
}

struct iw_job_gate iw_slots_gate(struct iw_slots *slots)
{
	return (struct iw_job_gate){
		.ctx = slots, .want = want, .gone = gone, .taken = taken};
}
