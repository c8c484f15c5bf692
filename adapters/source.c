#include "adapters/source.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"

#include "base/banned.h"

#define FETCH_TIMEOUT_MS (30 * 60 * 1000)
#define LOOK_TIMEOUT_MS (60 * 1000)
#define LOG_MAX ((size_t)256 << 10)

static void finish(struct source_req *req)
{
	iw_job_free(req->job);
	req->job = NULL;
	req->done(req, req->err.code ? &req->err : NULL);
}

/* Git says what it could not do first, and comforts after it; others end with it. */
static const char *find_reason(char *log, size_t len)
{
	char *line;

	while (len > 0 && log[len - 1] == '\n')
		log[--len] = '\0';
	line = strstr(log, "fatal: ");
	if (line && (line == log || line[-1] == '\n')) {
		line[strcspn(line, "\n")] = '\0';
		return line;
	}
	line = strrchr(log, '\n');
	return line ? line + 1 : log;
}

static int job_failed(
	struct source_req *req, const struct iw_exit *exit, const char *what)
{
	_auto_free_ char *log = NULL;
	const char *line = "";
	size_t len;

	if (exit->class == IW_EXIT_STOPPED)
		return iw_err_set(&req->err, IW_ECANCELED, "stopped");
	if (iw_job_log_read(req->job, LOG_MAX, &log, &len, NULL) == 0)
		line = find_reason(log, len);
	return iw_err_set(&req->err, IW_EJOB, "cannot %s the source: %s%s%s", what,
		exit->words, *line ? ": " : "", line);
}

static int keep_fetched(struct source_req *req)
{
	_auto_free_ char *made = iw_path_join(iw_job_work(req->job), "repo");
	_auto_free_ char *parent = NULL;

	/* Updating works in place; a first fetch is moved there when it is whole. */
	if (!iw_file_exists(made))
		return 0;
	if (rename(made, req->repo_dir) < 0)
		return iw_err_errno(
			&req->err, errno, "cannot keep source '%s'", req->repo_dir);
	parent = iw_strndup(
		req->repo_dir, (size_t)(iw_path_base(req->repo_dir) - req->repo_dir));
	return iw_dir_sync(parent, &req->err);
}

static void on_fetched(struct iw_job *job, const struct iw_exit *exit, void *ctx)
{
	struct source_req *req = ctx;

	(void)job;
	if (exit->class == IW_EXIT_CLEAN)
		keep_fetched(req);
	else
		job_failed(req, exit, "fetch");
	finish(req);
}

static void add_environment(struct iw_job *job)
{
	/* What a fetch needs of the operator's: how to reach the network. */
	static const char *const kept[] = {"PATH", "LANG", "http_proxy", "https_proxy",
		"no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE",
		"GIT_SSL_CAINFO", "SSH_AUTH_SOCK"};
	size_t i;

	for (i = 0; i < IW_COUNT(kept); i++)
		if (getenv(kept[i]))
			iw_job_env(job, kept[i], getenv(kept[i]));
	iw_job_env(job, "HOME", iw_job_work(job));
	iw_job_env(job, "TMPDIR", iw_job_work(job));
	iw_job_env(job, "GIT_TERMINAL_PROMPT", "0");
}

static void add_words(struct iw_job *job, const char *const *words)
{
	for (; *words; words++)
		iw_job_arg(job, *words);
}

static void add_update(struct source_req *req)
{
	/* The URL of today's adapter.json, not the one that was cloned. */
	const char *const words[] = {"fetch", "--quiet", "--prune", "--",
		req->adapter->source.git, "+refs/*:refs/*", NULL};

	iw_job_arg(req->job, "/usr/bin/git");
	iw_job_argf(req->job, "--git-dir=%s", req->repo_dir);
	add_words(req->job, words);
}

static void add_first_fetch(struct source_req *req)
{
	const struct adapter_source *s = &req->adapter->source;
	const char *const clone[] = {
		"/usr/bin/git", "clone", "--quiet", "--mirror", "--", s->git, NULL};

	if (s->git) {
		add_words(req->job, clone);
	} else {
		iw_job_arg(req->job, "/usr/bin/env");
		iw_job_argf(req->job, "--chdir=%s", req->adapter->dir);
		add_words(req->job, s->command);
	}
	iw_job_argf(req->job, "%s/repo", iw_job_work(req->job));
}

static int new_job(
	struct source_req *req, const char *what, int64_t timeout_ms, struct iw_err *err)
{
	_auto_free_ char *words = iw_fmt("the %s of %s", what, req->adapter->name);
	struct iw_job_spec spec = {
		.purpose = IW_PURPOSE_FETCH,
		.what = words,
		.timeout_ms = timeout_ms,
		.log_limit = LOG_MAX,
		.wants_all_cores = true,
		.is_trusted = true,
	};
	int rc;

	req->err = (struct iw_err)IW_ERR_INIT;
	req->job = NULL;
	rc = iw_job_new(&req->job, req->jobs, &spec, err);
	if (rc == 0)
		add_environment(req->job);
	return rc;
}

int source_fetch(struct source_req *req, struct iw_err *err)
{
	int rc = new_job(req, "source", FETCH_TIMEOUT_MS, err);

	if (rc < 0)
		return rc;
	if (req->adapter->source.git && iw_file_exists(req->repo_dir))
		add_update(req);
	else
		add_first_fetch(req);
	iw_job_submit(req->job, on_fetched, req);
	return 0;
}

/* A line of the listing: "ID\tREFERENCE". */
static bool take_line(
	const char *line, size_t len, const char *reference, char head[static IW_GIT_HEX])
{
	size_t id = IW_GIT_HEX - 1, name = strlen(reference);

	if (len != id + 1 + name || line[id] != '\t' ||
		strspn(line, "0123456789abcdef") != id ||
		memcmp(line + id + 1, reference, name) != 0)
		return false;
	memcpy(head, line, id);
	head[id] = '\0';
	return true;
}

bool source_head_find(
	const char *listing, const char *branch, char head[static IW_GIT_HEX])
{
	/* A tag's own object stands before the commit that it means ("^{}"). */
	static const char *const places[] = {"refs/heads/%s", "refs/remotes/origin/%s",
		"%s", "refs/%s", "refs/tags/%s^{}", "refs/tags/%s"};
	size_t i;

	for (i = 0; i < IW_COUNT(places); i++) {
		const char *mark = strchr(places[i], '%'), *line = listing;
		_auto_free_ char *reference = iw_fmt(
			"%.*s%s%s", (int)(mark - places[i]), places[i], branch, mark + 2);

		while (*line) {
			size_t len = strcspn(line, "\n");

			if (take_line(line, len, reference, head))
				return true;
			line += len + (line[len] == '\n');
		}
	}
	return false;
}

static void on_listed(struct iw_job *job, const struct iw_exit *exit, void *ctx)
{
	struct source_req *req = ctx;
	_auto_free_ char *log = NULL;
	size_t len;

	if (exit->class != IW_EXIT_CLEAN)
		job_failed(req, exit, "look at");
	else if (iw_job_log_read(job, LOG_MAX, &log, &len, &req->err) == 0 &&
		!source_head_find(log, req->adapter->source.branch, req->head))
		iw_err_set(&req->err, IW_ENOENT, "the source has no branch '%s'",
			req->adapter->source.branch);
	finish(req);
}

int source_look(struct source_req *req, struct iw_err *err)
{
	const struct adapter_source *s = &req->adapter->source;
	int rc = new_job(req, "branch", LOOK_TIMEOUT_MS, err);

	if (rc < 0)
		return rc;
	iw_job_arg(req->job, "/usr/bin/git");
	iw_job_arg(req->job, "ls-remote");
	iw_job_arg(req->job, "--");
	iw_job_arg(req->job, s->git);
	/* Patterns match the ends of references. */
	iw_job_arg(req->job, s->branch);
	iw_job_argf(req->job, "%s^{}", s->branch);
	iw_job_submit(req->job, on_listed, req);
	return 0;
}

void source_stop(struct source_req *req)
{
	if (req->job)
		iw_job_stop(req->job);
}
