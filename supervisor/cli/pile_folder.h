/*
 * The folder of results of `ironworks triage`: one for each bug, and what is known so far.
 *
 *	ironworks-triage/
 *	  README.md      the bugs, for people
 *	  index.json     everything that is known; by it the folder is ours
 *	  bug-1-heap-buffer-overflow-in-fill-places/
 *	    README.md    what it is, and the commands that show it
 *	    report.txt   what a run of the input printed
 *	    input        the smallest one that was found
 *	    original     the file it came from
 *
 * Whatever ends the process, what lies there is whole: a bug's folder is made beside and
 * renamed, and index.json is replaced after it. Blocks. Thread: the loop.
 */
#ifndef IW_CLI_PILE_FOLDER_H
#define IW_CLI_PILE_FOLDER_H

#include "cli/pile.h"

/* Takes up what an earlier run left in the folder: its bugs, and what became of files with
 * the same content. A new one is made. IW_EEXIST: what lies there is not ours, or of
 * another build or other words; where all is to begin anew only what is not ours counts. */
int pile_folder_open(struct pile *pile, struct iw_err *err);

/* A name for the bug's folder; the caller frees. */
char *pile_folder_name(const struct pile_bug *bug);
/* The bug's folder and the index; what fails is the pile's error. */
void pile_folder_write_bug(struct pile *pile, struct pile_bug *bug);
/* At the end: pages of bugs name all their files. */
int pile_folder_close(const struct pile *pile, struct iw_err *err);

#endif
