#!/usr/bin/env python3
"""How `ironworks corpus distil` compares with libFuzzer's merge, on zstd.

A is the whole command with a fresh state, from the input folder to the chosen files; B is
`BIN -merge=1 OUT IN`. They take turns, so that what else the machine does hits both. Then
libFuzzer itself measures what A chose, and its -set_cover_merge=1 makes a set of its own.

zstd's simple_round_trip is built with clang 19, ASan and UBSan; the corpus comes from a run of
libFuzzer with a fixed seed. Both are kept in build/bench/. The last line is JSON.

Examples:
  tests/bench/distil.py
  tests/bench/distil.py --pairs 20 --units 4000
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("IRONWORKS_BIN", ROOT / "build" / "release" / "bin"))
ADAPTER = ROOT / "adapters" / "zstd"
TARGET = "simple_round_trip"
SANITIZE = "-fsanitize=address,undefined -fno-sanitize-recover=undefined"
COMMON = "-O1 -gline-tables-only -fno-omit-frame-pointer -fsanitize=fuzzer-no-link"
# Neither side looks for leaks or symbolizes: that would only make B slower.
OPTIONS = {"ASAN_OPTIONS": "detect_leaks=0:symbolize=0"}
WALL_GOAL, WALL_AIM = 0.35, 0.2
ROUND = 40_000      # executions between two looks at the corpus
ROUNDS_MAX = 40


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=12, help="A and B so often (at least 10)")
    parser.add_argument("--units", type=int, default=2500, help="least size of the corpus")
    parser.add_argument("--jobs", type=int, default=2, help="cores that A may use")
    args = parser.parse_args()
    if args.pairs < 10:
        parser.error("fewer than ten pairs say nothing")
    return args


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def run(argv, **kwargs) -> subprocess.CompletedProcess:
    """A step that must work; its output is shown when it does not."""
    done = subprocess.run([str(a) for a in argv], capture_output=True, text=True,
                          errors="replace", check=False, timeout=1800, **kwargs)
    if done.returncode != 0:
        raise SystemExit(f"{argv[0]} failed with {done.returncode}:\n"
                         f"{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done


# -- what is measured on -------------------------------------------------------------------

def recipe_key() -> str:
    digest = hashlib.sha256(f"{COMMON} {SANITIZE}".encode())
    for name in ("fetch", "build.sh"):
        digest.update((ADAPTER / name).read_bytes())
    return digest.hexdigest()[:12]


def made_once(folder: Path, make) -> Path:
    """folder, made by make(temporary folder) unless it is there already."""
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix="making-") as name:
            make(Path(name) / "it")
            (Path(name) / "it").rename(folder)
    return folder


def build(out: Path, cache: Path) -> None:
    say("building zstd")
    src = made_once(cache / "src", lambda dest: run([ADAPTER / "fetch", dest]))
    out.mkdir()
    with tempfile.TemporaryDirectory(dir=cache, prefix="building-") as name:
        tree = Path(name) / "src"
        shutil.copytree(src, tree, symlinks=True)
        run([ADAPTER / "build.sh"], cwd=tree, env={
            **os.environ, "SRC": str(tree), "OUT": str(out), "CC": "clang-19",
            "CXX": "clang++-19", "CFLAGS": f"{COMMON} {SANITIZE}",
            "CXXFLAGS": f"{COMMON} {SANITIZE}",
            "LIB_FUZZING_ENGINE": f"-fsanitize=fuzzer {SANITIZE}",
            "FLAVOUR": "libfuzzer+asan+ubsan", "JOBS": str(os.cpu_count())})


def fuzz(corpus: Path, binary: Path, units: int) -> None:
    """Rounds with seeds 1, 2, … of a fixed number of executions: the same on every machine."""
    corpus.mkdir()
    for seed in range(1, ROUNDS_MAX + 1):
        count = len(list(corpus.iterdir()))
        say(f"corpus has {count} units")
        if count >= units:
            return
        run([binary, f"-seed={seed}", f"-runs={ROUND}", "-reload=0", "-max_len=16384",
             f"-artifact_prefix={corpus.parent}/", corpus], env={**os.environ, **OPTIONS})
    raise SystemExit(f"{ROUNDS_MAX} rounds of libFuzzer found fewer than {units} units")


# -- the two sides -------------------------------------------------------------------------

def timed(argv, **kwargs) -> tuple[float, float, subprocess.CompletedProcess]:
    """Wall and CPU seconds of a command and everything it waited for."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.monotonic()
    done = run(argv, **kwargs)
    wall = time.monotonic() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime), done


def distil(binary: Path, units: Path, state: Path, out: Path, jobs: int):
    wall, cpu, done = timed(
        [BIN / "ironworks", "corpus", "distil", "--binary", binary, "--out", out, "--state",
         state, "--jobs", jobs, "--json", units])
    return wall, cpu, json.loads(done.stdout)


def merge(binary: Path, units: Path, out: Path, mode: str):
    out.mkdir()
    wall, cpu, _ = timed([binary, f"-{mode}=1", out, units], env={**os.environ, **OPTIONS})
    return wall, cpu


def size_of(folder: Path) -> tuple[int, int]:
    files = list(folder.iterdir())
    return len(files), sum(f.stat().st_size for f in files)


def features_of(binary: Path, folder: Path, scratch: Path) -> set[int]:
    """What libFuzzer sees, without what wobbles from run to run (stack depth)."""
    files = sorted(str(f) for f in folder.iterdir())
    control = scratch / "control"
    control.write_text("\n".join([str(len(files)), "0", *files]) + "\n")
    done = run([binary, "-merge_inner=2", f"-merge_control_file={control}"],
               env={**os.environ, **OPTIONS})
    counters = int(done.stderr.split("modules   (", 1)[1].split()[0])
    found: set[int] = set()
    with control.open() as lines:
        for line in lines:
            if line.startswith("FT "):
                found.update(map(int, line.split()[2:]))
    control.unlink()
    return {f for f in found if f < 8 * counters}


def seeds(words: str) -> list[int]:
    """Of "1,2,fresh"; a fresh one is new each time."""
    return [random.SystemRandom().randrange(100, 100_000) if word == "fresh" else int(word)
            for word in words.split(",")]


# -- numbers -------------------------------------------------------------------------------

def interval(samples: list[float]) -> tuple[float, float]:
    """At least 95 % for the median by order statistics: nothing is assumed of the shape."""
    n, ordered = len(samples), sorted(samples)
    rank = 0
    while 2 * sum(math.comb(n, i) for i in range(rank + 1)) / 2 ** n <= 0.05:
        rank += 1
    return ordered[rank - 1], ordered[n - rank]


def measure(name: str, value: float, goal: float | None, met: bool | None = None) -> dict:
    """Lower is better; without a goal it is only told."""
    if met is None:
        met = goal is None or value <= goal
    return {"name": name, "value": value, "goal": goal, "better": "lower", "met": met}


def compare_walls(args, binary: Path, units: Path, scratch: Path):
    walls, cpus = [], []
    say(f"{'pair':>4} {'A wall':>8} {'B wall':>8} {'ratio':>7} {'A cpu':>8} {'B cpu':>8}")
    for i in range(args.pairs):
        sides = {}
        for side in ("AB", "BA")[i % 2]:
            if side == "A":
                sides[side] = distil(binary, units, scratch / f"state{i}", scratch / f"a{i}",
                                     args.jobs)
            else:
                sides[side] = merge(binary, units, scratch / f"b{i}", "merge")
        (a, a_cpu, answer), (b, b_cpu) = sides["A"], sides["B"]
        walls.append(a / b)
        cpus.append(a_cpu / b_cpu)
        say(f"{i + 1:4} {a:8.2f} {b:8.2f} {a / b:7.3f} {a_cpu:8.2f} {b_cpu:8.2f}")
    return walls, cpus, answer


def compare(args, binary: Path, units: Path, scratch: Path) -> list[dict]:
    walls, cpus, answer = compare_walls(args, binary, units, scratch)
    low, high = interval(walls)
    print("ratios of wall time: " + " ".join(f"{r:.3f}" for r in walls))
    print(f"wall  A/B median {statistics.median(walls):.3f}, 95 % interval {low:.3f} to "
          f"{high:.3f}, goal {WALL_GOAL}, aim {WALL_AIM}")
    cpu = statistics.median(cpus)
    cpu_low, cpu_high = interval(cpus)
    print(f"cpu   A/B median {cpu:.3f}, 95 % interval {cpu_low:.3f} to {cpu_high:.3f}")

    again = distil(binary, units, scratch / "state0", scratch / "again", args.jobs)[2]
    whole = features_of(binary, units, scratch)
    lost = len(whole - features_of(binary, scratch / "a0", scratch))
    files, size = size_of(scratch / "a0")
    merge(binary, units, scratch / "cover", "set_cover_merge")
    cover_files, cover_size = size_of(scratch / "cover")
    merge_files, merge_size = size_of(scratch / "b0")
    print(f"units {answer['units']}, features {len(whole)}, lost {lost}, "
          f"executed again {again['executed']}, took {again['seconds']:.2f} s")
    print(f"files {files} (set cover {cover_files}, merge {merge_files}), "
          f"bytes {size} (set cover {cover_size}, merge {merge_size})")
    return [
        measure("wall_ratio", round(statistics.median(walls), 3), WALL_GOAL, high <= WALL_GOAL),
        measure("wall_ratio_worse_end", round(high, 3), WALL_GOAL),
        measure("cpu_ratio", round(cpu, 3), None),
        measure("executed_again", again["executed"], 0),
        measure("features_lost", lost, 0),
        measure("files_to_set_cover", round(files / cover_files, 3), 1, files <= cover_files),
        measure("bytes_to_set_cover", round(size / cover_size, 3), 1, size <= cover_size),
    ]


def main() -> int:
    args = parse_args()
    if not (BIN / "ironworks").exists():
        raise SystemExit(f"no {BIN}/ironworks; build it first, or set IRONWORKS_BIN")
    cache = ROOT / "build" / "bench" / f"zstd-{recipe_key()}"
    binary = made_once(cache / "out", lambda out: build(out, cache)) / TARGET
    units = made_once(cache / f"corpus-{args.units}", lambda c: fuzz(c, binary, args.units))
    with tempfile.TemporaryDirectory(dir=cache, prefix="run-") as name:
        measures = compare(args, binary, units, Path(name))
    print(json.dumps({"bench": "distil", "measures": measures}))
    return 0 if all(m["met"] for m in measures) else 1


if __name__ == "__main__":
    sys.exit(main())
