/*
 * Whether an input still reaches the code that failed. A bug that no longer shows is gone
 * only then: an input that a newer reader turns away at its door shows nothing, whatever
 * is behind it.
 *
 * The engine itself says which functions one run of the input enters (-print_coverage with
 * -print_full_coverage, libFuzzer's), on the very build that was run, so it costs no other
 * build. Features would not do: a counter's number means something on its own build only.
 * Asked about are the innermost functions of the bug's stack that the build has; what was
 * inlined or renamed stands in no table there and is passed over. One of the first two
 * must be entered: a mend may guard the innermost one in its caller.
 *
 * Thread: the loop; triage_reach_read: any.
 */
#ifndef TRIAGE_REACH_H
#define TRIAGE_REACH_H

#include <stddef.h>
#include <stdint.h>

#include "base/build.h"
#include "triage/signature.h"
#include "triage/what.h"
#include "triage/world.h"

enum triage_reach {
	TRIAGE_REACH_UNKNOWN = -1,
	TRIAGE_REACH_NOT,
	TRIAGE_REACH_YES,
};

/* What the engine printed, about the stack that frames are. Without any frame being run is
 * all that can be asked. */
enum triage_reach triage_reach_read(
	const char *text, size_t len, const struct triage_frames *frames);

struct triage_reach_spec {
	const struct iw_build *build;	    /* borrowed until done */
	const struct triage_target *target; /* likewise */
	const void *input;		    /* likewise */
	size_t len;
	const struct triage_frames *frames; /* likewise */
	struct triage_subject subject;
};

struct triage_reach_run;
/* err is set when it could not be run. */
typedef void (*triage_reach_cb)(
	enum triage_reach reach, int64_t cpu_us, const struct iw_err *err, void *ctx);

/* done fires exactly once, later; the run is gone then. */
struct triage_reach_run *triage_reach_start(const struct triage_world *world,
	const struct triage_reach_spec *spec, triage_reach_cb done, void *ctx);
void triage_reach_stop(struct triage_reach_run *run);

#endif
