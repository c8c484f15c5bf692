/*
 * What makes two crashes alike. A signature is the crash type in ClusterFuzz's words, the
 * message when the program printed one (assert, check, exception), and the names of the
 * project's functions on the stack, innermost first, recursion collapsed, runtime and
 * harness plumbing gone: that is sanitizers/report's work.
 *
 * - Same innermost function and same type: one bug, whatever path led there. Functions of
 *   one name in two files are two.
 * - Two messages that differ in more than numbers: two bugs.
 * - Types fall into families: an overflow read may be a SEGV on another flavour; such a
 * pair needs more of the stack to agree. A timeout is like a timeout, or like an
 *   out-of-memory with the very same stack; a leak is like a leak, a race like a race.
 * - A race has two stacks and they have no order.
 * - Functions get other names: a signature may know what it was called before.
 * - A hang is one loop, but each run is interrupted elsewhere inside it. Fold the stacks
 * of several runs together with triage_signature_sample(): what all runs share ends at
 * the function that loops. With one run each, two stacks that part early stay two bugs.
 *
 * Signatures compare within one target, or within one adapter where frames are not empty.
 * Pure and synchronous. Thread: any, one signature at a time.
 */
#ifndef TRIAGE_SIGNATURE_H
#define TRIAGE_SIGNATURE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "sanitizers/report.h"

struct triage_frames {
	char **names;
	size_t count;
	size_t cap;
};

struct triage_signature {
	char type[64];		     /* "Heap-buffer-overflow\nREAD 4", "Timeout" */
	char *message;		     /* NULL when none */
	char *file;		     /* base name, where the innermost is; NULL unknown */
	struct triage_frames frames; /* innermost first */
	struct triage_frames other;  /* of a race: the second access's stack */
	struct triage_frames inside; /* of a hang: functions seen below frames */
	unsigned samples;	     /* of a hang: stacks folded into this, 0 or 1: one */
	/* The same before its functions were renamed, whose own former is older; NULL: they
	 * had no other names. Owned. */
	struct triage_signature *former;
};

/* At most so many frames are kept; what is further out never decides. */
#define TRIAGE_FRAMES_MAX 64
/* Likewise; older names are forgotten. */
#define TRIAGE_FORMER_MAX 4

/* Zero-initialise, or init. message may be NULL or empty. Copies everything. */
void triage_signature_init(
	struct triage_signature *sig, const char *type, const char *message);
void triage_signature_fini(struct triage_signature *sig);
/* The next frame outwards; of a race's second access with _other. */
void triage_signature_add(struct triage_signature *sig, const char *frame);
void triage_signature_add_other(struct triage_signature *sig, const char *frame);
/* The source file of the innermost frame; NULL: unknown. */
void triage_signature_set_file(struct triage_signature *sig, const char *file);
/* All of that as a report has it; the arena is for what is made on the way. */
void triage_signature_add_report(struct triage_signature *sig, struct iw_arena *arena,
	const struct san_report *report);
void triage_signature_copy(
	struct triage_signature *dst, const struct triage_signature *src);

/* What it was called before, and so on. */
void triage_signature_set_former(
	struct triage_signature *sig, const struct triage_signature *former);
bool triage_frames_have(const struct triage_frames *frames, const char *name);

bool triage_signature_is_hang(const struct triage_signature *sig);
/* Hangs: folds the stack of one more run of the same input in. frames becomes what all
 * runs share, counted from the outermost frame; what lies below goes to inside. */
void triage_signature_sample(
	struct triage_signature *sig, const char *const *frames, size_t count);

/* The column bug.frames: a JSON array of names, innermost first; what does not fit that
 * is one object at its end: ["leaf", "caller", {"message": "x > 0"}]. The caller frees.
 */
char *triage_signature_json(const struct triage_signature *sig);
/* Its names alone, as they are shown. Likewise. */
char *triage_signature_names(const struct triage_signature *sig);
/* "Heap-buffer-overflow READ 4 in parse_addr". Likewise. */
char *triage_signature_words(const struct triage_signature *sig);
/* The reverse, into a zeroed signature. IW_EINVAL; sig is then empty. */
int triage_signature_parse(struct triage_signature *sig, const char *type,
	const char *frames_json, struct iw_err *err);

/* In [0, 1], symmetric, 1 for a signature and itself; similarity.h has the numbers. By the
 * names that are the most alike, of today or of before. One among many: triage/cluster.h. */
double triage_signature_similarity(
	const struct triage_signature *a, const struct triage_signature *b);
bool triage_signature_same(
	const struct triage_signature *a, const struct triage_signature *b);

#endif
