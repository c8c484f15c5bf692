/* The crash shield, see engine/shield_format.h: shield.c is its life, place.c its eyes. */
#ifndef IW_PRELOAD_SHIELD_H
#define IW_PRELOAD_SHIELD_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <ucontext.h>

#include "engine/preload/target.h"

typedef int (*main_cb)(int argc, char **argv, char **envp);

/* Stands in for the target's main, and calls that where it cannot work. */
int shield_main(main_cb target_main, int argc, char **argv, char **envp);

/* What unwinding needs, looked up while nothing has crashed. False: there is no unwinder. */
bool place_prepare(void);

/* Where a signal struck: a key, 0 when nothing within the executable is on the stack.
 * *in_allocator: malloc's own state may be half changed, and its lock held. */
uint64_t place_key(const siginfo_t *info, const ucontext_t *context, bool *in_allocator);
/* Where the stack ended then. */
uintptr_t place_stack(const ucontext_t *context);

#endif
