#include "cli/sift.h"

#include <stdlib.h>
#include <string.h>

#include "adapters/target_run.h"
#include "base/file.h"
#include "base/mem.h"

#include "base/banned.h"

/* A process costs as much as some dozens of units; where each has its own, a batch saves
 * nothing. */
#define BATCH 64
#define BATCH_APART 4
#define BATCH_BYTES ((int64_t)64 << 20)
/* After so many batches of which not one unit could be run, none can. */
#define BARREN_MAX 12

struct worker {
	struct cli_sift *sift;
	struct engine_driver *driver; /* NULL: it has nothing to do */
	size_t *units, count;
	char *content; /* handed out last */
};

struct cli_sift {
	const struct cli_plain *plain;
	const struct cli_files *files;
	struct cli_sift_events events;
	struct target_driver driver;
	size_t *todo, count, next; /* grows by what has to be run again */
	size_t *alone, alone_count, alone_cap, alone_next;
	struct worker *workers;
	size_t worker_count, running;
	size_t told, max; /* units of a batch at most */
	int barren;	  /* batches of which no unit was run */
	bool has_result;
	struct iw_timer *later;
	bool is_stopped;
	struct iw_err err;
};

/* Pool. */
static int load_unit(
	void *ctx, size_t i, const void **data, size_t *len, struct iw_err *err)
{
	struct worker *w = ctx;
	const struct cli_file *file = &w->sift->files->items[w->units[i]];

	free(iw_steal(&w->content));
	*data = NULL;
	if (iw_file_read(file->path, CLI_FILE_MAX, &w->content, len, err) < 0)
		return err->code;
	*data = w->content;
	return 0;
}

static size_t max_batch(const struct cli_plain *plain)
{
	return plain->spec.args ? BATCH_APART : BATCH;
}

/* So that all slots have something until the end. */
static size_t batch_size(const struct cli_sift *s)
{
	size_t size = (s->count - s->next) / (2 * s->worker_count);
	int64_t bytes = 0;
	size_t i;

	size = size < 1 ? 1 : size > s->max ? s->max : size;
	for (i = 0; i < size; i++) {
		bytes += s->files->items[s->todo[s->next + i]].size;
		if (i > 0 && bytes > BATCH_BYTES)
			break;
	}
	return i;
}

/* Those that took a batch down come last, each alone. */
static void take_batch(struct cli_sift *s, struct worker *w)
{
	if (s->next < s->count) {
		w->count = batch_size(s);
		memcpy(w->units, s->todo + s->next, w->count * sizeof *w->units);
		s->next += w->count;
	} else {
		w->count = 1;
		w->units[0] = s->alone[s->alone_next++];
	}
}

static void on_batch(struct engine_driver *driver, const struct iw_err *err, void *ctx);

static void go_on(struct cli_sift *s);

static void on_end(void *ctx)
{
	struct cli_sift *s = ctx;

	iw_timer_free(iw_steal(&s->later));
	if (s->is_stopped && !s->err.code)
		iw_err_set(&s->err, IW_ECANCELED, "stopped");
	s->events.done(s->events.ctx, s->err.code ? &s->err : NULL);
}

static void go_on(struct cli_sift *s)
{
	bool is_over = s->is_stopped || s->err.code;
	size_t i;

	for (i = 0; i < s->worker_count && !is_over; i++) {
		struct worker *w = &s->workers[i];
		struct engine_units units = {.load = load_unit, .ctx = w};

		if (w->driver)
			continue;
		if (s->next == s->count && s->alone_next == s->alone_count)
			break;
		take_batch(s, w);
		units.count = w->count;
		w->driver = engine_driver_new(s->plain->world.jobs, &s->driver.spec);
		s->running++;
		engine_driver_start(w->driver, &units, on_batch, w);
	}
	if (s->running == 0 && !s->later) {
		s->later = iw_timer_new(s->plain->world.loop, on_end, s);
		iw_timer_start(s->later, 0, 0);
	}
}

static void tell(struct cli_sift *s, size_t file, const struct engine_unit_result *result)
{
	s->told++;
	s->events.unit(s->events.ctx, file, result);
}

/* The first one without an answer is who did it; the others are run again. Where none has
 * one, it may have been any, which took all answers with it: fewer at a time will tell. */
static void put_back(struct cli_sift *s, const struct worker *w, size_t first)
{
	const struct engine_results *results = engine_driver_results(w->driver);
	size_t i;

	if (w->count == 1) {
		s->max = max_batch(s->plain);
		tell(s, w->units[0], NULL);
		return;
	}
	s->todo = iw_reallocarray(s->todo, s->count + w->count, sizeof *s->todo);
	if (first == 0) {
		s->max = w->count / 2;
	} else {
		iw_grow(s->alone, s->alone_count, s->alone_cap);
		s->alone[s->alone_count++] = w->units[first++];
	}
	for (i = first; i < w->count; i++)
		if (results->units[i].outcome == ENGINE_NOT_RUN)
			s->todo[s->count++] = w->units[i];
}

static void take_results(struct cli_sift *s, const struct worker *w)
{
	const struct engine_results *results = engine_driver_results(w->driver);
	size_t i, first = w->count, told = 0;

	for (i = 0; i < w->count; i++) {
		if (results->units[i].outcome != ENGINE_NOT_RUN) {
			tell(s, w->units[i], &results->units[i]);
			told++;
		} else if (first == w->count) {
			first = i;
		}
	}
	s->has_result |= told > 0;
	if (first < w->count && !s->is_stopped && !s->err.code)
		put_back(s, w, first);
}

/* Whether the failure of a batch is the work of one of its units. */
static bool is_units_work(struct cli_sift *s, const struct iw_err *err)
{
	/* IW_ENOENT: it removed what its process had written. */
	if (err->code != IW_EJOB && err->code != IW_ENOENT)
		return false;
	return s->has_result || ++s->barren < BARREN_MAX;
}

static void on_batch(struct engine_driver *driver, const struct iw_err *err, void *ctx)
{
	struct worker *w = ctx;
	struct cli_sift *s = w->sift;

	(void)driver;
	if (err && !s->err.code && !s->is_stopped && !is_units_work(s, err))
		iw_err_copy(&s->err, err);
	take_results(s, w);
	engine_driver_free(iw_steal(&w->driver));
	free(iw_steal(&w->content));
	s->running--;
	go_on(s);
}

struct cli_sift *cli_sift_start(const struct cli_plain *plain,
	const struct cli_files *files, const size_t *todo, size_t count,
	const struct cli_sift_events *events)
{
	struct cli_sift *s = iw_calloc(1, sizeof *s);
	size_t i;

	s->plain = plain;
	s->files = files;
	s->events = *events;
	s->todo = iw_reallocarray(NULL, count + 1, sizeof *s->todo);
	if (count)
		memcpy(s->todo, todo, count * sizeof *s->todo);
	s->count = count;
	s->max = max_batch(plain);
	/* One more, so that the next batch is ready when a slot is free. */
	s->worker_count = (size_t)iw_slots_count(plain->slots) + 1;
	s->workers = iw_calloc(s->worker_count, sizeof *s->workers);
	for (i = 0; i < s->worker_count; i++) {
		s->workers[i].sift = s;
		s->workers[i].units = iw_calloc(BATCH, sizeof(size_t));
	}
	target_driver_init(&s->driver, &plain->build, plain->target.spec,
		IW_PURPOSE_REPLAY, plain->world.driver, plain->world.symbolizer_path,
		&s->err);
	s->driver.spec.wants_features = false;
	go_on(s);
	return s;
}

void cli_sift_stop(struct cli_sift *sift)
{
	size_t i;

	sift->is_stopped = true;
	for (i = 0; i < sift->worker_count; i++)
		if (sift->workers[i].driver)
			engine_driver_stop(sift->workers[i].driver);
}

size_t cli_sift_progress(const struct cli_sift *sift)
{
	size_t done = sift->told, i;

	for (i = 0; i < sift->worker_count; i++)
		if (sift->workers[i].driver)
			done += engine_driver_progress(sift->workers[i].driver);
	return done;
}

void cli_sift_free(struct cli_sift *sift)
{
	size_t i;

	if (!sift)
		return;
	for (i = 0; i < sift->worker_count; i++) {
		free(sift->workers[i].units);
		free(sift->workers[i].content);
	}
	target_driver_fini(&sift->driver);
	free(sift->workers);
	free(sift->todo);
	free(sift->alone);
	free(sift);
}
