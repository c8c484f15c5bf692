"""Programs that say nothing when they die: no sanitizer, no names. `ironworks triage` and `repro`
say where it was all the same, and whoever dies elsewhere is another bug."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from plain_programs import CLANG

pytestmark = pytest.mark.skipif(not CLANG, reason="no clang")

SOURCE = Path(__file__).parents[1] / "data" / "triage" / "silent.c"

#: Where the program dies by the byte behind "die", what it is called, and how grave it is.
DEATHS = {"w": ("write_null", "Null-dereference WRITE", "PROBABLY_EXPLOITABLE"),
          "r": ("read_wild", "UNKNOWN READ", "NOT_EXPLOITABLE"),
          "i": ("read_impossible", "UNKNOWN", "NOT_EXPLOITABLE"),
          "a": ("check_even", "ASSERT", "NOT_EXPLOITABLE"),
          "A": ("give_up", "Abrt", "NOT_EXPLOITABLE"),
          "c": ("call_nowhere", "Null-dereference READ", "PROBABLY_EXPLOITABLE"),
          "d": ("divide", "Floating-point-exception", "NOT_EXPLOITABLE"),
          "f": ("free_twice", "Heap-corruption", "PROBABLY_EXPLOITABLE"),
          "o": ("ping", "Stack-overflow", "NOT_EXPLOITABLE")}


@pytest.fixture(scope="module")
def silent(tmp_path_factory):
    """The program with names, and without."""
    home = tmp_path_factory.mktemp("silent")
    jobs = [subprocess.Popen(["gcc", "-O1", "-g", "-pthread", *words, SOURCE, "-o", home / name])
            for name, words in (("named", []), ("static", ["-static"]))]
    assert [job.wait(120) for job in jobs] == [0, 0]
    shutil.copy(home / "named", home / "stripped")
    subprocess.run(["strip", home / "stripped"], check=True)
    return home


@pytest.fixture
def crashes(tmp_path):
    folder = tmp_path / "crashes"
    folder.mkdir()
    for way in DEATHS:
        (folder / f"{way}-small").write_bytes(b"die" + way.encode())
        (folder / f"{way}-large").write_bytes(b"die" + way.encode() + b"large")
    (folder / "handled").write_bytes(b"dieh")
    (folder / "of-a-child").write_bytes(b"diep")
    return folder


def triage(ironworks, crashes, out, *words):
    done = ironworks("triage", crashes, "--out", out, "--json", *words, timeout=120)
    assert done.rc == 1, done.stderr
    return done.json


def by_place(answer):
    """Either of the two that call each other for ever may have been the last."""
    return {bug["frames"][0].replace("pong", "ping"): bug for bug in answer["bugs"]}


def test_each_place_is_one_bug(ironworks, silent, crashes, tmp_path):
    answer = triage(ironworks, crashes, tmp_path / "out", "--binary", silent / "named",
                    "--args", "@@", "--no-minimize")
    bugs = by_place(answer)
    assert set(bugs) == {place for place, _, _ in DEATHS.values()}
    assert answer["passed"] == 2
    for place, what, severity in DEATHS.values():
        bug = bugs[place]
        assert bug["headline"].startswith(what), bug
        assert bug["severity"] == severity, bug
        assert bug["hits"] == bug["runs"] and len(bug["files"]) == 2
        assert "silent.c" in bug["place"]


def test_without_names_too(ironworks, silent, crashes, tmp_path):
    """Here inputs come on standard input. Where a recursion runs out of stack differs from run to
    run, and is the same bug."""
    answer = triage(ironworks, crashes, tmp_path / "out", "--binary", silent / "stripped", "--args",
                    "", "--no-minimize")
    assert sorted(len(bug["files"]) for bug in answer["bugs"]) == [2] * len(DEATHS)
    for bug in answer["bugs"]:
        assert bug["hits"] == bug["runs"]
        assert "stripped+0x" in bug["headline"] or "ASSERT" in bug["headline"]
        page = (tmp_path / "out" / bug["folder"] / "README.md").read_text()
        assert "#0  stripped+0x" in page, page
        if bug["type"] == "Stack-overflow":
            where = page.split("## Where")[1].split("##")[0]
            assert where.count("#") < 7 and "more calls among these" in where, where


def test_a_smaller_input_dies_at_the_same_place(ironworks, silent, tmp_path):
    """Without its last byte it would die by the same signal, elsewhere."""
    path = tmp_path / "crash"
    path.write_bytes(b"dierzzzzx")
    done = ironworks("minimize", path, "--binary", silent / "stripped", "--args", "@@", "--out",
                     tmp_path / "least", "--budget", "3s", "--json")
    assert done.rc == 0, done.stderr
    least = (tmp_path / "least").read_bytes()
    assert len(least) == 9 and least.endswith(b"x"), least


def test_repro_says_where(ironworks, silent, tmp_path):
    (tmp_path / "crash").write_bytes(b"diew")
    done = ironworks("repro", tmp_path / "crash", "--binary", silent / "named", "--args", "@@",
                     "--runs", "2", "--json")
    assert done.rc == 0 and done.json["frames"][0] == "write_null"
    assert "write_null" in done.json["paragraph"]


needs_gdb = pytest.mark.skipif(not shutil.which("gdb"), reason="no gdb")


@needs_gdb
def test_a_static_program_is_watched_from_outside(ironworks, silent, tmp_path):
    """Nothing can be loaded into it, and all that a run says is one signal for three places."""
    files = []
    for way in "wrt":
        for name in ("small", "large"):
            files.append(tmp_path / f"{way}-{name}")
            files[-1].write_bytes(b"die" + way.encode() + name[:4].encode())
    done = ironworks("triage", *files, "--binary", silent / "static", "--args", "@@", "--out",
                     tmp_path / "out", "--budget", "3s", "--json", timeout=120)
    assert done.rc == 1, done.stderr
    bugs = by_place(done.json)
    assert set(bugs) == {"write_null", "read_wild", "ping"}
    for bug in bugs.values():
        assert len(bug["files"]) == 2 and bug["hits"] == bug["runs"] and bug["size"] == 4
        assert "silent.c" in bug["place"]
    assert bugs["write_null"]["headline"].startswith("Null-dereference")
    assert bugs["ping"]["headline"].startswith("Stack-overflow")


@needs_gdb
def test_a_thread_that_has_no_stack_left(ironworks, silent, tmp_path):
    """No handler of the process itself could run on it."""
    (tmp_path / "crash").write_bytes(b"diet")
    done = ironworks("repro", tmp_path / "crash", "--binary", silent / "stripped", "--args", "",
                     "--runs", "2", "--json")
    assert done.rc == 0 and done.json["type"] == "Stack-overflow", done.stdout
    assert all("stripped+0x" in frame for frame in done.json["frames"])
