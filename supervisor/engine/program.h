/*
 * Any program that reads one input, which no engine was linked into: the command that
 * runs it once. Thread: the loop.
 */
#ifndef IW_ENGINE_PROGRAM_H
#define IW_ENGINE_PROGRAM_H

#include <stdbool.h>

#include "base/job.h"

/*
 * Adds the command to a job. args are the program's words, NULL-terminated: '@@' in them
 * becomes the input's path; where none has it the program reads the input from its
 * standard input. witness is the path of ironworks-driver.so, which says where the program
 * died where nobody else does (driver_format.h); NULL: nobody does.
 */
void engine_program_command(struct iw_job *job, const char *binary,
	const char *const *args, const char *input, const char *witness);
/* One of its words as the program gets it. The caller frees. */
char *engine_program_word(const char *word, const char *input);
/* Whether any of them has the input's path; else it comes on standard input. */
bool engine_program_has_place(const char *const *args);

#endif
