/*
 * Commands beside a daemon: it holds the state folder, so it is asked to do what they
 * want, over the socket in that folder.
 *
 *	rc = cli_remote(state, "POST", "/api/v1/things", body, &status, &answer, &err);
 *	if (rc < 0)
 *		return cli_unreachable(&err);
 *	if (rc == 1)
 *		… lock the state and do it here …
 *	if (cli_remote_check(status, answer, &err) < 0)
 *		… cli_fail(&err) …
 *
 * Blocks. Thread: the main thread.
 */
#ifndef IW_CLI_REMOTE_H
#define IW_CLI_REMOTE_H

#include <jansson.h>

#include "base/err.h"

/*
 * Asks the daemon that holds the state folder; state_dir NULL: the user's. body is
 * borrowed and may be NULL.
 *
 * 1: no daemon runs there, so the caller works alone. 0: *status is HTTP's, *answer a new
 * reference to the JSON object; one of an error has "error". Negative: a daemon is there
 * and does not answer. One that is just starting is waited for a little.
 */
int cli_remote(const char *state_dir, const char *method, const char *path, json_t *body,
	long *status, json_t **answer, struct iw_err *err);

/* 0 when the status is one of success. Otherwise the daemon's own sentence, with the code
 * that is behind the status: IW_EINVAL, IW_ENOENT, IW_EBUSY, or IW_EIO. */
int cli_remote_check(long status, const json_t *answer, struct iw_err *err);

/* "ironworks: sentence" on stderr. Returns CLI_DAEMON. */
int cli_unreachable(const struct iw_err *err);

#endif
