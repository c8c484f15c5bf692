#include "base/keeper/disk.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/banned.h"

/* Deeper folders are counted as one file each: descriptors are not endless. */
#define DEPTH_MAX 32
/* Of each file, whatever it holds: an inode, and what bounds how many there are to count.
 */
#define FILE_KB 4

static long long size_kb(const struct stat *st)
{
	return FILE_KB + (long long)st->st_blocks / 2;
}

static long long folder_kb(int dir, const char *name, int depth, long long limit_kb)
{
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
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
		if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX)
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
