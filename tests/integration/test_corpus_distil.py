"""`ironworks corpus distil` on real targets, through keeper, sandbox and driver."""

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("IRONWORKS_BIN", ROOT / "build" / "release" / "bin"))
CLANG = shutil.which("clang-19") or shutil.which("clang")

pytestmark = [
    pytest.mark.skipif(not (BIN / "ironworks").exists(), reason=f"no {BIN}/ironworks"),
    pytest.mark.skipif(not CLANG, reason="no clang"),
]

# Each byte below 64 shows an edge of its own, so any cover is easy to check; some first
# bytes end the process in the ways that processes end.
TARGET = r"""
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

static volatile int sink;
volatile char *volatile kept;

#define CASE(n) case n: sink += n; break;
#define CASE8(n) CASE(n) CASE(n + 1) CASE(n + 2) CASE(n + 3) \
	CASE(n + 4) CASE(n + 5) CASE(n + 6) CASE(n + 7)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size && data[0] == 'C')
		abort();
	if (size && data[0] == 'E')
		_exit(4);
	if (size && data[0] == 'H')
		for (;;)
			sink++;
	for (size_t i = 0; i < size; i++) {
		switch (data[i]) {
		CASE8(0) CASE8(8) CASE8(16) CASE8(24)
		CASE8(32) CASE8(40) CASE8(48) CASE8(56)
		}
	}
	return 0;
}
"""


@pytest.fixture(scope="session")
def target(tmp_path_factory):
    home = tmp_path_factory.mktemp("target")
    source = home / "target.c"
    source.write_text(TARGET)
    subprocess.run([CLANG, "-O1", "-g", "-fsanitize=fuzzer", source, "-o", home / "target"],
                   check=True)
    shutil.copy(home / "target", home / "stripped")
    subprocess.run(["strip", home / "stripped"], check=True)
    return home


def write_units(folder, units):
    folder.mkdir(parents=True, exist_ok=True)
    for unit in units:
        (folder / hashlib.sha1(unit).hexdigest()).write_bytes(unit)


def some_units(count, seed=1):
    rng = random.Random(seed)
    return {bytes(rng.randrange(64) for _ in range(rng.randrange(1, 9))) for _ in range(count)}


def distil(tmp_path, binary, out, *ins, args=(), **kwargs):
    done = subprocess.run(
        [BIN / "ironworks", "corpus", "distil", "--binary", binary, "--out", tmp_path / out,
         "--state", tmp_path / "state", "--json", *args, *ins],
        capture_output=True, text=True, timeout=100, check=False, **kwargs)
    return done


def answer(done):
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def bytes_shown(folder):
    return {b for f in folder.iterdir() for b in f.read_bytes()}


def counted_features(binary, folder, tmp_path):
    """What libFuzzer itself sees, without the unstable ones above eight times counters."""
    files = sorted(str(f) for f in folder.iterdir())
    control = tmp_path / "control"
    control.write_text("\n".join([str(len(files)), "0", *files]) + "\n")
    done = subprocess.run([binary, "-merge_inner=2", f"-merge_control_file={control}"],
                          capture_output=True, text=True, timeout=60, check=True)
    counters = int(done.stderr.split("modules   (")[1].split()[0])
    return {int(w) for line in control.read_text().splitlines() if line.startswith("FT ")
            for w in line.split()[2:] if int(w) < 8 * counters}


def no_process_left(state):
    """Jobs die with their keeper; a folder in jobs/ would be one that was not swept."""
    return not any((state / "jobs").iterdir())


def test_keeps_every_feature(target, tmp_path):
    write_units(tmp_path / "in", some_units(600))
    got = answer(distil(tmp_path, target / "target", "out", tmp_path / "in"))
    out = tmp_path / "out"
    assert got["units"] == got["executed"] == len(list((tmp_path / "in").iterdir()))
    assert got["left_out"] == 0 and got["measured_by"] == "driver"
    assert got["files"] == len(list(out.iterdir())) < got["units"] / 3
    assert got["file_bytes"] == sum(f.stat().st_size for f in out.iterdir())
    for f in out.iterdir():
        assert f.name == hashlib.sha1(f.read_bytes()).hexdigest()
    whole = counted_features(target / "target", tmp_path / "in", tmp_path)
    assert counted_features(target / "target", out, tmp_path) == whole
    assert got["features"] == len(whole)
    assert no_process_left(tmp_path / "state")


def test_nothing_new_executes_nothing(target, tmp_path):
    write_units(tmp_path / "in", some_units(200))
    first = answer(distil(tmp_path, target / "target", "one", tmp_path / "in"))
    second = answer(distil(tmp_path, target / "target", "two", tmp_path / "in"))
    assert first["executed"] > 0 and second["executed"] == 0
    assert {f.name for f in (tmp_path / "one").iterdir()} == \
        {f.name for f in (tmp_path / "two").iterdir()}
    write_units(tmp_path / "in", [b"\x01" * 77])
    third = answer(distil(tmp_path, target / "target", "three", tmp_path / "in"))
    assert third["executed"] == 1


def test_shards_give_the_same_answer(target, tmp_path):
    write_units(tmp_path / "in", some_units(700))
    names = []
    for jobs in ("1", "2", "3"):
        answer(distil(tmp_path / jobs, target / "target", "out", tmp_path / "in",
                      args=("--jobs", jobs)))
        names.append({f.name for f in (tmp_path / jobs / "out").iterdir()})
    assert names[0] == names[1] == names[2]


@pytest.mark.parametrize("binary", ["target", "stripped"])
def test_deaths_are_left_out_and_all_else_is_measured(target, tmp_path, binary):
    units = some_units(400)
    bad = {b"C1": "crash", b"C2": "crash", b"E\x01": "exit", b"H": "timeout"}
    write_units(tmp_path / "in", units | set(bad))
    got = answer(distil(tmp_path, target / binary, "out", tmp_path / "in",
                        args=("--timeout", "1s")))
    assert got["left_out"] == got["died"] == len(bad)
    assert got["executed"] == len(units | set(bad))
    assert {d["unit"]: d["kind"] for d in got["deaths"]} == {
        hashlib.sha256(u).hexdigest(): kind for u, kind in bad.items()}
    assert got["measured_by"] == ("driver" if binary == "target" else "libfuzzer")
    assert bytes_shown(tmp_path / "out") == {b for u in units for b in u}
    # They are known now, and not run again.
    got = answer(distil(tmp_path, target / binary, "again", tmp_path / "in",
                        args=("--timeout", "1s")))
    assert got["executed"] == 0 and got["left_out"] == len(bad)


def test_fallback_agrees_with_the_driver(target, tmp_path):
    write_units(tmp_path / "in", some_units(600))
    a = answer(distil(tmp_path, target / "target", "a", tmp_path / "in"))
    b = answer(distil(tmp_path, target / "stripped", "b", tmp_path / "in"))
    assert a["features"] == b["features"]
    assert {f.name for f in (tmp_path / "a").iterdir()} == \
        {f.name for f in (tmp_path / "b").iterdir()}


def test_killed_in_the_middle_loses_nothing(target, tmp_path):
    """SIGKILL at ten places; each later run goes on with what is stored."""
    write_units(tmp_path / "in", some_units(1500))
    total = len(list((tmp_path / "in").iterdir()))
    for i in range(10):
        with subprocess.Popen(
                [BIN / "ironworks", "corpus", "distil", "--binary", target / "target",
                 "--out", tmp_path / f"out{i}", "--state", tmp_path / "state",
                 tmp_path / "in"], stdout=subprocess.DEVNULL) as p:
            time.sleep(0.02 * (i + 1))
            p.send_signal(signal.SIGKILL)
    got = answer(distil(tmp_path, target / "target", "out", tmp_path / "in"))
    assert got["units"] == total and got["left_out"] == 0
    whole = counted_features(target / "target", tmp_path / "in", tmp_path)
    assert counted_features(target / "target", tmp_path / "out", tmp_path) == whole
    assert answer(distil(tmp_path, target / "target", "again", tmp_path / "in"))[
        "executed"] == 0


def test_refusals(target, tmp_path):
    (tmp_path / "in").mkdir()
    empty = distil(tmp_path, target / "target", "out", tmp_path / "in")
    assert empty.returncode == 4 and "no files" in empty.stderr
    write_units(tmp_path / "in", [b"\x01"])
    write_units(tmp_path / "full", [b"x"])
    full = distil(tmp_path, target / "target", "full", tmp_path / "in")
    assert full.returncode == 4 and "not empty" in full.stderr
    missing = distil(tmp_path, target / "nothing", "out2", tmp_path / "in")
    assert missing.returncode == 4 and "cannot open" in missing.stderr
    plain = distil(tmp_path, "/bin/true", "out3", tmp_path / "in")
    assert plain.returncode == 4 and plain.stderr.count("\n") == 1
    usage = subprocess.run([BIN / "ironworks", "corpus", "distil", "--jobs", "x"],
                           capture_output=True, text=True, timeout=10, check=False)
    assert usage.returncode == 2
