"""A bisection builds trees that nobody fuzzes: within the disk budget, or it waits and says so."""

from __future__ import annotations

import os
import signal
import subprocess
import threading

from conftest import BUILD, end_processes_of, git, rows, wait_until
from test_blame import FATAL, HARMLESS, READER, make, stage_all

# Twice as large as the program, so that it is the builds' size.
LARGE = BUILD + 'head -c 4000000 /dev/urandom > "$OUT/padding"\n'


def make_large(tmp_path):
    """Twelve staged pull requests, of which the fifth brings a bug that a seed shows."""
    adapter = make(tmp_path, {"parser.c": READER, "check.h": HARMLESS, "seeds/a": b"bug!"})
    adapter.script(LARGE)
    stage_all(adapter, range(5, 17), {9: {"check.h": FATAL}})
    return adapter


def build(ironworks, adapter, state, *words):
    done = ironworks("build", adapter, "--state", state, "--json", *words, timeout=120)
    assert done.rc == 0, done.stderr
    return done.json["builds"][0]


def budget_of(bytes_of_builds):
    """A quarter of a budget is the compiler cache's."""
    return int(bytes_of_builds / 0.75)


def size_of(folder):
    """Of what is there; what is being removed is not looked at."""
    total = 0
    for place, _, names in os.walk(folder):
        if ".leaving-" not in place:
            total += sum(os.lstat(os.path.join(place, n)).st_size for n in names
                         if os.path.exists(os.path.join(place, n)))
    return total


class Watch:
    """How large a folder ever was."""

    def __init__(self, folder):
        self.most = 0
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._look, args=(folder,))

    def _look(self, folder):
        while not self._ends.wait(0.01):
            try:
                self.most = max(self.most, size_of(folder))
            except FileNotFoundError:
                continue  # it left meanwhile

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ends.set()
        self._thread.join()


def test_a_bisection_stays_within_the_budget(ironworks, state, tmp_path):
    """Room for what is fuzzed and two builds more: those that have been answered make room."""
    adapter = make_large(tmp_path)
    size = build(ironworks, adapter, state)["bytes"]
    with Watch(state / "builds") as watch:
        for _ in range(4):  # on a slow machine it ends in a later one
            done = ironworks("run", adapter, "--for", "1s", "--state", state, "--json",
                             "--disk-budget", budget_of(3.3 * size), timeout=240)
            assert done.rc in (0, 1), done.stderr
            bug, = done.json["bugs"]
            if bug["outcome"]:
                break
    assert (bug["outcome"], bug["prs"]) == ("staged", [9]), bug
    assert bug["waits"] is None
    made, left = rows(state, "SELECT count(*), count(left_ms) FROM build")[0]
    assert made >= 6 and made - left <= 3, "more trees were built than ever had room"
    assert 2 * size < watch.most <= 3.3 * size, f"{watch.most / size:.2f} builds at a time"


def serve(ironworks, adapter, state, log, budget):
    with log.open("w", encoding="utf-8") as err:
        return ironworks.start("serve", adapter, "--cores", 1, "--state", state, "--http", "off",
                               "--disk-budget", budget, stderr=err)


def waits(state):
    return rows(state, "SELECT waits FROM bug WHERE waits IS NOT NULL") if state.exists() else []


def kill(process, state):
    process.send_signal(signal.SIGKILL)
    process.wait(30)
    end_processes_of(state)


def test_it_waits_for_room_and_says_so(ironworks, state, tmp_path):
    """Nothing can leave: that is said everywhere, survives a kill, and ends by itself."""
    adapter = make_large(tmp_path)
    # Somebody works on an old build.
    git(adapter.source, "checkout", "-q", "-b", "old", "staging~12")
    git(adapter.source, "commit", "-q", "--allow-empty", "-m", "A commit")
    adapter.commit({"old.h": "int old;\n"})
    git(adapter.source, "checkout", "-q", "staging")
    old = build(ironworks, adapter, state, "--commit", "old")
    holder = subprocess.Popen(["flock", "-s", old["dir"], "cat"], stdin=subprocess.PIPE)
    try:
        log = tmp_path / "log"
        farm = serve(ironworks, adapter, state, log, "1M")
        wait_until(lambda: waits(state), 120, "it waits")
        # Of other commands, while the farm runs.
        told = "no room for a build of about"
        blame = ironworks("blame", 1, "--state", state)
        assert blame.rc == 1 and "bug 1: not yet" in blame.stdout and told in blame.stdout
        assert "raise --disk-budget" in blame.stdout
        assert told in ironworks("blame", 1, "--state", state, "--json").json["waits"]
        assert told in ironworks("bug", "show", 1, "--state", state).stdout
        assert told in ironworks("bug", "show", 1, "--state", state, "--json").json["waits"]
        assert "1 bug waits for room" in ironworks("status", "--state", state).stdout
        assert log.read_text(encoding="utf-8").count("blame waits") == 1
        kill(farm, state)
        assert waits(state), "a kill changes nothing"

        # More room, but not enough while that build is held.
        size = old["bytes"]
        farm = serve(ironworks, adapter, state, log, budget_of(2.5 * size))
        wait_until(lambda: "blame waits" in log.read_text(encoding="utf-8"), 120, "it waits")
        wait_until(lambda: waits(state), 60, "it says so")
        made = rows(state, "SELECT count(*) FROM build")
    finally:
        holder.stdin.close()
        holder.wait(10)
    wait_until(lambda: rows(state, "SELECT outcome FROM bug") != [(None,)], 120, "it goes on")
    assert rows(state, "SELECT outcome, prs, waits FROM bug") == [("staged", "[9]", None)]
    assert rows(state, "SELECT count(*) FROM build")[0] > made[0]
    assert log.read_text(encoding="utf-8").count("blame waits") == 1
    assert rows(state, "SELECT left_ms IS NULL FROM build WHERE closure = ?",
                old["closure"]) == [(0,)]
    ironworks("stop", "--state", state, timeout=90)
    farm.wait(60)
