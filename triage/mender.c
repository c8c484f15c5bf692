#include "triage/mender.h"

#include <jansson.h>
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

/* Where those that brought it are all in: 0 the base. The number of one that is not staged
 * any more, or 0. */
static int64_t find_shown(
	const struct staging_snapshot *s, const json_t *prs, size_t *shown)
{
	const json_t *item;
	size_t i, place;

	*shown = 0;
	json_array_foreach(prs, i, item)
	{
		int64_t number = json_integer_value(item);

		if (number == 0) /* pushed to the branch: it has no name to find it by */
			continue;
		place = staging_find_pr(s, number);
		if (place == 0)
			return number;
		*shown = place > *shown ? place : *shown;
	}
	return 0;
}

struct triage_mender *triage_mender_start(const struct triage_world *world,
	const struct triage_attribute_spec *spec, const char *prs, triage_mender_cb done,
	void *ctx)
{
	const struct staging_snapshot *s = project_snapshot(spec->target->project);
	_auto_(iw_json_freep) json_t *list = prs ? json_loads(prs, 0, NULL) : NULL;
	struct triage_mender *op = iw_calloc(1, sizeof *op);
	struct triage_attribute_spec mend = *spec;
	int64_t missing;

	mend.is_mend = true;
	op->done = done;
	op->ctx = ctx;
	missing = find_shown(s, list, &mend.shown);
	if (missing || s->count == 0) {
		tell(op,
			missing ? iw_fmt("PR #%lld, which brought it, is not staged any "
					 "more",
					  (long long)missing)
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
