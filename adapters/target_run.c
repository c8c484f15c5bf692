#include "adapters/target_run.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "adapters/suppressions.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "sanitizers/binary.h"

#include "base/banned.h"

/* What a build left is the work of the code under test, and jobs get the program by its
 * path: a link that leads out of the build would hand them a file of the host. */
static bool is_program(const struct iw_build *build, const char *path)
{
	_auto_free_ char *dir = realpath(build->dir, NULL);
	_auto_free_ char *real = realpath(path, NULL);
	size_t len = dir ? strlen(dir) : 0;
	struct stat st;

	return dir && real && strncmp(real, dir, len) == 0 && real[len] == '/' &&
		stat(real, &st) == 0 && S_ISREG(st.st_mode);
}

char *target_binary(const struct iw_build *build, const struct adapter_target *target)
{
	char *path = iw_path_join(build->dir, target->binary);

	if (is_program(build, path))
		return path;
	free(path);
	return NULL;
}

static bool is_listed(const struct adapter *adapter, const char *program)
{
	size_t i;

	for (i = 0; i < adapter->target_count; i++)
		if (strcmp(adapter->targets[i].binary, program) == 0)
			return true;
	return false;
}

bool target_is_discovered(
	const struct adapter *adapter, const char *build_dir, const char *program)
{
	_auto_free_ char *path = NULL;
	struct stat st;

	if (!adapter->discover || fnmatch(adapter->discover, program, 0) != 0 ||
		is_listed(adapter, program))
		return false;
	path = iw_path_join(build_dir, program);
	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 0100);
}

bool target_is_silent(const struct iw_build *build, const struct adapter_target *target)
{
	_auto_free_ char *binary = NULL;

	/* Flavours without a judge. */
	if (!target->args ||
		(strcmp(build->flavour, "libfuzzer") != 0 &&
			strcmp(build->flavour, "plain") != 0))
		return false;
	binary = target_binary(build, target);
	return binary && san_binary_takes_preload(binary);
}

int64_t target_rss_limit_mb(
	const struct iw_build *build, const struct adapter_target *target)
{
	return target->rss_limit_mb * san_flavour_find(build->flavour)->memory_factor;
}

int64_t target_timeout_s(
	const struct iw_build *build, const struct adapter_target *target)
{
	return target->timeout_s * san_flavour_find(build->flavour)->time_factor;
}

/* A runtime that leaves out what a file names has to know names while it runs. */
static bool wants_names(const struct iw_build *build, const struct san_flavour *flavour)
{
	const struct san_env *env;

	for (env = flavour->env; env && env->name; env++) {
		_auto_free_ char *supp = suppressions_in(build->dir, env->name);

		if (supp)
			return true;
	}
	return false;
}

/* Without names a report costs a tenth. TSan's frames say their module's whole path only
 * when they are told to. */
#define NAMELESS "symbolize=0:stack_trace_format='    #%n %p %F %L'"

/* Calls add for each variable: options of the flavour, then the one every runtime needs
 * to find its tools. */
static void each_env(const struct iw_build *build, enum san_use use, bool is_named,
	const char *symbolizer,
	void (*add)(void *ctx, const char *name, const char *value), void *ctx)
{
	const struct san_flavour *flavour = san_flavour_find(build->flavour);
	bool has_names = symbolizer && (is_named || wants_names(build, flavour));
	const struct san_env *env;

	for (env = flavour->env; env && env->name; env++) {
		_auto_free_ char *supp = suppressions_in(build->dir, env->name);
		struct iw_buf value = {0};

		san_flavour_options(env, use, has_names ? symbolizer : NULL,
			has_names ? NULL : NAMELESS, &value);
		if (supp)
			iw_buf_addf(&value, ":suppressions='%s'", supp);
		add(ctx, env->name, value.data ? value.data : "");
		iw_buf_fini(&value);
	}
	add(ctx, "PATH", "/usr/bin:/bin");
}

enum san_use target_use(const struct adapter_target *target)
{
	return target->args && !target->check_leaks ? SAN_USE_FUZZ : SAN_USE_REPRODUCE;
}

static void add_to_job(void *ctx, const char *name, const char *value)
{
	iw_job_env(ctx, name, value);
}

void target_add_env(struct iw_job *job, const struct iw_build *build, enum san_use use,
	const char *symbolizer)
{
	each_env(build, use, false, symbolizer, add_to_job, job);
}

void target_add_env_named(struct iw_job *job, const struct iw_build *build,
	enum san_use use, const char *symbolizer)
{
	each_env(build, use, true, symbolizer, add_to_job, job);
}

static void add_to_spec(void *ctx, const char *name, const char *value)
{
	struct target_driver *d = ctx;
	size_t n = 0;

	while (d->env && d->env[n])
		n++;
	d->env = iw_reallocarray(d->env, n + 2, sizeof *d->env);
	d->env[n] = iw_fmt("%s=%s", name, value);
	d->env[n + 1] = NULL;
}

int target_driver_init(struct target_driver *out, const struct iw_build *build,
	const struct adapter_target *target, enum iw_purpose purpose, const char *driver,
	const char *symbolizer, struct iw_err *err)
{
	*out = (struct target_driver){.binary = target_binary(build, target)};
	if (!out->binary)
		return iw_err_set(err, IW_ENOENT, "the %s build has no '%s'",
			build->flavour, target->binary);
	each_env(build, target->args ? target_use(target) : SAN_USE_REPLAY, false,
		symbolizer, add_to_spec, out);
	out->reads[0] = build->dir;
	out->spec = (struct engine_driver_spec){
		.binary = out->binary,
		.driver = driver,
		.args = target->args,
		.env = (const char *const *)out->env,
		.reads = out->reads,
		.purpose = purpose,
		.timeout_ms = target_timeout_s(build, target) * 1000,
		.rss_limit_mb = target_rss_limit_mb(build, target),
		.malloc_limit_mb = target->rss_limit_mb,
		.disk_limit_mb = target->disk_limit_mb,
		.wants_features =
			!target->args && strcmp(build->flavour, ADAPTER_REFERENCE) == 0,
		.leaks = target->check_leaks && strstr(build->flavour, "asan") != NULL,
		.no_aslr = san_flavour_find(build->flavour)->no_aslr,
		.is_silent = target_is_silent(build, target),
	};
	return 0;
}

void target_driver_set_what(struct target_driver *d, char *what)
{
	free(d->what);
	d->what = what;
	d->spec.what = what;
}

void target_driver_add_option(
	struct target_driver *d, const char *variable, const char *option)
{
	size_t i, len = strlen(variable);

	for (i = 0; d->env && d->env[i]; i++) {
		char *old = d->env[i];

		if (strncmp(old, variable, len) != 0 || old[len] != '=')
			continue;
		d->env[i] = iw_fmt("%s%s%s", old, old[len + 1] ? ":" : "", option);
		free(old);
	}
}

void target_driver_fini(struct target_driver *d)
{
	size_t i;

	for (i = 0; d->env && d->env[i]; i++)
		free(d->env[i]);
	free(d->env);
	free(d->binary);
	free(d->what);
	*d = (struct target_driver){0};
}
