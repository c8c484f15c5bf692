/*
 * Frames: which functions of a stack say something about the bug.
 *
 * Runtime, allocator, libc, assertion and fuzz engine frames are *plumbing*; the table
 * plumbing.inc says which. What remains, normalised so that two builds or two runs of one
 * bug look alike, is what people read (the state) and what clustering compares (the
 * signature frames). Results live in the arena. Thread: any.
 */
#ifndef SANITIZERS_FRAMES_H
#define SANITIZERS_FRAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/mem.h"
#include "sanitizers/report.h"

#define SAN_STATE_LINES 3
#define SAN_STATE_WIDTH 80
#define SAN_SIGNATURE_FRAMES 16
#define SAN_SIGNATURE_BOTH (2 * SAN_SIGNATURE_FRAMES)

bool san_frame_is_plumbing(const struct san_frame *frame);

/* The name as a state line: without anonymous namespaces and what templates were made
 * for, cut at the first '(' or '[', addresses as ADDRESS and long numbers as NUMBER, LLVMFuzzerTestOneInput as the base
 * name of its source file, a frame without a symbol as its module. At most
 * SAN_STATE_WIDTH bytes. NULL when the frame names nothing. */
const char *san_frame_normalise(struct iw_arena *arena, const struct san_frame *frame);

/* A title or message in the same form: one line, addresses and numbers replaced. */
const char *san_text_normalise(struct iw_arena *arena, const char *text);

struct san_state_opts {
	/* The state of a timeout, out-of-memory or overwritten input, if not NULL, and of
	 * a report in which no frame is usable. */
	const char *target;
	/* For comparing with ClusterFuzz: judge frames by its rules, and fill up a short
	 * crash stack from the stacks behind it, which mixes the places of the crash and
	 * of the free. */
	bool as_clusterfuzz;
};

/* Up to SAN_STATE_LINES lines, each ended by a newline; "" when nothing is known. opts
 * may be NULL. */
const char *san_report_state(struct iw_arena *arena, const struct san_report *report,
	const struct san_state_opts *opts);

/* Where somebody who wants to see the bug opens the editor: the first frame that has a
 * source file and is no plumbing, or main(). NULL when no frame is known so well. */
const struct san_frame *san_report_place(const struct san_report *report);

struct san_sig_frame {
	const char *function; /* normalised; of a frame without symbol "module+0x12" */
	const char *file;     /* base name; NULL unknown */
};

/* The relevant frames for clustering, innermost first, recursion collapsed; of a race or
 * of two locks those of one side, which does not depend on what came first, and behind
 * them those of the other; of a leak where it was allocated; of a timeout or out-of-memory
 * the sampled stack; of endless recursion who takes part, each once. Returns how many of
 * out were filled; other, which may be NULL: so many are of the first side. */
size_t san_report_signature_frames(struct iw_arena *arena,
	const struct san_report *report, struct san_sig_frame out[SAN_SIGNATURE_BOTH],
	size_t *other);

/* How a stack got where it is, for telling hangs apart: of its relevant functions the max
 * outermost, each once, where it was entered first; innermost first. Those without a name
 * are left out. Returns how many of out were filled. */
size_t san_report_way_in(struct iw_arena *arena, const struct san_report *report,
	const char *out[], size_t max);

#endif
