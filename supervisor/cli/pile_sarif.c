/*
 * SARIF 2.1.0, the form in which code hosts and editors take results of analyses:
 * https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html. One run, a rule for
 * each kind of failure, a result for each bug.
 */
#include "cli/pile_format.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/mem.h"
#include "triage/severity.h"

#include "base/banned.h"

#define SCHEMA                                                                           \
	"https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/"            \
	"sarif-schema-2.1.0.json"
#define FRAMES_MAX 64
/* What others call the folder that paths are relative to. */
#define ROOT "%SRCROOT%"

/* RFC 3986; a path from the root gets its scheme, others stay relative. */
static json_t *uri_of(const char *path)
{
	struct iw_buf uri = {0};
	json_t *json;

	if (*path == '/')
		iw_buf_adds(&uri, "file://");
	for (; *path; path++) {
		unsigned char c = (unsigned char)*path;

		if (isalnum(c) || strchr("-._~/+@", c))
			iw_buf_add(&uri, path, 1);
		else
			iw_buf_addf(&uri, "%%%02X", c);
	}
	json = json_string(uri.data ? uri.data : "");
	iw_buf_fini(&uri);
	return json;
}

/* Where the command runs, with a slash at its end: mostly the root of a checkout, to which
 * code hosts want paths to be relative. The caller frees. */
static char *source_root(void)
{
	_auto_free_ char *dir = getcwd(NULL, 0);

	return iw_fmt("%s/", dir && strcmp(dir, "/") != 0 ? dir : "");
}

static json_t *artifact_of(const char *path)
{
	_auto_free_ char *root = source_root();
	size_t len = strlen(root);

	if (strncmp(path, root, len) != 0 || !path[len])
		return json_pack("{so}", "uri", uri_of(path));
	return json_pack("{so ss}", "uri", uri_of(path + len), "uriBaseId", ROOT);
}

static json_t *place(const char *path, int line, int column)
{
	json_t *physical = json_pack("{so}", "artifactLocation", artifact_of(path));
	json_t *region;

	if (line <= 0)
		return physical;
	region = json_pack("{si}", "startLine", line);
	if (column > 0)
		json_object_set_new(region, "startColumn", json_integer(column));
	json_object_set_new(physical, "region", region);
	return physical;
}

static json_t *frame_json(const struct san_frame *frame)
{
	json_t *location = json_object();

	if (frame->file)
		json_object_set_new(location, "physicalLocation",
			place(frame->file, frame->line, frame->column));
	if (frame->function)
		json_object_set_new(location, "logicalLocations",
			json_pack("[{so ss}]", "fullyQualifiedName",
				pile_text(frame->function), "kind", "function"));
	return json_pack("{so}", "location", location);
}

static json_t *stacks_of(const struct san_report *report)
{
	json_t *stacks = json_array();
	size_t i, k;

	for (i = 0; report && i < report->stack_count; i++) {
		const struct san_stack *stack = &report->stacks[i];
		json_t *frames = json_array();

		for (k = 0; k < stack->count && k < FRAMES_MAX; k++)
			json_array_append_new(frames, frame_json(&stack->frames[k]));
		json_array_append_new(stacks,
			json_pack("{s{ss} so}", "message", "text",
				san_stack_role_name(stack->role), "frames", frames));
	}
	return stacks;
}

/* Where nobody knows a place in the source, the program is one. */
static json_t *location_of(const struct pile_bug *bug, const struct cli_gist *gist)
{
	json_t *location = json_pack("{so}", "physicalLocation",
		gist->file ? place(gist->file, gist->line, gist->column)
			   : place(bug->pile->spec.plain->path, 0, 0));

	if (bug->signature.frames.count > 0)
		json_object_set_new(location, "logicalLocations",
			json_pack("[{so ss}]", "fullyQualifiedName",
				pile_text(bug->signature.frames.names[0]), "kind",
				"function"));
	return location;
}

/* The same for the bug in other runs, also when lines have moved or its file is renamed. */
static json_t *fingerprint_of(const struct pile_bug *bug)
{
	_auto_free_ char *frames = NULL, *whole = NULL;
	struct triage_signature sig;
	char hex[IW_SHA256_HEX];

	triage_signature_copy(&sig, &bug->signature);
	triage_signature_set_file(&sig, NULL);
	frames = triage_signature_json(&sig);
	triage_signature_fini(&sig);
	whole = iw_fmt("%s\n%s", bug->signature.type, frames);
	iw_sha256_hex_of(whole, hex);
	return json_pack("{ss}", "ironworksSignature/v1", hex);
}

static const char *rule_of(const struct pile_bug *bug, const struct cli_gist *gist)
{
	if (gist->report)
		return san_kind_name(gist->report->kind);
	return triage_signature_is_hang(&bug->signature) ? "timeout" : "crash";
}

/* In tenths, where code hosts draw their lines: from 7.0 on it is high, from 4.0 medium. */
static int points_of(const struct pile_words *words)
{
	if (!words->severity)
		return 0;
	if (strcmp(words->severity, triage_severity_word(TRIAGE_EXPLOITABLE)) == 0)
		return 88;
	return strcmp(words->severity,
		       triage_severity_word(TRIAGE_PROBABLY_EXPLOITABLE)) == 0
		? 65
		: 31;
}

/* A rule is about security when one of its bugs is, and as grave as the worst of them. */
static void add_points(json_t *rule, int points)
{
	json_t *properties = json_object_get(rule, "properties");
	const char *old =
		json_string_value(json_object_get(properties, "security-severity"));
	_auto_free_ char *score = iw_fmt("%d.%d", points / 10, points % 10);

	if (!properties)
		json_object_set_new(rule, "properties",
			json_pack("{s[s] ss}", "tags", "security", "security-severity",
				score));
	else if (strcmp(score, old) > 0)
		json_object_set_new(properties, "security-severity", json_string(score));
}

static size_t rule_index(json_t *rules, const char *id)
{
	json_t *rule;
	size_t i;

	json_array_foreach(rules, i, rule)
	{
		if (strcmp(json_string_value(json_object_get(rule, "id")), id) == 0)
			return i;
	}
	json_array_append_new(rules,
		json_pack("{ss s{ss} s{ss}}", "id", id, "shortDescription", "text", id,
			"defaultConfiguration", "level", "error"));
	return json_array_size(rules) - 1;
}

static json_t *result_of(const struct pile_bug *bug, json_t *rules)
{
	struct pile_words words;
	const char *rule;
	json_t *result;
	size_t index;
	int points;
	_auto_free_ char *message = NULL;

	pile_words_init(&words, bug);
	rule = rule_of(bug, &words.gist);
	index = rule_index(rules, rule);
	points = points_of(&words);
	if (points > 0 && bug->is_security)
		add_points(json_array_get(rules, index), points);
	message = iw_fmt("%s; fails in %s runs, input of %zu bytes", words.headline,
		words.rate, bug->len);
	result = json_pack("{ss sI ss ss s{so} s[o] so so}", "ruleId", rule, "ruleIndex",
		(json_int_t)index, "kind", "fail", "level", "error", "message", "text",
		pile_text(message), "locations", location_of(bug, &words.gist), "stacks",
		stacks_of(words.gist.report), "partialFingerprints", fingerprint_of(bug));
	json_object_set_new(result, "occurrenceCount",
		json_integer((json_int_t)pile_bug_files(bug) + !pile_bug_files(bug)));
	if (points > 0)
		json_object_set_new(result, "rank", json_real(points));
	json_object_set_new(result, "attachments",
		json_pack("[{s{ss} so}]", "description", "text",
			"the smallest input that fails", "artifactLocation",
			artifact_of(words.input)));
	json_object_set_new(result, "properties",
		json_pack("{si si ss? sb sb so}", "hits", (int)bug->hits, "runs",
			(int)bug->runs, "severity", words.severity, "security",
			bug->is_security, "minimized", bug->is_minimized, "folder",
			pile_text(bug->folder)));
	pile_words_fini(&words);
	return result;
}

json_t *pile_sarif(const struct pile *pile)
{
	json_t *rules = json_array(), *results = json_array();
	_auto_free_ char *root = source_root();
	size_t i;

	for (i = 0; i < pile->bug_count; i++)
		if (pile_bug_is_shown(pile->bugs[i]))
			json_array_append_new(results, result_of(pile->bugs[i], rules));
	return json_pack("{ss ss s[{s{s{ss ss so}} s{s{so}} s[{sb}] ss so}]}", "$schema",
		SCHEMA, "version", "2.1.0", "runs", "tool", "driver", "name", "Ironworks",
		"version", IRONWORKS_VERSION, "rules", rules, "originalUriBaseIds", ROOT,
		"uri", uri_of(root), "invocations", "executionSuccessful",
		!pile->is_stopped, "columnKind", "unicodeCodePoints", "results", results);
}
