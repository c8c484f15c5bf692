/* JUnit's XML, which every CI system shows: one suite, a case for each file. */
#include "cli/pile_format.h"

#include <inttypes.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"

#include "base/banned.h"

/* Of a report; the first file of a bug shows it. */
#define REPORT_MAX ((size_t)16 << 10)

/* Plain text, which has no control characters but newlines and tabs, as XML 1.0 takes it. */
static void add_escaped(struct iw_buf *out, const char *s)
{
	for (; *s; s++) {
		switch (*s) {
		case '&':
			iw_buf_adds(out, "&amp;");
			break;
		case '<':
			iw_buf_adds(out, "&lt;");
			break;
		case '>':
			iw_buf_adds(out, "&gt;");
			break;
		case '"':
			iw_buf_adds(out, "&quot;");
			break;
		default:
			/* U+FFFE and U+FFFF are no characters to it. */
			if (strncmp(s, "\xef\xbf\xbe", 3) == 0 ||
				strncmp(s, "\xef\xbf\xbf", 3) == 0) {
				iw_buf_adds(out, "?");
				s += 2;
			} else {
				iw_buf_add(out, s, 1);
			}
		}
	}
}

static void add_text(struct iw_buf *out, const char *s)
{
	struct iw_buf plain = {0};

	iw_text_plain(&plain, s);
	add_escaped(out, plain.data ? plain.data : "");
	iw_buf_fini(&plain);
}

static void add_report(struct iw_buf *out, const struct pile_bug *bug)
{
	size_t len = bug->report_len < REPORT_MAX ? bug->report_len : REPORT_MAX;
	struct iw_buf block = {0};

	if (bug->report)
		iw_text_block(&block, bug->report, len);
	add_escaped(out, block.data ? block.data : "");
	iw_buf_fini(&block);
}

static void add_failure(struct iw_buf *out, const struct pile_bug *bug, bool is_first)
{
	struct pile_words words;

	pile_words_init(&words, bug);
	iw_buf_adds(out, "<failure type=\"");
	add_text(out, bug->signature.type);
	iw_buf_addf(out, "\" message=\"bug %d: ", bug->number);
	add_text(out, words.headline);
	if (words.place) {
		iw_buf_adds(out, " (");
		add_text(out, words.place);
		iw_buf_adds(out, ")");
	}
	iw_buf_addf(out, ", %s runs\">", words.rate);
	if (is_first)
		add_report(out, bug);
	iw_buf_adds(out, "</failure>");
	pile_words_fini(&words);
}

static void add_case(
	struct iw_buf *out, const struct pile *pile, size_t file, bool *shown)
{
	const struct pile_entry *entry = pile_entry_of(pile, file);
	const struct pile_bug *bug = pile_entry_bug(entry);

	iw_buf_adds(out, "    <testcase classname=\"");
	add_text(out, iw_path_base(pile->spec.plain->path));
	iw_buf_adds(out, "\" name=\"");
	add_text(out, pile->spec.files->items[file].path);
	iw_buf_adds(out, "\" time=\"0\">");
	switch (entry->fate) {
	case PILE_PASSED:
		break;
	case PILE_FAILED:
		add_failure(out, bug, !shown[bug->number]);
		shown[bug->number] = true;
		break;
	case PILE_VANISHED:
		iw_buf_adds(out,
			"<skipped message=\"it failed among other files, and "
			"not alone\"/>");
		break;
	case PILE_UNKNOWN:
		iw_buf_adds(out, "<skipped message=\"it has not been run\"/>");
	}
	iw_buf_adds(out, "</testcase>\n");
}

void pile_junit(const struct pile *pile, int64_t ms, struct iw_buf *out)
{
	size_t files = pile->spec.files->count, i;
	bool *shown = iw_calloc((size_t)pile->numbers + 1, sizeof *shown);
	_auto_free_ char *counts =
		iw_fmt("tests=\"%zu\" failures=\"%zu\" errors=\"0\" skipped=\"%zu\" "
		       "time=\"%.3f\"",
			files, pile_count(pile, PILE_FAILED),
			pile_count(pile, PILE_VANISHED) + pile_count(pile, PILE_UNKNOWN),
			(double)ms / 1000);

	iw_buf_addf(out,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<testsuites name=\"ironworks triage\" %s>\n"
		"  <testsuite name=\"",
		counts);
	add_text(out, iw_path_base(pile->spec.plain->path));
	iw_buf_addf(out, "\" %s>\n", counts);
	for (i = 0; i < files; i++)
		add_case(out, pile, i, shown);
	iw_buf_adds(out, "  </testsuite>\n</testsuites>\n");
	free(shown);
}
