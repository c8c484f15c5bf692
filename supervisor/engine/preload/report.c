/*
 * AddressSanitizer's reports. It sends no signal, and once it prints, it holds locks and
 * ends the process. So its function for bad accesses, which is in the executable, gets a
 * jump to one of ours for a first instruction. Ours asks; when the answer comes back, the
 * code is as it was again, and it reports as if we were not there.
 *
 * What frees twice, or frees what is no allocation, is reported by others from within the
 * allocator, and is left to them.
 */
#include <string.h>
#include <sys/mman.h>

#include "engine/preload/shield.h"

#include "base/banned.h"

/* Its name in the symbol table tells the types; a version with others is left alone. */
typedef void (*generic_cb)(uintptr_t pc, uintptr_t bp, uintptr_t sp, uintptr_t address,
	bool is_write, uintptr_t size, uint32_t experiment, bool is_fatal);

#if defined(__x86_64__)
/* mov rax, ours; jmp rax */
#define CODE_SIZE 12
#define CODE                                                                             \
	{                                                                                \
		0x48, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xe0                           \
	}
#define CODE_ADDRESS 2
#elif defined(__aarch64__)
/* ldr x16, +8; br x16 */
#define CODE_SIZE 16
#define CODE                                                                             \
	{                                                                                \
		0x50, 0, 0, 0x58, 0, 0x02, 0x1f, 0xd6, 0, 0, 0, 0, 0, 0, 0, 0            \
	}
#define CODE_ADDRESS 8
#endif

#ifdef CODE_SIZE
static generic_cb original;
static uint8_t saved[CODE_SIZE];
static report_cb ask_first;

static bool code_write(const uint8_t code[static CODE_SIZE])
{
	uintptr_t mask = (uintptr_t)sysconf(_SC_PAGESIZE) - 1;
	uintptr_t at = (uintptr_t)original, page = at & ~mask;
	size_t size = ((at + CODE_SIZE + mask) & ~mask) - page;

	if (syscall(SYS_mprotect, page, size, PROT_READ | PROT_WRITE | PROT_EXEC) != 0)
		return false;
	for (size_t i = 0; i < CODE_SIZE; i++)
		((volatile uint8_t *)at)[i] = code[i];
	syscall(SYS_mprotect, page, size, PROT_READ | PROT_EXEC);
	__builtin___clear_cache((char *)at, (char *)at + CODE_SIZE);
	return true;
}

static void on_report(uintptr_t pc, uintptr_t bp, uintptr_t sp, uintptr_t address,
	bool is_write, uintptr_t size, uint32_t experiment, bool is_fatal)
{
	ask_first(pc, sp);
	code_write(saved);
	original(pc, bp, sp, address, is_write, size, experiment, is_fatal);
}

bool report_take(const struct target *target, report_cb ask)
{
	uint8_t code[CODE_SIZE] = CODE;
	generic_cb ours = on_report;

	if (!target->asan_report)
		return false;
	*(void **)&original = target->asan_report;
	ask_first = ask;
	memcpy(saved, target->asan_report, CODE_SIZE);
	memcpy(code + CODE_ADDRESS, &ours, sizeof(ours));
	return code_write(code);
}
#else
bool report_take(const struct target *target, report_cb ask)
{
	(void)target;
	(void)ask;
	return false;
}
#endif
