#!/usr/bin/env python3
"""Fuzzes our own parsers of foreign text for hours of CPU time.

Each target runs in turns of a minute under ASan and UBSan (the dev preset) and under MSan (the
msan preset), one process at a time for each preset, until all targets of a preset have had
their CPU time. Seeds are the committed corpora, tests/data/reports, and the texts of
../shared/reports (or where IRONWORKS_REPORTS points) when they are there. What is found stays
in build/soak/<preset>, where the next soak goes on. Ends with a table; exit 1 when something
broke, with the inputs in build/soak/<preset>/broken.

Build first:
  cmake --preset dev -DCMAKE_C_COMPILER=clang-19 && cmake --build build/dev --target fuzz_targets
  cmake --preset msan -DCMAKE_C_COMPILER=clang-19 &&
      cmake --build build/msan --target fuzz_reader_targets

Examples:
  tests/fuzz/soak.py                        one hour of CPU for each preset
  tests/fuzz/soak.py --cpu 60 --preset msan report
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("IRONWORKS_REPORTS", ROOT.parent / "shared/reports"))
TARGETS = ["report", "view", "name"]
TURN = 60  # seconds
# Large enough for many reports in one text, small enough to be fast.
LIMITS = ["-max_len=16384", "-timeout=25", "-rss_limit_mb=2048", "-malloc_limit_mb=256"]


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("targets", nargs="*", default=TARGETS)
    parser.add_argument("--preset", action="append", choices=["dev", "msan"])
    parser.add_argument("--cpu", type=float, default=3600, help="seconds for each preset")
    return parser.parse_args()


def seed_folder(target: str, place: Path) -> list[str]:
    """Folders of seeds; texts of the shared reports are written out for the run only."""
    folders = [ROOT / "tests/fuzz/corpus" / target]
    if target in ("report", "view"):
        folders += [ROOT / "tests/fuzz/corpus/report", ROOT / "tests/data/reports", place]
        place.mkdir(parents=True, exist_ok=True)
        for cases in SHARED.glob("*_dev.jsonl"):
            for i, line in enumerate(cases.read_text().splitlines()):
                (place / f"{cases.stem}-{i}").write_bytes(json.loads(line)["input"].encode())
    return [str(f) for f in dict.fromkeys(folders) if f.is_dir()]


class Soak:
    """One target under one preset."""

    def __init__(self, preset: str, target: str):
        self.preset, self.target = preset, target
        self.binary = ROOT / f"build/{preset}/tests/fuzz_{target}"
        self.folder = ROOT / f"build/soak/{preset}"
        self.cpu = self.runs = 0.0
        self.coverage = self.features = self.units = 0
        self.broken: list[str] = []

    def turn(self) -> None:
        found, broken = self.folder / self.target, self.folder / "broken"
        found.mkdir(parents=True, exist_ok=True)
        broken.mkdir(exist_ok=True)
        before = {p.name for p in broken.iterdir()}
        seeds = seed_folder(self.target, self.folder / "seeds")
        child = subprocess.Popen(
            [str(self.binary), str(found), *seeds, *LIMITS, f"-max_total_time={TURN}",
             "-print_final_stats=1", f"-artifact_prefix={broken}/{self.target}-"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        log = child.stderr.read().decode(errors="replace")
        usage = os.wait4(child.pid, 0)[2]
        self.cpu += usage.ru_utime + usage.ru_stime
        self.runs += sum(map(int, re.findall(r"number_of_executed_units: (\d+)", log)))
        for cov, ft in re.findall(r"cov: (\d+) ft: (\d+)", log)[-1:]:
            self.coverage, self.features = int(cov), int(ft)
        self.units = sum(1 for _ in found.iterdir())
        new = {p.name for p in broken.iterdir()} - before
        self.broken += sorted(new)
        if new:
            (broken / f"{sorted(new)[0]}.log").write_text(log)

    def line(self) -> str:
        return (f"{self.preset:6} {self.target:8} {self.cpu:9,.0f} {self.runs:14,.0f} "
                f"{self.runs / max(self.cpu, 1):9,.0f} {self.coverage:6} {self.features:7} "
                f"{self.units:6}  {len(self.broken)}")


def soak_preset(soaks: list[Soak], cpu: float) -> None:
    while sum(s.cpu for s in soaks) < cpu:
        # What broke at once would have all the turns.
        whole = [s for s in soaks if not s.broken]
        if not whole:
            return
        s = min(whole, key=lambda s: s.cpu)
        s.turn()
        print(f"{time.strftime('%H:%M:%S')} {s.line()}", flush=True)


def main() -> int:
    args = parse_args()
    presets = args.preset or ["dev", "msan"]
    soaks = {p: [Soak(p, t) for t in args.targets] for p in presets}
    missing = [s.binary for group in soaks.values() for s in group if not s.binary.exists()]
    if missing:
        print(f"soak: '{missing[0]}' is not built; --help says how", file=sys.stderr)
        return 4
    threads = [threading.Thread(target=soak_preset, args=(group, args.cpu))
               for group in soaks.values()]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    print(f"{'preset':6} {'target':8} {'CPU s':>9} {'executions':>14} {'a second':>9} "
          f"{'cov':>6} {'ft':>7} {'units':>6}  broken")
    for s in (s for group in soaks.values() for s in group):
        print(s.line())
    for preset in presets:
        shutil.rmtree(ROOT / f"build/soak/{preset}/seeds", ignore_errors=True)
    return int(any(s.broken for group in soaks.values() for s in group))


if __name__ == "__main__":
    sys.exit(main())
