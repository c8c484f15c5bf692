#!/usr/bin/env python3
"""What the farm costs: executions per core-second of the farm over the engine run bare.

A is `ironworks run` with one core, one target and one flavour on a state that has been fuzzed
before, all it does in that time included: handing out the corpus, storing and measuring what
is new. B is the very command that the farm gave the engine, read from the job's spec, without
sandbox and keeper, pinned to the same core, on a copy of the corpus that the farm handed out.
A and B take turns. Beside it: the CPU time of the supervisor itself.

The last line is JSON.

Examples:
  tests/bench/farm.py
  tests/bench/farm.py --pairs 20 --for 60
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from distil import BIN, ROOT, interval, say

GOAL, SUPERVISOR_GOAL = 0.95, 0.02
#: Target and flavour of each adapter: plain ones, on which the planted bugs of the demo do
#: not end the engine all the time.
SUBJECTS = {"zstd": "simple_round_trip", "demo": "transaction"}
WARM_S = 60
TICKS = os.sysconf("SC_CLK_TCK")


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=10, help="A and B so often (at least 10)")
    parser.add_argument("--for", dest="seconds", type=int, default=30, help="each of them")
    args = parser.parse_args()
    if args.pairs < 10:
        parser.error("fewer than ten pairs say nothing")
    return args


def make_adapter(home: Path, name: str, target: str) -> Path:
    """The adapter with nothing but the target, in its plain flavour."""
    folder = home / name
    shutil.copytree(ROOT / "adapters" / name, folder)
    path = folder / "adapter.json"
    document = json.loads(path.read_text())
    document["flavours"] = ["libfuzzer"]
    document["targets"] = [t for t in document["targets"] if t["name"] == target]
    document.pop("discover", None)
    path.write_text(json.dumps(document))
    return folder


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


class Watched:
    """The engine's first command and corpus, and the supervisor's CPU time, seen from
    outside while it runs."""

    def __init__(self, state: Path, keep: Path):
        self.state, self.keep = state, keep
        self.command: list[str] = []
        self.started = self.cpu_before = self.cpu = 0.0
        self.wall = 0.0

    def look(self, pid: int) -> None:
        now = time.monotonic()
        for spec in self.state.glob("jobs/fuzz-*/spec"):
            if not self.command:
                self.take(spec)
                self.started, self.cpu_before = now, cpu_seconds(pid)
        if self.command:
            self.cpu, self.wall = cpu_seconds(pid) - self.cpu_before, now - self.started

    def take(self, spec: Path) -> None:
        words = [w.removeprefix("arg=") for w in spec.read_text().split("\0")
                 if w.startswith("arg=")]
        env = dict(w.removeprefix("env=").split("=", 1) for w in spec.read_text().split("\0")
                   if w.startswith("env="))
        shutil.copytree(spec.parent / "work" / "corpus", self.keep / "corpus")
        self.command = words[words.index("--") + 1:]
        self.env = env


def farm(adapter: Path, state: Path, seconds: int, keep: Path) -> tuple[Watched, int]:
    """Executions of the run; the corpus and command of its first slice are kept."""
    keep.mkdir()
    watched = Watched(state, keep)
    before = executions(state)
    run = subprocess.Popen(
        ["taskset", "-c", "0", BIN / "ironworks", "run", adapter, "--for", f"{seconds}s",
         "--cores", "1", "--state", state, "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while run.poll() is None:
        try:
            watched.look(run.pid)
        except (FileNotFoundError, ProcessLookupError, shutil.Error):
            shutil.rmtree(keep / "corpus", ignore_errors=True)
        time.sleep(0.02)
    if run.returncode not in (0, 1):
        raise SystemExit(run.stderr.read())
    return watched, executions(state) - before


def executions(state: Path) -> int:
    if not (state / "ironworks.db").exists():
        return 0
    done = subprocess.run([BIN / "ironworks", "status", "--state", state, "--json"],
                          capture_output=True, text=True, check=True)
    return sum(t["executions"] for t in json.loads(done.stdout)["targets"])


def bare(watched: Watched, seconds: int, work: Path) -> int:
    """The same command on the same core, in a folder of its own."""
    shutil.copytree(watched.keep / "corpus", work / "corpus")
    (work / "artifacts").mkdir()
    old = watched.command[-1].removesuffix("/corpus")
    words = [re.sub(r"^-max_total_time=.*", f"-max_total_time={seconds}",
                    w.replace(old, str(work))) for w in watched.command]
    done = subprocess.run(["taskset", "-c", "0", *words], env=watched.env, cwd=work,
                          capture_output=True, text=True, errors="replace", check=False)
    found = re.search(r"stat::number_of_executed_units: *(\d+)", done.stderr)
    if not found:
        raise SystemExit(f"the engine ended early:\n{done.stderr[-1500:]}")
    return int(found.group(1))


def compare(args, name: str, target: str, scratch: Path) -> list[dict]:
    adapter = make_adapter(scratch, name, target)
    warm = scratch / f"{name}-warm"
    say(f"{name}: fuzzing {target} for {WARM_S} s first")
    farm(adapter, warm, WARM_S, scratch / f"{name}-first")
    ratios, supervisor = [], []
    say(f"{'pair':>4} {'A exec/s':>10} {'B exec/s':>10} {'ratio':>7} {'supervisor':>10}")
    for i in range(args.pairs):
        state, keep = scratch / f"{name}-state{i}", scratch / f"{name}-keep{i}"
        shutil.copytree(warm, state, symlinks=True)
        watched, a = farm(adapter, state, args.seconds, keep)
        b = bare(watched, args.seconds, keep / "bare")
        ratios.append(a / b)
        supervisor.append(watched.cpu / watched.wall)
        say(f"{i + 1:4} {a / args.seconds:10.0f} {b / args.seconds:10.0f} {a / b:7.3f} "
            f"{supervisor[-1]:10.3%}")
        shutil.rmtree(state)
        shutil.rmtree(keep)
    low, high = interval(ratios)
    print(f"{name}: A/B median {statistics.median(ratios):.3f}, 95 % interval {low:.3f} to "
          f"{high:.3f}, goal {GOAL}")
    cost = interval(supervisor)[1]
    return [
        {"name": f"{name}_ratio", "value": round(low, 3), "goal": GOAL, "better": "higher",
         "met": low >= GOAL},
        {"name": f"{name}_supervisor_cores", "value": round(cost, 4), "goal": SUPERVISOR_GOAL,
         "better": "lower", "met": cost <= SUPERVISOR_GOAL},
    ]


def main() -> int:
    args = parse_args()
    measures = []
    with tempfile.TemporaryDirectory(prefix="bench-farm-") as name:
        for adapter, target in SUBJECTS.items():
            measures += compare(args, adapter, target, Path(name))
    print(json.dumps({"bench": "farm", "measures": measures}))
    return 0 if all(m["met"] for m in measures) else 1


if __name__ == "__main__":
    sys.exit(main())
