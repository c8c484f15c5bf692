#include "engine/program.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

#include "base/banned.h"

#define PLACE "@@"

static void add_word(struct iw_job *job, const char *word, const char *input)
{
	struct iw_buf whole = {0};
	const char *at;

	for (; (at = strstr(word, PLACE)) != NULL; word = at + strlen(PLACE)) {
		iw_buf_add(&whole, word, (size_t)(at - word));
		iw_buf_adds(&whole, input);
	}
	iw_buf_adds(&whole, word);
	iw_job_arg(job, whole.data ? whole.data : "");
	iw_buf_fini(&whole);
}

void engine_program_command(struct iw_job *job, const char *binary,
	const char *const *args, const char *input)
{
	bool has_place = false;
	size_t i;

	for (i = 0; args[i]; i++)
		has_place |= strstr(args[i], PLACE) != NULL;
	/* A job's standard input is empty. The shell gives it another one and is gone then;
	 * no word is part of its script. */
	if (!has_place) {
		iw_job_arg(job, "/bin/sh");
		iw_job_arg(job, "-c");
		iw_job_arg(job, "exec \"$@\" <\"$0\"");
		iw_job_arg(job, input);
	}
	iw_job_arg(job, binary);
	for (i = 0; args[i]; i++)
		add_word(job, args[i], input);
}
