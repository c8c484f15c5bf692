#include "base/size.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

void iw_size_words(int64_t bytes, char words[static 24])
{
	static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
	double n = (double)bytes / 1024;
	size_t i = 0;

	if (bytes < 1024) {
		snprintf(words, 24, "%lld B", (long long)bytes);
		return;
	}
	for (; n >= 1000 && i < sizeof units / sizeof *units - 1; i++)
		n /= 1024;
	snprintf(words, 24, n < 10 ? "%.1f %s" : "%.0f %s", n, units[i]);
}

int64_t iw_size_parse(const char *s)
{
	static const char units[] = "KMGT";
	const char *unit;
	ptrdiff_t power;
	char *end;
	double n;

	/* No sign, no space, no "inf", no hexadecimal. */
	if (strspn(s, "0123456789.") == 0 || *s == '.')
		return -1;
	errno = 0;
	n = strtod(s, &end);
	if (errno || (size_t)(end - s) != strspn(s, "0123456789."))
		return -1;
	if (*end) {
		unit = strchr(units, *end);
		if (!unit)
			return -1;
		for (power = unit - units; power >= 0; power--)
			n *= 1024;
		end++;
	}
	/* "GB" and "GiB" are what people write, too. */
	if (strcmp(end, "iB") == 0 || strcmp(end, "B") == 0)
		end += strlen(end);
	return *end || n < 0 || n > 1e18 ? -1 : (int64_t)n;
}
