#include "cli/pile_ask.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "cli/gist.h"
#include "cli/pile_bug.h"
#include "triage/debugger.h"

#include "base/banned.h"

struct pile_question {
	struct pile *pile;
	struct pile_question *next;
	size_t file;
	struct engine_unit_result result; /* its report is ours */
	struct triage_debugger *op;
};

char *pile_join_report(const char *text, size_t len, const char *more, size_t *whole)
{
	struct iw_buf out = {0};

	iw_buf_add(&out, text ? text : "", text ? len : 0);
	iw_buf_adds(&out, more ? more : "");
	*whole = out.len;
	return out.data ? iw_buf_steal(&out) : iw_strdup("");
}

/* A signal, of which no stack is told and no function either, as assertions do. */
static bool says_nowhere(const struct engine_unit_result *result)
{
	struct cli_gist gist;
	bool says;

	if (result->death != ENGINE_DEATH_CRASH || (result->status & 0x7f) == 0)
		return false;
	cli_gist_read(&gist, result->report, result->report ? result->report_len : 0);
	says = gist.report && (gist.report->stack_count || gist.report->function);
	cli_gist_fini(&gist);
	return !says;
}

static void unlink_question(struct pile_question *q)
{
	struct pile_question **at = &q->pile->questions;

	while (*at != q)
		at = &(*at)->next;
	*at = q->next;
}

static void on_answer(struct triage_debugger *op, void *ctx)
{
	struct pile_question *q = ctx;
	struct pile *pile = q->pile;
	_auto_free_ char *told = triage_debugger_take(op);
	_auto_free_ char *before = q->result.report;

	triage_debugger_free(op);
	unlink_question(q);
	q->result.report = pile_join_report(
		before, q->result.report_len, told, &q->result.report_len);
	/* One that was stopped stays unknown, for the next time. */
	if (!pile->is_stopped)
		pile_take_death(pile, q->file, &q->result);
	free(q->result.report);
	free(q);
	pile_go_on(pile);
}

bool pile_ask(struct pile *pile, size_t file, const struct engine_unit_result *result)
{
	const struct cli_plain *plain = pile->spec.plain;
	struct triage_debugger_spec spec = {
		.build = &plain->build, .target = &plain->target};
	_auto_free_ char *input = NULL;
	struct pile_question *q;

	if (!plain->spec.args || pile->asked == PILE_ASKED_MAX || pile->is_stopped ||
		!says_nowhere(result) || !triage_debugger_find() ||
		iw_file_read(pile->spec.files->items[file].path, CLI_FILE_MAX, &input,
			&spec.len, NULL) < 0)
		return false;
	spec.input = input;
	q = iw_calloc(1, sizeof *q);
	q->pile = pile;
	q->file = file;
	q->result = *result;
	q->result.report =
		result->report ? iw_memdup(result->report, result->report_len) : NULL;
	q->next = pile->questions;
	pile->questions = q;
	pile->asked++;
	q->op = triage_debugger_start(&plain->world, &spec, on_answer, q);
	return true;
}

void pile_ask_stop(struct pile *pile)
{
	struct pile_question *q;

	for (q = pile->questions; q; q = q->next)
		triage_debugger_stop(q->op);
}
