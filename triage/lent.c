#include "triage/lent.h"

#include <stdio.h>

#include "base/banned.h"

static void on_built(
	struct iw_build_req *req, const struct iw_build *build, const struct iw_err *err)
{
	struct triage_lent *lent = req->ctx;

	lent->is_asked = false;
	lent->is_made = req->is_made;
	lent->build = build;
	lent->done(lent, err);
}

void triage_lent_ask(struct triage_lent *lent, const char *tree, triage_lent_cb done)
{
	struct iw_builder builder = project_builder(lent->project);

	triage_lent_let_go(lent);
	lent->is_asked = true;
	lent->done = done;
	lent->req = (struct iw_build_req){
		.adapter_id = project_id(lent->project),
		.is_lent = true,
		.done = on_built,
		.ctx = lent,
	};
	snprintf(lent->req.tree, sizeof lent->req.tree, "%s", tree);
	snprintf(lent->req.flavour, sizeof lent->req.flavour, "%s", lent->flavour);
	builder.build(builder.ctx, &lent->req);
}

void triage_lent_stop(struct triage_lent *lent)
{
	struct iw_builder builder = project_builder(lent->project);

	if (lent->is_asked)
		builder.stop(builder.ctx, &lent->req);
}

void triage_lent_let_go(struct triage_lent *lent)
{
	struct iw_builder builder = project_builder(lent->project);

	if (lent->build)
		builder.let_go(builder.ctx, lent->build);
	lent->build = NULL;
}
