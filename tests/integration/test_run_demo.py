"""The whole way, in the real sandbox: from `ironworks run` to an issue that names the pull
request, with the proof. An old bug that only a pull request's target shows is no fault of it."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import BUILD, ROOT, TARGET, Ironworks, Tiny, git, rows

sys.path.insert(0, str(ROOT / "tests" / "lib"))
from demo_truth import DEMO, PROVEN, is_kind, make_truth, true_bug  # noqa: E402

FIRST_S, SECOND_S = 30, 6
# Builds of the first start on a slow machine, fuzzing, and what open triage may take.
RUN_S = 300


class Demo:
    """One run on a new state, and a second one that goes on from there."""

    def __init__(self, home):
        self.ironworks = Ironworks(home)
        self.state = home / "state"
        self.truth = make_truth(home, 1)
        self.first = self.run(FIRST_S)
        self.issues = {p.name: p.read_text(encoding="utf-8")
                       for p in (self.state / "outbox").glob("*.md")}

    def truth_of_old_bug(self):
        """The bug of the base that nobody can see without the target that a pull request adds."""
        return next(bug for bug in self.truth["bugs"] if bug["uncovered_by"])

    def add_old_bug(self):
        """Its input, as if somebody had brought it: engines find it in some runs only."""
        bug = self.truth_of_old_bug()
        path = self.state.parent / "old"
        path.write_bytes(bytes.fromhex(bug["trigger"]))
        done = self.ironworks("crash", "add", path, "--target",
                              f"demo/fuzz_{bug['targets'][0]}", "--state", self.state)
        assert done.rc == 0, done.stderr

    def old_bug(self, bugs):
        """As the farm knows it; empty where it was not judged yet."""
        wanted = self.truth_of_old_bug()
        return next((bug for bug in bugs if true_bug(self.truth, bug) == wanted), {})

    def run(self, seconds):
        return self.ironworks("run", DEMO, "--for", f"{seconds}s", "--state", self.state,
                              "--json", timeout=RUN_S)


@pytest.fixture(scope="module")
def demo(binaries, tmp_path_factory):
    if not works_in_sandbox():
        pytest.skip("the sandbox does not work here; 'ironworks doctor' says why")
    demo = Demo(tmp_path_factory.mktemp("demo"))
    yield demo
    demo.ironworks.clean_up()


def works_in_sandbox():
    return subprocess.run(["bwrap", "--unshare-user", "--ro-bind", "/", "/", "true"],
                          capture_output=True, check=False).returncode == 0


def first_frame(bug):
    return bug["frames"][0] if bug["frames"] else "?"


def test_finds_bugs(demo):
    """Exit code 1 and bugs, none of them twice."""
    done = demo.first
    assert done.rc == 1, done.stderr
    bugs = done.json["bugs"]
    assert len(bugs) >= 2 and done.json["new_bugs"] == len(bugs), done.stderr
    names = [(bug["type"], first_frame(bug)) for bug in bugs]
    assert len(names) == len(set(names)), names
    targets = done.json["targets"]
    assert {t["target"] for t in targets} >= {
        "message", "transaction", "script", "block", "addrbook", "relay", "fuzz_settings"}
    assert all(t["features"] > 0 and t["units"] > 0 for t in targets), targets
    assert sum(t["executions"] for t in targets) > 10000
    assert not demo.ironworks("status", "--state", demo.state).rc


def check_blame(demo, bugs):
    harmless = {row["pr"] for row in demo.truth["harmless"]}
    for bug in bugs:
        row, told = true_bug(demo.truth, bug), f"{bug}\n{demo.truth['bugs']}"
        prs = bug["prs"] or []
        if bug["outcome"] not in PROVEN:
            continue
        assert not harmless & set(prs), told
        assert row, "proven, and the truth knows nothing of it: " + told
        assert sorted(prs) == sorted(row["prs"]), told
        assert bug["outcome"] == row["outcome"], told


def check_issues(demo, bugs):
    """The file of each attributed bug says all that its reader needs."""
    for bug in bugs:
        if bug["outcome"] is None:
            continue
        text = Path(bug["issue"]).read_text(encoding="utf-8")
        title = text.splitlines()[0].replace("\\", "")
        for pr in bug["prs"] or []:
            assert f"#{pr}" in title and "PR" in title, title
        if bug["outcome"] == "pre-existing":
            assert "pre-existing" in title
        kind = bug["type"].splitlines()[0]
        function = next((f for f in bug["frames"] if not f.endswith(".c")), "")
        assert kind.lower() in title.lower() and function in title, title
        commit = re.search(r"\| Snapshot \| `([0-9a-f]{40})` \|", text)
        assert commit, "the whole commit"
        for words in (f"`{kind}", f"| Target | `{bug['target']}` |",
                      f"| Flavour | `{bug['flavour']}` |",
                      f"| Reproduces | {bug['hits']} of {bug['runs']} runs (",
                      f"ironworks repro {bug['id']} --state", "## Stack", "## Input",
                      "## Seen", bug["outcome"]):
            assert words in text, f"no '{words}' in\n{text}"
        # Every step of the proof, in the order it was made.
        log = bug["proof"]["log"]
        assert log and all(line in text for line in log), (log, text)
        check_input(demo, bug, text)


def check_input(demo, bug, text):
    path = demo.state / "artifacts" / bug["input"][:2] / bug["input"][2:]
    data = path.read_bytes()
    assert len(data) == bug["input_size"] and str(path) in text
    blocks = re.findall(r"```text\n(.*?)```", text[text.index("## Input"):], re.DOTALL)
    if data:
        digits = "".join(re.sub(r"^[0-9a-f]{8}:|  .*$", "", line).replace(" ", "")
                         for line in blocks[0].splitlines())
        assert bytes.fromhex(digits) == data[:1024]
        assert base64.b64decode(blocks[1]) == data


def raw_command(text):
    """The second command of an issue: the one that needs no Ironworks."""
    block = re.search(r"## Reproduce\n\n```sh\n(.*?)```", text, re.DOTALL).group(1)
    return block.splitlines()[1]


def test_blame_is_right(demo):
    """A pull request is named only if it did it."""
    check_blame(demo, demo.first.json["bugs"])


def test_issues_say_everything(demo):
    bugs = demo.first.json["bugs"]
    if not any(bug["outcome"] in PROVEN for bug in bugs):
        pytest.skip("no time was left for attribution; the second run has it")
    check_issues(demo, bugs)


def stable_bug(bugs):
    """One that failed each time, and not by waiting."""
    return next((bug for bug in bugs if bug["hits"] == bug["runs"] and bug["issue"]
                 and not is_kind(bug, "timeout") and not is_kind(bug, "out-of-memory")), None)


def test_second_run_goes_on(demo):
    """Nothing is found anew that was known, nothing is forgotten, issues keep their files;
    what the first run left open is attributed."""
    before = demo.first.json
    demo.add_old_bug()
    status = {t["target"]: t for t in demo.ironworks(
        "status", "--json", "--state", demo.state).json["targets"]}
    quarantined = {name for (name,) in rows(
        demo.state, "SELECT t.name FROM target_unit u JOIN target t ON t.id = u.target_id "
        "WHERE u.state = 'quarantined'")}
    done = demo.run(SECOND_S)
    assert done.rc in (0, 1), done.stderr
    after = done.json
    starts = {t["target"]: t["features_start"] for t in after["targets"]}
    executions = {t["target"]: t["executions"] for t in after["targets"]}
    for target in before["targets"]:
        name = target["target"]
        assert starts[name] >= status[name]["features"], name
        # What only units that a sanitizer killed have shown is not counted afterwards.
        assert starts[name] >= target["features"] or name in quarantined, name
        assert executions[name] >= target["executions"], name
    names = [(bug["type"], first_frame(bug)) for bug in after["bugs"]]
    assert len(names) == len(set(names)), names
    known = {bug["id"]: bug for bug in after["bugs"]}
    for bug in before["bugs"]:
        now = known[bug["id"]]
        assert (now["type"], now["target"]) == (bug["type"], bug["target"])
        assert now["input_size"] <= bug["input_size"] and now["sightings"] >= bug["sightings"]
        assert bug["issue"] in (None, now["issue"]), "an issue moved"
    assert after["new_bugs"] == len(after["bugs"]) - len(before["bugs"])
    files = {p.name for p in (demo.state / "outbox").glob("*.md")}
    assert files == {Path(b["issue"]).name for b in after["bugs"] if b["issue"]}
    assert files >= set(demo.issues)

    # A machine that is busy with other things gets more time for the builds of the proof.
    for _ in range(5):
        if (any(bug["outcome"] in PROVEN for bug in after["bugs"]) and stable_bug(after["bugs"])
                and demo.old_bug(after["bugs"]).get("outcome")):
            break
        after = demo.run(1).json
    old = demo.old_bug(after["bugs"])
    assert old and (old["outcome"], old["prs"]) == ("pre-existing", []), after["bugs"]
    assert any(bug["outcome"] in PROVEN for bug in after["bugs"]), after["bugs"]
    check_blame(demo, after["bugs"])
    check_issues(demo, after["bugs"])

    bug = stable_bug(after["bugs"])
    again = demo.ironworks("repro", bug["id"], "--runs", "2", "--state", demo.state)
    assert again.rc == 0 and first_frame(bug) in again.stdout
    text = Path(bug["issue"]).read_text(encoding="utf-8")
    raw = subprocess.run(["sh", "-c", raw_command(text)], capture_output=True, text=True,
                         errors="replace", timeout=60, check=False, cwd="/",
                         env={"PATH": "/usr/bin:/bin"})
    assert raw.returncode != 0 and first_frame(bug) in raw.stderr + raw.stdout, raw.stderr


def demo_with_one_target(home, target, changes):
    """The demo with some changes staged, of which one adds the only target."""
    folder = home / "demo"
    shutil.copytree(DEMO, folder)
    document = json.loads((folder / "adapter.json").read_text(encoding="utf-8"))
    document["source"]["command"] += ["--only", ",".join(changes)]
    document |= {"flavours": ["libfuzzer", "libfuzzer+asan+ubsan"], "targets": [],
                 "discover": f"fuzz_{target}"}
    (folder / "adapter.json").write_text(json.dumps(document), encoding="utf-8")
    return folder


def test_an_old_bug_that_is_found_through_a_target_of_a_pull_request(ironworks, state, tmp_path):
    """The base's use-after-free is nobody's fault, though there is no target of it in the base."""
    truth = make_truth(tmp_path, 1)
    bug = next(bug for bug in truth["bugs"] if bug["id"] == "use-after-free")
    harmless = [row["name"] for row in truth["harmless"][:3]]
    adapter = demo_with_one_target(tmp_path, bug["targets"][1], ["addrbook-target", *harmless])
    (tmp_path / "unit").write_bytes(bytes.fromhex(bug["trigger"]))
    run = ("run", adapter, "--for", "1s", "--state", state, "--json")
    assert ironworks(*run, timeout=RUN_S).rc in (0, 1)
    added = ironworks("crash", "add", tmp_path / "unit", "--target",
                      f"demo/fuzz_{bug['targets'][1]}", "--state", state)
    assert added.rc == 0, added.stderr
    for _ in range(4):  # on a slow machine triage ends in a later run
        found = [row for row in ironworks(*run, timeout=RUN_S).json["bugs"]
                 if true_bug(truth, row) == bug]
        if found and found[0]["outcome"]:
            break
    assert [(row["outcome"], row["prs"]) for row in found] == [("pre-existing", [])], found
    why = ironworks("blame", found[0]["id"], "--why", "--state", state)
    assert why.rc == 0 and "the base, with the target's files of the snapshot: bad" in why.stdout


# -- strangers' words ---------------------------------------------------------------------

HOSTILE = ("<script>alert(1)</script> <img src=x onerror=alert(1)> @everyone `code` "
           "[click](javascript:alert(1)) \x1b[2J | --> #1")


def without_code(text):
    """What a Markdown page interprets: all but fences and code spans."""
    text = re.sub(r"^(`{3,}|~{3,})[^\n]*\n.*?^\1$", "", text, flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"(?<!`)(`+)(?!`)(.*?)(?<!`)\1(?!`)", "", text)


def visible_html(text):
    """Tags that are not our own marker."""
    text = re.sub(r"<!-- ironworks-bug: [A-Za-z0-9._-]+ -->", "", without_code(text))
    return re.findall(r"(?<!\\)<[a-zA-Z/!][^\n]*", text)


def test_strangers_words_stay_words(ironworks, state, tmp_path):
    """A pull request with a hostile title is blamed by its number, and its title is text:
    no HTML, no mention, no control characters, in the issue and on the terminal."""
    harmless = TARGET.replace("abort();", "return;")
    adapter = Tiny(tmp_path, "tiny", {"parser.c": harmless, "seeds/a": b"bug!",
                                      "seeds/b": b"x"}, BUILD,
                   {"title": "A <b>node</b>", "flavours": ["libfuzzer"]})
    adapter.write(adapter.document | {
        "source": {"git": str(adapter.source), "branch": "staging", "base": "main"}})
    git(adapter.source, "checkout", "-q", "-b", "staging")
    stage(adapter, 6, "A harmless change", {"README": "x"})
    stage(adapter, 7, HOSTILE, {"parser.c": TARGET})
    stage(adapter, 8, "Another harmless change", {"README": "y"})
    done = ironworks("run", adapter, "--for", "1s", "--state", state, "--json", timeout=120)
    assert done.rc == 1, done.stderr
    (bug,) = done.json["bugs"]
    assert (bug["outcome"], bug["prs"]) == ("staged", [7]), bug
    text = Path(bug["issue"]).read_text(encoding="utf-8")
    assert "script" in text, "the title is shown"
    assert not visible_html(text), visible_html(text)
    shown = ironworks("bug", "show", bug["id"], "--state", state).stdout
    for page in (text, shown, done.stderr, ironworks("bug", "list", "--state", state).stdout):
        assert "\x1b" not in page
    outside = without_code(text)
    assert "@everyone" not in outside and "](javascript:" not in outside, outside


READER = r"""
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "versions.h"
#include "check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (len > 4 && data[0] < VERSIONS)
		check(data + 1);
	return 0;
}
"""
CHECK = "__attribute__((noinline)) static void check(const uint8_t *text)\n{\n\t%s\n}\n"
HARMLESS = CHECK % "(void)text;"
FATAL = CHECK % 'if (memcmp(text, "bug!", 4) == 0)\n\t\tabort();'
BOTH = CHECK % ('if (VERSIONS > 10 && memcmp(text, "bug!", 4) == 0)\n\t\tabort();')


@pytest.mark.parametrize("body, outcome, prs", [(FATAL, "staged", [7]),
                                                (BOTH, "interaction", [6, 7])],
                         ids=["one", "both"])
def test_an_input_that_needs_more_than_its_bug_does(
        ironworks, state, tmp_path, body, outcome, prs):
    """The input has a version that only PR 6 reads, and PR 7's bug shows with any version:
    PR 7 alone is to blame. Where the bug itself needs both, both are."""
    adapter = Tiny(tmp_path, "tiny", {
        "reader.c": READER, "versions.h": "#define VERSIONS 2\n", "check.h": HARMLESS,
        "seeds/a": b"\x09bug!", "seeds/b": b"\x01pug!"}, BUILD, {"flavours": ["libfuzzer"]})
    adapter.write(adapter.document | {
        "source": {"git": str(adapter.source), "branch": "staging", "base": "main"}})
    git(adapter.source, "checkout", "-q", "-b", "staging")
    stage(adapter, 6, "Read newer versions", {"versions.h": "#define VERSIONS 20\n"})
    stage(adapter, 7, "Check texts", {"check.h": body})
    stage(adapter, 8, "A harmless change", {"README": "y"})
    for _ in range(3):  # on a slow machine triage ends in the next run
        done = ironworks("run", adapter, "--for", "3s", "--state", state, "--json", timeout=240)
        blames = [(bug["outcome"], bug["prs"]) for bug in done.json["bugs"]]
        if blames and blames[0][0]:
            break
    assert blames == [(outcome, prs)], done.json["bugs"]


def stage(adapter, number, title, files):
    git(adapter.source, "checkout", "-q", "-b", f"pr-{number}", "main")
    adapter.commit(files, title)
    git(adapter.source, "checkout", "-q", "staging")
    git(adapter.source, "merge", "-q", "--no-ff", "-X", "theirs", f"pr-{number}", "-m",
        f"Promote PR #{number} to staging: {title}\n\n"
        f"PR: https://example.org/pebble/pull/{number}\n")
