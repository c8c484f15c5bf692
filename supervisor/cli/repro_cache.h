/*
 * Files that are fetched by content: each is there whole, with the bytes that its SHA-256
 * says, or not at all. Blocks. Thread: the main thread.
 */
#ifndef IW_CLI_REPRO_CACHE_H
#define IW_CLI_REPRO_CACHE_H

#include <jansson.h>
#include <stdbool.h>

#include "base/err.h"

/* Where things come from. */
struct repro_source {
	const char *url;   /* of the host, without a slash at its end */
	const char *token; /* or NULL */
	bool is_online;
};

/* $XDG_CACHE_HOME/ironworks or ~/.cache/ironworks. The caller frees. */
char *repro_cache_dir(void);

/* GET of a JSON object. IW_EIO: the host does not answer; else its own sentence. */
int repro_source_ask(const struct repro_source *source, const char *path, json_t **answer,
	struct iw_err *err);

/* path is what the host is asked for, file where it goes, name what people call it. A
 * file that is there with another content is fetched anew. IW_EINVAL: the bytes are not
 * those. */
int repro_cache_file(const struct repro_source *source, const char *path,
	const char *file, const char *name, const char *sha256, int mode,
	struct iw_err *err);
/* All files of a manifest ("files" of supervisor/manifest.h) into dir. */
int repro_cache_build(const struct repro_source *source, const char *closure,
	const json_t *files, const char *dir, struct iw_err *err);

#endif
