#include "adapters/staged_reach.h"

#include <stdlib.h>

#include "base/mem.h"

#include "base/banned.h"

static void add_gap(struct staged_reach *r, const struct staged_gap *gap)
{
	if (r->gap_count == STAGED_GAPS_MAX) {
		r->gaps_left_out++;
		return;
	}
	iw_grow(r->gaps, r->gap_count, r->gap_cap);
	r->gaps[r->gap_count++] = *gap;
}

static void take_range(struct staged_reach *r, const char *path,
	const struct staged_range *range, const struct san_lcov_file *file)
{
	struct staged_gap gap = {.path = path};
	size_t i;

	for (i = san_lcov_from(file, range->line); i < file->count; i++) {
		const struct san_lcov_line *line = &file->lines[i];

		if (line->line - range->line >= range->count)
			break;
		r->lines++;
		if (!line->is_reached) {
			gap.first = gap.first ? gap.first : line->line;
			gap.last = line->line;
			continue;
		}
		r->reached++;
		if (gap.first)
			add_gap(r, &gap);
		gap.first = 0;
	}
	if (gap.first)
		add_gap(r, &gap);
}

struct staged_reach *staged_reach_new(
	const struct staged_lines *lines, const struct san_lcov *lcov, size_t pr_count)
{
	struct staged_reach *reach = iw_calloc(pr_count + 1, sizeof *reach);
	size_t i, k;

	for (i = 0; i < lines->count; i++) {
		const struct staged_file *staged = &lines->files[i];
		const struct san_lcov_file *file = san_lcov_find(lcov, staged->path);

		for (k = 0; file && k < staged->count; k++)
			take_range(&reach[staged->ranges[k].pr], staged->path,
				&staged->ranges[k], file);
	}
	return reach;
}

void staged_reach_sum(const struct staged_reach *reach, size_t pr_count, int64_t *lines,
	int64_t *reached)
{
	size_t i;

	for (i = 0; i < pr_count; i++) {
		*lines += reach[i].lines;
		*reached += reach[i].reached;
	}
}

void staged_reach_free(struct staged_reach *reach, size_t pr_count)
{
	size_t i;

	for (i = 0; reach && i < pr_count; i++)
		free(reach[i].gaps);
	free(reach);
}
