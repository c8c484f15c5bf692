#include "sanitizers/toolchain.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/capture.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"

#include "base/banned.h"

#define NEWEST 29
#define OLDEST 14
#define PATIENCE_MS 30000

static const char target_source[] =
	"int LLVMFuzzerTestOneInput(const unsigned char *d, unsigned long n)\n"
	"{ return n > 3 && d[0] == 'x' ? 0 : 0; }\n";

/* An executable of this name in $PATH, or name itself when it is a path. Free it. */
static char *find_program(const char *name)
{
	const char *path = getenv("PATH");

	if (strchr(name, '/'))
		return access(name, X_OK) == 0 ? iw_strdup(name) : NULL;
	if (!path)
		path = "/usr/local/bin:/usr/bin:/bin";
	while (*path) {
		size_t n = strcspn(path, ":");
		char *full = iw_fmt("%.*s/%s", (int)n, path, name);

		if (n && access(full, X_OK) == 0)
			return full;
		free(full);
		path += n + (path[n] == ':');
	}
	return NULL;
}

/* Runs argv with what it prints, on either stream, in out. True when it exits with 0. */
static bool run(const char *const *argv, struct iw_buf *out)
{
	return iw_capture(argv, PATIENCE_MS, out, NULL) == 0;
}

/* Whether it can make a fuzz target with this flag. */
static bool can_build(const char *cc, const char *flag, struct iw_buf *why)
{
	_auto_free_ char *dir = iw_dir_make_temp("ironworks-cc", NULL);
	_auto_free_ char *source = NULL;
	_auto_free_ char *binary = NULL;
	bool ok = false;

	if (!dir)
		return false;
	source = iw_path_join(dir, "target.c");
	binary = iw_path_join(dir, "target");
	if (iw_file_write(source, target_source, sizeof target_source - 1, 0600, NULL) ==
		0) {
		const char *const argv[] = {cc, flag, source, "-o", binary, NULL};

		ok = run(argv, why);
	}
	iw_dir_remove(dir, NULL);
	return ok;
}

static char *first_line(struct iw_buf *out)
{
	const char *text = out->data ? out->data : "";

	return iw_strndup(text, strcspn(text, "\n"));
}

/* "Debian clang version 19.1.7 (3~deb12u1)": where the number starts, or NULL. */
static const char *clang_number(const char *version)
{
	const char *word = strstr(version, "clang version ");

	return word ? word + strlen("clang version ") : NULL;
}

/* cc's sibling: clang-19 has clang++-19 and llvm-symbolizer-19, in $PATH or beside it. */
static char *find_sibling(const char *cc, const char *name, int major)
{
	char real[PATH_MAX];
	_auto_free_ char *versioned = iw_fmt("%s-%d", name, major);
	char *slash, *found;

	found = find_program(versioned);
	if (found)
		return found;
	if (realpath(cc, real) && (slash = strrchr(real, '/'))) {
		*slash = '\0';
		found = iw_path_join(real, name);
		if (access(found, X_OK) == 0)
			return found;
		free(found);
	}
	return find_program(name);
}

/* The same, and of cc's version: what a clang writes, the tools of another may not read. */
static char *find_versioned(const char *cc, const char *name, int major)
{
	char *found = find_sibling(cc, name, major);
	const char *const argv[] = {found, "--version", NULL};
	_auto_free_ char *wanted = iw_fmt("LLVM version %d.", major);
	struct iw_buf out = {0};
	bool is_it = found && run(argv, &out) && out.data && strstr(out.data, wanted);

	iw_buf_fini(&out);
	if (is_it)
		return found;
	free(found);
	return NULL;
}

/* The compiler and the runtime it links decide what a build is: their bytes' identity,
 * by size and time of change, which a package update changes. */
static char *make_id(const struct san_toolchain *tools, const char *number)
{
	const char *const argv[] = {tools->cc, "--print-runtime-dir", NULL};
	const char *const old[] = {
		tools->cc, "--print-file-name=libclang_rt.asan-x86_64.a", NULL};
	struct iw_buf where = {0};
	struct iw_buf parts = {0};
	char hex[IW_SHA256_HEX];
	char real[PATH_MAX];
	struct stat st = {0};
	char *dir, *id;

	if (!run(argv, &where))
		run(old, &where);
	dir = first_line(&where);
	if (!realpath(tools->cc, real))
		real[0] = '\0';
	stat(real, &st);
	iw_buf_addf(&parts, "%s\n%s\n%lld %lld\n%s\n", tools->version, real,
		(long long)st.st_size, (long long)st.st_mtime, dir);
	if (stat(dir, &st) == 0)
		iw_buf_addf(&parts, "%lld\n", (long long)st.st_mtime);
	iw_sha256_hex_of(parts.data, hex);
	id = iw_fmt("clang-%.*s-%.12s", (int)strcspn(number, " \n"), number, hex);
	iw_buf_fini(&where);
	iw_buf_fini(&parts);
	free(dir);
	return id;
}

/* Takes cc. 0 when it is a clang that works; why gets its last complaint otherwise. */
static int try_compiler(char *cc, struct san_toolchain *tools, struct iw_buf *why)
{
	const char *const argv[] = {cc, "--version", NULL};
	struct iw_buf out = {0};
	const char *number;
	char *version;
	bool ok;

	ok = run(argv, &out);
	version = first_line(&out);
	iw_buf_fini(&out);
	number = ok ? clang_number(version) : NULL;
	iw_buf_clear(why);
	if (!number || !can_build(cc, "-fsanitize=address,fuzzer", why)) {
		free(version);
		free(cc);
		return -1;
	}
	*tools = (struct san_toolchain){.cc = cc, .version = version};
	tools->major = (int)strtol(number, NULL, 10);
	tools->cxx = find_sibling(cc, "clang++", tools->major);
	tools->symbolizer = find_sibling(cc, "llvm-symbolizer", tools->major);
	tools->cov = find_versioned(cc, "llvm-cov", tools->major);
	tools->profdata = find_versioned(cc, "llvm-profdata", tools->major);
	tools->id = make_id(tools, number);
	return 0;
}

/* What is there: a package's wrapper without the clang it was made for builds nothing. */
static void find_aflpp(struct san_toolchain *tools)
{
	char *cc = find_program("afl-clang-fast");
	const char *const argv[] = {cc, "--version", NULL};
	struct iw_buf out = {0}, parts = {0}, why = {0};
	char hex[IW_SHA256_HEX];
	struct stat st;

	tools->afl_fuzz = find_program("afl-fuzz");
	tools->afl_cxx = find_program("afl-clang-fast++");
	if (!cc || !tools->afl_fuzz || !tools->afl_cxx || !run(argv, &out) ||
		stat(cc, &st) < 0 || !can_build(cc, "-fsanitize=fuzzer", &why)) {
		free(cc);
		free(iw_steal(&tools->afl_fuzz));
		free(iw_steal(&tools->afl_cxx));
	} else {
		tools->afl_cc = cc;
		iw_buf_addf(&parts, "%lld %lld\n%s", (long long)st.st_size,
			(long long)st.st_mtime, out.data ? out.data : "");
		iw_sha256_hex_of(parts.data, hex);
		tools->afl_id = iw_fmt("aflpp-%.12s", hex);
	}
	iw_buf_fini(&out);
	iw_buf_fini(&parts);
	iw_buf_fini(&why);
}

/* Takes cc. */
static int try_gcc(char *cc, struct san_toolchain *tools)
{
	const char *const argv[] = {cc, "-dumpfullversion", NULL};
	const char *const long_argv[] = {cc, "--version", NULL};
	struct iw_buf number = {0}, out = {0}, why = {0};
	int rc = -1;

	if (run(argv, &number) && run(long_argv, &out) &&
		strstr(out.data, "Free Software") && can_build(cc, "-shared", &why)) {
		_auto_free_ char *text = first_line(&number);
		char hex[IW_SHA256_HEX];
		struct iw_buf parts = {0};
		struct stat st = {0};

		*tools = (struct san_toolchain){.cc = cc, .is_gcc = true};
		tools->version = first_line(&out);
		tools->major = (int)strtol(text, NULL, 10);
		tools->cxx = find_program("g++");
		tools->symbolizer = find_program("llvm-symbolizer");
		stat(cc, &st);
		iw_buf_addf(&parts, "%s %lld %lld", tools->version, (long long)st.st_size,
			(long long)st.st_mtime);
		iw_sha256_hex_of(parts.data, hex);
		tools->id = iw_fmt("gcc-%s-%.12s", text, hex);
		iw_buf_fini(&parts);
		rc = 0;
	} else {
		free(cc);
	}
	iw_buf_fini(&number);
	iw_buf_fini(&out);
	iw_buf_fini(&why);
	return rc;
}

int san_toolchain_find_any(struct san_toolchain *tools, struct iw_err *err)
{
	int rc = san_toolchain_find(tools, err);
	char *gcc = rc < 0 ? find_program("gcc") : NULL;

	if (!gcc || try_gcc(gcc, tools) < 0)
		return rc;
	*err = (struct iw_err){0};
	find_aflpp(tools);
	return 0;
}

int san_toolchain_find(struct san_toolchain *tools, struct iw_err *err)
{
	const char *env = getenv("CC");
	struct iw_buf why = {0};
	int clangs = 0;
	int status = -1;

	*tools = (struct san_toolchain){0};
	for (int i = NEWEST + 2; status < 0 && i >= OLDEST - 1; i--) {
		_auto_free_ char *numbered = iw_fmt("clang-%d", i);
		const char *name = numbered;
		char *path;

		if (i == NEWEST + 2)
			name = env && *env ? env : "";
		else if (i == NEWEST + 1)
			continue;
		else if (i == OLDEST - 1)
			name = "clang";
		path = *name ? find_program(name) : NULL;
		if (!path)
			continue;
		clangs++;
		status = try_compiler(path, tools, &why);
	}
	iw_buf_fini(&why);
	if (!status) {
		find_aflpp(tools);
		return 0;
	}
	if (!clangs)
		return iw_err_set(err, IW_ETOOL,
			"there is no clang: install the packages clang and llvm "
			"(clang-19 and llvm-19 where they exist)");
	return iw_err_set(err, IW_ETOOL,
		"no clang here can build a libFuzzer target with AddressSanitizer: "
		"install "
		"the package libclang-rt-<version>-dev of your clang, and libc6-dev");
}

char *san_toolchain_symbolizer(void)
{
	char *found = NULL;
	int major;

	for (major = NEWEST; !found && major >= OLDEST; major--) {
		_auto_free_ char *name = iw_fmt("llvm-symbolizer-%d", major);

		found = find_program(name);
	}
	return found ? found : find_program("llvm-symbolizer");
}

const char *san_toolchain_lacks(
	const struct san_toolchain *tools, const struct san_flavour *flavour)
{
	if (flavour->needs_aflpp && !tools->afl_cc)
		return "AFL++ is missing or cannot build here; install the package afl++";
	return tools->is_gcc ? san_flavour_needs_clang(flavour) : NULL;
}

/* What clang calls otherwise than gcc. */
static const struct {
	const char *clang, *gcc;
} gcc_words[] = {
	{"-gline-tables-only", "-g1"},
};

void san_toolchain_flags(const struct san_toolchain *tools,
	const struct san_flavour *flavour, const char *const *flags, struct iw_buf *out)
{
	size_t i;

	for (; *flags; flags++) {
		const char *word = *flags;

		for (i = 0; i < IW_COUNT(gcc_words); i++)
			if (tools->is_gcc && !flavour->needs_aflpp &&
				strcmp(word, gcc_words[i].clang) == 0)
				word = gcc_words[i].gcc;
		iw_buf_addf(out, "%s%s", out->len ? " " : "", word);
	}
}

void san_toolchain_fini(struct san_toolchain *tools)
{
	free(tools->cc);
	free(tools->cxx);
	free(tools->symbolizer);
	free(tools->cov);
	free(tools->profdata);
	free(tools->version);
	free(tools->id);
	free(tools->afl_cc);
	free(tools->afl_cxx);
	free(tools->afl_fuzz);
	free(tools->afl_id);
	*tools = (struct san_toolchain){0};
}
