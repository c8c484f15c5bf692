/*
 * The happy path: what is known of the input is loaded, and the git thread names the trees
 * that are staged, so that the bisection is told which of them cost nothing. Then, once per
 * question: the git thread names the tree asked about (merging or reverting in memory), the
 * verdicts are looked at, the tree is built, the input runs on it, the verdict is stored, the
 * next question is asked.
 *
 *	LOAD --> PRICE --> ASK --> TREE --> (known verdict) ----------------------+
 *	                            |  \--> BUILD --> RUN --> STORE --> ASK …      |
 *	                            +-- conflict, no build, no target: untestable -+
 *
 * When several merges are found guilty together, doubt.h looks for an input that needs
 * fewer of them, and where the world wants it, one is not found guilty before the base was
 * fuzzed; with an input found all is asked again.
 *
 * Builds are lent: each is let go when its verdict is stored, and where the disk budget is
 * short it leaves then to make room for the next.
 *
 * The failures: a full disk, or a disk budget without room, ends it without an answer, and
 * whoever asked asks again later. Any other build or run that could not be made at all is
 * tried INFRA_TRIES times, then answered with infra, which ends the bisection without blame.
 */
#include "triage/attribute.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/target_files.h"
#include "adapters/target_run.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "triage/artifact.h"
#include "triage/bisect_tree.h"
#include "triage/bug_db.h"
#include "triage/doubt.h"
#include "triage/lent.h"
#include "triage/price.h"
#include "triage/progress.h"
#include "triage/question_tree.h"
#include "triage/reproduce.h"
#include "triage/verdicts.h"

#include "base/banned.h"

#define INFRA_TRIES 3
#define DOUBTS_MAX 2
#define OTHER_SHOWN 100 /* columns */

struct triage_attribute {
	const struct triage_world *world;
	struct triage_attribute_spec spec;
	const struct staging_snapshot *snapshot;
	struct triage_bisect *bisect; /* NULL until it is known what trees cost */
	struct triage_verdicts verdicts;
	struct triage_question_trees trees;
	struct target_files files;
	struct iw_sha256 input;	    /* of spec.input */
	char (*staged)[IW_GIT_HEX]; /* what is built of the base and of each merge */

	struct triage_question question;
	char tree[IW_GIT_HEX];
	bool is_carried;
	struct triage_answer answer;
	unsigned others; /* runs that failed in another way */
	struct verdict_row row;
	int infra_failures;
	int64_t cpu_us; /* of jobs, and not stored yet */

	struct iw_git_req git_req;
	struct triage_lent lent;
	struct iw_db_req db_req;
	struct triage_reproduce *run;
	struct triage_doubt *doubt;
	int doubts;
	int64_t base_fuzzed_s; /* 0: it was not */
	char *other_input;     /* what spec.input points to after a doubt was right */
	struct iw_err err;
	bool is_stopped;
	triage_attribute_cb done;
	void *ctx;
};

static void ask(struct triage_attribute *op);

static struct triage_bisect *new_bisect(const struct triage_attribute *op)
{
	const struct staging_snapshot *s = op->snapshot;
	_auto_free_ int *prs = iw_calloc(s->count + 1, sizeof *prs);
	_auto_free_ struct triage_bisect_commit *commits =
		iw_calloc(s->count + 1, sizeof *commits);
	_auto_free_ double *costs = iw_calloc(s->count + 1, sizeof *costs);
	struct triage_bisect_spec spec = {.prs = prs,
		.commits = commits,
		.count = s->count,
		.costs = costs,
		.hits = op->spec.hits,
		.runs = op->spec.runs,
		.is_mend = op->spec.is_mend,
		/* Not where the fault is in them. */
		.may_carry = op->files.count == op->trees.carried_count,
		.shown = op->spec.shown,
		.after = op->spec.after};
	size_t i;

	for (i = 0; i < s->count; i++) {
		prs[i] = (int)s->prs[i].number;
		commits[i] =
			(struct triage_bisect_commit){s->prs[i].merge, s->prs[i].title};
	}
	for (i = 0; i <= s->count; i++)
		costs[i] = triage_price(&op->verdicts,
			project_builds(op->spec.target->project), op->staged[i],
			op->spec.flavour);
	return triage_bisect_new(&spec);
}

static void finish(struct triage_attribute *op)
{
	triage_lent_let_go(&op->lent);
	op->done(op, op->err.code ? &op->err : NULL, op->ctx);
}

static void fail(struct triage_attribute *op, const struct iw_err *err)
{
	op->err = *err;
	finish(op);
}

/* Tells whoever asks; a mend and a return have no place of their own to tell it. */
static void tell(const struct triage_attribute *op, const char *doing)
{
	if (!op->spec.is_mend && !op->spec.after)
		triage_progress_tell(op->world->db, op->spec.bug_id, op->bisect,
			op->doubt ? NULL : &op->question, doing);
}

static void give_answer(struct triage_attribute *op)
{
	_auto_free_ char *what = triage_bisect_describe(op->bisect, &op->question);
	static const char *const words[] = {"bad", "good", "untestable", "infra"};

	iw_info("tree tested", I("bug", op->spec.bug_id), S("tree", what),
		S("answer", words[op->answer.kind]), I("runs", op->answer.runs),
		I("hits", op->answer.hits));
	triage_lent_let_go(&op->lent);
	triage_bisect_answer(op->bisect, &op->answer);
	ask(op);
}

static int store_verdict(struct iw_dbc *dbc, void *ctx, struct iw_err *err)
{
	struct triage_attribute *op = ctx;
	int rc = verdict_db_put(dbc, op->spec.bug_id, &op->input, &op->row, err);

	return rc < 0 ? rc
		      : bug_db_add_core(dbc, op->spec.bug_id, op->cpu_us / 1000, err);
}

static void on_stored(struct iw_db_req *req)
{
	struct triage_attribute *op = req->ctx;

	if (req->err.code) {
		fail(op, &req->err);
		return;
	}
	op->cpu_us %= 1000;
	give_answer(op);
}

static void store(struct triage_attribute *op)
{
	triage_verdicts_add(&op->verdicts, op->tree, &op->answer, op->others, &op->row);
	op->db_req =
		(struct iw_db_req){.run = store_verdict, .ctx = op, .done = on_stored};
	iw_db_submit(op->world->db, &op->db_req);
}

static void name_tree(struct triage_attribute *op);

/* Our machines failed, not the tree. */
static void on_infra(struct triage_attribute *op, const struct iw_err *err)
{
	triage_lent_let_go(&op->lent);
	if (op->is_stopped || err->code == IW_ECANCELED || err->code == IW_ENOSPC ||
		err->code == IW_EBUDGET) {
		fail(op, err);
		return;
	}
	iw_warn("a tree could not be tested", I("bug", op->spec.bug_id),
		S("error", err->msg));
	if (++op->infra_failures < INFRA_TRIES) {
		name_tree(op);
		return;
	}
	op->answer = (struct triage_answer){.kind = TRIAGE_INFRA};
	give_answer(op);
}

static void on_run(struct triage_reproduce *run, const struct iw_err *err, void *ctx)
{
	struct triage_attribute *op = ctx;
	const struct triage_reproduce_result *r = triage_reproduce_result(run);
	unsigned runs = r->runs, hits = r->hits, others = r->others;
	struct iw_err copy = IW_ERR_INIT;
	_auto_free_ char *other = others ? triage_signature_words(&r->other) : NULL;

	if (err)
		copy = *err;
	op->cpu_us += r->cpu_us;
	triage_reproduce_free(run);
	op->run = NULL;
	if (copy.code) {
		on_infra(op, &copy);
		return;
	}
	op->others = others;
	if (other)
		snprintf(op->answer.other, sizeof op->answer.other, "%.*s",
			(int)iw_text_fit(other, OTHER_SHOWN), other);
	op->answer.runs = runs;
	op->answer.hits = hits;
	if (hits > 0)
		op->answer.kind = TRIAGE_BAD;
	else if (others == runs && runs > 0)
		/* Another failure comes first here and hides whether ours is there. */
		op->answer.kind = TRIAGE_UNTESTABLE;
	else
		op->answer.kind = TRIAGE_GOOD;
	store(op);
}

static void answer_untestable(struct triage_attribute *op, enum triage_why why)
{
	op->answer.kind = TRIAGE_UNTESTABLE;
	op->answer.why = why;
	give_answer(op);
}

static void on_built(struct triage_lent *lent, const struct iw_err *err)
{
	struct triage_attribute *op = lent->ctx;
	const struct iw_build *build = lent->build;
	struct triage_reproduce_spec spec = {
		.build = build,
		.target = op->spec.target,
		.input = op->spec.input,
		.len = op->spec.len,
		.runs = op->question.runs,
		.stop_hits = 1,
		.purpose = IW_PURPOSE_BISECT,
		.subject = {"bug", op->spec.bug_id},
		.same = op->spec.signature,
	};
	_auto_free_ char *binary = NULL;

	if (!build) {
		on_infra(op, err);
		return;
	}
	op->answer.is_made = lent->is_made;
	/* With the target's files of its own it may read its input in another way. */
	if (!build->is_ok) {
		answer_untestable(
			op, op->is_carried ? TRIAGE_WHY_TARGET : TRIAGE_WHY_BUILD);
		return;
	}
	binary = target_binary(build, op->spec.target->spec);
	if (!binary) {
		answer_untestable(op, TRIAGE_WHY_TARGET);
		return;
	}
	tell(op, "runs");
	op->run = triage_reproduce_start(op->world, &spec, on_run, op);
	if (op->is_stopped)
		triage_reproduce_stop(op->run);
}

static void on_tree(struct iw_git_req *req)
{
	struct triage_attribute *op = req->ctx;
	const struct triage_answer *old;

	op->answer = (struct triage_answer){.is_carried = op->is_carried};
	if (req->rc < 0) {
		on_infra(op, &req->err);
		return;
	}
	if (req->rc > 0) {
		answer_untestable(op, TRIAGE_WHY_CONFLICT);
		return;
	}
	snprintf(op->answer.tree, sizeof op->answer.tree, "%s", op->tree);
	old = op->question.is_again ? NULL
				    : triage_verdicts_give(&op->verdicts, op->tree);
	if (old) {
		op->answer.kind = old->kind;
		op->answer.why = old->why;
		op->answer.runs = old->runs;
		op->answer.hits = old->hits;
		op->answer.is_remembered = true;
		give_answer(op);
		return;
	}
	tell(op, "builds");
	triage_lent_ask(&op->lent, op->tree, on_built);
}

/* Git thread. */
static int find_tree(struct iw_git_repo *repo, void *ctx, struct iw_err *err)
{
	struct triage_attribute *op = ctx;

	return triage_question_tree(
		repo, &op->trees, &op->question, op->tree, &op->is_carried, err);
}

static void name_tree(struct triage_attribute *op)
{
	op->git_req = (struct iw_git_req){.run = find_tree, .ctx = op, .done = on_tree};
	iw_git_submit(project_git(op->spec.target->project), &op->git_req);
}

/* -- does only the input need them? -------------------------------------------------- */

static int store_input(struct iw_dbc *dbc, void *ctx, struct iw_err *err)
{
	struct triage_attribute *op = ctx;
	struct iw_sha256 hash;

	(void)dbc;
	return triage_artifact_put(
		op->world->artifacts_dir, op->spec.input, op->spec.len, &hash, err);
}

static void on_input_stored(struct iw_db_req *req)
{
	struct triage_attribute *op = req->ctx;

	if (req->err.code)
		fail(op, &req->err);
	else
		ask(op);
}

static void say_other(struct triage_attribute *op, const struct triage_doubt_result *r)
{
	char hex[IW_SHA256_HEX];

	iw_sha256_hex(&op->input, hex);
	if (r->left_out == 0)
		bisect_say(op->bisect,
			"fuzzing the base from this input found another one, %zu bytes, "
			"sha256 %s, that fails there: asked with that one",
			r->len, hex);
	else
		bisect_say(op->bisect,
			"fuzzing found another input for it, %zu bytes, sha256 %s, that "
			"does not need %s: asked with that one",
			r->len, hex, bisect_staged_name(op->bisect, r->left_out));
}

/* A fresh decision with the input that needs fewer merges. */
static void start_over(struct triage_attribute *op, const struct triage_doubt_result *r)
{
	free(op->other_input);
	op->other_input = iw_memdup(r->input, r->len);
	op->spec.input = op->other_input;
	op->spec.len = r->len;
	op->spec.hits = r->hits;
	op->spec.runs = r->runs;
	op->input = iw_sha256(r->input, r->len);
	triage_verdicts_keep_bad(&op->verdicts);
	triage_bisect_free(op->bisect);
	op->bisect = new_bisect(op);
	say_other(op, r);
	op->db_req = (struct iw_db_req){
		.run = store_input, .ctx = op, .done = on_input_stored};
	iw_db_submit(op->world->db, &op->db_req);
}

static void say_nothing_found(struct triage_attribute *op)
{
	if (triage_bisect_result(op->bisect)->outcome == TRIAGE_INTERACTION)
		bisect_say(op->bisect,
			"no smaller set of them shows it in %d s of fuzzing each",
			TRIAGE_DOUBT_S);
	else
		bisect_say(op->bisect,
			"fuzzing the base for %lld s from this input does not show it",
			(long long)op->base_fuzzed_s);
}

static void on_doubted(struct triage_doubt *doubt, const struct iw_err *err, void *ctx)
{
	struct triage_attribute *op = ctx;
	const struct triage_doubt_result *r = triage_doubt_result(doubt);

	op->doubt = NULL;
	op->cpu_us += r->cpu_us;
	op->base_fuzzed_s = (r->base_ms + 500) / 1000;
	if (err)
		op->err = *err;
	if (!err && r->input) {
		start_over(op, r);
	} else {
		if (!err)
			say_nothing_found(op);
		finish(op);
	}
	triage_doubt_free(doubt);
}

/* False when there is nothing to doubt. */
static bool doubt(struct triage_attribute *op)
{
	const struct triage_attribution *a = triage_bisect_result(op->bisect);
	struct triage_doubt_spec spec = {
		.target = op->spec.target,
		.flavour = op->spec.flavour,
		.signature = op->spec.signature,
		.input = op->spec.input,
		.len = op->spec.len,
		.original = op->spec.original,
		.original_len = op->spec.original_len,
		.seconds = TRIAGE_DOUBT_S,
		.subject = {"bug", op->spec.bug_id},
	};

	if (op->spec.is_mend || op->spec.after)
		return false;
	if (a->outcome == TRIAGE_INTERACTION && op->doubts++ < DOUBTS_MAX) {
		spec.count = a->count;
		memcpy(spec.merges, a->merges, a->count * sizeof *a->merges);
	} else if (a->outcome == TRIAGE_STAGED && op->world->fuzz_base_s &&
		op->doubts++ == 0) {
		spec.base = op->staged[0];
		spec.seconds = op->world->fuzz_base_s;
	} else {
		return false;
	}
	op->doubt = triage_doubt_start(op->world, &spec, on_doubted, op);
	tell(op, "fuzzes");
	return true;
}

/* -- the loop of questions ----------------------------------------------------------- */

static void ask(struct triage_attribute *op)
{
	if (op->is_stopped) {
		iw_err_set(&op->err, IW_ECANCELED, "stopped");
		finish(op);
		return;
	}
	if (triage_bisect_next(op->bisect, &op->question) == 0) {
		if (!doubt(op))
			finish(op);
		return;
	}
	op->infra_failures = 0;
	name_tree(op);
}

/* -- before the first question ------------------------------------------------------- */

/* Git thread: what would be built of the base and of each merge. */
static int find_staged(struct iw_git_repo *repo, void *ctx, struct iw_err *err)
{
	struct triage_attribute *op = ctx;
	bool is_carried;
	size_t i;
	int rc = 0;

	for (i = 0; rc == 0 && i <= op->snapshot->count; i++)
		rc = triage_question_tree(repo, &op->trees,
			&(struct triage_question){.kind = TRIAGE_PREFIX, .prefix = i},
			op->staged[i], &is_carried, err);
	return rc;
}

static void on_staged(struct iw_git_req *req)
{
	struct triage_attribute *op = req->ctx;

	if (req->rc < 0) {
		fail(op, &req->err);
		return;
	}
	op->bisect = new_bisect(op);
	ask(op);
}

static int load_verdicts(struct iw_dbc *dbc, void *ctx, struct iw_err *err)
{
	struct triage_attribute *op = ctx;

	return verdict_db_list(dbc, op->spec.bug_id, &op->input, triage_verdicts_take,
		&op->verdicts, err);
}

static void on_loaded(struct iw_db_req *req)
{
	struct triage_attribute *op = req->ctx;

	if (req->err.code) {
		fail(op, &req->err);
		return;
	}
	op->git_req =
		(struct iw_git_req){.run = find_staged, .ctx = op, .done = on_staged};
	iw_git_submit(project_git(op->spec.target->project), &op->git_req);
}

static void load(struct triage_attribute *op)
{
	op->db_req =
		(struct iw_db_req){.run = load_verdicts, .ctx = op, .done = on_loaded};
	iw_db_submit(op->world->db, &op->db_req);
}

struct triage_attribute *triage_attribute_start(const struct triage_world *world,
	const struct triage_attribute_spec *spec, triage_attribute_cb done, void *ctx)
{
	struct triage_attribute *op = iw_calloc(1, sizeof *op);

	op->world = world;
	op->spec = *spec;
	op->snapshot = project_snapshot(spec->target->project);
	op->lent = (struct triage_lent){
		.project = spec->target->project, .flavour = spec->flavour, .ctx = op};
	op->input = iw_sha256(spec->input, spec->len);
	op->staged = iw_calloc(op->snapshot->count + 1, sizeof *op->staged);
	op->trees.snapshot = op->snapshot;
	target_files_init(
		&op->files, project_adapter(spec->target->project), spec->target->spec);
	if (!target_files_have(&op->files, spec->fault_file)) {
		op->trees.carried = (const char *const *)op->files.paths;
		op->trees.carried_count = op->files.count;
	}
	op->done = done;
	op->ctx = ctx;
	load(op);
	return op;
}

void triage_attribute_stop(struct triage_attribute *op)
{
	op->is_stopped = true;
	if (op->run)
		triage_reproduce_stop(op->run);
	else if (op->doubt)
		triage_doubt_stop(op->doubt);
	else
		triage_lent_stop(&op->lent);
}

const struct triage_attribution *triage_attribute_result(
	const struct triage_attribute *op)
{
	return triage_bisect_result(op->bisect);
}

char *triage_attribute_proof(const struct triage_attribute *op)
{
	json_t *proof = triage_bisect_json(op->bisect);
	char *text;

	if (op->base_fuzzed_s)
		json_object_set_new(
			proof, "base_fuzzed_s", json_integer(op->base_fuzzed_s));
	text = json_dumps(proof, JSON_COMPACT);
	json_decref(proof);
	return text;
}

int64_t triage_attribute_cpu_us(const struct triage_attribute *op)
{
	return op->cpu_us;
}

void triage_attribute_free(struct triage_attribute *op)
{
	if (!op)
		return;
	triage_verdicts_fini(&op->verdicts);
	target_files_fini(&op->files);
	free(op->staged);
	triage_bisect_free(op->bisect);
	free(op->other_input);
	free(op);
}
