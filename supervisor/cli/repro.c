/* `ironworks repro`: the input of a bug or a crash once more, on the build it was found
 * on, here or from another host; on another commit; under every sanitizer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/project_db.h"
#include "base/json.h"
#include "base/mem.h"
#include "cli/build.h"
#include "cli/repro_file.h"
#include "cli/repro_host.h"
#include "cli/repro_run.h"
#include "triage/artifact.h"
#include "triage/merge_db.h"

#include "base/banned.h"

#define RUNS_DEFAULT 5

static const char help[] =
	"Examples:\n"
	"  ironworks repro 3\n"
	"  ironworks repro 3 --runs 50\n"
	"  ironworks repro crash:12 --state /srv/farm\n"
	"  ironworks repro 3 --host https://farm.example.org\n"
	"  ironworks repro 3 --commit my-fix\n"
	"  ironworks repro 3 --all-sanitizers\n"
	"  ironworks repro 3 --gdb\n"
	"  ironworks repro ./crash-1 --binary ./fuzz\n"
	"\n"
	"usage: ironworks repro BUG|crash:CRASH [--runs N] [--commit C] "
	"[--all-sanitizers]\n"
	"                       [--gdb|--rr] [--state DIR] [--json] [--no-sandbox]\n"
	"       ironworks repro BUG --host URL [--token-file FILE] [--runs N]\n"
	"                       [--all-sanitizers] [--gdb|--rr] [--json] "
	"[--no-sandbox]\n"
	"       ironworks repro FILE --binary PROGRAM …\n"
	"\n"
	"Runs the best reproducer of a bug, or the input of a crash, on its own build "
	"in\n"
	"the sandbox, N times (default 5), shows the report, and prints the paragraph "
	"that\n"
	"a bug report needs. A farm may be running on the same state. With --binary the\n"
	"input is a file of yours, and so is the program: 'ironworks repro --binary P "
	"--help'\n"
	"tells more of that.\n"
	"\n"
	"  --runs N          how often\n"
	"  --commit C        on a build of this branch, tag, commit or tree, which is "
	"made\n"
	"                    where there is none\n"
	"  --all-sanitizers  on every flavour that can judge, and print a table\n"
	"  --gdb, --rr       start the program under gdb, or record it with rr, outside "
	"the\n"
	"                    sandbox\n"
	"  --host URL        of a farm: fetch the exact build, checked file by file, and "
	"the\n"
	"                    input; what is in the cache ($XDG_CACHE_HOME/ironworks) is "
	"not\n"
	"                    fetched again, and does without the host\n"
	"  --token-file F    what that host wants, a token with the role triage "
	"(default:\n"
	"                    $IRONWORKS_TOKEN)\n"
	"  --state DIR       (default: the user's state folder)\n"
	"  --json            print the answer as one JSON object\n"
	"  --no-sandbox      run the target unprotected\n"
	"\n"
	"exit status: 0 it reproduces, 1 it does not (no sign of a fix where the input "
	"fails\n"
	"             otherwise, which is said), 2 usage, 3 the host or the farm does "
	"not\n"
	"             answer, 4 failed\n";

/* -- from a state folder ------------------------------------------------------------ */

struct local {
	struct iw_state state;
	struct subject subject;
	struct repro_job job;
	struct subject others[REPRO_BUILDS_MAX]; /* which hold the builds of the job */
	char *input_path;
	bool is_unreachable;
};

/* Flavours that the job wants; returns how many. */
static size_t wanted(const struct repro_wish *w, const struct subject *s,
	const char *flavours[REPRO_BUILDS_MAX])
{
	size_t i, count = 0;

	if (!w->all) {
		flavours[0] = s->build.flavour;
		return 1;
	}
	for (i = 0; i < s->loaded->flavour_count && count < REPRO_BUILDS_MAX; i++)
		if (san_flavour_can_judge(san_flavour_find(s->loaded->flavours[i])))
			flavours[count++] = s->loaded->flavours[i];
	return count;
}

/* What is there already is only looked up. *tree: that of the commit. */
static int make_builds(struct local *l, const struct repro_wish *w,
	const char *const *flavours, size_t count, char **tree, struct iw_err *err)
{
	_auto_(iw_json_freep) json_t *answer = NULL;
	struct build_wish wish = {
		.adapter = l->subject.arg,
		.commit = w->commit ? w->commit : l->subject.build.tree,
		.flavours = flavours,
		.flavour_count = count,
		.state = w->common.state,
		.no_sandbox = w->common.no_sandbox,
	};
	const char *error, *text;
	int rc = build_make(&wish, &answer, &l->is_unreachable, err);

	if (rc < 0)
		return rc;
	error = json_string_value(json_object_get(answer, "error"));
	if (error)
		return iw_err_set(err, IW_EINVAL, "%s", error);
	text = json_string_value(json_object_get(answer, "tree"));
	*tree = iw_strdup(text ? text : "");
	return 0;
}

static int choose_builds(struct local *l, const struct repro_wish *w,
	const char *const *flavours, size_t count, const char *tree, struct iw_err *err)
{
	size_t i;
	int rc = 0;

	for (i = 0; rc == 0 && i < count; i++) {
		struct subject *other = &l->others[l->job.build_count];
		bool found;

		memcpy(other->adapter, l->subject.adapter, sizeof other->adapter);
		memcpy(other->name, l->subject.name, sizeof other->name);
		rc = subject_choose(other, l->state.dbc, flavours[i], tree, &found, err);
		if (rc < 0 || !found)
			continue;
		other->arg = iw_strdup(l->subject.arg);
		rc = subject_hold_build(other, &l->state, err);
		l->job.builds[l->job.build_count++] = other->build;
	}
	if (rc == 0 && l->job.build_count == 0)
		return iw_err_set(err, IW_ENOENT,
			"%s does not build in flavour %s; 'ironworks build %s --commit "
			"%s --state %s' shows why",
			w->commit ? w->commit : "its snapshot", flavours[0],
			l->subject.arg, w->commit ? w->commit : tree, l->state.dir);
	return rc;
}

static int find_builds(struct local *l, const struct repro_wish *w, struct iw_err *err)
{
	const char *flavours[REPRO_BUILDS_MAX];
	_auto_free_ char *tree = NULL;
	size_t count;
	int rc;

	if (!w->commit && !w->all) {
		rc = subject_hold_build(&l->subject, &l->state, err);
		l->job.builds[l->job.build_count++] = l->subject.build;
		return rc;
	}
	count = wanted(w, &l->subject, flavours);
	rc = make_builds(l, w, flavours, count, &tree, err);
	return rc < 0 ? rc : choose_builds(l, w, flavours, count, tree, err);
}

static int open_local(struct local *l, const struct repro_wish *w, struct iw_err *err)
{
	int rc =
		subject_find(&l->subject, l->state.dbc, &l->state, w->bug, w->crash, err);

	l->job.subject = &l->subject;
	if (rc == 0)
		rc = find_builds(l, w, err);
	if (rc == 0)
		rc = subject_read_input(&l->subject, &l->state, err);
	l->input_path = triage_artifact_path(l->state.artifacts, &l->subject.input);
	l->job.input_path = l->input_path;
	return rc;
}

/* -- which bug is a failure? -------------------------------------------------------- */

struct knowing {
	const struct repro_wish *wish;
	const char *adapter;
	const struct triage_signature *sig;
	double most;
	int64_t id;
};

static int compare_bug(void *ctx, const struct bug_row *row)
{
	struct triage_signature sig = {0};
	struct knowing *k = ctx;
	double alike;

	if (strcmp(row->adapter, k->adapter) != 0 ||
		triage_signature_parse(&sig, row->type, row->frames, NULL) < 0)
		return 0;
	alike = triage_signature_same(&sig, k->sig)
		? triage_signature_similarity(&sig, k->sig)
		: 0;
	if (alike > k->most) {
		k->most = alike;
		k->id = row->merged_into >= 0 ? row->merged_into : row->id;
	}
	triage_signature_fini(&sig);
	return 0;
}

/* The state was closed before the runs: they may take long. */
static int64_t find_known(void *ctx, const struct triage_signature *sig)
{
	struct knowing *k = ctx;
	struct iw_err err = IW_ERR_INIT;
	struct iw_state state;

	k->sig = sig;
	k->most = 0;
	k->id = 0;
	if (iw_state_open(&state, k->wish->common.state, IW_STATE_READ, &err) < 0)
		return 0;
	if (bug_db_list(state.dbc, 0, compare_bug, k, &err) < 0 ||
		(k->id && bug_db_survivor(state.dbc, k->id, &k->id, &err) < 0))
		k->id = 0;
	iw_state_close(&state);
	return k->id;
}

static int run(const struct repro_wish *w, const struct repro_job *job, bool *is_hit,
	struct iw_err *err)
{
	return w->gdb || w->rr ? repro_debug(w, job, err)
			       : repro_run(w, job, is_hit, err);
}

static int from_state(const struct repro_wish *w)
{
	struct iw_err err = IW_ERR_INIT;
	struct local l = {.is_unreachable = false};
	struct knowing knowing = {.wish = w, .adapter = l.subject.adapter};
	bool is_hit = false;
	size_t i;
	int rc;

	if (iw_state_open(&l.state, w->common.state, IW_STATE_READ, &err) < 0)
		return cli_fail(&err);
	rc = open_local(&l, w, &err);
	iw_state_close(&l.state);
	l.job.known = find_known;
	l.job.known_ctx = &knowing;
	if (rc == 0)
		rc = run(w, &l.job, &is_hit, &err);
	for (i = 0; i < REPRO_BUILDS_MAX; i++)
		subject_fini(&l.others[i]);
	subject_fini(&l.subject);
	free(l.input_path);
	if (rc < 0)
		return l.is_unreachable ? (cli_fail(&err), CLI_DAEMON) : cli_fail(&err);
	return is_hit ? CLI_DONE : CLI_NO;
}

/* -- from another host -------------------------------------------------------------- */

static int from_host(const struct repro_wish *w)
{
	struct iw_err err = IW_ERR_INIT;
	struct repro_host host;
	bool is_unreachable = false, is_hit = false;
	int rc = repro_host_fetch(&host, w, &is_unreachable, &err);

	if (rc == 0)
		rc = run(w, &host.job, &is_hit, &err);
	repro_host_fini(&host);
	if (rc < 0)
		return is_unreachable ? (cli_fail(&err), CLI_DAEMON) : cli_fail(&err);
	return is_hit ? CLI_DONE : CLI_NO;
}

/* -- words -------------------------------------------------------------------------- */

static const char *take_runs(void *ctx, const char *word)
{
	struct repro_wish *w = ctx;

	return cli_number(word, 1, 10000, &w->runs)
		? NULL
		: "--runs wants a number from 1 to 10000";
}

/* What does not go together; NULL: all of it does. */
static const char *check(const struct repro_wish *w)
{
	if (w->host && !w->bug)
		return "--host is for bugs";
	if (w->host && w->commit)
		return "--commit builds from an adapter here, so it is not for --host";
	if (w->host && strncmp(w->host, "http://", 7) != 0 &&
		strncmp(w->host, "https://", 8) != 0)
		return "--host wants a URL like https://farm.example.org";
	if (w->token_file && !w->host)
		return "--token-file is for --host";
	if (w->gdb && w->rr)
		return "one of --gdb and --rr";
	if ((w->gdb || w->rr) && w->all)
		return "a debugger runs one program: leave --all-sanitizers out";
	return NULL;
}

static int parse(int argc, char **argv, struct repro_wish *w)
{
	const struct cli_option more[] = {
		{"runs", .take = take_runs, .ctx = w},
		{"host", .word = &w->host},
		{"token-file", .word = &w->token_file},
		{"commit", .word = &w->commit},
		{"all-sanitizers", .flag = &w->all},
		{"gdb", .flag = &w->gdb},
		{"rr", .flag = &w->rr},
		{0},
	};
	const char *wrong;
	int first, rc;

	w->runs = RUNS_DEFAULT;
	rc = cli_options(argc, argv, help, more, &w->common, &first);
	if (rc >= 0)
		return rc;
	if (argc - first != 1)
		return cli_usage("repro", "which bug or crash?");
	w->what = argv[first];
	if (strncmp(w->what, "crash:", 6) == 0
			? !cli_number(w->what + 6, 1, INT64_MAX, &w->crash)
			: !cli_number(w->what, 1, INT64_MAX, &w->bug))
		return cli_usage("repro", "say a bug's number, or crash:NUMBER");
	wrong = check(w);
	return wrong ? cli_usage("repro", wrong) : -1;
}

int cli_repro(int argc, char **argv)
{
	struct repro_wish w = {.what = NULL};
	int rc;

	if (cli_repro_is_file(argc, argv))
		return cli_repro_file(argc, argv);
	rc = parse(argc, argv, &w);
	if (rc >= 0)
		return rc;
	return w.host ? from_host(&w) : from_state(&w);
}
