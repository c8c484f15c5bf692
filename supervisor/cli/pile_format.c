/* What all forms share, and our own JSON. */
#include "cli/pile_format.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "adapters/target_command.h"
#include "base/mem.h"
#include "base/text.h"
#include "triage/rate.h"
#include "triage/severity.h"

#include "base/banned.h"

static char *plain_text(const char *s)
{
	struct iw_buf text = {0};

	iw_text_plain(&text, s);
	return iw_buf_steal(&text);
}

json_t *pile_text(const char *bytes)
{
	json_t *string = json_string(bytes);
	_auto_free_ char *plain = string ? NULL : plain_text(bytes);

	return string ? string : json_string(plain);
}

void pile_words_init(struct pile_words *words, const struct pile_bug *bug)
{
	const struct triage_signature *sig = &bug->signature;

	*words = (struct pile_words){0};
	cli_gist_read(&words->gist, bug->report, bug->report_len);
	words->headline = plain_text(*words->gist.headline ? words->gist.headline
			: sig->message			   ? sig->message
							   : sig->type);
	words->severity = bug->severity;
	if (words->gist.report) {
		struct triage_severity severity;

		triage_severity_of(words->gist.report, &severity);
		words->severity = triage_severity_word(severity.class);
		memcpy(words->reason, severity.reason, sizeof words->reason);
	}
	if (words->gist.file && words->gist.line) {
		_auto_free_ char *file = plain_text(words->gist.file);

		words->place = iw_fmt("%s:%d", file, words->gist.line);
	}
	snprintf(words->rate, sizeof words->rate, "%u/%u", bug->hits, bug->runs);
	words->input = iw_fmt("%s/%s/input", bug->pile->spec.out, bug->folder);
}

void pile_words_fini(struct pile_words *words)
{
	cli_gist_fini(&words->gist);
	free(words->headline);
	free(words->place);
	free(words->input);
}

char *pile_command(const struct pile_bug *bug, const char *input)
{
	const struct cli_plain *plain = bug->pile->spec.plain;
	struct target_command command = {
		.build = &plain->build,
		.target = &plain->spec,
		.program = plain->path,
		.input = input,
		.symbolizer = plain->world.symbolizer_path,
	};
	struct iw_buf line = {0};

	target_command_add(&line, &command);
	return iw_buf_steal(&line);
}

static json_t *files_of(const struct pile_bug *bug)
{
	const struct pile *pile = bug->pile;
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < pile->spec.files->count; i++)
		if (pile_entry_bug(pile_entry_of(pile, i)) == bug)
			json_array_append_new(
				list, pile_text(pile->spec.files->items[i].path));
	return list;
}

static json_t *bug_json(const struct pile_bug *bug)
{
	_auto_free_ char *frames = triage_signature_names(&bug->signature);
	struct triage_rate rate = triage_rate_of(bug->hits, bug->runs);
	struct pile_words words;
	json_t *json;

	pile_words_init(&words, bug);
	json = json_pack("{si so ss so ss? ss? ss si si sf sf sI sI sb sb sb so so}",
		"number", bug->number, "folder", pile_text(bug->folder), "type",
		bug->signature.type, "headline", pile_text(words.headline), "place",
		words.place, "severity", words.severity, "severity_reason", words.reason,
		"hits", (int)bug->hits, "runs", (int)bug->runs, "rate_low", rate.low,
		"rate_high", rate.high, "size_before", (json_int_t)bug->original_len,
		"size", (json_int_t)bug->len, "minimized", bug->is_minimized, "security",
		bug->is_security, "known", bug->is_known, "frames",
		json_loads(frames, 0, NULL), "files", files_of(bug));
	pile_words_fini(&words);
	return json;
}

static json_t *paths_of(const struct pile *pile, enum pile_fate fate)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < pile->spec.files->count; i++)
		if (pile_entry_of(pile, i)->fate == fate)
			json_array_append_new(
				list, pile_text(pile->spec.files->items[i].path));
	return list;
}

/* Where the time went: CPU seconds of targets and our own, and how busy the slots were. */
static json_t *work_of(const struct pile *pile, int64_t ms)
{
	static const enum iw_purpose purposes[] = {
		IW_PURPOSE_REPLAY, IW_PURPOSE_REPRODUCE, IW_PURPOSE_MINIMIZE};
	const struct iw_slots *slots = pile->spec.plain->slots;
	int64_t targets_ms = 0, room_ms = ms * iw_slots_count(slots);
	struct rusage own = {0};
	size_t i;

	for (i = 0; i < IW_COUNT(purposes); i++)
		targets_ms += iw_slots_core_ms(slots, purposes[i]);
	getrusage(RUSAGE_SELF, &own);
	return json_pack("{si sf sf sf}", "slots", iw_slots_count(slots),
		"target_seconds", (double)targets_ms / 1000, "own_seconds",
		(double)(own.ru_utime.tv_sec + own.ru_stime.tv_sec) +
			(double)(own.ru_utime.tv_usec + own.ru_stime.tv_usec) / 1e6,
		"busy", room_ms ? (double)iw_slots_busy_ms(slots) / (double)room_ms : 0);
}

json_t *pile_json(const struct pile *pile, int64_t ms)
{
	const struct cli_plain *plain = pile->spec.plain;
	json_t *bugs = json_array();
	size_t i;

	for (i = 0; i < pile->bug_count; i++)
		if (pile_bug_is_shown(pile->bugs[i]))
			json_array_append_new(bugs, bug_json(pile->bugs[i]));
	return json_pack("{so ss ss so sI sI sI so so sb sf so so}", "binary",
		pile_text(plain->path), "build", plain->build.closure, "flavour",
		plain->build.flavour, "out", pile_text(pile->spec.out), "files",
		(json_int_t)pile->spec.files->count, "passed",
		(json_int_t)pile_count(pile, PILE_PASSED), "failed",
		(json_int_t)pile_count(pile, PILE_FAILED), "vanished",
		paths_of(pile, PILE_VANISHED), "not_run", paths_of(pile, PILE_UNKNOWN),
		"stopped", pile->is_stopped, "seconds", (double)ms / 1000, "work",
		work_of(pile, ms), "bugs", bugs);
}
