/*
 * System calls and text without the sanitizers.
 *
 * The runtimes intercept libc's functions, in this object too, because the executable
 * comes first in symbol lookup. MSan would then judge our buffers by shadow that code
 * without instrumentation never wrote, and report the driver. So whatever the driver
 * does for itself goes straight to the kernel, and its buffers are static or mapped,
 * never on the stack and never from malloc, which LeakSanitizer would count.
 */
#ifndef IW_PRELOAD_SYS_H
#define IW_PRELOAD_SYS_H

#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static inline int sys_openat(int dir, const char *path, int flags)
{
	return (int)syscall(SYS_openat, dir, path, flags | O_CLOEXEC, 0600);
}

static inline int sys_close(int fd)
{
	return (int)syscall(SYS_close, fd);
}

static inline ssize_t sys_write(int fd, const void *data, size_t size)
{
	return syscall(SYS_write, fd, data, size);
}

static inline ssize_t sys_pread(int fd, void *data, size_t size, uint64_t at)
{
	return syscall(SYS_pread64, fd, data, size, at);
}

static inline int sys_truncate(int fd, uint64_t size)
{
	return (int)syscall(SYS_ftruncate, fd, size);
}

/* Size by lseek: unlike fstat its result needs no memory. The files are O_APPEND. */
static inline int64_t sys_size(int fd)
{
	return syscall(SYS_lseek, fd, 0L, SEEK_END);
}

static inline int sys_kill(int pid, int sig)
{
	return (int)syscall(SYS_kill, pid, sig);
}

__attribute__((noreturn)) static inline void sys_exit(int status)
{
	for (;;)
		syscall(SYS_exit_group, status);
}

/* Monotonic nanoseconds. Main thread only. */
uint64_t sys_now(void);

/* Zeroed pages that are never given back, or NULL. */
void *sys_pages(size_t size);

/* Installs a handler behind the back of the runtimes. */
void sys_handle(int sig, void (*handler)(int));

/* Text built piece by piece, cut at its capacity, always terminated; safe in handlers. */
struct text {
	char *buf;
	size_t cap;
	size_t len;
};

void text_add(struct text *t, const char *s);
void text_num(struct text *t, uint64_t n);
void text_hex(struct text *t, uint64_t n); /* with 0x */
/* All of it to stderr. */
void text_write(const struct text *t);

#endif
