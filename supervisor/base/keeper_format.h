/*
 * What the keeper and the supervisor agree on: the files of a job's directory, the spec,
 * the status pipe, the records.
 *
 * The keeper is `ironworks-job JOBDIR`, one small static process that fathers one job and
 * outlives the supervisor. Descriptor 3 is the status pipe; it carries exactly one of
 *
 *   "ok\n"        the command runs
 *   a sentence    it does not, and why: "exec '/x': No such file or directory"
 *   nothing, EOF  the keeper was killed; whether the command ran is unknown
 *
 * and is closed then, long before the job ends. Stop a job with SIGTERM to the keeper:
 * the engine itself gets SIGTERM and SIGCONT, through bwrap if need be, and grace_ms
 * later everything is killed. A second SIGTERM kills at once. When the keeper itself is
 * killed its child dies with it, and below bwrap everything; a job without sandbox can
 * leave grandchildren, all in the session whose id is the keeper's pid unless they have
 * begun one of their own.
 *
 * Files in JOBDIR. The job must not be able to write any of them (its place is work/).
 *
 *   spec         in: see below
 *   keeper.lock  flock'ed as long as the keeper lives. A second keeper on the same
 *                directory gives up without touching anything else
 *   keeper       {"pid":N,"starttime":N,"boot_id":"…"}, written before the fork.
 *                starttime is field 22 of /proc/PID/stat
 *   log, log.K   what the job wrote to stdout and stderr, see below
 *   bwrap        bwrap's --json-status-fd, if sandboxed
 *   exit         one JSON object, the last thing the keeper writes. It is complete if
 *                it is there at all; without it and without a living keeper the job was
 *                lost together with its keeper. If neither `keeper` nor `exit` is
 *                there, nothing has been started
 *
 * keeper and exit are written beside (.tmp), synced and renamed.
 *
 * The log is a row of segments of S = log_limit / 4 bytes: `log` holds bytes 0 … S-1 of
 * the output, `log.K` bytes K*S … K*S+S-1. Segments only grow, and never change name or
 * content. When a new one is begun, all but `log` and the newest three are deleted: the
 * head stays, the last S*2 bytes at least are there, and never more than log_limit. A
 * reader keeps one number, its offset. It opens segment offset / S (number 0 is `log`),
 * reads from offset % S, and behind a full segment goes on to the next; if that is gone,
 * it lists the directory and goes on at the lowest one above.
 *
 * The spec is a sequence of NUL-terminated strings `key=value`, at most
 * IW_KEEPER_SPEC_MAX bytes. An unknown key, a repeated one (but arg and env) or a value
 * out of range is an error. Numbers are decimal.
 *
 *   arg           the command, repeated, at least once. The first is a path: absolute,
 *                 or relative to cwd; PATH is not searched. When sandboxed this is the
 *                 bwrap command line
 *   env           NAME=VALUE, repeated. The environment is this and nothing else
 *   cwd           where the command starts; / by default
 *   timeout_ms    wall time, then a stop like SIGTERM's, with reason "timeout"; 0: none
 *   grace_ms      between SIGTERM and SIGKILL; 5000
 *   stall_ms      when no process of the job has used CPU or waited for a core for so
 *                 long, a stop like SIGTERM's, with reason "stalled"; sampled every
 *                 second, and time in which the keeper itself was stopped does not
 *                 count; 0: none
 *   log_limit     bytes, at least 16384; 1048576
 *   stdout        file name in JOBDIR: stdout goes there instead of into the log, in
 *                 segments like the log's, with log_limit of its own
 *   stdin_fifo, stdout_fifo
 *                 names of fifos in JOBDIR, made by the supervisor and open there: the
 *                 command's stdin, where it is not /dev/null, and its stdout. With no
 *                 supervisor left to read, the command is not started
 *   cpu           the core to run on; -1, the default: any
 *   nice          -20 … 19, also of the session among others; inherited
 *   rlimit_core, rlimit_fsize, rlimit_nofile, rlimit_nproc, rlimit_stack
 *                 soft and hard; inherited; a lower hard limit of the keeper's own stays.
 *                 There is no rlimit_as: no sanitizer survives one
 *   no_aslr       1: without address randomisation
 *   sandboxed     1: the command is bwrap. Descriptor 4 of the command is the file
 *                 `bwrap`, so the command line holds `--json-status-fd 4`
 *   seccomp       path of a compiled filter, which becomes descriptor 5 of the command
 *                 (`--seccomp 5`)
 *   rss_limit_mb  resident memory of all processes of the job together, sampled every
 *                 250 ms; above it everything is killed, reason "rss". Pages shared
 *                 after a fork count once for each process; 0: none
 *   process_limit processes of the job, sampled likewise; reason "processes"; 0: none
 *   disk_limit_mb what work/ takes, and files that only a descriptor still names, each
 *                 4 KiB more than its blocks; counted every second or, where that takes
 *                 long, in 1 % of the time and whenever the file system has lost what
 *                 the job had left; reason "disk"; 0: none
 *
 * The exit record:
 *
 *   status        raw wait status of the command; -1 if it was never started
 *   reason        "exited": it ended by itself, by whatever exit or signal
 *                 "stopped": SIGTERM was asked for, and it ended within its grace
 *                 "killed": it did not, or there was a second SIGTERM
 *                 "timeout", "stalled", "rss", "processes", "disk": a limit of the spec
 *                 "exec-failed": it never ran; `error` says why
 *                 "sandbox-failed": bwrap could not set the sandbox up; see the log
 *   forced        true when SIGKILL was needed
 *   bwrap_exit    exit code as bwrap tells it, 128 + n for a signal; null if it did not
 *   user_us, sys_us, maxrss_kb
 *                 of all processes of the job; maxrss_kb is that of the largest
 *   wall_ms
 *   log_bytes, stdout_bytes
 *                 all that was written, kept or not
 *   lost_bytes    what could not be written (disk full)
 *   error         a sentence, or null
 */
#ifndef IW_BASE_KEEPER_FORMAT_H
#define IW_BASE_KEEPER_FORMAT_H

#define IW_KEEPER_PROGRAM "ironworks-job"

#define IW_KEEPER_SPEC "spec"
#define IW_KEEPER_LOCK "keeper.lock"
#define IW_KEEPER_RECORD "keeper"
#define IW_KEEPER_EXIT "exit"
#define IW_KEEPER_LOG "log"
#define IW_KEEPER_BWRAP "bwrap"
#define IW_KEEPER_ASK "ask" /* what supervisors call those fifos */
#define IW_KEEPER_ANSWER "answer"

/* Descriptors: of the keeper, and of the command. */
#define IW_KEEPER_STATUS_FD 3
#define IW_KEEPER_BWRAP_FD 4
#define IW_KEEPER_SECCOMP_FD 5

#define IW_KEEPER_SPEC_MAX (4u << 20)
#define IW_KEEPER_GRACE_MS 5000
#define IW_KEEPER_LOG_LIMIT (1u << 20)
#define IW_KEEPER_LOG_LIMIT_MIN (16u << 10)
#define IW_KEEPER_LOG_SEGMENTS 4
#define IW_KEEPER_LIMITS_POLL_MS 250
#define IW_KEEPER_DISK_POLL_MS 1000
#define IW_KEEPER_STALL_POLL_MS 1000

/* What the status pipe says when the command runs. */
#define IW_KEEPER_OK "ok\n"

/* Exit status of the keeper itself, for those who start it by hand. */
#define IW_KEEPER_DONE 0 /* the exit record says how the job ended */
#define IW_KEEPER_USAGE 2
#define IW_KEEPER_FAILED 4 /* lock held, spec malformed, directory not writable */

#endif
