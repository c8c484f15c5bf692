"""`ironworks serve --follow`: the branch of a real repository moves, engines are libFuzzer's
own, and what was found stays."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import time

import pytest

from conftest import BUILD, GIT, TARGET, Tiny, end_processes_of, rows, wait_until
from farm_oracle import assert_nothing_lost, make_adapter
from test_reload import Configured
from test_serve import SLOW, assert_nobody_was_ended

#: The least there is would be seconds of waiting in each test.
LOOK = "10s"
FIXED = TARGET.replace("abort();", "return;")
QUIET = TARGET.replace('"bug!"', '"gone"').replace("abort();", "return;")
BROKEN = "int LLVMFuzzerTestOneInput(void) { return no_such_thing; }\n"
SEED = {"seeds/bug": b"bug?"}


def head(adapter):
    return (adapter.source / ".git" / "refs" / "heads" / "main").read_text(encoding="ascii")[:12]


class Followed(Configured):
    """A farm on one or two tiny adapters with targets discovered by their names."""

    def __init__(self, ironworks, tiny, state, tmp_path):
        super().__init__(ironworks, tiny, state, tmp_path)
        self.place = tmp_path

    def follow(self, name="tiny", files=None, more=(), cores=2):
        adapter = Tiny(self.place, name, files or {"parser.c": QUIET}, fields={"discover": "*"})
        del adapter.document["targets"]
        adapter.write(adapter.document)
        self.write_text(json.dumps({"cores": cores, "adapters": [
            {"adapter": str(adapter.dir), "follow": LOOK},
            *({"adapter": str(a.dir)} for a in more)]}))
        return adapter

    def await_said(self, words, seconds=60):
        wait_until(lambda: words in self.said() or self.process.poll() is not None, seconds,
                   f"'{words}' is said")
        assert self.process.poll() is None, self.said()

    def running(self):
        return self.engines(None)

    def looks(self):
        log = (self.state / "log").read_text(encoding="utf-8", errors="replace")
        return log.count("branch looked at")

    def targets(self):
        return self.ironworks("status", "--state", self.state, "--json").json["targets"]

    def await_tested(self, bug, adapter):
        """The bug, when it was run on the branch's head."""
        tree = subprocess.run([*GIT, "-C", adapter.source, "rev-parse", "HEAD^{tree}"],
                              check=True, capture_output=True, text=True).stdout.strip()
        wait_until(lambda: rows(self.state, "SELECT 1 FROM bug WHERE id = ? AND tested_tree = ?",
                                bug, tree), 60, "the bug is tested again")
        return self.ironworks("bug", "show", bug, "--state", self.state, "--json").json

    def last_event(self, bug):
        return rows(self.state, "SELECT text FROM bug_event WHERE bug_id = ? AND what = 'tested' "
                    "ORDER BY id DESC", bug)[0][0]

    def await_issue(self, bug, words):
        def shown():
            return words in self.ironworks("bug", "show", bug, "--state", self.state).stdout
        wait_until(shown, 20, "the issue says so")

    def finish(self):
        self.stop()
        self.process.communicate(timeout=20)
        assert self.process.returncode == 0
        self.assert_over()
        assert rows(self.state, "PRAGMA integrity_check") == [("ok",)]

    def count_said(self, words):
        return sum(words in line for line in self.said().splitlines()
                   if not line.startswith("{"))


@pytest.fixture
def service(ironworks, tiny, state, tmp_path):
    service = Followed(ironworks, tiny, state, tmp_path)
    yield service
    end_processes_of(state)
    with contextlib.suppress(OSError):
        print(service.log.read_text(encoding="utf-8", errors="replace")[-6000:])


def test_commit_that_adds_a_target(service, tiny):
    """Seen at the interval, built while engines go on, fuzzed first; who has nothing to do with
    it keeps its engines."""
    other = make_adapter(tiny, service.ledger, name="other", more=SLOW)
    adapter = service.follow(more=[other])
    service.start(is_awaited=False)
    service.await_fuzzing(targets=2)
    wait_until(lambda: service.engines() and service.engines("parser"), 30, "both are fuzzed")
    adapter.commit({"lexer.c": QUIET})
    service.await_said("is new, building 1 flavours")
    before = service.engines()
    wait_until(lambda: service.engines("parser"), 5, "engines go on while it is built")
    service.await_said(f"on to commit {head(adapter)}")
    service.await_fuzzing(targets=2)
    service.await_said("fuzzing 3 targets")
    wait_until(lambda: service.engines("lexer"), 20, "the new target is fuzzed first")
    assert service.adopted() >= len(before & service.engines())
    assert_nobody_was_ended(service)
    assert rows(service.state, "SELECT worked FROM adapter WHERE name = 'tiny'")[0][0][:12] == \
        head(adapter)
    service.finish()


def test_life_of_a_bug_over_snapshots(service):
    """A commit that does not compile, one that mends the bug and takes a target away, one that
    brings both back. Each is looked at as soon as somebody asks with SIGHUP."""
    adapter = service.follow(files={"parser.c": TARGET, "spare.c": QUIET, **SEED})
    service.start(is_awaited=False)
    service.await_fuzzing(targets=2)
    bug = wait_until(lambda: rows(service.state, "SELECT id FROM bug WHERE issue IS NOT NULL"), 60,
                     "the bug is found and written down")[0][0]
    good = head(adapter)
    crashes = rows(service.state, "SELECT count(*) FROM crash")[0][0]
    refused(service, adapter, good)
    mended(service, adapter, bug)
    assert rows(service.state, "SELECT count(*) FROM crash")[0][0] >= crashes
    back(service, adapter, bug)
    # Whoever comes next begins with the snapshot that works, and with its engines.
    before = service.running()
    service.kill()
    service.start(is_awaited=False)
    service.await_fuzzing(targets=2)
    assert f"tiny: commit {head(adapter)}" in service.said()
    assert service.adopted() >= len(before & service.running())
    service.finish()


def refused(service, adapter, good):
    adapter.commit({"lexer.c": BROKEN})
    service.reload()
    service.await_said("until the branch moves again")
    (sentence,) = [x for x in service.said().splitlines() if "until the branch moves" in x]
    for word in (head(adapter), "lexer.c:1:", "no_such_thing", f"commit {good} is fuzzed on"):
        assert word in sentence
    assert service.running(), "the old one is fuzzed on"
    # It is not tried again, nor by the farm that comes after a reload.
    looks = service.looks()
    service.reload()
    service.await_fuzzing(targets=2)
    wait_until(lambda: service.looks() > looks, 20, "somebody has looked again")
    assert not service.count_said("failed") and not service.count_said("is new")
    assert service.running()


def mended(service, adapter, bug):
    (adapter.source / "lexer.c").unlink()
    (adapter.source / "spare.c").unlink()
    adapter.commit({"parser.c": FIXED})
    service.reload()
    service.await_said("fuzzing 1 target")
    wait_until(lambda: service.engines("parser") and
               service.engines("parser") == service.running(), 20, "the other one has ended")
    tested = service.await_tested(bug, adapter)
    assert tested["tested_hits"] == 0 and 5 <= tested["tested_runs"] <= 200
    assert tested["state"] == "fixed" and tested["tested_reach"] is True
    words = (f"no longer shows on {head(adapter)}, 0 of {tested['tested_runs']}; its input still "
             "reaches the code that failed")
    assert service.last_event(bug) == words
    service.await_issue(bug, words)
    service.await_issue(bug, "| State | **fixed** |")
    service.await_said(f"bug {bug} is fixed: ")
    listed = service.ironworks("bug", "list", "--state", service.state).stdout
    assert listed == "1 fixed, which --all shows\n"
    assert "fixed" in service.ironworks("bug", "list", "--all", "--state", service.state).stdout
    (spare,) = [t for t in service.targets() if t["target"] == "spare"]
    assert spare["offline_ms"] and spare["units"] > 0, "what it has is kept"
    assert "tiny/spare: offline for" in service.ironworks("status", "--state",
                                                            service.state).stdout


def back(service, adapter, bug):
    adapter.commit({"parser.c": TARGET + "\n", "spare.c": QUIET})
    service.reload()
    service.await_said("fuzzing 2 targets")
    service.await_said(f"on to commit {head(adapter)}")
    tested = service.await_tested(bug, adapter)
    assert (tested["tested_hits"], tested["tested_runs"]) == (5, 5)
    words = f"still shows on {head(adapter)}, 5 of 5"
    wait_until(lambda: service.last_event(bug) == words, 20, "the best input was run, too")
    assert tested["state"] == "regressed"
    service.await_issue(bug, "| State | **regressed**")
    service.await_said(f"bug {bug} is back: ")
    assert rows(service.state, "SELECT what FROM bug_event WHERE what IN ('fixed', 'regressed') "
                "ORDER BY id") == [("fixed",), ("regressed",)]
    assert rows(service.state, "SELECT count(*) FROM bug") == [(1,)]
    wait_until(lambda: not any(t["offline_ms"] for t in service.targets()), 20, "it is back")


def test_source_goes_and_comes_back(service):
    """Said once, whoever asks how often; a start does not need it, and nothing is lost."""
    adapter = service.follow(files={"parser.c": QUIET, **SEED})
    service.start()
    wait_until(service.running, 20, "it is fuzzed")
    away = adapter.source.with_name("away")
    adapter.source.rename(away)
    service.reload()
    service.await_said("the branch is looked at again")
    assert "cannot look at the source: exit code 128: fatal: " in service.said()
    looks = service.looks()
    service.reload()
    service.await_fuzzing()
    wait_until(lambda: service.looks() > looks, 20, "somebody has looked again")
    assert not service.count_said("cannot look at"), "it was said"
    service.kill()
    service.start()
    service.await_said("cannot look at the source")
    away.rename(adapter.source)
    adapter.commit({"lexer.c": QUIET})
    service.reload()
    service.await_said("can be followed again")
    service.await_said("fuzzing 2 targets")
    assert rows(service.state, "SELECT count(*) FROM target_unit")[0][0] > 0
    service.finish()


def test_snapshot_that_builds_but_cannot_be_fuzzed(service):
    """The farm that opened it gives it back, and the engines of the old one have gone on."""
    adapter = service.follow()
    service.start()
    before = wait_until(service.running, 20, "it is fuzzed")
    good = head(adapter)
    adapter.commit({"parser.c": TARGET.replace("if (len > 0 && data[0] > 'a')", "abort();")})
    service.reload()
    service.await_said(f"is refused until the branch moves again, back to {good}")
    wait_until(lambda: service.count_said("fuzzing 1 target") == 2, 60, "the old one is back")
    wait_until(service.running, 20, "the old one is fuzzed")
    adopted = re.findall(r"(\d+) engines? of the supervisor", service.said())
    assert len(adopted) == 2 and int(adopted[1]) >= len(before & service.running())
    adapter.commit({"parser.c": QUIET + "\n"})
    service.reload()
    service.await_said(f"on to commit {head(adapter)}")
    service.await_fuzzing()
    service.finish()


def test_two_branches_move_at_once(service):
    """One after the other, so that it is known which one fails; the second does not wait for its
    interval. Then the compiler is another one, and only the newest commit knows it."""
    one, two = service.follow("one"), service.follow("two")
    service.write_text(json.dumps({"cores": 2, "adapters": [
        {"adapter": str(a.dir), "follow": "1h"} for a in (one, two)]}))
    service.start(is_awaited=False)
    service.await_fuzzing(targets=2)
    one.commit({"lexer.c": QUIET})
    two.commit({"printer.c": QUIET})
    service.reload()
    service.await_said(f"on to commit {head(one)}")
    service.await_said(f"on to commit {head(two)}")
    service.await_said("fuzzing 4 targets")
    service.process.terminate()
    service.process.communicate(timeout=20)
    one.script(BUILD.replace("set -eu", 'set -eu\n[ -e "$SRC/new" ]'))
    one.commit({"new": ""})
    service.start(is_awaited=False)
    service.await_said("works no more, trying the newest")
    service.await_fuzzing(targets=4)
    service.finish()


def test_end_does_not_wait_for_a_build(service):
    """What is built for a farm that ends is built for nobody."""
    adapter = service.follow()
    adapter.script(BUILD.replace("set -eu", 'set -eu\n[ ! -e "$SRC/slow" ] || sleep 100'))
    service.start()
    adapter.commit({"slow": ""})
    service.reload()
    service.await_said("is new, building")
    wait_until(lambda: list((service.state / "jobs").glob("*/work/src/slow")), 20, "it is built")
    began = time.monotonic()
    service.stop("--drain")
    service.process.communicate(timeout=20)
    assert service.process.returncode == 0 and time.monotonic() - began < 30
    service.assert_over()


def test_nothing_is_lost_when_the_branch_moves_often(service):
    """A fake engine keeps the account; now and then the supervisor is killed while it moves."""
    service.write_text(json.dumps({"cores": 2, "adapters": [
        {"adapter": str(service.adapter.dir), "follow": LOOK}]}))
    service.start()
    for i in range(2):
        wait_until(service.engines, 20, "engines run")
        service.adapter.commit({"note": str(i)})
        service.reload()
        service.await_said(f"on to commit {head(service.adapter)}")
        if i % 2:
            service.kill()
            service.start(is_awaited=False)
        service.await_fuzzing()
    service.finish()
    units, _ = assert_nothing_lost(service.state, service.ledger)
    assert units > 20 and not list((service.state / "jobs").iterdir())


@pytest.mark.parametrize("words", ["--follow=5s", "--follow=soon", "--follow=0", "--follow="])
def test_interval_that_makes_no_sense(ironworks, state, words):
    ironworks("serve", "demo", words, "--state", state).fails_with("--follow wants", rc=2)


def test_run_follows_nothing(ironworks, state):
    ironworks("run", "demo", "--follow", "--state", state).fails_with("no option of it", rc=2)
