"""A farm whose machine goes wrong on purpose: tests/fake/faults.c, and what must hold after."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import subprocess
import time
from pathlib import Path

from conftest import ROOT, Ironworks, Tiny, end_processes_of, processes_of, rows
from farm_oracle import SOURCE, assert_nothing_lost, read_ledger

# What the engine finds in a run; small, so that a sweep over all writes stays affordable.
UNITS, CRASHES = 6, 2
# The program's clock runs so much faster: a retry after 3 s costs the test one.
SPEED = 3
# A run that nothing disturbs takes a second or two; a hang is a defect.
PATIENCE_S = 60

BUILD = """#!/bin/sh
set -eu
$CC -O1 -DLEDGER='"{ledger}"' -DPLAN='"{plan}"' "$SRC/engine.c" -o "$OUT/engine"
"""


def build_preload(folder):
    """faults.c as an object to preload."""
    target = folder / "faults.so"
    subprocess.run(["cc", "-std=gnu17", "-O1", "-shared", "-fPIC",
                    str(ROOT / "tests" / "fake" / "faults.c"), "-o", str(target)], check=True)
    return target


class Lab:
    """A state that is ready to fuzz, put back before each case; and the runs on it."""

    def __init__(self, home):
        self.home = home
        self.ironworks = Ironworks(home)
        self.preload = build_preload(home)
        self.state, self.ready = home / "state", home / "ready"
        self.ledger, self.plan = home / "ledger", home / "plan"
        self.faults = home / "faults"
        self.adapter = Tiny(
            home, "fake", {"engine.c": SOURCE.read_text(encoding="utf-8")},
            BUILD.format(ledger=self.ledger, plan=self.plan),
            {"targets": [{"name": "engine", "max_len": 64, "timeout_s": 2, "leaks": False}]})
        self.reset()
        done = self.run()
        assert done.rc == 0, done.stderr
        self.state.rename(self.ready)

    def reset(self):
        for folder in (self.state, self.faults):
            shutil.rmtree(folder, ignore_errors=True)
        self.faults.mkdir()
        self.ledger.unlink(missing_ok=True)
        if self.ready.exists():
            shutil.copytree(self.ready, self.state, symlinks=True)

    def find(self, units=UNITS, crashes=CRASHES):
        """The next engine finds so many."""
        self.plan.write_text(f"{units} {crashes}\n", encoding="ascii")

    def start(self, *more, seconds=2, speed=SPEED, **faults):
        env = {"LD_PRELOAD": str(self.preload), "FAULTS": str(self.faults),
               "FAULTS_STATE": str(self.state), "FAULTS_SPEED": str(speed)}
        env |= {f"FAULTS_{name.upper()}": str(value) for name, value in faults.items()}
        return self.ironworks.start(
            "run", self.adapter, "--for", f"{seconds}s", "--cores", "1", "--no-sandbox",
            "--state", self.state, *more, env=env)

    def run(self, *more, **options):
        return self.ironworks.finish(self.start(*more, **options), PATIENCE_S, more)

    def lines(self, word):
        """[(class, n, call, what about)] of the injector's log."""
        log = self.faults / "log"
        text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
        split = [x.split(" ", 4) for x in text.splitlines()]
        return [(x[1], int(x[2]), x[3], x[4] if len(x) > 4 else "") for x in split
                if x[0] == word]

    def count(self):
        """All calls of an undisturbed run, by class."""
        self.reset()
        self.find()
        done = self.run(count=1)
        assert done.rc == 1, done.stderr
        self.assert_whole()
        return {what: [x for x in self.lines("count") if x[0] == what]
                for what in ("write", "spawn", "step")}

    def assert_honest(self, done):
        """What the disturbed run said of itself is true."""
        assert done.rc in (0, 1, 4), done.stderr
        for noise in ("Assertion `", "AddressSanitizer", "runtime error:", "(null)"):
            assert noise not in done.stderr, done.stderr
        # The machine's fault is no reason to call what there is minimized.
        assert "minimizing ended early" not in done.stderr, done.stderr
        if done.rc == 4:
            sentence = done.sentence
            assert sentence.startswith("ironworks: "), done.stderr
        else:
            bugs = rows(self.state, "SELECT id FROM bug")
            assert len(bugs) == done.rc, f"{bugs} but exit {done.rc}\n{done.stderr}"

    def assert_whole(self):
        """All that was found is there once, judged and written down, and nothing else is."""
        found = read_ledger(self.ledger)
        assert len(found["unit"]) == UNITS and len(found["crash"]) == CRASHES, found
        assert_nothing_lost(self.state, self.ledger)
        crashes = rows(self.state, "SELECT state, bug_id FROM crash")
        assert crashes == [("judged", 1)] * CRASHES, crashes
        issues = [Path(x[0] or "").name for x in rows(self.state, "SELECT issue FROM bug")]
        files = [p.name for p in (self.state / "outbox").rglob("*.md")]
        assert len(issues) == 1 and issues == files, (issues, files)
        assert not list((self.state / "jobs").iterdir()), "a job's folder stays"
        assert not [p for p in self.state.rglob("*.tmp.*")], "half a file stays"
        assert rows(self.state, "PRAGMA integrity_check") == [("ok",)]
        assert not rows(self.state, "PRAGMA foreign_key_check")
        assert not processes_of(self.state), "a process stays"

    def is_settled(self):
        return (not rows(self.state, "SELECT 1 FROM crash WHERE state = 'new'")
                and not rows(self.state, "SELECT 1 FROM bug WHERE issue IS NULL"))

    def case(self, what, n, error, last=None, then=None):
        """One fault, then a clean run. True: the fault happened."""
        self.reset()
        self.find()
        with_faults = {"class": what, "first": n, "last": last or n,
                       "errno": getattr(errno, error)}
        process = self.start(**with_faults)
        if then:
            then(process)
        done = self.ironworks.finish(process, PATIENCE_S)
        told = self.lines("fault")
        clean = None
        try:
            self.assert_honest(done)
            # A run that failed before it fuzzed left the plan for this one. When its drain
            # was too short for all triage, the one after it goes on.
            for _ in range(3):
                clean = self.run()
                assert clean.rc in (0, 1), "the next run fails"
                if self.is_settled():
                    break
            self.assert_whole()
        except AssertionError as e:
            raise AssertionError(
                f"{what} {n} {error} {told[:1]}: {e}\n--- run: {done.rc}\n"
                f"{done.stderr[-1500:]}\n--- next: {clean and clean.rc}\n"
                f"{clean and clean.stderr[-1500:]}") from e
        return bool(told)

    def end(self):
        end_processes_of(self.home)

    def close(self):
        self.end()
        with contextlib.suppress(OSError):
            shutil.rmtree(self.ready)
