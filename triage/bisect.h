/*
 * Which staged merge caused a bug, decided without building anything: it asks about one
 * tree at a time, the caller builds it, runs the reproducer and answers.
 *
 *	b = triage_bisect_new(&spec);
 *	while (triage_bisect_next(b, &question) > 0) {
 *		build the tree, run up to question.runs times; stop at the first hit
 *		triage_bisect_answer(b, &answer);
 *	}
 *	result = triage_bisect_result(b);
 *
 * The happy path: the base is good; a binary search over the prefixes of the merges (the
 * last one is the snapshot, known to be bad) ends at the first bad one; the snapshot
 * without that merge is good; the base with it alone is bad: `staged`. 64 merges cost 9
 * builds at most.
 *
 * Otherwise:
 * - base bad: `pre-existing`;
 * - alone it is good: other merges are needed too. The smallest prefix that makes
 *   base + prefix + suspect bad ends at the partner; repeated until the set alone is bad,
 *   each member then taken out once: `interaction`;
 * - untestable trees (the target is missing, does not build, a merge or revert conflicts)
 *   are never good: their neighbours are asked. A gap that remains is tried merge by
 *   merge;
 * - nothing good stands before the first bad prefix, say because the suspect brought the
 *   target: `suspect`, with a reason, no blame;
 * - the revert conflicts but alone it is bad and the prefix before was good: `staged`,
 *   since two trees show that adding it turns good to bad; the log says so;
 * - it does not apply alone, but the prefix before was good and the snapshot without it
 *   is good: the smallest prefix it can be put on is looked for. Bad there: `staged`, as
 *   everything older is shown innocent without it. Both untestable: `suspect`;
 * - answers that cannot all be true: the good ones are asked again, and if they stay:
 *   `flaky`, or `suspect` where a second cause explains them.
 *
 * A hit proves bad; good takes so many runs that a bug of this rate would have been
 * missed with a chance of at most TRIAGE_BISECT_MISS: a sequential test in Wald's sense,
 * with the power fixed and the wrong alarm impossible, because hits count only when the
 * signature is the same. The rate is not known but estimated from hits of runs, so the
 * chance is the predictive one, averaged over Beta(hits + 1, misses + 1); hits and misses
 * on trees that turned out bad refine it.
 *
 * Nothing is stored here: the caller keeps answers by tree (table verdict) and after a
 * restart replays them; the same answers lead to the same questions.
 *
 * Pure and synchronous. Thread: one at a time.
 */
#ifndef TRIAGE_BISECT_H
#define TRIAGE_BISECT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define TRIAGE_BISECT_MISS 1e-3
#define TRIAGE_BISECT_RUNS 200 /* of one tree at most, before it is doubted */
#define TRIAGE_BISECT_SET 4    /* merges in an interaction at most */

/* A merge that belongs to no pull request: somebody pushed it to the branch. */
struct triage_bisect_commit {
	const char *id;
	const char *title; /* foreign text */
};

/* Merges are numbered 1…count in the order they were staged; 0 is the base. */
struct triage_bisect_spec {
	const int *prs; /* prs[i - 1]: pull request of merge i, or 0; copied */
	/* Likewise, of those without one; copied. NULL: none is. */
	const struct triage_bisect_commit *commits;
	size_t count;
	/* What asking costs, of the trees at 0…count: 1 for one that must be built, less
	 * for one that is there. Above 0. Copied; NULL: all the same. */
	const double *costs;
	unsigned hits, runs; /* of the reproducer on the snapshot, this bug only */
	unsigned max_builds; /* trees asked at most; 0: 64 */
	/* Trees that lack the target can be given its files, once the adapter names them. */
	bool may_carry;
	/* The other way round: it does not show on the snapshot any more, and did show
	 * at merge `shown`. Which later merge mended it? A result's `staged` is that one;
	 * `pre-existing` means that the snapshot still shows it. */
	bool is_mend;
	size_t shown;
	/* Or it did not show at merge `after`, which had mended it, and shows again: which
	 * later one brought it back? That tree takes the place of the base; 0: the base. */
	size_t after;
};

enum triage_question_kind {
	TRIAGE_PREFIX,	    /* the tree at merge prefix; 0: the base */
	TRIAGE_WITHOUT,	    /* the tree at merge prefix with the merges reverted */
	TRIAGE_ALONE,	    /* the base with only the merges merged, in order */
	TRIAGE_PREFIX_WITH, /* the tree at merge prefix with the merges merged on it */
};

struct triage_question {
	enum triage_question_kind kind;
	size_t prefix;			  /* of all but ALONE */
	size_t merges[TRIAGE_BISECT_SET]; /* of the others, ascending */
	size_t merge_count;
	unsigned runs; /* until the first hit, or so many */
	bool is_again; /* it has an answer: only more runs tell anything */
};

enum triage_answer_kind {
	TRIAGE_BAD,	   /* at least one hit of this bug */
	TRIAGE_GOOD,	   /* no hit in runs; fewer runs than wanted: the rest is asked */
	TRIAGE_UNTESTABLE, /* never counted as good */
	TRIAGE_INFRA,	   /* our machines failed, again and again: ends it */
};

enum triage_why {	     /* why a tree is untestable */
	TRIAGE_WHY_OTHER,    /* the input fails there in another way, which hides it */
	TRIAGE_WHY_TARGET,   /* the target is not there or reads its input differently */
	TRIAGE_WHY_BUILD,    /* it does not build */
	TRIAGE_WHY_CONFLICT, /* merge or revert conflicts */
};

struct triage_answer {
	enum triage_answer_kind kind;
	enum triage_why why;
	unsigned runs, hits;
	/* For the log and the proof; decides nothing. */
	char tree[41];	    /* what was built: a git tree id; empty: nothing */
	bool is_made;	    /* it was built for this question */
	bool is_remembered; /* nothing was run: it was asked before */
	bool is_carried;    /* it has the target's files of the snapshot */
	char other[512];    /* what it fails with there instead; empty: nothing, or it is
			     * not known any more */
};

enum triage_outcome {
	TRIAGE_STAGED,
	TRIAGE_INTERACTION,
	TRIAGE_PRE_EXISTING,
	TRIAGE_SUSPECT,
	TRIAGE_FLAKY,
	TRIAGE_OUTCOME_INFRA,
};

struct triage_attribution {
	enum triage_outcome outcome;
	const size_t *merges; /* ascending; at fault, or of a suspect those in question */
	const int *prs;	      /* the same as pull requests; 0: it belongs to none */
	size_t count;	      /* 0 for pre-existing, flaky, infra */
	const char *reason;   /* one sentence, never empty */
	/* The chance that it is right; of a suspect: that one of the merges is a cause. 0
	 * where nothing is said of any merge. */
	double confidence;
	unsigned builds; /* trees asked about, the snapshot not counted */
	unsigned runs;	 /* of all answers */
};

struct triage_bisect;

/* Copies spec. */
struct triage_bisect *triage_bisect_new(const struct triage_bisect_spec *spec);
void triage_bisect_free(struct triage_bisect *b);
void triage_bisect_freep(struct triage_bisect **b);

/* 1: a question; 0: decided. Until it is answered the same one is given again. */
int triage_bisect_next(struct triage_bisect *b, struct triage_question *question);
/* Answers the question that next gave last. */
void triage_bisect_answer(struct triage_bisect *b, const struct triage_answer *answer);

/* NULL until decided; borrowed from b. */
const struct triage_attribution *triage_bisect_result(const struct triage_bisect *b);
/* Sentences for humans in the order things happened; borrowed until the next answer. */
const char *const *triage_bisect_log(const struct triage_bisect *b, size_t *count);
/* The column bug.proof: {"outcome", "reason", "prs", "commits": [{"commit", "subject"}],
 * "confidence", "builds", "runs", "log", "trees": [{"what", "answer", "runs", "hits", "tree",
 * "built", "remembered", "carried", "why"}]}; the caller's reference. Before the decision
 * without the first five, and with "left": merges that are still in question. */
json_t *triage_bisect_json(const struct triage_bisect *b);
/* "the base", "the tree at PR #7", "the snapshot without PR #7". The caller frees. */
char *triage_bisect_describe(
	const struct triage_bisect *b, const struct triage_question *question);
/* The word of the column bug.outcome. */
const char *triage_outcome_word(enum triage_outcome outcome);
/* Runs without a hit that make a tree good, after hits of runs elsewhere; 1 to
 * TRIAGE_BISECT_RUNS. */
unsigned triage_bisect_runs(unsigned hits, unsigned runs);

#endif
