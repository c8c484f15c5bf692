"""Small C and C++ programs with planted faults, in sets, from a seed: which crashes are one bug?

A *way* is an argument that makes the program fail, and belongs to one *bug*: the missing check
that `-DFIX_<bug>=1` compiles in, after which all ways of that bug end well and all others fail as
before. So the truth is no opinion: prove() in planted_runs.py runs it.

Names, depths, what is inlined and what is not come from the seed. Nothing here is a copy of a
known crash; each set asks one question of whoever clusters (its docstring).
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

PREAMBLE = """\
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#define KEEP __attribute__((noinline))
struct input {
	uint8_t *data;
	size_t len, at;
};
extern volatile size_t sink;
"""
#: What only one file of a program holds.
MAIN = """\
volatile size_t sink;
static struct input make(size_t len)
{
	struct input in = {(uint8_t *)malloc(len + !len), len, 0};
	memset(in.data, 1, len);
	return in;
}
/* What is left of pointers on the stack would hide a leak. */
static KEEP void wipe(void)
{
	volatile uint8_t room[8192];
	size_t i;

	for (i = 0; i < sizeof room; i++)
		room[i] = 0;
}
static KEEP size_t deeper(size_t (*run)(struct input *), struct input *in)
{
	volatile uint8_t room[1024];

	room[in->len] = 0;
	return run(in) + room[in->len];
}
"""
VERBS = ("read", "take", "load", "scan", "skip", "walk", "copy", "find", "pick", "fold", "push",
         "emit", "join", "sort", "pack", "step")
NOUNS = ("tag", "list", "item", "node", "page", "cell", "name", "path", "rule", "text", "zone",
         "mark", "coin", "peer", "leaf", "slot")


@dataclass
class Program:
    name: str
    files: dict[str, str]
    ways: dict[str, str]  # argument: bug
    tools: tuple[str, ...] = ("asan",)  # under which every way fails
    is_cxx: bool = False
    #: What stacks alone cannot tell apart or join: an argument, shown with the numbers.
    beyond: str = ""

    @property
    def bugs(self) -> list[str]:
        return sorted(set(self.ways.values()))

    def moved(self, lines: int = 20) -> Program:
        """The same one after somebody has put lines above everything."""
        above = "".join(f"/* line {i} of a comment that is new */\n" for i in range(lines))
        files = {name: above + text for name, text in self.files.items()}
        return Program(self.name, files, self.ways, self.tools, self.is_cxx, self.beyond)


@dataclass
class Writer:
    """Source text as it grows, and names that nobody has used."""

    rng: random.Random
    used: set[str] = field(default_factory=set)
    numbers: int = 0
    text: str = ""
    cases: list[str] = field(default_factory=list)
    ways: dict[str, str] = field(default_factory=dict)

    def name(self) -> str:
        while True:
            name = f"{self.rng.choice(VERBS)}_{self.rng.choice(NOUNS)}"
            if name not in self.used:
                self.used.add(name)
                return name

    def number(self) -> int:
        """So that no compiler makes one of two functions that do the same."""
        self.numbers += 1
        return 100 + self.numbers

    def keep(self) -> str:
        """Whether a compiler may inline it."""
        return self.rng.choice(("static KEEP ", "static "))

    def add(self, text: str) -> None:
        self.text += text + "\n"

    def chain(self, callee: str, depth: int, keep: bool = False) -> str:
        """So many callers of a function that takes an input; the outermost one's name."""
        for _ in range(depth):
            caller = self.name()
            how = "static KEEP " if keep else self.keep()
            self.add(f"{how}size_t {caller}(struct input *in)\n"
                     f"{{\n\tin->at += 0;\n\treturn {callee}(in) + 1;\n}}\n")
            callee = caller
        return callee

    def way(self, bug: str, length: int, call: str) -> None:
        """One more argument; call sees `in`, of so many bytes."""
        number = str(len(self.ways))
        self.ways[number] = bug
        self.cases.append(f"\tcase {number}: {{\n\t\tstruct input in = make({length});\n"
                          f"\t\tsink += {call};\n\t\twipe();\n\t\tfree(in.data);\n\t\tbreak;\n\t}}\n")

    def main(self) -> str:
        """Each way goes through the function that every fuzz target has."""
        return ("KEEP int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)\n{\n"
                "\tswitch (size ? atoi((const char *)data) : -1) {\n"
                + "".join(self.cases) + "\t}\n\treturn 0;\n}\n\n"
                "int main(int argc, char **argv)\n{\n"
                "\treturn LLVMFuzzerTestOneInput((const uint8_t *)argv[argc - 1], argc > 1);\n}\n")

    def fixes(self) -> str:
        return "".join(f"#ifndef FIX_{bug}\n#define FIX_{bug} 0\n#endif\n"
                       for bug in sorted(set(self.ways.values())))

    def source(self) -> str:
        return PREAMBLE + MAIN + self.fixes() + self.text + self.main()

    def program(self, name: str, **more) -> Program:
        file = "main.cc" if more.get("is_cxx") else "main.c"
        return Program(name, {file: self.source()}, self.ways, **more)


def leaf(w: Writer, bug: str, how: str = "read") -> str:
    """A function without its check, that reads or writes four bytes behind what is there."""
    name = w.name()
    n = w.number()
    use = {"read": f"return *(const uint32_t *)(in->data + in->at) ^ {n};",
           "write": f"*(uint32_t *)(in->data + in->at) = {n};\n\treturn 1;",
           "copy": "uint8_t to[32];\n\tmemcpy(to, in->data + in->at, in->len + 4);\n"
                   f"\treturn to[in->len % 32] ^ {n};"}[how]
    w.add(f"static KEEP size_t {name}(struct input *in)\n{{\n"
          f"\tif (FIX_{bug} && in->at + 4 > in->len)\n\t\treturn 0;\n\t{use}\n}}\n")
    return name


# -- the sets ------------------------------------------------------------------------------------


def callers(rng: random.Random) -> Program:
    """One fault through other callers and depths; two faults through the same ones."""
    w = Writer(rng)
    leaves = [(bug, leaf(w, bug, how)) for bug, how in (("a", "read"), ("b", "write"), ("c", "copy"))]
    for bug, name in leaves:
        for _ in range(4):
            w.way(bug, rng.randrange(4), f"{w.chain(name, rng.randrange(6))}(&in)")
    # Whoever leads to all three.
    which = w.name()
    w.add(f"static KEEP size_t {which}(struct input *in)\n{{\n\tsize_t n = in->len;\n"
          "\tswitch (n) {\n" + "".join(f"\tcase {i + 1}:\n\t\treturn {name}(in) + n;\n"
                                        for i, (_, name) in enumerate(leaves))
          + "\t}\n\treturn n;\n}\n")
    outer = w.chain(which, 2)
    for i, (bug, _) in enumerate(leaves):
        w.way(bug, i + 1, f"{outer}(&in)")
    return w.program("callers")


def lines(rng: random.Random) -> Program:
    """One missing check, and each of a function's lines may be the one that goes too far."""
    w = Writer(rng)
    for bug in "ab":
        name = w.name()
        # One byte more with each line, so that the input's length says where it fails.
        uses = ["n += in->data[0];", "in->data[1] = 7;", "n ^= (size_t)in->data[2] << 3;",
                "in->data[3] += 1;", "n += *(const uint16_t *)(in->data + 3);",
                "*(uint16_t *)(in->data + 4) = (uint16_t)n;",
                "memcpy(to, in->data, 7);", "memset(in->data, 3, 8);"]
        w.add(f"static KEEP size_t {name}(struct input *in)\n{{\n\tuint8_t to[8] = {{0}};\n"
              f"\tsize_t n = 0;\n\n\tif (FIX_{bug} && in->len < 8)\n\t\treturn 0;\n\t"
              + "\n\t".join(uses) + f"\n\treturn n + to[3] + {w.number()};\n}}\n")
        outer = w.chain(name, rng.randrange(1, 4))
        for length in range(1, 8):
            w.way(bug, length, f"{outer}(&in)")
    return w.program("lines")


def leaves(rng: random.Random) -> Program:
    """Two faults in two functions under the same eight callers; a third in their caller."""
    w = Writer(rng)
    names = [leaf(w, bug) for bug in "ab"]
    fork = w.name()
    w.add(f"static KEEP size_t {fork}(struct input *in)\n{{\n"
          "\tif (in->len == 3)\n"
          "\t\treturn FIX_c ? 0 : *(const uint32_t *)(in->data + 2);\n"
          f"\treturn (in->len == 2 ? {names[1]}(in) : {names[0]}(in)) + 1;\n}}\n")
    for depth in (7, 7, 2):
        outer = w.chain(fork, depth)
        for length, bug in ((1, "a"), (0, "a"), (2, "b"), (3, "c")):
            w.way(bug, length, f"{outer}(&in)")
    return w.program("leaves")


def one_fix(rng: random.Random) -> Program:
    """One missing length check that shows as a read or a write, in a copy or a loop; another in a
    helper that some compilers inline and some do not."""
    w = Writer(rng)
    copy, get, parse, put = w.name(), w.name(), w.name(), w.name()
    w.add(f"static KEEP size_t {copy}(uint8_t *to, const uint8_t *from, size_t n)\n{{\n"
          "\tsize_t i;\n\n\tif (n >= 16) {\n\t\tmemcpy(to, from, n);\n\t\treturn n;\n\t}\n"
          "\tfor (i = 0; i < n; i++)\n\t\tto[i] = from[i];\n\treturn n;\n}\n")
    # The length that the input says is neither compared with the input nor with the room.
    w.add(f"static KEEP size_t {parse}(struct input *in)\n{{\n"
          "\tsize_t room = in->data[0], n = in->data[1];\n"
          "\tuint8_t *to = (uint8_t *)malloc(room);\n\tsize_t sum = 0;\n\n"
          "\tif (FIX_a && (n > room || n + 2 > in->len)) {\n\t\tfree(to);\n\t\treturn 0;\n\t}\n"
          f"\tsum = {copy}(to, in->data + 2, n);\n\tsum += to[0];\n\tfree(to);\n\treturn sum;\n}}\n")
    fill = w.name()
    w.add(f"static size_t {fill}(struct input *in, uint8_t room, uint8_t n)\n{{\n"
          f"\tin->data[0] = room;\n\tin->data[1] = n;\n\treturn {parse}(in) + 1;\n}}\n")
    for room, n, length in ((40, 12, 8), (40, 30, 8), (4, 12, 40), (10, 30, 40), (4, 9, 40)):
        w.way("a", length, f"{fill}(&in, {room}, {n})")
    # A helper that compilers inline, where they do that.
    w.add(f"static inline uint32_t {get}(const uint8_t *p)\n{{\n"
          "\treturn *(const uint32_t *)p;\n}\n")
    w.add(f"static KEEP size_t {put}(struct input *in)\n{{\n\tuint32_t n;\n\n"
          "\tif (FIX_b && in->len < 12)\n\t\treturn 0;\n"
          f"\tn = {get}(in->data);\n\tn += {get}(in->data + 4);\n\tn ^= {get}(in->data + 8);\n"
          "\treturn n;\n}\n")
    outer = w.chain(put, 5)
    for length in (2, 6, 9, 11):
        w.way("b", length, f"{outer}(&in)")
    return w.program("one fix")


def cycles(rng: random.Random) -> Program:
    """Nobody limits how deep values nest, whichever of the cycles between them is taken; a second
    pair of functions has the same fault of its own; and a fault at the end of some nesting."""
    w = Writer(rng)
    value, entry, other, last = w.name(), w.name(), w.name(), w.name()
    between = [[w.name() for _ in range(n)] for n in (0, 1, 2, 3)]
    names = [value, other, *(name for row in between for name in row)]
    for name in names:
        w.add(f"static size_t {name}(struct input *in, size_t depth);")
    # What is on the stack is used after the call, so that no compiler makes a loop of it.
    body = ("\tvolatile uint8_t room[200];\n\n\troom[depth % 200] = 1;\n"
            "\treturn {call} + room[in->at % 200];\n")
    for row in between:
        for i, name in enumerate(row):
            call = f"{row[i + 1] if i + 1 < len(row) else value}(in, depth + 1)"
            w.add(f"static KEEP size_t {name}(struct input *in, size_t depth)\n{{\n"
                  + body.format(call=call) + "}\n")
    first = [row[0] if row else value for row in between]
    w.add(f"static KEEP size_t {value}(struct input *in, size_t depth)\n{{\n"
          "\tvolatile uint8_t room[200];\n\tsize_t n = 0;\n\n"
          "\tif (FIX_a && depth > 100)\n\t\treturn 0;\n"
          "\troom[depth % 200] = 1;\n\tswitch (in->len) {\n"
          + "".join(f"\tcase {i + 1}:\n\t\tn = {name}(in, depth + 1);\n\t\tbreak;\n"
                    for i, name in enumerate(first))
          + "\t}\n\treturn n + room[in->at % 200];\n}\n")
    for length in (1, 2, 3, 4):
        w.way("a", length, f"{value}(&in, 0)")
    w.way("a", 3, f"{between[2][0]}(&in, 0)")
    w.add(f"static KEEP size_t {entry}(struct input *in, size_t depth)\n{{\n"
          + body.format(call=f"{other}(in, depth + 1)") + "}\n")
    w.add(f"static KEEP size_t {other}(struct input *in, size_t depth)\n{{\n"
          "\tif (FIX_b && depth > 100)\n\t\treturn 0;\n"
          + body.format(call=f"{entry}(in, depth + 1)") + "}\n")
    for first_one in (other, entry):
        w.way("b", 1, f"{first_one}(&in, 0)")
    # As deep as the input is long, then it reads too far.
    w.add(f"static KEEP size_t {last}(struct input *in, size_t depth)\n{{\n"
          "\tif (depth > 0)\n"
          f"\t\treturn {last}(in, depth - 1) + in->at;\n"
          "\treturn FIX_c ? 0 : in->data[in->len];\n}\n")
    for depth in (0, 1, 3, 9):
        w.way("c", 4, f"{last}(&in, {depth})")
    return w.program("cycles")


def templates(rng: random.Random) -> Program:
    """A template's fault, whatever it was made for; lambdas, operators, anonymous namespaces."""
    w = Writer(rng)
    reader, get, total, ring, each, where, wide = (w.name() for _ in range(7))
    w.add(f"namespace {where} {{")
    w.add(f"template <typename T> struct {reader} {{\n\tconst struct input *in;\n"
          f"\tKEEP T {get}(size_t at) const\n\t{{\n"
          "\t\tif (FIX_a && at + sizeof(T) > in->len)\n\t\t\treturn T();\n"
          "\t\treturn *(const T *)(in->data + at);\n\t}\n"
          "\tKEEP size_t operator[](size_t at) const\n\t{\n"
          "\t\tif (FIX_b && at >= in->len)\n\t\t\treturn 0;\n\t\treturn in->data[at];\n\t}\n};\n")
    w.add(f"template <typename T> size_t {total}(const {reader}<T> &r, size_t n)\n{{\n"
          f"\tsize_t sum = 0;\n\n\tfor (size_t i = 0; i < n; i++)\n\t\tsum += r.{get}(i * sizeof(T));\n"
          "\treturn sum;\n}\n")
    w.add(f"template <size_t N> struct {ring} {{\n\tuint8_t cells[N];\n"
          "\tKEEP void set(size_t at, uint8_t v)\n\t{\n"
          "\t\tif (FIX_c && at >= N)\n\t\t\treturn;\n\t\tcells[at] = v;\n\t}\n};\n")
    w.add(f"template <typename F> size_t {each}(struct input *in, F f)\n{{\n\tsize_t sum = 0;\n\n"
          "\tfor (size_t i = 0; i <= in->len; i++)\n\t\tsum += f(i);\n\treturn sum;\n}\n")
    w.add("namespace {")
    w.add(f"KEEP size_t {wide}(struct input *in, size_t at)\n{{\n"
          "\tif (FIX_e && at >= in->len)\n\t\treturn 0;\n\treturn in->data[at];\n}\n}\n")
    for kind in ("uint8_t", "uint16_t", "uint32_t", "uint64_t"):
        name = w.name()
        w.add(f"static size_t {name}(struct input *in)\n{{\n"
              f"\treturn {total}<{kind}>({reader}<{kind}>{{in}}, 4) + 1;\n}}\n")
        w.way("a", 3, f"{where}::{name}(&in)")
    for kind in ("uint8_t", "uint32_t"):
        w.way("b", 3, f"({where}::{reader}<{kind}>{{&in}})[5]")
    for size in (8, 24):
        name = w.name()
        w.add(f"static KEEP size_t {name}(struct input *in)\n{{\n"
              f"\tauto *r = new {ring}<{size}>();\n\tr->set(in->len, 1);\n"
              "\tsize_t n = r->cells[1];\n\tdelete r;\n\treturn n;\n}\n")
        w.way("c", size, f"{where}::{name}(&in)")
    for bug in ("d", "f"):
        name = w.name()
        w.add(f"static KEEP size_t {name}(struct input *in)\n{{\n"
              f"\treturn {each}(in, [in](size_t i) KEEP -> size_t {{\n"
              f"\t\tif (FIX_{bug} && i >= in->len)\n\t\t\treturn 0;\n\t\treturn in->data[i] ^ {w.number()};\n\t}});\n}}\n")
        for length in (2, 5):
            w.way(bug, length, f"{where}::{name}(&in)")
    for at in (3, 4):
        w.way("e", 3, f"{where}::{wide}(&in, {at})")
    w.add("}")
    return w.program("templates", is_cxx=True)


def statics(rng: random.Random) -> Program:
    """Files that each have a static function of the same name, and a fault in each."""
    w = Writer(rng)
    inner, outer = w.name(), w.name()
    files = {}
    for bug, file in zip("abc", ("block.c", "tx.c", "wire.c")):
        enter = w.name()
        part = Writer(rng, w.used)
        part.add(f"#ifndef FIX_{bug}\n#define FIX_{bug} 0\n#endif")
        part.add(f"static KEEP size_t {inner}(struct input *in)\n{{\n"
                 f"\tif (FIX_{bug} && in->len < 4)\n\t\treturn 0;\n"
                 "\treturn *(const uint32_t *)in->data;\n}\n")
        part.add(f"static KEEP size_t {outer}(struct input *in)\n{{\n"
                 f"\treturn {inner}(in) + in->at;\n}}\n")
        part.add(f"size_t {enter}(struct input *in);")
        part.add(f"size_t {enter}(struct input *in)\n{{\n\treturn {outer}(in) + 1;\n}}\n")
        files[file] = PREAMBLE + part.text
        w.add(f"size_t {enter}(struct input *in);")
        through = w.chain(enter, 3, keep=True)
        for length, call in ((1, enter), (2, through), (3, enter)):
            w.way(bug, length, f"{call}(&in)")
    return Program("statics", {"main.c": w.source(), **files}, w.ways)


def asserts(rng: random.Random) -> Program:
    """Assertions: the same words in two functions are two, one that is reached twice is one."""
    w = Writer(rng)
    for bug in "abc":
        name = w.name()
        words = "in->len > 3" if bug != "c" else "in->at < in->len"
        w.add(f"{w.keep()}size_t {name}(struct input *in)\n{{\n"
              f"\tif (FIX_{bug} && in->len < 4)\n\t\treturn 0;\n\tassert({words});\n"
              f"\treturn in->data[0] ^ {w.number()};\n}}\n")
        for depth in (0, 1, 4):
            w.way(bug, 0, f"{w.chain(name, depth)}(&in)")
    return w.program("asserts")


def undefined(rng: random.Random) -> Program:
    """Undefined behaviour; an index that one sanitizer sees before, and another after the access."""
    w = Writer(rng)
    table, index, scale, shift = (w.name() for _ in range(4))
    w.add(f"static int {table}[6];\n")
    w.add(f"static KEEP size_t {index}(struct input *in, size_t at)\n{{\n"
          "\tif (FIX_a && at >= 6)\n\t\treturn 0;\n"
          f"\tif (in->len > 2)\n\t\t{table}[at] = 2;\n"
          f"\treturn (size_t){table}[at] + 1;\n}}\n")
    reach = w.name()
    w.add(f"static size_t {reach}(struct input *in)\n{{\n\treturn {index}(in, 5 + in->len) + 1;\n}}\n")
    w.way("a", 1, f"{index}(&in, 7)")
    w.way("a", 3, f"{index}(&in, 6)")
    w.way("a", 1, f"{reach}(&in)")
    w.way("a", 4, f"{w.chain(reach, 3)}(&in)")
    return w.program("undefined", tools=("asan", "ubsan"))


def arithmetic(rng: random.Random) -> Program:
    """Overflows of integers: lines of one function, and of two."""
    w = Writer(rng)
    for bug in "ab":
        name = w.name()
        w.add(f"static KEEP size_t {name}(struct input *in, int n)\n{{\n"
              f"\tif (FIX_{bug} && (n > 1000 || n < -1000))\n\t\treturn 0;\n"
              f"\tif (in->len == 1)\n\t\treturn (size_t)(n + 2000000{w.number()});\n"
              "\tif (in->len == 2)\n\t\treturn (size_t)(n * 3000);\n"
              "\treturn (size_t)(n - 2000000000);\n}\n")
        outer = w.name()
        w.add(f"{w.keep()}size_t {outer}(struct input *in, int n)\n{{\n\treturn {name}(in, n) + 1;\n}}\n")
        w.way(bug, 1, f"{outer}(&in, 1900000000)")
        w.way(bug, 2, f"{outer}(&in, 1100000)")
        w.way(bug, 3, f"{outer}(&in, -1900000000)")
        w.way(bug, 1, f"{name}(&in, 1999999999)")
    return w.program("arithmetic", tools=("ubsan",))


def owners(rng: random.Random) -> Program:
    """Leaks through one allocation function of the program's own; objects used when they are
    gone, by a function that many call."""
    w = Writer(rng)
    grab, show = w.name(), w.name()
    w.add(f"static KEEP uint8_t *{grab}(size_t n)\n{{\n\tuint8_t *p = (uint8_t *)malloc(n);\n\n"
          "\tif (!p)\n\t\tabort();\n\tp[0] = 1;\n\treturn p;\n}\n")
    for bug in "ab":
        name = w.name()
        w.add(f"static KEEP size_t {name}(struct input *in)\n{{\n\tuint8_t *p = {grab}(8 + in->len);\n"
              f"\tsize_t n = p[0] + {w.number()};\n\n\tif (FIX_{bug} || in->len > 5)\n\t\tfree(p);\n"
              "\tp = NULL;\n\treturn n;\n}\n")
        for length in (1, 4):
            w.way(bug, length, f"deeper({w.chain(name, rng.randrange(1, 4), keep=True)}, &in)")
    w.add(f"static KEEP size_t {show}(const uint8_t *p, size_t at)\n{{\n"
          "\tif (at == 3)\n\t\treturn *(const uint16_t *)(p + at);\n\treturn p[at];\n}\n")
    drop, use = w.name(), w.name()
    w.add(f"static KEEP void {drop}(uint8_t **p)\n{{\n\tfree(*p);\n\tif (FIX_c)\n\t\t*p = NULL;\n}}\n")
    w.add(f"static KEEP size_t {use}(struct input *in)\n{{\n\tuint8_t *p = {grab}(8);\n\n"
          f"\t{drop}(&p);\n\treturn p ? {show}(p, in->len) : 0;\n}}\n")
    for length, depth in ((1, 0), (3, 1), (2, 3)):
        w.way("c", length, f"{w.chain(use, depth)}(&in)")
    return w.program("owners")


def races(rng: random.Random) -> Program:
    """Races between two functions, whichever thread comes first, and through other callers."""
    w = Writer(rng)
    w.add("""#include <pthread.h>
#include <sched.h>
struct job {
	size_t (*run)(struct input *in);
	int place;
};
static int turn; /* relaxed, so that it orders nothing else */
static void *work(void *arg)
{
	struct job *job = (struct job *)arg;
	struct input in = {0};

	while (__atomic_load_n(&turn, __ATOMIC_RELAXED) != job->place)
		sched_yield();
	if (!job->run(&in))
		abort();
	__atomic_store_n(&turn, job->place + 1, __ATOMIC_RELAXED);
	return NULL;
}
static size_t both(size_t (*first)(struct input *), size_t (*second)(struct input *))
{
	struct job jobs[2] = {{second, 1}, {first, 0}};
	pthread_t threads[2];

	pthread_create(&threads[0], NULL, work, &jobs[0]);
	pthread_create(&threads[1], NULL, work, &jobs[1]);
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	return 1;
}
""")
    for bug in "ab":
        value, writer, reader = w.name(), w.name(), w.name()
        w.add(f"static size_t {value};\n"
              f"static KEEP size_t {writer}(struct input *in)\n{{\n\tif (FIX_{bug})\n"
              f"\t\treturn __atomic_fetch_add(&{value}, 1, __ATOMIC_RELAXED) + 1;\n"
              f"\treturn {value} += 1 + in->at;\n}}\n"
              f"static KEEP size_t {reader}(struct input *in)\n{{\n\tif (FIX_{bug})\n"
              f"\t\treturn __atomic_load_n(&{value}, __ATOMIC_RELAXED) + 1;\n"
              f"\treturn {value} + in->at + 1;\n}}\n")
        outer = w.chain(reader, 2)
        for first, second in ((writer, reader), (reader, writer), (outer, writer), (writer, outer)):
            w.way(bug, 1, f"both({first}, {second})")
    return w.program("races", tools=("tsan",))


def helpers(rng: random.Random) -> Program:
    """What no stack can tell: one missing check that shows in other functions, and two that show in
    one."""
    w = Writer(rng)
    parse = w.name()
    names = [w.name() for _ in range(2)]
    for name, kind in zip(names, ("uint16_t", "uint32_t")):
        w.add(f"static KEEP size_t {name}(const uint8_t *p)\n{{\n\treturn *(const {kind} *)p;\n}}\n")
    w.add(f"static KEEP size_t {parse}(struct input *in)\n{{\n"
          "\tif (FIX_a && in->len < 6)\n\t\treturn 0;\n"
          f"\tif (in->at)\n\t\treturn {names[0]}(in->data);\n"
          f"\treturn {names[0]}(in->data) + {names[1]}(in->data + 2);\n}}\n")
    outer = w.chain(parse, 3)
    for length in (1, 0, 3, 4):
        w.way("a", length, f"{outer}(&in)")
    # The other way round: two functions that each forget to check what they give to a third.
    copy = w.name()
    w.add(f"static KEEP size_t {copy}(const uint8_t *from, size_t n)\n{{\n\tuint8_t to[64];\n\n"
          "\tmemcpy(to, from, n);\n\treturn to[n - 1];\n}\n")
    for bug in "bc":
        name = w.name()
        w.add(f"static KEEP size_t {name}(struct input *in)\n{{\n"
              f"\tif (FIX_{bug} && in->len < 20)\n\t\treturn 0;\n\treturn {copy}(in->data, 20) ^ {w.number()};\n}}\n")
        outer = w.chain(name, 2)
        for length in (4, 9):
            w.way(bug, length, f"{outer}(&in)")
    # Few bytes are copied by a helper, one after the other, and many at home at once.
    few, many = w.name(), w.name()
    w.add(f"static KEEP size_t {few}(uint8_t *to, const uint8_t *from, size_t n)\n{{\n"
          "\tsize_t i;\n\n\tfor (i = 0; i < n; i++)\n\t\tto[i] = from[i] ^ (uint8_t)i;\n"
          "\treturn to[0];\n}\n")
    w.add(f"static KEEP size_t {many}(struct input *in)\n{{\n\tsize_t n = in->len + 5;\n"
          "\tuint8_t to[64];\n\n\tif (FIX_d && n > in->len)\n\t\treturn 0;\n"
          f"\tif (n < 12)\n\t\treturn {few}(to, in->data, n);\n"
          "\tmemcpy(to, in->data, n);\n\treturn to[n - 1];\n}\n")
    outer = w.chain(many, 5, keep=True)
    for length in (3, 10):
        w.way("d", length, f"{outer}(&in)")
    return w.program(
        "helpers", beyond="two functions that fail under the same callers are two bugs in the set "
        "'leaves', as a function and one that it calls are, and one bug here; one function under "
        "other callers is one bug in 'callers' and two here. Only who knows the fix can tell")


SETS: list[Callable[[random.Random], Program]] = [
    callers, lines, leaves, one_fix, cycles, templates, statics, asserts, undefined, arithmetic,
    owners, races, helpers]


def programs(seed: int) -> list[Program]:
    """All sets; each from the seed alone, whatever was made before it."""
    return [make(random.Random(f"{seed} {make.__name__}")) for make in SETS]
