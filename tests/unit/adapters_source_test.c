/* Where a branch is, in what `git ls-remote` prints. */
#include "tests/lib/temp.h"

#include "adapters/source.h"

#include "base/banned.h"

#define ID(c)                                                                            \
	c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c

static const struct {
	const char *listing, *branch, *head;
} rows[] = {
	{ID("1") "\trefs/heads/main\n", "main", ID("1")},
	/* Without a newline at the end, and after what a server greets with. */
	{"Welcome!\n" ID("1") "\trefs/heads/main", "main", ID("1")},
	/* A branch of another name that ends alike. */
	{ID("1") "\trefs/heads/old/main\n" ID("2") "\trefs/heads/main\n", "main",
		ID("2")},
	{ID("1") "\trefs/heads/old/main\n", "main", NULL},
	/* A branch before a tag, as where it is read. */
	{ID("1") "\trefs/tags/v1\n" ID("2") "\trefs/heads/v1\n", "v1", ID("2")},
	{ID("1") "\trefs/heads/v1\n" ID("2") "\trefs/tags/v1\n", "v1", ID("1")},
	/* What a tag means, not the tag. */
	{ID("1") "\trefs/tags/v1\n" ID("2") "\trefs/tags/v1^{}\n", "v1", ID("2")},
	{ID("1") "\trefs/tags/v1\n", "v1", ID("1")},
	{ID("1") "\trefs/remotes/origin/x\n", "x", ID("1")},
	{ID("1") "\trefs/pull/7/head\n", "pull/7/head", ID("1")},
	{ID("1") "\trefs/pull/7/head\n", "refs/pull/7/head", ID("1")},
	{ID("1") "\tHEAD\n", "HEAD", ID("1")},
	{"", "main", NULL},
	{"\n\n", "main", NULL},
	{ID("X") "\trefs/heads/main\n", "main", NULL},
	{"11\trefs/heads/main\n", "main", NULL},
	{ID("1") " refs/heads/main\n", "main", NULL},
	{ID("1") "\trefs/heads/main \n", "main", NULL},
	{ID("1"), "main", NULL},
};

static void test_head(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < IW_COUNT(rows); i++) {
		char head[IW_GIT_HEX] = "";
		bool found = source_head_find(rows[i].listing, rows[i].branch, head);

		if (found != (rows[i].head != NULL) ||
			(found && strcmp(head, rows[i].head) != 0))
			fail_msg("'%s' in '%s': %s", rows[i].branch, rows[i].listing,
				head);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_head)};

	return cmocka_run_group_tests_name("adapters_source", tests, NULL, NULL);
}
