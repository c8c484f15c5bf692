#include <stdio.h>

#include "message.h"
#include "settings.h"

enum { FILE_MAX = 65536 };

static size_t read_file(const char *path, char *bytes)
{
	FILE *file = fopen(path, "rb");
	size_t len;

	if (!file)
		return 0;
	len = fread(bytes, 1, FILE_MAX, file);
	fclose(file);
	return len;
}

/* node SETTINGS MESSAGES: shows what a recorded conversation with a peer tells us. */
int main(int argc, char **argv)
{
	static char bytes[FILE_MAX];
	struct msg_session peer;
	struct conf_state conf;
	struct cur_reader in;
	bool fine;

	if (argc != 3) {
		fprintf(stderr, "usage: node SETTINGS MESSAGES\n");
		return 2;
	}
	if (!conf_read(&conf, bytes, read_file(argv[1], bytes))) {
		fprintf(stderr, "node: bad settings in '%s'\n", argv[1]);
		return 1;
	}
	msg_session_init(&peer);
	cur_start(&in, (const uint8_t *)bytes, read_file(argv[2], bytes));
	fine = msg_session_feed(&peer, &in);
	printf("%s: %u pings, %u headers, agent %s\n", conf.name, peer.pings, peer.headers,
	       peer.agent ? peer.agent : "unknown");
	msg_session_fini(&peer);
	return fine ? 0 : 1;
}
