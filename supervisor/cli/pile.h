/*
 * A pile of files and a program: which of them fail, which of those are one bug, how often
 * it reproduces, and how small its input can be. The work of `ironworks triage`.
 *
 *	files --sift--> deaths --names--> one bug each, or another sighting of one
 *	bug --fresh runs--> confirmed --minimize, fresh runs--> its folder is written
 *
 * All of it at the same time, on as many slots as there are. What is known lies in the
 * folder of results after each step (pile_folder.h), so that the next one goes on there.
 *
 * Thread: the loop. Foreign: names and messages of bugs, reports, paths of files.
 */
#ifndef IW_CLI_PILE_H
#define IW_CLI_PILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "cli/files.h"
#include "cli/interrupt.h"
#include "cli/plain.h"
#include "cli/sift.h"
#include "triage/cluster.h"
#include "triage/minimize.h"
#include "triage/reproduce.h"
#include "triage/signature.h"

enum pile_fate {
	PILE_UNKNOWN, /* it has not run, or is being looked at */
	PILE_PASSED,
	PILE_FAILED,   /* its bug is known */
	PILE_VANISHED, /* it failed among others and does not alone */
};

struct pile_bug;
struct pile_question;

/* A crash is alike to both: they are one. */
struct pile_joint {
	struct pile_bug *a, *b;
};

struct pile_entry {
	struct iw_sha256 sha;
	size_t twin; /* the first file with the same content; its own index when it is */
	enum pile_fate fate;
	bool is_old;	      /* an earlier run has seen it */
	struct pile_bug *bug; /* of one that failed, or is being looked at */
};

enum pile_bug_state {
	PILE_BUG_WAITING, /* for its turn */
	PILE_BUG_RUNNING, /* in fresh processes */
	PILE_BUG_MINIMIZING,
	PILE_BUG_CHECKING, /* what minimizing found */
	PILE_BUG_DONE,
	PILE_BUG_MERGED, /* it was another one: into */
	PILE_BUG_GONE,	 /* it does not reproduce */
};

struct pile_bug {
	struct pile *pile;
	enum pile_bug_state state;
	int number;   /* 0 until it is confirmed */
	char *folder; /* its name; likewise */
	struct pile_bug *into;
	bool is_part;			   /* it had a number of its own */
	struct triage_signature seen;	   /* among other files; without type: unknown */
	struct triage_signature signature; /* in a fresh process; likewise */
	/* What its runs themselves say, where only gdb could say more; likewise. */
	struct triage_signature mute;
	size_t *files, count, cap; /* in the order they were seen */
	size_t tried;		   /* of them, to confirm it */
	unsigned missed;	   /* runs of those that did not fail */
	int64_t ms;		   /* slot time of all runs that confirm it */
	char *source;		   /* path of its input's file */
	char *original;		   /* content of that */
	size_t original_len;
	char *input; /* the best so far */
	size_t len;
	unsigned hits, runs; /* of the best */
	char *report;
	size_t report_len;
	const char *severity; /* a word of triage/severity.h; NULL: nobody knows */
	bool is_security;
	bool is_minimized; /* as far as that can be done */
	bool is_known;	   /* from an earlier run */
	bool is_written;   /* its folder is there */
	/* below: of the work */
	struct triage_reproduce *reproduce;
	struct triage_debugger *debugger; /* looks where the last of those runs died */
	struct triage_minimize *minimize;
	char *smaller; /* what is being checked */
	size_t smaller_len;
};

struct pile_spec {
	struct cli_plain *plain;
	struct cli_files *files;
	const char *out;   /* folder of results */
	const char *words; /* --args, or NULL */
	bool is_again;	   /* forget what is in it */
	int64_t budget_ms; /* of minimizing one bug; 0: not at all */
	/* Now and then, for people who wait; or NULL. */
	void (*progress)(const struct pile *pile);
};

struct pile {
	struct pile_spec spec;
	struct pile_entry *entries; /* one for each file */
	struct pile_bug **bugs;	    /* in the order they were found */
	size_t bug_count, bug_cap;
	int numbers;  /* that were given */
	size_t known; /* files that an earlier run has seen */
	bool is_stopped;
	int64_t start_ms; /* monotonic */
	/* below: private */
	struct triage_clusters *clusters; /* by what each bug was seen as */
	struct pile_joint *joints;
	size_t joint_count, joint_cap;
	struct cli_sift *sift;
	unsigned rounds;		 /* in which files that passed were run again */
	size_t sifted, twins, naming;	 /* texts that get names */
	struct pile_question *questions; /* deaths that gdb looks at */
	size_t asked;			 /* of those, ever */
	struct pile_group **groups;
	size_t group_count, group_cap;
	size_t busy; /* bugs at work */
	bool is_over, is_going;
	struct cli_interrupt *interrupt;
	struct iw_timer *look;
	struct iw_err err;
};

/* Runs everything; blocks on the plain program's loop. 0: all is done. IW_ECANCELED: a
 * signal stopped it, and what is known is written. The pile is filled in any case. */
int pile_run(struct pile *pile, const struct pile_spec *spec, struct iw_err *err);
void pile_fini(struct pile *pile);

/* What became of a file: its own fate, or its twin's. */
const struct pile_entry *pile_entry_of(const struct pile *pile, size_t file);
/* Its bug, whatever that was merged into; NULL: none. */
struct pile_bug *pile_entry_bug(const struct pile_entry *entry);
/* Whether it is one to be shown: confirmed, and not another one. */
bool pile_bug_is_shown(const struct pile_bug *bug);
/* How many files have been run, or were known. */
size_t pile_progress(const struct pile *pile);
/* How many files of each fate. */
size_t pile_count(const struct pile *pile, enum pile_fate fate);
/* How many files have failed and wait for their bug to be confirmed. */
size_t pile_unconfirmed(const struct pile *pile);
/* How many files have a bug. */
size_t pile_bug_files(const struct pile_bug *bug);

#endif
