/* A bug for another machine: its recipe, and then file by file what it runs on. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "manifest.h"
#include "web/route.h"

#include "base/banned.h"

int web_read_repro(struct web_request *r, const struct answer_scope *scope)
{
	int64_t all;

	if (web_param_int(r, "all", 0, 1, 0, &all) < 0)
		return -1;
	r->json = answer_repro(scope, r->id, all, &r->err);
	return r->json ? 0 : -1;
}

/* Opens what lies below builds/<closure>/ and nothing else, by way of no link. */
static int open_file(const struct web_request *r, const char *closure, const char *path,
	struct iw_err *err)
{
	_auto_free_ char *dir = iw_path_join(r->web->world.state->builds, closure);
	const char *name = iw_path_base(path);
	_auto_free_ char *folder = name == path
		? iw_strdup(".")
		: iw_strndup(path, (size_t)(name - path - 1));
	_auto_close_ int fd = iw_dir_open_below(dir, folder, err);
	int file;

	if (fd < 0)
		return fd;
	file = openat(fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	return file < 0 ? iw_err_errno(err, errno, "cannot open '%s'", path) : file;
}

int web_answer_build_file(struct web_request *r)
{
	const char *closure = web_param(r, "closure"), *path = web_param(r, "path");
	struct iw_sha256 hash;
	struct stat st;
	int fd;

	if (!closure || !iw_sha256_parse(closure, &hash))
		return web_fail(r, 400, "closure must be 64 hexadecimal digits");
	if (!path || !manifest_path_is_below(path))
		return web_fail(r, 400, "path must be one of the build's files");
	fd = open_file(r, closure, path, &r->err);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		if (fd >= 0)
			close(fd);
		return web_fail(r, 404,
			"build %.12s has no file '%s'; it may have left to make room",
			closure, path);
	}
	r->response = MHD_create_response_from_fd64((uint64_t)st.st_size, fd);
	r->type = "application/octet-stream";
	return r->response ? 0 : web_fail(r, 500, "no memory");
}
