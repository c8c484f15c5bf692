/*
 * The happy path of a naming: what its text asks for and the build's memory does not know
 * is written to the build's child in one go; with the last answer the text is written
 * anew. Namings of one build take turns; most find everything known.
 *
 *	            turn                    child there
 *	QUEUED ------------> WANTING ----------------------> ASKING --last answer--> NAMED
 *	                      ^  | nothing wanted              |
 *	      a second later  |  +-----------------> NAMED     | child gone, or no answer
 *	                      +--------------------------------+ for long, up to three times
 *
 * The failures: behind the third the text is written with what is known, and the build
 * rests, or a hostile one would cost three patiences for each of its reports.
 */
#include "sanitizers/symbolizer.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"
#include "sanitizers/symbol_cache.h"
#include "sanitizers/symbol_child.h"
#include "sanitizers/symbolize.h"

#include "base/banned.h"

#define PATIENCE_MS 60000
#define IDLE_MS 60000
#define REST_MS 300000
#define RESTART_MS 1000
#define FAILURES_MAX 3
/* What one text may ask for; a report has some dozen frames. */
#define PLACES_MAX 2048
/* Of one build, and of all. */
#define CACHE_MAX ((size_t)16 << 20)
#define CACHES_MAX ((size_t)64 << 20)
#define BUILDS_MAX 64

struct build {
	struct build *next; /* the most recently asked about comes first */
	struct san_symbolizer *symbolizer;
	char *dir;
	struct san_symbol_cache cache;
	struct san_child *child;
	bool is_ending; /* the child was told to */
	bool is_asked;	/* the child has the first naming's questions */
	struct san_naming *first, **end;
	struct iw_timer *timer; /* patience with the child, its idle time, or a restart */
	bool waits;		/* for the restart */
	int64_t rests_until_ms;
	char why[200];
};

struct san_symbolizer {
	struct san_symbolizer_config config;
	char *program;
	struct build *builds;
	int children;
	bool is_stopping;
	void (*stopped)(void *ctx);
	void *stopped_ctx;
	struct iw_timer *later;
};

struct san_naming {
	struct san_naming *next;
	struct build *build;
	char *text, *binary, *why;
	size_t len;
	struct san_place *wanted; /* in text or binary */
	size_t wanted_count, wanted_cap, wanted_at;
	bool has_begun, is_stopped;
	int failures;
	struct iw_timer *later;
	struct iw_buf named;
	san_naming_cb done;
	void *ctx;
};

static void advance(struct build *b);
static void start_children(struct san_symbolizer *s);

struct san_symbolizer *san_symbolizer_new(const struct san_symbolizer_config *config)
{
	struct san_symbolizer *s = iw_calloc(1, sizeof *s);

	s->config = *config;
	s->config.program = s->program = iw_strdup(config->program);
	if (!s->config.patience_ms)
		s->config.patience_ms = PATIENCE_MS;
	if (!s->config.idle_ms)
		s->config.idle_ms = IDLE_MS;
	if (!s->config.restart_ms)
		s->config.restart_ms = RESTART_MS;
	if (!s->config.rest_ms)
		s->config.rest_ms = REST_MS;
	return s;
}

static void on_timer(void *ctx);

/* The build's entry, now the first one. */
static struct build *find_build(struct san_symbolizer *s, const char *dir)
{
	struct build **at = &s->builds, *b;

	while (*at && strcmp((*at)->dir, dir) != 0)
		at = &(*at)->next;
	b = *at;
	if (b) {
		*at = b->next;
	} else {
		b = iw_calloc(1, sizeof *b);
		b->symbolizer = s;
		b->dir = iw_strdup(dir);
		b->end = &b->first;
		b->timer = iw_timer_new(iw_jobs_loop(s->config.jobs), on_timer, b);
	}
	b->next = s->builds;
	s->builds = b;
	return b;
}

static void free_build(struct build *b)
{
	assert(!b->child && !b->first);
	iw_timer_free(b->timer);
	san_symbol_cache_fini(&b->cache);
	free(b->dir);
	free(b);
}

/* Forgets the builds that were not asked about for longest, while all take too much. */
static void trim(struct san_symbolizer *s)
{
	struct build **at = &s->builds, *b;
	size_t count = 0, bytes = 0;

	while ((b = *at) != NULL) {
		count++;
		bytes += b->cache.bytes;
		if ((count > BUILDS_MAX || bytes > CACHES_MAX) && !b->child &&
			!b->first) {
			bytes -= b->cache.bytes;
			count--;
			*at = b->next;
			free_build(b);
		} else {
			at = &b->next;
		}
	}
}

static bool starts_with(const struct san_place *place, const char *dir)
{
	size_t n = strlen(dir);

	return place->module_len > n + 1 && memcmp(place->module, dir, n) == 0 &&
		place->module[n] == '/';
}

/* A report may name any file. What the child could not see anyway is not asked for. */
static bool may_ask(const struct build *b, const struct san_place *place)
{
	static const char *const dirs[] = {"/usr", "/lib", "/lib64"};
	bool is_ours = starts_with(place, b->dir);
	size_t i;

	for (i = 0; i < IW_COUNT(dirs); i++)
		is_ours |= starts_with(place, dirs[i]);
	return is_ours && san_place_can_ask(place) &&
		!memmem(place->module, place->module_len, "/../", 4);
}

struct wanting {
	struct san_naming *naming;
	struct san_symbol_cache asked;
};

static void want(void *ctx, const struct san_place *place)
{
	struct wanting *w = ctx;
	struct san_naming *n = w->naming;

	if (n->wanted_count == PLACES_MAX || !may_ask(n->build, place) ||
		san_symbol_cache_find(&n->build->cache, place) ||
		!san_symbol_cache_add(&w->asked, place, NULL))
		return;
	iw_grow(n->wanted, n->wanted_count, n->wanted_cap);
	n->wanted[n->wanted_count++] = *place;
}

static struct san_symbolize_spec text_of(const struct san_naming *n)
{
	return (struct san_symbolize_spec){
		.text = n->text,
		.len = n->len,
		.binary = n->binary,
		.major = n->build->symbolizer->config.major,
	};
}

static const struct san_symbol *find_symbol(void *ctx, const struct san_place *place)
{
	return san_symbol_cache_find(ctx, place);
}

static void begin(struct san_naming *n)
{
	struct san_symbolize_spec spec = text_of(n);
	struct wanting w = {.naming = n};

	n->has_begun = true;
	if (n->build->cache.bytes > CACHE_MAX)
		san_symbol_cache_fini(&n->build->cache);
	san_symbolize_ask(&spec, want, &w);
	san_symbol_cache_fini(&w.asked);
}

static void on_named(void *ctx)
{
	struct san_naming *n = ctx;
	struct build *b = n->build;
	struct san_symbolize_spec spec = text_of(n);

	iw_timer_free(iw_steal(&n->later));
	san_symbolize(&spec, find_symbol, &b->cache, &n->named);
	b->first = n->next;
	if (!b->first)
		b->end = &b->first;
	b->is_asked = false;
	n->done(n, n->ctx);
	advance(b);
}

static void finish_later(struct san_naming *n)
{
	if (n->later)
		return;
	iw_timer_stop(n->build->timer);
	n->later = iw_timer_new(
		iw_jobs_loop(n->build->symbolizer->config.jobs), on_named, n);
	iw_timer_start(n->later, 0, 0);
}

static void finish_without(struct san_naming *n)
{
	if (!n->why)
		n->why = iw_strdup(n->build->why);
	finish_later(n);
}

static void end_child(struct build *b, const char *why)
{
	b->is_ending = true;
	san_child_stop(b->child, why);
}

static void ask(struct build *b, struct san_naming *n)
{
	struct iw_buf lines = {0};
	size_t i;

	for (i = n->wanted_at; i < n->wanted_count; i++)
		san_place_ask(&n->wanted[i], &lines);
	b->is_asked = true;
	iw_timer_start(b->timer, (uint64_t)b->symbolizer->config.patience_ms, 0);
	san_child_ask(b->child, &lines);
	iw_buf_fini(&lines);
}

static bool is_resting(const struct build *b)
{
	return iw_time_mono_ms() < b->rests_until_ms;
}

/* What the build's first naming needs next. */
static void advance(struct build *b)
{
	struct san_symbolizer *s = b->symbolizer;
	struct san_naming *n = b->first;

	if (!n) {
		if (b->child && !b->is_ending)
			iw_timer_start(b->timer, (uint64_t)s->config.idle_ms, 0);
		trim(s); /* perhaps this build */
		start_children(s);
		return;
	}
	if (!n->has_begun)
		begin(n);
	if (n->is_stopped || n->wanted_at == n->wanted_count)
		finish_later(n);
	else if (n->later || b->is_asked || b->is_ending || b->waits)
		return;
	else if (is_resting(b))
		finish_without(n);
	else if (b->child)
		ask(b, n);
	else
		start_children(s);
}

/* The naming's child is of no use any more, or could not be had. */
static void fail(struct build *b, const char *why)
{
	struct san_naming *n = b->first;

	b->is_asked = false;
	if (!n || n->later || n->wanted_at == n->wanted_count)
		return;
	snprintf(b->why, sizeof b->why, "llvm-symbolizer does not work on its build: %s",
		why);
	iw_warn("a symbolizer failed", S("build", b->dir), S("how", why));
	if (++n->failures < FAILURES_MAX) {
		b->waits = true;
		iw_timer_start(b->timer, (uint64_t)b->symbolizer->config.restart_ms, 0);
		return;
	}
	b->rests_until_ms = iw_time_mono_ms() + b->symbolizer->config.rest_ms;
	finish_without(n);
}

static void on_line(void *ctx, const char *line, size_t len)
{
	struct build *b = ctx;
	struct san_naming *n = b->first;
	struct iw_err err = IW_ERR_INIT;
	struct san_symbol *symbol;

	/* The rest of what a naming asked that has been stopped. */
	if (!n || !b->is_asked || n->wanted_at == n->wanted_count) {
		end_child(b, "it says more than it is asked");
		return;
	}
	symbol = san_symbol_read(&n->wanted[n->wanted_at], line, len, &err);
	if (!symbol || b->cache.bytes > 2 * CACHE_MAX) {
		end_child(b, symbol ? "its answers are too large" : err.msg);
		free(symbol);
		return;
	}
	san_symbol_cache_add(&b->cache, &n->wanted[n->wanted_at++], symbol);
	iw_timer_start(b->timer, (uint64_t)b->symbolizer->config.patience_ms, 0);
	if (n->wanted_at == n->wanted_count)
		finish_later(n);
}

static void check_stopped(struct san_symbolizer *s)
{
	if (s->is_stopping && s->children == 0)
		iw_timer_start(s->later, 0, 0);
}

static void on_gone(void *ctx, const char *why)
{
	struct build *b = ctx;
	struct san_symbolizer *s = b->symbolizer;
	bool was_asked = b->is_asked;

	b->child = NULL;
	b->is_ending = false;
	s->children--;
	iw_timer_stop(b->timer);
	if (was_asked)
		fail(b, why);
	advance(b);
	start_children(s);
	check_stopped(s);
}

/* Why the timer runs follows from the state. */
static void on_timer(void *ctx)
{
	struct build *b = ctx;

	if (b->waits) {
		b->waits = false;
		advance(b);
	} else if (b->child) {
		end_child(b, b->is_asked ? "it does not answer" : NULL);
	}
}

static void start_child(struct build *b)
{
	struct san_symbolizer *s = b->symbolizer;
	struct san_child_events events = {.ctx = b, .line = on_line, .gone = on_gone};
	struct iw_err err = IW_ERR_INIT;

	if (san_child_start(
		    &b->child, s->config.jobs, s->program, b->dir, &events, &err) < 0) {
		b->child = NULL;
		fail(b, err.msg);
		return;
	}
	s->children++;
	ask(b, b->first);
}

static bool wants_child(const struct build *b)
{
	const struct san_naming *n = b->first;

	return n && !b->child && !b->waits && !n->later && n->has_begun &&
		n->wanted_at < n->wanted_count && !is_resting(b);
}

/* Where there are enough of them, the one that was not asked for longest makes room. */
static void start_children(struct san_symbolizer *s)
{
	struct build *b, *idle = NULL;
	bool wants = false, makes_room = false;

	for (b = s->builds; b; b = b->next) {
		makes_room |= b->is_ending;
		if (b->child && !b->first && !b->is_ending)
			idle = b;
	}
	for (b = s->builds; b; b = b->next) {
		if (!wants_child(b))
			continue;
		if (s->children < SAN_CHILDREN)
			start_child(b);
		else
			wants = true;
	}
	if (wants && idle && !makes_room)
		end_child(idle, NULL);
}

static struct build *idle_build(const struct san_symbolizer *s, const char *dir)
{
	struct build *b = s->builds;

	while (b && strcmp(b->dir, dir) != 0)
		b = b->next;
	return b && b->child && !b->first ? b : NULL;
}

bool san_symbolizer_is_idle(const struct san_symbolizer *s, const char *dir)
{
	return idle_build(s, dir) != NULL;
}

void san_symbolizer_rest(struct san_symbolizer *s, const char *dir)
{
	struct build *b = idle_build(s, dir);

	if (b && !b->is_ending)
		end_child(b, NULL);
}

struct san_naming *san_naming_start(struct san_symbolizer *s,
	const struct san_naming_spec *spec, san_naming_cb done, void *ctx)
{
	struct san_naming *n = iw_calloc(1, sizeof *n);
	struct build *b = find_build(s, spec->dir);

	assert(!s->is_stopping);
	n->build = b;
	n->text = iw_memdup(spec->text, spec->len);
	n->len = spec->len;
	n->binary = spec->binary ? iw_strdup(spec->binary) : NULL;
	n->done = done;
	n->ctx = ctx;
	*b->end = n;
	b->end = &n->next;
	if (b->first == n)
		advance(b);
	return n;
}

void san_naming_stop(struct san_naming *n)
{
	struct build *b = n->build;

	n->is_stopped = true;
	if (b->first != n || n->later)
		return;
	/* What it is still being told would be taken for the next one's. */
	if (b->is_asked && b->child)
		end_child(b, NULL);
	b->is_asked = b->waits = false;
	finish_later(n);
}

char *san_naming_take(struct san_naming *n, size_t *len)
{
	*len = n->named.len;
	return iw_buf_steal(&n->named);
}

const char *san_naming_why(const struct san_naming *n)
{
	return n->why;
}

void san_naming_free(struct san_naming *n)
{
	if (!n)
		return;
	assert(!n->later);
	iw_buf_fini(&n->named);
	free(n->wanted);
	free(n->text);
	free(n->binary);
	free(n->why);
	free(n);
}

static void on_stopped(void *ctx)
{
	struct san_symbolizer *s = ctx;

	iw_timer_free(iw_steal(&s->later));
	s->stopped(s->stopped_ctx);
}

void san_symbolizer_stop(struct san_symbolizer *s, void (*stopped)(void *ctx), void *ctx)
{
	struct build *b;

	assert(!s->is_stopping);
	s->is_stopping = true;
	s->stopped = stopped;
	s->stopped_ctx = ctx;
	s->later = iw_timer_new(iw_jobs_loop(s->config.jobs), on_stopped, s);
	for (b = s->builds; b; b = b->next) {
		assert(!b->first);
		iw_timer_stop(b->timer);
		if (b->child)
			end_child(b, NULL);
	}
	check_stopped(s);
}

void san_symbolizer_hurry(struct san_symbolizer *s)
{
	struct san_naming *n;
	struct build *b;

	for (b = s->builds; b; b = b->next)
		for (n = b->first; n; n = n->next)
			san_naming_stop(n);
}

void san_symbolizer_free(struct san_symbolizer *s)
{
	struct build *b;

	if (!s)
		return;
	assert(s->children == 0);
	while ((b = s->builds) != NULL) {
		s->builds = b->next;
		free_build(b);
	}
	free(s->program);
	free(s);
}
