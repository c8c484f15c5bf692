/*
 * One look at which lines the corpora of a project reach: its coverage build, every
 * target's corpus on it, the reports, what is reached of what is staged; then all of it
 * replaces what was known before, files and rows.
 *
 * Thread: the loop.
 */
#ifndef IW_COVER_ROUND_H
#define IW_COVER_ROUND_H

#include "farm_room.h"

#define COVER_FLAVOUR "coverage"

/* Of the last round that ended; the farm decides by it when the next one is due. */
struct cover_round_result {
	bool is_done;	  /* everything is replaced, or was as good before */
	bool is_hopeless; /* the tree does not build, or nothing counts: not again */
	int64_t units;	  /* of all targets, when it began */
	int64_t core_ms;
};

struct cover_round;
/* Fires once, later. The farm has been told what came of it. */
typedef void (*cover_round_done_cb)(
	struct cover_round *round, const struct cover_round_result *result, void *ctx);

struct cover_round *cover_round_start(
	struct farm_project *project, cover_round_done_cb done, void *ctx);
void cover_round_stop(struct cover_round *round);
/* From done on, also inside it. */
void cover_round_free(struct cover_round *round);

#endif
