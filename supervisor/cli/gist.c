#include "cli/gist.h"

#include "base/buf.h"
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

char *cli_gist_key(const char *word, const char *text, size_t len, size_t frames)
{
	const struct san_stack *stack = NULL;
	struct iw_buf key = {0};
	struct cli_gist gist;
	size_t i;

	cli_gist_read(&gist, text, text ? len : 0);
	iw_buf_adds(&key, word);
	if (gist.report)
		iw_buf_addf(&key, " %s", san_kind_name(gist.report->kind));
	if (gist.report && gist.report->stack_count)
		stack = &gist.report->stacks[0];
	for (i = 0; stack && i < stack->count && i < frames; i++) {
		const struct san_frame *f = &stack->frames[i];

		if (f->offset || !f->function)
			iw_buf_addf(&key, " %llx", (unsigned long long)f->offset);
		else
			iw_buf_addf(&key, " %s", f->function);
	}
	cli_gist_fini(&gist);
	return iw_buf_steal(&key);
}
