"""The crash shield: in real targets by itself, and in a farm whose target crashes in every
third input."""

import os
import shutil
import subprocess
import sys
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from conftest import BIN, rows, wait_until

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "lib"))
import maze  # noqa: E402
import shield  # noqa: E402

PRELOAD = BIN / "ironworks-driver.so"
SOURCE = ROOT / "tests" / "data" / "driver" / "crashes.c"
CLANGS = [c for c in ("14", "16", "19") if shutil.which(f"clang-{c}")]
SANITIZERS = {"plain": "", "asan": ",address"}
BUILDS = [(s, c) for s in SANITIZERS for c in CLANGS]
RUNS = 1000

pytestmark = [
    pytest.mark.skipif(not PRELOAD.exists(), reason=f"no {PRELOAD}"),
    pytest.mark.skipif(not CLANGS, reason="no clang"),
]

Run = namedtuple("Run", "rc artifacts page samples stderr")


@pytest.fixture(scope="module")
def targets(tmp_path_factory):
    home = tmp_path_factory.mktemp("crashes")

    def compile_one(build):
        sanitizer, clang = build
        subprocess.run([f"clang-{clang}", "-g1", "-O1", "-pthread",
                        f"-fsanitize=fuzzer{SANITIZERS[sanitizer]}", SOURCE,
                        "-o", home / "{}-{}".format(*build)], check=True)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(compile_one, BUILDS))
    return home


class Lab:
    """Runs a target with and without the shield."""

    def __init__(self, targets, home):
        self.targets, self.home, self.runs = targets, home, 0

    def __call__(self, build, kind, known=(), options=(), has_shield=True, binary=None, **page):
        work = self.home / str(self.runs)
        self.runs += 1
        for name in ("artifacts", "corpus", "shield"):
            (work / name).mkdir(parents=True)
        (work / "shield" / "page").write_bytes(shield.page(known, **page))
        env = {"PATH": "/usr/bin:/bin", "KIND": kind, "ASAN_OPTIONS": "symbolize=0",
               "UBSAN_OPTIONS": "symbolize=0"}
        if has_shield:
            env |= {"LD_PRELOAD": str(PRELOAD), "IRONWORKS_SHIELD": str(work / "shield")}
        done = subprocess.run(
            [binary or self.targets / "{}-{}".format(*build), f"-runs={RUNS}", "-seed=7",
             f"-artifact_prefix={work}/artifacts/", *options, work / "corpus"],
            env=env, cwd=work, capture_output=True, text=True, errors="replace", timeout=60,
            check=False)
        return Run(done.returncode, {a.name: a.read_bytes() for a in (work / "artifacts").iterdir()},
                   shield.read(work / "shield" / "page"),
                   [s.read_bytes() for s in (work / "shield").glob("sample-*")], done.stderr)


@pytest.fixture
def lab(targets, tmp_path):
    return Lab(targets, tmp_path)


def key_of(lab, build, kind, **options):
    """The place at which it dies when nobody knows it."""
    run = lab(build, kind, **options)
    [slot] = run.page.slots
    return slot.key


KINDS = ["null", "abort", "assert", "trap", "recursion", "nowhere", "division", "copy"]
# The rest of them in a full check: each costs three processes.
QUICK = [(("plain", CLANGS[-1]), k) for k in KINDS] + [(b, "null") for b in BUILDS] + \
    [(("asan", CLANGS[-1]), "abort"), (("plain", CLANGS[0]), "abort")] if CLANGS else []


def crash_cases():
    for build in BUILDS:
        for kind in KINDS:
            marks = [] if (build, kind) in QUICK else [pytest.mark.full]
            yield pytest.param(build, kind, marks=marks, id=f"{'-'.join(build)}-{kind}")
            # What ASan reports is no signal; without it nothing is seen.
        if build[0] == "asan":
            for kind in ("overflow", "freed"):
                yield pytest.param(build, kind, id=f"{'-'.join(build)}-{kind}")


@pytest.mark.parametrize(("build", "kind"), crash_cases())
def test_known_crash_costs_a_unit(lab, build, kind):
    bare = lab(build, kind, has_shield=False)
    first = lab(build, kind)
    assert first.rc == bare.rc != 0
    assert first.artifacts == bare.artifacts, "nothing changes for an unknown crash"
    [slot] = first.page.slots
    assert (slot.deaths, slot.swallowed) == (1, 0)
    assert [slot.input] == [shield.hash_of(a) for a in first.artifacts.values()]

    later = lab(build, kind, [slot.key], ["-detect_leaks=0"])
    assert (later.rc, later.artifacts) == (0, {}), later.stderr[-600:]
    assert later.page.state == shield.WORKS
    assert later.page.executions == RUNS
    [seen] = later.page.slots
    assert seen.key == slot.key, "one place is one key"
    assert seen.deaths == 0 and RUNS / 10 < seen.swallowed < RUNS
    assert later.samples and all(s[0] % 3 == 0 for s in later.samples)
    # What crashed shows the engine nothing: its corpus is what passes.
    assert "corp: 1/1b" in later.stderr.splitlines()[-2] or "corp: 2/" in later.stderr


def test_another_crash_is_as_before(lab):
    build = ("plain", CLANGS[-1])
    key = key_of(lab, build, "abort")
    run = lab(build, "trap", [key])
    assert run.rc == 77 and len(run.artifacts) == 1
    assert [s.deaths for s in run.page.slots if s.key != key] == [1]


def test_no_jump_out_of_the_allocator(lab):
    build = ("plain", CLANGS[-1])
    key = key_of(lab, build, "allocator")
    run = lab(build, "allocator", [key])
    assert run.rc != 0
    assert [(s.deaths, s.swallowed) for s in run.page.slots] == [(1, 0)], run.stderr[-600:]


def test_no_jump_in_another_thread(lab):
    run = lab(("plain", CLANGS[-1]), "thread")
    assert run.rc != 0 and run.page.slots == []


def test_a_lock_that_nobody_opens_begins_afresh(lab):
    build = ("plain", CLANGS[-1])
    key = key_of(lab, build, "lock")
    run = lab(build, "lock", [key], ["-timeout=2"])
    assert (run.rc, run.artifacts) == (0, {}), run.stderr[-600:]
    assert run.page.state == shield.RENEWS
    assert f"stat::number_of_executed_units: {run.page.executions}\n" in run.stderr


def test_memory_that_nobody_frees_begins_afresh(lab):
    build = ("plain", CLANGS[-1])
    key = key_of(lab, build, "memory")
    run = lab(build, "memory", [key], ["-rss_limit_mb=2048"], rss_limit_mb=512)
    assert (run.rc, run.artifacts) == (0, {}), run.stderr[-600:]
    assert run.page.state == shield.RENEWS and 0 < run.page.executions < RUNS


def test_stripped_target_runs_without(lab, targets, tmp_path):
    build = ("plain", CLANGS[-1])
    stripped = tmp_path / "stripped"
    subprocess.run(["strip", "-o", stripped, targets / "{}-{}".format(*build)], check=True)
    run = lab(build, "abort", binary=stripped)
    assert run.rc == 77 and len(run.artifacts) == 1
    assert run.page.state == shield.ABSENT


def test_garbled_page_runs_without(lab, targets, tmp_path):
    (tmp_path / "shield").mkdir()
    (tmp_path / "shield" / "page").write_bytes(os.urandom(4096))
    done = subprocess.run(
        [targets / "plain-{}".format(CLANGS[-1]), "-runs=10"], capture_output=True, timeout=60,
        env={"PATH": "/usr/bin:/bin", "LD_PRELOAD": str(PRELOAD),
             "IRONWORKS_SHIELD": str(tmp_path / "shield")}, check=False)
    assert done.returncode == 0


# -- in the farm --------------------------------------------------------------------------

FLAVOURS = ["libfuzzer", "libfuzzer+asan+ubsan"] + (["aflpp"] if shutil.which("afl-fuzz") else [])


def burned(state):
    """Of each build: crashes with a place, executions that ended there, engines that did."""
    return {flavour: counts for flavour, *counts in rows(
        state, "SELECT flavour, count(place), sum(swallowed), sum(deaths) FROM crash_burn n "
        "JOIN crash c ON c.id = n.crash_id JOIN build b ON b.id = c.build_id "
        "GROUP BY c.build_id ORDER BY c.build_id")}


def test_farm_goes_on_past_a_known_bug(ironworks, tiny, state):
    adapter = tiny(files={"maze.c": maze.source("null", rooms=60)}, flavours=FLAVOURS)
    ironworks("run", adapter, "--for", "7s", "--cores", 2, "--state", state, timeout=120)
    [bug] = ironworks("bug", "list", "--state", state, "--json").json["bugs"]
    assert bug["type"].startswith("Null-dereference")
    assert bug["swallowed"] > 1000 and bug["burned_ms"] > 0
    by_flavour = burned(state)
    for flavour in set(FLAVOURS) - {"libfuzzer+asan+ubsan"}:
        assert by_flavour[flavour][1] > 100, by_flavour
    for places, _, deaths in by_flavour.values():
        assert places > 0 and deaths <= 4, "an engine dies of it once, or once on each core"
    [target] = ironworks("status", "--state", state, "--json").json["targets"]
    assert target["burned_ms"] >= bug["burned_ms"] > 0
    assert target["features"] > 150


def test_counts_outlive_the_supervisor(ironworks, tiny, state):
    adapter = tiny(files={"maze.c": maze.source("abort", rooms=60)})
    farm = ironworks.start("serve", adapter, "--cores", 1, "--http", "127.0.0.1:0",
                           "--state", state)

    def swallowed():
        pages = [shield.read(p) for p in state.glob("jobs/*/work/shield/page")]
        return max((s.swallowed for p in pages for s in p.slots), default=0)

    wait_until(lambda: swallowed() > 1000, 60, "a known crash is gone past")
    farm.kill()
    farm.communicate()
    before = swallowed()
    assert ironworks("stop", "--state", state).rc == 0
    [(counted, us)] = rows(state, "SELECT sum(swallowed), sum(us) FROM crash_burn")
    assert counted >= before > 1000 and us > 0
