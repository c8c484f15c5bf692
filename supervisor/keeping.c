/*
 * An engine's queue from slice to slice, where the engine can go on from it: its folder
 * lies in queues/<target>-<engine> between two slices and moves into the next job's
 * work/. Files are the engine's own, which a target may have changed: nothing in them is
 * opened here, and what they hold is in the store anyway.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "farm_room.h"

#include "base/banned.h"

/* More than this and the engine begins anew, with what is distilled. */
#define KEPT_FILES_MAX 20000
#define KEPT_BYTES_MAX ((int64_t)256 << 20)

char *farm_kept_path(
	const struct farm *farm, const struct engine_ops *engine, int64_t target_id)
{
	return iw_fmt("%s/queues/%lld-%s", farm->world.state->dir, (long long)target_id,
		engine->name);
}

/* Whether there is something to go on from, and not too much of it. */
static bool is_usable(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	int64_t bytes = 0, files = 0;
	struct dirent *entry;
	struct stat st;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	while ((entry = readdir(dir)) != NULL) {
		if (fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
			!S_ISREG(st.st_mode))
			continue;
		files++;
		bytes += st.st_size;
	}
	closedir(dir);
	return files > 0 && files <= KEPT_FILES_MAX && bytes <= KEPT_BYTES_MAX;
}

bool farm_kept_take(const char *kept, const char *to)
{
	struct iw_err err = IW_ERR_INIT;

	if (is_usable(kept) && rename(kept, to) == 0)
		return true;
	if (iw_dir_remove(kept, &err) < 0)
		iw_warn("an engine's queue cannot be removed", S("error", err.msg));
	return false;
}

void farm_keep(const struct farm *farm, const char *work, const struct engine_ops *engine,
	int64_t target_id)
{
	_auto_free_ char *kept = farm_kept_path(farm, engine, target_id);
	const char *name = iw_path_base(engine->find_dir);
	_auto_free_ char *above = iw_strndup(engine->find_dir,
		(size_t)(name - engine->find_dir) - (name != engine->find_dir));
	_auto_free_ char *queues = iw_path_join(farm->world.state->dir, "queues");
	_auto_close_ int fd = iw_dir_open_below(work, above, NULL);

	/* Another slice of the same engine may have been faster: one queue is enough. */
	if (fd >= 0 && iw_dir_make(queues, NULL) == 0 &&
		renameat(fd, name, AT_FDCWD, kept) < 0 && errno != ENOTEMPTY &&
		errno != EEXIST)
		iw_info("an engine's queue is not kept", S("queue", kept),
			S("error", strerror(errno)));
}
