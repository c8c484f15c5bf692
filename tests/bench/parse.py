#!/usr/bin/env python3
"""How many reports one core reads in a second of its time.

The command reads the texts of the shared mix again and again, most of it in one process, and is
charged for all it does: opening files, reading, judging, writing the answer. Starting a process
is measured apart and is not the claim. The mix is ../shared/reports, or where IRONWORKS_REPORTS
points; without it our own reports are read, which are of the same kind. Prints a table and, as
the last line, the measures as JSON.

Examples:
  tests/bench/parse.py
  tests/bench/parse.py --runs 20
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
IRONWORKS = Path(os.environ.get("IRONWORKS_BIN", ROOT / "build/release/bin")) / "ironworks"
SHARED = Path(os.environ.get("IRONWORKS_REPORTS", ROOT.parent / "shared/reports"))
GOAL = 2500  # reports per second of CPU time; ClusterFuzz's own reader: 258
AIM = 25000
TEXTS = 4000  # a run: long enough for the clock, short enough for a command line


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10)
    return parser.parse_args()


def mix() -> list[bytes]:
    cases = SHARED / "clusterfuzz_dev.jsonl"
    if cases.exists():
        return [json.loads(line)["input"].encode() for line in cases.read_text().splitlines()]
    return [p.read_bytes() for p in sorted((ROOT / "tests/data/reports").glob("*.txt"))]


def cpu_seconds(args: list[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(args, stdout=subprocess.DEVNULL, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)


def speed(options: list[str], names: list[str]) -> float:
    return len(names) / cpu_seconds([str(IRONWORKS), "parse", *options, *names])


def interval(samples: list[float]) -> tuple[float, float]:
    """95 % around the median, by order statistics."""
    ordered = sorted(samples)
    cut = max(0, int(len(ordered) / 2 - 0.98 * len(ordered) ** 0.5))
    return ordered[cut], ordered[-1 - cut]


def main() -> None:
    args = parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    texts = mix()
    ways = {"clusterfuzz": ["--clusterfuzz"], "json": ["--json"], "plain": []}
    samples: dict[str, list[float]] = {way: [] for way in ways}
    starts = []
    with tempfile.TemporaryDirectory(prefix="bench-parse-") as tmp:
        paths = []
        for i, text in enumerate(texts):
            paths.append(str(Path(tmp) / f"{i}"))
            Path(paths[-1]).write_bytes(text)
        names = (paths * (TEXTS // len(paths) + 1))[:TEXTS]
        for _ in range(max(10, args.runs)):  # the ways take turns, so that noise hits all
            for way, options in ways.items():
                samples[way].append(speed(options, names))
            starts.append(cpu_seconds([str(IRONWORKS), "parse", "/dev/null"]))
    print(f"{len(texts)} texts, {sum(map(len, texts)) / len(texts) / 1000:.1f} KB each, "
          f"{TEXTS} a run; a process costs {statistics.median(starts) * 1000:.1f} ms")
    measures = []
    for way, found in samples.items():
        low, high = interval(found)
        print(f"{way:12} {statistics.median(found):9,.0f} reports/s  [{low:,.0f}, {high:,.0f}]")
        measures.append({"name": f"reports per CPU second, {way}", "value": round(low),
                         "median": round(statistics.median(found)), "goal": GOAL, "aim": AIM,
                         "better": "higher", "met": low >= GOAL, "samples": [round(x) for x in found]})
    print(json.dumps({"bench": "parse", "measures": measures}))


if __name__ == "__main__":
    main()
