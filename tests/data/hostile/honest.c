/* One that does nothing wrong: the farm must go on with it. */
#include <stddef.h>
#include <stdint.h>

static volatile int sink;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 2 && data[0] == 'a' && data[1] == 'b')
		sink = data[2] > 'c' ? 1 : 2;
	return 0;
}
