#include "base/keeper/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/banned.h"

/* A file of /proc as text; false if it is gone or unreadable. */
static bool proc_read(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, size - 1);

	if (fd >= 0)
		close(fd);
	buf[n > 0 ? n : 0] = '\0';
	return n > 0;
}

unsigned long long process_own_start(void)
{
	char buf[1024];
	char *p;

	if (!proc_read("/proc/self/stat", buf, sizeof(buf)))
		return 0;
	/* The name, field 2, may hold anything: count from its closing parenthesis. */
	p = strrchr(buf, ')');
	for (int field = 2; p && field < 22; field++)
		p = strchr(p + 1, ' ');
	return p ? strtoull(p, NULL, 10) : 0;
}

/* The list of one thread's children can be longer than one read gives. */
static size_t thread_children(const char *path, pid_t *children, size_t max)
{
	FILE *f = fopen(path, "re");
	size_t n = 0;
	char word[32];
	size_t len = 0;
	int c;

	while (f && n < max && (c = getc(f)) != EOF) {
		if (c >= '0' && c <= '9' && len + 1 < sizeof(word)) {
			word[len++] = (char)c;
		} else if (len > 0) {
			word[len] = '\0';
			children[n++] = (pid_t)strtol(word, NULL, 10);
			len = 0;
		}
	}
	if (f)
		fclose(f);
	return n;
}

size_t process_children(pid_t pid, pid_t *children, size_t max)
{
	char path[320];
	struct dirent *e;
	size_t n = 0;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	d = opendir(path);
	while (d && (e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/%d/task/%s/children", (int)pid,
			e->d_name);
		n += thread_children(path, children + n, max - n);
	}
	if (d)
		closedir(d);
	return n;
}

static long long process_rss_pages(pid_t pid)
{
	char path[64], buf[128];
	char *p;

	snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
	if (!proc_read(path, buf, sizeof(buf)))
		return 0;
	p = strchr(buf, ' ');
	return p ? strtoll(p, NULL, 10) : 0;
}

size_t process_tree(pid_t pid, pid_t *tree, size_t max)
{
	size_t n = process_children(pid, tree, max);

	for (size_t i = 0; i < n; i++)
		n += process_children(tree[i], tree + n, max - n);
	return n;
}

long long process_rss_mb(const pid_t *processes, size_t count)
{
	long long pages = 0;

	for (size_t i = 0; i < count; i++)
		pages += process_rss_pages(processes[i]);
	return pages * sysconf(_SC_PAGESIZE) >> 20;
}

/* Fields 14 to 17 of stat: user and system time, its own and its children's. Field 3 is
 * its state: what runs, or waits for a core or a disk, has something to do. */
static unsigned long long process_ticks(pid_t pid, bool *is_busy)
{
	unsigned long long sum = 0;
	char path[64], buf[1024];
	char *p;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (!proc_read(path, buf, sizeof(buf)))
		return 0;
	p = strrchr(buf, ')');
	for (int field = 2; p && field < 17; field++) {
		p = strchr(p + 1, ' ');
		if (p && field == 2 && (p[1] == 'R' || p[1] == 'D'))
			*is_busy = true;
		if (p && field >= 13)
			sum += strtoull(p, NULL, 10);
	}
	return sum;
}

unsigned long long process_all_ticks(const pid_t *processes, size_t count, bool *is_busy)
{
	unsigned long long ticks = 0;

	*is_busy = false;
	for (size_t i = 0; i < count; i++)
		ticks += process_ticks(processes[i], is_busy);
	return ticks;
}

static bool process_name(pid_t pid, char *name, size_t size)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	return proc_read(path, name, size);
}

pid_t process_engine(pid_t command, pid_t inner)
{
	char outer_name[32], inner_name[32];
	pid_t child;

	if (inner <= 0 || !process_name(command, outer_name, sizeof(outer_name)) ||
		!process_name(inner, inner_name, sizeof(inner_name)))
		return 0;
	if (strcmp(outer_name, inner_name) != 0)
		return inner;
	return process_children(inner, &child, 1) == 1 ? child : 0;
}
