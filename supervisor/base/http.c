#include "base/http.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

#include "base/banned.h"

struct reading {
	CURL *curl;
	struct iw_buf *body;
	int fd; /* of the file that is saved; -1: none */
	const char *save;
	size_t len, max;
	struct iw_err err; /* of writing that */
};

/* What went wrong is told in the body, also where a file is wanted. */
static bool is_good(const struct reading *reading)
{
	long status = 0;

	curl_easy_getinfo(reading->curl, CURLINFO_RESPONSE_CODE, &status);
	return status >= 200 && status < 300;
}

/* Taking less than it was given ends the transfer. */
static size_t on_data(char *data, size_t size, size_t count, void *ctx)
{
	struct reading *reading = ctx;
	size_t len = size * count;

	if (len > reading->max - reading->len)
		return 0;
	reading->len += len;
	if (reading->fd < 0 || !is_good(reading))
		iw_buf_add(reading->body, data, len);
	else if (iw_file_write_all(reading->fd, data, len, reading->save, &reading->err) <
		0)
		return 0;
	return len;
}

/* By way of its folder a path always fits into the address of a socket. */
static int open_way(const char *path, char **way)
{
	_auto_free_ char *dir = iw_strndup(path, (size_t)(iw_path_base(path) - path));
	int fd = open(*dir ? dir : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);

	*way = iw_fmt("/proc/self/fd/%d/%s", fd, iw_path_base(path));
	return fd;
}

static void set_options(
	CURL *curl, const struct iw_http_request *request, struct reading *reading)
{
	curl_easy_setopt(curl, CURLOPT_URL, request->url);
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	/* The environment may name one, which must not see what is said here. */
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)request->timeout_ms);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_data);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, reading);
	if (request->body)
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body);
}

static int perform(CURL *curl, const struct iw_http_request *request,
	struct iw_http_answer *answer, struct iw_err *err)
{
	_auto_close_ int fd = request->save
		? open(request->save, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)
		: -1;
	struct reading reading = {.curl = curl,
		.body = &answer->body,
		.fd = fd,
		.save = request->save,
		.max = request->max_body};
	char why[CURL_ERROR_SIZE] = "";
	CURLcode code;

	if (request->save && fd < 0)
		return iw_err_errno(err, errno, "cannot write '%s'", request->save);
	set_options(curl, request, &reading);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, why);
	code = curl_easy_perform(curl);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, NULL);
	if (code == CURLE_COULDNT_CONNECT && request->socket)
		return 1;
	if (reading.err.code)
		return iw_err_copy(err, &reading.err);
	if (code == CURLE_WRITE_ERROR)
		return iw_err_set(err, IW_EIO, "its answer is larger than %zu bytes",
			request->max_body);
	if (code != CURLE_OK)
		return iw_err_set(
			err, IW_EIO, "%s", *why ? why : curl_easy_strerror(code));
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer->status);
	return 0;
}

static struct curl_slist *make_headers(const struct iw_http_request *request)
{
	struct curl_slist *headers = NULL;

	if (request->body) {
		headers = curl_slist_append(NULL, "Content-Type: application/json");
		/* Without this a larger one waits a second for "100 Continue". */
		headers = curl_slist_append(headers, "Expect:");
	}
	if (request->token) {
		_auto_free_ char *line =
			iw_fmt("Authorization: Bearer %s", request->token);

		headers = curl_slist_append(headers, line);
	}
	return headers;
}

int iw_http(const struct iw_http_request *request, struct iw_http_answer *answer,
	struct iw_err *err)
{
	_auto_close_ int dir = -1;
	_auto_free_ char *way = NULL;
	struct curl_slist *headers = NULL;
	CURL *curl;
	int rc;

	*answer = (struct iw_http_answer){0};
	if (request->socket) {
		dir = open_way(request->socket, &way);
		if (dir < 0)
			return errno == ENOENT ? 1
					       : iw_err_errno(err, errno,
							 "cannot open the folder of '%s'",
							 request->socket);
	}
	curl = curl_easy_init();
	if (!curl)
		return iw_err_set(err, IW_EIO, "libcurl cannot be started");
	if (way)
		curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, way);
	headers = make_headers(request);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	rc = perform(curl, request, answer, err);
	curl_easy_cleanup(curl);
	curl_slist_free_all(headers);
	return rc;
}
