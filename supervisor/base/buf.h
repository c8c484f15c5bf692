/*
 * A growing string of bytes, always NUL-terminated behind its length once something was
 * added. Zero-initialise it; iw_buf_fini() frees. Thread: one at a time.
 */
#ifndef IW_BASE_BUF_H
#define IW_BASE_BUF_H

#include <stddef.h>

struct iw_buf {
	char *data; /* NULL while empty */
	size_t len;
	size_t cap;
};

void iw_buf_fini(struct iw_buf *buf);
void iw_buf_add(struct iw_buf *buf, const void *data, size_t len);
void iw_buf_adds(struct iw_buf *buf, const char *s);
void iw_buf_addf(struct iw_buf *buf, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void iw_buf_clear(struct iw_buf *buf);
/* The string, which the caller now owns; never NULL. The buffer is empty again. */
char *iw_buf_steal(struct iw_buf *buf);

#endif
