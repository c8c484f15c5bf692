#include "triage/retest.h"

#include <string.h>

#include "base/buf.h"
#include "triage/bisect_tree.h"
#include "triage/rate.h"

#include "base/banned.h"

#define FIRST_RUNS 5

struct triage_retest_plan triage_retest_plan(unsigned hits, unsigned runs, bool is_hang)
{
	struct triage_retest_plan plan = {.first = FIRST_RUNS, .all = FIRST_RUNS};

	/* The few of a hang cost its timeout each, too. */
	if (is_hang)
		plan.first = plan.all = 2;
	while (plan.all < TRIAGE_RETEST_RUNS &&
		bisect_miss(hits, runs, plan.all) > TRIAGE_BISECT_MISS)
		plan.all++;
	return plan;
}

/* Only what would decide is told: an input that fails is there. */
static void add_reach(struct iw_buf *text, const struct triage_retest_seen *s)
{
	if (s->hits > 0)
		return;
	if (s->shows_elsewise)
		iw_buf_adds(text, "; but another input of it fails there");
	else if (s->reach == TRIAGE_REACH_YES)
		iw_buf_adds(text, "; its input still reaches the code that failed");
	else if (s->reach == TRIAGE_REACH_NOT)
		iw_buf_adds(text,
			"; its input no longer reaches the code that failed, "
			"which therefore may fail as ever");
	else
		iw_buf_adds(text,
			"; whether its input still reaches the code that failed "
			"is not known");
}

const char *triage_retest_state(const char *state, const struct triage_retest_seen *s)
{
	if (s->runs == 0)
		return state;
	if (s->hits > 0)
		return strcmp(state, "fixed") == 0 ? "regressed" : state;
	if (s->shows_elsewise || s->reach != TRIAGE_REACH_YES ||
		bisect_miss(s->was_hits, s->was_runs, s->runs) > TRIAGE_BISECT_MISS)
		return state;
	return "fixed";
}

char *triage_retest_words(const struct triage_retest_seen *s)
{
	double miss = bisect_miss(s->was_hits, s->was_runs, s->runs);
	struct iw_buf text = {0};

	if (s->runs == 0) {
		iw_buf_addf(&text, "cannot be tested on %s", s->snapshot);
		if (s->obstacle || s->others)
			iw_buf_addf(&text, ": %s",
				s->obstacle ? s->obstacle
					    : "its input fails in another way there");
		return iw_buf_steal(&text);
	}
	iw_buf_addf(&text, "%s on %s, %u of %u",
		s->hits > 0 ? "still shows" : "no longer shows", s->snapshot, s->hits,
		s->runs);
	if (s->hits == 0 && miss > TRIAGE_BISECT_MISS)
		iw_buf_addf(&text, "; one of its rate hides so long by chance in %.2g %%",
			100 * miss);
	add_reach(&text, s);
	if (s->others > 0)
		iw_buf_addf(
			&text, "; its input fails in another way in %u more", s->others);
	return iw_buf_steal(&text);
}
