/* `ironworks token create|list|revoke`. */
#include "token.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/time.h"
#include "cli/change.h"
#include "cli/cli.h"
#include "cli/table.h"

#include "base/banned.h"

static const char help[] =
	"Examples:\n"
	"  ironworks token create ci --role read\n"
	"  ironworks token create anna --role admin --state /srv/farm > anna.token\n"
	"  ironworks token list\n"
	"  ironworks token revoke ci\n"
	"\n"
	"usage: ironworks token create NAME --role read|triage|admin [--state DIR] "
	"[--json]\n"
	"       ironworks token list [--state DIR] [--json]\n"
	"       ironworks token revoke NAME|ID [--state DIR] [--json]\n"
	"\n"
	"A token gives a role over HTTP: 'Authorization: Bearer iw_…'. 'read' sees "
	"private\n"
	"bugs, 'triage' may hold targets and start campaigns, too, 'admin' may do "
	"everything.\n"
	"It is printed once, by 'create'; the farm keeps only its hash. A revoked one "
	"is\n"
	"refused at once, also by a farm that runs.\n"
	"\n"
	"exit status: 0 done, 2 usage, 3 the farm does not answer, 4 failed or no such "
	"token\n";

struct options {
	struct cli_common common;
	const char *role;
};

/* -- create ------------------------------------------------------------------------- */

struct creation {
	const char *name, *role;
};

static int create_alone(
	void *ctx, const struct answer_scope *scope, json_t **answer, struct iw_err *err)
{
	const struct creation *c = ctx;

	return token_create(scope->dbc, c->name, c->role, answer, err);
}

static int create_token(const struct options *o, const char *name)
{
	_auto_(iw_json_freep) json_t *made = NULL;
	_auto_(iw_json_freep) json_t *body = NULL;
	struct creation creation = {.name = name, .role = o->role};
	struct cli_change change = {
		.state = o->common.state,
		.path = "/api/v1/tokens",
		.makes_state = true,
		.alone = create_alone,
		.ctx = &creation,
	};
	struct iw_err err = IW_ERR_INIT;
	_auto_free_ char *dir = iw_state_dir(o->common.state);
	bool is_new = !iw_file_exists(dir);
	int rc;

	if (!o->role)
		return cli_usage("token", "say --role read, triage or admin");
	if (token_check(name, o->role, &err) < 0)
		return cli_usage("token", err.msg);
	body = json_pack("{ss ss}", "name", name, "role", o->role);
	change.body = body;
	rc = cli_change(&change, &made);
	if (rc != CLI_DONE)
		return rc;
	/* A token can be there before its farm; or DIR was mistyped. */
	if (is_new)
		fprintf(stderr,
			"there was no state folder '%s' and it has been made: the token "
			"is for the farm that will run on it\n",
			dir);
	if (o->common.json) {
		cli_print_json(iw_steal(&made));
		return CLI_DONE;
	}
	puts(json_string_value(json_object_get(made, "token")));
	fprintf(stderr,
		"token %lld, '%s', has the role '%s'; this is the only time that it is "
		"shown\n",
		(long long)json_integer_value(json_object_get(made, "id")), name,
		o->role);
	return CLI_DONE;
}

/* -- list --------------------------------------------------------------------------- */

static void time_cell(struct cli_table *table, const json_t *ms, const char *never)
{
	char iso[24];

	if (!json_is_integer(ms)) {
		cli_table_cell(table, "%s", never);
		return;
	}
	iw_time_iso(json_integer_value(ms), iso);
	cli_table_cell(table, "%s", iso);
}

static void print_list(const json_t *tokens)
{
	struct cli_table *table =
		cli_table_new(">token|name|role|created|last used|revoked");
	const json_t *token;
	size_t i;

	json_array_foreach(tokens, i, token)
	{
		cli_table_cell(table, "%lld",
			(long long)json_integer_value(json_object_get(token, "id")));
		cli_table_cell(
			table, "%s", json_string_value(json_object_get(token, "name")));
		cli_table_cell(
			table, "%s", json_string_value(json_object_get(token, "role")));
		time_cell(table, json_object_get(token, "created_ms"), "");
		time_cell(table, json_object_get(token, "last_used_ms"), "never");
		time_cell(table, json_object_get(token, "revoked_ms"), "");
	}
	if (json_array_size(tokens))
		cli_table_print(table, stdout, 0);
	else
		puts("no tokens yet");
	cli_table_free(table);
}

/* Reading needs no daemon and disturbs none. */
static int read_list(const char *state_dir, json_t **list, struct iw_err *err)
{
	struct iw_state state;
	int rc = iw_state_open(&state, state_dir, IW_STATE_READ, err);

	if (rc < 0)
		return rc;
	*list = token_list(state.dbc, err);
	iw_state_close(&state);
	return *list ? 0 : err->code;
}

static int list_tokens(const struct options *o)
{
	_auto_(iw_json_freep) json_t *tokens = NULL;
	struct iw_err err = IW_ERR_INIT;

	if (read_list(o->common.state, &tokens, &err) < 0)
		return cli_fail(&err);
	if (o->common.json)
		cli_print_json(iw_steal(&tokens));
	else
		print_list(json_object_get(tokens, "tokens"));
	return CLI_DONE;
}

/* -- revoke ------------------------------------------------------------------------- */

/* By its number, or by the name that only one token has that is not revoked. */
static int find(const json_t *tokens, const char *word, int64_t *id, struct iw_err *err)
{
	const json_t *token;
	size_t i;

	if (cli_number(word, 1, INT64_MAX, id))
		return 0;
	json_array_foreach(tokens, i, token)
	{
		const char *name = json_string_value(json_object_get(token, "name"));

		*id = json_integer_value(json_object_get(token, "id"));
		if (json_is_null(json_object_get(token, "revoked_ms")) &&
			strcmp(name, word) == 0)
			return 0;
	}
	return iw_err_set(err, IW_ENOENT,
		"there is no token '%s' that could be revoked; 'ironworks token list' "
		"shows all",
		word);
}

static int revoke_alone(
	void *ctx, const struct answer_scope *scope, json_t **answer, struct iw_err *err)
{
	return token_revoke(scope->dbc, *(const int64_t *)ctx, answer, err);
}

static int revoke_token(const struct options *o, const char *word)
{
	_auto_(iw_json_freep) json_t *tokens = NULL;
	_auto_(iw_json_freep) json_t *made = NULL;
	_auto_free_ char *path = NULL;
	struct iw_err err = IW_ERR_INIT;
	int64_t id;
	struct cli_change change = {
		.state = o->common.state, .alone = revoke_alone, .ctx = &id};
	int rc = read_list(o->common.state, &tokens, &err);

	if (rc == 0)
		rc = find(json_object_get(tokens, "tokens"), word, &id, &err);
	if (rc < 0)
		return cli_fail(&err);
	path = iw_fmt("/api/v1/tokens/%lld/revoke", (long long)id);
	change.path = path;
	rc = cli_change(&change, &made);
	if (rc == CLI_DONE && o->common.json)
		cli_print_json(iw_steal(&made));
	return rc;
}

/* --------------------------------------------------------------------------------------
 */

static int run(const struct options *o, int argc, char **argv)
{
	const char *verb = argc > 0 ? argv[0] : "";

	if (strcmp(verb, "create") == 0 && argc == 2)
		return create_token(o, argv[1]);
	if (o->role)
		return cli_usage("token", "--role is for 'create NAME'");
	if (strcmp(verb, "list") == 0 && argc == 1)
		return list_tokens(o);
	if (strcmp(verb, "revoke") == 0 && argc == 2)
		return revoke_token(o, argv[1]);
	return cli_usage("token", "say 'create NAME', 'list' or 'revoke NAME'");
}

int cli_token(int argc, char **argv)
{
	struct options o = {0};
	const struct cli_option more[] = {{"role", .word = &o.role}, {0}};
	int first, rc = cli_options(argc, argv, help, more, &o.common, &first);

	return rc >= 0 ? rc : run(&o, argc - first, argv + first);
}
