"""MemorySanitizer and a C++ library that it cannot see into: false reports become no bugs."""

from __future__ import annotations

import subprocess

import pytest

from conftest import rows

# std::ostringstream formats inside libstdc++.so, where nothing is instrumented.
TARGET = r"""
#include <cstddef>
#include <cstdint>
#include <sstream>
#include <string>

static volatile int sink;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	std::ostringstream out;
	out << 3.25 << ' ' << len;
	std::string text = out.str();
	for (char c : text)
		if (c == '7')
			sink++;
	return 0;
}
"""
SCRIPT = """#!/bin/sh
set -eu
$CXX $CXXFLAGS "$SRC/parser.cc" $LIB_FUZZING_ENGINE -o "$OUT/parser"
"""


@pytest.fixture(name="adapter")
def _adapter(tiny):
    adapter = tiny(files={"parser.cc": TARGET}, build=SCRIPT,
                   flavours=["libfuzzer", "libfuzzer+msan"])
    adapter.write(adapter.document | {"targets": [{"name": "parser"}]})
    return adapter


def test_a_build_that_cannot_be_believed_is_not_run(ironworks, adapter, state):
    done = ironworks("build", adapter, "--state", state, "--json", timeout=180)
    assert done.rc == 0, done.stderr
    plain, msan = done.json["builds"]
    assert plain["note"] is None
    assert "libstdc++.so.6" in msan["note"] and '"build-only"' in msan["note"]
    unit = state / "unit"
    unit.write_text("x", encoding="utf-8")
    lie = subprocess.run(["setarch", "-R", msan["dir"] + "/parser", str(unit)], check=False,
                         capture_output=True, text=True)
    assert "MemorySanitizer: use-of-uninitialized-value" in lie.stderr
    farm = ironworks("run", adapter, "--for", "2s", "--cores", 1, "--state", state, timeout=180)
    assert farm.rc == 0, farm.stderr
    assert "libfuzzer+msan is built; it is not run, because it links" in farm.stderr
    assert rows(state, "SELECT count(*) FROM crash") == [(0,)]
    # The recipe's word is taken, and the word against it, too; neither compiles anything.
    for word, said in (("instrumented", "adapter.json says is instrumented"),
                       ("build-only", "it is not run, because it links")):
        adapter.write(adapter.document | {"targets": [{"name": "parser"}], "msan": word})
        done = ironworks("build", adapter, "--state", state)
        assert "nothing was compiled" in done.stdout and said in done.stdout, done.stdout


def test_the_word_is_checked(ironworks, adapter):
    adapter.write(adapter.document | {"targets": [{"name": "parser"}], "msan": "maybe"})
    done = ironworks("adapter", "check", adapter)
    assert done.rc == 4 and 'msan: expected "build-only" or "instrumented"' in done.stderr
