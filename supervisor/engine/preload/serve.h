/* A driver that is asked for one batch after the other, see `serve` in driver_format.h. */
#ifndef IW_PRELOAD_SERVE_H
#define IW_PRELOAD_SERVE_H

#include <stdbool.h>

/* Takes stdin and stdout away before the target could read or write there. */
void serve_open(void);
/* Waits for the next question. False: there will be none, or SIGTERM came. */
bool serve_await(void);
/* Says that the result is whole. */
void serve_answer(void);

#endif
