#include "script.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct vm_state vm;

	vm_start(&vm, data, len);
	vm_run(&vm);
	return 0;
}
