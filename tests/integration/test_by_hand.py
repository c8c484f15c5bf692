"""What people do to bugs and crashes where no farm runs, and what the next farm makes of it."""

from __future__ import annotations

import shutil

import pytest

from conftest import BUILD, Ironworks, rows, tinies

# Two bugs behind sums that no engine guesses.
TARGET = r"""
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

__attribute__((noinline)) static void read_a(uint32_t sum)
{
	if (sum == %du)
		abort();
}

__attribute__((noinline)) static void read_b(uint32_t sum)
{
	if (sum == %du)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	uint32_t sum = 2166136261u;

	if (len < 20)
		return 0;
	for (size_t i = 0; i < 19; i++)
		sum = (sum ^ data[i]) * 16777619u;
	read_a(sum);
	read_b(sum);
	return 0;
}
"""
A, B = b"a bug of the header", b"b bug of the body!!"


def sum_of(data):
    value = 2166136261
    for byte in data:
        value = (value ^ byte) * 16777619 % 2**32
    return value


class Place:
    def __init__(self, home):
        self.ironworks = Ironworks(home)
        self.adapter = tinies(home)(files={"parser.c": TARGET % (sum_of(A), sum_of(B)), "seeds/x": b"x" * 30},
                                    flavours=["libfuzzer", "libfuzzer+asan+ubsan"])
        self.state = home / "state"

    def run(self, seconds=1):
        done = self.ironworks("run", self.adapter, "--for", f"{seconds}s", "--cores", 2, "--no-sandbox",
                              "--state", self.state, "--json", timeout=120)
        assert done.rc in (0, 1), done.stderr
        return done.json

    def __call__(self, *args, **options):
        return self.ironworks(*args, "--state", self.state, **options)


@pytest.fixture(scope="module", name="place")
def _place(binaries, tmp_path_factory):  # pylint: disable=unused-argument
    """A state folder on which a farm has worked; no bug is known yet."""
    home = tmp_path_factory.mktemp("by_hand")
    place = Place(home)
    place.run()
    yield place
    place.ironworks.clean_up()


def write_files(folder, count):
    folder.mkdir()
    for i in range(count):
        (folder / f"a{i}").write_bytes(A + b"%d" % i)
        (folder / f"b{i}").write_bytes(B + b"%d" % i)
    (folder / "README.txt").write_text("Command line used to find this crash", encoding="ascii")
    return folder


def test_many_crashes_are_brought_at_once(place, tmp_path):
    """One transaction and one wait for the disk for hundreds of files."""
    state = tmp_path / "copy"
    shutil.copytree(place.state, state, ignore=shutil.ignore_patterns("builds"))
    done = place.ironworks("crash", "add", write_files(tmp_path / "many", 450), "--target", "tiny/parser",
                           "--state", state, "--json")
    assert [c["id"] for c in done.json["crashes"]] == list(range(1, 901))
    assert rows(state, "SELECT count(*), count(DISTINCT found_ms) < 100 FROM crash") == [(900, 1)]


def test_crashes_are_brought(place, tmp_path):
    """The next farm makes of them what they are."""
    folder = write_files(tmp_path / "crashes", 3)
    alone = tmp_path / "not one"
    alone.write_bytes(b"nothing fails on this one")
    done = place("crash", "add", folder, alone, "--target", "tiny/parser")
    assert done.rc == 0, done.stderr
    assert done.stdout == "7 crashes added to tiny/parser; no farm runs here, the next one judges them\n"
    assert rows(place.state, "SELECT count(*) FROM crash WHERE state = 'new'") == [(7,)]
    assert "tiny/parser: 7 crashes wait for a verdict\n" in place("status").stdout
    assert place("status", "--json").json["targets"][0]["crashes_waiting"] == 7
    again = place("crash", "add", folder / "a1", alone, "--target", "tiny/parser", "--json")
    assert [c["is_new"] for c in again.json["crashes"]] == [False, False] and not again.json["by_farm"]
    assert "2 are known already" in place("crash", "add", folder / "a1", alone, "--target", "tiny/parser").stdout
    bugs = place.run()["bugs"]
    assert sorted(b["frames"][0] for b in bugs) == ["read_a", "read_b"]
    assert [b["sightings"] for b in bugs] == [3, 3] and {b["state"] for b in bugs} == {"open"}
    assert rows(place.state, "SELECT state, count(*) FROM crash GROUP BY 1") == [
        ("judged", 6), ("unreproducible", 1)]


@pytest.mark.parametrize("words, told", [
    (["nowhere", "--target", "tiny/parser"], "nowhere"),
    (["FILE", "--target", "tiny/none"], "'tiny/none'"),
    (["FILE", "--target", "tiny"], "ADAPTER/TARGET"),
    (["FILE", "--target", "tiny/parser", "--kind", "sneeze"], "crash, timeout, oom or leak"),
    (["FILE", "--target", "tiny/parser", "--flavour", "aflpp"], "flavour aflpp"),
])
def test_what_cannot_be_brought(place, tmp_path, words, told):
    (tmp_path / "file").write_bytes(b"x")
    words = [str(tmp_path / "file") if w == "FILE" else w for w in words]
    place("crash", "add", *words).fails_with(told)


def test_people_decide_where_no_farm_runs(place):
    bug = rows(place.state, "SELECT id FROM bug ORDER BY id")[0][0]
    place("bug", "reopen", bug).fails_with(f"bug {bug}", "nothing to undo")
    done = place("bug", "wontfix", bug, "--why", "only a fuzzer does that")
    assert (done.rc, done.stdout) == (0, f"bug {bug} is wontfix\n")
    told = place("bug", "show", bug, "--json").json
    assert (told["decision"], told["decision_why"]) == ("wontfix", "only a fuzzer does that")
    shown = place("bug", "show", bug).stdout
    assert f"**wontfix**, decided by `{told['decision_by']}`" in shown and "only a fuzzer does that" in shown
    assert "wontfix" in place("bug", "list").stdout
    assert place("bug", "reopen", bug, "--json").json["decision"] is None
    assert "decided by" not in place("bug", "show", bug).stdout


def bugs_of(place):
    return {b["id"]: b["sightings"] for b in place("bug", "list", "--json").json["bugs"]}


def test_two_bugs_that_are_one_and_one_that_is_two(place):
    """Each step is undone by another, and the lives of both bugs tell of it."""
    before = bugs_of(place)
    first, second = sorted(before)
    done = place("bug", "merge", first, second, "--why", "one fix mends both")
    assert done.rc == 0, done.stderr
    assert done.stdout.startswith(f"bug {second} is a part of bug {first} now, which was seen 6 times;")
    assert place("bug", "show", second, "--json").json["merged_into"] == first
    assert f"this is a part of bug {first}" in place("bug", "show", second).stdout
    place("bug", "merge", first, second).fails_with(f"'ironworks bug unmerge {second}'")
    place("bug", "close", second).fails_with(f"is a part of bug {first}")
    assert place("bug", "unmerge", second, "--json").json["merged_into"] is None
    assert bugs_of(place) == before
    crash = rows(place.state, "SELECT id FROM crash WHERE bug_id = ?", first)[0][0]
    other = place("bug", "split", first, crash, "--json").json["id"]
    assert bugs_of(place) == {**before, first: 2, other: 1}
    place("bug", "split", first, crash).fails_with(f"crash {crash} is none of bug {first}")
    assert place("bug", "merge", first, other).rc == 0
    assert bugs_of(place)[first] == 3
    told = rows(place.state, "SELECT what, actor, why FROM bug_event WHERE bug_id = ? AND actor IS NOT NULL",
                first)
    assert [what for what, *_ in told][-4:].count("merged") >= 2 and told[-4][2] == "one fix mends both", told


@pytest.mark.parametrize("words, told", [
    (["merge", 1], "merge BUG BUG"), (["split", 1], "split BUG"), (["merge", 1, "x"], "numbers"),
    (["unmerge", 1, 2], "unmerge BUG")])
def test_what_cannot_be_regrouped(place, words, told):
    done = place("bug", *words)
    assert done.rc == 2 and told in done.stderr
