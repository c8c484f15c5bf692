/* Tokens and their table: told once, kept as a hash, revoked once. */
#include "tests/lib/rows.h"

#include "base/json.h"
#include "token.h"

#include "base/banned.h"

static const char *text_of(const json_t *token, const char *field)
{
	return json_string_value(json_object_get(token, field));
}

static json_t *make(struct rows *r, const char *name, const char *role)
{
	json_t *made;

	temp_ok(&r->t.err, token_create(r->dbc, name, role, &made, &r->t.err));
	return made;
}

static void test_names_and_roles(void **state)
{
	static const char *const good[] = {"a", "CI", "page read", "anna@example.org",
		"a234567890123456789012345678901234567890123456789012345678901234"};
	static const char *const bad[] = {"", "1", "12", "1a", " a", "a ", "-a", "a\n",
		"a\x1b[2J", "\xc3\xa4",
		"a2345678901234567890123456789012345678901234567890123456789012345"};
	static const char *const roles[] = {"", "none", "root", "READ", "read "};
	struct iw_err err = {0};
	size_t i;

	(void)state;
	for (i = 0; i < IW_COUNT(good); i++)
		temp_ok(&err, token_check(good[i], "triage", &err));
	for (i = 0; i < IW_COUNT(bad); i++)
		temp_fails(&err, token_check(bad[i], "read", &err), IW_EINVAL,
			"a token's name starts with a letter and has at most 64 "
			"characters of ASCII");
	for (i = 0; i < IW_COUNT(roles); i++)
		temp_fails(&err, token_check("a", roles[i], &err), IW_EINVAL,
			"a token's role is 'read', 'triage' or 'admin'");
}

static int take_hash(void *ctx, const struct token_row *row)
{
	*(struct iw_sha256 *)ctx = row->hash;
	return 0;
}

static void test_the_secret_is_told_once(void **state)
{
	_auto_(iw_json_freep) json_t *a = NULL;
	_auto_(iw_json_freep) json_t *b = NULL;
	_auto_(iw_json_freep) json_t *all = NULL;
	_auto_free_ char *listed = NULL;
	struct iw_sha256 stored, hash;
	struct rows r;

	(void)state;
	rows_open(&r);
	a = make(&r, "a", "read");
	b = make(&r, "b", "admin");
	assert_int_equal(strlen(text_of(a, "token")), 3 + 64);
	assert_int_equal(strncmp(text_of(a, "token"), "iw_", 3), 0);
	assert_string_not_equal(text_of(a, "token"), text_of(b, "token"));
	hash = token_hash(text_of(a, "token"));
	temp_ok(&r.t.err, token_db_list(r.dbc, 1, take_hash, &stored, &r.t.err));
	assert_true(iw_sha256_equal(&stored, &hash));
	all = token_list(r.dbc, &r.t.err);
	listed = json_dumps(all, 0);
	assert_int_equal(json_array_size(json_object_get(all, "tokens")), 2);
	assert_null(strstr(listed, "iw_"));
	assert_int_equal(rows_int(&r,
				 "SELECT count(*) FROM token WHERE created_ms = "
				 "1700000000000 AND last_used_ms IS NULL"),
		2);
	rows_close(&r);
}

static void test_a_name_is_one_tokens(void **state)
{
	_auto_(iw_json_freep) json_t *first = NULL;
	_auto_(iw_json_freep) json_t *second = NULL;
	_auto_(iw_json_freep) json_t *revoked = NULL;
	json_t *none;
	struct rows r;

	(void)state;
	rows_open(&r);
	first = make(&r, "ci", "read");
	temp_fails(&r.t.err, token_create(r.dbc, "ci", "admin", &none, &r.t.err),
		IW_EEXIST,
		"there is a token 'ci' already; revoke it first, or take another name");
	assert_null(none);
	temp_ok(&r.t.err, token_revoke(r.dbc, 1, &revoked, &r.t.err));
	second = make(&r, "ci", "admin");
	assert_int_equal(json_integer_value(json_object_get(second, "id")), 2);
	rows_close(&r);
}

static void test_revoking(void **state)
{
	_auto_(iw_json_freep) json_t *made = NULL;
	_auto_(iw_json_freep) json_t *revoked = NULL;
	_auto_(iw_json_freep) json_t *again = NULL;
	json_t *none;
	struct rows r;

	(void)state;
	rows_open(&r);
	made = make(&r, "ci", "read");
	temp_ok(&r.t.err, token_db_used(r.dbc, 1, ROWS_NOW + 5, &r.t.err));
	iw_time_set(ROWS_NOW + 10, -1);
	temp_ok(&r.t.err, token_revoke(r.dbc, 1, &revoked, &r.t.err));
	iw_time_set(ROWS_NOW + 20, -1);
	temp_ok(&r.t.err, token_revoke(r.dbc, 1, &again, &r.t.err));
	assert_true(json_equal(revoked, again));
	assert_int_equal(
		json_integer_value(json_object_get(again, "revoked_ms")), ROWS_NOW + 10);
	assert_int_equal(
		json_integer_value(json_object_get(again, "last_used_ms")), ROWS_NOW + 5);
	assert_null(json_object_get(again, "token"));
	temp_fails(&r.t.err, token_revoke(r.dbc, 2, &none, &r.t.err), IW_ENOENT,
		"there is no token 2; 'ironworks token list' shows all");
	assert_null(none);
	rows_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_and_roles),
		cmocka_unit_test(test_the_secret_is_told_once),
		cmocka_unit_test(test_a_name_is_one_tokens),
		cmocka_unit_test(test_revoking),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
