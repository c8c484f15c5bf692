/* Git: repositories made on the spot, some of them by nobody's friend. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "tests/lib/test_repo.h"

#include "base/banned.h"

static struct test_repo t;
static struct iw_err err;

static int setup(void **state)
{
	(void)state;
	test_repo_init(&t);
	err = (struct iw_err)IW_ERR_INIT;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	test_repo_fini(&t);
	return 0;
}

static char *in_root(const char *name)
{
	return iw_path_join(t.root, name);
}

static void assert_file(
	const char *dir, const char *name, const char *content, unsigned mode)
{
	_auto_free_ char *path = iw_path_join(dir, name);
	_auto_free_ char *data = NULL;
	struct stat st;
	size_t len;

	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(st.st_mode & 0111, mode & 0111);
	assert_int_equal(iw_file_read(path, 1 << 20, &data, &len, &err), 0);
	assert_string_equal(data, content);
}

static void assert_link(const char *dir, const char *name, const char *target)
{
	_auto_free_ char *path = iw_path_join(dir, name);
	char found[256] = "";

	assert_true(readlink(path, found, sizeof found - 1) > 0);
	assert_string_equal(found, target);
}

static void test_open(void **state)
{
	_auto_free_ char *below = in_root("repo.git/objects");
	_auto_free_ char *absent = in_root("absent");
	struct iw_git_repo *repo = NULL;

	(void)state;
	assert_int_equal(iw_git_open(&repo, absent, &err), IW_ENOENT);
	assert_non_null(strstr(err.msg, absent));
	/* A folder inside a repository is no repository. */
	assert_true(iw_git_open(&repo, below, &err) < 0);
	assert_null(repo);
	iw_git_close(NULL);
}

static void test_resolve(void **state)
{
	char tree[41], one[41], two[41], three[41], found[41], shorter[41];

	(void)state;
	TEST_TREE(&t, tree, {"a", "1\n", 0});
	test_repo_commit(&t, "refs/heads/main", tree, NULL, NULL, "one", one);
	test_repo_commit(&t, "refs/remotes/origin/far", tree, one, NULL, "two", two);
	test_repo_commit(&t, "refs/tags/main", tree, two, NULL, "three", three);

	assert_int_equal(iw_git_resolve(t.repo, "main", found, &err), 0);
	assert_string_equal(found, one);
	assert_int_equal(iw_git_resolve(t.repo, "far", found, &err), 0);
	assert_string_equal(found, two);
	assert_int_equal(iw_git_resolve(t.repo, "refs/tags/main", found, &err), 0);
	assert_string_equal(found, three);
	assert_int_equal(iw_git_resolve(t.repo, "origin/far~1", found, &err), 0);
	assert_string_equal(found, one);
	assert_int_equal(iw_git_resolve(t.repo, two, found, &err), 0);
	assert_string_equal(found, two);
	snprintf(shorter, sizeof shorter, "%.12s", three);
	assert_int_equal(iw_git_resolve(t.repo, shorter, found, &err), 0);
	assert_string_equal(found, three);

	assert_int_equal(iw_git_resolve(t.repo, "absent", found, &err), IW_ENOENT);
	assert_non_null(strstr(err.msg, "'absent'"));
	assert_int_equal(iw_git_resolve(t.repo, "", found, &err), IW_ENOENT);
	assert_int_equal(iw_git_resolve(t.repo, "main:a", found, &err), IW_ENOENT);
	assert_int_equal(iw_git_resolve(t.repo, tree, found, &err), IW_ENOENT);
	assert_true(iw_git_resolve(t.repo, "a b~^{", found, &err) < 0);
}

static void test_commit(void **state)
{
	struct iw_git_commit commit;
	char tree[41], one[41], two[41], found[41];

	(void)state;
	TEST_TREE(&t, tree, {"a", "1\n", 0});
	test_repo_commit(&t, NULL, tree, NULL, NULL, "one", one);
	test_repo_commit(&t, NULL, tree, one, NULL, "the title\r\n\nthe body\xff\n", two);
	assert_int_equal(iw_git_commit_read(t.repo, two, &commit, &err), 0);
	assert_string_equal(commit.id, two);
	assert_string_equal(commit.tree, tree);
	assert_int_equal(commit.time_ms, 1700000001000);
	assert_string_equal(commit.title, "the title");
	assert_string_equal(commit.message, "the title\r\n\nthe body\xff\n");
	assert_int_equal(commit.parent_count, 1);
	assert_string_equal(commit.parents[0], one);
	iw_git_commit_fini(&commit);
	assert_int_equal(iw_git_tree(t.repo, two, found, &err), 0);
	assert_string_equal(found, tree);

	assert_int_equal(iw_git_commit_read(t.repo, "main", &commit, &err), IW_EINVAL);
	assert_int_equal(
		iw_git_commit_read(t.repo, "0123456789012345678901234567890123456789",
			&commit, &err),
		IW_ENOENT);
	iw_git_commit_fini(&commit);
}

static void test_export(void **state)
{
	_auto_free_ char *out = in_root("out/deep");
	char tree[41];

	(void)state;
	TEST_TREE(&t, tree, {"readme", "text\r\n", 0},
		{".gitattributes", "* text eol=crlf\n", 0},
		{"bin/run", "#!/bin/sh\n", GIT_FILEMODE_BLOB_EXECUTABLE},
		{"bin/empty", "", 0}, {"src/link", "../bin/run", GIT_FILEMODE_LINK},
		{"here", ".", GIT_FILEMODE_LINK},
		{"dangling", "absent/x", GIT_FILEMODE_LINK});
	assert_int_equal(iw_git_export(t.repo, tree, out, &err), 0);
	assert_file(out, "readme", "text\r\n", 0644);
	assert_file(out, "bin/run", "#!/bin/sh\n", 0755);
	assert_file(out, "bin/empty", "", 0644);
	assert_link(out, "src/link", "../bin/run");
	assert_link(out, "here", ".");
	assert_link(out, "dangling", "absent/x");
	assert_int_equal(iw_git_export(t.repo, tree, out, &err), IW_EEXIST);
	assert_non_null(strstr(err.msg, "not empty"));
}

static void test_export_escaping_links(void **state)
{
	_auto_free_ char *out = in_root("out"), *secret = in_root("secret");
	char tree[41];

	(void)state;
	assert_int_equal(iw_file_write(secret, "key", 3, 0600, &err), 0);
	TEST_TREE(&t, tree, {"absolute", "/etc/passwd", GIT_FILEMODE_LINK},
		{"above", "../secret", GIT_FILEMODE_LINK},
		{"sub/above", "x/../../../secret", GIT_FILEMODE_LINK},
		{"sub/deep/root", "../..", GIT_FILEMODE_LINK},
		/* Stays inside by its text, leaves by way of the link before. */
		{"sly", "sub/deep/root/../secret", GIT_FILEMODE_LINK},
		{"sub/deep/fine", "../../file", GIT_FILEMODE_LINK},
		{"loop", "loop", GIT_FILEMODE_LINK}, {"file", "1", 0});
	assert_int_equal(iw_git_export(t.repo, tree, out, &err), 0);
	assert_file(out, "absolute", "/etc/passwd", 0644);
	assert_file(out, "above", "../secret", 0644);
	assert_file(out, "sub/above", "x/../../../secret", 0644);
	assert_file(out, "sly", "sub/deep/root/../secret", 0644);
	assert_file(out, "loop", "loop", 0644);
	assert_link(out, "sub/deep/root", "../..");
	assert_link(out, "sub/deep/fine", "../../file");
}

/* A tree object as its bytes say, which no well-meaning tool would write. */
static void raw_tree(const struct test_file *files, size_t count, const char *child,
	char tree[IW_GIT_HEX])
{
	struct iw_buf bytes = {0};
	git_odb *odb;
	git_oid oid;
	size_t i;

	for (i = 0; i < count; i++) {
		iw_buf_addf(&bytes, "%o %s",
			files[i].mode ? files[i].mode : GIT_FILEMODE_BLOB, files[i].path);
		iw_buf_add(&bytes, "", 1);
		if (child)
			test_oid(child, &oid);
		else
			TEST_MUST(git_blob_create_from_buffer(
				&oid, t.git, files[i].content, strlen(files[i].content)));
		iw_buf_add(&bytes, oid.id, sizeof oid.id);
	}
	TEST_MUST(git_repository_odb(&odb, t.git));
	TEST_MUST(git_odb_write(&oid, odb, bytes.data, bytes.len, GIT_OBJECT_TREE));
	git_odb_free(odb);
	iw_buf_fini(&bytes);
	git_oid_tostr(tree, IW_GIT_HEX, &oid);
}

static void test_export_hostile_names(void **state)
{
	static const char *const names[] = {
		".git", ".GIT", ".", "..", "a/b", "/tmp/x", ""};
	size_t i;

	(void)state;
	for (i = 0; i < IW_COUNT(names); i++) {
		_auto_free_ char *out = iw_fmt("%s/out%zu", t.root, i);
		struct test_file file = {names[i], "evil", 0};
		char tree[41];

		raw_tree(&file, 1, NULL, tree);
		assert_true(iw_git_export(t.repo, tree, out, &err) < 0);
		assert_true(*err.msg);
	}
}

static void test_export_link_and_folder_of_one_name(void **state)
{
	_auto_free_ char *out = in_root("out"), *beside = in_root("beside");
	_auto_free_ char *written = in_root("beside/file");
	char inner[41], tree[41];
	struct test_file file = {"file", "evil", 0};
	struct iw_buf bytes = {0};
	git_oid link, sub, oid;
	git_odb *odb;

	(void)state;
	assert_int_equal(iw_dir_make(beside, &err), 0);
	raw_tree(&file, 1, NULL, inner);
	test_oid(inner, &sub);
	TEST_MUST(git_blob_create_from_buffer(&link, t.git, "../beside", 9));
	iw_buf_add(&bytes, "120000 a", 9);
	iw_buf_add(&bytes, link.id, 20);
	iw_buf_add(&bytes, "40000 a", 8);
	iw_buf_add(&bytes, sub.id, 20);
	TEST_MUST(git_repository_odb(&odb, t.git));
	TEST_MUST(git_odb_write(&oid, odb, bytes.data, bytes.len, GIT_OBJECT_TREE));
	git_odb_free(odb);
	iw_buf_fini(&bytes);
	git_oid_tostr(tree, sizeof tree, &oid);
	assert_true(iw_git_export(t.repo, tree, out, &err) < 0);
	assert_false(iw_file_exists(written));
}

static void test_export_deep_tree(void **state)
{
	_auto_free_ char *out = in_root("out");
	struct test_file file = {"file", "1", 0}, folder = {"d", "", GIT_FILEMODE_TREE};
	char tree[41];
	int i;

	(void)state;
	raw_tree(&file, 1, NULL, tree);
	for (i = 0; i < 120; i++) {
		char child[41];

		memcpy(child, tree, sizeof child);
		raw_tree(&folder, 1, child, tree);
	}
	assert_int_equal(iw_git_export(t.repo, tree, out, &err), IW_EINVAL);
	assert_non_null(strstr(err.msg, "deeper than 100"));
}

/* base -- m1 ------- m2 -- m3 (tip): m1 and m3 merge branches, m2 merges base's next. */
static void test_log(void **state)
{
	char tree[41], base[41], side[41], m1[41], next[41], m2[41], m3[41], found[41];
	struct iw_git_log log;

	(void)state;
	TEST_TREE(&t, tree, {"a", "1\n", 0});
	test_repo_commit(&t, NULL, tree, NULL, NULL, "root", found);
	test_repo_commit(&t, NULL, tree, found, NULL, "base", base);
	test_repo_commit(&t, NULL, tree, base, NULL, "side", side);
	test_repo_commit(&t, NULL, tree, base, side, "m1", m1);
	test_repo_commit(&t, NULL, tree, base, NULL, "next", next);
	test_repo_commit(&t, NULL, tree, m1, next, "m2", m2);
	test_repo_commit(&t, NULL, tree, m2, side, "m3", m3);

	assert_int_equal(iw_git_log_read(t.repo, base, m3, &log, &err), 0);
	assert_int_equal(log.count, 3);
	assert_string_equal(log.commits[0].id, m1);
	assert_string_equal(log.commits[1].id, m2);
	assert_string_equal(log.commits[2].id, m3);
	assert_int_equal(log.commits[0].parent_count, 2);
	assert_string_equal(log.commits[0].parents[1], side);
	iw_git_log_fini(&log);

	/* next is not on the first-parent line, and contains nothing of it but base. */
	assert_int_equal(iw_git_merge_base(t.repo, next, m3, found, &err), 0);
	assert_string_equal(found, next);
	assert_int_equal(iw_git_log_read(t.repo, next, m3, &log, &err), 0);
	assert_int_equal(log.count, 3);
	iw_git_log_fini(&log);

	assert_int_equal(iw_git_log_read(t.repo, m3, m3, &log, &err), 0);
	assert_int_equal(log.count, 0);
	iw_git_log_fini(&log);
	assert_int_equal(iw_git_log_read(t.repo, NULL, m3, &log, &err), 0);
	assert_int_equal(log.count, 5);
	assert_string_equal(log.commits[0].title, "root");
	iw_git_log_fini(&log);
	assert_int_equal(iw_git_log_read(t.repo, base, tree, &log, &err), IW_EIO);
	assert_null(log.commits);
}

static void test_merge_base_of_strangers(void **state)
{
	char tree[41], one[41], two[41], found[41];

	(void)state;
	TEST_TREE(&t, tree, {"a", "1\n", 0});
	test_repo_commit(&t, NULL, tree, NULL, NULL, "one", one);
	test_repo_commit(&t, NULL, tree, NULL, NULL, "two", two);
	assert_int_equal(iw_git_merge_base(t.repo, one, two, found, &err), IW_ENOENT);
	assert_non_null(strstr(err.msg, "no common ancestor"));
}

#define LINES "1\n2\n3\n4\n5\n6\n7\n8\n9\n"

static void test_merge_and_revert(void **state)
{
	char base_tree[41], a_tree[41], b_tree[41], c_tree[41], both[41], base[41], a[41],
		b[41], c[41], m1[41], m2[41], found[41], again[41];
	const char *parents[2];

	(void)state;
	TEST_TREE(
		&t, base_tree, {"f", LINES, 0}, {"old", "keep this text\nas it is\n", 0});
	TEST_TREE(&t, a_tree, {"f", "A\n2\n3\n4\n5\n6\n7\n8\n9\n", 0},
		{"old", "keep this text\nas it is\n", 0});
	TEST_TREE(&t, b_tree, {"f", "1\n2\n3\n4\n5\n6\n7\n8\nB\n", 0},
		{"new", "keep this text\nas it is\n", 0});
	TEST_TREE(&t, c_tree, {"f", "C\n2\n3\n4\n5\n6\n7\n8\n9\n", 0},
		{"old", "keep this text\nas it is\n", 0});
	TEST_TREE(&t, both, {"f", "A\n2\n3\n4\n5\n6\n7\n8\nB\n", 0},
		{"new", "keep this text\nas it is\n", 0});
	test_repo_commit(&t, NULL, base_tree, NULL, NULL, "base", base);
	test_repo_commit(&t, NULL, a_tree, base, NULL, "a", a);
	test_repo_commit(&t, NULL, b_tree, base, NULL, "b", b);
	test_repo_commit(&t, NULL, c_tree, base, NULL, "c", c);

	assert_int_equal(iw_git_merge_tree(t.repo, a, b, found, &err), 0);
	assert_string_equal(found, both);
	assert_int_equal(iw_git_merge_tree(t.repo, a, c, found, &err), 1);
	assert_string_equal(found, "");
	assert_int_equal(iw_git_merge_tree(t.repo, base, a, found, &err), 0);
	assert_string_equal(found, a_tree);
	assert_true(iw_git_merge_tree(t.repo, a, "nonsense", found, &err) < 0);

	test_repo_commit(&t, NULL, a_tree, base, a, "m1", m1);
	test_repo_commit(&t, NULL, both, m1, b, "m2", m2);
	assert_int_equal(iw_git_revert_tree(t.repo, m2, m1, found, &err), 0);
	assert_string_equal(found, b_tree);
	/* What a merge brought, or a plain commit, put on another. */
	assert_int_equal(iw_git_pick_tree(t.repo, base, m2, found, &err), 0);
	assert_string_equal(found, b_tree);
	assert_int_equal(iw_git_pick_tree(t.repo, b, a, found, &err), 0);
	assert_string_equal(found, both);
	assert_int_equal(iw_git_pick_tree(t.repo, a, c, found, &err), 1);
	/* A plain commit has no mainline. */
	assert_int_equal(iw_git_revert_tree(t.repo, m2, a, found, &err), 0);
	assert_string_equal(found, b_tree);

	/* Both taken out, by way of a commit in between that is the same every time. */
	parents[0] = m2;
	assert_int_equal(
		iw_git_commit_make(t.repo, b_tree, parents, 1, NULL, found, &err), 0);
	assert_int_equal(
		iw_git_commit_make(t.repo, b_tree, parents, 1, NULL, again, &err), 0);
	assert_string_equal(found, again);
	assert_int_equal(iw_git_revert_tree(t.repo, found, m2, again, &err), 0);
	assert_string_equal(again, base_tree);

	/* What c wrote over a's line cannot lose a's part alone. */
	test_repo_commit(&t, NULL, c_tree, m2, NULL, "over", found);
	assert_int_equal(iw_git_revert_tree(t.repo, found, m1, again, &err), 1);
	assert_string_equal(again, "");
}

static void test_diff(void **state)
{
	char old[41], new[41];
	struct iw_git_diff diff;

	(void)state;
	TEST_TREE(&t, old, {"same", "1\n", 0}, {"edit", LINES, 0},
		{"gone", "other\nwords\n", 0},
		{"moved/from", "some text that stays\nmostly\nas it was\n", 0});
	TEST_TREE(&t, new, {"same", "1\n", 0}, {"edit", "1\nX\nY\n3\n4\n5\n6\n9\n", 0},
		{"fresh", "1\n2\n3\n", 0},
		{"a/to", "some text that stays\nmostly\nas it was\nand more\n", 0});
	assert_int_equal(iw_git_diff_read(t.repo, old, new, &diff, &err), 0);
	assert_int_equal(diff.count, 4);
	assert_string_equal(diff.changes[0].path, "a/to");
	assert_int_equal(diff.changes[0].status, IW_GIT_MODIFIED);
	assert_int_equal(diff.changes[0].range_count, 1);
	assert_int_equal(diff.changes[0].ranges[0].line, 4);
	assert_int_equal(diff.changes[0].ranges[0].old_line, 3);
	assert_int_equal(diff.changes[0].ranges[0].old_count, 0);
	assert_string_equal(diff.changes[0].old_path, "moved/from");
	assert_string_equal(diff.changes[1].path, "edit");
	assert_int_equal(diff.changes[1].range_count, 2);
	assert_int_equal(diff.changes[1].ranges[0].line, 2);
	assert_int_equal(diff.changes[1].ranges[0].count, 2);
	assert_int_equal(diff.changes[1].ranges[0].old_line, 2);
	assert_int_equal(diff.changes[1].ranges[0].old_count, 1);
	assert_int_equal(diff.changes[1].ranges[1].line, 7);
	assert_int_equal(diff.changes[1].ranges[1].old_line, 7);
	assert_int_equal(diff.changes[1].ranges[1].old_count, 2);
	assert_int_equal(diff.changes[1].ranges[1].count, 0);
	assert_string_equal(diff.changes[2].path, "fresh");
	assert_int_equal(diff.changes[2].status, IW_GIT_ADDED);
	assert_int_equal(diff.changes[2].ranges[0].count, 3);
	assert_string_equal(diff.changes[3].path, "gone");
	assert_int_equal(diff.changes[3].status, IW_GIT_DELETED);
	iw_git_diff_fini(&diff);

	assert_int_equal(iw_git_diff_read(t.repo, old, old, &diff, &err), 0);
	assert_int_equal(diff.count, 0);
	iw_git_diff_fini(&diff);
	assert_true(iw_git_diff_read(t.repo, old, "x", &diff, &err) < 0);
}

struct question {
	struct iw_git_req req;
	const char *name;
	char commit[41];
	int order, done;
};

static int asked, answered, stopped;

static int run_question(struct iw_git_repo *repo, void *ctx, struct iw_err *e)
{
	struct question *q = ctx;

	q->order = asked++;
	return q->name ? iw_git_resolve(repo, q->name, q->commit, e) : 1;
}

static void on_answer(struct iw_git_req *req)
{
	struct question *q = req->ctx;

	q->done++;
	answered++;
}

static void on_stopped(void *ctx)
{
	assert_ptr_equal(ctx, &stopped);
	assert_int_equal(answered, 3);
	stopped++;
}

/* Whoever reads it is told its whole length, so all of it must be there. */
static void test_file_with_a_nul(void **state)
{
	static const char content[] = "one\0two\n";
	_auto_free_ char *data = NULL;
	char tree[IW_GIT_HEX];
	git_treebuilder *builder;
	size_t len = 0;
	git_oid oid;

	(void)state;
	TEST_MUST(git_blob_create_from_buffer(&oid, t.git, content, sizeof content - 1));
	TEST_MUST(git_treebuilder_new(&builder, t.git, NULL));
	TEST_MUST(git_treebuilder_insert(NULL, builder, "f", &oid, GIT_FILEMODE_BLOB));
	TEST_MUST(git_treebuilder_write(&oid, builder));
	git_treebuilder_free(builder);
	git_oid_tostr(tree, sizeof tree, &oid);
	assert_int_equal(iw_git_file_read(t.repo, tree, "f", 100, &data, &len, &err), 0);
	assert_int_equal(len, sizeof content - 1);
	assert_memory_equal(data, content, sizeof content);
}

static void test_queue(void **state)
{
	struct question qs[3] = {{.name = "main"}, {.name = "absent"}, {.name = NULL}};
	struct iw_git_repo *repo;
	struct iw_loop loop;
	struct iw_git *git;
	char tree[41], one[41];
	size_t i;

	(void)state;
	asked = answered = stopped = 0;
	TEST_TREE(&t, tree, {"a", "1\n", 0});
	test_repo_commit(&t, "refs/heads/main", tree, NULL, NULL, "one", one);
	assert_int_equal(iw_loop_init(&loop, &err), 0);
	assert_int_equal(iw_git_open(&repo, t.path, &err), 0);
	assert_int_equal(iw_git_start(&git, &loop, repo, &err), 0);
	for (i = 0; i < 3; i++) {
		qs[i].req = (struct iw_git_req){
			.run = run_question, .ctx = &qs[i], .done = on_answer};
		iw_git_submit(git, &qs[i].req);
	}
	assert_int_equal(answered, 0);
	iw_git_stop(git, on_stopped, &stopped);
	iw_loop_run(&loop);
	iw_loop_fini(&loop);

	assert_int_equal(stopped, 1);
	for (i = 0; i < 3; i++) {
		assert_int_equal(qs[i].done, 1);
		assert_int_equal(qs[i].order, i);
	}
	assert_int_equal(qs[0].req.rc, 0);
	assert_string_equal(qs[0].commit, one);
	assert_int_equal(qs[1].req.rc, IW_ENOENT);
	assert_non_null(strstr(qs[1].req.err.msg, "'absent'"));
	assert_int_equal(qs[2].req.rc, 1);
}

/* Files of one tree in another, in place of its own or beside them. */
static void test_carry(void **state)
{
	static const char *const paths[] = {"fuzz/a.c", "fuzz/b.c", "none.c", "src"};
	char a[IW_GIT_HEX], b[IW_GIT_HEX], c[IW_GIT_HEX], out[IW_GIT_HEX];

	(void)state;
	TEST_TREE(&t, a, {"fuzz/a.c", "old a", 0}, {"src/x.c", "x", 0});
	TEST_TREE(&t, b, {"fuzz/a.c", "new a", 0},
		{"fuzz/b.c", "new b", GIT_FILEMODE_BLOB_EXECUTABLE}, {"src/x.c", "y", 0});
	TEST_TREE(&t, c, {"fuzz/a.c", "new a", 0},
		{"fuzz/b.c", "new b", GIT_FILEMODE_BLOB_EXECUTABLE}, {"src/x.c", "x", 0});
	assert_int_equal(
		iw_git_carry_tree(t.repo, a, b, paths, IW_COUNT(paths), out, &err), 0);
	assert_string_equal(out, c);
	assert_int_equal(
		iw_git_carry_tree(t.repo, c, b, paths, IW_COUNT(paths), out, &err), 0);
	assert_string_equal(out, c);
	assert_int_equal(iw_git_carry_tree(t.repo, a, b, NULL, 0, out, &err), 0);
	assert_string_equal(out, a);
	assert_true(iw_git_carry_tree(t.repo, a, "0123", paths, 1, out, &err) < 0);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_open),
		TEST(test_resolve),
		TEST(test_commit),
		TEST(test_export),
		TEST(test_export_escaping_links),
		TEST(test_export_hostile_names),
		TEST(test_export_link_and_folder_of_one_name),
		TEST(test_export_deep_tree),
		TEST(test_log),
		TEST(test_merge_base_of_strangers),
		TEST(test_merge_and_revert),
		TEST(test_carry),
		TEST(test_diff),
		TEST(test_file_with_a_nul),
		TEST(test_queue),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
