#include "cli/interrupt.h"

#include <signal.h>

#include "base/mem.h"

#include "base/banned.h"

static void on_signal(uv_signal_t *handle, int number)
{
	struct cli_interrupt *interrupt = handle->data;

	(void)number;
	interrupt->cb(interrupt->ctx);
}

void cli_interrupt_start(struct cli_interrupt *interrupt, struct iw_loop *loop,
	cli_interrupt_cb cb, void *ctx)
{
	static const int numbers[] = {SIGINT, SIGTERM};
	size_t i;

	interrupt->cb = cb;
	interrupt->ctx = ctx;
	for (i = 0; i < IW_COUNT(numbers); i++) {
		uv_signal_init(&loop->uv, &interrupt->handles[i]);
		interrupt->handles[i].data = interrupt;
		uv_signal_start(&interrupt->handles[i], on_signal, numbers[i]);
	}
	interrupt->is_watching = true;
}

void cli_interrupt_stop(struct cli_interrupt *interrupt)
{
	size_t i;

	for (i = 0; interrupt->is_watching && i < IW_COUNT(interrupt->handles); i++)
		uv_close((uv_handle_t *)&interrupt->handles[i], NULL);
	interrupt->is_watching = false;
}
