/* What the files that load adapter.json share. Not for others. */
#ifndef ADAPTERS_LOAD_H
#define ADAPTERS_LOAD_H

#include <stdbool.h>

#include "adapters/adapter.h"
#include "base/json.h"
#include "base/mem.h"

/* A rule for a string; the same expression stands in schema.json. */
struct adapter_rule {
	const char *pattern; /* POSIX extended, anchored */
	const char *expected;
};

extern const struct adapter_rule adapter_name_rule;
bool adapter_rule_holds(const struct adapter_rule *rule, const char *s);

/* One loading; everything that it makes lives in the arena. */
struct adapter_load {
	struct adapter *adapter;
	struct iw_arena *arena;
	struct iw_json_at top;
	struct iw_err *err;
};

/* A string field that follows a rule (NULL: any), copied. fallback NULL makes it
 * required; the fallback "" reads as NULL. */
int adapter_load_str(struct adapter_load *load, const json_t *obj,
	const struct iw_json_at *at, const char *field, const struct adapter_rule *rule,
	const char *fallback, const char **out);

/* The parts of the document; parameters before the source, which uses them. */
int adapter_load_params(
	struct adapter_load *load, const json_t *obj, const char *overrides);
int adapter_load_source(struct adapter_load *load, const json_t *obj);
int adapter_load_build(struct adapter_load *load, const json_t *obj);
int adapter_load_targets(struct adapter_load *load, const json_t *obj);
int adapter_load_target_files(struct adapter_load *load, const json_t *obj);

#endif
