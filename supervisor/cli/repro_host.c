#include "cli/repro_host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "cli/repro_cache.h"

#include "base/banned.h"

#define TOKEN_MAX 512
#define INPUT_MAX ((size_t)64 << 20)
#define RECIPE_MAX ((size_t)64 << 20)

/* -- who we are --------------------------------------------------------------------- */

static int read_token(struct repro_host *h, struct iw_err *err)
{
	const char *env = getenv("IRONWORKS_TOKEN");
	size_t len;
	int rc;

	if (!h->wish->token_file) {
		h->token = env && *env ? iw_strdup(env) : NULL;
		return 0;
	}
	rc = iw_file_read(h->wish->token_file, TOKEN_MAX, &h->token, &len, err);
	if (rc == 0)
		h->token[strcspn(h->token, "\r\n")] = '\0';
	return rc;
}

/* -- the recipe --------------------------------------------------------------------- */

static char *recipe_file(const struct repro_host *h, const char *url)
{
	char hex[IW_SHA256_HEX];

	iw_sha256_hex_of(url, hex);
	return iw_fmt("%s/hosts/%.16s/bug-%lld%s.json", h->cache, hex,
		(long long)h->wish->bug, h->wish->all ? "-all" : "");
}

static int keep_recipe(const struct repro_host *h, const char *file, struct iw_err *err)
{
	_auto_free_ char *folder =
		iw_strndup(file, (size_t)(iw_path_base(file) - file - 1));
	_auto_free_ char *text = json_dumps(h->recipe, JSON_INDENT(1));
	int rc = iw_dir_make(folder, err);

	return rc < 0 ? rc : iw_file_replace(file, text, strlen(text), err);
}

/* What the host says now; where it does not answer, what it said the last time. */
static int get_recipe(struct repro_host *h, struct repro_source *source,
	bool *is_unreachable, struct iw_err *err)
{
	_auto_free_ char *path = iw_fmt("/api/v1/bugs/%lld/repro%s",
		(long long)h->wish->bug, h->wish->all ? "?all=1" : "");
	_auto_free_ char *file = recipe_file(h, source->url);
	_auto_free_ char *text = NULL;
	size_t len;
	int rc = repro_source_ask(source, path, &h->recipe, err);

	if (rc == 0)
		return keep_recipe(h, file, err);
	if (rc != IW_EIO)
		return rc;
	source->is_online = false;
	if (iw_file_read(file, RECIPE_MAX, &text, &len, NULL) == 0)
		h->recipe = json_loadb(text, len, 0, NULL);
	*is_unreachable = !json_is_object(h->recipe);
	if (*is_unreachable)
		return iw_err_wrap(err, "asking '%s'", source->url);
	fprintf(stderr, "'%s' does not answer (%s); from the cache\n", source->url,
		err->msg);
	*err = (struct iw_err){0};
	return 0;
}

/* -- from the recipe to what is run ------------------------------------------------- */

static const char *str(const json_t *object, const char *field)
{
	const char *value = json_string_value(json_object_get(object, field));

	return value ? value : "";
}

static int64_t num(const json_t *object, const char *field)
{
	return json_integer_value(json_object_get(object, field));
}

static int bad_recipe(const struct repro_host *h, const char *what, struct iw_err *err)
{
	return iw_err_set(err, IW_EINVAL,
		"what '%s' says of bug %lld cannot be used: %s; is it of this version?",
		h->wish->host, (long long)h->wish->bug, what);
}

static int take_subject(struct repro_host *h, struct iw_err *err)
{
	const json_t *spec = json_object_get(h->recipe, "spec");
	_auto_free_ char *frames =
		json_dumps(json_object_get(h->recipe, "frames"), JSON_ENCODE_ANY);
	struct subject *s = &h->subject;

	snprintf(s->name, sizeof s->name, "bug %lld", (long long)h->wish->bug);
	snprintf(s->adapter, sizeof s->adapter, "%s", str(h->recipe, "adapter"));
	snprintf(s->target, sizeof s->target, "%s", str(h->recipe, "target"));
	s->spec = adapter_target_defaults;
	s->spec.name = s->target;
	s->spec.binary = str(spec, "binary");
	s->spec.timeout_s = num(spec, "timeout_s");
	s->spec.rss_limit_mb = num(spec, "rss_limit_mb");
	s->spec.disk_limit_mb = num(spec, "disk_limit_mb");
	s->spec.check_leaks = json_is_true(json_object_get(spec, "check_leaks"));
	s->has_signature = frames &&
		triage_signature_parse(
			&s->signature, str(h->recipe, "type"), frames, NULL) == 0;
	if (!*s->spec.binary || strchr(s->spec.binary, '/') || s->spec.timeout_s <= 0 ||
		s->spec.timeout_s > 86400 || s->spec.rss_limit_mb <= 0)
		return bad_recipe(h, "its target", err);
	if (!s->has_signature)
		return bad_recipe(h, "its signature", err);
	if (!iw_sha256_parse(str(h->recipe, "input"), &s->input))
		return bad_recipe(h, "its input", err);
	return 0;
}

static int take_input(
	struct repro_host *h, const struct repro_source *source, struct iw_err *err)
{
	_auto_free_ char *path =
		iw_fmt("/api/v1/bugs/%lld/input", (long long)h->wish->bug);
	const char *sha256 = str(h->recipe, "input");
	int rc;

	h->input_path = iw_fmt("%s/inputs/%s", h->cache, sha256);
	h->job.input_path = h->input_path;
	rc = repro_cache_file(
		source, path, h->input_path, "the input", sha256, 0644, err);
	return rc < 0 ? rc
		      : iw_file_read(h->input_path, INPUT_MAX, &h->subject.data,
				&h->subject.len, err);
}

static int take_build(struct repro_host *h, const struct repro_source *source,
	const json_t *item, struct iw_err *err)
{
	size_t at = h->job.build_count;
	struct iw_build *build = &h->job.builds[at];
	struct iw_sha256 hash;
	int rc;

	snprintf(build->flavour, sizeof build->flavour, "%s", str(item, "flavour"));
	snprintf(build->closure, sizeof build->closure, "%s", str(item, "closure"));
	snprintf(build->tree, sizeof build->tree, "%s", str(item, "tree"));
	if (!san_flavour_find(build->flavour) || !iw_sha256_parse(build->closure, &hash))
		return bad_recipe(h, "its build", err);
	h->dirs[at] = iw_fmt("%s/builds/%s", h->cache, build->closure);
	build->dir = h->dirs[at];
	build->is_ok = true;
	h->job.build_count++;
	rc = repro_cache_build(
		source, build->closure, json_object_get(item, "files"), build->dir, err);
	if (rc == 0 && json_is_true(json_object_get(item, "is_own"))) {
		h->subject.build = *build;
		/* The subject would free it. */
		h->subject.build.dir = NULL;
	}
	return rc;
}

int repro_host_fetch(struct repro_host *h, const struct repro_wish *wish,
	bool *is_unreachable, struct iw_err *err)
{
	_auto_free_ char *url = iw_strdup(wish->host);
	struct repro_source source = {.url = url, .is_online = true};
	const json_t *builds;
	size_t i;
	int rc;

	*h = (struct repro_host){.wish = wish, .cache = repro_cache_dir()};
	while (*url && url[strlen(url) - 1] == '/')
		url[strlen(url) - 1] = '\0';
	rc = read_token(h, err);
	source.token = h->token;
	if (rc == 0)
		rc = get_recipe(h, &source, is_unreachable, err);
	if (rc == 0)
		rc = take_subject(h, err);
	if (rc == 0)
		rc = take_input(h, &source, err);
	builds = json_object_get(h->recipe, "builds");
	for (i = 0; rc == 0 && i < json_array_size(builds) && i < REPRO_BUILDS_MAX; i++)
		rc = take_build(h, &source, json_array_get(builds, i), err);
	h->job.subject = &h->subject;
	h->job.host = wish->host;
	h->job.is_cached = !source.is_online;
	if (rc == 0 && !*h->subject.build.flavour)
		return bad_recipe(h, "it has no build", err);
	return rc;
}

void repro_host_fini(struct repro_host *h)
{
	size_t i;

	subject_fini(&h->subject);
	for (i = 0; i < h->job.build_count; i++)
		free(h->dirs[i]);
	json_decref(h->recipe);
	free(h->input_path);
	free(h->token);
	free(h->cache);
}
