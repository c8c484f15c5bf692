#include "engine/driver_batch.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "engine/driver_format.h"

#include "base/banned.h"

#define WRITE_CHUNK (1u << 20)
#define RESULT_MAX ((size_t)2 << 30)
#define REPORT_MAX (IW_DRIVER_DEATH_MAX + 4096u) /* its note of what was left out */

/* A value of 0 is every key's default and stays out. */
static void add_key(struct iw_buf *buf, const char *key, int64_t value)
{
	if (value <= 0)
		return;
	iw_buf_addf(buf, "%s=%" PRId64, key, value);
	iw_buf_add(buf, "", 1);
}

static int write_spec(
	const char *dir, const struct engine_driver_spec *spec, struct iw_err *err)
{
	_auto_free_ char *path = iw_path_join(dir, IW_DRIVER_SPEC);
	struct iw_buf buf = {0};
	int rc;

	if (!spec->wants_features)
		iw_buf_add(&buf, "features=0", sizeof "features=0");
	add_key(&buf, "timeout_ms", spec->timeout_ms);
	add_key(&buf, "cpu_ms", spec->cpu_ms);
	add_key(&buf, "rss_limit_mb", spec->rss_limit_mb);
	add_key(&buf, "malloc_limit_mb", spec->malloc_limit_mb);
	add_key(&buf, "leaks", spec->leaks);
	add_key(&buf, "max_deaths", spec->max_deaths);
	add_key(&buf, "serve", spec->serves);
	rc = iw_file_write(path, buf.data ? buf.data : "", buf.len, 0644, err);
	iw_buf_fini(&buf);
	return rc;
}

static int write_units(int fd, const char *path, const struct engine_units *units,
	struct iw_buf *buf, struct iw_err *err)
{
	struct iw_driver_batch_header header = {
		.magic = IW_DRIVER_BATCH_MAGIC,
		.version = IW_DRIVER_VERSION,
		.units = (uint32_t)units->count,
	};
	size_t i;
	int rc;

	iw_buf_add(buf, &header, sizeof header);
	for (i = 0; i < units->count; i++) {
		const void *data;
		size_t len;
		uint32_t size;

		rc = units->load(units->ctx, i, &data, &len, err);
		if (rc < 0)
			return rc;
		if (len > IW_DRIVER_UNIT_SIZE_MAX)
			return iw_err_set(err, IW_EINVAL,
				"unit %zu of the batch is too large (%zu bytes)", i, len);
		size = (uint32_t)len;
		iw_buf_add(buf, &size, sizeof size);
		iw_buf_add(buf, data, len);
		if (buf->len >= WRITE_CHUNK) {
			rc = iw_file_write_all(fd, buf->data, buf->len, path, err);
			if (rc < 0)
				return rc;
			iw_buf_clear(buf);
		}
	}
	return iw_file_write_all(fd, buf->data, buf->len, path, err);
}

int engine_batch_write(const char *dir, const struct engine_driver_spec *spec,
	const struct engine_units *units, struct iw_err *err)
{
	_auto_free_ char *path = iw_path_join(dir, IW_DRIVER_BATCH);
	_auto_close_ int fd = -1;
	struct iw_buf buf = {0};
	int rc;

	if (units->count > IW_DRIVER_UNITS_MAX)
		return iw_err_set(err, IW_EINVAL, "a batch of %zu units is too large",
			units->count);
	rc = write_spec(dir, spec, err);
	if (rc < 0)
		return rc;
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return iw_err_errno(err, errno, "cannot write '%s'", path);
	rc = write_units(fd, path, units, &buf, err);
	iw_buf_fini(&buf);
	return rc;
}

/* Where we are in a result. */
struct reader {
	const char *dir;
	struct engine_results *results;
	const uint8_t *data;
	size_t at, len;
	uint32_t next; /* the unit whose record must come next */
	char *why;
	enum engine_batch_end *end;
	struct iw_err *err;
};

static int malformed(struct reader *r, const char *what)
{
	return iw_err_set(r->err, IW_EINVAL,
		"the driver's result is malformed at byte %zu: %s", r->at, what);
}

/* What the target wrote while it died; a death without it is still one. */
static void read_report(const char *dir, const char *name, char **text, size_t *len)
{
	_auto_free_ char *path = iw_path_join(dir, name);

	if (iw_file_read_foreign(path, REPORT_MAX, text, len, NULL) < 0) {
		*text = NULL;
		*len = 0;
	}
}

static void keep_words(char *why, const void *text, size_t len)
{
	if (len > 511)
		len = 511;
	memcpy(why, text, len);
	why[len] = '\0';
}

static int take_measured(struct reader *r, const struct iw_driver_record *record)
{
	struct engine_unit_result *unit = &r->results->units[record->index];
	const uint8_t *features = r->data + r->at;

	if (!engine_features_decode(features, record->bytes, record->count,
		    8 * r->results->counters, NULL) &&
		record->count > 0)
		return malformed(r, "features out of order or range");
	unit->outcome = ENGINE_PASSED;
	unit->us = record->microseconds;
	unit->is_rejected = record->flags & IW_DRIVER_REJECTED;
	unit->feature_count = record->count;
	unit->features_at = r->at;
	unit->features_len = record->count ? record->bytes : 0;
	return 0;
}

static void take_death(struct reader *r, const struct iw_driver_record *record)
{
	static const enum engine_death deaths[] = {
		[IW_DRIVER_DIED] = ENGINE_DEATH_CRASH,
		[IW_DRIVER_TIMEOUT] = ENGINE_DEATH_TIMEOUT,
		[IW_DRIVER_OOM] = ENGINE_DEATH_OOM,
		[IW_DRIVER_LEAK] = ENGINE_DEATH_LEAK,
		[IW_DRIVER_EXIT] = ENGINE_DEATH_EXIT,
	};
	struct engine_unit_result *unit = &r->results->units[record->index];
	char name[32];

	unit->outcome = ENGINE_DIED;
	unit->death = deaths[record->kind];
	unit->status = (int)record->status;
	unit->us = record->microseconds;
	snprintf(name, sizeof name, IW_DRIVER_DEATH, record->index);
	read_report(r->dir, name, &unit->report, &unit->report_len);
}

/* One record with its payload in reach; 1: the result ends here. */
static int take_record(struct reader *r, const struct iw_driver_record *record)
{
	switch (record->kind) {
	case IW_DRIVER_MEASURED:
	case IW_DRIVER_DIED:
	case IW_DRIVER_TIMEOUT:
	case IW_DRIVER_OOM:
	case IW_DRIVER_LEAK:
	case IW_DRIVER_EXIT:
		if (record->index != r->next || record->index >= r->results->count)
			return malformed(r, "a unit out of order");
		r->next++;
		if (record->kind == IW_DRIVER_MEASURED)
			return take_measured(r, record);
		take_death(r, record);
		return 0;
	case IW_DRIVER_SKIPPED:
		if (record->index != r->next ||
			record->count > r->results->count - r->next)
			return malformed(r, "skipped units out of range");
		r->next += record->count;
		return 0;
	case IW_DRIVER_UNFIT:
		*r->end = ENGINE_BATCH_UNFIT;
		keep_words(r->why, r->data + r->at, record->bytes);
		return 1;
	case IW_DRIVER_FAILED:
		keep_words(r->why, r->data + r->at, record->bytes);
		return iw_err_set(r->err, IW_EJOB, "the driver failed: %s", r->why);
	case IW_DRIVER_END:
		*r->end = ENGINE_BATCH_WHOLE;
		return 1;
	default:
		return malformed(r, "unknown record");
	}
}

static int read_records(struct reader *r)
{
	struct iw_driver_record record;
	int rc = 0;

	*r->end = ENGINE_BATCH_CUT;
	while (rc == 0 && r->len - r->at >= sizeof record) {
		memcpy(&record, r->data + r->at, sizeof record);
		if (record.bytes > r->len - r->at - sizeof record)
			return 0; /* cut off in the middle of a record */
		r->at += sizeof record;
		rc = take_record(r, &record);
		r->at += record.bytes;
	}
	return rc < 0 ? rc : 0;
}

static int read_header(struct reader *r)
{
	struct iw_driver_result_header header;

	if (r->len < sizeof header) {
		*r->end = ENGINE_BATCH_CUT;
		return 1;
	}
	memcpy(&header, r->data, sizeof header);
	if (memcmp(header.magic, IW_DRIVER_RESULT_MAGIC, sizeof header.magic) != 0)
		return malformed(r, "not a result");
	if (header.version != IW_DRIVER_VERSION)
		return malformed(r, "a version that we do not know");
	if (header.counters > IW_DRIVER_COUNTERS_MAX)
		return malformed(r, "too many counters");
	r->results->counters = header.counters;
	r->at = sizeof header;
	return 0;
}

/* A target that dies at once leaves its words, and no record of any unit. */
static void look_for_init_death(struct reader *r)
{
	_auto_free_ char *text = NULL;
	size_t len;

	if (r->next > 0 || *r->end == ENGINE_BATCH_UNFIT)
		return;
	read_report(r->dir, IW_DRIVER_DEATH_INIT, &text, &len);
	if (!text)
		return;
	*r->end = ENGINE_BATCH_INIT;
	keep_words(r->why, text, len);
}

int engine_batch_read(const char *dir, struct engine_results *results,
	enum engine_batch_end *end, char why[static 512], struct iw_err *err)
{
	_auto_free_ char *path = iw_path_join(dir, IW_DRIVER_RESULT);
	struct reader r = {
		.dir = dir, .results = results, .why = why, .end = end, .err = err};
	char *data;
	int rc;

	why[0] = '\0';
	*end = ENGINE_BATCH_ABSENT;
	rc = iw_file_read_foreign(path, RESULT_MAX, &data, &r.len, err);
	if (rc == IW_ENOENT) {
		look_for_init_death(&r);
		return 0;
	}
	if (rc < 0)
		return rc;
	r.data = (const uint8_t *)data;
	/* Features stay where they are: the file becomes the results' bytes. */
	results->bytes = (struct iw_buf){.data = data, .len = r.len, .cap = r.len + 1};
	rc = read_header(&r);
	if (rc == 0)
		rc = read_records(&r);
	if (rc >= 0)
		look_for_init_death(&r);
	return rc < 0 ? rc : 0;
}

int engine_batch_failed(struct iw_err *err, const char *what, const char *words)
{
	struct iw_buf plain = {0};
	int rc;

	iw_text_plain(&plain, words);
	rc = iw_err_set(err, IW_EJOB, "%s: %.700s", what, plain.data);
	iw_buf_fini(&plain);
	return rc;
}

int engine_batch_judge(enum engine_batch_end end, const struct iw_exit *exit,
	enum iw_purpose purpose, const char *why, struct iw_err *err)
{
	const char *words = why[0] ? why : exit->words;

	if (end == ENGINE_BATCH_WHOLE)
		return 0;
	/* What never ran, or lost its keeper, says nothing about the target. */
	if (exit->class == IW_EXIT_SPAWN_FAILED || exit->class == IW_EXIT_LOST)
		return iw_err_set(err, IW_EIO, "a %s job could not run: %s",
			iw_purpose_name(purpose), exit->words);
	if (end == ENGINE_BATCH_UNFIT)
		return 1;
	if (end == ENGINE_BATCH_INIT)
		return engine_batch_failed(
			err, "the target died before its first unit", words);
	if (end == ENGINE_BATCH_CUT)
		return engine_batch_failed(err, "the driver ended in the middle", words);
	/* A clean end without a result is libFuzzer's -runs=0: nobody preloaded us.
	 * Everything else is a job that never got as far as the driver. */
	if (exit->class == IW_EXIT_CLEAN)
		return 1;
	return engine_batch_failed(err, "the target did not start", words);
}
