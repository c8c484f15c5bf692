#include "adapters/build_env.h"

#include <string.h>
#include <unistd.h>

#include "adapters/suppressions.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"

#include "base/banned.h"

#define CCACHE "/usr/bin/ccache"

bool build_env_can_cache(void)
{
	return access(CCACHE, X_OK) == 0;
}

static const char *compiler_id(const struct build_env *env)
{
	return env->flavour->needs_aflpp ? env->tools->afl_id : env->tools->id;
}

/* Only where a sanitizer instruments; the caller frees. */
static char *ignorelist_of(const struct build_env *env, char hash[static IW_SHA256_HEX])
{
	return *env->flavour->sanitizers ? suppressions_ignorelist(env->adapter, hash)
					 : NULL;
}

void build_env_closure(const struct build_env *env, const char *recipe, const char *tree,
	char closure[static IW_SHA256_HEX])
{
	const struct san_flavour *flavour = env->flavour;
	_auto_free_ char *ignorelist = NULL;
	char hash[IW_SHA256_HEX];
	struct iw_buf text = {0};

	iw_buf_addf(&text, "ironworks closure 1\nadapter %s\nrecipe %s\ntree %s\n",
		env->adapter->name, recipe, tree);
	iw_buf_addf(&text, "toolchain %s\nflavour %s\nflags ", compiler_id(env),
		flavour->name);
	san_flavour_flags(flavour->cflags, &text);
	iw_buf_adds(&text, "\nlink ");
	san_flavour_flags(flavour->ldflags, &text);
	iw_buf_addf(&text, "\nengine %s\n", flavour->fuzzing_engine);
	if (flavour->build_env) {
		iw_buf_adds(&text, "env ");
		san_flavour_flags(flavour->build_env, &text);
		iw_buf_adds(&text, "\n");
	}
	ignorelist = ignorelist_of(env, hash);
	if (ignorelist)
		iw_buf_addf(&text, "ignorelist %s\n", hash);
	iw_sha256_hex_of(text.data, closure);
	iw_buf_fini(&text);
}

/* The compiler cache finds no object again that names the folder of a build, as lines to be
 * counted do. */
static bool is_cached(const struct build_env *env)
{
	return env->cache_dir != NULL && !env->flavour->counts_lines;
}

/* The cache looks at the words of a command. What stands for the compiler itself is ours
 * to say: AFL++'s wrappers read the environment, and call a compiler that it cannot see. */
static void add_cache(const struct build_env *env, struct iw_job *job)
{
	char hash[IW_SHA256_HEX] = "";
	_auto_free_ char *ignorelist = ignorelist_of(env, hash);
	_auto_free_ char *compiler = iw_fmt("string:%s %s%s%s", compiler_id(env),
		env->flavour->name, ignorelist ? " " : "", hash);

	iw_job_env(job, "CCACHE_DIR", env->cache_dir);
	iw_job_env(job, "CCACHE_BASEDIR", env->src);
	iw_job_env(job, "CCACHE_NOHASHDIR", "1");
	iw_job_env(job, "CCACHE_COMPILERCHECK", compiler);
	if (env->cache_bytes > 0) {
		_auto_free_ char *max =
			iw_fmt("%lldM", (long long)(env->cache_bytes >> 20) + 1);

		iw_job_env(job, "CCACHE_MAXSIZE", max);
	}
}

static void add_compiler(const struct build_env *env, struct iw_job *job,
	const char *name, const char *path)
{
	_auto_free_ char *cached = iw_fmt(CCACHE " %s", path);

	iw_job_env(job, name, is_cached(env) ? cached : path);
}

static void add_flavour_env(const struct san_flavour *flavour, struct iw_job *job)
{
	const char *const *row;

	for (row = flavour->build_env; row && *row; row++) {
		size_t n = strcspn(*row, "=");
		_auto_free_ char *name = iw_strndup(*row, n);

		iw_job_env(job, name, *row + n + 1);
	}
}

/* Flags are words for recipes to take apart: a folder that would be two stays as it is. */
static bool is_one_word(const char *path)
{
	return !strpbrk(path, " \t\n=\"'`\\$&;|<>()*?#~");
}

static void add_flags(const struct build_env *env, struct iw_job *job)
{
	const struct san_flavour *flavour = env->flavour;
	char hash[IW_SHA256_HEX];
	_auto_free_ char *ignorelist = ignorelist_of(env, hash);
	struct iw_buf flags = {0}, link = {0};

	san_toolchain_flags(env->tools, flavour, flavour->cflags, &flags);
	/* The folder differs from build to build and must not show: reports and assertions
	 * name files below it, and the compiler cache compares. */
	if (!env->tools->is_gcc || flavour->needs_aflpp)
		iw_buf_adds(&flags, " -fdebug-compilation-dir=/src");
	if (is_one_word(env->src))
		iw_buf_addf(&flags, " -ffile-prefix-map=%s=/src", env->src);
	if (ignorelist)
		iw_buf_addf(&flags, " -fsanitize-ignorelist=%s", ignorelist);
	san_toolchain_flags(env->tools, flavour, flavour->ldflags, &link);
	iw_job_env(job, "CFLAGS", flags.data);
	iw_job_env(job, "CXXFLAGS", flags.data);
	iw_job_env(job, "LDFLAGS", link.data ? link.data : "");
	iw_job_env(job, "LIB_FUZZING_ENGINE", flavour->fuzzing_engine);
	iw_buf_fini(&flags);
	iw_buf_fini(&link);
}

void build_env_add(const struct build_env *env, struct iw_job *job)
{
	const struct san_toolchain *tools = env->tools;
	bool is_afl = env->flavour->needs_aflpp;
	_auto_free_ char *out = iw_path_join(iw_job_work(job), "out");
	_auto_free_ char *tmp = iw_path_join(iw_job_work(job), "tmp");
	_auto_free_ char *jobs = iw_fmt("%d", env->make_jobs);

	iw_job_env(job, "SRC", env->src);
	iw_job_env(job, "OUT", out);
	iw_job_env(job, "HOME", tmp);
	iw_job_env(job, "TMPDIR", tmp);
	iw_job_env(job, "PATH", "/usr/local/bin:/usr/bin:/bin");
	iw_job_env(job, "LC_ALL", "C.UTF-8");
	iw_job_env(job, "ADAPTER", env->adapter->dir);
	iw_job_env(job, "FLAVOUR", env->flavour->name);
	iw_job_env(job, "JOBS", jobs);
	add_flags(env, job);
	add_compiler(env, job, "CC", is_afl ? tools->afl_cc : tools->cc);
	if (is_afl || tools->cxx)
		add_compiler(env, job, "CXX", is_afl ? tools->afl_cxx : tools->cxx);
	add_flavour_env(env->flavour, job);
	if (is_cached(env))
		add_cache(env, job);
}
