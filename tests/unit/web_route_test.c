/* Which path leads where, and who may go there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "web/route.h"

static const struct web_route *find(const char *method, const char *path)
{
	int64_t id;
	bool is_method;

	return web_route_find(method, path, &id, &is_method);
}

static void test_numbers_in_paths(void **state)
{
	int64_t id;
	bool is_method;

	(void)state;
	assert_non_null(web_route_find("GET", "/api/v1/bugs/42/issue", &id, &is_method));
	assert_int_equal(id, 42);
	assert_non_null(web_route_find(
		"GET", "/api/v1/bugs/999999999999999999", &id, &is_method));
	assert_true(id == 999999999999999999);
	assert_non_null(web_route_find("GET", "/api/v1/bugs", &id, &is_method));
	assert_int_equal(id, 0);
}

static void test_what_is_no_number(void **state)
{
	static const char *const paths[] = {"/api/v1/bugs/", "/api/v1/bugs/0",
		"/api/v1/bugs/-1", "/api/v1/bugs/+1", "/api/v1/bugs/ 1",
		"/api/v1/bugs/01", "/api/v1/bugs/1a", "/api/v1/bugs/1/",
		"/api/v1/bugs/1e3", "/api/v1/bugs/9999999999999999999",
		"/api/v1/bugs//issue", "/api/v1/bugs/1/issue/"};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof paths / sizeof *paths; i++)
		assert_null(find("GET", paths[i]));
}

static void test_methods(void **state)
{
	int64_t id;
	bool is_method;

	(void)state;
	assert_null(web_route_find("POST", "/api/v1/farm", &id, &is_method));
	assert_true(is_method);
	assert_null(web_route_find("POST", "/index.html", &id, &is_method));
	assert_true(is_method);
	assert_null(web_route_find("GET", "/api/v1/nothing", &id, &is_method));
	assert_false(is_method);
}

static void test_files_of_the_page(void **state)
{
	(void)state;
	assert_non_null(find("GET", "/"));
	assert_non_null(find("GET", "/chart.js"));
	assert_non_null(find("GET", "/api/v1/openapi.json"));
	assert_null(find("GET", "/../README.md"));
	assert_null(find("GET", "index.html"));
	assert_null(find("GET", ""));
}

/* Nothing is changed by who has no role, whatever else is forgotten. */
static void test_changes_want_a_role(void **state)
{
	static const char *const paths[] = {"/api/v1/stop", "/api/v1/tokens",
		"/api/v1/tokens/1/revoke", "/api/v1/campaigns",
		"/api/v1/campaigns/1/stop", "/api/v1/targets/1/hold",
		"/api/v1/targets/1/resume"};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof paths / sizeof *paths; i++)
		assert_true(find("POST", paths[i])->role > WEB_ROLE_READ);
	assert_int_equal(find("GET", "/api/v1/tokens")->role, WEB_ROLE_ADMIN);
}

static void test_only_loopback_is_bound(void **state)
{
	static const char *const wrong[] = {"0.0.0.0:0", "[::]:0", "192.0.2.1:80",
		"localhost:80", "8420", "127.0.0.1", "127.0.0.1:", "127.0.0.1:99999", ""};
	struct iw_err err = {0};
	size_t i;
	int fd;

	(void)state;
	for (i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_int_equal(web_bind_loopback(wrong[i], &fd, &err), IW_EINVAL);
	assert_int_equal(web_bind_loopback("127.0.0.1:0", &fd, &err), 0);
	iw_closep(&fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers_in_paths),
		cmocka_unit_test(test_what_is_no_number),
		cmocka_unit_test(test_methods),
		cmocka_unit_test(test_files_of_the_page),
		cmocka_unit_test(test_changes_want_a_role),
		cmocka_unit_test(test_only_loopback_is_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
