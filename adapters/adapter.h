/*
 * Adapters: one project, described by adapter.json in a folder of its own.
 *
 * Loading checks everything that can be checked without running anything, so that the one
 * sentence of a failure names file, place and expectation: "adapters/x/adapter.json:
 * targets[2].timeout_s: expected a whole number, found a string". adapters/schema.json
 * says the same rules for editors; GUIDE.md explains them.
 *
 * Thread: any; an adapter does not change after it was loaded. Loading reads files.
 */
#ifndef ADAPTERS_ADAPTER_H
#define ADAPTERS_ADAPTER_H

#include <stddef.h>
#include <stdint.h>

#include "adapters/target.h"
#include "base/err.h"
#include "base/hash.h"

#define ADAPTER_NAME_MAX 40
#define ADAPTER_NAME_CHARS "abcdefghijklmnopqrstuvwxyz0123456789_-"

struct adapter_param {
	const char *name, *value;
};

/* The flavour that every adapter has: units are measured on its builds. */
#define ADAPTER_REFERENCE "libfuzzer"

/* Where the project's repository comes from: command or git, never both. */
struct adapter_source {
	/* argv, NULL-terminated, parameters filled in, [0] absolute when it is a file of
	 * the adapter. The caller adds one argument: the folder that it makes a git
	 * repository of. Runs in the adapter's folder, trusted, with network. */
	const char *const *command;
	const char *git;    /* URL or absolute path */
	const char *branch; /* what is fuzzed: the staging branch where there is one */
	const char *base;   /* the branch it is staged on, or NULL */
};

struct adapter_build {
	const char *const *command; /* argv as above; GUIDE.md has its environment */
	int64_t timeout_s;	    /* default 1,800 */
};

/* What MSan's builds are good for, where they link libraries that it cannot see into. */
enum adapter_msan {
	ADAPTER_MSAN_UNSAID, /* those that do are built and not judged on */
	ADAPTER_MSAN_BUILD_ONLY,
	ADAPTER_MSAN_INSTRUMENTED, /* the recipe vouches for them */
};

struct adapter {
	const char *name, *title;
	const char *dir;		    /* absolute */
	const char *parameters;		    /* "a=1,seed=7": sorted, or empty */
	const struct adapter_param *params; /* sorted by name */
	size_t param_count;
	struct adapter_source source;
	struct adapter_build build;
	const char *const *flavours; /* as listed; "libfuzzer" is among them */
	size_t flavour_count;
	enum adapter_msan msan;
	const struct adapter_target *targets; /* as listed */
	size_t target_count;
	/* Glob for binaries in $OUT that are targets too, with all defaults and named
	 * like the file, or NULL. */
	const char *discover;
	/* Files of the source tree that make one target's program, "${target}" standing for
	 * its name and "${binary}" for its file's: target_files_init(). NULL-terminated; empty: not said. */
	const char *const *target_files;
	/* below: private */
	const char *build_program; /* build.command[0] as it was written */
	struct iw_arena *arena;	   /* owns everything above */
};

/*
 * where: a folder (anything with a slash or a dot), or a bare name, looked up in the
 * folders of $IRONWORKS_ADAPTERS (colons between them), <prefix>/share/ironworks/adapters
 * and the source tree that this program was built in. Never in the current folder: an
 * adapter's source command runs unboxed. overrides: "seed=7,size=3" for parameters that
 * the adapter has, or NULL.
 */
int adapter_load(const char *where, const char *overrides, struct adapter **out,
	struct iw_err *err);
void adapter_free(struct adapter *adapter);
void adapter_freep(struct adapter **adapter);

/* Takes "PATH_OR_NAME[:param=value[,param=value]]" apart; *overrides is NULL when there
 * are none. The caller frees both. */
int adapter_parse_arg(
	const char *arg, char **where, char **overrides, struct iw_err *err);

/* Both of it, for a person: the sentence of a failure says what to do next. */
int adapter_load_arg(const char *arg, struct adapter **out, struct iw_err *err);

/* Whether the last of these is none of the others, by its name: a farm would fuzz its
 * targets twice, on the same rows. */
int adapter_check_once(struct adapter *const *all, size_t count, struct iw_err *err);

/* The word that loads this one again, from wherever. The caller frees. */
char *adapter_arg(const struct adapter *adapter);

/* NULL when there is none. */
const struct adapter_target *adapter_target_find(
	const struct adapter *adapter, const char *name);

/*
 * What a build depends on besides the source tree, toolchain and flags, which the caller
 * adds: build.command and name, executable bit and content of the files beside its
 * program. Left out are folders, *.md, dot files, adapter.json, adapter.nix and the
 * program of source.command. Does not depend on where the adapter lies.
 */
int adapter_recipe_hash(const struct adapter *adapter, char hex[static IW_SHA256_HEX],
	struct iw_err *err);

#endif
