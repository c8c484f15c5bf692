#include "triage/verdicts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#include "base/banned.h"

struct triage_verdict {
	struct triage_verdict *next;
	char tree[IW_GIT_HEX];
	struct triage_answer answer; /* of all runs */
	unsigned others;
};

static const char *const words[] = {
	[TRIAGE_BAD] = "bad",
	[TRIAGE_GOOD] = "good",
	[TRIAGE_UNTESTABLE] = "untestable",
	[TRIAGE_INFRA] = "untestable",
};

static enum triage_answer_kind kind_of(const char *word)
{
	return strcmp(word, "bad") == 0	    ? TRIAGE_BAD
		: strcmp(word, "good") == 0 ? TRIAGE_GOOD
					    : TRIAGE_UNTESTABLE;
}

static struct triage_verdict *find(
	const struct triage_verdicts *verdicts, const char *tree)
{
	struct triage_verdict *v = verdicts->first;

	while (v && strcmp(v->tree, tree) != 0)
		v = v->next;
	return v;
}

static struct triage_verdict *find_or_add(
	struct triage_verdicts *verdicts, const char *tree)
{
	struct triage_verdict *v = find(verdicts, tree);

	if (v)
		return v;
	v = iw_calloc(1, sizeof *v);
	snprintf(v->tree, sizeof v->tree, "%s", tree);
	v->next = verdicts->first;
	verdicts->first = v;
	return v;
}

void triage_verdicts_take(void *verdicts, const struct verdict_row *row)
{
	struct triage_verdict *v = find_or_add(verdicts, row->tree);

	v->others = (unsigned)row->others;
	v->answer = (struct triage_answer){.kind = kind_of(row->answer),
		.why = TRIAGE_WHY_OTHER,
		.runs = (unsigned)row->runs,
		.hits = (unsigned)row->hits};
}

const struct triage_answer *triage_verdicts_give(
	const struct triage_verdicts *verdicts, const char *tree)
{
	const struct triage_verdict *v = find(verdicts, tree);

	return v ? &v->answer : NULL;
}

void triage_verdicts_add(struct triage_verdicts *verdicts, const char *tree,
	const struct triage_answer *answer, unsigned others, struct verdict_row *row)
{
	struct triage_verdict *v = find_or_add(verdicts, tree);
	unsigned runs = v->answer.runs, hits = v->answer.hits;

	/* A tree that was tested stays what it was when only its second look failed. */
	if (answer->kind != TRIAGE_UNTESTABLE || runs == 0)
		v->answer.kind = answer->kind;
	v->answer.runs = runs + answer->runs;
	v->answer.hits = hits + answer->hits;
	v->others += others;
	*row = (struct verdict_row){.tree = v->tree,
		.answer = words[v->answer.kind],
		.runs = v->answer.runs,
		.hits = v->answer.hits,
		.others = v->others};
}

void triage_verdicts_keep_bad(struct triage_verdicts *verdicts)
{
	struct triage_verdict **link = &verdicts->first, *v;

	while ((v = *link) != NULL) {
		if (v->answer.kind == TRIAGE_BAD) {
			link = &v->next;
			continue;
		}
		*link = v->next;
		free(v);
	}
}

void triage_verdicts_fini(struct triage_verdicts *verdicts)
{
	struct triage_verdict *v;

	while ((v = verdicts->first) != NULL) {
		verdicts->first = v->next;
		free(v);
	}
}
