/*
 * What the files of the farm share: a project's targets and their state. Not for others.
 *
 *	farm.c      phases, the view
 *	policy.c    which target gets the next engine
 *	campaigns.c budgets for some targets, and targets that are held
 *	history.c   points of a target's history
 *	disk.c      builds leave when they take too much of the disk
 *	orders.c    builds for somebody outside
 *	watching.c  the parts of the view that say what runs and why
 *	opening.c   from adapter to targets that can be fuzzed
 *	finding.c   which targets a project has
 *	nearing.c   which targets are near what is staged
 *	following.c newer snapshots, built while the old ones are fuzzed
 *	slice.c     one engine running for a while (slice_room.h, slice_shield.h)
 *	share.c     which engine a target's next slice gets
 *	exchange.c  what one engine found, given to the others
 *	keeping.c   an engine's queue from slice to slice
 *	measuring.c new units through the reference build and the sanitizers
 *	judging.c   how long units wait for each sanitizer, and the deadline
 *	covering.c  when the lines that the corpora reach are looked at
 *	sweep.c     what a dead process left behind
 *	adopting.c  engines that outlived it
 *	about.c     what is written beside an engine's job
 */
#ifndef IW_FARM_ROOM_H
#define IW_FARM_ROOM_H

#include "adapters/budget.h"
#include "adapters/history_db.h"
#include "adapters/project.h"
#include "corpus/features.h"
#include "corpus/judging_db.h"
#include "corpus/measure.h"
#include "corpus/pack.h"
#include "corpus/scan.h"
#include "engine/engine.h"
#include "farm.h"
#include "ids.h"
#include "triage/triage.h"

#define FARM_FLAVOURS 8
#define FARM_DELAYS 60

/* Of one slice. An engine ends at its first finding or goes on and keeps some; more is
 * the target's own doing, and among more entries nobody looks for any. */
#define FARM_ARTIFACTS_MAX 256
#define FARM_ENTRIES_MAX 4096

enum farm_target_state {
	FARM_TARGET_LOADING, /* rows, measures of earlier runs */
	FARM_TARGET_CHECKING,
	FARM_TARGET_SEEDING,
	FARM_TARGET_READY,
	FARM_TARGET_BROKEN, /* crashes at start: reported, not fuzzed */
};

/* A flavour under which every unit of a target must be seen, in time. */
struct farm_judge {
	struct farm_target *target;
	const char *flavour;
	struct farm_lane *lane; /* NULL: there is nothing to run units on, */
	const char *missing;	/* and this is why */
	int64_t since_ms;	/* no unit waits longer than its build is there */
	/* When somebody looked last. */
	struct corpus_waiting waiting;
	int64_t late_judged; /* in this farm: they were judged, but too late */
	int64_t missed;	     /* those, and those that wait too long already */
	bool is_missed;	     /* somebody was told */
	struct farm_delay {
		int64_t minute, ms;
	} delays[FARM_DELAYS]; /* the largest of each of the last minutes */
};

/* One flavour of a target: what waits to be run on its build. */
struct farm_lane {
	struct farm_target *target;
	struct farm_judge *judge; /* NULL: nobody is judged on it */
	const struct iw_build *build;
	const struct iw_build *companion; /* a build that helps the engine, or NULL */
	struct farm_share *share;	  /* of its engine; NULL: nobody fuzzes on it */
	bool has_work;
	struct corpus_measure *measure; /* under way */
	struct target_driver *driver;	/* of that measure */
	int64_t not_before_ms;
	int64_t retry_ms; /* the last round failed: not before this */
	/* Of its rounds, to know when the next one must begin and how long it may be. */
	int64_t began_ms, round_ms; /* monotonic begin of this one; what the last took */
	int64_t unit_us;	    /* what a unit takes, all in all; 0: unknown */
	bool is_cut;		    /* this round takes too long: it ends early */
	int64_t fuzz_core_ms;	    /* engines on this build, this run */
	/* An engine that is not the reference's may fail alone. */
	int failures;
	bool is_out;
	int64_t fuzz_from_ms;
	int deaths; /* slices in a row that ended with a crash at once */
};

/* A unit for an engine that did not find it. */
struct farm_gift {
	struct corpus_unit unit;
	const char *finder; /* engine's name; of a unit of unknown origin "farm" */
};

/* What one engine does on a target, in this run. */
struct farm_share {
	const struct engine_ops *engine;
	int running;
	int64_t core_ms, executions;
	int64_t features; /* new ones that its units brought */
	int64_t received, kept;
	int64_t stability;
	/* Found by others while it did not run. */
	struct farm_gift *waiting;
	size_t waiting_count, waiting_cap;
	bool is_current; /* what does not wait was given to it */
};

/* A unit on its way from an engine to the reference build. */
struct farm_find {
	int64_t unit_id;
	struct farm_share *finder;
};

/* How the last look at its lines ended. */
struct farm_cover_note {
	int64_t ended_ms; /* monotonic; 0: there was none */
	int64_t units, core_ms;
	bool is_done, is_hopeless;
	bool has_ended; /* it was at the end of the run */
};

/* A target whose corpus reaches functions that a staged pull request changes. */
struct farm_near {
	char *target;
	int64_t pr;  /* the newest of those */
	bool is_new; /* it came since the lines were looked at */
};

struct farm_project {
	struct farm *farm;
	struct project *project;
	struct adapter *adapter; /* until the project took it */
	struct iw_build_req requests[FARM_FLAVOURS];
	/* [0]: the reference; NULL: it does not build. */
	const struct iw_build *builds[FARM_FLAVOURS];
	size_t flavour_count;
	size_t builds_pending;
	struct farm_target **targets;
	size_t target_count, target_cap;
	struct farm_follow *follow;	  /* NULL: nobody keeps a list */
	struct farm_following *following; /* NULL: its branch is not followed */
	struct iw_db_req offline_req, worked_req;
	struct iw_git_req fit_req;
	char *misfit; /* what it found */
	struct farm_cover_note cover;
	struct farm_near *near;
	size_t near_count, near_cap;
};

struct farm_target {
	struct farm *farm;
	struct farm_project *owner;
	struct triage_target triage;
	struct adapter_target spec; /* copy; strings of the adapter or of the arena */
	char *dictionary, *seeds;   /* in the reference build; NULL: none */
	enum farm_target_state state;
	struct farm_lane lanes[FARM_FLAVOURS];
	size_t lane_count;
	struct farm_judge judges[FARM_JUDGES];
	size_t judge_count;
	struct farm_share shares[FARM_ENGINES];
	size_t share_count;
	struct farm_find *finds;
	size_t find_count, find_cap;
	struct corpus_features *features;
	int64_t features_start, units;
	bool is_measured; /* all units on the reference build, when it was loaded */
	int64_t executions_before; /* of earlier slices and runs */
	const struct farm_near
		*near; /* of the project; NULL: it is near nothing staged */
	bool is_new;   /* it was never fuzzed before this run */
	int64_t found_ms;
	int64_t crashes;
	int64_t core_ms; /* engines, this run */
	int64_t not_before_ms, backoff_ms;
	int failures;		  /* slices in a row that could not work */
	int engines;		  /* running or being prepared */
	struct slice *slices_now; /* these, linked by next_of_target */
	uint32_t slices;
	char why[FARM_WHY_MAX]; /* policy would choose it next */
	/* The last point of its history in this run; at_ms: monotonic, 0: none yet. */
	struct history_point history;
	int checks;	    /* start checks under way */
	int64_t sampled_ms; /* monotonic: when known crashes were looked at again */
};

/* One that is active. */
struct farm_campaign {
	int64_t id;
	char *name;
	struct iw_ids targets;
	int64_t budget_ms, core_ms; /* core_ms: of engines that have ended */
	/* of its engines that have not, at the last tick */
	int64_t running_ms; /* at most */
	int engines;
	bool is_paused;	    /* that would be all of its budget: they end */
	int64_t used_up_ms; /* monotonic; 0: there is budget left */
	bool is_ending;	    /* its end is being written down */
};

struct slice;
struct cover_round;

struct farm {
	struct farm_world world;
	struct farm_events events;
	struct farm_config config;
	enum farm_phase phase;
	struct iw_db *db;
	struct corpus_packs *packs;
	struct san_symbolizer *symbolizer; /* NULL: there is no llvm-symbolizer */
	struct triage_world triage_world;
	struct triage *triage;
	struct budget *budget;
	struct farm_order *orders; /* newest first */
	struct farm_project *projects;
	size_t project_count;
	struct slice *slices;
	struct farm_campaign *campaigns; /* newest first */
	size_t campaign_count;
	struct iw_ids held;  /* targets */
	bool knows_wishes;   /* these two were read */
	int campaign_starts; /* in a row, since a target without a campaign had one */
	char **living;	     /* folders of engines that an earlier supervisor started */
	size_t living_count, living_cap;
	struct iw_timer *tick;
	int64_t judging_look_ms; /* monotonic: when what waits is looked at again */
	bool is_looking;
	int opening;		   /* projects and targets on their way */
	int measuring;		   /* measures under way */
	int requests;		   /* other callbacks that will come */
	struct cover_round *cover; /* under way */
	int64_t cover_ends_ms;	   /* of a farm that ends; 0: it is not so far */
	bool has_said_no_cover;
	int64_t fuzz_began_ms, fuzz_ends_ms, drain_ends_ms;
	int stops;
	int new_bugs, back_bugs;
	bool is_advancing, is_full;
	bool is_leaving; /* engines go on without us */
	bool is_triage_stopping, triage_stopped, has_closed_projects;
	bool is_symbolizer_stopping;
	int open_projects;
	uint32_t random;
	struct iw_err err;
	struct iw_arena *arena;
	/* the view */
	struct farm_view view;
	struct farm_target_view *view_targets;
	size_t view_cap;
	struct farm_slot_view *view_slots;
	struct farm_message messages[FARM_MESSAGES]; /* oldest first */
	size_t message_count;
};

/* farm.c */
void farm_fail(struct farm *farm, const struct iw_err *err);
/* One target is out; the others go on. */
void farm_target_broken(struct farm_target *target, const char *why);
void farm_say(struct farm *farm, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Something changed: looks whether the phase ends, and fills idle slots. */
void farm_advance(struct farm *farm);
uint32_t farm_random(struct farm *farm);
/* Calls each for every target. */
void farm_each_target(struct farm *farm,
	void (*each)(struct farm_target *target, void *ctx), void *ctx);

/* policy.c */
/* NULL: no engine may start now. */
struct farm_target *farm_pick_target(struct farm *farm);
/* An engine starts on it: says why, and whose turn it was. */
void farm_note_start(struct farm_target *target);
void farm_fill_slots(struct farm *farm);

/* campaigns.c */
void farm_campaigns_fini(struct farm *farm);
/* Once a second, and when something has changed: ends engines that have nothing to do on
 * their target any more, and campaigns whose budget is used. */
void farm_campaigns_tick(struct farm *farm);
bool farm_target_is_held(const struct farm_target *target);
/* One with budget left that has this target, or 0. */
int64_t farm_campaign_of(const struct farm_target *target);
/* No engine starts: those that run may use up its campaign's budget. */
bool farm_campaign_rests(const struct farm_target *target);
/* Adds those that an engine that starts now works for. */
void farm_campaigns_of(const struct farm_target *target, struct iw_ids *ids);
/* An engine of these campaigns has ended: in the transaction of its totals, then on the
 * loop. */
int farm_campaigns_add(struct iw_dbc *dbc, const struct iw_ids *ids, int64_t executions,
	int64_t core_ms, struct iw_err *err);
void farm_campaigns_note(struct farm *farm, const struct iw_ids *ids, int64_t core_ms);
/* Its units showed features that are new. */
void farm_campaigns_found(struct farm_target *target, int64_t features);

/* history.c */
/* Whether a point of its history is due; now_ms: monotonic. */
bool farm_history_is_due(const struct farm_target *target, int64_t now_ms);
/* Once a second: writes the points that are due. */
void farm_history_tick(struct farm *farm);
/* The end of a run: a last point for each target that has one. */
void farm_history_end(struct farm *farm);

/* watching.c */
void farm_note_message(struct farm *farm, const char *text);
/* Fills what the view says of slots, messages and core time. */
void farm_look_at_work(struct farm *farm, struct farm_view *view);
/* "demo/addrman, libfuzzer+asan+ubsan". The caller frees. */
char *farm_lane_what(const struct farm_lane *lane);

/* opening.c */
int farm_open_projects(struct farm *farm, struct iw_dbc *dbc, struct iw_err *err);
void farm_close_projects(struct farm *farm);
void farm_target_free(struct farm_target *target);
/* Its rows, its checks, its seeds, until it is ready or broken. */
void farm_target_load(struct farm_target *target);
/* It is seeded, and all that it has is measured. */
void farm_target_ready(struct farm_target *target);

/* nearing.c */
/* Looks which targets are near what is staged; the opening of a farm waits for it. */
void farm_near_look(struct farm_project *project);
/* Also of a target that is made after that. */
void farm_near_mark(struct farm_target *target);
void farm_near_fini(struct farm_project *project);
/* How many times the core time of another one it is to have. */
int farm_near_weight(const struct farm_target *target);

/* disk.c */
void farm_disk_open(struct farm *farm);

/* orders.c */
void farm_orders_stop(struct farm *farm);
void farm_orders_free(struct farm *farm);

/* finding.c */
/* Every flavour is built: makes the project's targets and loads them. */
void farm_find_targets(struct farm_project *project);
/* What of adapter.json does not fit the source, in one sentence; NULL: all does. */
void farm_say_misfit(struct farm_project *project, const char *misfit);

/* following.c */
/* It was opened on a newer snapshot, and whoever did can go back. */
bool farm_follow_is_trial(const struct farm *farm);
/* Fuzzing begins: the snapshots work, which is remembered, and branches are looked at
 * from now on. */
void farm_follow_begin(struct farm *farm);
/* Once a second. */
void farm_follow_tick(struct farm *farm);
/* No look, fetch or build of it goes on. */
void farm_follow_stop(struct farm *farm);
void farm_follow_free(struct farm_project *project);

/* slice.c */
/* What a target left as an artifact in a folder below work/. Folder and file may be links
 * or pipes by now: IW_EINVAL, whoever reads on would read the host's files. */
int farm_artifact_read(const char *work, const char *dir, const char *name, char **data,
	size_t *len, struct iw_err *err);
/* False when a target removed a folder of its job or put something else there. */
bool farm_is_folder(const char *work, const char *dir);
/* What an engine says of itself, in the folder of its job. Thread: any. */
void farm_progress_read(const char *dir, const struct engine_ops *engine,
	struct engine_progress *progress);
void farm_slice_start(struct farm_target *target, struct farm_lane *lane);
/* A slice around an engine that runs already; dir is its job's folder. */
void farm_slice_adopt(struct farm_target *target, struct farm_lane *lane, const char *dir,
	const struct iw_ids *campaigns);
void farm_slices_stop(struct farm *farm);
/* Lets running engines go on for the next supervisor, each as soon as nothing of it is on
 * its way into the store; stops those that have not begun. */
void farm_slices_leave(struct farm *farm);
/* Once a second: scans folders, reads progress. */
void farm_slices_tick(struct farm *farm);
int64_t farm_target_per_second(const struct farm_target *target);
int64_t farm_target_executions(const struct farm_target *target);
const char *farm_target_flavour(const struct farm_target *target);
/* Gives a unit to the engines of this share that run. False when there is none. */
bool farm_slices_give(const struct farm_target *target, const struct farm_share *share,
	const struct farm_gift *gift);
/* Why policy started this engine; NULL when the job is no slice's. */
const char *farm_slices_why(const struct farm *farm, const struct iw_job *job);
/* An engine that runs, or has ended and is not counted yet. */
struct farm_running {
	const struct farm_target *target;
	const struct iw_ids *campaigns; /* it works for them */
	int64_t core_ms;		/* at most */
	/* to be set: */
	bool wants_core; /* the next visit tells core_ms as it is now, which costs a look
			  * into /proc */
	bool ends;	 /* it has to, in peace */
};
/* Calls each for every one, also for those that end already. */
void farm_slices_each(struct farm *farm,
	void (*each)(void *ctx, struct farm_running *running), void *ctx);
/* Adds what its running slices did to the view. */
void farm_slices_look(const struct farm_target *target, const struct farm_share *share,
	struct farm_engine_view *view);

/* share.c */
/* Makes the shares of a target whose lanes are known. */
void farm_shares_init(struct farm_target *target);
void farm_shares_fini(struct farm_target *target);
/* NULL when no engine may start now. */
struct farm_lane *farm_pick_lane(struct farm_target *target);

/* exchange.c */
/* An engine found these; what they bring shows when they are measured. */
void farm_finds_note(struct farm_target *target, struct farm_share *finder,
	const struct corpus_found *found);
/* Units were measured on the reference build: those that are new there reach every engine
 * that did not find them, at once or when it starts. */
void farm_exchange(
	struct farm_target *target, const struct corpus_measure_result *result);

/* keeping.c */
/* Moves what the engine kept of this target to `to`. False when there is nothing, or so
 * much that it starts anew. Blocks: for a pool thread. */
bool farm_kept_take(const char *kept, const char *to);
/* Keeps the finds of an engine's job for its next slice. */
void farm_keep(const struct farm *farm, const char *work, const struct engine_ops *engine,
	int64_t target_id);
char *farm_kept_path(
	const struct farm *farm, const struct engine_ops *engine, int64_t target_id);

/* measuring.c */
/* New units came in: every lane has work. */
void farm_units_added(struct farm_target *target, size_t added);
/* Starts rounds: those that are due, or at the end all on the reference build (features
 * must not get lost), or all there are. What is left is done after the next start. */
enum farm_measure_what { FARM_MEASURE_DUE, FARM_MEASURE_REFERENCE, FARM_MEASURE_ALL };
void farm_measure_tick(struct farm *farm, enum farm_measure_what what);
void farm_measures_stop(struct farm *farm);

/* judging.c */
/* Makes the judges of a target whose lanes are known. */
void farm_judges_init(struct farm_target *target);
/* Its rows, when it is loaded. On the writer's thread. */
int farm_judges_load(struct farm_target *target, int64_t now_ms, struct iw_dbc *dbc,
	struct iw_err *err);
/* New units came in. */
void farm_judges_added(struct farm_target *target, size_t added);
/* A round of the lane has ended; now_ms: wall clock. */
void farm_judge_note(struct farm_lane *lane, const struct corpus_measure_result *result,
	int64_t now_ms);
/* Whether the next round must begin now to be in time, whatever it costs. */
bool farm_judge_is_near(const struct farm_judge *judge, int64_t now_ms);
/* How many units a round may have so that it ends in time. */
size_t farm_judge_limit(const struct farm_lane *lane);
/* Whether the round that runs takes so long that it must end with what it has. */
bool farm_judge_is_slow(const struct farm_lane *lane, int64_t mono_ms);
/* The longest that a unit had to wait, of those judged in the last hour and of those that
 * wait now. */
int64_t farm_judge_delay(const struct farm_judge *judge, int64_t now_ms);
/* What was seen: alarms when a deadline is missed, and when it is kept again. *said: so
 * many were told already, the rest is counted. */
void farm_judge_seen(
	struct farm_judge *judge, const struct corpus_waiting *waiting, int *said);
/* Once a second: looks at what waits, now and then. */
void farm_judging_tick(struct farm *farm);
void farm_judges_look(const struct farm_target *target, struct farm_target_view *view);

/* covering.c */
/* Once a second. */
void farm_cover_tick(struct farm *farm);
/* The farm ends, all else has: true when no look at lines goes on or is to come. */
bool farm_cover_end(struct farm *farm);

/* adopting.c */
/* True: the folder of a living engine, which is to be adopted. */
bool farm_note_living(struct farm *farm, const char *dir, const char *about);
/* Takes over those that were noted; all targets that will be ready are. */
void farm_adopt(struct farm *farm);
/* Stops them instead. */
void farm_stop_living(struct farm *farm);
void farm_forget_living(struct farm *farm);

/* sweep.c */
int farm_sweep(struct farm *farm, struct iw_dbc *dbc, struct iw_err *err);
/* What a folder held that nobody knew. Zero-initialised; crashes: rows, the caller frees
 * them. */
struct farm_swept {
	size_t units;
	int64_t *crashes;
	size_t crash_count, crash_cap;
};
/* Stores what an engine that has ended left in its job's folder, and its totals; other
 * jobs leave nothing. Thread: the database's writer, or before it runs. */
int farm_sweep_folder(struct farm *farm, struct iw_dbc *dbc, const char *dir,
	const char *about, struct farm_swept *swept, struct iw_err *err);
/* After that is committed: its queue stays for the next slice. */
void farm_sweep_keep(const struct farm *farm, const char *dir, const char *about);
/* about.c */
struct farm_about {
	int64_t target_id, build_id;
	const struct engine_ops *engine;
	struct iw_ids campaigns; /* that it works for */
};
/* The caller frees. */
char *farm_about_write(const struct farm_about *about);
/* False when the text is not that of an engine's job; else the caller ends it. */
bool farm_about_read(const char *text, struct farm_about *about);
void farm_about_fini(struct farm_about *about);

#endif
