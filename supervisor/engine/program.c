#include "engine/program.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "engine/driver_format.h"

#include "base/banned.h"

#define PLACE "@@"

char *engine_program_word(const char *word, const char *input)
{
	struct iw_buf whole = {0};
	const char *at;

	for (; (at = strstr(word, PLACE)) != NULL; word = at + strlen(PLACE)) {
		iw_buf_add(&whole, word, (size_t)(at - word));
		iw_buf_adds(&whole, input);
	}
	iw_buf_adds(&whole, word);
	return whole.data ? iw_buf_steal(&whole) : iw_strdup("");
}

bool engine_program_has_place(const char *const *args)
{
	size_t i;

	for (i = 0; args[i]; i++)
		if (strstr(args[i], PLACE))
			return true;
	return false;
}

void engine_program_command(struct iw_job *job, const char *binary,
	const char *const *args, const char *input, const char *witness)
{
	size_t i;

	/* A job's standard input is empty. The shell gives it another one and is gone then;
	 * no word is part of its script. */
	if (!engine_program_has_place(args)) {
		iw_job_arg(job, "/bin/sh");
		iw_job_arg(job, "-c");
		iw_job_arg(job, "exec \"$@\" <\"$0\"");
		iw_job_arg(job, input);
	}
	/* By env(1), inside the sandbox: bubblewrap and the shell are not watched. */
	if (witness) {
		iw_job_read(job, witness);
		iw_job_arg(job, "/usr/bin/env");
		iw_job_argf(job, "LD_PRELOAD=%s", witness);
		iw_job_arg(job, IW_WITNESS_ENV "=1");
	}
	iw_job_arg(job, binary);
	for (i = 0; args[i]; i++) {
		_auto_free_ char *word = engine_program_word(args[i], input);

		iw_job_arg(job, word);
	}
}
