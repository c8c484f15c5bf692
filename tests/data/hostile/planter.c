/* Leaves traps where the supervisor will look: links to secrets, pipes that block, names
 * that are markup, folders, a file that grows. */
#include "deed.h"

static void plant(const char *folder)
{
	char path[PATH_MAX];
	int fd;

	static const char *const names[] = {"crash-link", "crash-<script>alert(1)</script>",
		"crash-new\nline", "0123456789abcdef0123456789abcdef01234567"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		snprintf(path, sizeof path, "%s/%s", folder, names[i]);
		if (symlink(CANARY, path) < 0)
			continue;
		snprintf(path, sizeof path, "%s/%s-pipe", folder, names[i]);
		mkfifo(path, 0644);
		snprintf(path, sizeof path, "%s/%s-folder", folder, names[i]);
		mkdir(path, 0);
	}
	snprintf(path, sizeof path, "%s/crash-unreadable", folder);
	close(open(path, O_WRONLY | O_CREAT, 0));
	snprintf(path, sizeof path, "%s/crash-huge", folder);
	fd = open(path, O_WRONLY | O_CREAT, 0644);
	if (ftruncate(fd, (off_t)1 << 40) < 0)
		(void)ftruncate(fd, (off_t)1 << 30);
	close(fd);
}

static void deed(void)
{
	plant("artifacts");
	plant("corpus");
	_exit(77);
}
