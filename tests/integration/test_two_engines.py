"""Both engines on a made-up and on a real project, always on for ten minutes, watched from
outside."""

from __future__ import annotations

import hashlib
import os
import time
from collections import defaultdict

import pytest

from artifact_watch import ArtifactWatch
from conftest import ROOT, end_processes_of, processes_of, rows, wait_until
from farm_oracle import stored_crashes
from test_run_demo import DEMO, works_in_sandbox

import demo_truth  # its folder is on the path since test_run_demo

MINUTES = float(os.environ.get("IRONWORKS_MINUTES", "10"))
SEED = int(os.environ.get("IRONWORKS_SEED", time.time_ns() % 100000))

pytestmark = [pytest.mark.full,
              pytest.mark.skipif(not works_in_sandbox(), reason="the sandbox does not work here")]


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
    try:
        with log.open("w", encoding="utf-8") as err:
            service = ironworks.start("serve", f"{DEMO}:seed={SEED}", ROOT / "adapters/zstd",
                                      "--state", state, "--http", "off", stderr=err)
        wait_until(lambda: "fuzzing" in log.read_text(errors="replace")
                   or service.poll() is not None, 900, "the farm fuzzes")
        watch = ArtifactWatch(state / "jobs")
        watch.start()
        began = time.monotonic()
        while time.monotonic() - began < MINUTES * 60:
            assert service.poll() is None, log.read_text(errors="replace")[-3000:]
            time.sleep(1)
        stopped = ironworks("stop", "--drain", "--state", state, timeout=1900)
        assert stopped.rc == 0, stopped.stderr
        service.wait(60)
        watch.end()
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

    stored = {hashlib.sha1(content).hexdigest() for content in stored_crashes(state)}
    lost = [path for sha, path in watch.seen.items() if sha not in stored]
    print(f"{len(watch.seen)} artifacts seen, {len(watch.missed)} gone before they could be read, "
          f"{len(stored)} stored")
    assert watch.seen and not lost, lost[:5]

    truth = demo_truth.make_truth(tmp_path, SEED)
    bugs = ironworks("bug", "list", "--state", state, "--json").json["bugs"]
    verdict = demo_truth.judge(truth, [b for b in bugs if b["adapter"] == "demo"])
    print(verdict)
    assert len(verdict.found) >= 5 and not verdict.doubled
    assert not verdict.wrong and not verdict.unknown
