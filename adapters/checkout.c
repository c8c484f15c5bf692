/*
 * The happy path: the first request for a tree makes a checkout and git exports it; those
 * that come meanwhile wait in a row. Then one after the other is given a copy, on the
 * pool, and the last one gets the folder itself by renaming.
 */
#include "adapters/checkout.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"

#include "base/banned.h"

struct checkout {
	struct iw_work work; /* first: what the pool hands back is this */
	struct checkouts *owner;
	struct checkout *next;
	char tree[IW_GIT_HEX];
	char *dir;
	struct iw_git_req git_req;
	struct checkout_req *waiting, **waiting_end;

	/* the one that is served */
	struct checkout_req *now;
	bool is_last;
	struct iw_err err;
};

struct checkouts {
	struct iw_loop *loop;
	struct iw_git *git;
	char *dir;
	struct checkout *list;
	int count;
};

static void unlist(struct checkout *c)
{
	struct checkout **at;

	for (at = &c->owner->list; *at != c; at = &(*at)->next)
		;
	*at = c->next;
}

static void free_checkout(struct checkout *c)
{
	free(c->dir);
	free(c);
}

/* On the pool. The last one takes it all, unless that is another file system. */
static void give(struct iw_work *work)
{
	struct checkout *c = (struct checkout *)work;

	if (c->is_last && rename(c->dir, c->now->to) == 0)
		return;
	iw_dir_copy(c->dir, c->now->to, &c->err);
	if (c->is_last)
		iw_dir_remove(c->dir, NULL);
}

static void on_given(struct iw_work *work);

static void serve(struct checkout *c)
{
	c->now = c->waiting;
	c->waiting = c->now->next;
	c->is_last = !c->waiting;
	/* Who comes now is the first of another checkout. */
	if (c->is_last)
		unlist(c);
	c->err = (struct iw_err)IW_ERR_INIT;
	iw_work_submit(c->owner->loop, &c->work, give, on_given);
}

static void on_given(struct iw_work *work)
{
	struct checkout *c = (struct checkout *)work;
	struct checkout_req *req = c->now;
	struct iw_err err = c->err;

	if (c->is_last)
		free_checkout(c);
	else
		serve(c);
	req->done(req, err.code ? &err : NULL);
}

static int export_tree(struct iw_git_repo *repo, void *ctx, struct iw_err *err)
{
	struct checkout *c = ctx;

	iw_dir_remove(c->dir, NULL);
	return iw_git_export(repo, c->tree, c->dir, err);
}

static void on_exported(struct iw_git_req *git_req)
{
	struct checkout *c = git_req->ctx;
	struct checkout_req *req = c->waiting, *next;
	struct iw_err err = git_req->err;

	if (git_req->rc == 0) {
		serve(c);
		return;
	}
	iw_dir_remove(c->dir, NULL);
	unlist(c);
	free_checkout(c);
	for (; req; req = next) {
		next = req->next;
		req->done(req, &err);
	}
}

static struct checkout *find(struct checkouts *cs, const char *tree)
{
	struct checkout *c;

	for (c = cs->list; c; c = c->next)
		if (strcmp(c->tree, tree) == 0)
			return c;
	return NULL;
}

static struct checkout *make(struct checkouts *cs, const char *tree)
{
	struct checkout *c = iw_calloc(1, sizeof *c);

	c->owner = cs;
	snprintf(c->tree, sizeof c->tree, "%s", tree);
	/* A number: the one before may not have been renamed yet. */
	c->dir = iw_fmt("%s/%d-%s", cs->dir, ++cs->count, tree);
	c->waiting_end = &c->waiting;
	c->next = cs->list;
	cs->list = c;
	return c;
}

void checkouts_ask(struct checkouts *cs, struct checkout_req *req)
{
	struct checkout *c = find(cs, req->tree);
	bool is_first = !c;

	if (is_first)
		c = make(cs, req->tree);
	req->next = NULL;
	*c->waiting_end = req;
	c->waiting_end = &req->next;
	if (!is_first)
		return;
	c->git_req =
		(struct iw_git_req){.run = export_tree, .ctx = c, .done = on_exported};
	iw_git_submit(cs->git, &c->git_req);
}

int checkouts_new(
	struct checkouts **out, struct iw_loop *loop, const char *dir, struct iw_err *err)
{
	struct checkouts *cs;
	int rc = iw_dir_remove(dir, err);

	if (rc == 0)
		rc = iw_dir_make(dir, err);
	if (rc < 0)
		return rc;
	cs = iw_calloc(1, sizeof *cs);
	cs->loop = loop;
	cs->dir = iw_strdup(dir);
	*out = cs;
	return 0;
}

void checkouts_set_git(struct checkouts *cs, struct iw_git *git)
{
	cs->git = git;
}

int checkouts_count(const struct checkouts *cs)
{
	return cs->count;
}

void checkouts_free(struct checkouts *cs)
{
	if (!cs)
		return;
	assert(!cs->list);
	free(cs->dir);
	free(cs);
}
