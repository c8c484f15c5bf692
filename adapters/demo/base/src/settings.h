#ifndef SETTINGS_H
#define SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

enum {
	CONF_WORD_MAX = 64,
};

struct conf_state {
	unsigned int port;
	unsigned int peers_max;
	char name[CONF_WORD_MAX];

	/* Of the lines "peer.NAME=PORT". */
	unsigned int fixed_peers;
	unsigned int fixed_ports;
};

/* Reads lines "key=value"; "#" starts a comment. False at the first bad line. */
bool conf_read(struct conf_state *conf, const char *text, size_t len);

#endif
