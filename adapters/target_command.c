#include "adapters/target_command.h"

#include <stdlib.h>
#include <string.h>

#include "adapters/target_run.h"
#include "base/mem.h"
#include "base/text.h"
#include "engine/program.h"
#include "sanitizers/flavour.h"

#include "base/banned.h"

static void add_to(char ***words, size_t *count, char *word)
{
	*words = iw_reallocarray(*words, *count + 2, sizeof **words);
	(*words)[(*count)++] = word;
	(*words)[*count] = NULL;
}

static char **make_env(const struct target_command *c)
{
	const struct san_flavour *flavour = san_flavour_find(c->build->flavour);
	char **words = iw_calloc(1, sizeof *words);
	const struct san_env *env;
	size_t count = 0;

	for (env = flavour ? flavour->env : NULL; env && env->name; env++) {
		struct iw_buf value = {0};

		san_flavour_options(
			env, target_use(c->target), c->symbolizer, NULL, &value);
		add_to(&words, &count,
			iw_fmt("%s=%s", env->name, value.data ? value.data : ""));
		iw_buf_fini(&value);
	}
	return words;
}

/* What stands behind the program. */
static char **make_arguments(const struct target_command *c)
{
	const char *const *args = c->target->args;
	char **words = iw_calloc(1, sizeof *words);
	size_t count = 0, i;

	for (i = 0; args && args[i]; i++)
		add_to(&words, &count, engine_program_word(args[i], c->input));
	if (args)
		return words;
	add_to(&words, &count,
		iw_fmt("-timeout=%lld",
			(long long)target_timeout_s(c->build, c->target)));
	add_to(&words, &count,
		iw_fmt("-rss_limit_mb=%lld",
			(long long)target_rss_limit_mb(c->build, c->target)));
	add_to(&words, &count,
		iw_fmt("-malloc_limit_mb=%lld", (long long)c->target->rss_limit_mb));
	add_to(&words, &count, iw_fmt("-detect_leaks=%d", c->target->check_leaks));
	add_to(&words, &count, iw_strdup(c->input));
	return words;
}

void target_command_add(struct iw_buf *out, const struct target_command *command)
{
	char **env = make_env(command), **arguments;
	const char *const *args = command->target->args;
	size_t i, n;

	for (i = 0; env[i]; i++) {
		n = strcspn(env[i], "=") + 1;
		iw_buf_add(out, env[i], n);
		iw_text_shell(out, env[i] + n);
		iw_buf_adds(out, " ");
	}
	target_command_words_free(env);
	iw_text_shell(out, command->program);
	arguments = make_arguments(command);
	for (i = 0; arguments[i]; i++) {
		iw_buf_adds(out, " ");
		iw_text_shell(out, arguments[i]);
	}
	target_command_words_free(arguments);
	if (args && !engine_program_has_place(args)) {
		iw_buf_adds(out, " < ");
		iw_text_shell(out, command->input);
	}
}

void target_command_words(
	const struct target_command *command, char ***words, char ***environment)
{
	char **arguments = make_arguments(command);
	size_t count = 0, i;

	*environment = make_env(command);
	*words = NULL;
	add_to(words, &count, iw_strdup(command->program));
	for (i = 0; arguments[i]; i++)
		add_to(words, &count, arguments[i]);
	free(arguments);
}

void target_command_words_free(char **words)
{
	size_t i;

	for (i = 0; words && words[i]; i++)
		free(words[i]);
	free(words);
}
