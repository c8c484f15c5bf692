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
/* Where AddressSanitizer is about to report something, asked from a function that stands in
 * for its own; pc and stack as it was told. */
uint64_t place_report_key(uintptr_t pc, uintptr_t stack);

/* A bad access that AddressSanitizer is about to report: may not return. */
typedef void (*report_cb)(uintptr_t pc, uintptr_t stack);

/* From now on it asks first. False: this build has no such place, or nobody may write to
 * its code. */
bool report_take(const struct target *target, report_cb ask);

/* Where the stack ended then. */
uintptr_t place_stack(const ucontext_t *context);

#endif
