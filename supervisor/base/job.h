/*
 * Jobs: one child process tree with one purpose, its folder, its keeper, its exit.
 *
 * iw_job_new() makes jobs/<id>/ with the empty work/, which the caller fills; then
 * iw_job_submit() waits for a slot (the gate, wired by the supervisor), starts the keeper
 * and calls done exactly once when the job has ended or could not start. The folder stays
 * until iw_job_free(), so that results can be read from work/.
 *
 * The keeper outlives us: what a supervisor that was killed leaves behind is found by
 * iw_jobs_recover() at the next start.
 *
 * Inside the sandbox paths are those of the host: the job sees /usr, what spec.reads
 * names and its own work/, nothing else, and has no network.
 *
 * Thread: the loop.
 */
#ifndef IW_BASE_JOB_H
#define IW_BASE_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/loop.h"
#include "base/sandbox.h"

enum iw_purpose {
	IW_PURPOSE_REPRODUCE,
	IW_PURPOSE_MINIMIZE,
	IW_PURPOSE_BISECT,
	IW_PURPOSE_SYMBOLIZE,
	IW_PURPOSE_FETCH,
	IW_PURPOSE_BUILD,
	IW_PURPOSE_MEASURE,
	IW_PURPOSE_REPLAY,
	IW_PURPOSE_DISTIL,
	IW_PURPOSE_COVER,
	IW_PURPOSE_FUZZ,
	IW_PURPOSE_COUNT,
};

/* How much a job of IW_PURPOSE_COVER yields: it is only good to know, and takes what
 * engines leave. */
#define IW_COVER_NICE 19

const char *iw_purpose_name(enum iw_purpose purpose);

/* What to run. Everything is copied by iw_job_new(). Zero means default. */
struct iw_job_spec {
	enum iw_purpose purpose;
	const char *about; /* JSON: whose job this is, kept as jobs/<id>/about; or NULL */
	const char *what;  /* the same for people: "demo/addrman, libfuzzer"; or NULL */
	/* Host paths the job may read besides /usr; NULL-terminated, or NULL. */
	const char *const *reads;
	/* Host paths outside work/ that it may write (a compiler cache); likewise. */
	const char *const *writes;
	int64_t timeout_ms;    /* wall time; 0: none */
	int64_t grace_ms;      /* between TERM and KILL; default 2,000 */
	int64_t stall_ms;      /* ended after so long without CPU time; 0: never */
	int64_t rss_limit_mb;  /* resident memory of all its processes; 0: none */
	int64_t log_limit;     /* bytes of output kept; default 1 MiB */
	int64_t file_limit_mb; /* largest file it may write; default 2,048 */
	int64_t disk_limit_mb; /* all of work/; default 4,096 */
	int64_t process_limit; /* and threads; default 512 */
	int nice;
	bool is_trusted; /* no sandbox: only for an adapter's own fetch command */
	bool no_aslr;
	bool wants_all_cores; /* no affinity: builds that run make -j */
	bool is_urgent;	      /* the gate lets it go before others */
	bool is_service; /* waits for questions, so it has no slot, and starts at once */
};

enum iw_exit_class {
	IW_EXIT_CLEAN,	      /* exit code 0 */
	IW_EXIT_FAILED,	      /* another exit code */
	IW_EXIT_SIGNALED,     /* a signal that we did not send */
	IW_EXIT_TIMEOUT,      /* the keeper's deadline passed */
	IW_EXIT_OOM,	      /* over rss_limit_mb */
	IW_EXIT_OVERRUN,      /* over process_limit or disk_limit_mb */
	IW_EXIT_STOPPED,      /* ended because iw_job_stop() asked */
	IW_EXIT_SPAWN_FAILED, /* never ran: no such program, no keeper, disk full */
	IW_EXIT_SANDBOX_FAILED,
	IW_EXIT_LOST, /* the keeper died without a record */
};

struct iw_exit {
	enum iw_exit_class class;
	int code; /* exit code, or signal number when SIGNALED; else -1 */
	int64_t user_us, sys_us, wall_ms, maxrss_kb;
	char words[160]; /* "exit code 77", "killed by SIGSEGV", … */
};

/* CPU time in microseconds. */
int64_t iw_exit_cpu_us(const struct iw_exit *exit);

struct iw_jobs;
struct iw_job;
typedef void (*iw_job_done_cb)(struct iw_job *job, const struct iw_exit *exit, void *ctx);

/*
 * Who may start when: the supervisor's slots. want() is told of a job that is ready and
 * later calls iw_job_grant() on it; gone() that a job waits or runs no longer: then
 * iw_job_exit() tells what one that has run took.
 */
struct iw_job_gate {
	void *ctx;
	void (*want)(void *ctx, struct iw_job *job);
	void (*gone)(void *ctx, struct iw_job *job);
	/* An adopted job runs on this core (-1: any) already. */
	void (*taken)(void *ctx, struct iw_job *job, int core);
};

struct iw_jobs_config {
	const char *dir;    /* <state>/jobs */
	const char *keeper; /* path of ironworks-job */
	struct iw_sandbox sandbox;
};

/* Opens the folder of jobs; config is copied. No gate yet: jobs start at once. */
int iw_jobs_open(struct iw_jobs **out, struct iw_loop *loop,
	const struct iw_jobs_config *config, struct iw_err *err);
void iw_jobs_gate(struct iw_jobs *jobs, const struct iw_job_gate *gate);
const struct iw_sandbox *iw_jobs_sandbox(const struct iw_jobs *jobs);
struct iw_loop *iw_jobs_loop(const struct iw_jobs *jobs);
/* How many jobs that wait or run were given this path to read. Nobody knows that of one
 * that was adopted. */
int iw_jobs_readers(const struct iw_jobs *jobs, const char *path);
/* All jobs must have been freed. */
void iw_jobs_close(struct iw_jobs *jobs);

/*
 * Jobs of an earlier supervisor (blocks: called before the loop runs). Those whose keeper
 * lives and that `lives` says yes to are left alone, to be adopted; all other keepers are
 * stopped at once and waited for, at most half a minute. Then found is called for each
 * folder of theirs with its path and about text (NULL when there is none). found sweeps
 * the work/; the folder is removed afterwards when found returned 0 and is kept
 * otherwise. An about that is there and cannot be read is an error: its folder must not
 * go.
 */
struct iw_jobs_recovery {
	void *ctx;
	bool (*lives)(void *ctx, const char *dir, const char *about); /* NULL: no */
	int (*found)(void *ctx, const char *dir, const char *about);
};
int iw_jobs_recover(
	const char *dir, const struct iw_jobs_recovery *recovery, struct iw_err *err);

/*
 * Takes over a job that an earlier supervisor started: as if this one had submitted it,
 * it is running, and done comes when its keeper has ended, also when it already has. Of
 * its spec only the purpose is known. dir is its folder.
 */
int iw_job_adopt(struct iw_job **out, struct iw_jobs *jobs, const char *dir,
	enum iw_purpose purpose, iw_job_done_cb done, void *ctx, struct iw_err *err);
/* The opposite: a running job goes on for the next supervisor. The job is gone for the
 * caller, done never comes, its folder stays. */
void iw_job_let_go(struct iw_job *job);

/* Makes the folder. */
int iw_job_new(struct iw_job **out, struct iw_jobs *jobs, const struct iw_job_spec *spec,
	struct iw_err *err);
const char *iw_job_id(const struct iw_job *job);
const char *iw_job_dir(const struct iw_job *job);
/* What the job may write. */
const char *iw_job_work(const struct iw_job *job);
/* What it has printed so far, or all of it: the newest, at most max bytes, with a NUL
 * behind; the caller frees. Nothing printed is an empty text. */
int iw_job_log_read(const struct iw_job *job, size_t max, char **data, size_t *len,
	struct iw_err *err);
enum iw_purpose iw_job_purpose(const struct iw_job *job);
bool iw_job_is_urgent(const struct iw_job *job);
/* What its spec said, "" when it said nothing; borrowed. An adopted job is told anew. */
const char *iw_job_what(const struct iw_job *job);
void iw_job_set_what(struct iw_job *job, const char *what);
/* Wall clock of its start, also when another supervisor started it; 0: it waits. */
int64_t iw_job_since_ms(const struct iw_job *job);
/* CPU time that it has used so far, in milliseconds; -1: it does not run, or nobody
 * knows.
 */
int64_t iw_job_cpu_ms(const struct iw_job *job);
/* How it ended; CPU times are 0 until then. */
const struct iw_exit *iw_job_exit(const struct iw_job *job);

/* Adds one argument, one environment variable. Paths as on the host. */
void iw_job_arg(struct iw_job *job, const char *arg);
void iw_job_argf(struct iw_job *job, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void iw_job_env(struct iw_job *job, const char *name, const char *value);
/* A host path it may read, found out after iw_job_new(). */
void iw_job_read(struct iw_job *job, const char *path);

/*
 * A channel: the command's stdin and stdout become two fifos in the job's folder, where it
 * cannot reach them, instead of nothing and the log. *ask and *answer are our ends, which
 * never block; the caller closes them. The command's stdin ends with the last copy of
 * *ask, so also when this process dies. Before submit.
 */
int iw_job_channel(struct iw_job *job, int *ask, int *answer, struct iw_err *err);

void iw_job_submit(struct iw_job *job, iw_job_done_cb done, void *ctx);
/* The gate's answer: start now, on this core (-1: any). */
void iw_job_grant(struct iw_job *job, int core);
/* Stops a job in any state; done comes later as always. Again: kills at once. */
void iw_job_stop(struct iw_job *job);
bool iw_job_is_running(const struct iw_job *job);
/* Only before submit or after done. Removes the folder. */
void iw_job_free(struct iw_job *job);
/* The same, but the folder stays: what could not be stored (disk full) is found again by
 * iw_jobs_recover(). */
void iw_job_leave(struct iw_job *job);

#endif
