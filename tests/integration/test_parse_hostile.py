"""`ironworks parse` on texts made to hurt: time linear in their length and at most 1 MiB beside
them, whatever they are made of, from a file and from a pipe; and what is left out is said."""

from __future__ import annotations

import json
import os
import subprocess
import threading

import pytest

from conftest import IRONWORKS

MIB = 1 << 20
HEADING = b"==1==ERROR: AddressSanitizer: SEGV on unknown address 0x41414141 (pc 1)\n"
STACKS = HEADING + b"".join(
    b"\nfreed by thread T0 here:\n" + b"".join(
        b"    #%d 0x1 in f%s (/b/%s+0x1)\n" % (i, b"n" * 1900, b"m" * 1900) for i in range(40))
    for _ in range(12))

# What is repeated, and what stands before it.
SHAPES = {
    "one line": (b"x", HEADING),
    "no lines": (b"\n", b""),
    "NULs": (b"\0", b""),
    "no UTF-8": (b"\xff\n", b""),
    "frames without anything": (b"#0 \n", HEADING),
    "one stack": (b"    #1 0x1 in spin(int) a.c:1:2\n", HEADING),
    "stacks of one frame": (b"    #0 0x1 in f a.c:1\ntalk\n", HEADING),
    "headings": (HEADING, b""),
    "reports": (b"a.c:1:2: runtime error: division by zero\n    #0 0x1 in f a.c:1\n", b""),
    "long stacks with long names": (STACKS, b""),
    "names of brackets": (b"    #1 0x2 in " + b"<" * 2000 + b"(" * 2000 + b" a.c:1\n", HEADING),
    "mangled names": (b"    #1 0x2 in _Z1fI1aIiiE1aIS0_S0_E1aIS1_S1_E1aIS2_S2_E1aIS3_S3_E1aIS4_"
                      b"S4_E1aIS5_S5_E1aIS6_S6_E1aIS7_S7_EEvv a.c:1\n", HEADING),
    "goroutines": (b"goroutine 1 [running]:\nmain.f(0x1)\n\t/a.go:1 +0x1\n\n", b"panic: x\n\n"),
    "words of rules": (b"load of address * which does not point to runtime error: of size at by "
                       b"(in is byte(s) allocated by " * 40 + b"\n", HEADING),
}


def text_of(shape, size):
    again, before = SHAPES[shape]
    return before + (again * (size // len(again) + 1))[:size]


class Run:
    """One `ironworks parse` of a file or a pipe. A second file, a FIFO, holds it when it has
    said all of the first, so that its peak can be read."""

    def __init__(self, tmp_path, text, is_pipe, *args):
        path, fifo, said = tmp_path / "text", tmp_path / "fifo", tmp_path / "said"
        path.write_bytes(text)
        if not fifo.exists():
            os.mkfifo(fifo)
        with open(said, "wb") as out:
            self.child = subprocess.Popen(
                [IRONWORKS, "parse", *args, "-" if is_pipe else path, fifo],
                stdin=subprocess.PIPE if is_pipe else subprocess.DEVNULL, stdout=out)
        if is_pipe:
            threading.Thread(target=self.feed, args=(text,)).start()
        with open(fifo, "wb"):  # waits for its reader
            status = dict(line.split(":", 1) for line in
                          open(f"/proc/{self.child.pid}/status", encoding="ascii"))
            self.peak = int(status["VmHWM"].split()[0]) * 1024
        usage = os.wait4(self.child.pid, 0)[2]
        self.child.returncode = 0
        self.cpu = usage.ru_utime + usage.ru_stime
        self.said = said.read_bytes()

    def feed(self, text):
        with self.child.stdin as pipe:
            pipe.write(text)


@pytest.mark.parametrize("args", [(), ("--json",), ("--clusterfuzz",)])
def test_at_most_a_mebibyte_beside_the_text(tmp_path, args):
    small = max(Run(tmp_path, HEADING, is_pipe, *args).peak for is_pipe in 3 * (False, True))
    for i, shape in enumerate(SHAPES):
        text = text_of(shape, 4 * MIB)
        # Pages of the program that the kernel maps ahead are counted and vary; memory that is
        # needed shows in each run.
        assert any(Run(tmp_path, text, bool(i % 2), *args).peak - small - len(text) <= MIB
                   for _ in range(3)), shape


@pytest.mark.parametrize("shape", SHAPES)
def test_linear_time(tmp_path, shape):
    """Eight times the text takes eight times as long, or twice that on a busy machine; what
    looks twice at everything would take sixty-four times as long."""
    small, large = (min(Run(tmp_path, text_of(shape, size), False).cpu for _ in range(2))
                    for size in (MIB, 8 * MIB))
    assert large <= 16 * max(small, 0.02), (small, large)


def test_a_line_of_100_mb(tmp_path):
    run = Run(tmp_path, text_of("one line", 100 * MIB), True, "--clusterfuzz")
    assert run.cpu < 5 and json.loads(run.said.splitlines()[0])["crash_type"] == "UNKNOWN"


def test_a_report_in_the_middle_is_read(tmp_path):
    talk = b"all is well, and nothing is wrong: 12345\n" * (20 * MIB // 41)
    run = Run(tmp_path, talk + HEADING + b"    #0 0x1 in real a.c:1\n" + talk, False, "--json")
    text = json.loads(run.said)["texts"][0]
    assert [f["headline"] for f in text["findings"]] == ["UNKNOWN in real"]


def test_what_is_left_out_is_said(tmp_path):
    unknown = b"==1==ERROR: NewSanitizer: nobody knows\n" * 40
    run = Run(tmp_path, unknown + STACKS * 100, False, "--json")
    text = json.loads(run.said)["texts"][0]
    first = text["findings"][0]
    assert len(text["findings"]) + text["dropped"] == 100
    assert len(text["unread"]) + text["unread_dropped"] == 40
    assert len(first["stacks"]) + first["stacks_dropped"] == 12
    for finding in text["findings"]:
        stack = finding["stacks"][0]
        assert len(stack["frames"]) >= 1 and len(stack["frames"]) + stack["dropped"] == 40
    shown = Run(tmp_path, unknown + STACKS * 100, False).said.decode()
    for words in ("findings in the middle were left out", "frames left out", "more stacks",
                  "and 8 more lines"):
        assert words in shown, words
