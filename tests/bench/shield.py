#!/usr/bin/env python3
"""What a known bug leaves of a farm: features beside a crash in every third input over those of
a run without it, at equal core time of engines.

Each pair is a maze of its own (tests/lib/maze.py), fuzzed by `ironworks run` with every engine
twice: A has a crash in each input whose first byte divides by three, B has the same code and
never takes that branch. Their features have the same numbers. A and B take turns to be first;
the longer of the two counts up to the core time of the shorter.

The last line is JSON.

Examples:
  tests/bench/shield.py
  tests/bench/shield.py --pairs 10 --for 60 --flavours libfuzzer
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from distil import BIN, ROOT, interval, say

sys.path.insert(0, str(ROOT / "tests" / "lib"))
import maze  # noqa: E402

GOAL = 0.9
ROOMS = 1200
#: One after the other.
BUGS = ("null", "abort", "trap")
FLAVOURS = ["libfuzzer", "libfuzzer+asan+ubsan", "aflpp"]
BUILD = '#!/bin/sh\nset -eu\n$CC $CFLAGS "$SRC/maze.c" $LIB_FUZZING_ENGINE -o "$OUT/maze"\n'


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=10, help="A and B so often (at least 10)")
    parser.add_argument("--for", dest="seconds", type=int, default=30, help="each of them")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--flavours", nargs="+", default=FLAVOURS)
    args = parser.parse_args()
    if args.pairs < 10:
        parser.error("fewer than ten pairs say nothing")
    return args


def make_adapter(home: Path, source: str, flavours: list[str]) -> Path:
    folder = home / "adapter"
    (folder / "source").mkdir(parents=True)
    (folder / "source" / "maze.c").write_text(source)
    git = ["git", "-C", folder / "source", "-c", "user.name=Bench",
           "-c", "user.email=bench@example.org"]
    for words in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "A maze"]):
        subprocess.run([*git, *words], check=True)
    script = folder / "build.sh"
    script.write_text(BUILD)
    script.chmod(0o755)
    (folder / "adapter.json").write_text(json.dumps({
        "name": "bench", "title": "A maze", "flavours": flavours,
        "source": {"git": str(folder / "source"), "branch": "main"},
        "build": {"command": ["./build.sh"], "timeout_s": 300},
        "targets": [{"name": "maze", "max_len": 256, "timeout_s": 5}],
    }))
    return folder


def look(state: Path) -> tuple[int, int] | None:
    """Executions and features of the farm as it runs."""
    try:
        url = (state / "http").read_text().strip().rstrip("/")
        with urllib.request.urlopen(f"{url}/api/v1/targets", timeout=5) as answer:
            [target] = json.load(answer)["targets"]
        return target["executions"], target["features"]
    except (OSError, ValueError, KeyError):
        return None


def fuzz(home: Path, source: str, args: argparse.Namespace) -> dict:
    """Core time of engines, features, and how they came with executions."""
    state, curve = home / "state", [(0, 0)]
    adapter = make_adapter(home, source, args.flavours)
    run = subprocess.Popen(
        [BIN / "ironworks", "run", adapter, "--for", f"{args.seconds}s", "--cores",
         str(args.cores), "--state", state, "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    while run.poll() is None:
        point = look(state)
        if point and point[0] > curve[-1][0]:
            curve.append(point)
        time.sleep(0.5)
    if run.returncode not in (0, 1):
        raise SystemExit(f"ironworks run ended with {run.returncode}")
    status = subprocess.run([BIN / "ironworks", "status", "--state", state, "--json"],
                            capture_output=True, text=True, check=True)
    [target] = json.loads(status.stdout)["targets"]
    curve.append((target["executions"], target["features"]))
    shutil.rmtree(home)
    return {"core_ms": target["core_ms"], "burned_ms": target["burned_ms"],
            "crashes": target["crashes"], "curve": curve}


def features_at(run: dict, core_ms: int) -> float:
    """How far it was after so much core time, between the two looks around it."""
    wanted = run["curve"][-1][0] * core_ms / run["core_ms"]
    for (x0, y0), (x1, y1) in zip(run["curve"], run["curve"][1:]):
        if x0 <= wanted <= x1:
            return y0 + (y1 - y0) * (wanted - x0) / max(x1 - x0, 1)
    return run["curve"][-1][1]


def pair(args: argparse.Namespace, number: int, home: Path) -> float:
    bug = BUGS[number % len(BUGS)]
    order = ("crash", "free") if number % 2 else ("free", "crash")
    runs = {name: fuzz(home / name, maze.source(bug if name == "crash" else None, rooms=ROOMS,
                                                seed=number + 1), args) for name in order}
    core = min(run["core_ms"] for run in runs.values())
    got = {name: features_at(run, core) for name, run in runs.items()}
    ratio = got["crash"] / got["free"]
    say(f"{number + 1:4} {bug:>6} {core / 1000:8.1f} {got['crash']:10.0f} {got['free']:10.0f} "
        f"{ratio:7.3f} {runs['crash']['burned_ms'] / runs['crash']['core_ms']:7.1%} "
        f"{runs['crash']['crashes']:7}")
    return ratio


def main() -> int:
    args = parse_args()
    say(f"{'pair':>4} {'bug':>6} {'core s':>8} {'A features':>10} {'B features':>10} "
        f"{'ratio':>7} {'burned':>7} {'crashes':>7}")
    with tempfile.TemporaryDirectory(prefix="bench-shield-") as name:
        ratios = [pair(args, i, Path(name)) for i in range(args.pairs)]
    low, high = interval(ratios)
    print(f"A/B median {statistics.median(ratios):.3f}, 95 % interval {low:.3f} to {high:.3f}, "
          f"goal {GOAL}")
    measure = {"name": "features_ratio", "value": round(low, 3), "goal": GOAL,
               "better": "higher", "met": low >= GOAL}
    print(json.dumps({"bench": "shield", "measures": [measure]}))
    return 0 if measure["met"] else 1


if __name__ == "__main__":
    sys.exit(main())
