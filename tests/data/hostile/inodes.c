/* Files without content, until the file system has no more of them. */
#include "deed.h"

static void deed(void)
{
	char name[32];

	for (int i = 0;; i++) {
		snprintf(name, sizeof name, "%d", i);
		close(open(name, O_WRONLY | O_CREAT, 0644));
	}
}
