/*
 * The builder of one project: tree × flavour becomes builds/<closure>/, once.
 *
 * A closure id is the SHA-256 of source tree, recipe, toolchain and flavour's flags, so
 * an answer never goes stale and may be kept for ever. A tree that does not compile is an
 * answer too, until the next start or until somebody wants it again; a full disk, a stop
 * or a broken sandbox is none and is asked again the next time. What the command printed
 * is kept either way. Provides struct iw_builder of base/build.h. Thread: the
 * loop.
 */
#ifndef ADAPTERS_BUILDER_H
#define ADAPTERS_BUILDER_H

#include "adapters/adapter.h"
#include "adapters/budget.h"
#include "base/build.h"
#include "base/db.h"
#include "base/git.h"
#include "base/job.h"
#include "sanitizers/toolchain.h"

struct builder_config {
	struct iw_jobs *jobs;
	struct iw_db *db;
	const struct adapter *adapter;
	const struct san_toolchain *tools;
	int64_t adapter_id;
	const char *builds_dir; /* <state>/builds */
	const char *trees_dir;	/* for its checkouts alone */
	const char *cache_dir;	/* <state>/ccache; NULL: compile everything anew */
	int64_t cache_bytes;	/* how large that may grow; 0: as it sees fit */
	int make_jobs;		/* JOBS of the build's environment */
	/* Is told when the disk holds one more, and asked for room by those that are
	 * lent; NULL: there is room for all. */
	struct budget *budget;
};

struct builder;

/* Reads what is built already from dbc (blocks). Everything in config is borrowed and
 * must live as long, the strings are copied. */
int builder_new(struct builder **out, const struct builder_config *config,
	struct iw_dbc *dbc, struct iw_err *err);
/* The project's repository, before the first request. */
void builder_set_git(struct builder *builder, struct iw_git *git);
/* No request may be under way. */
void builder_free(struct builder *builder);

struct iw_builder builder_ops(struct builder *builder);

/* It is built, and well: asking for it costs nothing. */
bool builder_has(const struct builder *builder, const char *tree, const char *flavour);

/* Whether somebody in this process may work on it: asked for it within the last hour,
 * waits for it, or has it lent. */
enum budget_use builder_use(const struct builder *builder, const char *closure);
/* Its files are about to leave: whoever asks from now on has it made again. */
void builder_forget(struct builder *builder, const char *closure);

/* How many builds were made, and how many answers came from the cache. */
void builder_counts(const struct builder *builder, int *made, int *cached);

#endif
