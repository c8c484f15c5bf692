/* One fuzz target of an adapter: what adapter.json says about it. */
#ifndef ADAPTERS_TARGET_H
#define ADAPTERS_TARGET_H

#include <stdbool.h>
#include <stdint.h>

struct adapter_target {
	const char *name;     /* [a-z0-9_-]+, unique in its adapter */
	const char *binary;   /* a file name in $OUT; the target's name by default */
	int64_t max_len;      /* bytes; default 4,096 */
	int64_t timeout_s;    /* for one unit; default 10 */
	int64_t rss_limit_mb; /* default 2,048 */
	bool is_network;      /* its units come from strangers; default no */
	bool check_leaks;     /* default yes */
};

#endif
