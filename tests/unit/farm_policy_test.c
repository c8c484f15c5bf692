/* Which target gets the next engine: campaigns first, but nobody starves, and who is held
 * gets none. The targets are made up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "farm_room.h"

#include "base/banned.h"

#define TARGETS 3

struct policy_test {
	struct farm farm;
	struct farm_project project;
	struct farm_target targets[TARGETS], *list[TARGETS];
};

static void begin(struct policy_test *p)
{
	size_t i;

	*p = (struct policy_test){0};
	for (i = 0; i < TARGETS; i++) {
		p->targets[i].farm = &p->farm;
		p->targets[i].state = FARM_TARGET_READY;
		p->targets[i].triage.id = (int64_t)i + 1;
		p->list[i] = &p->targets[i];
	}
	p->project = (struct farm_project){.targets = p->list, .target_count = TARGETS};
	p->farm.projects = &p->project;
	p->farm.project_count = 1;
}

static void end(struct policy_test *p)
{
	farm_campaigns_fini(&p->farm);
}

/* The campaigns stay where they are while there are no more than two. */
static struct farm_campaign *campaign(
	struct policy_test *p, int64_t id, int64_t target_id)
{
	struct farm_campaign *c;

	if (!p->farm.campaigns)
		p->farm.campaigns = iw_calloc(2, sizeof *p->farm.campaigns);
	c = &p->farm.campaigns[p->farm.campaign_count++];
	*c = (struct farm_campaign){.id = id, .budget_ms = 1000};
	iw_ids_add(&c->targets, target_id);
	return c;
}

/* As many starts as there are letters, each of an engine that ends before the next: the
 * targets by number, "-" none. */
static void expect(struct policy_test *p, const char *wanted)
{
	char got[64] = "";
	size_t i;

	for (i = 0; wanted[i]; i++) {
		struct farm_target *t = farm_pick_target(&p->farm);

		got[i] = t ? (char)('0' + t->triage.id) : '-';
		if (!t)
			continue;
		farm_note_start(t);
		t->core_ms += 100;
	}
	assert_string_equal(got, wanted);
}

static void test_who_had_the_least(void **state)
{
	struct policy_test p;

	(void)state;
	begin(&p);
	expect(&p, "123123");
	p.targets[0].core_ms = 50;
	p.targets[1].engines = 1;
	expect(&p, "11313");
	assert_string_equal(p.targets[0].why, "least core time of all targets");
	end(&p);
}

static void test_in_words(void **state)
{
	struct policy_test p;

	(void)state;
	begin(&p);
	p.targets[1].state = p.targets[2].state = FARM_TARGET_BROKEN;
	farm_note_start(&p.targets[0]);
	assert_string_equal(p.targets[0].why, "the only target that can be fuzzed");
	p.targets[1].state = FARM_TARGET_READY;
	farm_note_start(&p.targets[0]);
	assert_string_equal(p.targets[0].why, "least core time of all targets");
	p.targets[1].engines = 1;
	farm_note_start(&p.targets[0]);
	assert_string_equal(p.targets[0].why, "fewer engines than any other target");
	end(&p);
}

/* Those near what is new first, and more for them; new targets before them. */
static void test_near_what_is_staged(void **state)
{
	struct farm_near fresh = {.pr = 7, .is_new = true}, old = {.pr = 6};
	struct policy_test p;

	(void)state;
	begin(&p);
	p.targets[1].near = &old;
	p.targets[2].near = &fresh;
	expect(&p, "3");
	assert_string_equal(p.targets[2].why,
		"it reaches what pull request #7 changes, which is new");
	p.targets[2].slices = 1;
	expect(&p, "12323");
	assert_string_equal(p.targets[2].why,
		"4 times the share of others: it reaches what pull request #7 changes");
	p.targets[2].core_ms = (int64_t)60 * 60 * 1000;
	p.targets[0].core_ms = p.targets[1].core_ms = p.targets[2].core_ms / 2;
	expect(&p, "22");
	assert_string_equal(p.targets[1].why,
		"2 times the share of others: it reaches what pull request #6 changes");
	p.targets[0].is_new = true;
	expect(&p, "1");
	end(&p);
}

static void test_campaigns_come_first(void **state)
{
	struct farm_campaign *c;
	struct policy_test p;

	(void)state;
	begin(&p);
	c = campaign(&p, 7, 3);
	expect(&p, "3333333");
	assert_string_equal(p.targets[2].why, "the targets of campaign 7 come first");
	/* One start in eight is for the others, in turn. */
	expect(&p, "1");
	assert_string_equal(
		p.targets[0].why, "one start in 8 is for targets without a campaign");
	expect(&p, "3333333233333331");
	/* Also while several run at once. */
	p.targets[2].engines = 5;
	expect(&p, "3");
	p.targets[2].engines = 0;
	/* A target that rests for a moment leaves its slot to the others. */
	p.targets[2].not_before_ms = INT64_MAX;
	expect(&p, "21");
	p.targets[2].not_before_ms = 0;
	/* Its budget is used: all are equal again, and it has had a lot. */
	c->core_ms = c->budget_ms;
	expect(&p, "212121");
	assert_int_equal(farm_campaign_of(&p.targets[2]), 0);
	end(&p);
}

static void test_several_campaigns(void **state)
{
	struct iw_ids ids = {0};
	struct policy_test p;

	(void)state;
	begin(&p);
	campaign(&p, 7, 2);
	iw_ids_add(&campaign(&p, 4, 3)->targets, 2);
	expect(&p, "23232321");
	farm_campaigns_of(&p.targets[1], &ids);
	assert_int_equal(ids.count, 2);
	assert_true(iw_ids_have(&ids, 4) && iw_ids_have(&ids, 7));
	iw_ids_fini(&ids);
	farm_campaigns_of(&p.targets[0], &ids);
	assert_int_equal(ids.count, 0);
	/* What their engines took counts for those that are there still. */
	farm_campaigns_of(&p.targets[1], &ids);
	iw_ids_add(&ids, 99);
	farm_campaigns_note(&p.farm, &ids, 30);
	assert_int_equal(p.farm.campaigns[0].core_ms, 30);
	assert_int_equal(p.farm.campaigns[1].core_ms, 30);
	iw_ids_fini(&ids);
	end(&p);
}

static void test_all_have_a_campaign(void **state)
{
	struct farm_campaign *c;
	struct policy_test p;

	(void)state;
	begin(&p);
	c = campaign(&p, 1, 1);
	iw_ids_add(&c->targets, 2);
	iw_ids_add(&c->targets, 3);
	expect(&p, "123123123123123");
	end(&p);
}

/* While the last engines of a campaign end, nobody knows what is left of its budget. */
static void test_a_campaign_pauses(void **state)
{
	struct policy_test p;

	(void)state;
	begin(&p);
	campaign(&p, 7, 3)->is_paused = true;
	expect(&p, "1212");
	p.farm.campaigns[0].is_paused = false;
	expect(&p, "3");
	end(&p);
}

static void test_held_targets_get_nothing(void **state)
{
	struct policy_test p;

	(void)state;
	begin(&p);
	campaign(&p, 7, 3);
	iw_ids_add(&p.farm.held, 3);
	expect(&p, "1212");
	iw_ids_add(&p.farm.held, 1);
	expect(&p, "22");
	assert_string_equal(p.targets[1].why, "the only target that can be fuzzed");
	iw_ids_add(&p.farm.held, 2);
	expect(&p, "---");
	end(&p);
}

static void test_what_is_written_beside_a_job(void **state)
{
	struct farm_about about = {
		.target_id = 3, .build_id = 9, .engine = engine_find("libfuzzer")};
	struct farm_about read;
	_auto_free_ char *text = NULL;

	(void)state;
	iw_ids_add(&about.campaigns, 12);
	iw_ids_add(&about.campaigns, 5);
	text = farm_about_write(&about);
	assert_true(farm_about_read(text, &read));
	assert_int_equal(read.target_id, 3);
	assert_int_equal(read.build_id, 9);
	assert_ptr_equal(read.engine, about.engine);
	assert_int_equal(read.campaigns.count, 2);
	assert_true(iw_ids_have(&read.campaigns, 5) && iw_ids_have(&read.campaigns, 12));
	farm_about_fini(&read);
	farm_about_fini(&about);
	/* That of an older version, and what is none. */
	assert_true(farm_about_read(
		"{\"target\":1,\"build\":2,\"engine\":\"aflpp\"}", &read));
	assert_int_equal(read.campaigns.count, 0);
	assert_false(farm_about_read("{\"target\":1,\"engine\":\"none\"}", &read));
	assert_false(farm_about_read("{\"bug\":1}", &read));
	assert_false(farm_about_read("", &read));
	assert_false(farm_about_read(NULL, &read));
}

static void test_ids(void **state)
{
	static const int64_t some[] = {5, 1, 9, 5, -3, 1, 7};
	struct iw_ids ids = {0};
	size_t i;

	(void)state;
	assert_false(iw_ids_have(&ids, 0));
	for (i = 0; i < IW_COUNT(some); i++)
		iw_ids_add(&ids, some[i]);
	assert_int_equal(ids.count, 5);
	for (i = 0; i + 1 < ids.count; i++)
		assert_true(ids.items[i] < ids.items[i + 1]);
	for (i = 0; i < IW_COUNT(some); i++)
		assert_true(iw_ids_have(&ids, some[i]));
	assert_false(iw_ids_have(&ids, 6) || iw_ids_have(&ids, 10));
	iw_ids_fini(&ids);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_had_the_least),
		cmocka_unit_test(test_in_words),
		cmocka_unit_test(test_near_what_is_staged),
		cmocka_unit_test(test_campaigns_come_first),
		cmocka_unit_test(test_several_campaigns),
		cmocka_unit_test(test_all_have_a_campaign),
		cmocka_unit_test(test_a_campaign_pauses),
		cmocka_unit_test(test_held_targets_get_nothing),
		cmocka_unit_test(test_what_is_written_beside_a_job),
		cmocka_unit_test(test_ids),
	};

	return cmocka_run_group_tests_name("farm_policy", tests, NULL, NULL);
}
