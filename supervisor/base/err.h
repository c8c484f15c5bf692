/*
 * Errors: a code to act on and one sentence for the user.
 *
 * A function that can fail returns int: 0 is done, a negative IW_E… failed and filled
 * the iw_err, a positive value is an outcome that its header documents. The struct lives
 * on the caller's stack, so failing never allocates. Each level that knows more prefixes
 * its context: "importing corpus 'x': cannot open 'y': No such file or directory".
 *
 * Thread: any. Every function accepts err == NULL, for callers that need only the code.
 */
#ifndef IW_BASE_ERR_H
#define IW_BASE_ERR_H

enum iw_errcode {
	IW_EINVAL = -1,	  /* bad input: file, argument, report */
	IW_EIO = -2,	  /* the operating system said no */
	IW_ENOENT = -3,	  /* it does not exist */
	IW_EEXIST = -4,	  /* it exists already */
	IW_EBUSY = -5,	  /* somebody else holds it */
	IW_ENOSPC = -6,	  /* the disk is full */
	IW_EDB = -7,	  /* SQLite failed */
	IW_EVERSION = -8, /* written by a newer Ironworks */
	IW_EJOB = -9,	  /* a job failed or could not be started */
	IW_ECANCELED = -10,
	IW_ESANDBOX = -11, /* the sandbox does not work here */
	IW_ETOOL = -12,	   /* a program that we need is missing */
	IW_EBUDGET = -13,  /* the disk budget has no room, and nothing can leave */
};

struct iw_err {
	int code;
	char msg[1024];
};

#define IW_ERR_INIT                                                                      \
	{                                                                                \
		.code = 0                                                                \
	}

/* Fills err and returns code, so that failing is one line. */
int iw_err_set(struct iw_err *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* IW_ENOENT, IW_EEXIST, IW_ENOSPC or IW_EIO, whichever fits errnum; the message gets
 * ": strerror" appended. */
int iw_err_errno(struct iw_err *err, int errnum, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Prefixes "context: " and returns err's code. A message too long loses its end. */
int iw_err_wrap(struct iw_err *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Copies an error out of a request; dst may be NULL. Returns src's code. */
int iw_err_copy(struct iw_err *dst, const struct iw_err *src);

#endif
