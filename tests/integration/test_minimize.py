"""`ironworks minimize FILE --binary PROGRAM`: small, the same bug, never worse than before."""

from __future__ import annotations

import random
import signal

import pytest

from conftest import processes_of, wait_until
from plain_programs import CLANG, build_fuzz_and_tool
from test_plain import MAIN

pytestmark = pytest.mark.skipif(not CLANG, reason="no clang")

#: The first byte says which way; what else is essential says each.
TARGET = r"""
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

volatile char *volatile kept;
volatile int sink;

__attribute__((noinline)) static void wanted(void)
{
	kept = malloc(8);
	kept[8] = 1;
}

/* The same from elsewhere: who gets here by changing the way has another bug. */
__attribute__((noinline)) static void other(int n)
{
	kept = malloc(8);
	kept[8] = (char)n;
	sink++;
}

__attribute__((noinline)) static void long_enough(void)
{
	kept = malloc(16);
	kept[16] = 1;
}

__attribute__((noinline)) static int hang_here(void)
{
	for (;;)
		sink++;
}

__attribute__((noinline)) static int dive(int depth)
{
	volatile char room[256];

	room[depth & 255] = (char)depth;
	return depth < 0 ? 0 : dive(depth + 1) + room[7];
}

static int has_in_order(const uint8_t *data, size_t size, const char *words)
{
	for (; size > 0 && *words; data++, size--)
		words += *data == (uint8_t)*words;
	return !*words;
}

/* Elements of a tag, a length in four bytes, and as many bytes; they fill all of it. */
static int has_elements(const uint8_t *data, size_t size)
{
	uint32_t len;
	int found = 0;

	for (; size > 0; data += 5 + len, size -= 5 + len) {
		if (size < 5)
			return 0;
		memcpy(&len, data + 1, 4);
		if (len > size - 5)
			return 0;
		found |= data[0] == 'E' && has_in_order(data + 5, len, "#!");
	}
	return found;
}

static int is_unlucky(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_nsec / 64 % 2;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char way = size ? (char)data[0] : 0;

	data++, size--;
	if (way == 's' && has_in_order(data, size, "\x81\x92\xa3\xb4\xc5\xd6"))
		wanted();
	else if (way == 'e' && has_elements(data, size))
		wanted();
	else if (way == 'o' && size >= 20)
		long_enough();
	else if (way == 'o')
		other(1);
	else if (way == 'f' && has_in_order(data, size, "f!") && is_unlucky())
		wanted();
	else if (way == 'h' && has_in_order(data, size, "ng"))
		hang_here();
	else if (way == 'r' && has_in_order(data, size, "r!"))
		sink = dive(1);
	else if (way == 'm' && has_in_order(data, size, "mm"))
		kept = malloc((size_t)3 << 30);
	else if (way == 'w' && usleep(2000) == 0 && size >= 9)
		other(2);
	return 0;
}
"""
DELETING = MAIN.replace("	if (size == 0", "	if (argc > 1)\n\t\tremove(argv[argc - 1]);\n	if (size == 0")


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    home = tmp_path_factory.mktemp("minimize")
    build_fuzz_and_tool(home, TARGET, DELETING)
    return home


@pytest.fixture
def crash(tmp_path):
    """crash(b"s", words) writes an input of that way: the words in their order among noise."""
    def make(way, words, size):
        chance = random.Random(7)
        noise = [bytes([chance.randrange(32, 127)]) for _ in range(size - len(way) - len(words))]
        for place, word in zip(sorted(chance.sample(range(len(noise)), len(words))), words):
            noise[place] = bytes([word]) + noise[place]
        path = tmp_path / "crash-1"
        path.write_bytes(way + b"".join(noise))
        assert path.stat().st_size == size
        return path
    return make


def minimize(ironworks, path, binary, *args, rc=0):
    done = ironworks("minimize", path, "--binary", binary, *args, "--json")
    assert done.rc == rc, done.stderr
    assert done.json["confirmed"] and not list(path.parent.glob("*.new"))
    small = path.with_name(path.name + ".min").read_bytes()
    assert done.json["out_bytes"] == len(small) <= done.json["bytes"] == path.stat().st_size
    return small, done.json


def test_six_bytes_of_512(ironworks, programs, crash):
    path = crash(b"s", b"\x81\x92\xa3\xb4\xc5\xd6", 512)
    small, answer = minimize(ironworks, path, programs / "fuzz")
    assert small == b"s\x81\x92\xa3\xb4\xc5\xd6"
    assert answer["type"].startswith("Heap-buffer-overflow") and answer["frames"][0] == "wanted"
    assert answer["hits"] == answer["runs"] == 5


def test_lengths_follow_what_they_cover(ironworks, programs, tmp_path):
    chance = random.Random(3)
    elements = [b"x" + len(p).to_bytes(4, "little") + p
                for p in (chance.randbytes(n) for n in (90, 300, 7))]
    payload = chance.randbytes(60) + b"#" + chance.randbytes(40) + b"!" + chance.randbytes(30)
    elements.insert(2, b"E" + len(payload).to_bytes(4, "little") + payload)
    path = tmp_path / "crash-1"
    path.write_bytes(b"e" + b"".join(elements))
    assert minimize(ironworks, path, programs / "fuzz")[0] == b"eE\x02\0\0\0#!"


def test_another_bug_is_no_success(ironworks, programs, crash):
    small, answer = minimize(ironworks, crash(b"o", b"", 200), programs / "fuzz",
                             "--budget", "4s")
    assert len(small) == 21 and answer["frames"][0] == "long_enough"


def test_a_flaky_one(ironworks, programs, crash):
    small, answer = minimize(ironworks, crash(b"f", b"f!", 60), programs / "fuzz")
    assert small.startswith(b"f") and b"f!" in small and len(small) <= 8
    assert 0 < answer["hits"] < answer["runs"]


def test_a_hang_is_its_loop(ironworks, programs, crash):
    small, answer = minimize(ironworks, crash(b"h", b"ng", 24), programs / "fuzz",
                             "--timeout", "1s", "--budget", "5s")
    assert answer["type"] == "Timeout" and "hang_here" in answer["frames"]
    # Each look at a hang takes a second: how far five of them go is the host's business.
    assert len(small) < 24


def test_a_recursion_and_too_much_memory(ironworks, programs, crash):
    small, answer = minimize(ironworks, crash(b"r", b"r!", 90), programs / "fuzz")
    assert small == b"rr!" and answer["type"] == "Stack-overflow"
    small, answer = minimize(ironworks, crash(b"m", b"mm", 90), programs / "fuzz")
    assert small == b"mmm" and answer["type"] == "Out-of-memory"


def test_a_tool_that_deletes_its_input(ironworks, programs, crash):
    path = crash(b"o", b"", 24)
    small, _ = minimize(ironworks, path, programs / "tool", "--args", "@@", "--budget", "5s")
    assert path.exists() and 21 <= len(small) <= 24


def test_interrupted_it_leaves_the_best_so_far(ironworks, programs, crash):
    path = crash(b"w", b"", 4000)
    small = path.with_name("crash-1.min")
    child = ironworks.start("minimize", path, "--binary", programs / "fuzz", "--jobs", "1")
    wait_until(small.exists, 30, "a first gain")
    child.send_signal(signal.SIGINT)
    _, stderr = child.communicate(timeout=30)
    assert child.returncode == 4
    assert stderr.count("\n") == 1 and f"'{small}' holds the best so far" in stderr
    assert small.read_bytes()[:1] == b"w" and 10 <= small.stat().st_size < 4000
    wait_until(lambda: not processes_of(programs), 10, "no process left")


def test_what_it_cannot_do_is_one_sentence(ironworks, programs, tmp_path):
    fine = tmp_path / "fine"
    fine.write_bytes(b"fine")
    for args, rc, words in (
            ([tmp_path / "none", "--binary", programs / "fuzz"], 4, "cannot open"),
            ([fine], 2, "--binary is needed"),
            ([fine, "--binary", programs / "none"], 4, "cannot open"),
            ([fine, "--binary", programs / "tool"], 4, "is no libFuzzer target"),
            ([fine, "--binary", programs / "fuzz", "--out", tmp_path / "no" / "out"], 1,
             "does not fail in 30 runs"),
            ([fine, "--binary", programs / "fuzz", "--budget", "soon"], 2, "--budget takes")):
        done = ironworks("minimize", *args)
        assert done.rc == rc and words in done.stderr and done.stderr.count("\n") == 1
    assert not list(tmp_path.glob("*.min"))
