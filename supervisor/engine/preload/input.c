#include "engine/preload/input.h"

#include <string.h>
#include <sys/mman.h>

#include "engine/driver_format.h"
#include "base/banned.h"

struct option_key {
	const char *name;
	uint32_t *value;
	uint32_t max;
	bool is_set;
};

/* Decimal digits only, nothing before or after, at most max. */
static bool parse_number(const char *s, uint32_t max, uint32_t *value)
{
	uint64_t n = 0;

	if (!*s)
		return false;
	for (; *s; s++) {
		if (*s < '0' || *s > '9')
			return false;
		n = n * 10 + (uint64_t)(*s - '0');
		if (n > max)
			return false;
	}
	*value = (uint32_t)n;
	return true;
}

static bool option_take(struct option_key *keys, size_t count, const char *entry)
{
	for (size_t i = 0; i < count; i++) {
		size_t len = strlen(keys[i].name);

		if (strncmp(entry, keys[i].name, len) != 0 || entry[len] != '=')
			continue;
		if (keys[i].is_set)
			return false;
		keys[i].is_set = true;
		return parse_number(entry + len + 1, keys[i].max, keys[i].value);
	}
	return false;
}

bool options_load(struct options *o, int dir, struct text *why)
{
	static char spec[IW_DRIVER_SPEC_MAX + 1];
	struct option_key keys[] = {
		{"features", &o->features, 1, false},
		{"timeout_ms", &o->timeout_ms, 86400000, false},
		{"cpu_ms", &o->cpu_ms, 86400000, false},
		{"rss_limit_mb", &o->rss_limit_mb, 1u << 24, false},
		{"malloc_limit_mb", &o->malloc_limit_mb, 1u << 24, false},
		{"leaks", &o->leaks, 1, false},
		{"max_deaths", &o->max_deaths, UINT32_MAX, false},
		{"repeat", &o->repeat, UINT16_MAX, false},
		{"first", &o->first, IW_DRIVER_UNITS_MAX, false},
		{"spawn", &o->spawn, 1, false},
		{"serve", &o->serve, 1, false},
	};
	int fd = sys_openat(dir, IW_DRIVER_SPEC, O_RDONLY);
	ssize_t size = fd < 0 ? 0 : sys_pread(fd, spec, sizeof(spec), 0);

	*o = (struct options){.features = 1, .repeat = 1};
	if (fd >= 0)
		sys_close(fd);
	if (size < 0 || size > (ssize_t)IW_DRIVER_SPEC_MAX ||
		(size > 0 && spec[size - 1] != '\0')) {
		text_add(why, "spec: unreadable, too long, or not NUL-terminated");
		return false;
	}
	for (ssize_t at = 0; at < size; at += (ssize_t)strlen(spec + at) + 1) {
		if (!option_take(keys, sizeof(keys) / sizeof(keys[0]), spec + at)) {
			text_add(why, "spec: unknown, repeated or out of range: '");
			text_add(why, spec + at);
			text_add(why, "'");
			return false;
		}
	}
	if (o->repeat == 0) {
		text_add(why, "spec: 'repeat' must be at least 1");
		return false;
	}
	return true;
}

static uint32_t load_u32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* Walks all lengths once, so that no later access needs a check. */
static bool batch_index(
	struct batch *b, uint64_t *offsets, uint64_t size, struct text *why)
{
	uint64_t at = sizeof(struct iw_driver_batch_header);

	for (uint32_t i = 0; i < b->units; i++) {
		uint64_t left = size - at;
		uint64_t len = left < 4 ? UINT64_MAX : load_u32(b->data + at);

		if (len > IW_DRIVER_UNIT_SIZE_MAX || len > left - 4) {
			text_add(why, "batch: unit ");
			text_num(why, i);
			text_add(why, " reaches beyond the file or the limit");
			return false;
		}
		offsets[i] = at;
		at += 4 + len;
	}
	if (at != size) {
		text_add(why, "batch: bytes left over after the last unit");
		return false;
	}
	return true;
}

static size_t index_size(uint32_t units)
{
	return (size_t)units * sizeof(uint64_t) + 1;
}

bool batch_load(struct batch *b, int dir, struct text *why)
{
	const struct iw_driver_batch_header *head;
	int fd = sys_openat(dir, IW_DRIVER_BATCH, O_RDONLY);
	int64_t size = fd < 0 ? -1 : sys_size(fd);
	uint64_t *offsets;
	void *p = MAP_FAILED;

	if (size >= (int64_t)sizeof(*head))
		p = mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (fd >= 0)
		sys_close(fd);
	if (p == MAP_FAILED) {
		text_add(why,
			size < 0 ? "batch: cannot open"
				 : "batch: shorter than its "
				   "header");
		return false;
	}
	head = p;
	if (memcmp(head->magic, IW_DRIVER_BATCH_MAGIC, sizeof(head->magic)) != 0 ||
		head->version != IW_DRIVER_VERSION || head->units > IW_DRIVER_UNITS_MAX) {
		text_add(why, "batch: wrong magic, version or number of units");
		return false;
	}
	offsets = sys_pages(index_size(head->units));
	if (!offsets) {
		text_add(why, "batch: no memory for its index");
		return false;
	}
	*b = (struct batch){.units = head->units,
		.size = (uint64_t)size,
		.data = p,
		.offsets = offsets};
	return batch_index(b, offsets, (uint64_t)size, why);
}

void batch_unload(struct batch *b)
{
	syscall(SYS_munmap, b->data, b->size);
	syscall(SYS_munmap, b->offsets, index_size(b->units));
	*b = (struct batch){0};
}

const uint8_t *batch_unit(const struct batch *b, uint32_t index, uint32_t *size)
{
	const uint8_t *p = b->data + b->offsets[index];

	*size = load_u32(p);
	return p + sizeof(*size);
}
