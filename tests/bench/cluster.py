#!/usr/bin/env python3
"""How long it takes to cluster 100,000 crashes on one core, and one more when they are known.

The crashes are made from seeds (tests/lib/crash_mill.h): bugs of a program with layers of
functions, each seen on several ways in, with functions inlined, other access sizes and other
sanitizers' words for it. A crash is read from what its row in the database holds, joins the bug it
is most alike to, or makes one. Three mixes take turns: a flood of one bug, a few hundred bugs, and
20,000 bugs. CPU time of the thread that clusters. A unit test (triage_cluster) shows that the
answers are those of comparing each crash with each bug. Prints a table and, as the last line, the
measures as JSON.

Examples:
  tests/bench/cluster.py
  tests/bench/cluster.py --runs 20
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("IRONWORKS_BIN", ROOT / "build/release/bin")).parent
CRASHES = 100000
# bugs, and how many of a hundred crashes are of one of them
MIXES = {"flood of one bug": (1000, 98), "300 bugs": (300, 0), "20,000 bugs": (20000, 0)}
GOALS = {"all_s": ("100,000 crashes, CPU seconds", 5.0, 2.0),
         "one_more_ms": ("one more, the slowest of 2,000, CPU ms", 5.0, 1.0)}


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10)
    return parser.parse_args()


def cluster(bugs: int, flood: int, seed: int) -> dict:
    out = subprocess.run([str(BUILD / "tests/triage_cluster_bench"), str(CRASHES), str(bugs),
                          str(seed), str(flood)], check=True, capture_output=True, text=True)
    return json.loads(out.stdout)


def interval(samples: list[float]) -> tuple[float, float]:
    """95 % around the median, by order statistics."""
    ordered = sorted(samples)
    cut = max(0, int(len(ordered) / 2 - 0.98 * len(ordered) ** 0.5))
    return ordered[cut], ordered[-1 - cut]


def main() -> None:
    args = parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    subprocess.run(["cmake", "--build", str(BUILD), "--target", "triage_cluster_bench"], check=True,
                   stdout=subprocess.DEVNULL)
    found: dict[str, list[dict]] = {mix: [] for mix in MIXES}
    for seed in range(1, 1 + max(10, args.runs)):  # the mixes take turns, so that noise hits all
        for mix, (bugs, flood) in MIXES.items():
            found[mix].append(cluster(bugs, flood, seed))
    measures = []
    for field, (name, goal, aim) in GOALS.items():
        for mix, runs in found.items():
            samples = [run[field] for run in runs]
            _, high = interval(samples)
            clusters = round(statistics.median(run["clusters"] for run in runs))
            print(f"{mix:18} {clusters:6} clusters  {name}: "
                  f"{statistics.median(samples):8.3f}  up to {high:.3f}")
            measures.append({"name": f"{name}, {mix}", "value": high,
                             "median": statistics.median(samples), "goal": goal, "aim": aim,
                             "better": "lower", "met": high <= goal, "samples": samples})
    print(json.dumps({"bench": "cluster", "measures": measures}))


if __name__ == "__main__":
    main()
