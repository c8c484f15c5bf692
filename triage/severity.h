/*
 * How grave a failure is, as far as its report tells.
 *
 * The classes are CASR's, and so is the class of every failure that CASR names: see
 * https://github.com/ispras/casr/blob/master/docs/classes.md, whose words the reasons
 * repeat. What decides is whether memory is written that the program does not own
 * (EXPLOITABLE), touched in a way that nothing is known of (PROBABLY_EXPLOITABLE), or read,
 * or whether the program ends by itself (NOT_EXPLOITABLE, which is a denial of service at
 * most). CASR reads an instruction's operands where we have what the sanitizer says of the
 * access. What CASR does not name has a row of ours, marked in severity.c: undefined
 * behaviour that is about memory is PROBABLY_EXPLOITABLE, all other is not.
 *
 * Whether it can be sent from outside is not in a report: the adapter marks its targets
 * ("network"). A crash or an assertion there is a remote crash.
 *
 * Pure and synchronous. Thread: any.
 */
#ifndef TRIAGE_SEVERITY_H
#define TRIAGE_SEVERITY_H

#include <stdbool.h>

#include "base/job.h"
#include "sanitizers/report.h"

enum triage_severity_class {
	TRIAGE_NOT_EXPLOITABLE,
	TRIAGE_PROBABLY_EXPLOITABLE,
	TRIAGE_EXPLOITABLE,
};

struct triage_severity {
	enum triage_severity_class class;
	char reason[64];  /* "heap-buffer-overflow(write)" */
	bool is_security; /* ClusterFuzz's flag */
	/* It ends the program also where no sanitizer looks, or may: wrong memory, a
	 * signal, an assertion, an exception, no memory. Not a hang, a leak or a race. */
	bool is_crash;
};

void triage_severity_of(
	const struct san_report *report, struct triage_severity *severity);
/* Of a process that left no report. */
void triage_severity_of_exit(
	const struct iw_exit *exit, struct triage_severity *severity);

/* CASR's: "NOT_EXPLOITABLE". */
const char *triage_severity_word(enum triage_severity_class class);
/* The same in a word or two for people, of a target that the network reaches or not:
 * "exploitable, remote". NULL: nobody knows, "-". */
const char *triage_severity_brief(const char *word, bool is_remote);
/* That of these words which this one is; NULL: none. */
const char *triage_severity_literal(const char *word);

#endif
