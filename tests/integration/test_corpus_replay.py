"""`ironworks corpus replay` on real targets: who dies is named, with the reason, and nobody else."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from conftest import processes_of, wait_until
from plain_programs import CLANG, build_stateful

pytestmark = pytest.mark.skipif(not CLANG, reason="no clang")

TARGET = r"""
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

volatile char *volatile kept;
volatile int sink;

__attribute__((noinline)) static void overflow_here(size_t n)
{
	kept = malloc(n);
	kept[n] = 1;
	free((void *)kept);
}

__attribute__((noinline)) static void leak_here(size_t n)
{
	kept = malloc(n);
	kept = NULL;
}

__attribute__((noinline)) static void hang_here(void)
{
	for (;;)
		sink++;
}

__attribute__((noinline)) static void read_uninitialised(void)
{
	int *p = malloc(40);

	if (p[3] == 7)
		sink++;
	free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 4 || memcmp(data, "die", 3) != 0)
		return 0;
	switch (data[3]) {
	case 'a': abort();
	case 'o': overflow_here(size); break;
	case 'l': leak_here(size); break;
	case 'h': hang_here(); break;
	case 'm': kept = malloc((size_t)3 << 30); free((void *)kept); break;
	case 'e': exit(3);
	case 'u': read_uninitialised(); break;
	}
	return 0;
}
"""
ADDRESS, MEMORY = "libfuzzer+asan+ubsan", "libfuzzer+msan"


@pytest.fixture(scope="module")
def targets(tmp_path_factory):
    home = tmp_path_factory.mktemp("targets")
    (home / "target.c").write_text(TARGET)
    jobs = [subprocess.Popen([CLANG, "-O1", "-gline-tables-only", f"-fsanitize={sanitizers}",
                              home / "target.c", "-o", home / name])
            for name, sanitizers in (("asan", "fuzzer,address"), ("msan", "fuzzer,memory"),
                                     ("plain", "fuzzer"))]
    assert [job.wait(120) for job in jobs] == [0, 0, 0]
    shutil.copy(home / "asan", home / "stripped")
    subprocess.run(["strip", home / "stripped"], check=True)
    return home


@pytest.fixture
def corpus(tmp_path):
    folder = tmp_path / "corpus"
    (folder / "below").mkdir(parents=True)
    for i in range(300):
        (folder / f"fine-{i}").write_bytes(b"fine %d" % i)
    return folder


def plant(folder, ways):
    for name, content in ways.items():
        (folder / name).write_bytes(content)


def replay(ironworks, *args, rc=1, **kwargs):
    done = ironworks("corpus", "replay", *args, "--json", **kwargs)
    assert done.rc == rc, done.stderr
    return done.json


def deaths(answer, folder):
    return {str(Path(d["path"]).relative_to(folder)): (d["kind"], d["headline"])
            for d in answer["deaths"]}


def test_names_all_that_die_and_nobody_else(ironworks, targets, corpus):
    ways = {"below/a": b"diea", "o1": b"dieo", "o2": b"dieo, and more", "l": b"diel", "h": b"dieh",
            "m": b"diem", "e": b"diee", "u": b"dieu"}
    plant(corpus, ways)
    answer = replay(ironworks, targets / "asan", corpus, "--timeout", "1s", "--jobs", "2")
    assert answer["flavour"] == ADDRESS and answer["measured_by"] == "driver"
    assert (answer["units"], answer["passed"], answer["died"], answer["not_run"]) == (308, 301, 7, 0)
    got = deaths(answer, corpus)
    assert {name: kind for name, (kind, _) in got.items()} == {
        "below/a": "crash", "o1": "crash", "o2": "crash", "l": "leak", "h": "timeout", "m": "oom",
        "e": "exit"}
    for name, words in (("o1", "overflow_here"), ("o2", "overflow_here"), ("l", "leak_here"),
                        ("h", "hang_here"), ("below/a", "Abrt")):
        assert words in got[name][1], got
    assert all(d["again"] for d in answer["deaths"]), answer
    # What this sanitizer does not see, another one does.
    other = replay(ironworks, targets / "msan", corpus / "u", corpus / "fine-1")
    assert other["flavour"] == MEMORY and other["units"] == 2
    assert [d["kind"] for d in other["deaths"]] == ["crash"]
    assert "read_uninitialised" in other["deaths"][0]["headline"]


def test_says_it_to_people(ironworks, targets, corpus):
    plant(corpus, {"o1": b"dieo"})
    done = ironworks("corpus", "replay", targets / "asan", corpus)
    assert done.rc == 1
    assert re.search(rf"^crash +Heap-buffer-overflow.* in overflow_here +{corpus}/o1$", done.stdout,
                     re.M), done.stdout
    assert f"301 files under {ADDRESS}: 300 passed, 1 died" in done.stdout
    done = ironworks("corpus", "replay", targets / "plain", corpus / "fine-1")
    assert done.rc == 0 and done.stdout.startswith("1 file under libfuzzer: 1 passed, 0 died")


def test_a_file_that_passes_alone_is_said_so(ironworks, tmp_path):
    """A state that earlier files left behind kills a later one: nothing to reproduce with it."""
    state = build_stateful(tmp_path)
    units = tmp_path / "units"
    units.mkdir()
    plant(units, {"1": b"s", "2": b"zz"})
    answer = replay(ironworks, state, units)
    assert [d["again"] for d in answer["deaths"]] == [False]
    done = ironworks("corpus", "replay", state, units)
    assert "(not when run again)" in done.stdout


def test_without_symbols_libfuzzer_runs_them(ironworks, targets, corpus):
    plant(corpus, {"a": b"diea"})
    answer = replay(ironworks, targets / "stripped", corpus)
    assert answer["measured_by"] == "libfuzzer" and answer["died"] == 1


def test_wrong_words(ironworks, targets, corpus, tmp_path):
    binary = targets / "plain"
    (tmp_path / "text").write_text("no program")
    (tmp_path / "empty").mkdir()
    for args, words, rc in (
            ((), ["PATH"], 2), ((binary,), ["PATH"], 2),
            ((binary, corpus, "--jobs", "0"), ["--jobs"], 2),
            ((binary, corpus, "--timeout", "soon"), ["--timeout"], 2),
            ((binary, tmp_path / "nowhere"), ["nowhere"], 4),
            ((tmp_path / "text", corpus), ["is no", "program"], 4),
            ((tmp_path / "gone", corpus), ["gone"], 4),
            ((binary, tmp_path / "empty"), ["no files"], 4)):
        done = ironworks("corpus", "replay", *args)
        assert done.rc == rc and all(word in done.sentence for word in words), (args, done.stderr)
    done = ironworks("corpus", "replay", "--help")
    assert done.rc == 0 and done.stdout.startswith("Examples:")


def test_ends_when_asked(ironworks, targets, corpus, tmp_path):
    """Ctrl-C: nothing runs on, no folder stays behind."""
    plant(corpus, {"h": b"dieh"})
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    process = ironworks.start("corpus", "replay", targets / "plain", corpus, "--timeout", "60s",
                              env={"TMPDIR": str(scratch)})
    wait_until(lambda: len(processes_of(scratch)) > 2, 30, "the target runs")
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    done = ironworks.finish(process, 30)
    assert done.rc == 4 and "stopped" in done.sentence
    wait_until(lambda: not processes_of(scratch), 10, "no process is left")
    assert os.listdir(scratch) == []
