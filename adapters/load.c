/* Rules for strings, and strings that follow them. */
#include "adapters/load.h"

#include <regex.h>
#include <stdlib.h>

#include "base/banned.h"

const struct adapter_rule adapter_name_rule = {
	"^[a-z0-9_][a-z0-9_-]{0,39}$",
	"a name of a-z, 0-9, '_' and '-' with at most 40 characters",
};

bool adapter_rule_holds(const struct adapter_rule *rule, const char *s)
{
	regex_t regex;
	bool is_match;

	if (regcomp(&regex, rule->pattern, REG_EXTENDED | REG_NOSUB) != 0)
		abort(); /* the patterns are ours */
	is_match = regexec(&regex, s, 0, NULL, 0) == 0;
	regfree(&regex);
	return is_match;
}

int adapter_load_str(struct adapter_load *load, const json_t *obj,
	const struct iw_json_at *at, const char *field, const struct adapter_rule *rule,
	const char *fallback, const char **out)
{
	struct iw_json_at here = {.up = at, .name = field};
	const char *value;
	int rc = fallback ? iw_json_str_or(obj, at, field, fallback, &value, load->err)
			  : iw_json_str(obj, at, field, &value, load->err);

	if (rc < 0)
		return rc;
	if (rule && value != fallback && !adapter_rule_holds(rule, value))
		return iw_json_fail(
			&here, load->err, "'%.100s': expected %s", value, rule->expected);
	*out = *value ? iw_arena_strdup(load->arena, value) : NULL;
	return 0;
}
