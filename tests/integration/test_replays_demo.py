"""What only a sanitizer sees: plain fuzzing reaches it and reports nothing, a replay reports it."""

from __future__ import annotations

import json
import shutil
import sys
import time

import pytest

from conftest import ROOT, rows

sys.path.insert(0, str(ROOT / "tests" / "lib"))
from demo_truth import DEMO, is_kind, make_truth, true_bug  # noqa: E402

KINDS = {"use-of-uninitialized-value": "libfuzzer+msan", "data-race": "libfuzzer+tsan",
         "leak": "libfuzzer+asan+ubsan"}
#: What the two targets that have them need at most, on a slow machine.
PATIENCE_S = 900
STEP_S = 20


def make_adapter(home, truth, flavours):
    """The demo with these three pull requests and one harmless one, on their two targets."""
    folder = home / f"demo-{len(flavours)}"
    shutil.copytree(DEMO, folder, symlinks=True)
    guilty = [row for row in truth["bugs"] if row["kind"] in KINDS]
    names = [name for row in guilty for name in row["changes"]] + [truth["harmless"][0]["name"]]
    path = folder / "adapter.json"
    document = json.loads(path.read_text())
    document["source"]["command"] += ["--only", ",".join(names)]
    document["flavours"] = flavours
    document["targets"] = [t for t in document["targets"]
                           if t["name"] in {row["targets"][0] for row in guilty}]
    document.pop("discover")
    path.write_text(json.dumps(document))
    return folder


def run(ironworks, adapter, seconds, state):
    done = ironworks("run", adapter, "--for", f"{seconds}s", "--no-sandbox", "--state", state,
                     "--json", timeout=600)
    assert done.rc in (0, 1), done.stderr
    return done.json["bugs"]


def of_kinds(bugs):
    return {kind: [bug for bug in bugs if is_kind(bug, kind)] for kind in KINDS}


@pytest.mark.full
def test_a_replay_finds_what_plain_fuzzing_does_not(ironworks, state, tmp_path):
    """The uninitialised read, the race and the leak: engines on the plain build find the inputs
    and see nothing in them. One run on the same state, with the sanitizers to judge, reports each
    as one bug, and its pull request is to blame."""
    truth = make_truth(tmp_path, 1)
    plain = make_adapter(tmp_path, truth, ["libfuzzer"])
    judged = make_adapter(tmp_path, truth, ["libfuzzer", *sorted(KINDS.values())])
    deadline = time.monotonic() + PATIENCE_S
    found = {}
    while not all(found.get(kind) for kind in KINDS):
        assert time.monotonic() < deadline, found
        # Engines of the plain build alone: nothing of the kinds, whatever they reach.
        before = {bug["id"] for bugs in found.values() for bug in bugs}
        new = [bug for bugs in of_kinds(run(ironworks, plain, STEP_S, state)).values()
               for bug in bugs if bug["id"] not in before]
        assert not new, f"plain fuzzing reported {new}"
        found = of_kinds(run(ironworks, judged, 1, state))
    # Triage may want more time than a run of one second leaves it.
    while not all(bug["outcome"] for bugs in found.values() for bug in bugs):
        assert time.monotonic() < deadline, found
        found = of_kinds(run(ironworks, judged, 1, state))
    for kind, bugs in found.items():
        assert len(bugs) == 1, f"{kind} is {len(bugs)} bugs: {bugs}"
        row = true_bug(truth, bugs[0])
        assert row and row["kind"] == kind, bugs[0]
        assert bugs[0]["outcome"] == "staged" and bugs[0]["prs"] == row["prs"], (bugs[0], row)
        assert bugs[0]["flavour"] == KINDS[kind]
    # A replay met them: units that engines had brought died on the sanitizer's build.
    for kind, flavour in KINDS.items():
        (died,), = rows(state, "SELECT count(*) FROM measure m JOIN build b ON b.id = m.build_id "
                        "WHERE m.outcome = 'died' AND b.flavour = ?", flavour)
        assert died > 0, kind
