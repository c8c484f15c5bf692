/* A frame in the form in which the runtimes print it when nobody knows names: module and
 * offset. For handlers; the modules were looked up before. */
#ifndef IW_PRELOAD_FRAME_H
#define IW_PRELOAD_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Not from a handler that may have struck the loader. Again: what was loaded since, too. */
void frame_modules_find(void);
/* Whether it lies in the code of a module. */
bool frame_is_known(uintptr_t pc);
/* To stderr, a line as AddressSanitizer writes it when it has no symbolizer. */
void frame_print(size_t number, uintptr_t pc);

#endif
