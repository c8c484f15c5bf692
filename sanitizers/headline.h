/*
 * Headlines: a failure in one line that is the same in each run, for lists, titles of
 * issues and logs. "Heap-buffer-overflow READ 4 in fill_places"; Go's failures are quoted
 * as Go says them, "panic: bad address ADDR", "DATA RACE in kernel.(*Task).run".
 *
 * In quotations what differs from run to run is named by its kind: ADDR, NUM, IP. The line
 * is foreign text. Thread: any.
 */
#ifndef SANITIZERS_HEADLINE_H
#define SANITIZERS_HEADLINE_H

#include "base/mem.h"
#include "sanitizers/report.h"

#define SAN_HEADLINE_MAX 120

const char *san_report_headline(struct iw_arena *arena, const struct san_report *report);

#endif
