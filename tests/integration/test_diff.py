"""`ironworks diff`: what an unreviewed change adds, and what it cannot get at."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import sqlite3
from pathlib import Path

import pytest

from conftest import BUILD, git

# Three places that may fail, each in a function of its own.
PARSER = r"""
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

__attribute__((noinline)) static void old_place(const uint8_t *data)
{
	if (memcmp(data, "old!", 4) == 0)
		abort();
}

__attribute__((noinline)) static void mended_place(const uint8_t *data)
{
	if (memcmp(data, "fix!", 4) == 0)
		MENDED;
}

__attribute__((noinline)) static void added_place(const uint8_t *data)
{
	if (memcmp(data, "new!", 4) == 0)
		ADDED;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (len < 4)
		return 0;
	old_place(data);
	mended_place(data);
	added_place(data);
	return 0;
}
"""
QUIET = "__builtin_printf(\"\")"
BASE = PARSER.replace("MENDED;", "abort();").replace("ADDED", QUIET)
CHANGED = PARSER.replace("MENDED;", QUIET + ";").replace("ADDED", "abort()")
SOUND = BASE.replace("abort()", QUIET)
LEXER = PARSER.replace("abort()", QUIET).replace("MENDED", QUIET).replace("ADDED", "abort()")
SEEDS = {"seeds/a": b"old!", "seeds/b": b"fix!", "seeds/c": b"new!", "seeds/d": b"else"}


def branch(adapter, files):
    """A branch with one commit."""
    git(adapter.source, "checkout", "-q", "-b", "change", "main")
    adapter.commit(files, "A change that nobody has reviewed")
    git(adapter.source, "checkout", "-q", "main")


@pytest.fixture(name="diff")
def _diff(ironworks):
    def run(adapter, *words, budget="2s", **options):
        return ironworks("diff", adapter, "--commits", "main..change", "--budget", budget,
                         "--cores", "2", *words, timeout=240, **options)
    return run


def left_behind(ironworks):
    return list(Path(ironworks.home).glob("ironworks*"))


def test_only_what_it_adds(ironworks, tiny, tmp_path, diff):
    """One bug comes, one goes, one stays: the first is told, the others are counted. It is
    minimized, its input runs again from the folder that was kept."""
    adapter = tiny(files={"parser.c": BASE, **SEEDS, "seeds/c": b"new! and more"})
    branch(adapter, {"parser.c": CHANGED})
    kept = tmp_path / "kept"
    done = diff(adapter, "--keep", kept, "--json")
    assert done.rc == 1, done.stderr
    report = done.json
    (bug,) = report["bugs"]
    assert bug["frames"][0] == "added_place" and bug["confirmed"], bug
    assert (bug["outcome"], bug["hits"]) == ("staged", bug["runs"])
    assert bug["base_runs"] >= 3 and bug["base_fuzzed_s"] >= 5 and bug["input_size"] == 4
    assert (report["shared"], report["gone"], report["not_judged"]) == (1, 1, 0)
    assert (report["files"], report["added"], report["removed"]) == (1, 2, 2)
    (target,) = report["targets"]
    assert target["on_base"] and target["on_change"]
    # On a busy machine an engine may end before it has counted anything.
    assert "base: fuzzing 1 target" in done.stderr and "change: fuzzing 1 target" in done.stderr
    assert report["state"] == str(kept) and report["pr"] is None
    assert ironworks("repro", bug["id"], "--state", kept, timeout=240).rc == 0
    # Nobody mistakes it for a folder that is free.
    diff(adapter, "--keep", kept).fails_with(str(kept), "new or empty")
    assert left_behind(ironworks) == []


def test_nothing_added(ironworks, tiny, diff):
    """What the base has as well is no news, and nothing stays behind. A flavour that builds no
    more is said."""
    adapter = tiny(files={"parser.c": BASE, **SEEDS}, flavours=["libfuzzer", "libfuzzer+asan+ubsan"])
    branch(adapter, {"parser.c": "#if __has_feature(address_sanitizer)\n#error no more\n#endif\n" + BASE})
    done = diff(adapter)
    assert done.rc == 0, done.stderr
    assert "the change adds 0 bugs; 2 show on the base as well, 0 of the base are gone" in done.stdout
    assert re.search(r"flavour +does not build with the change\nlibfuzzer\+asan\+ubsan .*no more", done.stdout)
    assert "parser" in done.stdout and left_behind(ironworks) == []


# A place that nobody guesses the way to, behind a first byte that the change asks otherwise for.
DEEP = r"""
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

__attribute__((noinline)) static void deep_place(const uint8_t *data)
{
	uint32_t hash = 2166136261u;
	size_t i;

	for (i = 0; i < 8; i++)
		hash = (hash ^ data[i]) * 16777619u;
	if (hash == SECRET)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (len >= 9 && FIRST)
		deep_place(data + 1);
	return 0;
}
"""


def fnv1a(text):
    value = 2166136261
    for byte in text:
        value = (value ^ byte) * 16777619 % 2**32
    return value


def test_way_that_moved(tiny, tmp_path, diff):
    """The bug is the base's. Its half does not find it, and no input shows it on both sides;
    fuzzed from the change's input the base shows it."""
    deep = DEEP.replace("SECRET", f"{fnv1a(b'$3cr3t!!')}u")
    adapter = tiny(files={"parser.c": deep.replace("FIRST", "data[0] >= 128"), "seeds/d": b"else"})
    branch(adapter, {"parser.c": deep.replace("FIRST", "data[0] < 128"), "seeds/e": b"a$3cr3t!! and more"})
    done = diff(adapter, "--keep", tmp_path / "kept", "--json")
    assert done.rc == 0, done.stderr + done.stdout
    report = done.json
    assert (report["bugs"], report["shared"], report["not_judged"]) == ([], 1, 0)
    assert report["shared_by_fuzzing"] == 1
    with contextlib.closing(sqlite3.connect(tmp_path / "kept" / "ironworks.db")) as db:
        (outcome, proof), = db.execute("SELECT outcome, proof FROM bug").fetchall()
    assert outcome == "pre-existing" and json.loads(proof)["base_fuzzed_s"] >= 1
    assert "fuzzing the base from this input found another one" in proof


def test_change_that_does_not_build(ironworks, tiny, diff):
    """Its first error, by its place in the source, and the whole log."""
    adapter = tiny(files={"parser.c": BASE, **SEEDS})
    branch(adapter, {"parser.c": BASE + "int broken = no_such_thing;\n"})
    done = diff(adapter).fails_with("the change", "does not build", "parser.c:", "no_such_thing")
    assert "fuzzing" not in done.stderr, "it is known before anything takes long"
    log = Path(done.sentence.partition("zstdcat ")[2].partition("'")[0])
    assert log.is_file() and left_behind(ironworks) == [log.parent.parent]


def test_target_that_only_the_change_has(ironworks, tiny, diff):
    """It is fuzzed, alone where it is the only one that is wanted, and what it finds is told."""
    adapter = tiny(files={"parser.c": BASE, **SEEDS}, discover="*")
    branch(adapter, {"lexer.c": LEXER})
    done = diff(adapter, "--target", "lexer", "--json")
    assert done.rc == 1, done.stderr
    (bug,) = done.json["bugs"]
    assert (bug["target"], bug["frames"][0]) == ("lexer", "added_place")
    (target,) = done.json["targets"]
    assert (target["target"], target["on_base"], target["on_change"]) == ("lexer", False, True)
    assert left_behind(ironworks) == [Path(done.json["state"])]
    # One that there is not is known from one build of each side, before anything is fuzzed.
    done = diff(adapter, "--target", "lexr").fails_with(
        "neither the base nor the change", "'lexr'", "'lexer' and 'parser'")
    assert "fuzzing" not in done.stderr


# What it may do to its own folder, which lies below KEPT in the sandbox, too, is its own affair.
HOOK = """#!/bin/sh
for place in PLACES KEPT; do
	(echo evil > "$place/evil") 2>/dev/null
done
for place in PLACES; do
	ls "$place" >> "$OUT/seen" 2>/dev/null
	rm -rf "$place" 2>/dev/null
done
env > "$OUT/environment"
"""


def look_at_coverage(adapter, state, targets):
    """What the farm leaves when it has looked: here every target reaches all of its own file."""
    head = (adapter.source / ".git/refs/heads/main").read_text(encoding="ascii").strip()
    with contextlib.closing(sqlite3.connect(f"{state}/ironworks.db", timeout=20)) as db:
        db.execute("INSERT INTO coverage VALUES (1, NULL, ?, 9, 9, 9, 9, 9, 9, 1, 0, 1, 1)", [head])
        db.commit()
    for target in targets:
        place = state / "coverage" / "tiny" / "targets" / target
        place.mkdir(parents=True)
        lines = "".join(f"DA:{n},1\n" for n in range(8, 40))
        (place / "lcov.info").write_text(f"SF:/src/{target}.c\n{lines}end_of_record\n", encoding="ascii")


def content(folder):
    """What is in a tree, but for what a reader of the database leaves."""
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
            for p in Path(folder).rglob("*") if p.is_file() and not p.name.startswith("ironworks.db-")}


def test_hostile_change(ironworks, tiny, tmp_path, state, diff):
    """Its build reaches neither the farm's state and cache nor the adapter nor the source;
    the farm's corpus is where fuzzing begins, and only the target near it is fuzzed."""
    hooked = BUILD + '[ ! -e "$SRC/hook.sh" ] || sh "$SRC/hook.sh"\n'
    adapter = tiny(files={"parser.c": SOUND, "spare.c": SOUND, "seeds/d": b"else"}, build=hooked)
    done = ironworks("run", adapter, "--for", "1s", "--cores", "2", "--state", state, timeout=240)
    assert done.rc == 0, done.stderr
    look_at_coverage(adapter, state, ["parser", "spare"])
    kept = tmp_path / "kept"
    places = [state / "ccache", state / "units", state / "builds", state, adapter.source, adapter.dir,
              ironworks.home]
    own = [kept, *(kept / name for name in ("ccache", "units", "builds", "sources"))]
    branch(adapter, {"parser.c": SOUND.replace("fix!", "Fix!"),
                     "hook.sh": HOOK.replace("PLACES", " ".join(map(str, places))).replace(
                         "KEPT", " ".join(map(str, own)))})
    before = {p: content(p) for p in (state, adapter.dir, adapter.source, ironworks.home)}
    done = diff(adapter, "--keep", kept, "--state", state, "--json")
    assert done.rc == 0, done.stderr
    assert [t["target"] for t in done.json["targets"]] == ["parser"], "spare is not near"
    assert done.json["seeds"] > 0
    for place, files in before.items():
        assert content(place) == files, place
    assert list(tmp_path.rglob("evil")) == [] and not (kept / "ccache").exists()
    (environment,) = kept.glob("builds/*/environment")
    assert "CCACHE" not in environment.read_text(encoding="utf-8")
    # It sees the adapter's folder, which its build command is from, and can read that.
    seen = (environment.parent / "seen").read_text(encoding="utf-8").split()
    assert set(seen) <= {"adapter.json", "build.sh"}, seen


def test_which_change(ironworks, tiny, state):
    """What is compared with what, and one sentence where there is nothing to compare. Changes
    of no file are known at once."""
    adapter = tiny(files={"parser.c": BASE}, source=None)
    source = adapter.source
    adapter.write(adapter.document | {
        "source": {"git": str(source), "branch": "staging", "base": "main"}})

    def commit(message):
        git(source, "commit", "-q", "--allow-empty", "-m", message)
        return (source / ".git" / (source / ".git" / "HEAD").read_text()[5:].strip()).read_text().strip()

    root = (source / ".git/refs/heads/main").read_text().strip()
    git(source, "checkout", "-q", "-b", "change")
    head = commit("One")
    git(source, "checkout", "-q", "-b", "staging", "main")
    git(source, "merge", "-q", "--no-ff", "change", "-m", "Promote PR #7 to staging: A change")
    git(source, "checkout", "-q", "main")
    moved = commit("Meanwhile")
    git(source, "checkout", "-q", "--orphan", "apart")
    commit("Of nobody")
    git(source, "checkout", "-q", "change")

    def compare(*words):
        return ironworks("diff", adapter, *words, "--json")

    # Only promoted so far; then as a reference, which a forge moves.
    done = compare("--pr", "7")
    assert (done.rc, done.json["pr"], done.json["bugs"]) == (0, 7, []), done.stderr
    assert (done.json["base"], done.json["head"]) == (root, head)
    newer = commit("Two")
    git(source, "update-ref", "refs/pull/7/head", newer)
    assert compare("--pr", "#7").json["head"] == newer
    done = compare("--commits", "main..change")
    assert (done.json["base"], done.json["head"], done.json["apart"]) == (root, newer, True)
    assert "main is no ancestor of change" in done.stderr and "merge base" in done.stderr
    done = compare("--commits", f"{root}..{moved}")
    assert (done.rc, done.json["apart"], done.json["files"]) == (0, False, 0)
    compare("--pr", "8").fails_with("PR #8 is not known", "refs/pull/8/head", "'staging'", "--commits")
    compare("--commits", "main..gone").fails_with("no commit 'gone'")
    compare("--commits", f"{head}..main~1").fails_with("part of", "already")
    compare("--commits", "main..apart").fails_with("no commit in common")
    compare("--pr", "7", "--target", "lexer").fails_with("no target 'lexer'", "adapter.json has 'parser'")
    ironworks("diff", "--pr", "7").fails_with("which adapter?")
    ironworks("diff", adapter, "--pr", "7", "--state", state).fails_with(str(state))
    for words in ([], ["--pr", "x"], ["--commits", "main"], ["--commits", "a...b"], ["--commits", "..b"],
                  ["--pr", "7", "--commits", "a..b"], ["--pr", "7", "--budget", "0s"],
                  ["--pr", "7", "--no-sandbox"], ["--pr", "7", "--cores", "0"]):
        ironworks("diff", adapter, *words).fails_with("--help", rc=2)
    assert left_behind(ironworks) == [] and not state.exists()
