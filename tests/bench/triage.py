#!/usr/bin/env python3
"""Where the time of `ironworks triage` goes: 1,000 files on a target with ten planted faults.

The target is tests/data/triage/ten_bugs.c under AddressSanitizer; the files are made from messages
that reach each fault, with random messages around them and some bytes changed, by a seed that is
fresh unless one is given. Each fault must come out as one bug, with its input made small.

Counted is CPU time: that of the targets' jobs (the sandbox that is made for each of them included),
and that of everything, which the command waited for. Slots are busy when a job has them. The last
line is JSON.

Examples:
  tests/bench/triage.py
  tests/bench/triage.py --seed 7 --files 5000
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("IRONWORKS_BIN", ROOT / "build" / "release" / "bin"))
SOURCE = ROOT / "tests" / "data" / "triage" / "ten_bugs.c"
GOAL = 0.9

#: A body that reaches the fault of each kind of message.
BODIES = [b'"abcdef', b"\x01\x02\x7f\x04", b"0123456789012345678", b"\x14zz", b"?abcd",
          b"\x05\x05\xc8z", b"a\xf0bca", b"((((", b"\x0f\xf0abc", b"kkk"]
FUNCTIONS = {"read_text", "read_list", "read_digits", "read_index", "read_optional", "read_ratio",
             "read_asserted", "read_nested", "read_twice", "read_kept"}
HARMLESS = range(10, 16)


def message(rng, kinds, longest):
    body = rng.randbytes(rng.randrange(longest))
    return bytes([rng.choice(kinds), len(body)]) + body


def make_file(rng):
    kind = rng.randrange(len(BODIES))
    parts = [message(rng, HARMLESS, 60) for _ in range(rng.randrange(1, 12))]
    parts.append(bytes([kind + 16 * rng.randrange(16), len(BODIES[kind])]) + BODIES[kind])
    parts += [message(rng, range(16), 40) for _ in range(rng.randrange(6))]
    data = bytearray(b"".join(parts))
    if rng.random() < 0.3:
        for _ in range(3):
            data[rng.randrange(len(data))] = rng.randrange(256)
    return bytes(data)


def children_seconds():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measure(home, target, minimize):
    """One run, and what it says of itself."""
    before = children_seconds()
    words = [] if minimize else ["--no-minimize"]
    done = subprocess.run([BIN / "ironworks", "triage", home / "files", "--binary", target, "--out",
                           home / f"out-{minimize}", "--json", *words], check=False,
                          capture_output=True, text=True)
    if done.returncode != 1:
        sys.exit(f"triage ended with {done.returncode}: {done.stderr}")
    answer = json.loads(done.stdout)
    whole = children_seconds() - before
    work = answer["work"]
    return answer, {"cpu_s": round(whole, 2), "targets_cpu_s": round(work["target_seconds"], 2),
                    "own_cpu_s": round(work["own_seconds"], 2), "wall_s": round(answer["seconds"], 1),
                    "targets_share": round(work["target_seconds"] / whole, 3),
                    "own_share": round(work["own_seconds"] / whole, 3),
                    "slots": work["slots"], "slots_busy": round(work["busy"], 3)}


def say(name, row):
    print(f"{name:12} {row['cpu_s']:6.1f} s of CPU: targets {row['targets_share']:.1%}, ourselves "
          f"{row['own_share']:.1%}; {row['wall_s']} s, slots busy {row['slots_busy']:.1%}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    options = parser.parse_args()
    clang = shutil.which("clang-19") or shutil.which("clang")
    if not clang:
        sys.exit("there is no clang")
    print(f"seed {options.seed}")
    rng = random.Random(options.seed)
    with tempfile.TemporaryDirectory(prefix="bench-triage-") as name:
        home = Path(name)
        (home / "files").mkdir()
        (home / "build").mkdir()
        target = home / "build" / "ten_bugs"
        subprocess.run([clang, "-O1", "-g", "-fno-omit-frame-pointer",
                        "-fno-optimize-sibling-calls", "-fsanitize=fuzzer,address",
                        SOURCE, "-o", target], check=True)
        for i in range(options.files):
            (home / "files" / f"{i:05}").write_bytes(make_file(rng))
        answer, judged = measure(home, target, False)
        say("which bugs", judged)
        answer, whole = measure(home, target, True)
        say("and smaller", whole)
    found = {next((f for f in b["frames"] if f in FUNCTIONS), b["headline"]) for b in answer["bugs"]}
    print(f"{len(answer['bugs'])} bugs; bytes {[b['size_before'] for b in answer['bugs']]} -> "
          f"{[b['size'] for b in answer['bugs']]}")
    values = {"planted faults that are one bug each":
                  (len(FUNCTIONS & found) if len(answer["bugs"]) == len(found) else 0, len(FUNCTIONS)),
              "share of CPU time in targets": (whole["targets_share"], GOAL),
              "slots busy": (whole["slots_busy"], GOAL)}
    measures = [{"name": name, "value": value, "goal": goal, "better": "higher", "met": value >= goal}
                for name, (value, goal) in values.items()]
    print(json.dumps({"bench": "triage", "seed": options.seed, "files": options.files,
                      "judged": judged, "minimized": whole, "measures": measures}))
    return 0 if all(m["met"] for m in measures) else 1


if __name__ == "__main__":
    sys.exit(main())
