#include "engine/preload/unwinder.h"

#include <dlfcn.h>
#include <stddef.h>

#include "base/banned.h"

static _Unwind_Reason_Code pass_over(struct _Unwind_Context *context, void *unused)
{
	(void)context;
	(void)unused;
	return _URC_NO_REASON;
}

/* Not linked: the runtimes of a target may bring unwinders of their own. */
bool unwinder_find(struct unwinder *unwinder)
{
	void *library = dlopen("libgcc_s.so.1", RTLD_NOW | RTLD_LOCAL);

	if (!library)
		return false;
	*(void **)&unwinder->walk = dlsym(library, "_Unwind_Backtrace");
	*(void **)&unwinder->pc = dlsym(library, "_Unwind_GetIP");
	*(void **)&unwinder->cfa = dlsym(library, "_Unwind_GetCFA");
	if (!unwinder->walk || !unwinder->pc || !unwinder->cfa)
		return false;
	/* What it does the first time only, no handler may. */
	unwinder->walk(pass_over, NULL);
	return true;
}

uintptr_t unwinder_struck(const ucontext_t *context)
{
#if defined(__x86_64__)
	return (uintptr_t)context->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
	return (uintptr_t)context->uc_mcontext.pc;
#else
	(void)context;
	return 0;
#endif
}

struct range range_of_code(const struct dl_phdr_info *info)
{
	struct range r = {UINTPTR_MAX, 0};

	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		uintptr_t at = info->dlpi_addr + p->p_vaddr;

		if (p->p_type != PT_LOAD || !(p->p_flags & PF_X))
			continue;
		if (at < r.begin)
			r.begin = at;
		if (at + p->p_memsz > r.end)
			r.end = at + p->p_memsz;
	}
	return r;
}
