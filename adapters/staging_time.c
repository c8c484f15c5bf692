#include <ctype.h>

#include "adapters/staging_text.h"

#include "base/banned.h"

/* A field of fixed width: its digits, then the character that follows. */
static bool read_part(struct staging_span *text, size_t width, char then, int64_t *value)
{
	size_t i;

	*value = 0;
	if (text->len < width + (then != '\0'))
		return false;
	for (i = 0; i < width; i++) {
		if (!isdigit((unsigned char)text->at[i]))
			return false;
		*value = *value * 10 + (text->at[i] - '0');
	}
	if (then && text->at[width] != then)
		return false;
	text->at += width + (then != '\0');
	text->len -= width + (then != '\0');
	return true;
}

/* Days since 1970-01-01 of a date of the Gregorian calendar, counted in years that begin
 * in March, so that the leap day is the last. */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
	int64_t y = year - (month <= 2), m = month > 2 ? month - 3 : month + 9;

	return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

/* What follows the seconds: a fraction (dropped), then Z, nothing, or +hh:mm. */
static bool read_zone(struct staging_span text, int64_t *offset_s)
{
	int64_t hours, minutes;
	char sign;

	*offset_s = 0;
	if (text.len && (*text.at == '.' || *text.at == ',')) {
		do {
			text.at++;
			text.len--;
		} while (text.len && isdigit((unsigned char)*text.at));
	}
	if (text.len == 0 || (text.len == 1 && *text.at == 'Z'))
		return true;
	sign = *text.at++;
	text.len--;
	if ((sign != '+' && sign != '-') || !read_part(&text, 2, 0, &hours) || hours > 23)
		return false;
	if (text.len && *text.at == ':') {
		text.at++;
		text.len--;
	}
	if (!read_part(&text, 2, 0, &minutes) || minutes > 59 || text.len)
		return false;
	*offset_s = (hours * 60 + minutes) * (sign == '+' ? 60 : -60);
	return true;
}

int64_t staging_time_read(struct staging_span text)
{
	int64_t year, month, day, hour, minute, second, offset;

	if (!read_part(&text, 4, '-', &year) || !read_part(&text, 2, '-', &month) ||
		!read_part(&text, 2, 'T', &day) || !read_part(&text, 2, ':', &hour) ||
		!read_part(&text, 2, ':', &minute) || !read_part(&text, 2, 0, &second) ||
		!read_zone(text, &offset))
		return -1;
	if (year < 1970 || month < 1 || month > 12 || day < 1 || hour > 23 ||
		minute > 59 || second > 60)
		return -1;
	if (day > days_of(year + month / 12, month % 12 + 1, 1) - days_of(year, month, 1))
		return -1;
	second += days_of(year, month, day) * 86400 + hour * 3600 + minute * 60 - offset;
	return second < 0 ? -1 : second * 1000;
}
