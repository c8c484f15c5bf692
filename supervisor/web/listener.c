#include "web/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"

#include "base/banned.h"

#define BACKLOG 64
#define CONNECTIONS_MAX 128
/* A client that says nothing for so long is sent away, in seconds. */
#define IDLE_S 60
/* Of one connection: its headers must fit. */
#define MEMORY ((size_t)32 << 10)

struct web_listener {
	struct MHD_Daemon *mhd;
	struct iw_timer *timer;
	uv_poll_t poll;
	int fd;
};

static bool is_loopback(const struct sockaddr *address)
{
	if (address->sa_family == AF_INET)
		return ntohl(((const struct sockaddr_in *)address)->sin_addr.s_addr) >>
			24 ==
			127;
	return address->sa_family == AF_INET6 &&
		IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)address)->sin6_addr);
}

/* getaddrinfo() would take an empty one, and one that is too large. */
static bool is_port(const char *text)
{
	char *end;
	long port = strtol(text, &end, 10);

	return *text >= '0' && *text <= '9' && !*end && port <= UINT16_MAX;
}

/* Numbers only: a name could be anybody's. */
static int resolve(const char *address, struct addrinfo **found, struct iw_err *err)
{
	static const struct addrinfo hints = {
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
		.ai_socktype = SOCK_STREAM,
	};
	const char *colon = strrchr(address, ':');
	_auto_free_ char *host = NULL;
	size_t len;

	if (!colon || !is_port(colon + 1))
		return iw_err_set(err, IW_EINVAL,
			"'%s' is no ADDRESS:PORT such as 127.0.0.1:8420", address);
	len = (size_t)(colon - address);
	if (len >= 2 && address[0] == '[' && colon[-1] == ']')
		host = iw_strndup(address + 1, len - 2);
	else
		host = len ? iw_strndup(address, len) : iw_strdup("127.0.0.1");
	if (getaddrinfo(host, colon + 1, &hints, found) != 0)
		return iw_err_set(err, IW_EINVAL,
			"'%s' is no ADDRESS:PORT such as 127.0.0.1:8420", address);
	if (is_loopback((*found)->ai_addr))
		return 0;
	freeaddrinfo(*found);
	return iw_err_set(err, IW_EINVAL,
		"'%s' is not a loopback address; put a proxy with TLS before one",
		address);
}

int web_bind_loopback(const char *address, int *fd, struct iw_err *err)
{
	struct addrinfo *to;
	int one = 1, rc = resolve(address, &to, err);

	if (rc < 0)
		return rc;
	*fd = socket(to->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (*fd >= 0)
		setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (*fd < 0 || bind(*fd, to->ai_addr, to->ai_addrlen) < 0 ||
		listen(*fd, BACKLOG) < 0) {
		rc = errno == EADDRINUSE
			? iw_err_set(err, IW_EBUSY,
				  "'%s' is taken by another process; name another one "
				  "with --http",
				  address)
			: iw_err_errno(err, errno, "cannot listen on '%s'", address);
		if (*fd >= 0)
			close(*fd);
	}
	freeaddrinfo(to);
	return rc;
}

/* A path may be longer than a socket's address: by way of its folder it never is. */
static int bind_below(int fd, const char *path)
{
	_auto_free_ char *dir = iw_strndup(path, (size_t)(iw_path_base(path) - path));
	_auto_close_ int dirfd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (dirfd < 0)
		return -1;
	snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s", dirfd,
		iw_path_base(path));
	unlink(path);
	return bind(fd, (struct sockaddr *)&address, sizeof address);
}

int web_bind_path(const char *path, int *fd, struct iw_err *err)
{
	int rc = 0;

	*fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* Nobody can connect before listen(), so there is no moment at which it is open
	 * to others. */
	if (*fd < 0 || bind_below(*fd, path) < 0 || chmod(path, 0600) < 0 ||
		listen(*fd, BACKLOG) < 0) {
		rc = iw_err_errno(err, errno, "cannot listen on '%s'", path);
		if (*fd >= 0)
			close(*fd);
	}
	return rc;
}

void web_listener_pump(struct web_listener *l)
{
	MHD_UNSIGNED_LONG_LONG ms;

	MHD_run(l->mhd);
	if (MHD_get_timeout(l->mhd, &ms) == MHD_YES)
		iw_timer_start(l->timer, ms, 0);
	else
		iw_timer_stop(l->timer);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	(void)status;
	(void)events;
	web_listener_pump(poll->data);
}

static void on_timer(void *ctx)
{
	web_listener_pump(ctx);
}

static void on_message(void *ctx, const char *fmt, va_list ap)
{
	char text[256];

	(void)ctx;
	vsnprintf(text, sizeof text, fmt, ap);
	text[strcspn(text, "\n")] = '\0';
	iw_debug("http", S("said", text));
}

int web_listener_open(struct web_listener **out, struct iw_loop *loop, int fd,
	const struct web_listener_ops *ops, struct iw_err *err)
{
	struct web_listener *l = iw_calloc(1, sizeof *l);
	const union MHD_DaemonInfo *info;

	l->fd = fd;
	l->mhd = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL,
		NULL, ops->handle, ops->ctx, MHD_OPTION_EXTERNAL_LOGGER, on_message, NULL,
		MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_NOTIFY_COMPLETED, ops->completed,
		ops->ctx, MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX,
		MHD_OPTION_CONNECTION_TIMEOUT, IDLE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		MEMORY, MHD_OPTION_END);
	info = l->mhd ? MHD_get_daemon_info(l->mhd, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
	if (!info) {
		if (l->mhd)
			MHD_stop_daemon(l->mhd);
		else
			close(fd);
		free(l);
		return iw_err_set(err, IW_EIO, "cannot start the HTTP server");
	}
	l->timer = iw_timer_new(loop, on_timer, l);
	uv_poll_init(&loop->uv, &l->poll, info->epoll_fd);
	l->poll.data = l;
	uv_poll_start(&l->poll, UV_READABLE, on_readable);
	*out = l;
	return 0;
}

char *web_listener_address(const struct web_listener *l)
{
	union {
		struct sockaddr any;
		struct sockaddr_in6 in6;
	} address;
	socklen_t len = sizeof address;
	char host[INET6_ADDRSTRLEN], port[8];

	if (getsockname(l->fd, &address.any, &len) < 0 ||
		getnameinfo(&address.any, len, host, sizeof host, port, sizeof port,
			NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		return iw_strdup("?");
	return iw_fmt(strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void web_listener_close(struct web_listener *l)
{
	if (!l)
		return;
	iw_timer_free(l->timer);
	uv_poll_stop(&l->poll);
	MHD_stop_daemon(l->mhd);
	uv_close((uv_handle_t *)&l->poll, on_closed);
}
