#include "base/time.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/banned.h"

/* A hundred years of seconds. */
#define NUMBER_MAX (100.0 * 365 * 86400)

static int64_t fixed_wall = -1, fixed_mono = -1;

static int64_t clock_ms(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t iw_time_wall_ms(void)
{
	return fixed_wall >= 0 ? fixed_wall : clock_ms(CLOCK_REALTIME);
}

int64_t iw_time_mono_ms(void)
{
	return fixed_mono >= 0 ? fixed_mono : clock_ms(CLOCK_MONOTONIC);
}

void iw_time_set(int64_t wall_ms, int64_t mono_ms)
{
	fixed_wall = wall_ms;
	fixed_mono = mono_ms;
}

void iw_time_words(int64_t ms, char words[static 24])
{
	long long s = ms < 0 ? 0 : ms / 1000;

	if (s < 60)
		snprintf(words, 24, "%llds", s);
	else if (s < 3600)
		snprintf(words, 24, "%lldm %02llds", s / 60, s % 60);
	else if (s < 86400)
		snprintf(words, 24, "%lldh %02lldm", s / 3600, s / 60 % 60);
	else
		snprintf(words, 24, "%lldd %02lldh", s / 86400, s / 3600 % 24);
}

void iw_time_iso(int64_t wall_ms, char iso[static 24])
{
	time_t s = (time_t)(wall_ms / 1000);
	struct tm tm;

	/* A commit may claim any time; a year of more than four digits does not fit. */
	if (!gmtime_r(&s, &tm) || strftime(iso, 24, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		snprintf(iso, 24, "?");
}

int64_t iw_time_parse(const char *s)
{
	static const char units[] = "smhd";
	static const double factor[] = {1000, 60000, 3600000, 86400000};
	char *end;
	double n = strtod(s, &end);
	const char *unit = *end ? strchr(units, *end) : NULL;

	/* No sign, no "0x1p3s", no "nand". */
	if (end == s || end != s + strspn(s, "0123456789.") || !unit || end[1] ||
		n > NUMBER_MAX)
		return -1;
	return (int64_t)(n * factor[unit - units] + 0.5);
}
