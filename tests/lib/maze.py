"""A fuzz target of some depth, generated: rooms with doors that open to some bytes. Beside
it a bug can be planted in every third input; the code is the same with it and without, so
the features of two such builds compare."""

from __future__ import annotations

import random

HEAD = """
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define PLANTED %(planted)d
static volatile unsigned sink;
static volatile int planted = PLANTED;

__attribute__((noinline)) static void shallow(const uint8_t *data, size_t len)
{
	%(bug)s
	sink += data[len / 2];
}

typedef struct { const uint8_t *at, *end; unsigned steps; } walk;
"""

TAIL = """
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	walk w = {data + 1, data + len, 0};

	if (len == 0)
		return 0;
	if (planted && data[0] %% 3 == 0)
		shallow(data, len);
	room_0(&w);
	return 0;
}
"""

#: What may be planted, by name.
BUGS = {
    "null": "*(volatile int *)0 = data[0];",
    "abort": "abort();",
    "trap": "__builtin_trap();",
    "recursion": "volatile char room[512]; room[0] = 1; shallow(data, len); sink += room[0];",
    "overflow": "char *p = malloc(8); p[8 + data[0] % 3] = 1; sink += p[1]; free(p);",
    "hang": "while (planted) sink++;",
}


def room(rng, number, rooms):
    """One function: what it does with the next bytes."""
    deeper = [rng.randrange(number + 1, min(number + 12, rooms)) for _ in range(6)] \
        if number + 1 < rooms else []
    doors = []
    for i, to in enumerate(deeper):
        kind = rng.randrange(4)
        if kind == 0:
            test = f"w->at[0] == {rng.randrange(256)}"
        elif kind == 1:
            test = f"(w->at[0] ^ w->at[1]) == {rng.randrange(256)} && w->at[0] > {rng.randrange(200)}"
        elif kind == 2:
            test = f"w->at[0] % {rng.randrange(5, 23)} == {rng.randrange(5)} && w->at[1] < {rng.randrange(20, 255)}"
        else:
            test = f"w->at[1] + w->at[0] * 3u == {rng.randrange(100, 700)}"
        doors.append(f"\tif ({test}) {{ sink += {i}; w->at += 2; room_{to}(w); return; }}")
    return (f"static void room_{number}(walk *w)\n{{\n"
            f"\tif (w->end - w->at < 2 || w->steps++ > 200) return;\n"
            + "\n".join(doors) + "\n\tsink++;\n}\n")


def source(bug=None, rooms=400, seed=1):
    """The C source; bug: one of BUGS, None: none is planted, though the code is there."""
    rng = random.Random(seed)
    body = [room(rng, n, rooms) for n in range(rooms)]
    declared = "".join(f"static void room_{n}(walk *w);\n" for n in range(rooms))
    return (HEAD % {"planted": bug is not None, "bug": BUGS[bug or "null"]}
            + declared + "\n".join(body) + TAIL.replace("%%", "%"))
