#include "triage/rate.h"

#include <math.h>

#include "base/mem.h"

#include "base/banned.h"

/* Bisections halve an interval of length 1: a bound is known to 2^-40 then. */
#define STEPS 40

/* What the observed runs weigh under all rates together, as a logarithm. */
static double log_mixture(double hits, double misses)
{
	return lgamma(hits + 0.5) + lgamma(misses + 0.5) - lgamma(hits + misses + 1) -
		log(M_PI);
}

static double log_likelihood(double hits, double misses, double p)
{
	return (hits > 0 ? hits * log(p) : 0) + (misses > 0 ? misses * log1p(-p) : 0);
}

/* The end of the interval between a rate inside it and one that is not. */
static double end_of(double hits, double misses, double inside, double outside)
{
	double least = log_mixture(hits, misses) + log(1 - TRIAGE_RATE_CONFIDENCE);
	int i;

	for (i = 0; i < STEPS; i++) {
		double p = (inside + outside) / 2;

		if (log_likelihood(hits, misses, p) > least)
			inside = p;
		else
			outside = p;
	}
	return outside;
}

struct triage_rate triage_rate_of(unsigned hits, unsigned runs)
{
	struct triage_rate rate = {.low = 0, .high = 1};
	double h = hits, m = runs > hits ? (double)(runs - hits) : 0;

	if (h + m == 0)
		return rate;
	/* Where the likelihood is greatest, which always is inside. */
	if (h > 0)
		rate.low = end_of(h, m, h / (h + m), 0);
	if (m > 0)
		rate.high = end_of(h, m, h / (h + m), 1);
	return rate;
}

bool triage_rate_is_spent(unsigned runs, int64_t ms, int64_t price_ms)
{
	return runs >= TRIAGE_RATE_FEWEST && ms >= price_ms;
}

bool triage_rate_wants_more(unsigned hits, unsigned runs, int64_t ms, bool is_hang)
{
	struct triage_rate rate;

	if (triage_rate_is_spent(runs, ms, TRIAGE_RATE_MS))
		return false;
	if (hits >= runs)
		return runs < (is_hang ? TRIAGE_RATE_HANG_STABLE : TRIAGE_RATE_STABLE);
	if (runs >= (is_hang ? TRIAGE_RATE_HANG_RUNS : TRIAGE_RATE_RUNS))
		return false;
	rate = triage_rate_of(hits, runs);
	return rate.high - rate.low > TRIAGE_RATE_WIDTH;
}

char *triage_rate_words(unsigned hits, unsigned runs)
{
	struct triage_rate rate = triage_rate_of(hits, runs);
	double low = floor(100 * rate.low), high = ceil(100 * rate.high);
	_auto_free_ char *of = iw_fmt("%u of %u run%s", hits, runs, runs == 1 ? "" : "s");

	if (runs == 0)
		return iw_strdup("no run");
	if (hits == 0)
		return iw_fmt("%s, at most %.0f %%", of, high);
	if (hits >= runs)
		return iw_fmt("%s, at least %.0f %%", of, low);
	return iw_fmt("%s, %.0f to %.0f %%", of, low, high);
}

char *triage_rate_brief(unsigned hits, unsigned runs)
{
	struct triage_rate rate = triage_rate_of(hits, runs);

	return iw_fmt("%u/%u (%.0f-%.0f%%)", hits, runs, floor(100 * rate.low),
		ceil(100 * rate.high));
}
