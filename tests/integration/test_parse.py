"""`ironworks parse`: what it says of texts, to people and to programs, and that nothing in a
text can do anything to whoever looks at the answer."""

from __future__ import annotations

import json
import os
import re
import subprocess

from conftest import IRONWORKS, ROOT

REPORTS = ROOT / "tests/data/reports"

# A report with a freed-by stack, forged by a program that wants to own the terminal.
HOSTILE = (b"==1==ERROR: AddressSanitizer: heap-use-after-free on address 0x602000000010 at pc 1\n"
           b"READ of size 8 at 0x602000000010 thread T0\n"
           b"    #0 0x1 in \x1b[2J\x1b]0;owned\x07evil\xc2\x9b31m(int) a.c:3:1\n"
           b"    #1 0x1 in <script>alert(1)</script> \xff\xfe.c:4:1\n"
           b"freed by thread T0 here:\n    #0 0x2 in drop a.c:9:1\n"
           b"==1==ERROR: NewSanitizer: something \x1b[31mnobody\x00 knows\n")
LIMIT = b"==1== ERROR: libFuzzer: timeout after 25 seconds\n    #0 0x1 in spin a.c:1:1\n"
ASSERTION = b"mill: ore.c:7: grind: Assertion `n > 0' failed.\n"


def parse(*args, text=None, **knobs):
    env = {"PATH": os.environ["PATH"], **knobs}
    return subprocess.run([IRONWORKS, "parse", *map(str, args)], input=text, env=env,
                          capture_output=True, timeout=60, check=False)


def only(done):
    (text,) = json.loads(done.stdout)["texts"]
    return text


def test_people_see_all_of_it():
    done = parse(REPORTS / "asan-use-after-free.txt")
    text = done.stdout.decode()
    assert done.returncode == 0 and not done.stderr
    assert re.search(r"^  1\* Heap-use-after-free READ \d+ in [\w:]+$", text, re.M)
    for word in ("kind      heap-use-after-free, told by asan", "address   0x", "security  yes",
                 "crashed in", "freed by", "allocated by", "summary   AddressSanitizer"):
        assert word in text, word
    assert re.search(r"text +lines \d+-\d+, bytes \d+-\d+$", text, re.M)


def test_programs_see_all_of_it():
    data = (REPORTS / "asan-use-after-free.txt").read_bytes()
    text = only(parse("--json", text=data))
    (found,) = text["findings"]
    assert text["name"] == "-" and text["unread"] == [] and text["dropped"] == 0
    assert found["is_primary"] and found["is_security"] and found["access"] == "read"
    assert [s["role"] for s in found["stacks"]][:3] == ["crash", "free", "alloc"]
    assert b"AddressSanitizer: heap-use-after-free" in data[found["begin"]:found["end"]]
    frame = found["stacks"][0]["frames"][0]
    assert frame["line"] > 0 and frame["address"] > 0 and not frame["plumbing"]


def test_several_texts(tmp_path):
    nothing = tmp_path / "nothing.txt"
    nothing.write_text("all is well\n")
    both = parse("--json", REPORTS / "ubsan-shift-14.txt", nothing)
    assert both.returncode == 1
    names = [(t["name"], len(t["findings"])) for t in json.loads(both.stdout)["texts"]]
    assert names == [(str(REPORTS / "ubsan-shift-14.txt"), 1), (str(nothing), 0)]
    missing = parse("--json", tmp_path / "none", REPORTS / "ubsan-shift-14.txt", tmp_path / "no")
    assert missing.returncode == 4 and b"none" in missing.stderr
    assert len(json.loads(missing.stdout)["texts"]) == 1
    assert parse("--colour").returncode == 2


def test_hostile_text_stays_text():
    for args in ((), ("--json",), ("--clusterfuzz",)):
        done = parse(*args, text=HOSTILE)
        assert done.returncode == 0
        shown = done.stdout.decode("utf-8") + done.stderr.decode("utf-8")
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f\x80-\x9f]", shown)
        if args:
            json.loads(done.stdout)
    (found,) = [f for f in only(parse("--json", text=HOSTILE))["findings"] if f["is_primary"]]
    assert [s["role"] for s in found["stacks"]] == ["crash", "free"]


def test_what_was_not_understood():
    text = only(parse("--json", text=HOSTILE + ASSERTION))
    assert [u["line"][:24] for u in text["unread"]] == ["==1==ERROR: NewSanitizer"]
    line = HOSTILE[text["unread"][0]["begin"]:text["unread"][0]["end"]]
    assert line.startswith(b"==1==ERROR: NewSanitizer")


def test_in_clusterfuzz_words():
    def answer(data, *args, **knobs):
        done = parse("--clusterfuzz", "--json", *args, text=data, **knobs)
        assert done.returncode == 0 and done.stdout.count(b"\n") == 1
        return json.loads(done.stdout)

    asserted = answer(ASSERTION)
    assert (asserted["crash_type"], asserted["crash_state"], asserted["is_security"]) == (
        "ASSERT", "n > 0\n", True)
    assert not answer(ASSERTION, ASSERTS_HAVE_SECURITY_IMPLICATION="False")["is_security"]
    assert answer(LIMIT)["crash_type"] == ""
    assert answer(LIMIT, REPORT_OOMS_AND_HANGS="True")["crash_state"] == "spin\n"
    assert answer(LIMIT, REPORT_OOMS_AND_HANGS="True", REDZONE="256")["crash_type"] == ""
    assert answer(LIMIT, "--target", "ore", REPORT_OOMS_AND_HANGS="True") | {"name": ""} == {
        "crash_type": "Timeout", "crash_address": "", "crash_state": "ore\n",
        "is_security": False, "name": ""}
