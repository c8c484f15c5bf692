"""Scores `ironworks parse` on the cases that peers assert in their own tests.

The cases are not part of this repository: they are looked for in ../shared/reports, or
where IRONWORKS_REPORTS points, and the tests are skipped without them. Cases that are kept
back from us score as these do only if what we have are rules, so nothing here may name one
but the list of those in which we differ, with the reason."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from conftest import IRONWORKS, ROOT

CASES = Path(os.environ.get("IRONWORKS_REPORTS", ROOT.parent / "shared/reports"))
FLOORS = {"crash_type": 0.98, "crash_state": 0.95, "is_security": 0.95}
EXACT = 0.90

# Why we answer differently from ClusterFuzz where we do.
DEVIATIONS = {
    "cf/ignore_skia_abort": "a frame of the project's own mutex is ignored there by name; "
                            "it is where the program found out",
}


def load(name):
    path = CASES / f"{name}.jsonl"
    if not path.exists():
        pytest.skip(f"no shared reports at {CASES}")
    return [json.loads(line) for line in path.read_text().splitlines()]


def understood(tmp_path, texts):
    """What the command says of each text, all in one call."""
    names = []
    for i, text in enumerate(texts):
        names.append(tmp_path / f"{i}.txt")
        names[-1].write_bytes(text.encode())
    done = subprocess.run([IRONWORKS, "parse", "--json", *names], capture_output=True,
                          timeout=60, check=False)
    assert done.returncode in (0, 1)
    return json.loads(done.stdout)["texts"]


def primary(text):
    return next((f for f in text["findings"] if f["is_primary"]), None)


def as_clusterfuzz(case, path):
    """One call for each case: the knobs are ClusterFuzz's own variables."""
    path.write_bytes(case["input"].encode())
    env = {"PATH": os.environ["PATH"], **case["env"]["os_environ"]}
    done = subprocess.run([IRONWORKS, "parse", "--clusterfuzz", "--json", path], env=env,
                          capture_output=True, timeout=60, check=False)
    return json.loads(done.stdout)


def test_clusterfuzz(tmp_path):
    cases = load("clusterfuzz_dev")
    fields = ("crash_type", "crash_address", "crash_state", "is_security")
    differs = {}
    for case in cases:
        found, wanted = as_clusterfuzz(case, tmp_path / "report.txt"), case["expected"]
        wrong = {f: (found[f], wanted[f]) for f in fields if found[f] != wanted[f]}
        if wrong:
            differs[case["id"]] = wrong
    for field, floor in FLOORS.items():
        missed = [i for i, wrong in differs.items() if field in wrong]
        score = 1 - len(missed) / len(cases)
        assert score >= floor, f"{field}: {score:.1%}, missed {missed}"
    assert 1 - len(differs) / len(cases) >= EXACT, differs
    assert set(differs) <= set(DEVIATIONS), {i: differs[i] for i in set(differs) - set(DEVIATIONS)}


# CASR. Its severity and its class are its own words for what our fields say.

NEAR_NULL = 64 * 1024
EXPLOITABLE = {"heap-buffer-overflow(write)", "DestAv"}
PROBABLY = {"DestAvNearNull"}


def asan_frame(case):
    return "==1==ERROR: AddressSanitizer: SEGV on unknown address 0x41414141 (pc 1)\n" \
        f"    {case['input']}\n"


def go_frame(case):
    return f"panic: x\n\ngoroutine 1 [running]:\n{case['input']}\n"


def letters(case):
    """A stack of functions of one letter each, for the case's word."""
    word = case["id"].rpartition("/")[2]
    return "==1==ERROR: AddressSanitizer: SEGV on unknown address 0x41414141 (pc 1)\n" + "".join(
        f"    #{i} 0x{i + 1:x} in {c} a.c:{i + 1}\n" for i, c in enumerate(word))


WRAPPED = {"asan_frame": asan_frame, "go_frame": go_frame, "repetition": letters}


def check_frames(case, found):
    """'function at place' or 'function in place', one a frame."""
    stack = next(s for s in found["stacks"] if s["role"] == "crash")["frames"]
    assert len(stack) == len(case["expected"]["frames"])
    for ours, theirs in zip(stack, case["expected"]["frames"]):
        # CASR leaves names mangled where they were printed so; we say both.
        assert (ours.get("mangled") or ours["function"] or "") in theirs
        if ours["file"]:
            assert f"{ours['file']}:{ours['line']}" in theirs


def check_warnings(case, text):
    assert len(text["findings"]) == len(case["expected"]["warnings"])
    data = case["input"].encode()
    for ours, theirs in zip(text["findings"], case["expected"]["warnings"]):
        assert ours["message"] == theirs["description"]
        assert ours["place"] == theirs["crash_line"]
        if ours["summary"]:
            assert theirs["type"] == ours["summary"].split(": ")[1].split()[0]
        assert data[ours["begin"]:ours["end"]].count(b"\n") + 1 == theirs["report_lines"]
        if "frames" in theirs:
            assert len(ours["stacks"][0]["frames"]) == theirs["frames"]
        assert theirs["severity"] != "NOT_EXPLOITABLE" or not ours["is_security"]


def check_repetition(case, found):
    word = case["id"].rpartition("/")[2]
    gone = {i for a, b in case["expected"]["removed_spans_inclusive_contains"]
            for i in range(a, b + 1)}
    assert "".join(found["signature"]) == "".join(
        c for i, c in enumerate(word) if i not in gone)


def check_unit(case, text):
    kind, expected, found = case["id"].split("/")[1], case["expected"], primary(text)
    if kind == "repetition":
        check_repetition(case, found)
    elif kind.endswith("_frame"):
        ours = found["stacks"][0]["frames"][0]
        assert {k: ours[k] for k in expected} == expected
    elif kind.endswith("_extract"):
        check_frames(case, text["findings"][0])
    elif kind.endswith("_panic"):
        assert found["message"] == expected["description"]
    elif kind.endswith("_warnings"):
        check_warnings(case, text)
    else:
        raise AssertionError(f"nobody checks '{kind}'")


def test_casr_unit(tmp_path):
    cases = load("casr_unit_dev")
    texts = [WRAPPED.get(c["id"].split("/")[1], lambda c: c["input"])(c) for c in cases]
    failed = []
    for case, text in zip(cases, understood(tmp_path, texts)):
        try:
            check_unit(case, text)
        except (AssertionError, KeyError, IndexError, StopIteration, TypeError) as e:
            failed.append((case["id"], repr(e)[:300]))
    assert not failed


def casr_class(found):
    """In CASR's words: an access violation by its direction and how near it is to NULL."""
    kind, access = found["kind"], found["access"]
    if kind in ("segv", "null-dereference"):
        near = "NearNull" if int(found["address"], 16) < NEAR_NULL else ""
        return {"read": "SourceAv", "write": "DestAv"}[access] + near
    if kind == "uncaught-exception":
        return found["title"]
    if kind in ("direct-leak", "indirect-leak"):
        return "memory-leaks"
    return f"{kind}({access})" if kind.endswith("-overflow") and access != "none" else kind


def test_casr_live(tmp_path):
    cases = load("casr_live_dev")
    for case, text in zip(cases, understood(tmp_path, [c["input"] for c in cases])):
        expected, found = case["expected"], primary(text)
        name = casr_class(found)
        if expected["severity_class"]:
            assert name == expected["severity_class"], case["id"]
        severity = ("EXPLOITABLE" if name in EXPLOITABLE else
                    "PROBABLY_EXPLOITABLE" if name in PROBABLY else "NOT_EXPLOITABLE")
        assert severity == expected["severity"], case["id"]
        if expected["crash_line"]:
            assert expected["crash_line"] in found["place"], case["id"]
        if expected["description"]:
            assert expected["description"] in found["message"], case["id"]
        if expected["ubsan_unique_warnings"] is not None:
            assert len(text["findings"]) == expected["ubsan_unique_warnings"], case["id"]


def test_fuzzor(tmp_path):
    """All reports are read, and no two are one; single frames are split."""
    cases = load("fuzzor_dev")
    texts = understood(tmp_path, [c["input"] for c in cases])
    seen = {}
    for case, text in zip(cases, texts):
        tokens = case["expected"].get("tokens")
        if tokens and tokens[0].startswith("#"):
            only = text["findings"][0]["stacks"][0]["frames"][0]
            assert (hex(only["address"]), only["function"], only["file"]) == (
                tokens[1], tokens[3], tokens[4])
        elif not tokens:
            found = primary(text)
            assert found["stacks"], case["id"]
            key = (found["crash_type"], tuple(found["signature"]))
            assert key not in seen, (case["id"], seen[key])
            seen[key] = case["id"]


# What differs has a form of its own in syzkaller, for one message of one program.
TITLES = {"gvisor/18"}


def test_gvisor_titles(tmp_path):
    cases = load("syzkaller_gvisor_dev")
    texts = understood(tmp_path, [c["input"] for c in cases])
    missed = {case["id"]: (primary(text) or {}).get("headline")
              for case, text in zip(cases, texts)
              if (primary(text) or {}).get("headline") != case["expected"]["title"]}
    assert 1 - len(missed) / len(cases) >= 0.9 and set(missed) <= TITLES, missed
