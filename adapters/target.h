/* One fuzz target of an adapter: what adapter.json says about it. */
#ifndef ADAPTERS_TARGET_H
#define ADAPTERS_TARGET_H

#include <stdbool.h>
#include <stdint.h>

struct adapter_target {
	const char *name;      /* [a-z0-9_-]+, unique in its adapter */
	const char *binary;    /* a file name in $OUT; the target's name by default */
	int64_t max_len;       /* bytes */
	int64_t timeout_s;     /* for one unit */
	int64_t rss_limit_mb;  /* see target_run.h for what a sanitizer adds */
	int64_t disk_limit_mb; /* what one of its jobs may write in all */
	bool is_network;       /* its units come from strangers */
	bool check_leaks;
	/* Of a program that somebody gave to the command line and that is no libFuzzer
	 * target: how it takes an input, as engine/program.h reads it. NULL: it is one. */
	const char *const *args;
};

/* A target about which adapter.json says nothing but its program: what the loader's
 * defaults are, and what a discovered target has. name and binary are NULL. */
extern const struct adapter_target adapter_target_defaults;

#endif
