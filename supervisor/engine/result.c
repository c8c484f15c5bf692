#include "engine/result.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#include "base/banned.h"

const char *engine_death_name(enum engine_death death)
{
	static const char *const names[] = {
		[ENGINE_DEATH_CRASH] = "crash",
		[ENGINE_DEATH_TIMEOUT] = "timeout",
		[ENGINE_DEATH_OOM] = "oom",
		[ENGINE_DEATH_LEAK] = "leak",
		[ENGINE_DEATH_EXIT] = "exit",
	};

	return names[death];
}

void engine_results_init(struct engine_results *results, size_t count)
{
	*results = (struct engine_results){.count = count};
	results->units = iw_calloc(count ? count : 1, sizeof *results->units);
}

void engine_results_fini(struct engine_results *results)
{
	size_t i;

	if (results->units)
		for (i = 0; i < results->count; i++)
			free(results->units[i].report);
	free(results->units);
	iw_buf_fini(&results->bytes);
	*results = (struct engine_results){0};
}

const uint8_t *engine_features(
	const struct engine_results *results, const struct engine_unit_result *unit)
{
	if (unit->features_len == 0)
		return (const uint8_t *)"";
	return (const uint8_t *)results->bytes.data + unit->features_at;
}

static void pass(struct engine_results *results, size_t i, uint32_t count, size_t at)
{
	struct engine_unit_result *unit = &results->units[i];

	unit->outcome = ENGINE_PASSED;
	unit->feature_count = count;
	unit->features_at = at;
	unit->features_len = results->bytes.len - at;
}

bool engine_results_add(struct engine_results *results, size_t i, const void *encoded,
	size_t len, uint32_t count, uint64_t limit)
{
	size_t at = results->bytes.len;

	if (!engine_features_decode(encoded, len, count, limit, NULL))
		return false;
	iw_buf_add(&results->bytes, encoded, len);
	pass(results, i, count, at);
	return true;
}

static int compare_numbers(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

void engine_results_add_plain(struct engine_results *results, size_t i,
	uint32_t *features, size_t count, uint64_t limit)
{
	size_t at = results->bytes.len, kept = 0, k;

	if (count)
		qsort(features, count, sizeof *features, compare_numbers);
	for (k = 0; k < count; k++) {
		if (limit && features[k] >= limit)
			break;
		if (kept == 0 || features[kept - 1] != features[k])
			features[kept++] = features[k];
	}
	engine_features_encode(&results->bytes, features, kept);
	pass(results, i, (uint32_t)kept, at);
}

void engine_features_encode(struct iw_buf *out, const uint32_t *numbers, size_t count)
{
	uint8_t chunk[256];
	uint32_t last = 0;
	size_t i, used = 0;

	for (i = 0; i < count; i++) {
		uint32_t delta = numbers[i] - last;

		last = numbers[i];
		while (delta >= 0x80) {
			chunk[used++] = (uint8_t)(delta | 0x80);
			delta >>= 7;
		}
		chunk[used++] = (uint8_t)delta;
		if (used > sizeof chunk - 5) {
			iw_buf_add(out, chunk, used);
			used = 0;
		}
	}
	iw_buf_add(out, chunk, used);
}

bool engine_features_decode(const void *encoded, size_t len, uint32_t count,
	uint64_t limit, uint32_t *numbers)
{
	const uint8_t *p = encoded, *end = p + len;
	uint64_t value = 0;
	uint32_t i;

	if (limit == 0 || limit > (uint64_t)UINT32_MAX + 1)
		limit = (uint64_t)UINT32_MAX + 1;
	for (i = 0; i < count; i++) {
		uint64_t delta = 0;
		unsigned shift = 0;

		do {
			if (p == end || shift > 28)
				return false;
			delta |= (uint64_t)(*p & 0x7f) << shift;
			shift += 7;
		} while (*p++ & 0x80);
		value += delta;
		if (value >= limit || (delta == 0 && i > 0))
			return false;
		if (numbers)
			numbers[i] = (uint32_t)value;
	}
	return p == end;
}
