/*
 * What the files of a slice share; its life is drawn in slice.c. Not for others.
 *
 *	slice_start.c  corpus, inbox, job, command
 *	slice.c        running, scanning, ending
 *	slice_crash.c  what crashed, to triage
 *	slice_shield.c what it has cost
 */
#ifndef IW_SLICE_ROOM_H
#define IW_SLICE_ROOM_H

#include "corpus/handout.h"
#include "corpus/ingest.h"
#include "exchange.h"
#include "farm_room.h"
#include "slice_shield.h"
#include "triage/burn_db.h"

/* What could not be stored or started is tried again after so long. */
#define SLICE_RETRY_MS 3000

struct artifact {
	const char
		*dir; /* the engine's, or ENGINE_SHIELD_DIR: the engine went on past it */
	char *name;
	struct slice_death death; /* when it is stored */
};

struct slice {
	struct slice *next, *next_of_target;
	struct farm *farm;
	struct farm_target *target;
	struct farm_lane *lane;
	const struct engine_ops *engine;
	struct iw_job *job;
	char *corpus_dir, *handout_inbox, *kept_path;
	int64_t seconds;
	struct iw_ids campaigns;   /* it works for them */
	int64_t cpu_ms, cpu_at_ms; /* when it was asked for last, wall clock */
	bool is_resumed, wants_samples;
	char why[FARM_WHY_MAX]; /* policy chose it */

	struct iw_work work;
	struct corpus_handout handout;
	struct iw_err err;

	struct burn_known known; /* crashes that it goes on past */
	int64_t timeout_s;	 /* of one unit */
	int64_t began_ms;	 /* monotonic */

	struct corpus_scan *scan;
	struct corpus_ingest ingest;
	bool is_scanning, is_running, is_stopping;
	struct engine_progress progress;
	struct farm_inbox inbox;
	int64_t received, kept; /* at its start; out of its inbox, by its files */

	struct iw_exit exit;
	bool has_ended, is_final, has_failed;
	struct artifact *artifacts;
	size_t artifact_count, artifact_cap, artifact_at;
	const char *artifact_dir; /* that is being listed */
	bool is_storing, is_closing;
	struct iw_db_req db_req;
	struct iw_timer *retry;
};

/* slice.c */
void slice_on_ended(struct iw_job *job, const struct iw_exit *exit, void *ctx);
void slice_on_inbox_idle(void *ctx);
/* Storing failed: later again, or never in this process. */
void slice_retry(struct slice *s, iw_timer_cb again);
/* Everything is stored: the totals, then the end. */
void slice_add_totals(struct slice *s);
void slice_end(struct slice *s, bool keep_folder);
/* True: the farm is leaving, nothing of the slice was on its way, and its engine goes on
 * for the next supervisor. The slice is gone. Asked whenever something has arrived. */
bool slice_left(struct slice *s);

/* slice_crash.c */
/* Lists what is new in the engine's folders of artifacts. A folder that the target took
 * away is empty; an error is the disk's. */
int slice_list_artifacts(struct slice *s, struct iw_err *err);
/* When it has ended: an input of each place that it went on past. */
void slice_list_samples(struct slice *s);
/* What those that are stored have cost; samples cost nothing beside what the shield says.
 * In the transaction of its totals. */
int slice_store_bill(struct slice *s, struct iw_dbc *dbc, struct iw_err *err);
/* A build that dies at once again and again, of crashes that cannot be gone past, leaves
 * its time to those that get somewhere. now: monotonic. */
void slice_give_way(struct slice *s, int64_t now);
/* Hands the next one to triage, unless one is on its way; goes on by itself. When the
 * slice is closing and none is left: slice_add_totals(). */
void slice_next_artifact(struct slice *s);

#endif
