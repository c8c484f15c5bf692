#include "web/patience.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

#include "base/banned.h"

static struct web_wrong *find(struct web_patience *p, const char *address)
{
	struct web_wrong *quiet = &p->each[0];
	size_t i;

	for (i = 0; i < IW_COUNT(p->each); i++) {
		if (strcmp(p->each[i].address, address) == 0)
			return &p->each[i];
		if (p->each[i].last_ms < quiet->last_ms)
			quiet = &p->each[i];
	}
	*quiet = (struct web_wrong){0};
	snprintf(quiet->address, sizeof quiet->address, "%s", address);
	return quiet;
}

static int count(struct web_wrong *wrong, int64_t limit, int64_t now_ms)
{
	int64_t beyond;

	if (now_ms - wrong->last_ms >= WEB_PATIENCE_QUIET_MS)
		wrong->count = 0;
	wrong->last_ms = now_ms;
	beyond = ++wrong->count - limit;
	if (beyond <= 0)
		return 0;
	return beyond > 6 ? WEB_PATIENCE_WAIT_MAX : 1 << (beyond - 1);
}

/* The limit, twice, four times as much, and so on. */
static bool is_milestone(int64_t count, int64_t limit)
{
	int64_t times = count / limit;

	return times > 0 && count % limit == 0 && (times & (times - 1)) == 0;
}

int web_patience_try(
	struct web_patience *p, const char *address, int64_t now_ms, bool *is_news)
{
	struct web_wrong *each = find(p, address);
	int wait = count(each, WEB_PATIENCE_EACH, now_ms);
	int wait_all = count(&p->all, WEB_PATIENCE_ALL, now_ms);

	/* Many addresses with a few each are as loud as one with many. */
	*is_news = p->all.count > WEB_PATIENCE_ALL
		? is_milestone(p->all.count, WEB_PATIENCE_ALL)
		: each->count <= WEB_PATIENCE_EACH ||
			is_milestone(each->count, WEB_PATIENCE_EACH);
	return wait > wait_all ? wait : wait_all;
}
