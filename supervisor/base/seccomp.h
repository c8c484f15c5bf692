/*
 * The system calls that no job needs and that attacks on a kernel need: a deny list,
 * since targets are arbitrary programs. ptrace and personality stay, because
 * LeakSanitizer and builds without address randomisation use them; the pid namespace
 * keeps ptrace inside.
 *
 * After the list of systemd's and Docker's default profiles (seccomp(2), libseccomp(3)).
 * Thread: any.
 */
#ifndef IW_BASE_SECCOMP_H
#define IW_BASE_SECCOMP_H

#include "base/buf.h"
#include "base/err.h"

/* Appends the compiled filter, as bwrap --seccomp wants it. Denied calls fail with EPERM,
 * or as if the kernel did not have them where libc knows another way; a program of
 * another architecture is killed. */
int iw_seccomp_filter(struct iw_buf *out, struct iw_err *err);

#endif
