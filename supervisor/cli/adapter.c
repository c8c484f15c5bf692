/* `ironworks adapter …`: for those who write one. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/adapter.h"
#include "adapters/suppressions.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/adapter_fetch.h"
#include "cli/cli.h"
#include "sanitizers/suppress.h"

#include "base/banned.h"

static const char help[] =
	"Examples:\n"
	"  ironworks adapter check ./adapters/demo\n"
	"  ironworks adapter check ./adapters/demo --fetch\n"
	"  ironworks adapter check demo:seed=7 --json\n"
	"\n"
	"usage: ironworks adapter check DIR_OR_NAME[:PARAM=VALUE[,PARAM=VALUE]] "
	"[--fetch] [--json]\n"
	"\n"
	"Reads adapter.json and checks all that can be checked without running "
	"anything\n"
	"of the project; files in its folder suppressions are tried out.\n"
	"adapters/GUIDE.md explains the file, adapters/schema.json helps an editor.\n"
	"\n"
	"  --fetch  bring the source, as a farm would, and say whether branch, base and\n"
	"           target_files are there; a source command runs, and nothing stays\n"
	"  --json   print what was understood as one JSON object\n"
	"\n"
	"exit status: 0 it is fine, 1 what it says does not fit what --fetch brought,\n"
	"             2 usage, 4 it is wrong: one sentence on stderr says where\n";

static json_t *words_json(const char *const *words, size_t count)
{
	json_t *array = json_array();
	size_t i;

	for (i = 0; i < count; i++)
		json_array_append_new(array, json_string(words[i]));
	return array;
}

static json_t *argv_json(const char *const *argv)
{
	size_t count = 0;

	while (argv && argv[count])
		count++;
	return argv ? words_json(argv, count) : json_null();
}

static json_t *target_json(const struct adapter_target *target)
{
	return json_pack("{ss ss sI sI sI sI sb sb}", "name", target->name, "binary",
		target->binary, "max_len", (json_int_t)target->max_len, "timeout_s",
		(json_int_t)target->timeout_s, "rss_limit_mb",
		(json_int_t)target->rss_limit_mb, "disk_limit_mb",
		(json_int_t)target->disk_limit_mb, "network", (int)target->is_network,
		"leaks", (int)target->check_leaks);
}

static json_t *adapter_json(const struct adapter *adapter, const char *recipe)
{
	const struct adapter_source *source = &adapter->source;
	json_t *params = json_object(), *targets = json_array();
	size_t i;

	for (i = 0; i < adapter->param_count; i++)
		json_object_set_new(params, adapter->params[i].name,
			json_string(adapter->params[i].value));
	for (i = 0; i < adapter->target_count; i++)
		json_array_append_new(targets, target_json(&adapter->targets[i]));
	return json_pack("{ss ss ss so s{so ss? ss ss?} s{so sI} so so ss? ss}", "name",
		adapter->name, "title", adapter->title, "dir", adapter->dir, "parameters",
		params, "source", "command", argv_json(source->command), "git",
		source->git, "branch", source->branch, "base", source->base, "build",
		"command", argv_json(adapter->build.command), "timeout_s",
		(json_int_t)adapter->build.timeout_s, "flavours",
		words_json(adapter->flavours, adapter->flavour_count), "targets", targets,
		"discover", adapter->discover, "recipe", recipe);
}

static void print_json(json_t *json)
{
	_auto_free_ char *text = json_dumps(json, JSON_INDENT(2));

	/* Strings may come from a file that is anything but UTF-8; jansson has checked.
	 */
	if (text)
		puts(text);
	json_decref(json);
}

static void print_text(const struct adapter *adapter, const char *recipe)
{
	struct iw_buf title = {0};

	iw_text_plain(&title, adapter->title);
	printf("%s: %s\n", adapter->name, title.data);
	printf("  %zu target%s%s%s, %zu flavour%s, branch %s", adapter->target_count,
		adapter->target_count == 1 ? "" : "s",
		adapter->discover ? " and those like " : "",
		adapter->discover ? adapter->discover : "", adapter->flavour_count,
		adapter->flavour_count == 1 ? "" : "s", adapter->source.branch);
	if (adapter->source.base)
		printf(" on %s", adapter->source.base);
	printf("\n  recipe %.12s", recipe);
	if (*adapter->parameters)
		printf(", parameters %s", adapter->parameters);
	printf("\n");
	iw_buf_fini(&title);
}

static int fail(const struct iw_err *err, bool wants_json)
{
	struct iw_buf text = {0};

	iw_text_plain(&text, err->msg);
	fprintf(stderr, "%s\n", text.data);
	if (wants_json)
		print_json(json_pack("{sb ss}", "ok", 0, "error", text.data));
	iw_buf_fini(&text);
	return CLI_FAILED;
}

struct loading {
	struct san_toolchain tools;
	bool has_looked, has_tools;
	struct iw_err *err;
};

static int load_one(void *ctx, const char *name, const char *path)
{
	struct loading *l = ctx;

	if (!l->has_looked)
		l->has_tools = san_toolchain_find(&l->tools, NULL) == 0;
	l->has_looked = true;
	return l->has_tools ? san_suppress_load(&l->tools, name, path, l->err) : 0;
}

/* Our own reading of them has passed; those who read them in earnest have the last word.
 */
static int load_suppressions(const struct adapter *adapter, struct iw_err *err)
{
	struct loading l = {.err = err};
	int rc = suppressions_each(adapter->dir, load_one, &l, err);

	san_toolchain_fini(&l.tools);
	return rc;
}

static int check(const char *arg, bool wants_source, bool wants_json)
{
	_auto_(adapter_freep) struct adapter *adapter = NULL;
	_auto_(iw_json_freep) json_t *source = NULL;
	_auto_free_ char *where = NULL, *overrides = NULL;
	struct iw_err err = IW_ERR_INIT;
	char recipe[IW_SHA256_HEX];
	int rc = adapter_parse_arg(arg, &where, &overrides, &err);

	if (rc == 0)
		rc = adapter_load(where, overrides, &adapter, &err);
	if (rc == 0)
		rc = adapter_recipe_hash(adapter, recipe, &err);
	if (rc == 0)
		rc = load_suppressions(adapter, &err);
	if (rc == 0 && wants_source)
		rc = adapter_fetch(adapter, &source, &err);
	if (rc < 0)
		return fail(&err, wants_json);
	if (wants_json) {
		print_json(json_pack("{sb so sO*}", "ok", 1, "adapter",
			adapter_json(adapter, recipe), "fetched", source));
	} else {
		print_text(adapter, recipe);
		if (source)
			adapter_fetch_print(adapter, source);
	}
	return json_array_size(json_object_get(source, "misfits")) ? CLI_NO : CLI_DONE;
}

int cli_adapter(int argc, char **argv)
{
	bool wants_source = false;
	const struct cli_option more[] = {{"fetch", .flag = &wants_source}, {0}};
	struct cli_common common;
	int first, rc = cli_options(argc, argv, help, more, &common, &first);

	if (rc >= 0)
		return rc;
	if (argc - first < 1 || strcmp(argv[first], "check") != 0)
		return cli_usage("adapter", "expected 'check'");
	if (argc - first != 2)
		return cli_usage("adapter", "expected one folder or name of an adapter");
	return check(argv[first + 1], wants_source, common.json);
}
