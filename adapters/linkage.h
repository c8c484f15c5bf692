/*
 * What the programs of a build are linked with that MemorySanitizer cannot see into: shared
 * libraries that come with the system. What such a library writes counts as uninitialised,
 * so its reports are no evidence.
 *
 * The libraries that the runtime knows by heart (libc and its parts) are none of them, and
 * neither are those that lie in the build: the recipe made them. Nor is the C++ library in a
 * program whose sources, as its symbol table names them, are all C: libFuzzer alone uses it.
 * One that is linked statically is not seen.
 *
 * Files are foreign: whatever is no ELF, or a broken one, has no libraries. Blocks.
 */
#ifndef ADAPTERS_LINKAGE_H
#define ADAPTERS_LINKAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/build.h"

/* "libssl.so.3, libstdc++.so.6", in the order of names; empty: none. */
void linkage_uninstrumented(const char *build_dir, char *names, size_t size);

/* Its flavour is one whose reports it makes false. */
bool linkage_matters(const struct iw_build *build);

#define BUILD_NOTE_MAX 700
/* In a sentence why a build is not judged on, or is in spite of that, and what to do;
 * empty: there is nothing to say. */
void build_note(const struct iw_build *build, char note[static BUILD_NOTE_MAX]);

#endif
