/*
 * JSON is jansson's; these getters turn a missing or wrong field into one sentence that
 * names the place and what is expected: "adapter.json: targets[2].timeout_s: expected a
 * positive number, found a string". Thread: any (a json_t belongs to one at a time).
 */
#ifndef IW_BASE_JSON_H
#define IW_BASE_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* Where we are in a document, for messages. Lives on the caller's stack. */
struct iw_json_at {
	const struct iw_json_at *up; /* NULL at the top */
	const char *name;	     /* a field, or the file's name at the top */
	int index;		     /* of an array element, when name is NULL */
};

void iw_json_freep(json_t **json);

/* Reads and parses a file of at most 16 MiB; the error names path, line and column. */
int iw_json_load(const char *path, json_t **json, struct iw_err *err);

/* Each: a field of the object obj at `at`. Results are borrowed from obj. A missing field
 * is an error unless the getter has a default (…_or). */
int iw_json_str(const json_t *obj, const struct iw_json_at *at, const char *field,
	const char **value, struct iw_err *err);
int iw_json_str_or(const json_t *obj, const struct iw_json_at *at, const char *field,
	const char *fallback, const char **value, struct iw_err *err);
int iw_json_int_or(const json_t *obj, const struct iw_json_at *at, const char *field,
	int64_t min, int64_t max, int64_t fallback, int64_t *value, struct iw_err *err);
int iw_json_bool_or(const json_t *obj, const struct iw_json_at *at, const char *field,
	bool fallback, bool *value, struct iw_err *err);
/* Array of at least min elements; NULL when missing and min is 0. */
int iw_json_array(const json_t *obj, const struct iw_json_at *at, const char *field,
	size_t min, json_t **value, struct iw_err *err);
int iw_json_object(const json_t *obj, const struct iw_json_at *at, const char *field,
	json_t **value, struct iw_err *err);
/* Every field of obj must be in the NULL-terminated list: typing errors are found. */
int iw_json_known(const json_t *obj, const struct iw_json_at *at,
	const char *const *fields, struct iw_err *err);
/* IW_EINVAL with the place: "<place>: <sentence>". */
int iw_json_fail(const struct iw_json_at *at, struct iw_err *err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
