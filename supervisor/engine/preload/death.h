/* A generation seen from outside: watching it, and keeping what it said as it died. */
#ifndef IW_PRELOAD_DEATH_H
#define IW_PRELOAD_DEATH_H

#include <stdint.h>

/* Waits for the child, enforcing the limits. Returns its raw wait status. */
int death_await(int pid);

/* Copies the output of the dying unit to this file of the control directory. */
void death_keep_output(const char *name);

#endif
