"""AFL++ beside libFuzzer, both real, on one target: what one finds reaches the other, what
crashes is one bug, and AFL++'s queue outlives its slice. The engines' own files are the
evidence."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from conftest import TARGET, rows, wait_until

pytestmark = pytest.mark.skipif(not shutil.which("afl-fuzz"), reason="AFL++ is not installed")

FLAVOURS = ["libfuzzer", "libfuzzer+asan+ubsan", "aflpp", "aflpp+cmplog"]
# From the moment that an engine has stored a unit, on a host that does nothing else.
EXCHANGE_S = 10
START_S = 90

# Two gates that no engine opens by itself: it would have to invert the hash. Behind each is
# code that nothing else reaches.
GATED = r"""
#include <stddef.h>
#include <stdint.h>

static volatile unsigned sink;

static uint32_t hash(const uint8_t *data)
{
	uint32_t h = 2166136261u;
	for (int round = 0; round < 64; round++)
		for (int i = 0; i < 16; i++)
			h = (h ^ data[i] ^ (uint32_t)round) * 16777619u;
	return h;
}

__attribute__((noinline)) static void first(const uint8_t *data)
{
	sink += data[0] > 100 ? 3 : 5;
}

__attribute__((noinline)) static void second(const uint8_t *data)
{
	sink += data[1] > 100 ? 7 : 11;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (len < 16)
		return 0;
	switch (hash(data)) {
	case %(first)du: first(data); break;
	case %(second)du: second(data); break;
	}
	for (size_t i = 0; i < len; i++)
		if (data[i] == 'a' + i)
			sink++;
	return 0;
}
"""

# Unlike each other in every byte: no mutation leads from one to the other.
KEYS = {"first": b"sixteen bytes  1", "second": b"QWERTYUIOP0^%#$@"}

BUGGY = r"""
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

__attribute__((noinline)) static void parse_header(const uint8_t *data)
{
	if (data[2] == 'g')
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (len > 2 && data[0] == 'b' && data[1] == 'u')
		parse_header(data);
	return 0;
}
"""


def gate(data):
    h = 2166136261
    for step in range(64):
        for byte in data:
            h = ((h ^ byte ^ step) * 16777619) & 0xffffffff
    return h


def jobs(state, engine):
    """The work folders of an engine's running slices."""
    found = []
    for about in Path(state).glob("jobs/*/about"):
        try:
            if json.loads(about.read_text(encoding="utf-8")).get("engine") == engine:
                found.append(about.parent / "work")
        except (OSError, ValueError):
            pass
    return found


def aflpp_runs(state):
    return next((w for w in jobs(state, "aflpp") if (w / "default" / "plot_data").exists()), None)


def libfuzzer_runs(state):
    return next((w for w in jobs(state, "libfuzzer") if "INITED" in log_of(w)), None)


def log_of(work):
    try:
        return "".join(p.read_text(encoding="utf-8", errors="replace")
                       for p in sorted(work.parent.glob("log*")))
    except OSError:
        return ""


def gate_of(path):
    try:
        return path.read_bytes()[:16]
    except OSError:
        return b""


def put(folder, name, content):
    """As an engine does: the file appears under its name and is written."""
    (folder / name).write_bytes(content)


def exchange_s():
    """Engines get what is left of a core: on a busy host all of it takes longer."""
    return EXCHANGE_S * max(1.0, os.getloadavg()[0] / os.cpu_count())


def reloads(work):
    return re.findall(r"^#\d+\s+RELOAD", log_of(work), re.MULTILINE)


@pytest.fixture
def gated(tiny):
    source = GATED % {name: gate(key) for name, key in KEYS.items()}
    return tiny("gated", {"gated.c": source}, flavours=FLAVOURS)


def test_finds_reach_the_other(ironworks, gated, state):
    """Both engines run beside each other; a unit of one is the other's within ten seconds."""
    process = ironworks.start("run", gated, "--for", "60s", "--cores", "2", "--state", state,
                              "--json")
    afl = wait_until(lambda: aflpp_runs(state), START_S, "AFL++ runs")
    lib = wait_until(lambda: libfuzzer_runs(state), START_S, "libFuzzer runs beside it")

    unit = KEYS["first"]
    name = hashlib.sha1(unit).hexdigest()
    began = time.monotonic()
    put(lib / "corpus", name, unit)
    kept = wait_until(lambda: [p for p in (afl / "default" / "queue").glob(f"*libfuzzer-{name}*")
                               if gate_of(p) == unit], exchange_s(), "AFL++ keeps it")
    to_aflpp = time.monotonic() - began
    assert kept[0].name.startswith("id:")

    unit = KEYS["second"]
    name = hashlib.sha1(unit).hexdigest()
    before = len(reloads(lib))
    began = time.monotonic()
    put(afl / "default" / "queue", "id:090000,src:000000,time:1,execs:1,op:test,rep:1", unit)
    limit_s = exchange_s()
    wait_until(lambda: (lib / "corpus" / f"aflpp-{name}").exists(), limit_s,
               "libFuzzer is given it")
    wait_until(lambda: len(reloads(lib)) > before, limit_s - (time.monotonic() - began),
               "libFuzzer keeps it")
    to_libfuzzer = time.monotonic() - began
    print(f"to AFL++ {to_aflpp:.1f} s, to libFuzzer {to_libfuzzer:.1f} s")

    done = ironworks.finish(process, 180)
    assert done.rc == 0, done.stderr
    engines = done.json["targets"][0]["engines"]
    for engine in ("aflpp", "libfuzzer"):
        assert engines[engine]["executions"] > 1000, engines
        assert engines[engine]["received"] >= engines[engine]["kept"] >= 1, engines
    told = ironworks("status", "--state", state, "--json").json["targets"][0]["engines"]
    assert told["aflpp"]["kept"] == engines["aflpp"]["kept"], told
    assert told["libfuzzer"]["received"] == engines["libfuzzer"]["received"], told


def test_queue_outlives_its_slice(ironworks, gated, state):
    """The second run's AFL++ begins with the queue of the first, not with the corpus."""
    ironworks("run", gated, "--for", "12s", "--cores", "2", "--state", state, timeout=180)
    queues = list((Path(state) / "queues").glob("*-aflpp"))
    assert len(queues) == 1, "one queue, and nothing is left of the slices"
    before = {p.read_bytes() for p in queues[0].glob("id:*")}
    assert before

    process = ironworks.start("run", gated, "--for", "10s", "--cores", "2", "--state", state)
    afl = wait_until(lambda: aflpp_runs(state), START_S, "AFL++ runs again")
    assert not queues[0].exists(), "it has moved"
    now = {p.read_bytes() for p in (afl / "default" / "queue").glob("id:*")}
    assert before <= now
    assert ironworks.finish(process, 180).rc == 0
    assert len({p.read_bytes() for p in queues[0].glob("id:*")}) >= len(before)


def test_a_crash_of_both_is_one_bug(ironworks, tiny, state):
    adapter = tiny("buggy", {"buggy.c": BUGGY}, flavours=FLAVOURS)
    for _ in range(4):  # on a busy host one of them may have found nothing yet
        done = ironworks("run", adapter, "--for", "25s", "--cores", "2", "--state", state,
                         "--json", timeout=240)
        found = rows(state, "SELECT b.flavour, c.state, c.bug_id FROM crash c "
                            "JOIN build b ON b.id = c.build_id")
        if {"aflpp", "libfuzzer"} <= {flavour.split("+")[0] for flavour, _, _ in found}:
            break
    assert any(flavour == "aflpp" for flavour, _, _ in found), (found, done.stderr)
    assert any(flavour.startswith("libfuzzer") for flavour, _, _ in found), found
    judged = [bug for _, what, bug in found if what == "judged"]
    assert judged and set(judged) == {1}, found
    (bug,) = done.json["bugs"]
    # AFL++ found it, a sanitizer's build says what it is.
    assert "aflpp" not in bug["flavour"] and "parse_header" in bug["frames"], bug


def test_without_aflpp_libfuzzer_goes_on(ironworks, gated, state, tmp_path):
    """A wrapper without the clang that it was made for is as good as none."""
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "afl-clang-fast").write_text("#!/bin/sh\nexit 1\n", encoding="ascii")
    (tools / "afl-clang-fast").chmod(0o755)
    ironworks.env["PATH"] = f"{tools}:{ironworks.env['PATH']}"
    done = ironworks("run", gated, "--for", "5s", "--state", state, "--json", timeout=180)
    assert done.rc == 0, done.stderr
    assert "libFuzzer alone" in done.stderr and "afl++" in done.stderr
    assert list(done.json["targets"][0]["engines"]) == ["libfuzzer"]
    checks = ironworks("doctor", "--state", state, "--json").json["checks"]
    (told,) = [c for c in checks if c["check"] == "AFL++"]
    assert told["verdict"] == "warning" and "afl++" in told["found"]


SOURCE_THEN_LINK = """#!/bin/sh
set -eu
$CC $CFLAGS -c "$SRC/parser.c" -o "$SRC/parser.o"
$CC $CFLAGS "$SRC/parser.o" $LIB_FUZZING_ENGINE -o "$OUT/parser"
"""


@pytest.mark.skipif(not shutil.which("ccache"), reason="ccache is not installed")
def test_compiled_once_but_not_alike(ironworks, tiny, state, tmp_path):
    """Flavours that differ by their environment alone share no object, and a second state with
    the same cache compiles nothing."""
    adapter = tiny(files={"parser.c": TARGET, "seeds/a": b"x"}, build=SOURCE_THEN_LINK,
                   flavours=["libfuzzer", "aflpp", "aflpp+cmplog"])
    again = tmp_path / "again"
    for where in (state, again):
        done = ironworks("run", adapter, "--for", "1s", "--no-sandbox", "--state", where)
        assert done.rc in (0, 1), done.stderr
        if where == state:
            shutil.copytree(state / "ccache", again / "ccache")
    compares = {}
    for closure, flavour in rows(again, "SELECT closure, flavour FROM build"):
        program = (again / "builds" / closure / "parser").read_bytes()
        compares[flavour] = b"__cmplog_ins_hook" in program
    assert compares["aflpp+cmplog"] and not compares["libfuzzer"], compares
    objects = {}
    for where in (state, again):
        stats = subprocess.run(["ccache", "--print-stats"], capture_output=True, text=True,
                               check=True, env={"CCACHE_DIR": str(where / "ccache"),
                                                "PATH": os.environ["PATH"]}).stdout
        numbers = dict(line.split("\t") for line in stats.splitlines())
        objects[where] = (int(numbers["direct_cache_hit"]) + int(numbers["preprocessed_cache_hit"]),
                          int(numbers["cache_miss"]))
    assert objects[state] == (0, 3), objects
    assert objects[again] == (3, 3), objects
