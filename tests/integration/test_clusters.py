"""Which crashes are one bug? Programs with planted faults (../lib/planted.py), built when the test
runs by the compilers that are here; whose crashes belong together is proven by each fault's fix."""

from __future__ import annotations

import itertools
import sys

import pytest

from conftest import IRONWORKS, ROOT

sys.path.insert(0, str(ROOT / "tests" / "lib"))

import planted  # noqa: E402
from planted_runs import Build, missing, ours, pairs, prove, run_all  # noqa: E402

SEED = 7
SETS = {p.name: p for p in planted.programs(SEED)}
CLANG = Build("clang-19", "-O2")
GCC = Build("gcc", "-O1")
#: Sets, and the builds that make their reports.
CASES = {
    "leaves": [CLANG, GCC],
    "one fix": [CLANG, GCC],
    "lines": [CLANG, Build("clang-19", "-O0", is_moved=True)],
    "statics": [CLANG, Build("gcc", "-O1", is_moved=True)],
    "cycles": [Build("clang-19", "-O1")],
    "races": [Build("clang-19", "-O1", "tsan"), Build("gcc", "-O1", "tsan")],
}


@pytest.mark.parametrize("name", CASES)
def test_planted(tmp_path, name):
    """Every pair is one bug where one fix ends both, and two bugs where it does not; within a
    build, from one compiler to another, and when lines have moved."""
    builds = [b for b in CASES[name] if not missing(b)]
    if not builds:
        pytest.skip("no compiler")
    crashes = run_all([SETS[name]], builds, tmp_path)
    keys = ours(IRONWORKS, crashes)
    wrong = [pairs(crashes, keys, across)[1] for across in (False, True)]
    assert not any(wrong), {c.way: (c.bug, str(c.build), k) for c, k in zip(crashes, keys)}


def test_the_truth_is_true(tmp_path):
    """Each fix ends the ways of its bug and no others."""
    build = next((b for b in (CLANG, GCC) if not missing(b)), None)
    if not build:
        pytest.skip("no compiler")
    assert not list(itertools.chain.from_iterable(
        prove(SETS[name], build, tmp_path) for name in ("leaves", "one fix")))
