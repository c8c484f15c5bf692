/*
 * Which pull request mended a bug that a newer snapshot does not show any more: the staged
 * merges after the one that brought it are bisected for the one without which it shows.
 *
 * Thread: the loop.
 */
#ifndef TRIAGE_MENDER_H
#define TRIAGE_MENDER_H

#include <jansson.h>

#include "triage/attribute.h"

/* Where those that a proof (the column bug.proof or bug.mend) names are all staged, counted
 * from 1; 0: it names none. NULL, or the name of one that is not staged any more, which the
 * caller frees. */
char *triage_mender_place(
	const struct staging_snapshot *snapshot, const json_t *proof, size_t *place);

struct triage_mender;
/* err: it could not be found out now. */
typedef void (*triage_mender_cb)(
	struct triage_mender *op, const struct iw_err *err, void *ctx);

/* spec as for an attribution; is_mend and shown are filled in. blame: who brought it, the
 * column bug.proof, or NULL. done fires exactly once, later. */
struct triage_mender *triage_mender_start(const struct triage_world *world,
	const struct triage_attribute_spec *spec, const char *blame,
	triage_mender_cb done, void *ctx);
void triage_mender_stop(struct triage_mender *op);
/* After done without err: one sentence, and the column bug.mend. Borrowed until free. */
const char *triage_mender_words(const struct triage_mender *op);
const char *triage_mender_proof(const struct triage_mender *op);
int64_t triage_mender_cpu_us(const struct triage_mender *op);
void triage_mender_free(struct triage_mender *op);

#endif
