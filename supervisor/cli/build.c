/* `ironworks build`: an adapter in its flavours, by the daemon where one runs. */
#include "cli/build.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "adapters/adapter.h"
#include "base/json.h"
#include "base/mem.h"
#include "cli/build_view.h"
#include "cli/cli.h"
#include "cli/remote.h"
#include "config.h"

#include "base/banned.h"

#define ASK_AGAIN_MS 200
#define FLAVOURS_MAX 16

static const char help[] =
	"Examples:\n"
	"  ironworks build demo\n"
	"  ironworks build ./adapters/node --flavour libfuzzer+msan\n"
	"  ironworks build demo --commit main --json\n"
	"\n"
	"usage: ironworks build ADAPTER [--flavour F]… [--commit C] [--disk-budget "
	"SIZE]\n"
	"                       [--state DIR] [--json] [--no-sandbox]\n"
	"\n"
	"Builds the newest snapshot of an adapter, or commit C of its repository, in "
	"every\n"
	"flavour that it declares, or in those named. What is there already is not "
	"built\n"
	"again; a flavour that failed before is tried again. Where a farm runs on the "
	"state\n"
	"folder, that farm does it. Logs are kept.\n"
	"\n"
	"  --flavour F  only this one; may be said more than once\n"
	"  --commit C   a branch, tag, commit or tree\n"
	"  --disk-budget SIZE  room for builds and the compiler cache, like 500M or "
	"200G,\n"
	"               or none (default: a quarter of the disk); where no farm runs\n"
	"\n"
	"exit status: 0 every flavour is there, 1 one is not, 2 usage,\n"
	"             3 the farm does not answer, 4 failed\n";

struct options {
	struct cli_common common;
	struct build_wish wish;
	const char *flavours[FLAVOURS_MAX + 1];
};

static const char *take_flavour(void *ctx, const char *word)
{
	struct options *o = ctx;

	if (!san_flavour_find(word))
		return "there is no such flavour; adapters/GUIDE.md lists all";
	if (o->wish.flavour_count == FLAVOURS_MAX)
		return "so many flavours do not exist";
	o->flavours[o->wish.flavour_count++] = word;
	return NULL;
}

static const char *take_budget(void *ctx, const char *word)
{
	struct options *o = ctx;

	o->wish.disk_budget = iw_config_budget(word);
	return o->wish.disk_budget ? NULL
				   : "--disk-budget wants none or a size like 500M or "
				     "200G, at least 1M";
}

static int parse(int argc, char **argv, struct options *o)
{
	const struct cli_option more[] = {
		{"flavour", .take = take_flavour, .ctx = o},
		{"commit", .word = &o->wish.commit},
		{"disk-budget", .take = take_budget, .ctx = o},
		{0},
	};
	int first, rc = cli_options(argc, argv, help, more, &o->common, &first);

	if (rc >= 0)
		return rc;
	if (argc - first != 1)
		return cli_usage("build", "which adapter?");
	o->wish.adapter = argv[first];
	o->wish.state = o->common.state;
	o->wish.no_sandbox = o->common.no_sandbox;
	if (o->wish.flavour_count)
		o->wish.flavours = o->flavours;
	return -1;
}

/* -- by the daemon ------------------------------------------------------------------ */

static void pause_a_little(void)
{
	nanosleep(&(struct timespec){.tv_nsec = ASK_AGAIN_MS * 1000000L}, NULL);
}

/* The daemon knows adapters by their names, this process by their folders, too. */
static int name_of(const char *arg, char **name, struct iw_err *err)
{
	_auto_(adapter_freep) struct adapter *adapter = NULL;
	int rc = adapter_load_arg(arg, &adapter, err);

	if (rc == 0)
		*name = iw_strdup(adapter->name);
	return rc;
}

static json_t *wish_json(const struct build_wish *wish, const char *name)
{
	json_t *flavours = wish->flavours ? json_array() : NULL;
	size_t i;

	for (i = 0; i < wish->flavour_count; i++)
		json_array_append_new(flavours, json_string(wish->flavours[i]));
	return json_pack("{ss so* ss*}", "adapter", name, "flavours", flavours, "commit",
		wish->commit);
}

/* One question. As cli_remote(); a farm that opens is asked until it has. */
static int ask(const char *state, const char *method, const char *path, json_t *body,
	long *status, json_t **answer, struct iw_err *err)
{
	int rc;

	while ((rc = cli_remote(state, method, path, body, status, answer, err)) == 0 &&
		*status == 503) {
		json_decref(*answer);
		pause_a_little();
	}
	return rc;
}

/* 1: no daemon runs. A farm that was followed by another has forgotten the order, and is
 * told again: what it has built is there. */
static int ask_daemon(const struct build_wish *wish, json_t **answer,
	bool *is_unreachable, struct iw_err *err)
{
	_auto_free_ char *name = NULL, *path = NULL;
	_auto_(iw_json_freep) json_t *body = NULL;
	struct build_view view = {0};
	long status;
	int rc = name_of(wish->adapter, &name, err);

	if (rc < 0)
		return rc;
	body = wish_json(wish, name);
	for (;;) {
		rc = path ? ask(wish->state, "GET", path, NULL, &status, answer, err)
			  : ask(wish->state, "POST", "/api/v1/builds", body, &status,
				    answer, err);
		*is_unreachable = rc < 0;
		if (rc != 0)
			return rc;
		if (path && status == 404) {
			json_decref(iw_steal(answer));
			free(iw_steal(&path));
			continue;
		}
		rc = cli_remote_check(status, *answer, err);
		if (rc < 0)
			return rc;
		build_view_progress(&view, *answer);
		if (json_is_true(json_object_get(*answer, "done")))
			return 0;
		free(path);
		path = iw_fmt("/api/v1/builds/%lld",
			(long long)json_integer_value(json_object_get(*answer, "id")));
		json_decref(iw_steal(answer));
		pause_a_little();
	}
}

static int outcome(json_t *answer, bool json, struct iw_err *err)
{
	const char *error = json_string_value(json_object_get(answer, "error"));

	if (error) {
		iw_err_set(err, IW_EINVAL, "%s", error);
		return cli_fail(err);
	}
	json_object_del(answer, "id");
	json_object_del(answer, "error");
	json_object_del(answer, "done");
	if (json)
		cli_print_json(json_incref(answer));
	else
		build_view_print(answer);
	return build_view_is_whole(answer) ? CLI_DONE : CLI_NO;
}

int build_make(const struct build_wish *wish, json_t **answer, bool *is_unreachable,
	struct iw_err *err)
{
	int rc = ask_daemon(wish, answer, is_unreachable, err);

	return rc == 1 ? build_alone(wish, answer, err) : rc;
}

int cli_build(int argc, char **argv)
{
	_auto_(iw_json_freep) json_t *answer = NULL;
	struct iw_err err = IW_ERR_INIT;
	struct options o = {0};
	bool is_unreachable = false;
	int rc = parse(argc, argv, &o);

	if (rc >= 0)
		return rc;
	rc = build_make(&o.wish, &answer, &is_unreachable, &err);
	if (rc < 0)
		return is_unreachable ? cli_unreachable(&err) : cli_fail(&err);
	return outcome(answer, o.common.json, &err);
}
