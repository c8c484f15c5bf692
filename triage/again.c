#include "triage/again.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"

#include "base/banned.h"

#define REST_MIN_MS 2000
#define REST_MAX_MS 300000
#define TRIES_WAITED_FOR 3

struct triage_again_bug {
	struct triage_again_bug *next;
	struct triage_bug *bug;
	int64_t due_ms;
	bool wants_room;
};

/* Nobody waits for the row of a bug that waits. */
struct note {
	struct iw_db_req req;
	struct triage_bug *bug;
	char *why;
};

static int64_t due_after(unsigned tries)
{
	int64_t rest = REST_MIN_MS;

	while (--tries > 0 && rest < REST_MAX_MS)
		rest *= 2;
	return iw_time_mono_ms() + (rest < REST_MAX_MS ? rest : REST_MAX_MS);
}

void triage_again_case(struct triage_again *again, const struct triage_case *c)
{
	struct triage_case *copy = iw_memdup(c, sizeof *c);

	copy->not_before_ms = due_after(++copy->tries);
	copy->next = again->cases;
	again->cases = copy;
}

static void add_bug(struct triage_again *again, const struct triage_again_bug *what)
{
	struct triage_again_bug *b = iw_memdup(what, sizeof *what);

	b->next = again->bugs;
	again->bugs = b;
}

void triage_again_bug(struct triage_again *again, struct triage_bug *bug)
{
	add_bug(again,
		&(struct triage_again_bug){
			.bug = bug, .due_ms = due_after(++bug->tries)});
}

static int set_waits(struct iw_dbc *dbc, void *ctx, struct iw_err *err)
{
	const struct note *note = ctx;

	return bug_db_set_waits(dbc, note->bug->id, note->why, err);
}

static void on_waits_set(struct iw_db_req *req)
{
	struct note *note = req->ctx;

	if (req->err.code)
		iw_warn("nobody is told why a bug waits", I("bug", note->bug->id),
			S("error", req->err.msg));
	triage_request_end(note->bug->triage);
	free(note->why);
	free(note);
}

void triage_again_room(
	struct triage_again *again, struct triage_bug *bug, const char *why)
{
	struct note *note = iw_calloc(1, sizeof *note);

	add_bug(again, &(struct triage_again_bug){.bug = bug, .wants_room = true});
	note->bug = bug;
	note->why = iw_strdup(why);
	note->req =
		(struct iw_db_req){.run = set_waits, .ctx = note, .done = on_waits_set};
	triage_request_begin(bug->triage);
	iw_db_submit(triage_world_of(bug->triage)->db, &note->req);
}

void triage_again_has_room(struct triage_again *again)
{
	struct triage_again_bug *b;

	for (b = again->bugs; b; b = b->next)
		b->wants_room = false;
}

struct triage_case *triage_again_due_case(struct triage_again *again)
{
	struct triage_case **at = &again->cases, *c;
	int64_t now = iw_time_mono_ms();

	while ((c = *at) != NULL && c->not_before_ms > now)
		at = &c->next;
	if (c)
		*at = c->next;
	return c;
}

struct triage_bug *triage_again_due_bug(struct triage_again *again)
{
	struct triage_again_bug **at = &again->bugs, *b;
	int64_t now = iw_time_mono_ms();
	struct triage_bug *bug;

	while ((b = *at) != NULL && (b->wants_room || b->due_ms > now))
		at = &b->next;
	if (!b)
		return NULL;
	*at = b->next;
	bug = b->bug;
	free(b);
	return bug;
}

int triage_again_cases(const struct triage_again *again)
{
	const struct triage_case *c;
	int n = 0;

	for (c = again->cases; c; c = c->next)
		n += c->tries <= TRIES_WAITED_FOR;
	return n;
}

int triage_again_bugs(const struct triage_again *again)
{
	const struct triage_again_bug *b;
	int n = 0;

	for (b = again->bugs; b; b = b->next)
		n += !b->wants_room && b->bug->tries <= TRIES_WAITED_FOR;
	return n;
}

void triage_again_fini(struct triage_again *again)
{
	struct triage_again_bug *b;
	struct triage_case *c;

	while ((c = again->cases) != NULL) {
		again->cases = c->next;
		free(c);
	}
	while ((b = again->bugs) != NULL) {
		again->bugs = b->next;
		free(b);
	}
}
