/*
 * A custom mutator for AFL++ that mutates nothing: it hands over the files of one folder.
 * AFL++ asks before each stage how often it wants to be called, calls that often, and
 * runs what it gets. The functions' names and meaning are AFL++'s
 * (docs/custom_mutators.md).
 *
 * Everything in the folder may have been put there by the target, and nothing here may
 * end afl-fuzz: what cannot be read is passed over.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/inbox_format.h"

#include "base/banned.h"

#define PUBLIC __attribute__((visibility("default")))

/* One stage's worth. The rest comes with the next. */
#define BATCH 256
#define UNIT_MAX ((size_t)1 << 20) /* AFL++'s MAX_FILE */

struct inbox {
	int dirfd;
	struct timespec seen; /* mtime of the folder when it was found empty */
	char names[BATCH][IW_INBOX_NAME_MAX + 1];
	uint32_t count;
	char mark[sizeof IW_INBOX_MARK + IW_INBOX_NAME_MAX];
	uint8_t *unit;
};

PUBLIC void *afl_custom_init(void *afl, unsigned int seed)
{
	const char *dir = getenv(IW_INBOX_ENV);
	struct inbox *inbox = calloc(1, sizeof *inbox);

	(void)afl;
	(void)seed;
	if (!inbox)
		return NULL;
	inbox->unit = malloc(UNIT_MAX);
	inbox->dirfd = dir ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (inbox->dirfd < 0)
		fprintf(stderr, "ironworks-inbox: there is no folder '%s'\n",
			dir ? dir : "$" IW_INBOX_ENV);
	return inbox;
}

PUBLIC void afl_custom_deinit(void *data)
{
	struct inbox *inbox = data;

	if (inbox->dirfd >= 0)
		close(inbox->dirfd);
	free(inbox->unit);
	free(inbox);
}

/* Names go into those of AFL++'s files: no more than what we put there ourselves. */
static bool is_plain(const char *name)
{
	size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");

	return len > 0 && len <= IW_INBOX_NAME_MAX && name[len] == '\0';
}

static void list(struct inbox *inbox)
{
	int fd = openat(inbox->dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while (inbox->count < BATCH && (entry = readdir(dir)) != NULL)
		if (is_plain(entry->d_name))
			memcpy(inbox->names[inbox->count++], entry->d_name,
				strlen(entry->d_name) + 1);
	closedir(dir);
}

PUBLIC uint32_t afl_custom_fuzz_count(void *data, const uint8_t *buf, size_t size)
{
	struct inbox *inbox = data;
	struct stat st;

	(void)buf;
	(void)size;
	/* A stage that was abandoned left names whose files are still there. */
	inbox->count = 0;
	if (inbox->dirfd < 0 || !inbox->unit || fstat(inbox->dirfd, &st) < 0)
		return 0;
	if (st.st_mtim.tv_sec == inbox->seen.tv_sec &&
		st.st_mtim.tv_nsec == inbox->seen.tv_nsec)
		return 0;
	list(inbox);
	/* The time from before the listing: what came in between shows next time. */
	if (inbox->count == 0)
		inbox->seen = st.st_mtim;
	return inbox->count;
}

static size_t take(struct inbox *inbox, const char *name, size_t max)
{
	int fd = openat(
		inbox->dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;
	size_t len = 0;

	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
		(size_t)st.st_size <= max) {
		ssize_t n = read(fd, inbox->unit, max);

		len = n > 0 ? (size_t)n : 0;
	}
	if (fd >= 0)
		close(fd);
	unlinkat(inbox->dirfd, name, 0);
	return len;
}

/* 0: nothing to run, AFL++ goes on. */
PUBLIC size_t afl_custom_fuzz(void *data, uint8_t *buf, size_t size, uint8_t **out,
	uint8_t *other, size_t other_size, size_t max)
{
	struct inbox *inbox = data;
	const char *name;

	(void)size;
	(void)other;
	(void)other_size;
	*out = buf;
	if (inbox->count == 0)
		return 0;
	name = inbox->names[--inbox->count];
	snprintf(inbox->mark, sizeof inbox->mark, IW_INBOX_MARK "%s", name);
	*out = inbox->unit;
	return take(inbox, name, max < UNIT_MAX ? max : UNIT_MAX);
}

PUBLIC const char *afl_custom_describe(void *data, size_t max)
{
	const struct inbox *inbox = data;

	return strlen(inbox->mark) < max ? inbox->mark : NULL;
}
