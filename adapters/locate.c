#include "adapters/locate.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "adapters/adapter.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"

#include "base/banned.h"

/* How far above a program of the build tree its sources may lie:
 * build/dev/supervisor/cli. */
#define SOURCE_ABOVE_MAX 5

struct hunt {
	const char *name;
	char *found;	     /* the folder, once there is one */
	struct iw_buf tried; /* for the error: "'a', 'b'" */
};

/* True when the folder holds the adapter. */
static bool try_folder(struct hunt *hunt, const char *folder, size_t len)
{
	_auto_free_ char *dir = iw_fmt("%.*s/%s", (int)len, folder, hunt->name);
	_auto_free_ char *file = iw_path_join(dir, "adapter.json");

	if (iw_file_exists(file)) {
		hunt->found = iw_steal(&dir);
		return true;
	}
	iw_buf_addf(
		&hunt->tried, "%s'%.*s'", hunt->tried.len ? ", " : "", (int)len, folder);
	return false;
}

static bool try_variable(struct hunt *hunt)
{
	const char *p = getenv("IRONWORKS_ADAPTERS");

	while (p && *p) {
		size_t len = strcspn(p, ":");

		if (len && try_folder(hunt, p, len))
			return true;
		p += len;
		p += *p == ':';
	}
	return false;
}

/* Cuts the last name off; false at the root. */
static bool go_up(char *path)
{
	char *slash = strrchr(path, '/');

	if (!slash || slash == path)
		return false;
	*slash = '\0';
	return true;
}

static bool try_installed(struct hunt *hunt, const char *program)
{
	_auto_free_ char *path = iw_strdup(program);
	_auto_free_ char *share = NULL;

	if (!go_up(path) || strcmp(iw_path_base(path), "bin") != 0)
		return false;
	*strrchr(path, '/') = '\0'; /* "/bin" itself has the empty prefix */
	share = iw_fmt("%s/share/ironworks/adapters", path);
	return try_folder(hunt, share, strlen(share));
}

static bool try_source(struct hunt *hunt, const char *program)
{
	_auto_free_ char *path = iw_strdup(program);
	int i;

	for (i = 0; i < SOURCE_ABOVE_MAX && go_up(path); i++) {
		_auto_free_ char *mark = iw_path_join(path, "supervisor/base/banned.h");
		_auto_free_ char *folder = iw_path_join(path, "adapters");

		if (iw_file_exists(mark))
			return try_folder(hunt, folder, strlen(folder));
	}
	return false;
}

static int find_by_name(const char *name, char **dir, struct iw_err *err)
{
	struct hunt hunt = {.name = name};
	char program[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
	int rc = 0;

	program[n > 0 ? n : 0] = '\0';
	if (try_variable(&hunt) || try_installed(&hunt, program) ||
		try_source(&hunt, program))
		*dir = iw_steal(&hunt.found);
	else
		rc = iw_err_set(err, IW_ENOENT,
			"no adapter '%s' in %s; a folder is given with a slash: './%s'",
			name,
			hunt.tried.len ? hunt.tried.data
				       : "$IRONWORKS_ADAPTERS, which is not set",
			name);
	iw_buf_fini(&hunt.tried);
	return rc;
}

int adapter_locate(const char *where, char **dir, struct iw_err *err)
{
	size_t len = strlen(where);

	if (len == 0)
		return iw_err_set(err, IW_EINVAL, "an adapter's name is missing");
	if (strspn(where, ADAPTER_NAME_CHARS) == len)
		return find_by_name(where, dir, err);
	while (len > 1 && where[len - 1] == '/')
		len--;
	*dir = iw_strndup(where, len);
	return 0;
}
