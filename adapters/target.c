#include "adapters/target.h"

#include <string.h>

#include "adapters/load.h"

#include "base/banned.h"

#define TARGETS_MAX 1000
#define MAX_LEN_MAX (16 << 20)

static const struct adapter_rule binary_rule = {
	"^[A-Za-z0-9_+][A-Za-z0-9_.+-]{0,99}$",
	"a file name of letters, digits, '_', '.', '+' and '-'",
};
static const struct adapter_rule glob_rule = {
	"^[A-Za-z0-9_.+*?-]{1,100}$",
	"a pattern for file names, of letters, digits, '_', '.', '+', '-', '*' and '?'",
};

const struct adapter_target adapter_target_defaults = {
	.max_len = 4096,
	.timeout_s = 10,
	.rss_limit_mb = 2048,
	.disk_limit_mb = 4096,
	.is_network = false,
	.check_leaks = true,
};

static int load_limits(struct adapter_load *load, const json_t *obj,
	const struct iw_json_at *at, struct adapter_target *target)
{
	const struct adapter_target *d = &adapter_target_defaults;
	int rc = iw_json_int_or(obj, at, "max_len", 1, MAX_LEN_MAX, d->max_len,
		&target->max_len, load->err);

	if (rc == 0)
		rc = iw_json_int_or(obj, at, "timeout_s", 1, 3600, d->timeout_s,
			&target->timeout_s, load->err);
	if (rc == 0)
		rc = iw_json_int_or(obj, at, "rss_limit_mb", 64, 1 << 20, d->rss_limit_mb,
			&target->rss_limit_mb, load->err);
	if (rc == 0)
		rc = iw_json_int_or(obj, at, "disk_limit_mb", 16, 1 << 20,
			d->disk_limit_mb, &target->disk_limit_mb, load->err);
	if (rc == 0)
		rc = iw_json_bool_or(obj, at, "network", d->is_network,
			&target->is_network, load->err);
	if (rc == 0)
		rc = iw_json_bool_or(obj, at, "leaks", d->check_leaks,
			&target->check_leaks, load->err);
	return rc;
}

static int load_target(struct adapter_load *load, const json_t *obj,
	const struct iw_json_at *at, struct adapter_target *target)
{
	static const char *const fields[] = {"name", "binary", "max_len", "timeout_s",
		"rss_limit_mb", "disk_limit_mb", "network", "leaks", NULL};
	int rc;

	if (!json_is_object(obj))
		return iw_json_fail(at, load->err, "expected an object");
	rc = iw_json_known(obj, at, fields, load->err);
	if (rc == 0)
		rc = adapter_load_str(
			load, obj, at, "name", &adapter_name_rule, NULL, &target->name);
	if (rc == 0)
		rc = adapter_load_str(load, obj, at, "binary", &binary_rule, target->name,
			&target->binary);
	return rc < 0 ? rc : load_limits(load, obj, at, target);
}

/* The last of the targets must not be one of those before it. */
static int check_twins(struct adapter_load *load, const struct iw_json_at *at,
	const struct adapter_target *targets, size_t last)
{
	size_t i;

	for (i = 0; i < last; i++) {
		struct iw_json_at name_at = {.up = at, .name = "name"};
		struct iw_json_at binary_at = {.up = at, .name = "binary"};

		if (strcmp(targets[i].name, targets[last].name) == 0)
			return iw_json_fail(&name_at, load->err,
				"'%s' is the name of targets[%zu] already",
				targets[last].name, i);
		if (strcmp(targets[i].binary, targets[last].binary) == 0)
			return iw_json_fail(&binary_at, load->err,
				"'%s' is the binary of targets[%zu] already",
				targets[last].binary, i);
	}
	return 0;
}

int adapter_load_targets(struct adapter_load *load, const json_t *obj)
{
	struct iw_json_at here = {.up = &load->top, .name = "targets"};
	struct adapter *adapter = load->adapter;
	struct adapter_target *targets;
	json_t *array;
	size_t i, n;
	int rc = adapter_load_str(
		load, obj, &load->top, "discover", &glob_rule, "", &adapter->discover);

	if (rc == 0)
		rc = iw_json_array(obj, &load->top, "targets", adapter->discover ? 0 : 1,
			&array, load->err);
	if (rc < 0)
		return rc;
	n = json_array_size(array);
	if (n > TARGETS_MAX)
		return iw_json_fail(&here, load->err, "expected at most %d, found %zu",
			TARGETS_MAX, n);
	targets = iw_arena_alloc(load->arena, (n + 1) * sizeof *targets);
	for (i = 0; rc == 0 && i < n; i++) {
		struct iw_json_at at = {.up = &here, .index = (int)i};

		rc = load_target(load, json_array_get(array, i), &at, &targets[i]);
		if (rc == 0)
			rc = check_twins(load, &at, targets, i);
	}
	adapter->targets = targets;
	adapter->target_count = n;
	return rc;
}

const struct adapter_target *adapter_target_find(
	const struct adapter *adapter, const char *name)
{
	size_t i;

	for (i = 0; i < adapter->target_count; i++)
		if (strcmp(adapter->targets[i].name, name) == 0)
			return &adapter->targets[i];
	return NULL;
}
