#include "cli/paragraph.h"

#include <string.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/text.h"
#include "cli/gist.h"

#include "base/banned.h"

/* An input this small stands in the text itself. */
#define SMALL 256

static void add_failure(struct iw_buf *out, const struct cli_paragraph *p)
{
	struct cli_gist gist;

	cli_gist_read(&gist, p->report, p->report ? p->report_len : 0);
	iw_text_plain(out, *gist.headline ? gist.headline : p->what);
	if (gist.file && gist.line) {
		iw_buf_adds(out, " (");
		iw_text_plain(out, gist.file);
		iw_buf_addf(out, ":%d)", gist.line);
	}
	iw_buf_adds(out, ".\n");
	cli_gist_fini(&gist);
}

static void add_input(struct iw_buf *out, const struct cli_paragraph *p)
{
	struct iw_sha256 sha = iw_sha256(p->data, p->len);
	char hex[IW_SHA256_HEX];

	iw_sha256_hex(&sha, hex);
	iw_text_plain(out, iw_path_base(p->input));
	iw_buf_addf(
		out, ", %zu byte%s, SHA-256 %.16s", p->len, p->len == 1 ? "" : "s", hex);
}

void cli_paragraph_add(struct iw_buf *out, const struct cli_paragraph *p)
{
	add_failure(out, p);
	iw_text_plain(out, iw_path_base(p->program));
	iw_buf_addf(out, " (%s, SHA-256 %.16s) fails in %u of %u runs on\n",
		p->words_of_build ? p->words_of_build : p->build->flavour,
		p->build->closure, p->hits, p->runs);
	add_input(out, p);
	iw_buf_adds(out, ".\n\nTo see it:\n\n    ");
	iw_text_plain(out, p->command);
	iw_buf_adds(out, "\n");
	if (p->len == 0 || p->len > SMALL)
		return;
	iw_buf_adds(out, "\nThe input, as 'base64 -d' reads it:\n\n");
	iw_text_base64(out, p->data, p->len);
	if (out->data[out->len - 1] != '\n')
		iw_buf_adds(out, "\n");
}

char *cli_paragraph_of_runs(const struct cli_paragraph *about,
	const struct triage_reproduce_result *result,
	const struct target_command *command)
{
	const struct triage_signature *sig = &result->signature;
	struct cli_paragraph whole = *about;
	struct iw_buf line = {0}, text = {0};

	target_command_add(&line, command);
	whole.report = result->report;
	whole.report_len = result->report_len;
	whole.what = sig->message ? sig->message : sig->type;
	whole.hits = result->hits;
	whole.runs = result->runs;
	whole.command = line.data;
	cli_paragraph_add(&text, &whole);
	iw_buf_fini(&line);
	return iw_buf_steal(&text);
}
