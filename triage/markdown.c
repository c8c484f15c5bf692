#include "triage/markdown.h"

#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/text.h"

#include "base/banned.h"

#define URL_MAX 300
/* Longer runs of backticks are shown like control characters, or two fences as long as
 * the longest run would take the room of the text. */
#define TICKS_MAX 32

size_t triage_md_cut(const char *s, size_t len, size_t max)
{
	if (len <= max)
		return len;
	while (max > 0 && ((unsigned char)s[max] & 0xc0) == 0x80)
		max--;
	return max;
}

static size_t longest_run(const char *s, size_t len)
{
	size_t i, run = 0, longest = 0;

	for (i = 0; i < len; i++) {
		run = s[i] == '`' ? run + 1 : 0;
		longest = run > longest ? run : longest;
	}
	return longest;
}

static void add_ticks(struct iw_buf *out, size_t count)
{
	while (count-- > 0)
		iw_buf_add(out, "`", 1);
}

/* Cuts s after max bytes and says so. */
static void shorten(struct iw_buf *s, size_t max)
{
	size_t len = triage_md_cut(s->data, s->len, max);

	if (len == s->len)
		return;
	s->len = len;
	iw_buf_adds(s, "…");
}

void triage_md_span(struct iw_buf *out, const char *text, size_t max)
{
	struct iw_buf plain = {0}, cell = {0};
	bool needs_space;
	size_t i, ticks;

	iw_text_plain(&plain, text);
	if (!plain.data) {
		iw_buf_adds(out, "(empty)");
		return;
	}
	shorten(&plain, max);
	for (i = 0; i < plain.len; i++) {
		if (plain.data[i] == '|')
			iw_buf_adds(&cell, "¦");
		else
			iw_buf_add(&cell, plain.data + i, 1);
	}
	/* One space on either side is taken away again, and only if both are there. */
	needs_space = cell.len == 0 || cell.data[0] == '`' ||
		cell.data[cell.len - 1] == '`' || cell.data[0] == ' ' ||
		cell.data[cell.len - 1] == ' ';
	ticks = longest_run(cell.data, cell.len) + 1;
	add_ticks(out, ticks);
	iw_buf_adds(out, needs_space ? " " : "");
	iw_buf_add(out, cell.data, cell.len);
	iw_buf_adds(out, needs_space ? " " : "");
	add_ticks(out, ticks);
	iw_buf_fini(&cell);
	iw_buf_fini(&plain);
}

/* Adds the lines of a block with its runs of backticks bounded. */
static void add_block(struct iw_buf *out, const struct iw_buf *block)
{
	size_t i, run = 0;

	for (i = 0; i < block->len; i++) {
		run = block->data[i] == '`' ? run + 1 : 0;
		if (run > TICKS_MAX)
			iw_buf_adds(out, "\\x60");
		else
			iw_buf_add(out, block->data + i, 1);
	}
}

bool triage_md_fence(
	struct iw_buf *out, const char *info, const char *text, size_t len, size_t max)
{
	struct iw_buf raw = {0}, block = {0};
	size_t keep, ticks;
	bool is_whole;

	/* What is cut anyway need not be escaped first; escaping never shortens by more
	 * than replacing invalid bytes, which grows. */
	iw_text_block(&raw, text, len < max ? len : max);
	add_block(&block, &raw);
	keep = block.data ? triage_md_cut(block.data, block.len, max) : 0;
	is_whole = keep == block.len && len <= max;
	ticks = keep ? longest_run(block.data, keep) + 1 : 3;
	if (ticks < 3)
		ticks = 3;
	add_ticks(out, ticks);
	iw_buf_addf(out, "%s\n", info);
	if (keep)
		iw_buf_add(out, block.data, keep);
	if (keep && block.data[keep - 1] != '\n')
		iw_buf_adds(out, "\n");
	add_ticks(out, ticks);
	iw_buf_adds(out, "\n");
	iw_buf_fini(&block);
	iw_buf_fini(&raw);
	return is_whole;
}

void triage_md_heading(struct iw_buf *out, const char *text)
{
	struct iw_buf escaped = {0};
	size_t i;

	iw_text_markdown(&escaped, text);
	iw_buf_adds(out, "# ");
	for (i = 0; i < escaped.len; i++) {
		const char *at = escaped.data + i;

		/* GitHub makes links of bare addresses; of entities it does not. */
		if (strncmp(at, "://", 3) == 0)
			iw_buf_adds(out, "&#58;");
		else if (*at == '.' && i >= 3 && strncasecmp(at - 3, "www", 3) == 0)
			iw_buf_adds(out, "&#46;");
		else
			iw_buf_add(out, at, 1);
	}
	iw_buf_adds(out, "\n");
	iw_buf_fini(&escaped);
}

/* Only characters that can neither end a link nor be decoded into one that can. */
static bool is_url(const char *url)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789-._~:/?#=%+,";
	const char *rest;

	if (!url || strlen(url) > URL_MAX)
		return false;
	if (strncmp(url, "https://", 8) == 0)
		rest = url + 8;
	else if (strncmp(url, "http://", 7) == 0)
		rest = url + 7;
	else
		return false;
	return *rest && strspn(rest, plain) == strlen(rest);
}

void triage_md_link(struct iw_buf *out, const char *label, const char *url)
{
	if (is_url(url))
		iw_buf_addf(out, "[%s](%s)", label, url);
	else
		iw_buf_adds(out, label);
}
