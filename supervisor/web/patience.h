/*
 * Patience with wrong tokens, per address and over all. Some are mistakes; who goes on is
 * told to wait, longer each time, and is not written down any more each time.
 *
 * A right token never has to wait, wherever it comes from. Behind a proxy, and on
 * loopback, all have one address: whoever guesses there would lock everybody out. Nothing
 * is lost by that, because 2^256 tokens cannot be tried at any speed. What patience saves
 * is the log and the loop.
 *
 * Bounded: of more addresses than it has room for, the one that was quiet the longest is
 * forgotten; the count over all is not. Thread: one at a time.
 */
#ifndef IW_WEB_PATIENCE_H
#define IW_WEB_PATIENCE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#define WEB_PATIENCE_EACH 10
#define WEB_PATIENCE_ALL 100
/* No wait is longer, in seconds. */
#define WEB_PATIENCE_WAIT_MAX 60
/* After so long without a wrong one all is forgotten. */
#define WEB_PATIENCE_QUIET_MS ((int64_t)10 * 60 * 1000)
#define WEB_PATIENCE_ADDRESSES 64

struct web_wrong {
	char address[INET6_ADDRSTRLEN];
	int64_t count, last_ms;
};

/* Zero-initialise it. */
struct web_patience {
	struct web_wrong all;
	/* below: private */
	struct web_wrong each[WEB_PATIENCE_ADDRESSES];
};

/* One more wrong token. Returns how many seconds to wait before the next, 0: none.
 * *is_news: it is worth a line in the log. */
int web_patience_try(struct web_patience *patience, const char *address, int64_t now_ms,
	bool *is_news);

#endif
