#include "added.h"

#include <stdio.h>
#include <string.h>

#include "adapters/build_db.h"
#include "adapters/project_db.h"
#include "base/mem.h"
#include "corpus/judging_db.h"
#include "sanitizers/flavour.h"
#include "triage/artifact.h"
#include "triage/crash_db.h"

#include "base/banned.h"

/* The build that a crash is said to be seen on. */
struct choice {
	const char *flavour; /* wanted; NULL: any that can judge */
	int64_t current_id;  /* a build of the snapshot that is fuzzed */
	char tree[41];
	int64_t id;
	size_t rank;
	char name[40];
};

/* Where all of them belong. */
struct added_at {
	int64_t target_id, build_id;
	const char *kind;
};

static const char *check(const struct added_spec *spec)
{
	static const char *const kinds[] = {"crash", "timeout", "oom", "leak"};
	size_t i;

	if (!strchr(spec->target, '/'))
		return "a target is ADAPTER/TARGET, as 'ironworks target list' shows "
		       "them";
	if (spec->count == 0 || spec->count > ADDED_MAX)
		return "at least one input is wanted, and 1,000 at most at once";
	for (i = 0; i < spec->count; i++)
		if (spec->inputs[i].len > ADDED_INPUT_MAX)
			return "an input may have 8 MiB";
	for (i = 0; spec->kind && i < IW_COUNT(kinds); i++)
		if (strcmp(kinds[i], spec->kind) == 0)
			return NULL;
	return spec->kind ? "a kind is crash, timeout, oom or leak" : NULL;
}

static int take_id(void *ctx, int64_t id)
{
	*(int64_t *)ctx = id;
	return 0;
}

static void take_tree(void *ctx, const struct iw_build *build)
{
	struct choice *c = ctx;

	if (build->id == c->current_id)
		memcpy(c->tree, build->tree, sizeof c->tree);
}

static void take_best(void *ctx, const struct iw_build *build)
{
	struct choice *c = ctx;
	const struct san_flavour *all;
	size_t i, count;

	if (!build->is_ok || strcmp(build->tree, c->tree) != 0)
		return;
	all = san_flavours(&count);
	for (i = 0; i < count; i++)
		if (strcmp(all[i].name, build->flavour) == 0)
			break;
	if (c->flavour ? strcmp(c->flavour, build->flavour) != 0
		       : i == count || !san_flavour_can_judge(&all[i]))
		return;
	if (c->id && c->rank <= i)
		return;
	c->id = build->id;
	c->rank = i;
	memcpy(c->name, build->flavour, sizeof c->name);
}

static int choose(struct iw_dbc *dbc, const struct added_spec *spec, int64_t target_id,
	struct choice *c, struct iw_err *err)
{
	_auto_free_ char *adapter = iw_strndup(spec->target, strcspn(spec->target, "/"));
	_auto_free_ char *arg = NULL;
	int64_t adapter_id;
	int rc = corpus_judging_build(dbc, target_id, &c->current_id, err);

	c->flavour = spec->flavour;
	if (rc == 0)
		rc = project_db_adapter_id(dbc, adapter, &adapter_id, err);
	if (rc == 0)
		rc = build_db_list(dbc, adapter_id, take_tree, c, err);
	if (rc == 0)
		rc = build_db_list(dbc, adapter_id, take_best, c, err);
	if (rc == 0 && !c->id)
		rc = project_db_adapter_arg(dbc, adapter, &arg, err);
	if (rc < 0 || c->id)
		return rc;
	return iw_err_set(err, IW_ENOENT,
		"%s has no build%s%s that could judge; 'ironworks run %s --for 1m' on "
		"its state folder makes them",
		spec->target, spec->flavour ? " of flavour " : "",
		spec->flavour ? spec->flavour : "", arg);
}

/* All at once: what each costs by itself is waiting for the disk. */
static int store_inputs(const char *artifacts_dir, const struct added_spec *spec,
	struct iw_sha256 *hashes, struct iw_err *err)
{
	size_t i;
	int rc = 0;

	for (i = 0; rc == 0 && i < spec->count; i++)
		rc = triage_artifact_put_one_of_many(artifacts_dir, spec->inputs[i].data,
			spec->inputs[i].len, &hashes[i], err);
	return rc < 0 ? rc : triage_artifact_sync_many(artifacts_dir, err);
}

/* A row for each. The report says nothing of what failed: that is found out. */
static int store_rows(struct iw_dbc *dbc, const char *artifacts_dir,
	const struct added_spec *spec, const struct added_at *at, json_t *crashes,
	struct iw_err *err)
{
	_auto_free_ struct iw_sha256 *hashes = iw_calloc(spec->count, sizeof *hashes);
	_auto_free_ char *text = iw_fmt("added by hand by %s\n", spec->by);
	struct iw_sha256 report;
	char hex[IW_SHA256_HEX];
	int64_t id;
	size_t i;
	int rc = triage_artifact_put(artifacts_dir, text, strlen(text), &report, err);

	if (rc == 0)
		rc = store_inputs(artifacts_dir, spec, hashes, err);
	for (i = 0; rc >= 0 && i < spec->count; i++) {
		rc = crash_db_add(dbc, at->target_id, at->build_id, at->kind, &hashes[i],
			(int64_t)spec->inputs[i].len, &report, &id, err);
		iw_sha256_hex(&hashes[i], hex);
		if (rc >= 0)
			json_array_append_new(crashes,
				json_pack("{sI ss sb}", "id", (json_int_t)id, "input",
					hex, "is_new", rc == 0));
	}
	return rc < 0 ? rc : 0;
}

int added_store(struct iw_dbc *dbc, const char *artifacts_dir,
	const struct added_spec *spec, json_t **answer, struct iw_err *err)
{
	const char *wrong = check(spec);
	struct added_at at = {.kind = spec->kind ? spec->kind : "crash"};
	struct choice choice = {0};
	json_t *crashes;
	int rc;

	if (wrong)
		return iw_err_set(err, IW_EINVAL, "%s", wrong);
	rc = project_db_find(dbc, spec->target, take_id, &at.target_id, err);
	if (rc == 0)
		rc = choose(dbc, spec, at.target_id, &choice, err);
	if (rc < 0)
		return rc;
	at.build_id = choice.id;
	crashes = json_array();
	rc = store_rows(dbc, artifacts_dir, spec, &at, crashes, err);
	*answer = json_pack("{ss sI ss ss so}", "target", spec->target, "target_id",
		(json_int_t)at.target_id, "kind", at.kind, "flavour", choice.name,
		"crashes", crashes);
	return rc;
}
