/*
 * From profiles to reports: merges what the counters of some programs wrote and lets the
 * toolchain's own tools say which lines that reaches, as lcov.info, summary.json and a
 * folder html/. Each tool reads what code under attack has written, so each is a job.
 *
 * Thread: the loop.
 */
#ifndef IW_COVER_REPORT_H
#define IW_COVER_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/job.h"
#include "sanitizers/lcov.h"
#include "sanitizers/toolchain.h"

/* Where the source of a coverage build seemed to lie when it was compiled. */
#define COVER_ROOT "/src"

/* Everything is borrowed until done. */
struct cover_report_spec {
	struct iw_jobs *jobs;
	const struct san_toolchain *tools;
	const char *what; /* "demo/message", in the title and for those who watch */
	char **profiles;  /* files; below one of reads */
	size_t profile_count;
	char **programs; /* likewise */
	size_t program_count;
	const char *const *reads; /* NULL-terminated */
	const char *source;	  /* the tree that was built; below one of reads */
	const char *out;	  /* a folder: gets the reports, and profile.profdata */
	/* The pages leave out files of which nothing is reached. */
	bool only_reached;
};

struct cover_totals {
	int64_t lines, lines_reached;
	int64_t functions, functions_reached;
	int64_t regions, regions_reached;
};

struct cover_report_result {
	struct cover_totals totals;
	struct san_lcov lcov;
	int64_t cpu_us;
};

struct cover_report;
/* Fires once, later. */
typedef void (*cover_report_done_cb)(
	struct cover_report *report, const struct iw_err *err, void *ctx);

struct cover_report *cover_report_start(
	const struct cover_report_spec *spec, cover_report_done_cb done, void *ctx);
/* Ends early; done comes as always, with IW_ECANCELED. */
void cover_report_stop(struct cover_report *report);
/* From done on, until the free. */
const struct cover_report_result *cover_report_result(const struct cover_report *report);
/* From done on, also inside it. */
void cover_report_free(struct cover_report *report);

/* An lcov.info that a report left, with paths as the tree has them. Blocks. */
int cover_report_lcov(const char *path, struct san_lcov *out, struct iw_err *err);

/* The totals of a summary of llvm-cov; IW_EINVAL when it is none. */
int cover_totals_parse(
	const char *text, size_t len, struct cover_totals *out, struct iw_err *err);

#endif
