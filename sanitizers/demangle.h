/*
 * Names as compilers mangle them, for texts of tools that print them raw: C++ (_Z…), Rust in
 * its old form (_ZN…17h…E) and its new one (_R…), and Go's escapes (%2e).
 *
 * The names are hostile: a kilobyte can stand for an endless one. A name is read up to
 * SAN_MANGLED_MAX bytes and written up to a limit; what passes it is left as it is.
 * Thread: any.
 */
#ifndef SANITIZERS_DEMANGLE_H
#define SANITIZERS_DEMANGLE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/mem.h"

#define SAN_MANGLED_MAX 1024

/* Whether the len bytes at name begin like a mangled name. Cheap. */
bool san_name_is_mangled(const char *name, size_t len);

/* What people call it, at most max bytes and without control characters; NULL when it is
 * no mangled name, or one whose meaning is longer. */
char *san_name_demangle(struct iw_arena *arena, const char *name, size_t len, size_t max);

/* Replaces "%2e" and its kin in a Go symbol in place. */
void san_name_unescape_go(char *name);

#endif
