/* Markdown for people: the list of bugs, and a page for each. */
#include "cli/pile_format.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/paragraph.h"
#include "sanitizers/frames.h"
#include "triage/fault.h"
#include "triage/markdown.h"
#include "triage/rate.h"
#include "triage/severity.h"

#include "base/banned.h"

#define SPAN_MAX 160
#define FRAMES_SHOWN 12
#define FILES_SHOWN 40

/* -- the list ----------------------------------------------------------------------- */

static void add_row(struct iw_buf *out, const struct pile_bug *bug)
{
	struct pile_words words;

	pile_words_init(&words, bug);
	iw_buf_addf(out, "| [%d](%s/README.md) | ", bug->number, bug->folder);
	triage_md_span(out, words.headline, SPAN_MAX);
	iw_buf_adds(out, " | ");
	if (words.place)
		triage_md_span(out, words.place, SPAN_MAX);
	iw_buf_addf(out, " | %s | %zu | %s | %zu | %zu%s |\n",
		triage_severity_brief(words.severity, false), pile_bug_files(bug),
		words.rate, bug->original_len, bug->len,
		bug->is_minimized ? "" : " (not minimized)");
	pile_words_fini(&words);
}

/* How often one that vanished was run alone, with those that it looked like. */
static void add_misses(struct iw_buf *out, const struct pile_bug *bug)
{
	_auto_free_ char *rate = NULL;

	/* An earlier run of the command knows no more than its fate. */
	if (!bug || !bug->missed)
		return;
	rate = triage_rate_words(0, bug->missed);
	iw_buf_addf(out, ": alone in %s", rate);
}

static void add_list(struct iw_buf *out, const struct pile *pile, enum pile_fate fate)
{
	size_t shown = 0, i;

	for (i = 0; i < pile->spec.files->count && shown < FILES_SHOWN; i++) {
		if (pile_entry_of(pile, i)->fate != fate)
			continue;
		iw_buf_adds(out, "- ");
		triage_md_span(out, pile->spec.files->items[i].path, SPAN_MAX);
		if (fate == PILE_VANISHED)
			add_misses(out, pile_entry_bug(pile_entry_of(pile, i)));
		iw_buf_adds(out, "\n");
		shown++;
	}
	if (pile_count(pile, fate) > shown)
		iw_buf_addf(out, "- and %zu more\n", pile_count(pile, fate) - shown);
}

static size_t count_shown(const struct pile *pile)
{
	size_t n = 0, i;

	for (i = 0; i < pile->bug_count; i++)
		n += pile_bug_is_shown(pile->bugs[i]);
	return n;
}

void pile_markdown(const struct pile *pile, struct iw_buf *out)
{
	size_t bugs = count_shown(pile), i;

	iw_buf_adds(out, "# What ");
	triage_md_span(out, iw_path_base(pile->spec.plain->path), SPAN_MAX);
	iw_buf_addf(out, " does on %zu file%s\n\n%zu pass, %zu fail: %zu bug%s.\n\n",
		pile->spec.files->count, pile->spec.files->count == 1 ? "" : "s",
		pile_count(pile, PILE_PASSED), pile_count(pile, PILE_FAILED), bugs,
		bugs == 1 ? "" : "s");
	if (bugs > 0)
		iw_buf_adds(out,
			"| bug | what | where | severity | files | rate | bytes | "
			"smallest "
			"|\n|---|---|---|---|---|---|---|---|\n");
	for (i = 0; i < pile->bug_count; i++)
		if (pile_bug_is_shown(pile->bugs[i]))
			add_row(out, pile->bugs[i]);
	if (pile_count(pile, PILE_VANISHED) > 0) {
		iw_buf_adds(out, "\n## Failed among other files, and not alone\n\n");
		add_list(out, pile, PILE_VANISHED);
	}
	if (pile_count(pile, PILE_UNKNOWN) > 0) {
		iw_buf_adds(out, "\n## Not run yet, or not confirmed\n\n");
		add_list(out, pile, PILE_UNKNOWN);
	}
	if (pile_count(pile, PILE_PASSED) > 0) {
		iw_buf_adds(out, "\n## Pass\n\n");
		add_list(out, pile, PILE_PASSED);
	}
}

/* -- one bug ------------------------------------------------------------------------ */

static void add_command(struct iw_buf *out, const char *what, const char *command)
{
	iw_buf_addf(out, "%s:\n\n", what);
	triage_md_fence(out, "sh", command, strlen(command), (size_t)1 << 20);
	iw_buf_adds(out, "\n");
}

static void add_commands(struct iw_buf *out, const struct pile_bug *bug)
{
	const struct cli_plain *plain = bug->pile->spec.plain;
	_auto_free_ char *raw = pile_command(bug, "input");
	struct iw_buf repro = {0};

	iw_buf_adds(&repro, "ironworks repro input --binary ");
	iw_text_shell(&repro, plain->path);
	if (bug->pile->spec.words) {
		iw_buf_adds(&repro, " --args=");
		iw_text_shell(&repro, bug->pile->spec.words);
	}
	iw_buf_adds(out, "## See it\n\nIn this folder; ");
	add_command(out, "how often does it fail, and how", repro.data);
	add_command(
		out, "By itself, with the options that its report was made with", raw);
	if (!bug->pile->spec.words || strstr(bug->pile->spec.words, "@@")) {
		iw_buf_adds(&repro, " --gdb");
		add_command(out, "In a debugger, which stops where the report ends it",
			repro.data);
	}
	iw_buf_fini(&repro);
}

static void add_frame(struct iw_buf *out, const struct san_frame *f, size_t index)
{
	struct iw_buf line = {0};

	iw_text_plain(&line,
		f->function	    ? f->function
			: f->module ? iw_path_base(f->module)
				    : "?");
	if (!f->function && f->offset)
		iw_buf_addf(&line, "+0x%llx", (unsigned long long)f->offset);
	if (f->file) {
		iw_buf_adds(&line, " ");
		iw_text_plain(&line, f->file);
	}
	iw_buf_addf(out, "#%-2zu %s", index, line.data);
	if (f->file && f->line)
		iw_buf_addf(out, ":%d", f->line);
	iw_buf_adds(out, "\n");
	iw_buf_fini(&line);
}

/* Who has been called before, in an endless recursion. */
static bool comes_again(const struct san_stack *stack, size_t frame)
{
	const struct san_frame *f = &stack->frames[frame];
	size_t i;

	for (i = 0; i < frame; i++) {
		const struct san_frame *g = &stack->frames[i];

		if (f->function && g->function ? strcmp(f->function, g->function) == 0
					       : f->offset && f->offset == g->offset)
			return true;
	}
	return false;
}

static void add_stack(struct iw_buf *out, const struct san_report *report)
{
	const struct san_stack *stack;
	struct iw_buf lines = {0};
	size_t i, shown = 0, again = 0;

	stack = report ? triage_fault_stack(report) : NULL;
	if (!stack)
		return;
	for (i = 0; i < stack->count && shown < FRAMES_SHOWN; i++) {
		if (san_frame_is_plumbing(&stack->frames[i]))
			continue;
		if (report->kind == SAN_STACK_OVERFLOW && comes_again(stack, i))
			again++;
		else
			add_frame(&lines, &stack->frames[i], shown++);
	}
	if (again)
		iw_buf_addf(&lines, "... and %zu more calls among these\n",
			again + stack->dropped);
	if (lines.len) {
		iw_buf_adds(out, "## Where\n\n");
		triage_md_fence(out, "text", lines.data, lines.len, (size_t)1 << 16);
		iw_buf_adds(out, "\n");
	}
	iw_buf_fini(&lines);
}

static void add_paragraph(struct iw_buf *out, const struct pile_bug *bug)
{
	const struct cli_plain *plain = bug->pile->spec.plain;
	_auto_free_ char *command = pile_command(bug, "input");
	struct iw_buf text = {0};

	cli_paragraph_add(&text,
		&(struct cli_paragraph){
			.build = &plain->build,
			.words_of_build = plain->words_of_build,
			.program = plain->path,
			.input = "input",
			.data = bug->input,
			.len = bug->len,
			.report = bug->report,
			.report_len = bug->report_len,
			.what = bug->signature.message ? bug->signature.message
						       : bug->signature.type,
			.hits = bug->hits,
			.runs = bug->runs,
			.command = command,
		});
	iw_buf_adds(out, "## For a bug report\n\n");
	triage_md_fence(out, "text", text.data, text.len, (size_t)1 << 20);
	iw_buf_adds(out, "\n");
	iw_buf_fini(&text);
}

static void add_files(struct iw_buf *out, const struct pile_bug *bug)
{
	const struct pile *pile = bug->pile;
	size_t total = pile_bug_files(bug), shown = 0, i;

	if (total == 0)
		return;
	iw_buf_addf(out, "## Files that fail like this: %zu\n\n", total);
	for (i = 0; i < pile->spec.files->count && shown < FILES_SHOWN; i++) {
		if (pile_entry_bug(pile_entry_of(pile, i)) != bug)
			continue;
		iw_buf_adds(out, "- ");
		triage_md_span(out, pile->spec.files->items[i].path, SPAN_MAX);
		iw_buf_adds(out, "\n");
		shown++;
	}
	if (total > shown)
		iw_buf_addf(out, "- and %zu more\n", total - shown);
}

void pile_bug_markdown(const struct pile_bug *bug, struct iw_buf *out)
{
	_auto_free_ char *heading = NULL, *rate = triage_rate_words(bug->hits, bug->runs);
	struct pile_words words;

	pile_words_init(&words, bug);
	heading = iw_fmt("bug %d: %s", bug->number, words.headline);
	triage_md_heading(out, heading);
	iw_buf_adds(out, "\n");
	if (words.place) {
		iw_buf_adds(out, "It shows in ");
		triage_md_span(out, words.place, SPAN_MAX);
		iw_buf_adds(out, ". ");
	}
	iw_buf_addf(out,
		"It fails in %s%s. `input` has %zu bytes, `original` %zu%s;\n"
		"`report.txt` is what a run of `input` printed.\n\n",
		rate, bug->hits < bug->runs ? ": it is flaky" : "", bug->len,
		bug->original_len,
		bug->is_minimized ? "" : " (nobody has made it smaller yet)");
	if (words.severity)
		iw_buf_addf(out, "Severity: %s%s%s%s.\n\n", words.severity,
			*words.reason ? " (" : "", words.reason,
			*words.reason ? ")" : "");
	add_commands(out, bug);
	add_stack(out, words.gist.report);
	add_paragraph(out, bug);
	add_files(out, bug);
	pile_words_fini(&words);
}
