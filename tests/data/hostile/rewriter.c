/* Changes its own build, which others run as well. */
#include "deed.h"

/* The same file by other names: a descriptor's, the process's, another root's. */
static void around(const char *self)
{
	char names[3][PATH_MAX + 32];
	int fd = open(self, O_RDONLY);

	snprintf(names[0], sizeof names[0], "/proc/self/fd/%d", fd);
	snprintf(names[1], sizeof names[1], "/proc/self/exe");
	snprintf(names[2], sizeof names[2], "/proc/1/root%s", self);
	for (size_t i = 0; i < 3; i++)
		if (open(names[i], O_WRONLY) >= 0 || truncate(names[i], 0) == 0)
			deed_succeeded(names[i]);
	if (linkat(fd, "", AT_FDCWD, "mine", AT_EMPTY_PATH) == 0 || fchmod(fd, 0777) == 0)
		deed_succeeded("its descriptor");
	close(fd);
}

static void deed(void)
{
	char self[PATH_MAX], other[PATH_MAX + 16];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

	if (n <= 0)
		return;
	self[n] = '\0';
	snprintf(other, sizeof other, "%s.new", self);
	if (open(self, O_WRONLY | O_TRUNC) >= 0 || truncate(self, 0) == 0)
		deed_succeeded("write");
	if (open(other, O_WRONLY | O_CREAT, 0755) >= 0 || link(self, other) == 0 ||
		rename(self, other) == 0)
		deed_succeeded("a file beside it");
	if (unlink(self) == 0 || chmod(self, 0777) == 0)
		deed_succeeded("unlink or chmod");
	if (link(self, "mine") == 0)
		deed_succeeded("hard link");
	around(self);
}
