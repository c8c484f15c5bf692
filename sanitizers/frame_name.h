/*
 * The bare name of a frame's function: without what differs between builds, compilers and
 * what a template was made for. Thread: any.
 */
#ifndef SANITIZERS_FRAME_NAME_H
#define SANITIZERS_FRAME_NAME_H

#include <stdbool.h>

#include "sanitizers/report.h"

#define SAN_NAME_SIZE 2064

/* Of a frame that has a function. Longer names are cut; the reader of reports makes none. For
 * ClusterFuzz templates are part of a name, up to the first parenthesis in them. */
void san_frame_bare_name(
	const struct san_frame *frame, bool as_clusterfuzz, char name[SAN_NAME_SIZE]);

#endif
