/*
 * A farm in the foreground, for the person who waits: what it says, and on a terminal a
 * table that stands below that; elsewhere a line now and then. On stderr.
 */
#ifndef IW_CLI_WATCH_H
#define IW_CLI_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "farm.h"

/* Zero-initialise with whose; ctx of the functions below, or the first thing in it. */
struct cli_watch {
	const char *whose; /* stands before each sentence; NULL: nothing does */
	/* below: private */
	int lines; /* of the table that stands on the terminal now */
	int64_t plain_at;
};

/* For struct iw_daemon_events. */
void cli_watch_say(void *ctx, const char *text);
void cli_watch_look(void *ctx, const struct farm_view *view);
/* No table stands there any more. */
void cli_watch_erase(struct cli_watch *watch);

/* What triage may take after so long a time of fuzzing. */
int64_t cli_watch_drain_ms(int64_t fuzz_ms);
/* And the look at lines; 0: none. */
int64_t cli_watch_cover_ms(int64_t fuzz_ms);

#endif
