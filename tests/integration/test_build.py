"""`ironworks build`: every flavour once, what fails alone fails alone, logs stay; and builds leave
when they take too much of the disk."""

from __future__ import annotations

import contextlib
import json
import signal
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest

from conftest import BUILD, end_processes_of, git, rows, wait_until

FLAVOURS = ["libfuzzer", "libfuzzer+asan+ubsan", "plain"]
# A plain build has no engine to link: the target is a program of its own.
SCRIPT = BUILD.replace("set -eu", """set -eu
if [ "$FLAVOUR" = plain ]; then
	echo "int main(void) { return 0; }" > "$SRC/main.x"
	LIB_FUZZING_ENGINE="-x c $SRC/main.x"
fi
""")


def parts(done):
    return {p["flavour"]: p for p in done.json["builds"]}


def states(done):
    return {name: part["state"] for name, part in parts(done).items()}


def test_every_flavour_is_built_once(ironworks, tiny, state):
    adapter = tiny(build=SCRIPT, flavours=FLAVOURS)
    first = ironworks("build", adapter, "--state", state, "--json")
    assert first.rc == 0, first.stderr
    assert states(first) == dict.fromkeys(FLAVOURS, "built")
    for part in parts(first).values():
        assert (Path(part["dir"]) / "parser").exists() and part["bytes"] > 1000
        assert Path(part["log"]).exists() and part["error"] is None
    # One checkout served all of them, and nothing of it is left.
    assert not list((state / "sources" / "tiny.trees").iterdir())
    before = rows(state, "SELECT closure, made_ms FROM build ORDER BY closure")
    second = ironworks("build", adapter, "--state", state)
    assert second.rc == 0 and "3 of 3 flavours are there; nothing was compiled" in second.stdout
    assert rows(state, "SELECT closure, made_ms FROM build ORDER BY closure") == before


def test_a_broken_flavour_stops_itself_alone(ironworks, tiny, state):
    adapter = tiny(flavours=["libfuzzer", "libfuzzer+asan+ubsan"], files={
        "parser.c": "#include <stddef.h>\n#include <stdint.h>\n"
                    "#if __has_feature(address_sanitizer)\n#error not with this sanitizer\n#endif\n"
                    "int LLVMFuzzerTestOneInput(const uint8_t *d, size_t n) { return d[n] == 1; }\n"})
    broken = ironworks("build", adapter, "--state", state)
    assert broken.rc == 1, broken.stderr
    assert "libfuzzer+asan+ubsan  failed" in broken.stdout
    assert "1 of 2 flavours are there" in broken.stdout
    error, log = broken.stdout.split("the end of its log")
    assert "parser.c:4:2: error: not with this sanitizer" in error
    path = log.split("zstdcat ")[1].split("'")[0]
    whole = subprocess.run(["zstd", "-dcq", path], capture_output=True, text=True, check=True)
    assert "1 error generated" in whole.stdout and "1 error generated" in log
    # It is tried again, for somebody may have mended it; and the farm goes on without it.
    again = ironworks("build", adapter, "--flavour", "libfuzzer+asan+ubsan", "--state", state, "--json")
    assert (again.rc, states(again)) == (1, {"libfuzzer+asan+ubsan": "failed"})
    farm = ironworks("run", adapter, "--for", "1s", "--cores", 1, "--state", state, timeout=120)
    assert farm.rc == 0, farm.stderr
    assert "tiny: without libfuzzer+asan+ubsan, which does not build" in farm.stderr
    assert "fuzzing 1 target" in farm.stderr


def test_what_does_not_fit_the_source_is_said(ironworks, tiny, state):
    """Branches that are the wrong way round, and files that are not there, stop nothing."""
    adapter = tiny(flavours=["libfuzzer"])
    git(adapter.source, "checkout", "-q", "-b", "staging")
    adapter.commit({"more.c": "int more;\n"})
    adapter.write(adapter.document | {
        "source": {"git": str(adapter.source), "branch": "main", "base": "staging"},
        "target_files": ["${target}.cc"]})
    farm = ironworks("run", adapter, "--for", "1s", "--cores", 1, "--state", state, timeout=120)
    assert farm.rc in (0, 1), farm.stderr
    assert farm.stderr.count("the wrong way round") == 1, farm.stderr
    misfit = "the source has no 'parser.cc', which '${target}.cc' means for target parser"
    assert farm.stderr.count(misfit) == 1, farm.stderr
    built = ironworks("build", adapter, "--state", state, "--json")
    assert (built.rc, states(built)) == (0, {"libfuzzer": "cached"})
    assert misfit in built.json["note"]
    adapter.write(adapter.document | {
        "source": {"git": str(adapter.source), "branch": "staging", "base": "main"},
        "target_files": ["${target}.c"]})
    assert ironworks("build", adapter, "--state", state, "--json").json["note"] is None


@pytest.mark.parametrize("words, rc, said", [
    (["--flavour", "nonsense"], 2, "no such flavour"),
    (["--flavour", "libfuzzer+tsan"], 4, "does not declare flavour 'libfuzzer+tsan'"),
    (["--commit", "nowhere"], 4, "nowhere"),
    (["--disk-budget", "much"], 2, "500M"),
])
def test_what_cannot_be_built(ironworks, tiny, state, words, rc, said):
    adapter = tiny()
    ironworks("build", adapter, *words, "--state", state).fails_with(said, rc=rc)


def test_stopped_builds_leave_nothing_behind(ironworks, tiny, state):
    adapter = tiny(build="#!/bin/sh\ntouch $SRC/slow\nexec sleep 600\n")
    process = ironworks.start("build", adapter, "--state", state)
    wait_until(lambda: list((state / "jobs").glob("*/work/src/slow")), 30, "it is built")
    process.send_signal(signal.SIGINT)
    ironworks.finish(process, 30, ["build"]).fails_with("stopped")
    assert not list((state / "jobs").iterdir())


class Service:
    def __init__(self, ironworks, adapter, state, log, *words):
        self.ironworks, self.state, self.log = ironworks, state, log
        with log.open("w", encoding="utf-8") as err:
            self.process = ironworks.start("serve", adapter, "--cores", 1, "--state", state,
                                           "--http", "off", *words, stderr=err)
        wait_until(lambda: "fuzzing 1 target" in self.said() or self.process.poll() is not None,
                   90, "the service fuzzes")

    def said(self):
        return self.log.read_text(encoding="utf-8", errors="replace")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.ironworks("stop", "--state", self.state, timeout=90)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(30)
        end_processes_of(self.state)


def test_a_farm_builds_for_others(ironworks, tiny, state, tmp_path):
    adapter = tiny(flavours=["libfuzzer"])
    with Service(ironworks, adapter, state, tmp_path / "log"):
        here = ironworks("build", adapter, "--state", state, "--json")
        assert (here.rc, states(here)) == (0, {"libfuzzer": "cached"}), here.stderr
        adapter.commit({"more.c": "int more;\n"})
        # Its copy of the repository is as old as its start.
        ironworks("build", adapter, "--commit", "HEAD~7", "--state", state).fails_with("HEAD~7")
        ironworks("build", adapter, "--flavour", "plain", "--state", state).fails_with(
            "does not declare flavour 'plain'")
        other = tiny("other")
        ironworks("build", other, "--state", state).fails_with("does not work on adapter 'other'")
        tree = here.json["tree"]
        by_tree = ironworks("build", adapter, "--commit", tree, "--state", state, "--json")
        assert (by_tree.rc, by_tree.json["tree"], by_tree.json["commit"]) == (0, tree, None)
        assert states(by_tree) == {"libfuzzer": "cached"}


# -- the disk budget ----------------------------------------------------------------------


def age(state):
    """As if everything had been used long ago, in the order of its making."""
    with contextlib.closing(sqlite3.connect(f"{state}/ironworks.db", timeout=20)) as db, db:
        db.execute("UPDATE build SET used_ms = 1000 * id")


def pin(state, build_id):
    """An open bug that is judged on a build."""
    with contextlib.closing(sqlite3.connect(f"{state}/ironworks.db", timeout=20)) as db, db:
        db.execute("INSERT OR IGNORE INTO target (id, adapter_id, name) SELECT 1, adapter_id, 'parser' "
                   "FROM build WHERE id = ?", [build_id])
        db.execute(
            "INSERT INTO bug (adapter_id, target_id, state, type, is_security, frames, flavour, "
            "build_id, best, best_size, first_size, runs, hits, report, found_ms, changed_ms) "
            "SELECT adapter_id, 1, 'open', 'Abrt', 0, '[]', flavour, id, zeroblob(32), 1, 1, 5, 5, "
            "zeroblob(32), 1, 1 FROM build WHERE id = ?", [build_id])


def dirs(state):
    return {p.name for p in (state / "builds").iterdir() if p.is_dir()}


def build(ironworks, adapter, state, *words):
    done = ironworks("build", adapter, "--state", state, "--json", *words)
    assert done.rc == 0, done.stderr
    part, = done.json["builds"]
    return part, done


def some_builds(ironworks, adapter, state, count):
    made = []
    for i in range(count):
        adapter.commit({"version.h": f"#define VERSION {i}\n"})
        made.append(build(ironworks, adapter, state)[0])
    return [part["closure"] for part in made], made[0]["bytes"]


def test_the_oldest_build_leaves_and_comes_back(ironworks, tiny, state):
    adapter = tiny()
    (oldest, middle, newest), size = some_builds(ironworks, adapter, state, 3)
    assert dirs(state) == {oldest, middle, newest}
    age(state)
    pin(state, 1)
    # Room for two and a half; a quarter of a budget is the compiler cache's.
    budget = int(size * 2.5 / 0.75)
    _, done = build(ironworks, adapter, state, "--disk-budget", budget)
    assert dirs(state) == {oldest, newest}, "the pinned one stays, what is older goes first"
    assert "1 build of" in done.stderr and "left to stay within the disk budget" in done.stderr
    assert not (state / "builds" / f"{middle}.log.zst").exists()
    status = ironworks("status", "--state", state, "--json").json["disk"]
    assert (status["builds"], status["left"], status["budget"]) == (2, 1, budget)
    assert "1 has left" in ironworks("status", "--state", state).stdout
    doctor = ironworks("doctor", "--state", state).stdout
    assert "builds" in doctor and "1 has left" in doctor
    again, _ = build(ironworks, adapter, state, "--commit", "main~1", "--disk-budget", "none")
    assert (again["closure"], again["state"]) == (middle, "built")
    assert dirs(state) == {oldest, middle, newest}


def test_what_is_in_use_stays(ironworks, tiny, state, tmp_path):
    adapter = tiny(build=BUILD + 'head -c 2000000 /dev/urandom > "$OUT/large"\n')
    (oldest, newest), _ = some_builds(ironworks, adapter, state, 2)
    age(state)
    with Service(ironworks, adapter, state, tmp_path / "log", "--disk-budget", "1M") as service:
        wait_until(lambda: dirs(state) == {newest}, 30, "the old ones leave")
        wait_until(lambda: "all are in use" in service.said(), 30, "it is said")
        assert "1 build of" in service.said()
        assert service.process.poll() is None
    assert rows(state, "SELECT count(*) FROM build WHERE left_ms IS NOT NULL") == [(1,)]
    assert oldest not in dirs(state)


def test_a_reproduction_holds_its_build(ironworks, tiny, state):
    """Another process runs it; that one has no part in what the farm knows."""
    adapter = tiny()
    (oldest, _, newest), _ = some_builds(ironworks, adapter, state, 3)
    age(state)
    holder = subprocess.Popen(["flock", "-s", str(state / "builds" / oldest), "cat"],
                              stdin=subprocess.PIPE)
    try:
        wait_until(lambda: subprocess.run(
            ["flock", "-n", str(state / "builds" / oldest), "true"], check=False).returncode, 20,
            "it is held")
        build(ironworks, adapter, state, "--disk-budget", "1M")
        assert dirs(state) == {oldest, newest}
    finally:
        holder.stdin.close()
        holder.wait(10)


def test_a_kill_while_builds_leave_is_mended(ironworks, tiny, state):
    adapter = tiny()
    some_builds(ironworks, adapter, state, 1)
    (state / "builds" / (".leaving-" + "0" * 64)).mkdir()
    (state / "builds" / ("0" * 64)).mkdir()
    lost = state / "builds" / ("1" * 64)
    lost.mkdir()
    old = time.time() - 2 * 86400
    subprocess.run(["touch", "-d", f"@{int(old)}", str(lost)], check=True)
    build(ironworks, adapter, state)
    assert not lost.exists() and (state / "builds" / ("0" * 64)).exists()
    assert not list((state / "builds").glob(".leaving-*"))


def test_a_budget_in_the_configuration(ironworks, tiny, state, tmp_path):
    adapter = tiny()
    (tmp_path / "ironworks.json").write_text(json.dumps(
        {"disk_budget": "12 parsecs", "adapters": [{"adapter": str(adapter)}]}), encoding="utf-8")
    ironworks("serve", "--config", tmp_path, "--state", state).fails_with(
        "disk_budget", "\"none\" or a size")
