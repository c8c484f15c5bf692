/* What another machine needs to see a bug: the recipe, and the files of its builds. */
#include "answers.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "manifest.h"
#include "sanitizers/flavour.h"
#include "subject.h"

#include "base/banned.h"

/* Programs of the adapter's other targets. */
struct others {
	const struct subject *subject;
	char **names;
	size_t count, cap;
};

static void add_other(struct others *o, const char *name)
{
	if (strcmp(name, o->subject->spec.binary) == 0)
		return;
	iw_grow(o->names, o->count, o->cap);
	o->names[o->count++] = iw_strdup(name);
}

static int take_target(void *ctx, const struct project_target_row *row)
{
	struct others *o = ctx;
	const struct adapter_target *listed;

	if (strcmp(row->adapter, o->subject->adapter) != 0)
		return 0;
	listed = adapter_target_find(o->subject->loaded, row->name);
	add_other(o, listed ? listed->binary : row->name);
	return 0;
}

static void others_fini(struct others *o)
{
	size_t i;

	for (i = 0; i < o->count; i++)
		free(o->names[i]);
	free(o->names);
}

static json_t *build_json(const struct subject *s, const char *const *others, bool is_own,
	struct iw_err *err)
{
	json_t *files = manifest_make(s->build.dir, others, err);

	if (!files)
		return NULL;
	return json_pack("{ss ss ss sb so}", "flavour", s->build.flavour, "closure",
		s->build.closure, "tree", s->build.tree, "is_own", (int)is_own, "files",
		files);
}

/* Other flavours of the same tree, as far as they are there. */
static int add_more(json_t *builds, const struct answer_scope *scope, struct subject *s,
	const char *const *others, struct iw_err *err)
{
	_auto_free_ char *own = iw_strdup(s->build.flavour);
	_auto_free_ char *tree = iw_strdup(s->build.tree);
	const struct san_flavour *all;
	size_t i, count;
	bool found;
	int rc = 0;

	all = san_flavours(&count);
	for (i = 0; rc == 0 && i < count; i++) {
		json_t *build;

		if (!san_flavour_can_judge(&all[i]) || strcmp(all[i].name, own) == 0)
			continue;
		rc = subject_choose(s, scope->dbc, all[i].name, tree, &found, err);
		if (rc < 0 || !found || subject_hold_build(s, scope->state, NULL) < 0)
			continue;
		build = build_json(s, others, false, err);
		rc = build ? json_array_append_new(builds, build) : -1;
	}
	return rc;
}

static json_t *recipe_json(const struct subject *s, int64_t bug_id)
{
	_auto_free_ char *frames = triage_signature_json(&s->signature);
	char input[IW_SHA256_HEX];

	iw_sha256_hex(&s->input, input);
	return json_pack("{sI ss ss ss? ss so ss s{ss sI sI sI sb}}", "bug",
		(json_int_t)bug_id, "adapter", s->adapter, "target", s->target, "commit",
		s->commit, "type", s->signature.type, "frames",
		json_loads(frames, 0, NULL), "input", input, "spec", "binary",
		s->spec.binary, "timeout_s", (json_int_t)s->spec.timeout_s,
		"rss_limit_mb", (json_int_t)s->spec.rss_limit_mb, "disk_limit_mb",
		(json_int_t)s->spec.disk_limit_mb, "check_leaks",
		(int)s->spec.check_leaks);
}

static int answer(const struct answer_scope *scope, struct subject *s, int64_t bug_id,
	bool all, json_t **out, struct iw_err *err)
{
	struct others others = {.subject = s};
	json_t *builds = json_array(), *own = NULL;
	int rc = subject_find(s, scope->dbc, scope->state, bug_id, 0, err);

	if (rc == 0)
		rc = subject_hold_build(s, scope->state, err);
	if (rc == 0)
		rc = project_db_targets(scope->dbc, 0, take_target, &others, err);
	if (rc == 0) {
		iw_grow(others.names, others.count, others.cap);
		others.names[others.count] = NULL;
		*out = recipe_json(s, bug_id);
		own = build_json(s, (const char *const *)others.names, true, err);
		rc = own ? json_array_append_new(builds, own) : -1;
	}
	if (rc == 0 && all)
		rc = add_more(builds, scope, s, (const char *const *)others.names, err);
	if (rc == 0)
		json_object_set(*out, "builds", builds);
	json_decref(builds);
	others_fini(&others);
	return rc;
}

json_t *answer_repro(
	const struct answer_scope *scope, int64_t bug_id, bool all, struct iw_err *err)
{
	struct subject s = {0};
	json_t *out = NULL;
	int rc = answer(scope, &s, bug_id, all, &out, err);

	subject_fini(&s);
	if (rc == 0)
		return out;
	json_decref(out);
	return NULL;
}
