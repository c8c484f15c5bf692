#include "cli/remote.h"

#include <stdlib.h>
#include <sys/types.h>
#include <time.h>

#include "base/file.h"
#include "base/http.h"
#include "base/mem.h"
#include "base/time.h"
#include "cli/cli.h"

#include "base/banned.h"

#define TIMEOUT_MS 20000
#define ANSWER_MAX ((size_t)64 << 20)
/* A daemon has the lock before it listens: in between it may bring the database up to
 * date. Between two farms it answers that it is early (503). A command that works alone
 * has the lock for a moment and never listens. */
#define START_MS 3000
#define START_STEP_MS 50

static int to_json(const struct iw_buf *body, json_t **answer, struct iw_err *err)
{
	*answer = json_loadb(body->data ? body->data : "", body->len, 0, NULL);
	if (json_is_object(*answer))
		return 0;
	json_decref(*answer);
	*answer = NULL;
	return iw_err_set(err, IW_EIO, "it answers something that is no JSON object");
}

/* As iw_http(); *answer when it returns 0. */
static int ask(const struct iw_http_request *request, long *status, json_t **answer,
	struct iw_err *err)
{
	struct iw_http_answer raw;
	int rc = iw_http(request, &raw, err);

	*status = raw.status;
	if (rc == 0)
		rc = to_json(&raw.body, answer, err);
	iw_buf_fini(&raw.body);
	return rc;
}

static void pause_ms(long ms)
{
	nanosleep(&(struct timespec){.tv_nsec = ms * 1000000}, NULL);
}

/* Who holds the state folder, 0: nobody does. Where there is none yet nobody can. */
static int find_holder(const char *state_dir, pid_t *pid, struct iw_err *err)
{
	int rc = iw_state_holder(state_dir, pid, err);

	if (rc != IW_ENOENT)
		return rc;
	*err = (struct iw_err){0};
	return 0;
}

int cli_remote(const char *state_dir, const char *method, const char *path, json_t *body,
	long *status, json_t **answer, struct iw_err *err)
{
	_auto_free_ char *dir = iw_state_dir(state_dir);
	_auto_free_ char *socket = iw_path_join(dir, "socket");
	_auto_free_ char *url = iw_fmt("http://localhost%s", path);
	_auto_free_ char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	struct iw_http_request request = {
		.method = method,
		.url = url,
		.socket = socket,
		.body = text,
		.timeout_ms = TIMEOUT_MS,
		.max_body = ANSWER_MAX,
	};
	int64_t deadline = iw_time_mono_ms() + START_MS;
	bool is_early;
	pid_t pid;
	int rc;

	*answer = NULL;
	for (;;) {
		rc = find_holder(state_dir, &pid, err);
		if (rc < 0 || pid == 0)
			return rc < 0 ? rc : 1;
		rc = ask(&request, status, answer, err);
		is_early = rc == 1 || (rc == 0 && *status == 503);
		if (!is_early || iw_time_mono_ms() > deadline)
			break;
		json_decref(*answer);
		*answer = NULL;
		pause_ms(START_STEP_MS);
	}
	if (rc == 1)
		rc = iw_err_set(err, IW_EIO, "nobody listens at '%s'", socket);
	return rc < 0 ? iw_err_wrap(err,
				"the farm on '%s' (pid %d) does not answer; look into "
				"its log, or end it with 'ironworks stop'",
				dir, (int)pid)
		      : 0;
}

int cli_remote_check(long status, const json_t *answer, struct iw_err *err)
{
	const char *sentence = json_string_value(json_object_get(answer, "error"));
	int code = status == 404		 ? IW_ENOENT
		: status == 409 || status == 503 ? IW_EBUSY
		: status >= 400 && status < 500	 ? IW_EINVAL
						 : IW_EIO;

	if (status >= 200 && status < 300)
		return 0;
	if (sentence)
		return iw_err_set(err, code, "%s", sentence);
	return iw_err_set(err, code, "the farm answers with status %ld", status);
}

int cli_unreachable(const struct iw_err *err)
{
	cli_fail(err);
	return CLI_DAEMON;
}
