/*
 * The state folder: its lock, its database, the paths of everything in it.
 *
 * One process writes at a time (flock on `lock`); others may read the database. A folder
 * that cannot be used is refused with one sentence before anything in it is touched.
 * Blocks: for start-up and for commands that work without a farm.
 */
#ifndef IW_STATE_H
#define IW_STATE_H

#include "base/db.h"
#include <sys/types.h>

#include "base/err.h"

struct iw_state {
	char *dir; /* absolute */
	char *db, *units, *artifacts, *builds, *jobs, *outbox, *sources, *ccache, *log;
	char *coverage;
	struct iw_dbc *dbc; /* takeable: set NULL after iw_db_start() took it */
	/* below: private */
	int lock_fd;
};

enum iw_state_mode {
	IW_STATE_WRITE, /* makes the folder, locks it, migrates */
	IW_STATE_READ,	/* IW_ENOENT when there is none */
};

/* dir, or where it is NULL $XDG_STATE_HOME/ironworks or ~/.local/state/ironworks. The
 * caller frees. */
char *iw_state_dir(const char *dir);

/* dir as for iw_state_dir(). IW_EBUSY: another process works on it. IW_EVERSION: a newer
 * version wrote it. */
int iw_state_open(struct iw_state *state, const char *dir, enum iw_state_mode mode,
	struct iw_err *err);
void iw_state_close(struct iw_state *state);
/* Makes dbc anew after iw_db_stop() has closed it; the lock was held all the time. */
int iw_state_reopen(struct iw_state *state, struct iw_err *err);

/* The process that works on a state folder, 0 when none does. IW_ENOENT: there is no such
 * folder. */
int iw_state_holder(const char *dir, pid_t *pid, struct iw_err *err);

/* Below this much free disk nothing new is started, in bytes. */
#define IW_STATE_MIN_FREE ((int64_t)64 << 20)

#endif
