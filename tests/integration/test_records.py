"""What a farm records for whoever looks at it later: targets over time, what was staged, the
life and the cost of a bug, which targets are held."""

from __future__ import annotations

import re
import subprocess
import time

from conftest import GIT, TARGET, git, rows
from farm_oracle import make_adapter
from test_run_demo import stage


def test_history_of_a_target(ironworks, tiny, state, tmp_path):
    """A run leaves a curve: it begins where the run before ended, never falls, and its last
    point is what the target's row says."""
    adapter = make_adapter(tiny, tmp_path / "ledger")
    for run in (1, 2):
        done = ironworks("run", adapter, "--for", "4s", "--no-sandbox", "--state", state)
        assert done.rc in (0, 1), done.stderr
        points = rows(state, "SELECT executions, features, units FROM target_history "
                      "ORDER BY at_ms")
        assert len(points) == 2 * run, points
        assert points == sorted(points), "what was done is not undone"
        assert points[-1][0] > points[-2][0] and points[-1][2] > points[-2][2], points
        (total,) = rows(state, "SELECT executions, (SELECT count(*) FROM target_unit "
                        "WHERE state = 'good') FROM target")
        assert (points[-1][0], points[-1][2]) == total
    times = [t for (t,) in rows(state, "SELECT at_ms FROM target_history ORDER BY 1")]
    assert 3000 < times[1] - times[0] < 60000


def make_staged(tiny, tmp_path):
    adapter = make_adapter(tiny, tmp_path / "ledger")
    adapter.write(adapter.document | {
        "source": {"git": str(adapter.source), "branch": "staging", "base": "main"}})
    git(adapter.source, "checkout", "-q", "-b", "staging")
    stage(adapter, 6, "One thing", {"README": "x"})
    stage(adapter, 7, "Another thing", {"MORE": "y"})
    return adapter


def staged(state):
    """{PR: (is_current, core_ms, executions)}"""
    return {pr: row for pr, *row in rows(
        state, "SELECT pr, is_current, core_ms, executions FROM staged_pr")}


def test_core_time_of_staged_pull_requests(ironworks, tiny, state, tmp_path):
    """Each pull request in the tree gets what the targets got, as long as it is in the tree."""
    adapter = make_staged(tiny, tmp_path)

    def total():
        return rows(state, "SELECT sum(core_ms), sum(executions) FROM target")[0]

    def run(before=(0, 0)):
        for seconds in (3, 6, 12, 24, 48):  # on a busy host an engine may not come to work
            done = ironworks("run", adapter, "--for", f"{seconds}s", "--no-sandbox", "--state",
                             state)
            assert done.rc in (0, 1), done.stderr
            if total()[1] > before[1]:
                break
        return total()

    first = run()
    assert first[0] > 0 and first[1] > 0
    assert staged(state) == {6: [1, *first], 7: [1, *first]}
    second = run(first)
    assert second[0] > first[0] and second[1] > first[1]
    assert staged(state) == {6: [1, *second], 7: [1, *second]}

    # PR 6 is taken back; the branch is made anew.
    git(adapter.source, "checkout", "-q", "main")
    git(adapter.source, "branch", "-q", "-D", "staging")
    git(adapter.source, "checkout", "-q", "-b", "staging")
    git(adapter.source, "merge", "-q", "--no-ff", "pr-7", "-m",
        "Promote PR #7 to staging: Another thing\n\nHead-Ref: feature/more\n")
    third = run(second)
    assert staged(state) == {6: [0, *second], 7: [1, *third]}
    (row,) = rows(state, "SELECT head, head_ref, merge, position FROM staged_pr WHERE pr = 7")
    assert row == (rev(adapter, "pr-7"), "feature/more", rev(adapter, "staging"), 1)


def rev(adapter, name):
    return subprocess.run([*GIT, "-C", str(adapter.source), "rev-parse", name], check=True,
                          capture_output=True, text=True).stdout.strip()


def test_life_of_a_bug(ironworks, tiny, state):
    """From the find to the issue, in order, each with its moment; and what it cost, by bug and
    by target. Nothing in it tells what is private while the bug is."""
    adapter = tiny(files={"parser.c": TARGET.replace("abort();", "return;"),
                          "seeds/a": b"bug!" + 40 * b"x", "seeds/b": b"x"})
    adapter.write(adapter.document | {
        "source": {"git": str(adapter.source), "branch": "staging", "base": "main"}})
    git(adapter.source, "checkout", "-q", "-b", "staging")
    stage(adapter, 6, "A harmless change", {"README": "x"})
    stage(adapter, 7, "Another one", {"parser.c": TARGET})
    began = time.time() * 1000
    done = ironworks("run", adapter, "--for", "2s", "--no-sandbox", "--state", state,
                     timeout=120)
    assert done.rc == 1, done.stderr
    ((bug, found_ms, core_ms),) = rows(state, "SELECT id, found_ms, core_ms FROM bug")
    life = rows(state, "SELECT what, text FROM bug_event WHERE bug_id = ? ORDER BY at_ms, id",
                bug)
    told = [(what, text) for what, text in life if what != "sighting"]
    assert [what for what, _ in told] == ["found", "minimized", "attributed", "issue"], life
    said = dict(told)
    assert said["found"].startswith("in tiny/parser, libfuzzer, fails in 5 of 5 runs")
    assert re.match(r"from \d+ to 4 bytes, \d+ candidates tried; fails in 8 of 8 runs$",
                    said["minimized"]), said
    assert said["attributed"] == "staged: PR #7"
    times = [t for (t,) in rows(state, "SELECT at_ms FROM bug_event ORDER BY id")]
    assert times == sorted(times) and began <= found_ms <= times[0] + 1
    for private in ("parse_header", "Abort", "abrt"):
        assert not any(private.lower() in text.lower() for _, text in life), life
    # A process of this target takes some milliseconds, and there were dozens of them.
    assert core_ms > 50
    assert rows(state, "SELECT bug_id FROM bug_event GROUP BY 1") == [(bug,)]
