/*
 * What a service works on: the words of its command line, or DIR/ironworks.json:
 *
 *	{"cores": 4, "adapters": [{"adapter": "demo", "parameters": {"seed": "7"}},
 *	                          {"adapter": "/srv/adapters/node"}]}
 *
 * "cores" may be missing (all), parameters too. Blocks; reads one small file.
 */
#ifndef IW_CONFIG_H
#define IW_CONFIG_H

#include <stddef.h>

#include "base/err.h"

struct iw_config {
	char **adapters; /* as adapter_parse_arg() takes them apart; NULL-terminated */
	size_t count;
	int cores; /* 0: all */
};

/* The caller ends it with iw_config_fini(), also after an error. The error names file and
 * place. IW_ENOENT: there is no such file. */
int iw_config_load(const char *dir, struct iw_config *config, struct iw_err *err);
/* The same from words, which are copied. */
void iw_config_words(const char *const *adapters, int cores, struct iw_config *config);
void iw_config_fini(struct iw_config *config);

/* $XDG_CONFIG_HOME/ironworks or ~/.config/ironworks when there is a configuration in it,
 * else /etc/ironworks. The caller frees. */
char *iw_config_default_dir(void);

#endif
