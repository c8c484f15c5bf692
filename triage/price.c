#include "triage/price.h"

#include "base/banned.h"

#define COST_BUILT 0.3
#define COST_KNOWN 0.05

double triage_price(const struct triage_verdicts *verdicts, struct builder *builds,
	const char *tree, const char *flavour)
{
	if (triage_verdicts_give(verdicts, tree))
		return COST_KNOWN;
	return builder_has(builds, tree, flavour) ? COST_BUILT : 1;
}
