#include "corpus/ingest.h"

#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"

#include "base/banned.h"

static struct corpus_ingest *of_work(struct iw_work *work)
{
	return (struct corpus_ingest *)((char *)work -
		offsetof(struct corpus_ingest, work));
}

/* Pool. */
static void scan_work(struct iw_work *work)
{
	struct corpus_ingest *in = of_work(work);

	corpus_scan_run(in->scan, in->is_final, &in->found, &in->err);
}

/* Writer thread. */
static int store(struct iw_dbc *dbc, void *ctx, struct iw_err *err)
{
	struct corpus_ingest *in = ctx;
	int rc = corpus_units_add(dbc, in->packs, in->target_id, in->origin,
		in->found.units, in->found.count, err);

	return rc < 0 ? rc : 0;
}

static void on_stored(struct iw_db_req *req)
{
	struct corpus_ingest *in = req->ctx;
	size_t i;

	if (req->err.code) {
		iw_err_copy(&in->err, &req->err);
	} else {
		corpus_scan_commit(in->scan, &in->found);
		for (i = 0; i < in->found.count; i++)
			in->added += in->found.units[i].is_added;
	}
	in->done(in);
}

static void on_scanned(struct iw_work *work)
{
	struct corpus_ingest *in = of_work(work);

	if (in->err.code || in->found.count == 0) {
		in->done(in);
		return;
	}
	in->req = (struct iw_db_req){.run = store, .ctx = in, .done = on_stored};
	iw_db_submit(in->db, &in->req);
}

void corpus_ingest_start(struct corpus_ingest *ingest)
{
	ingest->found = (struct corpus_found){0};
	ingest->added = 0;
	ingest->err.code = 0;
	iw_work_submit(ingest->loop, &ingest->work, scan_work, on_scanned);
}

static void note_swept(struct corpus_swept *swept, const struct corpus_found *found)
{
	size_t i;

	swept->refused += found->refused;
	swept->ids = iw_reallocarray(
		swept->ids, swept->count + found->count + 1, sizeof *swept->ids);
	for (i = 0; i < found->count; i++) {
		swept->added += found->units[i].is_added;
		swept->ids[swept->count++] = found->units[i].id;
	}
}

int corpus_ingest_dir_sync(struct iw_dbc *dbc, struct corpus_packs *packs,
	int64_t target_id, const char *origin, const char *dir,
	struct corpus_swept *swept, struct iw_err *err)
{
	return corpus_ingest_scan_sync(
		dbc, packs, target_id, origin, corpus_scan_new(dir), swept, err);
}

int corpus_ingest_scan_sync(struct iw_dbc *dbc, struct corpus_packs *packs,
	int64_t target_id, const char *origin, struct corpus_scan *scan,
	struct corpus_swept *swept, struct iw_err *err)
{
	struct corpus_found found;
	bool has_more = true;
	int rc = 0;

	/* Imports are large, and nobody else wants the cores yet. */
	corpus_scan_threads(scan, (int)sysconf(_SC_NPROCESSORS_ONLN));
	*swept = (struct corpus_swept){0};
	while (rc >= 0 && has_more) {
		rc = corpus_scan_run(scan, true, &found, err);
		if (rc < 0)
			break;
		if (found.count > 0)
			rc = corpus_units_add(dbc, packs, target_id, origin, found.units,
				found.count, err);
		if (rc >= 0) {
			corpus_scan_commit(scan, &found);
			note_swept(swept, &found);
		}
		has_more = found.has_more;
		corpus_found_fini(&found);
	}
	corpus_scan_free(scan);
	if (rc < 0)
		free(iw_steal(&swept->ids));
	return rc < 0 ? rc : 0;
}
