#!/usr/bin/env python3
"""What size costs: many engines, and a large database. The engines are fake: they play libFuzzer
without fuzzing, so all that is measured is the supervisor.

Engines: `ironworks run` with 256 targets on a machine that says it has 256 cores; each engine finds
a unit every half minute, and each of them ends and is started anew once in the time that is
measured, which is as long as a slice of an always-on farm. Measured: the CPU time and memory of the
supervisor.

Database: `ironworks serve` on a state folder with 1,000 targets, 100,000 crashes, 5,000 bugs and
1,000,000 units. Measured, from the start of the process, as medians: the first answer to /healthz
and the first engine that runs; then lists and pages of the API, 100 times each, the 99th
percentile of the slowest.

The last line is JSON.

Examples:
  tests/bench/scale.py
  tests/bench/scale.py --only database --units 100000
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
# pylint: disable=wrong-import-position
from scale_state import Filler

from distil import BIN, ROOT, say
from farm import cpu_seconds

GOALS = {"supervisor_cores": 0.05, "supervisor_rss_mib": 64, "start_answer_s": 1.0, "start_engine_s": 1.0,
         "api_p99_ms": 50}
FAKE = ROOT / "tests" / "fake"
#: -Wl,--wrap: the keeper must not try to pin a job to a core that is not there.
KEEPER = ["cc", "-std=gnu17", "-O2", "-static", "-D_GNU_SOURCE", f"-I{ROOT}/supervisor",
          "-Wl,--wrap=sched_setaffinity"]
BUILD = """#!/bin/sh
set -eu
$CC -O1 -DLEDGER='"{ledger}"' {more} "$SRC/engine.c" -o "$OUT/t0000"
i=1
while [ $i -lt {count} ]; do
	ln "$OUT/t0000" "$OUT/$(printf t%04d $i)"
	i=$((i + 1))
done
"""
PATHS = ["/healthz", "/metrics", "/", "/api/v1/farm", "/api/v1/targets", "/api/v1/targets/{target}",
         "/api/v1/targets/{target}/history", "/api/v1/prs", "/api/v1/bugs", "/api/v1/bugs?state=flaky",
         "/api/v1/bugs?target=t{target:04d}", "/api/v1/bugs?pr=17", "/api/v1/bugs?before={bug}",
         "/api/v1/bugs?limit=1000", "/api/v1/bugs/{bug}", "/api/v1/crashes", "/api/v1/crashes?bug=3",
         "/api/v1/crashes?state=unreproducible", "/api/v1/crashes?limit=1000", "/api/v1/crashes/{crash}"]


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=["engines", "database"], help="one of the two")
    parser.add_argument("--engines", type=int, default=256)
    parser.add_argument("--seconds", type=int, default=300, help="how long engines are watched")
    parser.add_argument("--find-s", type=int, default=30, help="seconds between two units of an engine")
    parser.add_argument("--targets", type=int, default=1000)
    parser.add_argument("--crashes", type=int, default=100_000)
    parser.add_argument("--bugs", type=int, default=5000)
    parser.add_argument("--units", type=int, default=1_000_000)
    parser.add_argument("--starts", type=int, default=5)
    parser.add_argument("--asks", type=int, default=100, help="how often each path is asked for")
    return parser.parse_args()


def make_adapter(place: Path, count: int, more: str = "") -> Path:
    source, adapter = place / "source", place / "fake"
    source.mkdir(parents=True)
    adapter.mkdir()
    shutil.copy(FAKE / "engine.c", source)
    git = ["git", "-C", source, "-c", "user.name=Bench", "-c", "user.email=bench@example.org"]
    for words in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "The engine"]):
        subprocess.run([*git, *words], check=True)
    (adapter / "build.sh").write_text(BUILD.format(ledger=place / "ledger", more=more, count=count))
    (adapter / "build.sh").chmod(0o755)
    (adapter / "adapter.json").write_text(json.dumps({
        "name": "fake", "title": "fake engines", "source": {"git": str(source), "branch": "main"},
        "build": {"command": ["./build.sh"], "timeout_s": 600}, "flavours": ["libfuzzer"],
        "targets": [{"name": f"t{i:04d}", "max_len": 64, "timeout_s": 2, "leaks": False}
                    for i in range(count)]}))
    return adapter


class Wide:
    """The programs on a machine that says it has so many cores."""

    def __init__(self, place: Path, cores: int):
        self.bin = place / "bin"
        self.bin.mkdir()
        for name in ("ironworks", "ironworks-driver.so", "ironworks-inbox.so"):
            shutil.copy(BIN / name, self.bin)
        subprocess.run([*KEEPER, *sorted((ROOT / "supervisor/base/keeper").glob("*.c")), FAKE / "cores.c",
                        "-o", self.bin / "ironworks-job"], check=True)
        subprocess.run(["cc", "-std=gnu17", "-D_GNU_SOURCE", "-O1", "-shared", "-fPIC", FAKE / "cores.c",
                        "-o", place / "cores.so"], check=True)
        self.env = os.environ | {"LD_PRELOAD": str(place / "cores.so"), "FAKE_CORES": str(cores)}


class Socket(http.client.HTTPConnection):
    def __init__(self, path: Path):
        super().__init__("localhost", timeout=60)
        self.path = str(path)

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(60)
        self.sock.connect(self.path)


def ask(state: Path, path: str) -> bytes:
    connection = Socket(state / "socket")
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise SystemExit(f"{path} answers {answer.status}: {body[:200]!r}")
        return body
    finally:
        connection.close()


def wait_for(condition, run: subprocess.Popen, what: str, seconds: float = 300):
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if run.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f"in vain: {what}\n{run.stderr.read() if run.stderr else ''}")
        time.sleep(0.002)
    return value


def rss_mib(pid: int) -> float:
    text = Path(f"/proc/{pid}/status").read_text()
    return int(text.split("VmHWM:")[1].split()[0]) / 1024


def is_answering(state: Path) -> bool:
    try:
        return bool(ask(state, "/healthz"))
    except OSError:
        return False


# -- engines ------------------------------------------------------------------------------


def engines_running(state: Path) -> int:
    try:
        return json.loads(ask(state, "/api/v1/farm"))["engines"]
    except OSError:
        return 0


def measure_engines(args: argparse.Namespace, place: Path) -> list[dict]:
    wide = Wide(place, args.engines)
    adapter = make_adapter(
        place, args.engines, f"-DUNIT_PAUSE_US={args.find_s}000000 -DUNITS_PER_CRASH=1000000")
    state = place / "state"
    say(f"engines: {args.engines} fake ones")
    run = subprocess.Popen(
        [wide.bin / "ironworks", "run", adapter, "--for", f"{4 * args.seconds}s", "--cores", str(args.engines),
         "--state", state, "--no-sandbox"], env=wide.env, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: engines_running(state) == args.engines, run, "all engines run", 600)
        before, began = cpu_seconds(run.pid), time.monotonic()
        time.sleep(args.seconds)
        cores = (cpu_seconds(run.pid) - before) / (time.monotonic() - began)
        still, rss = engines_running(state), rss_mib(run.pid)
    finally:
        run.terminate()
        run.wait(300)
    say(f"engines: supervisor {cores:.2%} of a core, {rss:.1f} MiB at most; {still} engines at the end")
    return [measure("supervisor_cores", cores), measure("supervisor_rss_mib", rss)]


# -- the database -------------------------------------------------------------------------


def make_state(args: argparse.Namespace, place: Path) -> tuple[Path, Path]:
    adapter = make_adapter(place, args.targets, "-DUNIT_PAUSE_US=30000000 -DUNITS_PER_CRASH=1000000")
    state = place / "state"
    say("database: building the adapter, checking each of its targets once")
    done = subprocess.run([BIN / "ironworks", "run", adapter, "--for", "1s", "--state", state, "--no-sandbox"],
                          capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        raise SystemExit(done.stderr[-2000:])
    say("database: filling it")
    Filler(state, vars(args)).fill()
    return adapter, state


def start(adapter: Path, state: Path) -> tuple[subprocess.Popen, float, float]:
    """The service; until it answered, until an engine ran."""
    began = time.monotonic()
    run = subprocess.Popen(
        [BIN / "ironworks", "serve", adapter, "--state", state, "--no-sandbox", "--http", "off"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for(lambda: is_answering(state), run, "an answer")
    answered = time.monotonic() - began
    wait_for(lambda: next(state.glob("jobs/fuzz-*/keeper"), None), run, "an engine", 900)
    return run, answered, time.monotonic() - began


def stop(state: Path) -> None:
    subprocess.run([BIN / "ironworks", "stop", "--state", state], check=True, stdout=subprocess.DEVNULL)


def cpu_ms(pid: int) -> float:
    """Of all its threads, to the nanosecond."""
    return sum(int(task.read_text().split()[0])
               for task in Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e6


def measure_paths(args: argparse.Namespace, state: Path, pid: int) -> float:
    """Asked in turn, so that what else the machine does hits all of them. CPU time is the
    supervisor's, whatever it did at that time."""
    middle = {"target": args.targets // 2, "bug": args.bugs // 2, "crash": args.crashes // 2}
    taken: dict[str, list[float]] = {path.format(**middle): [] for path in PATHS}
    sizes, costs = {}, {path: [] for path in taken}
    for _ in range(args.asks):
        for path, times in taken.items():
            began, before = time.monotonic(), cpu_ms(pid)
            sizes[path] = len(ask(state, path))
            costs[path].append(cpu_ms(pid) - before)
            times.append((time.monotonic() - began) * 1000)
    say(f"{'path':40} {'bytes':>9} {'CPU ms':>9} {'median ms':>9} {'p99 ms':>9}")
    worst = 0.0
    for path, times in taken.items():
        p99 = sorted(times)[min(len(times) - 1, len(times) * 99 // 100)]
        say(f"{path:40} {sizes[path]:9} {statistics.median(costs[path]):9.1f} "
            f"{statistics.median(times):9.1f} {p99:9.1f}")
        worst = max(worst, p99)
    return worst


def measure_database(args: argparse.Namespace, place: Path) -> list[dict]:
    adapter, state = make_state(args, place)
    answers, engines = [], []
    try:
        for i in range(args.starts):
            run, answered, engine = start(adapter, state)
            answers.append(answered)
            engines.append(engine)
            say(f"start {i + 1}: answers after {answered:.3f} s, an engine after {engine:.3f} s, "
                f"CPU {cpu_seconds(run.pid):.2f} s, {rss_mib(run.pid):.0f} MiB")
            if i + 1 < args.starts:
                stop(state)
        worst = measure_paths(args, state, run.pid)
        say(f"database: supervisor {rss_mib(run.pid):.0f} MiB at most")
    finally:
        stop(state)
    return [measure("start_answer_s", statistics.median(answers)),
            measure("start_engine_s", statistics.median(engines)), measure("api_p99_ms", worst)]


def measure(name: str, value: float) -> dict:
    return {"name": name, "value": round(value, 4), "goal": GOALS[name], "better": "lower",
            "met": value <= GOALS[name]}


def main() -> int:
    args = parse_args()
    measures = []
    with tempfile.TemporaryDirectory(prefix="bench-scale-") as name:
        for what, take in (("engines", measure_engines), ("database", measure_database)):
            if args.only in (None, what):
                place = Path(name) / what
                place.mkdir()
                measures += take(args, place)
    print("all engines are fake; the database was filled by SQL")
    print(json.dumps({"bench": "scale", "measures": measures}))
    return 0 if all(m["met"] for m in measures) else 1


if __name__ == "__main__":
    sys.exit(main())
