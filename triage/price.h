/*
 * What asking about a tree costs, where 1 is a build: one that is built only has to be run,
 * one that has an answer not even that. Thread: the loop.
 */
#ifndef TRIAGE_PRICE_H
#define TRIAGE_PRICE_H

#include "adapters/builder.h"
#include "triage/verdicts.h"

double triage_price(const struct triage_verdicts *verdicts, struct builder *builds,
	const char *tree, const char *flavour);

#endif
