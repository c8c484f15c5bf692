/* How people write an adapter: 'demo', './demo:seed=7'. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/adapter.h"
#include "base/mem.h"

#include "base/banned.h"

/* "seed=…": what follows the colon of an argument. */
static bool is_assignment(const char *s)
{
	size_t len = strspn(s, ADAPTER_NAME_CHARS);

	return len > 0 && s[len] == '=';
}

int adapter_parse_arg(const char *arg, char **where, char **overrides, struct iw_err *err)
{
	const char *colon, *last = strrchr(arg, ':');

	for (colon = strchr(arg, ':'); colon; colon = strchr(colon + 1, ':'))
		if (is_assignment(colon + 1))
			break;
	if (!colon && last && !strchr(last, '/'))
		return iw_err_set(err, IW_EINVAL,
			"'%s': expected PARAM=VALUE after the colon, as in 'demo:seed=7'",
			arg);
	if (colon == arg || !*arg)
		return iw_err_set(err, IW_EINVAL,
			"'%s': expected an adapter, as in 'demo' or './demo:seed=7'",
			arg);
	*where = colon ? iw_strndup(arg, (size_t)(colon - arg)) : iw_strdup(arg);
	*overrides = colon ? iw_strdup(colon + 1) : NULL;
	return 0;
}

int adapter_load_arg(const char *arg, struct adapter **out, struct iw_err *err)
{
	_auto_free_ char *where = NULL, *overrides = NULL;
	struct iw_err why;
	int rc = adapter_parse_arg(arg, &where, &overrides, err);

	if (rc == 0)
		rc = adapter_load(where, overrides, out, err);
	if (rc == 0)
		return 0;
	why = *err;
	if (why.code == IW_EINVAL)
		return iw_err_set(err, why.code,
			"%s; mend it until 'ironworks adapter check %s' is content",
			why.msg, arg);
	if (strchr(arg, '/'))
		return iw_err_set(err, why.code,
			"%s; name a folder that holds an adapter.json", why.msg);
	return rc;
}

char *adapter_arg(const struct adapter *adapter)
{
	return iw_fmt("%s%s%s", adapter->dir, *adapter->parameters ? ":" : "",
		adapter->parameters);
}

int adapter_check_once(struct adapter *const *all, size_t count, struct iw_err *err)
{
	const struct adapter *last = all[count - 1];
	size_t i;

	for (i = 0; i + 1 < count; i++)
		if (strcmp(all[i]->name, last->name) == 0)
			return iw_err_set(err, IW_EINVAL,
				"adapter '%s' is there twice, in '%s' and in '%s': name "
				"it once",
				last->name, all[i]->dir, last->dir);
	return 0;
}
