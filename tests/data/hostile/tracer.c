/* Attaches to processes of the host, or writes into their memory. */
#include "deed.h"

static void deed(void)
{
	char path[64];

	if (ptrace(PTRACE_ATTACH, VICTIM, NULL, NULL) == 0)
		deed_succeeded("ptrace");
	snprintf(path, sizeof path, "/proc/%d/mem", VICTIM);
	if (open(path, O_RDWR) >= 0)
		deed_succeeded(path);
	if (kill(VICTIM, 0) == 0)
		deed_succeeded("a process of the host is in sight");
}
