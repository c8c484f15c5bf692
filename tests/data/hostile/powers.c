/* Becomes somebody else, makes namespaces, mounts, and asks for calls that it may not have. */
#include "deed.h"

/* Asks by the numbers of another architecture, which no list of ours names; that is death,
 * so a child does it. Its answer is getpid's, or none. */
static int is_foreign_answered(int which)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		long rc = -1;

		if (which == 0)
			rc = syscall(0x40000000 | SYS_getpid); /* x32 */
		else
			__asm__ volatile("int $0x80" : "=a"(rc) : "a"(20) : "memory");
		_exit(rc > 0 ? 0 : 1);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
		WEXITSTATUS(status) == 0;
}

static void try_foreign(void)
{
	if (is_foreign_answered(0) || is_foreign_answered(1))
		deed_succeeded("a call of another architecture");
	if (ioctl(0, TIOCSTI, "x") == 0 || errno != EPERM)
		deed_succeeded("typing into a terminal");
	if (syscall(SYS_clone3, NULL, 0) >= 0 || errno != ENOSYS)
		deed_succeeded("clone3");
	if (syscall(SYS_clone, CLONE_NEWNET | SIGCHLD, 0, 0, 0, 0) >= 0 || errno != EPERM)
		deed_succeeded("a namespace by clone");
}

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
	try_foreign();
}
