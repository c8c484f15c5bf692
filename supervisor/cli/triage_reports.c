#include "cli/triage_reports.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "cli/casrep.h"
#include "cli/cli.h"
#include "cli/files.h"
#include "cli/pile_format.h"
#include "cli/table.h"
#include "triage/cluster.h"
#include "triage/reproduce.h"
#include "triage/signature.h"

#include "base/banned.h"

#define REPORT_MAX ((size_t)16 << 20)

struct bug {
	struct triage_signature signature;
	char *headline;
	size_t *files, count, cap;
	struct bug *into; /* a later report was alike to both */
};

struct reports {
	struct cli_files files;
	struct bug **bugs; /* in the order of their first reports */
	size_t count, cap;
	struct triage_clusters *clusters;
	size_t *others, other_count, other_cap; /* files that say nothing */
};

/* A stack that stands alone is a report here: some programs keep nothing else. */
static bool read_stack(struct iw_arena *arena, const char *text, size_t len,
	const char *words, struct triage_signature *sig)
{
	const struct san_report *report = NULL;
	struct san_reading reading;

	if (san_report_read(arena, text, len, &reading, NULL) == 0)
		report = san_report_primary(reading.reports, reading.count);
	if (!report)
		return false;
	triage_signature_init(sig, words ? words : report->crash_type, report->title);
	triage_signature_add_report(sig, arena, report);
	return sig->frames.count > 0 || words;
}

static bool read_file(const char *path, struct triage_signature *sig, char **headline)
{
	_auto_(iw_arena_freep) struct iw_arena *arena = iw_arena_new();
	_auto_(iw_json_freep) json_t *json = NULL;
	_auto_free_ char *data = NULL;
	struct iw_buf text = {0};
	const char *words = NULL;
	struct cli_gist gist;
	size_t len;
	bool is_read;

	if (iw_file_read(path, REPORT_MAX, &data, &len, NULL) < 0)
		return false;
	json = json_loadb(data, len, 0, NULL);
	if (json && casrep_text(json, &text))
		words = casrep_words(json);
	else
		iw_buf_add(&text, data, len);
	is_read = triage_read_report(text.data, text.len, NULL, sig, NULL) ||
		read_stack(arena, text.data, text.len, words, sig);
	cli_gist_read(&gist, text.data, text.len);
	if (is_read)
		*headline = *gist.headline ? iw_strdup(gist.headline)
			: sig->frames.count
			? iw_fmt("%s in %s", sig->type, sig->frames.names[0])
			: iw_strdup(sig->type);
	cli_gist_fini(&gist);
	iw_buf_fini(&text);
	return is_read;
}

static void free_bug(struct bug *bug)
{
	triage_signature_fini(&bug->signature);
	free(bug->headline);
	free(bug->files);
	free(bug);
}

static struct bug *survivor(struct bug *bug)
{
	while (bug->into)
		bug = bug->into;
	return bug;
}

static void add_file(struct bug *bug, size_t file)
{
	iw_grow(bug->files, bug->count, bug->cap);
	bug->files[bug->count++] = file;
}

static void take_near(void *ctx, void *owner, double similarity)
{
	triage_nearest_take(ctx, owner, survivor(owner), similarity);
}

/* The older one takes the files of the other. */
static void join(struct bug *a, struct bug *b)
{
	struct bug *older = a->files[0] < b->files[0] ? a : b,
		   *younger = older == a ? b : a;
	size_t i;

	for (i = 0; i < younger->count; i++)
		add_file(older, younger->files[i]);
	younger->into = older;
}

static void take_signature(struct reports *r, size_t file,
	const struct triage_signature *sig, char **headline)
{
	struct triage_nearest near = {0};
	struct bug *bug;

	triage_clusters_find(r->clusters, sig, take_near, &near);
	if (!near.owner) {
		bug = iw_calloc(1, sizeof *bug);
		bug->headline = iw_steal(headline);
		triage_signature_copy(&bug->signature, sig);
		triage_clusters_add(r->clusters, sig, bug);
		iw_grow(r->bugs, r->count, r->cap);
		r->bugs[r->count++] = bug;
		add_file(bug, file);
		return;
	}
	add_file(survivor(near.owner), file);
	if (triage_nearest_joins(&near))
		join(survivor(near.owner), survivor(near.other));
}

static void take_file(struct reports *r, size_t file)
{
	struct triage_signature sig = {0};
	_auto_free_ char *headline = NULL;

	if (!read_file(r->files.items[file].path, &sig, &headline)) {
		iw_grow(r->others, r->other_count, r->other_cap);
		r->others[r->other_count++] = file;
	} else {
		take_signature(r, file, &sig, &headline);
	}
	triage_signature_fini(&sig);
}

/* What was joined is no bug of its own. */
static void drop_joined(struct reports *r)
{
	size_t kept = 0, i;

	for (i = 0; i < r->count; i++) {
		if (r->bugs[i]->into)
			free_bug(r->bugs[i]);
		else
			r->bugs[kept++] = r->bugs[i];
	}
	r->count = kept;
}

static json_t *paths_of(const struct reports *r, const size_t *files, size_t count)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < count; i++)
		json_array_append_new(list, pile_text(r->files.items[files[i]].path));
	return list;
}

static void print_json(const struct reports *r)
{
	json_t *bugs = json_array();
	size_t i;

	for (i = 0; i < r->count; i++) {
		const struct bug *bug = r->bugs[i];
		_auto_free_ char *frames = triage_signature_names(&bug->signature);

		json_array_append_new(bugs,
			json_pack("{si ss so so so}", "number", (int)i + 1, "type",
				bug->signature.type, "headline", pile_text(bug->headline),
				"frames", json_loads(frames, 0, NULL), "files",
				paths_of(r, bug->files, bug->count)));
	}
	cli_print_json(json_pack("{sI so so}", "files", (json_int_t)r->files.count,
		"bugs", bugs, "not_understood", paths_of(r, r->others, r->other_count)));
}

static void print(const struct reports *r)
{
	struct cli_table *table = cli_table_new(">bug|what|>reports|first");
	size_t i;

	for (i = 0; i < r->count; i++) {
		const struct bug *bug = r->bugs[i];

		cli_table_number(table, (int64_t)i + 1);
		cli_table_cell(table, "%s", bug->headline);
		cli_table_number(table, (int64_t)bug->count);
		cli_table_cell(table, "%s", r->files.items[bug->files[0]].path);
	}
	if (r->count)
		cli_table_print(table, stdout, 0);
	cli_table_free(table);
	printf("%s%zu report%s, %zu bug%s", r->count ? "\n" : "", r->files.count,
		r->files.count == 1 ? "" : "s", r->count, r->count == 1 ? "" : "s");
	if (r->other_count)
		printf(", %zu not understood", r->other_count);
	puts("; with --binary the files are inputs, and are run");
}

static void fini(struct reports *r)
{
	size_t i;

	for (i = 0; i < r->count; i++)
		free_bug(r->bugs[i]);
	triage_clusters_free(r->clusters);
	free(r->bugs);
	free(r->others);
	cli_files_fini(&r->files);
}

int cli_triage_reports(char *const *paths, int count, bool is_json)
{
	struct iw_err err = IW_ERR_INIT;
	struct reports r = {.clusters = triage_clusters_new()};
	size_t i, bugs;

	if (cli_files_find(&r.files, paths, count, NULL, &err) < 0) {
		fini(&r);
		return cli_fail(&err);
	}
	for (i = 0; i < r.files.count; i++)
		take_file(&r, i);
	drop_joined(&r);
	if (is_json)
		print_json(&r);
	else
		print(&r);
	bugs = r.count;
	fini(&r);
	return bugs ? CLI_NO : CLI_DONE;
}
