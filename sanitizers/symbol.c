#include "sanitizers/symbol.h"

#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"

#include "base/banned.h"

#define NAME_MAX_ ((size_t)16 << 10)

bool san_place_can_ask(const struct san_place *place)
{
	size_t i;

	if (!place->module_len || place->module_len > SAN_MODULE_MAX ||
		place->module[0] != '/')
		return false;
	for (i = 0; i < place->module_len; i++) {
		unsigned char c = (unsigned char)place->module[i];

		if (c < 0x20 || c >= 0x7f || c == '"' || c == '\\' || c == '\'')
			return false;
	}
	return true;
}

void san_place_ask(const struct san_place *place, struct iw_buf *out)
{
	iw_buf_adds(out, "CODE \"");
	iw_buf_add(out, place->module, place->module_len);
	iw_buf_addf(out, "\" 0x%" PRIx64 "\n", place->offset);
}

/* An answer says what it answers. */
static bool is_echo(const struct san_place *place, const json_t *answer)
{
	const json_t *module = json_object_get(answer, "ModuleName");
	const char *address = json_string_value(json_object_get(answer, "Address"));
	char *end;

	if (!json_is_string(module) || !address ||
		json_string_length(module) != place->module_len ||
		memcmp(json_string_value(module), place->module, place->module_len) != 0)
		return false;
	return strtoull(address, &end, 16) == place->offset && end != address && !*end;
}

/* "" and "??" are its words for nothing. */
static const char *name_of(const json_t *call, const char *key, size_t *len)
{
	const json_t *value = json_object_get(call, key);
	const char *name = json_string_value(value);

	*len = 0;
	if (!name || !*name || strcmp(name, "??") == 0)
		return NULL;
	*len = json_string_length(value);
	if (*len > NAME_MAX_)
		*len = NAME_MAX_;
	return name;
}

static int number_of(const json_t *call, const char *key)
{
	json_int_t n = json_integer_value(json_object_get(call, key));

	return n > 0 && n <= INT_MAX ? (int)n : 0;
}

/* A name may hold anything; a line of a report is one line. */
static const char *put_name(const char *name, size_t len, char **at)
{
	char *copy = *at;
	size_t i;

	if (!name)
		return NULL;
	for (i = 0; i < len; i++) {
		unsigned char c = (unsigned char)name[i];

		copy[i] = c < 0x20 || c == 0x7f ? '?' : name[i];
	}
	copy[len] = '\0';
	*at += len + 1;
	return copy;
}

static struct san_symbol *read_calls(const json_t *calls)
{
	static const char *const keys[] = {"FunctionName", "FileName"};
	size_t i, k, len, count = json_array_size(calls);
	size_t bytes = sizeof(struct san_symbol);
	struct san_symbol *symbol;
	char *at;

	if (count > SAN_SYMBOL_CALLS)
		count = SAN_SYMBOL_CALLS;
	bytes += count * sizeof(struct san_call);
	for (i = 0; i < count; i++)
		for (k = 0; k < IW_COUNT(keys); k++)
			if (name_of(json_array_get(calls, i), keys[k], &len))
				bytes += len + 1;
	symbol = iw_calloc(1, bytes);
	symbol->bytes = bytes;
	symbol->count = count;
	at = (char *)&symbol->calls[count];
	for (i = 0; i < count; i++) {
		const json_t *call = json_array_get(calls, i);
		struct san_call *c = &symbol->calls[i];
		const char *name = name_of(call, "FunctionName", &len);

		c->function = put_name(name, len, &at);
		name = name_of(call, "FileName", &len);
		c->file = put_name(name, len, &at);
		c->line = number_of(call, "Line");
		c->column = number_of(call, "Column");
	}
	return symbol;
}

struct san_symbol *san_symbol_read(
	const struct san_place *place, const char *line, size_t len, struct iw_err *err)
{
	_auto_(iw_json_freep) json_t *answer = NULL;

	if (len > SAN_ANSWER_MAX) {
		iw_err_set(err, IW_EINVAL, "an answer of the symbolizer is too long");
		return NULL;
	}
	answer = json_loadb(line, len, JSON_ALLOW_NUL, NULL);
	if (!json_is_object(answer) || !is_echo(place, answer)) {
		iw_err_set(err, IW_EINVAL,
			"the symbolizer answered something else than it was asked");
		return NULL;
	}
	return read_calls(json_object_get(answer, "Symbol"));
}
