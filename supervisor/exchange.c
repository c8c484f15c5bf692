/*
 * From one engine to the others: finds are noted when they are stored, and given on when
 * the reference build has shown that they are new.
 *
 *	ingest --> farm_finds_note() … measure --> farm_exchange()
 *	    +--> inbox of a running engine, written by a pool thread within a second
 *	    \--> waits until the engine starts
 */
#include "exchange.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"

#include "base/banned.h"

#define TOUCH_AFTER_MS 1100
/* More than an engine can have missed in one slice; then it is given everything. */
#define WAITING_MAX 4096

void farm_finds_note(struct farm_target *t, struct farm_share *finder,
	const struct corpus_found *found)
{
	size_t i;

	for (i = 0; t->share_count > 1 && i < found->count; i++) {
		if (!found->units[i].is_added)
			continue;
		iw_grow(t->finds, t->find_count, t->find_cap);
		t->finds[t->find_count++] = (struct farm_find){
			.unit_id = found->units[i].id, .finder = finder};
	}
}

/* Forgets who found it; NULL when nobody knows: an import, an earlier run. */
static struct farm_share *take_finder(struct farm_target *t, int64_t unit_id)
{
	size_t i;

	for (i = 0; i < t->find_count; i++) {
		struct farm_share *finder = t->finds[i].finder;

		if (t->finds[i].unit_id != unit_id)
			continue;
		t->finds[i] = t->finds[--t->find_count];
		return finder;
	}
	return NULL;
}

static void wait_for_start(struct farm_share *share, const struct farm_gift *gift)
{
	if (share->waiting_count == WAITING_MAX) {
		share->is_current = false;
		return;
	}
	iw_grow(share->waiting, share->waiting_count, share->waiting_cap);
	share->waiting[share->waiting_count++] = *gift;
}

void farm_exchange(struct farm_target *t, const struct corpus_measure_result *result)
{
	size_t i, k;

	if (t->share_count < 2 || t->state != FARM_TARGET_READY)
		return;
	for (i = 0; i < result->count; i++) {
		const struct corpus_measured *unit = &result->units[i];
		struct farm_share *finder = take_finder(t, unit->unit.id);
		struct farm_gift gift = {.unit = unit->unit,
			.finder = finder ? finder->engine->name : "farm"};

		if (unit->new_features == 0)
			continue;
		if (finder)
			finder->features += (int64_t)unit->new_features;
		for (k = 0; k < t->share_count; k++)
			if (&t->shares[k] != finder &&
				!farm_slices_give(t, &t->shares[k], &gift))
				wait_for_start(&t->shares[k], &gift);
	}
}

void farm_inbox_put(struct farm_inbox *inbox, const struct farm_gift *gift)
{
	iw_grow(inbox->gifts, inbox->count, inbox->cap);
	inbox->gifts[inbox->count++] = *gift;
}

/* Its name in the inbox. Free it. */
static char *name_of(const struct farm_gift *gift, const char *data, size_t len)
{
	char sha1[IW_SHA1_HEX];

	iw_sha1_hex(data, len, sha1);
	return iw_fmt(ENGINE_GIFT, gift->finder, sha1);
}

static int give(struct farm_inbox *inbox, int dirfd, const struct farm_gift *gift,
	struct iw_err *err)
{
	_auto_free_ char *data = NULL, *name = NULL;
	size_t len;
	int rc = corpus_packs_read(
		inbox->packs, &gift->unit.place, &gift->unit.sha, &data, &len, err);

	if (rc == 0)
		rc = iw_file_write(inbox->spare, data, len, 0644, err);
	if (rc < 0)
		return rc;
	name = name_of(gift, data, len);
	if (renameat(AT_FDCWD, inbox->spare, dirfd, name) < 0)
		return iw_err_errno(err, errno, "cannot put a unit into an inbox");
	inbox->giving_done++;
	return 0;
}

static struct farm_inbox *of_work(struct iw_work *work)
{
	return (struct farm_inbox *)((char *)work - offsetof(struct farm_inbox, job));
}

/* Pool. */
static void give_batch(struct iw_work *work)
{
	struct farm_inbox *inbox = of_work(work);
	_auto_close_ int dirfd = iw_dir_open_below(inbox->work, inbox->dir, &inbox->err);
	size_t i;

	for (i = 0; dirfd >= 0 && i < inbox->giving_count; i++)
		if (give(inbox, dirfd, &inbox->giving[i], &inbox->err) < 0)
			break;
}

static void on_given(struct iw_work *work)
{
	struct farm_inbox *inbox = of_work(work);

	/* What could not be given is in the store, and in the next hand-out. */
	if (inbox->err.code)
		iw_info("units were not given to an engine", S("error", inbox->err.msg));
	inbox->err.code = 0;
	inbox->given += (int64_t)inbox->giving_done;
	free(iw_steal(&inbox->giving));
	inbox->touch_at_ms = iw_time_mono_ms() + TOUCH_AFTER_MS;
	inbox->is_busy = false;
	inbox->idle(inbox->ctx);
}

static void touch(struct farm_inbox *inbox)
{
	_auto_close_ int dirfd = iw_dir_open_below(inbox->work, inbox->dir, NULL);

	if (dirfd >= 0)
		futimens(dirfd, NULL);
	inbox->touch_at_ms = 0;
}

void farm_inbox_tick(struct farm_inbox *inbox)
{
	if (inbox->is_busy)
		return;
	if (inbox->touch_at_ms && iw_time_mono_ms() >= inbox->touch_at_ms)
		touch(inbox);
	if (inbox->count == 0)
		return;
	inbox->giving = iw_steal(&inbox->gifts);
	inbox->giving_count = inbox->count;
	inbox->giving_done = inbox->count = inbox->cap = 0;
	inbox->is_busy = true;
	iw_work_submit(inbox->loop, &inbox->job, give_batch, on_given);
}

bool farm_inbox_is_busy(const struct farm_inbox *inbox)
{
	return inbox->is_busy;
}

void farm_inbox_fini(struct farm_inbox *inbox)
{
	free(inbox->gifts);
	free(inbox->spare);
}
