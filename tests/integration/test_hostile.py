"""Targets that mean harm, in the real farm and the real sandbox, run by a normal user. Each
does one deed (tests/data/hostile); what it must not reach is watched from outside."""

from __future__ import annotations

import contextlib
import hashlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import pytest

import conftest
from conftest import ROOT, Ironworks, Tiny, end_processes_of, processes_of, rows
from test_run_demo import works_in_sandbox

DEEDS = ROOT / "tests" / "data" / "hostile"
SECRET = b"nobody may read this line, which stands nowhere else\n"
#: What a target of the test may write; the keeper looks once a second, and a fast disk takes
#: some gigabytes in that time.
DISK_LIMIT_MB, DISK_MAX_MB = 64, 6000
#: Few where it is about files without content; much where no limit is to help the farm.
LIMITS_MB = {"inodes": 16, "flood": 2048}
PROCESSES_MAX = 2000
RUN_S = 60

pytestmark = [
    pytest.mark.skipif(not works_in_sandbox(), reason="the sandbox does not work here"),
    pytest.mark.skipif(shutil.disk_usage("/tmp").free < 12 << 30,
                       reason="less than 12 GiB free for what hostile targets may take"),
]


class User:
    """A normal user. Root runs the farm as nobody; others run it as themselves."""

    def __init__(self):
        self.uid, self.gid, self.prefix = os.geteuid(), os.getegid(), []
        if self.uid == 0:
            nobody = pwd.getpwnam("nobody")
            self.uid, self.gid = nobody.pw_uid, nobody.pw_gid
            self.prefix = ["setpriv", f"--reuid={self.uid}", f"--regid={self.gid}",
                           "--clear-groups"]

    def owns(self, folder):
        if os.geteuid() == 0:
            subprocess.run(["chown", "-R", f"{self.uid}:{self.gid}", folder], check=True)

    def processes(self):
        count = 0
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                count += entry.name.isdigit() and entry.stat().st_uid == self.uid
        return count


class Watcher(threading.Thread):
    """The most that was in use at any moment."""

    def __init__(self, user, jobs):
        super().__init__(daemon=True)
        self.user, self.jobs = user, jobs
        self.processes, self.disk_mb, self.is_over = 0, 0, False

    def run(self):
        while not self.is_over:
            self.processes = max(self.processes, self.user.processes())
            done = subprocess.run(["du", "-sm", self.jobs], capture_output=True, text=True,
                                  check=False)
            if done.stdout:
                self.disk_mb = max(self.disk_mb, int(done.stdout.split()[0]))
            time.sleep(0.3)

    def end(self):
        self.is_over = True
        self.join()


class Affair:
    """One run of the farm with all of them, and what was seen meanwhile."""

    def __init__(self, home):
        self.user = User()
        self.state = home / "state"
        self.victim = subprocess.Popen([*self.user.prefix, "sleep", "1000"])
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.setblocking(False)
        self.canary = home / "canary"
        self.canary.write_bytes(SECRET)
        programs = home / "programs"
        shutil.copytree(conftest.BIN, programs)
        adapter = self.make_adapter(home)
        self.user.owns(home)
        os.chmod(home, 0o755)
        self.ironworks = Ironworks(home)
        self.ironworks.program = programs / "ironworks"
        watcher = Watcher(self.user, self.state / "jobs")
        watcher.start()
        try:
            self.done = self.call("run", adapter, "--for", f"{RUN_S}s", "--cores", "2",
                                  "--state", self.state, "--json", timeout=RUN_S * 5)
        finally:
            watcher.end()
        self.most = watcher
        self.left = [pid for pid in processes_of(self.state) if pid != os.getpid()]
        self.status = self.call("status", "--state", self.state, "--json").json

    def make_adapter(self, home):
        files = {p.name: p.read_text() for p in DEEDS.iterdir() if p.suffix in (".c", ".h")}
        files["places.h"] = (f'#define CANARY "{self.canary}"\n'
                             f"#define PORT {self.listener.getsockname()[1]}\n"
                             f"#define VICTIM {self.victim.pid}\n")
        build = conftest.BUILD.replace("$CFLAGS", "$CFLAGS -Wno-unused-result")
        adapter = Tiny(home, "hostile", files, build, {"flavours": ["libfuzzer"]})
        for target in adapter.document["targets"]:
            # So long that not the engine's own alarm is what ends them.
            limit = LIMITS_MB.get(target["name"], DISK_LIMIT_MB)
            target |= {"disk_limit_mb": limit, "timeout_s": 30}
        adapter.write(adapter.document)
        return adapter

    def call(self, *args, timeout=60):
        process = subprocess.Popen(
            [*self.user.prefix, self.ironworks.program, *map(str, args)], text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=self.ironworks.env)
        return self.ironworks.finish(process, timeout, args)

    def target(self, name):
        return next(t for t in self.status["targets"] if t["target"] == name)

    def end(self):
        self.victim.kill()
        self.victim.wait()
        self.listener.close()
        end_processes_of(self.state)


@pytest.fixture(scope="module")
def affair(binaries):
    # Not pytest's folder, which only its own user may enter.
    home = Path(tempfile.mkdtemp(prefix="hostile-"))
    affair = Affair(home)
    yield affair
    affair.end()
    shutil.rmtree(home, ignore_errors=True)


def test_no_deed_succeeds(affair):
    """None of them got far enough to say so."""
    assert affair.done.rc in (0, 1), affair.done.stderr
    told = [bug for bug in affair.done.json["bugs"]
            if any("deed_succeeded" in frame for frame in bug["frames"])]
    assert not told, told
    log = (affair.state / "log").read_text(errors="replace")
    assert "the deed succeeded" not in log


def test_farm_goes_on(affair):
    """Every target was fuzzed, the honest one as well, by the same supervisor to the end."""
    targets = {t["target"]: t for t in affair.done.json["targets"]}
    assert set(targets) == {p.stem for p in DEEDS.glob("*.c")}
    assert targets["honest"]["executions"] > 10000 and targets["honest"]["features"] > 1
    idle = [name for name, t in targets.items() if t["executions"] == 0]
    # These ended before the engine printed a number.
    assert set(idle) <= {"output", "forks", "disk", "inodes", "unlinked", "flood", "planter",
                         "outliver"}, idle


@pytest.mark.parametrize("name, why", [("forks", ("processes", "memory")), ("disk", ("disk",)),
                                       ("unlinked", ("disk",)), ("inodes", ("disk",))])
def test_who_takes_too_much_is_stopped_and_told(affair, name, why):
    """`status` says which target it was and what it took."""
    target = affair.target(name)
    assert target["failures"] > 0, target
    assert target["failure"] in [f"started more {w} than allowed" for w in why] + [
        f"{verb} more {w} than allowed" for verb in ("used", "took") for w in why], target


def test_what_is_taken_is_bounded(affair):
    assert affair.most.processes < PROCESSES_MAX, affair.most.processes
    assert affair.most.disk_mb < DISK_MAX_MB, affair.most.disk_mb
    assert (affair.state / "log").stat().st_size < 20 << 20


def test_nothing_is_left(affair):
    """No process of a target, and no file but the state's own."""
    assert not affair.left
    names = [p.read_text() for p in Path("/proc").glob("[0-9]*/comm")
             if os.access(p, os.R_OK)]
    assert "outliver-ghost\n" not in names
    assert not list((affair.state / "jobs").iterdir())


def test_host_is_untouched(affair):
    """Nobody called, the victim lives untraced, the build is as it was built."""
    with pytest.raises(BlockingIOError):
        affair.listener.accept()
    assert affair.victim.poll() is None
    status = Path(f"/proc/{affair.victim.pid}/status").read_text()
    assert "TracerPid:\t0\n" in status
    (build,) = [p for p in (affair.state / "builds").iterdir() if p.is_dir()]
    assert {p.name for p in build.iterdir() if os.access(p, os.X_OK) and p.is_file()} >= {
        p.stem for p in DEEDS.glob("*.c")}
    assert not list(build.glob("*.new")) and (build / "rewriter").stat().st_size > 10000


def test_secrets_stay_where_they_are(affair):
    """Links that were planted led nowhere: the canary is in no unit and no artifact."""
    digest = hashlib.sha256(SECRET).digest()
    shas = {row[0] for row in rows(affair.state, "SELECT sha256 FROM unit")}
    shas = {s if isinstance(s, bytes) else bytes.fromhex(s) for s in shas}
    assert shas and digest not in shas
    for path in affair.state.rglob("*"):
        if path.is_file() and not path.is_symlink() and path.stat().st_size < 64 << 20 and (
                "builds" not in path.parts):
            assert SECRET not in path.read_bytes(), path


def test_artifact_flood_is_cut(affair):
    """What no engine leaves is not judged one by one."""
    (crashes,) = rows(affair.state, "SELECT count(*) FROM crash c JOIN target t "
                      "ON t.id = c.target_id WHERE t.name = 'flood'")[0]
    assert crashes <= 256 * 12, crashes
