/* Folders: made, listed, copied, and removed whatever a job has left in them. */
#include "tests/lib/temp.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/banned.h"

#define NOBODY 65534

static void test_dir_make(void **state)
{
	_auto_free_ char *deep = NULL, *file = NULL, *below = NULL, *words = NULL;
	struct temp t;

	(void)state;
	temp_open(&t);
	deep = temp_path(&t, "a/b//c/");
	file = temp_path(&t, "f");
	below = temp_path(&t, "f/x");
	words = iw_fmt("'%s' exists and is no folder", file);
	temp_ok(&t.err, iw_dir_make(deep, &t.err));
	temp_ok(&t.err, iw_dir_make(deep, &t.err));
	temp_ok(&t.err, iw_dir_make("/", &t.err));
	assert_true(iw_file_exists(deep));
	temp_write(&t, "f", "x");
	temp_fails(&t.err, iw_dir_make(file, &t.err), IW_EEXIST, words);
	assert_int_equal(iw_dir_make(below, &t.err), IW_EIO);
	temp_close(&t);
}

static void test_dir_remove_does_not_follow_links(void **state)
{
	_auto_free_ char *tree = NULL, *link = NULL, *none = NULL;
	struct temp t;

	(void)state;
	temp_open(&t);
	tree = temp_path(&t, "tree");
	link = temp_path(&t, "tree/link");
	none = temp_path(&t, "none");
	temp_write(&t, "kept", "x");
	assert_int_equal(mkdir(tree, 0755), 0);
	assert_int_equal(symlink(t.dir, link), 0);
	temp_ok(&t.err, iw_dir_remove(tree, &t.err));
	temp_expect(&t, "kept", "x");
	temp_ok(&t.err, iw_dir_remove(none, &t.err));
	temp_close(&t);
}

/* A tree as a hostile job may leave it; true when it could be removed again. */
static bool remove_unreadable(const char *dir)
{
	_auto_free_ char *tree = iw_path_join(dir, "tree");
	_auto_free_ char *deep = iw_path_join(tree, "a/b/c");
	_auto_free_ char *file = iw_path_join(deep, "f");
	static const mode_t modes[] = {0, 0100, 0200, 0400, 0500, 0300};
	size_t i;

	for (i = 0; i < IW_COUNT(modes); i++) {
		char *p;

		if (iw_dir_make(deep, NULL) < 0 ||
			iw_file_write(file, "x", 1, 0, NULL) < 0)
			return false;
		/* From the innermost out, or it could not be reached any more. */
		while ((p = strrchr(deep, '/')) != NULL && strlen(deep) >= strlen(tree)) {
			if (chmod(deep, modes[i]) < 0)
				return false;
			*p = '\0';
		}
		if (iw_dir_remove(tree, NULL) < 0 || iw_file_exists(tree))
			return false;
		iw_freep(&deep);
		deep = iw_path_join(tree, "a/b/c");
	}
	return true;
}

/* Root reads everything, so the test becomes somebody else. */
static void test_dir_remove_of_unreadable_folders(void **state)
{
	struct temp t;
	int status;
	pid_t pid;

	(void)state;
	temp_open(&t);
	if (geteuid() == 0)
		assert_int_equal(chown(t.dir, NOBODY, NOBODY), 0);
	pid = fork();
	if (pid == 0) {
		if (geteuid() == 0 && (setgid(NOBODY) < 0 || setuid(NOBODY) < 0))
			_exit(3);
		_exit(remove_unreadable(t.dir) ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	temp_close(&t);
}

/* Deeper than any path can say: made step by step, as a job would. */
static void test_dir_remove_of_bottomless_trees(void **state)
{
	char name[201];
	struct temp t;
	int fd, next, i;

	(void)state;
	memset(name, 'd', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	temp_open(&t);
	fd = open(t.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (i = 0; i < 60; i++) {
		assert_int_equal(mkdirat(fd, name, 0755), 0);
		next = openat(fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_true(next >= 0);
		close(fd);
		fd = next;
	}
	close(fd);
	temp_ok(&t.err, iw_dir_remove(t.dir, &t.err));
	assert_false(iw_file_exists(t.dir));
}

static void test_dir_copy(void **state)
{
	_auto_free_ char *from = NULL, *to = NULL, *deep = NULL, *link = NULL,
			 *pipe = NULL;
	_auto_free_ char *program = NULL, *copied = NULL;
	struct temp t;
	struct stat st;
	char target[32];

	(void)state;
	temp_open(&t);
	from = temp_path(&t, "from");
	to = temp_path(&t, "to");
	deep = temp_path(&t, "from/a/b");
	link = temp_path(&t, "from/link");
	pipe = temp_path(&t, "from/pipe");
	program = temp_path(&t, "from/a/program");
	copied = temp_path(&t, "to/a/program");
	temp_ok(&t.err, iw_dir_make(deep, &t.err));
	temp_write(&t, "from/a/b/f", "content");
	temp_ok(&t.err, iw_file_write(program, "#!", 2, 0755, &t.err));
	assert_int_equal(symlink("/nowhere", link), 0);
	assert_int_equal(mkfifo(pipe, 0644), 0);
	temp_ok(&t.err, iw_dir_copy(from, to, &t.err));
	temp_expect(&t, "to/a/b/f", "content");
	assert_int_equal(stat(copied, &st), 0);
	assert_int_equal(st.st_mode & 0111, 0111);
	iw_freep(&link);
	link = temp_path(&t, "to/link");
	assert_int_equal(readlink(link, target, sizeof target), 8);
	assert_int_equal(temp_entries(to), 2); /* nobody's content: the pipe */
	temp_close(&t);
}

static int take_name(void *ctx, const char *name)
{
	char *all = ctx;

	all[strlen(all)] = *name; /* of zeros, so the end stays one */
	return strcmp(name, "c") == 0 ? 7 : 0;
}

static void test_dir_each_in_order_until_told(void **state)
{
	char all[8] = "";
	struct temp t;

	(void)state;
	temp_open(&t);
	temp_write(&t, "d", "");
	temp_write(&t, "a", "");
	temp_write(&t, "c", "");
	temp_write(&t, "b", "");
	assert_int_equal(iw_dir_each(t.dir, take_name, all, &t.err), 7);
	assert_string_equal(all, "abc");
	assert_int_equal(iw_dir_each("/nowhere", take_name, all, &t.err), IW_ENOENT);
	assert_string_equal(
		t.err.msg, "cannot list folder '/nowhere': No such file or directory");
	temp_close(&t);
}

static int count(void *ctx, const char *name)
{
	(void)name;
	++*(int *)ctx;
	return 0;
}

static void test_dir_each_below_is_bounded_and_follows_no_link(void **state)
{
	_auto_free_ char *link = NULL, *out = NULL;
	int counted = 0;
	struct temp t;

	(void)state;
	temp_open(&t);
	out = temp_path(&t, "job/out");
	assert_int_equal(iw_dir_make(out, &t.err), 0);
	temp_write(&t, "job/out/a", "");
	temp_write(&t, "job/out/b", "");
	temp_write(&t, "job/out/c", "");
	assert_int_equal(
		iw_dir_each_below(t.dir, "job/out", 9, count, &counted, &t.err), 0);
	assert_int_equal(counted, 3);
	assert_int_equal(
		iw_dir_each_below(t.dir, "job/out", 2, count, &counted, &t.err), 0);
	assert_int_equal(counted, 5);
	link = temp_path(&t, "link");
	assert_int_equal(symlink("job", link), 0);
	assert_int_equal(iw_dir_each_below(t.dir, "link/out", 9, count, &counted, &t.err),
		IW_EINVAL);
	assert_int_equal(
		iw_dir_each_below(t.dir, "gone", 9, count, &counted, &t.err), IW_ENOENT);
	assert_int_equal(counted, 5);
	temp_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dir_make),
		cmocka_unit_test(test_dir_remove_does_not_follow_links),
		cmocka_unit_test(test_dir_remove_of_unreadable_folders),
		cmocka_unit_test(test_dir_remove_of_bottomless_trees),
		cmocka_unit_test(test_dir_copy),
		cmocka_unit_test(test_dir_each_in_order_until_told),
		cmocka_unit_test(test_dir_each_below_is_bounded_and_follows_no_link),
	};

	return cmocka_run_group_tests_name("base_file_tree", tests, NULL, NULL);
}
