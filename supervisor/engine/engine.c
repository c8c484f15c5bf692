#include "engine/engine.h"

#include <string.h>

#include "base/mem.h"

#include "base/banned.h"

static const struct engine_ops *const engines[] = {&engine_libfuzzer, &engine_aflpp};

const struct engine_progress engine_progress_none = {.stability = -1, .cycles = -1};

const struct engine_ops *engine_find(const char *name)
{
	size_t i;

	for (i = 0; i < IW_COUNT(engines); i++)
		if (strcmp(engines[i]->name, name) == 0)
			return engines[i];
	return NULL;
}

const char *engine_artifact_name(enum engine_artifact kind)
{
	static const char *const names[] = {
		[ENGINE_ARTIFACT_NONE] = "none",
		[ENGINE_ARTIFACT_CRASH] = "crash",
		[ENGINE_ARTIFACT_TIMEOUT] = "timeout",
		[ENGINE_ARTIFACT_OOM] = "oom",
		[ENGINE_ARTIFACT_LEAK] = "leak",
	};

	return names[kind];
}
