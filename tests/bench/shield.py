#!/usr/bin/env python3
"""What a known bug leaves of a farm: features beside a crash in every third input over those of
a run without it, at equal core time of engines.

Each pair is a maze of its own (tests/lib/maze.py), fuzzed by a farm with every engine twice: A
has a crash in each input whose first byte divides by three, B has the same code and never takes
that branch, so their features have the same numbers. Both run for the same time on the same cores,
and take turns to be first; the core time that engines had stands beside. What engines found in the
last second is measured before the end, so it counts: a campaign would end without it.

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
from pathlib import Path

from distil import BIN, ROOT, interval, say

sys.path.insert(0, str(ROOT / "tests" / "lib"))
import maze  # noqa: E402

GOAL = 0.9
ROOMS = 600
#: One after the other.
BUGS = ("null", "abort", "trap")
FLAVOURS = ["libfuzzer", "libfuzzer+asan+ubsan", "aflpp"]
BUILD = '#!/bin/sh\nset -eu\n$CC $CFLAGS "$SRC/maze.c" $LIB_FUZZING_ENGINE -o "$OUT/maze"\n'


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=10, help="A and B so often (at least 10)")
    parser.add_argument("--for", dest="seconds", type=int, default=20, help="seconds of each of them")
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


def ironworks(*words: object) -> dict:
    done = subprocess.run([BIN / "ironworks", *map(str, words), "--json"], capture_output=True,
                          text=True, check=False)
    if done.returncode not in (0, 1):
        raise SystemExit(f"ironworks {words[0]} ended with {done.returncode}:\n{done.stderr}")
    return json.loads(done.stdout or "{}")


def fuzz(home: Path, source: str, args: argparse.Namespace) -> dict:
    """What a farm of its own knows in the end, when all it found is measured."""
    state, adapter = home / "state", make_adapter(home, source, args.flavours)
    ironworks("run", adapter, "--for", f"{args.seconds}s", "--cores", args.cores, "--coverage",
              "off", "--state", state)
    [target] = ironworks("status", "--state", state)["targets"]
    shutil.rmtree(home)
    return {"core_ms": target["core_ms"], "features": target["features"],
            "burned": target["burned_ms"] / max(target["core_ms"], 1),
            "crashes": target["crashes"]}


def pair(args: argparse.Namespace, number: int, home: Path) -> float:
    bug = BUGS[number % len(BUGS)]
    order = ("crash", "free") if number % 2 else ("free", "crash")
    runs = {name: fuzz(home / name, maze.source(bug if name == "crash" else None, rooms=ROOMS,
                                                seed=number + 1), args) for name in order}
    a, b = runs["crash"], runs["free"]
    ratio = a["features"] / b["features"]
    say(f"{number + 1:4} {bug:>6} {a['core_ms'] / 1000:7.1f} {b['core_ms'] / 1000:7.1f} "
        f"{a['features']:10} {b['features']:10} {ratio:7.3f} {a['burned']:7.1%} "
        f"{a['crashes']:7}")
    return ratio


def main() -> int:
    args = parse_args()
    say(f"{'pair':>4} {'bug':>6} {'A core':>7} {'B core':>7} {'A features':>10} {'B features':>10} "
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
