/*
 * `ironworks top`: a farm in a terminal, live.
 *
 * A thread asks the daemon, again and again, and sends each look through a pipe; the main
 * thread waits for looks, keys and signals and draws. So a daemon that does not answer
 * never keeps a key waiting, and every signal that ends us is read in peace: the terminal
 * is given back first.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/time.h"
#include "cli/cli.h"
#include "cli/remote.h"
#include "cli/screen.h"
#include "cli/top_view.h"

#include "base/banned.h"

#define EVERY_MS 1000
/* Looking must not become the daemon's main work, however large its farm is. */
#define REST_FACTOR 10
#define BUGS "/api/v1/bugs?limit=200"

static const char help[] =
	"Examples:\n"
	"  ironworks top\n"
	"  ironworks top --state /srv/farm\n"
	"  ironworks top --once | grep broken\n"
	"\n"
	"usage: ironworks top [--once] [--state DIR] [--json]\n"
	"\n"
	"The farm that 'ironworks serve' or 'ironworks run' has on a state folder, live: "
	"what\n"
	"runs on each core and why, its targets, its newest bugs. When it ends, this "
	"waits "
	"for\n"
	"the next one. NO_COLOR is respected.\n"
	"\n"
	"  q  quit        t  targets   b  bugs   c  cores\n"
	"  s  sort        j k, arrows, page keys, home, end   scroll\n"
	"  ?  help\n"
	"\n"
	"  --once       print one look and end; needs no terminal\n"
	"  --state DIR  (default: the user's state folder)\n"
	"  --json       one look as one JSON object\n"
	"\n"
	"exit status: 0 done, 2 usage, 3 no farm runs there, 4 failed\n";

/* -- looking ------------------------------------------------------------------------ */

static int get(const char *state, const char *path, json_t **answer, struct iw_err *err)
{
	long status;
	int rc = cli_remote(state, "GET", path, NULL, &status, answer, err);

	if (rc == 0)
		rc = cli_remote_check(status, *answer, err);
	if (rc != 0) {
		json_decref(*answer);
		*answer = NULL;
	}
	return rc;
}

/* As cli_remote(), with a sentence for 1, too. *look: {"farm", "targets", "bugs"}. */
static int look_at(const char *state, json_t **look, struct iw_err *err)
{
	json_t *farm = NULL, *targets = NULL, *bugs = NULL;
	int rc = get(state, "/api/v1/farm", &farm, err);

	*look = NULL;
	if (rc == 0)
		rc = get(state, "/api/v1/targets", &targets, err);
	if (rc == 0)
		rc = get(state, BUGS, &bugs, err);
	if (rc == 0)
		*look = json_pack("{sO sO sO}", "farm", farm, "targets",
			json_object_get(targets, "targets"), "bugs",
			json_object_get(bugs, "bugs"));
	json_decref(farm);
	json_decref(targets);
	json_decref(bugs);
	if (rc == 0 && !*look)
		return iw_err_set(err, IW_EIO, "the farm's answer is not understood");
	return rc;
}

/* What comes out of the thread: a look, or why there is none. */
struct news {
	json_t *look;
	char *trouble;
};

struct looker {
	const char *state;
	int pipe;
};

static struct news *make_news(const char *state)
{
	struct news *news = iw_calloc(1, sizeof *news);
	struct iw_err err = IW_ERR_INIT;
	int rc = look_at(state, &news->look, &err);

	if (rc == 1)
		news->trouble =
			iw_strdup("no farm runs here now; waiting for the next one");
	else if (rc < 0)
		news->trouble = iw_strdup(err.msg);
	return news;
}

static void *look_again_and_again(void *ctx)
{
	const struct looker *l = ctx;

	for (;;) {
		int64_t began = iw_time_mono_ms(), rest;
		struct news *news = make_news(l->state);

		if (write(l->pipe, &news, sizeof news) != sizeof news)
			return NULL; /* a pipe takes a pointer whole, or is closed */
		rest = REST_FACTOR * (iw_time_mono_ms() - began);
		if (rest < EVERY_MS)
			rest = EVERY_MS;
		nanosleep(&(struct timespec){rest / 1000, rest % 1000 * 1000000}, NULL);
	}
}

/* -- once --------------------------------------------------------------------------- */

static int print_once(const json_t *look)
{
	struct top_view view = {0};
	struct cli_frame frame = {0};
	int height;

	if (isatty(STDOUT_FILENO))
		cli_screen_size(&view.width, &height);
	top_view_print(&view, look, &frame);
	cli_frame_print(&frame, stdout);
	cli_frame_fini(&frame);
	return CLI_DONE;
}

/* -- live --------------------------------------------------------------------------- */

struct top {
	struct top_view view;
	json_t *look;
	char *trouble;
	bool has_ended;
};

static void draw(struct top *top)
{
	struct cli_frame frame = {0};

	cli_screen_size(&top->view.width, &top->view.height);
	top->view.trouble = top->trouble;
	top_view_draw(&top->view, top->look, &frame);
	cli_screen_draw(&frame);
	cli_frame_fini(&frame);
}

static void change_list(struct top_view *v, enum top_what list)
{
	v->list = list;
	v->first = 0;
}

static void on_key(struct top *top, int key)
{
	struct top_view *v = &top->view;
	int page = v->rows > 1 ? v->rows - 1 : 1;

	/* What is out of bounds is set right when it is drawn. */
	if (key == 'q' || key == 'Q')
		top->has_ended = true;
	else if (v->is_help)
		v->is_help = false;
	else if (key == '?' || key == 'h')
		v->is_help = true;
	else if (key == 't')
		change_list(v, TOP_TARGETS);
	else if (key == 'b')
		change_list(v, TOP_BUGS);
	else if (key == 'c')
		change_list(v, TOP_CORES);
	else if (key == 's')
		v->sort[v->list]++;
	else if (key == CLI_KEY_DOWN || key == 'j')
		v->first++;
	else if (key == CLI_KEY_UP || key == 'k')
		v->first--;
	else if (key == CLI_KEY_PAGE_DOWN || key == ' ')
		v->first += page;
	else if (key == CLI_KEY_PAGE_UP)
		v->first -= page;
	else if (key == CLI_KEY_HOME || key == 'g')
		v->first = 0;
	else if (key == CLI_KEY_END || key == 'G')
		v->first = TOP_ROWS_MAX;
	else if (key == 'L' - '@')
		cli_screen_forget();
}

static void read_keys(struct top *top)
{
	char text[256];
	ssize_t n = read(STDIN_FILENO, text, sizeof text);
	size_t at = 0;
	int key;

	if (n <= 0) {
		top->has_ended = n == 0 || (errno != EINTR && errno != EAGAIN);
		return;
	}
	while ((key = cli_key_next(text, (size_t)n, &at)) >= 0)
		on_key(top, key);
}

static bool wants_color(void)
{
	const char *no = getenv("NO_COLOR");

	return !no || !*no;
}

/* Somebody else had the terminal meanwhile. */
static void come_back(struct top *top)
{
	struct iw_err err = IW_ERR_INIT;

	cli_screen_close();
	top->has_ended = cli_screen_open(wants_color(), &err) < 0;
}

static void read_signal(struct top *top, int fd)
{
	struct signalfd_siginfo info;

	if (read(fd, &info, sizeof info) != sizeof info)
		return;
	if (info.ssi_signo == SIGTSTP) {
		cli_screen_close();
		raise(SIGSTOP);
	} else if (info.ssi_signo == SIGCONT) {
		come_back(top);
	} else if (info.ssi_signo == SIGWINCH) {
		cli_screen_forget();
	} else {
		top->has_ended = true;
	}
}

static void read_news(struct top *top, int fd)
{
	struct news *news;

	if (read(fd, &news, sizeof news) != sizeof news)
		return;
	free(top->trouble);
	top->trouble = iw_steal(&news->trouble);
	if (news->look) {
		json_decref(top->look);
		top->look = iw_steal(&news->look);
	}
	free(news);
}

static void watch(struct top *top, int signals, int news)
{
	struct pollfd fds[] = {
		{.fd = STDIN_FILENO, .events = POLLIN},
		{.fd = signals, .events = POLLIN},
		{.fd = news, .events = POLLIN},
	};

	while (!top->has_ended) {
		draw(top);
		if (poll(fds, IW_COUNT(fds), -1) < 0 && errno != EINTR)
			return;
		if (fds[1].revents)
			read_signal(top, signals);
		else if (fds[0].revents)
			read_keys(top);
		else if (fds[2].revents)
			read_news(top, news);
	}
}

/* Blocked in every thread, so that only the descriptor gets them. */
static int open_signals(void)
{
	static const int numbers[] = {
		SIGINT, SIGTERM, SIGHUP, SIGTSTP, SIGCONT, SIGWINCH};
	sigset_t set;
	size_t i;

	sigemptyset(&set);
	for (i = 0; i < IW_COUNT(numbers); i++)
		sigaddset(&set, numbers[i]);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

static int live(const char *state, json_t *look, struct iw_err *err)
{
	/* The thread uses it until the process is gone. */
	static struct looker looker;
	struct top top = {.look = json_incref(look)};
	_auto_close_ int signals = open_signals();
	pthread_t thread;
	int fds[2], rc;

	if (signals < 0 || pipe2(fds, O_CLOEXEC) < 0)
		return iw_err_errno(err, errno, "cannot wait for signals");
	rc = cli_screen_open(wants_color(), err);
	if (rc < 0)
		return rc;
	looker = (struct looker){.state = state, .pipe = fds[1]};
	rc = pthread_create(&thread, NULL, look_again_and_again, &looker);
	if (rc == 0)
		watch(&top, signals, fds[0]);
	cli_screen_close();
	json_decref(top.look);
	free(top.trouble);
	return rc ? iw_err_errno(err, rc, "cannot start a thread") : 0;
}

static int run(const char *state, bool is_once, bool json)
{
	struct iw_err err = IW_ERR_INIT;
	json_t *look;
	int rc = look_at(state, &look, &err);

	if (rc == 1)
		iw_err_set(&err, IW_ENOENT,
			"no farm runs on that state folder; 'ironworks serve ADAPTER' "
			"starts "
			"one, --state DIR names another");
	if (rc != 0)
		return cli_unreachable(&err);
	if (json) {
		cli_print_json(look);
		return CLI_DONE;
	}
	rc = is_once ? print_once(look) : live(state, look, &err);
	json_decref(look);
	return rc < 0 ? cli_fail(&err) : rc;
}

int cli_top(int argc, char **argv)
{
	bool is_once = false;
	const struct cli_option more[] = {{"once", .flag = &is_once}, {0}};
	struct cli_common common;
	int first, rc = cli_options(argc, argv, help, more, &common, &first);

	if (rc >= 0)
		return rc;
	if (first != argc)
		return cli_usage("top", "takes no arguments");
	return run(common.state, is_once, common.json);
}
