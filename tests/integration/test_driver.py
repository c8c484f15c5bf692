"""The driver in real targets, built by each clang with each sanitizer."""

import os
import platform
import random
import re
import resource
import shutil
import signal
import struct
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "lib"))
import driver as drv  # noqa: E402

BIN = Path(os.environ.get("IRONWORKS_BIN", ROOT / "build" / "release" / "bin"))
PRELOAD = BIN / "ironworks-driver.so"
SOURCES = ROOT / "tests" / "data" / "driver"
CLANGS = [c for c in ("14", "19") if shutil.which(f"clang-{c}")]
SANITIZERS = {"plain": "", "asan": ",address,undefined", "msan": ",memory", "tsan": ",thread"}
FLAVOURS = [(s, c) for s in SANITIZERS for c in CLANGS]
THREADED = [(s, c) for s, c in FLAVOURS if s == "tsan" or (s, c) in
            (("plain", CLANGS[-1]), ("asan", CLANGS[0]))]
# Reports are read for their headings here; symbolizing them takes most of the time.
QUIET = {"ASAN_OPTIONS": "detect_leaks=1:symbolize=0", "MSAN_OPTIONS": "symbolize=0",
         "TSAN_OPTIONS": "symbolize=0", "UBSAN_OPTIONS": "symbolize=0:halt_on_error=1"}

pytestmark = [
    pytest.mark.skipif(not PRELOAD.exists(), reason=f"no {PRELOAD}"),
    pytest.mark.skipif(not CLANGS, reason="no clang"),
]


def compile_target(out, source, sanitizer, clang):
    flags = [f"clang-{clang}", "-g1", "-O1", "-pthread"]
    if sanitizer == "tsan" and clang == "14":
        # clang 14 reports races on the coverage counters themselves: leave them out.
        obj = out.with_suffix(".o")
        subprocess.run([*flags, "-fsanitize=thread", "-c", source, "-o", obj], check=True)
        source = obj
    subprocess.run([*flags, f"-fsanitize=fuzzer{SANITIZERS[sanitizer]}", source, "-o", out],
                   check=True)


@pytest.fixture(scope="session")
def targets(tmp_path_factory):
    home = tmp_path_factory.mktemp("targets")
    wanted = [("faults", s, c) for s, c in FLAVOURS] + [("threads", s, c) for s, c in THREADED]
    wanted.append(("init_exit", "plain", CLANGS[-1]))
    wanted += [("traces", "plain", c) for c in CLANGS]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda w: compile_target(home / "{}-{}-{}".format(*w),
                                               SOURCES / f"{w[0]}.c", w[1], w[2]), wanted))
    return lambda name, s="plain", c=CLANGS[-1]: home / f"{name}-{s}-{c}"


def has_counters(sanitizer, clang):
    return (sanitizer, clang) != ("tsan", "14")


def run(binary, tmp_path, units, env=None, **options):
    rc, result, text = drv.run(binary, tmp_path / "ctl", PRELOAD, units,
                               env={**QUIET, **(env or {})}, **options)
    return rc, result, text


def death_text(tmp_path, index):
    return (tmp_path / "ctl" / f"death-{index}.txt").read_text(errors="replace")


def libfuzzer_features(binary, directory, units):
    """FT lines of -merge_inner=2, the numbers of the counters only."""
    directory.mkdir()
    paths = []
    for i, unit in enumerate(units):
        paths.append(directory / f"{i:04}")
        paths[-1].write_bytes(unit)
    control = directory / "control"
    control.write_text("\n".join([str(len(paths)), "0", *map(str, paths)]) + "\n")
    subprocess.run([binary, "-merge_inner=2", f"-merge_control_file={control}"],
                   env={"ASAN_OPTIONS": "detect_leaks=0"}, check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=20)
    found = {}
    for line in control.read_text().splitlines():
        if line.startswith("FT "):
            _, index, *numbers = line.split()
            found[int(index)] = [int(n) for n in numbers]
    return found


def benign_units(count):
    rng = random.Random(7)
    return [bytes(rng.choice(b"abq() ()()xz\0") for _ in range(rng.randrange(0, 300)))
            for _ in range(count)]


@pytest.mark.parametrize("sanitizer,clang", FLAVOURS)
def test_features_are_those_of_libfuzzer(targets, tmp_path, sanitizer, clang):
    if not has_counters(sanitizer, clang):
        pytest.skip("built without counters")
    binary = targets("faults", sanitizer, clang)
    units = benign_units(60)
    rc, result, _ = run(binary, tmp_path, units)
    expected = libfuzzer_features(binary, tmp_path / "units", units)
    assert rc == 0 and result.is_complete and result.counters > 20
    assert result.features == {
        i: sorted(n for n in numbers if n < 8 * result.counters)
        for i, numbers in expected.items()}
    assert len({tuple(f) for f in result.features.values()}) > 5
    for record in result.of(drv.MEASURED):
        assert record.count == len(drv.features(record.payload))


@pytest.mark.skipif(platform.machine() != "x86_64", reason="looks for an x86-64 instruction")
@pytest.mark.parametrize("clang", CLANGS)
def test_nobody_listens_to_compares(targets, tmp_path, clang):
    binary = targets("traces", "plain", clang)
    _, result, _ = run(binary, tmp_path, [b"abcd", b"efgh"])
    assert [r.flags & drv.WROTE for r in result.of(drv.MEASURED)] == [0, 0]
    unit = tmp_path / "unit"
    unit.write_bytes(b"abcd")
    alone = subprocess.run([binary, unit], capture_output=True, timeout=20, check=True)
    assert b"compares are told" in alone.stdout, "the target would tell"


FATAL = {  # first byte: which sanitizers notice, the kind, words of the report
    b"A": (set(SANITIZERS), drv.DIED, ""),
    b"H": ({"asan"}, drv.DIED, "heap-buffer-overflow"),
    b"V": ({"asan"}, drv.DIED, "heap-buffer-overflow"),
    b"X": (set(SANITIZERS), drv.EXIT, ""),
    b"Y": (set(SANITIZERS), drv.EXIT, ""),
    b"K": (set(SANITIZERS), drv.DIED, ""),
    b"B": ({"asan", "tsan"}, drv.OOM, "out-of-memory (malloc(220200960))"),
    b"L": ({"asan"}, drv.LEAK, "77 byte(s)"),
    b"U": ({"msan"}, drv.DIED, "use-of-uninitialized-value"),
    b"D": ({"tsan"}, drv.DIED, "data race"),
    b"W": (set(SANITIZERS), drv.DIED, "overwrites-const-input"),
    b"T": (set(SANITIZERS), drv.TIMEOUT, "ironworks-driver: timeout after 1000 ms"),
}


@pytest.mark.parametrize("sanitizer,clang", FLAVOURS)
def test_every_death_is_named_and_all_else_measured(targets, tmp_path, sanitizer, clang):
    units, expected = [], {}
    for first, (seen_by, kind, words) in FATAL.items():
        if (first, sanitizer) == (b"B", "msan"):
            continue  # its runtime takes longer to poison so much than a unit may
        units += [b"between (a) b", first + b"ault", b""]
        if sanitizer in seen_by:
            expected[len(units) - 2] = (kind, words)
    units += [b"S", b"E", b"(((open"]
    rc, result, text = run(targets("faults", sanitizer, clang), tmp_path, units,
                           features=int(has_counters(sanitizer, clang)), timeout_ms=1000,
                           malloc_limit_mb=200, leaks=1)
    assert rc == 0, text
    assert result.is_complete
    assert {i: r.kind for i, r in result.deaths.items()} == {
        i: kind for i, (kind, _) in expected.items()}
    assert set(result.measured) == set(range(len(units))) - set(expected)
    for i, (_, words) in expected.items():
        assert words in death_text(tmp_path, i)
    assert [r.index for r in result.records[:-1]] == list(range(len(units)))
    status = {units[i][:1]: r.status for i, r in result.deaths.items()}
    assert status[b"A"] == signal.SIGABRT and status[b"K"] == signal.SIGKILL
    assert status[b"X"] == 3 << 8 and status[b"Y"] == 4 << 8
    flags = [result.measured[len(units) - k].flags for k in (3, 2, 1)]
    assert flags == [drv.WROTE, 0, drv.REJECTED]
    if has_counters(sanitizer, clang):
        same = {r.payload for i, r in result.measured.items() if units[i] == units[0]}
        assert len(same) == 1, "a death changes the features of units after it"


def test_timeout_report_has_the_targets_stack(targets, tmp_path):
    run(targets("faults", "asan"), tmp_path, [b"T"], timeout_ms=300,
                  env={"ASAN_OPTIONS": "symbolize=1", "UBSAN_OPTIONS": "symbolize=1"})
    assert re.search(r"in LLVMFuzzerTestOneInput .*faults\.c", death_text(tmp_path, 0))


def test_a_deaf_unit_is_killed_by_the_parent(targets, tmp_path):
    rc, result, _ = run(targets("faults"), tmp_path, [b"a", b"Q", b"b"], timeout_ms=100)
    assert rc == 0 and set(result.measured) == {0, 2}
    assert result.deaths[1].kind == drv.TIMEOUT
    assert result.deaths[1].status == signal.SIGKILL
    assert 2100000 <= result.deaths[1].us < 4000000


def test_a_report_inside_tsans_allocator_does_not_hang(targets, tmp_path):
    """TSan deadlocked when asked for a stack there, for as long as a report may take."""
    symbolizer = shutil.which("llvm-symbolizer-19") or "/usr/bin/llvm-symbolizer"
    rc, result, _ = run(targets("faults", "tsan"), tmp_path, [b"a", b"B", b"b"],
                        timeout_ms=1000, malloc_limit_mb=200, features=0,
                        env={"TSAN_OPTIONS": f"external_symbolizer_path={symbolizer}"})
    assert rc == 0 and set(result.measured) == {0, 2}
    assert result.deaths[1].us < 10_000_000


def test_a_slow_unit_within_its_time_is_measured(targets, tmp_path):
    rc, result, _ = run(targets("faults"), tmp_path, [b"P", b"a"], timeout_ms=1000)
    assert rc == 0 and not result.deaths
    assert 300000 <= result.measured[0].us < 1000000


def test_rss_limit_blames_only_the_unit_that_grows(targets, tmp_path):
    rc, result, _ = run(targets("faults"), tmp_path, [b"a", b"G", b"b"],
                        rss_limit_mb=100, timeout_ms=20000)
    assert rc == 0
    assert {i: r.kind for i, r in result.deaths.items()} == {1: drv.OOM}
    assert set(result.measured) == {0, 2}
    assert "ironworks-driver: out-of-memory (rss " in death_text(tmp_path, 1)


def test_order_does_not_matter(targets, tmp_path):
    units = benign_units(40) + [b"A", b"X"]
    order = list(range(len(units)))
    random.Random(3).shuffle(order)
    _, straight, _ = run(targets("faults"), tmp_path / "a", units)
    _, shuffled, _ = run(targets("faults"), tmp_path / "b", [units[i] for i in order])
    assert straight.features == {order[i]: f for i, f in shuffled.features.items()}
    assert set(straight.deaths) == {order[i] for i in shuffled.deaths}


@pytest.mark.parametrize("sanitizer,clang", THREADED)
def test_threads_of_the_target_survive(targets, tmp_path, sanitizer, clang):
    units = [b"abc", b"ab!", b"x", b"yy!", *[b"zzz"] * 50]
    rc, result, text = run(targets("threads", sanitizer, clang), tmp_path, units,
                           features=int(has_counters(sanitizer, clang)), timeout_ms=5000)
    assert rc == 0, text
    assert result.flags & drv.SPAWNS
    assert set(result.deaths) == {1, 3}
    assert len(result.measured) == len(units) - 2


def test_spawn_on_request_gives_the_same(targets, tmp_path):
    units = benign_units(20) + [b"A"] + benign_units(5)
    _, forked, _ = run(targets("faults"), tmp_path / "a", units)
    _, spawned, _ = run(targets("faults"), tmp_path / "b", units, spawn=1)
    assert spawned.flags & drv.SPAWNS and not forked.flags & drv.SPAWNS
    assert spawned.features == forked.features and set(spawned.deaths) == {20}


def test_output_of_a_death_is_capped_with_head_and_tail(targets, tmp_path):
    run(targets("faults"), tmp_path, [b"S", b"Over"])
    text = death_text(tmp_path, 1)
    assert len(text) <= 256 << 10
    assert text.startswith("line 0 of") and "line 39999 of" in text
    assert "a word on stdout" not in text


def test_max_deaths_skips_the_rest(targets, tmp_path):
    rc, result, _ = run(targets("faults"), tmp_path, [b"A", b"a", b"A", b"b", b"A"],
                        max_deaths=2)
    assert rc == 0 and set(result.deaths) == {0, 2} and set(result.measured) == {1}
    (skipped,) = result.of(drv.SKIPPED)
    assert (skipped.index, skipped.count, skipped.status) == (3, 2, 1)


def test_first_and_repeat(targets, tmp_path):
    _, result, _ = run(targets("faults"), tmp_path, [b"A", b"ab", b"cd"], first=1, repeat=3)
    assert not result.deaths
    assert [(r.index, r.run) for r in result.of(drv.MEASURED)] == [
        (i, k) for i in (1, 2) for k in range(3)]


def test_sigterm_completes_the_running_unit(targets, tmp_path):
    ctl = tmp_path / "ctl"
    drv.prepare(ctl, [b"P"] * 50)
    child = subprocess.Popen([targets("faults"), "-runs=0"],
                             env=drv.environment(ctl, PRELOAD, QUIET))
    time.sleep(0.8)
    child.terminate()
    assert child.wait(timeout=5) == drv.EXIT_STOPPED
    result = drv.Result((ctl / "result").read_bytes())
    (skipped,) = result.of(drv.SKIPPED)
    assert result.is_complete and skipped.status == 2
    assert 0 < len(result.measured) == skipped.index


def serve(targets, ctl, units):
    drv.prepare(ctl, units, serve=1)
    return subprocess.Popen([targets("faults"), "-runs=0"], stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                            env=drv.environment(ctl, PRELOAD, QUIET))


def ask(child):
    child.stdin.write(b"?")
    child.stdin.flush()
    return child.stdout.read(1)


def test_serves_one_batch_after_the_other(targets, tmp_path):
    ctl = tmp_path / "ctl"
    with serve(targets, ctl, [b"a", b"A"]) as child:
        for units, deaths in ([b"a", b"A"], {1}), ([b"A", b"a", b"A", b"b"], {0, 2}), ([b"b"], set()):
            (ctl / "batch").write_bytes(drv.batch(units))
            assert ask(child) == b"."
            result = drv.Result((ctl / "result").read_bytes())
            assert result.is_complete and set(result.deaths) == deaths
            assert set(result.measured) == set(range(len(units))) - deaths
        child.stdin.close()
        assert child.wait(5) == 0 and child.stdout.read() == b""


def test_serving_ends_with_sigterm_and_with_a_bad_batch(targets, tmp_path):
    ctl = tmp_path / "ctl"
    with serve(targets, ctl, [b"a"]) as child:
        assert ask(child) == b"."
        child.terminate()
        assert child.wait(5) == 0
    with serve(targets, tmp_path / "again", [b"a"]) as child:
        assert ask(child) == b"."
        (tmp_path / "again" / "batch").write_bytes(b"nonsense, and a lot of it")
        assert ask(child) == b"" and child.wait(5) == drv.EXIT_BAD_INPUT


def test_cpu_time_is_bounded(targets, tmp_path):
    _, result, _ = run(targets("faults"), tmp_path, [b"a", b"T", b"b"], cpu_ms=100)
    assert set(result.deaths) == {1} and result.deaths[1].kind == drv.TIMEOUT


def test_killed_parent_takes_the_child_along(targets, tmp_path):
    ctl = tmp_path / "ctl"
    drv.prepare(ctl, [b"a", b"T"])
    child = subprocess.Popen([targets("faults"), "-runs=0"],
                             env=drv.environment(ctl, PRELOAD, QUIET))
    time.sleep(0.4)
    below = Path(f"/proc/{child.pid}/task/{child.pid}/children").read_text().split()
    child.kill()
    child.wait()
    time.sleep(0.2)
    for pid in below:
        stat = Path(f"/proc/{pid}/stat")
        assert not stat.exists() or stat.read_text().rsplit(")", 1)[1].split()[0] == "Z"
    result = drv.Result((ctl / "result").read_bytes())
    assert below and set(result.measured) == {0} and not result.is_complete


GOOD = drv.batch([b"ab", b"c"])
MALFORMED = {
    "empty": b"",
    "short header": GOOD[:12],
    "magic": b"X" + GOOD[1:],
    "version": GOOD[:8] + struct.pack("<I", 2) + GOOD[12:],
    "too many": GOOD[:12] + struct.pack("<I", 0xffffffff) + GOOD[16:],
    "torn length": GOOD[:-3],
    "torn unit": GOOD[:-1],
    "left over": GOOD + b"\0",
    "long unit": GOOD[:16] + struct.pack("<I", 0xfffffffe) + GOOD[20:],
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_batch(targets, tmp_path, name):
    rc, result, text = run(targets("faults"), tmp_path, MALFORMED[name])
    assert rc == drv.EXIT_BAD_INPUT and "ironworks-driver: batch: " in text
    (record,) = result.records
    assert record.kind == drv.FAILED and record.payload.startswith(b"batch: ")


@pytest.mark.parametrize("spec", [{"colour": 1}, {"timeout_ms": "-1"}, {"leaks": 2},
                                  {"repeat": 0}, {"first": ""}])
def test_malformed_spec(targets, tmp_path, spec):
    rc, result, _ = run(targets("faults"), tmp_path, [b"a"], **spec)
    assert rc == drv.EXIT_BAD_INPUT and result.records[0].payload.startswith(b"spec: ")


def test_empty_batch(targets, tmp_path):
    rc, result, _ = run(targets("faults"), tmp_path, [])
    assert rc == 0 and [r.kind for r in result.records] == [drv.END]


def test_stripped_target_is_unfit(targets, tmp_path):
    stripped = tmp_path / "stripped"
    subprocess.run(["strip", "-o", stripped, targets("faults")], check=True)
    rc, result, text = run(stripped, tmp_path, [b"a"])
    assert rc == drv.EXIT_UNFIT and "stripped" in text
    (record,) = result.records
    assert record.kind == drv.UNFIT and b"stripped" in record.payload


def test_a_program_that_is_no_target_is_unfit(tmp_path):
    rc, result, _ = run(shutil.which("cat"), tmp_path, [b"a"])
    assert rc == drv.EXIT_UNFIT and b"LLVMFuzzerTestOneInput" in result.records[0].payload


@pytest.mark.parametrize("spawn", [0, 1])
def test_exit_while_initialising_is_unfit(targets, tmp_path, spawn):
    rc, result, _ = run(targets("init_exit"), tmp_path, [b"a"], spawn=spawn)
    assert rc == drv.EXIT_UNFIT
    (record,) = result.records
    assert record.kind == drv.UNFIT and b"status 9" in record.payload
    if spawn:
        assert "which target" in (tmp_path / "ctl" / "death-init.txt").read_text()


def test_full_disk_is_an_error_and_leaves_whole_records(targets, tmp_path):
    ctl = tmp_path / "ctl"
    drv.prepare(ctl, benign_units(2000))
    done = subprocess.run(
        [targets("faults"), "-runs=0"], env=drv.environment(ctl, PRELOAD, QUIET), timeout=20,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2048, 2048)),
        stderr=subprocess.PIPE, check=False)
    assert done.returncode == drv.EXIT_IO and b"cannot write a record" in done.stderr
    assert not drv.Result((ctl / "result").read_bytes()).is_complete


def test_inactive_without_its_variable(tmp_path):
    done = subprocess.run(["/bin/echo", "hello"], env={"LD_PRELOAD": str(PRELOAD)},
                          stdout=subprocess.PIPE, check=True)
    assert done.stdout == b"hello\n"
