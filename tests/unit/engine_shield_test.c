/* The page of the crash shield as the farm writes and reads it: the target can write to it
 * in between. */
#include "tests/lib/temp.h"

#include <unistd.h>

#include "engine/shield.h"

#include "base/banned.h"

static const uint64_t keys[] = {11, 22, UINT64_MAX};

static char *page_path(const struct temp *t)
{
	return temp_path(t, "shield/page");
}

static void open_page(struct temp *t, struct iw_shield_page *page)
{
	struct engine_shield_spec spec = {.keys = keys,
		.key_count = IW_COUNT(keys),
		.deaths_max = 3,
		.rss_limit_mb = 2048,
		.warm_units = 7,
		.wants_samples = true};
	_auto_free_ char *path = NULL, *data = NULL;
	size_t len;

	temp_open(t);
	path = page_path(t);
	temp_ok(&t->err, engine_shield_write(t->dir, &spec, &t->err));
	temp_ok(&t->err, iw_file_read(path, sizeof *page, &data, &len, &t->err));
	assert_int_equal(len, sizeof *page);
	memcpy(page, data, sizeof *page);
}

static struct engine_shield read_back(struct temp *t, const void *page, size_t len)
{
	_auto_free_ char *path = page_path(t);
	struct engine_shield shield;

	temp_ok(&t->err, iw_file_write(path, page, len, 0644, &t->err));
	engine_shield_read(t->dir, &shield);
	return shield;
}

static void test_what_is_told(void **state)
{
	struct iw_shield_page page;
	struct temp t;

	(void)state;
	open_page(&t, &page);
	assert_int_equal(page.magic, IW_SHIELD_MAGIC);
	assert_int_equal(page.known, 3);
	assert_int_equal(page.slots[2].key, UINT64_MAX);
	assert_int_equal(page.slots[3].key, 0);
	assert_int_equal(page.deaths_max, 3);
	assert_int_equal(page.rss_limit_mb, 2048);
	assert_int_equal(page.wants_samples, 1);
	assert_int_equal(page.warm_units, 7);
	assert_int_equal(page.state, IW_SHIELD_ABSENT);
	temp_close(&t);
}

static void test_what_it_says(void **state)
{
	struct iw_shield_page page;
	struct engine_shield shield;
	struct temp t;

	(void)state;
	open_page(&t, &page);
	page.state = IW_SHIELD_RENEWS;
	page.executions = 1000;
	page.warm_us = 500;
	page.slots[1].swallowed = 40;
	page.slots[1].us = 80;
	page.slots[3] = (struct iw_shield_slot){
		.key = 33, .input = iw_shield_hash(0, "boom", 4), .deaths = 1, .us = 9};
	shield = read_back(&t, &page, sizeof page);
	assert_true(shield.works && shield.has_renewed);
	assert_int_equal(shield.executions, 1000);
	assert_int_equal(shield.warm_us, 500);
	/* Known places at which nothing happened are no news. */
	assert_int_equal(shield.count, 2);
	assert_int_equal(shield.places[0].key, 22);
	assert_int_equal(shield.places[0].swallowed, 40);
	assert_int_equal(shield.places[0].input, 0);
	assert_ptr_equal(engine_shield_find(&shield, iw_shield_hash(0, "boom", 4)),
		&shield.places[1]);
	assert_null(engine_shield_find(&shield, iw_shield_hash(0, "bang", 4)));
	temp_close(&t);
}

/* Only so many places are told: the page has room for new ones. */
static void test_too_many_keys(void **state)
{
	uint64_t many[IW_SHIELD_SLOTS * 2];
	struct engine_shield_spec spec = {.keys = many, .key_count = IW_COUNT(many)};
	_auto_free_ char *path = NULL, *data = NULL;
	struct iw_shield_page page;
	struct temp t;
	size_t len, i;

	(void)state;
	for (i = 0; i < IW_COUNT(many); i++)
		many[i] = i + 1;
	temp_open(&t);
	temp_ok(&t.err, engine_shield_write(t.dir, &spec, &t.err));
	path = page_path(&t);
	temp_ok(&t.err, iw_file_read(path, sizeof page, &data, &len, &t.err));
	memcpy(&page, data, sizeof page);
	assert_int_equal(page.known, IW_SHIELD_KNOWN_MAX);
	assert_int_equal(page.slots[IW_SHIELD_KNOWN_MAX].key, 0);
	temp_close(&t);
}

static void test_hostile(void **state)
{
	struct iw_shield_page page;
	struct engine_shield shield;
	_auto_free_ char *path = NULL;
	struct temp t;

	(void)state;
	open_page(&t, &page);
	memset(page.slots, 0xff, sizeof page.slots);
	page.executions = page.warm_us = UINT64_MAX;
	shield = read_back(&t, &page, sizeof page);
	assert_int_equal(shield.count, IW_SHIELD_SLOTS);
	assert_true(shield.executions > 0 && shield.places[0].us > 0);
	page.magic++;
	shield = read_back(&t, &page, sizeof page);
	assert_false(shield.works);
	assert_int_equal(shield.count, 0);
	page.magic--;
	shield = read_back(&t, &page, sizeof page - 1);
	assert_int_equal(shield.count, 0);
	shield = read_back(&t, "", 0);
	assert_int_equal(shield.count, 0);
	/* A link leads to the host's files. */
	path = page_path(&t);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_false(engine_shield_read(t.dir, &shield));
	temp_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_told),
		cmocka_unit_test(test_what_it_says),
		cmocka_unit_test(test_too_many_keys),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
