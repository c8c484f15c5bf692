/*
 * What gdb said of a program that died, as a report in the words of our own witness
 * (engine/driver_format.h). The parts that count stand behind lines with a token which the
 * program cannot know; all of them are foreign all the same.
 *
 * Pure and synchronous. Thread: any.
 */
#ifndef TRIAGE_TRANSCRIPT_H
#define TRIAGE_TRANSCRIPT_H

#include <stddef.h>
#include <stdint.h>

/* Between a token and a part's name. */
#define TRIAGE_TRANSCRIPT_AT "at"	/* signal, code, address, pc, sp */
#define TRIAGE_TRANSCRIPT_STACK "stack" /* "backtrace" */
#define TRIAGE_TRANSCRIPT_FILES "files" /* "info files" */
#define TRIAGE_TRANSCRIPT_END "end"

/* Frames that are asked for: what identifies a failure is at the inner end. */
#define TRIAGE_TRANSCRIPT_FRAMES 128

struct triage_transcript {
	const char *text;
	size_t len;
	const char *token;
	const char *program; /* path, for frames of it without names */
	uint64_t entry;	     /* its entry point as the program itself says it */
};

/* The caller frees; NULL: it died of no signal there, or gdb could not tell. */
char *triage_transcript_report(const struct triage_transcript *transcript);

#endif
