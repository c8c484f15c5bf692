"""Which pull request brought a bug, with builds, runs and kills that are real; and `blame`."""

from __future__ import annotations

import contextlib
import subprocess
import time
from pathlib import Path

import pytest

from conftest import BUILD, Tiny, git, rows, wait_until
from test_run_demo import stage

CHECK = r"""
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

__attribute__((noinline)) static void check(const uint8_t *text)
{
	%s
}
"""
ONE = 'if (memcmp(text, "bug!", 4) == 0)\n\t\tabort();'
HARMLESS = CHECK % "(void)text;"
FATAL = CHECK % ONE
# Two bugs in one function's two callees.
TWICE = CHECK.replace("__attribute__", """__attribute__((noinline)) static void worse(void)
{
	abort();
}

__attribute__""", 1) % (ONE + '\n\tif (memcmp(text, "dug!", 4) == 0)\n\t\tworse();')
READER = r"""
#include <stddef.h>

#include "check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (len > 3)
		check(data);
	return 0;
}
"""
IDLE = "int LLVMFuzzerTestOneInput(const unsigned char *d, unsigned long n)\n" \
    "{\n\treturn d == 0 && n > 9;\n}\n"


def make(tmp_path, files, fields=None):
    adapter = Tiny(tmp_path, "tiny", files, BUILD, fields)
    adapter.write(adapter.document | {
        "source": {"git": str(adapter.source), "branch": "staging", "base": "main"}})
    git(adapter.source, "checkout", "-q", "-b", "staging")
    return adapter


def head_of(adapter):
    return subprocess.run(["git", "-C", adapter.source, "rev-parse", "HEAD"], check=True,
                          capture_output=True, text=True).stdout.strip()


def stage_all(adapter, numbers, changes):
    for number in numbers:
        stage(adapter, number, f"Change {number}",
              changes.get(number, {f"notes/{number}": "harmless\n"}))


def settle(ironworks, adapter, state, bugs=1, runs=None):
    """Runs until all is attributed; on a slow machine triage ends in a later one."""
    runs = [] if runs is None else runs
    for _ in range(4):
        done = ironworks("run", adapter, "--for", "1s", "--state", state, "--json", timeout=240)
        assert done.rc in (0, 1), done.stderr
        runs.append(done)
        found = done.json["bugs"]
        if len(found) >= bugs and all(bug["outcome"] for bug in found):
            break
    return found


@pytest.mark.parametrize("told", [True, False], ids=["carried", "not said"])
def test_an_old_bug_that_only_a_new_target_shows(ironworks, state, tmp_path, told):
    """Where the adapter says which files are a target's, older trees get them, and the base
    shows the bug; where it does not, the pull request that added the target is a suspect."""
    fields = {"discover": "late"} | ({"target_files": ["${target}.c"]} if told else {})
    adapter = make(tmp_path, {"idle.c": IDLE, "check.h": FATAL, "seeds/a": b"bug!"}, fields)
    stage_all(adapter, range(5, 9), {7: {"late.c": READER}})
    (bug,) = settle(ironworks, adapter, state)
    assert bug["target"] == "late"
    answer = ironworks("blame", bug["id"], "--why", "--state", state)
    if told:
        assert (bug["outcome"], bug["prs"]) == ("pre-existing", []), bug
        assert answer.rc == 0 and "the target's files of the snapshot" in answer.stdout
    else:
        assert (bug["outcome"], bug["prs"]) == ("suspect", [7]), bug
        assert answer.rc == 1 and "does not exist" in answer.stdout, answer.stdout
        # What would decide it is said wherever the answer is.
        hint = "'target_files' in adapter.json would decide it"
        assert hint in answer.stdout
        assert hint in ironworks("bug", "show", bug["id"], "--state", state).stdout
        (issue,) = (state / "outbox").glob("*.md")
        text = issue.read_text(encoding="utf-8")
        assert hint in text
        # Files are named by their place in the source, however the recipe names them.
        assert " LLVMFuzzerTestOneInput (late.c:" in text, text


def test_a_fault_of_the_target_itself(ironworks, state, tmp_path):
    """A target that is wrong is no old bug, though each tree shows it with those files."""
    wrong = READER.replace("check(data);", "return *(volatile int *)(data[0] == 'b' ? 8 : "
                           "(unsigned long)data);")
    adapter = make(tmp_path, {"parser.c": READER, "check.h": HARMLESS, "seeds/a": b"bug!"},
                   {"target_files": ["${binary}.c"]})
    stage_all(adapter, range(5, 9), {7: {"parser.c": wrong}})
    (bug,) = settle(ironworks, adapter, state)
    assert (bug["outcome"], bug["prs"]) == ("staged", [7]), bug


def test_what_is_said_and_what_two_bugs_share(ironworks, state, tmp_path):
    """Both bugs of one pull request are its; the second needs no build that the first had."""
    adapter = make(tmp_path, {"parser.c": READER, "check.h": HARMLESS,
                              "seeds/a": b"bug!", "seeds/b": b"dug!"})
    stage_all(adapter, range(5, 11), {7: {"check.h": TWICE}})
    found = settle(ironworks, adapter, state, bugs=2)
    assert [(bug["outcome"], bug["prs"]) for bug in found] == [("staged", [7])] * 2, found
    answers = [ironworks("blame", bug["id"], "--json", "--state", state).json for bug in found]
    asked = [{t["tree"] for t in a["trees"] if "tree" in t} for a in answers]
    assert asked[0] == asked[1], "both ask about the same trees, each of which is built once"
    for bug, answer in zip(found, answers):
        assert answer["proven"] and answer["confidence"] > 0.99 and answer["builds"] <= 6
        assert answer["bug"] == bug["id"] and answer["prs"] == [7]
        text = ironworks("blame", bug["id"], "--state", state)
        assert text.rc == 0 and f"bug {bug['id']}: staged, #7, 99.9 % sure" in text.stdout
        assert "the base with only PR #7" in text.stdout and " 1. " not in text.stdout
        why = ironworks("blame", bug["id"], "--why", "--state", state).stdout
        assert all(line in why for line in answer["log"]), why
    assert ironworks("blame", 99, "--state", state).rc == 4
    assert ironworks("blame", "--state", state).rc == 2
    farm = ironworks.start("run", adapter, "--for", "1s", "--state", state)
    # Whatever that farm has got to, the answer is the same.
    assert ironworks("blame", found[0]["id"], "--json", "--state", state).json == answers[0]
    (pr,) = ironworks("staged", "show", 7, "--json", "--state", state).json["prs"]
    assert sorted(pr["bugs"]) == [bug["id"] for bug in found] and pr["title"] == "Change 7"
    ironworks.finish(farm, 240)

    kept, part = (bug["id"] for bug in found)
    assert not ironworks("bug", "merge", kept, part, "--state", state).rc
    assert not ironworks("bug", "wontfix", kept, "--why", "a toy", "--state", state).rc
    said = ironworks("blame", part, "--state", state)
    assert said.rc == 0 and f"it is a part of bug {kept}: 'ironworks blame {kept}'" in said.stdout
    said = ironworks("blame", kept, "--state", state)
    assert said.rc == 0 and "wontfix, decided by " in said.stdout and ": a toy\n" in said.stdout


def test_kills_after_every_answer(ironworks, state, tmp_path):
    """A farm that is killed whenever an answer is stored still comes to the same end, and asks
    nothing again."""
    adapter = make(tmp_path, {"parser.c": READER, "check.h": HARMLESS, "seeds/a": b"bug!"})
    stage_all(adapter, range(5, 13), {9: {"check.h": FATAL}})
    count, kills, known = "SELECT count(*) FROM verdict", 0, 0
    while True:
        farm = ironworks.start("run", adapter, "--for", "2s", "--state", state)
        while farm.poll() is None:
            with contextlib.suppress(Exception):  # there is no database yet
                if rows(state, count)[0][0] > known:
                    break
            time.sleep(0.02)
        if farm.poll() is not None:
            break
        farm.kill()
        farm.wait()
        kills += 1
        assert kills < 20, "an answer is asked for again and again"
        known = rows(state, count)[0][0]
    (bug,) = settle(ironworks, adapter, state)
    assert kills >= 3 and (bug["outcome"], bug["prs"]) == ("staged", [9]), bug
    trees = rows(state, "SELECT runs FROM verdict")
    assert max(runs for (runs,) in trees) <= 60, trees


def blame_under_way(ironworks, state):
    """What `blame` says of the first bug while it is being attributed."""
    with contextlib.suppress(Exception):  # there is no database yet
        if rows(state, "SELECT 1 FROM bug WHERE outcome IS NULL AND proof IS NOT NULL"):
            said = ironworks("blame", 1, "--state", state)
            return said if "the farm " in said.stdout else None
    return None


def test_how_far_a_blame_is_and_a_commit_that_somebody_pushed(ironworks, state, tmp_path):
    """While it is under way `blame` says what is done and what is left, and that nobody goes on
    where the farm is gone. What belongs to no pull request is named by its commit."""
    adapter = make(tmp_path, {"parser.c": READER, "check.h": HARMLESS, "seeds/a": b"bug!"})
    adapter.script(BUILD.replace("set -eu", "set -eu\nsleep 0.5"))
    stage_all(adapter, range(5, 8), {})
    adapter.commit({"check.h": FATAL}, "Hot fix: check <b>texts</b>\n\nPushed in a hurry.")
    pushed = head_of(adapter)
    stage_all(adapter, range(8, 10), {})
    farm = ironworks.start("run", adapter, "--for", "2s", "--state", state)
    said = wait_until(lambda: blame_under_way(ironworks, state), 120, "a blame under way")
    assert said.rc == 1 and "bug 1: not yet: " in said.stdout, said.stdout
    assert "in question, about " in said.stdout and "\n  1. the snapshot of 6 " in said.stdout
    farm.kill()
    farm.wait()
    said = ironworks("blame", 1, "--state", state)
    assert said.rc == 1 and "no farm works on it" in said.stdout, said.stdout

    (bug,) = settle(ironworks, adapter, state)
    subject, name = "Hot fix: check <b>texts</b>", f"commit {pushed[:12]}"
    assert (bug["outcome"], bug["prs"]) == ("staged", []), bug
    assert bug["commits"] == [{"commit": pushed, "subject": subject}], bug["commits"]
    why = ironworks("blame", 1, "--why", "--state", state)
    issue = Path(bug["issue"]).read_text(encoding="utf-8")
    assert f"bug 1: staged, {name}, 99.9 % sure\n" in why.stdout and why.rc == 0, why.stdout
    assert f"{name}, which belongs to no pull request: {subject}\n" in why.stdout
    assert f"| {name}, which belongs to no pull request: `{subject}` |" in issue, issue
    assert issue.splitlines()[0].endswith(f"— {name}"), issue.splitlines()[0]
    listed = ironworks("bug", "list", "--state", state).stdout
    assert name in listed
    assert rows(state, "SELECT text FROM bug_event WHERE what = 'attributed'") == [
        (f"staged: {name}",)]
    assert "#0" not in why.stdout + listed and "PR #0" not in issue and "PR \\#0" not in issue


FALLIBLE = '#include "fail.h"\n' + CHECK % 'if (memcmp(text, "bug!", 4) == 0)\n\t\tFAIL();'


def test_who_mended_it_and_who_brought_it_back(ironworks, state, tmp_path):
    """A newer snapshot does not show the bug: the pull request that did that is named, by trees
    with it and without. When that one is taken out again the bug is back, and blamed anew."""
    adapter = make(tmp_path, {"parser.c": READER, "check.h": HARMLESS, "seeds/a": b"bug!",
                              "fail.h": "#define FAIL() abort()\n"})
    stage_all(adapter, range(5, 9), {7: {"check.h": FALLIBLE}})
    (bug,) = settle(ironworks, adapter, state)
    assert (bug["outcome"], bug["prs"]) == ("staged", [7]), bug
    stage_all(adapter, range(9, 13), {10: {"fail.h": "#define FAIL() (void)0\n"}})
    (bug,) = settle(ironworks, adapter, state)
    assert bug["state"] == "fixed" and bug["prs"] == [7], bug
    assert bug["mend"]["prs"] == [10] and bug["mend"]["confidence"] > 0.9, bug["mend"]
    trees = {t["what"]: t["answer"] for t in bug["mend"]["trees"]}
    assert trees["the snapshot without PR #10"] == "bad", trees
    assert trees["the tree at PR #7 with PR #10"] == "good", trees
    words = "PR #10 mended it"
    assert words in ironworks("bug", "show", bug["id"], "--state", state).stdout
    assert words in ironworks("blame", bug["id"], "--state", state).stdout
    told = rows(state, "SELECT text FROM bug_event WHERE what = 'fixed'")
    assert len(told) == 1 and words in told[0][0], told

    git(adapter.source, "revert", "--no-edit", "-m", "1", "HEAD~2")
    undone, runs = head_of(adapter), []
    (bug,) = settle(ironworks, adapter, state, runs=runs)
    assert bug["state"] == "regressed" and 7 in bug["prs"], bug
    (done,) = [d for d in runs if d.json["regressed_bugs"]]
    assert done.rc == 1 and done.json["new_bugs"] == 0 and f"bug {bug['id']} is back" in done.stderr
    told = rows(state, "SELECT text FROM bug_event WHERE what = 'attributed' ORDER BY id")
    assert len(told) == 2 and told[1][0].startswith("brought back: "), told
    back, words = bug["mend"]["back"], f"commit {undone[:12]} brought it back"
    assert back["prs"] == [] and [c["commit"] for c in back["commits"]] == [undone], back
    assert words in told[1][0]
    assert words in ironworks("bug", "show", bug["id"], "--state", state).stdout
    why = ironworks("blame", bug["id"], "--why", "--state", state).stdout
    assert f"it is back: {words}" in why and all(line in why for line in back["log"]), why
    told = rows(state, "SELECT text FROM bug_event WHERE what = 'regressed'")
    words = f"back since commit {undone[:12]}, which reverts PR #10, which had mended it"
    assert len(told) == 1 and words in told[0][0], told


def renamed(text):
    return text.replace("check(", "inspect(")


def alone(ironworks, adapter, state):
    """Both ways lead there: the old input on the new snapshot, and a crash found anew."""
    for _ in range(4):
        found = settle(ironworks, adapter, state)
        if len(found) == 1 and found[0]["frames"][0] == "inspect":
            break
    (bug,) = found
    return bug


def test_a_function_gets_another_name(ironworks, state, tmp_path):
    """The same bug, brought by the same pull request; what was found by the new name is it."""
    adapter = make(tmp_path, {"parser.c": READER, "check.h": HARMLESS, "seeds/a": b"bug!"})
    stage_all(adapter, range(5, 9), {7: {"check.h": FATAL}})
    (bug,) = settle(ironworks, adapter, state)
    assert (bug["outcome"], bug["prs"], bug["frames"][0]) == ("staged", [7], "check"), bug
    stage_all(adapter, [9], {9: {"check.h": renamed(FATAL), "parser.c": renamed(READER)}})
    after = alone(ironworks, adapter, state)
    assert (after["id"], after["outcome"], after["prs"]) == (bug["id"], "staged", [7]), after
    assert after["tested_hits"] == after["tested_runs"] > 0
    assert rows(state, "SELECT why FROM bug_event WHERE what = 'renamed'") == \
        [("check is called inspect now",)]
    assert ironworks("repro", bug["id"], "--state", state).rc == 0
    shown = ironworks("repro", bug["id"], "--commit", "staging~1", "--state", state, timeout=120)
    assert shown.rc == 0, "by the name of then"


def test_another_bug_in_its_place_is_another_bug(ironworks, state, tmp_path):
    """One function goes and another comes, which fails at the same input: two bugs, and what
    the old one's input does is said."""
    adapter = make(tmp_path, {"parser.c": READER, "check.h": HARMLESS, "seeds/a": b"bug!"})
    stage_all(adapter, range(5, 9), {7: {"check.h": FATAL}})
    (bug,) = settle(ironworks, adapter, state)
    other = renamed(FATAL).replace(ONE, "unsigned sum = text[0] + text[1];\n\n"
                                   "\tif (sum < 200)\n\t\treturn;\n\tsum += text[2];\n"
                                   "\tif (sum > 310)\n\t\tabort();")
    stage_all(adapter, [9], {9: {"check.h": other, "parser.c": renamed(READER)}})
    found = settle(ironworks, adapter, state, bugs=2)
    assert sorted(b["frames"][0] for b in found) == ["check", "inspect"], found
    (second,) = [b for b in found if b["id"] != bug["id"]]
    shown = ironworks("repro", bug["id"], "--commit", "staging", "--runs", "2", "--state", state,
                      timeout=120)
    assert shown.rc == 1
    assert f"2 otherwise: Abrt in inspect, which is bug {second['id']}; whether this bug is " \
        "there cannot be told" in shown.stdout, shown.stdout
