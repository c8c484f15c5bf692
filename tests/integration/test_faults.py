"""A machine that goes wrong under the farm: nothing found is lost or doubled, nothing that is
said is untrue, and the farm goes on or ends with a sentence."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import random
import re
import signal
import time
from pathlib import Path

import pytest

from conftest import processes_of, rows, wait_until
from farm_oracle import assert_nothing_lost, make_adapter, read_ledger
from fault_lab import Lab, build_preload

DAY_S = 86400
YEAR_S = 365 * DAY_S


@pytest.fixture(scope="module")
def lab(binaries, tmp_path_factory):
    lab = Lab(tmp_path_factory.mktemp("faults"))
    yield lab
    lab.close()


@pytest.fixture(scope="module")
def calls(lab):
    """{"write": […], "spawn": […], "step": […]}: all that an undisturbed run asks."""
    return lab.count()


# -- the sweep ----------------------------------------------------------------------------

# As many n of each as ./check can afford; ./check soak takes all.
SWEEPS = [("write", "ENOSPC", 5), ("write", "EIO", 4), ("spawn", "EAGAIN", 3),
          ("step", "ENOSPC", 3), ("step", "EIO", 3)]


def sample(count, most):
    """Evenly spread, never the same two ends of everything."""
    return sorted({1 + (2 * i + 1) * count // (2 * most) for i in range(most)})


def sweep(lab, calls, what, error, numbers):
    happened = 0
    bad = []
    for n in numbers:
        try:
            happened += lab.case(what, n, error)
        except (AssertionError, pytest.fail.Exception) as e:
            bad.append(str(e))
            lab.end()
    print(f"{what} {error}: {len(calls[what])} in an undisturbed run, {len(numbers)} tried, "
          f"{happened} happened, {len(bad)} bad")
    assert not bad, "\n\n".join(bad)
    # Two runs are never quite the same: the last n of one may not come in the next.
    assert happened >= len(numbers) / 2


def test_the_sweep_is_one(calls):
    """The run that is disturbed finds, stores, judges and settles."""
    assert len(calls["write"]) > 100 and len(calls["step"]) > 50 and len(calls["spawn"]) > 5
    paths = "\n".join(path for _, _, _, path in calls["write"])
    for part in (".pack", "ironworks.db-wal", "/artifacts/", "/jobs/fuzz-", "/outbox/"):
        assert part in paths, f"no write to {part}"


@pytest.mark.parametrize("what,error,most", SWEEPS)
def test_the_nth_call_fails(lab, calls, what, error, most):
    sweep(lab, calls, what, error, sample(len(calls[what]), most))


@pytest.mark.soak
@pytest.mark.parametrize("what,error,most", SWEEPS)
def test_each_call_fails_once(lab, calls, what, error, most):
    sweep(lab, calls, what, error, range(1, len(calls[what]) + 1))


@pytest.mark.parametrize("error", ["ENOSPC", "EIO"])
def test_nothing_can_be_written_for_a_while(lab, calls, error):
    """From the moment an engine has found something no write works; then all do again. The
    same run stores what was found, and says that it had to wait."""
    begin = next(n for _, n, call, path in calls["write"]
                 if call == "pwrite" and path.endswith(".pack"))
    lab.reset()
    lab.find()
    process = lab.start(**{"class": "write"}, first=begin, last=10**6, seconds=30,
                        errno=getattr(errno, error))
    wait_until(lambda: len(lab.lines("fault")) > 3, 30, "writes fail")
    time.sleep(1)
    (lab.faults / "freed").touch()
    done = lab.ironworks.finish(process, 60)
    lab.assert_honest(done)
    assert done.rc == 1 and "could not be stored yet" in done.stderr, done.stderr
    lab.assert_whole()


# -- processes ----------------------------------------------------------------------------


class Farm:
    """A farm on the busy fake engine."""

    def __init__(self, ironworks, tiny, state, tmp_path):
        self.ironworks, self.state = ironworks, state
        self.ledger, self.log = tmp_path / "ledger", tmp_path / "stderr"
        self.adapter = make_adapter(tiny, self.ledger)
        self.faults = tmp_path / "faults"
        self.faults.mkdir()
        self.preload = build_preload(tmp_path)

    def start(self, seconds):
        env = {"LD_PRELOAD": str(self.preload), "FAULTS": str(self.faults)}
        with self.log.open("a", encoding="utf-8") as err:
            self.process = self.ironworks.start(
                "run", self.adapter, "--for", f"{seconds}s", "--cores", "1", "--no-sandbox",
                "--state", self.state, env=env, stderr=err)
        wait_until(lambda: self.found() > 20, 60, "the engine finds something")

    def said(self):
        return self.log.read_text(encoding="utf-8", errors="replace")

    def found(self):
        found = read_ledger(self.ledger)
        return len(found["unit"]) + len(found["crash"])

    def keeper(self):
        """(folder, pid) of the engine's keeper, as soon as there is one."""
        def look():
            for record in self.state.glob("jobs/fuzz-*/keeper"):
                with contextlib.suppress(OSError, ValueError):
                    if not (record.parent / "exit").exists():
                        return record.parent, json.loads(record.read_text())["pid"]
            return None
        return wait_until(look, 30, "an engine runs")

    def engine(self):
        """(folder, pid) of the engine itself."""
        folder, keeper = self.keeper()
        children = Path(f"/proc/{keeper}/task/{keeper}/children")
        return folder, wait_until(
            lambda: int((children.read_text().split() or ["0"])[0]), 10, "it has a child")

    def await_another(self, folder, seconds):
        """The slot is filled again, with an engine that finds something."""
        wait_until(lambda: self.keeper()[0] != folder, seconds, "another engine starts")
        before = self.found()
        wait_until(lambda: self.found() > before, 10, "the new engine works")

    def stop(self):
        """Ctrl-C, and what must hold then."""
        self.process.send_signal(signal.SIGINT)
        self.ironworks.finish(self.process, 60)
        self.check()

    def check(self):
        assert self.process.returncode in (0, 1), self.said()
        assert not processes_of(self.state)
        _, crashes = assert_nothing_lost(self.state, self.ledger)
        assert not list((self.state / "jobs").iterdir())
        assert len(rows(self.state, "SELECT id FROM bug")) == min(crashes, 1), "one cause"


@pytest.fixture
def farm(ironworks, tiny, state, tmp_path):
    farm = Farm(ironworks, tiny, state, tmp_path)
    yield farm
    with contextlib.suppress(OSError):
        print(farm.said()[-3000:])


def test_killed_keepers(farm):
    """kill -9 of an engine's keeper: what it found is kept, and the slot is filled again."""
    seed = int(os.environ.get("IRONWORKS_SEED", time.time_ns() % 1000000))
    print(f"IRONWORKS_SEED={seed}")
    chance = random.Random(seed)
    farm.start(120)
    # A keeper that dies beside a crash, or had just ended, is no lost engine: those kills
    # tell nothing, so there are as many as it takes.
    for kill in range(40):
        if kill >= 6 and "is started again" in farm.said():
            break
        folder, pid = farm.keeper()
        time.sleep(chance.uniform(0, 0.8))
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        farm.await_another(folder, 30)
    assert "is started again" in farm.said()
    assert "is left out" not in farm.said(), "the target is not to blame"
    farm.stop()


def test_stopped_engine(farm):
    """SIGSTOP of an engine: it is ended and another one started, though its slice is long."""
    farm.start(300)
    folder, pid = farm.engine()
    os.kill(pid, signal.SIGSTOP)
    farm.await_another(folder, 40)
    assert "it stood still" in farm.said()
    farm.stop()


def test_stopped_keeper(farm):
    """SIGSTOP of a keeper, for ever: nobody waits for it longer than for its deadline."""
    farm.start(300)
    folder, pid = farm.keeper()
    os.kill(pid, signal.SIGSTOP)
    # Its slice has more than a minute, and the keeper some time beyond that.
    (farm.faults / "speed").write_text("20", encoding="ascii")
    farm.await_another(folder, 40)
    log = (farm.state / "log").read_text(encoding="utf-8", errors="replace")
    assert "a keeper does not answer" in log
    farm.stop()


def test_stop_with_a_stopped_keeper(farm):
    """Ctrl-C reaches an engine whose keeper was stopped."""
    farm.start(300)
    os.kill(farm.keeper()[1], signal.SIGSTOP)
    began = time.monotonic()
    farm.stop()
    assert time.monotonic() - began < 30


@pytest.mark.full
def test_everything_is_stopped_for_a_while(farm):
    """A suspended machine: all stop, all go on. Nothing is ended for it."""
    farm.start(300)
    folder, _ = farm.keeper()
    pids = processes_of(farm.state)
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    time.sleep(16)
    for pid in pids:
        os.kill(pid, signal.SIGCONT)
    before = farm.found()
    wait_until(lambda: farm.found() > before + 20, 10, "it goes on")
    assert "stood still" not in farm.said()
    farm.stop()


# -- the clock ----------------------------------------------------------------------------


@pytest.mark.parametrize("jump", [
    YEAR_S, -DAY_S, pytest.param(DAY_S, marks=pytest.mark.full),
    pytest.param(-YEAR_S, marks=pytest.mark.full)])
def test_the_clock_jumps(farm, jump):
    """Nothing ends, waits or starts because somebody set the clock."""
    farm.start(300)
    for pid in processes_of(farm.state):
        maps = Path(f"/proc/{pid}/maps").read_text(errors="replace")
        assert pid == farm.process.pid or "faults.so" not in maps, "a job is preloaded"
    before = time.time()
    (farm.faults / "clock").write_text(str(jump), encoding="ascii")
    stored = rows(farm.state, "SELECT count(*) FROM unit")[0][0]
    found = farm.found()
    wait_until(lambda: rows(farm.state, "SELECT count(*) FROM unit")[0][0] > stored + 200, 20,
               "units are stored on")
    assert farm.found() > found
    assert farm.process.poll() is None, farm.said()
    said = farm.said()
    assert not re.search(r"was ended|finishing triage|could not", said), said
    # The fake engine dies of some of its crashes; then another one runs.
    assert len(list(farm.state.glob("jobs/fuzz-*"))) <= 2, said
    farm.stop()
    for table, column in (("unit", "added_ms"), ("crash", "found_ms"), ("bug", "found_ms")):
        times = [x[0] / 1000 for x in rows(farm.state, f"SELECT {column} FROM {table}")]
        for t in times:
            assert min(abs(t - before), abs(t - before - jump)) < 300, (table, t)
