/* The sandbox: its command line word by word, and, where it works, what a job sees. */
#include "tests/lib/temp.h"

#include <unistd.h>

#include "base/capture.h"
#include "base/sandbox.h"

#include "base/banned.h"

struct line {
	char *argv[128];
	size_t count;
};

static void add_word(void *ctx, const char *arg)
{
	struct line *l = ctx;

	assert_true(l->count < IW_COUNT(l->argv) - 1);
	l->argv[l->count++] = iw_strdup(arg);
}

static void free_line(struct line *l)
{
	while (l->count > 0)
		free(l->argv[--l->count]);
}

/* Where these words stand one after the other; -1 when nowhere. */
static int find(const struct line *l, const char *a, const char *b, const char *c)
{
	const char *const words[] = {a, b, c};
	size_t i, k;

	for (i = 0; i < l->count; i++) {
		for (k = 0; k < 3 && words[k]; k++)
			if (i + k >= l->count || strcmp(l->argv[i + k], words[k]) != 0)
				break;
		if (k == 3 || !words[k])
			return (int)i;
	}
	return -1;
}

static const char *const reads[] = {"/srv/build", NULL};
static const char *const writes[] = {"/srv/ccache", NULL};
static const struct iw_sandbox_spec walls = {.work = "/tmp/state/work",
	.reads = reads,
	.writes = writes,
	.status_fd = 4,
	.filter_fd = 5,
	.processes = 7};

static void test_off_adds_nothing(void **state)
{
	struct iw_sandbox off = {.kind = IW_SANDBOX_OFF};
	struct line l = {.count = 0};

	(void)state;
	iw_sandbox_args(&off, &walls, add_word, &l);
	assert_int_equal(l.count, 0);
	assert_string_equal(iw_sandbox_name(&off), "off");
}

static void expect_walls(const struct line *l)
{
	static const char *const flags[] = {"--die-with-parent", "--unshare-user",
		"--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts"};
	size_t i;

	assert_string_equal(l->argv[0], "/x/bwrap");
	/* The limit is set inside, last of all. */
	assert_string_equal(l->argv[l->count - 4], "--");
	assert_string_equal(l->argv[l->count - 2], "--nproc=7");
	assert_true(find(l, "--seccomp", "5", NULL) > 0);
	assert_true(find(l, "--remount-ro", "/", NULL) >
		find(l, "--bind", "/tmp/state/work", "/tmp/state/work"));
	for (i = 0; i < IW_COUNT(flags); i++)
		assert_true(find(l, flags[i], NULL, NULL) > 0);
	assert_true(find(l, "--cap-drop", "ALL", NULL) > 0);
	assert_true(find(l, "--ro-bind", "/usr", "/usr") > 0);
	assert_true(find(l, "--ro-bind", "/srv/build", "/srv/build") > 0);
	assert_true(find(l, "--bind", "/srv/ccache", "/srv/ccache") > 0);
	assert_true(find(l, "--chdir", "/tmp/state/work", NULL) > 0);
	assert_true(find(l, "--json-status-fd", "4", NULL) > 0);
	/* A state folder below /tmp must not disappear under the private one. */
	assert_true(find(l, "--tmpfs", "/tmp", NULL) <
		find(l, "--bind", "/tmp/state/work", "/tmp/state/work"));
	/* Nothing of the host but what is named. */
	assert_int_equal(find(l, "--ro-bind", "/", "/"), -1);
	assert_int_equal(find(l, "--ro-bind", "/etc", "/etc"), -1);
	assert_int_equal(find(l, "--dev-bind", NULL, NULL), -1);
}

static void test_command_line(void **state)
{
	struct iw_sandbox own = {.kind = IW_SANDBOX_BWRAP, .bwrap = "/x/bwrap"};
	struct iw_sandbox hosts = {.kind = IW_SANDBOX_BWRAP_PROC, .bwrap = "/x/bwrap"};
	struct line l = {.count = 0};

	(void)state;
	iw_sandbox_args(&own, &walls, add_word, &l);
	expect_walls(&l);
	assert_true(find(&l, "--proc", "/proc", NULL) > 0);
	assert_int_equal(find(&l, "--ro-bind", "/proc", "/proc"), -1);
	free_line(&l);
	iw_sandbox_args(&hosts, &walls, add_word, &l);
	expect_walls(&l);
	assert_int_equal(find(&l, "--proc", "/proc", NULL), -1);
	assert_true(find(&l, "--ro-bind", "/proc", "/proc") > 0);
	free_line(&l);
	assert_string_equal(iw_sandbox_name(&own), "bubblewrap");
	assert_string_equal(iw_sandbox_name(&hosts), "bubblewrap, host /proc");
}

static void test_no_status_and_no_work(void **state)
{
	struct iw_sandbox own = {.kind = IW_SANDBOX_BWRAP, .bwrap = "/x/bwrap"};
	struct iw_sandbox_spec none = {.status_fd = -1, .filter_fd = -1};
	struct line l = {.count = 0};

	(void)state;
	iw_sandbox_args(&own, &none, add_word, &l);
	assert_int_equal(find(&l, "--json-status-fd", NULL, NULL), -1);
	assert_int_equal(find(&l, "--seccomp", NULL, NULL), -1);
	assert_int_equal(find(&l, "/usr/bin/prlimit", NULL, NULL), -1);
	assert_int_equal(find(&l, "--chdir", NULL, NULL), -1);
	assert_int_equal(find(&l, "--bind", NULL, NULL), -1);
	free_line(&l);
}

/* Where there is no sandbox the refusal says how to mend it, and the rest is skipped. */
static bool probe(struct iw_sandbox *sandbox)
{
	struct iw_err err = IW_ERR_INIT;
	int rc = iw_sandbox_probe(sandbox, &err);

	if (rc == 0)
		return true;
	assert_int_equal(rc, IW_ESANDBOX);
	assert_int_equal(err.code, IW_ESANDBOX);
	assert_non_null(strstr(err.msg, "--no-sandbox"));
	print_message("skipped: %s\n", err.msg);
	return false;
}

static int inside(struct iw_sandbox *sandbox, struct temp *t, const char *script,
	struct iw_buf *out)
{
	_auto_free_ char *work = temp_path(t, "work");
	_auto_free_ char *build = temp_path(t, "build");
	const char *const may_read[] = {build, NULL};
	struct iw_sandbox_spec spec = {
		.work = work, .reads = may_read, .status_fd = -1, .filter_fd = -1};
	struct line l = {.count = 0};
	int rc;

	iw_buf_clear(out);
	iw_sandbox_args(sandbox, &spec, add_word, &l);
	add_word(&l, "/bin/sh");
	add_word(&l, "-c");
	add_word(&l, script);
	l.argv[l.count] = NULL;
	rc = iw_capture((const char *const *)l.argv, 20000, out, &t->err);
	free_line(&l);
	return rc;
}

static const struct {
	const char *script;
	bool works;
} deeds[] = {
	{"pwd | grep -q /work$", true},
	{"echo x > made && cat made", true},
	{"cat ../build/f", true},
	{"echo x > ../build/f", false},
	{"echo x > ../outside", true}, /* into its private /tmp, not into the host's */
	{"cat ../secret", false},
	{"cat /etc/passwd", false},
	{"ls /home", false},
	{"touch /usr/x", false},
	{"echo x > /tmp/x && cat /tmp/x", true},
	{"test \"$(ls /sys/class/net 2>/dev/null | grep -vc '^lo$')\" = 0", true},
	{"grep -q 'NoNewPrivs:.1' /proc/self/status", true},
	{"grep -q 'CapEff:.0000000000000000' /proc/self/status", true},
	{"cc --version || test ! -e /etc/alternatives/cc", true},
};

static void test_what_a_job_sees(void **state)
{
	struct iw_sandbox sandbox;
	struct iw_buf out = {0};
	_auto_free_ char *work = NULL, *build = NULL;
	struct temp t;

	(void)state;
	if (!probe(&sandbox))
		skip();
	temp_open(&t);
	work = temp_path(&t, "work");
	build = temp_path(&t, "build");
	temp_ok(&t.err, iw_dir_make(work, &t.err));
	temp_ok(&t.err, iw_dir_make(build, &t.err));
	temp_write(&t, "build/f", "readable");
	temp_write(&t, "secret", "secret");
	for (size_t i = 0; i < IW_COUNT(deeds); i++) {
		int rc = inside(&sandbox, &t, deeds[i].script, &out);

		if ((rc == 0) != deeds[i].works)
			print_error("'%s' ended with %d: %s\n", deeds[i].script, rc,
				out.data);
		assert_int_equal(rc == 0, deeds[i].works);
	}
	temp_expect(&t, "work/made", "x\n");
	temp_expect(&t, "build/f", "readable");
	assert_int_equal(temp_entries(t.dir), 3);
	iw_buf_fini(&out);
	temp_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_off_adds_nothing),
		cmocka_unit_test(test_command_line),
		cmocka_unit_test(test_no_status_and_no_work),
		cmocka_unit_test(test_what_a_job_sees),
	};

	return cmocka_run_group_tests_name("base_sandbox", tests, NULL, NULL);
}
