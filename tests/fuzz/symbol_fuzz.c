/*
 * The input is a report without names, a NUL, and then what a symbolizer says, line by
 * line, to whatever the report asks: both are written by code under attack. Whatever they
 * hold, the readers end, stay inside, and the text keeps its lines.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "sanitizers/symbol.h"
#include "sanitizers/symbol_cache.h"
#include "sanitizers/symbolize.h"

#include "base/banned.h"

#define PROMISE(x)                                                                       \
	do {                                                                             \
		if (!(x))                                                                \
			abort();                                                         \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct dialogue {
	const char *answers;
	size_t len;
	struct san_symbol_cache cache;
	struct iw_buf asked;
};

static void check_symbol(const struct san_symbol *symbol)
{
	PROMISE(symbol->count <= SAN_SYMBOL_CALLS);
	for (size_t i = 0; i < symbol->count; i++) {
		const struct san_call *c = &symbol->calls[i];

		PROMISE(c->line >= 0 && c->column >= 0);
		PROMISE(!c->function ||
			(*c->function && !strpbrk(c->function, "\n\x1b")));
		PROMISE(!c->file || (*c->file && !strpbrk(c->file, "\n\x1b")));
	}
}

/* Each place gets the next line. */
static void answer(void *ctx, const struct san_place *place)
{
	struct dialogue *d = ctx;
	const char *nl;
	size_t n;
	struct san_symbol *symbol;

	PROMISE(place->module_len > 0 || !san_place_can_ask(place));
	if (!d->len || !san_place_can_ask(place))
		return;
	san_place_ask(place, &d->asked);
	PROMISE(d->asked.data[d->asked.len - 1] == '\n');
	nl = memchr(d->answers, '\n', d->len);
	n = nl ? (size_t)(nl - d->answers) : d->len;
	symbol = san_symbol_read(place, d->answers, n, NULL);
	d->answers += n + (nl != NULL);
	d->len -= n + (nl != NULL);
	if (symbol)
		check_symbol(symbol);
	san_symbol_cache_add(&d->cache, place, symbol);
}

static const struct san_symbol *find(void *ctx, const struct san_place *place)
{
	return san_symbol_cache_find(ctx, place);
}

static const struct san_symbol *find_nothing(void *ctx, const struct san_place *place)
{
	(void)ctx;
	(void)place;
	return NULL;
}

static size_t count_lines(const char *text, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += text[i] == '\n';
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *all = iw_memdup(data, size); /* so that one byte more is an error */
	const char *nul = size ? memchr(all, '\0', size) : NULL;
	size_t len = nul ? (size_t)(nul - all) : size;
	_auto_free_ char *text = iw_memdup(all, len);
	struct san_symbolize_spec spec = {
		.text = text, .len = len, .binary = "/b/fuzz", .major = (int)(size % 24)};
	struct dialogue d = {
		.answers = all + len + (nul != NULL), .len = size - len - (nul != NULL)};
	struct iw_buf out = {0}, same = {0};

	san_symbolize_ask(&spec, answer, &d);
	free(all);
	san_symbolize(&spec, find, &d.cache, &out);
	PROMISE(out.len <= 2 * len + ((size_t)64 << 20));
	san_symbolize(&spec, find_nothing, NULL, &same);
	/* A frame at the text's end may get the line feed that it lacks. */
	PROMISE(count_lines(same.data ? same.data : "", same.len) <=
		count_lines(text, len) + 1);
	iw_buf_fini(&out);
	iw_buf_fini(&same);
	iw_buf_fini(&d.asked);
	san_symbol_cache_fini(&d.cache);
	return 0;
}
