#include "web/file.h"

#include <string.h>

#include "base/mem.h"
#include "web/route.h"

#include "base/banned.h"

static const struct web_file *find(const char *path)
{
	const struct web_file *f;

	if (strcmp(path, "/") == 0)
		path = "/index.html";
	for (f = web_files; f->path; f++)
		if (strcmp(f->path, path) == 0)
			return f;
	return NULL;
}

bool web_is_file(const char *path)
{
	return find(path) != NULL;
}

static const char *type_of(const char *path)
{
	static const char *const types[][2] = {
		{".html", "text/html; charset=utf-8"},
		{".js", "text/javascript; charset=utf-8"},
		{".css", "text/css; charset=utf-8"},
		{".json", "application/json"},
		{".svg", "image/svg+xml"},
	};
	const char *dot = strrchr(path, '.');
	size_t i;

	for (i = 0; dot && i < IW_COUNT(types); i++)
		if (strcmp(dot, types[i][0]) == 0)
			return types[i][1];
	return "application/octet-stream";
}

int web_answer_file(struct web_request *r)
{
	const struct web_file *f = find(r->path);

	r->response = MHD_create_response_from_buffer(
		f->len, (void *)(uintptr_t)f->data, MHD_RESPMEM_PERSISTENT);
	r->type = type_of(f->path);
	return r->response ? 0 : web_fail(r, 500, "no memory");
}
