/*
 * What a job of triage is for, in a few words for people who watch: "bug 3 in
 * demo/addrman, libfuzzer+asan on tree 1a2b3c4d5e6f".
 */
#ifndef TRIAGE_WHAT_H
#define TRIAGE_WHAT_H

#include <stdint.h>

#include "base/build.h"
#include "triage/world.h"

/* For whom a job runs; id 0: for nobody who has a number. */
struct triage_subject {
	const char *noun; /* "bug", "crash": a literal; or NULL */
	int64_t id;
};

/* The tree is named when it is not the snapshot's. The caller frees. */
char *triage_what(const struct triage_subject *subject,
	const struct triage_target *target, const struct iw_build *build);

#endif
