#include "triage/what.h"

#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

#include "base/banned.h"

char *triage_what(const struct triage_subject *subject,
	const struct triage_target *target, const struct iw_build *build)
{
	const struct staging_snapshot *snapshot =
		target->project ? project_snapshot(target->project) : NULL;
	struct iw_buf what = {0};

	if (subject->noun && subject->id)
		iw_buf_addf(&what, "%s %lld in ", subject->noun, (long long)subject->id);
	else if (subject->noun)
		iw_buf_addf(&what, "%s of ", subject->noun);
	if (target->project)
		iw_buf_addf(&what, "%s/", project_adapter(target->project)->name);
	iw_buf_addf(&what, "%s, %s", target->spec->name, build->flavour);
	if (snapshot && strcmp(snapshot->tree, build->tree) != 0)
		iw_buf_addf(&what, " on tree %.12s", build->tree);
	return iw_buf_steal(&what);
}
