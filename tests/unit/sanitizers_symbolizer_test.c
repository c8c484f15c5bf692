/* The long-lived symbolizer, played by shell scripts: what it knows, and each way in which
 * it fails. */
#include "tests/lib/jobs.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/time.h"
#include "sanitizers/symbolizer.h"

#include "base/banned.h"

#define TEXT(build)                                                                      \
	"    #0 0x10  (" build "/fuzz+0x10)\n    #1 0x20  (" build "/fuzz+0x20)\n"
#define NAMED "    #0 0x10 in f0x10 /src/a.c:1:2\n    #1 0x20 in f0x20 /src/a.c:1:2\n"

/* Notes each question and answers it. */
#define ANSWER                                                                           \
	"answer() { set -- $1; m=${2#?}; m=${m%%?}; echo \"$$ $m $3\" >>'%s/asked'; "    \
	"printf '{\"Address\":\"%%s\",\"ModuleName\":\"%%s\",\"Symbol\":[{"              \
	"\"FunctionName\":\"f%%s\",\"FileName\":\"/src/"                                 \
	"a.c\",\"Line\":1,\"Column\":2}]}\\n'"                                           \
	" \"$3\" \"$m\" \"$3\"; }\n"
/* Patience with what answers, on any machine; with what does not; and a bit of both. */
#define LONG_MS 60000
#define SHORT_MS 300
#define MEDIUM_MS 3000
#define ALL "while read -r line; do answer \"$line\"; done\n"

struct lab {
	struct jobs_test j;
	struct san_symbolizer *symbolizer;
	char *program;
	int under_way;
	bool is_kept; /* the symbolizer lives on behind the last naming */
};

static void on_stopped(void *ctx)
{
	struct lab *lab = ctx;

	san_symbolizer_free(iw_steal(&lab->symbolizer));
}

static void open_lab(struct lab *lab, const char *script, int64_t patience_ms)
{
	struct san_symbolizer_config config = {.patience_ms = patience_ms,
		.restart_ms = 10,
		.idle_ms = 60000,
		.rest_ms = 60000};
	_auto_free_ char *head = NULL;
	_auto_free_ char *text = NULL;

	*lab = (struct lab){0};
	jobs_open(&lab->j, NULL);
	head = iw_fmt("#!/bin/sh\ndir='%s'\n" ANSWER, lab->j.t.dir, lab->j.t.dir);
	text = iw_fmt("%s%s", head, script);
	temp_write(&lab->j.t, "symbolizer", text);
	lab->program = temp_path(&lab->j.t, "symbolizer");
	assert_int_equal(chmod(lab->program, 0755), 0);
	config.jobs = lab->j.jobs;
	config.program = lab->program;
	lab->symbolizer = san_symbolizer_new(&config);
}

static void close_lab(struct lab *lab)
{
	if (lab->symbolizer)
		san_symbolizer_stop(lab->symbolizer, on_stopped, lab);
	jobs_close(&lab->j);
	free(lab->program);
}

struct named {
	struct lab *lab;
	char *text, *why;
	int calls;
	bool is_done;
};

static void on_named(struct san_naming *naming, void *ctx)
{
	struct named *n = ctx;
	const char *why = san_naming_why(naming);
	size_t len;

	n->calls++;
	n->is_done = true;
	n->text = san_naming_take(naming, &len);
	assert_int_equal(strlen(n->text), len);
	n->why = why ? iw_strdup(why) : NULL;
	san_naming_free(naming);
	if (--n->lab->under_way == 0 && !n->lab->is_kept)
		san_symbolizer_stop(n->lab->symbolizer, on_stopped, n->lab);
}

static struct san_naming *start(
	struct lab *lab, const char *dir, const char *text, struct named *n)
{
	struct san_naming_spec spec = {.dir = dir, .text = text, .len = strlen(text)};

	*n = (struct named){.lab = lab};
	lab->under_way++;
	return san_naming_start(lab->symbolizer, &spec, on_named, n);
}

static void expect(struct named *n, const char *text, const char *why)
{
	assert_int_equal(n->calls, 1);
	assert_string_equal(n->text, text);
	if (why && !n->why)
		fail_msg("nobody says why: %s", why);
	else if (why && !strstr(n->why, why))
		assert_string_equal(n->why, why);
	else if (!why)
		assert_null(n->why);
	free(n->text);
	free(n->why);
}

/* How many lines of `asked` hold a word. */
static int asked(struct lab *lab, const char *word)
{
	_auto_free_ char *path = temp_path(&lab->j.t, "asked");
	_auto_free_ char *text = NULL;
	const char *at;
	size_t len;
	int n = 0;

	if (iw_file_read(path, 1 << 20, &text, &len, NULL) < 0)
		return 0;
	for (at = text; (at = strstr(at, word)) != NULL; at++)
		n++;
	return n;
}

static void test_places_are_asked_for_once(void **state)
{
	struct named first, second, third;
	struct lab lab;

	(void)state;
	open_lab(&lab, ALL, LONG_MS);
	start(&lab, "/b/one", TEXT("/b/one"), &first);
	start(&lab, "/b/one", TEXT("/b/one"), &second);
	start(&lab, "/b/two", TEXT("/b/two"), &third);
	assert_int_equal(first.calls + second.calls + third.calls, 0);
	iw_loop_run(&lab.j.loop);
	expect(&first, NAMED, NULL);
	expect(&second, NAMED, NULL);
	expect(&third, NAMED, NULL);
	assert_int_equal(asked(&lab, "/b/one/fuzz 0x10\n"), 1);
	assert_int_equal(asked(&lab, "/b/one/fuzz 0x20\n"), 1);
	assert_int_equal(asked(&lab, "/b/two/fuzz"), 2);
	close_lab(&lab);
}

/* A report of one build may name the files of another, or of the host. */
static void test_only_own_modules_are_asked_for(void **state)
{
	static const char text[] = "    #0 0x10  (/b/two/fuzz+0x10)\n"
				   "    #1 0x20  (/b/one/../two/fuzz+0x20)\n"
				   "    #2 0x30  (/etc/passwd+0x30)\n"
				   "    #3 0x30  (/b/onemore+0x30)\n"
				   "    #4 0x30  (/b/one/a\"b+0x30)\n"
				   "    #5 0x30  (/home/x+0x30)\n";
	struct named n;
	struct lab lab;

	(void)state;
	open_lab(&lab, ALL, LONG_MS);
	start(&lab, "/b/one", text, &n);
	iw_loop_run(&lab.j.loop);
	expect(&n, text, NULL);
	assert_int_equal(asked(&lab, "\n"), 0);
	close_lab(&lab);
}

static const struct {
	const char *what, *script, *why;
	const char *after; /* NULL: as before */
	int64_t patience_ms;
} faults[] = {
	{"it dies at the second question, twice",
		"read -r line; answer \"$line\"; read -r line; n=$(cat \"$dir/deaths\"); "
		"[ \"$n\" = xx ] || { printf \"${n}x\" >\"$dir/deaths\"; kill -9 $$; }\n"
		"answer \"$line\"\n" ALL,
		NULL, NAMED, LONG_MS},
	{"it dies at once, always", "exit 3\n", "exit code 3", NULL, LONG_MS},
	{"it is no program", "\nexec /nonexistent\n", "exit code 127", NULL, LONG_MS},
	{"it is deaf", "while :; do sleep 1; done\n", "does not answer", NULL, SHORT_MS},
	{"it was stopped", "kill -STOP $$\n" ALL, "does not answer", NULL, SHORT_MS},
	{"it does not want to end", "trap '' TERM\nwhile :; do sleep 1; done\n",
		"does not answer", NULL, SHORT_MS},
	{"it talks nonsense", "echo hello\n" ALL, "something else", NULL, LONG_MS},
	{"it answers what nobody asked",
		"while read -r line; do answer \"CODE '/b/one/fuzz' 0x99\"; done\n",
		"something else", NULL, LONG_MS},
	{"an answer never ends", "exec tr '\\0' x </dev/zero\n", "too long", NULL,
		LONG_MS},
	{"it answers half", "read -r line; answer \"$line\"; sleep 60\n", NULL, NAMED,
		MEDIUM_MS},
};

static void test_faults_lose_nothing(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < IW_COUNT(faults); i++) {
		struct named n, again;
		struct lab lab;

		print_message("%s\n", faults[i].what);
		open_lab(&lab, faults[i].script, faults[i].patience_ms);
		temp_write(&lab.j.t, "deaths", "");
		start(&lab, "/b/one", TEXT("/b/one"), &n);
		/* The build rests then: nobody waits three times again. */
		start(&lab, "/b/one", TEXT("/b/one"), &again);
		iw_loop_run(&lab.j.loop);
		expect(&n, faults[i].after ? faults[i].after : TEXT("/b/one"),
			faults[i].why);
		expect(&again, faults[i].after ? faults[i].after : TEXT("/b/one"),
			faults[i].why);
		close_lab(&lab);
	}
}

/* More builds than symbolizers: those that have answered make room. */
static void test_builds_take_turns(void **state)
{
	enum { BUILDS = 3 * SAN_CHILDREN };
	struct named n[BUILDS];
	struct lab lab;
	int i;

	(void)state;
	open_lab(&lab, ALL, LONG_MS);
	for (i = 0; i < BUILDS; i++) {
		_auto_free_ char *dir = iw_fmt("/b/%d", i);
		_auto_free_ char *text = iw_fmt("    #0 0x10  (/b/%d/fuzz+0x10)\n", i);

		start(&lab, dir, text, &n[i]);
	}
	iw_loop_run(&lab.j.loop);
	for (i = 0; i < BUILDS; i++)
		expect(&n[i], "    #0 0x10 in f0x10 /src/a.c:1:2\n", NULL);
	assert_int_equal(asked(&lab, "fuzz 0x10\n"), BUILDS);
	close_lab(&lab);
}

/* Stopping answers soon, with what is known, and confuses nobody behind. */
static void test_stop_while_it_is_asked(void **state)
{
	struct named first, second;
	int64_t began = iw_time_mono_ms();
	struct lab lab;

	(void)state;
	open_lab(&lab,
		"read -r line; case $line in *0x10*) sleep 60;; esac\n"
		"answer \"$line\"\n" ALL,
		LONG_MS);
	start(&lab, "/b/one", TEXT("/b/one"), &first);
	san_symbolizer_hurry(lab.symbolizer);
	start(&lab, "/b/one", "    #0 0x20  (/b/one/fuzz+0x20)\n", &second);
	iw_loop_run(&lab.j.loop);
	expect(&first, TEXT("/b/one"), NULL);
	expect(&second, "    #0 0x20 in f0x20 /src/a.c:1:2\n", NULL);
	assert_true(iw_time_mono_ms() - began < 30000);
	close_lab(&lab);
}

static void test_nothing_to_ask_starts_nothing(void **state)
{
	struct named n;
	struct lab lab;

	(void)state;
	open_lab(&lab, "echo started >\"$dir/asked\"\n" ALL, LONG_MS);
	start(&lab, "/b/one", "nothing\n", &n);
	iw_loop_run(&lab.j.loop);
	expect(&n, "nothing\n", NULL);
	assert_int_equal(asked(&lab, "started"), 0);
	close_lab(&lab);
}

/* One that nobody asks is no reason for a build's files to stay, and ends with them. */
static void test_an_idle_one_ends_when_it_is_told(void **state)
{
	int64_t began = iw_time_mono_ms();
	struct named n;
	struct lab lab;

	(void)state;
	open_lab(&lab, ALL, LONG_MS);
	lab.is_kept = true;
	start(&lab, "/b/one", TEXT("/b/one"), &n);
	assert_false(san_symbolizer_is_idle(lab.symbolizer, "/b/one"));
	iw_loop_run_until(&lab.j.loop, &n.is_done);
	assert_true(san_symbolizer_is_idle(lab.symbolizer, "/b/one"));
	assert_int_equal(iw_jobs_readers(lab.j.jobs, "/b/one"), 1);
	assert_false(san_symbolizer_is_idle(lab.symbolizer, "/b/two"));
	san_symbolizer_rest(lab.symbolizer, "/b/two");
	san_symbolizer_rest(lab.symbolizer, "/b/one");
	san_symbolizer_rest(lab.symbolizer, "/b/one");
	iw_loop_run(&lab.j.loop);
	assert_false(san_symbolizer_is_idle(lab.symbolizer, "/b/one"));
	assert_int_equal(iw_jobs_readers(lab.j.jobs, "/b/one"), 0);
	assert_true(iw_time_mono_ms() - began < 30000);
	assert_int_equal(n.calls, 1);
	free(n.text);
	free(n.why);
	close_lab(&lab);
}

static void close_ask(struct jobs_watch *watch)
{
	close(*(int *)watch->ctx);
}

/* Nobody tells the child that its supervisor is gone: its stdin does. */
static void test_stdin_ends_with_our_end(void **state)
{
	struct jobs_end end = {.calls = 0};
	struct jobs_watch watch = {.act = close_ask};
	struct jobs_test j;
	struct iw_job *job;
	int ask, answer;
	char got[16] = "";

	(void)state;
	jobs_open(&j, NULL);
	job = jobs_shell(
		&j, NULL, "read -r line; echo \"$line too\"; echo ready >&2; cat");
	temp_ok(&j.t.err, iw_job_channel(job, &ask, &answer, &j.t.err));
	assert_int_equal(write(ask, "hello\n", 6), 6);
	watch.job = job;
	watch.ctx = &ask;
	iw_job_submit(job, jobs_done, &end);
	jobs_watch(&j, &watch);
	iw_loop_run(&j.loop);
	jobs_expect(&end, IW_EXIT_CLEAN, 0, NULL);
	assert_int_equal(read(answer, got, sizeof got), 10);
	assert_string_equal(got, "hello too\n");
	close(answer);
	iw_job_free(job);
	jobs_close(&j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_places_are_asked_for_once),
		cmocka_unit_test(test_only_own_modules_are_asked_for),
		cmocka_unit_test(test_faults_lose_nothing),
		cmocka_unit_test(test_builds_take_turns),
		cmocka_unit_test(test_stop_while_it_is_asked),
		cmocka_unit_test(test_nothing_to_ask_starts_nothing),
		cmocka_unit_test(test_an_idle_one_ends_when_it_is_told),
		cmocka_unit_test(test_stdin_ends_with_our_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
