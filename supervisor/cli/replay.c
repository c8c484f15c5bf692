/*
 * Files --> rounds of a few thousand, dealt to as many drivers as there are cores -->
 * who died --> those that died alike --> one of each once more, alone, with names.
 *
 * The first pass runs without names: what a report is called costs more than a thousand
 * units, and of a hundred deaths most are the same. The second tells what they are.
 */
#include "cli/replay.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/files.h"
#include "cli/gist.h"
#include "cli/interrupt.h"
#include "cli/local.h"
#include "engine/driver.h"
#include "sanitizers/binary.h"
#include "sanitizers/toolchain.h"

#include "base/banned.h"

/* A round's units lie in its job's folder; a process costs as much as a few hundred. */
#define ROUND_UNITS 16384
#define ROUND_BYTES ((int64_t)256 << 20)
#define SHARD_MIN 128
#define SHARDS_MAX 64
#define PROGRESS_MS 200
/* Of so many kinds of deaths one is run again, and a hang then no longer than this. */
#define KINDS_MAX 64
#define AGAIN_TIMEOUT_MS 2000
#define KEY_FRAMES 4
/* Who allocated what is asked of those that are run again; enough to tell leaks apart. */
#define FIRST_PASS "symbolize=0:malloc_context_size=3"

struct death {
	const struct cli_file *file;
	enum engine_death kind;
	char *key; /* equal for those that died alike */
	size_t leader;
	/* of a leader */
	char *headline;
	bool was_tried, is_again;
};

struct replay;

struct shard {
	struct replay *r;
	struct engine_driver *driver;
	size_t index, count;
	char *content; /* handed out last */
	bool has_ended;
};

struct replay {
	const struct cli_replay_spec *spec;
	struct cli_replay_answer *answer;
	const struct san_flavour *flavour;
	struct cli_local local;
	char *symbolizer;
	struct cli_files files;
	size_t next; /* the first of the next round */

	/* the round */
	size_t first, size;
	struct shard shards[SHARDS_MAX];
	size_t shard_count, pending;

	struct death *deaths;
	size_t death_count, death_cap;
	size_t leaders[KINDS_MAX], leader_count;
	bool is_again; /* the second pass */

	struct iw_timer *look;
	struct cli_interrupt *interrupt;
	bool is_stopped;
	struct iw_err err;
};

/* -- one round ---------------------------------------------------------------------- */

/* Of the second pass the units are one of each kind. */
static const struct cli_file *unit_of(const struct shard *shard, size_t k)
{
	struct replay *r = shard->r;
	size_t i = shard->index + k * r->shard_count;

	if (r->is_again)
		return r->deaths[r->leaders[i]].file;
	return &r->files.items[r->first + i];
}

/* Pool. */
static int load_unit(
	void *ctx, size_t k, const void **data, size_t *len, struct iw_err *err)
{
	struct shard *shard = ctx;

	free(iw_steal(&shard->content));
	*data = NULL;
	if (iw_file_read(
		    unit_of(shard, k)->path, CLI_FILE_MAX, &shard->content, len, err) < 0)
		return err->code;
	*data = shard->content;
	return 0;
}

static char **make_env(const struct replay *r)
{
	const struct san_env *env = r->flavour->env;
	char **list = iw_calloc(8, sizeof *list);
	const char *symbolizer = r->is_again ? r->symbolizer : NULL;
	const char *extra = !r->is_again ? FIRST_PASS : symbolizer ? NULL : "symbolize=0";
	size_t n = 0;

	for (; env && env->name && n < 6; env++) {
		struct iw_buf value = {0};

		san_flavour_options(env, SAN_USE_REPLAY, symbolizer, extra, &value);
		list[n++] = iw_fmt("%s=%s", env->name, value.data);
		iw_buf_fini(&value);
	}
	list[n] = iw_strdup("PATH=/usr/bin:/bin");
	return list;
}

static void free_env(char **env)
{
	size_t i;

	for (i = 0; env[i]; i++)
		free(env[i]);
	free(env);
}

static void on_shard_done(
	struct engine_driver *driver, const struct iw_err *err, void *ctx);

static void start_shard(struct shard *shard, const struct engine_driver_spec *spec)
{
	struct engine_units units = {
		.count = shard->count, .load = load_unit, .ctx = shard};

	shard->driver = engine_driver_new(shard->r->local.jobs, spec);
	engine_driver_start(shard->driver, &units, on_shard_done, shard);
}

static void start_shards(struct replay *r)
{
	char **env = make_env(r);
	struct engine_driver_spec spec = {
		.binary = r->spec->binary,
		.driver = r->local.driver,
		.env = (const char *const *)env,
		.purpose = IW_PURPOSE_REPLAY,
		.timeout_ms = r->spec->timeout_ms,
		.rss_limit_mb = r->spec->rss_limit_mb * r->flavour->memory_factor,
		.malloc_limit_mb = r->spec->rss_limit_mb,
		.leaks = strstr(r->flavour->sanitizers, "address") != NULL,
		.no_aslr = r->flavour->no_aslr,
	};
	size_t i, shards = (size_t)r->spec->jobs;

	if (r->is_again && spec.timeout_ms > AGAIN_TIMEOUT_MS)
		spec.timeout_ms = AGAIN_TIMEOUT_MS;
	if (shards > r->size / SHARD_MIN)
		shards = r->size / SHARD_MIN;
	if (shards == 0)
		shards = 1;
	r->shard_count = r->pending = shards;
	for (i = 0; i < shards; i++) {
		r->shards[i] = (struct shard){
			.r = r, .index = i, .count = (r->size - i + shards - 1) / shards};
		start_shard(&r->shards[i], &spec);
	}
	free_env(env);
}

/* How many files the next round has: dealt like cards, small ones first. */
static size_t round_size(const struct replay *r)
{
	int64_t bytes = 0;
	size_t n = 0;

	while (r->next + n < r->files.count && n < ROUND_UNITS * (size_t)r->spec->jobs) {
		bytes += r->files.items[r->next + n].size;
		if (n > 0 && bytes > ROUND_BYTES)
			break;
		n++;
	}
	return n;
}

static void begin_round(struct replay *r)
{
	r->first = r->next;
	r->size = round_size(r);
	r->next += r->size;
	start_shards(r);
}

static void end_shards(struct replay *r)
{
	size_t i;

	for (i = 0; i < r->shard_count; i++) {
		engine_driver_free(r->shards[i].driver);
		free(r->shards[i].content);
	}
	r->shard_count = 0;
}

/* -- deaths ------------------------------------------------------------------------- */

static void add_death(struct replay *r, const struct cli_file *file,
	const struct engine_unit_result *result)
{
	struct death *d;
	size_t i;

	iw_grow(r->deaths, r->death_count, r->death_cap);
	d = &r->deaths[r->death_count];
	*d = (struct death){.file = file,
		.kind = result->death,
		.key = cli_gist_key(engine_death_name(result->death), result->report,
			result->report_len, KEY_FRAMES)};
	for (i = 0; i < r->leader_count; i++)
		if (strcmp(r->deaths[r->leaders[i]].key, d->key) == 0)
			break;
	if (i == r->leader_count && i < KINDS_MAX)
		r->leaders[r->leader_count++] = r->death_count;
	d->leader = i < KINDS_MAX ? r->leaders[i] : r->death_count;
	r->death_count++;
}

/* "" when there is nothing to be read. The caller frees. */
static char *headline_of(const struct engine_unit_result *result)
{
	struct cli_gist gist;
	char *headline;

	cli_gist_read(&gist, result->report, result->report ? result->report_len : 0);
	headline = iw_strdup(gist.headline);
	cli_gist_fini(&gist);
	return headline;
}

/* The first pass. */
static void take_round(struct replay *r)
{
	struct cli_replay_answer *a = r->answer;
	size_t i;

	for (i = 0; i < r->size; i++) {
		const struct shard *shard = &r->shards[i % r->shard_count];
		const struct engine_unit_result *result =
			&engine_driver_results(shard->driver)->units[i / r->shard_count];

		a->passed += result->outcome == ENGINE_PASSED;
		a->not_run += result->outcome == ENGINE_NOT_RUN;
		if (result->outcome != ENGINE_DIED)
			continue;
		a->died++;
		add_death(r, &r->files.items[r->first + i], result);
		/* Better a place without names than nothing. */
		if (!r->deaths[r->death_count - 1].headline)
			r->deaths[r->death_count - 1].headline = headline_of(result);
	}
}

/* The second one. */
static void take_again(struct replay *r)
{
	size_t i;

	for (i = 0; i < r->leader_count; i++) {
		const struct shard *shard = &r->shards[i % r->shard_count];
		const struct engine_unit_result *result =
			&engine_driver_results(shard->driver)->units[i / r->shard_count];
		struct death *d = &r->deaths[r->leaders[i]];
		_auto_free_ char *headline = NULL;

		if (result->outcome == ENGINE_NOT_RUN)
			continue;
		d->was_tried = true;
		d->is_again = result->outcome == ENGINE_DIED;
		if (!d->is_again || result->death != d->kind)
			continue;
		headline = headline_of(result);
		if (!*headline)
			continue;
		free(d->headline);
		d->headline = iw_steal(&headline);
	}
}

/* -- the run ------------------------------------------------------------------------ */

static void end(struct replay *r)
{
	iw_timer_free(iw_steal(&r->look));
	cli_interrupt_free(iw_steal(&r->interrupt));
}

static void on_round_done(struct replay *r)
{
	bool is_over;

	if (r->is_again)
		take_again(r);
	else
		take_round(r);
	end_shards(r);
	is_over = r->err.code || r->is_stopped || r->is_again;
	if (is_over || (r->next == r->files.count && r->leader_count == 0)) {
		end(r);
	} else if (r->next < r->files.count) {
		begin_round(r);
	} else {
		r->is_again = true;
		r->symbolizer = san_toolchain_symbolizer();
		r->size = r->leader_count;
		start_shards(r);
	}
}

static void on_shard_done(
	struct engine_driver *driver, const struct iw_err *err, void *ctx)
{
	struct shard *shard = ctx;
	struct replay *r = shard->r;

	shard->has_ended = true;
	/* What the second pass does not find out is nothing that was lost. */
	if (err && !r->err.code && !r->is_again)
		iw_err_copy(&r->err, err);
	r->answer->cpu_us += engine_driver_cpu_us(driver);
	r->answer->is_fallback |= engine_driver_results(driver)->is_fallback;
	if (--r->pending == 0)
		on_round_done(r);
}

static void on_look(void *ctx)
{
	struct replay *r = ctx;
	size_t done = r->is_again ? r->files.count : r->first, i;

	for (i = 0; !r->is_again && i < r->shard_count; i++)
		done += r->shards[i].has_ended
			? r->shards[i].count
			: engine_driver_progress(r->shards[i].driver);
	r->spec->progress(done, r->files.count, r->answer->died);
}

static void on_interrupt(void *ctx)
{
	struct replay *r = ctx;
	size_t i;

	r->is_stopped = true;
	for (i = 0; i < r->shard_count; i++)
		if (!r->shards[i].has_ended)
			engine_driver_stop(r->shards[i].driver);
}

static void watch(struct replay *r)
{
	r->interrupt = cli_interrupt_new(&r->local.loop, on_interrupt, r);
	if (!r->spec->progress)
		return;
	r->look = iw_timer_new(&r->local.loop, on_look, r);
	iw_timer_start(r->look, PROGRESS_MS, PROGRESS_MS);
}

static int compare_deaths(const void *left, const void *right)
{
	const struct death *const *a = left, *const *b = right;

	return strcmp((*a)->file->path, (*b)->file->path);
}

static void answer_deaths(struct replay *r)
{
	const struct death **list = iw_calloc(r->death_count + 1, sizeof *list);
	size_t i;

	for (i = 0; i < r->death_count; i++)
		list[i] = &r->deaths[i];
	qsort(list, r->death_count, sizeof *list, compare_deaths);
	for (i = 0; i < r->death_count; i++) {
		const struct death *leader = &r->deaths[list[i]->leader];
		json_t *headline = json_string(leader->headline);
		json_t *path = json_string(list[i]->file->path);

		/* Names of files are bytes; those that are no text are escaped. */
		if (!path) {
			struct iw_buf text = {0};

			iw_text_plain(&text, list[i]->file->path);
			path = json_string(text.data);
			iw_buf_fini(&text);
		}
		json_array_append_new(r->answer->deaths,
			json_pack("{so ss so so}", "path", path, "kind",
				engine_death_name(list[i]->kind), "headline",
				headline ? headline : json_string(""), "again",
				leader->was_tried ? json_boolean(leader->is_again)
						  : json_null()));
	}
	free(list);
}

static void fini(struct replay *r)
{
	size_t i;

	for (i = 0; i < r->death_count; i++) {
		free(r->deaths[i].key);
		free(r->deaths[i].headline);
	}
	free(r->deaths);
	cli_files_fini(&r->files);
	free(r->symbolizer);
}

static int run(struct replay *r, struct iw_err *err)
{
	watch(r);
	begin_round(r);
	iw_loop_run(&r->local.loop);
	answer_deaths(r);
	if (r->is_stopped)
		return iw_err_set(err, IW_ECANCELED, "stopped by a signal");
	return r->err.code ? iw_err_copy(err, &r->err) : 0;
}

int cli_replay(const struct cli_replay_spec *spec, struct cli_replay_answer *answer,
	struct iw_err *err)
{
	struct replay r = {.spec = spec, .answer = answer};
	int rc;

	*answer = (struct cli_replay_answer){.deaths = json_array()};
	rc = san_binary_flavour(spec->binary, &r.flavour, err);
	if (rc == 0)
		rc = cli_files_find(&r.files, spec->paths, spec->path_count, NULL, err);
	if (rc < 0) {
		fini(&r);
		return rc;
	}
	answer->flavour = r.flavour->name;
	answer->units = r.files.count;
	rc = cli_local_open_bare(&r.local, NULL, spec->no_sandbox, err);
	if (rc == 0)
		rc = run(&r, err);
	cli_local_close(&r.local);
	fini(&r);
	return rc;
}
