#include "follow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "config.h"

#include "base/banned.h"

static const struct farm_follow *find(const struct follow_list *list, const char *adapter)
{
	size_t i;

	for (i = 0; i < list->count; i++)
		if (strcmp(list->entries[i].adapter, adapter) == 0)
			return &list->entries[i];
	return NULL;
}

void follow_list_set(struct follow_list *list, struct adapter *const *adapters,
	const int64_t *follow_ms, size_t count, int64_t said_ms)
{
	struct follow_list fresh = {
		.entries = iw_calloc(count + 1, sizeof *fresh.entries), .count = count};
	size_t i;

	for (i = 0; i < count; i++) {
		struct farm_follow *f = &fresh.entries[i];
		const struct farm_follow *old = find(list, adapters[i]->name);

		snprintf(f->adapter, sizeof f->adapter, "%s", adapters[i]->name);
		f->every_ms = follow_ms[i] == IW_FOLLOW_AS_SAID ? said_ms : follow_ms[i];
		if (!old)
			continue;
		f->failures = old->failures;
		memcpy(f->refused, old->refused, sizeof f->refused);
	}
	follow_list_fini(list);
	*list = fresh;
}

void follow_list_fini(struct follow_list *list)
{
	free(list->entries);
	*list = (struct follow_list){0};
}

const struct farm_follow *follow_list_go_back(struct follow_list *list)
{
	size_t i;

	for (i = 0; i < list->count; i++) {
		struct farm_follow *f = &list->entries[i];

		if (!*f->before)
			continue;
		memcpy(f->refused, f->commit, sizeof f->refused);
		memcpy(f->commit, f->before, sizeof f->commit);
		*f->before = '\0';
		return f;
	}
	return NULL;
}

bool follow_list_go_on(struct follow_list *list)
{
	bool is_any = false;
	size_t i;

	for (i = 0; i < list->count; i++) {
		struct farm_follow *f = &list->entries[i];

		if (!f->is_old || f->wants_newest)
			continue;
		*f->commit = '\0';
		f->wants_newest = is_any = true;
	}
	return is_any;
}
