#include "engine/shield.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"

#include "base/banned.h"

/* A slice lasts minutes: more than this is the target's own invention. */
#define COUNT_MAX ((int64_t)1 << 40)

int engine_shield_write(
	const char *work, const struct engine_shield_spec *spec, struct iw_err *err)
{
	_auto_free_ char *dir = iw_path_join(work, ENGINE_SHIELD_DIR);
	_auto_free_ char *path = iw_path_join(dir, IW_SHIELD_PAGE);
	struct iw_shield_page page = {
		.magic = IW_SHIELD_MAGIC,
		.version = IW_SHIELD_VERSION,
		.deaths_max = (uint32_t)spec->deaths_max,
		.rss_limit_mb = (uint32_t)spec->rss_limit_mb,
		.wants_samples = spec->wants_samples,
		.warm_units = (uint64_t)spec->warm_units,
	};
	int rc = iw_dir_make(dir, err);
	size_t i;

	for (i = 0; i < spec->key_count && i < IW_SHIELD_KNOWN_MAX; i++)
		page.slots[page.known++].key = spec->keys[i];
	if (rc == 0)
		rc = iw_file_write(path, &page, sizeof page, 0644, err);
	return rc < 0 ? iw_err_wrap(err, "preparing the crash shield") : rc;
}

static int64_t bounded(uint64_t n)
{
	return n > (uint64_t)COUNT_MAX ? COUNT_MAX : (int64_t)n;
}

static bool read_page(int dir, struct iw_shield_page *page)
{
	_auto_free_ char *data = NULL;
	size_t len;

	if (iw_file_read_foreign_at(
		    dir, IW_SHIELD_PAGE, sizeof *page, &data, &len, NULL) < 0 ||
		len != sizeof *page)
		return false;
	memcpy(page, data, sizeof *page);
	return page->magic == IW_SHIELD_MAGIC && page->version == IW_SHIELD_VERSION;
}

static void take_slot(struct engine_shield *shield, const struct iw_shield_slot *slot)
{
	if (!slot->key || !(slot->deaths || slot->swallowed))
		return;
	shield->places[shield->count++] = (struct engine_shield_place){
		.key = slot->key,
		.input = slot->deaths ? slot->input : 0,
		.deaths = bounded(slot->deaths),
		.swallowed = bounded(slot->swallowed),
		.us = bounded(slot->us),
	};
}

bool engine_shield_read(const char *work, struct engine_shield *shield)
{
	_auto_close_ int dir = iw_dir_open_below(work, ENGINE_SHIELD_DIR, NULL);
	struct iw_shield_page page;
	size_t i;

	*shield = (struct engine_shield){0};
	if (dir < 0 || !read_page(dir, &page))
		return false;
	shield->works = page.state != IW_SHIELD_ABSENT;
	shield->has_renewed = page.state == IW_SHIELD_RENEWS;
	shield->executions = bounded(page.executions);
	shield->warm_us = bounded(page.warm_us);
	for (i = 0; i < IW_SHIELD_SLOTS; i++)
		take_slot(shield, &page.slots[i]);
	return true;
}

bool engine_shield_is_sample(const char *name)
{
	return strncmp(name, IW_SHIELD_SAMPLE, strlen(IW_SHIELD_SAMPLE)) == 0;
}

const struct engine_shield_place *engine_shield_find(
	const struct engine_shield *shield, uint64_t input)
{
	size_t i;

	for (i = 0; i < shield->count; i++)
		if (shield->places[i].input == input)
			return &shield->places[i];
	return NULL;
}
