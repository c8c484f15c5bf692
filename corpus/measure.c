/*
 * The happy path:
 *
 *	SELECTING (writer) --> RUNNING (n drivers, each then packs its features on the
 *	pool) --> COLLECTING (pool: contents of deaths) --> STORING (writer) -->
 *	COUNTING (pool: new features) --> ENDED
 *
 * The failures: a shard that fails leaves its units not run, the others are stored, and
 * done carries the first error. A transaction that fails stores nothing, and the units
 * are selected again next time.
 */
#include "corpus/measure.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "corpus/judging_db.h"
#include "engine/target_job.h"

#include "base/banned.h"

/* A process under a sanitizer costs 0.1 s to start, a unit 0.5 ms. */
#define SHARD_MIN 128

struct shard {
	struct corpus_measure *m;
	size_t index, count; /* units index, index + shards, index + 2 × shards, … */
	struct engine_driver *driver;
	struct iw_work work;
	struct iw_buf blobs;
	char *content; /* handed out to the driver last */
};

struct corpus_measure {
	struct corpus_measure_spec spec;
	corpus_measure_done_cb done;
	void *ctx;
	struct iw_loop *loop;

	struct corpus_unit *selected;
	struct corpus_measured *units;
	struct corpus_measure_row *rows;
	struct shard *shards;
	size_t shard_count, pending;
	bool is_stopped;
	struct corpus_measure_result result;

	struct iw_work work, cover_work;
	struct iw_db_req req;
	struct iw_err err; /* the first */
};

static struct corpus_measure *of_work(struct iw_work *work)
{
	return (struct corpus_measure *)((char *)work -
		offsetof(struct corpus_measure, work));
}

static struct shard *shard_of_work(struct iw_work *work)
{
	return (struct shard *)((char *)work - offsetof(struct shard, work));
}

static void finish(struct corpus_measure *m)
{
	m->done(m, m->err.code ? &m->err : NULL, m->ctx);
}

static void note_error(struct corpus_measure *m, const struct iw_err *err)
{
	if (err && err->code && !m->err.code)
		iw_err_copy(&m->err, err);
}

/* Writer thread. */
static int select_units(struct iw_dbc *dbc, void *ctx, struct iw_err *err)
{
	struct corpus_measure *m = ctx;
	const struct corpus_measure_spec *s = &m->spec;

	if (s->ids)
		return corpus_units_unmeasured_of(dbc, s->build_id, s->target_id, s->ids,
			s->id_count, &m->selected, &m->result.count, err);
	return (s->is_oldest_first ? corpus_units_waiting : corpus_units_unmeasured)(dbc,
		s->build_id, s->target_id, s->limit ? s->limit : CORPUS_MEASURE_LIMIT,
		&m->selected, &m->result.count, err);
}

static size_t unit_of(const struct shard *shard, size_t k)
{
	return shard->index + k * shard->m->shard_count;
}

/* Pool: content of the k-th unit of a shard. One unreadable record must not keep the rest
 * of the corpus from being measured, so it runs as an empty unit whose answer nobody
 * uses. */
static int load_unit(
	void *ctx, size_t k, const void **data, size_t *len, struct iw_err *err)
{
	struct shard *shard = ctx;
	struct corpus_measured *unit = &shard->m->units[unit_of(shard, k)];
	int rc;

	free(iw_steal(&shard->content));
	rc = corpus_packs_read(shard->m->spec.packs, &unit->unit.place, &unit->unit.sha,
		&shard->content, len, err);
	if (rc == IW_EINVAL || rc == IW_ENOENT) {
		iw_error("unit is damaged and quarantined", S("error", err->msg));
		unit->is_damaged = true;
		*err = (struct iw_err)IW_ERR_INIT;
		*data = "";
		*len = 0;
		return 0;
	}
	*data = shard->content;
	return rc;
}

/* Pool: the rows of a shard, features packed. */
static void pack_shard(struct iw_work *work)
{
	struct shard *shard = shard_of_work(work);
	struct corpus_measure *m = shard->m;
	const struct engine_results *results = engine_driver_results(shard->driver);
	struct corpus_feature_packer *packer = corpus_feature_packer_new();
	const char *blob;
	size_t k;

	for (k = 0; k < shard->count; k++) {
		const struct engine_unit_result *result = &results->units[k];
		struct corpus_measured *unit = &m->units[unit_of(shard, k)];
		struct corpus_measure_row *row = &m->rows[unit_of(shard, k)];
		size_t before = shard->blobs.len;

		unit->result = result;
		*row = (struct corpus_measure_row){
			.unit_id = unit->unit.id,
			.outcome = unit->is_damaged ? ENGINE_NOT_RUN : result->outcome,
			.us = result->us,
		};
		if (row->outcome != ENGINE_PASSED || !m->spec.driver.wants_features)
			continue;
		row->feature_count = result->feature_count;
		corpus_features_pack(packer, engine_features(results, result),
			result->features_len, &shard->blobs);
		row->features_len = shard->blobs.len - before;
	}
	/* The buffer moves no more: the rows may point into it. */
	for (k = 0, blob = shard->blobs.data; k < shard->count; k++) {
		struct corpus_measure_row *row = &m->rows[unit_of(shard, k)];

		if (row->features_len == 0)
			continue;
		row->features = blob;
		blob += row->features_len;
	}
	corpus_feature_packer_free(packer);
}

static size_t count_new(struct corpus_measure *m, const struct shard *shard, size_t k,
	uint32_t **numbers, size_t *cap)
{
	const struct engine_results *results = engine_driver_results(shard->driver);
	const struct engine_unit_result *result = &results->units[k];

	if (result->feature_count > *cap) {
		*cap = result->feature_count;
		*numbers = iw_reallocarray(*numbers, *cap, sizeof **numbers);
	}
	engine_features_decode(engine_features(results, result), result->features_len,
		result->feature_count, 0, *numbers);
	return corpus_features_add(m->spec.features, *numbers, result->feature_count);
}

/* Pool: only after storing, so that the set never knows more than the database. */
static void count_features(struct iw_work *work)
{
	struct corpus_measure *m = of_work(work);
	_auto_free_ uint32_t *numbers = NULL;
	size_t cap = 0, i;

	for (i = 0; i < m->result.count; i++) {
		if (m->rows[i].outcome != ENGINE_PASSED)
			continue;
		m->units[i].new_features = count_new(m, &m->shards[i % m->shard_count],
			i / m->shard_count, &numbers, &cap);
		m->result.new_features += m->units[i].new_features;
	}
}

/* Pool: what a death needs to become a crash. */
static void collect(struct iw_work *work)
{
	struct corpus_measure *m = of_work(work);
	struct iw_err err = IW_ERR_INIT;
	size_t i;

	for (i = 0; i < m->result.count; i++) {
		struct corpus_measured *unit = &m->units[i];

		if (m->rows[i].outcome != ENGINE_DIED)
			continue;
		if (corpus_packs_read(m->spec.packs, &unit->unit.place, &unit->unit.sha,
			    &unit->content, &unit->content_len, &err) < 0) {
			note_error(m, &err);
			m->rows[i].outcome = ENGINE_NOT_RUN;
		}
	}
}

/* Writer thread. */
static int store(struct iw_dbc *dbc, void *ctx, struct iw_err *err)
{
	struct corpus_measure *m = ctx;
	size_t i;
	int rc = corpus_measures_add(
		dbc, m->spec.build_id, m->spec.target_id, m->rows, m->result.count, err);

	for (i = 0; rc == 0 && i < m->result.count; i++) {
		const struct corpus_measured *unit = &m->units[i];
		bool has_died = m->rows[i].outcome == ENGINE_DIED;

		if (has_died || unit->is_damaged)
			rc = corpus_unit_quarantine(
				dbc, m->spec.target_id, unit->unit.id, err);
		if (rc == 0 && has_died && m->spec.store_death)
			rc = m->spec.store_death(dbc, m->spec.store_ctx, unit, err);
	}
	if (rc == 0)
		rc = corpus_judging_advance(
			dbc, m->spec.target_id, m->spec.build_id, err);
	return rc;
}

static void on_counted(struct iw_work *work)
{
	finish(of_work(work));
}

/* Pool, while the writer stores. */
static void fill_cover(struct iw_work *work)
{
	struct corpus_measure *m = (struct corpus_measure *)((char *)work -
		offsetof(struct corpus_measure, cover_work));
	size_t i;

	for (i = 0; i < m->result.count; i++) {
		const struct corpus_measured *unit = &m->units[i];
		const struct engine_results *results =
			engine_driver_results(m->shards[i % m->shard_count].driver);

		if (m->rows[i].outcome == ENGINE_PASSED)
			corpus_cover_add(m->spec.cover, &unit->unit,
				engine_features(results, unit->result),
				unit->result->features_len, unit->result->feature_count);
	}
	if (m->spec.covered)
		m->spec.covered(m->spec.covered_ctx);
}

static void tally(struct corpus_measure *m)
{
	size_t i;

	for (i = 0; i < m->result.count; i++) {
		m->result.passed += m->rows[i].outcome == ENGINE_PASSED;
		m->result.died += m->rows[i].outcome == ENGINE_DIED;
		m->result.not_run += m->rows[i].outcome == ENGINE_NOT_RUN;
	}
}

/* Both the writer and the cover are done. */
static void on_stored_and_covered(struct corpus_measure *m)
{
	if (m->req.err.code) {
		note_error(m, &m->req.err);
		m->result.not_run = m->result.count;
		finish(m);
		return;
	}
	tally(m);
	if (m->spec.features && m->spec.driver.wants_features)
		iw_work_submit(m->loop, &m->work, count_features, on_counted);
	else
		finish(m);
}

static void on_stored(struct iw_db_req *req)
{
	struct corpus_measure *m = req->ctx;

	if (--m->pending == 0)
		on_stored_and_covered(m);
}

static void on_covered(struct iw_work *work)
{
	struct corpus_measure *m = (struct corpus_measure *)((char *)work -
		offsetof(struct corpus_measure, cover_work));

	if (--m->pending == 0)
		on_stored_and_covered(m);
}

static void on_collected(struct iw_work *work)
{
	struct corpus_measure *m = of_work(work);

	m->pending = 1;
	m->req = (struct iw_db_req){.run = store, .ctx = m, .done = on_stored};
	iw_db_submit(m->spec.db, &m->req);
	if (!m->spec.cover)
		return;
	m->pending++;
	iw_work_submit(m->loop, &m->cover_work, fill_cover, on_covered);
}

static void on_packed(struct iw_work *work)
{
	struct shard *shard = shard_of_work(work);
	struct corpus_measure *m = shard->m;

	if (--m->pending == 0)
		iw_work_submit(m->loop, &m->work, collect, on_collected);
}

static void on_driver_done(
	struct engine_driver *driver, const struct iw_err *err, void *ctx)
{
	struct shard *shard = ctx;
	struct corpus_measure *m = shard->m;

	note_error(m, err);
	m->result.cpu_us += engine_driver_cpu_us(driver);
	m->result.is_fallback |= engine_driver_results(driver)->is_fallback;
	iw_work_submit(m->loop, &shard->work, pack_shard, on_packed);
}

static void start_shard(struct shard *shard)
{
	struct engine_units units = {
		.count = shard->count, .load = load_unit, .ctx = shard};

	shard->driver = engine_driver_new(shard->m->spec.jobs, &shard->m->spec.driver);
	engine_driver_start(shard->driver, &units, on_driver_done, shard);
}

/* Units are dealt like cards: selected small ones first, so every shard gets its share of
 * the large and slow. */
static void start_shards(struct corpus_measure *m)
{
	size_t count = m->result.count, i;
	size_t shards = m->spec.shards > 0 ? (size_t)m->spec.shards : 1;

	if (shards > count / SHARD_MIN)
		shards = count / SHARD_MIN;
	if (shards > CORPUS_MEASURE_SHARDS_MAX)
		shards = CORPUS_MEASURE_SHARDS_MAX;
	if (shards == 0)
		shards = 1;
	m->shard_count = m->pending = shards;
	m->shards = iw_calloc(shards, sizeof *m->shards);
	m->units = iw_calloc(count, sizeof *m->units);
	m->rows = iw_calloc(count, sizeof *m->rows);
	m->result.units = m->units;
	for (i = 0; i < count; i++)
		m->units[i].unit = m->selected[i];
	for (i = 0; i < shards; i++) {
		m->shards[i].m = m;
		m->shards[i].index = i;
		m->shards[i].count = (count - i + shards - 1) / shards;
		start_shard(&m->shards[i]);
	}
}

static void on_selected(struct iw_db_req *req)
{
	struct corpus_measure *m = req->ctx;

	note_error(m, &req->err);
	if (m->is_stopped)
		m->result.count = 0;
	if (m->err.code || m->result.count == 0)
		finish(m);
	else
		start_shards(m);
}

struct corpus_measure *corpus_measure_start(
	const struct corpus_measure_spec *spec, corpus_measure_done_cb done, void *ctx)
{
	struct corpus_measure *m = iw_calloc(1, sizeof *m);

	m->spec = *spec;
	engine_spec_copy(&m->spec.driver, &spec->driver);
	m->done = done;
	m->ctx = ctx;
	m->loop = iw_jobs_loop(spec->jobs);
	m->req = (struct iw_db_req){.run = select_units, .ctx = m, .done = on_selected};
	iw_db_submit(spec->db, &m->req);
	return m;
}

void corpus_measure_stop(struct corpus_measure *measure)
{
	size_t i;

	measure->is_stopped = true;
	for (i = 0; i < measure->shard_count; i++)
		engine_driver_stop(measure->shards[i].driver);
}

bool corpus_measure_is_waiting(const struct corpus_measure *measure)
{
	size_t i;

	for (i = 0; i < measure->shard_count; i++)
		if (!engine_driver_is_waiting(measure->shards[i].driver))
			return false;
	return measure->shard_count > 0;
}

const struct corpus_measure_result *corpus_measure_result(
	const struct corpus_measure *measure)
{
	return &measure->result;
}

void corpus_measure_free(struct corpus_measure *measure)
{
	size_t i;

	if (!measure)
		return;
	for (i = 0; i < measure->shard_count; i++) {
		engine_driver_free(measure->shards[i].driver);
		iw_buf_fini(&measure->shards[i].blobs);
		free(measure->shards[i].content);
	}
	for (i = 0; measure->units && i < measure->result.count; i++)
		free(measure->units[i].content);
	free(measure->shards);
	free(measure->units);
	free(measure->rows);
	free(measure->selected);
	engine_spec_fini(&measure->spec.driver);
	free(measure);
}
