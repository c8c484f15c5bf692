#include "adapters/adapter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/load.h"
#include "adapters/locate.h"
#include "adapters/suppressions.h"
#include "base/buf.h"
#include "base/file.h"
#include "sanitizers/flavour.h"

#include "base/banned.h"

#define TITLE_MAX 200

static int load_title(struct adapter_load *load, const json_t *obj)
{
	struct iw_json_at here = {.up = &load->top, .name = "title"};
	const unsigned char *p;
	size_t count = 0;
	int rc = adapter_load_str(
		load, obj, &load->top, "title", NULL, NULL, &load->adapter->title);

	if (rc < 0)
		return rc;
	for (p = (const unsigned char *)load->adapter->title; *p; p++) {
		if (*p < 0x20 || *p == 0x7f)
			return iw_json_fail(&here, load->err,
				"expected one line without control characters");
		count += (*p & 0xc0) != 0x80;
	}
	if (count > TITLE_MAX)
		return iw_json_fail(&here, load->err,
			"expected at most %d characters, found %zu", TITLE_MAX, count);
	return 0;
}

static int unknown_flavour(
	struct adapter_load *load, const struct iw_json_at *at, const char *name)
{
	struct iw_buf known = {0};
	size_t i, count;
	const struct san_flavour *all = san_flavours(&count);
	int rc;

	for (i = 0; i < count; i++)
		iw_buf_addf(&known, "%s%s", i ? ", " : "", all[i].name);
	rc = iw_json_fail(at, load->err, "'%.60s' is no flavour; there are: %s", name,
		known.data ? known.data : "none");
	iw_buf_fini(&known);
	return rc;
}

static bool is_listed(const char *const *names, size_t count, const char *name)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

static int load_flavours(struct adapter_load *load, const json_t *obj)
{
	struct iw_json_at here = {.up = &load->top, .name = "flavours"};
	const char **names;
	json_t *array;
	size_t i, n;
	int rc = iw_json_array(obj, &load->top, "flavours", 1, &array, load->err);

	if (rc < 0)
		return rc;
	n = json_array_size(array);
	/* Bounded by the document, and stops at the first that is unknown or double. */
	names = iw_arena_alloc(load->arena, (n + 1) * sizeof *names);
	for (i = 0; i < n; i++) {
		struct iw_json_at at = {.up = &here, .index = (int)i};
		const char *name = json_string_value(json_array_get(array, i));

		if (!name)
			return iw_json_fail(&at, load->err, "expected a flavour's name");
		if (!san_flavour_find(name))
			return unknown_flavour(load, &at, name);
		if (is_listed(names, i, name))
			return iw_json_fail(&at, load->err, "'%s' is listed twice", name);
		names[i] = iw_arena_strdup(load->arena, name);
	}
	if (!is_listed(names, n, ADAPTER_REFERENCE))
		return iw_json_fail(&here, load->err,
			"'" ADAPTER_REFERENCE
			"', on which units are measured, must be listed");
	load->adapter->flavours = names;
	load->adapter->flavour_count = n;
	return 0;
}

static int load_msan(struct adapter_load *load, const json_t *obj)
{
	struct iw_json_at here = {.up = &load->top, .name = "msan"};
	const char *word;
	int rc = iw_json_str_or(obj, &load->top, "msan", "", &word, load->err);

	if (rc < 0 || !json_object_get(obj, "msan"))
		return rc;
	if (strcmp(word, "build-only") == 0)
		load->adapter->msan = ADAPTER_MSAN_BUILD_ONLY;
	else if (strcmp(word, "instrumented") == 0)
		load->adapter->msan = ADAPTER_MSAN_INSTRUMENTED;
	else
		return iw_json_fail(
			&here, load->err, "expected \"build-only\" or \"instrumented\"");
	return 0;
}

static int load_document(
	struct adapter_load *load, const json_t *obj, const char *overrides)
{
	static const char *const fields[] = {"$schema", "name", "title", "parameters",
		"source", "build", "flavours", "msan", "targets", "discover",
		"target_files", NULL};
	struct adapter *adapter = load->adapter;
	const char *schema;
	int rc;

	if (!json_is_object(obj))
		return iw_json_fail(&load->top, load->err, "expected an object");
	rc = iw_json_known(obj, &load->top, fields, load->err);
	if (rc == 0) /* for editors; we have no use for it */
		rc = iw_json_str_or(obj, &load->top, "$schema", "", &schema, load->err);
	if (rc == 0)
		rc = adapter_load_str(load, obj, &load->top, "name", &adapter_name_rule,
			NULL, &adapter->name);
	if (rc == 0)
		rc = load_title(load, obj);
	if (rc == 0)
		rc = adapter_load_params(load, obj, overrides);
	if (rc == 0)
		rc = adapter_load_source(load, obj);
	if (rc == 0)
		rc = adapter_load_build(load, obj);
	if (rc == 0)
		rc = load_flavours(load, obj);
	if (rc == 0)
		rc = load_msan(load, obj);
	if (rc == 0)
		rc = adapter_load_targets(load, obj);
	if (rc == 0)
		rc = adapter_load_target_files(load, obj);
	return rc;
}

static int load_dir(struct adapter *adapter, const char *dir, const char *overrides,
	struct iw_err *err)
{
	_auto_free_ char *file = iw_path_join(dir, "adapter.json");
	_auto_free_ char *real = realpath(dir, NULL);
	_auto_(iw_json_freep) json_t *json = NULL;
	struct adapter_load load = {
		.adapter = adapter,
		.arena = adapter->arena,
		.top = {.name = file},
		.err = err,
	};
	int rc;

	if (!real)
		return iw_err_errno(err, errno, "cannot find adapter folder '%s'", dir);
	adapter->dir = iw_arena_strdup(adapter->arena, real);
	rc = iw_json_load(file, &json, err);
	if (rc == 0)
		rc = load_document(&load, json, overrides);
	return rc < 0 ? rc : suppressions_check(dir, err);
}

int adapter_load(const char *where, const char *overrides, struct adapter **out,
	struct iw_err *err)
{
	_auto_(adapter_freep) struct adapter *adapter = NULL;
	_auto_free_ char *dir = NULL;
	int rc = adapter_locate(where, &dir, err);

	if (rc < 0)
		return rc;
	adapter = iw_calloc(1, sizeof *adapter);
	adapter->arena = iw_arena_new();
	rc = load_dir(adapter, dir, overrides, err);
	if (rc == 0)
		*out = iw_steal(&adapter);
	return rc;
}

void adapter_free(struct adapter *adapter)
{
	if (!adapter)
		return;
	iw_arena_free(adapter->arena);
	free(adapter);
}

void adapter_freep(struct adapter **adapter)
{
	adapter_free(*adapter);
}
