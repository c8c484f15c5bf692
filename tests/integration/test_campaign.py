"""Campaigns and held targets: who gets the engines, what is counted, over kills and restarts.
Two targets are fake engines that keep their own books."""

from __future__ import annotations

import contextlib
import os
import signal

import pytest

from conftest import end_processes_of, processes_of, rows, wait_until
from farm_api import Api
from farm_oracle import SOURCE, read_ledger
from test_serve import Service

BUILD = """#!/bin/sh
set -eu
for name in one two; do
	$CC -O1 -DBURN_US=5000 -DUNITS_PER_CRASH=150 -DLEDGER='"{ledgers}/'$name'"' "$SRC/engine.c" \\
		-o "$OUT/$name"
done
"""
#: An engine is niced, and a busy machine leaves it little.
BUDGET_MS = 1500


class Pair(Service):
    """A service on one core with two targets, each with a ledger."""

    def __init__(self, ironworks, tiny, state, tmp_path):
        super().__init__(ironworks, tiny, state, tmp_path)
        self.ledgers = tmp_path
        targets = [{"name": n, "max_len": 64, "timeout_s": 2, "leaks": False} for n in ("one", "two")]
        adapter = tiny("pair", {"engine.c": SOURCE.read_text(encoding="utf-8")},
                       build=BUILD.format(ledgers=tmp_path), targets=targets)
        self.words = [adapter, "--cores", 1]
        # The rows of its targets.
        done = ironworks("run", *self.words, "--for", "1s", "--no-sandbox", "--state", state, timeout=120)
        assert done.rc in (0, 1), done.stderr

    def await_fuzzing(self, targets=2):
        super().await_fuzzing(targets)

    def __call__(self, *args, timeout=60):
        return self.ironworks(*args, "--state", self.state, timeout=timeout)

    def ask(self, *args):
        done = self(*args, "--json")
        assert done.rc == 0, done.stderr
        return done.json

    def starts(self, target):
        return len(read_ledger(self.ledgers / target)["start"])

    def await_start(self, target, before):
        wait_until(lambda: self.starts(target) > before, 30, f"an engine starts on {target}")

    def cpu_ms(self, target):
        """By the engines' own account."""
        return sum(int(text.split(b".")[1]) for text in read_ledger(self.ledgers / target)["cpu"])

    def core_ms(self, target):
        return rows(self.state, "SELECT core_ms FROM target WHERE name = ?", target)[0][0]

    def end_engines(self):
        """As if their time were up."""
        for pid in self.engine_pids():
            os.kill(pid, signal.SIGTERM)
        wait_until(lambda: not processes_of(self.state), 20, "engines and keepers end")

    def engine_pids(self):
        found = []
        for pid in processes_of(self.state):
            with contextlib.suppress(OSError), open(f"/proc/{pid}/cmdline", "rb") as f:
                words = f.read().split(b"\0")
                if words[0].endswith((b"/one", b"/two")) and any(
                        w.startswith(b"-artifact_prefix=") for w in words):
                    found.append(pid)
        return found


@pytest.fixture
def pair(ironworks, tiny, state, tmp_path):
    pair = Pair(ironworks, tiny, state, tmp_path)
    yield pair
    end_processes_of(state)
    with contextlib.suppress(OSError):
        print(pair.log.read_text(encoding="utf-8", errors="replace")[-4000:])


def test_a_campaign_from_begin_to_end(pair):
    """Its target comes first, its budget is counted once whatever happens to the supervisor, and
    what came of it is written down."""
    begun = pair.ask("campaign", "start", "night", "--target", "pair/two", "--budget", f"{BUDGET_MS / 1000}s")
    assert (begun["name"], begun["state"], begun["targets"]) == ("night", "active", ["pair/two"])
    assert (begun["budget_core_ms"], begun["used_core_ms"], begun["outcome"]) == (BUDGET_MS, 0, None)
    check_refusals(pair)
    core, cpu = pair.core_ms("two"), pair.cpu_ms("two")
    one, two = pair.starts("one"), pair.starts("two")

    # An engine that ends while nobody watches is the campaign's, too.
    pair.start()
    pair.await_start("two", two)
    pair.kill()
    pair.end_engines()
    # And one that outlives its supervisor.
    two = pair.starts("two")
    pair.start()
    pair.await_start("two", two)
    pair.kill()
    pair.start()
    assert pair.adopted() == 1, pair.said()
    assert pair.starts("one") == one, "another target's engine came first"

    night = wait_until(lambda: (c := pair.ask("campaign", "show", "night"))["state"] == "done" and c,
                       180, "the budget is used")
    assert "campaign 'night' is done" in pair.said()
    used = night["used_core_ms"]
    assert BUDGET_MS <= used <= BUDGET_MS + 3000, night
    pair.await_start("one", one)  # the others have their turn
    assert used == pair.core_ms("two") - core, "not what the target's engines took"
    assert used == pytest.approx(pair.cpu_ms("two") - cpu, rel=0.05)
    outcome = night["outcome"]
    assert outcome["core_ms"] == used and outcome["crashes"] > 0 and outcome["executions"] > 0
    assert night["ended_ms"] > night["began_ms"]
    pair("campaign", "stop", "night").fails_with("'night' has ended already: done")
    assert pair.ask("campaign", "list")["campaigns"] == [night]
    assert night["name"] in pair("campaign", "list").stdout
    assert "new bugs" in pair("campaign", "show", "1").stdout
    pair.stop()


def check_refusals(pair):
    """Each is one sentence, and nothing of it stays."""
    start = ["campaign", "start"]
    target = ["--target", "pair/two"]
    pair(*start, "night", *target, "--budget", "1h").fails_with("'night' already")
    pair(*start, "a", "--target", "pair/three", "--budget", "1h").fails_with("'pair/three'", "target list")
    pair(*start, "a", *target, "nothing", "--budget", "1h").fails_with("'nothing'")
    pair(*start, "17", *target, "--budget", "1h").fails_with("'17'")
    pair(*start, "a\nb", *target, "--budget", "1h").fails_with("name")
    for budget in ("0h", "0", "-1h", "2", "1x", "h", "1e3h", "nan", "infh", "1h1", "99999999999d"):
        pair(*start, "a", *target, f"--budget={budget}").fails_with("--budget", rc=2)
    pair("campaign", "stop", "none").fails_with("'none'", "campaign list")
    pair("campaign", "show", "99").fails_with("'99'", "campaign list")
    assert len(pair.ask("campaign", "list")["campaigns"]) == 1


def held(pair):
    return {t["target"] for t in pair.ask("status")["targets"] if t["is_held"]}


def assert_stays_idle(pair, api):
    """A farm that could start an engine does so within a second."""
    wait_until(lambda: api.get("/healthz")["phase"] == "fuzzing", 60, "it fuzzes")
    since = api.get("/api/v1/farm")["now_ms"]
    while (farm := api.get("/api/v1/farm"))["now_ms"] < since + 2500:
        assert farm["engines"] == 0 and not pair.engine_pids(), farm["slots"]


def test_hold_and_resume(pair):
    """A held target gets no engine, not even for its campaign, until it is resumed."""
    pair.ask("target", "hold", "pair/one", "--why", "until it is mended")
    one = pair.starts("one")
    pair.start()
    api = Api(pair.state, is_socket=True)
    pair.await_start("two", pair.starts("two") - 1)
    wait_until(pair.engine_pids, 20, "an engine runs on the other one")
    assert pair.starts("one") == one
    target = next(t for t in api.get("/api/v1/targets")["targets"] if t["target"] == "one")
    assert (target["status"], target["held_why"]) == ("held", "until it is mended")
    assert "pair/one is held" in pair("status").stdout

    # The farm is told, and the engine that runs ends by itself.
    before = len(read_ledger(pair.ledgers / "two")["stopped"])
    assert pair.ask("target", "hold", "pair/two")["status"] == "held"
    wait_until(lambda: len(read_ledger(pair.ledgers / "two")["stopped"]) > before, 20, "its engine is ended")
    wait_until(lambda: not pair.engine_pids(), 20, "no engine is left")
    pair.ask("campaign", "start", "eager", "--target", "pair", "--budget", "1h")
    assert_stays_idle(pair, api)
    pair.kill()
    assert held(pair) == {"one", "two"}
    pair.start()
    assert_stays_idle(pair, api)

    two = pair.starts("two")
    assert pair.ask("target", "resume", "pair/two")["is_held"] is False
    pair.await_start("two", two)
    assert held(pair) == {"one"} and pair.starts("one") == one
    stopped = pair.ask("campaign", "stop", "eager")
    assert stopped["state"] == "stopped" and stopped["outcome"]["new_bugs"] >= 0
    pair("target", "hold", "pair/none").fails_with("'pair/none'", "target list")
    pair("target", "hold", "pair").fails_with("ADAPTER/TARGET")
    pair("target", "hold", "pair/two", "--why", "a\x1b[2J").fails_with("reason")
    pair.stop()
