#!/usr/bin/env python3
"""Are crashes of one fault one bug, and of two faults two?

Programs with planted faults (tests/lib/planted.py), whose truth is proven: with a fault's fix
compiled in exactly its crashes end. Each is built by every compiler that is here, at -O0, -O1 and
-O2, and once more with its lines moved; each crash is run, and what it prints is read and joined
as the farm does it. Pairs of crashes within a build, and of two builds: a bug must survive a new
compiler. ClusterFuzz's key for the same reports stands beside it.

No threshold was fitted to these sets: they were chosen before, and a seed that nobody has seen is
tried beside the known one. --show lists what disagrees by the pairs' names (bug and way). The set
'helpers' is what no stack can tell, as it is printed: it is measured, and told apart from the rest.

The last line is JSON.

Examples:
  tests/bench/planted_bugs.py
  tests/bench/planted_bugs.py --seeds 1,2,3 --prove
  tests/bench/planted_bugs.py --set "one fix" --show
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path

from distil import BIN, ROOT, seeds

sys.path.insert(0, str(ROOT / "tests" / "lib"))

import planted  # noqa: E402
from planted_runs import (  # noqa: E402
    COMPILERS, Build, Crash, Score, by, clusterfuzz, missing, ours, pairs, prove, run_all)

LEVELS = ("-O0", "-O1", "-O2")
KINDS = {"told": False, "beyond": True}  # sets; whether no stack can tell them
WORDS = {False: "of one build", True: "of two builds"}
GOALS = {"precision": 0.98, "recall": 0.90}


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="1,fresh", help="of the programs; fresh: a new one")
    parser.add_argument("--set", default="", help="this one alone")
    parser.add_argument("--prove", action="store_true", help="that each fix ends what it should")
    parser.add_argument("--show", action="store_true", help="whatever disagrees")
    parser.add_argument("--keep", type=Path, help="the programs and reports, in this folder")
    return parser.parse_args()


def builds() -> list[Build]:
    some = [Build(compiler, level, tool) for compiler in COMPILERS for level in LEVELS
            for tool in ("asan", "ubsan", "tsan")]
    moved = [Build("clang-19", "-O1", tool, is_moved=True) for tool in ("asan", "ubsan", "tsan")]
    return [build for build in some + moved if not missing(build)]


def measure(crashes: list[Crash], key) -> dict[tuple[str, bool], tuple]:
    """By set, and whether of two builds. One build at a time, as a farm has it; then all that a
    set's builds brought, one after the other."""
    found = {}
    for name, mine in by(crashes, lambda c: c.program).items():
        within, wrong = Score(), Counter()
        for one in by(mine, lambda c: c.build).values():
            score, what = pairs(one, key(BIN / "ironworks", one), False)
            within += score
            wrong += what
        found[name, False] = within, wrong
        found[name, True] = pairs(mine, key(BIN / "ironworks", mine), True)
    return found


def total(found: dict[tuple[str, bool], tuple], across: bool, names: set[str]) -> Score:
    score = Score()
    for (name, is_across), (one, _) in found.items():
        if is_across == across and name in names:
            score += one
    return score


def row(name: str, score: Score, theirs: Score) -> None:
    print(f"  {name:12} {score.true:7} pairs  ours {score.precision:.4f} {score.recall:.4f}  "
          f"ClusterFuzz's key {theirs.precision:.4f} {theirs.recall:.4f}")


def main() -> None:
    args = parse_args()
    used = seeds(args.seeds)
    home = args.keep or Path(tempfile.mkdtemp())
    scores: dict[tuple[str, bool], tuple[Score, Score]] = {
        (kind, across): (Score(), Score()) for kind in KINDS for across in WORDS}
    wrong_truths = []
    for seed in used:
        programs = [p for p in planted.programs(seed) if args.set in ("", p.name)]
        place = home / f"seed-{seed}"
        if args.prove:
            for program in programs:
                tool = program.tools[0]
                wrong_truths += prove(program, Build("clang-19", "-O1", tool), place / "proof")
        crashes = run_all(programs, builds(), place)
        us, them = measure(crashes, ours), measure(crashes, clusterfuzz)
        print(f"seed {seed}: {len(crashes)} crashes of {sum(len(p.bugs) for p in programs)} faults, "
              f"{len({c.build for c in crashes})} builds; precision and recall of pairs")
        for across, words in WORDS.items():
            print(f" {words}")
            for program in programs:
                score, wrong = us[program.name, across]
                row(program.name, score, them[program.name, across][0])
                if args.show:
                    for (kind, a, b), n in sorted(wrong.items()):
                        print(f"      {kind} {a} {b}: {n}")
            for kind, is_beyond in KINDS.items():
                names = {p.name for p in programs if bool(p.beyond) == is_beyond}
                for both, found in zip(scores[kind, across], (us, them)):
                    both += total(found, across, names)
                row(kind, total(us, across, names), total(them, across, names))
    for program in programs:
        if program.beyond:
            print(f"{program.name}: {program.beyond}")
    for line in wrong_truths:
        print(f"no truth: {line}")
    if not args.keep:
        shutil.rmtree(home)
    measures = []
    for (kind, across), (mine, theirs) in scores.items():
        for field, goal in GOALS.items():
            value = getattr(mine, field)
            measures.append({
                "name": f"pair {field}, {kind}, {WORDS[across]}", "value": round(value, 4),
                "goal": None if KINDS[kind] else goal, "better": "higher",
                "met": KINDS[kind] or value >= goal, "pairs": mine.true,
                "clusterfuzz": round(getattr(theirs, field), 4)})
    if args.prove:
        measures.append({"name": "fixes that do not end what they should", "value": len(wrong_truths),
                         "goal": 0, "better": "lower", "met": not wrong_truths})
    print(json.dumps({"bench": "planted_bugs", "seeds": used, "measures": measures}))


if __name__ == "__main__":
    main()
