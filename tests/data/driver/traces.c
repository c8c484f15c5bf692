/*
 * Says on stdout what the first byte of libFuzzer's compare callback is: the driver makes
 * it return at once, libFuzzer itself does not.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

void __sanitizer_cov_trace_const_cmp4(uint32_t a, uint32_t b);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *volatile code = (const uint8_t *)__sanitizer_cov_trace_const_cmp4;

	if (size >= 4 && data[0] + data[1] * 2 == 300)
		return 0;
	if (*code != 0xc3)
		puts("compares are told");
	fflush(stdout);
	return 0;
}
