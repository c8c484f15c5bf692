/*
 * Rows of table `build`: what was built, from what, how large it is and when it was used;
 * and of table `disk`: how much room that may take.
 */
#ifndef ADAPTERS_BUILD_DB_H
#define ADAPTERS_BUILD_DB_H

#include <stdbool.h>
#include <stdint.h>

#include "base/build.h"
#include "base/db.h"

/* Calls each for every build of the adapter; build is borrowed, its paths are NULL. */
typedef void (*build_db_cb)(void *ctx, const struct iw_build *build);
int build_db_list(struct iw_dbc *dbc, int64_t adapter_id, build_db_cb each, void *ctx,
	struct iw_err *err);
/* Stores a build under its closure, replacing an older answer; sets build->id. It was
 * used just now. */
int build_db_put(struct iw_dbc *dbc, int64_t adapter_id, struct iw_build *build,
	struct iw_err *err);
/* It is used now. */
int build_db_used(struct iw_dbc *dbc, int64_t id, struct iw_err *err);
/* How large it is. */
int build_db_measured(struct iw_dbc *dbc, int64_t id, int64_t bytes, struct iw_err *err);
/* Its files have left; the row stays, for measures, crashes and bugs hang on it. */
int build_db_left(struct iw_dbc *dbc, int64_t id, struct iw_err *err);

/* One whose files are there. */
struct build_kept {
	int64_t id;
	const char *closure, *adapter, *flavour, *tree; /* borrowed */
	int64_t bytes, used_ms;
	/* An open bug is judged on it, or a crash waits for that: it stays. One that waits
	 * for room itself takes none. */
	bool is_pinned;
};
/* Of all adapters, the one that was not used for longest first. */
typedef void (*build_db_kept_cb)(void *ctx, const struct build_kept *kept);
int build_db_kept(
	struct iw_dbc *dbc, build_db_kept_cb each, void *ctx, struct iw_err *err);

/* bytes 0: no bound. */
int build_db_set_budget(struct iw_dbc *dbc, int64_t bytes, struct iw_err *err);

struct build_totals {
	int64_t count, bytes; /* whose files are there */
	int64_t left;	      /* whose files have left */
	int64_t budget;	      /* bytes; 0: no bound, or nobody has said any */
};
int build_db_totals(struct iw_dbc *dbc, struct build_totals *totals, struct iw_err *err);

#endif
