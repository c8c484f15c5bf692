#include "slice_shield.h"

#include <string.h>

#include "triage/burn_db.h"

#include "base/banned.h"

/* New bugs come one after the other at first, and the shield has to see each once. */
#define DEATHS_FREE 4
#define REST_MS 2000
#define REST_MAX_MS ((int64_t)300 * 1000)

struct slice_death slice_death_of(
	const struct triage_crash *crash, const struct iw_sha256 *sha)
{
	const char *hang = engine_artifact_name(ENGINE_ARTIFACT_TIMEOUT);

	return (struct slice_death){
		.sha = *sha,
		.input = iw_shield_hash(0, crash->input, crash->len),
		.is_hang = strcmp(crash->kind, hang) == 0,
	};
}

struct account {
	struct iw_dbc *dbc;
	const struct slice_bill *bill;
	int64_t left_us; /* the target may say what it likes */
};

static int64_t take(struct account *a, int64_t us)
{
	if (us > a->left_us)
		us = a->left_us;
	a->left_us -= us;
	return us;
}

/* An engine that does not go on reads its corpus again. */
static int64_t cost_of(
	const struct slice_bill *bill, const struct slice_death *death, int64_t unit_us)
{
	int64_t us = death->is_hang ? bill->timeout_us : unit_us;

	return bill->engine->goes_on ? us : us + bill->shield->warm_us;
}

static int store_death(
	struct account *a, const struct slice_death *death, struct iw_err *err)
{
	const struct slice_bill *bill = a->bill;
	const struct engine_shield_place *place =
		engine_shield_find(bill->shield, death->input);
	int64_t unit_us = place && place->swallowed == 0 ? place->us : 0;
	int rc = burn_db_died(a->dbc, bill->target_id, bill->build_id, &death->sha,
		place ? place->key : 0, take(a, cost_of(bill, death, unit_us)), err);

	return rc < 0 ? rc : 0;
}

static int store_swallowed(
	struct account *a, const struct engine_shield_place *place, struct iw_err *err)
{
	int rc;

	if (place->swallowed == 0)
		return 0;
	/* A place that nobody knows is the target's own invention. */
	rc = burn_db_swallowed(a->dbc, a->bill->target_id, a->bill->build_id, place->key,
		place->swallowed, take(a, place->us), err);
	return rc < 0 ? rc : 0;
}

int slice_bill_store(
	struct iw_dbc *dbc, const struct slice_bill *bill, struct iw_err *err)
{
	struct account a = {.dbc = dbc, .bill = bill, .left_us = bill->cpu_us};
	size_t i;
	int rc = 0;

	for (i = 0; rc == 0 && i < bill->death_count; i++)
		rc = store_death(&a, &bill->deaths[i], err);
	for (i = 0; rc == 0 && i < bill->shield->count; i++)
		rc = store_swallowed(&a, &bill->shield->places[i], err);
	return rc;
}

int64_t slice_rest_ms(int deaths_in_a_row)
{
	int doublings = deaths_in_a_row - DEATHS_FREE - 1;
	int64_t ms = REST_MS;

	if (doublings < 0)
		return 0;
	while (doublings-- > 0 && ms < REST_MAX_MS)
		ms *= 2;
	return ms < REST_MAX_MS ? ms : REST_MAX_MS;
}
