/*
 * What triage works with, wired by the supervisor or by the command line. Everything is
 * borrowed and outlives triage. Thread: the loop.
 */
#ifndef TRIAGE_WORLD_H
#define TRIAGE_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "adapters/project.h"
#include "adapters/target.h"
#include "base/db.h"
#include "base/job.h"
#include "corpus/pack.h"
#include "sanitizers/symbolizer.h"

struct triage_world {
	struct iw_loop *loop;
	struct iw_jobs *jobs;
	struct iw_db *db;
	struct corpus_packs *packs;
	const char *artifacts_dir, *outbox_dir, *state_dir;
	const char *db_path; /* for connections of pool threads */
	const char *driver;  /* path of ironworks-driver.so */
	/* Names reports after the run. NULL: they have none. */
	struct san_symbolizer *symbolizer;
	/* For runtimes that need names while they run, and for commands that people run
	 * by hand. NULL: there is none. */
	const char *symbolizer_path;
	/* Before one change is blamed, the base is fuzzed so long from the bug's input. 0: it
	 * is not. */
	int64_t fuzz_base_s;
};

/* A target of a snapshot, as farm and triage share it. */
struct triage_target {
	int64_t id;	      /* row */
	int64_t reference_id; /* row of the build its units are measured on */
	const struct adapter_target *spec;
	struct project *project;
};

#endif
