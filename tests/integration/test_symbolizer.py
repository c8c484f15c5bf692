"""Reports are printed without names and get them afterwards: the same ones, and cheaper."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess

import pytest

from conftest import IRONWORKS

# Inlined functions, the C++ library's frames on top, recursion, threads: what makes a stack
# without names differ from one with them.
SOURCE = r"""
#include <cassert>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <pthread.h>
#include <string>
#include <vector>
#define NOINLINE __attribute__((noinline))

static int shared, ready;
static volatile int sink;
static pthread_mutex_t a = PTHREAD_MUTEX_INITIALIZER, b = PTHREAD_MUTEX_INITIALIZER;

namespace {
template <typename T> struct Row {
	T *cells;
	inline __attribute__((always_inline)) void put(int i, T v) { cells[i] = v; }
};
inline __attribute__((always_inline)) void fill(Row<int> &row, int n) { row.put(n, 7); }
}

NOINLINE void overflow(int n) { Row<int> row{new int[4]}; fill(row, n); sink = row.cells[0]; }
NOINLINE void after_free(int n) { std::vector<int> v(4); const int &x = v[1]; v.clear();
	v.shrink_to_fit(); sink = x + n; }
NOINLINE void copied(int n) { char *p = (char *)malloc(4); memset(p, n, 9); sink = p[1]; free(p); }
NOINLINE int recurse(int n) { volatile char pad[256]; pad[0] = (char)n;
	return n < 0 ? 0 : recurse(n + 1) + pad[0]; }
NOINLINE void leak(int n) { sink = *new int(n); }
NOINLINE void wild(int n) { *(volatile int *)(0x414141410000 + n) = 1; }
NOINLINE void asserted(int n) { assert(n == 99 && "never"); }
NOINLINE void shifted(int n) { sink = 1 << (28 + n); }
NOINLINE void unset(int) { int *p = (int *)malloc(8); std::vector<int> v(p, p + 2); free(p);
	if (v[1]) sink = 3; }
NOINLINE void large(int n) { std::string s((size_t)n << 28, 'x'); sink = s[3]; }
// Relaxed: who comes second is known, and still nobody waited for the other.
NOINLINE void *bump(void *) { shared++; __atomic_store_n(&ready, 1, __ATOMIC_RELAXED);
	return nullptr; }
NOINLINE void race(int n) { pthread_t t; pthread_create(&t, 0, bump, 0);
	while (!__atomic_load_n(&ready, __ATOMIC_RELAXED)) ; shared += n; pthread_join(t, 0); }
NOINLINE void both(pthread_mutex_t *x, pthread_mutex_t *y) { pthread_mutex_lock(x);
	pthread_mutex_lock(y); pthread_mutex_unlock(y); pthread_mutex_unlock(x); }
NOINLINE void order(int) { both(&a, &b); both(&b, &a); }

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const struct { const char *name; void (*run)(int); } bugs[] = {
		{"overflow", overflow}, {"after_free", after_free}, {"copied", copied},
		{"recurse", [](int) { sink = recurse(0); }}, {"leak", leak}, {"wild", wild},
		{"asserted", asserted}, {"shifted", shifted}, {"unset", unset}, {"large", large},
		{"race", race}, {"order", order}};

	for (const auto &bug : bugs)
		if (len == strlen(bug.name) && !memcmp(data, bug.name, len))
			bug.run(4);
	return 0;
}
"""
COMMON = ["-O1", "-gline-tables-only", "-fno-omit-frame-pointer", "-fno-optimize-sibling-calls",
          "-pthread", "-std=c++17", "-fsanitize=fuzzer"]
# Flags, failures, and more of them for those who have time.
FLAVOURS = {
    "asan+ubsan": (["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"],
                   ["overflow", "after_free", "shifted"],
                   ["recurse", "copied", "leak", "wild", "asserted", "large"]),
    "msan": (["-fsanitize=memory", "-fsanitize-memory-track-origins"], ["unset"], ["wild"]),
    # A bad address stops TSan before it prints a frame.
    "tsan": (["-fsanitize=thread"], ["race"], ["order"]),
    "bare": ([], ["asserted"], ["wild"]),
}
RUNTIMES = ["ASAN_OPTIONS", "MSAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS"]
SHARED = ("handle_abort=1:print_stacktrace=1:halt_on_error=1:detect_leaks=1:"
          "second_deadlock_stack=1:detect_stack_use_after_return=1")
NAMELESS = "symbolize=0:stack_trace_format='    #%n %p %F %L'"


def clangs():
    return [n for n in range(21, 13, -1) if shutil.which(f"clang++-{n}")
            and shutil.which(f"llvm-symbolizer-{n}")]


def fixed_addresses():
    return ["setarch", "-R"] if shutil.which("setarch") else []


def run(command, log, options):
    with open(log, "wb") as out:
        subprocess.run([*fixed_addresses(), *command], stdout=out, stderr=out, timeout=120,
                       check=False, cwd=log.parent,
                       env={"PATH": "/usr/bin:/bin", **{k: f"{SHARED}:{options}" for k in RUNTIMES}})


def parse(clang, logs, *args):
    done = subprocess.run([IRONWORKS, "parse", "--json", *args, *logs], capture_output=True,
                          timeout=120, check=False,
                          env=os.environ | {"CC": shutil.which(f"clang-{clang}")})
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["texts"]


def without_luck(finding):
    """Without what differs between two runs of one input: numbers of processes and threads, where
    the stack lies behind another environment, and where in the text the finding stands, since
    names take more room and a race's global variable has a line only with one."""
    text = json.dumps({k: v for k, v in finding.items() if k not in ("begin", "end")})
    # An abort's address is the number of the process that sent it.
    luck = r"((?:pid|tid)=|==|[bs]p 0x| T|address 0x7f|0x0000)[0-9a-f]+"
    return json.loads(re.sub(luck, r"\1", text))


def compare(clang, program, bugs, home, command):
    """Each bug once with the runtime's names and once without any: read the same?"""
    symbolizer = shutil.which(f"llvm-symbolizer-{clang}")
    named, nameless = [home / f"{b}.named" for b in bugs], [home / f"{b}.nameless" for b in bugs]
    for bug, with_names, without in zip(bugs, named, nameless):
        # The environment lies on the stack, so both are of one length.
        options = f"external_symbolizer_path={symbolizer}"
        run(command(bug), with_names, options.ljust(80, ":"))
        run(command(bug), without, NAMELESS.ljust(80, ":"))
    theirs = parse(clang, named)
    ours = parse(clang, nameless, "--binary", program)
    raw = parse(clang, nameless)
    for bug, a, b, c in zip(bugs, theirs, ours, raw):
        a, b, c = ([without_luck(f) for f in t["findings"]] for t in (a, b, c))
        assert a, bug
        assert a == b, bug
        # Or nothing was compared.
        assert a != c, bug


def check_flavour(clang, flavour, home, has_time):
    flags, bugs, more = FLAVOURS[flavour]
    bugs = bugs + more if has_time else bugs
    (home / "target.cc").write_text(SOURCE)
    program = home / "target"
    subprocess.run([f"clang++-{clang}", *COMMON, *flags, "target.cc", "-o", program], cwd=home,
                   check=True, timeout=300)
    for bug in bugs:
        (home / bug).write_text(bug)
    compare(clang, program, bugs, home, lambda bug: [program, "-malloc_limit_mb=512", home / bug])


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_names_are_those_of_the_runtime(tmp_path, flavour):
    if not clangs():
        pytest.skip("there is no clang with its symbolizer")
    check_flavour(clangs()[0], flavour, tmp_path, has_time=False)


@pytest.mark.full
@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize("clang", clangs())
def test_names_are_those_of_each_runtime(tmp_path, clang, flavour):
    check_flavour(clang, flavour, tmp_path, has_time=True)
