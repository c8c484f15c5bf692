#include "triage/progress.h"

#include <stdlib.h>

#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "triage/bug_db.h"

#include "base/banned.h"

struct news {
	struct iw_db_req req;
	int64_t bug_id;
	char *proof;
};

static int store(struct iw_dbc *dbc, void *ctx, struct iw_err *err)
{
	const struct news *news = ctx;

	return bug_db_set_progress(dbc, news->bug_id, news->proof, err);
}

static void on_stored(struct iw_db_req *req)
{
	struct news *news = req->ctx;

	if (req->err.code)
		iw_warn("how far a blame is could not be stored", I("bug", news->bug_id),
			S("error", req->err.msg));
	free(news->proof);
	free(news);
}

void triage_progress_tell(struct iw_db *db, int64_t bug_id, const struct triage_bisect *b,
	const struct triage_question *question, const char *doing)
{
	_auto_(iw_json_freep) json_t *proof = triage_bisect_json(b);
	_auto_free_ char *what = question ? triage_bisect_describe(b, question) : NULL;
	struct news *news = iw_calloc(1, sizeof *news);

	json_object_set_new(
		proof, "now", json_pack("{ss ss?}", "doing", doing, "what", what));
	news->bug_id = bug_id;
	news->proof = json_dumps(proof, JSON_COMPACT);
	news->req = (struct iw_db_req){.run = store, .ctx = news, .done = on_stored};
	iw_db_submit(db, &news->req);
}
