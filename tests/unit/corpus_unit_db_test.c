/* The rows of units and what becomes of them when something fails. */
#include "tests/lib/corpus_store.h"

#include "corpus/cover.h"
#include "corpus/features.h"

#include "base/banned.h"

static int64_t count_rows(struct store *s, const char *sql)
{
	int64_t count;

	store_ok(s, iw_db_int(s->dbc, -1, &count, &s->err, sql, ""));
	return count;
}

static void test_a_content_is_stored_once(void **state)
{
	struct store s;
	struct corpus_new_unit unit;
	int64_t id;

	(void)state;
	store_open(&s);
	id = store_add(&s, 1, "content");
	unit = store_unit(&s, "content", 7);
	assert_int_equal(
		corpus_units_add(s.dbc, s.packs, 1, CORPUS_ORIGIN_FUZZ, &unit, 1, &s.err),
		1);
	assert_false(unit.is_added);
	assert_int_equal(unit.id, id);
	/* Another target shares the content. */
	assert_int_equal(
		corpus_units_add(s.dbc, s.packs, 2, CORPUS_ORIGIN_SEED, &unit, 1, &s.err),
		0);
	assert_true(unit.is_added);
	assert_false(unit.is_stored);
	assert_int_equal(count_rows(&s, "SELECT count(*) FROM unit"), 1);
	assert_int_equal(count_rows(&s, "SELECT count(*) FROM target_unit"), 2);
	free((char *)unit.record);
	store_close(&s);
}

static void test_list_load_find(void **state)
{
	struct store s;
	struct corpus_unit *units, unit;
	struct iw_sha256 sha = iw_sha256("bb", 2);
	size_t count, len;
	char *data;

	(void)state;
	store_open(&s);
	store_add(&s, 1, "a");
	store_add(&s, 1, "bb");
	store_add(&s, 2, "other target");
	store_reopen(&s);
	store_ok(&s, corpus_units_list(s.dbc, 1, &units, &count, &s.err));
	assert_int_equal(count, 2);
	store_ok(&s,
		corpus_packs_read(
			s.packs, &units[1].place, &units[1].sha, &data, &len, &s.err));
	assert_string_equal(data, "bb");
	free(data);
	free(units);
	store_ok(&s, corpus_unit_find(s.dbc, &sha, &unit, &s.err));
	assert_int_equal(unit.size, 2);
	sha.bytes[0] ^= 1;
	assert_int_equal(corpus_unit_find(s.dbc, &sha, &unit, &s.err), IW_ENOENT);
	assert_int_equal(corpus_unit_get(s.dbc, 99, &unit, &s.err), IW_ENOENT);
	store_close(&s);
}

static void add_measure(
	struct store *s, int64_t build, int64_t unit, const uint32_t *list, size_t count)
{
	struct corpus_feature_packer *packer = corpus_feature_packer_new();
	struct iw_buf encoded = {0}, blob = {0};
	struct corpus_measure_row row = {.unit_id = unit,
		.us = 5,
		.outcome = list ? ENGINE_PASSED : ENGINE_DIED,
		.feature_count = (uint32_t)count};

	if (list) {
		engine_features_encode(&encoded, list, count);
		corpus_features_pack(packer, encoded.data, encoded.len, &blob);
		row.features = blob.data;
		row.features_len = blob.len;
	}
	store_ok(s, corpus_measures_add(s->dbc, build, 1, &row, 1, &s->err));
	iw_buf_fini(&encoded);
	iw_buf_fini(&blob);
	corpus_feature_packer_free(packer);
}

static size_t count_unmeasured(struct store *s, int64_t build, size_t limit)
{
	struct corpus_unit *units;
	size_t count;

	store_ok(s,
		corpus_units_unmeasured(
			s->dbc, build, 1, limit, &units, &count, &s->err));
	free(units);
	return count;
}

static void test_a_unit_is_measured_once_per_build(void **state)
{
	static const uint32_t list[] = {1, 2, 3};
	struct store s;
	struct corpus_unit *units;
	int64_t ids[3];
	size_t count;

	(void)state;
	store_open(&s);
	ids[0] = store_add(&s, 1, "long one");
	ids[1] = store_add(&s, 1, "b");
	ids[2] = store_add(&s, 1, "mid");
	store_ok(&s, corpus_units_unmeasured(s.dbc, 1, 1, 100, &units, &count, &s.err));
	assert_int_equal(count, 3);
	assert_int_equal(units[0].id, ids[1]); /* small ones first */
	assert_int_equal(units[2].id, ids[0]);
	free(units);
	assert_int_equal(count_unmeasured(&s, 1, 2), 2);
	add_measure(&s, 1, ids[1], list, 3);
	assert_int_equal(count_unmeasured(&s, 1, 100), 2);
	assert_int_equal(count_unmeasured(&s, 2, 100), 3);
	store_ok(&s,
		corpus_units_unmeasured_of(s.dbc, 1, 1, ids, 3, &units, &count, &s.err));
	assert_int_equal(count, 2);
	assert_int_equal(units[0].id, ids[0]);
	free(units);
	/* The first answer stays. */
	add_measure(&s, 1, ids[1], NULL, 0);
	assert_int_equal(
		count_rows(&s, "SELECT count(*) FROM measure WHERE outcome = 'passed'"),
		1);
	store_close(&s);
}

static int sum_features(
	void *ctx, const struct corpus_measure_row *row, struct iw_err *err)
{
	(void)err;
	assert_non_null(row->features);
	assert_true(row->features_len > 0);
	*(int64_t *)ctx += row->feature_count;
	return row->feature_count == 9 ? 7 : 0;
}

/* Of good units that passed on this build, like corpus_measures_each(). */
static void test_features_of_good_units(void **state)
{
	static const uint32_t list[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
	struct store s;
	int64_t bad, sum = 0;
	bool any;

	(void)state;
	store_open(&s);
	store_ok(&s, corpus_measures_any(s.dbc, 1, 1, &any, &s.err));
	assert_false(any);
	add_measure(&s, 1, store_add(&s, 1, "one"), list, 3);
	add_measure(&s, 1, store_add(&s, 1, "two"), list, 4);
	bad = store_add(&s, 1, "bad");
	add_measure(&s, 1, bad, list, 9);
	add_measure(&s, 2, store_add(&s, 1, "elsewhere"), list, 5);
	assert_int_equal(
		corpus_features_each(s.dbc, 1, 1, sum_features, &sum, &s.err), 7);
	store_ok(&s, corpus_unit_quarantine(s.dbc, 1, bad, &s.err));
	sum = 0;
	store_ok(&s, corpus_features_each(s.dbc, 1, 1, sum_features, &sum, &s.err));
	assert_int_equal(sum, 7);
	store_ok(&s, corpus_measures_any(s.dbc, 1, 1, &any, &s.err));
	assert_true(any);
	store_close(&s);
}

static void test_quarantine(void **state)
{
	struct store s;
	int64_t id, count;

	(void)state;
	store_open(&s);
	id = store_add(&s, 1, "bad");
	store_add(&s, 1, "good");
	store_ok(&s, corpus_unit_quarantine(s.dbc, 1, id, &s.err));
	store_ok(&s, corpus_units_count(s.dbc, 1, &count, &s.err));
	assert_int_equal(count, 1);
	assert_int_equal(count_unmeasured(&s, 1, 100), 1);
	store_close(&s);
}

/* On a newer build a unit is good until it has died there, too. */
static void test_retest(void **state)
{
	static const uint32_t list[] = {1, 2};
	struct store s;
	int64_t id, count;

	(void)state;
	store_open(&s);
	id = store_add(&s, 1, "bad");
	add_measure(&s, 1, id, list, 2);
	store_ok(&s, corpus_unit_quarantine(s.dbc, 1, id, &s.err));
	store_ok(&s, corpus_units_retest(s.dbc, 1, 1, &s.err));
	store_ok(&s, corpus_units_count(s.dbc, 1, &count, &s.err));
	assert_int_equal(count, 0); /* it has run there */
	store_ok(&s, corpus_units_retest(s.dbc, 2, 2, &s.err));
	store_ok(&s, corpus_units_count(s.dbc, 1, &count, &s.err));
	assert_int_equal(count, 0); /* another target's */
	store_ok(&s, corpus_units_retest(s.dbc, 1, 2, &s.err));
	store_ok(&s, corpus_units_count(s.dbc, 1, &count, &s.err));
	assert_int_equal(count, 1);
	assert_int_equal(count_unmeasured(&s, 2, 100), 1);
	store_close(&s);
}

static void test_cover(void **state)
{
	static const uint32_t one[] = {1, 2}, two[] = {2, 3}, both[] = {1, 2, 3};
	struct corpus_cover cover;
	struct store s;
	int64_t ids[4];

	(void)state;
	store_open(&s);
	ids[0] = store_add(&s, 1, "one");
	ids[1] = store_add(&s, 1, "two");
	ids[2] = store_add(&s, 1, "both of them");
	ids[3] = store_add(&s, 1, "dies");
	add_measure(&s, 1, ids[0], one, 2);
	add_measure(&s, 1, ids[1], two, 2);
	add_measure(&s, 1, ids[2], both, 3);
	add_measure(&s, 1, ids[3], NULL, 0);
	corpus_cover_init(&cover);
	store_ok(&s, corpus_cover_load(&cover, s.dbc, 1, 1, NULL, 0, &s.err));
	assert_int_equal(cover.count, 3);
	corpus_cover_distil(&cover);
	assert_int_equal(cover.result.chosen, 1);
	assert_true(cover.chosen[2]);
	corpus_cover_fini(&cover);
	/* Two measured just now; the database has the third. */
	corpus_cover_init(&cover);
	{
		struct corpus_unit unit = {.id = ids[1], .size = 3};

		corpus_cover_add(&cover, &unit, "\x02\x01", 2, 2);
		unit.id = ids[0];
		corpus_cover_add(&cover, &unit, "\x01\x01", 2, 2);
	}
	store_ok(&s, corpus_cover_load(&cover, s.dbc, 1, 1, NULL, 0, &s.err));
	assert_int_equal(cover.count, 3);
	assert_int_equal(cover.units[2].id, ids[2]);
	corpus_cover_distil(&cover);
	assert_int_equal(cover.result.chosen, 1);
	assert_int_equal(cover.result.features, 3);
	corpus_cover_fini(&cover);
	/* Only some of them. */
	corpus_cover_init(&cover);
	store_ok(&s, corpus_cover_load(&cover, s.dbc, 1, 1, ids, 2, &s.err));
	corpus_cover_distil(&cover);
	assert_int_equal(cover.result.chosen, 2);
	assert_int_equal(cover.result.features, 3);
	corpus_cover_fini(&cover);
	store_close(&s);
}

static int fail_at_the_end(struct iw_dbc *dbc, void *ctx, struct iw_err *err)
{
	struct store *s = ctx;
	struct corpus_new_unit unit = store_unit(s, "rolled back", 11);
	int rc = corpus_units_add(dbc, s->packs, 1, CORPUS_ORIGIN_FUZZ, &unit, 1, err);

	free((char *)unit.record);
	return rc < 0 ? rc : iw_err_set(err, IW_EIO, "the rest failed");
}

/* The record is in the pack, the row is not: harmless now and after a restart. */
static void test_rollback_leaves_a_harmless_tail(void **state)
{
	struct store s;
	struct corpus_unit unit;
	int64_t id;
	size_t len;
	char *data;

	(void)state;
	store_open(&s);
	store_add(&s, 1, "first");
	assert_int_equal(iw_db_tx(s.dbc, fail_at_the_end, &s, &s.err), IW_EIO);
	id = store_add(&s, 1, "second");
	store_reopen(&s);
	store_add(&s, 1, "rolled back");
	store_ok(&s, corpus_unit_get(s.dbc, id, &unit, &s.err));
	store_ok(&s,
		corpus_packs_read(s.packs, &unit.place, &unit.sha, &data, &len, &s.err));
	assert_string_equal(data, "second");
	free(data);
	assert_int_equal(count_rows(&s, "SELECT count(*) FROM unit"), 3);
	store_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_content_is_stored_once),
		cmocka_unit_test(test_list_load_find),
		cmocka_unit_test(test_a_unit_is_measured_once_per_build),
		cmocka_unit_test(test_features_of_good_units),
		cmocka_unit_test(test_quarantine),
		cmocka_unit_test(test_retest),
		cmocka_unit_test(test_cover),
		cmocka_unit_test(test_rollback_leaves_a_harmless_tail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
