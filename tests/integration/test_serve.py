"""`ironworks serve`: supervisors come and go, engines and findings stay. A fake engine's own
ledger is the witness."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest

from conftest import ROOT, end_processes_of, processes_of, rows, wait_until
from farm_oracle import (assert_nothing_lost, make_adapter, read_ledger, stored_crashes,
                         stored_units)
from test_kill import identity, seed_of

CORES = 2
#: An engine that lives for seconds, so that outages fall into its life, and ends now and then
#: in one of them.
SLOW = "-DUNIT_PAUSE_US=5000 -DUNITS_PER_CRASH=200"


class Service:
    def __init__(self, ironworks, tiny, state, tmp_path, engine=SLOW):
        self.ironworks, self.state = ironworks, state
        self.ledger, self.log = tmp_path / "ledger", tmp_path / "stderr"
        self.adapter = make_adapter(tiny, self.ledger, more=engine)
        self.words = [self.adapter, "--cores", CORES]
        self.process = None

    def start(self, is_awaited=True):
        self.before = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("a", encoding="utf-8") as err:
            self.process = self.ironworks.start(
                "serve", *self.words, "--no-sandbox", "--state", self.state, stderr=err)
        if is_awaited:
            self.await_fuzzing()

    def await_fuzzing(self, targets=1):
        wait_until(lambda: f"fuzzing {targets} target" in self.said()
                   or self.process.poll() is not None, 60, "the service fuzzes")
        assert self.process.poll() is None, self.said()

    def reload(self):
        """What is said from now on is of the reload."""
        self.before = self.log.stat().st_size
        self.process.send_signal(signal.SIGHUP)

    def said(self):
        with self.log.open(encoding="utf-8", errors="replace") as f:
            f.seek(self.before)
            return f.read()

    def engines(self, target="engine"):
        """Who they are, with their start times; not those that only reproduce one input. target
        None: of all."""
        found = set()
        for pid in processes_of(self.state):
            with contextlib.suppress(OSError):
                words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
                if target in (None, Path(words[0].decode()).name) and any(
                        w.startswith(b"-artifact_prefix=") for w in words):
                    found.add(identity(pid))
        return found - {None}

    def kill(self):
        self.process.kill()
        self.process.communicate(timeout=10)

    def stop(self, *args):
        done = self.ironworks("stop", *args, "--state", self.state, timeout=100)
        assert done.rc == 0, done.stderr
        return done

    def adopted(self):
        told = re.search(r"(\d+) engines? of the supervisor before this one adopted", self.said())
        return int(told.group(1)) if told else 0

    def assert_over(self):
        wait_until(lambda: not processes_of(self.state), 10, "no process is left")


@pytest.fixture
def service(ironworks, tiny, state, tmp_path):
    service = Service(ironworks, tiny, state, tmp_path)
    yield service
    end_processes_of(state)
    with contextlib.suppress(OSError):
        print(service.log.read_text(encoding="utf-8", errors="replace")[-4000:])


def kill_once(service, chance):
    """One outage. Who lived before it and lives after it has been adopted, and nobody runs
    beside them."""
    time.sleep(chance.uniform(0, 1.0))
    before = service.engines()
    service.kill()
    if chance.random() < 0.3:
        time.sleep(chance.uniform(0, 1.5))
    service.start(is_awaited=False)
    if chance.random() < 0.2:
        time.sleep(chance.uniform(0, 0.3))  # killed again while it opens
        return 0
    service.await_fuzzing()
    wait_until(lambda: service.engines(), 20, "an engine runs")
    survivors = before & service.engines()
    assert len(service.engines()) <= CORES, "engines were started beside those that lived"
    assert service.adopted() >= len(survivors), service.said()
    return len(survivors)


def lives(service, what):
    return read_ledger(service.ledger)[what]


def assert_nobody_was_ended(service):
    """By their own account: who has begun runs still, or has ended by itself. Returns how many
    engines there have been."""
    begun = lives(service, "start")
    pids = {b"%d" % pid for pid, _ in service.engines()}
    assert not lives(service, "stopped"), "a supervisor stopped an engine"
    killed = {who for who in begun - lives(service, "end") if who.split(b".")[0] not in pids}
    assert not killed, f"engines were killed: {killed}"
    return len(begun)


def kill_often(service, chance, kills):
    service.start()
    survived = sum(kill_once(service, chance) for _ in range(kills))
    service.await_fuzzing()
    begun = assert_nobody_was_ended(service)
    service.stop()
    assert lives(service, "stopped"), "stop ends engines in peace"
    print(f"{kills} kills, {survived} engines lived through one, {begun} engines in all")
    service.process.communicate(timeout=10)
    service.assert_over()
    units, crashes = assert_nothing_lost(service.state, service.ledger)
    assert survived > kills / 2, "hardly any engine lived through an outage"
    assert units > 30 * kills and crashes > 3, (units, crashes)
    assert not list((service.state / "jobs").iterdir()), "a folder of a dead engine stays"
    assert rows(service.state, "PRAGMA integrity_check") == [("ok",)]
    doubled = rows(service.state, "SELECT target_id, type, frames FROM bug "
                   "GROUP BY 1, 2, 3 HAVING count(*) > 1")
    assert not doubled, doubled


def test_engines_live_through_thirty_kills(service, request):
    kill_often(service, seed_of(request), 30)


@pytest.mark.soak
def test_engines_live_through_a_thousand_kills(service, request):
    kill_often(service, seed_of(request), 1000)


def test_restart_costs_no_engine(service):
    """SIGTERM, as a service manager with KillMode=process sends it: only to the main process.
    It ends at once, and the engines are the same before and after."""
    service.start()
    before = wait_until(lambda: len(service.engines()) == CORES and service.engines(), 20,
                        "engines run")
    began = time.monotonic()
    service.process.terminate()
    service.process.communicate(timeout=20)
    assert service.process.returncode == 0 and time.monotonic() - began < 10
    assert before & service.engines(), "engines ended with the supervisor"
    service.start()
    assert service.adopted() >= len(before & service.engines()) > 0
    wait_until(lambda: len(read_ledger(service.ledger)["crash"]) > 2, 180, "engines crash")
    service.stop()
    service.assert_over()
    assert_nothing_lost(service.state, service.ledger)


def test_start_that_fails_harms_no_engine(service):
    """A restart whose adapter cannot be built ends with a sentence, and engines go on."""
    service.start()
    before = wait_until(lambda: len(service.engines()) == CORES and service.engines(), 20,
                        "engines run")
    service.kill()
    script = (service.adapter.dir / "build.sh").read_text(encoding="utf-8")
    service.adapter.script("#!/bin/sh\nexit 9\n")
    service.start(is_awaited=False)
    service.process.communicate(timeout=60)
    assert service.process.returncode == 4, service.said()
    assert before & service.engines(), "engines ended with a start that failed"
    service.adapter.script(script)
    service.start()
    service.stop()
    service.assert_over()
    assert_nothing_lost(service.state, service.ledger)


def test_second_service_is_refused(service):
    service.start()
    done = service.ironworks("serve", service.adapter, "--no-sandbox", "--state", service.state)
    done.fails_with("in use", str(service.process.pid))
    assert service.engines()
    service.stop()


def test_stop_without_a_service(service):
    """What a killed service left behind is ended, and what it found is stored."""
    service.start()
    wait_until(service.engines, 20, "engines run")
    service.kill()
    assert re.match(r"no farm runs here; \d+ jobs? that one left behind (is|are) over\n", service.stop().stdout)
    service.assert_over()
    assert_nothing_lost(service.state, service.ledger)
    assert not list((service.state / "jobs").iterdir()), "a folder of an ended engine stays"


def totals(service):
    return rows(service.state, "SELECT executions, core_ms FROM target")[0]


def test_engines_that_end_in_an_outage(ironworks, tiny, state, tmp_path):
    """The next supervisor learns of their end and of all that they found and used."""
    service = Service(ironworks, tiny, state, tmp_path, "-DUNITS_PER_CRASH=300")
    try:
        service.start()
        before = wait_until(lambda: len(service.engines()) == CORES and service.engines(), 20,
                            "engines run")
        service.kill()
        executions, core_ms = totals(service)
        wait_until(lambda: not service.engines() & before, 60, "the engines end by themselves")
        found = {what: set(read_ledger(service.ledger)[what]) for what in ("unit", "crash")}
        assert found["crash"] and not lives(service, "stopped")
        service.start()
        assert service.adopted() == 0
        told = re.search(r"from an earlier run: (\d+) units, (\d+) crashes", service.said())
        assert told and int(told[1]) > 0 and int(told[2]) > 0, service.said()
        assert found["unit"] <= set(stored_units(state)), "units of the outage are missing"
        assert found["crash"] <= set(stored_crashes(state)), "crashes of the outage are missing"
        assert totals(service)[0] > executions and totals(service)[1] > core_ms
        service.stop()
        service.assert_over()
        assert_nothing_lost(state, service.ledger)
    finally:
        end_processes_of(state)


def test_engine_of_an_old_build_is_swept_at_once(service):
    """Nobody fuzzes that build any more: its engines are stopped, and what they found does not
    wait for the next start."""
    service.start()
    before = wait_until(lambda: len(service.engines()) == CORES and service.engines(), 20,
                        "engines run")
    wait_until(lambda: read_ledger(service.ledger)["crash"], 120, "an engine crashes")
    service.kill()
    script = (service.adapter.dir / "build.sh").read_text(encoding="utf-8")
    service.adapter.script(script + "# another recipe\n")
    service.start()
    wait_until(lambda: not before & service.engines(), 20, "engines of the old build end")
    assert lives(service, "stopped") and service.adopted() == 0
    # By now they write no more; what the new ones write is not asked for.
    found = read_ledger(service.ledger)
    for what, stored in (("unit", stored_units), ("crash", stored_crashes)):
        theirs = tuple(b"%s %d." % (what.encode(), pid) for pid, _ in before)
        mine = {content for content in found[what] if content.startswith(theirs)}
        assert mine
        wait_until(lambda m=mine, s=stored: m <= set(s(service.state)), 20,
                   f"each {what} is stored")
    wait_until(lambda: not rows(service.state, "SELECT 1 FROM crash WHERE state = 'new'"), 60,
               "their crashes are judged")
    service.stop()
    service.assert_over()
    assert_nothing_lost(service.state, service.ledger)
    assert not list((service.state / "jobs").iterdir())


def test_stop_of_nothing(ironworks, tmp_path):
    ironworks("stop", "--state", tmp_path / "nowhere").fails_with("there is no state")


def test_version_that_cannot_take_over_refuses(service):
    """A newer program tries its steps on a copy; when that fails, the database is as it was
    and the engines go on."""
    service.start()
    before = wait_until(service.engines, 20, "engines run")
    service.kill()
    with contextlib.closing(sqlite3.connect(service.state / "ironworks.db")) as db:
        (version,) = db.execute("PRAGMA user_version").fetchone()
        # The last step that makes something will find it there already.
        made = max(int(step.name[:4]) for step in (ROOT / "supervisor/schema").glob("0*.sql")
                   if re.search("CREATE TABLE|ADD COLUMN", step.read_text(encoding="utf-8")))
        db.execute(f"PRAGMA user_version = {made - 1}")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    done = service.ironworks("serve", service.adapter, "--no-sandbox", "--state", service.state)
    done.fails_with("cannot take over the database", "go on with the version before")
    assert rows(service.state, "PRAGMA user_version") == [(made - 1,)]
    assert not list(service.state.glob("*.rehearsal*"))
    assert before & service.engines(), "engines were harmed"
    with contextlib.closing(sqlite3.connect(service.state / "ironworks.db")) as db:
        db.execute(f"PRAGMA user_version = {version}")
    service.start()
    service.stop()
    service.assert_over()
    assert_nothing_lost(service.state, service.ledger)


def test_service_manager_is_told(service, tmp_path):
    """READY, then WATCHDOG every second, then STOPPING: sd_notify(3)."""
    import socket
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(path))
        manager.settimeout(20)
        service.ironworks.env["NOTIFY_SOCKET"] = str(path)
        service.start(is_awaited=False)
        told = [manager.recv(100) for _ in range(3)]
        assert told == [b"READY=1", b"WATCHDOG=1", b"WATCHDOG=1"]
        service.await_fuzzing()
        service.process.send_signal(signal.SIGTERM)
        while told[-1] != b"STOPPING=1":
            told.append(manager.recv(100))
    service.process.communicate(timeout=20)
    # Jobs know nothing of it.
    for pid in processes_of(service.state):
        with contextlib.suppress(OSError):
            assert b"NOTIFY_SOCKET" not in Path(f"/proc/{pid}/environ").read_bytes()
    os.environ.pop("NOTIFY_SOCKET", None)
    service.stop()
    service.assert_over()


def test_unit_of_systemd(binaries, tmp_path):
    """What keeps engines alive over a restart and brings back a supervisor that hangs."""
    text = (ROOT / "supervisor" / "service" / "ironworks.service").read_text(encoding="utf-8")
    told = dict(line.split("=", 1) for line in text.splitlines()
                if "=" in line and not line.startswith("#"))
    assert {told[k] for k in ("Type", "KillMode", "OOMPolicy", "Restart")} == {
        "notify", "process", "continue", "on-failure"}
    assert int(told["WatchdogSec"]) >= 10, "it is told of every second"
    assert {"memory", "pids", "cpu"} <= set(told["Delegate"].split())
    assert told["NotifyAccess"] == "main" and told["ExecReload"].endswith("-HUP $MAINPID")
    if not shutil.which("systemd-analyze"):
        pytest.skip("no systemd-analyze here to read the whole of it")
    unit = tmp_path / "ironworks.service"
    for name in ("User", "Group"):
        text = text.replace(f"{name}=ironworks", f"{name}=root")
    unit.write_text(text.replace("/usr/local/bin", str(binaries)), encoding="utf-8")
    done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True,
                          timeout=60, check=False)
    assert done.returncode == 0 and not done.stderr.strip(), done.stderr
