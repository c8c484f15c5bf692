/* A bug of a pile as CASR's tools read it. */
#include "cli/pile_format.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/casrep.h"
#include "base/mem.h"

#include "base/banned.h"

static void add_frame(struct iw_buf *out, const struct san_frame *f, size_t index)
{
	iw_buf_addf(out, "    #%zu 0x%" PRIx64 " in %s", index, f->pc,
		f->function ? f->function : "??");
	if (f->file)
		iw_buf_addf(out, " %s", f->file);
	if (f->file && f->line)
		iw_buf_addf(out, ":%d", f->line);
	if (f->file && f->line && f->column)
		iw_buf_addf(out, ":%d", f->column);
	iw_buf_adds(out, "\n");
}

static char *stack_of(const struct san_report *report)
{
	const struct san_stack *stack =
		report ? san_report_stack(report, SAN_STACK_CRASH) : NULL;
	struct iw_buf lines = {0};
	size_t i;

	if (report && !stack && report->stack_count > 0)
		stack = &report->stacks[0];
	for (i = 0; stack && i < stack->count; i++)
		add_frame(&lines, &stack->frames[i], i);
	return iw_buf_steal(&lines);
}

json_t *pile_casrep(const struct pile_bug *bug)
{
	_auto_free_ char *stack = NULL, *command = NULL, *place = NULL;
	struct pile_words words;
	struct casrep casrep = {
		.program = bug->pile->spec.plain->path,
		.severity = "UNDEFINED",
		.report = bug->report,
		.report_len = bug->report_len,
	};
	json_t *json;

	pile_words_init(&words, bug);
	if (words.severity)
		casrep.severity = words.severity;
	stack = stack_of(words.gist.report);
	command = pile_command(bug, words.input);
	if (words.place && words.gist.column)
		place = iw_fmt("%s:%d", words.place, words.gist.column);
	casrep.stack = stack;
	casrep.command = command;
	casrep.place = place ? place : words.place;
	casrep.description = words.gist.report ? san_kind_name(words.gist.report->kind)
					       : bug->signature.type;
	casrep.why = words.headline;
	json = casrep_make(&casrep);
	pile_words_fini(&words);
	return json;
}
