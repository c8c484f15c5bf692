"""`ironworks triage` with inputs that make the target do harm: the others get their bug all the
same, the evil one ends in the table, and nothing is left behind."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time

import pytest

from conftest import ROOT, processes_of, wait_until
from plain_programs import CLANG
from test_run_demo import works_in_sandbox

pytestmark = [
    pytest.mark.skipif(not CLANG, reason="no clang"),
    pytest.mark.skipif(not works_in_sandbox(), reason="the sandbox does not work here"),
]

SOURCE = ROOT / "tests" / "data" / "triage" / "evil.c"
HONEST, FINE = 6, 6
#: Half a gigabyte each on two slots, and what a fast disk takes until the keeper looks.
DISK_MAX_MB = 6000


class DiskWatch(threading.Thread):
    """The most that a folder took."""

    def __init__(self, folder):
        super().__init__(daemon=True)
        self.folder, self.most, self.is_over = folder, 0, False

    def run(self):
        while not self.is_over:
            done = subprocess.run(["du", "-sm", self.folder], capture_output=True, text=True,
                                  check=False)
            if done.stdout:
                self.most = max(self.most, int(done.stdout.split()[0]))
            time.sleep(0.2)


@pytest.fixture
def affair(ironworks, tmp_path):
    """affair("UP") runs these deeds beside honest crashes, and judges what all have in common."""
    files, scratch = tmp_path / "files", tmp_path / "scratch"
    programs = tmp_path / "programs"
    for folder in (files, scratch, programs):
        folder.mkdir()
    for i in range(HONEST):
        (files / f"honest-{i}").write_bytes(b"doo%d" % i)
    for i in range(FINE):
        (files / f"fine-{i}").write_bytes(b"fine%d" % i)
    subprocess.run([CLANG, "-O1", "-g", "-w", "-fsanitize=fuzzer,address",
                    f'-DORIGINAL="{files}/U"', SOURCE, "-o", programs / "evil"], check=True)

    def run(deeds, timeout=120):
        for deed in deeds:
            (files / deed).write_bytes(b"do%s0" % deed.encode())
        before = {p.name: p.read_bytes() for p in files.iterdir()}
        watch = DiskWatch(scratch)
        watch.start()
        done = ironworks("triage", files, "--binary", programs / "evil", "--out",
                         tmp_path / "out", "--timeout", "2s", "--no-minimize", "--json",
                         env={"TMPDIR": str(scratch)}, timeout=timeout)
        watch.is_over = True
        watch.join()
        assert done.rc == 1, done.stderr
        answer = done.json
        honest = [b for b in answer["bugs"] if "overflow_here" in b["frames"]]
        assert len(honest) == 1 and honest[0]["hits"] == honest[0]["runs"] == 5
        assert {os.path.basename(p) for p in honest[0]["files"]} == {
            f"honest-{i}" for i in range(HONEST)}
        assert answer["passed"] >= FINE and not answer["not_run"]
        assert {p.name: p.read_bytes() for p in files.iterdir()} == before
        wait_until(lambda: not processes_of(scratch), 10, "no process is left")
        assert os.listdir(scratch) == []
        assert watch.most < DISK_MAX_MB, watch.most
        return {os.path.basename(b["files"][0]): b for b in answer["bugs"] if b not in honest}
    return run


def test_deletes_prints_and_fills_the_disk(affair):
    if shutil.disk_usage("/tmp").free < 8 << 30:
        pytest.skip("less than 8 GiB free for what a hostile target may take")
    bugs = affair("UPD")
    assert set(bugs) == {"U", "P", "D"}
    assert bugs["U"]["frames"][0] == "delete_inputs"
    # On a slow machine its time is over before the gigabyte is written.
    assert "print_much" in bugs["P"]["frames"] or bugs["P"]["type"] == "Timeout"
    assert "disk" in bugs["D"]["headline"]


@pytest.mark.full
@pytest.mark.parametrize("deed", ["F", "T"])
def test_forks_and_does_not_end(affair, deed):
    """What does not end takes its whole time in each of some runs."""
    bugs = affair(deed, timeout=600)
    assert set(bugs) <= {deed}
    assert deed == "F" or bugs["T"]["type"] == "Timeout"
