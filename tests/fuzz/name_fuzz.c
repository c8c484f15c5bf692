/* Names that a compiler may have mangled: whatever they are, what people see is short and
 * plain, and the library below neither runs on nor writes beyond. */
#include "tests/lib/promises.h"

#include "base/mem.h"
#include "sanitizers/demangle.h"
#include "sanitizers/frames.h"

#include "base/banned.h"

#define NAME_LIMIT 600

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void promise_name(const char *s, size_t max)
{
	PROMISE(strlen(s) <= max);
	for (; *s; s++)
		PROMISE((unsigned char)*s >= 0x20 && *s != 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct iw_arena *arena = iw_arena_new();
	char *exact = iw_memdup(data, size);
	const char *name = san_name_demangle(arena, exact, size, NAME_LIMIT);
	struct san_frame frame = {0};

	if (name) {
		PROMISE(*name && san_name_is_mangled(exact, size));
		promise_name(name, NAME_LIMIT);
		frame.function = name;
		name = san_frame_normalise(arena, &frame);
		if (name)
			promise_name(name, SAN_STATE_WIDTH);
	}
	if (!memchr(data, '\0', size)) {
		char *go = iw_strndup((const char *)data, size);

		san_name_unescape_go(go);
		PROMISE(strlen(go) <= size);
		free(go);
	}
	free(exact);
	iw_arena_free(arena);
	return 0;
}
