/* `ironworks serve` and `ironworks stop`: a farm that is always on. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/job.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/farm_options.h"
#include "daemon.h"

#include "base/banned.h"

/* What triage may take when the operator asks for a drain. */
#define DRAIN_MS (30 * 60 * 1000)
#define STOP_MS 60000

static const char serve_help[] =
	"Examples:\n"
	"  ironworks serve demo zstd --state /srv/farm\n"
	"  ironworks serve /srv/adapters/node --follow=5m\n"
	"  ironworks status --state /srv/farm\n"
	"  ironworks stop --state /srv/farm\n"
	"\n"
	"usage: ironworks serve [ADAPTER…] [--config DIR] [--cores N] [--state DIR]\n"
	"       [--follow[=TIME]] [--disk-budget SIZE] [--http ADDRESS:PORT|off]\n"
	"       [--no-sandbox] [--json]\n"
	"\n"
	"The farm of 'ironworks run', without an end. SIGTERM ends this process only:\n"
	"engines go on, and the next 'ironworks serve' adopts them, so a restart or an\n"
	"upgrade costs no fuzzing. The same holds when it crashes. 'ironworks stop' "
	"ends\n"
	"it with its engines; so does Ctrl-C, after open triage.\n"
	"\n"
	"Without adapters DIR/ironworks.json names them. SIGHUP reads it, the adapters "
	"and\n"
	"their sources again; engines go on, and what is wrong is refused.\n"
	"\n"
	"With --follow it looks at that interval whether the branch of an adapter has "
	"moved.\n"
	"The new snapshot is built while engines go on on the old one; then it is "
	"fuzzed and\n"
	"open bugs are tested on it. One that does not build is said, and the old one "
	"stays.\n"
	"\n"
	"  --follow[=T]  follow branches, looking every T (default: 5m; at least 10s)\n"
	"  --config DIR  (default: ~/.config/ironworks, else /etc/ironworks)\n"
	"  --cores N     use so many cores (default: as configured, or all)\n"
	"  --disk-budget SIZE  room for builds and the compiler cache, like 500M or "
	"200G,\n"
	"                or none (default: as configured, or a quarter of the disk)\n"
	"  --state DIR   (default: the user's state folder)\n"
	"  --http A:P    where the page and the API are, on loopback "
	"(default: " IW_DOOR_ADDRESS ")\n"
	"  --no-sandbox  run targets unprotected; every issue says so\n"
	"  --json        print the outcome as one JSON object\n"
	"\n"
	"exit status: 0 ended as asked, 2 usage, 4 failed\n";

static void say(void *ctx, const char *text)
{
	(void)ctx;
	cli_print_plain(stderr, "", text);
}

int cli_serve(int argc, char **argv)
{
	struct iw_daemon_config config = {
		.is_service = true,
		.drain_ms = DRAIN_MS,
		.door_config = {.address = IW_DOOR_ADDRESS, .may_be_taken = true},
	};
	struct iw_daemon_events events = {.say = say};
	struct iw_daemon_result result;
	struct iw_err err = IW_ERR_INIT;
	bool json = false;
	int rc = cli_farm_options(argc, argv, serve_help, false, &config, &json);

	if (rc >= 0)
		return rc;
	/* A closed terminal is no reason to end, also before anybody listens. */
	signal(SIGHUP, SIG_IGN);
	rc = iw_daemon_run(&config, &events, &result, &err);
	if (rc == 0 && json)
		cli_print_json(json_pack("{si si ss}", "new_bugs", result.new_bugs,
			"regressed_bugs", result.back_bugs, "state", result.state_dir));
	free(result.state_dir);
	return rc < 0 ? cli_fail(&err) : CLI_DONE;
}

/* -- stop -------------------------------------------------------------------------- */

static const char stop_help[] =
	"Examples:\n"
	"  ironworks stop\n"
	"  ironworks stop --drain --state /srv/farm\n"
	"\n"
	"usage: ironworks stop [--drain] [--state DIR] [--json]\n"
	"\n"
	"Ends the farm on a state folder: its engines end in peace and what they found "
	"is\n"
	"stored. With --drain open triage is finished first, which can take half an "
	"hour.\n"
	"Where no farm runs any more, engines that it left behind are ended likewise.\n"
	"\n"
	"exit status: 0 nothing runs any more, 2 usage, 4 failed\n";

static int await_end(pid_t pid, int number, int timeout_ms, struct iw_err *err)
{
	_auto_close_ int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd p = {.fd = fd, .events = POLLIN};
	int rc;

	if (fd < 0 || syscall(SYS_pidfd_send_signal, fd, number, NULL, 0) < 0)
		return iw_err_errno(err, errno, "cannot stop process %d", (int)pid);
	do
		rc = poll(&p, 1, timeout_ms);
	while (rc < 0 && errno == EINTR);
	if (rc == 0)
		return iw_err_set(err, IW_EBUSY,
			"process %d has not ended within %d s; look into its log, or "
			"try again",
			(int)pid, timeout_ms / 1000);
	return 0;
}

struct stopping {
	pid_t holder; /* the process that ran the farm, 0 when none did */
	size_t jobs;  /* that were left behind */
};

static int stop(
	const char *state_dir, bool is_drain, struct stopping *s, struct iw_err *err)
{
	struct iw_state state;
	int rc = iw_state_holder(state_dir, &s->holder, err);

	if (rc == 0 && s->holder > 0)
		rc = await_end(s->holder, is_drain ? IW_DAEMON_DRAIN : IW_DAEMON_STOP,
			is_drain ? DRAIN_MS + STOP_MS : STOP_MS, err);
	/* It may have ended otherwise than it was asked to. */
	if (rc == 0)
		rc = iw_state_open(&state, state_dir, IW_STATE_WRITE, err);
	if (rc < 0)
		return rc;
	rc = farm_end_leftovers(&state, &s->jobs, err);
	iw_state_close(&state);
	return rc;
}

static void say_stopped(const struct stopping *s)
{
	if (s->holder)
		printf("the farm (process %d) has ended with its engines\n",
			(int)s->holder);
	if (s->jobs)
		printf("%s%zu job%s that one left behind %s over\n",
			s->holder ? "" : "no farm runs here; ", s->jobs,
			s->jobs == 1 ? "" : "s", s->jobs == 1 ? "is" : "are");
	else if (!s->holder)
		puts("no farm runs here, and none has left anything behind");
}

int cli_stop(int argc, char **argv)
{
	bool is_drain = false;
	const struct cli_option more[] = {{"drain", .flag = &is_drain}, {0}};
	struct iw_err err = IW_ERR_INIT;
	struct cli_common common;
	struct stopping s = {0};
	int first, rc = cli_options(argc, argv, stop_help, more, &common, &first);

	if (rc >= 0)
		return rc;
	if (first != argc)
		return cli_usage("stop", "takes no arguments");
	if (stop(common.state, is_drain, &s, &err) < 0)
		return cli_fail(&err);
	if (common.json)
		cli_print_json(json_pack("{so}", "stopped_pid",
			s.holder ? json_integer(s.holder) : json_null()));
	else
		say_stopped(&s);
	return CLI_DONE;
}
