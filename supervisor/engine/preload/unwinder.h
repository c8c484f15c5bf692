/* libgcc's unwinder, for signal handlers: what they may use of it was used before. */
#ifndef IW_PRELOAD_UNWINDER_H
#define IW_PRELOAD_UNWINDER_H

#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <ucontext.h>
#include <unwind.h>

struct unwinder {
	_Unwind_Reason_Code (*walk)(_Unwind_Trace_Fn, void *);
	_Unwind_Ptr (*pc)(struct _Unwind_Context *);
	_Unwind_Word (*cfa)(struct _Unwind_Context *);
};

/* Not from a handler. False: there is none. */
bool unwinder_find(struct unwinder *unwinder);

/* What a signal interrupted; 0 on machines that we do not know. */
uintptr_t unwinder_struck(const ucontext_t *context);

struct range {
	uintptr_t begin, end;
};

static inline bool range_has(const struct range *r, uintptr_t at)
{
	return at >= r->begin && at < r->end;
}

/* Where the code of a module lies; empty when it has none. */
struct range range_of_code(const struct dl_phdr_info *info);

#endif
