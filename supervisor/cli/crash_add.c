/*
 * Files are read in batches, each of which is one request and one transaction: a thousand
 * small ones are a few of those, and a large one does not have to fit beside others.
 */
#include "cli/crash_add.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actor.h"
#include "added.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/time.h"
#include "cli/change.h"

#include "base/banned.h"

#define BATCH_FILES 500
#define BATCH_BYTES ((size_t)4 << 20)
#define PROGRESS_MS 1000

struct adding {
	const struct crash_add_wish *wish;
	struct {
		char **paths;
		size_t count, cap;
	} files;
	const char *folder; /* while its entries are listed */
	struct added_input batch[BATCH_FILES];
	size_t batch_count, batch_bytes;
	size_t done, known;
	json_t *crashes; /* of all batches */
	bool is_by_farm;
	int64_t began_ms;
};

/* -- files -------------------------------------------------------------------------- */

static void add_file(struct adding *a, char *path)
{
	iw_grow(a->files.paths, a->files.count, a->files.cap);
	a->files.paths[a->files.count++] = path;
}

/* afl-fuzz explains its folder of crashes in a file there. */
static int take_entry(void *ctx, const char *name)
{
	struct adding *a = ctx;
	_auto_free_ char *path = iw_path_join(a->folder, name);
	struct stat st;

	if (*name != '.' && strcmp(name, "README.txt") != 0 && stat(path, &st) == 0 &&
		S_ISREG(st.st_mode))
		add_file(a, iw_steal(&path));
	return 0;
}

static int list_files(struct adding *a, struct iw_err *err)
{
	struct stat st;
	int i, rc = 0;

	for (i = 0; rc == 0 && i < a->wish->path_count; i++) {
		a->folder = a->wish->paths[i];
		if (stat(a->folder, &st) == 0 && S_ISDIR(st.st_mode))
			rc = iw_dir_each(a->folder, take_entry, a, err);
		else
			add_file(a, iw_strdup(a->folder));
	}
	if (rc == 0 && a->files.count == 0)
		return iw_err_set(
			err, IW_ENOENT, "there is no file in '%s'", a->wish->paths[0]);
	return rc;
}

/* -- batches ------------------------------------------------------------------------ */

static void clear_batch(struct adding *a)
{
	while (a->batch_count > 0)
		free((void *)a->batch[--a->batch_count].data);
	a->batch_bytes = 0;
}

static json_t *batch_json(const struct adding *a)
{
	json_t *inputs = json_array();
	size_t i;

	for (i = 0; i < a->batch_count; i++) {
		struct iw_buf text = {0};

		iw_text_base64(&text, a->batch[i].data, a->batch[i].len);
		json_array_append_new(inputs, json_string(text.data ? text.data : ""));
		iw_buf_fini(&text);
	}
	return json_pack("{ss ss* ss* so}", "target", a->wish->target, "kind",
		a->wish->kind, "flavour", a->wish->flavour, "inputs", inputs);
}

static int store_alone(
	void *ctx, const struct answer_scope *scope, json_t **answer, struct iw_err *err)
{
	struct adding *a = ctx;
	_auto_free_ char *by = iw_actor_local(getuid());
	struct added_spec spec = {
		.target = a->wish->target,
		.kind = a->wish->kind,
		.flavour = a->wish->flavour,
		.by = by,
		.inputs = a->batch,
		.count = a->batch_count,
	};

	a->is_by_farm = false;
	return added_store(scope->dbc, scope->state->artifacts, &spec, answer, err);
}

static void show_progress(const struct adding *a)
{
	if (isatty(STDERR_FILENO) && a->done < a->files.count &&
		iw_time_mono_ms() - a->began_ms > PROGRESS_MS)
		fprintf(stderr, "\r\033[K%zu of %zu files", a->done, a->files.count);
}

static int send_batch(struct adding *a)
{
	struct cli_change c = {
		.state = a->wish->common->state,
		.path = "/api/v1/crashes",
		.body = batch_json(a),
		.alone = store_alone,
		.ctx = a,
	};
	const json_t *crash;
	json_t *answer;
	size_t i;
	int code;

	if (!c.body)
		return cli_usage("crash", "--target, --kind and --flavour want UTF-8");
	a->is_by_farm = true;
	code = cli_change(&c, &answer);
	json_decref(c.body);
	a->done += a->batch_count;
	clear_batch(a);
	if (code != CLI_DONE)
		return code;
	json_array_foreach(json_object_get(answer, "crashes"), i, crash) a->known +=
		json_is_false(json_object_get(crash, "is_new"));
	json_array_extend(a->crashes, json_object_get(answer, "crashes"));
	json_decref(answer);
	show_progress(a);
	return CLI_DONE;
}

static int add_all(struct adding *a)
{
	struct iw_err err = IW_ERR_INIT;
	int code = CLI_DONE;
	size_t i, len;
	char *data;

	for (i = 0; code == CLI_DONE && i < a->files.count; i++) {
		if (iw_file_read(a->files.paths[i], ADDED_INPUT_MAX, &data, &len, &err) <
			0)
			return cli_fail(&err);
		if (a->batch_count == BATCH_FILES ||
			(a->batch_count && a->batch_bytes + len > BATCH_BYTES))
			code = send_batch(a);
		a->batch[a->batch_count++] =
			(struct added_input){.data = data, .len = len};
		a->batch_bytes += len;
	}
	if (code == CLI_DONE)
		code = send_batch(a);
	if (isatty(STDERR_FILENO))
		fputs("\r\033[K", stderr);
	return code;
}

/* -- the answer --------------------------------------------------------------------- */

static void print(const struct adding *a)
{
	size_t added = a->files.count - a->known;

	printf("%zu crash%s added to %s", added, added == 1 ? "" : "es", a->wish->target);
	if (a->known)
		printf(", %zu %s known already", a->known, a->known == 1 ? "is" : "are");
	if (added == 0)
		puts("");
	else if (a->is_by_farm)
		puts("; the farm judges them");
	else
		puts("; no farm runs here, the next one judges them");
}

int cli_crash_add(const struct crash_add_wish *wish)
{
	struct adding a = {.wish = wish, .began_ms = iw_time_mono_ms()};
	struct iw_err err = IW_ERR_INIT;
	int code;

	if (wish->path_count == 0)
		return cli_usage("crash", "which files?");
	if (!wish->target)
		return cli_usage("crash", "add wants --target ADAPTER/TARGET");
	a.crashes = json_array();
	code = list_files(&a, &err) < 0 ? cli_fail(&err) : add_all(&a);
	if (code == CLI_DONE && wish->common->json)
		cli_print_json(json_pack("{ss sO sb}", "target", wish->target, "crashes",
			a.crashes, "by_farm", a.is_by_farm));
	else if (code == CLI_DONE)
		print(&a);
	clear_batch(&a);
	json_decref(a.crashes);
	while (a.files.count > 0)
		free(a.files.paths[--a.files.count]);
	free(a.files.paths);
	return code;
}
