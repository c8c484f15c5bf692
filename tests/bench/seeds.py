"""Quickstart's promise over many variants of the demo: in 19 of 20 runs at least five planted
bugs are found, none twice, none with a wrong pull request.

    tests/bench/seeds.py [--seeds 1-20] [--for 3m] [--jobs N] [--alone]

Runs the demo and zstd together, as ./quickstart does; --alone leaves zstd out, and --jobs runs
several farms side by side, each on its share of the cores.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import json
import os
import queue
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from demo_truth import ROOT, Verdict, judge, make_truth  # noqa: E402

BIN = Path(os.environ.get("IRONWORKS_BIN", ROOT / "build/release/bin"))


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", default="1-20")
    parser.add_argument("--for", dest="duration", default="3m")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--alone", action="store_true")
    return parser.parse_args()


def run_farm(opts: argparse.Namespace, seed: int) -> tuple[int, Verdict, int]:
    with tempfile.TemporaryDirectory(prefix="seeds-") as tmp:
        home = Path(tmp)
        command = [str(BIN / "ironworks"), "run", f"{ROOT}/adapters/demo:seed={seed}"]
        if not opts.alone:
            command.append(f"{ROOT}/adapters/zstd")
        command += ["--for", opts.duration, "--state", str(home / "state"), "--json"]
        cores = opts.shares.get()
        done = subprocess.run(command, capture_output=True, text=True, check=False,
                              preexec_fn=lambda: os.sched_setaffinity(0, cores))
        opts.shares.put(cores)
        if done.returncode not in (0, 1):
            raise SystemExit(f"seed {seed}: {done.stderr.splitlines()[-1]}")
        truth = make_truth(home, seed)
        return seed, judge(truth, json.loads(done.stdout)["bugs"]), len(truth["bugs"])


def is_kept(verdict: Verdict) -> bool:
    return len(verdict.found) >= 5 and not verdict.doubled and not verdict.wrong


def tell(seed: int, verdict: Verdict, planted: int) -> None:
    print(f"seed {seed:2}: {len(verdict.found):2} of {planted} found, "
          f"{len(verdict.open)} not attributed, doubled {verdict.doubled}, "
          f"wrong {verdict.wrong}, unknown {verdict.unknown}", flush=True)


def main() -> None:
    opts = options()
    first, _, last = opts.seeds.partition("-")
    seeds = range(int(first), int(last or first) + 1)
    kept, attributed, found = 0, 0, 0
    cores = sorted(os.sched_getaffinity(0))
    opts.shares = queue.Queue()
    for i in range(opts.jobs):
        opts.shares.put(cores[i::opts.jobs])
    with concurrent.futures.ThreadPoolExecutor(opts.jobs) as pool:
        for seed, verdict, planted in pool.map(lambda s: run_farm(opts, s), seeds):
            tell(seed, verdict, planted)
            kept += is_kept(verdict)
            found += len(verdict.found)
            attributed += len(verdict.found) - len(verdict.open)
    share = kept / len(seeds)
    print(f"{found} planted bugs found, {attributed} of them attributed with proof")
    print(json.dumps({"bench": "seeds", "measures": [
        {"name": "runs that keep the promise", "value": round(share, 3), "goal": 0.95,
         "better": "higher", "met": share >= 0.95}]}))


if __name__ == "__main__":
    main()
