/* Leaves a process behind. */
#include "deed.h"

static void deed(void)
{
	if (fork() == 0) {
		setsid();
		if (fork() != 0)
			_exit(0);
		prctl(PR_SET_NAME, "outliver-ghost");
		signal(SIGTERM, SIG_IGN);
		for (;;)
			sleep(1);
	}
	_exit(0);
}
