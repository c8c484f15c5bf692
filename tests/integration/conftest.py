"""What the integration tests share: the programs, throw-away states and tiny adapters."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("IRONWORKS_BIN", ROOT / "build" / "release" / "bin"))
IRONWORKS = BIN / "ironworks"

GIT = ["git", "-c", "user.name=Test", "-c", "user.email=test@example.org",
       "-c", "init.defaultBranch=main", "-c", "commit.gpgsign=false"]

# A target with a few features and, behind one of them, a bug; $CRASH says which.
TARGET = r"""
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

__attribute__((noinline)) static void parse_header(const uint8_t *data, size_t len)
{
	if (len > 3 && memcmp(data, "bug!", 4) == 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (len > 0 && data[0] > 'a')
		parse_header(data, len);
	return 0;
}
"""

BUILD = """#!/bin/sh
set -eu
for file in "$SRC"/*.c; do
	$CC $CFLAGS "$file" $LIB_FUZZING_ENGINE -o "$OUT/$(basename "$file" .c)"
done
if [ -d "$SRC/seeds" ]; then
	for file in "$SRC"/*.c; do
		cp -r "$SRC/seeds" "$OUT/$(basename "$file" .c)_seed_corpus"
	done
fi
"""


# -- processes ----------------------------------------------------------------------------


def processes_of(path):
    """Pids of living processes whose command line, folder or environment names the path."""
    needle = os.fsencode(path)
    pids = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        found = False
        for name in ("cmdline", "environ"):
            with contextlib.suppress(OSError):
                found = found or needle in (entry / name).read_bytes()
        with contextlib.suppress(OSError):
            found = found or needle in os.readlink(os.fsencode(entry / "cwd"))
        if found and not is_dead(int(entry.name)):
            pids.append(int(entry.name))
    return pids


def is_dead(pid):
    """Gone, or a zombie that somebody else has to reap."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return True
    return text[text.rindex(")") + 2] in "ZX"


def wait_until(condition, seconds, what):
    """Polls; a test that waits in vain says for what."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"{what} within {seconds} s"
        time.sleep(0.02)
    return value


def is_ours(path):
    """A folder that a test has made, and nothing shorter that may occur in anybody's words."""
    return len(Path(path).parts) > 3 and Path(path).is_absolute()


def end_processes_of(path):
    assert is_ours(path), f"processes of '{path}' are not ours to end"
    for pid in processes_of(path):
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)


# -- the program --------------------------------------------------------------------------


@dataclass
class Done:
    """How one command ended."""

    args: list
    rc: int
    stdout: str
    stderr: str

    @property
    def json(self):
        value = json.loads(self.stdout)
        assert isinstance(value, dict), "--json prints one object"
        return value

    @property
    def sentence(self):
        """The last line that the user reads."""
        lines = self.stderr.strip().splitlines()
        return lines[-1] if lines else ""

    def fails_with(self, *words, rc=4):
        """One sentence, last on stderr, with these words; and nothing that looks broken."""
        told = f"\n{self.args}\nrc {self.rc}\n{self.stderr}"
        assert self.rc == rc, told
        sentences = [x for x in self.stderr.splitlines() if x.startswith("ironworks")]
        assert sentences == [self.sentence], "exactly one sentence, the last line" + told
        assert self.sentence.startswith("ironworks: " if rc == 4 else "ironworks"), told
        for word in words:
            assert word in self.sentence, f"no '{word}' in the sentence" + told
        for noise in ("Assertion `", "ERROR: AddressSanitizer", "runtime error:", "(null)", '"level":"error"'):
            assert noise not in self.stderr, told
        return self


class Ironworks:
    """Runs the program. Whatever happens, nothing that it started outlives the test."""

    def __init__(self, home):
        self.home = home
        self.states = set()
        self.env = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "HOME": str(home),
                    "TMPDIR": str(home), "LC_ALL": "C.UTF-8", "NO_COLOR": "1"}

    def _argv(self, args, prefix):
        args = [str(a) for a in args]
        if "--state" in args[:-1]:
            state = args[args.index("--state") + 1]
            # Of a wrong one, like '' or 'a', the whole machine's processes would be in it.
            if is_ours(state):
                self.states.add(state)
        return [*prefix, str(IRONWORKS), *args]

    def start(self, *args, env=None, prefix=(), **options):
        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stderr", subprocess.PIPE)
        return subprocess.Popen(self._argv(args, prefix), stdin=subprocess.DEVNULL, text=True,
                                env=self.env | (env or {}), **options)

    def __call__(self, *args, timeout=60, **options):
        process = self.start(*args, **options)
        return self.finish(process, timeout, args)

    def finish(self, process, timeout=60, args=()):
        try:
            stdout, stderr = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            self.clean_up()
            _, stderr = process.communicate()
            pytest.fail(f"ironworks {args} did not end in {timeout} s:\n{stderr[-3000:]}")
        assert process.returncode >= 0, f"ended by signal {-process.returncode}:\n{stderr}"
        return Done(list(args), process.returncode, stdout, stderr)

    def clean_up(self):
        for state in self.states:
            end_processes_of(state)


@pytest.fixture(scope="session")
def binaries():
    """The folder of the programs under test."""
    if not IRONWORKS.exists():
        pytest.skip(f"no {IRONWORKS}")
    return BIN


@pytest.fixture
def ironworks(binaries, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    program = Ironworks(home)
    yield program
    program.clean_up()


@pytest.fixture
def state(tmp_path):
    """Where a state folder may be made; nothing is there yet."""
    return tmp_path / "state"


def rows(state, sql, *values):
    """Reads the database of a state folder."""
    if str(state).startswith("/proc/"):
        return rows_of_copy(state, sql, values)
    with contextlib.closing(sqlite3.connect(f"file:{state}/ironworks.db?mode=ro", uri=True,
                                            timeout=20)) as db:
        return db.execute(sql, values).fetchall()


def rows_of_copy(state, sql, values):
    """SQLite follows links, so it cannot look into another mount namespace."""
    with tempfile.TemporaryDirectory() as folder:
        for path in Path(state).glob("ironworks.db*"):
            if not path.name.endswith("-shm"):
                shutil.copy(path, folder)
        with contextlib.closing(sqlite3.connect(f"{folder}/ironworks.db")) as db:
            return db.execute(sql, values).fetchall()


# -- adapters -----------------------------------------------------------------------------


def git(folder, *args):
    subprocess.run([*GIT, "-C", str(folder), *args], check=True, timeout=60,
                   capture_output=True,
                   env={"PATH": os.environ["PATH"], "HOME": str(folder),
                        "GIT_CONFIG_NOSYSTEM": "1",
                        "GIT_AUTHOR_DATE": "2026-01-01T00:00:00Z",
                        "GIT_COMMITTER_DATE": "2026-01-01T00:00:00Z"})


class Tiny:
    """An adapter of a git repository with a few C files; each is one target."""

    def __init__(self, home, name, files, build=BUILD, fields=None):
        self.dir = home / name
        self.source = home / f"{name}-source"
        self.dir.mkdir()
        self.source.mkdir()
        git(self.source, "init", "-q")
        self.commit(files)
        targets = [Path(f).stem for f in files if "/" not in f and f.endswith(".c")]
        self.document = {
            "name": name,
            "title": f"{name}, made by a test",
            "source": {"git": str(self.source), "branch": "main"},
            "build": {"command": ["./build.sh"], "timeout_s": 120},
            "flavours": ["libfuzzer"],
            "targets": [{"name": t, "max_len": 64, "timeout_s": 2} for t in targets],
        } | (fields or {})
        self.write(self.document)
        self.script(build)

    def commit(self, files, message="A change"):
        for name, content in files.items():
            path = self.source / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        git(self.source, "add", "-A")
        git(self.source, "commit", "-q", "-m", message)

    def write(self, document):
        """adapter.json: an object, or text that is none."""
        text = document if isinstance(document, str) else json.dumps(document, indent=1)
        (self.dir / "adapter.json").write_text(text, encoding="utf-8")

    def script(self, text, name="build.sh"):
        path = self.dir / name
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)

    def __str__(self):
        return str(self.dir)


def tinies(place):
    """Makes adapters in a folder: make(), make("other", {"a.c": TEXT}), make(flavours=[…])."""
    def make(name="tiny", files=None, build=BUILD, **fields):
        return Tiny(place, name, files or {"parser.c": TARGET}, build, fields)
    return make


@pytest.fixture
def tiny(tmp_path):
    return tinies(tmp_path)


# -- small disks --------------------------------------------------------------------------


class Disk:
    """A file system of its own, in a mount namespace that ends with the test."""

    def __init__(self, place, megabytes):
        self.dir = place
        place.mkdir()
        self._holder = subprocess.Popen(
            ["unshare", "-m", "--propagation", "private", "sh", "-c",
             f'mount -t tmpfs -o size={megabytes}m small "$0" && echo ready && exec cat',
             str(place)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._holder.stdout.readline() == "ready\n"
        pid = self._holder.pid
        #: Before a command's words: it runs where the disk is.
        self.prefix = ["nsenter", "-t", str(pid), "-m", "--"]
        #: The disk's folder as this process can reach it.
        self.outside = Path(f"/proc/{pid}/root{place}")

    def fill(self, leave=0):
        """Takes all room but `leave` bytes."""
        st = os.statvfs(self.outside)
        room = st.f_bavail * st.f_frsize - leave
        with contextlib.suppress(OSError), open(self.outside / "filler", "ab") as f:
            os.posix_fallocate(f.fileno(), f.tell(), room)
        if leave:
            return
        with contextlib.suppress(OSError), open(self.outside / "filler", "ab", 0) as f:
            while f.write(b"x" * 4096):
                pass

    def free(self):
        (self.outside / "filler").unlink()

    def close(self):
        self._holder.stdin.close()
        self._holder.wait(10)


def can_mount():
    return os.geteuid() == 0 and shutil.which("nsenter") and subprocess.run(
        ["unshare", "-m", "sh", "-c", "mount -t tmpfs x /mnt"], capture_output=True,
        check=False).returncode == 0


@pytest.fixture
def small_disk(tmp_path):
    """small_disk(megabytes) makes a Disk."""
    if not can_mount():
        pytest.skip("a small disk needs root and mount namespaces")
    disks = []

    def make(megabytes):
        disks.append(Disk(tmp_path / f"disk{len(disks)}", megabytes))
        return disks[-1]
    yield make
    for disk in disks:
        disk.close()
