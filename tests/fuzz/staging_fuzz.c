/* Messages of staged commits: whatever they are, the result is bounded and honest. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "adapters/staging.h"

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_auto_free_ char *message = iw_strndup((const char *)data, size);
	_auto_(iw_arena_freep) struct iw_arena *arena = iw_arena_new();
	struct staged_pr pr;
	bool is_promotion = staging_message_parse(arena, message, &pr);

	assert(is_promotion == (pr.number > 0));
	assert(pr.title && strlen(pr.title) <= 500 && !strchr(pr.title, '\n'));
	assert(!*pr.head || strspn(pr.head, "0123456789abcdef") == IW_GIT_HEX - 1);
	assert(!pr.url || strncmp(pr.url, "http", 4) == 0);
	assert(!pr.head_ref || *pr.head_ref);
	assert(pr.promoted_at_ms >= -1);
	/* A message that is no promotion has a title and nothing else. */
	assert(is_promotion ||
		(!pr.url && !pr.head_ref && !*pr.head && pr.promoted_at_ms == -1));
	return 0;
}
