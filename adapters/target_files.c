#include "adapters/target_files.h"

#include <stdlib.h>
#include <string.h>

#include "adapters/load.h"
#include "base/buf.h"
#include "base/mem.h"

#include "base/banned.h"

#define FILES_MAX 64
#define BINARY "${binary}"
#define TARGET "${target}"
#define VARIABLE "[$][{](binary|target)[}]"

static const struct adapter_rule path_rule = {
	"^([A-Za-z0-9_+-]|" VARIABLE ")"
	"([A-Za-z0-9_.+-]|" VARIABLE "|/[A-Za-z0-9_+-]|/" VARIABLE "){0,199}$",
	"a file of the source, relative to its root, in which '" TARGET
	"' stands for a target's name and '" BINARY "' for its program",
};

int adapter_load_target_files(struct adapter_load *load, const json_t *obj)
{
	struct iw_json_at here = {.up = &load->top, .name = "target_files"};
	const char **paths;
	json_t *array = NULL;
	size_t i, n;
	int rc = 0;

	if (json_object_get(obj, "target_files"))
		rc = iw_json_array(obj, &load->top, "target_files", 1, &array, load->err);
	n = json_array_size(array);
	if (rc < 0)
		return rc;
	if (n > FILES_MAX)
		return iw_json_fail(&here, load->err,
			"expected at most %d elements, found %zu", FILES_MAX, n);
	paths = iw_arena_alloc(load->arena, (n + 1) * sizeof *paths);
	for (i = 0; i < n; i++) {
		struct iw_json_at at = {.up = &here, .index = (int)i};
		const char *path = json_string_value(json_array_get(array, i));

		if (!path || !adapter_rule_holds(&path_rule, path))
			return iw_json_fail(
				&at, load->err, "expected %s", path_rule.expected);
		paths[i] = iw_arena_strdup(load->arena, path);
	}
	load->adapter->target_files = paths;
	return 0;
}

static char *fill_in(const char *path, const struct adapter_target *target)
{
	struct iw_buf out = {0};
	const char *from;

	/* The rule has let no other variable in. */
	while ((from = strstr(path, "${"))) {
		bool is_binary = strncmp(from, BINARY, strlen(BINARY)) == 0;

		iw_buf_add(&out, path, (size_t)(from - path));
		iw_buf_adds(&out, is_binary ? target->binary : target->name);
		path = from + strlen(is_binary ? BINARY : TARGET);
	}
	iw_buf_adds(&out, path);
	return iw_buf_steal(&out);
}

void target_files_init(struct target_files *files, const struct adapter *adapter,
	const struct adapter_target *target)
{
	const char *const *path = adapter->target_files;
	size_t cap = 0;

	*files = (struct target_files){0};
	for (; path && *path; path++) {
		iw_grow(files->paths, files->count, cap);
		files->paths[files->count++] = fill_in(*path, target);
	}
}

void target_files_fini(struct target_files *files)
{
	size_t i;

	for (i = 0; i < files->count; i++)
		free(files->paths[i]);
	free(files->paths);
	*files = (struct target_files){0};
}

bool target_files_have(const struct target_files *files, const char *path)
{
	size_t i, len = path ? strlen(path) : 0;

	for (i = 0; i < files->count; i++) {
		size_t tail = strlen(files->paths[i]);

		if (len >= tail && strcmp(path + len - tail, files->paths[i]) == 0 &&
			(len == tail || path[len - tail - 1] == '/'))
			return true;
	}
	return false;
}
