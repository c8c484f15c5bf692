#!/usr/bin/env python3
"""How many core-seconds libFuzzer needs to find each bug of the demo project.

Each bug is looked for from the shipped seeds, on a build that has no other change: its pull
request on the base, both halves of a pair, or the base itself. Prints a table and, as the last
line, the measures as JSON.

Examples:
  tests/bench/demo_cost.py
  tests/bench/demo_cost.py --seeds 1-3 --bug leak --jobs 2
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "integration"))

import demo_repo  # noqa: E402

GOAL_S = 10.0
Row = tuple[str, bool, float, bool]  # bug, slow, core-seconds, found


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="1-20", metavar="FIRST-LAST")
    parser.add_argument("--bug", default="", help="this one alone")
    parser.add_argument("--cap", type=float, default=60, metavar="S",
                        help="give up after so many core-seconds")
    parser.add_argument("--jobs", type=int, default=1)
    return parser.parse_args()


def suspect(folder: Path, seed: int, repo: Path, bug: dict) -> tuple[Path, str]:
    """The repository and commit with this bug and no other change."""
    if bug["outcome"] == "interaction":
        pair = folder / "pair"
        demo_repo.generate(pair, seed, "--only", ",".join(bug["changes"]))
        return pair, "staging"
    numbers = bug["prs"] or [bug["uncovered_by"]]
    return repo, f"pr/{numbers[0]}" if numbers[0] else "main"


def find(repo: Path, seed: int, bug: dict, cap: float) -> Row:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        target = bug["targets"][0]
        flavour = demo_repo.best_flavour(bug)
        out = demo_repo.build(*suspect(folder, seed, repo, bug), flavour, folder, target)
        cost, found = hunt(out / f"fuzz_{target}", folder, seed, bug, cap)
        print(f"seed {seed}: {bug['id']} {'found' if found else 'NOT found'} in {cost:.1f}",
              file=sys.stderr, flush=True)
        return bug["id"], bug["slow"], cost, found


def hunt(binary: Path, folder: Path, seed: int, bug: dict, cap: float) -> tuple[float, bool]:
    """Goes on from the same units when it meets another bug of the same target first."""
    units = folder / "units"
    units.mkdir()
    seeds = binary.with_name(binary.name + "_seed_corpus")
    cost = 0.0
    for attempt in range(1, 1000):
        left = int(cap - cost) + 1
        result = demo_repo.run(binary, f"-seed={seed * 1000 + attempt}", str(units), str(seeds),
                               cwd=folder, cpu_s=left,
                               hang_s=demo_repo.hang_limit_s(bug))
        cost += result.cpu_s
        if result.shows(bug):
            return cost, True
        if cost >= cap:
            break
    return cost, False


def measure(args: argparse.Namespace) -> list[Row]:
    first, _, last = args.seeds.partition("-")
    with tempfile.TemporaryDirectory() as name, ThreadPoolExecutor(args.jobs) as pool:
        waiting = []
        for seed in range(int(first), int(last or first) + 1):
            repo, truth = demo_repo.generate_with_truth(Path(name), seed)
            for bug in truth["bugs"]:
                if args.bug in ("", bug["id"]):
                    waiting.append(pool.submit(find, repo, seed, bug, args.cap))
        return [row.result() for row in waiting]


def summarise(rows: list[Row]) -> list[dict]:
    print(f"{'bug':24}{'runs':>6}{'found':>7}{'median':>9}{'worst':>9}   core-seconds")
    measures = []
    for bug in sorted({row[0] for row in rows}):
        mine = [row for row in rows if row[0] == bug]
        costs = [row[2] for row in mine]
        median, slow = round(statistics.median(costs), 2), mine[0][1]
        found = sum(row[3] for row in mine)
        print(f"{bug:24}{len(mine):6}{found:7}{median:9.2f}{max(costs):9.2f}"
              + ("   slow by design" if slow else ""))
        measures.append({"name": f"{bug}_core_s", "value": median,
                         "goal": None if slow else GOAL_S, "better": "lower",
                         "met": slow or median <= GOAL_S})
    return measures


def main() -> int:
    measures = summarise(measure(parse_args()))
    print(json.dumps({"bench": "demo_cost", "measures": measures}))
    return 0 if all(measure["met"] for measure in measures) else 1


if __name__ == "__main__":
    sys.exit(main())
