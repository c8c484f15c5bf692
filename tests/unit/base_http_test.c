/* A request over a unix socket, and everything that a server may do to it. */
#include "tests/lib/temp.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/http.h"

#include "base/banned.h"

/* One that answers one connection with `says`, and keeps what it was asked. */
struct server {
	struct temp t;
	char *path;
	int fd;
	const char *says; /* NULL: nothing, and it does not hang up either */
	char asked[4096];
	pthread_t thread;
};

static void *serve(void *ctx)
{
	struct server *s = ctx;
	_auto_close_ int fd = accept(s->fd, NULL, NULL);
	ssize_t n = 0;
	size_t len = 0;

	/* Bodies of these tests end in a brace, requests without one in an empty line. */
	while (!strchr(s->asked, '}') &&
		!(strstr(s->asked, "\r\n\r\n") && len > 3 &&
			!strstr(s->asked, "Content-Type"))) {
		n = read(fd, s->asked + len, sizeof s->asked - 1 - len);
		if (n <= 0)
			return NULL;
		len += (size_t)n;
	}
	if (s->says)
		send(fd, s->says, strlen(s->says), MSG_NOSIGNAL);
	else
		read(fd, s->asked + len, 1); /* until the client has enough of it */
	return NULL;
}

/* At a path that is longer than the address of a socket. */
static void server_open(struct server *s, const char *says)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	_auto_free_ char *dir = NULL;
	_auto_close_ int dirfd = -1;

	*s = (struct server){.says = says};
	temp_open(&s->t);
	dir = iw_fmt("%s/%0120d", s->t.dir, 0);
	assert_int_equal(mkdir(dir, 0700), 0);
	s->path = iw_path_join(dir, "socket");
	dirfd = open(dir, O_PATH | O_CLOEXEC);
	snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/socket",
		dirfd);
	s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(s->fd, (struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(listen(s->fd, 1), 0);
	assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void server_close(struct server *s)
{
	assert_int_equal(pthread_join(s->thread, NULL), 0);
	close(s->fd);
	free(s->path);
	temp_close(&s->t);
}

static int ask(
	struct server *s, struct iw_http_request request, struct iw_http_answer *answer)
{
	request.url = "http://localhost/there?a=1";
	request.socket = s->path;
	if (!request.method)
		request.method = "GET";
	if (!request.timeout_ms)
		request.timeout_ms = 20000;
	if (!request.max_body)
		request.max_body = 1000;
	return iw_http(&request, answer, &s->t.err);
}

static void test_an_answer(void **state)
{
	struct iw_http_answer answer;
	struct server s;

	(void)state;
	/* Nothing that the environment says may lead it elsewhere. */
	setenv("http_proxy", "http://127.0.0.1:9", 1);
	server_open(&s, "HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\nhello");
	temp_ok(&s.t.err, ask(&s, (struct iw_http_request){0}, &answer));
	assert_int_equal(answer.status, 404);
	assert_string_equal(answer.body.data, "hello");
	iw_buf_fini(&answer.body);
	server_close(&s);
	assert_non_null(strstr(s.asked, "GET /there?a=1 HTTP/1.1\r\n"));
	assert_null(strstr(s.asked, "Content-Type"));
	unsetenv("http_proxy");
}

static void test_a_body(void **state)
{
	struct iw_http_answer answer;
	struct server s;

	(void)state;
	server_open(&s, "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n");
	temp_ok(&s.t.err,
		ask(&s, (struct iw_http_request){.method = "POST", .body = "{\"a\":1}"},
			&answer));
	assert_int_equal(answer.status, 201);
	assert_int_equal(answer.body.len, 0);
	server_close(&s);
	assert_non_null(strstr(s.asked, "POST /there?a=1 HTTP/1.1\r\n"));
	assert_non_null(strstr(s.asked, "Content-Type: application/json\r\n"));
	assert_non_null(strstr(s.asked, "\r\n\r\n{\"a\":1}"));
	assert_null(strstr(s.asked, "Expect"));
}

static void test_a_redirect_is_an_answer(void **state)
{
	struct iw_http_answer answer;
	struct server s;

	(void)state;
	server_open(&s,
		"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\n"
		"Content-Length: 0\r\n\r\n");
	temp_ok(&s.t.err, ask(&s, (struct iw_http_request){0}, &answer));
	assert_int_equal(answer.status, 302);
	server_close(&s);
}

static void test_a_flood_is_bounded(void **state)
{
	struct iw_http_answer answer;
	struct server s;

	(void)state;
	server_open(&s, "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world");
	temp_fails(&s.t.err, ask(&s, (struct iw_http_request){.max_body = 10}, &answer),
		IW_EIO, "its answer is larger than 10 bytes");
	iw_buf_fini(&answer.body);
	server_close(&s);
}

static void test_what_is_no_answer(void **state)
{
	static const char *const says[] = {
		"", "hello\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello"};
	struct iw_http_answer answer;
	struct server s;
	size_t i;

	(void)state;
	for (i = 0; i < IW_COUNT(says); i++) {
		server_open(&s, says[i]);
		assert_int_equal(ask(&s, (struct iw_http_request){0}, &answer), IW_EIO);
		assert_true(*s.t.err.msg);
		iw_buf_fini(&answer.body);
		server_close(&s);
	}
}

static void test_silence_ends(void **state)
{
	struct iw_http_answer answer;
	struct server s;

	(void)state;
	server_open(&s, NULL);
	assert_int_equal(
		ask(&s, (struct iw_http_request){.timeout_ms = 50}, &answer), IW_EIO);
	server_close(&s);
}

static void test_nobody_there(void **state)
{
	struct iw_http_request request = {
		.method = "GET",
		.url = "http://localhost/",
		.timeout_ms = 20000,
		.max_body = 10,
	};
	struct iw_http_answer answer;
	_auto_free_ char *none = NULL, *file = NULL;
	struct temp t;

	(void)state;
	temp_open(&t);
	temp_write(&t, "file", "no socket");
	none = temp_path(&t, "nothing");
	file = temp_path(&t, "file");
	request.socket = none;
	assert_int_equal(iw_http(&request, &answer, &t.err), 1);
	request.socket = file;
	assert_int_equal(iw_http(&request, &answer, &t.err), 1);
	request.socket = "/nothing/here/socket";
	assert_int_equal(iw_http(&request, &answer, &t.err), 1);
	temp_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_answer),
		cmocka_unit_test(test_a_body),
		cmocka_unit_test(test_a_redirect_is_an_answer),
		cmocka_unit_test(test_a_flood_is_bounded),
		cmocka_unit_test(test_what_is_no_answer),
		cmocka_unit_test(test_silence_ends),
		cmocka_unit_test(test_nobody_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
