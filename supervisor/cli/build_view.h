/* How builds are shown: while they are made, and what came of them. answer: as
 * order_json() in adapters/order.h. */
#ifndef IW_CLI_BUILD_VIEW_H
#define IW_CLI_BUILD_VIEW_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct build_view {
	uint64_t told; /* bits: parts whose end was said */
};

/* "demo: libfuzzer is built" on stderr, once for each flavour that has its answer. */
void build_view_progress(struct build_view *view, const json_t *answer);
/* The same for one. */
void build_view_part(const char *adapter, const json_t *part);
/* A table, and of each that failed the first error and the end of its log. */
void build_view_print(const json_t *answer);
/* Whether every flavour is there. */
bool build_view_is_whole(const json_t *answer);

#endif
