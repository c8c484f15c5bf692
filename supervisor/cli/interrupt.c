#include "cli/interrupt.h"

#include <signal.h>
#include <stdlib.h>

#include "base/mem.h"

#include "base/banned.h"

static const int numbers[] = {SIGINT, SIGTERM};

/* It outlives its owner until the loop has closed its handles. */
struct cli_interrupt {
	uv_signal_t handles[IW_COUNT(numbers)];
	size_t closed;
	cli_interrupt_cb cb;
	void *ctx;
};

static void on_signal(uv_signal_t *handle, int number)
{
	struct cli_interrupt *interrupt = handle->data;

	(void)number;
	interrupt->cb(interrupt->ctx);
}

struct cli_interrupt *cli_interrupt_new(
	struct iw_loop *loop, cli_interrupt_cb cb, void *ctx)
{
	struct cli_interrupt *interrupt = iw_calloc(1, sizeof *interrupt);
	size_t i;

	interrupt->cb = cb;
	interrupt->ctx = ctx;
	for (i = 0; i < IW_COUNT(numbers); i++) {
		uv_signal_init(&loop->uv, &interrupt->handles[i]);
		interrupt->handles[i].data = interrupt;
		uv_signal_start(&interrupt->handles[i], on_signal, numbers[i]);
	}
	return interrupt;
}

static void on_closed(uv_handle_t *handle)
{
	struct cli_interrupt *interrupt = handle->data;

	if (++interrupt->closed == IW_COUNT(numbers))
		free(interrupt);
}

void cli_interrupt_free(struct cli_interrupt *interrupt)
{
	size_t i;

	for (i = 0; interrupt && i < IW_COUNT(numbers); i++)
		uv_close((uv_handle_t *)&interrupt->handles[i], on_closed);
}
