#include "cli/repro_cache.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/http.h"
#include "base/mem.h"
#include "base/size.h"
#include "base/time.h"
#include "cli/remote.h"
#include "manifest.h"

#include "base/banned.h"

#define ASK_MS 60000
#define ANSWER_MAX ((size_t)64 << 20)
#define FILE_MS (60 * 60 * 1000)
#define FILE_MAX ((size_t)16 << 30)
#define PROGRESS_MS 1000

char *repro_cache_dir(void)
{
	const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");

	if (cache && *cache == '/')
		return iw_path_join(cache, "ironworks");
	return iw_fmt("%s/.cache/ironworks", home && *home == '/' ? home : "/tmp");
}

/* -- asking ------------------------------------------------------------------------- */

static int get(const struct repro_source *source, const char *path, const char *save,
	struct iw_http_answer *answer, struct iw_err *err)
{
	_auto_free_ char *url = iw_fmt("%s%s", source->url, path);
	struct iw_http_request request = {
		.method = "GET",
		.url = url,
		.token = source->token,
		.save = save,
		.timeout_ms = save ? FILE_MS : ASK_MS,
		.max_body = save ? FILE_MAX : ANSWER_MAX,
	};

	return iw_http(&request, answer, err);
}

/* The host's own sentence, where it refused. */
static int check(const struct iw_http_answer *answer, struct iw_err *err)
{
	json_t *json = json_loadb(
		answer->body.data ? answer->body.data : "", answer->body.len, 0, NULL);
	int rc = cli_remote_check(answer->status, json, err);

	json_decref(json);
	return rc;
}

int repro_source_ask(const struct repro_source *source, const char *path, json_t **answer,
	struct iw_err *err)
{
	struct iw_http_answer raw;
	int rc = get(source, path, NULL, &raw, err);

	*answer = NULL;
	if (rc == 0)
		rc = check(&raw, err);
	if (rc == 0) {
		*answer = json_loadb(
			raw.body.data ? raw.body.data : "", raw.body.len, 0, NULL);
		if (!json_is_object(*answer))
			rc = iw_err_set(err, IW_EINVAL,
				"'%s' answers something that is no JSON object",
				source->url);
	}
	iw_buf_fini(&raw.body);
	return rc;
}

/* -- files -------------------------------------------------------------------------- */

static bool is_exact(const char *file, const char *sha256, char found[IW_SHA256_HEX])
{
	struct iw_sha256 hash;

	memcpy(found, "?", 2);
	if (iw_sha256_file(file, &hash, NULL) < 0)
		return false;
	iw_sha256_hex(&hash, found);
	return strcmp(found, sha256) == 0;
}

static int fetch(const struct repro_source *source, const char *path, const char *file,
	const char *name, const char *sha256, struct iw_err *err)
{
	struct iw_http_answer answer;
	char found[IW_SHA256_HEX];
	int rc = get(source, path, file, &answer, err);

	if (rc == 0)
		rc = check(&answer, err);
	iw_buf_fini(&answer.body);
	if (rc < 0)
		return iw_err_wrap(err, "fetching '%s' from '%s'", name, source->url);
	if (is_exact(file, sha256, found))
		return 0;
	return iw_err_set(err, IW_EINVAL,
		"'%s' came from '%s' with SHA-256 %.16s where the host says %.16s, so it "
		"is not the same; try again, and look at what lies between",
		name, source->url, found, sha256);
}

int repro_cache_file(const struct repro_source *source, const char *path,
	const char *file, const char *name, const char *sha256, int mode,
	struct iw_err *err)
{
	_auto_free_ char *folder =
		iw_strndup(file, (size_t)(iw_path_base(file) - file - 1));
	_auto_free_ char *part = iw_fmt("%s.part-%d", file, (int)getpid());
	char found[IW_SHA256_HEX];
	int rc;

	if (is_exact(file, sha256, found))
		return 0;
	if (!source->is_online)
		return iw_err_set(err, IW_EINVAL,
			"'%s' in the cache is missing or not the same any more, and '%s' "
			"is not asked; try again when it answers",
			name, source->url);
	rc = iw_dir_make(folder, err);
	if (rc == 0)
		rc = fetch(source, path, part, name, sha256, err);
	if (rc == 0 && (chmod(part, (mode_t)mode & 0755) < 0 || rename(part, file) < 0))
		rc = iw_err_errno(err, errno, "cannot write '%s'", file);
	if (rc < 0)
		unlink(part);
	return rc;
}

/* -- a build ------------------------------------------------------------------------ */

static void add_escaped(struct iw_buf *out, const char *text)
{
	for (; *text; text++)
		if ((*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z') ||
			(*text >= '0' && *text <= '9') || strchr("-._~/", *text))
			iw_buf_add(out, text, 1);
		else
			iw_buf_addf(out, "%%%02X", (unsigned char)*text);
}

static int make_link(const char *file, const char *to, struct iw_err *err)
{
	if (!manifest_path_is_below(to))
		return iw_err_set(
			err, IW_EINVAL, "the link '%s' leads out of its build", file);
	unlink(file);
	return symlink(to, file) == 0
		? 0
		: iw_err_errno(err, errno, "cannot make the link '%s'", file);
}

static int take_file(const struct repro_source *source, const char *closure,
	const json_t *item, const char *dir, struct iw_err *err)
{
	const char *path = json_string_value(json_object_get(item, "path"));
	const char *sha256 = json_string_value(json_object_get(item, "sha256"));
	const char *link = json_string_value(json_object_get(item, "link"));
	_auto_free_ char *file = NULL;
	struct iw_buf query = {0};
	int rc;

	if (!path || !manifest_path_is_below(path) || !(sha256 || link))
		return iw_err_set(err, IW_EINVAL,
			"'%s' names a file that no build can have", source->url);
	file = iw_path_join(dir, path);
	if (link)
		return make_link(file, link, err);
	iw_buf_addf(&query, "/api/v1/builds/file?closure=%s&path=", closure);
	add_escaped(&query, path);
	rc = repro_cache_file(source, query.data, file, path, sha256,
		(int)json_integer_value(json_object_get(item, "mode")), err);
	iw_buf_fini(&query);
	return rc;
}

static void show(const char *closure, int64_t done, int64_t all)
{
	char words[2][24];

	iw_size_words(done, words[0]);
	iw_size_words(all, words[1]);
	fprintf(stderr, "\r\033[Kbuild %.12s: %s of %s", closure, words[0], words[1]);
}

int repro_cache_build(const struct repro_source *source, const char *closure,
	const json_t *files, const char *dir, struct iw_err *err)
{
	int64_t began_ms = iw_time_mono_ms(), done = 0, all = 0;
	bool is_shown = false;
	const json_t *item;
	size_t i;
	int rc = iw_dir_make(dir, err);

	json_array_foreach(files, i, item) all +=
		json_integer_value(json_object_get(item, "size"));
	for (i = 0; rc == 0 && i < json_array_size(files); i++) {
		item = json_array_get(files, i);
		rc = take_file(source, closure, item, dir, err);
		done += json_integer_value(json_object_get(item, "size"));
		if (isatty(STDERR_FILENO) && iw_time_mono_ms() - began_ms > PROGRESS_MS) {
			is_shown = true;
			show(closure, done, all);
		}
	}
	if (is_shown)
		fputs("\r\033[K", stderr);
	return rc;
}
