"""Hangs are told apart by where they loop, not by what their target is called: many stacks of
the living process are folded into one signature."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time

import pytest

from conftest import BIN, ROOT, Tiny, rows, wait_until
from test_driver import CLANGS, SANITIZERS, compile_target

PRELOAD = BIN / "ironworks-driver.so"
SAMPLES = 16

HEAD = """#include <stdint.h>
#include <string.h>
#define APART __attribute__((noinline))
static volatile unsigned sink;
/* Every loop is nearly always in one of these. */
static APART void mix(unsigned n) { for (unsigned i = 0; i < n; i++) sink = sink * 31 + i; }
static APART void stir(unsigned n) { for (unsigned i = 0; i < n; i++) sink ^= sink >> 3 ^ i; }
static APART void shake(unsigned n) { for (unsigned i = 0; i < n; i++) sink += sink << 1 | i; }
"""
LOOP = """static APART void loop_%(name)s(void)
{
	for (unsigned i = 0;; i++) {
		switch (i %% 3) {
		case 0: mix(200000); break;
		case 1: stir(200000); break;
		default: shake(200000);
		}
	}
}
"""
ALONE = """static APART void loop_%(name)s(void)
{
	for (;;)
		sink++;
}
"""
ENTRY = """int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (len < 5 || memcmp(data, "loop", 4) != 0)
		return 0;
	switch (data[4]) {
%s	}
	return 0;
}
"""


# -- the farm -------------------------------------------------------------------------------


def adapter(tmp_path, loops):
    """A target with these loops, and two seeds that run into each."""
    body = HEAD + "".join(text % {"name": name} for name, text in loops.items())
    body += ENTRY % "".join(f"\tcase '{n}': loop_{n}(); break;\n" for n in loops)
    files = {"parser.c": body}
    for n in loops:
        for i in range(2):
            files[f"seeds/{n}{i}"] = f"loop{n}{'.' * i}".encode()
    made = Tiny(tmp_path, "tiny", files, fields={"flavours": ["libfuzzer", "libfuzzer+asan+ubsan"]})
    made.document["targets"][0] |= {"timeout_s": 1}
    made.write(made.document)
    return made


def judged(ironworks, made, state, count, seconds):
    """Runs the farm until so many crashes have their verdict."""
    process = ironworks.start("run", made, "--for", f"{seconds}s", "--state", state)

    def are_judged():
        assert process.poll() is None or process.returncode in (0, 1)
        if not list((state / "units").glob("*")):  # made behind the tables
            return False
        # Engines go on and find more of the same.
        return rows(state, "SELECT count(*) FROM crash WHERE state <> 'new'")[0][0] >= count
    wait_until(are_judged, seconds, "all are judged")
    process.terminate()
    process.communicate(timeout=60)


def expect_a_bug_each(state, names):
    """And every single crash was seen in the loop itself."""
    bugs = rows(state, "SELECT json_extract(frames, '$[0]'), type FROM bug ORDER BY 1")
    assert bugs == [(f"loop_{n}", "Timeout") for n in sorted(names)]
    seen = rows(state, "SELECT DISTINCT json_extract(frames, '$[0]') FROM crash"
                       " WHERE state = 'judged' ORDER BY 1")
    assert seen == [(f"loop_{n}",) for n in sorted(names)]


def test_two_loops_that_share_their_leaves_and_one_alone(ironworks, tmp_path, state):
    """Two inputs of each; interrupted anywhere, one loop is one bug."""
    loops = {"a": LOOP, "b": LOOP, "c": ALONE}
    judged(ironworks, adapter(tmp_path, loops), state, 6, 120)
    expect_a_bug_each(state, loops)
    (report,) = rows(state, "SELECT lower(hex(report)) FROM bug"
                            " WHERE json_extract(frames, '$[0]') = 'loop_a'")[0]
    text = (state / "artifacts" / report[:2] / report[2:]).read_text()
    assert "share, innermost first: loop_a, parser.c; below are at times: " in text
    assert "ironworks-driver: sample" not in text, "sixteen stacks would hide the report"


@pytest.mark.full
def test_ten_loops_on_a_busy_machine(ironworks, tmp_path, state):
    loops = dict.fromkeys("abcdefghij", LOOP)
    spin = [sys.executable, "-c", "while True: pass"]
    busy = [subprocess.Popen(spin) for _ in range(3 * (os.cpu_count() or 1))]
    try:
        judged(ironworks, adapter(tmp_path, loops), state, 20, 900)
    finally:
        for process in busy:
            process.kill()
            process.wait()
    expect_a_bug_each(state, loops)


# -- the sampler ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def hangs(tmp_path_factory):
    if not CLANGS:
        pytest.skip("no clang")
    home = tmp_path_factory.mktemp("hangs")
    made = {s: home / s for s in SANITIZERS if s != "tsan"}
    for sanitizer, out in made.items():
        compile_target(out, ROOT / "tests" / "data" / "driver" / "hangs.c", sanitizer, CLANGS[-1])
    return made


@pytest.fixture
def sampled(hangs, tmp_path):
    """sampled("asan", "m") starts a unit that hangs, and whatever becomes of it ends it."""
    runs = []

    def start(sanitizer, text):
        unit, log = tmp_path / "unit", tmp_path / f"log{len(runs)}"
        unit.write_text(text)
        with log.open("w") as err:
            process = subprocess.Popen(
                ["env", f"LD_PRELOAD={PRELOAD}", "IRONWORKS_SAMPLE=1000", hangs[sanitizer],
                 "-timeout=1", unit], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=err, cwd=tmp_path, env={"PATH": os.environ["PATH"]})
        runs.append(process)
        return process, log
    yield start
    for process in runs:
        process.kill()
        process.wait()


def samples(log, binary):
    """The functions of each, innermost first."""
    wait_until(lambda: f"end of sample {SAMPLES}\n" in log.read_text(), 60, "all are taken")
    parts = re.findall(r"^ironworks-driver: sample (\d+)\n((?: +#\d+ 0x[0-9a-f]+  \(.*\)\n)+)"
                       r"ironworks-driver: end of sample \1$", log.read_text(), re.M)
    assert [int(number) for number, _ in parts] == list(range(1, SAMPLES + 1)), parts
    stacks = [re.findall(r"\((.*)\+(0x[0-9a-f]+)\)", stack) for _, stack in parts]
    return functions(stacks, binary)


def functions(stacks, binary):
    wanted = sorted({offset for stack in stacks for module, offset in stack
                     if module == str(binary)})
    told = subprocess.run(
        ["llvm-symbolizer-" + CLANGS[-1], "--obj", str(binary), "--no-inlines", "-s", *wanted],
        capture_output=True, text=True, check=True).stdout.split("\n\n")
    names = dict(zip(wanted, (block.splitlines()[0] for block in told if block.strip())))
    return [[names[o] for m, o in stack if m == str(binary)] for stack in stacks]


@pytest.mark.parametrize("sanitizer", [s for s in SANITIZERS if s != "tsan"])
def test_samples_that_interrupt_the_allocator(hangs, sampled, sanitizer):
    """Its lock is held at times, and nothing waits for it. (The engine's own report does, where
    malloc is the C library's: it never comes then.)"""
    runs = [sampled(sanitizer, "m") for _ in range(2)]
    for _, log in runs:
        for stack in samples(log, hangs[sanitizer]):
            assert stack[-2:] == ["grow", "LLVMFuzzerTestOneInput"], stack


def test_a_process_that_gets_no_time_is_sampled_before_it_ends(hangs, sampled):
    """It stands still whenever a sample is due, and far beyond its time."""
    process, log = sampled("asan", "m")
    began = time.monotonic()
    while time.monotonic() - began < 3:
        process.send_signal(signal.SIGSTOP)
        time.sleep(0.1)
        process.send_signal(signal.SIGCONT)
        time.sleep(0.001)
    assert process.wait(120) == 70
    assert all(s[-1] == "LLVMFuzzerTestOneInput" for s in samples(log, hangs["asan"]))
    text = log.read_text()
    assert text.index("libFuzzer: timeout") > text.rindex("end of sample"), text


def test_samples_of_one_that_waits(hangs, sampled):
    _, log = sampled("plain", "s")
    for stack in samples(log, hangs["plain"]):
        assert stack == ["doze", "LLVMFuzzerTestOneInput"], stack
