/* Memory: owners, steals, growth, and arenas whose pieces are aligned, zeroed and apart.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"

#include "base/banned.h"

static void test_copies(void **state)
{
	_auto_free_ char *whole = iw_strdup("abc");
	_auto_free_ char *part = iw_strndup("abcdef", 2);
	_auto_free_ char *shorter = iw_strndup("ab", 10);
	_auto_free_ char *made = iw_fmt("%s-%d", "x", 7);
	_auto_free_ char *bytes = iw_memdup("a\0b", 3);
	_auto_free_ char *none = iw_memdup(NULL, 0);

	(void)state;
	assert_string_equal(whole, "abc");
	assert_string_equal(part, "ab");
	assert_string_equal(shorter, "ab");
	assert_string_equal(made, "x-7");
	assert_memory_equal(bytes, "a\0b", 3);
	assert_non_null(none);
}

static void test_no_size_is_still_memory(void **state)
{
	_auto_free_ void *a = iw_malloc(0);
	_auto_free_ void *b = iw_calloc(0, 8);
	void *c = iw_realloc(iw_malloc(4), 0);

	(void)state;
	assert_non_null(a);
	assert_non_null(b);
	assert_non_null(c);
	free(c);
}

static void test_steal_hands_over(void **state)
{
	char *mine = iw_strdup("x");
	_auto_free_ char *theirs = iw_steal(&mine);

	(void)state;
	assert_null(mine);
	assert_string_equal(theirs, "x");
}

static void test_close_leaves_no_descriptor(void **state)
{
	int kept = open("/dev/null", O_RDONLY | O_CLOEXEC);

	(void)state;
	assert_true(kept >= 0);
	{
		_auto_close_ int fd = kept;
		_auto_close_ int none = -1;

		(void)fd;
		(void)none;
	}
	assert_int_equal(fcntl(kept, F_GETFD), -1);
}

static void test_grow(void **state)
{
	size_t count = 0, cap = 0, i;
	int *items = NULL;

	(void)state;
	for (i = 0; i < 1000; i++) {
		iw_grow(items, count, cap);
		items[count++] = (int)i;
	}
	assert_true(cap >= count);
	for (i = 0; i < count; i++)
		assert_int_equal(items[i], i);
	free(items);
}

/* A product that overflows must not become a small allocation: the process ends. */
static void test_overflow_aborts(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	pid = fork();
	if (pid == 0) {
		int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

		dup2(null, STDERR_FILENO);
		signal(SIGABRT, SIG_DFL);
		iw_reallocarray(NULL, SIZE_MAX / 2, 4);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
}

static void expect_zeroed(const unsigned char *p, size_t size)
{
	size_t i;

	for (i = 0; i < size; i++)
		assert_int_equal(p[i], 0);
}

static void test_arena_pieces(void **state)
{
	static const size_t sizes[] = {
		1, 3, 16, 17, 1000, 0, 16 << 10, 1 << 20, 5, (16 << 10) + 1, 4};
	_auto_(iw_arena_freep) struct iw_arena *arena = iw_arena_new();
	unsigned char *pieces[IW_COUNT(sizes)];
	size_t i, k;

	(void)state;
	for (i = 0; i < IW_COUNT(sizes); i++) {
		pieces[i] = iw_arena_alloc(arena, sizes[i]);
		assert_non_null(pieces[i]);
		assert_int_equal((uintptr_t)pieces[i] % _Alignof(max_align_t), 0);
		expect_zeroed(pieces[i], sizes[i]);
		memset(pieces[i], (int)i + 1, sizes[i]);
	}
	/* No piece was written over by a later one. */
	for (i = 0; i < IW_COUNT(sizes); i++)
		for (k = 0; k < sizes[i]; k++)
			assert_int_equal(pieces[i][k], i + 1);
}

static void test_arena_fills_many_blocks(void **state)
{
	_auto_(iw_arena_freep) struct iw_arena *arena = iw_arena_new();
	char *strings[5000];
	size_t i;

	(void)state;
	for (i = 0; i < IW_COUNT(strings); i++)
		strings[i] = iw_arena_fmt(arena, "string number %zu", i);
	for (i = 0; i < IW_COUNT(strings); i++) {
		_auto_free_ char *expected = iw_fmt("string number %zu", i);

		assert_string_equal(strings[i], expected);
	}
}

static void test_arena_strings(void **state)
{
	_auto_(iw_arena_freep) struct iw_arena *arena = iw_arena_new();

	(void)state;
	assert_string_equal(iw_arena_strdup(arena, ""), "");
	assert_string_equal(iw_arena_strdup(arena, "abc"), "abc");
	assert_string_equal(iw_arena_strndup(arena, "abcdef", 3), "abc");
	assert_string_equal(iw_arena_strndup(arena, "ab", 30), "ab");
	assert_string_equal(iw_arena_fmt(arena, "%05d", 42), "00042");
}

static void test_free_nothing(void **state)
{
	_auto_free_ char *none = NULL;
	_auto_(iw_arena_freep) struct iw_arena *no_arena = NULL;

	(void)state;
	iw_arena_free(NULL);
	iw_arena_free(iw_arena_new());
	assert_null(none);
	assert_null(no_arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_copies),
		cmocka_unit_test(test_no_size_is_still_memory),
		cmocka_unit_test(test_steal_hands_over),
		cmocka_unit_test(test_close_leaves_no_descriptor),
		cmocka_unit_test(test_grow),
		cmocka_unit_test(test_overflow_aborts),
		cmocka_unit_test(test_arena_pieces),
		cmocka_unit_test(test_arena_fills_many_blocks),
		cmocka_unit_test(test_arena_strings),
		cmocka_unit_test(test_free_nothing),
	};

	return cmocka_run_group_tests_name("base_mem", tests, NULL, NULL);
}
