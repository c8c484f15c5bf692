/* Paths, methods, roles, and who answers. */
#ifndef IW_WEB_ROUTE_H
#define IW_WEB_ROUTE_H

#include "web/request.h"

/*
 * What a route does, in this order, each where it is there: `check` on the loop, `read`
 * on the reader's thread or `change` in a transaction of the farm's writer, and `answer`
 * on the loop. Each returns 0, or has failed the request.
 */
struct web_route {
	const char *method;
	const char *path; /* "*" stands for a number */
	enum web_role role;
	size_t body_max; /* of one that its change reads itself; 0: WEB_BODY_MAX, and
			  * it is JSON */
	int (*check)(struct web_request *r);
	int (*read)(struct web_request *r, const struct answer_scope *scope);
	int (*change)(struct web_request *r, struct iw_dbc *dbc);
	int (*answer)(struct web_request *r);
};

/* NULL: no such path; *is_method: there is one with another method. */
const struct web_route *web_route_find(
	const char *method, const char *path, int64_t *id, bool *is_method);

/* api.c */
int web_read_targets(struct web_request *r, const struct answer_scope *scope);
int web_read_target(struct web_request *r, const struct answer_scope *scope);
int web_read_campaigns(struct web_request *r, const struct answer_scope *scope);
int web_read_campaign(struct web_request *r, const struct answer_scope *scope);
int web_read_history(struct web_request *r, const struct answer_scope *scope);
int web_read_coverage(struct web_request *r, const struct answer_scope *scope);
int web_read_prs(struct web_request *r, const struct answer_scope *scope);
int web_read_pr(struct web_request *r, const struct answer_scope *scope);
int web_read_bugs(struct web_request *r, const struct answer_scope *scope);
int web_read_bug(struct web_request *r, const struct answer_scope *scope);
int web_read_issue(struct web_request *r, const struct answer_scope *scope);
int web_read_input(struct web_request *r, const struct answer_scope *scope);
int web_read_crashes(struct web_request *r, const struct answer_scope *scope);
int web_read_crash(struct web_request *r, const struct answer_scope *scope);
int web_read_health(struct web_request *r, const struct answer_scope *scope);
int web_answer_targets(struct web_request *r);
int web_answer_target(struct web_request *r);
int web_answer_farm(struct web_request *r);
int web_answer_health(struct web_request *r);

/* change.c */
int web_check_stop(struct web_request *r);
int web_check_campaign(struct web_request *r);
int web_change_campaign(struct web_request *r, struct iw_dbc *dbc);
int web_change_campaign_stop(struct web_request *r, struct iw_dbc *dbc);
int web_check_why(struct web_request *r);
int web_change_hold(struct web_request *r, struct iw_dbc *dbc);
int web_change_resume(struct web_request *r, struct iw_dbc *dbc);
int web_answer_wish(struct web_request *r);
int web_answer_target_wish(struct web_request *r);

/* add.c */
int web_change_crashes(struct web_request *r, struct iw_dbc *dbc);
int web_answer_crashes(struct web_request *r);

/* decide.c */
int web_change_decide(struct web_request *r, struct iw_dbc *dbc);
int web_answer_decide(struct web_request *r);
/* Who asks, for those who read of it later: a token's name, or a local user's. On the
 * database thread. The caller frees. */
char *web_actor(const struct web_request *r, struct iw_dbc *dbc);

/* group.c */
int web_check_merge(struct web_request *r);
int web_check_split(struct web_request *r);
int web_change_group(struct web_request *r, struct iw_dbc *dbc);
int web_answer_group(struct web_request *r);

/* repro.c */
int web_read_repro(struct web_request *r, const struct answer_scope *scope);
int web_answer_build_file(struct web_request *r);

/* build.c */
int web_check_build(struct web_request *r);
int web_answer_build(struct web_request *r);

/* token.c */
int web_read_tokens(struct web_request *r, const struct answer_scope *scope);
int web_check_token(struct web_request *r);
int web_change_token(struct web_request *r, struct iw_dbc *dbc);
int web_answer_token(struct web_request *r);
int web_change_token_revoke(struct web_request *r, struct iw_dbc *dbc);
int web_answer_token_revoke(struct web_request *r);

/* events.c */
int web_answer_events(struct web_request *r);

/* metrics.c */
int web_answer_metrics(struct web_request *r);

/* file.c */
int web_answer_file(struct web_request *r);
/* Whether there is such a file of the page. */
bool web_is_file(const char *path);

#endif
