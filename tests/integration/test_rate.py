"""How often a bug reproduces: few runs of what always fails, an interval that holds the true
rate of what fails at times, and what fails only as the engine runs it."""

from __future__ import annotations

import random
import time

from conftest import Tiny, rows
from demo_repo import ADAPTER, generate_with_truth

SEED = {"seeds/bug": b"bug!"}
HEAD = """#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (len < 4 || memcmp(data, "bug!", 4) != 0)
		return 0;
"""
STABLE = HEAD + "\tabort();\n}\n"
# Three in ten, whatever the input: chance decides anew in each process.
RATE = 0.3
FLAKY = HEAD + """	unsigned char dice = 0;
	FILE *f = fopen("/dev/urandom", "r");
	if (!f || fread(&dice, 1, 1, f) != 1)
		return 0;
	fclose(f);
	if (dice < 77)
		abort();
	return 0;
}
"""
# The second time in one process.
REMEMBERS = HEAD + """	static int seen;
	if (++seen > 1)
		abort();
	return 0;
}
"""


def run(ironworks, adapter, state, seconds=1):
    """The bugs, when each has its issue: on a busy machine the next run takes them up."""
    for _ in range(5):
        done = ironworks("run", adapter, "--for", f"{seconds}s", "--state", state, "--json",
                         timeout=240)
        assert done.rc in (0, 1), done.stderr
        if all(bug["state"] != "new" for bug in done.json["bugs"]):
            break
    return done.json["bugs"]


def words(rate):
    return f"{rate['hits']} of {rate['runs']} runs ("


def test_stable_bug_costs_few_runs(ironworks, tmp_path, state):
    adapter = Tiny(tmp_path, "tiny", {"parser.c": STABLE, **SEED})
    adapter.document["targets"][0]["network"] = True
    adapter.write(adapter.document)
    (bug,) = run(ironworks, adapter, state)
    found = rows(state, "SELECT text FROM bug_event WHERE what = 'found'")[0][0]
    assert found.endswith("fails in 5 of 5 runs, at least 41 %")
    assert bug["state"] == "open" and bug["hits"] == bug["runs"] >= 5
    assert 0.4 < bug["rate_low"] < 1 == bug["rate_high"]
    issue = ironworks("bug", "show", bug["id"], "--state", state).stdout
    assert words(bug) + "100 %); its true rate is" in issue
    # How grave it is, for people and for programs.
    assert (bug["severity"], bug["severity_reason"], bug["remote"]) == (
        "NOT_EXPLOITABLE", "AbortSignal", True)
    assert "| Severity | `NOT_EXPLOITABLE: AbortSignal` |" in issue
    assert "| Remote crash | **yes**" in issue
    listed = ironworks("bug", "list", "--state", state).stdout
    assert "remote crash" in listed
    assert f"{bug['hits']}/{bug['runs']} (" in listed and "-100%)" in listed


def test_flaky_bug_has_its_true_rate_in_the_interval(ironworks, tmp_path, state):
    """That of the input which is kept in the end: a smaller one has a rate of its own."""
    files = {"parser.c": FLAKY, "seeds/bug": b"bug!" + b"." * 30}
    began = time.monotonic()
    (bug,) = run(ironworks, Tiny(tmp_path, "tiny", files), state)
    # Where it took longer they may have been dear, and fewer (triage/rate.h).
    is_cheap = time.monotonic() - began < 60
    assert bug["state"] == "flaky" and 0 < bug["hits"] < bug["runs"] <= 40
    assert bug["rate_low"] <= RATE <= bug["rate_high"], bug
    assert bug["rate_high"] - bug["rate_low"] <= 0.4 or bug["runs"] == 40 or not is_cheap
    (told,) = rows(state, "SELECT text FROM bug_event WHERE what = 'minimized'")[0]
    assert " 4 bytes, " in told or told.startswith("stays at"), told


def test_what_needs_the_engine_s_process(ironworks, tmp_path, state):
    """It is said so, and kept: a newer build is a new chance."""
    adapter = Tiny(tmp_path, "tiny", {"parser.c": REMEMBERS, **SEED})
    assert not run(ironworks, adapter, state), "nobody can reproduce it"
    crashes = ironworks("crash", "list", "--state", state, "--json").json["crashes"]
    found = [c for c in crashes if c["kind"] == "crash"]
    assert found and {c["state"] for c in found} == {"environment"}, crashes
    crash = found[0]
    assert crash["hits"] and "fails only in a process that has run it before" in crash["why"]
    shown = ironworks("crash", "show", crash["id"], "--state", state).stdout
    assert "environment" in shown and crash["why"] in shown
    adapter.commit({"parser.c": STABLE})
    (bug,) = run(ironworks, adapter, state)
    assert rows(state, "SELECT 1 FROM crash WHERE bug_id = ? AND id = ?", bug["id"], crash["id"])


def test_flaky_bug_of_the_demo(ironworks, tmp_path, state):
    """One in five by its making (adapters/demo/truth.py)."""
    seed = random.choice((1, 2, 3))
    repo, truth = generate_with_truth(tmp_path, seed)
    (planted,) = [b for b in truth["bugs"] if 0 < b["rate"] < 1]
    name = planted["targets"][0]
    adapter = Tiny(tmp_path, "pebble", {"README": ""}, fields={
        "source": {"git": str(repo), "branch": "staging"},
        "flavours": ["libfuzzer", "libfuzzer+asan+ubsan"],
        "targets": [{"name": name, "binary": f"fuzz_{name}", "max_len": 256, "timeout_s": 5}]})
    trigger = "".join(f"\\{byte:03o}" for byte in bytes.fromhex(planted["trigger"]))
    adapter.script((ADAPTER / "build.sh").read_text(encoding="utf-8") +
                   f"printf '{trigger}' > \"$OUT/fuzz_{name}_seed_corpus/trigger\"\n")
    bugs = [b for b in run(ironworks, adapter, state) if b["frames"][0] == planted["frames"][0]]
    (bug,) = bugs
    assert bug["state"] == "flaky", (seed, bug)
    assert bug["rate_low"] <= planted["rate"] <= bug["rate_high"], (seed, bug)
