#include "triage/bisect_tree.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

#include "base/banned.h"

#define MAX_BUILDS 64

/* With p ~ Beta(h + 1, m + 1) after h hits and m misses, the chance of n misses in a row
 * is E[(1 - p)^n], a ratio of two beta functions: the product below. */
double bisect_miss(unsigned hits, unsigned runs, unsigned n)
{
	double chance = 1, misses = runs > hits ? (double)(runs - hits) : 0;
	unsigned i;

	for (i = 0; i < n; i++)
		chance *= (misses + 1 + i) / ((double)hits + misses + 2 + i);
	return chance;
}

unsigned triage_bisect_runs(unsigned hits, unsigned runs)
{
	unsigned n = 1;

	while (n < TRIAGE_BISECT_RUNS && bisect_miss(hits, runs, n) > TRIAGE_BISECT_MISS)
		n++;
	return n;
}

/* The runs wanted now: what the snapshot showed and what bad trees showed since. A count
 * that stops at the first hit is no bias here, since only the likelihood enters. */
static unsigned runs_wanted(const struct triage_bisect *b)
{
	unsigned hits = b->hits, runs = b->runs;
	size_t i;

	for (i = 0; i < b->tree_count; i++) {
		if (b->trees[i].state == TREE_BAD) {
			hits += b->trees[i].hits;
			runs += b->trees[i].runs;
		}
	}
	return triage_bisect_runs(hits, runs);
}

static void sort_merges(struct triage_question *q)
{
	size_t i, j;

	for (i = 1; i < q->merge_count; i++) {
		size_t m = q->merges[i];

		for (j = i; j > 0 && q->merges[j - 1] > m; j--)
			q->merges[j] = q->merges[j - 1];
		q->merges[j] = m;
	}
}

/* What is not in the tree need not be taken out, and its last merges leave the tree before
 * them. */
static struct triage_question canonical_without(
	const struct triage_bisect *b, const struct triage_question *question)
{
	struct triage_question q = *question;

	if (q.prefix == 0 || q.prefix > b->count)
		q.prefix = b->count;
	while (q.merge_count > 0 && q.merges[q.merge_count - 1] >= q.prefix) {
		size_t last = q.merges[--q.merge_count];

		q.merges[q.merge_count] = 0;
		if (last == q.prefix)
			q.prefix--;
	}
	if (q.merge_count == 0)
		q.kind = TRIAGE_PREFIX;
	return q;
}

static struct triage_question canonical(
	const struct triage_bisect *b, const struct triage_question *question)
{
	struct triage_question q = *question;
	size_t i, n = 0;

	q.runs = 0;
	sort_merges(&q);
	if (q.kind == TRIAGE_WITHOUT)
		return canonical_without(b, &q);
	if (q.kind == TRIAGE_PREFIX)
		q.merge_count = 0;
	if (q.kind == TRIAGE_ALONE)
		q.prefix = 0;
	for (i = 0; i < q.merge_count; i++) {
		if (q.merges[i] == q.prefix + 1)
			q.prefix++;
		else if (q.merges[i] > q.prefix)
			q.merges[n++] = q.merges[i];
	}
	q.merge_count = n;
	for (; n < TRIAGE_BISECT_SET; n++)
		q.merges[n] = 0;
	q.kind = q.merge_count == 0 ? TRIAGE_PREFIX
		: q.prefix == 0	    ? TRIAGE_ALONE
				    : TRIAGE_PREFIX_WITH;
	return q;
}

static bool same_question(
	const struct triage_question *a, const struct triage_question *b)
{
	return a->kind == b->kind && a->prefix == b->prefix &&
		a->merge_count == b->merge_count &&
		memcmp(a->merges, b->merges, a->merge_count * sizeof a->merges[0]) == 0;
}

static struct tree *find(
	const struct triage_bisect *b, const struct triage_question *question)
{
	struct triage_question q = canonical(b, question);
	size_t i;

	for (i = 0; i < b->tree_count; i++)
		if (same_question(&b->trees[i].question, &q))
			return &b->trees[i];
	return NULL;
}

const struct tree *bisect_find(
	const struct triage_bisect *b, const struct triage_question *question)
{
	return find(b, question);
}

static bool is_snapshot(const struct triage_bisect *b, const struct triage_question *q)
{
	return q->kind == TRIAGE_PREFIX && q->prefix == b->count;
}

static bool put(struct triage_bisect *b, struct tree *tree)
{
	b->asked = (size_t)(tree - b->trees);
	b->has_question = true;
	return false;
}

bool bisect_ask(struct triage_bisect *b, const struct triage_question *question,
	const struct tree **tree)
{
	struct tree *known = find(b, question);

	if (!known) {
		if (b->result.builds >= b->max_builds)
			return false;
		struct tree fresh = {
			.question = canonical(b, question), .wanted = runs_wanted(b)};

		iw_grow(b->trees, b->tree_count, b->tree_cap);
		known = &b->trees[b->tree_count++];
		*known = fresh;
		if (!is_snapshot(b, &known->question))
			b->result.builds++;
	}
	*tree = known;
	return known->state != TREE_UNKNOWN || put(b, known);
}

bool bisect_recheck(struct triage_bisect *b, const struct triage_question *question,
	const struct tree **tree)
{
	struct tree *known = find(b, question);

	if (!known)
		return bisect_ask(b, question, tree);
	*tree = known;
	if (known->state == TREE_GOOD && known->rechecks < BISECT_RECHECKS) {
		known->rechecks++;
		known->wanted = known->runs +
			(runs_wanted(b) > known->runs ? runs_wanted(b) : known->runs);
		known->state = TREE_UNKNOWN;
	}
	return known->state != TREE_UNKNOWN || put(b, known);
}

bool bisect_is_rechecked(const struct triage_bisect *b, const struct tree *tree)
{
	return tree->rechecks > 0 || tree->runs >= 2 * runs_wanted(b);
}

void bisect_say(struct triage_bisect *b, const char *fmt, ...)
{
	char line[512];
	va_list ap;
	size_t i;

	va_start(ap, fmt);
	vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	for (i = 0; i < b->log_count; i++)
		if (strcmp(b->log[i], line) == 0)
			return;
	iw_grow(b->log, b->log_count, b->log_cap);
	b->log[b->log_count++] = iw_strdup(line);
}

/* The caller frees. */
static char *why_words(const struct tree *tree)
{
	switch (tree->why) {
	case TRIAGE_WHY_TARGET:
		return iw_strdup("the target does not exist there, or not as it is now");
	case TRIAGE_WHY_BUILD:
		return iw_strdup("it does not build");
	case TRIAGE_WHY_CONFLICT:
		return iw_strdup("a merge or a revert conflicts");
	default:
		return iw_fmt("its input fails in another way there%s%s",
			*tree->told.other ? ": " : "", tree->told.other);
	}
}

static void log_answer(struct triage_bisect *b, const struct tree *tree)
{
	struct triage_question real = bisect_real(b, &tree->question);
	_auto_free_ char *plain = triage_bisect_describe(b, &real);
	_auto_free_ char *name = iw_fmt("%s%s", plain,
		tree->told.is_carried ? ", with the target's files of the snapshot" : "");
	_auto_free_ char *why = why_words(tree);
	const char *plural = tree->runs == 1 ? "" : "s";

	if (tree->state == TREE_BAD)
		bisect_say(b, "%s: bad, %u hit%s in %u run%s", name, tree->hits,
			tree->hits == 1 ? "" : "s", tree->runs, plural);
	else if (tree->state == TREE_GOOD)
		bisect_say(b, "%s: good, no hit in %u run%s", name, tree->runs, plural);
	else if (tree->state == TREE_UNTESTABLE)
		bisect_say(b, "%s: untestable, %s", name, why);
}

void triage_bisect_answer(struct triage_bisect *b, const struct triage_answer *answer)
{
	struct tree *tree = &b->trees[b->asked];

	if (!b->has_question)
		return;
	b->has_question = false;
	tree->runs += answer->runs;
	tree->hits += answer->hits;
	tree->told = *answer;
	b->total_runs += answer->runs;
	if (answer->kind == TRIAGE_INFRA) {
		struct triage_question real = bisect_real(b, &tree->question);
		_auto_free_ char *name = triage_bisect_describe(b, &real);

		bisect_say(b, "%s: no answer, our own machines failed", name);
		b->has_infra_failed = true;
		return;
	}
	if (answer->kind == TRIAGE_BAD || answer->hits > 0) {
		tree->state = TREE_BAD;
	} else if (answer->kind == TRIAGE_UNTESTABLE || answer->runs == 0) {
		/* A tree that was good before stays so: only its second look failed. */
		tree->state = tree->rechecks > 0 ? TREE_GOOD : TREE_UNTESTABLE;
		tree->why = answer->kind == TRIAGE_UNTESTABLE ? answer->why
							      : TRIAGE_WHY_OTHER;
	} else if (tree->runs >= tree->wanted) {
		tree->state = TREE_GOOD;
	}
	log_answer(b, tree);
}

/* Seen from the tree at merge `after`, which the search takes for the base. */
static struct triage_question real_after(
	const struct triage_bisect *b, const struct triage_question *question)
{
	struct triage_question q = *question;
	size_t i;

	q.prefix += b->after;
	for (i = 0; i < q.merge_count; i++)
		q.merges[i] += b->after;
	if (q.kind == TRIAGE_ALONE && b->after > 0)
		q.kind = TRIAGE_PREFIX_WITH;
	return q;
}

struct triage_question bisect_real(
	const struct triage_bisect *b, const struct triage_question *question)
{
	struct triage_question q = {.kind = question->kind,
		.prefix = b->staged - question->prefix,
		.merge_count = question->merge_count,
		.runs = question->runs};
	size_t i;

	if (!b->is_mend)
		return real_after(b, question);
	for (i = 0; i < q.merge_count; i++)
		q.merges[i] = b->staged + 1 - question->merges[q.merge_count - 1 - i];
	if (question->kind == TRIAGE_ALONE || question->kind == TRIAGE_PREFIX_WITH)
		q.kind = TRIAGE_WITHOUT;
	else if (question->kind == TRIAGE_WITHOUT)
		q.kind = TRIAGE_PREFIX_WITH;
	return q;
}

const char *bisect_staged_name(const struct triage_bisect *b, size_t merge)
{
	return b->names[merge - 1].name;
}

static void add_prs(const struct triage_bisect *b, const struct triage_question *q,
	struct iw_buf *out)
{
	size_t i;

	for (i = 0; i < q->merge_count; i++)
		iw_buf_addf(out, "%s%s",
			i == 0				  ? ""
				: i + 1 == q->merge_count ? " and "
							  : ", ",
			bisect_staged_name(b, q->merges[i]));
}

static void add_prefix(const struct triage_bisect *b, size_t prefix, struct iw_buf *out)
{
	if (prefix == 0)
		iw_buf_adds(out, "the base");
	else if (prefix == b->staged)
		iw_buf_adds(out, "the snapshot");
	else
		iw_buf_addf(out, "the tree at %s", bisect_staged_name(b, prefix));
}

char *triage_bisect_describe(
	const struct triage_bisect *b, const struct triage_question *question)
{
	struct iw_buf out = {0};

	switch (question->kind) {
	case TRIAGE_PREFIX:
		add_prefix(b, question->prefix, &out);
		break;
	case TRIAGE_WITHOUT:
		add_prefix(b, question->prefix ? question->prefix : b->staged, &out);
		iw_buf_adds(&out, " without ");
		add_prs(b, question, &out);
		break;
	case TRIAGE_ALONE:
		iw_buf_adds(&out, "the base with only ");
		add_prs(b, question, &out);
		break;
	case TRIAGE_PREFIX_WITH:
		add_prefix(b, question->prefix, &out);
		iw_buf_adds(&out, " with ");
		add_prs(b, question, &out);
		break;
	}
	return iw_buf_steal(&out);
}

struct triage_bisect *triage_bisect_new(const struct triage_bisect_spec *spec)
{
	struct triage_bisect *b = iw_calloc(1, sizeof *b);

	size_t i;

	b->is_mend = spec->is_mend;
	b->may_carry = spec->may_carry;
	b->staged = spec->count;
	b->after = spec->is_mend ? 0 : spec->after;
	b->count = spec->count - (spec->is_mend ? spec->shown : spec->after);
	b->left = b->count;
	b->names = bisect_merges_new(spec);
	if (spec->costs)
		b->costs = iw_calloc(b->count + 1, sizeof *b->costs);
	for (i = 0; spec->costs && i <= b->count; i++)
		b->costs[i] = spec->costs[spec->is_mend ? b->staged - i : b->after + i];
	b->hits = spec->hits;
	b->runs = spec->runs > spec->hits ? spec->runs : spec->hits;
	b->max_builds = spec->max_builds ? spec->max_builds : MAX_BUILDS;
	if (spec->is_mend)
		bisect_say(b,
			"it showed in %u of %u runs; %u runs without a hit make a tree "
			"good",
			b->hits, b->runs, triage_bisect_runs(b->hits, b->runs));
	else if (b->after)
		bisect_say(b,
			"the snapshot, %zu merges after %s: bad, %u hits in %u runs; %u "
			"runs without a hit make a tree good",
			b->count, bisect_staged_name(b, b->after), b->hits, b->runs,
			triage_bisect_runs(b->hits, b->runs));
	else
		bisect_say(b,
			"the snapshot of %zu merges: bad, %u hits in %u runs; %u runs "
			"without a hit make a tree good",
			b->count, b->hits, b->runs, triage_bisect_runs(b->hits, b->runs));
	return b;
}

void triage_bisect_free(struct triage_bisect *b)
{
	size_t i;

	if (!b)
		return;
	for (i = 0; i < b->log_count; i++)
		free(b->log[i]);
	free(b->log);
	free(b->reason);
	free(b->result_prs);
	free(b->merges);
	free(b->trees);
	free(b->costs);
	bisect_merges_free(b->names, b->staged);
	free(b);
}

void triage_bisect_freep(struct triage_bisect **b)
{
	triage_bisect_free(*b);
}

const struct triage_attribution *triage_bisect_result(const struct triage_bisect *b)
{
	return b->is_decided ? &b->result : NULL;
}

const char *const *triage_bisect_log(const struct triage_bisect *b, size_t *count)
{
	*count = b->log_count;
	return (const char *const *)b->log;
}

const char *triage_outcome_word(enum triage_outcome outcome)
{
	static const char *const words[] = {[TRIAGE_STAGED] = "staged",
		[TRIAGE_INTERACTION] = "interaction",
		[TRIAGE_PRE_EXISTING] = "pre-existing",
		[TRIAGE_SUSPECT] = "suspect",
		[TRIAGE_FLAKY] = "flaky",
		[TRIAGE_OUTCOME_INFRA] = "infra"};

	return words[outcome];
}

static const char *const state_words[] = {
	[TREE_UNKNOWN] = "unknown",
	[TREE_BAD] = "bad",
	[TREE_GOOD] = "good",
	[TREE_UNTESTABLE] = "untestable",
};

static json_t *tree_json(const struct triage_bisect *b, const struct tree *tree)
{
	struct triage_question real = bisect_real(b, &tree->question);
	_auto_free_ char *name = triage_bisect_describe(b, &real);
	_auto_free_ char *why = why_words(tree);
	json_t *out = json_pack("{ss ss si si ss* sb sb sb}", "what", name, "answer",
		state_words[tree->state], "runs", tree->runs, "hits", tree->hits, "tree",
		*tree->told.tree ? tree->told.tree : NULL, "built", tree->told.is_made,
		"remembered", tree->told.is_remembered, "carried", tree->told.is_carried);

	if (tree->state == TREE_UNTESTABLE)
		json_object_set_new(out, "why", json_string(why));
	return out;
}

json_t *triage_bisect_json(const struct triage_bisect *b)
{
	json_t *out = json_object(), *log = json_array(), *prs = json_array();
	json_t *trees = json_array(), *commits = json_array();
	size_t i;

	for (i = 0; i < b->log_count; i++)
		json_array_append_new(log, json_string(b->log[i]));
	if (b->is_decided) {
		for (i = 0; i < b->result.count; i++)
			bisect_merge_add(&b->names[b->merges[i] - 1], prs, commits);
		json_object_set_new(out, "outcome",
			json_string(triage_outcome_word(b->result.outcome)));
		json_object_set_new(out, "reason", json_string(b->reason));
		json_object_set(out, "prs", prs);
		json_object_set(out, "commits", commits);
		if (b->result.confidence > 0)
			json_object_set_new(
				out, "confidence", json_real(b->result.confidence));
	}
	if (!b->is_decided)
		json_object_set_new(out, "left", json_integer((json_int_t)b->left));
	json_decref(prs);
	json_decref(commits);
	json_object_set_new(out, "builds", json_integer(b->result.builds));
	json_object_set_new(out, "runs", json_integer(b->total_runs));
	json_object_set_new(out, "log", log);
	for (i = 0; i < b->tree_count; i++)
		if (b->trees[i].state != TREE_UNKNOWN)
			json_array_append_new(trees, tree_json(b, &b->trees[i]));
	json_object_set_new(out, "trees", trees);
	return out;
}
