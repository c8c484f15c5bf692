#include "cli/help_page.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/capture.h"
#include "base/mem.h"

#include "base/banned.h"

#define SELF "/proc/self/exe"
#define PATIENCE_MS 20000

/* -- lines and blocks --------------------------------------------------------------- */

bool help_line(const char **at, const char *end, const char **line, size_t *len)
{
	const char *newline;

	if (*at >= end)
		return false;
	newline = memchr(*at, '\n', (size_t)(end - *at));
	*line = *at;
	*len = (size_t)((newline ? newline : end) - *at);
	*at = newline ? newline + 1 : end;
	return true;
}

void help_blocks(const char *text, help_block_cb each, void *ctx)
{
	const char *gap;

	for (; *text; text = gap + strspn(gap, "\n")) {
		gap = strstr(text, "\n\n");
		if (!gap)
			gap = text + strlen(text);
		each(ctx, text, (size_t)(gap - text));
	}
}

/* Behind one word. */
static size_t over_word(const char *line, size_t len, size_t at)
{
	while (at < len && line[at] != ' ')
		at++;
	return at;
}

/* "--budget TIME core time", "--sarif FILE, --junit FILE": no gap tells where the head
 * ends, but what options take is in capitals. */
static size_t head_without_gap(const char *line, size_t len)
{
	size_t at = over_word(line, len, 2);

	while (at + 1 < len &&
		(isupper((unsigned char)line[at + 1]) || line[at + 1] == '-'))
		at = over_word(line, len, at + 1);
	return at - 2;
}

size_t help_option_head(const char *line, size_t len)
{
	size_t i;

	if (len < 4 || strncmp(line, "  -", 3) != 0)
		return 0;
	for (i = 2; i + 1 < len; i++)
		if (line[i] == ' ' && line[i + 1] == ' ')
			return i - 2;
	return head_without_gap(line, len);
}

/* -- words -------------------------------------------------------------------------- */

static void add_verb(struct help_page *p, const char *word, size_t len)
{
	size_t i;

	for (i = 0; i < p->verb_count; i++)
		if (strlen(p->verbs[i]) == len && strncmp(p->verbs[i], word, len) == 0)
			return;
	iw_grow(p->verbs, p->verb_count, p->verb_cap);
	p->verbs[p->verb_count++] = iw_strndup(word, len);
}

static void add_option(struct help_page *p, const char *word, size_t len, bool takes)
{
	size_t i;

	for (i = 0; i < p->option_count; i++)
		if (strlen(p->options[i].name) == len &&
			strncmp(p->options[i].name, word, len) == 0)
			return;
	iw_grow(p->options, p->option_count, p->option_cap);
	p->options[p->option_count++] =
		(struct help_option){.name = iw_strndup(word, len), .takes = takes};
}

static bool is_option_letter(char c)
{
	return islower((unsigned char)c) || c == '-';
}

/* "[--runs N]", "--follow[=TIME]", "--gdb, --rr": each option with what is behind it. */
static void find_options(struct help_page *p, const char *text, size_t len)
{
	const char *end = text + len, *at = text, *word;

	while (at + 2 < end) {
		if (strncmp(at, "--", 2) != 0 || !islower((unsigned char)at[2])) {
			at++;
			continue;
		}
		for (word = at; at < end && is_option_letter(*at); at++)
			;
		add_option(p, word, (size_t)(at - word),
			at + 1 < end && *at == ' ' && isupper((unsigned char)at[1]));
	}
}

/* "usage: ironworks bug show BUG", "… completion bash|zsh": third words in small letters are
 * verbs. */
static void find_verb(struct help_page *p, const char *line, size_t len)
{
	_auto_free_ char *head = iw_fmt("ironworks %s ", p->command->name);
	_auto_free_ char *copy = iw_strndup(line, len);
	const char *at = strstr(copy, head);
	size_t n;

	if (!at)
		return;
	for (at += strlen(head);; at += n + 1) {
		n = 0;
		while (islower((unsigned char)at[n]))
			n++;
		if (n > 0 && (at[n] == ' ' || at[n] == '\0' || at[n] == '|'))
			add_verb(p, at, n);
		if (at[n] != '|')
			break;
	}
}

static void look_at_block(void *ctx, const char *block, size_t len)
{
	struct help_page *p = ctx;
	const char *at = block, *line;
	bool is_usage = strncmp(block, "usage: ", 7) == 0;
	size_t n;

	while (help_line(&at, block + len, &line, &n)) {
		size_t head = help_option_head(line, n);

		if (is_usage)
			find_verb(p, line, n);
		if (is_usage)
			find_options(p, line, n);
		else if (head)
			find_options(p, line + 2, head);
	}
}

/* -- asking ------------------------------------------------------------------------- */

/* The help of these words. */
static int ask(const struct help_page *p, const char *const *words, struct iw_buf *out,
	struct iw_err *err)
{
	const char *argv[8] = {SELF, p->command->name};
	size_t n = 2;
	int rc;

	while (*words)
		argv[n++] = *words++;
	argv[n] = "--help";
	rc = iw_capture(argv, PATIENCE_MS, out, err);
	return rc < 0 ? rc : rc == 0 ? 0 : 1;
}

static int add_text(struct help_page *p, const char *const *words, struct iw_err *err)
{
	struct iw_buf out = {0};
	int rc = ask(p, words, &out, err);
	bool is_new = rc == 0 && out.data && strncmp(out.data, "Examples:", 9) == 0;
	size_t i;

	for (i = 0; is_new && i < p->text_count; i++)
		is_new = strcmp(p->texts[i], out.data) != 0;
	if (is_new) {
		iw_grow(p->texts, p->text_count, p->text_cap);
		p->texts[p->text_count++] = iw_buf_steal(&out);
		help_blocks(p->texts[p->text_count - 1], look_at_block, p);
	}
	iw_buf_fini(&out);
	return rc < 0 ? rc : 0;
}

/* A text may say which words have a help of their own: "'ironworks repro --binary P
 * --help'". */
static int follow_mention(struct help_page *p, struct iw_err *err)
{
	_auto_free_ char *head = iw_fmt("'ironworks %s --", p->command->name);
	const char *at = strstr(p->texts[0], head),
		   *end = at ? strchr(at + 1, '\'') : NULL;
	_auto_free_ char *mention = NULL;
	const char *words[4] = {NULL};
	char *word, *save;
	size_t n = 0;

	if (!end)
		return 0;
	mention =
		iw_strndup(at + strlen(head) - 2, (size_t)(end - at - strlen(head) + 2));
	for (word = strtok_r(mention, " \n", &save); word && n < 3;
		word = strtok_r(NULL, " \n", &save))
		if (strcmp(word, "--help") != 0)
			words[n++] = word;
	return add_text(p, words, err);
}

int help_page_read(
	struct help_page *p, const struct cli_command *command, struct iw_err *err)
{
	const char *none[] = {NULL};
	size_t i;
	int rc;

	*p = (struct help_page){.command = command};
	rc = add_text(p, none, err);
	if (rc == 0 && p->text_count == 0)
		return iw_err_set(err, IW_EINVAL,
			"'ironworks %s --help' does not begin with examples",
			command->name);
	for (i = 0; rc == 0 && i < p->verb_count; i++) {
		const char *words[] = {p->verbs[i], NULL};

		rc = add_text(p, words, err);
	}
	if (rc == 0)
		rc = follow_mention(p, err);
	add_option(p, "--help", 6, false);
	return rc;
}

void help_page_fini(struct help_page *p)
{
	size_t i;

	for (i = 0; i < p->text_count; i++)
		free(p->texts[i]);
	for (i = 0; i < p->verb_count; i++)
		free(p->verbs[i]);
	for (i = 0; i < p->option_count; i++)
		free(p->options[i].name);
	free(p->texts);
	free(p->verbs);
	free(p->options);
	*p = (struct help_page){0};
}
