/*
 * Names for the frames of a report that was printed without any: which places it asks
 * for, and the text as the runtime itself would have printed it with a symbolizer at
 * hand. Inlined frames become frames of their own, the summary gets its place, and a
 * race's stacks end at main().
 *
 * Read are the frames of ASan, LSan, MSan, TSan, UBSan and libFuzzer as clang 14 to 19 and
 * gcc print them with symbolize=0; whatever else the text holds is copied. The text is
 * hostile: time is linear in it, and what a name holds is foreign.
 *
 * Pure: no job, no file, no state. Thread: any.
 */
#ifndef SANITIZERS_SYMBOLIZE_H
#define SANITIZERS_SYMBOLIZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "sanitizers/symbol.h"

struct san_symbolize_spec {
	const char *text; /* borrowed */
	size_t len;
	/* The program that printed it: of a race's frames only the file's name may be
	 * known, as TSan prints them by default. NULL: nobody knows. */
	const char *binary;
	/* Of the clang whose runtime printed it: what they leave out of a name and which
	 * frame a summary tells has changed. 0: the newest. */
	int major;
};

typedef void (*san_place_cb)(void *ctx, const struct san_place *place);
/* Calls each for every frame without a name, in the text's order; the same place may come
 * again. Places are borrowed until the call returns. */
void san_symbolize_ask(
	const struct san_symbolize_spec *spec, san_place_cb each, void *ctx);

/* What is known of a place; NULL: nothing, and its frame stays as it is. */
typedef const struct san_symbol *(*san_symbol_cb)(
	void *ctx, const struct san_place *place);
/* Appends the text with names to out. */
void san_symbolize(const struct san_symbolize_spec *spec, san_symbol_cb find, void *ctx,
	struct iw_buf *out);

#endif
