/*
 * libmicrohttpd on the loop: its epoll descriptor is one more handle. Thread: the loop.
 */
#ifndef IW_WEB_LISTENER_H
#define IW_WEB_LISTENER_H

#include <microhttpd.h>

#include "base/err.h"
#include "base/loop.h"

struct web_listener;

/* What happens to requests; ctx is given to both. */
struct web_listener_ops {
	void *ctx;
	MHD_AccessHandlerCallback handle;
	MHD_RequestCompletedCallback completed;
};

/* A listening socket on a loopback address: "127.0.0.1:8420", "[::1]:0". IW_EINVAL when
 * it is no such address, IW_EBUSY when somebody else has it. */
int web_bind_loopback(const char *address, int *fd, struct iw_err *err);
/* A unix socket that only its owner can open; replaces what lies there. */
int web_bind_path(const char *path, int *fd, struct iw_err *err);

/* Takes fd, also when it fails. */
int web_listener_open(struct web_listener **out, struct iw_loop *loop, int fd,
	const struct web_listener_ops *ops, struct iw_err *err);
/* "127.0.0.1:8420"; the caller frees. */
char *web_listener_address(const struct web_listener *listener);
/* Lets it do its work now, as after a connection was resumed. */
void web_listener_pump(struct web_listener *listener);
/* No request may be under way. Its handles close later. */
void web_listener_close(struct web_listener *listener);

#endif
