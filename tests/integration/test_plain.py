"""`ironworks repro FILE --binary PROGRAM`: plain files, no adapter, no daemon, no state."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess

import pytest

from conftest import processes_of, wait_until
from plain_programs import CLANG, build_fuzz_and_tool
from test_corpus_replay import TARGET

pytestmark = pytest.mark.skipif(not CLANG, reason="no clang")

#: The same code as a tool that reads a file, or its standard input.
MAIN = r"""
#include <stdint.h>
#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int main(int argc, char **argv)
{
	static uint8_t input[1 << 16];
	FILE *file = argc > 1 ? fopen(argv[argc - 1], "rb") : stdin;
	size_t size = file ? fread(input, 1, sizeof input, file) : 0;

	if (size == 0 || input[0] == '?') {
		fprintf(stderr, "this is no input\n");
		return 1;
	}
	return LLVMFuzzerTestOneInput(input, size);
}
"""


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    home = tmp_path_factory.mktemp("programs")
    build_fuzz_and_tool(home, TARGET, MAIN)
    subprocess.run([CLANG, home / "target.c", home / "main.c", "-o", home / "bare"], check=True)
    shutil.copy(home / "fuzz", home / "stripped")
    subprocess.run(["strip", home / "stripped"], check=True)
    return home


@pytest.fixture
def crash(tmp_path):
    """crash("o") writes an input that dies that way."""
    def make(way, name="crash-1"):
        path = tmp_path / name
        path.write_bytes(b"die" + way.encode())
        return path
    return make


def repro(ironworks, *args, rc=0, **kwargs):
    done = ironworks("repro", *args, "--json", **kwargs)
    assert done.rc == rc, done.stderr
    return done.json


def test_reproduces(ironworks, programs, crash):
    answer = repro(ironworks, crash("o"), "--binary", programs / "fuzz", "--runs", "3")
    assert (answer["runs"], answer["hits"]) == (3, 3)
    assert answer["type"].startswith("Heap-buffer-overflow")
    assert answer["frames"][0] == "overflow_here"
    assert answer["flavour"] == "libfuzzer+asan+ubsan"


def test_what_does_not_reproduce(ironworks, programs, tmp_path):
    (tmp_path / "fine").write_bytes(b"fine")
    done = ironworks("repro", tmp_path / "fine", "--binary", programs / "fuzz", "--runs", "2")
    assert done.rc == 1 and "does not reproduce" in done.stdout


@pytest.mark.parametrize("args", ["@@", "-v '@@'", ""])
def test_any_program(ironworks, programs, crash, args):
    answer = repro(ironworks, crash("o"), "--binary", programs / "tool", f"--args={args}",
                   "--runs", "1")
    assert answer["hits"] == 1 and answer["frames"][0] == "overflow_here"


def test_status_is_no_failure(ironworks, programs, tmp_path):
    """A program that refuses its input is fine; a signal is not, also where it says nothing."""
    (tmp_path / "refused").write_bytes(b"?")
    repro(ironworks, tmp_path / "refused", "--binary", programs / "bare", "--args", "@@", rc=1)
    (tmp_path / "abort").write_bytes(b"diea")
    answer = repro(ironworks, tmp_path / "abort", "--binary", programs / "bare", "--args", "@@")
    assert answer["type"] == "Abrt" and answer["hits"] == answer["runs"]


def test_a_hang_of_a_program(ironworks, programs, crash):
    answer = repro(ironworks, crash("h"), "--binary", programs / "bare", "--args", "@@",
                   "--timeout", "1s", "--runs", "1")
    assert answer["type"] == "Timeout"


def test_paragraph_is_what_it_says(ironworks, programs, crash):
    """The command in it shows the very failure, pasted into a shell."""
    for words in (["--binary", programs / "fuzz"], ["--binary", programs / "tool", "--args", "@@"],
                  ["--binary", programs / "tool", "--args", ""]):
        answer = repro(ironworks, crash("o"), *words, "--runs", "1")
        text = answer["paragraph"]
        assert "overflow_here" in text and "1 of 1 runs" in text and "ZGllbw==" in text
        command = next(x for x in text.splitlines() if x.startswith("    "))
        done = subprocess.run(["sh", "-c", command.strip()], capture_output=True, text=True,
                              cwd=programs, timeout=60, check=False)
        assert done.returncode == 86, done.stderr
        assert "heap-buffer-overflow" in done.stderr and "overflow_here" in done.stderr


def test_wrong_words(ironworks, programs, crash, tmp_path):
    path = crash("o")
    (tmp_path / "text").write_text("no program")
    for args, words, rc in (
            ((path, "--binary", programs / "tool"), ["no libFuzzer target", "--args"], 4),
            ((path, "--binary", programs / "tool", "--args", "'@@"), ["quote"], 4),
            ((path, "--binary", tmp_path / "gone"), ["gone"], 4),
            ((path, "--binary", tmp_path / "text"), ["no 64-bit program"], 4),
            ((tmp_path / "nothing", "--binary", programs / "fuzz"), ["nothing"], 4),
            (("--binary", programs / "fuzz"), ["which file"], 2),
            ((path, "--binary", programs / "fuzz", "--runs", "no"), ["--runs"], 2)):
        done = ironworks("repro", *args)
        assert done.rc == rc and all(word in done.sentence for word in words), (args, done.stderr)


def test_what_cannot_be_started_is_no_failure(ironworks, programs, crash, tmp_path):
    """An exit code of whoever tried to start it would look like one."""
    shutil.copy(programs / "fuzz", tmp_path / "locked")
    (tmp_path / "locked").chmod(0o644)
    (tmp_path / "script").write_text("#!/bin/sh\nexec fuzz\n", encoding="utf-8")
    for name, words in (("locked", "chmod"), ("script", "the program that it starts")):
        ironworks("repro", crash("o"), "--binary", tmp_path / name).fails_with(words)


def test_standard_input_is_told(ironworks, programs, crash):
    done = ironworks("repro", crash("o"), "--binary", programs / "tool", "--args", "-v",
                     "--runs", "1")
    assert "no '@@' in --args" in done.stderr


@pytest.mark.parametrize("words", [["fuzz"], ["tool", "--args", "-v @@"]])
def test_in_a_debugger(ironworks, programs, crash, tmp_path, words):
    """A gdb of ours says what it was started with."""
    tool = tmp_path / "gdb"
    tool.write_text('#!/bin/sh\nprintf "%s\\n" "$ASAN_OPTIONS" "$@"\n', encoding="utf-8")
    tool.chmod(0o755)
    done = ironworks("repro", crash("o"), "--binary", programs / words[0], *words[1:], "--gdb",
                     env={"PATH": f"{tmp_path}:{os.environ['PATH']}"})
    told = done.stdout.splitlines()
    assert done.rc == 0 and "halt_on_error=1" in told[0]
    assert told[told.index("--args") + 1] == str(programs / words[0])
    assert told[-1] == str(tmp_path / "crash-1")


def test_program_in_the_home_folder(ironworks, programs, crash):
    """Its folder is not shown to the target, so it is copied out of it."""
    home = ironworks.home
    shutil.copy(programs / "stripped", home / "fuzz")
    (home / "secret").write_text("nobody may read this")
    answer = repro(ironworks, crash("o"), "--binary", home / "fuzz", "--runs", "1")
    assert answer["hits"] == 1
    assert sorted(p.name for p in home.iterdir()) == ["fuzz", "secret"]


def test_ends_when_asked(ironworks, programs, crash, tmp_path):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    process = ironworks.start("repro", crash("h"), "--binary", programs / "fuzz", "--timeout",
                              "60s", env={"TMPDIR": str(scratch)})
    wait_until(lambda: list(scratch.glob("ironworks-*/reproduce-*/log")), 30, "the target runs")
    process.send_signal(signal.SIGINT)
    done = ironworks.finish(process, 30)
    assert done.rc == 4 and "stopped" in done.sentence
    wait_until(lambda: not processes_of(scratch), 10, "no process is left")
    assert os.listdir(scratch) == []
