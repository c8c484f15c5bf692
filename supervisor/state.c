#include "state.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "actor.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/schema.h"

#include "base/banned.h"

#define LOCK_TRIES 10
#define LOCK_PAUSE_NS 20000000

static char *default_dir(void)
{
	const char *xdg = getenv("XDG_STATE_HOME"), *home = getenv("HOME");

	if (xdg && *xdg == '/')
		return iw_path_join(xdg, "ironworks");
	if (home && *home == '/')
		return iw_path_join(home, ".local/state/ironworks");
	return iw_strdup("/var/lib/ironworks");
}

char *iw_state_dir(const char *dir)
{
	return dir ? iw_strdup(dir) : default_dir();
}

static void set_paths(struct iw_state *s)
{
	s->db = iw_path_join(s->dir, "ironworks.db");
	s->units = iw_path_join(s->dir, "units");
	s->artifacts = iw_path_join(s->dir, "artifacts");
	s->builds = iw_path_join(s->dir, "builds");
	s->jobs = iw_path_join(s->dir, "jobs");
	s->outbox = iw_path_join(s->dir, "outbox");
	s->sources = iw_path_join(s->dir, "sources");
	s->ccache = iw_path_join(s->dir, "ccache");
	s->log = iw_path_join(s->dir, "log");
	s->coverage = iw_path_join(s->dir, "coverage");
}

/* Why what is in it cannot be looked at: hint says what to do where there is nothing. */
static int no_state(const char *dir, int errnum, const char *hint, struct iw_err *err)
{
	_auto_free_ char *self = iw_actor_local(geteuid());
	_auto_free_ char *owner = NULL;
	struct stat s;

	if (errnum != EACCES && errnum != EPERM)
		return iw_err_set(err, IW_ENOENT,
			"there is no state in '%s'; %s--state DIR names another", dir,
			hint);
	if (stat(dir, &s) == 0)
		owner = iw_actor_local(s.st_uid);
	return iw_err_set(err, IW_EIO,
		"as %s you may not look into state folder '%s'%s%s: permission denied; "
		"work as "
		"its owner, or as root",
		self, dir, owner ? ", which belongs to " : "", owner ? owner : "");
}

/* Who only asks whether somebody holds it has it for a moment, too. */
static int lock_patiently(int fd)
{
	int tries = LOCK_TRIES;

	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (--tries == 0)
			return -1;
		nanosleep(&(struct timespec){.tv_nsec = LOCK_PAUSE_NS}, NULL);
	}
	return 0;
}

static int take_lock(struct iw_state *s, struct iw_err *err)
{
	_auto_free_ char *path = iw_path_join(s->dir, "lock");
	char pid[32];
	ssize_t n;

	s->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (s->lock_fd < 0)
		return iw_err_errno(err, errno, "cannot open '%s'", path);
	if (lock_patiently(s->lock_fd) == 0) {
		n = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
		if (ftruncate(s->lock_fd, 0) < 0 ||
			pwrite(s->lock_fd, pid, (size_t)n, 0) < 0)
			return iw_err_errno(err, errno, "cannot write '%s'", path);
		return 0;
	}
	n = pread(s->lock_fd, pid, sizeof pid - 1, 0);
	pid[n > 0 ? n : 0] = '\0';
	pid[strcspn(pid, "\n")] = '\0';
	return iw_err_set(err, IW_EBUSY,
		"state folder '%s' is in use by another ironworks (pid %s); stop that "
		"one "
		"or give another --state",
		s->dir, *pid ? pid : "unknown");
}

static int make_folders(struct iw_state *s, struct iw_err *err)
{
	const char *const dirs[] = {
		s->units, s->artifacts, s->builds, s->jobs, s->outbox, s->sources};
	int64_t free_bytes = iw_disk_free(s->dir);
	size_t i;
	int rc = 0;

	if (free_bytes >= 0 && free_bytes < IW_STATE_MIN_FREE)
		return iw_err_set(err, IW_ENOSPC,
			"the disk of state folder '%s' is full (%lld MiB free, %lld "
			"needed); make room or give another --state",
			s->dir, (long long)(free_bytes >> 20),
			(long long)(IW_STATE_MIN_FREE >> 20));
	for (i = 0; rc == 0 && i < IW_COUNT(dirs); i++)
		rc = iw_dir_make(dirs[i], err);
	return rc;
}

int iw_state_reopen(struct iw_state *s, struct iw_err *err)
{
	iw_dbc_close(iw_steal(&s->dbc));
	return iw_dbc_open(
		&s->dbc, s->db, IW_DB_WRITE, iw_schema_steps, iw_schema_step_count, err);
}

/* A version that would change the database shows on a copy that it can. */
static int rehearse(struct iw_state *s, struct iw_err *err)
{
	if (!iw_file_exists(s->db) ||
		iw_db_rehearse(s->db, iw_schema_steps, iw_schema_step_count, err) == 0)
		return 0;
	return iw_err_wrap(err,
		"this version cannot take over the database of '%s', which is as it was; "
		"go on with the version before",
		s->dir);
}

static int open_write(struct iw_state *s, struct iw_err *err)
{
	int rc = take_lock(s, err);

	if (rc == 0)
		rc = make_folders(s, err);
	if (rc == 0)
		rc = rehearse(s, err);
	return rc == 0 ? iw_state_reopen(s, err) : rc;
}

static int open_read(struct iw_state *s, struct iw_err *err)
{
	if (access(s->db, R_OK) < 0)
		return no_state(
			s->dir, errno, "'ironworks run ADAPTER' makes one, ", err);
	return iw_dbc_open(
		&s->dbc, s->db, IW_DB_READ, iw_schema_steps, iw_schema_step_count, err);
}

/* Inputs and reports in it are nobody else's business; a folder that is there already has
 * the mode that its owner gave it. */
static int make_home(const char *dir, struct iw_err *err)
{
	bool is_new = !iw_file_exists(dir);
	int rc = iw_dir_make(dir, err);

	if (rc == 0 && is_new && chmod(dir, 0700) < 0)
		return iw_err_errno(err, errno, "cannot make '%s' private", dir);
	return rc;
}

int iw_state_open(
	struct iw_state *s, const char *dir, enum iw_state_mode mode, struct iw_err *err)
{
	_auto_free_ char *wanted = iw_state_dir(dir);
	char absolute[PATH_MAX];
	int rc = 0;

	*s = (struct iw_state){.lock_fd = -1};
	if (mode == IW_STATE_WRITE)
		rc = make_home(wanted, err);
	if (rc < 0) {
		iw_err_wrap(err, "state folder");
		return rc;
	}
	s->dir = iw_strdup(realpath(wanted, absolute) ? absolute : wanted);
	set_paths(s);
	rc = mode == IW_STATE_WRITE ? open_write(s, err) : open_read(s, err);
	if (rc < 0)
		iw_state_close(s);
	return rc;
}

int iw_state_holder(const char *dir, pid_t *pid, struct iw_err *err)
{
	_auto_free_ char *wanted = iw_state_dir(dir);
	_auto_free_ char *path = iw_path_join(wanted, "lock");
	_auto_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[32];
	ssize_t n;

	*pid = 0;
	if (fd < 0)
		return no_state(wanted, errno, "", err);
	if (flock(fd, LOCK_SH | LOCK_NB) == 0)
		return 0;
	n = pread(fd, text, sizeof text - 1, 0);
	text[n > 0 ? n : 0] = '\0';
	*pid = (pid_t)strtol(text, NULL, 10);
	return *pid > 0 ? 0
			: iw_err_set(err, IW_EIO,
				  "'%s' does not say which process works there", path);
}

void iw_state_close(struct iw_state *s)
{
	char *const paths[] = {s->dir, s->db, s->units, s->artifacts, s->builds, s->jobs,
		s->outbox, s->sources, s->ccache, s->log, s->coverage};
	size_t i;

	iw_dbc_close(s->dbc);
	for (i = 0; i < IW_COUNT(paths); i++)
		free(paths[i]);
	if (s->lock_fd >= 0)
		close(s->lock_fd);
	*s = (struct iw_state){.lock_fd = -1};
}
