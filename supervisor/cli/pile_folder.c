#include "cli/pile_folder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "cli/pile_bug.h"
#include "cli/pile_format.h"
#include "triage/issue.h"
#include "triage/severity.h"

#include "base/banned.h"

#define INDEX "index.json"
#define README "README.md"
#define INPUT "input"
#define ORIGINAL "original"
#define REPORT "report.txt"
#define MARK "ironworks_triage"
#define VERSION 2 /* 1: files without paths */

/* -- writing ------------------------------------------------------------------------ */

char *pile_folder_name(const struct pile_bug *bug)
{
	struct triage_issue issue = {
		.uid = "",
		.type = bug->signature.type,
		.message = bug->signature.message,
		.frames = (const char *const *)bug->signature.frames.names,
		.frame_count = bug->signature.frames.count,
	};
	_auto_free_ char *slug = triage_issue_slug(&issue);

	return iw_fmt("bug-%d-%s", bug->number, slug);
}

static int write_part(const char *dir, const char *name, const void *data, size_t len,
	struct iw_err *err)
{
	_auto_free_ char *path = iw_path_join(dir, name);

	return iw_file_replace(path, data ? data : "", len, err);
}

static int write_folder(
	const struct pile *pile, const struct pile_bug *bug, struct iw_err *err)
{
	_auto_free_ char *path = iw_path_join(pile->spec.out, bug->folder);
	_auto_free_ char *new = iw_fmt("%s/.%s.new", pile->spec.out, bug->folder);
	struct iw_buf readme = {0};
	int rc = iw_dir_remove(new, err);

	pile_bug_markdown(bug, &readme);
	if (rc == 0)
		rc = iw_dir_make(new, err);
	if (rc == 0)
		rc = write_part(new, INPUT, bug->input, bug->len, err);
	if (rc == 0)
		rc = write_part(new, ORIGINAL, bug->original, bug->original_len, err);
	if (rc == 0)
		rc = write_part(new, REPORT, bug->report, bug->report_len, err);
	if (rc == 0)
		rc = write_part(new, README, readme.data, readme.len, err);
	if (rc == 0)
		rc = iw_dir_remove(path, err);
	if (rc == 0 && rename(new, path) < 0)
		rc = iw_err_set(err, IW_EIO, "cannot make '%s'", path);
	if (rc == 0)
		rc = iw_dir_sync(pile->spec.out, err);
	iw_buf_fini(&readme);
	return rc;
}

/* Of files by their content: what they are called may change. The path is for people. */
static json_t *files_of(
	const struct pile *pile, enum pile_fate fate, const struct pile_bug *bug)
{
	json_t *list = json_array();
	char hex[IW_SHA256_HEX];
	size_t i;

	for (i = 0; i < pile->spec.files->count; i++) {
		const struct pile_entry *entry = &pile->entries[i];

		if (entry->twin != i ||
			(bug ? pile_entry_bug(entry) != bug : entry->fate != fate))
			continue;
		iw_sha256_hex(&entry->sha, hex);
		json_array_append_new(list,
			json_pack("{ss so}", "sha256", hex, "path",
				pile_text(pile->spec.files->items[i].path)));
	}
	return list;
}

static json_t *signature_row(const struct triage_signature *sig)
{
	_auto_free_ char *frames = triage_signature_json(sig);

	return json_pack(
		"{ss so}", "type", sig->type, "frames", json_loads(frames, 0, NULL));
}

/* What else a crash of the bug may look like: those that were merged into it. */
static json_t *also_of(const struct pile *pile, const struct pile_bug *bug)
{
	json_t *also = json_array();
	size_t i;

	for (i = 0; i < pile->bug_count; i++) {
		struct pile_bug *part = pile->bugs[i];

		if (part->is_part && pile_bug_survivor(part) == bug)
			json_array_append_new(also, signature_row(&part->signature));
	}
	return also;
}

static json_t *bug_row(const struct pile *pile, const struct pile_bug *bug)
{
	json_t *row = signature_row(&bug->signature);
	json_t *more = json_pack("{si ss si si ss? sb sb so so}", "number", bug->number,
		"folder", bug->folder, "hits", (int)bug->hits, "runs", (int)bug->runs,
		"severity", bug->severity, "security", bug->is_security, "minimized",
		bug->is_minimized, "files", files_of(pile, PILE_FAILED, bug), "also",
		also_of(pile, bug));

	json_object_update(row, more);
	json_decref(more);
	return row;
}

static bool is_listed(const struct pile_bug *bug)
{
	return bug->is_written && bug->state != PILE_BUG_MERGED;
}

static int write_index(const struct pile *pile, struct iw_err *err)
{
	const struct pile_spec *spec = &pile->spec;
	json_t *bugs = json_array(), *index;
	_auto_free_ char *text = NULL;
	struct iw_buf readme = {0};
	size_t i;
	int rc;

	for (i = 0; i < pile->bug_count; i++)
		if (is_listed(pile->bugs[i]))
			json_array_append_new(bugs, bug_row(pile, pile->bugs[i]));
	index = json_pack("{si ss ss? so so so}", MARK, VERSION, "build",
		spec->plain->build.closure, "args", spec->words, "bugs", bugs, "passed",
		files_of(pile, PILE_PASSED, NULL), "vanished",
		files_of(pile, PILE_VANISHED, NULL));
	text = json_dumps(index, JSON_INDENT(1) | JSON_ENSURE_ASCII);
	json_decref(index);
	pile_markdown(pile, &readme);
	rc = write_part(spec->out, INDEX, text, strlen(text), err);
	if (rc == 0)
		rc = write_part(spec->out, README, readme.data, readme.len, err);
	iw_buf_fini(&readme);
	return rc;
}

void pile_folder_write_bug(struct pile *pile, struct pile_bug *bug)
{
	if (write_folder(pile, bug, &pile->err) < 0)
		return;
	bug->is_written = true;
	write_index(pile, &pile->err);
}

int pile_folder_close(const struct pile *pile, struct iw_err *err)
{
	int rc = 0;
	size_t i;

	for (i = 0; rc == 0 && i < pile->bug_count; i++) {
		const struct pile_bug *bug = pile->bugs[i];
		_auto_free_ char *path = NULL;
		struct iw_buf readme = {0};

		if (!is_listed(bug))
			continue;
		path = iw_path_join(pile->spec.out, bug->folder);
		pile_bug_markdown(bug, &readme);
		rc = write_part(path, README, readme.data, readme.len, err);
		iw_buf_fini(&readme);
	}
	if (rc == 0)
		rc = write_index(pile, err);
	for (i = 0; rc == 0 && i < pile->bug_count; i++) {
		_auto_free_ char *path = NULL;

		if (!pile->bugs[i]->is_written || is_listed(pile->bugs[i]))
			continue;
		path = iw_path_join(pile->spec.out, pile->bugs[i]->folder);
		rc = iw_dir_remove(path, err);
	}
	return rc;
}

/* -- reading ------------------------------------------------------------------------ */

/* The file with this content; one that was not named this time is still a part of what
 * the folder knows, and stands behind those that were. */
static size_t find_entry(struct pile *pile, const struct iw_sha256 *sha, const char *path)
{
	size_t count = pile->spec.files->count, i;

	for (i = 0; i < count; i++)
		if (iw_sha256_equal(&pile->entries[i].sha, sha))
			return pile->entries[i].twin;
	cli_files_add(pile->spec.files, path, 0);
	pile->entries = iw_reallocarray(
		pile->entries, pile->spec.files->count, sizeof *pile->entries);
	pile->entries[i] = (struct pile_entry){.sha = *sha, .twin = i};
	return i;
}

static void take_files(
	struct pile *pile, const json_t *list, enum pile_fate fate, struct pile_bug *bug)
{
	json_t *item;
	size_t k, i;

	json_array_foreach(list, k, item)
	{
		const char *hex = json_string_value(json_object_get(item, "sha256"));
		const char *path = json_string_value(json_object_get(item, "path"));
		struct iw_sha256 sha;

		if (!hex || !path || !iw_sha256_parse(hex, &sha))
			continue;
		i = find_entry(pile, &sha, path);
		pile->entries[i].fate = fate;
		if (bug)
			pile_bug_add(bug, i);
	}
}

static int read_part(const struct pile *pile, const char *folder, const char *name,
	char **data, size_t *len, struct iw_err *err)
{
	_auto_free_ char *path = iw_fmt("%s/%s/%s", pile->spec.out, folder, name);

	return iw_file_read(path, CLI_FILE_MAX, data, len, err);
}

/* What lies in its folder. */
static int read_folder(const struct pile *pile, struct pile_bug *bug, struct iw_err *err)
{
	const char *folder = bug->folder;
	int rc = read_part(pile, folder, INPUT, &bug->input, &bug->len, err);

	if (rc == 0)
		rc = read_part(
			pile, folder, ORIGINAL, &bug->original, &bug->original_len, err);
	if (rc == 0)
		rc = read_part(pile, folder, REPORT, &bug->report, &bug->report_len, err);
	return rc;
}

static int take_signature(
	struct pile *pile, const json_t *row, struct pile_bug *bug, struct iw_err *err)
{
	const char *type = json_string_value(json_object_get(row, "type"));
	_auto_free_ char *frames = json_dumps(json_object_get(row, "frames"), 0);

	if (!type || !frames)
		return iw_err_set(err, IW_EINVAL, "'%s/" INDEX "' is not as we wrote it",
			pile->spec.out);
	return triage_signature_parse(&bug->signature, type, frames, err);
}

static int take_also(
	struct pile *pile, const json_t *list, struct pile_bug *bug, struct iw_err *err)
{
	json_t *row;
	size_t i;
	int rc = 0;

	json_array_foreach(list, i, row)
	{
		struct pile_bug *part;

		if (rc < 0)
			break;
		part = pile_add_bug(pile, pile_bug_new(pile, NULL));
		part->state = PILE_BUG_MERGED;
		part->is_part = true;
		part->into = bug;
		rc = take_signature(pile, row, part, err);
		if (rc == 0)
			pile_know(pile, &part->signature, part);
	}
	return rc;
}

/* A bug whose folder somebody has removed is forgotten, and its files run again. */
static int take_bug(struct pile *pile, const json_t *row, struct iw_err *err)
{
	const char *folder = json_string_value(json_object_get(row, "folder"));
	struct pile_bug *bug;
	int rc;

	if (!folder || strchr(folder, '/'))
		return iw_err_set(err, IW_EINVAL, "'%s/" INDEX "' is not as we wrote it",
			pile->spec.out);
	bug = pile_bug_new(pile, NULL);
	bug->number = (int)json_integer_value(json_object_get(row, "number"));
	bug->folder = iw_strdup(folder);
	bug->hits = (unsigned)json_integer_value(json_object_get(row, "hits"));
	bug->runs = (unsigned)json_integer_value(json_object_get(row, "runs"));
	bug->severity = triage_severity_literal(
		json_string_value(json_object_get(row, "severity")));
	bug->is_security = json_is_true(json_object_get(row, "security"));
	bug->is_minimized = json_is_true(json_object_get(row, "minimized"));
	bug->is_known = bug->is_written = true;
	bug->state = bug->is_minimized || pile->spec.budget_ms == 0 ? PILE_BUG_DONE
								    : PILE_BUG_WAITING;
	if (bug->number > pile->numbers)
		pile->numbers = bug->number;
	rc = take_signature(pile, row, bug, err);
	if (rc == 0)
		rc = read_folder(pile, bug, err);
	if (rc < 0) {
		pile_bug_free(bug);
		return rc == IW_ENOENT ? 0 : rc;
	}
	pile_add_bug(pile, bug);
	pile_know(pile, &bug->signature, bug);
	take_files(pile, json_object_get(row, "files"), PILE_FAILED, bug);
	return take_also(pile, json_object_get(row, "also"), bug, err);
}

static bool is_same_word(const json_t *value, const char *word)
{
	const char *text = json_string_value(value);

	return text && word ? strcmp(text, word) == 0 : !text && !word;
}

static int take_index(struct pile *pile, const json_t *index, struct iw_err *err)
{
	const struct pile_spec *spec = &pile->spec;
	json_t *row;
	size_t i;
	int rc = 0;

	if (!is_same_word(json_object_get(index, "build"), spec->plain->build.closure) ||
		!is_same_word(json_object_get(index, "args"), spec->words))
		return iw_err_set(err, IW_EEXIST,
			"'%s' holds what another build of the program did, or other "
			"--args; say --out DIR for a new folder, or --again to begin "
			"anew "
			"in this one",
			spec->out);
	json_array_foreach(json_object_get(index, "bugs"), i, row)
	{
		if (rc == 0)
			rc = take_bug(pile, row, err);
	}
	take_files(pile, json_object_get(index, "passed"), PILE_PASSED, NULL);
	take_files(pile, json_object_get(index, "vanished"), PILE_VANISHED, NULL);
	return rc;
}

static int count_entry(void *ctx, const char *name)
{
	size_t *count = ctx;

	(void)name;
	++*count;
	return 0;
}

/* *index: NULL when the folder is empty or not there. */
static int load_index(const char *out, json_t **index, struct iw_err *err)
{
	_auto_free_ char *path = iw_path_join(out, INDEX);
	struct stat st;
	size_t count = 0;
	int rc;

	*index = NULL;
	if (stat(out, &st) < 0)
		return 0;
	if (!S_ISDIR(st.st_mode))
		return iw_err_set(err, IW_EEXIST,
			"'%s' is no folder; say --out DIR for another one", out);
	rc = iw_dir_each(out, count_entry, &count, err);
	if (rc < 0 || count == 0)
		return rc;
	if (iw_json_load(path, index, NULL) == 0 && json_object_get(*index, MARK))
		return 0;
	json_decref(iw_steal(index));
	return iw_err_set(err, IW_EEXIST,
		"'%s' holds files that 'ironworks triage' did not write; say --out DIR "
		"for another folder",
		out);
}

/* Bugs of an earlier run go; whatever else lies there is somebody's. */
static int clear(const char *out, const json_t *index, struct iw_err *err)
{
	json_t *row;
	size_t i;
	int rc = 0;

	json_array_foreach(json_object_get(index, "bugs"), i, row)
	{
		const char *folder = json_string_value(json_object_get(row, "folder"));
		_auto_free_ char *dir = NULL;

		if (rc < 0 || !folder || strncmp(folder, "bug-", 4) != 0 ||
			strchr(folder, '/'))
			continue;
		dir = iw_path_join(out, folder);
		rc = iw_dir_remove(dir, err);
	}
	return rc;
}

int pile_folder_open(struct pile *pile, struct iw_err *err)
{
	_auto_(iw_json_freep) json_t *index = NULL;
	int rc = load_index(pile->spec.out, &index, err);

	if (rc == 0 && index && !pile->spec.is_again)
		return take_index(pile, index, err);
	if (rc == 0 && index)
		rc = clear(pile->spec.out, index, err);
	if (rc == 0)
		rc = iw_dir_make(pile->spec.out, err);
	return rc == 0 ? write_index(pile, err) : rc;
}
