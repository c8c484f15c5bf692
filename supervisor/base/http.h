/*
 * One HTTP request, made and answered before the call returns: for commands. Nothing on
 * the loop may call it. The work is libcurl's. Thread: any.
 */
#ifndef IW_BASE_HTTP_H
#define IW_BASE_HTTP_H

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

struct iw_http_request {
	const char *method;
	const char *url;
	/* Over this unix socket instead of the network; NULL: not. May be longer than the
	 * address of a socket. */
	const char *socket;
	/* Sent as JSON; NULL: no body. */
	const char *body;
	const char *token; /* shown as "Bearer"; NULL: none */
	/* The body of a good answer goes into this new file instead; NULL: not. */
	const char *save;
	int timeout_ms;	 /* of the whole request */
	size_t max_body; /* of the answer; a longer one is an error */
};

struct iw_http_answer {
	long status;
	struct iw_buf body;
};

/*
 * 0: there is an answer, whatever its status. 1: nobody listens at the socket, or there
 * is none. IW_EIO: it broke off, or took too long. No redirect is followed and no proxy
 * is asked. Free the answer's body in any case.
 */
int iw_http(const struct iw_http_request *request, struct iw_http_answer *answer,
	struct iw_err *err);

#endif
