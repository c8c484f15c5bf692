/* Becomes somebody else, makes namespaces, mounts, and asks for calls that it may not have. */
#include "deed.h"

static void deed(void)
{
	static const long calls[] = {SYS_bpf, SYS_keyctl, SYS_userfaultfd,
		SYS_perf_event_open, SYS_io_uring_setup, SYS_setns, SYS_open_by_handle_at};
	size_t i;

	if (getuid() != 0 && (setuid(0) == 0 || seteuid(0) == 0 || setgid(0) == 0))
		deed_succeeded("root");
	if (unshare(CLONE_NEWUSER) == 0)
		deed_succeeded("a user namespace");
	if (mount("none", "/tmp", "tmpfs", 0, "") == 0)
		deed_succeeded("a mount");
	if (mkdir("/here", 0755) == 0 || open("/dev/here", O_CREAT | O_RDWR, 0644) >= 0)
		deed_succeeded("a file outside its folders");
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		deed_succeeded("new privileges");
	for (i = 0; i < sizeof calls / sizeof *calls; i++)
		if (syscall(calls[i], -1, -1, -1, -1, -1) >= 0 || errno != EPERM)
			deed_succeeded("a call of the deny list");
}
