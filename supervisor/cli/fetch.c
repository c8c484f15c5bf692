#include "cli/fetch.h"

#include "adapters/source.h"
#include "base/mem.h"
#include "cli/interrupt.h"

#include "base/banned.h"

struct fetching {
	struct source_req req;
	struct cli_interrupt *interrupt;
	struct iw_err err;
};

static void on_fetched(struct source_req *req, const struct iw_err *err)
{
	struct fetching *f = req->ctx;

	if (err)
		f->err = *err;
	cli_interrupt_free(iw_steal(&f->interrupt));
}

static void on_interrupt(void *ctx)
{
	struct fetching *f = ctx;

	source_stop(&f->req);
}

int cli_fetch(struct cli_local *local, const struct adapter *adapter, const char *repo,
	struct iw_err *err)
{
	struct fetching f = {.req = {.jobs = local->jobs,
				     .adapter = adapter,
				     .repo_dir = repo,
				     .done = on_fetched}};
	int rc;

	f.req.ctx = &f;
	rc = source_fetch(&f.req, err);
	if (rc < 0)
		return rc;
	f.interrupt = cli_interrupt_new(&local->loop, on_interrupt, &f);
	iw_loop_run(&local->loop);
	return f.err.code ? iw_err_copy(err, &f.err) : 0;
}
