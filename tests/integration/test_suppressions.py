"""What an adapter's sanitizers leave out, in every use; and what a machine without clang can do."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from conftest import BUILD, rows

# A leak behind "l", undefined behaviour that the ignorelist can leave out behind "u".
TARGET = r"""
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

void *volatile kept;

__attribute__((noinline)) void lose_some(void)
{
	kept = malloc(100);
	kept = NULL;
}

__attribute__((noinline)) int shift_far(int n)
{
	return 1 << n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (len > 0 && data[0] == 'l')
		lose_some();
	return len > 0 && data[0] == 'u' ? shift_far(40 + data[0]) & 0 : 0;
}
"""


def suppress(adapter, **files):
    folder = adapter.dir / "suppressions"
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")


@pytest.mark.parametrize("name, text, said", [
    ("lsan", "# fine\n\nleak:lose_some\nleek:lose_some\n", "suppressions/lsan:4: 'leek'"),
    ("lsan", "leak\n", "suppressions/lsan:1: expected kind:pattern"),
    ("tsan", "race:*\n", "suppressions/tsan:1: the pattern behind 'race:' leaves out everything"),
    ("asan", "leak:x\n", "interceptor_via_fun"),
    ("ubsan", "shift:x\n", "no sanitizer reads this"),
    ("ignorelist", "[address\n", "suppressions/ignorelist:1: a section ends"),
    ("ignorelist", "file:x\n", "'file' is no kind of suppression"),
])
def test_a_bad_line_is_named(ironworks, tiny, name, text, said):
    adapter = tiny()
    suppress(adapter, **{name: text})
    done = ironworks("adapter", "check", adapter)
    assert done.rc == 4 and said in done.stderr and len(done.stderr.splitlines()) == 1, done.stderr


def test_good_files_are_tried_out(ironworks, tiny, tmp_path):
    adapter = tiny()
    suppress(adapter, lsan="leak:lose_some\n", tsan="race:^start$\n", ignorelist="[undefined]\nfun:shift_*\n", **{"README.md": "why: these\n"})
    done = ironworks("adapter", "check", adapter, timeout=240)
    assert done.rc == 0, done.stderr
    # Clang reads patterns that we do not: its word counts, too.
    suppress(adapter, ignorelist="#!special-case-list-v1\nfun:shift(\n")
    done = ironworks("adapter", "check", adapter, timeout=240)
    assert done.rc == 4 and "it is not taken" in done.stderr, done.stderr


def found(ironworks, adapter, state):
    done = ironworks("run", adapter, "--for", "4s", "--cores", 1, "--state", state, timeout=180)
    assert done.rc in (0, 1), done.stderr
    return {t for t, in rows(state, "SELECT type FROM bug")}


def test_they_hold_in_a_farm_and_rebuild_only_what_they_must(ironworks, tiny, state):
    flavours = ["libfuzzer", "libfuzzer+asan+ubsan"]
    adapter = tiny(files={"parser.c": TARGET, "seeds/l": "l", "seeds/u": "u"}, flavours=flavours)
    suppress(adapter, lsan="leak:lose_some\n", ignorelist="[undefined]\nfun:shift_far\n")
    assert not found(ironworks, adapter, state)
    made = dict(rows(state, "SELECT flavour, closure FROM build"))
    text = (state / "builds" / made["libfuzzer"] / ".suppressions" / "lsan").read_text("utf-8")
    assert text.endswith("leak:lose_some\n") and len(text.splitlines()) > 1, "ours are there, too"
    # Another suppression compiles nothing, and is there at once.
    suppress(adapter, lsan="leak:nobody\n")
    done = ironworks("build", adapter, "--state", state)
    assert done.rc == 0 and "nothing was compiled" in done.stdout
    assert "nobody" in (state / "builds" / made["libfuzzer+asan+ubsan"] / ".suppressions" /
                        "lsan").read_text("utf-8")
    # Another ignorelist compiles what it is read for.
    suppress(adapter, ignorelist="[undefined]\nfun:nobody\n")
    done = ironworks("build", adapter, "--state", state, "--json")
    assert {b["flavour"]: b["state"] for b in done.json["builds"]} == dict(
        zip(flavours, ["cached", "built"]))
    binary = [b["dir"] for b in done.json["builds"]][1] + "/parser"
    for letter, words in (("u", "runtime error: shift exponent"), ("l", "detected memory leaks")):
        unit = state / letter
        unit.write_text(letter, encoding="utf-8")
        ran = subprocess.run([binary, str(unit)], capture_output=True, text=True, check=False)
        assert words in ran.stderr


def test_a_machine_with_gcc_alone_builds_plain(ironworks, tiny, state, tmp_path):
    programs = tmp_path / "bin"
    programs.mkdir()
    for path in Path("/usr/bin").iterdir():
        if not path.name.startswith(("clang", "afl-")):
            (programs / path.name).symlink_to(path)
    script = BUILD.replace("set -eu", """set -eu
if [ "$FLAVOUR" = plain ]; then
	echo "int main(void) { return 0; }" > "$SRC/main.x"
	LIB_FUZZING_ENGINE="-x c $SRC/main.x"
fi
""")
    adapter = tiny(build=script, flavours=["libfuzzer", "libfuzzer+msan", "plain"])
    done = ironworks("build", adapter, "--state", state, "--json", "--no-sandbox",
                     env={"PATH": str(programs)})
    assert done.rc == 1, done.stderr
    parts = {b["flavour"]: b for b in done.json["builds"]}
    assert {n: p["state"] for n, p in parts.items()} == {
        "libfuzzer": "impossible", "libfuzzer+msan": "impossible", "plain": "built"}, done.stderr
    assert "gcc has no MemorySanitizer" in parts["libfuzzer+msan"]["error"]
    assert "libFuzzer" in parts["libfuzzer"]["error"]
    subprocess.run([parts["plain"]["dir"] + "/parser"], check=True)
    ironworks("run", adapter, "--for", "1s", "--state", state, "--no-sandbox",
              env={"PATH": str(programs)}).fails_with("there is no clang")
