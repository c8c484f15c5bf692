#include "sanitizers/suppress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/capture.h"
#include "base/file.h"
#include "base/mem.h"

#include "base/banned.h"

#define PATIENCE_MS 30000

static const char *const asan_kinds[] = {"interceptor_name", "interceptor_via_fun",
	"interceptor_via_lib", "odr_violation", NULL};
static const char *const lsan_kinds[] = {"leak", NULL};
static const char *const tsan_kinds[] = {"race", "race_top", "thread", "mutex", "signal",
	"deadlock", "called_from_lib", NULL};
static const char *const ignore_kinds[] = {
	"src", "fun", "global", "type", "mainfile", NULL};

static const struct kind {
	const char *name;
	const char *const *kinds;
	const char *flag, *variable; /* how a program gets the runtime, and its options */
	const char *shared;
} rows[] = {
	{"asan", asan_kinds, "-fsanitize=address", "ASAN_OPTIONS", ""},
	{"lsan", lsan_kinds, "-fsanitize=address", "LSAN_OPTIONS",
		/* glibc keeps what a failed dlopen() said for each thread; when the thread
		 * is gone nobody points to it any more. */
		"leak:_dlerror_run\n"},
	{"tsan", tsan_kinds, "-fsanitize=thread", "TSAN_OPTIONS", ""},
	{SAN_IGNORELIST, ignore_kinds, NULL, NULL, ""},
};

const char *const san_suppress_runtimes[] = {"asan", "lsan", "tsan", NULL};

static const struct kind *find(const char *name)
{
	size_t i;

	for (i = 0; i < IW_COUNT(rows); i++)
		if (strcmp(rows[i].name, name) == 0)
			return &rows[i];
	return NULL;
}

const char *san_suppress_shared(const char *runtime)
{
	const struct kind *kind = find(runtime);

	return kind ? kind->shared : "";
}

static int bad_kind(const struct kind *kind, const char *path, int number,
	const char *word, struct iw_err *err)
{
	struct iw_buf known = {0};
	size_t i;
	int rc;

	for (i = 0; kind->kinds[i]; i++)
		iw_buf_addf(&known, "%s%s", i ? ", " : "", kind->kinds[i]);
	rc = iw_err_set(err, IW_EINVAL,
		"%s:%d: '%.60s' is no kind of suppression; there are: %s", path, number,
		word, known.data);
	iw_buf_fini(&known);
	return rc;
}

static int check_line(const struct kind *kind, const char *path, int number, char *line,
	struct iw_err *err)
{
	char *colon;
	size_t i;

	/* As the runtimes do: no space at the ends of a line counts. */
	line += strspn(line, " \t\r");
	for (i = strlen(line); i > 0 && strchr(" \t\r", line[i - 1]); i--)
		line[i - 1] = '\0';
	if (!*line || *line == '#')
		return 0;
	if (*line == '[' && strcmp(kind->name, SAN_IGNORELIST) == 0)
		return line[strlen(line) - 1] == ']'
			? 0
			: iw_err_set(err, IW_EINVAL,
				  "%s:%d: a section ends with ']': '%.60s'", path, number,
				  line);
	colon = strchr(line, ':');
	if (!colon)
		return iw_err_set(err, IW_EINVAL,
			"%s:%d: expected kind:pattern, found '%.60s'", path, number,
			line);
	*colon = '\0';
	for (i = 0; kind->kinds[i] && strcmp(kind->kinds[i], line) != 0; i++)
		;
	if (!kind->kinds[i])
		return bad_kind(kind, path, number, line, err);
	if (!colon[1 + strspn(colon + 1, " \t*")])
		return iw_err_set(err, IW_EINVAL,
			"%s:%d: the pattern behind '%s:' leaves out everything", path,
			number, line);
	return 0;
}

int san_suppress_check(const char *name, const char *path, const char *text, size_t len,
	struct iw_err *err)
{
	const struct kind *kind = find(name);
	const char *at = text, *end = text + len;
	int number, rc = 0;

	if (!kind)
		return iw_err_set(err, IW_EINVAL,
			"%s: no sanitizer reads this; there are: asan, lsan, tsan, and "
			"ignorelist for what MSan and UBSan leave out",
			path);
	if (memchr(text, '\0', len))
		return iw_err_set(err, IW_EINVAL, "%s: this is no text", path);
	for (number = 1; rc == 0 && at < end; number++) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		_auto_free_ char *line = NULL;

		if (!stop)
			stop = end;
		line = iw_strndup(at, (size_t)(stop - at));
		rc = check_line(kind, path, number, line, err);
		at = stop + 1;
	}
	return rc;
}

/* -- by the runtime itself ---------------------------------------------------------- */

static const char program_text[] = "int main(void) { return 0; }\n";

static int complain(
	const char *path, const struct iw_buf *out, const char *word, struct iw_err *err)
{
	const char *said = out->data ? strstr(out->data, word) : NULL;

	if (!said)
		return 0;
	while (said > out->data && said[-1] != '\n')
		said--;
	return iw_err_set(err, IW_EINVAL, "%s: it is not taken: %.*s", path,
		(int)strcspn(said, "\n"), said);
}

static int load_in(const struct san_toolchain *tools, const struct kind *kind,
	const char *path, const char *dir, struct iw_err *err)
{
	_auto_free_ char *source = iw_path_join(dir, "x.c");
	_auto_free_ char *binary = iw_path_join(dir, "x");
	_auto_free_ char *list = iw_fmt("-fsanitize-ignorelist=%s", path);
	_auto_free_ char *option = iw_fmt(
		"%s=suppressions='%s'", kind->variable ? kind->variable : "", path);
	const char *const compile[] = {tools->cc, kind->flag ? kind->flag : list, source,
		"-fsanitize=address", "-o", binary, NULL};
	const char *const compile_own[] = {
		tools->cc, kind->flag, source, "-o", binary, NULL};
	const char *const start[] = {"/usr/bin/env", option, binary, NULL};
	struct iw_buf out = {0};
	int rc = iw_file_write(source, program_text, sizeof program_text - 1, 0600, err);
	int status;

	if (rc < 0)
		return rc;
	status = iw_capture(kind->flag ? compile_own : compile, PATIENCE_MS, &out, NULL);
	if (!kind->flag) {
		rc = complain(path, &out, "ignorelist", err);
	} else if (status == 0) {
		iw_buf_clear(&out);
		if (iw_capture(start, PATIENCE_MS, &out, NULL) != 0)
			rc = complain(path, &out, "suppressions", err);
	}
	iw_buf_fini(&out);
	return rc;
}

int san_suppress_load(const struct san_toolchain *tools, const char *name,
	const char *path, struct iw_err *err)
{
	const struct kind *kind = find(name);
	_auto_free_ char *dir = NULL;
	int rc;

	if (!kind || tools->is_gcc)
		return 0;
	dir = iw_dir_make_temp("ironworks-supp", NULL);
	if (!dir)
		return 0;
	rc = load_in(tools, kind, path, dir, err);
	iw_dir_remove(dir, NULL);
	return rc;
}
