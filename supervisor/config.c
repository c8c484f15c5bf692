#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/size.h"
#include "base/time.h"

#include "base/banned.h"

#define FILE_NAME "ironworks.json"
#define CORES_MAX 4096

int64_t iw_config_follow(const char *text)
{
	int64_t ms = iw_time_parse(text);

	return ms >= IW_FOLLOW_MIN_MS ? ms : -1;
}

int64_t iw_config_budget(const char *text)
{
	int64_t bytes = iw_size_parse(text);

	if (strcmp(text, "none") == 0)
		return IW_BUDGET_NONE;
	return bytes >= IW_BUDGET_MIN ? bytes : 0;
}

static void add_adapter(struct iw_config *config, char *takes, int64_t follow_ms)
{
	/* One NULL stays behind the last. */
	config->adapters = iw_reallocarray(
		config->adapters, config->count + 2, sizeof *config->adapters);
	config->follow_ms = iw_reallocarray(
		config->follow_ms, config->count + 1, sizeof *config->follow_ms);
	config->follow_ms[config->count] = follow_ms;
	config->adapters[config->count++] = takes;
	config->adapters[config->count] = NULL;
}

/* ":seed=7,size=3". */
static int add_parameters(json_t *parameters, const struct iw_json_at *at,
	struct iw_buf *word, struct iw_err *err)
{
	const char *name;
	json_t *value;
	bool is_first = true;

	json_object_foreach (parameters, name, value) {
		const char *text = json_string_value(value);
		struct iw_json_at here = {.up = at, .name = name};

		if (!text)
			return iw_json_fail(&here, err, "expected a string");
		if (strpbrk(text, ",") || !*name || strpbrk(name, "=,:"))
			return iw_json_fail(
				&here, err, "neither name nor value may hold a comma");
		iw_buf_addf(word, "%s%s=%s", is_first ? ":" : ",", name, text);
		is_first = false;
	}
	return 0;
}

/* "5m", or "off" also where the command line says --follow. */
static int take_follow(
	const json_t *entry, const struct iw_json_at *at, int64_t *ms, struct iw_err *err)
{
	struct iw_json_at here = {.up = at, .name = "follow"};
	const char *text;
	int rc = iw_json_str_or(entry, at, "follow", "", &text, err);

	*ms = IW_FOLLOW_AS_SAID;
	if (rc < 0 || !json_object_get(entry, "follow"))
		return rc;
	*ms = strcmp(text, "off") == 0 ? 0 : iw_config_follow(text);
	if (*ms < 0)
		return iw_json_fail(&here, err,
			"expected \"off\" or a time like \"30s\", \"5m\" or \"1h\", "
			"at least %d s",
			IW_FOLLOW_MIN_MS / 1000);
	return 0;
}

static int take_adapter(struct iw_config *config, const json_t *entry,
	const struct iw_json_at *at, struct iw_err *err)
{
	static const char *const known[] = {"adapter", "parameters", "follow", NULL};
	struct iw_json_at parameters_at = {.up = at, .name = "parameters"};
	json_t *parameters = json_object_get(entry, "parameters");
	const char *where;
	struct iw_buf word = {0};
	int64_t follow_ms;
	size_t i;
	int rc;

	if (!json_is_object(entry))
		return iw_json_fail(at, err, "expected an object");
	rc = iw_json_known(entry, at, known, err);
	if (rc == 0)
		rc = iw_json_str(entry, at, "adapter", &where, err);
	if (rc == 0)
		rc = take_follow(entry, at, &follow_ms, err);
	if (rc < 0)
		return rc;
	/* A service has no folder that it is in. */
	if (strpbrk(where, "/.") && *where != '/')
		return iw_json_fail(
			at, err, "'%s' is neither a name nor an absolute path", where);
	if (strchr(where, ':'))
		return iw_json_fail(at, err, "'%s' may not hold a colon", where);
	for (i = 0; i < config->count; i++) {
		size_t len = strcspn(config->adapters[i], ":");

		if (len == strlen(where) && strncmp(config->adapters[i], where, len) == 0)
			return iw_json_fail(at, err, "'%s' is there twice", where);
	}
	if (parameters && !json_is_object(parameters))
		return iw_json_fail(&parameters_at, err, "expected an object");
	iw_buf_adds(&word, where);
	rc = add_parameters(parameters, &parameters_at, &word, err);
	if (rc < 0) {
		iw_buf_fini(&word);
		return rc;
	}
	add_adapter(config, iw_buf_steal(&word), follow_ms);
	return 0;
}

/* "10m". */
static int take_judge_within(
	const json_t *json, const struct iw_json_at *at, int64_t *ms, struct iw_err *err)
{
	struct iw_json_at here = {.up = at, .name = "judge_within"};
	const char *text;
	int rc = iw_json_str_or(json, at, "judge_within", "", &text, err);

	if (rc < 0 || !json_object_get(json, "judge_within"))
		return rc;
	*ms = iw_time_parse(text);
	if (*ms < IW_JUDGE_MIN_MS)
		return iw_json_fail(&here, err,
			"expected a time like \"90s\" or \"10m\", at least %d s",
			IW_JUDGE_MIN_MS / 1000);
	return 0;
}

static int take_budget(struct iw_config *config, const json_t *json,
	const struct iw_json_at *at, struct iw_err *err)
{
	struct iw_json_at here = {.up = at, .name = "disk_budget"};
	const char *text;
	int rc = iw_json_str_or(json, at, "disk_budget", "", &text, err);

	if (rc < 0 || !json_object_get(json, "disk_budget"))
		return rc;
	config->disk_budget = iw_config_budget(text);
	if (!config->disk_budget)
		return iw_json_fail(&here, err,
			"expected \"none\" or a size like \"500M\" or \"200G\", at least "
			"1M");
	return 0;
}

static int take_all(struct iw_config *config, const json_t *json,
	const struct iw_json_at *at, struct iw_err *err)
{
	static const char *const known[] = {
		"cores", "judge_within", "disk_budget", "adapters", NULL};
	struct iw_json_at list_at = {.up = at, .name = "adapters"};
	json_t *list, *entry;
	int64_t cores;
	size_t i;
	int rc;

	if (!json_is_object(json))
		return iw_json_fail(at, err, "expected an object");
	rc = iw_json_known(json, at, known, err);
	if (rc == 0)
		rc = iw_json_int_or(json, at, "cores", 1, CORES_MAX, 0, &cores, err);
	if (rc == 0)
		rc = take_judge_within(json, at, &config->judge_within_ms, err);
	if (rc == 0)
		rc = take_budget(config, json, at, err);
	if (rc == 0)
		rc = iw_json_array(json, at, "adapters", 1, &list, err);
	if (rc < 0)
		return rc;
	config->cores = (int)cores;
	json_array_foreach(list, i, entry)
	{
		struct iw_json_at entry_at = {.up = &list_at, .index = (int)i};

		rc = take_adapter(config, entry, &entry_at, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

int iw_config_load(const char *dir, struct iw_config *config, struct iw_err *err)
{
	_auto_free_ char *path = iw_path_join(dir, FILE_NAME);
	_auto_(iw_json_freep) json_t *json = NULL;
	struct iw_json_at at = {.name = path};
	int rc;

	*config = (struct iw_config){0};
	if (!iw_file_exists(path))
		return iw_err_set(err, IW_ENOENT,
			"there is no configuration '%s'; write one, name adapters on the "
			"command line, or another folder with --config",
			path);
	rc = iw_json_load(path, &json, err);
	return rc < 0 ? rc : take_all(config, json, &at, err);
}

void iw_config_words(const char *const *adapters, int cores, struct iw_config *config)
{
	*config = (struct iw_config){.cores = cores};
	for (; *adapters; adapters++)
		add_adapter(config, iw_strdup(*adapters), IW_FOLLOW_AS_SAID);
}

void iw_config_fini(struct iw_config *config)
{
	size_t i;

	for (i = 0; i < config->count; i++)
		free(config->adapters[i]);
	free(config->adapters);
	free(config->follow_ms);
	*config = (struct iw_config){0};
}

static bool has_config(const char *dir)
{
	_auto_free_ char *path = iw_path_join(dir, FILE_NAME);

	return iw_file_exists(path);
}

char *iw_config_default_dir(void)
{
	const char *xdg = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	char *dir = xdg && *xdg == '/' ? iw_path_join(xdg, "ironworks")
		: home && *home == '/' ? iw_path_join(home, ".config/ironworks")
				       : NULL;

	if (dir && has_config(dir))
		return dir;
	free(dir);
	return iw_strdup("/etc/ironworks");
}
