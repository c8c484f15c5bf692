/* The very command of a reproduction, under a debugger. Nothing of ours is around it: no
 * sandbox, no keeper. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "adapters/target_command.h"
#include "adapters/target_run.h"
#include "base/file.h"
#include "base/mem.h"
#include "cli/repro_run.h"
#include "sanitizers/toolchain.h"

#include "base/banned.h"

/* Where a sanitizer's runtime ends the process: everything is still there to look at. */
static const char *const gdb_words[] = {"gdb", "-q", "-ex", "set breakpoint pending on",
	"-ex", "break __sanitizer::Die", "--args", NULL};
static const char *const rr_words[] = {"rr", "record", NULL};

int repro_become(bool is_rr, char **command, char **env, struct iw_err *err)
{
	const char *const *tool = is_rr ? rr_words : gdb_words;
	size_t n = 0, k = 0, i;
	char **argv;

	for (i = 0; env[i]; i++)
		putenv(env[i]);
	fprintf(stderr, "'%s' runs outside the sandbox%s\n", iw_path_base(command[0]),
		is_rr ? "; afterwards 'rr replay' shows it as often as you like" : "");
	while (tool[n])
		n++;
	while (command[k])
		k++;
	argv = iw_calloc(n + k + 1, sizeof *argv);
	memcpy(argv, tool, n * sizeof *argv);
	memcpy(argv + n, command, k * sizeof *argv);
	execvp(argv[0], argv);
	free(argv);
	return iw_err_set(err, IW_ETOOL, "cannot start %s: %s%s", tool[0],
		strerror(errno),
		errno == ENOENT ? "; install it, or leave its option out" : "");
}

int repro_debug(
	const struct repro_wish *wish, const struct repro_job *job, struct iw_err *err)
{
	const struct subject *s = job->subject;
	const struct iw_build *build = &job->builds[0];
	_auto_free_ char *program = target_binary(build, &s->spec);
	struct san_toolchain tools = {0};
	struct target_command command = {
		.build = build,
		.target = &s->spec,
		.program = program,
		.input = job->input_path,
	};
	char **words, **env;
	int rc;

	if (!program)
		return iw_err_set(
			err, IW_ENOENT, "the build has no '%s'", s->spec.binary);
	if (san_toolchain_find_any(&tools, NULL) == 0)
		command.symbolizer = tools.symbolizer;
	target_command_words(&command, &words, &env);
	rc = repro_become(wish->rr, words, env, err);
	/* What env holds belongs to the environment by now. */
	free(env);
	target_command_words_free(words);
	san_toolchain_fini(&tools);
	return rc;
}
