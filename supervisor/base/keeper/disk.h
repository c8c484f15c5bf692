/* Disk and memory that a job holds as files. */
#ifndef IW_KEEPER_DISK_H
#define IW_KEEPER_DISK_H

#include <stddef.h>
#include <sys/types.h>

/*
 * KiB that the folder `name` of directory dir takes, with all below it, plus files that
 * the processes hold open and no folder has (deleted ones, memfd). Each file counts
 * 4 KiB more, for its inode and the time that counting takes. Stops counting beyond
 * limit_kb, which folders nested deeper than 128 are by themselves. Follows no link, and
 * makes folders readable.
 */
long long disk_used_kb(int dir, const char *name, const pid_t *processes, size_t count,
	long long limit_kb);

/* What the file system of directory dir has left for everybody, counted likewise. It
 * costs next to nothing: as long as it has not shrunk by x, nobody has taken x. */
long long disk_room_kb(int dir);

#endif
