/* Changes its own build, which others run as well. */
#include "deed.h"

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
}
