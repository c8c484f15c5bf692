"""Reports that this machine's tools print now: the programs of tests/data/mill, built under
each tool by each compiler when the test runs, so that no stored text decides whether we read
them. Each report must be read completely (report_judge.py says what that means)."""

from __future__ import annotations

import dataclasses
import json
import subprocess

import pytest

from conftest import IRONWORKS
from mill import TOOLS, Mill, failures, missing
from report_judge import judge

# One compiler for each of the three that see most; all the others are for ./check full.
QUICK = {("asan", "clang-19"), ("ubsan", "gcc"), ("tsan", "clang-19")}
PAIRS = [pytest.param(tool, compiler, id=f"{tool}-{compiler}",
                      marks=[] if (tool, compiler) in QUICK else [pytest.mark.full])
         for tool, how in TOOLS.items() for compiler in how.compilers]


def test_mill_is_whole():
    """There is much in it, and each expectation can fail: what it names is marked."""
    everything = failures()
    names = {(f.file, f.name) for f in everything}
    assert len(names) == len(everything) >= 80 and all(name for _, name in names)
    for failure in everything:
        assert failure.expected
        for _, expected in failure.expected:
            unmarked = expected.unmarked if expected else set()
            for i, role in enumerate(expected.stacks if expected else []):
                assert i in unmarked or failure.marks.get(role), (failure.file, failure.name, role)


def kinds_told(texts):
    """In the tool's own words: 'destroy of a locked mutex'."""
    return {f["message"].split(" (")[0] for text in texts for f in text["findings"] if f["is_primary"]}


@pytest.mark.parametrize("tool, compiler", PAIRS)
def test_fresh(tmp_path, tool, compiler):
    if why := missing(tool, compiler):
        pytest.skip(why)
    mill = Mill(tmp_path, tool, compiler)
    texts = mill.reports()
    done = subprocess.run([IRONWORKS, "parse", "--json", *texts.values()], capture_output=True,
                          timeout=60, check=False)
    read, wrong = json.loads(done.stdout)["texts"], {}
    for failure, what in zip(mill.failures, read):
        expected = mill.expected[failure.name]
        if not mill.tool.has_stacks:
            expected = dataclasses.replace(expected, stacks=[])
        text = texts[failure.name].read_bytes()
        if said := list(judge(failure, expected, mill.tool, what, text)):
            wrong[failure.name] = said + text.decode(errors="replace").splitlines()[:30]
    assert not wrong, "\n" + "\n".join(line for name, said in wrong.items()
                                       for line in (f"\n== {name}", *said))
    assert tool != "tsan" or len(kinds_told(read)) >= 10
