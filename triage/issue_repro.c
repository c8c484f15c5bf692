#include "triage/issue_repro.h"

#include "base/mem.h"
#include "base/text.h"
#include "sanitizers/flavour.h"
#include "triage/markdown.h"

#include "base/banned.h"

#define HEX_MAX 1024	      /* bytes of input shown in hex */
#define BASE64_MAX (48 << 10) /* bytes of base64 */
#define COMMANDS_MAX (4 << 10)
#define FIELD_MAX 200

/* For who reads this elsewhere than on the farm's host. */
static void add_elsewhere(struct iw_buf *out, const struct triage_issue *issue)
{
	const struct san_flavour *flavour =
		issue->flavour ? san_flavour_find(issue->flavour) : NULL;
	bool has_sanitizers = flavour && *flavour->sanitizers;
	struct iw_buf command = {0};

	iw_buf_adds(&command, "ironworks repro ");
	iw_text_shell(&command, issue->bug ? issue->bug : "BUG");
	iw_buf_adds(&command, " --host URL");
	iw_buf_adds(out,
		"Both work on the host that found it: the first runs it as the farm "
		"does, "
		"the second without Ironworks.\n\n"
		"On another machine that has Ironworks ");
	triage_md_span(out, command.data, FIELD_MAX);
	iw_buf_adds(out,
		", with the address of the farm's page, fetches this very build and the "
		"input. Without it: check out ");
	iw_buf_fini(&command);
	triage_md_span(out, issue->commit ? issue->commit : "the snapshot", FIELD_MAX);
	iw_buf_adds(out, ", build the target ");
	triage_md_span(out, issue->target ? issue->target : "", FIELD_MAX);
	iw_buf_addf(out,
		" with clang and `-g -O1 -fsanitize=fuzzer%s%s`, save the input below as "
		"a file, and give it to the target as its only argument.\n\n",
		has_sanitizers ? "," : "", has_sanitizers ? flavour->sanitizers : "");
}

void issue_commands_add(
	struct iw_buf *out, const struct triage_issue *issue, const char *uid)
{
	struct iw_buf text = {0};

	iw_buf_adds(&text, "ironworks repro ");
	iw_text_shell(&text, issue->bug ? issue->bug : uid);
	if (issue->state_dir) {
		iw_buf_adds(&text, " --state ");
		iw_text_shell(&text, issue->state_dir);
	}
	iw_buf_adds(&text, "\n");
	if (issue->command)
		iw_buf_addf(&text, "%s\n", issue->command);
	iw_buf_adds(out, "## Reproduce\n\n");
	if (!triage_md_fence(out, "sh", text.data, text.len, COMMANDS_MAX))
		iw_buf_adds(out, "\n(cut short)\n");
	iw_buf_adds(out, "\n");
	if (issue->command)
		add_elsewhere(out, issue);
	iw_buf_fini(&text);
}

/* As xxd prints it. */
static void add_hex(struct iw_buf *out, const unsigned char *data, size_t len)
{
	struct iw_buf text = {0};
	size_t row, i;

	for (row = 0; row < len; row += 16) {
		iw_buf_addf(&text, "%08zx:", row);
		for (i = row; i < row + 16; i++) {
			iw_buf_adds(&text, i % 2 ? "" : " ");
			if (i < len)
				iw_buf_addf(&text, "%02x", data[i]);
			else
				iw_buf_adds(&text, "  ");
		}
		iw_buf_adds(&text, "  ");
		for (i = row; i < row + 16 && i < len; i++)
			iw_buf_addf(&text, "%c",
				data[i] >= 0x20 && data[i] < 0x7f ? data[i] : '.');
		iw_buf_adds(&text, "\n");
	}
	triage_md_fence(out, "text", text.data, text.len, text.len);
	iw_buf_adds(out, "\n");
	iw_buf_fini(&text);
}

static void add_base64(struct iw_buf *out, const struct triage_issue *issue, size_t room)
{
	struct iw_buf text = {0};

	/* 4 for 3, a newline in 76, and the fence around it. */
	if (issue->input_len / 3 * 4 + issue->input_len / 57 + 16 <= room) {
		iw_text_base64(&text, issue->input, issue->input_len);
		iw_buf_adds(out, "As base64, for `base64 -d`:\n\n");
		triage_md_fence(out, "text", text.data, text.len, text.len);
	} else {
		iw_buf_adds(out, "The whole input is too long for this page");
	}
	if (issue->artifact && *issue->artifact) {
		iw_buf_adds(out, text.len ? "\nIt is stored as " : ". It is stored as ");
		triage_md_span(out, issue->artifact, FIELD_MAX);
		iw_buf_adds(out, " on the host that found it");
	}
	if (!text.len || (issue->artifact && *issue->artifact))
		iw_buf_adds(out, ".\n");
	iw_buf_adds(out, "\n");
	iw_buf_fini(&text);
}

void issue_input_add(struct iw_buf *out, const struct triage_issue *issue, size_t room)
{
	if (!issue->input && !issue->artifact)
		return;
	iw_buf_adds(out, "## Input\n\n");
	iw_buf_addf(
		out, "%zu byte%s", issue->input_len, issue->input_len == 1 ? "" : "s");
	if (issue->first_len > issue->input_len)
		iw_buf_addf(out, ", minimized from %zu", issue->first_len);
	if (issue->input_len > HEX_MAX)
		iw_buf_addf(out, "; the first %d", HEX_MAX);
	iw_buf_adds(out, issue->input_len && issue->input ? ":\n\n" : ".\n\n");
	if (!issue->input_len || !issue->input)
		return;
	add_hex(out, issue->input,
		issue->input_len < HEX_MAX ? issue->input_len : HEX_MAX);
	if (room > out->len)
		room -= out->len;
	else
		room = 0;
	add_base64(out, issue, room < BASE64_MAX ? room : BASE64_MAX);
}
