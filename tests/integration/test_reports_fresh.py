"""Reports that this machine's tools print now: one program with many failures, built under each
sanitizer when the test runs, so that no stored text decides whether we read them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from conftest import IRONWORKS

PROGRAM = r"""
#include <pthread.h>
#include <cassert>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <signal.h>
#include <stdexcept>
#include <unistd.h>
#include <vector>
#define BUG extern "C" __attribute__((noinline, optnone))

struct Small { int a; };
struct Large { int a, b, c; };
static volatile int zero = 0, one = 1, big = 0x7fffffff;
static int table[4];
static volatile char sink;
static int shared;
static pthread_mutex_t first = PTHREAD_MUTEX_INITIALIZER, second = PTHREAD_MUTEX_INITIALIZER;

BUG void heap_over() { int *p = new int[4]; p[4 * one] = 1; delete[] p; }
BUG void global_over() { sink = (char)((volatile int *)table)[4 * one]; }
BUG void stack_over() { volatile char b[8]; memset((void *)b, 1, 8 + one); }
BUG void after_free() { char *p = (char *)malloc(8); free(p); sink = *(volatile char *)p; }
BUG void after_scope() { volatile int *p; { volatile int x = 1; p = &x; } sink = (char)*p; }
BUG void free_twice() { void *volatile p = malloc(8); free(p); free(p); }
BUG void free_wild() { char *volatile p = (char *)malloc(8); free(p + 1); }
BUG void mismatched() { int *volatile p = new int[2]; free(p); }
BUG void wrong_type() { void *volatile p = new Large; delete (Small *)p; }
BUG void negative() { char b[8] = {0}; volatile size_t n = -1; memmove(b, b + 1, n); sink = b[0]; }
BUG void overlap() { char b[8] = "abcdef"; memcpy(b, b + 1, 4 + one); sink = b[0]; }
BUG void too_much() { void *volatile p = malloc((size_t)-4096); sink = (char)(uintptr_t)p; }
BUG void calloc_over() { volatile size_t n = -1; void *volatile p = calloc(n, 2); sink = !p; }
BUG void container() { std::vector<int> v(8); v.resize(4); sink = (char)*(v.data() + 4 + one); }
BUG void wild() { *(volatile int *)0x414141414140 = 1; }
BUG void null() { sink = *(volatile char *)(uintptr_t)(zero + 8); }
BUG void recursion(int n) { volatile char b[512]; b[0] = 1; recursion(n + 1); sink = b[0]; }
BUG void leak() { void *volatile p = malloc(24); p = nullptr; }
BUG void asserted() { assert(zero == 1 && "never"); }
BUG void thrown() { throw std::out_of_range("row 7"); }
BUG void overflow() { volatile int x = big + one; sink = (char)x; }
BUG void divide() { volatile int x = one / zero; sink = (char)x; }
BUG void shifted() { volatile int x = one << (31 + one); sink = (char)x; }
BUG void indexed() { volatile int i = 4; sink = (char)table[i]; }
BUG void boolean() { unsigned char c = 2; bool b; memcpy(&b, &c, 1); sink = b; }
BUG void unset() { volatile int x[2]; if (x[one]) sink = 1; }
BUG void *bump(void *) { shared++; return nullptr; }
BUG void race() { pthread_t t; pthread_create(&t, 0, bump, 0); shared++; pthread_join(t, 0); }
BUG void both(pthread_mutex_t *a, pthread_mutex_t *b) { pthread_mutex_lock(a); pthread_mutex_lock(b);
	pthread_mutex_unlock(b); pthread_mutex_unlock(a); }
BUG void lock_order() { both(&first, &second); both(&second, &first); }
BUG void *nothing(void *) { return nullptr; }
BUG void thread_leak() { pthread_t t; pthread_create(&t, 0, nothing, 0); sleep(1); }
BUG void destroyed() { pthread_mutex_t m; pthread_mutex_init(&m, 0); pthread_mutex_lock(&m);
	pthread_mutex_destroy(&m); }
BUG void unlocked() { pthread_mutex_t m; pthread_mutex_init(&m, 0); pthread_mutex_unlock(&m); }
BUG void on_signal(int) { void *volatile p = malloc(8); free(p); }
BUG void unsafe() { signal(SIGALRM, on_signal); raise(SIGALRM); }

#define CASE(f) {#f, f}
int main(int, char **argv)
{
	static const struct { const char *name; void (*run)(); } bugs[] = {CASE(heap_over), CASE(global_over), CASE(stack_over),
		CASE(after_free), CASE(after_scope), CASE(free_twice), CASE(free_wild), CASE(mismatched),
		CASE(wrong_type), CASE(negative), CASE(overlap), CASE(too_much), CASE(calloc_over),
		CASE(container), CASE(wild), CASE(null), CASE(leak), CASE(asserted), CASE(thrown),
		CASE(overflow), CASE(divide), CASE(shifted), CASE(indexed), CASE(boolean), CASE(unset),
		CASE(race), CASE(lock_order), CASE(thread_leak), CASE(destroyed), CASE(unlocked),
		CASE(unsafe)};

	if (!strcmp(argv[1], "recursion"))
		recursion(0);
	for (const auto &bug : bugs)
		if (!strcmp(argv[1], bug.name))
			bug.run();
}
"""

# What each prints: kind, access and size, and the function that the headline names.
ASAN = {
    "heap_over": ("heap-buffer-overflow", "write", 4), "global_over": ("global-buffer-overflow", "read", 4),
    "stack_over": ("stack-buffer-overflow", "write", 9), "after_free": ("heap-use-after-free", "read", 1),
    "after_scope": ("stack-use-after-scope", "read", 4), "free_twice": ("double-free", "none", 0),
    "free_wild": ("bad-free", "none", 0), "mismatched": ("alloc-dealloc-mismatch", "none", 0),
    "wrong_type": ("new-delete-type-mismatch", "none", 12),
    "negative": ("negative-size-param", "none", 0), "overlap": ("param-overlap", "none", 0),
    "too_much": ("allocation-size-too-big", "none", 2**64 - 4096),
    "calloc_over": ("calloc-overflow", "none", 0), "wild": ("segv", "write", 0),
    "null": ("null-dereference", "read", 0), "recursion": ("stack-overflow", "none", 0),
    "leak": ("direct-leak", "none", 24), "asserted": ("assert", "none", 0),
    "thrown": ("uncaught-exception", "none", 0),
}
UBSAN = {
    "overflow": ("integer-overflow", "none", 0), "divide": ("divide-by-zero", "none", 0),
    "shifted": ("undefined-shift", "none", 0), "indexed": ("index-out-of-bounds", "none", 0),
    "boolean": ("invalid-bool-value", "none", 0), "null": ("null-dereference", "read", 0),
}
TSAN = {
    "race": ("data-race", "write", 4), "lock_order": ("lock-order-inversion", "none", 0),
    "thread_leak": ("thread-leak", "none", 0), "destroyed": ("mutex-misuse", "none", 0),
    "unlocked": ("mutex-misuse", "none", 0), "unsafe": ("signal-unsafe-call", "none", 0),
    "after_free": ("heap-use-after-free", "read", 1),
}
MSAN = {"unset": ("use-of-uninitialized-value", "none", 0), "wild": ("segv", "write", 0)}

MEMCHECK = {
    "after_free": ("heap-use-after-free", "read", 1), "leak": ("direct-leak", "none", 24),
    "unset": ("use-of-uninitialized-value", "none", 0),
}
HELGRIND = {"lock_order": ("lock-order-inversion", "none", 0)}
GDB = {"wild": ("segv", "none", 0), "asserted": ("assert", "none", 0)}

UNDEFINED = ["-fsanitize=undefined", "-fno-sanitize-recover=undefined"]
# Compiler, flags, what runs it, what it prints.
FLAVOURS = {
    "asan": ("clang", ["-fsanitize=address"], [], ASAN),
    "asan-gcc": ("gcc", ["-fsanitize=address"], [], ASAN),
    "ubsan": ("clang", UNDEFINED, [], UBSAN),
    "ubsan-gcc": ("gcc", UNDEFINED, [], {k: v for k, v in UBSAN.items() if k != "null"}),
    "tsan": ("clang", ["-fsanitize=thread"], [], TSAN),
    "msan": ("clang", ["-fsanitize=memory", "-fsanitize-memory-track-origins=2"], [], MSAN),
    "memcheck": ("gcc", [], ["valgrind", "--track-origins=yes", "--leak-check=full"], MEMCHECK),
    "helgrind": ("gcc", [], ["valgrind", "--tool=helgrind"], HELGRIND),
    "gdb": ("gcc", [], ["gdb", "-nx", "-batch", "-ex", "run", "-ex", "bt", "--args"], GDB),
}
OPTIONS = {
    "ASAN_OPTIONS": "detect_stack_use_after_return=0:handle_abort=1:detect_leaks=1",
    "UBSAN_OPTIONS": "print_stacktrace=1",
    "TSAN_OPTIONS": "second_deadlock_stack=1:report_signal_unsafe=1",
    "MSAN_OPTIONS": "",
}
# The runtime tells these of the thread, or of a frame that is not named.
ELSEWHERE = {"race", "after_scope"}


def compilers():
    found = [shutil.which(f"clang++-{n}") for n in range(21, 13, -1)] + [shutil.which("clang++")]
    return {"clang": next((c for c in found if c), None), "gcc": shutil.which("g++")}


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    """Builds the program once for each set of flags, when it is asked for."""
    home, known = tmp_path_factory.mktemp("fresh"), compilers()
    (home / "mill.cc").write_text(PROGRAM)

    def build(compiler, flags):
        if not known[compiler]:
            pytest.skip(f"there is no {compiler}")
        program = home / "-".join([compiler, *(f.strip("-") for f in flags)])
        if not program.exists():
            subprocess.run([known[compiler], "-g", "-O0", "-w", "-pthread", *flags, "mill.cc", "-o",
                            program], cwd=home, check=True, capture_output=True, timeout=300)
        return program

    clang = known["clang"]
    symbolizer = clang and os.path.join(os.path.dirname(os.path.realpath(clang)), "llvm-symbolizer")
    build.env = {"PATH": os.environ["PATH"], "HOME": str(home), **{
        k: f"{v}:external_symbolizer_path={symbolizer}" if symbolizer else v
        for k, v in OPTIONS.items()}}
    return build


def judge(bug, wanted, text):
    """What is wrong with what was understood, or nothing."""
    found = next((f for f in text["findings"] if f["is_primary"]), None)
    seen = found and (found["kind"], found["access"], found["size"])
    if seen != wanted or text["unread"]:
        return seen, [f["headline"] for f in text["findings"]], [u["line"] for u in text["unread"]]
    if not found["stacks"] or (bug not in ELSEWHERE and bug not in " ".join(found["signature"])):
        return found["signature"], found["state"]
    return None if "mill.cc:" in (found["place"] or "") else (found["place"], "no place")


# Compiles and runs each failure under each tool, which takes minutes.
@pytest.mark.full
@pytest.mark.parametrize("flavour", FLAVOURS)
def test_fresh(programs, tmp_path, flavour):
    compiler, flags, runner, wanted = FLAVOURS[flavour]
    if runner and not shutil.which(runner[0]):
        pytest.skip(f"there is no {runner[0]}")
    program = programs(compiler, flags)
    # High-entropy randomisation is more than some of the runtimes can take.
    if not runner and shutil.which("setarch"):
        runner = ["setarch", "-R"]

    def run(bug):
        with open(tmp_path / bug, "wb") as out:
            subprocess.run([*runner, program, bug], env=programs.env, stdout=out, stderr=out,
                           cwd=tmp_path, timeout=120, check=False)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(run, wanted))
    done = subprocess.run([IRONWORKS, "parse", "--json", *(tmp_path / b for b in wanted)],
                          capture_output=True, timeout=60, check=False)
    failed = {}
    for bug, text in zip(wanted, json.loads(done.stdout)["texts"]):
        wrong = judge(bug, wanted[bug], text)
        if wrong:
            failed[bug] = (wrong, (tmp_path / bug).read_text(errors="replace")[:2000])
    assert not failed
