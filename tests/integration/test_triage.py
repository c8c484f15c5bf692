"""`ironworks triage FILE… --binary PROGRAM`: which bugs are these files? On plain files, with a
folder of results that is whole whatever happens."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess

import pytest

from conftest import processes_of, wait_until
from plain_programs import CLANG, build_stateful
from test_plain import programs  # noqa: F401  (a fixture)

pytestmark = pytest.mark.skipif(not CLANG, reason="no clang")

#: A coin for each process.
FLAKY = r"""
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/random.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned char coin;

	if (size > 0 && data[0] == 'x' && getrandom(&coin, 1, 0) == 1 && coin & 1)
		abort();
	return 0;
}
"""

#: What the target does for each way to die, as the table says it.
KINDS = {"a": "Abrt", "o": "Heap-buffer-overflow", "l": "Direct-leak", "m": "Out-of-memory",
         "e": "Unexpected-exit"}


@pytest.fixture
def crashes(tmp_path):
    """Several files for each bug, of several sizes, and some that pass."""
    folder = tmp_path / "crashes"
    folder.mkdir()
    for way in KINDS:
        (folder / f"{way}-small").write_bytes(b"die" + way.encode())
        (folder / f"{way}-large").write_bytes(b"die" + way.encode() + os.urandom(300))
    for i in range(5):
        (folder / f"fine-{i}").write_bytes(b"fine %d" % i)
    shutil.copy(folder / "a-small", folder / "a-twin")
    return folder


@pytest.fixture
def triage(ironworks, programs, tmp_path):  # noqa: F811
    """triage(paths, options) runs it on the fuzz target, into out/."""
    def run(*args, rc=1, out=tmp_path / "out", **kwargs):
        words = [*args, "--out", out, "--json"]
        if "--binary" not in args:
            words += ["--binary", programs / "fuzz"]
        done = ironworks("triage", *words, timeout=120, **kwargs)
        assert done.rc == rc, done.stderr
        return done.json
    return run


def by_kind(answer):
    return {bug["type"].split("\n")[0]: bug for bug in answer["bugs"]}


def test_each_cause_is_one_bug(triage, crashes, tmp_path):
    answer = triage(crashes)
    bugs = by_kind(answer)
    assert set(bugs) == set(KINDS.values()) and len(answer["bugs"]) == len(KINDS)
    assert (answer["files"], answer["passed"], answer["failed"]) == (16, 5, 11)
    assert not answer["vanished"] and not answer["not_run"] and not answer["stopped"]
    for way, kind in KINDS.items():
        bug = bugs[kind]
        names = {os.path.basename(p) for p in bug["files"]}
        assert names == {f"{way}-small", f"{way}-large"} | ({"a-twin"} if way == "a" else set())
        assert (bug["hits"], bug["runs"], bug["minimized"]) == (5, 5, True)
        folder = tmp_path / "out" / bug["folder"]
        assert {p.name for p in folder.iterdir()} == {"README.md", "report.txt", "input", "original"}
        assert (folder / "input").read_bytes() == b"die" + way.encode()
        assert "ironworks repro input --binary" in (folder / "README.md").read_text()
    listed = {p.name for p in (tmp_path / "out").iterdir()}
    assert listed == {b["folder"] for b in answer["bugs"]} | {"README.md", "index.json"}


def test_makes_inputs_small(triage, ironworks, programs, tmp_path):  # noqa: F811
    (tmp_path / "large").write_bytes(b"dieo" + os.urandom(2000))
    answer = triage(tmp_path / "large")
    (bug,) = answer["bugs"]
    assert (bug["size_before"], bug["size"], bug["hits"]) == (2004, 4, 5)
    done = ironworks("repro", tmp_path / "out" / bug["folder"] / "input", "--binary",
                     programs / "fuzz", "--runs", "1")
    assert done.rc == 0 and "overflow_here" in done.stdout
    answer = triage(tmp_path / "large", "--no-minimize", out=tmp_path / "rough")
    assert answer["bugs"][0]["size"] == 2004 and not answer["bugs"][0]["minimized"]
    # The same command with time for it goes on with that.
    answer = triage(tmp_path / "large", out=tmp_path / "rough")
    assert answer["bugs"][0]["size"] == 4 and answer["bugs"][0]["known"]


def test_says_it_to_people(ironworks, programs, crashes, tmp_path):  # noqa: F811
    done = ironworks("triage", crashes, "--binary", programs / "fuzz", "--out", tmp_path / "out",
                     "--no-minimize")
    assert done.rc == 1 and not done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["bug", "what", "where", "severity", "files", "rate", "bytes", "least"]
    row = next(x for x in lines if "Heap-buffer-overflow" in x)
    assert "overflow_here" in row and "target.c:" in row and "5/5" in row and "exploitable" in row
    assert "16 files with libFuzzer and ASan: 5 pass, 11 fail, 5 bugs" in done.stdout
    done = ironworks("triage", crashes / "fine-1", "--binary", programs / "fuzz", "--out",
                     tmp_path / "none")
    assert done.rc == 0 and "1 file with" in done.stdout and "0 bugs" in done.stdout


def test_goes_on_with_what_is_new(triage, crashes, tmp_path):
    first = triage(crashes)
    (crashes / "new").write_bytes(b"dieo" + os.urandom(50))
    (crashes / "fine-new").write_bytes(b"fine, too")
    inodes = {b["folder"]: os.stat(tmp_path / "out" / b["folder"] / "input").st_ino
              for b in first["bugs"]}
    second = triage(crashes)
    assert second["passed"] == 6 and second["failed"] == 12
    assert [b["number"] for b in second["bugs"]] == [b["number"] for b in first["bugs"]]
    assert all(b["known"] for b in second["bugs"])
    assert str(crashes / "new") in by_kind(second)["Heap-buffer-overflow"]["files"]
    # Nothing was done again.
    assert inodes == {b["folder"]: os.stat(tmp_path / "out" / b["folder"] / "input").st_ino
                      for b in second["bugs"]}


def test_files_of_an_earlier_call_stay(triage, crashes, tmp_path):
    """The folder speaks of all that it was given, whatever this call names."""
    triage(crashes, "--no-minimize")
    (tmp_path / "more").write_bytes(b"dieo" + os.urandom(50))
    answer = triage(tmp_path / "more", "--no-minimize")
    # Of files with the same content one is remembered.
    assert (answer["passed"], answer["failed"]) == (5, 11)
    names = {os.path.basename(p) for p in by_kind(answer)["Heap-buffer-overflow"]["files"]}
    assert names == {"o-small", "o-large", "more"}
    readme = (tmp_path / "out" / "README.md").read_text()
    assert "fine-3" in readme.split("## Pass")[1]
    assert triage(crashes / "fine-0", "--no-minimize")["failed"] == 11


def test_what_lies_beside_crashes_is_none(triage, crashes):
    (crashes / "README.txt").write_bytes(b"diea, says AFL++")
    (crashes / "o-large.min").write_bytes(b"dieo")
    (crashes / "alone.min").write_bytes(b"dieo!")
    answer = triage(crashes, "--no-minimize")
    assert answer["files"] == 17
    assert answer["failed"] == 12
    answer = triage(crashes / "README.txt", "--no-minimize", out=crashes / "named")
    assert answer["files"] == 1 and answer["failed"] == 1


def test_a_flaky_bug_is_said_so_and_its_files_get_more_runs(triage, tmp_path):
    """Each fails in half of its runs: one run of each would leave half of them out."""
    source, program = tmp_path / "flaky.c", tmp_path / "flaky"
    source.write_text(FLAKY, encoding="utf-8")
    subprocess.run([CLANG, "-g", "-fsanitize=fuzzer", source, "-o", program], check=True)
    files = tmp_path / "files"
    files.mkdir()
    for i in range(12):
        (files / f"{i}").write_bytes(b"x%d" % i)
    # One of sixteen times five runs of five fail, and nobody knows that it is flaky.
    for _ in range(4):
        (bug,) = triage(files, "--binary", program, "--no-minimize", "--again")["bugs"]
        if bug["hits"] < bug["runs"]:
            break
    assert 0 < bug["hits"] < bug["runs"] <= 40
    assert 0 < bug["rate_low"] < bug["hits"] / bug["runs"] < bug["rate_high"] < 1
    page = (tmp_path / "out" / bug["folder"] / "README.md").read_text(encoding="utf-8")
    assert f"It fails in {bug['hits']} of {bug['runs']} runs, " in page and ": it is flaky" in page
    # All twelve but for a chance of 12 in 2^6; three missing: 2e-4.
    assert len(bug["files"]) >= 10


def test_says_at_once_what_it_cannot_write(ironworks, programs, crashes, tmp_path):  # noqa: F811
    for option in ("--sarif", "--junit", "--markdown"):
        done = ironworks("triage", crashes, "--binary", programs / "fuzz", option,
                         tmp_path / "gone" / "x", "--out", tmp_path / "out")
        done.fails_with(f"cannot write '{tmp_path}/gone/x'")
        ironworks("triage", crashes, option, tmp_path / "x").fails_with("--binary", rc=2)
    assert not (tmp_path / "out").exists()
    ironworks("triage", crashes, "--binary", programs / "fuzz", "--out", crashes).fails_with(
        "folder of results")


@pytest.mark.parametrize("args", ["@@", ""])
def test_any_program(triage, programs, crashes, args):  # noqa: F811
    (crashes / "refused").write_bytes(b"?")
    (crashes / "h").write_bytes(b"dieh" if args else b"?h")
    answer = triage(crashes, "--binary", programs / "tool", f"--args={args}", "--timeout", "1s",
                    "--no-minimize")
    bugs = by_kind(answer)
    assert set(bugs) == {"Abrt", "Heap-buffer-overflow"} | ({"Timeout"} if args else set())
    assert len(bugs["Heap-buffer-overflow"]["files"]) == 2
    assert answer["passed"] == answer["files"] - answer["failed"] and not answer["vanished"]
    (crashes / "large").write_bytes(b"diea" + os.urandom(40))
    answer = triage(crashes / "large", "--binary", programs / "bare", f"--args={args}", out=crashes / "out")
    assert answer["bugs"][0]["type"] == "Abrt" and answer["bugs"][0]["size"] == 4


def test_a_hang_of_a_program_gets_small(triage, programs, tmp_path):  # noqa: F811
    """Nothing but its end is known of it: each candidate that never ends is as good."""
    (tmp_path / "slow").write_bytes(b"diehmore")
    answer = triage(tmp_path / "slow", "--binary", programs / "tool", "--args", "@@", "--timeout", "1s")
    (bug,) = answer["bugs"]
    assert bug["type"] == "Timeout" and bug["minimized"] and bug["size_before"] == 8
    assert (tmp_path / "out" / bug["folder"] / "input").read_bytes() == b"dieh"


def test_a_folder_of_others_is_left_alone(ironworks, programs, crashes, tmp_path):  # noqa: F811
    out = tmp_path / "mine"
    out.mkdir()
    (out / "thesis.txt").write_text("years of work")
    words = ("triage", crashes / "a-small", "--binary", programs / "fuzz", "--no-minimize", "--out")
    for more in ([], ["--again"]):
        done = ironworks(*words, out, *more)
        done.fails_with("did not write", "--out")
        assert [p.name for p in out.iterdir()] == ["thesis.txt"]
    # In one that is ours, too.
    done = ironworks(*words, tmp_path / "out")
    (tmp_path / "out" / "notes.txt").write_text("about bug 1")
    other = [programs / "stripped" if word == programs / "fuzz" else word for word in words]
    ironworks(*other, tmp_path / "out").fails_with("another build", "--again")
    done = ironworks(*other, tmp_path / "out", "--again")
    assert done.rc == 1, done.stderr
    assert (tmp_path / "out" / "notes.txt").read_text() == "about bug 1"


def test_ctrl_c_loses_nothing(ironworks, programs, triage, crashes, tmp_path):  # noqa: F811
    """What is written is whole, nothing is left running, and the next run goes on."""
    (crashes / "h").write_bytes(b"dieh" + b"x" * 400)
    scratch, out = tmp_path / "scratch", tmp_path / "out"
    scratch.mkdir()
    process = ironworks.start("triage", crashes, "--binary", programs / "fuzz", "--out", out,
                              "--timeout", "60s", env={"TMPDIR": str(scratch)})
    wait_until(lambda: list(out.glob("bug-*/input")), 60, "a bug is written")
    process.send_signal(signal.SIGINT)
    done = ironworks.finish(process, 60)
    assert done.rc == 4 and "goes on from here" in done.sentence
    assert " left" in done.stdout
    wait_until(lambda: not processes_of(scratch), 10, "no process is left")
    assert os.listdir(scratch) == []
    index = json.loads((out / "index.json").read_text())
    assert {p.name for p in out.glob("bug-*")} == {b["folder"] for b in index["bugs"]}
    for bug in index["bugs"]:
        assert len(list((out / bug["folder"]).iterdir())) == 4
    answer = triage(crashes, "--timeout", "1s", "--no-minimize")
    assert set(by_kind(answer)) == set(KINDS.values()) | {"Timeout"}
    assert not answer["not_run"] and any(b["known"] for b in answer["bugs"])


def test_what_fails_only_among_others_is_said_so(triage, tmp_path):
    state = build_stateful(tmp_path)
    units = tmp_path / "units"
    units.mkdir()
    for i in range(6):
        (units / f"{i}-s").write_bytes(b"s%d" % i)
        (units / f"{i}-z").write_bytes(b"z%d" % i)
    answer = triage(units, "--binary", state, rc=0)
    assert not answer["bugs"] and answer["passed"] + len(answer["vanished"]) == 12
    assert answer["vanished"]
    # How sure that is.
    page = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    told = re.findall(r"^- `.*`: alone in 0 of (\d+) runs, at most \d+ %$", page, re.MULTILINE)
    assert len(told) == len(answer["vanished"]) and all(int(runs) >= 3 for runs in told), page


#: Two pairs of functions that call each other for ever, and one way through all four.
CYCLES = r"""
#include <stddef.h>
#include <stdint.h>
#define DEEP(name, next) \
	__attribute__((noinline)) int name(const uint8_t *data, int n) \
	{ \
		volatile char room[500]; \
		room[n % 500] = 1; \
		return (next) + room[n % 500]; \
	}
int a(const uint8_t *, int), b(const uint8_t *, int), c(const uint8_t *, int),
	d(const uint8_t *, int);
DEEP(a, b(data, n + 1))
DEEP(b, data[0] == 'x' ? c(data, n + 1) : a(data, n + 1))
DEEP(c, d(data, n + 1))
DEEP(d, data[0] == 'x' ? a(data, n + 1) : c(data, n + 1))
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	return (data[0] == 'a' || data[0] == 'x' ? a(data, 0) : data[0] == 'c' ? c(data, 0) : 1) * 0;
}
"""


def test_a_crash_may_show_that_two_bugs_are_one(triage, ironworks, tmp_path):
    """As in a farm; and a later run knows it, too."""
    (tmp_path / "cycles.c").write_text(CYCLES)
    subprocess.run([CLANG, "-g", "-O1", "-fsanitize=fuzzer,address", tmp_path / "cycles.c", "-o",
                    tmp_path / "cycles"], check=True)
    words = ("--binary", tmp_path / "cycles", "--no-minimize")
    for name in ("a", "cc", "xxx"):
        (tmp_path / name).write_text(name)
    answer = triage(tmp_path / "a", tmp_path / "cc", *words)
    assert {frozenset(b["frames"]) for b in answer["bugs"]} == {frozenset("ab"), frozenset("cd")}
    answer = triage(*(tmp_path / name for name in ("a", "cc", "xxx")), *words)
    (bug,) = answer["bugs"]
    assert len(bug["files"]) == 3 and bug["number"] == 1
    assert [p.name for p in (tmp_path / "out").glob("bug-*")] == [bug["folder"]]
    (tmp_path / "cccc").write_text("cccc")
    answer = triage(*(tmp_path / name for name in ("a", "cc", "xxx", "cccc")), *words)
    assert [len(b["files"]) for b in answer["bugs"]] == [4]


def test_a_report_may_show_that_two_bugs_are_one(ironworks, tmp_path):
    """The same where nothing is run."""
    reports = [tmp_path / name for name in ("a", "cc", "xxx")]
    for path, calls in zip(reports, ("ab", "cd", "abcd")):
        frames = "".join(f"    #{i} 0x1 in {calls[i % len(calls)]} a.c:1\n" for i in range(len(calls) * 8))
        path.write_text("==1==ERROR: AddressSanitizer: stack-overflow on address 0x7ffd (pc 0x1)\n" + frames)
    assert [len(b["files"]) for b in ironworks("triage", *reports[:2], "--json").json["bugs"]] == [1, 1]
    assert [len(b["files"]) for b in ironworks("triage", *reports, "--json").json["bugs"]] == [3]


def test_reports_of_races_are_told_apart_by_both_sides(ironworks, tmp_path):
    """The same access races with two others: two bugs, whichever thread came first."""
    def side(name):
        return f"    #0 {name} a.c:1 (m+0x1)\n"
    for number, (one, other) in enumerate((("fill", "weigh"), ("weigh", "fill"), ("fill", "sum_up"))):
        (tmp_path / f"race-{number}").write_text(
            "WARNING: ThreadSanitizer: data race (pid=1)\n"
            f"  Write of size 4 at 0x1 by thread T1:\n{side(one)}\n"
            f"  Previous write of size 4 at 0x1 by main thread:\n{side(other)}\n")
    done = ironworks("triage", tmp_path, "--json")
    assert sorted(len(bug["files"]) for bug in done.json["bugs"]) == [1, 2], done.stdout


def test_reports_without_a_program(ironworks, programs, crashes, triage, tmp_path):  # noqa: F811
    """What is read instead of run: reports, ours as CASR keeps them among them."""
    triage(crashes, "--no-minimize", "--casrep", tmp_path / "reports")
    for bug in (tmp_path / "out").glob("bug-*"):
        shutil.copy(bug / "report.txt", tmp_path / "reports" / f"{bug.name}.log")
    (tmp_path / "reports" / "noise").write_text("all is well")
    done = ironworks("triage", tmp_path / "reports", "--json")
    assert done.rc == 1
    assert len(done.json["bugs"]) == len(KINDS)
    assert all(len(b["files"]) == 2 for b in done.json["bugs"])
    assert [os.path.basename(p) for p in done.json["not_understood"]] == ["noise"]
    done = ironworks("triage", tmp_path / "reports")
    assert "Heap-buffer-overflow" in done.stdout and "1 not understood" in done.stdout


def test_wrong_words(ironworks, programs, crashes, tmp_path):  # noqa: F811
    for args, words, rc in (
            ((), ["which files"], 2),
            ((crashes, "--binary", programs / "fuzz", "--budget", "soon"), ["--budget"], 2),
            ((crashes, "--binary", programs / "tool"), ["no libFuzzer target", "--args"], 4),
            ((tmp_path / "nowhere", "--binary", programs / "fuzz"), ["nowhere"], 4),
            ((crashes, "--binary", programs / "fuzz", "--out", "/proc/none"), ["/proc/none"], 4)):
        done = ironworks("triage", *args)
        assert done.rc == rc and all(word in done.sentence for word in words), (args, done.stderr)
    done = ironworks("triage", "--help")
    assert done.rc == 0 and done.stdout.startswith("Examples:")
