#include "base/keeper/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "base/keeper_format.h"
#include "base/banned.h"

static void segment_name(const struct sink *s, uint64_t number, char *name, size_t size)
{
	if (number == 0)
		snprintf(name, size, "%s", s->name);
	else
		snprintf(name, size, "%s.%llu", s->name, (unsigned long long)number);
}

static void segment_begin(struct sink *s, uint64_t number)
{
	char name[NAME_MAX + 1];

	if (s->fd >= 0)
		close(s->fd);
	segment_name(s, number, name, sizeof(name));
	s->fd = openat(s->dir, name,
		O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
	/* Besides the first, the newest of them are kept, this one included. */
	if (number >= IW_KEEPER_LOG_SEGMENTS) {
		segment_name(s, number - IW_KEEPER_LOG_SEGMENTS + 1, name, sizeof(name));
		unlinkat(s->dir, name, 0);
	}
}

/* Writes what fits; what does not is lost but counted, so that offsets stay true. */
static void segment_write(struct sink *s, const char *data, size_t size)
{
	while (size > 0) {
		ssize_t n = s->fd < 0 ? -1 : write(s->fd, data, size);

		if (n < 0 && errno == EINTR && s->fd >= 0)
			continue;
		if (n <= 0) {
			s->lost += size;
			return;
		}
		data += n;
		size -= (size_t)n;
	}
}

void sink_open(struct sink *s, int dir, const char *name, uint64_t limit)
{
	*s = (struct sink){.dir = dir, .fd = -1, .name = name};
	s->segment_size = limit / IW_KEEPER_LOG_SEGMENTS;
	segment_begin(s, 0);
}

void sink_write(struct sink *s, const char *data, size_t size)
{
	while (size > 0) {
		uint64_t used = s->total % s->segment_size;
		uint64_t room = s->segment_size - used;
		size_t n = size < room ? size : (size_t)room;

		if (used == 0 && s->total > 0)
			segment_begin(s, s->total / s->segment_size);
		segment_write(s, data, n);
		s->total += n;
		data += n;
		size -= n;
	}
}

void sink_close(struct sink *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}
