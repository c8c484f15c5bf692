/*
 * A fuzz engine is data plus these functions; a new engine is one new file and one row in
 * engine.c. Nothing above this room knows what an engine's files or lines look like.
 *
 * An engine runs one slice as one job. It finds its corpus in work/<corpus_dir> (made and
 * filled by the caller), adds what it finds to the same folder and leaves crashing inputs
 * in work/<artifact_dir>. Thread: the loop; nothing here blocks.
 */
#ifndef IW_ENGINE_ENGINE_H
#define IW_ENGINE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/job.h"

/* One slice of fuzzing. Paths are absolute; all borrowed. */
struct engine_slice {
	const char *binary;
	const char *dictionary;	 /* or NULL */
	int64_t seconds;	 /* how long the engine is to run */
	int64_t max_len;	 /* bytes; 0: the engine decides */
	int64_t timeout_s;	 /* of one unit */
	int64_t rss_limit_mb;	 /* resident memory, the sanitizer's included */
	int64_t malloc_limit_mb; /* one allocation */
	bool check_leaks;
	uint32_t seed;
};

/* What an engine says of itself while it runs; a number it never printed stays. */
struct engine_progress {
	int64_t executions;
	int64_t per_second;
};

enum engine_artifact {
	ENGINE_ARTIFACT_NONE, /* not for us: a slow unit, a temporary file */
	ENGINE_ARTIFACT_CRASH,
	ENGINE_ARTIFACT_TIMEOUT,
	ENGINE_ARTIFACT_OOM,
	ENGINE_ARTIFACT_LEAK,
};

enum engine_end {
	ENGINE_END_SLICE,  /* ran to its end, or was asked to stop */
	ENGINE_END_FOUND,  /* died of a finding, which lies in its artifacts */
	ENGINE_END_FAILED, /* could not work: bad options, died without an artifact */
};

struct engine_ops {
	const char *name;
	const char *corpus_dir;
	const char *artifact_dir;
	/* Adds command and environment of a slice to a new job. */
	void (*command)(struct iw_job *job, const struct engine_slice *slice);
	/* Reads the newest numbers out of the tail of the log. */
	void (*progress)(const char *log, size_t len, struct engine_progress *progress);
	enum engine_artifact (*artifact)(const char *name);
	enum engine_end (*end)(const struct iw_exit *exit, bool has_artifact);
	/* Adds the command that runs one input in a fresh process. */
	void (*reproduce)(
		struct iw_job *job, const struct engine_slice *slice, const char *input);
};

/* NULL when there is none of this name. */
const struct engine_ops *engine_find(const char *name);

/* "crash", "timeout", "oom", "leak". */
const char *engine_artifact_name(enum engine_artifact kind);

extern const struct engine_ops engine_libfuzzer;

#endif
