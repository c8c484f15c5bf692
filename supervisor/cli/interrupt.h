/*
 * SIGINT and SIGTERM as a callback on the loop: jobs have keepers, which would go on
 * without us, so whoever starts some ends them first. Thread: the loop.
 */
#ifndef IW_CLI_INTERRUPT_H
#define IW_CLI_INTERRUPT_H

#include <stdbool.h>

#include "base/loop.h"

typedef void (*cli_interrupt_cb)(void *ctx);

struct cli_interrupt {
	/* below: private */
	uv_signal_t handles[2];
	cli_interrupt_cb cb;
	void *ctx;
	bool is_watching;
};

/* cb may come more than once. The struct lives until the loop has run after stop. */
void cli_interrupt_start(struct cli_interrupt *interrupt, struct iw_loop *loop,
	cli_interrupt_cb cb, void *ctx);
/* From then on a signal ends the process, as usual. Again, or without a start: nothing. */
void cli_interrupt_stop(struct cli_interrupt *interrupt);

#endif
