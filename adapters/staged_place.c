#include "adapters/staged_place.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#include "base/banned.h"

static bool is_changed(const struct staged_change *change, const char *function)
{
	size_t i;

	for (i = 0; i < change->function_count; i++)
		if (strcmp(change->functions[i], function) == 0)
			return true;
	return false;
}

static void add_place(struct staged_places *out, const struct staged_change *change,
	const char *path, uint32_t first, uint32_t last)
{
	iw_grow(out->items, out->count, out->cap);
	out->items[out->count++] = (struct staged_place){
		.pr = change->pr, .path = path, .first = first, .last = last};
}

static void add_places(struct staged_places *out, const struct staged_change *change,
	const char *path, const struct outline *outline)
{
	size_t i;

	if (change->has_top)
		add_place(out, change, path, 0,
			outline->count ? outline->functions[0].line - 1 : UINT32_MAX);
	for (i = 0; i < outline->count; i++) {
		const struct outline_function *f = &outline->functions[i];
		bool is_last = i + 1 == outline->count;

		if (is_changed(change, f->name))
			add_place(out, change, path, f->line,
				is_last ? UINT32_MAX : f[1].line - 1);
	}
}

/* Under the name that it has in the tree. */
static int read_change(struct iw_git_repo *repo, const struct staged_change *change,
	const char *tree, struct staged_places *out, struct iw_err *err)
{
	const char *path = change->path;
	struct outline outline;
	int rc;

	if (!change->function_count && !change->has_top)
		return 0;
	rc = staged_outline_read(repo, tree, path, &outline, err);
	if (rc == 1 && change->old_path) {
		path = change->old_path;
		rc = staged_outline_read(repo, tree, path, &outline, err);
	}
	if (rc != 0)
		return rc < 0 ? rc : 0;
	add_places(out, change, path, &outline);
	outline_fini(&outline);
	return 0;
}

int staged_places_read(struct iw_git_repo *repo, const struct staged_changes *changes,
	const char *tree, struct staged_places *out, struct iw_err *err)
{
	size_t i;
	int rc = 0;

	*out = (struct staged_places){0};
	for (i = 0; rc == 0 && i < changes->count; i++)
		rc = read_change(repo, &changes->items[i], tree, out, err);
	if (rc < 0)
		staged_places_fini(out);
	return rc;
}

void staged_places_fini(struct staged_places *places)
{
	free(places->items);
	*places = (struct staged_places){0};
}

static bool is_reached(const struct staged_place *place, const struct san_lcov *lcov)
{
	const struct san_lcov_file *file = san_lcov_find(lcov, place->path);
	size_t i;

	for (i = file ? san_lcov_from(file, place->first) : 0; file && i < file->count;
		i++) {
		if (file->lines[i].line > place->last)
			return false;
		if (file->lines[i].is_reached)
			return true;
	}
	return false;
}

bool staged_places_near(
	const struct staged_places *places, size_t pr, const struct san_lcov *lcov)
{
	size_t i;

	for (i = 0; i < places->count; i++)
		if (places->items[i].pr == pr && is_reached(&places->items[i], lcov))
			return true;
	return false;
}
