#!/usr/bin/env python3
"""How small `ironworks minimize` makes crashing inputs, beside libFuzzer and afl-tmin.

For each crash (tests/bench/minimize_crashes.py) each tool gets 60 CPU seconds of one core. What it
writes is watched, so that each gain has a CPU second: all processes that the tool started count.
The mark to beat is the smaller of the two peers' results that still show the bug, and the CPU time
of the last gain of whoever made it. Ours is then the size at the end, and the CPU time at which it
was first no larger than the mark.

libFuzzer says each smaller size when it has it. afl-tmin says the size only when it begins a new
block length: its last gain is counted as early as it can have been, which is not in our favour.
What the peers did is kept in build/bench/ with the programs; --peers runs them again. The last line is
JSON.

Examples:
  tests/bench/minimize.py
  tests/bench/minimize.py --only skippable,assert
"""

from __future__ import annotations

import argparse
import ctypes
import hashlib
import json
import math
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import minimize_crashes
from distil import BIN, ROOT, recipe_key, say

LIMIT_S = 60        # CPU seconds of each tool
WALL_FACTOR = 6     # a busy machine gives it this many times longer
LOOK_S = 0.005
SIZE_GOAL, CPU_AIM = 1.0, 0.2
PR_SET_CHILD_SUBREAPER = 36
TICK = os.sysconf("SC_CLK_TCK")


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", metavar="NAME,NAME", help="these crashes alone")
    parser.add_argument("--peers", action="store_true", help="run the peers again")
    parser.add_argument("--no-ours", action="store_true", help="only the peers")
    return parser.parse_args()


# -- CPU time of a tool with all its children ------------------------------------------------

def children_of(pid: int) -> list[int]:
    try:
        names = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [int(name) for name in names]


def live_cpu(pid: int) -> float:
    """Of a process and of the children that it has waited for, and so on below it."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) / TICK + sum(map(live_cpu, children_of(pid)))


class Tool:
    """A command that runs. We inherit what its children leave behind, so nothing that it
    starts is lost: what was waited for is in our own account, the rest is alive."""

    def __init__(self, argv: list, cwd: Path, env: dict[str, str]):
        self.before = self._waited()
        self.status: int | None = None
        self.said = b""
        # A terminal, or lines would come when a buffer is full.
        self.terminal, out = os.openpty()
        os.set_blocking(self.terminal, False)
        self.pid = os.posix_spawn(
            str(argv[0]), [str(a) for a in argv], {**os.environ, **env, "TMPDIR": str(cwd)},
            file_actions=[(os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
                          (os.POSIX_SPAWN_DUP2, out, 1), (os.POSIX_SPAWN_DUP2, out, 2)])
        os.close(out)

    def hear(self) -> bytes:
        """All that it has said by now."""
        try:
            while data := os.read(self.terminal, 1 << 16):
                self.said += data
        except OSError:
            pass
        return self.said

    @staticmethod
    def _waited() -> float:
        times = os.times()
        return times.children_user + times.children_system

    def reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid == self.pid:
                self.status = status

    def cpu(self) -> float:
        self.reap()
        return (self._waited() - self.before
                + sum(live_cpu(pid) for pid in children_of(os.getpid())))

    def end(self) -> bytes:
        """Asks it, then whatever is left is killed."""
        if self.status is None:
            os.kill(self.pid, signal.SIGINT)
        deadline = time.monotonic() + 10
        while self.status is None and time.monotonic() < deadline:
            self.reap()
            time.sleep(0.02)
        while children_of(os.getpid()):
            for pid in children_of(os.getpid()):
                os.kill(pid, signal.SIGKILL)
            self.reap()
            time.sleep(0.02)
        said = self.hear()
        os.close(self.terminal)
        return said


# -- the three tools -------------------------------------------------------------------------

@dataclass
class Gain:
    cpu_s: float
    size: int


@dataclass
class Run:
    gains: list[Gain]       # falling sizes; the first is the start's
    size: int               # of the result
    is_same: bool           # it shows the bug
    cpu_s: float            # in all

    def reached(self, size: int) -> float | None:
        return next((gain.cpu_s for gain in self.gains if gain.size <= size), None)


LIBFUZZER_SIZE = re.compile(rb"CRASH_MIN: minimizing crash input: .* \((\d+) bytes\)")
TMIN_SIZE = re.compile(rb"remaining size = (\d+)|\(to (\d+) bytes\)")


def watch(argv: list, cwd: Path, env: dict[str, str], start: int, look,
          is_late: bool = False) -> tuple[list[Gain], float]:
    """Runs a tool to its end or limit. look(what it has said) tells the size now, or None. Is it
    late, a size is as old as the one before could be."""
    tool = Tool(argv, cwd, env)
    gains, seen, cpu = [Gain(0.0, start)], (None, 0.0), 0.0
    deadline = time.monotonic() + WALL_FACTOR * LIMIT_S

    def take(said: bytes) -> None:
        nonlocal seen
        size = look(said)
        lines = said.count(b"\n")
        if size is not None and size < gains[-1].size:
            gains.append(Gain(round(seen[1] if is_late else cpu, 3), size))
        if lines != seen[0]:
            seen = (lines, cpu)

    while tool.status is None and cpu <= LIMIT_S and time.monotonic() < deadline:
        said, cpu = tool.hear(), tool.cpu()
        take(said)
        time.sleep(LOOK_S)
    take(tool.end())
    return gains, round(tool.cpu(), 3)


def last_match(pattern: re.Pattern, text: bytes) -> int | None:
    found = pattern.findall(text)
    if not found:
        return None
    return int(found[-1] if isinstance(found[-1], bytes) else b"".join(found[-1]))


def run_libfuzzer(crash, cwd: Path, start: int) -> tuple[list[Gain], float]:
    return watch([crash.binary, "-minimize_crash=1", "-max_total_time=600", "-rss_limit_mb=0",
                  f"-exact_artifact_path={cwd}/result", cwd / "input"],
                 cwd, {}, start, lambda said: last_match(LIBFUZZER_SIZE, said))


def run_tmin(crash, cwd: Path, start: int) -> tuple[list[Gain], float]:
    return watch(["/usr/bin/afl-tmin", "-m", "none", "-i", cwd / "input", "-o", cwd / "result",
                  "--", crash.afl_binary], cwd,
                 {"AFL_SKIP_CPUFREQ": "1", "AFL_NO_AFFINITY": "1", "NO_COLOR": "1"}, start,
                 lambda said: last_match(TMIN_SIZE, said), is_late=True)


def run_ours(crash, cwd: Path, start: int) -> tuple[list[Gain], float]:
    def look(_said: bytes) -> int | None:
        try:
            return (cwd / "result").stat().st_size
        except FileNotFoundError:
            return None

    return watch([BIN / "ironworks", "minimize", cwd / "input", "--binary", crash.binary, "--out",
                  cwd / "result", "--jobs", "1", "--budget", f"{WALL_FACTOR * LIMIT_S}s", "--json"],
                 cwd, {}, start, look)


TOOLS = {"libfuzzer": run_libfuzzer, "afl-tmin": run_tmin, "ours": run_ours}


def run_tool(name: str, crash, scratch: Path) -> Run:
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        cwd = Path(folder)
        data = crash.file.read_bytes()
        (cwd / "input").write_bytes(data)
        gains, cpu = TOOLS[name](crash, cwd, len(data))
        result = cwd / "result"
        if not result.exists():
            result.write_bytes(data)
        run = Run(gains, result.stat().st_size, crash.shows(result, cwd), cpu)
        say(f"  {name:10} {run.size:6} bytes, last gain at {gains[-1].cpu_s:6.2f} of {cpu:6.2f} "
            f"CPU s{'' if run.is_same else '; ANOTHER BUG'}")
        return run


def peer_run(name: str, crash, cache: Path, scratch: Path, again: bool) -> Run:
    """Kept under what it depends on: the program and the input."""
    digest = hashlib.sha256(crash.file.read_bytes())
    digest.update((crash.binary if name == "libfuzzer" else crash.afl_binary).read_bytes())
    path = cache / "peers" / f"{name}-{crash.name}-{digest.hexdigest()[:12]}.json"
    if path.exists() and not again:
        kept = json.loads(path.read_text())
        return Run([Gain(**gain) for gain in kept.pop("gains")], **kept)
    run = run_tool(name, crash, scratch)
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(asdict(run)))
    return run


# -- numbers -----------------------------------------------------------------------------------

def mark_of(peers: list[Run]) -> Gain:
    """The smaller result that shows the bug; of equal ones the earlier. Neither: the start."""
    marks = [run.gains[-1] for run in peers if run.is_same]
    return min(marks or [peers[0].gains[0]], key=lambda gain: (gain.size, gain.cpu_s))


def compare(args, crashes, cache: Path, scratch: Path) -> list[dict]:
    sizes, cpus, same = [], [], []
    rows = []
    for crash in crashes:
        say(f"{crash.name}: {crash.file.stat().st_size} bytes")
        peers = [peer_run(name, crash, cache, scratch, args.peers)
                 for name in ("libfuzzer", "afl-tmin")]
        if args.no_ours:
            continue
        ours, mark = run_tool("ours", crash, scratch), mark_of(peers)
        same.append(ours.is_same)
        sizes.append(ours.size / mark.size)
        reached = ours.reached(mark.size)
        # Where no peer made it smaller there is nothing to reach.
        if mark.cpu_s > 0:
            cpus.append((reached if reached is not None else max(ours.cpu_s, LIMIT_S)) / mark.cpu_s)
        rows.append(f"{crash.name:16}{crash.file.stat().st_size:7}" + "".join(
            f"{run.size:8}{run.gains[-1].cpu_s:8.2f}{' ' if run.is_same else '!'}"
            for run in [*peers, ours]) + f"{sizes[-1]:8.3f}"
            + ("" if reached is None else f"{reached:8.2f}")
            + (f"{cpus[-1]:8.3f}" if mark.cpu_s > 0 else "       -"))
        say(rows[-1])
    if args.no_ours:
        return []
    print(f"{'crash':16}{'start':>7}{'libFuzzer':>9}{'at s':>7} {'afl-tmin':>8}{'at s':>8} {'ours':>8}"
          f"{'at s':>8} {'size':>8}{'mark at':>8}{'cpu':>8}   (! another bug)")
    print("\n".join(rows))
    ratio = statistics.median(sizes)
    cpu = math.exp(statistics.fmean(map(math.log, cpus))) if cpus else 0.0
    return [
        {"name": "crashes", "value": len(crashes), "goal": 15, "better": "higher",
         "met": len(crashes) >= 15},
        {"name": "size_ratio_median", "value": round(ratio, 3), "goal": SIZE_GOAL,
         "better": "lower", "met": ratio <= SIZE_GOAL},
        {"name": "size_ratio_worst", "value": round(max(sizes), 3), "goal": None,
         "better": "lower", "met": True},
        {"name": "another_bug", "value": same.count(False), "goal": 0, "better": "lower",
         "met": all(same)},
        {"name": "cpu_ratio_geometric_mean", "value": round(cpu, 3), "goal": CPU_AIM,
         "better": "lower", "met": cpu <= CPU_AIM},
    ]


def main() -> int:
    args = parse_args()
    if not (BIN / "ironworks").exists():
        raise SystemExit(f"no {BIN}/ironworks; build it first, or set IRONWORKS_BIN")
    for name in ("/usr/bin/afl-tmin", "/usr/bin/zstd"):
        if not Path(name).exists():
            raise SystemExit(f"'{name}' is missing")
    cache = ROOT / "build" / "bench" / f"minimize-{minimize_crashes.key()}"
    crashes = minimize_crashes.all_crashes(cache, ROOT / "build" / "bench" / f"zstd-{recipe_key()}")
    if args.only:
        crashes = [crash for crash in crashes if crash.name in args.only.split(",")]
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    with tempfile.TemporaryDirectory(dir=cache, prefix="run-") as name:
        measures = compare(args, crashes, cache, Path(name))
    print(json.dumps({"bench": "minimize", "measures": measures}))
    return 0 if all(m["met"] for m in measures) else 1


if __name__ == "__main__":
    sys.exit(main())
