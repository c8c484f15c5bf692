/*
 * From crash to bug: takes what engines and replays found, makes it durable, judges it
 * (does it reproduce, and what is it?), and pursues each new bug until it is small,
 * attributed and written down as an issue.
 *
 *	submit --> row and artifact --> judge --> known bug: one more sighting
 *	                                   |  \-> unreproducible
 *	                                   +----> new bug --> pursue: minimize, attribute
 *	                                                           \--> issue
 *
 * Work that a kill interrupted is taken up again when its target is announced.
 * Thread: the loop.
 */
#ifndef TRIAGE_TRIAGE_H
#define TRIAGE_TRIAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/build.h"
#include "triage/world.h"

struct triage;

/* What triage tells: all optional, all from the loop. */
struct triage_events {
	void *ctx;
	/* A crash got its verdict; bug_id -1: it does not reproduce. */
	void (*judged)(void *ctx, const struct triage_target *target, int64_t bug_id);
	/* A bug that nobody knew, named but not yet minimized. */
	void (*found)(void *ctx, const struct triage_target *target, int64_t bug_id);
	/* Everything is known about a bug and its issue is written. */
	void (*settled)(void *ctx, int64_t bug_id);
	/* A bug shows no more on a newer snapshot; or it was fixed and shows again. */
	void (*fixed)(void *ctx, int64_t bug_id);
	void (*back)(void *ctx, int64_t bug_id);
};

/* Loads the signatures of known bugs through dbc (blocks). At most `width` crashes are
 * judged and as many bugs pursued at a time. */
int triage_new(struct triage **out, const struct triage_world *world,
	const struct triage_events *events, int width, struct iw_dbc *dbc,
	struct iw_err *err);

/* A target can be run from now on: takes up what was left unfinished of it. target must
 * live as long as triage. */
void triage_announce(struct triage *t, const struct triage_target *target);

struct triage_crash {
	const struct triage_target *target;
	int64_t build_id;    /* row of the build that crashed */
	const char *flavour; /* of that build */
	const char *kind;    /* the engine's word */
	const void *input;   /* copied */
	size_t len;
	const char *report; /* what was printed, may be empty; copied */
	size_t report_len;
	/* Folder of the build: the report is given names before it decides about the
	 * order. NULL: it has some, or does without. Copied. */
	const char *build_dir;
};

/* Fires when the crash is on disk and committed, or with err when it could not be: then
 * the caller must keep the file it came from. Exactly once, later. ctx may be NULL. */
typedef void (*triage_stored_cb)(void *ctx, const struct iw_err *err);
void triage_submit(struct triage *t, const struct triage_crash *crash,
	triage_stored_cb stored, void *ctx);

/*
 * For callers that store a crash inside a transaction of their own: artifact and row, on
 * the database thread. 1: this input on this build was known. Then, on the loop, a new
 * one is queued for its verdict; the report only decides about the order.
 */
int triage_store(struct iw_dbc *dbc, const char *artifacts_dir,
	const struct triage_crash *crash, int64_t *crash_id, struct iw_sha256 *input,
	struct iw_err *err);
void triage_queue(struct triage *t, const struct triage_crash *crash, int64_t crash_id,
	const struct iw_sha256 *input);

/* Somebody else wrote into the row of a bug: its issue is looked at again. */
void triage_bug_changed(struct triage *t, int64_t bug_id);
/*
 * Somebody else changed rows of bugs: merged, took apart or split some (merge_db.h).
 * Triage reads them again: the next sightings go where they belong, a bug that is new is
 * pursued, issues are brought up to date. Cheap, and harmless when nothing changed.
 */
void triage_reload(struct triage *t);

/* The disk budget has room again: bugs whose builds had none go on. */
void triage_room(struct triage *t);

/* Crashes waiting or being judged, those that look like known bugs left out; those; and
 * bugs waiting or being pursued. */
int triage_judging(const struct triage *t);
int triage_backlog(const struct triage *t);
int triage_pursuing(const struct triage *t);

/* Ends what is under way (it is taken up again next time); stopped fires when nothing is
 * left, and then triage_free() may be called. */
void triage_stop(struct triage *t, void (*stopped)(void *ctx), void *ctx);
void triage_free(struct triage *t);

#endif
