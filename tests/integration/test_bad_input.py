"""Bad input and bad machines: one clear sentence, the right exit code, and nothing lost."""

from __future__ import annotations

import contextlib
import shutil
import signal
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest

from conftest import BUILD, TARGET, Ironworks, Tiny, rows, wait_until
from farm_oracle import assert_nothing_lost, make_adapter, read_ledger, stored_units

# A start check sees this one: the empty input crashes.
CRASHES_AT_START = TARGET.replace("if (len > 0 &&", "if (len == 0)\n\t\tabort();\n\tif (")

# In a mount namespace of the command's own: bubblewrap is what $0 says.
WITHOUT_BWRAP = ["unshare", "-m", "--propagation", "private", "sh", "-c",
                 'mount --bind /dev/null /usr/bin/bwrap; exec "$0" "$@"']
BROKEN_BWRAP = [*WITHOUT_BWRAP[:-1], 'mount --bind /usr/bin/false /usr/bin/bwrap; exec "$0" "$@"']
# As where an administrator forbids user namespaces.
NO_NAMESPACES = ["unshare", "-U", "-r", "sh", "-c",
                 'echo 0 >/proc/sys/user/max_user_namespaces; exec "$0" "$@"']


def works(prefix):
    return subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode == 0


def contents(state):
    """All that a user would miss."""
    return {
        "units": sorted(stored_units(state)),
        "crashes": rows(state, "SELECT id, input, state FROM crash ORDER BY id"),
        "bugs": rows(state, "SELECT id, type, frames, best, issue FROM bug ORDER BY id"),
        "files": sorted(str(p.relative_to(state)) for d in ("artifacts", "outbox")
                        for p in (Path(state) / d).rglob("*") if p.is_file()),
    }


def make_tiny(home):
    return Tiny(home, "tiny", {"parser.c": TARGET, "seeds/a": b"bug!", "seeds/b": b"xyz"}, BUILD)


@pytest.fixture(scope="module")
def template(binaries, tmp_path_factory):
    """A state with a bug and units of an adapter: made once, copied for each test."""
    home = tmp_path_factory.mktemp("template")
    ironworks = Ironworks(home)
    done = ironworks("run", make_tiny(home), "--for", "1s", "--state", home / "state")
    yield home / "state", done
    ironworks.clean_up()


@pytest.fixture
def farm(ironworks, template, tmp_path, state):
    """An adapter, and a state that knows a bug of it. run() is one short run on both."""
    adapter = make_tiny(tmp_path)
    ready, first = template
    assert first.rc == 1, first.stderr
    # Not the sources: their origin is the template's repository.
    shutil.copytree(ready, state, symlinks=True, ignore=shutil.ignore_patterns("sources"))

    class Farm:
        dir = state

        def run(self, *more, what=adapter, seconds=1, **options):
            return ironworks("run", what, "--for", f"{seconds}s", "--state", state, *more,
                             **options)

        def bugs(self):
            done = ironworks("bug", "list", "--state", state, "--json")
            assert done.rc == 0, done.stderr
            return done.json["bugs"]

    farm = Farm()
    farm.adapter = adapter
    farm.before = contents(state)
    assert farm.before["bugs"] and farm.before["units"] and farm.bugs()
    return farm


def assert_untouched(farm):
    """What was there before the failure is there after it, and can be shown."""
    assert contents(farm.dir) == farm.before
    assert [bug["id"] for bug in farm.bugs()] == [row[0] for row in farm.before["bugs"]]


# -- the adapter --------------------------------------------------------------------------


def test_adapter_is_broken(farm, ironworks, tiny, tmp_path):
    """Whatever is wrong with adapter.json: the file, the place in it, and what to do."""
    adapter, document = farm.adapter, farm.adapter.document
    where = f"{adapter.dir}/adapter.json"

    adapter.write('{"name": "tiny",\n  nonsense')
    farm.run().fails_with(where, "line 2", "JSON", "ironworks adapter check")

    for field in ("name", "title", "source", "build", "flavours", "targets"):
        adapter.write({k: v for k, v in document.items() if k != field})
        farm.run().fails_with(where, field, "missing", "ironworks adapter check")

    (adapter.dir / "adapter.json").write_bytes(b"\xff\xfe\x00{")
    farm.run().fails_with(where, "ironworks adapter check")

    adapter.write(document | {"title": "\x1b[31mred\x07" * 3, "targets": "\x1b[2J"})
    assert "\x1b" not in farm.run().fails_with(where).stderr, "terminal control passed through"

    (adapter.dir / "adapter.json").unlink()
    farm.run().fails_with(where, "name a folder that holds an adapter.json")
    farm.run(what=tmp_path / "nowhere").fails_with("nowhere", "name a folder")
    farm.run(what="nowhere").fails_with("no adapter 'nowhere'", "./nowhere")
    adapter.write(document | {"source": document["source"] | {"branch": "nowhere"}})
    assert farm.run().fails_with("nowhere").stdout == "", "there is nothing to sum up"
    assert_untouched(farm)


def test_binary_is_missing(farm):
    """A target names a program that the build does not make."""
    farm.adapter.write(farm.adapter.document
                       | {"targets": [{"name": "parser", "binary": "fuzz_parser"}]})
    farm.run().fails_with("tiny", "'parser'", "'fuzz_parser'", "fix 'binary'", "adapter.json")
    assert_untouched(farm)


def test_source_does_not_compile(farm):
    """The first error of the compiler is shown, by its place in the source, and each time."""
    farm.adapter.commit({"parser.c": "int first = ;\nint second = $;\n"})
    for _ in range(2):
        done = farm.run().fails_with("tiny", "libfuzzer", "parser.c:1:13: error: expected",
                                     "mend")
        assert "second" not in done.sentence and "/jobs/" not in done.sentence
    assert_untouched(farm)
    # And mended it goes on.
    farm.adapter.commit({"parser.c": TARGET})
    assert farm.run().rc == 0


def test_build_command_fails(farm):
    """A build script that dies without a compiler's error: its last words are shown."""
    farm.adapter.script("#!/bin/sh\necho nothing works here >&2\nexit 3\n")
    farm.run().fails_with("tiny", "nothing works here", "mend")
    assert_untouched(farm)


@pytest.mark.parametrize("trick, words", [
    # To where later builds may write.
    ('cp -r "$OUT" "$CCACHE_DIR/mine"; rm -r "$OUT"; ln -s "$CCACHE_DIR/mine" "$OUT"', "$OUT"),
    ('rm "$OUT/parser"; ln -s ../../ironworks.db "$OUT/parser"', "made no program 'parser'"),
])
def test_build_that_leads_elsewhere_is_none(tiny, ironworks, state, trick, words):
    """The code under test makes the build: no link out of it is followed or kept."""
    done = ironworks("run", tiny(build=BUILD + trick), "--for", "1s", "--state", state)
    assert done.rc == 4 and words in done.stderr, done.stderr
    assert not [p for p in (state / "builds").iterdir() if p.is_symlink()]


def test_target_crashes_at_start(farm, ironworks, tiny):
    """Told, kept as a crash, and the other targets are fuzzed all the same."""
    adapter = tiny("doomed", {"doomed.c": CRASHES_AT_START})
    farm.run(what=adapter).fails_with("'doomed'", "crashes at start", "ironworks crash list")
    crashes = ironworks("crash", "list", "--state", farm.dir, "--json").json["crashes"]
    assert [(c["target"], c["size"]) for c in crashes if c["adapter"] == "doomed"] == [
        ("doomed", 0)]

    adapter = tiny("mixed", {"doomed.c": CRASHES_AT_START, "parser.c": TARGET})
    done = farm.run("--json", what=adapter).fails_with("'doomed'", "crashes at start")
    status = {t["target"]: t for t in done.json["targets"]}
    assert status["parser"]["executions"] > 0 and status["parser"]["status"] != "broken"
    assert status["doomed"]["status"] == "broken"
    wanted = {(row[0], row[1]) for row in farm.before["crashes"]}
    assert wanted <= {(row[0], row[1]) for row in contents(farm.dir)["crashes"]}


# -- the machine --------------------------------------------------------------------------


def test_no_clang(farm, tmp_path):
    """Which package to install; before the state is touched."""
    empty = tmp_path / "empty"
    empty.mkdir()
    farm.run(env={"PATH": str(empty)}).fails_with("no clang", "install", "clang")
    # Something that says it is a clang, and cannot compile.
    fake = empty / "clang"
    fake.write_text("#!/bin/sh\n[ \"$1\" = --version ] && echo clang version 19.1.7 && exit 0\n"
                    "exit 1\n", encoding="ascii")
    fake.chmod(0o755)
    farm.run(env={"PATH": str(empty), "CC": "clang"}).fails_with("no clang here", "install")
    assert_untouched(farm)


@pytest.mark.parametrize("prefix, words", [
    (WITHOUT_BWRAP, ["not installed", "bubblewrap"]),
    pytest.param(BROKEN_BWRAP, ["user namespaces"], marks=pytest.mark.full),
    (NO_NAMESPACES, ["user namespaces"]),
], ids=["not installed", "broken", "forbidden"])
def test_no_sandbox(farm, ironworks, prefix, words):
    """Never left out silently: refused, with the way out; doctor says the same."""
    if not works(prefix):
        pytest.skip("namespaces cannot be made here")
    farm.run(prefix=prefix).fails_with("sandbox is not available", "--no-sandbox", *words)
    assert_untouched(farm)
    bug = farm.before["bugs"][0][0]
    ironworks("repro", bug, "--state", farm.dir, prefix=prefix).fails_with("--no-sandbox")
    doctor = ironworks("doctor", "--json", "--state", farm.dir, prefix=prefix)
    check = next(c for c in doctor.json["checks"] if c["check"] == "sandbox")
    assert doctor.rc == 1 and doctor.json["works"] is False and check["verdict"] == "missing"
    # The way out works.
    done = farm.run("--no-sandbox", prefix=prefix)
    assert done.rc in (0, 1), done.stderr


# -- the state ----------------------------------------------------------------------------


def test_state_is_newer(farm, ironworks):
    """A state that a later version wrote is left alone by every command."""
    with contextlib.closing(sqlite3.connect(farm.dir / "ironworks.db")) as db:
        (version,) = db.execute("PRAGMA user_version").fetchone()
        db.execute("PRAGMA user_version = 999")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    before = (farm.dir / "ironworks.db").read_bytes()
    farm.run().fails_with(str(farm.dir), "newer", "999", "--state")
    for command in (["status"], ["bug", "list"], ["crash", "list"], ["repro", "1"]):
        ironworks(*command, "--state", farm.dir).fails_with("newer", "--state")
    assert (farm.dir / "ironworks.db").read_bytes() == before
    with contextlib.closing(sqlite3.connect(farm.dir / "ironworks.db")) as db:
        db.execute(f"PRAGMA user_version = {version}")
    assert_untouched(farm)
    assert farm.run().rc == 0


def test_state_is_in_use(farm, ironworks, tmp_path):
    """The second farm on a state says who has it; looking at it works meanwhile."""
    with (tmp_path / "log").open("w", encoding="utf-8") as log:
        first = ironworks.start("run", farm.adapter, "--for", "60s", "--state", farm.dir,
                                stderr=log)
    lock = farm.dir / "lock"
    wait_until(lambda: lock.read_text(encoding="ascii").strip() == str(first.pid), 20,
               "the first farm has the state")
    farm.run().fails_with(str(farm.dir), "in use", f"pid {first.pid}", "--state")
    for command in (["status"], ["bug", "list"], ["crash", "list"], ["repro", "1"]):
        done = ironworks(*command, "--state", farm.dir)
        assert done.rc == 0, done.stderr
    assert first.poll() is None, "the first farm goes on"
    first.send_signal(signal.SIGINT)
    ironworks.finish(first, 60)
    assert farm.run().rc in (0, 1)


def test_state_cannot_be_made(ironworks, tiny, tmp_path):
    """A file where the folder should be."""
    (tmp_path / "file").write_text("mine", encoding="ascii")
    ironworks("run", tiny(), "--for", "1s", "--state", tmp_path / "file" / "state").fails_with(
        "state folder", str(tmp_path / "file"))
    ironworks("run", tiny("other"), "--for", "1s", "--state", tmp_path / "file").fails_with(
        "state folder", str(tmp_path / "file"))
    assert (tmp_path / "file").read_text(encoding="ascii") == "mine"


def test_database_is_damaged(farm):
    """A database that is none is refused and left as it is, for whoever repairs it."""
    path = farm.dir / "ironworks.db"
    saved = farm.dir.parent / "saved"
    shutil.copytree(farm.dir, saved)
    for suffix in ("-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
    path.write_bytes(b"this is no database, but somebody may want to look at it\n" * 99)
    before = path.read_bytes()
    farm.run().fails_with(str(path))
    assert path.read_bytes() == before


# -- the disk -----------------------------------------------------------------------------


def test_disk_is_full_before_start(ironworks, tiny, small_disk, tmp_path):
    """Refused before anything is started; what is there can be read, and goes on later."""
    disk = small_disk(200)
    state, ledger = disk.dir / "state", tmp_path / "ledger"
    outside = disk.outside / "state"
    run = ["run", make_adapter(tiny, ledger), "--for", "1s", "--no-sandbox", "--state", state]
    assert ironworks(*run, prefix=disk.prefix).rc == 1
    before = contents(outside)
    for leave in (20 << 20, 0):
        disk.fill(leave)
        ironworks(*run, prefix=disk.prefix).fails_with(str(state), "full", "make room")
        for noun in ("bug", "crash"):
            done = ironworks(noun, "list", "--state", state, "--json", prefix=disk.prefix)
            assert done.rc == 0, done.stderr
        assert contents(outside) == before
        disk.free()
    assert ironworks(*run, prefix=disk.prefix).rc in (0, 1)
    assert_nothing_lost(outside, ledger)


@pytest.mark.parametrize("ending", ["room again", "ctrl-c"])
def test_disk_fills_while_fuzzing(ironworks, tiny, small_disk, tmp_path, ending):
    """Nothing that was complete is lost: it is stored when there is room again, in the same
    run or by the next start."""
    disk = small_disk(220)
    state, ledger, log = disk.dir / "state", tmp_path / "ledger", tmp_path / "log"
    outside = disk.outside / "state"
    adapter = make_adapter(tiny, ledger)

    def start(seconds):
        with log.open("w", encoding="utf-8") as err:
            return ironworks.start("run", adapter, "--for", f"{seconds}s", "--no-sandbox",
                                   "--state", state, prefix=disk.prefix, stderr=err)

    def units():
        return len(read_ledger(ledger)["unit"])

    process = start(12 if ending == "room again" else 120)
    wait_until(lambda: units() > 50, 60, "the engine writes units")
    disk.fill()
    wait_until(lambda: "could not be stored yet" in log.read_text(encoding="utf-8")
               or process.poll() is not None, 60, "the farm says that the disk is full")
    assert process.poll() is None, log.read_text(encoding="utf-8")
    if ending == "room again":
        disk.free()
        ironworks.finish(process, 90)
    else:
        process.send_signal(signal.SIGINT)
        wait_until(lambda: "once more" in log.read_text(encoding="utf-8"), 10,
                   "the farm stops")
        process.send_signal(signal.SIGINT)
        ironworks.finish(process, 30)
        disk.free()
        process = start(1)
        ironworks.finish(process, 90)
    assert process.returncode in (0, 1), log.read_text(encoding="utf-8")
    assert_nothing_lost(outside, ledger)
    assert rows(outside, "PRAGMA integrity_check") == [("ok",)]


# -- targets that mean harm ---------------------------------------------------------------

# Behaves until it was run a thousand times by an engine; then does something and ends.
HOSTILE = r"""
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char prefix[2048], at[4096];

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	for (int i = 1; i < *argc; i++)
		if (strncmp((*argv)[i], "-artifact_prefix=", 17) == 0)
			snprintf(prefix, sizeof prefix, "%s", (*argv)[i] + 17);
	return 0;
}

static void place(const char *name)
{
	snprintf(at, sizeof at, "%s%s", prefix, name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static int runs;

	(void)data;
	(void)len;
	if (*prefix && ++runs == 1000) {
		HARM;
		_exit(1);
	}
	return 0;
}
"""


@pytest.mark.parametrize("harm", [
    'place("crash-x"); (void)symlink(SECRET, at)',
    'place("crash-x"); (void)mkfifo(at, 0644)',
    pytest.param('place("crash-x"); (void)truncate((fclose(fopen(at, "w")), at), 1L << 40)',
                 marks=pytest.mark.full),
    pytest.param('place("../artifacts"); rename(at, "old"); (void)symlink(SECRET_DIR, at)',
                 marks=pytest.mark.full),
    'place("../corpus"); rename(at, "old"); (void)symlink(SECRET_DIR, at)',
    pytest.param('place("../corpus"); rename(at, "old")', marks=pytest.mark.full),
], ids=["link", "pipe", "huge", "artifacts-link", "corpus-link", "no-corpus"])
def test_target_means_harm(ironworks, tiny, state, tmp_path, harm):
    """A target cannot make the farm read the host's files, wait for ever or fill the disk."""
    vault = tmp_path / "vault"
    vault.mkdir()
    secret = b"crash: words of the host that are nobody's unit"
    (vault / "crash-1").write_bytes(secret)
    code = (HOSTILE.replace("HARM", harm).replace("SECRET_DIR", f'"{vault}"')
            .replace("SECRET", f'"{vault}/crash-1"'))
    adapter = tiny("hostile", {"hostile.c": code})
    # Killed in the middle, so that the next start has to take over what it left.
    with (tmp_path / "log").open("w", encoding="utf-8") as log:
        process = ironworks.start("run", adapter, "--for", "30s", "--state", state, stderr=log)
    wait_until(lambda: list(state.glob("jobs/fuzz-*/work/corpus")), 60, "an engine starts")
    time.sleep(0.3)
    process.kill()
    process.communicate(timeout=10)
    done = ironworks("run", adapter, "--for", "1s", "--state", state, timeout=60)
    assert done.rc in (0, 4), done.stderr
    assert secret not in stored_units(state)
    for path in state.rglob("*"):
        if path.is_file() and path.stat().st_size < 1 << 20:
            assert secret not in path.read_bytes(), path
