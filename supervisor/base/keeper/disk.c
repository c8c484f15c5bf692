#include "base/keeper/disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/banned.h"

/* Descriptors are not endless: what nests folders deeper than this is over any limit, for
 * there it could hide as much as it likes. No build does. */
#define DEPTH_MAX 128
/* Of each file, whatever it holds: an inode, and what bounds how many there are to count.
 */
#define FILE_KB 4

static long long size_kb(const struct stat *st)
{
	return FILE_KB + (long long)st->st_blocks / 2;
}

/* A job may go on writing into a folder that it has made unreadable. Whose mode is mended
 * cannot be exchanged for a link meanwhile: it is held open. */
static int open_folder(int dir, const char *name)
{
	const int flags = O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int held, fd = openat(dir, name, O_RDONLY | flags);
	char path[64];

	if (fd >= 0 || errno != EACCES)
		return fd;
	held = openat(dir, name, O_PATH | flags);
	if (held < 0)
		return -1;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", held);
	if (chmod(path, 0700) == 0)
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	close(held);
	return fd;
}

static long long folder_kb(int dir, const char *name, int depth, long long limit_kb)
{
	int fd = open_folder(dir, name);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	long long kb = 0;
	struct dirent *e;
	struct stat st;

	if (!d && fd >= 0)
		close(fd);
	while (d && kb <= limit_kb && (e = readdir(d))) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
			fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		kb += size_kb(&st);
		if (S_ISDIR(st.st_mode) && depth == DEPTH_MAX)
			kb = limit_kb + 1;
		else if (S_ISDIR(st.st_mode))
			kb += folder_kb(fd, e->d_name, depth + 1, limit_kb - kb);
	}
	if (d)
		closedir(d);
	return kb;
}

/* Files that only a descriptor still names. */
static long long nameless_kb(pid_t pid, long long limit_kb)
{
	char path[64];
	long long kb = 0;
	struct dirent *e;
	struct stat st;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	d = opendir(path);
	while (d && kb <= limit_kb && (e = readdir(d)))
		if (e->d_name[0] != '.' && fstatat(dirfd(d), e->d_name, &st, 0) == 0 &&
			S_ISREG(st.st_mode) && st.st_nlink == 0)
			kb += size_kb(&st);
	if (d)
		closedir(d);
	return kb;
}

long long disk_used_kb(int dir, const char *name, const pid_t *processes, size_t count,
	long long limit_kb)
{
	long long kb = folder_kb(dir, name, 0, limit_kb);

	for (size_t i = 0; i < count && kb <= limit_kb; i++)
		kb += nameless_kb(processes[i], limit_kb - kb);
	return kb;
}

long long disk_room_kb(int dir)
{
	struct statvfs st;

	if (fstatvfs(dir, &st) < 0)
		return 0;
	return (long long)(st.f_bfree * st.f_frsize >> 10) +
		FILE_KB * (long long)st.f_ffree;
}
