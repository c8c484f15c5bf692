/* Output without an end. */
#include "deed.h"

static void deed(void)
{
	static char text[1 << 20];

	memset(text, 'x', sizeof text);
	for (;;)
		if (write(STDERR_FILENO, text, sizeof text) < 0)
			return;
}
