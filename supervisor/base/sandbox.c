#include "base/sandbox.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/capture.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/seccomp.h"

#include "base/banned.h"

#define PROBE_TIMEOUT_MS 10000
#define PROBE_PROCESSES 16
#define SCRATCH_BYTES "268435456"

/* What every program needs of the host besides /usr: the loader's cache, and the links by
 * which Debian says which compiler cc is. */
static const char *const host_files[] = {"/etc/ld.so.cache", "/etc/ld.so.conf",
	"/etc/ld.so.conf.d", "/etc/alternatives", "/etc/localtime"};

/* Links into /usr on a merged system, folders of their own on others. */
static const char *const top_links[] = {"/bin", "/sbin", "/lib", "/lib32", "/lib64"};

struct words {
	iw_sandbox_arg_cb add;
	void *ctx;
};

static void add1(const struct words *w, const char *a)
{
	w->add(w->ctx, a);
}

static void add3(const struct words *w, const char *a, const char *b, const char *c)
{
	add1(w, a);
	add1(w, b);
	add1(w, c);
}

static void add_top_link(const struct words *w, const char *path)
{
	char target[256];
	struct stat st;
	ssize_t n;

	if (lstat(path, &st) < 0)
		return;
	if (!S_ISLNK(st.st_mode)) {
		add3(w, "--ro-bind", path, path);
		return;
	}
	n = readlink(path, target, sizeof target - 1);
	if (n > 0) {
		target[n] = '\0';
		add3(w, "--symlink", target, path);
	}
}

/* Memory that looks like a folder, and is bounded like memory. */
static void add_scratch(const struct words *w, const char *path)
{
	add3(w, "--size", SCRATCH_BYTES, "--tmpfs");
	add1(w, path);
}

static void add_walls(const struct iw_sandbox *sandbox, const struct words *w)
{
	/* No --new-session: the keeper's has no terminal either, and it carries the
	 * weight. */
	static const char *const flags[] = {"--die-with-parent", "--unshare-user",
		"--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts",
		"--unshare-cgroup-try", "--cap-drop", "ALL"};
	size_t i;

	add1(w, sandbox->bwrap);
	for (i = 0; i < IW_COUNT(flags); i++)
		add1(w, flags[i]);
	add3(w, "--ro-bind", "/usr", "/usr");
	for (i = 0; i < IW_COUNT(top_links); i++)
		add_top_link(w, top_links[i]);
	for (i = 0; i < IW_COUNT(host_files); i++)
		add3(w, "--ro-bind-try", host_files[i], host_files[i]);
	if (sandbox->kind == IW_SANDBOX_BWRAP) {
		add1(w, "--proc");
		add1(w, "/proc");
	} else {
		add3(w, "--ro-bind", "/proc", "/proc");
	}
	add1(w, "--dev");
	add1(w, "/dev");
	add_scratch(w, "/dev/shm");
	add1(w, "--remount-ro");
	add1(w, "/dev");
	/* Before the binds: a state folder may itself lie below /tmp. */
	add_scratch(w, "/tmp");
}

/* Inside, because the limit of whoever makes a user namespace binds all of that user's
 * processes, and within one only those that are in it (user_namespaces(7), Linux 5.14).
 */
static void add_process_limit(const struct words *w, int processes)
{
	char limit[32];

	snprintf(limit, sizeof limit, "--nproc=%d", processes);
	add1(w, "/usr/bin/prlimit");
	add1(w, limit);
	add1(w, "--");
}

static void add_fd(const struct words *w, const char *option, int value)
{
	char fd[16];

	if (value < 0)
		return;
	snprintf(fd, sizeof fd, "%d", value);
	add1(w, option);
	add1(w, fd);
}

void iw_sandbox_args(const struct iw_sandbox *sandbox, const struct iw_sandbox_spec *spec,
	iw_sandbox_arg_cb add, void *ctx)
{
	struct words w = {.add = add, .ctx = ctx};
	size_t i;

	if (sandbox->kind == IW_SANDBOX_OFF)
		return;
	add_walls(sandbox, &w);
	for (i = 0; spec->reads && spec->reads[i]; i++)
		add3(&w, "--ro-bind", spec->reads[i], spec->reads[i]);
	for (i = 0; spec->writes && spec->writes[i]; i++)
		add3(&w, "--bind", spec->writes[i], spec->writes[i]);
	if (spec->work) {
		add3(&w, "--bind", spec->work, spec->work);
		add1(&w, "--chdir");
		add1(&w, spec->work);
	}
	/* What is left is the folder that all this is mounted on: memory, too. */
	add1(&w, "--remount-ro");
	add1(&w, "/");
	add_fd(&w, "--json-status-fd", spec->status_fd);
	add_fd(&w, "--seccomp", spec->filter_fd);
	add1(&w, "--");
	if (spec->processes)
		add_process_limit(&w, spec->processes);
}

struct probe_argv {
	const char *argv[96];
	size_t count;
};

/* Symlink targets live on add_top_link's stack, so words are copied here. */
static void add_probe_word(void *ctx, const char *arg)
{
	struct probe_argv *p = ctx;

	if (p->count < IW_COUNT(p->argv) - 1)
		p->argv[p->count++] = iw_strdup(arg);
}

/* Inherited on purpose: bubblewrap reads it. */
static int filter_fd(struct iw_err *err)
{
	struct iw_buf filter = {0};
	int fd = -1, rc = iw_seccomp_filter(&filter, err);

	if (rc == 0 && (fd = memfd_create("filter", 0)) < 0)
		rc = iw_err_errno(err, errno, "cannot hand over the system call filter");
	if (rc == 0)
		rc = iw_file_write_all(fd, filter.data, filter.len, "filter", err);
	if (rc == 0 && lseek(fd, 0, SEEK_SET) < 0)
		rc = iw_err_errno(err, errno, "cannot hand over the system call filter");
	iw_buf_fini(&filter);
	if (rc < 0 && fd >= 0)
		close(fd);
	return rc < 0 ? rc : fd;
}

static int try_kind(struct iw_sandbox *sandbox, enum iw_sandbox_kind kind,
	struct iw_buf *out, struct iw_err *err)
{
	_auto_close_ int filter = filter_fd(err);
	struct iw_sandbox_spec spec = {
		.status_fd = -1, .filter_fd = filter, .processes = PROBE_PROCESSES};
	struct probe_argv p = {.count = 0};
	size_t i;
	int rc;

	if (filter < 0)
		return filter;
	sandbox->kind = kind;
	iw_sandbox_args(sandbox, &spec, add_probe_word, &p);
	add_probe_word(&p, "/usr/bin/true");
	rc = iw_capture(p.argv, PROBE_TIMEOUT_MS, out, err);
	for (i = 0; i < p.count; i++)
		iw_freep(&p.argv[i]);
	return rc;
}

int iw_sandbox_probe(struct iw_sandbox *sandbox, struct iw_err *err)
{
	static const char *const places[] = {"/usr/bin/bwrap", "/usr/local/bin/bwrap"};
	struct iw_buf out = {0};
	size_t i;
	int rc = -1;

	sandbox->bwrap[0] = '\0';
	for (i = 0; i < IW_COUNT(places) && !sandbox->bwrap[0]; i++)
		if (access(places[i], X_OK) == 0)
			snprintf(sandbox->bwrap, sizeof sandbox->bwrap, "%s", places[i]);
	if (!sandbox->bwrap[0])
		return iw_err_set(err, IW_ESANDBOX,
			"the sandbox is not available: bubblewrap is not installed; "
			"install the package bubblewrap, or say --no-sandbox");
	rc = try_kind(sandbox, IW_SANDBOX_BWRAP, &out, err);
	if (rc != 0) {
		iw_buf_clear(&out);
		rc = try_kind(sandbox, IW_SANDBOX_BWRAP_PROC, &out, err);
	}
	if (rc != 0) {
		if (out.data)
			out.data[strcspn(out.data, "\n")] = '\0';
		rc = iw_err_set(err, IW_ESANDBOX,
			"the sandbox is not available: %s; allow unprivileged user "
			"namespaces (sysctl kernel.unprivileged_userns_clone=1, or "
			"kernel.apparmor_restrict_unprivileged_userns=0), or say "
			"--no-sandbox",
			out.len ? out.data : "bubblewrap failed");
	}
	iw_buf_fini(&out);
	return rc;
}

const char *iw_sandbox_name(const struct iw_sandbox *sandbox)
{
	switch (sandbox->kind) {
	case IW_SANDBOX_OFF:
		return "off";
	case IW_SANDBOX_BWRAP:
		return "bubblewrap";
	case IW_SANDBOX_BWRAP_PROC:
		return "bubblewrap, host /proc";
	}
	return "?";
}
