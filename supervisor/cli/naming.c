#include "cli/naming.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#include "base/banned.h"

int cli_naming_open(
	struct cli_naming *n, const char *binary, bool no_sandbox, struct iw_err *err)
{
	int rc;

	n->binary = realpath(binary, NULL);
	if (!n->binary)
		return iw_err_errno(err, errno, "cannot find '%s'", binary);
	n->dir = iw_strndup(n->binary, (size_t)(strrchr(n->binary, '/') - n->binary));
	rc = cli_local_open(&n->local, NULL, no_sandbox, err);
	n->is_open = rc == 0;
	if (rc == 0 && !n->local.symbolizer)
		return iw_err_set(err, IW_ETOOL,
			"there is no llvm-symbolizer; install the package llvm");
	return rc;
}

struct answer {
	bool is_done;
	char *why;
	struct iw_buf *text;
};

static void on_named(struct san_naming *naming, void *ctx)
{
	struct answer *a = ctx;
	const char *why = san_naming_why(naming);

	iw_buf_fini(a->text);
	a->text->data = san_naming_take(naming, &a->text->len);
	a->text->cap = a->text->len + 1;
	a->why = why ? iw_strdup(why) : NULL;
	a->is_done = true;
	san_naming_free(naming);
}

int cli_naming_apply(struct cli_naming *n, struct iw_buf *text, struct iw_err *err)
{
	struct san_naming_spec spec = {
		.dir = n->dir,
		.binary = n->binary,
		.text = text->data,
		.len = text->len,
	};
	struct answer a = {.text = text};
	_auto_free_ char *why = NULL;

	san_naming_start(n->local.symbolizer, &spec, on_named, &a);
	iw_loop_run_until(&n->local.loop, &a.is_done);
	why = a.why;
	return why ? iw_err_set(err, IW_EJOB, "%s", why) : 0;
}

void cli_naming_close(struct cli_naming *n)
{
	if (n->is_open)
		cli_local_close(&n->local);
	free(n->binary);
	free(n->dir);
}
