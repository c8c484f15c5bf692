/*
 * The farm in Prometheus' text format 0.0.4. Counters of targets are those of all runs;
 * they may go back only when a state folder is replaced, which Prometheus understands.
 */
#include <string.h>

#include "base/buf.h"
#include "web/route.h"

#include "base/banned.h"

/* Names of adapters and targets are checked when they are loaded, but this is the
 * format's own rule. */
static void add_label(struct iw_buf *out, const char *value)
{
	for (; *value; value++) {
		if (*value == '\\' || *value == '"')
			iw_buf_addf(out, "\\%c", *value);
		else if (*value == '\n')
			iw_buf_adds(out, "\\n");
		else
			iw_buf_add(out, value, 1);
	}
}

static void add_head(
	struct iw_buf *out, const char *name, const char *type, const char *help)
{
	iw_buf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void add_one(struct iw_buf *out, const char *name, const char *help, int64_t value)
{
	add_head(out, name, "gauge", help);
	iw_buf_addf(out, "%s %lld\n", name, (long long)value);
}

/* A sample's name and the labels that say whose it is, without their end. */
static void add_target_of(struct iw_buf *out, const char *name, const json_t *target)
{
	iw_buf_addf(out, "%s{adapter=\"", name);
	add_label(out, json_string_value(json_object_get(target, "adapter")));
	iw_buf_adds(out, "\",target=\"");
	add_label(out, json_string_value(json_object_get(target, "target")));
}

static const struct {
	const char *name, *field, *type, *help;
	double scale;
} per_target[] = {
	{"ironworks_target_executions_total", "executions", "counter",
		"Executions of engines, over all runs.", 1},
	{"ironworks_target_core_seconds_total", "core_ms", "counter",
		"CPU time of engines.", 0.001},
	{"ironworks_target_executions_per_second", "per_second", "gauge",
		"Of the engines that run now.", 1},
	{"ironworks_target_features", "features", "gauge",
		"Features of the reference build that units show.", 1},
	{"ironworks_target_units", "units", "gauge", "Units in the corpus.", 1},
	{"ironworks_target_crashes_total", "crashes", "counter", "Crashes seen.", 1},
	{"ironworks_target_bugs", "bugs", "gauge", "Bugs first seen on this target.", 1},
	{"ironworks_target_failures_total", "failures", "counter",
		"Engines that ended without having worked.", 1},
	{"ironworks_target_found_timestamp_seconds", "found_ms", "gauge",
		"When it last showed a new feature.", 0.001},
};

static void add_targets(struct iw_buf *out, const json_t *targets, size_t m)
{
	json_t *target;
	size_t i;

	add_head(out, per_target[m].name, per_target[m].type, per_target[m].help);
	json_array_foreach(targets, i, target)
	{
		const json_t *value = json_object_get(target, per_target[m].field);

		if (!json_is_integer(value))
			continue;
		add_target_of(out, per_target[m].name, target);
		iw_buf_addf(out, "\"} %.15g\n",
			(double)json_integer_value(value) * per_target[m].scale);
	}
}

static const struct {
	const char *name, *field, *type, *help;
	double scale;
} per_judge[] = {
	{"ironworks_judging_waiting", "waiting", "gauge",
		"Units that this flavour has not seen.", 1},
	{"ironworks_judging_oldest_seconds", "oldest_ms", "gauge",
		"How long the first of them has waited.", 0.001},
	{"ironworks_judging_late", "late", "gauge",
		"Of them: longer than ironworks_judging_deadline_seconds.", 1},
	{"ironworks_judging_delay_seconds", "delay_ms", "gauge",
		"The longest wait of the last hour.", 0.001},
	{"ironworks_judging_missed_total", "missed", "counter",
		"Units that were ever late since this farm began.", 1},
};

static void add_judges_of(
	struct iw_buf *out, const json_t *target, const char *field, size_t m)
{
	json_t *judging = json_object_get(target, "judging"), *judge;
	const char *flavour;

	json_object_foreach (judging, flavour, judge) {
		const json_t *value = json_object_get(judge, field);

		if (!json_is_integer(value))
			continue;
		add_target_of(out, per_judge[m].name, target);
		iw_buf_adds(out, "\",flavour=\"");
		add_label(out, flavour);
		iw_buf_addf(out, "\"} %.15g\n",
			(double)json_integer_value(value) * per_judge[m].scale);
	}
}

static void add_judges(struct iw_buf *out, const json_t *targets)
{
	json_t *target;
	size_t m, i;

	for (m = 0; m < sizeof per_judge / sizeof *per_judge; m++) {
		add_head(out, per_judge[m].name, per_judge[m].type, per_judge[m].help);
		json_array_foreach(targets, i, target)
			add_judges_of(out, target, per_judge[m].field, m);
	}
}

static void add_farm(struct iw_buf *out, const struct farm_view *v)
{
	add_one(out, "ironworks_up", "1 while a farm works.",
		v && v->phase == FARM_FUZZING);
	if (!v)
		return;
	add_one(out, "ironworks_slots", "Cores that the farm uses.", v->slots);
	add_one(out, "ironworks_engines", "Engines that run.", v->engines);
	add_one(out, "ironworks_crashes_judging", "Crashes that triage works on.",
		v->judging);
	add_one(out, "ironworks_crashes_waiting",
		"Crashes that look like known bugs and wait.", v->backlog);
	add_one(out, "ironworks_bugs_pursuing", "Bugs that triage works on.",
		v->pursuing);
	add_one(out, "ironworks_bugs_new", "Bugs found since this farm began.",
		v->new_bugs);
	add_one(out, "ironworks_judging_deadline_seconds",
		"How long a unit may wait until a sanitizer has seen it.",
		v->judge_within_ms / 1000);
}

int web_answer_metrics(struct web_request *r)
{
	struct iw_buf out = {0};
	json_t *targets;
	size_t i;

	web_targets_live(r->web, r->json);
	targets = json_object_get(r->json, "targets");
	add_farm(&out, web_view(r->web));
	for (i = 0; i < sizeof per_target / sizeof *per_target; i++)
		add_targets(&out, targets, i);
	add_judges(&out, targets);
	json_decref(r->json);
	r->json = NULL;
	r->len = out.len;
	r->text = iw_buf_steal(&out);
	r->type = "text/plain; version=0.0.4; charset=utf-8";
	return 0;
}
