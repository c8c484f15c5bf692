#!/usr/bin/env python3
"""Whether the right staged pull request is blamed, and what it costs.

Histories of 64 staged pull requests are made, whose truth is known, and attributed as the farm does
it, but for builds and runs, which are simulated (triage_blame_bench.c). What can be swept is: every
position, every pair among 32, every bug that was mended and brought back among 20. What depends on
chance is made 1,000 times: a bug that shows in a fifth of its runs, or in a twentieth, or one whose
rate was estimated wrongly. A wrong answer is a pull request that is proven to be at fault and is not;
"suspect" and "flaky" are open. Of answers with a confidence of c at least c must be right. Prints a
table and, as the last line, the measures as JSON.

Examples:
  tests/bench/blame.py
  tests/bench/blame.py --runs 5000 --seed 7
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("IRONWORKS_BIN", ROOT / "build/release/bin")).parent
LEVELS = (0.5, 0.8, 0.9, 0.95, 0.99, 0.999)

# scenario: what is counted, as a share where it ends in _share, and its goal
GOALS: dict[str, list[tuple[str, str, float]]] = {
    "deterministic": [("right_share", ">=", 1), ("builds_max", "<=", 9)],
    "rate 20 %": [("right_share", ">=", 0.99), ("wrong_share", "<=", 0.01)],
    "pairs": [("right_share", ">=", 1), ("builds_max", "<=", 40)],
    "pairs, rate 20 %": [("right_share", ">=", 0.98), ("wrong_share", "<=", 0.01)],
    "bugs of the base": [("right_share", ">=", 1), ("builds_max", "<=", 1)],
    "bugs of the base, rate 20 %": [("wrong_share", "<=", 0), ("right_share", ">=", 0.99)],
    "10 % do not build, one brings the target": [("wrong_share", "<=", 0)],
    "the same, rate 20 %": [("wrong_share", "<=", 0.01)],
    "conflicts and suspects that need another": [("wrong_share", "<=", 0),
                                                 ("interactions", "<=", 0)],
    "two causes": [("wrong_share", "<=", 0)],
    "two causes, rate 20 %": [("wrong_share", "<=", 0.01)],
    "mended, and the mend undone": [("wrong_share", "<=", 0)],
    "mended, and brought once more": [("wrong_share", "<=", 0)],
    "told 80 %, is 20 %": [("wrong_share", "<=", 0.01)],
    "rate 5 %": [("wrong_share", "<=", 0.01)],
}


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def attribute(runs: int, seed: int) -> dict:
    out = subprocess.run([str(BUILD / "tests/triage_blame_bench"), str(runs), str(seed)],
                         check=True, capture_output=True, text=True)
    return json.loads(out.stdout)


def measure(name: str, value: float, better: str, goal: float) -> dict:
    met = value >= goal if better == ">=" else value <= goal
    return {"name": name, "value": round(value, 5), "goal": goal,
            "better": "higher" if better == ">=" else "lower", "met": met}


def chance_of_fewer(count: int, right: int, share: float) -> float:
    """That so few of count are right, or fewer, where a share is expected to be."""
    total = 0.0
    for k in range(right + 1):
        total += math.exp(math.lgamma(count + 1) - math.lgamma(k + 1) - math.lgamma(count - k + 1)
                          + k * math.log(share) + (count - k) * math.log1p(-share))
    return total


def calibration(points: list[list[float]]) -> list[dict]:
    """Answers by their confidence, from each level to the next: as many are right as they say."""
    measures = []
    for low, high in zip(LEVELS, (*LEVELS[1:], 2)):
        here = [p for p in points if low <= p[0] < high]
        count, right = sum(int(p[1]) for p in here), sum(int(p[2]) for p in here)
        if not count:
            continue
        said = sum(p[0] * p[1] for p in here) / count
        share = right / count
        print(f"confidence from {low:5}: {count:6} answers, {100 * said:7.3f} % said, "
              f"{100 * share:7.3f} % right")
        # Below what was said is a fault only where chance does not explain it.
        met = share >= said or chance_of_fewer(count, right, said) > 0.01
        measures.append({"name": f"right of {count} answers with a confidence from {low}",
                         "value": round(share, 5), "goal": round(said, 5), "better": "higher",
                         "met": met})
    return measures


def main() -> None:
    args = parse_args()
    subprocess.run(["cmake", "--build", str(BUILD), "--target", "triage_blame_bench"], check=True,
                   stdout=subprocess.DEVNULL)
    found = attribute(args.runs, args.seed)
    scenarios = {s["name"]: s for s in found["scenarios"]}
    measures = []
    print(f"{'':42}{'right':>8}{'open':>6}{'wrong':>6}   builds, executions: median and worst")
    for name, s in scenarios.items():
        print(f"{name:42}{s['right']:8}{s['open']:6}{s['wrong']:6}   {s['builds_median']:3} "
              f"{s['builds_max']:3} {s['runs_median']:7} {s['runs_max']:6}")
        for share in ("right", "wrong"):
            s[f"{share}_share"] = s[share] / s["count"]
        for field, better, goal in GOALS.get(name, []):
            measures.append(measure(f"{name}: {field.replace('_', ' ')}", s[field], better, goal))
    blind, told = (scenarios[f"a quarter is built, {how}"] for how in ("not told", "told"))
    print(f"trees to build where a quarter is built: {blind['fresh_median']} median, "
          f"{blind['fresh_max']} worst; when that is told {told['fresh_median']}, "
          f"{told['fresh_max']}")
    measures.append(measure("new builds, median, when told what is built", told["fresh_median"],
                            "<=", blind["fresh_median"] - 1))
    measures += calibration(found["confidence"])
    print(json.dumps({"bench": "blame", "measures": measures,
                      "executions": {name: [s["runs_median"], s["runs_max"]]
                                     for name, s in scenarios.items()}}))


if __name__ == "__main__":
    main()
