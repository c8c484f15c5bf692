#include "adapters/target_command.h"

#include <stdlib.h>
#include <string.h>

#include "adapters/target_run.h"
#include "base/mem.h"
#include "base/text.h"
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

/* The word with the input in its place; *has_place: it has one. */
static char *fill_in(const char *word, const char *input, bool *has_place)
{
	struct iw_buf whole = {0};
	const char *at;

	for (; (at = strstr(word, "@@")) != NULL; word = at + 2) {
		*has_place = true;
		iw_buf_add(&whole, word, (size_t)(at - word));
		iw_buf_adds(&whole, input);
	}
	iw_buf_adds(&whole, word);
	return whole.data ? iw_buf_steal(&whole) : iw_strdup("");
}

/* What stands behind the program. *on_stdin: it reads the input from there. */
static char **make_arguments(const struct target_command *c, bool *on_stdin)
{
	const char *const *args = c->target->args;
	char **words = iw_calloc(1, sizeof *words);
	bool has_place = false;
	size_t count = 0, i;

	for (i = 0; args && args[i]; i++)
		add_to(&words, &count, fill_in(args[i], c->input, &has_place));
	*on_stdin = args && !has_place;
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
	bool on_stdin;
	size_t i, n;

	for (i = 0; env[i]; i++) {
		n = strcspn(env[i], "=") + 1;
		iw_buf_add(out, env[i], n);
		iw_text_shell(out, env[i] + n);
		iw_buf_adds(out, " ");
	}
	target_command_words_free(env);
	iw_text_shell(out, command->program);
	arguments = make_arguments(command, &on_stdin);
	for (i = 0; arguments[i]; i++) {
		iw_buf_adds(out, " ");
		iw_text_shell(out, arguments[i]);
	}
	target_command_words_free(arguments);
	if (on_stdin) {
		iw_buf_adds(out, " < ");
		iw_text_shell(out, command->input);
	}
}

void target_command_words(
	const struct target_command *command, char ***words, char ***environment)
{
	bool on_stdin;
	char **arguments = make_arguments(command, &on_stdin);
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
