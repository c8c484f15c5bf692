/*
 * `ironworks diff`: what a change breaks that nobody has reviewed yet.
 *
 *	prepare --> does the change build? Is the target there? --> base: build, fuzz,
 *	            triage --> change: the same --> report --> leave
 *
 * Both sides are fuzzed by one farm in a state folder of the comparison's own, one after
 * the other, each with half of the budget and all cores: first the base, then the change
 * as if it were the next snapshot, on which one thing is staged. So all that a farm does
 * is done here, too, by the same code:
 * - what the base's half finds is known when the change's half begins, and found again it
 *   is no news; what it put into the corpus, the change begins with;
 * - what the base had is run on the change again, which tells what is gone;
 * - each new bug is minimized and attributed: its input runs on the base so often that a
 *   bug of its rate would have shown (triage/bisect.h), and the base is fuzzed from that
 *   input (triage/doubt.h), for a change may only have moved the way to a bug. What shows
 *   neither way is the change's.
 * At the same time, on half the cores each, neither half could learn from the other: each
 * bug of the base would be found, minimized and run on the base once more, and two states
 * compared. In turns each could, at the price of a farm's start for each turn, and what the
 * base would learn that matters here, the inputs of the change's bugs, it is given anyway.
 * Either would make executions comparable while the machine's load changes; but no bug is
 * told by their number, only by what runs on both builds did.
 *
 * The change may be hostile. Its builds and targets run in the sandbox without exception;
 * no compiler cache is there, no build is taken from or given to a farm, nothing here goes
 * back to a farm's state: corpora and coverage are read from it before anything of the
 * change runs. The commit's files reach a job as a copy of its own.
 *
 * What was found must not get lost: a temporary folder goes only when nothing was.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/time.h"
#include "cli/cli.h"
#include "cli/diff_room.h"

#include "base/banned.h"

#define BUDGET_MS ((int64_t)5 * 60 * 1000)

static const char help[] =
	"Examples:\n"
	"  ironworks diff node --pr 31415\n"
	"  ironworks diff node --commits master..my-branch --budget 20m\n"
	"  ironworks diff ./adapters/node --commits v27.0..HEAD --target tx --keep d\n"
	"\n"
	"usage: ironworks diff [ADAPTER] --pr N | --commits A..B [--budget TIME]\n"
	"                      [--target T] [--cores N] [--keep DIR] [--state DIR]\n"
	"                      [--json]\n"
	"\n"
	"Which bugs does a change add that nobody has reviewed yet? Builds the change\n"
	"and its base, fuzzes first one, then the other, and tells those bugs that show\n"
	"on the change and not on the base: not with the same input, run as often as\n"
	"the bug's rate wants it, and not while the base is fuzzed from that input. The\n"
	"base is the merge base. ADAPTER is a folder or a name, with parameters behind\n"
	"a colon; without one it is the only adapter of the farm in --state.\n"
	"\n"
	"  --pr N         the pull request's head: refs/pull/N/head of the source, else\n"
	"                 what was promoted to the staging branch; the base is where it\n"
	"                 left the branch that it is for\n"
	"  --commits A..B branches, tags or commits of the source\n"
	"  --budget TIME  of fuzzing, half of it for each side, like 90s or 2h\n"
	"                 (default: 5m); builds come before it. A thirtieth, 5 s to\n"
	"                 1 min, goes to the base for each bug that would be the\n"
	"                 change's; open triage gets a third of it afterwards\n"
	"  --target T     only this one (default: those near the change, where the farm\n"
	"                 has looked at coverage, and new ones; else all). Near is one\n"
	"                 whose corpus reaches a function that the change touches\n"
	"  --cores N      use so many cores (default: all)\n"
	"  --keep DIR     a new folder for the comparison's state, which stays; without\n"
	"                 it a temporary one, which stays when something was found\n"
	"  --state DIR    of a farm: its corpora are where fuzzing begins. It is read\n"
	"                 and never written (default: the user's state folder, if any)\n"
	"  --json         print the outcome as one JSON object\n"
	"\n"
	"The change is taken for hostile: it is built and run in the sandbox only,\n"
	"without the compiler cache, and nothing of it gets to a farm.\n"
	"\n"
	"exit status: 0 it adds no bug, 1 it adds bugs, 2 usage, 4 failed: it does not\n"
	"             build, for one\n";

static const char *take_pr(void *ctx, const char *word)
{
	struct diff_wish *w = ctx;

	return cli_number(*word == '#' ? word + 1 : word, 1, INT32_MAX, &w->pr)
		? NULL
		: "--pr wants the number of a pull request";
}

static const char *take_commits(void *ctx, const char *word)
{
	struct diff_wish *w = ctx;
	const char *dots = strstr(word, "..");

	if (!dots || dots == word || !dots[2] || dots[2] == '.')
		return "--commits wants two of them, like main..my-branch";
	free(w->from);
	free(w->to);
	w->from = iw_strndup(word, (size_t)(dots - word));
	w->to = iw_strdup(dots + 2);
	return NULL;
}

static const char *take_budget(void *ctx, const char *word)
{
	struct diff_wish *w = ctx;

	w->budget_ms = iw_time_parse(word);
	return w->budget_ms > 0 ? NULL : "--budget wants a time like 90s, 5m or 2h";
}

static const char *take_cores(void *ctx, const char *word)
{
	struct diff_wish *w = ctx;

	return cli_number(word, 1, 4096, &w->cores) ? NULL
						    : "--cores wants a number above 0";
}

static int parse(int argc, char **argv, struct diff_wish *w)
{
	const struct cli_option more[] = {
		{"pr", .take = take_pr, .ctx = w},
		{"commits", .take = take_commits, .ctx = w},
		{"budget", .take = take_budget, .ctx = w},
		{"target", .word = &w->target},
		{"cores", .take = take_cores, .ctx = w},
		{"keep", .word = &w->keep},
		{0},
	};
	struct cli_common common;
	int first, rc = cli_options(argc, argv, help, more, &common, &first);

	if (rc >= 0)
		return rc;
	if (common.no_sandbox)
		return cli_usage("diff", "an unreviewed change runs in the sandbox only");
	if (argc - first > 1)
		return cli_usage("diff", "one adapter at a time");
	if (!w->pr == !w->from)
		return cli_usage("diff", "which change? --pr N or --commits A..B");
	w->adapter = argc > first ? argv[first] : NULL;
	w->state = common.state;
	w->json = common.json;
	return -1;
}

/* What is compared, before it takes a while. */
static void say_change(const struct diff *d)
{
	const struct change *c = &d->change;
	int64_t added, removed;

	change_count(c, &added, &removed);
	if (c->is_apart)
		fprintf(stderr,
			"%s is no ancestor of %s: the change is compared with their "
			"merge base\n",
			d->wish.from, d->wish.to);
	fprintf(stderr,
		"commit %.12s against its base %.12s: %zu file%s, +%lld -%lld lines",
		c->head, c->base, c->diff.count, c->diff.count == 1 ? "" : "s",
		(long long)added, (long long)removed);
	if (d->far_count)
		fprintf(stderr, "; %zu target%s not come near", d->far_count,
			d->far_count == 1 ? " does" : "s do");
	if (d->seeds)
		fprintf(stderr, "; %zu unit%s of the farm's corpus", d->seeds,
			d->seeds == 1 ? "" : "s");
	fputc('\n', stderr);
}

static int compare(struct diff *d, struct iw_err *err)
{
	int rc = diff_prepare(d, err);

	if (rc < 0)
		return rc;
	say_change(d);
	/* A merge, or a change that was taken back. */
	if (strcmp(d->change.tree, d->change.base_tree) == 0)
		return 0;
	rc = diff_build_first(d, err);
	if (rc == 0)
		rc = diff_run_side(d, DIFF_BASE, err);
	return rc < 0 ? rc : diff_run_side(d, DIFF_CHANGE, err);
}

static void fini(struct diff *d)
{
	size_t i;

	if (d->dir && !d->stays)
		iw_dir_remove(d->dir, NULL);
	for (i = 0; i < d->target_count; i++)
		free(d->targets[i].name);
	for (i = 0; i < d->far_count; i++)
		free(d->far[i]);
	free(d->targets);
	free(d->far);
	change_fini(&d->change);
	adapter_free(d->adapter);
	free(d->adapter_arg);
	free(d->dir);
	free(d->wish.from);
	free(d->wish.to);
	iw_state_close(&d->farm);
}

static int answer(struct diff *d)
{
	struct iw_err err = IW_ERR_INIT;
	int adds = 0;
	int rc = compare(d, &err);

	if (rc == 0)
		rc = diff_report(d, &adds, &err);
	if (rc < 0)
		return cli_fail(&err);
	if (adds == 0 && d->judging) {
		d->stays = true;
		iw_err_set(&err, IW_EJOB,
			"%d crashes of the change were not judged in time, so whether it "
			"adds bugs is open; give a longer --budget",
			d->judging);
		return cli_fail(&err);
	}
	return adds ? CLI_NO : CLI_DONE;
}

int cli_diff(int argc, char **argv)
{
	struct diff d = {.wish = {.budget_ms = BUDGET_MS}, .farm = {.lock_fd = -1}};
	int rc = parse(argc, argv, &d.wish);

	if (rc < 0)
		rc = answer(&d);
	fini(&d);
	return rc;
}
