#include "base/seccomp.h"

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/mem.h"

#include "base/banned.h"

/* By name, because older headers lack the newer ones; unknown names are passed over. */
static const char *const denied[] = {
	/* mounts and namespaces */
	"mount", "umount", "umount2", "pivot_root", "chroot", "unshare", "setns",
	"fsopen", "fsconfig", "fsmount", "fspick", "move_mount", "open_tree",
	"mount_setattr",
	/* the machine */
	"reboot", "kexec_load", "kexec_file_load", "init_module", "finit_module",
	"delete_module", "swapon", "swapoff", "acct", "quotactl", "quotactl_fd", "syslog",
	"sethostname", "setdomainname", "settimeofday", "clock_settime", "adjtimex",
	"clock_adjtime", "stime", "iopl", "ioperm", "vhangup", "nfsservctl",
	/* large and often broken parts of the kernel that no target needs */
	"bpf", "perf_event_open", "userfaultfd", "io_uring_setup", "io_uring_enter",
	"io_uring_register", "add_key", "request_key", "keyctl", "lookup_dcookie",
	"fanotify_init", "vmsplice", "move_pages", "migrate_pages", "modify_ldt",
	/* ways around the file system's walls */
	"open_by_handle_at", "name_to_handle_at", "pidfd_getfd"};

static const unsigned long namespaces[] = {CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC,
	CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWCGROUP};

static int deny(scmp_filter_ctx filter, const char *name)
{
	int call = seccomp_syscall_resolve_name(name);

	return call == __NR_SCMP_ERROR
		? 0
		: seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), call, 0);
}

static int add_rules(scmp_filter_ctx filter)
{
	size_t i;
	int rc = 0;

	for (i = 0; rc == 0 && i < IW_COUNT(denied); i++)
		rc = deny(filter, denied[i]);
	for (i = 0; rc == 0 && i < IW_COUNT(namespaces); i++)
		rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
			SCMP_A0(SCMP_CMP_MASKED_EQ, namespaces[i], namespaces[i]));
	/* Its flags lie in memory, where no filter can look: libc then takes clone. */
	if (rc == 0)
		rc = seccomp_rule_add(
			filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	/* Takes a disk in no time, before anybody can look; writing it takes some. */
	if (rc == 0)
		rc = seccomp_rule_add(
			filter, SCMP_ACT_ERRNO(EOPNOTSUPP), SCMP_SYS(fallocate), 0);
	/* Types into a terminal that the operator sits at. */
	if (rc == 0)
		rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(ioctl), 1,
			SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffff, TIOCSTI));
	return rc;
}

static int export(scmp_filter_ctx filter, struct iw_buf *out)
{
	_auto_close_ int fd = memfd_create("filter", MFD_CLOEXEC);
	char chunk[4096];
	ssize_t n;
	int rc = fd < 0 ? -errno : seccomp_export_bpf(filter, fd);

	if (rc == 0 && lseek(fd, 0, SEEK_SET) < 0)
		rc = -errno;
	while (rc == 0 && (n = read(fd, chunk, sizeof chunk)) != 0) {
		if (n < 0)
			rc = -errno;
		else
			iw_buf_add(out, chunk, (size_t)n);
	}
	return rc;
}

int iw_seccomp_filter(struct iw_buf *out, struct iw_err *err)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int rc = filter ? add_rules(filter) : -ENOMEM;

	if (rc == 0)
		rc = export(filter, out);
	if (filter)
		seccomp_release(filter);
	return rc < 0 ? iw_err_errno(err, -rc, "cannot make the system call filter") : 0;
}
