/* `ironworks doctor`: tries what the farm needs, says what is missing and how to mend it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "answers.h"
#include "base/capture.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/sandbox.h"
#include "cli/cli.h"
#include "cli/summary.h"
#include "cli/table.h"
#include "programs.h"
#include "sanitizers/toolchain.h"
#include "triage/debugger.h"

#include "base/banned.h"

#define DISK_WANTED_MB 4096
#define ASLR_BITS_MAX 28 /* clang 14's runtimes lose their shadow above it */

static const char help[] =
	"Examples:\n"
	"  ironworks doctor\n"
	"  ironworks doctor --json\n"
	"\n"
	"usage: ironworks doctor [--state DIR] [--json] [--no-sandbox]\n"
	"\n"
	"Tries out what a farm needs on this machine and says how to mend what is "
	"missing.\n"
	"\n"
	"exit status: 0 everything works, 1 something is missing, 2 usage\n";

enum verdict { FINE, WARN, BAD };

struct doctor {
	struct cli_table *table;
	json_t *checks;
	enum verdict worst;
};

static void note(
	struct doctor *d, enum verdict verdict, const char *what, const char *found)
{
	static const char *const words[] = {"ok", "warning", "missing"};

	cli_table_cell(d->table, "%s", words[verdict]);
	cli_table_cell(d->table, "%s", what);
	cli_table_cell(d->table, "%s", found);
	json_array_append_new(d->checks,
		json_pack("{ss ss ss}", "check", what, "verdict", words[verdict], "found",
			found));
	if (verdict > d->worst)
		d->worst = verdict;
}

static void check_programs(struct doctor *d)
{
	struct iw_err err = IW_ERR_INIT;
	_auto_free_ char *keeper = NULL, *driver = NULL;

	if (iw_programs_find(&keeper, &driver, &err) < 0)
		note(d, BAD, "own programs", err.msg);
	else
		note(d, FINE, "own programs", keeper);
}

static void check_compiler(struct doctor *d)
{
	struct iw_err err = IW_ERR_INIT;
	struct san_toolchain tools = {0};

	if (san_toolchain_find(&tools, &err) < 0) {
		note(d, BAD, "compiler", err.msg);
		if (san_toolchain_find_any(&tools, &err) == 0)
			note(d, WARN, "gcc", "can build the flavour plain and no other");
		san_toolchain_fini(&tools);
		return;
	}
	note(d, FINE, "compiler", tools.version);
	if (tools.symbolizer)
		note(d, FINE, "symbolizer", tools.symbolizer);
	else
		note(d, WARN, "symbolizer",
			"none: reports have no function names; install llvm");
	if (tools.cov && tools.profdata)
		note(d, FINE, "coverage", tools.cov);
	else
		note(d, WARN, "coverage",
			"no llvm-cov and llvm-profdata of the compiler's version: nobody "
			"looks at which lines are reached; install llvm");
	if (tools.afl_cc)
		note(d, FINE, "AFL++", tools.afl_cc);
	else
		note(d, WARN, "AFL++",
			"missing or cannot build: targets are fuzzed with libFuzzer "
			"alone; install afl++");
	san_toolchain_fini(&tools);
}

static void check_sandbox(struct doctor *d, bool is_wanted)
{
	struct iw_err err = IW_ERR_INIT;
	struct iw_sandbox sandbox;

	if (!is_wanted)
		note(d, WARN, "sandbox", "off: targets may do what this user may");
	else if (iw_sandbox_probe(&sandbox, &err) < 0)
		note(d, BAD, "sandbox", err.msg);
	else
		note(d, FINE, "sandbox", iw_sandbox_name(&sandbox));
}

static void check_debugger(struct doctor *d)
{
	const char *gdb = triage_debugger_find();

	note(d, gdb ? FINE : WARN, "debugger",
		gdb ? gdb
		    : "no gdb: of a static program without a sanitizer nobody knows "
		      "where "
		      "it crashed, and --gdb does not work; install gdb");
}

static void check_git(struct doctor *d)
{
	const char *const argv[] = {"git", "--version", NULL};
	struct iw_buf out = {0};

	if (iw_capture(argv, 5000, &out, NULL) != 0) {
		note(d, BAD, "git", "not found: install the package git");
	} else {
		out.data[strcspn(out.data, "\n")] = '\0';
		note(d, FINE, "git", out.data);
	}
	iw_buf_fini(&out);
}

static void check_ccache(struct doctor *d)
{
	if (access("/usr/bin/ccache", X_OK) == 0)
		note(d, FINE, "compiler cache", "/usr/bin/ccache");
	else
		note(d, WARN, "compiler cache",
			"none: attribution builds take longer; install ccache");
}

static void check_user(struct doctor *d)
{
	if (geteuid() != 0)
		note(d, FINE, "user", "not root");
	else
		note(d, WARN, "user",
			"root: a farm should run as a user of its own; ./quickstart "
			"makes "
			"one");
}

static void check_kernel(struct doctor *d)
{
	_auto_free_ char *text = NULL;
	char found[160];
	size_t len;
	int64_t bits;

	if (iw_file_read("/proc/sys/vm/mmap_rnd_bits", 64, &text, &len, NULL) < 0)
		return;
	bits = strtoll(text, NULL, 10);
	snprintf(found, sizeof found, "%lld bits of address randomisation%s",
		(long long)bits,
		bits > ASLR_BITS_MAX ? ": turned off for sanitizers that need it" : "");
	note(d, FINE, "kernel", found);
}

static void check_builds(struct doctor *d, const struct iw_state *state)
{
	struct answer_scope scope = {.dbc = state->dbc, .state = state};
	struct iw_err err = IW_ERR_INIT;
	json_t *disk = answer_disk(&scope, &err);
	_auto_free_ char *words = disk ? cli_disk_words(disk) : NULL;
	int64_t budget = json_integer_value(json_object_get(disk, "budget"));
	int64_t bytes = json_integer_value(json_object_get(disk, "bytes"));

	if (!disk)
		note(d, BAD, "builds", err.msg);
	else
		note(d, budget && bytes > budget ? WARN : FINE, "builds", words);
	json_decref(disk);
}

static void check_disk(struct doctor *d, const char *wanted)
{
	struct iw_err err = IW_ERR_INIT;
	struct iw_state state;
	char found[300];
	const char *place = "/var/lib";
	int64_t mb;

	if (iw_state_open(&state, wanted, IW_STATE_READ, &err) == 0) {
		note(d, FINE, "state", state.dir);
		check_builds(d, &state);
		mb = iw_disk_free(state.dir) >> 20;
		iw_state_close(&state);
	} else if (err.code != IW_ENOENT) {
		note(d, BAD, "state", err.msg);
		return;
	} else {
		note(d, FINE, "state", "none yet: 'ironworks run' makes it");
		mb = iw_disk_free(wanted && iw_file_exists(wanted) ? wanted : place) >>
			20;
	}
	snprintf(found, sizeof found, "%lld MiB free%s", (long long)mb,
		mb < DISK_WANTED_MB ? ": builds and corpora want more" : "");
	note(d, mb < DISK_WANTED_MB ? WARN : FINE, "disk", found);
}

int cli_doctor(int argc, char **argv)
{
	struct doctor d = {.worst = FINE};
	struct cli_common common;
	int first, rc = cli_options(argc, argv, help, NULL, &common, &first);

	if (rc >= 0)
		return rc;
	if (first != argc)
		return cli_usage("doctor", "takes no arguments");
	d.table = cli_table_new("|check|found");
	d.checks = json_array();
	check_programs(&d);
	check_compiler(&d);
	check_sandbox(&d, !common.no_sandbox);
	check_debugger(&d);
	check_git(&d);
	check_ccache(&d);
	check_user(&d);
	check_kernel(&d);
	check_disk(&d, common.state);
	if (common.json)
		cli_print_json(json_pack(
			"{sO sb}", "checks", d.checks, "works", (int)(d.worst != BAD)));
	else
		cli_table_print(d.table, stdout, 0);
	json_decref(d.checks);
	cli_table_free(d.table);
	return d.worst == BAD ? CLI_NO : CLI_DONE;
}
