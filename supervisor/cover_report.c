/*
 * One job after the other, each followed by work on the pool that takes what it left:
 *
 *	MERGE (one profile) --> LINES (lcov) --> SUMMARY (totals) --> PAGES (HTML) --> done
 *
 * A step that fails ends it, with the tool's own words.
 */
#include "cover_report.h"

#include <assert.h>
#include <errno.h>
#include <jansson.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"

#include "base/banned.h"

#define TOOL_TIMEOUT_MS ((int64_t)3600 * 1000)
#define TOOL_RSS_MB 8192
#define SUMMARY_MAX ((size_t)64 << 20)
/* What comes with the compiler and the system is nobody's code here. */
#define OTHERS "^/(usr|opt|nix|lib)"

enum step { MERGE, LINES, SUMMARY, PAGES, STEPS };

struct cover_report {
	struct cover_report_spec spec;
	cover_report_done_cb done;
	void *ctx;
	enum step step;
	char *profile;
	struct iw_job *job;
	struct iw_exit exit;
	bool is_stopped;
	struct iw_work work;
	struct cover_report_result result;
	struct iw_err err;
};

static struct cover_report *of_work(struct iw_work *work)
{
	return (struct cover_report *)((char *)work -
		offsetof(struct cover_report, work));
}

static int take_pair(const json_t *totals, const char *name, int64_t *count,
	int64_t *reached, struct iw_err *err)
{
	json_int_t all, covered;

	if (json_unpack((json_t *)totals, "{s{sI sI}}", name, "count", &all, "covered",
		    &covered) < 0 ||
		all < 0 || covered < 0 || covered > all)
		return iw_err_set(err, IW_EINVAL, "the summary has no '%s'", name);
	*count = all;
	*reached = covered;
	return 0;
}

int cover_report_lcov(const char *path, struct san_lcov *out, struct iw_err *err)
{
	_auto_free_ char *text = NULL;
	size_t len;
	int rc = iw_file_read(path, SAN_LCOV_MAX, &text, &len, err);

	return rc < 0 ? rc : san_lcov_parse(text, len, COVER_ROOT, out, err);
}

int cover_totals_parse(
	const char *text, size_t len, struct cover_totals *out, struct iw_err *err)
{
	json_t *root = json_loadb(text, len, 0, NULL), *totals;
	int rc;

	*out = (struct cover_totals){0};
	totals = json_object_get(
		json_array_get(json_object_get(root, "data"), 0), "totals");
	rc = take_pair(totals, "lines", &out->lines, &out->lines_reached, err);
	if (rc == 0)
		rc = take_pair(totals, "functions", &out->functions,
			&out->functions_reached, err);
	if (rc == 0)
		rc = take_pair(
			totals, "regions", &out->regions, &out->regions_reached, err);
	json_decref(root);
	return rc;
}

/* The tool's last words, which may be the target's. */
static int fail(struct cover_report *r, const char *log)
{
	static const char *const names[STEPS] = {"llvm-profdata merge", "llvm-cov export",
		"llvm-cov export -summary-only", "llvm-cov show"};
	const char *end = log + strlen(log), *begin;
	_auto_free_ char *last = NULL;
	struct iw_buf plain = {0};

	while (end > log && end[-1] == '\n')
		end--;
	for (begin = end; begin > log && begin[-1] != '\n'; begin--)
		;
	last = iw_strndup(begin, (size_t)(end - begin));
	iw_text_plain(&plain, last);
	iw_err_set(&r->err, IW_EJOB, "%s: %s%s%.200s", names[r->step], r->exit.words,
		plain.len ? ": " : "", plain.len ? plain.data : "");
	iw_buf_fini(&plain);
	return r->err.code;
}

static int take_profile(struct cover_report *r)
{
	_auto_free_ char *from = iw_path_join(iw_job_work(r->job), "merged.profdata");

	if (rename(from, r->profile) < 0)
		return iw_err_errno(&r->err, errno, "cannot keep '%s'", r->profile);
	return 0;
}

/* Files are named as in the tree, so that other tools find them there. */
static int write_lcov(struct cover_report *r, const char *text, size_t len)
{
	static const char from[] = "SF:" COVER_ROOT "/";
	_auto_free_ char *path = iw_path_join(r->spec.out, "lcov.info");
	const char *at = text, *end = text + len;
	struct iw_buf out = {0};
	int rc;

	while (at < end) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));

		stop = stop ? stop + 1 : end;
		if ((size_t)(stop - at) > sizeof from - 1 &&
			memcmp(at, from, sizeof from - 1) == 0) {
			iw_buf_adds(&out, "SF:");
			at += sizeof from - 1;
		}
		iw_buf_add(&out, at, (size_t)(stop - at));
		at = stop;
	}
	rc = iw_file_write(path, out.data ? out.data : "", out.len, 0644, &r->err);
	iw_buf_fini(&out);
	return rc;
}

/* The tool prints warnings first. */
static int take_lines(struct cover_report *r, const char *log, size_t len)
{
	const char *text = strncmp(log, "SF:", 3) == 0 ? log : strstr(log, "\nSF:");

	if (!text)
		return iw_err_set(&r->err, IW_EINVAL,
			"the build counts no lines; does the build command compile with "
			"$CFLAGS?");
	text += *text == '\n';
	len -= (size_t)(text - log);
	if (san_lcov_parse(text, len, COVER_ROOT, &r->result.lcov, &r->err) < 0)
		return r->err.code;
	return write_lcov(r, text, len);
}

static int take_summary(struct cover_report *r, const char *log, size_t len)
{
	_auto_free_ char *path = iw_path_join(r->spec.out, "summary.json");
	const char *text = strstr(log, "{\"data\"");

	if (!text)
		return iw_err_set(&r->err, IW_EINVAL, "llvm-cov printed no summary");
	len -= (size_t)(text - log);
	if (cover_totals_parse(text, len, &r->result.totals, &r->err) < 0)
		return r->err.code;
	return iw_file_write(path, text, len, 0644, &r->err);
}

static int take_pages(struct cover_report *r)
{
	_auto_free_ char *from = iw_path_join(iw_job_work(r->job), "html");
	_auto_free_ char *to = iw_path_join(r->spec.out, "html");

	if (rename(from, to) < 0)
		return iw_err_errno(&r->err, errno, "cannot keep '%s'", to);
	return 0;
}

/* Pool. */
static void take(struct iw_work *work)
{
	struct cover_report *r = of_work(work);
	size_t max = r->step == LINES ? SAN_LCOV_MAX : SUMMARY_MAX;
	_auto_free_ char *log = NULL;
	size_t len;

	if (iw_job_log_read(r->job, max, &log, &len, &r->err) < 0)
		return;
	if (r->exit.class != IW_EXIT_CLEAN) {
		fail(r, log);
		return;
	}
	switch (r->step) {
	case MERGE:
		take_profile(r);
		break;
	case LINES:
		take_lines(r, log, len);
		break;
	case SUMMARY:
		take_summary(r, log, len);
		break;
	default:
		take_pages(r);
	}
}

static void start_step(struct cover_report *r);

static void finish(struct cover_report *r)
{
	if (r->is_stopped)
		iw_err_set(&r->err, IW_ECANCELED, "reporting lines was stopped");
	r->done(r, r->err.code ? &r->err : NULL, r->ctx);
}

static void on_taken(struct iw_work *work)
{
	struct cover_report *r = of_work(work);

	iw_job_free(r->job);
	r->job = NULL;
	r->step++;
	if (r->err.code || r->is_stopped || r->step == STEPS)
		finish(r);
	else
		start_step(r);
}

static void on_tool(struct iw_job *job, const struct iw_exit *exit, void *ctx)
{
	struct cover_report *r = ctx;

	(void)job;
	r->exit = *exit;
	r->is_stopped |= exit->class == IW_EXIT_STOPPED;
	r->result.cpu_us += iw_exit_cpu_us(exit);
	iw_work_submit(iw_jobs_loop(r->spec.jobs), &r->work, take, on_taken);
}

/* One profile that cannot be read does not spoil the others. */
static void add_merge(struct cover_report *r)
{
	size_t i;

	iw_job_arg(r->job, r->spec.tools->profdata);
	iw_job_arg(r->job, "merge");
	iw_job_arg(r->job, "-sparse");
	iw_job_arg(r->job, "-failure-mode=all");
	iw_job_arg(r->job, "-o");
	iw_job_argf(r->job, "%s/merged.profdata", iw_job_work(r->job));
	for (i = 0; i < r->spec.profile_count; i++)
		iw_job_arg(r->job, r->spec.profiles[i]);
}

/* From inside the tree: a build command may have made names relative to it. */
static void add_cov(struct cover_report *r, const char *verb)
{
	iw_job_arg(r->job, "/usr/bin/env");
	iw_job_argf(r->job, "--chdir=%s", r->spec.source);
	iw_job_arg(r->job, r->spec.tools->cov);
	iw_job_arg(r->job, verb);
	iw_job_argf(r->job, "-instr-profile=%s", r->profile);
	iw_job_argf(r->job, "-path-equivalence=" COVER_ROOT ",%s", r->spec.source);
	iw_job_arg(r->job, "-ignore-filename-regex=" OTHERS);
	iw_job_arg(r->job, "-num-threads=1");
}

static void add_programs(struct cover_report *r)
{
	size_t i;

	iw_job_arg(r->job, r->spec.programs[0]);
	for (i = 1; i < r->spec.program_count; i++)
		iw_job_argf(r->job, "-object=%s", r->spec.programs[i]);
}

static void add_pages(struct cover_report *r)
{
	const struct san_lcov *lcov = &r->result.lcov;
	size_t i;

	add_cov(r, "show");
	iw_job_arg(r->job, "-format=html");
	iw_job_argf(r->job, "-output-dir=%s/html", iw_job_work(r->job));
	iw_job_argf(r->job, "-project-title=%s", r->spec.what);
	iw_job_arg(r->job, "-show-line-counts-or-regions");
	add_programs(r);
	for (i = 0; r->spec.only_reached && i < lcov->count; i++)
		if (lcov->files[i].reached)
			iw_job_argf(r->job, "%s/%s", r->spec.source, lcov->files[i].path);
}

static void add_command(struct cover_report *r)
{
	switch (r->step) {
	case MERGE:
		add_merge(r);
		return;
	case LINES:
		add_cov(r, "export");
		iw_job_arg(r->job, "-format=lcov");
		add_programs(r);
		return;
	case SUMMARY:
		add_cov(r, "export");
		iw_job_arg(r->job, "-summary-only");
		add_programs(r);
		return;
	default:
		add_pages(r);
	}
}

/* Later, as always: done is never called from inside the start. */
static void nothing(struct iw_work *work)
{
	(void)work;
}

static void on_nothing(struct iw_work *work)
{
	finish(of_work(work));
}

static void start_step(struct cover_report *r)
{
	struct iw_job_spec spec = {
		.purpose = IW_PURPOSE_COVER,
		.nice = IW_COVER_NICE,
		.what = r->spec.what,
		.reads = r->spec.reads,
		.timeout_ms = TOOL_TIMEOUT_MS,
		.rss_limit_mb = TOOL_RSS_MB,
		.log_limit = (int64_t)SAN_LCOV_MAX,
	};

	if (iw_job_new(&r->job, r->spec.jobs, &spec, &r->err) < 0) {
		iw_work_submit(iw_jobs_loop(r->spec.jobs), &r->work, nothing, on_nothing);
		return;
	}
	iw_job_env(r->job, "PATH", "/usr/bin:/bin");
	iw_job_env(r->job, "LC_ALL", "C.UTF-8");
	add_command(r);
	iw_job_submit(r->job, on_tool, r);
}

struct cover_report *cover_report_start(
	const struct cover_report_spec *spec, cover_report_done_cb done, void *ctx)
{
	struct cover_report *r = iw_calloc(1, sizeof *r);

	assert(spec->program_count > 0);
	r->spec = *spec;
	r->done = done;
	r->ctx = ctx;
	r->profile = iw_path_join(spec->out, "profile.profdata");
	start_step(r);
	return r;
}

void cover_report_stop(struct cover_report *r)
{
	r->is_stopped = true;
	if (r->job)
		iw_job_stop(r->job);
}

const struct cover_report_result *cover_report_result(const struct cover_report *r)
{
	return &r->result;
}

void cover_report_free(struct cover_report *r)
{
	if (!r)
		return;
	san_lcov_fini(&r->result.lcov);
	free(r->profile);
	free(r);
}
