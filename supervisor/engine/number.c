#include "engine/number.h"

#include <string.h>

#include "base/banned.h"

bool engine_number(const char *p, const char *end, int64_t *value, const char **next)
{
	const char *digits;
	int64_t n = 0;

	while (p < end && *p == ' ')
		p++;
	for (digits = p; p < end && *p >= '0' && *p <= '9'; p++)
		n = n < ENGINE_NUMBER_MAX ? 10 * n + (*p - '0') : ENGINE_NUMBER_MAX;
	if (next)
		*next = p;
	if (p == digits || p == end || n >= ENGINE_NUMBER_MAX)
		return false;
	*value = n;
	return true;
}

bool engine_last_number(const char *text, size_t len, const char *key, int64_t *value)
{
	const char *p = text, *end = text + len;
	size_t key_len = strlen(key);
	bool is_found = false;

	while ((p = memmem(p, (size_t)(end - p), key, key_len)) != NULL) {
		p += key_len;
		if (engine_number(p, end, value, &p))
			is_found = true;
	}
	return is_found;
}
