/*
 * A file died of a signal and nobody said where: gdb is asked (triage/debugger.h), because
 * otherwise whatever dies of that signal would look like one bug. A run under gdb costs
 * some five of the others, so no more than PILE_ASKED_MAX files are asked about; those
 * behind them are taken for what they look like.
 *
 * Thread: the loop.
 */
#ifndef IW_CLI_PILE_ASK_H
#define IW_CLI_PILE_ASK_H

#include "cli/pile.h"

#define PILE_ASKED_MAX 256

/* false: there is nothing to ask, or nobody. Otherwise the death is the pile's again later,
 * by pile_take_death(). result is borrowed only now. */
bool pile_ask(struct pile *pile, size_t file, const struct engine_unit_result *result);
void pile_ask_stop(struct pile *pile);

/* What somebody printed, and behind it what gdb saw; the caller frees. more may be NULL. */
char *pile_join_report(const char *text, size_t len, const char *more, size_t *whole);

#endif
