/*
 * A fuzz engine is data plus these functions; a new engine is one new file and one row in
 * engine.c. Nothing above this room knows what an engine's files or lines look like.
 *
 * An engine runs one slice as one job. It finds its corpus in work/<corpus_dir> (made and
 * filled by the caller), adds what it finds to work/<find_dir>, takes units that others
 * found out of work/<inbox_dir> while it runs, and leaves crashing inputs in
 * work/<artifact_dirs>. All of these are the target's to write: names, links and contents
 * are foreign. Thread: the loop; nothing here blocks.
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
	const char *program;	 /* the engine's own, where it is not in the binary */
	const char *companion;	 /* the target once more, built to help; or NULL */
	const char *inbox;	 /* path of ironworks-inbox.so */
	const char *driver;	 /* path of ironworks-driver.so */
	const char *dictionary;	 /* or NULL */
	int64_t seconds;	 /* how long the engine is to run */
	int64_t max_len;	 /* bytes; 0: the engine decides */
	int64_t timeout_s;	 /* of one unit */
	int64_t rss_limit_mb;	 /* resident memory, the sanitizer's included */
	int64_t malloc_limit_mb; /* one allocation */
	int64_t repeat;		 /* of reproduce: so often in one process; 0: once */
	bool tells_functions;	 /* of reproduce: at its end, which ones were entered */
	bool check_leaks;
	bool has_shield; /* it goes on past known crashes: ENGINE_SHIELD_DIR is there */
	bool is_resumed; /* the corpus is what its last slice kept */
	uint32_t seed;
};

#define ENGINE_PROGRESS_FILES 2

/* What there is to read: the tail of the log, and of the engine's progress files. */
struct engine_said {
	const char *log;
	size_t log_len;
	struct {
		const char *text; /* NULL: not there yet */
		size_t len;
	} files[ENGINE_PROGRESS_FILES];
};

/* What an engine says of itself while it runs; a number it never printed stays. Begin
 * with engine_progress_none. */
struct engine_progress {
	int64_t executions;
	int64_t per_second;
	int64_t stability; /* percent of edges that are the same in each run; -1 unknown
			    */
	int64_t cycles;	   /* through its queue; -1 unknown */
	int64_t kept;	   /* units out of its inbox, where only the log tells */
	/* below: private */
	int64_t line, units;
};
extern const struct engine_progress engine_progress_none;

/* What a file in its folder of finds is, by its name. */
enum engine_unit {
	ENGINE_UNIT_FOUND,
	ENGINE_UNIT_GIVEN, /* it began with it */
	ENGINE_UNIT_KEPT,  /* found by another engine, and new to this one */
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
	const char *name; /* also san_flavour.engine of its builds */
	const char *corpus_dir;
	const char *find_dir;
	const char *inbox_dir;
	const char *const *artifact_dirs; /* NULL-terminated */
	/* At most ENGINE_PROGRESS_FILES in work/, NULL-terminated; or NULL. */
	const char *const *progress_files;
	/* It refuses to start with nothing: the caller writes this into an empty corpus.
	 * NULL: it does not. */
	const char *first_unit;
	/* A finding does not end it. */
	bool goes_on;
	/* What is in find_dir at the end of a slice is the next one's corpus. */
	bool keeps_finds;
	/* Adds command and environment of a slice to a new job. */
	void (*command)(struct iw_job *job, const struct engine_slice *slice);
	void (*progress)(const struct engine_said *said, struct engine_progress *out);
	/* dir is one of artifact_dirs. */
	enum engine_artifact (*artifact)(const char *dir, const char *name);
	enum engine_unit (*unit)(const char *name);
	enum engine_end (*end)(const struct iw_exit *exit, bool has_artifact);
	/* Adds the command that runs one input in a fresh process; NULL: its builds are
	 * not for that. */
	void (*reproduce)(
		struct iw_job *job, const struct engine_slice *slice, const char *input);
};

/* NULL when there is none of this name. */
const struct engine_ops *engine_find(const char *name);

/* "crash", "timeout", "oom", "leak". */
const char *engine_artifact_name(enum engine_artifact kind);

/* Units in an inbox are called "<engine that found it>-<SHA-1>"; what is called by its
 * SHA-1 alone is handed out anew. */
#define ENGINE_GIFT "%s-%s"

extern const struct engine_ops engine_libfuzzer;
extern const struct engine_ops engine_aflpp;

#endif
