"""Both engines on a made-up and on a real project, always on for ten minutes, watched from
outside."""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
import time
from collections import defaultdict

import pytest

from conftest import ROOT, end_processes_of, processes_of, rows, wait_until
from test_run_demo import DEMO, works_in_sandbox

import demo_truth  # its folder is on the path since test_run_demo

MINUTES = float(os.environ.get("IRONWORKS_MINUTES", "10"))
SEED = int(os.environ.get("IRONWORKS_SEED", time.time_ns() % 100000))

pytestmark = [pytest.mark.full,
              pytest.mark.skipif(not works_in_sandbox(), reason="the sandbox does not work here")]


class Watcher(threading.Thread):
    """What engines leave as artifacts, seen in their folders before the farm sweeps them."""

    def __init__(self, state):
        super().__init__(daemon=True)
        self.state, self.seen, self.known, self.is_over = state, {}, set(), False

    def look(self):
        for pattern in ("work/artifacts/*", "work/out/*/crashes/id:*", "work/out/*/hangs/id:*"):
            for path in self.state.glob(f"jobs/fuzz-*/{pattern}"):
                if str(path) in self.known or path.name.startswith("slow-unit-"):
                    continue
                with contextlib.suppress(OSError):
                    # Half a file is not a finding yet: engines write at once, or rename.
                    time.sleep(0.01)
                    content = path.read_bytes()
                    self.known.add(str(path))
                    self.seen[hashlib.sha256(content).digest()] = str(path)

    def run(self):
        while not self.is_over:
            self.look()
            time.sleep(0.1)

    def end(self):
        self.is_over = True
        self.join()


def engines_of(state):
    """{target: {engine: (executions, received, kept)}}"""
    found = defaultdict(dict)
    for target, engine, *numbers in rows(
            state, "SELECT t.name, e.engine, e.executions, e.received, e.kept "
            "FROM target_engine e JOIN target t ON t.id = e.target_id"):
        found[target][engine] = tuple(numbers)
    return found


def test_two_engines(ironworks, state, tmp_path):
    print(f"IRONWORKS_SEED={SEED}")
    log = tmp_path / "stderr"
    watcher = Watcher(state)
    try:
        with log.open("w", encoding="utf-8") as err:
            service = ironworks.start("serve", f"{DEMO}:seed={SEED}", ROOT / "adapters/zstd",
                                      "--state", state, "--http", "off", stderr=err)
        wait_until(lambda: "fuzzing" in log.read_text(errors="replace")
                   or service.poll() is not None, 900, "the farm fuzzes")
        watcher.start()
        began = time.monotonic()
        while time.monotonic() - began < MINUTES * 60:
            assert service.poll() is None, log.read_text(errors="replace")[-3000:]
            time.sleep(1)
        stopped = ironworks("stop", "--drain", "--state", state, timeout=1900)
        assert stopped.rc == 0, stopped.stderr
        watcher.end()
        service.wait(60)
    finally:
        end_processes_of(state)
    assert not processes_of(state)

    engines = engines_of(state)
    sums = defaultdict(lambda: [0, 0, 0])
    for target, each in sorted(engines.items()):
        print(target, dict(each))
        for engine, numbers in each.items():
            sums[engine] = [a + b for a, b in zip(sums[engine], numbers)]
    print(dict(sums))
    for target, each in engines.items():
        assert set(each) == {"libfuzzer", "aflpp"}, (target, each)
        assert all(executions > 0 for executions, _, _ in each.values()), (target, each)
    assert all(received > 0 and kept > 0 for _, received, kept in sums.values()), sums

    stored = {sha for (sha,) in rows(state, "SELECT input FROM crash")}
    lost = [path for sha, path in watcher.seen.items() if sha not in stored]
    print(f"{len(watcher.seen)} artifacts seen, {len(stored)} stored")
    assert watcher.seen and not lost, lost[:5]

    truth = demo_truth.make_truth(tmp_path, SEED)
    bugs = ironworks("bug", "list", "--state", state, "--json").json["bugs"]
    verdict = demo_truth.judge(truth, [b for b in bugs if b["adapter"] == "demo"])
    print(verdict)
    assert len(verdict.found) >= 5 and not verdict.doubled
    assert not verdict.wrong and not verdict.unknown
