#include "triage/mender.h"

#include <stdlib.h>

#include "base/json.h"
#include "base/mem.h"

#include "base/banned.h"

struct triage_mender {
	struct triage_attribute *attribute;
	struct iw_timer *timer; /* of an answer that needs no tree */
	char *words, *proof;
	triage_mender_cb done;
	void *ctx;
};

static void tell(struct triage_mender *op, char *words)
{
	json_t *proof = json_pack("{ss s[] s[]}", "reason", words, "prs", "log");

	op->words = words;
	op->proof = json_dumps(proof, JSON_COMPACT);
	json_decref(proof);
}

static void on_timer(void *ctx)
{
	struct triage_mender *op = ctx;

	op->done(op, NULL, op->ctx);
}

static void on_attributed(
	struct triage_attribute *attribute, const struct iw_err *err, void *ctx)
{
	struct triage_mender *op = ctx;

	if (!err) {
		op->words = iw_strdup(triage_attribute_result(attribute)->reason);
		op->proof = triage_attribute_proof(attribute);
	}
	op->done(op, err, op->ctx);
}

/* Where a commit stands, counted from 1; 0: nowhere. */
static size_t find_commit(const struct staging_snapshot *s, const char *commit)
{
	const struct staged_pr *entry = commit ? staging_find(s, commit) : NULL;

	return entry ? (size_t)(entry - s->prs) + 1 : 0;
}

char *triage_mender_place(
	const struct staging_snapshot *s, const json_t *proof, size_t *place)
{
	const json_t *item;
	size_t i, at;

	*place = 0;
	json_array_foreach(json_object_get(proof, "prs"), i, item)
	{
		int64_t number = json_integer_value(item);

		at = staging_find_pr(s, number);
		if (at == 0)
			return iw_fmt("PR #%lld", (long long)number);
		*place = at > *place ? at : *place;
	}
	json_array_foreach(json_object_get(proof, "commits"), i, item)
	{
		const char *commit = json_string_value(json_object_get(item, "commit"));

		at = find_commit(s, commit);
		if (at == 0)
			return iw_fmt("commit %.12s", commit ? commit : "");
		*place = at > *place ? at : *place;
	}
	return NULL;
}

struct triage_mender *triage_mender_start(const struct triage_world *world,
	const struct triage_attribute_spec *spec, const char *blame,
	triage_mender_cb done, void *ctx)
{
	const struct staging_snapshot *s = project_snapshot(spec->target->project);
	_auto_(iw_json_freep) json_t *brought = blame ? json_loads(blame, 0, NULL) : NULL;
	_auto_free_ char *missing = NULL;
	struct triage_mender *op = iw_calloc(1, sizeof *op);
	struct triage_attribute_spec mend = *spec;

	mend.is_mend = true;
	op->done = done;
	op->ctx = ctx;
	missing = triage_mender_place(s, brought, &mend.shown);
	if (missing || s->count == 0) {
		tell(op,
			missing ? iw_fmt("%s, which brought it, is not staged any more",
					  missing)
				: iw_strdup("nothing is staged: the branch itself does "
					    "not show it any more"));
		op->timer = iw_timer_new(world->loop, on_timer, op);
		iw_timer_start(op->timer, 0, 0);
	} else {
		op->attribute = triage_attribute_start(world, &mend, on_attributed, op);
	}
	return op;
}

void triage_mender_stop(struct triage_mender *op)
{
	if (op->attribute)
		triage_attribute_stop(op->attribute);
}

const char *triage_mender_words(const struct triage_mender *op)
{
	return op->words;
}

const char *triage_mender_proof(const struct triage_mender *op)
{
	return op->proof;
}

int64_t triage_mender_cpu_us(const struct triage_mender *op)
{
	return op->attribute ? triage_attribute_cpu_us(op->attribute) : 0;
}

void triage_mender_free(struct triage_mender *op)
{
	if (!op)
		return;
	iw_timer_free(op->timer);
	triage_attribute_free(op->attribute);
	free(op->words);
	free(op->proof);
	free(op);
}
