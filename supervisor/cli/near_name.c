#include "cli/near_name.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

#include "base/banned.h"

#define TOLD_MAX 6
/* Longer ones are not typed by hand. */
#define COMPARED_MAX 64
#define FAR SIZE_MAX

struct near_name {
	const char *name;
	size_t edits; /* that make it of the wanted one; FAR: another word */
};

static size_t least(size_t a, size_t b, size_t c)
{
	size_t least = a < b ? a : b;

	return least < c ? least : c;
}

/* Characters that are added, left out or other ones (Levenshtein), row by row. */
static size_t count_edits(const char *a, const char *b)
{
	size_t row[COMPARED_MAX + 1], len = strlen(b), i, k;

	for (k = 0; k <= len; k++)
		row[k] = k;
	for (i = 1; a[i - 1]; i++) {
		size_t corner = row[0];

		row[0] = i;
		for (k = 1; k <= len; k++) {
			size_t above = row[k];

			row[k] = least(above + 1, row[k - 1] + 1,
				corner + (a[i - 1] != b[k - 1]));
			corner = above;
		}
	}
	return row[len];
}

/* A third of the word may be wrong, or it is one part of the other. */
static size_t edits_between(const char *wanted, const char *name)
{
	size_t edits;

	if (strlen(wanted) > COMPARED_MAX || strlen(name) > COMPARED_MAX || !*wanted)
		return FAR;
	edits = count_edits(wanted, name);
	if (edits <= (strlen(wanted) + 2) / 3)
		return edits;
	return strstr(name, wanted) || strstr(wanted, name) ? edits : FAR;
}

static int by_edits(const void *a, const void *b)
{
	const struct near_name *x = a, *y = b;

	if (x->edits != y->edits)
		return x->edits < y->edits ? -1 : 1;
	return strcmp(x->name, y->name);
}

static size_t drop_doubles(struct near_name *sorted, size_t count)
{
	size_t kept = 0, i;

	for (i = 0; i < count; i++)
		if (!kept || strcmp(sorted[kept - 1].name, sorted[i].name) != 0)
			sorted[kept++] = sorted[i];
	return kept;
}

char *cli_near_names(const char *wanted, const char *const *names, size_t count)
{
	_auto_free_ struct near_name *sorted = iw_calloc(count + 1, sizeof *sorted);
	struct iw_buf out = {0};
	size_t told, i;

	for (i = 0; i < count; i++)
		sorted[i] = (struct near_name){names[i], edits_between(wanted, names[i])};
	if (count)
		qsort(sorted, count, sizeof *sorted, by_edits);
	count = drop_doubles(sorted, count);
	/* Naming the last one is no longer than counting it. */
	told = count <= TOLD_MAX + 1 ? count : TOLD_MAX;
	for (i = 0; i < told; i++)
		iw_buf_addf(&out, "%s'%.60s'",
			i == 0			? ""
				: i + 1 < count ? ", "
						: " and ",
			sorted[i].name);
	if (told < count)
		iw_buf_addf(&out, " and %zu more", count - told);
	if (count == 0)
		iw_buf_adds(&out, "none");
	return iw_buf_steal(&out);
}
