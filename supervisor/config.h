/*
 * What a service works on: the words of its command line, or DIR/ironworks.json:
 *
 *	{"cores": 4, "judge_within": "10m", "disk_budget": "200G",
 *	 "adapters": [{"adapter": "demo", "parameters": {"seed": "7"}},
 *	              {"adapter": "/srv/adapters/node", "follow": "5m"}]}
 *
 * "cores" may be missing (all), "disk_budget" ("none": no bound) and parameters too.
 * "judge_within": how long a unit may wait until a sanitizer has seen it; missing: ten
 * minutes. "follow": how often the branch is looked at; missing: as the command line
 * says. Blocks; reads one small file.
 */
#ifndef IW_CONFIG_H
#define IW_CONFIG_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define IW_FOLLOW_MIN_MS 10000
#define IW_JUDGE_MIN_MS 1000
#define IW_FOLLOW_AS_SAID (-1)

struct iw_config {
	char **adapters;    /* as adapter_parse_arg() takes them apart; NULL-terminated */
	int64_t *follow_ms; /* of each; 0: not followed */
	size_t count;
	int cores;		 /* 0: all */
	int64_t judge_within_ms; /* 0: as the farm does by itself */
	int64_t disk_budget;	 /* bytes, IW_BUDGET_NONE, or 0: nobody has said */
};

#define IW_BUDGET_NONE (-1)
/* Less than this builds nothing. */
#define IW_BUDGET_MIN ((int64_t)1 << 20)
/* "200G" or "none"; 0: it is neither. */
int64_t iw_config_budget(const char *text);

/* The caller ends it with iw_config_fini(), also after an error. The error names file and
 * place. IW_ENOENT: there is no such file. */
int iw_config_load(const char *dir, struct iw_config *config, struct iw_err *err);
/* The same from words, which are copied. */
void iw_config_words(const char *const *adapters, int cores, struct iw_config *config);
/* "5m" in milliseconds; -1: no time, or too short to follow a branch. */
int64_t iw_config_follow(const char *text);
void iw_config_fini(struct iw_config *config);

/* $XDG_CONFIG_HOME/ironworks or ~/.config/ironworks when there is a configuration in it,
 * else /etc/ironworks. The caller frees. */
char *iw_config_default_dir(void);

#endif
