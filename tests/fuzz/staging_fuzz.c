/* Messages of staged commits: whatever they are, the result is bounded and honest. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "adapters/staging_revert.h"

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_pr(const struct staged_pr *pr, bool brings_one)
{
	assert(brings_one == (pr->number > 0));
	assert(pr->title && strlen(pr->title) <= 500 && !strchr(pr->title, '\n'));
	assert(!*pr->head || strspn(pr->head, "0123456789abcdef") == IW_GIT_HEX - 1);
	assert(!pr->url || strncmp(pr->url, "http", 4) == 0);
	assert(!pr->head_ref || (*pr->head_ref && !strpbrk(pr->head_ref, " \t\n")));
	assert(!pr->repo || strchr(pr->repo, '/'));
	assert(pr->promoted_at_ms >= -1);
	/* A message that brings none has a title and nothing else. */
	assert(brings_one ||
		(!pr->url && !pr->head_ref && !*pr->head && !pr->repo &&
			pr->promoted_at_ms == -1));
}

static void check_revert(const char *message, const struct staged_pr *pr)
{
	struct staging_revert r;
	size_t i;

	staging_revert_parse(message, pr, &r);
	assert(r.commit_count <= STAGING_HINTS_MAX);
	assert(r.number_count <= STAGING_HINTS_MAX);
	for (i = 0; i < r.commit_count; i++)
		assert(strspn(r.commits[i], "0123456789abcdef") == IW_GIT_HEX - 1);
	for (i = 0; i < r.number_count; i++)
		assert(r.numbers[i] > 0 && r.numbers[i] != pr->number);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_auto_free_ char *message = iw_strndup((const char *)data, size);
	_auto_(iw_arena_freep) struct iw_arena *arena = iw_arena_new();
	struct staged_pr merge, plain;

	check_pr(&merge, staging_message_parse(arena, message, true, &merge));
	check_pr(&plain, staging_message_parse(arena, message, false, &plain));
	/* Of a commit that is no merge nothing but its own number is believed. */
	assert(!plain.head_ref && !plain.url && !*plain.head && !plain.repo);
	check_revert(message, &merge);
	check_revert(message, &plain);
	return 0;
}
