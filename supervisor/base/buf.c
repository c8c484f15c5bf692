#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#include "base/banned.h"

static void reserve(struct iw_buf *buf, size_t more)
{
	size_t need = buf->len + more + 1;

	if (need <= buf->cap)
		return;
	buf->cap = need > 2 * buf->cap ? need : 2 * buf->cap;
	buf->data = iw_realloc(buf->data, buf->cap);
}

void iw_buf_fini(struct iw_buf *buf)
{
	free(buf->data);
	*buf = (struct iw_buf){0};
}

void iw_buf_add(struct iw_buf *buf, const void *data, size_t len)
{
	reserve(buf, len);
	if (len)
		memcpy(buf->data + buf->len, data, len);
	buf->len += len;
	buf->data[buf->len] = '\0';
}

void iw_buf_adds(struct iw_buf *buf, const char *s)
{
	iw_buf_add(buf, s, strlen(s));
}

void iw_buf_addf(struct iw_buf *buf, const char *fmt, ...)
{
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	reserve(buf, (size_t)len);
	va_start(ap, fmt);
	vsnprintf(buf->data + buf->len, (size_t)len + 1, fmt, ap);
	va_end(ap);
	buf->len += (size_t)len;
}

void iw_buf_clear(struct iw_buf *buf)
{
	buf->len = 0;
	if (buf->data)
		buf->data[0] = '\0';
}

char *iw_buf_steal(struct iw_buf *buf)
{
	char *s;

	iw_buf_add(buf, NULL, 0);
	s = buf->data;
	*buf = (struct iw_buf){0};
	return s;
}
