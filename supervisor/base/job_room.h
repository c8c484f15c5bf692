/*
 * What the files of a job share. Not for others.
 *
 *	job.c         its life
 *	job_spec.c    the order for its keeper
 *	job_keeper.c  the keeper's process
 *	job_adopt.c   jobs of an earlier supervisor, and leaving them to the next
 *	job_channel.c talking with one that runs
 *	job_cpu.c     what one that runs has used
 */
#ifndef IW_BASE_JOB_ROOM_H
#define IW_BASE_JOB_ROOM_H

#include "base/buf.h"
#include "base/job.h"
#include "base/seccomp.h"

enum iw_job_state { NEW, WAITING, RUNNING, ENDING, ENDED };

struct iw_jobs {
	struct iw_loop *loop;
	char *dir;
	char *keeper;
	struct iw_sandbox sandbox;
	struct iw_buf filter; /* of system calls; empty without a sandbox */
	struct iw_job_gate gate;
	bool has_gate;
	int64_t next_id;
	int count;
	struct iw_job *list;
};

struct words {
	char **items;
	size_t count, cap;
};

struct iw_job {
	struct iw_jobs *jobs;
	struct iw_job *next; /* of jobs->list */
	struct iw_job_spec spec;
	char *about, *what;
	int64_t since_ms;
	struct words args, env, reads, writes;
	char id[32];
	char *dir, *work;
	bool has_channel;
	enum iw_job_state state;
	int core;
	iw_job_done_cb done;
	void *ctx;

	pid_t keeper;	/* our child; 0: an earlier supervisor started it */
	int pidfd;	/* of the keeper; -1: it does not run */
	uv_poll_t poll; /* on pidfd */
	bool is_let_go;
	uv_pipe_t status;
	char status_text[256];
	size_t status_len;
	int open_handles;
	bool has_exited;
	int stops;
	bool is_gone; /* the gate knows */
	struct iw_exit exit;
	struct iw_timer *later, *overdue;
	bool is_asked; /* to end, for the last time */
};

/* job.c */
/* The end of every job that was submitted or adopted. */
void iw_job_finish(struct iw_job *job);
void iw_job_leave_gate(struct iw_job *job);
/* Counts down the handles that are open; the last one of a job that has ended or was let
 * go is its end. */
void iw_job_on_handle_closed(uv_handle_t *handle);
/* The job is to end within ms, its keeper a little later. */
void iw_job_expect_end(struct iw_job *job, int64_t ms);

/* job_keeper.c */
/* Starts it, and watches it. A negative errno: it does not run. */
int iw_job_spawn_keeper(struct iw_job *job);
/* Watches the one behind pidfd. A negative errno. */
int iw_job_watch_keeper(struct iw_job *job);
void iw_job_signal_keeper(const struct iw_job *job, int number);

/* job_spec.c */
int iw_job_write_spec(struct iw_job *job, struct iw_err *err);
int64_t iw_job_grace_ms(const struct iw_job *job);

#endif
