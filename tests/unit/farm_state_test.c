/* The state folder: one writer, no newer schema, no full disk, each with its sentence. */
#include "tests/lib/temp.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/schema.h"
#include "state.h"

#include "base/banned.h"

#define NOBODY 65534

struct state_test {
	struct temp t;
	char *dir;
	struct iw_state state;
};

static void begin(struct state_test *s)
{
	temp_open(&s->t);
	s->dir = temp_path(&s->t, "deep/state");
}

static void end(struct state_test *s)
{
	free(s->dir);
	temp_close(&s->t);
}

static int open_as(struct state_test *s, enum iw_state_mode mode)
{
	return iw_state_open(&s->state, s->dir, mode, &s->t.err);
}

static int64_t version(struct iw_state *state)
{
	struct iw_err err = IW_ERR_INIT;
	int64_t value;

	temp_ok(&err, iw_db_int(state->dbc, -1, &value, &err, "PRAGMA user_version", ""));
	return value;
}

static void test_makes_everything(void **state)
{
	struct state_test s;

	(void)state;
	begin(&s);
	temp_ok(&s.t.err, open_as(&s, IW_STATE_WRITE));
	assert_string_equal(s.state.dir, s.dir);
	assert_true(iw_file_exists(s.state.db));
	assert_true(iw_file_exists(s.state.units));
	assert_true(iw_file_exists(s.state.artifacts));
	assert_true(iw_file_exists(s.state.builds));
	assert_true(iw_file_exists(s.state.jobs));
	assert_true(iw_file_exists(s.state.outbox));
	assert_int_equal(version(&s.state), (int64_t)iw_schema_step_count);
	iw_state_close(&s.state);
	iw_state_close(&s.state); /* of nothing is fine */
	temp_ok(&s.t.err, open_as(&s, IW_STATE_WRITE));
	iw_state_close(&s.state);
	end(&s);
}

static void test_path_is_absolute(void **state)
{
	struct state_test s;
	char here[4096];

	(void)state;
	begin(&s);
	assert_non_null(getcwd(here, sizeof here));
	assert_int_equal(chdir(s.t.dir), 0);
	temp_ok(&s.t.err, iw_dir_make("deep", &s.t.err));
	temp_ok(&s.t.err,
		iw_state_open(&s.state, "deep/../deep//state", IW_STATE_WRITE, &s.t.err));
	assert_int_equal(chdir(here), 0);
	assert_string_equal(s.state.dir, s.dir);
	iw_state_close(&s.state);
	end(&s);
}

/* The lock of a process, so a second open of our own is refused like another's. */
static void test_one_writer(void **state)
{
	_auto_free_ char *words = NULL;
	struct iw_state second;
	struct state_test s;

	(void)state;
	begin(&s);
	temp_ok(&s.t.err, open_as(&s, IW_STATE_WRITE));
	words = iw_fmt(
		"state folder '%s' is in use by another ironworks (pid %d); stop that "
		"one or give another --state",
		s.dir, (int)getpid());
	temp_fails(&s.t.err, iw_state_open(&second, s.dir, IW_STATE_WRITE, &s.t.err),
		IW_EBUSY, words);
	/* Readers are welcome. */
	temp_ok(&s.t.err, iw_state_open(&second, s.dir, IW_STATE_READ, &s.t.err));
	assert_int_equal(version(&second), (int64_t)iw_schema_step_count);
	iw_state_close(&second);
	iw_state_close(&s.state);
	temp_ok(&s.t.err, open_as(&s, IW_STATE_WRITE));
	iw_state_close(&s.state);
	end(&s);
}

static void test_reader_makes_nothing(void **state)
{
	_auto_free_ char *words = NULL;
	struct state_test s;

	(void)state;
	begin(&s);
	words = iw_fmt("there is no state in '%s'; 'ironworks run ADAPTER' makes one, "
		       "--state DIR names another",
		s.dir);
	temp_fails(&s.t.err, open_as(&s, IW_STATE_READ), IW_ENOENT, words);
	assert_int_equal(temp_entries(s.t.dir), 0);
	end(&s);
}

/* Refused by both, and its database stays as it was, byte for byte. */
static void test_newer_schema_is_refused(void **state)
{
	_auto_free_ char *words = NULL, *before = NULL, *after = NULL, *path = NULL;
	size_t before_len, after_len;
	struct state_test s;
	int mode;

	(void)state;
	begin(&s);
	temp_ok(&s.t.err, open_as(&s, IW_STATE_WRITE));
	temp_ok(&s.t.err,
		iw_db_exec(s.state.dbc, &s.t.err, "PRAGMA user_version = 999", ""));
	path = iw_strdup(s.state.db);
	iw_state_close(&s.state);
	temp_ok(&s.t.err, iw_file_read(path, 1 << 20, &before, &before_len, &s.t.err));
	words = iw_fmt(
		"database '%s': it was written by a newer Ironworks (schema 999, this "
		"program knows %zu); use that version or another --state folder",
		path, iw_schema_step_count);
	for (mode = IW_STATE_WRITE; mode <= IW_STATE_READ; mode++) {
		temp_fails(&s.t.err, open_as(&s, (enum iw_state_mode)mode), IW_EVERSION,
			words);
		assert_null(s.state.dir); /* closed again */
	}
	temp_ok(&s.t.err, iw_file_read(path, 1 << 20, &after, &after_len, &s.t.err));
	assert_int_equal(after_len, before_len);
	assert_memory_equal(after, before, before_len);
	end(&s);
}

static void test_a_file_in_the_way(void **state)
{
	_auto_free_ char *words = NULL, *path = NULL;
	struct state_test s;

	(void)state;
	begin(&s);
	temp_write(&s.t, "deep", "a file");
	words = iw_fmt("state folder: cannot make folder '%s': Not a directory", s.dir);
	temp_fails(&s.t.err, open_as(&s, IW_STATE_WRITE), IW_EIO, words);
	path = temp_path(&s.t, "deep");

	iw_freep(&words);
	words = iw_fmt("state folder: '%s' exists and is no folder", path);
	temp_fails(&s.t.err, iw_state_open(&s.state, path, IW_STATE_WRITE, &s.t.err),
		IW_EEXIST, words);
	end(&s);
}

/* In a child that is not root: root may write anywhere. */
static void test_a_folder_of_somebody_else(void **state)
{
	struct state_test s;
	int status;
	pid_t pid;

	(void)state;
	begin(&s);
	temp_ok(&s.t.err, iw_dir_make(s.dir, &s.t.err));
	assert_int_equal(chmod(s.t.dir, 0755), 0);
	assert_int_equal(chmod(s.dir, 0555), 0);
	pid = fork();
	if (pid == 0) {
		if (geteuid() == 0 && (setgid(NOBODY) < 0 || setuid(NOBODY) < 0))
			_exit(3);
		if (open_as(&s, IW_STATE_WRITE) != IW_EIO ||
			!strstr(s.t.err.msg, "lock': Permission denied"))
			_exit(1);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	end(&s);
}

/* Nobody may look into it: that is said, and whose it is; not that nothing is there. */
static void test_a_private_folder_of_somebody_else(void **state)
{
	struct state_test s;
	int status;
	pid_t pid;

	(void)state;
	begin(&s);
	temp_ok(&s.t.err, open_as(&s, IW_STATE_WRITE));
	iw_state_close(&s.state);
	assert_int_equal(chmod(s.t.dir, 0755), 0);
	pid = fork();
	if (pid == 0) {
		pid_t holder;

		if (geteuid() == 0 && (setgid(NOBODY) < 0 || setuid(NOBODY) < 0))
			_exit(3);
		if (geteuid() != NOBODY && chmod(s.dir, 0) < 0)
			_exit(3);
		if (open_as(&s, IW_STATE_READ) != IW_EIO ||
			!strstr(s.t.err.msg, "permission denied") ||
			!strstr(s.t.err.msg, "which belongs to "))
			_exit(1);
		if (iw_state_holder(s.dir, &holder, &s.t.err) != IW_EIO ||
			!strstr(s.t.err.msg, "permission denied"))
			_exit(2);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(chmod(s.dir, 0700), 0);
	end(&s);
}

#define CANNOT_MOUNT 77

/* A disk with less room than we ask for, in namespaces of its own. */
static int on_a_small_disk(struct state_test *s)
{
	_auto_free_ char *map = iw_fmt("0 %u 1\n", (unsigned)geteuid());
	struct iw_err *err = &s->t.err;

	if (unshare(CLONE_NEWNS) < 0 &&
		(unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0 ||
			iw_file_write("/proc/self/uid_map", map, strlen(map), 0, NULL) <
				0))
		return CANNOT_MOUNT;
	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		mount("small", s->t.dir, "tmpfs", 0, "size=8m") < 0)
		return CANNOT_MOUNT;
	if (open_as(s, IW_STATE_WRITE) != IW_ENOSPC)
		return 1;
	if (!strstr(err->msg, "is full (") || !strstr(err->msg, " MiB free, 64 needed)"))
		return 2;
	return 0;
}

static void test_full_disk(void **state)
{
	struct state_test s;
	int status;
	pid_t pid;

	(void)state;
	begin(&s);
	pid = fork();
	if (pid == 0)
		_exit(on_a_small_disk(&s));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	end(&s);
	if (WIFEXITED(status) && WEXITSTATUS(status) == CANNOT_MOUNT) {
		print_message("skipped: no disk can be mounted here\n");
		skip();
	}
	assert_int_equal(status, 0);
}

static void test_default_folder(void **state)
{
	_auto_free_ char *xdg = NULL, *home = NULL, *kept_home = NULL, *kept_xdg = NULL;
	struct state_test s;

	(void)state;
	begin(&s);
	kept_home = getenv("HOME") ? iw_strdup(getenv("HOME")) : NULL;
	kept_xdg = getenv("XDG_STATE_HOME") ? iw_strdup(getenv("XDG_STATE_HOME")) : NULL;
	xdg = iw_fmt("%s/ironworks", s.t.dir);
	home = iw_fmt("%s/.local/state/ironworks", s.t.dir);
	setenv("XDG_STATE_HOME", s.t.dir, 1);
	temp_ok(&s.t.err, iw_state_open(&s.state, NULL, IW_STATE_WRITE, &s.t.err));
	assert_string_equal(s.state.dir, xdg);
	iw_state_close(&s.state);
	/* A relative one is to be ignored, says its specification. */
	setenv("XDG_STATE_HOME", "relative", 1);
	setenv("HOME", s.t.dir, 1);
	temp_ok(&s.t.err, iw_state_open(&s.state, NULL, IW_STATE_WRITE, &s.t.err));
	assert_string_equal(s.state.dir, home);
	iw_state_close(&s.state);
	if (kept_xdg)
		setenv("XDG_STATE_HOME", kept_xdg, 1);
	else
		unsetenv("XDG_STATE_HOME");
	if (kept_home)
		setenv("HOME", kept_home, 1);
	end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_makes_everything),
		cmocka_unit_test(test_path_is_absolute),
		cmocka_unit_test(test_one_writer),
		cmocka_unit_test(test_reader_makes_nothing),
		cmocka_unit_test(test_newer_schema_is_refused),
		cmocka_unit_test(test_a_file_in_the_way),
		cmocka_unit_test(test_a_folder_of_somebody_else),
		cmocka_unit_test(test_a_private_folder_of_somebody_else),
		cmocka_unit_test(test_full_disk),
		cmocka_unit_test(test_default_folder),
	};

	return cmocka_run_group_tests_name("farm_state", tests, NULL, NULL);
}
