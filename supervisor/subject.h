/*
 * What is needed to run a bug or a crash once more: its input, the build it was seen on,
 * how its target wants to be run. Synchronous; thread: that of the connection.
 */
#ifndef IW_SUBJECT_H
#define IW_SUBJECT_H

#include <stdbool.h>

#include "adapters/adapter.h"
#include "base/build.h"
#include "base/db.h"
#include "state.h"
#include "triage/signature.h"

/* Zero-initialise; ends with subject_fini() whatever became of it. */
struct subject {
	char name[32]; /* "bug 3" */
	char adapter[48], target[48];
	char *arg;	       /* the word that names the adapter on a command line */
	struct iw_build build; /* its dir is the subject's */
	int lock_fd;	       /* on that folder, plus 1; 0: none */
	struct iw_sha256 input;
	int64_t build_id;
	struct triage_signature signature; /* of a bug */
	bool has_signature, found;
	char *commit; /* of the snapshot that a bug was found on; NULL: not known */
	char *data;
	size_t len;
	struct adapter *loaded;
	struct adapter_target spec;
};

/* One of both is 0. Everything but build.dir and the input. IW_ENOENT with a sentence. */
int subject_find(struct subject *subject, struct iw_dbc *dbc,
	const struct iw_state *state, int64_t bug_id, int64_t crash_id,
	struct iw_err *err);
/* Its build of another flavour of the same tree, or of another tree; false: there is
 * none. Its id and closure are set, build.dir is not. */
int subject_choose(struct subject *subject, struct iw_dbc *dbc, const char *flavour,
	const char *tree, bool *found, struct iw_err *err);
/* build.dir, which no farm removes from then on: IW_ENOENT when it has left. */
int subject_hold_build(
	struct subject *subject, const struct iw_state *state, struct iw_err *err);
int subject_read_input(
	struct subject *subject, const struct iw_state *state, struct iw_err *err);
void subject_fini(struct subject *subject);

#endif
