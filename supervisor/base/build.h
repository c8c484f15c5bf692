/*
 * A build of some tree: what lower rooms need, what the supervisor provides.
 *
 * A build is adapter × tree × flavour, named by its closure id (SHA-256 of source tree,
 * recipe and toolchain), read-only under builds/<closure>/. Asking twice for the same
 * closure builds once. A failed build is an answer too, kept with its first error and its
 * log.
 *
 * Thread: the loop.
 */
#ifndef IW_BASE_BUILD_H
#define IW_BASE_BUILD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/hash.h"

struct iw_build {
	int64_t id; /* row of table build */
	char closure[IW_SHA256_HEX];
	char tree[41]; /* git tree id */
	char flavour[40];
	char *dir; /* builds/<closure>: binaries, dictionaries, seeds */
	char *log; /* what its command printed, as build_log.h reads it; may be gone */
	bool is_ok;
	char error[400]; /* of a failed one: the first compiler error */
	/* Libraries that its sanitizer cannot see into, by name; empty: none, or it does
	 * not matter. */
	char uninstrumented[200];
	/* Its sanitizer's reports are no evidence: nobody fuzzes or judges on it. */
	bool is_build_only;
	int64_t core_ms;
	int64_t bytes; /* on disk, log included; 0: nobody has looked */
};

/* One question; the caller's, lives until done, which fires exactly once and later.
 * build is borrowed and lives as long as the builder; NULL with err set when there was no
 * answer (cancelled, disk full): that is not the tree's fault. */
struct iw_build_req;
typedef void (*iw_build_done_cb)(
	struct iw_build_req *req, const struct iw_build *build, const struct iw_err *err);

struct iw_build_req {
	int64_t adapter_id;
	char tree[41];
	char flavour[40];
	/* What failed before is tried again: somebody may have mended the machine. */
	bool again;
	/* Nobody fuzzes it. Where it has to be made it waits until the disk budget has
	 * room, and err is IW_EBUDGET when none comes by itself. The build is lent: after
	 * let_go(), which the asker owes, it may leave. */
	bool is_lent;
	iw_build_done_cb done;
	void *ctx;
	/* When done is called: it was made for this question, not found. */
	bool is_made;
	/* below: private */
	struct iw_build_req *next;
};

struct iw_builder {
	void *ctx;
	void (*build)(void *ctx, struct iw_build_req *req);
	/* Nobody wants this answer any more: what is being built for it alone is ended.
	 * done comes as always, with IW_ECANCELED where that came in time. */
	void (*stop)(void *ctx, struct iw_build_req *req);
	/* A build that was lent is not needed any more. Whoever waits for another one that
	 * is lent holds none: so they never wait for each other. */
	void (*let_go)(void *ctx, const struct iw_build *build);
};

#endif
