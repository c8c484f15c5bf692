#!/usr/bin/env python3
"""How fast `ironworks corpus replay` judges units, on zstd under ASan and UBSan.

A is the whole command over every unit, the planted crashers and leakers among them; B is
`BIN -runs=0` over the same folder without those, because libFuzzer ends at the first; C is one
process for each of some units, as `BIN FILE`. They take turns, and CPU time is what counts:
everything a command starts and waits for is in it.

The target is zstd's simple_round_trip with a few lines around it that crash or leak in four ways
behind a mark in the unit. Units are those of tests/bench/distil.py and variants of each, made
with a fixed seed; which of them are planted only the bench knows. The last line is JSON.

Examples:
  tests/bench/replay.py
  tests/bench/replay.py --pairs 20 --variants 8
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from distil import BIN, COMMON, ROOT, SANITIZE, build, fuzz, interval, made_once, recipe_key, run, say

TARGET = "simple_round_trip"
PROCESS_GOAL, PROCESS_AIM = 50, 200
PASS_GOAL, PASS_AIM = 1, 3
BASE_UNITS = 2500
PROCESSES = 8   # of C, in each pair
#: A build that was cut off goes on where it was.
CACHE = "ccache " if shutil.which("ccache") else ""

#: Behind eight bytes that no fuzzer guesses: the first byte after them says what happens.
WRAPPER = r"""
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int planted_original(const uint8_t *data, size_t size);
volatile char *volatile planted_sink;

__attribute__((noinline)) static void planted_overflow(size_t n)
{
	char *p = malloc(n);

	planted_sink = p;
	planted_sink[n] = 1;
	free(p);
}

__attribute__((noinline)) static void planted_use_after_free(size_t n)
{
	char *p = malloc(n);

	planted_sink = p;
	free(p);
	planted_sink[0] = 1;
}

__attribute__((noinline)) static int planted_shift(int n)
{
	return 1 << n;
}

__attribute__((noinline)) static void planted_leak(size_t n)
{
	planted_sink = malloc(n);
	planted_sink = NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 8 && memcmp(data, "pl4nted!", 8) == 0) {
		if (data[8] == 'o')
			planted_overflow(size);
		else if (data[8] == 'u')
			planted_use_after_free(size);
		else if (data[8] == 's')
			planted_sink = (char *)(size_t)planted_shift(32 + data[9]);
		else if (data[8] == 'l')
			planted_leak(size);
	}
	return planted_original(data, size);
}
"""
WAYS = {"o": ("crash", "planted_overflow"), "u": ("crash", "planted_use_after_free"),
        "s": ("crash", "planted_shift"), "l": ("leak", "planted_leak")}


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=10, help="A, B and C so often (at least 10)")
    parser.add_argument("--variants", type=int, default=5, help="of each unit of the corpus")
    parser.add_argument("--planted", type=int, default=8, help="units that die, in all")
    parser.add_argument("--jobs", type=int, default=1, help="processes of A at once")
    args = parser.parse_args()
    if args.pairs < 10:
        parser.error("fewer than ten pairs say nothing")
    return args


# -- what is measured on -------------------------------------------------------------------

def build_planted(out: Path, cache: Path) -> None:
    """zstd's own target under another name, called by the wrapper: only this target is built,
    by the adapter's own recipe."""
    say("building zstd with planted failures")
    recipe = (ROOT / "adapters" / "zstd" / "build.sh").read_text().rstrip("\n")
    recipe = re.sub(r"^targets=\(.*\)$", f"targets=({TARGET})", recipe, flags=re.M)
    recipe = recipe.removesuffix("\nmain") + (
        f'\nbuild_targets\ninstall -m 755 "$SRC/tests/fuzz/{TARGET}" "$OUT/{TARGET}"\n')
    out.mkdir()
    with tempfile.TemporaryDirectory(dir=cache, prefix="building-") as name:
        tree = Path(name) / "src"
        shutil.copytree(cache / "src", tree, symlinks=True)
        source = tree / "tests" / "fuzz" / f"{TARGET}.c"
        source.write_text(source.read_text().replace("LLVMFuzzerTestOneInput", "planted_original")
                          + WRAPPER)
        run(["bash", "-c", recipe], cwd=tree, env={
            **os.environ, "SRC": str(tree), "OUT": str(out), "CC": f"{CACHE}clang-19",
            "CXX": f"{CACHE}clang++-19", "CFLAGS": f"{COMMON} {SANITIZE}",
            "CXXFLAGS": f"{COMMON} {SANITIZE}",
            "LIB_FUZZING_ENGINE": f"-fsanitize=fuzzer {SANITIZE}",
            "FLAVOUR": "libfuzzer+asan+ubsan", "JOBS": str(os.cpu_count())})


def vary(unit: bytes, chance: random.Random) -> bytes:
    """A few bytes changed, one put in or taken out: what an engine would do."""
    data = bytearray(unit or b"\0")
    for _ in range(chance.randrange(1, 4)):
        data[chance.randrange(len(data))] = chance.randrange(256)
    if chance.random() < 0.5:
        data.insert(chance.randrange(len(data) + 1), chance.randrange(256))
    return bytes(data)


def name_of(unit: bytes) -> str:
    return hashlib.sha1(unit).hexdigest()


def write_units(folder: Path, corpus: Path, variants: int) -> None:
    chance = random.Random(1)
    folder.mkdir()
    for path in sorted(corpus.iterdir()):
        unit = path.read_bytes()
        for data in [unit, *(vary(unit, chance) for _ in range(variants))]:
            (folder / name_of(data)).write_bytes(data)


def plant(folder: Path, count: int) -> dict[str, str]:
    """Names of the planted units and what each of them does."""
    chance = random.Random(2)
    planted = {}
    for i in range(count):
        way = "ousl"[i % 4]
        unit = b"pl4nted!" + way.encode() + bytes(
            chance.randrange(256) for _ in range(chance.randrange(4, 40)))
        (folder / name_of(unit)).write_bytes(unit)
        planted[name_of(unit)] = way
    return planted


# -- the three sides -----------------------------------------------------------------------

def cpu_of(argv, codes=(0,), **kwargs) -> tuple[float, str]:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([str(a) for a in argv], capture_output=True, text=True,
                          errors="replace", check=False, timeout=1800, **kwargs)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in codes:
        raise SystemExit(f"{argv} ended with {done.returncode}:\n{done.stderr[-3000:]}")
    return (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime), done.stdout


def replay(binary: Path, units: Path, jobs: int):
    cpu, out = cpu_of([BIN / "ironworks", "corpus", "replay", binary, units, "--jobs", jobs,
                       "--json"], codes=(0, 1))
    return cpu, json.loads(out)


def one_by_one(binary: Path, files: list[Path]) -> float:
    return sum(cpu_of([binary, f])[0] for f in files)


def names_are_right(answer, planted) -> tuple[int, int]:
    """How many planted ones were named as what they are, and how many others were."""
    right = wrong = 0
    for death in answer["deaths"]:
        kind, function = WAYS.get(planted.get(Path(death["path"]).name), (None, None))
        if death["kind"] == kind and function in death["headline"]:
            right += 1
        else:
            wrong += 1
            say(f"not planted so: {death}")
    return right, wrong


def measure(name, value, goal, met=None) -> dict:
    return {"name": name, "value": value, "goal": goal, "better": "higher",
            "met": goal is None or value >= goal if met is None else met}


def tell(name: str, samples: list[float], goal: float, aim: float) -> list[dict]:
    low, high = interval(samples)
    median = statistics.median(samples)
    print(f"{name}: " + " ".join(f"{s:.2f}" for s in samples))
    print(f"{name} median {median:.2f}, 95 % interval {low:.2f} to {high:.2f}, goal {goal}, "
          f"aim {aim}")
    return [measure(name, round(median, 2), goal, low >= goal),
            measure(f"{name}_worse_end", round(low, 2), goal)]


def compare(args, binary: Path, scratch: Path, corpus: Path) -> list[dict]:
    benign, every = scratch / "benign", scratch / "every"
    write_units(benign, corpus, args.variants)
    write_units(every, corpus, args.variants)
    planted = plant(every, args.planted)
    count, whole = len(list(benign.iterdir())), len(list(every.iterdir()))
    files, chance = sorted(benign.iterdir()), random.Random(3)
    print(f"{whole} units, {len(planted)} of them planted; 'ironworks corpus replay --jobs "
          f"{args.jobs}'")
    processes, passes, found = [], [], []
    say(f"{'pair':>4} {'A u/s':>8} {'B u/s':>8} {'C u/s':>8} {'A/B':>6} {'A/C':>6}")
    for i in range(args.pairs):
        rates = {}
        for side in ("ABC", "CBA")[i % 2]:
            if side == "A":
                cpu, answer = replay(binary, every, args.jobs)
                rates[side] = whole / cpu
                found.append(names_are_right(answer, planted))
            elif side == "B":
                rates[side] = count / cpu_of([binary, "-runs=0", benign])[0]
            else:
                rates[side] = PROCESSES / one_by_one(binary, chance.sample(files, PROCESSES))
        passes.append(rates["A"] / rates["B"])
        processes.append(rates["A"] / rates["C"])
        say(f"{i + 1:4} {rates['A']:8.0f} {rates['B']:8.0f} {rates['C']:8.1f} "
            f"{passes[-1]:6.2f} {processes[-1]:6.0f}")
    missed = max(len(planted) - right for right, _ in found)
    print(f"planted and not named in the worst run: {missed}; named and not planted: "
          f"{max(wrong for _, wrong in found)}")
    return [
        *tell("to_one_process_each", processes, PROCESS_GOAL, PROCESS_AIM),
        *tell("to_runs_0", passes, PASS_GOAL, PASS_AIM),
        {"name": "planted_not_named", "value": missed, "goal": 0, "better": "lower",
         "met": missed == 0},
        {"name": "named_not_planted", "value": max(wrong for _, wrong in found), "goal": 0,
         "better": "lower", "met": all(wrong == 0 for _, wrong in found)},
    ]


def main() -> int:
    args = parse_args()
    if not (BIN / "ironworks").exists():
        raise SystemExit(f"no {BIN}/ironworks; build it first, or set IRONWORKS_BIN")
    cache = ROOT / "build" / "bench" / f"zstd-{recipe_key()}"
    clean = made_once(cache / "out", lambda out: build(out, cache)) / TARGET
    key = hashlib.sha256(WRAPPER.encode()).hexdigest()[:8]
    binary = made_once(cache / f"planted-{key}", lambda out: build_planted(out, cache)) / TARGET
    corpus = made_once(cache / f"corpus-{BASE_UNITS}", lambda c: fuzz(c, clean, BASE_UNITS))
    with tempfile.TemporaryDirectory(dir=cache, prefix="run-") as name:
        measures = compare(args, binary, Path(name), corpus)
    print(json.dumps({"bench": "replay", "measures": measures}))
    return 0 if all(m["met"] for m in measures) else 1


if __name__ == "__main__":
    sys.exit(main())
