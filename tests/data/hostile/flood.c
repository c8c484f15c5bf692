/* More artifacts than anybody wants to judge. */
#include "deed.h"

static void deed(void)
{
	char path[64];

	for (int i = 0; i < 100000; i++) {
		snprintf(path, sizeof path, "artifacts/crash-%d", i);
		int fd = open(path, O_WRONLY | O_CREAT, 0644);
		if (write(fd, path, strlen(path)) < 0)
			return;
		close(fd);
	}
	_exit(77);
}
