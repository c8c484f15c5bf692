/*
 * The log: a short fixed sentence and typed fields.
 *
 *	iw_info("job started", S("job", id), I("pid", pid));
 *
 * error = someone must act; warn = we coped; info = a state changed; debug = why.
 * Lines go to stderr as text on a terminal and as one JSON object a line otherwise, or to
 * a file opened with iw_log_to(). Values are escaped: they may come from a target.
 *
 * Thread: any. A line is one write.
 */
#ifndef IW_BASE_LOG_H
#define IW_BASE_LOG_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum iw_log_level { IW_LOG_DEBUG, IW_LOG_INFO, IW_LOG_WARN, IW_LOG_ERROR, IW_LOG_NONE };

struct iw_log_field {
	const char *key;
	const char *s; /* NULL: the number counts */
	int64_t i;
};

#define S(key_, value_) ((struct iw_log_field){.key = (key_), .s = (value_)})
#define I(key_, value_) ((struct iw_log_field){.key = (key_), .i = (int64_t)(value_)})

void iw_log(enum iw_log_level level, const char *what, const struct iw_log_field *fields,
	size_t count);

#define IW_LOG_FIELDS(...) ((struct iw_log_field[]){{0}, ##__VA_ARGS__})
#define IW_LOG_CALL(level, what, ...)                                                    \
	iw_log((level), (what), IW_LOG_FIELDS(__VA_ARGS__) + 1,                          \
		sizeof(IW_LOG_FIELDS(__VA_ARGS__)) / sizeof(struct iw_log_field) - 1)

#define iw_debug(what, ...) IW_LOG_CALL(IW_LOG_DEBUG, what, ##__VA_ARGS__)
#define iw_info(what, ...) IW_LOG_CALL(IW_LOG_INFO, what, ##__VA_ARGS__)
#define iw_warn(what, ...) IW_LOG_CALL(IW_LOG_WARN, what, ##__VA_ARGS__)
#define iw_error(what, ...) IW_LOG_CALL(IW_LOG_ERROR, what, ##__VA_ARGS__)

/* Lines below level are dropped. Default: IW_LOG_WARN. Call before threads start. */
void iw_log_level(enum iw_log_level level);
/* Zero means default. */
struct iw_log_limits {
	int64_t bytes; /* of one file; default 16 MiB */
	int files;     /* older ones that are kept; default 4 */
};
/* Appends to path from now on, from debug level up. A full file becomes path.1, that one
 * path.2, and so on. limits: NULL for the default. Call before threads start. */
int iw_log_to(const char *path, const struct iw_log_limits *limits, struct iw_err *err);

#endif
