#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/banned.h"

int iw_err_set(struct iw_err *err, int code, const char *fmt, ...)
{
	va_list ap;

	if (err) {
		err->code = code;
		va_start(ap, fmt);
		vsnprintf(err->msg, sizeof err->msg, fmt, ap);
		va_end(ap);
	}
	return code;
}

static int code_of_errno(int errnum)
{
	switch (errnum) {
	case ENOENT:
		return IW_ENOENT;
	case EEXIST:
		return IW_EEXIST;
	case ENOSPC:
	case EDQUOT:
		return IW_ENOSPC;
	default:
		return IW_EIO;
	}
}

int iw_err_errno(struct iw_err *err, int errnum, const char *fmt, ...)
{
	va_list ap;
	size_t len;

	if (!err)
		return code_of_errno(errnum);
	err->code = code_of_errno(errnum);
	va_start(ap, fmt);
	vsnprintf(err->msg, sizeof err->msg, fmt, ap);
	va_end(ap);
	len = strlen(err->msg);
	snprintf(err->msg + len, sizeof err->msg - len, ": %s", strerror(errnum));
	return err->code;
}

int iw_err_wrap(struct iw_err *err, const char *fmt, ...)
{
	char inner[sizeof err->msg];
	va_list ap;
	size_t len;

	if (!err)
		return IW_EIO;
	memcpy(inner, err->msg, sizeof inner);
	va_start(ap, fmt);
	vsnprintf(err->msg, sizeof err->msg, fmt, ap);
	va_end(ap);
	len = strlen(err->msg);
	snprintf(err->msg + len, sizeof err->msg - len, ": %s", inner);
	return err->code;
}

int iw_err_copy(struct iw_err *dst, const struct iw_err *src)
{
	if (dst && dst != src)
		*dst = *src;
	return src->code;
}
