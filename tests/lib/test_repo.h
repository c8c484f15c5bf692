/* A bare git repository in a temporary folder, and commits made from a few words. */
#ifndef TESTS_LIB_TEST_REPO_H
#define TESTS_LIB_TEST_REPO_H

#include <git2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/git.h"
#include "base/mem.h"

struct test_repo {
	char *root; /* temporary folder, for the test's other files too */
	char *path;
	git_repository *git;
	struct iw_git_repo *repo; /* the one under test */
	int64_t clock;
};

struct test_file {
	const char *path, *content;
	unsigned mode; /* 0: a plain file */
};

/* Setting up must not fail quietly, and cmocka's asserts need not be known here. */
#define TEST_MUST(expr)                                                                  \
	do {                                                                             \
		if ((expr) < 0) {                                                        \
			const git_error *e_ = git_error_last();                          \
			fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #expr,    \
				e_ ? e_->message : "no reason");                         \
			abort();                                                         \
		}                                                                        \
	} while (0)

static inline void test_repo_init(struct test_repo *t)
{
	*t = (struct test_repo){.clock = 1700000000};
	t->root = iw_strdup("/tmp/ironworks-test-XXXXXX");
	TEST_MUST(mkdtemp(t->root) ? 0 : -1);
	t->path = iw_path_join(t->root, "repo.git");
	git_libgit2_init();
	TEST_MUST(git_repository_init(&t->git, t->path, 1));
	TEST_MUST(iw_git_open(&t->repo, t->path, NULL));
}

static inline void test_repo_fini(struct test_repo *t)
{
	iw_git_close(t->repo);
	git_repository_free(t->git);
	git_libgit2_shutdown();
	iw_dir_remove(t->root, NULL);
	free(t->root);
	free(t->path);
}

static inline void test_oid(const char *hex, git_oid *oid)
{
	TEST_MUST(git_oid_fromstr(oid, hex));
}

static inline void test_repo_tree(struct test_repo *t, const struct test_file *files,
	size_t count, char tree[IW_GIT_HEX])
{
	git_index *index;
	git_oid oid;
	size_t i;

	TEST_MUST(git_index_new(&index));
	for (i = 0; i < count; i++) {
		git_index_entry entry = {0};

		entry.path = files[i].path;
		entry.mode = files[i].mode ? files[i].mode : GIT_FILEMODE_BLOB;
		TEST_MUST(git_blob_create_from_buffer(
			&entry.id, t->git, files[i].content, strlen(files[i].content)));
		TEST_MUST(git_index_add(index, &entry));
	}
	TEST_MUST(git_index_write_tree_to(&oid, index, t->git));
	git_index_free(index);
	git_oid_tostr(tree, IW_GIT_HEX, &oid);
}

/* Moves ref (may be NULL) there; a parent may be NULL, and ends the list. */
static inline void test_repo_commit(struct test_repo *t, const char *ref,
	const char *tree, const char *parent, const char *parent2, const char *message,
	char commit[IW_GIT_HEX])
{
	const char *names[2] = {parent, parent2};
	git_commit *parents[2] = {NULL, NULL};
	git_reference *made = NULL;
	git_signature *who;
	git_tree *content;
	size_t i, count = 0;
	git_oid oid;

	test_oid(tree, &oid);
	TEST_MUST(git_tree_lookup(&content, t->git, &oid));
	for (i = 0; i < 2 && names[i]; i++) {
		test_oid(names[i], &oid);
		TEST_MUST(git_commit_lookup(&parents[count++], t->git, &oid));
	}
	TEST_MUST(git_signature_new(&who, "A", "a@example.org", t->clock++, 0));
	TEST_MUST(git_commit_create(&oid, t->git, NULL, who, who, NULL, message, content,
		count, (const git_commit **)parents));
	if (ref)
		TEST_MUST(git_reference_create(&made, t->git, ref, &oid, 1, "test"));
	git_reference_free(made);
	git_signature_free(who);
	git_tree_free(content);
	git_commit_free(parents[0]);
	git_commit_free(parents[1]);
	git_oid_tostr(commit, IW_GIT_HEX, &oid);
}

#define TEST_TREE(t, out, ...)                                                           \
	test_repo_tree((t), (const struct test_file[]){__VA_ARGS__},                     \
		sizeof((const struct test_file[]){__VA_ARGS__}) /                        \
			sizeof(struct test_file),                                        \
		(out))

#endif
