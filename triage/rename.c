#include "triage/rename.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "triage/names.h"

#include "base/banned.h"

/* -- by the stacks ------------------------------------------------------------------ */

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_message(const char *a, const char *b)
{
	struct triage_names *names = triage_names_new();
	bool same = triage_names_message(names, a) == triage_names_message(names, b);

	triage_names_free(names);
	return same;
}

/* A name stands for one other, in both directions. */
static bool take_pair(struct triage_renames *r, const char *from, const char *to)
{
	size_t i;

	for (i = 0; i < r->count; i++) {
		bool same_from = triage_name_same(r->items[i].from, from);

		if (same_from != triage_name_same(r->items[i].to, to))
			return false;
		if (same_from)
			return true;
	}
	if (r->count == TRIAGE_RENAMES_MAX)
		return false;
	r->items[r->count++] = (struct renamed_pair){from, to};
	return true;
}

/* *same: frames that have not changed. */
static bool compare(struct triage_renames *r, const struct triage_frames *before,
	const struct triage_frames *now, size_t *same)
{
	size_t i;

	if (before->count != now->count)
		return false;
	for (i = 0; i < before->count; i++) {
		if (triage_name_same(before->names[i], now->names[i]))
			++*same;
		else if (!take_pair(r, before->names[i], now->names[i]))
			return false;
	}
	return true;
}

bool triage_renames_find(const struct triage_signature *before,
	const struct triage_signature *now, struct triage_renames *out)
{
	size_t frames = before->frames.count + before->other.count, same = 0, i;

	*out = (struct triage_renames){0};
	if (strcmp(before->type, now->type) != 0 || triage_signature_is_hang(now) ||
		!same_text(before->file, now->file) ||
		!same_message(before->message, now->message) ||
		!compare(out, &before->frames, &now->frames, &same) ||
		!compare(out, &before->other, &now->other, &same))
		return false;
	for (i = 0; i < out->count; i++)
		if (triage_frames_have(&now->frames, out->items[i].from) ||
			triage_frames_have(&now->other, out->items[i].from) ||
			triage_frames_have(&before->frames, out->items[i].to) ||
			triage_frames_have(&before->other, out->items[i].to))
			return false;
	return out->count > 0 && same * 2 >= frames;
}

char *triage_renames_words(const struct triage_renames *renames)
{
	struct iw_buf text = {0};
	size_t i;

	for (i = 0; i < renames->count; i++)
		iw_buf_addf(&text, "%s%s is called %s", i == 0 ? "" : ", ",
			renames->items[i].from, renames->items[i].to);
	iw_buf_adds(&text, " now");
	return iw_buf_steal(&text);
}

/* -- by the source ------------------------------------------------------------------ */

struct asking {
	struct iw_git_req req;
	struct triage_renames renames; /* with names of our own */
	char old_tree[IW_GIT_HEX], new_tree[IW_GIT_HEX];
	triage_rename_cb done;
	void *ctx;
};

/* Git thread. */
static int check(struct iw_git_repo *repo, void *ctx, struct iw_err *err)
{
	const struct asking *a = ctx;

	return renamed_check(
		repo, a->old_tree, a->new_tree, a->renames.items, a->renames.count, err);
}

static void on_checked(struct iw_git_req *req)
{
	struct asking *a = req->ctx;
	size_t i;

	if (req->rc < 0)
		iw_warn("renamed functions cannot be looked for",
			S("error", req->err.msg));
	for (i = 0; i < a->renames.count; i++) {
		free((char *)a->renames.items[i].from);
		free((char *)a->renames.items[i].to);
	}
	a->done(req->rc == 1, a->ctx);
	free(a);
}

bool triage_rename_start(
	const struct triage_rename_spec *spec, triage_rename_cb done, void *ctx)
{
	struct triage_renames found;
	struct asking *a;
	size_t i;

	if (!triage_renames_find(spec->before, spec->now, &found))
		return false;
	a = iw_calloc(1, sizeof *a);
	for (i = 0; i < found.count; i++)
		a->renames.items[i] = (struct renamed_pair){
			iw_strdup(found.items[i].from), iw_strdup(found.items[i].to)};
	a->renames.count = found.count;
	snprintf(a->old_tree, sizeof a->old_tree, "%s", spec->old_tree);
	snprintf(a->new_tree, sizeof a->new_tree, "%s", spec->new_tree);
	a->done = done;
	a->ctx = ctx;
	a->req = (struct iw_git_req){.run = check, .ctx = a, .done = on_checked};
	iw_git_submit(project_git(spec->project), &a->req);
	return true;
}
