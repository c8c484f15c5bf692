#!/usr/bin/env python3
"""Does every planted bug of the demo become one bug, with its pull request, however many inputs
show it?

For each bug, libFuzzer looks for a first crash on a build with no other change, from the
shipped seeds; then it mutates what crashes, each input in a child of its own (collect.c), until
there are enough different crashing inputs. These are kept in build/bench/flood and used again.

All of them go into one farm of the snapshot (`crash add`), which judges them while its engines
fuzz with libFuzzer and AFL++ and bring their own; and into `ironworks triage` with the program of
each flavour that says itself why it dies. The demo's truth says what should have come of it. The
last line is JSON.

Examples:
  tests/bench/flood.py
  tests/bench/flood.py --seeds 1,2 --bug leak --collect
  tests/bench/flood.py --seeds 7 --only flavours
  tests/bench/flood.py --seeds 1,2,fresh --only farm --inputs 5     who is blamed, in minutes
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from distil import BIN, ROOT, seeds

sys.path.insert(0, str(ROOT / "tests" / "integration"))
sys.path.insert(0, str(ROOT / "tests" / "lib"))

import demo_repo  # noqa: E402
import demo_truth  # noqa: E402
from demo_cost import suspect  # noqa: E402

HOME = ROOT / "build" / "bench" / "flood"
ENOUGH, ENOUGH_SLOW = 200, 20  # inputs for each bug; slow: one run takes over a second
HUNT_S = 120                   # core-seconds for a first crash
ROUND_S = 60
DISCOVERED = {"timeout_s": 10, "max_len": 4096, "rss_limit_mb": 2048}


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="1,2,fresh", help="of the generator; fresh: a new one")
    parser.add_argument("--bug", default="", help="this one alone")
    parser.add_argument("--collect", action="store_true", help="only that")
    parser.add_argument("--only", choices=["farm", "flavours"], help="one of the two ways")
    parser.add_argument("--minutes", type=int, default=40, help="at most, for one farm")
    parser.add_argument("--inputs", type=int, default=1 << 20, help="of each bug, for the farm")
    parser.add_argument("--jobs", type=int, default=1)
    return parser.parse_args()


def limits(target: str) -> dict:
    """A target that only staging has is discovered; adapters/target.c has its defaults."""
    return demo_repo.targets().get(target, DISCOVERED)


def farm_name(target: str) -> str:
    """A discovered one is named like its file."""
    return f"demo/{target if target in demo_repo.targets() else f'fuzz_{target}'}"


def enough(bug: dict) -> int:
    return ENOUGH_SLOW if bug["kind"] == "timeout" else ENOUGH


def engine(folder: Path) -> str:
    """collect.c and libFuzzer's archive without a main function."""
    clang = demo_repo.tool("clang")
    done = subprocess.run([clang, "-print-runtime-dir"], capture_output=True, text=True,
                          check=True)
    runtime = Path(done.stdout.strip())
    archive = next(p for folder in (runtime, runtime.parent / "linux")
                   for p in folder.glob("libclang_rt.fuzzer_no_main*x86_64*.a"))
    collect = folder / "collect.o"
    subprocess.run([clang, "-O1", "-c", "-o", collect, Path(__file__).with_name("collect.c")],
                   check=True)
    return f"{collect} {archive}"


def first_crash(binary: Path, folder: Path, seed: int, bug: dict) -> bytes | None:
    """What libFuzzer finds from the shipped seeds, whatever it meets before."""
    units, found = folder / "units", folder / "found"
    units.mkdir()
    shipped = binary.with_name(binary.name + "_seed_corpus")
    cost = 0.0
    for attempt in range(1, 1000):
        shutil.rmtree(found, ignore_errors=True)
        found.mkdir()
        result = demo_repo.run(
            binary, f"-seed={seed * 1000 + attempt}", f"-artifact_prefix={found}/", str(units),
            str(shipped), cwd=folder, cpu_s=int(HUNT_S - cost) + 1,
            hang_s=demo_repo.hang_limit_s(bug))
        cost += result.cpu_s
        artifacts = list(found.iterdir())
        if result.shows(bug) and artifacts:
            return artifacts[0].read_bytes()
        if cost >= HUNT_S:
            return None
    return None


def mutate(binary: Path, folder: Path, bug: dict, inputs: dict[str, bytes], seed: int) -> None:
    """One round: begins with some of the inputs, adds what it finds to them."""
    begin, kept = folder / "begin", folder / "kept"
    for place in (begin, kept):
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
    order = random.Random(seed)
    # Few where each run takes seconds: they are run again first.
    chosen = order.sample(sorted(inputs), min(len(inputs), enough(bug) // 6))
    for name in chosen:
        (begin / name).write_bytes(inputs[name])
    target = limits(bug["targets"][0])
    # TSan sees no race in a child of a process with threads: the engine's watch is one.
    is_tsan = demo_repo.best_flavour(bug).endswith("tsan")
    env = os.environ | {
        "COLLECT_DIR": str(kept), "COLLECT_LIMIT_S": str(target["timeout_s"] + 1),
        "COLLECT_COUNT": str(len(chosen) + enough(bug) // 3),
        "ASAN_OPTIONS": "symbolize=0:abort_on_error=0",
        "MSAN_OPTIONS": "symbolize=0",
        "UBSAN_OPTIONS": "symbolize=0",
        "TSAN_OPTIONS": "symbolize=0:halt_on_error=1:report_signal_unsafe=0:die_after_fork=0",
    }
    subprocess.run(
        ["nice", str(binary), f"-seed={seed}", "-keep_seed=1", "-len_control=0", "-timeout=600",
         f"-max_total_time={ROUND_S}", f"-max_len={target['max_len']}",
         f"-rss_limit_mb={0 if is_tsan else target['rss_limit_mb']}", str(begin)],
        env=env, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, timeout=20 * ROUND_S, check=False)
    for path in kept.iterdir():
        data = path.read_bytes()
        inputs.setdefault(hashlib.sha256(data).hexdigest()[:16], data)


def collect(seed: int, bug: dict, repo: Path) -> str:
    """Fills the bug's folder; says how."""
    home = HOME / f"seed-{seed}" / bug["id"]
    if home.is_dir():
        return f"{len(list(home.iterdir()))} inputs from before"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        target, flavour = bug["targets"][0], demo_repo.best_flavour(bug)
        out = demo_repo.build(*suspect(folder, seed, repo, bug), flavour, folder, target,
                              engine(folder))
        binary = out / f"fuzz_{target}"
        data = first_crash(binary, folder, seed, bug)
        words = "found by fuzzing" if data is not None else "NOT found, begun with its trigger"
        data = bytes.fromhex(bug["trigger"]) if data is None else data
        inputs = {hashlib.sha256(data).hexdigest()[:16]: data}
        rounds = 0
        while len(inputs) < enough(bug) and rounds < 12:
            rounds += 1
            mutate(binary, folder, bug, inputs, seed * 100 + rounds)
        staging = folder / "inputs"
        staging.mkdir()
        for key, data in inputs.items():
            (staging / key).write_bytes(data)
        home.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(staging, home)
    return f"{words}, {len(inputs)} inputs after {rounds} rounds"


def some_inputs(seed: int, bug_id: str, count: int) -> list[Path]:
    return sorted((HOME / f"seed-{seed}" / bug_id).iterdir())[:count]


def count_inputs(seed: int, bug_id: str) -> int:
    return len(list((HOME / f"seed-{seed}" / bug_id).iterdir()))


# -- the farm ----------------------------------------------------------------------------------


def ironworks(*words: str | Path, **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run([BIN / "ironworks", *map(str, words)], capture_output=True, text=True,
                          check=False, **options)


def ask(state: Path, query: str) -> list[tuple]:
    with sqlite3.connect(f"file:{state}/ironworks.db?mode=ro", uri=True, timeout=60) as db:
        return db.execute(query).fetchall()


def run_farm(seed: int, truth: dict, state: Path, args: argparse.Namespace) -> None:
    """A farm that judges every input while its engines fuzz."""
    adapter = f"{demo_truth.DEMO}:seed={seed}"
    begun = ironworks("run", adapter, "--for", "1s", "--coverage", "off", "--state", state)
    assert begun.returncode in (0, 1), begun.stderr
    for bug in truth["bugs"]:
        added = ironworks("crash", "add", *some_inputs(seed, bug["id"], args.inputs), "--target",
                          farm_name(bug["targets"][0]), "--state", state)
        assert added.returncode == 0, added.stderr
    farm = subprocess.Popen(
        [BIN / "ironworks", "run", adapter, "--for", f"{args.minutes}m", "--coverage", "off",
         "--state", state], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    end = time.monotonic() + 60 * args.minutes
    while farm.poll() is None and time.monotonic() < end:
        time.sleep(5)
        left = ask(state, "SELECT count(*) FROM crash WHERE state = 'new'")[0][0]
        settled = ask(state, "SELECT count(*) FROM bug WHERE outcome IS NULL")[0][0]
        if left == 0 and settled == 0:
            break
    farm.send_signal(signal.SIGINT)
    farm.wait(timeout=600)


def judge_farm(seed: int, truth: dict, state: Path, count: int) -> dict:
    """What became of each planted bug and of each input that was handed in."""
    listed = json.loads(ironworks("bug", "list", "--json", "--state", state).stdout)
    bugs = listed["bugs"] if isinstance(listed, dict) else listed
    verdict = demo_truth.judge(truth, bugs)
    names = {bug["id"]: (demo_truth.true_bug(truth, bug) or {"id": "unknown"})["id"]
             for bug in bugs}
    known = {row[0]: (row[1], row[2]) for row in ask(
        state, "SELECT lower(hex(input)), state, bug_id FROM crash")}
    print(f"seed {seed}, one farm: {len(verdict.found)} of {len(truth['bugs'])} planted bugs, "
          f"doubled {verdict.doubled}, unknown {verdict.unknown}, wrong {verdict.wrong}, "
          f"not proven {verdict.open}")
    for bug in truth["bugs"]:
        handed_in = (hashlib.sha256(path.read_bytes()).hexdigest()
                     for path in some_inputs(seed, bug["id"], count))
        became = Counter(
            names.get(known[key][1], known[key][0]) if key in known else "lost"
            for key in handed_in)
        print(f"  {bug['id']:24} {dict(became)}", flush=True)
    of_flavour = ask(state, "SELECT flavour, count(*) FROM crash JOIN build "
                            "ON build.id = build_id GROUP BY flavour")
    print(f"  crashes by the build they were found on: {dict(of_flavour)}", flush=True)
    missing = [bug["id"] for bug in truth["bugs"] if bug["id"] not in verdict.found]
    flaky = [tell_flaky(bug) for bug in bugs if names[bug["id"]] == "flaky-assert"]
    return {"missing": missing, "doubled": verdict.doubled, "unknown": verdict.unknown,
            "wrong": verdict.wrong, "open": verdict.open, "flaky": flaky}


def tell_flaky(bug: dict) -> bool:
    """Whether the true rate lies in what the farm says of it."""
    true_rate = 0.2
    low, high = bug["rate_low"], bug["rate_high"]
    print(f"  flaky-assert: state {bug['state']}, {bug['hits']} of {bug['runs']} runs, "
          f"interval {low} to {high}")
    return bug["state"] == "flaky" and low <= true_rate <= high


# -- each flavour ------------------------------------------------------------------------------


def build_snapshot(seed: int, flavour: str, state: Path) -> Path:
    """The farm's own build. Returns the folder with the programs."""
    done = ironworks("build", f"{demo_truth.DEMO}:seed={seed}", "--flavour", flavour, "--json",
                     "--state", state)
    assert done.returncode == 0, done.stderr
    return Path(json.loads(done.stdout)["builds"][0]["dir"])


def triage_target(seed: int, truth: dict, target: str, out: Path, folder: Path) -> list[dict]:
    spec = limits(target)
    places = [HOME / f"seed-{seed}" / bug["id"] for bug in truth["bugs"]
              if target == bug["targets"][0]]
    done = ironworks("triage", *places, "--binary", out / f"fuzz_{target}", "--timeout",
                     f"{spec['timeout_s']}s", "--rss-limit", spec["rss_limit_mb"],
                     "--no-minimize", "--json", "--out", folder / f"triage-{target}")
    assert done.returncode in (0, 1), done.stderr
    return json.loads(done.stdout)["bugs"]


def judge_flavour(seed: int, truth: dict, flavour: str, folder: Path) -> list[str]:
    """Sentences about what is wrong; prints what came."""
    out = build_snapshot(seed, flavour, folder)
    seen: Counter[str] = Counter()
    faults = []
    for target in sorted({bug["targets"][0] for bug in truth["bugs"]}):
        for found in triage_target(seed, truth, target, out, folder):
            bug = {"target": target, "flavour": flavour, "type": found["type"],
                   "frames": found["frames"]}
            row = demo_truth.true_bug(truth, bug)
            words = f"{found['type']} in {(found['frames'] or ['?'])[0]}".replace("\n", " ")
            if row is None and not may_be_elsewhere(truth, target, flavour):
                faults.append(f"{flavour}: unknown {words}")
            elif row is not None:
                seen[row["id"]] += 1
    for bug in truth["bugs"]:
        visible = flavour in bug["flavours"]
        if seen[bug["id"]] > 1 or (visible and seen[bug["id"]] != 1):
            faults.append(f"{flavour}: {bug['id']} became {seen[bug['id']]} bugs")
    print(f"seed {seed}, {flavour}: {dict(seen)}; faults {faults}", flush=True)
    return faults


def may_be_elsewhere(truth: dict, target: str, flavour: str) -> bool:
    """A build that cannot see a broken heap dies of it anywhere: truth.py, `maybe`."""
    return any(target in bug["targets"] and flavour in bug["maybe"] for bug in truth["bugs"])


# -- all ---------------------------------------------------------------------------------------


def measure(name: str, value: int) -> dict:
    return {"name": name, "value": value, "goal": 0, "better": "lower", "met": value == 0}


def run_seed(args: argparse.Namespace, seed: int, home: Path) -> Counter[str]:
    repo, truth = demo_repo.generate_with_truth(home, seed)
    wanted = [bug for bug in truth["bugs"] if args.bug in ("", bug["id"])]
    with ThreadPoolExecutor(args.jobs) as pool:
        waiting = [(bug, pool.submit(collect, seed, bug, repo)) for bug in wanted]
        for bug, done in waiting:
            print(f"seed {seed}: {bug['id']}: {done.result()}", flush=True)
    faults: Counter[str] = Counter()
    if args.collect:
        return faults
    faults["too_few_inputs"] += sum(
        count_inputs(seed, bug["id"]) < enough(bug) for bug in wanted)
    if args.only != "flavours":
        run_farm(seed, truth, home / f"state-{seed}", args)
        told = judge_farm(seed, truth, home / f"state-{seed}", args.inputs)
        for key in ("missing", "doubled", "unknown", "wrong", "open"):
            faults[f"farm_{key}"] += len(told[key])
        faults["farm_rate_outside"] += sum(not is_right for is_right in told["flaky"])
    if args.only != "farm":
        for flavour in demo_repo.FLAVOURS:
            faults["flavour_faults"] += len(judge_flavour(
                seed, truth, flavour, home / f"{seed}-{flavour}"))
    return faults


def main() -> int:
    args = parse_args()
    total: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="flood-") as name:
        for seed in seeds(args.seeds):
            print(f"seed {seed}", flush=True)
            total.update(run_seed(args, seed, Path(name)))
    if args.collect:
        return 0
    measures = [measure(name, value) for name, value in sorted(total.items())]
    print(json.dumps({"bench": "flood", "measures": measures}))
    return 0 if all(m["met"] for m in measures) else 1


if __name__ == "__main__":
    sys.exit(main())
