"""Whatever ends `ironworks run`, at any moment: no finding is lost and no process stays."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from pathlib import Path

import pytest

from conftest import end_processes_of, is_dead, processes_of, rows, wait_until
from farm_oracle import assert_nothing_lost, make_adapter, read_ledger

# How long a run may take to end in peace: its drain, and the last jobs.
PEACE_S = 60


def seed_of(request):
    """A new seed each time, printed; IRONWORKS_SEED=N repeats one."""
    seed = int(os.environ.get("IRONWORKS_SEED", time.time_ns() % 1000000))
    print(f"IRONWORKS_SEED={seed}")
    return random.Random(f"{seed} {request.node.name}")


def identity(pid):
    """Pids come round again; with its start time one does not."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return pid, text[text.rindex(")") + 2:].split()[19]


class Victim:
    """A farm on the fake engine that is ended over and over; the ledger sees it all."""

    def __init__(self, ironworks, tiny, state, tmp_path):
        self.ironworks = ironworks
        self.state = state
        self.ledger = tmp_path / "ledger"
        self.log = tmp_path / "stderr"
        self.adapter = make_adapter(tiny, self.ledger)

    def args(self, seconds):
        return ["run", self.adapter, "--for", f"{seconds}s", "--cores", "2", "--no-sandbox",
                "--state", self.state]

    def start(self, seconds=30):
        with self.log.open("a", encoding="utf-8") as err:
            err.write("--- run\n")
        self.before = self.log.stat().st_size
        with self.log.open("a", encoding="utf-8") as err:
            return self.ironworks.start(*self.args(seconds), stderr=err)

    def said(self):
        """What the current run has told so far."""
        with self.log.open(encoding="utf-8", errors="replace") as f:
            f.seek(self.before)
            return f.read()

    def complete_run(self, seconds=1):
        """A run that nobody disturbs: what it takes over is what the ones before left."""
        process = self.start(seconds)
        self.ironworks.finish(process, seconds + PEACE_S)
        return process.returncode

    def survivors(self):
        return {identity(pid) for pid in processes_of(self.state)} - {None}

    def assert_alone(self):
        """Nothing of any run is left."""
        wait_until(lambda: not processes_of(self.state), 5,
                   "no process of an ended run is left")

    def findings(self):
        found = read_ledger(self.ledger)
        return len(found["unit"]) + len(found["crash"])


@pytest.fixture
def victim(ironworks, tiny, state, tmp_path):
    victim = Victim(ironworks, tiny, state, tmp_path)
    yield victim
    end_processes_of(state)
    with contextlib.suppress(OSError):
        print(victim.log.read_text(encoding="utf-8", errors="replace")[-4000:])


def kill_at_random(victim, chance):
    """One run, killed somewhere: while it starts, sweeps, fuzzes or stores. At times its
    keepers go the same moment, as when a machine runs out of memory."""
    process = victim.start()
    if chance.random() < 0.25:
        time.sleep(chance.uniform(0.05, 1.5))
    else:
        # What counts is what happens while engines write.
        wait_until(lambda: "fuzzing 1 target" in victim.said() or process.poll() is not None,
                   60, "a killed farm starts again")
        assert process.poll() is None, victim.said()
        time.sleep(chance.uniform(0, 1.2))
    targets = [process.pid]
    if chance.random() < 0.3:
        targets += processes_of(victim.state)
        chance.shuffle(targets)
    for pid in targets:
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)
    process.communicate(timeout=10)


def interrupt_at_random(victim, chance):
    """One run, interrupted while it fuzzes; it ends in peace with its table printed."""
    process = victim.start()
    wait_until(lambda: "fuzzing 1 target" in victim.said(), 60, "the farm starts")
    time.sleep(chance.uniform(0, 1.2))
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    stdout, _ = process.communicate(timeout=PEACE_S)
    assert process.returncode in (0, 1), victim.said()
    assert "fake/engine" in stdout and "executions" in stdout, "the closing table"
    # No next start is needed: it is all there, and everybody has gone.
    victim.assert_alone()
    assert_nothing_lost(victim.state, victim.ledger)
    return time.monotonic() - began


def kill_often(victim, chance, kills):
    assert victim.complete_run() in (0, 1), victim.said()
    swept = 0
    for _ in range(kills):
        kill_at_random(victim, chance)
        swept += "taken over from an earlier run" in victim.said()
    before = victim.findings()
    assert victim.complete_run() in (0, 1), victim.said()
    victim.assert_alone()
    units, crashes = assert_nothing_lost(victim.state, victim.ledger)
    # The test itself must have been one.
    assert before > 20 * kills and crashes > kills / 2, (units, crashes)
    assert swept >= kills / 10, "hardly any run left something to take over"
    assert not list((victim.state / "jobs").iterdir()), "a folder of a dead run stays"
    assert rows(victim.state, "PRAGMA integrity_check") == [("ok",)]
    assert not rows(victim.state, "PRAGMA foreign_key_check")


def test_sigkill_loses_nothing(victim, request):
    """kill -9 ten times, then one more start: every finding is there, once."""
    kill_often(victim, seed_of(request), 10)


@pytest.mark.soak
def test_sigkill_a_hundred_times(victim, request):
    kill_often(victim, seed_of(request), 100)


def test_ctrl_c_loses_nothing(victim, request):
    """Ctrl-C ends a run in peace, at any moment, without a next start."""
    chance = seed_of(request)
    for _ in range(5):
        interrupt_at_random(victim, chance)
    assert victim.findings() > 50


def test_second_ctrl_c_ends_at_once(victim):
    """Somebody who does not want to wait does not; what is open is taken over next time."""
    process = victim.start()
    wait_until(lambda: victim.findings() > 50, 60, "the engine finds something")
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    wait_until(lambda: "once more" in victim.said(), 5, "the farm says how to end it now")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert time.monotonic() - began < 10
    assert process.returncode in (0, 1), victim.said()
    assert victim.complete_run() in (0, 1), victim.said()
    victim.assert_alone()
    assert_nothing_lost(victim.state, victim.ledger)


def test_ctrl_c_while_it_builds(victim):
    """A build that takes for ever does not hold up who wants to stop."""
    victim.adapter.script("#!/bin/sh\nsleep 300\n")
    process = victim.start()
    wait_until(lambda: any(b"sleep" in Path(f"/proc/{pid}/cmdline").read_bytes()
                           for pid in processes_of(victim.state) if not is_dead(pid)),
               30, "the build runs")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert process.returncode in (0, 1, 4), victim.said()
    victim.assert_alone()
