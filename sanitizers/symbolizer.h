/*
 * Names for reports of processes that ran without a symbolizer: one long-lived
 * llvm-symbolizer for each build that is asked about, and a memory of what it said.
 *
 * Builds know nothing of each other: a program that reads the debug information of code
 * under test may be taken over by it, so what it says counts for that build alone. At
 * most SAN_CHILDREN of them live at a time, and one that nobody asks anything for a minute
 * is ended.
 *
 * Nothing is lost when it does not work: a symbolizer that dies, stands still or talks
 * nonsense is started again, and after three times the text stays as it was, with a
 * sentence that says why. Thread: the loop.
 */
#ifndef SANITIZERS_SYMBOLIZER_H
#define SANITIZERS_SYMBOLIZER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/job.h"

#define SAN_CHILDREN 4

struct san_symbolizer;

/* Zero means default. Strings are copied. */
struct san_symbolizer_config {
	struct iw_jobs *jobs;
	const char *program; /* llvm-symbolizer's path */
	int major;	     /* of the clang whose runtimes print the reports */
	int64_t patience_ms; /* with one answer; default a minute */
	int64_t idle_ms;     /* after which it is ended; default a minute */
	int64_t restart_ms;  /* after a failure; default a second */
	int64_t rest_ms;     /* a build that it failed on is left alone; 5 minutes */
};

struct san_symbolizer *san_symbolizer_new(const struct san_symbolizer_config *config);
/* No naming may be under way. stopped fires once, later, when no child is left. */
void san_symbolizer_stop(
	struct san_symbolizer *symbolizer, void (*stopped)(void *ctx), void *ctx);
/* Every naming under way ends soon, with what is known by now. */
void san_symbolizer_hurry(struct san_symbolizer *symbolizer);
/* Whether the only thing it does with this build is to wait a while for more questions. */
bool san_symbolizer_is_idle(const struct san_symbolizer *symbolizer, const char *dir);
/* Then it ends: the build's files leave. */
void san_symbolizer_rest(struct san_symbolizer *symbolizer, const char *dir);
/* Behind stopped, or when nothing was ever named. NULL is fine. */
void san_symbolizer_free(struct san_symbolizer *symbolizer);

/* One text to be given names. Everything is copied. */
struct san_naming_spec {
	const char *dir; /* of the build; modules elsewhere but in /usr stay nameless */
	const char *binary; /* the program of it that printed the text; or NULL */
	const char *text;
	size_t len;
};

struct san_naming;
typedef void (*san_naming_cb)(struct san_naming *naming, void *ctx);

/* done fires exactly once, later. */
struct san_naming *san_naming_start(struct san_symbolizer *symbolizer,
	const struct san_naming_spec *spec, san_naming_cb done, void *ctx);
/* With what is known by now; done comes as always, soon. */
void san_naming_stop(struct san_naming *naming);
/* After done: the text with its names, NUL-terminated; the caller owns it. */
char *san_naming_take(struct san_naming *naming, size_t *len);
/* Why some of them are missing; NULL when none is for such a reason. */
const char *san_naming_why(const struct san_naming *naming);
/* After done, also inside it. */
void san_naming_free(struct san_naming *naming);

#endif
