/*
 * The functions are in the executable, called directly, so no library can stand in for
 * them: the first instruction of each becomes a return. The pages are private to this
 * process, and the file is not touched.
 */
#include "engine/preload/traces.h"

#include <string.h>
#include <sys/mman.h>

#include "base/banned.h"

#if defined(__x86_64__)
static const uint8_t instruction[] = {0xc3}; /* ret */
#elif defined(__aarch64__)
static const uint8_t instruction[] = {0xc0, 0x03, 0x5f, 0xd6}; /* ret */
#else
static const uint8_t instruction[0];
#endif

#define PREFIX "__sanitizer_cov_trace_"

bool trace_is_name(const char *name)
{
	/* Not __sanitizer_cov_trace_pc and its like, which are coverage. */
	static const char *const rests[] = {
		"cmp", "const_cmp", "switch", "div", "gep", "pc_indir"};

	if (strncmp(name, PREFIX, strlen(PREFIX)) != 0)
		return false;
	name += strlen(PREFIX);
	for (size_t i = 0; i < sizeof(rests) / sizeof(rests[0]); i++)
		if (strncmp(name, rests[i], strlen(rests[i])) == 0)
			return true;
	return false;
}

/* mprotect() by itself: the runtimes have one of their own. */
static bool page_protect(uintptr_t page, size_t size, int how)
{
	return syscall(SYS_mprotect, page, size, how) == 0;
}

void traces_silence(const struct target *target)
{
	size_t size = (size_t)sysconf(_SC_PAGESIZE);

	for (size_t i = 0; i < target->trace_count; i++) {
		uint8_t *code = target->traces[i];
		uintptr_t page = (uintptr_t)code & ~(uintptr_t)(size - 1);

		/* An instruction does not lie across two pages: one byte, or aligned. */
		if (!page_protect(page, size, PROT_READ | PROT_WRITE | PROT_EXEC))
			return;
		for (size_t k = 0; k < sizeof(instruction); k++)
			((volatile uint8_t *)code)[k] = instruction[k];
		page_protect(page, size, PROT_READ | PROT_EXEC);
		__builtin___clear_cache((char *)code, (char *)code + sizeof(instruction));
	}
}
