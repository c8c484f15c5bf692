#include "cli/plain.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/time.h"
#include "engine/program.h"
#include "sanitizers/binary.h"

#include "base/banned.h"

#define JOBS_MAX 1024
/* Nobody's disk is filled by a target that somebody tries on his own machine. */
#define DISK_LIMIT_MB 512

const char *cli_plain_take_jobs(void *ctx, const char *word)
{
	return cli_number(word, 1, JOBS_MAX, ctx)
		? NULL
		: "--jobs takes a number from 1 to 1024";
}

const char *cli_plain_take_timeout(void *ctx, const char *word)
{
	int64_t *ms = ctx;

	*ms = iw_time_parse(word);
	return *ms > 0 ? NULL : "--timeout takes a time like 10s or 2m";
}

const char *cli_plain_take_rss_limit(void *ctx, const char *word)
{
	return cli_number(word, 1, 1 << 20, ctx) ? NULL
						 : "--rss-limit takes a number of MiB";
}

/* -- the program -------------------------------------------------------------------- */

/* Whether path lies in dir or is it. */
static bool is_below(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	while (len > 0 && dir[len - 1] == '/')
		len--;
	return strncmp(path, dir, len) == 0 && (path[len] == '/' || !path[len]);
}

static bool holds(const char *dir, const char *variable, const char *fallback)
{
	const char *value = getenv(variable);
	_auto_free_ char *real = realpath(value && *value ? value : fallback, NULL);

	return real && is_below(real, dir);
}

static int copy_program(struct cli_plain *p, struct iw_err *err)
{
	_auto_free_ char *to = NULL;
	size_t size;
	void *map;
	int rc;

	p->copy = iw_dir_make_temp("ironworks-program", err);
	if (!p->copy)
		return err->code;
	to = iw_path_join(p->copy, p->spec.binary);
	rc = san_binary_map(p->path, &map, &size, err);
	if (rc < 0)
		return rc;
	rc = iw_file_write(to, map, size, 0755, err);
	munmap(map, size);
	return rc;
}

/* As people say it. Whether UBSan is there too is not seen: its checks are part of ASan's
 * runtime, used or not. */
static const char *words_of(const struct san_flavour *flavour, bool has_libfuzzer)
{
	static const struct {
		const char *flavour, *with_libfuzzer, *alone;
	} rows[] = {
		{"libfuzzer+asan+ubsan", "with libFuzzer and ASan", "with ASan"},
		{"libfuzzer+msan", "with libFuzzer and MSan", "with MSan"},
		{"libfuzzer+tsan", "with libFuzzer and TSan", "with TSan"},
	};
	size_t i;

	for (i = 0; i < IW_COUNT(rows); i++)
		if (strcmp(flavour->name, rows[i].flavour) == 0)
			return has_libfuzzer ? rows[i].with_libfuzzer : rows[i].alone;
	return has_libfuzzer ? "with libFuzzer, without a sanitizer"
			     : "without a sanitizer";
}

static int find_program(
	struct cli_plain *p, const struct cli_plain_spec *spec, struct iw_err *err)
{
	const struct san_flavour *flavour;
	bool has_libfuzzer = false;
	int rc;

	p->path = realpath(spec->binary, NULL);
	if (!p->path)
		return iw_err_errno(err, errno, "cannot open '%s'", spec->binary);
	rc = san_binary_flavour(p->path, &flavour, err);
	/* Started all the same, each run would end with an exit code that is no answer. */
	if (rc == 0 && access(p->path, X_OK) < 0)
		rc = iw_err_set(err, IW_EINVAL,
			"'%s' may not be executed; 'chmod +x' changes that",
			spec->binary);
	if (rc == 0)
		rc = san_binary_hash(p->path, p->build.closure, err);
	if (rc == 0 && !spec->args)
		rc = san_binary_has_libfuzzer(p->path, &has_libfuzzer, err);
	if (rc < 0)
		return rc;
	if (!spec->args && !has_libfuzzer)
		return iw_err_set(err, IW_EINVAL,
			"'%s' is no libFuzzer target; say how it takes an input, with "
			"--args '@@' for a file's path among its words or --args '' for "
			"standard input",
			spec->binary);
	snprintf(p->build.flavour, sizeof p->build.flavour, "%s", flavour->name);
	p->words_of_build = words_of(flavour, has_libfuzzer);
	p->build.is_ok = true;
	p->spec.name = p->spec.binary = iw_path_base(p->path);
	p->build.dir = iw_strndup(p->path, (size_t)(p->spec.binary - p->path) - 1);
	if (holds(p->build.dir, "HOME", "/root") ||
		holds(p->build.dir, "TMPDIR", "/tmp")) {
		rc = copy_program(p, err);
		free(p->build.dir);
		p->build.dir = p->copy ? iw_strdup(p->copy) : NULL;
	}
	return rc;
}

/* -- its words ---------------------------------------------------------------------- */

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

/* The next word, quotes taken off as a shell does. NULL: a quote is not closed. */
static char *next_word(const char **at)
{
	struct iw_buf word = {0};
	char quote = '\0';
	const char *p;

	for (p = *at; *p && (quote || !is_space(*p)); p++) {
		if (quote && *p == quote)
			quote = '\0';
		else if (!quote && (*p == '\'' || *p == '"'))
			quote = *p;
		else if (*p == '\\' && quote != '\'' && p[1])
			iw_buf_add(&word, ++p, 1);
		else
			iw_buf_add(&word, p, 1);
	}
	*at = p;
	if (!quote)
		return iw_buf_steal(&word);
	iw_buf_fini(&word);
	return NULL;
}

static int take_words(struct cli_plain *p, const char *args, struct iw_err *err)
{
	size_t count = 0, cap = 0;
	const char *at = args;
	char *word;

	for (;;) {
		iw_grow(p->words, count, cap);
		p->words[count] = NULL;
		while (is_space(*at))
			at++;
		if (!*at)
			break;
		word = next_word(&at);
		if (!word)
			return iw_err_set(err, IW_EINVAL,
				"--args '%s' has a quote that is not closed", args);
		p->words[count++] = word;
	}
	p->spec.args = (const char *const *)p->words;
	if (count > 0 && !engine_program_has_place(p->spec.args))
		fprintf(stderr,
			"no '@@' in --args, so each input comes on standard input\n");
	return 0;
}

/* -- all of it ---------------------------------------------------------------------- */

static void fill_spec(struct cli_plain *p, const struct cli_plain_spec *spec)
{
	p->spec = adapter_target_defaults;
	p->spec.disk_limit_mb = DISK_LIMIT_MB;
	p->spec.check_leaks = !spec->args && !spec->no_leaks;
	if (spec->timeout_ms)
		p->spec.timeout_s = (spec->timeout_ms + 999) / 1000;
	if (spec->rss_limit_mb)
		p->spec.rss_limit_mb = spec->rss_limit_mb;
	p->target.spec = &p->spec;
}

int cli_plain_open(
	struct cli_plain *plain, const struct cli_plain_spec *spec, struct iw_err *err)
{
	struct iw_job_gate gate;
	int rc;

	*plain = (struct cli_plain){0};
	fill_spec(plain, spec);
	rc = find_program(plain, spec, err);
	if (rc == 0 && spec->args)
		rc = take_words(plain, spec->args, err);
	if (rc == 0)
		rc = cli_local_open_named(&plain->local, NULL, spec->no_sandbox, err);
	if (rc < 0)
		return rc;
	plain->slots = iw_slots_new((int)spec->jobs);
	gate = iw_slots_gate(plain->slots);
	iw_jobs_gate(plain->local.jobs, &gate);
	plain->world = (struct triage_world){
		.loop = &plain->local.loop,
		.jobs = plain->local.jobs,
		.driver = plain->local.driver,
		.symbolizer = plain->local.symbolizer,
		.symbolizer_path = plain->local.tools.symbolizer,
	};
	return 0;
}

void cli_plain_close(struct cli_plain *plain)
{
	size_t i;

	cli_local_close(&plain->local);
	iw_slots_free(plain->slots);
	if (plain->copy)
		iw_dir_remove(plain->copy, NULL);
	for (i = 0; plain->words && plain->words[i]; i++)
		free(plain->words[i]);
	free(plain->words);
	free(plain->copy);
	free(plain->build.dir);
	free(plain->path);
}
