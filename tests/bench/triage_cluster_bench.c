/*
 * Clusters crashes of a made program on one core and says what it took, as one JSON object.
 * A crash comes as its row holds it, type and frames in JSON, joins the bug that it is most
 * alike to, or makes one.
 *
 *	triage_cluster_bench CRASHES BUGS SEED [FLOOD]
 *
 * FLOOD: so many of a hundred crashes are of one bug.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "tests/lib/crash_mill.h"
#include "triage/cluster.h"

#include "base/banned.h"

#define MORE 2000 /* crashes that come one by one, when all others are known */

struct row {
	char type[64];
	char *frames;
};

struct best {
	void *owner;
	double similarity;
	unsigned alike;
};

static double cpu_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void on_alike(void *ctx, void *owner, double similarity)
{
	struct best *best = ctx;

	best->alike++;
	if (similarity <= best->similarity)
		return;
	best->owner = owner;
	best->similarity = similarity;
}

/* The number of bugs that are alike to the crash. */
static unsigned cluster(struct triage_clusters *c, struct row *row, size_t *bugs)
{
	struct triage_signature sig = {0};
	struct best best = {0};

	if (triage_signature_parse(&sig, row->type, row->frames, NULL) < 0)
		abort();
	triage_clusters_find(c, &sig, on_alike, &best);
	if (!best.owner) {
		triage_clusters_add(c, &sig, row);
		++*bugs;
	}
	triage_signature_fini(&sig);
	return best.alike;
}

static struct row *make_rows(struct mill *mill, size_t count, uint32_t flood)
{
	struct row *rows = iw_calloc(count, sizeof *rows);
	size_t i;

	for (i = 0; i < count; i++) {
		struct triage_signature sig;
		unsigned bug = mill_draw(&mill->seed, 100) < flood
			? 1
			: mill_draw(&mill->seed, mill->bugs);

		mill_crash(mill, bug, &sig);
		snprintf(rows[i].type, sizeof rows[i].type, "%s", sig.type);
		rows[i].frames = triage_signature_json(&sig);
		triage_signature_fini(&sig);
	}
	return rows;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

int main(int argc, char **argv)
{
	size_t count = argc > 1 ? strtoul(argv[1], NULL, 10) : 100000, bugs = 0, i;
	struct mill mill = {
		.bugs = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 20000,
		.seed = argc > 3 ? strtoul(argv[3], NULL, 10) : 1};
	uint32_t flood = argc > 4 ? (uint32_t)strtoul(argv[4], NULL, 10) : 0;
	struct row *rows = make_rows(&mill, count + MORE, flood);
	struct triage_clusters *c = triage_clusters_new();
	double more[MORE], start = cpu_s(), all;
	unsigned alike, most_alike = 0;

	for (i = 0; i < count; i++) {
		alike = cluster(c, &rows[i], &bugs);
		if (alike > most_alike)
			most_alike = alike;
	}
	all = cpu_s() - start;
	for (i = 0; i < MORE; i++) {
		start = cpu_s();
		cluster(c, &rows[count + i], &bugs);
		more[i] = cpu_s() - start;
	}
	qsort(more, MORE, sizeof *more, by_size);
	printf("{\"crashes\": %zu, \"clusters\": %zu, \"most_alike\": %u, \"all_s\": "
	       "%.6f, "
	       "\"one_more_ms\": %.6f, \"one_more_median_ms\": %.6f}\n",
		count, bugs, most_alike, all, 1e3 * more[MORE - 1], 1e3 * more[MORE / 2]);
	for (i = 0; i < count + MORE; i++)
		free(rows[i].frames);
	free(rows);
	triage_clusters_free(c);
	return 0;
}
