/* A crash on its way to the disk: artifacts and row, before anyone is told. */
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "triage/artifact.h"
#include "triage/crash_db.h"
#include "triage/reproduce.h"
#include "triage/room.h"

#include "base/banned.h"

int triage_store(struct iw_dbc *dbc, const char *artifacts_dir,
	const struct triage_crash *crash, int64_t *crash_id, struct iw_sha256 *input,
	struct iw_err *err)
{
	struct iw_sha256 report;
	int rc;

	rc = triage_artifact_put(artifacts_dir, crash->input, crash->len, input, err);
	if (rc == 0)
		rc = triage_artifact_put(
			artifacts_dir, crash->report, crash->report_len, &report, err);
	return rc < 0 ? rc
		      : crash_db_add(dbc, crash->target->id, crash->build_id, crash->kind,
				input, (int64_t)crash->len, &report, crash_id, err);
}

/* One crash on its way to the disk. */
struct intake {
	struct iw_db_req req;
	struct triage *triage;
	struct triage_crash crash;
	char flavour[40], kind[16];
	char *build_dir;
	struct iw_sha256 hash;
	int64_t id;
	bool is_known;
	triage_stored_cb stored;
	void *ctx;
};

static int store_crash(struct iw_dbc *dbc, void *ctx, struct iw_err *err)
{
	struct intake *in = ctx;
	int rc = triage_store(dbc, triage_world_of(in->triage)->artifacts_dir, &in->crash,
		&in->id, &in->hash, err);

	in->is_known = rc == 1;
	return rc;
}

static void finish(struct intake *in)
{
	free((void *)in->crash.input);
	free((char *)in->crash.report);
	free(in->build_dir);
	free(in);
}

static void on_named(struct san_naming *naming, void *ctx)
{
	struct intake *in = ctx;
	struct triage *t = in->triage;

	free((char *)in->crash.report);
	in->crash.report = triage_named_report(naming, &in->crash.report_len);
	triage_queue(t, &in->crash, in->id, &in->hash);
	finish(in);
	triage_hint_end(t);
}

/* Engines run without a symbolizer, and only names tell whether this bug is known. */
static void queue(struct intake *in)
{
	const struct triage_world *world = triage_world_of(in->triage);
	struct san_naming_spec spec = {
		.dir = in->build_dir,
		.text = in->crash.report,
		.len = in->crash.report_len,
	};

	if (in->build_dir && world->symbolizer && !triage_is_stopping(in->triage)) {
		triage_hint_begin(in->triage);
		san_naming_start(world->symbolizer, &spec, on_named, in);
		return;
	}
	triage_queue(in->triage, &in->crash, in->id, &in->hash);
	finish(in);
}

static void on_crash_stored(struct iw_db_req *req)
{
	struct intake *in = req->ctx;
	struct triage *t = in->triage;

	if (req->err.code)
		iw_error("a crash could not be stored", S("error", req->err.msg));
	if (in->stored)
		in->stored(in->ctx, req->err.code ? &req->err : NULL);
	if (req->err.code || in->is_known)
		finish(in);
	else
		queue(in);
	triage_request_end(t);
}

void triage_submit(struct triage *t, const struct triage_crash *crash,
	triage_stored_cb stored, void *ctx)
{
	struct intake *in = iw_calloc(1, sizeof *in);

	in->triage = t;
	in->crash = *crash;
	in->crash.input = iw_memdup(crash->input, crash->len);
	in->crash.report = iw_memdup(crash->report, crash->report_len);
	snprintf(in->flavour, sizeof in->flavour, "%s", crash->flavour);
	snprintf(in->kind, sizeof in->kind, "%s", crash->kind);
	in->crash.flavour = in->flavour;
	in->crash.kind = in->kind;
	in->build_dir = crash->build_dir ? iw_strdup(crash->build_dir) : NULL;
	in->stored = stored;
	in->ctx = ctx;
	in->req = (struct iw_db_req){
		.run = store_crash, .ctx = in, .done = on_crash_stored};
	triage_request_begin(t);
	iw_db_submit(triage_world_of(t)->db, &in->req);
}
