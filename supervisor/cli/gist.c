#include "cli/gist.h"

#include "sanitizers/frames.h"
#include "sanitizers/headline.h"

#include "base/banned.h"

void cli_gist_read(struct cli_gist *gist, const char *text, size_t len)
{
	const struct san_frame *place;
	struct san_report *reports;
	size_t count;

	*gist = (struct cli_gist){.headline = "", .arena = iw_arena_new()};
	if (len == 0 ||
		san_report_parse(gist->arena, text, len, &reports, &count, NULL) < 0)
		return;
	gist->report = san_report_primary(reports, count);
	if (!gist->report)
		return;
	gist->headline = san_report_headline(gist->arena, gist->report);
	place = san_report_place(gist->report);
	gist->file = place ? place->file : gist->report->file;
	gist->line = place ? place->line : gist->report->line;
	gist->column = place ? place->column : gist->report->column;
}

void cli_gist_fini(struct cli_gist *gist)
{
	iw_arena_free(gist->arena);
	*gist = (struct cli_gist){0};
}
