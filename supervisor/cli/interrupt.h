/*
 * SIGINT and SIGTERM as a callback on the loop: jobs have keepers, which would go on
 * without us, so whoever starts some ends them first. Thread: the loop.
 */
#ifndef IW_CLI_INTERRUPT_H
#define IW_CLI_INTERRUPT_H

#include "base/loop.h"

struct cli_interrupt;
typedef void (*cli_interrupt_cb)(void *ctx);

/* cb may come more than once. */
struct cli_interrupt *cli_interrupt_new(
	struct iw_loop *loop, cli_interrupt_cb cb, void *ctx);
/* From then on a signal ends the process, as usual. NULL is fine. */
void cli_interrupt_free(struct cli_interrupt *interrupt);

#endif
