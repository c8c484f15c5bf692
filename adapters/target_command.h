/*
 * The command with which people run a target by hand, as a shell reads it: the limits and
 * the runtime options that its reports were made with. Thread: any.
 */
#ifndef ADAPTERS_TARGET_COMMAND_H
#define ADAPTERS_TARGET_COMMAND_H

#include "adapters/target.h"
#include "base/buf.h"
#include "base/build.h"

struct target_command {
	const struct iw_build *build; /* its flavour decides */
	const struct adapter_target *target;
	const char *program;	/* path as people know it */
	const char *input;	/* likewise */
	const char *symbolizer; /* path for the runtimes, or NULL */
};

/* Appends one line without its end. */
void target_command_add(struct iw_buf *out, const struct target_command *command);

/* The same as words for who starts it without a shell: the program with its arguments, and
 * "NAME=value" for its environment. Each ends with NULL. A program that reads its standard
 * input must be given it by the caller. */
void target_command_words(
	const struct target_command *command, char ***words, char ***environment);
void target_command_words_free(char **words);

#endif
