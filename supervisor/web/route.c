#include "web/route.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

#define V1 "/api/v1"

static const struct web_route routes[] = {
	{"GET", "/healthz", WEB_ROLE_NONE, .read = web_read_health,
		.answer = web_answer_health},
	{"GET", "/metrics", WEB_ROLE_NONE, .read = web_read_targets,
		.answer = web_answer_metrics},
	{"GET", V1 "/farm", WEB_ROLE_NONE, .answer = web_answer_farm},
	{"GET", V1 "/events", WEB_ROLE_NONE, .answer = web_answer_events},
	{"GET", V1 "/targets", WEB_ROLE_NONE, .read = web_read_targets,
		.answer = web_answer_targets},
	{"GET", V1 "/targets/*", WEB_ROLE_NONE, .read = web_read_target,
		.answer = web_answer_target},
	{"GET", V1 "/targets/*/history", WEB_ROLE_NONE, .read = web_read_history},
	{"POST", V1 "/targets/*/hold", WEB_ROLE_TRIAGE, .check = web_check_why,
		.change = web_change_hold, .answer = web_answer_target_wish},
	{"POST", V1 "/targets/*/resume", WEB_ROLE_TRIAGE, .change = web_change_resume,
		.answer = web_answer_target_wish},
	{"GET", V1 "/campaigns", WEB_ROLE_NONE, .read = web_read_campaigns},
	{"POST", V1 "/campaigns", WEB_ROLE_TRIAGE, .check = web_check_campaign,
		.change = web_change_campaign, .answer = web_answer_wish},
	{"GET", V1 "/campaigns/*", WEB_ROLE_NONE, .read = web_read_campaign},
	{"POST", V1 "/campaigns/*/stop", WEB_ROLE_TRIAGE,
		.change = web_change_campaign_stop, .answer = web_answer_wish},
	{"GET", V1 "/prs", WEB_ROLE_NONE, .read = web_read_prs},
	{"GET", V1 "/prs/*", WEB_ROLE_NONE, .read = web_read_pr},
	{"GET", V1 "/coverage", WEB_ROLE_NONE, .read = web_read_coverage},
	{"GET", V1 "/bugs", WEB_ROLE_NONE, .read = web_read_bugs},
	{"GET", V1 "/bugs/*", WEB_ROLE_NONE, .read = web_read_bug},
	{"GET", V1 "/bugs/*/issue", WEB_ROLE_NONE, .read = web_read_issue},
	{"GET", V1 "/bugs/*/input", WEB_ROLE_NONE, .read = web_read_input},
	{"GET", V1 "/bugs/*/repro", WEB_ROLE_TRIAGE, .read = web_read_repro},
	{"POST", V1 "/bugs/*/wontfix", WEB_ROLE_TRIAGE, .check = web_check_why,
		.change = web_change_decide, .answer = web_answer_decide},
	{"POST", V1 "/bugs/*/expected", WEB_ROLE_TRIAGE, .check = web_check_why,
		.change = web_change_decide, .answer = web_answer_decide},
	{"POST", V1 "/bugs/*/close", WEB_ROLE_TRIAGE, .check = web_check_why,
		.change = web_change_decide, .answer = web_answer_decide},
	{"POST", V1 "/bugs/*/mute", WEB_ROLE_TRIAGE, .check = web_check_why,
		.change = web_change_decide, .answer = web_answer_decide},
	{"POST", V1 "/bugs/*/reopen", WEB_ROLE_TRIAGE, .check = web_check_why,
		.change = web_change_decide, .answer = web_answer_decide},
	{"POST", V1 "/bugs/*/merge", WEB_ROLE_TRIAGE, .check = web_check_merge,
		.change = web_change_group, .answer = web_answer_group},
	{"POST", V1 "/bugs/*/unmerge", WEB_ROLE_TRIAGE, .check = web_check_why,
		.change = web_change_group, .answer = web_answer_group},
	{"POST", V1 "/bugs/*/split", WEB_ROLE_TRIAGE, .check = web_check_split,
		.change = web_change_group, .answer = web_answer_group},
	{"GET", V1 "/crashes", WEB_ROLE_NONE, .read = web_read_crashes},
	{"POST", V1 "/crashes", WEB_ROLE_TRIAGE, .body_max = WEB_CRASHES_MAX,
		.change = web_change_crashes, .answer = web_answer_crashes},
	{"GET", V1 "/crashes/*", WEB_ROLE_NONE, .read = web_read_crash},
	{"POST", V1 "/builds", WEB_ROLE_TRIAGE, .check = web_check_build},
	{"GET", V1 "/builds/file", WEB_ROLE_TRIAGE, .answer = web_answer_build_file},
	{"GET", V1 "/builds/*", WEB_ROLE_READ, .answer = web_answer_build},
	{"POST", V1 "/stop", WEB_ROLE_ADMIN, .check = web_check_stop},
	{"GET", V1 "/tokens", WEB_ROLE_ADMIN, .read = web_read_tokens},
	{"POST", V1 "/tokens", WEB_ROLE_ADMIN, .check = web_check_token,
		.change = web_change_token, .answer = web_answer_token},
	{"POST", V1 "/tokens/*/revoke", WEB_ROLE_ADMIN, .change = web_change_token_revoke,
		.answer = web_answer_token_revoke},
	{0},
};

static const struct web_route file_route = {
	"GET", NULL, WEB_ROLE_NONE, .answer = web_answer_file};

static bool matches(const char *pattern, const char *path, int64_t *id)
{
	char *end;

	*id = 0;
	for (; *pattern; pattern++) {
		if (*pattern != '*') {
			if (*pattern != *path++)
				return false;
			continue;
		}
		/* No sign, no space, no leading zero: one name for one thing. */
		if (*path < '1' || *path > '9')
			return false;
		*id = strtoll(path, &end, 10);
		if (end - path > 18)
			return false;
		path = end;
	}
	return !*path;
}

const struct web_route *web_route_find(
	const char *method, const char *path, int64_t *id, bool *is_method)
{
	const struct web_route *r;

	*is_method = false;
	for (r = routes; r->method; r++) {
		if (!matches(r->path, path, id))
			continue;
		if (strcmp(r->method, method) == 0)
			return r;
		*is_method = true;
	}
	if (!web_is_file(path))
		return NULL;
	*is_method = true;
	return strcmp(method, "GET") == 0 ? &file_route : NULL;
}
