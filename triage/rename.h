/*
 * A bug whose functions have other names in a newer tree is the bug that it was. Its input
 * fails there as something else, since the stack tells it otherwise; what makes them one
 * is that all else agrees, and that the source says so of the names.
 *
 * Two bugs must not become one: both stacks are equally long and at least half of their
 * frames are the same ones, type, message and file are the same, each name stands for one
 * other wherever it stands, and adapters/renamed.h finds each of them defined in the tree
 * that has it, gone from the other, and mostly the same text. Hangs are left out: their
 * stacks are no two times the same.
 */
#ifndef TRIAGE_RENAME_H
#define TRIAGE_RENAME_H

#include "adapters/project.h"
#include "adapters/renamed.h"
#include "triage/signature.h"

#define TRIAGE_RENAMES_MAX 4

struct triage_renames {
	struct renamed_pair items[TRIAGE_RENAMES_MAX]; /* of the signatures, borrowed */
	size_t count;
};

/* What was called otherwise before, if these two are one bug; false: they are not, or have
 * the same names. Pure. Thread: any. */
bool triage_renames_find(const struct triage_signature *before,
	const struct triage_signature *now, struct triage_renames *out);
/* "parse_addr is called parse_addresses now". The caller frees. */
char *triage_renames_words(const struct triage_renames *renames);

struct triage_rename_spec {
	const struct project *project;	       /* borrowed until done */
	const struct triage_signature *before; /* likewise */
	const struct triage_signature *now;    /* likewise */
	const char *old_tree, *new_tree;       /* that have these names; copied */
};

/* is_renamed: they are one bug. What git could not tell is not taken for it. */
typedef void (*triage_rename_cb)(bool is_renamed, void *ctx);
/* Asks the source. False: no need to, they are two, and done never fires; else it fires
 * exactly once, later. Thread: the loop. */
bool triage_rename_start(
	const struct triage_rename_spec *spec, triage_rename_cb done, void *ctx);

#endif
