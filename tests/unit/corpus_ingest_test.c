/* Scanning an engine's corpus directory while it is being written. */
#include "tests/lib/corpus_store.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/time.h"
#include "corpus/ingest.h"

#include "base/banned.h"

struct corpus_dir {
	struct store s;
	char *dir;
	struct corpus_scan *scan;
};

static void setup(struct corpus_dir *c)
{
	store_open(&c->s);
	c->dir = iw_path_join(c->s.dir, "corpus");
	store_ok(&c->s, iw_dir_make(c->dir, &c->s.err));
	c->scan = corpus_scan_new(c->dir);
}

static void teardown(struct corpus_dir *c)
{
	corpus_scan_free(c->scan);
	free(c->dir);
	store_close(&c->s);
}

static void put(struct corpus_dir *c, const char *name, const char *text)
{
	char *path = iw_path_join(c->dir, name);

	store_ok(&c->s, iw_file_write(path, text, strlen(text), 0644, &c->s.err));
	free(path);
}

/* As libFuzzer writes it; `whole` false: only the first half is there yet. */
static void put_hashed(struct corpus_dir *c, const char *text, bool whole)
{
	char name[IW_SHA1_HEX], *half = iw_strndup(text, strlen(text) / 2);

	iw_sha1_hex(text, strlen(text), name);
	put(c, name, whole ? text : half);
	free(half);
}

/* One scan whose finds are stored; returns how many there were. */
static size_t scan(struct corpus_dir *c, bool is_final, size_t *unfinished)
{
	struct corpus_found found;
	size_t count;

	store_ok(&c->s, corpus_scan_run(c->scan, is_final, &found, &c->s.err));
	if (found.count) {
		store_ok(&c->s,
			corpus_units_add(c->s.dbc, c->s.packs, STORE_TARGET,
				CORPUS_ORIGIN_FUZZ, found.units, found.count, &c->s.err));
		corpus_scan_commit(c->scan, &found);
	}
	count = found.count;
	if (unfinished)
		*unfinished = found.unfinished;
	corpus_found_fini(&found);
	return count;
}

static int64_t stored_units(struct corpus_dir *c)
{
	int64_t count;

	store_ok(&c->s, corpus_units_count(c->s.dbc, STORE_TARGET, &count, &c->s.err));
	return count;
}

static void test_new_files_once(void **state)
{
	struct corpus_dir c;

	(void)state;
	setup(&c);
	assert_int_equal(scan(&c, false, NULL), 0);
	put_hashed(&c, "one", true);
	put_hashed(&c, "", true);
	assert_int_equal(scan(&c, false, NULL), 2);
	assert_int_equal(scan(&c, false, NULL), 0);
	put_hashed(&c, "two", true);
	assert_int_equal(scan(&c, false, NULL), 1);
	assert_int_equal(stored_units(&c), 3);
	teardown(&c);
}

static void test_half_written_file_waits(void **state)
{
	struct corpus_dir c;
	size_t unfinished;

	(void)state;
	setup(&c);
	put_hashed(&c, "half written", false);
	assert_int_equal(scan(&c, false, &unfinished), 0);
	assert_int_equal(unfinished, 1);
	put_hashed(&c, "half written", true);
	assert_int_equal(scan(&c, false, &unfinished), 1);
	assert_int_equal(unfinished, 0);
	/* The engine is dead: nobody will finish this one, but its bytes are an input. */
	put_hashed(&c, "never finished", false);
	assert_int_equal(scan(&c, false, NULL), 0);
	assert_int_equal(scan(&c, true, NULL), 1);
	teardown(&c);
}

static void date_folder(struct corpus_dir *c, const struct timespec *when)
{
	const struct timespec both[2] = {{.tv_nsec = UTIME_OMIT}, *when};

	assert_int_equal(utimensat(AT_FDCWD, c->dir, both, 0), 0);
}

/* Nothing is listed while the folder's time stands still, and nothing is missed when it
 * moves, or when the engine has ended. */
static void test_a_quiet_folder_is_not_listed(void **state)
{
	const struct timespec old = {.tv_sec = 1000000000};
	struct corpus_dir c;

	(void)state;
	setup(&c);
	put_hashed(&c, "one", true);
	assert_int_equal(scan(&c, false, NULL), 1);
	date_folder(&c, &old);
	assert_int_equal(scan(&c, false, NULL), 0);
	put_hashed(&c, "two", true);
	date_folder(&c, &old);
	assert_int_equal(scan(&c, false, NULL), 0);
	assert_int_equal(scan(&c, true, NULL), 1);
	put_hashed(&c, "three", true);
	assert_int_equal(scan(&c, false, NULL), 1);
	/* A folder that changed just now may change again within the same tick. */
	assert_int_equal(scan(&c, false, NULL), 0);
	put_hashed(&c, "four", true);
	assert_int_equal(scan(&c, false, NULL), 1);
	teardown(&c);
}

/* A file that is still being written keeps its folder awake. */
static void test_a_half_written_file_is_seen_in_a_quiet_folder(void **state)
{
	const struct timespec old = {.tv_sec = 1000000000};
	struct corpus_dir c;

	(void)state;
	setup(&c);
	put_hashed(&c, "written in two steps", false);
	date_folder(&c, &old);
	assert_int_equal(scan(&c, false, NULL), 0);
	put_hashed(&c, "written in two steps", true);
	date_folder(&c, &old);
	assert_int_equal(scan(&c, false, NULL), 1);
	teardown(&c);
}

static void test_other_names_settle(void **state)
{
	struct corpus_dir c;

	(void)state;
	setup(&c);
	put(&c, "id:000001,src:0", "afl");
	assert_int_equal(scan(&c, false, NULL), 0);
	iw_time_set(iw_time_wall_ms() + CORPUS_SCAN_SETTLE_MS + 1000, -1);
	assert_int_equal(scan(&c, false, NULL), 1);
	iw_time_set(-1, -1);
	put(&c, ".state", "books");
	assert_int_equal(scan(&c, true, NULL), 0);
	teardown(&c);
}

static void test_links_pipes_and_folders_are_no_units(void **state)
{
	struct corpus_dir c;
	char *secret, *link, *pipe, *sub;

	(void)state;
	setup(&c);
	secret = iw_path_join(c.s.dir, "secret");
	link = iw_path_join(c.dir, "link");
	pipe = iw_path_join(c.dir, "pipe");
	sub = iw_path_join(c.dir, "sub");
	store_ok(&c.s, iw_file_write(secret, "ours", 4, 0600, &c.s.err));
	assert_int_equal(symlink(secret, link), 0);
	assert_int_equal(mkfifo(pipe, 0600), 0);
	assert_int_equal(mkdir(sub, 0700), 0);
	assert_int_equal(scan(&c, true, NULL), 0);
	assert_int_equal(stored_units(&c), 0);
	/* Nor is a link in place of the folder. */
	corpus_scan_move(c.scan, link);
	unlink(link);
	assert_int_equal(symlink(c.s.dir, link), 0);
	{
		struct corpus_found found;

		assert_true(corpus_scan_run(c.scan, true, &found, &c.s.err) < 0);
	}
	free(secret);
	free(link);
	free(pipe);
	free(sub);
	teardown(&c);
}

static void test_one_scan_is_bounded(void **state)
{
	size_t len = CORPUS_SCAN_BYTES / 3, scans = 0, n, total = 0;
	char *text = iw_malloc(len + 1);
	struct corpus_dir c;
	int i;

	(void)state;
	setup(&c);
	memset(text, 'x', len);
	text[len] = '\0';
	for (i = 0; i < 8; i++) {
		text[0] = (char)('a' + i);
		put_hashed(&c, text, true);
	}
	while ((n = scan(&c, false, NULL)) > 0) {
		assert_true(n <= 3);
		total += n;
		scans++;
	}
	assert_int_equal(total, 8);
	assert_int_equal(scans, 3);
	free(text);
	teardown(&c);
}

/* What could not be stored is found again. */
static void test_full_disk_forgets_nothing(void **state)
{
	struct rlimit old, tight;
	struct corpus_dir c;
	struct corpus_found found;
	char noise[60000];
	unsigned seed = 5;
	size_t i;

	(void)state;
	setup(&c);
	store_add(&c.s, STORE_TARGET, "before");
	for (i = 0; i + 1 < sizeof noise; i++)
		noise[i] = (char)(1 + rand_r(&seed) % 255);
	noise[sizeof noise - 1] = '\0';
	put_hashed(&c, noise, true);
	store_ok(&c.s, corpus_scan_run(c.scan, false, &found, &c.s.err));
	assert_int_equal(found.count, 1);

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	tight = old;
	tight.rlim_cur = 4096;
	setrlimit(RLIMIT_FSIZE, &tight);
	assert_true(corpus_units_add(c.s.dbc, c.s.packs, STORE_TARGET, CORPUS_ORIGIN_FUZZ,
			    found.units, found.count, &c.s.err) < 0);
	setrlimit(RLIMIT_FSIZE, &old);
	corpus_found_fini(&found);
	assert_int_equal(stored_units(&c), 1);

	assert_int_equal(scan(&c, false, NULL), 1);
	assert_int_equal(stored_units(&c), 2);
	teardown(&c);
}

static void test_sweep(void **state)
{
	struct corpus_dir c;
	struct corpus_swept swept;

	(void)state;
	setup(&c);
	put_hashed(&c, "one", true);
	put_hashed(&c, "two", true);
	put(&c, "same as one", "one");
	store_ok(&c.s,
		corpus_ingest_dir_sync(c.s.dbc, c.s.packs, STORE_TARGET,
			CORPUS_ORIGIN_FUZZ, c.dir, &swept, &c.s.err));
	assert_int_equal(swept.count, 3);
	assert_int_equal(swept.added, 2);
	free(swept.ids);
	store_ok(&c.s,
		corpus_ingest_dir_sync(c.s.dbc, c.s.packs, STORE_TARGET,
			CORPUS_ORIGIN_FUZZ, c.dir, &swept, &c.s.err));
	assert_int_equal(swept.added, 0);
	assert_int_equal(swept.count, 3);
	free(swept.ids);
	assert_int_equal(corpus_ingest_dir_sync(c.s.dbc, c.s.packs, STORE_TARGET,
				 CORPUS_ORIGIN_FUZZ, "/nowhere", &swept, &c.s.err),
		IW_ENOENT);
	teardown(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_new_files_once),
		cmocka_unit_test(test_half_written_file_waits),
		cmocka_unit_test(test_a_quiet_folder_is_not_listed),
		cmocka_unit_test(test_a_half_written_file_is_seen_in_a_quiet_folder),
		cmocka_unit_test(test_other_names_settle),
		cmocka_unit_test(test_links_pipes_and_folders_are_no_units),
		cmocka_unit_test(test_one_scan_is_bounded),
		cmocka_unit_test(test_full_disk_forgets_nothing),
		cmocka_unit_test(test_sweep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
