/*
 * The farm: opens adapters, builds their snapshots, keeps every slot busy with engines,
 * measures and replays what they find, and hands crashes to triage.
 *
 *	OPENING --> FUZZING --> DRAINING --> CLOSED
 *	    \__________\___________/ (a failure drains, too)
 *
 * Engines of a supervisor that is gone run on meanwhile and are adopted when fuzzing
 * begins. Opening: sources fetched, snapshots read, every flavour built, seeds measured.
 * Fuzzing: slices of engines by policy, until the time is up or somebody stops it.
 * Draining: no new engine; what engines left is stored and measured, triage finishes
 * within its time.
 *
 * Thread: the loop.
 */
#ifndef IW_FARM_H
#define IW_FARM_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "adapters/adapter.h"
#include "base/db.h"
#include "base/hash.h"
#include "base/job.h"
#include "base/loop.h"
#include "follow.h"
#include "sanitizers/toolchain.h"
#include "slots.h"
#include "state.h"

/* What a farm works with; borrowed, lives longer. */
struct farm_world {
	struct iw_loop *loop;
	struct iw_state *state;
	struct iw_jobs *jobs;
	struct iw_slots *slots;
	const struct san_toolchain *tools;
	const char *driver;  /* path of ironworks-driver.so */
	const char *inbox;   /* path of ironworks-inbox.so, or NULL */
	int64_t disk_budget; /* of builds and the compiler cache, bytes; 0: no bound */
};

struct farm_view;

struct farm_events {
	void *ctx;
	/* A sentence for the person who watches. */
	void (*say)(void *ctx, const char *text);
	/* A newer snapshot is built, and `follow` names it: leave, and open the next
	 * farm. False: not now, ask again later. NULL where nothing is followed. */
	bool (*moved)(void *ctx);
	/* Draining is over; what the view borrows goes after this call. Or NULL. */
	void (*closing)(void *ctx, const struct farm_view *view);
	/* CLOSED: farm_free() may be called; the loop has nothing of the farm's left. */
	void (*closed)(void *ctx);
	void *closed_ctx;
};

/* One side of a comparison (cli/diff.c): a commit that is fuzzed as if it were a
 * snapshot, and of which nothing may be taken for granted. Borrowed. */
struct farm_side {
	const char *commit, *base; /* ids; what is staged on the base is the change */
	const char *only;	   /* the one target that is fuzzed; NULL: */
	const char *const *far;	   /* all but these, NULL-terminated; or NULL */
	int64_t fuzz_base_s;	   /* before a bug is the change's; 0: not at all */
};

struct farm_config {
	struct adapter **adapters; /* taken */
	size_t adapter_count;
	struct farm_follow *follow; /* one for each, borrowed and written to; or NULL */
	int64_t fuzz_ms;	    /* how long engines run in all; 0: until stopped */
	int64_t drain_ms;	    /* what triage may take after that */
	int64_t judge_within_ms;    /* 0: FARM_JUDGE_WITHIN_MS */
	int64_t cover_ms;   /* and then a look at which lines are reached; 0: none */
	bool keeps_engines; /* a failure ends the farm, but not the engines that run */
	/* Its builds share no cache, and targets may be missing. NULL: a farm of its own. */
	const struct farm_side *side;
};

/* How long a unit may wait until a sanitizer has seen it. Ten minutes are what the README
 * promises: a find is judged before the slice of the engine that found it is over twice. */
#define FARM_JUDGE_WITHIN_MS (10 * 60 * 1000)

enum farm_phase { FARM_OPENING, FARM_FUZZING, FARM_DRAINING, FARM_CLOSED };

struct farm;

/* Sweeps what an earlier process left (blocks), then starts opening. */
int farm_open(struct farm **out, const struct farm_world *world,
	const struct farm_config *config, const struct farm_events *events,
	struct iw_err *err);
/* Ends it: the first call drains in peace, the second stops triage too. */
void farm_stop(struct farm *farm);
/* Ends it now: engines end in peace and what they found is stored; all else goes on with
 * the next farm. */
void farm_stop_now(struct farm *farm);
/* Ends it, but for the engines: they go on, and the next farm on this state adopts them.
 */
void farm_leave(struct farm *farm);
/* Where no farm runs: ends every job that one left behind, *jobs of them, and stores what
 * its engines found. Blocks. */
int farm_end_leftovers(struct iw_state *state, size_t *jobs, struct iw_err *err);
/* Campaigns or held targets are others now, by their rows. */
void farm_wishes_changed(struct farm *farm);
/* People decided something about a bug. */
void farm_bug_changed(struct farm *farm, int64_t bug_id);
/* Or they merged or split some. */
void farm_bugs_regrouped(struct farm *farm);
/* They brought a crash, whose row is there: it is judged like any other. */
struct farm_added {
	int64_t target_id, crash_id;
	const char *flavour, *kind; /* borrowed */
	struct iw_sha256 input;
};
void farm_crash_added(struct farm *farm, const struct farm_added *added);
/* Builds for somebody outside: borrowed until farm_order() returns. */
struct farm_order_spec {
	const char *adapter;
	const char *commit;	     /* NULL: the snapshot that is fuzzed */
	const char *const *flavours; /* NULL: all that the adapter declares */
	size_t flavour_count;
};
/* *answer: as order_json() in adapters/order.h, and "id", "error"; a new reference.
 * IW_EBUSY: not now. Ends with the farm. */
int farm_order(struct farm *farm, const struct farm_order_spec *spec, json_t **answer,
	struct iw_err *err);
/* The same later; NULL: there is no such order. */
json_t *farm_order_look(const struct farm *farm, int64_t id);
/* After closed. */
void farm_free(struct farm *farm);

/* What made the farm useless, or NULL: fatal (it drained because of it) or a target that
 * could not be fuzzed. */
const struct iw_err *farm_error(const struct farm *farm);
/* The writer, for requests from outside. NULL when it has ended or is about to. */
struct iw_db *farm_db(const struct farm *farm);
/* Whether it ever fuzzed. */
bool farm_has_begun(const struct farm *farm);
/* Bugs that nobody knew before this farm. */
int farm_new_bugs(const struct farm *farm);
/* Bugs that were fixed when it began, and show again. */
int farm_back_bugs(const struct farm *farm);

/* What the farm does at this moment; strings are borrowed until the next call. */
#define FARM_ENGINES 4

struct farm_engine_view {
	const char *name;
	int64_t executions, per_second;
	int64_t stability; /* percent; -1 unknown */
	int64_t received;  /* units that another engine found, given to it */
	int64_t kept;	   /* of those: new to it, too */
};

/* A sanitizer's flavour that every unit must be seen under. */
#define FARM_JUDGES 4
#define FARM_WHY_MAX 96

struct farm_judge_view {
	const char *flavour;
	int64_t waiting;	/* units that it has not seen */
	int64_t oldest_ms;	/* how long the first of them has waited; 0: none does */
	int64_t late;		/* of them: longer than they may */
	int64_t missed;		/* units of this run that were late, ever */
	int64_t delay_ms;	/* the longest wait of the last hour */
	char why[FARM_WHY_MAX]; /* units wait; empty: none is late */
};

struct farm_target_view {
	int64_t id; /* row; -1 while it is being loaded */
	const char *adapter, *target;
	const char
		*status; /* "opening", "idle", "libfuzzer+asan+ubsan", "held", "broken" */
	int64_t executions;		  /* of all runs on this state */
	int64_t per_second;		  /* of the engines that run now */
	int64_t features_start, features; /* at the start of this run, and now */
	int64_t units;
	int64_t crashes;  /* of this run */
	int64_t found_ms; /* wall clock of the last new feature; 0: never */
	struct farm_engine_view engines[FARM_ENGINES]; /* of this run */
	size_t engine_count;
	struct farm_judge_view judges[FARM_JUDGES];
	size_t judge_count;
};

#define FARM_MESSAGES 50

/* One job on a slot. */
struct farm_work_view {
	bool is_running; /* false: nothing is there, all else is empty */
	enum iw_purpose purpose;
	int64_t since_ms; /* wall clock of its start */
	char what[192];	  /* "demo/addrman, libfuzzer+asan+ubsan"; empty: unknown */
	char why[FARM_WHY_MAX];
};

struct farm_slot_view {
	int core;
	struct farm_work_view engine; /* niced, for minutes */
	struct farm_work_view front;  /* the one that must end soon */
};

/* A sentence that the farm said. */
struct farm_message {
	int64_t at_ms; /* wall clock */
	char text[512];
};

/* The farm owns all of it, and the next call of farm_look() writes it anew. */
struct farm_view {
	enum farm_phase phase;
	int64_t elapsed_ms, left_ms; /* of fuzzing; left_ms -1: no end */
	int slots, engines;
	const struct farm_slot_view *slot_views; /* `slots` of them */
	int waiting; /* jobs other than engines that wait for a slot */
	int64_t core_ms[IW_PURPOSE_COUNT]; /* CPU time of jobs that ended in this farm */
	const struct farm_message *messages; /* oldest first */
	size_t message_count;
	int judging, pursuing; /* crashes and bugs that triage works on */
	int backlog; /* crashes that look like known bugs, judged when there is time */
	int new_bugs;
	int builds_made, builds_cached;
	int64_t judge_within_ms;
	const struct farm_target_view *targets;
	size_t target_count;
};
const struct farm_view *farm_look(struct farm *farm);

#endif
