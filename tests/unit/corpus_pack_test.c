/* Packs: what is written is read, what is damaged is noticed, what is torn is cut off. */
#include "tests/lib/corpus_store.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/banned.h"

static struct corpus_place append(struct store *s, const void *data, size_t len)
{
	struct corpus_new_unit unit = store_unit(s, data, len);
	struct corpus_place place;

	store_ok(s,
		corpus_packs_append(
			s->packs, unit.record, unit.record_len, &place, &s->err));
	free((char *)unit.record);
	return place;
}

static int read_back(
	struct store *s, const struct corpus_place *place, const void *data, size_t len)
{
	struct iw_sha256 sha = iw_sha256(data, len);
	char *found = NULL;
	size_t found_len;
	int rc = corpus_packs_read(s->packs, place, &sha, &found, &found_len, &s->err);

	if (rc == 0) {
		assert_int_equal(found_len, len);
		assert_memory_equal(found, data, len);
		assert_int_equal(found[len], 0);
	}
	free(found);
	return rc;
}

static char *pack_path(const struct store *s, int number)
{
	return iw_fmt("%s/%04d.pack", s->units_dir, number);
}

static void flip(const struct store *s, int64_t at)
{
	char *path = pack_path(s, 0), byte;
	int fd = open(path, O_RDWR);

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &byte, 1, at), 1);
	byte ^= 0x10;
	assert_int_equal(pwrite(fd, &byte, 1, at), 1);
	close(fd);
	free(path);
}

static void test_round_trip(void **state)
{
	struct store s;
	char big[100000];
	struct corpus_place places[4];

	(void)state;
	store_open(&s);
	memset(big, 'x', sizeof big);
	places[0] = append(&s, "", 0);
	places[1] = append(&s, "short", 5);
	places[2] = append(&s, big, sizeof big);
	places[3] = append(&s, "a\0b", 3);
	store_ok(&s, corpus_packs_sync(s.packs, &s.err));
	assert_int_equal(read_back(&s, &places[0], "", 0), 0);
	assert_int_equal(read_back(&s, &places[1], "short", 5), 0);
	assert_int_equal(read_back(&s, &places[2], big, sizeof big), 0);
	assert_int_equal(read_back(&s, &places[3], "a\0b", 3), 0);
	assert_true(places[2].stored < 1000);
	store_close(&s);
}

static void test_no_flipped_bit_gets_through(void **state)
{
	static const char text[] = "a text that is long enough to be compressed: "
				   "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
	struct store s;
	struct corpus_place place;
	int64_t at, noticed = 0;

	(void)state;
	store_open(&s);
	place = append(&s, text, sizeof text);
	store_ok(&s, corpus_packs_sync(s.packs, &s.err));
	assert_int_equal(read_back(&s, &place, text, sizeof text), 0);
	for (at = 0; at < place.stored; at++) {
		flip(&s, at);
		noticed += read_back(&s, &place, text, sizeof text) == IW_EINVAL;
		flip(&s, at);
	}
	/* zstd's frame has a bit without a meaning: what was read is right, even so. */
	assert_true(noticed >= place.stored - 1);
	assert_int_equal(read_back(&s, &place, text, sizeof text), 0);
	store_close(&s);
}

static void test_wrong_places_are_errors(void **state)
{
	struct store s;
	struct corpus_place place, wrong;

	(void)state;
	store_open(&s);
	place = append(&s, "unit", 4);
	store_ok(&s, corpus_packs_sync(s.packs, &s.err));
	wrong = place;
	wrong.stored = 3;
	assert_int_equal(read_back(&s, &wrong, "unit", 4), IW_EINVAL);
	wrong.stored = INT64_MAX;
	assert_int_equal(read_back(&s, &wrong, "unit", 4), IW_EINVAL);
	wrong = place;
	wrong.offset = -1;
	assert_int_equal(read_back(&s, &wrong, "unit", 4), IW_EINVAL);
	wrong.offset = 1 << 20;
	assert_int_equal(read_back(&s, &wrong, "unit", 4), IW_EINVAL);
	wrong = place;
	wrong.pack = 7;
	assert_int_equal(read_back(&s, &wrong, "unit", 4), IW_ENOENT);
	assert_int_equal(read_back(&s, &place, "else", 4), IW_EINVAL);
	store_close(&s);
}

/* A kill between the append and the commit leaves bytes that no row knows: for every
 * length of the torn tail the store opens, cuts it and goes on. */
static void test_torn_tail_is_cut(void **state)
{
	struct store s;
	int64_t first, torn, whole;
	struct stat st;
	char *path;

	(void)state;
	store_open(&s);
	path = pack_path(&s, 0);
	first = store_add(&s, STORE_TARGET, "the first one");
	assert_int_equal(stat(path, &st), 0);
	whole = st.st_size;
	for (torn = 0; torn < 80; torn += 7) {
		struct corpus_unit unit;
		int fd = open(path, O_WRONLY | O_APPEND);
		char junk[80];

		memset(junk, 'j', sizeof junk);
		assert_int_equal(write(fd, junk, (size_t)torn), torn);
		close(fd);
		store_reopen(&s);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_size, whole);
		store_ok(&s, corpus_unit_get(s.dbc, first, &unit, &s.err));
		assert_int_equal(read_back(&s, &unit.place, "the first one", 13), 0);
	}
	free(path);
	store_close(&s);
}

/* A pack that lost its end is not appended to: the next one is. */
static void test_short_pack_is_left_alone(void **state)
{
	struct store s;
	struct corpus_unit unit;
	int64_t id;
	char *path;

	(void)state;
	store_open(&s);
	path = pack_path(&s, 0);
	store_add(&s, STORE_TARGET, "will be lost");
	assert_int_equal(truncate(path, 5), 0);
	store_reopen(&s);
	id = store_add(&s, STORE_TARGET, "goes elsewhere");
	store_ok(&s, corpus_unit_get(s.dbc, id, &unit, &s.err));
	assert_int_equal(unit.place.pack, 1);
	assert_int_equal(read_back(&s, &unit.place, "goes elsewhere", 14), 0);
	free(path);
	store_close(&s);
}

/* RLIMIT_FSIZE fails a write in the middle, as a full disk does. */
static void test_full_disk(void **state)
{
	struct rlimit old, tight = {0};
	struct store s;
	struct stat st;
	struct corpus_place place;
	struct corpus_new_unit unit;
	struct corpus_place good;
	char noise[5000], *path;
	unsigned seed = 1;
	size_t i;

	(void)state;
	store_open(&s);
	path = pack_path(&s, 0);
	good = append(&s, "before", 6);
	store_ok(&s, corpus_packs_sync(s.packs, &s.err));
	for (i = 0; i < sizeof noise; i++)
		noise[i] = (char)rand_r(&seed);
	unit = store_unit(&s, noise, sizeof noise);

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	tight = old;
	tight.rlim_cur = 2000;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
	store_ok(&s,
		corpus_packs_append(
			s.packs, unit.record, unit.record_len, &place, &s.err));
	assert_int_equal(corpus_packs_sync(s.packs, &s.err), IW_ENOSPC);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);

	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, good.offset + good.stored);
	assert_int_equal(read_back(&s, &good, "before", 6), 0);
	/* There is room again. */
	store_ok(&s,
		corpus_packs_append(
			s.packs, unit.record, unit.record_len, &place, &s.err));
	store_ok(&s, corpus_packs_sync(s.packs, &s.err));
	assert_int_equal(read_back(&s, &place, noise, sizeof noise), 0);
	free((char *)unit.record);
	free(path);
	store_close(&s);
}

static void test_next_pack_when_full(void **state)
{
	size_t len = (size_t)60 << 20, i;
	struct corpus_place place[6];
	char *noise = iw_malloc(len);
	struct store s;
	uint64_t x = 88172645463325252u;

	(void)state;
	store_open(&s);
	for (i = 0; i + 8 <= len; i += 8) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		memcpy(noise + i, &x, 8);
	}
	for (i = 0; i < 6; i++) {
		noise[0] = (char)i;
		place[i] = append(&s, noise, len);
	}
	store_ok(&s, corpus_packs_sync(s.packs, &s.err));
	assert_int_equal(place[3].pack, 0);
	assert_int_equal(place[4].pack, 1);
	assert_int_equal(place[4].offset, 0);
	assert_int_equal(read_back(&s, &place[5], noise, len), 0);
	noise[0] = 3;
	assert_int_equal(read_back(&s, &place[3], noise, len), 0);
	free(noise);
	store_close(&s);
}

/* A pack that cannot be opened costs what wanted to go there; the one before goes on. */
static void test_next_pack_cannot_be_opened(void **state)
{
	struct corpus_place next = {.pack = 1}, place;
	struct store s;
	char *path;

	(void)state;
	store_open(&s);
	append(&s, "first", 5);
	store_ok(&s, corpus_packs_sync(s.packs, &s.err));
	path = pack_path(&s, 1);
	assert_int_equal(mkdir(path, 0755), 0);
	assert_int_equal(corpus_packs_begin(s.packs, &next, &s.err), IW_EIO);
	place = append(&s, "second", 6);
	assert_int_equal(place.pack, 0);
	store_ok(&s, corpus_packs_sync(s.packs, &s.err));
	store_ok(&s, read_back(&s, &place, "second", 6));
	free(path);
	store_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_no_flipped_bit_gets_through),
		cmocka_unit_test(test_wrong_places_are_errors),
		cmocka_unit_test(test_torn_tail_is_cut),
		cmocka_unit_test(test_short_pack_is_left_alone),
		cmocka_unit_test(test_full_disk),
		cmocka_unit_test(test_next_pack_when_full),
		cmocka_unit_test(test_next_pack_cannot_be_opened),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
