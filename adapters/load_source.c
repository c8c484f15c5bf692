/* Where a project's source comes from and how it is built: parameters, commands, git. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "adapters/load.h"
#include "base/buf.h"

#include "base/banned.h"

#define ARGS_MAX 64
#define PARAMS_MAX 50

static const struct adapter_rule value_rule = {
	"^[ -+.-~-]{1,200}$",
	"1 to 200 printable ASCII characters without a comma",
};
static const struct adapter_rule branch_rule = {
	"^[A-Za-z0-9_][A-Za-z0-9_.@#+/-]{0,199}$",
	"a branch's name",
};
static const struct adapter_rule git_rule = {
	"^(\\.{0,2}/|https?://[A-Za-z0-9][^@/ ]*(/|$)|(ssh|git)://[A-Za-z0-9_]|file:///|"
	"[A-Za-z0-9_][A-Za-z0-9_.-]*@[A-Za-z0-9][A-Za-z0-9.-]*:)[!-~]*$",
	"a git URL without a password, or a path that begins with '/', './' or '../'",
};
static int by_name(const void *a, const void *b)
{
	const struct adapter_param *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static struct adapter_param *find_param(
	struct adapter_param *params, size_t count, const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (strlen(params[i].name) == len &&
			memcmp(params[i].name, name, len) == 0)
			return &params[i];
	return NULL;
}

/* "seed=7,size=3": parameters that the adapter has, each once. */
static int override_params(struct adapter_load *load, struct adapter_param *params,
	size_t count, const char *overrides)
{
	const char *p = overrides, *seen[PARAMS_MAX] = {NULL};
	struct adapter_param *param;

	while (p && *p) {
		size_t len = strcspn(p, ","), name_len = strcspn(p, "=,");
		_auto_free_ char *value = NULL;

		if (name_len == len)
			return iw_err_set(load->err, IW_EINVAL,
				"'%.*s': expected PARAM=VALUE", (int)len, p);
		param = find_param(params, count, p, name_len);
		if (!param)
			return iw_err_set(load->err, IW_EINVAL,
				"adapter '%s' has no parameter '%.*s'%s%s",
				load->adapter->name, (int)name_len, p,
				count ? "; it has: " : "", load->adapter->parameters);
		if (seen[param - params])
			return iw_err_set(load->err, IW_EINVAL,
				"parameter '%s' is given twice", param->name);
		value = iw_strndup(p + name_len + 1, len - name_len - 1);
		if (!adapter_rule_holds(&value_rule, value))
			return iw_err_set(load->err, IW_EINVAL,
				"parameter '%s': expected %s, found '%s'", param->name,
				value_rule.expected, value);
		seen[param - params] = param->value = iw_arena_strdup(load->arena, value);
		p += len;
		p += *p == ',';
	}
	return 0;
}

static const char *params_text(
	struct adapter_load *load, const struct adapter_param *params, size_t count)
{
	_auto_free_ char *text = NULL;
	struct iw_buf buf = {0};
	size_t i;

	for (i = 0; i < count; i++)
		iw_buf_addf(
			&buf, "%s%s=%s", i ? "," : "", params[i].name, params[i].value);
	text = iw_buf_steal(&buf);
	return iw_arena_strdup(load->arena, text);
}

int adapter_load_params(
	struct adapter_load *load, const json_t *obj, const char *overrides)
{
	struct iw_json_at here = {.up = &load->top, .name = "parameters"};
	struct adapter_param *params;
	json_t *fields = NULL, *value;
	size_t count = 0;
	const char *key;
	int rc = 0;

	if (json_object_get(obj, "parameters"))
		rc = iw_json_object(obj, &load->top, "parameters", &fields, load->err);
	if (rc < 0)
		return rc;
	if (json_object_size(fields) > PARAMS_MAX)
		return iw_json_fail(&here, load->err, "expected at most %d", PARAMS_MAX);
	params = iw_arena_alloc(
		load->arena, (json_object_size(fields) + 1) * sizeof *params);
	json_object_foreach (fields, key, value) {
		struct adapter_param *param = &params[count++];

		if (!adapter_rule_holds(&adapter_name_rule, key))
			return iw_json_fail(&here, load->err, "'%.100s': expected %s",
				key, adapter_name_rule.expected);
		param->name = iw_arena_strdup(load->arena, key);
		rc = adapter_load_str(
			load, fields, &here, key, &value_rule, NULL, &param->value);
		if (rc < 0)
			return rc;
	}
	qsort(params, count, sizeof *params, by_name);
	load->adapter->params = params;
	load->adapter->param_count = count;
	load->adapter->parameters = params_text(load, params, count);
	rc = override_params(load, params, count, overrides);
	load->adapter->parameters = params_text(load, params, count);
	return rc;
}

/* Fills "${seed}" in. */
static int fill_in(struct adapter_load *load, const struct iw_json_at *at,
	const char *text, const char **out)
{
	const struct adapter *adapter = load->adapter;
	_auto_free_ char *filled = NULL;
	struct iw_buf buf = {0};
	int rc = 0;

	while (rc == 0 && *text) {
		const char *from = strstr(text, "${");
		const struct adapter_param *param;
		size_t len;

		if (!from) {
			iw_buf_adds(&buf, text);
			break;
		}
		iw_buf_add(&buf, text, (size_t)(from - text));
		len = strcspn(from + 2, "}");
		param = find_param((struct adapter_param *)adapter->params,
			adapter->param_count, from + 2, len);
		if (!param || from[2 + len] != '}') {
			rc = iw_json_fail(at, load->err, "no parameter is called '%.*s'",
				(int)(len > 40 ? 40 : len), from + 2);
		} else {
			iw_buf_adds(&buf, param->value);
			text = from + 2 + len + 1;
		}
	}
	filled = iw_buf_steal(&buf);
	*out = iw_arena_strdup(load->arena, filled);
	return rc;
}

/* A relative program is a file of the adapter and must be there; an absolute one, or one
 * that $PATH finds, may be missing here and present where the job runs. */
static int find_program(struct adapter_load *load, const struct iw_json_at *at,
	const char *written, const char **out)
{
	struct stat st;
	char *path;

	*out = written;
	if (*written == '/' || !strchr(written, '/'))
		return 0;
	if (strstr(written, "../"))
		return iw_json_fail(at, load->err,
			"'%.100s': expected a file below the adapter's folder", written);
	path = iw_arena_fmt(load->arena, "%s/%s", load->adapter->dir,
		strncmp(written, "./", 2) == 0 ? written + 2 : written);
	if (stat(path, &st) < 0)
		return iw_json_fail(at, load->err,
			"'%.100s' is not in the adapter's folder", written);
	if (!S_ISREG(st.st_mode) || access(path, X_OK) < 0)
		return iw_json_fail(
			at, load->err, "'%.100s' is no executable file", written);
	*out = path;
	return 0;
}

/* The field "command" of the object at `at`; *written gets [0] as it stood there. */
static int load_command(struct adapter_load *load, const json_t *obj,
	const struct iw_json_at *at, bool has_params, const char *const **out,
	const char **written)
{
	struct iw_json_at here = {.up = at, .name = "command"};
	const char **argv;
	json_t *array;
	size_t i, n;
	int rc = iw_json_array(obj, at, "command", 1, &array, load->err);

	if (rc < 0)
		return rc;
	n = json_array_size(array);
	if (n > ARGS_MAX)
		return iw_json_fail(&here, load->err,
			"expected at most %d elements, found %zu", ARGS_MAX, n);
	argv = iw_arena_alloc(load->arena, (n + 1) * sizeof *argv);
	for (i = 0; rc == 0 && i < n; i++) {
		struct iw_json_at arg_at = {.up = &here, .index = (int)i};
		const char *text = json_string_value(json_array_get(array, i));

		if (!text || !*text)
			return iw_json_fail(
				&arg_at, load->err, "expected a non-empty string");
		if (has_params)
			rc = fill_in(load, &arg_at, text, &argv[i]);
		else if (strstr(text, "${"))
			return iw_json_fail(&arg_at, load->err,
				"parameters are for source.command: a build depends on "
				"the "
				"source tree alone");
		else
			argv[i] = iw_arena_strdup(load->arena, text);
		if (rc == 0 && i == 0) {
			*written = argv[0];
			rc = find_program(load, &arg_at, *written, &argv[0]);
		}
	}
	*out = argv;
	return rc;
}

static int load_branch(struct adapter_load *load, const json_t *obj,
	const struct iw_json_at *at, const char *field, const char *fallback,
	const char **out)
{
	struct iw_json_at here = {.up = at, .name = field};
	int rc = adapter_load_str(load, obj, at, field, &branch_rule, fallback, out);

	if (rc == 0 && *out && strstr(*out, ".."))
		return iw_json_fail(&here, load->err, "'%.100s': expected %s", *out,
			branch_rule.expected);
	return rc;
}

static int load_git(
	struct adapter_load *load, const json_t *obj, const struct iw_json_at *at)
{
	const char **git = &load->adapter->source.git;
	int rc = adapter_load_str(load, obj, at, "git", &git_rule, NULL, git);

	if (rc == 0 && **git == '.')
		*git = iw_arena_fmt(load->arena, "%s/%s", load->adapter->dir, *git);
	return rc;
}

int adapter_load_source(struct adapter_load *load, const json_t *obj)
{
	static const char *const fields[] = {"command", "git", "branch", "base", NULL};
	struct iw_json_at at = {.up = &load->top, .name = "source"};
	struct adapter_source *source = &load->adapter->source;
	struct iw_json_at base_at = {.up = &at, .name = "base"};
	const char *written;
	json_t *src;
	int rc = iw_json_object(obj, &load->top, "source", &src, load->err);

	if (rc == 0)
		rc = iw_json_known(src, &at, fields, load->err);
	if (rc < 0)
		return rc;
	if (!json_object_get(src, "command") == !json_object_get(src, "git"))
		return iw_json_fail(&at, load->err, "expected either 'command' or 'git'");
	if (json_object_get(src, "git"))
		rc = load_git(load, src, &at);
	else
		rc = load_command(load, src, &at, true, &source->command, &written);
	if (rc == 0)
		rc = load_branch(load, src, &at, "branch", NULL, &source->branch);
	if (rc == 0)
		rc = load_branch(load, src, &at, "base", "", &source->base);
	if (rc == 0 && source->base && strcmp(source->base, source->branch) == 0)
		return iw_json_fail(
			&base_at, load->err, "'%s' is 'branch' already", source->base);
	return rc;
}

int adapter_load_build(struct adapter_load *load, const json_t *obj)
{
	static const char *const fields[] = {"command", "timeout_s", NULL};
	struct iw_json_at at = {.up = &load->top, .name = "build"};
	struct adapter *adapter = load->adapter;
	json_t *build;
	int rc = iw_json_object(obj, &load->top, "build", &build, load->err);

	if (rc == 0)
		rc = iw_json_known(build, &at, fields, load->err);
	if (rc == 0)
		rc = load_command(load, build, &at, false, &adapter->build.command,
			&adapter->build_program);
	if (rc == 0)
		rc = iw_json_int_or(build, &at, "timeout_s", 1, 86400, 1800,
			&adapter->build.timeout_s, load->err);
	return rc;
}
