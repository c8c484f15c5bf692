"""Scores `ironworks parse` on the cases that peers assert in their own tests.

The cases are not part of this repository: they are looked for in ../shared/reports, or
where IRONWORKS_REPORTS points, and the tests are skipped without them. Cases that are kept
back from us score as these do only if what we have are rules, so nothing here may name one
but the list of those in which we differ, with the reason."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from conftest import IRONWORKS, ROOT

CASES = Path(os.environ.get("IRONWORKS_REPORTS", ROOT.parent / "shared/reports"))
FLOORS = {"crash_type": 0.98, "crash_state": 0.95, "is_security": 0.95}
EXACT = 0.90

# Why we answer differently from ClusterFuzz where we do.
DEVIATIONS = {
    "cf/ignore_skia_abort": "a frame of the project's own mutex is ignored there by name; "
                            "it is where the program found out",
}


def load(name):
    path = CASES / f"{name}.jsonl"
    if not path.exists():
        pytest.skip(f"no shared reports at {CASES}")
    return [json.loads(line) for line in path.read_text().splitlines()]


def understood(tmp_path, texts):
    """What the command says of each text, all in one call."""
    names = []
    for i, text in enumerate(texts):
        names.append(tmp_path / f"{i}.txt")
        names[-1].write_bytes(text.encode())
    done = subprocess.run([IRONWORKS, "parse", "--json", *names], capture_output=True,
                          timeout=60, check=False)
    assert done.returncode in (0, 1)
    return json.loads(done.stdout)["texts"]


def primary(text):
    return next((f for f in text["findings"] if f["is_primary"]), None)


def as_clusterfuzz(case, path):
    """One call for each case: the knobs are ClusterFuzz's own variables."""
    path.write_bytes(case["input"].encode())
    env = {"PATH": os.environ["PATH"], **case["env"]["os_environ"]}
    done = subprocess.run([IRONWORKS, "parse", "--clusterfuzz", "--json", path], env=env,
                          capture_output=True, timeout=60, check=False)
    return json.loads(done.stdout)


def test_clusterfuzz(tmp_path):
    cases = load("clusterfuzz_dev")
    fields = ("crash_type", "crash_address", "crash_state", "is_security")
    differs = {}
    for case in cases:
        found, wanted = as_clusterfuzz(case, tmp_path / "report.txt"), case["expected"]
        wrong = {f: (found[f], wanted[f]) for f in fields if found[f] != wanted[f]}
        if wrong:
            differs[case["id"]] = wrong
    for field, floor in FLOORS.items():
        missed = [i for i, wrong in differs.items() if field in wrong]
        score = 1 - len(missed) / len(cases)
        assert score >= floor, f"{field}: {score:.1%}, missed {missed}"
    assert 1 - len(differs) / len(cases) >= EXACT, differs
    assert set(differs) <= set(DEVIATIONS), {i: differs[i] for i in set(differs) - set(DEVIATIONS)}
