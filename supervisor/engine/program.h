/*
 * Any program that reads one input, which no engine was linked into: the command that
 * runs it once. Thread: the loop.
 */
#ifndef IW_ENGINE_PROGRAM_H
#define IW_ENGINE_PROGRAM_H

#include "base/job.h"

/*
 * Adds the command to a job. args are the program's words, NULL-terminated: '@@' in them
 * becomes the input's path; where none has it the program reads the input from its
 * standard input.
 */
void engine_program_command(struct iw_job *job, const char *binary,
	const char *const *args, const char *input);

#endif
