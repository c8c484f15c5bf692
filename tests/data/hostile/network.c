/* Calls the host and the world. */
#include "deed.h"

static void call(const char *host, int port)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	inet_pton(AF_INET, host, &to.sin_addr);
	if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0)
		deed_succeeded(host);
	close(fd);
}

static void deed(void)
{
	call("127.0.0.1", PORT);
	call("8.8.8.8", 53);
}
