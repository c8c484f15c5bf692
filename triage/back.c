#include "triage/back.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"

#include "base/banned.h"

#define COMMIT_SHOWN 12

/* Whether a proof names this entry, by its number or its commit. */
static bool names(const json_t *proof, const struct staged_pr *pr)
{
	const json_t *item;
	size_t i;

	json_array_foreach(json_object_get(proof, "prs"), i, item) if (pr->number != 0 &&
		json_integer_value(item) == pr->number) return true;
	json_array_foreach(json_object_get(proof, "commits"), i, item)
	{
		const char *commit = json_string_value(json_object_get(item, "commit"));

		if (commit && strcmp(commit, pr->merge) == 0)
			return true;
	}
	return false;
}

/* Somebody may have pushed it to the branch. The caller frees. */
static char *name_of(const struct staged_pr *pr)
{
	return pr->number ? iw_fmt("PR #%lld", (long long)pr->number)
			  : iw_fmt("commit %.*s", COMMIT_SHOWN, pr->merge);
}

/* The last entry that mended it, counted from 1, if it can be one that was taken out; 0: it is
 * not on the branch any more. */
static size_t find_mender(const struct staging_snapshot *s, const json_t *mend)
{
	size_t i, last = 0;

	for (i = 1; i <= s->count; i++)
		if (names(mend, &s->prs[i - 1]) &&
			(!last || s->prs[i - 1].was_reverted ||
				!s->prs[last - 1].was_reverted))
			last = i;
	return last;
}

char *triage_back_words(
	const struct staging_snapshot *snapshot, const char *mend, const char *proof)
{
	_auto_(iw_json_freep) json_t *column = mend ? json_loads(mend, 0, NULL) : NULL;
	_auto_(iw_json_freep) json_t *cause = proof ? json_loads(proof, 0, NULL) : NULL;
	size_t mender = find_mender(snapshot, column), i;
	_auto_free_ char *was = NULL;

	if (mender == 0)
		return NULL;
	was = name_of(&snapshot->prs[mender - 1]);
	for (i = snapshot->count; i > mender; i--) {
		const struct staged_pr *pr = &snapshot->prs[i - 1];
		_auto_free_ char *name = name_of(pr);

		if (pr->reverts == mender)
			return iw_fmt(
				"%s, which reverts %s, which had mended it", name, was);
		if (names(cause, pr) && pr->staged_as == i - 1)
			return iw_fmt(
				"%s, landed again after %s had mended it", name, was);
	}
	return NULL;
}
