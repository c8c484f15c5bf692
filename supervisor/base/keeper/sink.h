/* Output in segments on disk, bounded: head and tail stay, see base/keeper_format.h. */
#ifndef IW_KEEPER_SINK_H
#define IW_KEEPER_SINK_H

#include <stddef.h>
#include <stdint.h>

struct sink {
	uint64_t total; /* bytes taken, whatever became of them */
	uint64_t lost;	/* bytes that could not be written */
	/* Below: private. */
	int dir;
	int fd;
	const char *name;
	uint64_t segment_size;
};

/* Creates the first segment, so that a reader finds an empty log rather than none. */
void sink_open(struct sink *s, int dir, const char *name, uint64_t limit);

/* Never fails: a job must not stand still because a disk is full. */
void sink_write(struct sink *s, const char *data, size_t size);

void sink_close(struct sink *s);

#endif
