"""Builds the programs of planted.py, runs every way in them, and asks who is one bug.

    report --ironworks triage--> our bugs          (best match, as the farm does it)
           --ironworks parse---> ClusterFuzz's key (crash type and state)

Used by a bench (all compilers, all sets) and a test (a few).
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections import Counter, defaultdict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from planted import Program

COMPILERS = ("clang-14", "clang-19", "gcc")
FLAGS = {"asan": ["-fsanitize=address"],
         "tsan": ["-fsanitize=thread", "-pthread"],
         "ubsan": ["-fsanitize=undefined", "-fno-sanitize-recover=all"]}
OPTIONS = ("handle_abort=1:print_stacktrace=1:detect_leaks=1:halt_on_error=1:abort_on_error=0:"
           "symbolize=0")


@dataclass(frozen=True)
class Build:
    compiler: str
    level: str = "-O1"
    tool: str = "asan"
    is_moved: bool = False  # twenty lines were put above everything

    def __str__(self) -> str:
        return f"{self.compiler}{self.level}-{self.tool}{'-moved' if self.is_moved else ''}"


@dataclass(frozen=True)
class Crash:
    program: str
    build: Build
    way: str
    bug: str  # the truth
    report: Path


def command(compiler: str, is_cxx: bool) -> str:
    if not is_cxx:
        return compiler
    return "g++" if compiler == "gcc" else compiler.replace("clang", "clang++")


def missing(build: Build) -> bool:
    return not all(shutil.which(command(build.compiler, is_cxx)) for is_cxx in (False, True))


def compile_program(program: Program, build: Build, home: Path, fix: str = "") -> Path:
    source = home / f"{program.name}-{build}{fix}".replace(" ", "-")
    source.mkdir(parents=True)
    files = (program.moved() if build.is_moved else program).files
    for name, text in files.items():
        (source / name).write_text(text)
    flags = ["-g", build.level, "-w", "-fno-omit-frame-pointer", *FLAGS[build.tool]]
    done = subprocess.run(
        [command(build.compiler, program.is_cxx), *flags, *([f"-DFIX_{fix}=1"] if fix else []),
         *files, "-o", "program"], cwd=source, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{program.name}, {build}: {done.stderr}"
    return source / "program"


def run_way(binary: Path, way: str) -> tuple[int, bytes]:
    # High-entropy randomisation is more than some of the runtimes can take.
    runner = ["setarch", "-R"] if shutil.which("setarch") else []
    done = subprocess.run(
        [*runner, binary, way], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, timeout=120, cwd=binary.parent, check=False,
        env={"PATH": os.environ["PATH"],
             **{f"{name}_OPTIONS": OPTIONS for name in ("ASAN", "TSAN", "UBSAN")}})
    return done.returncode, done.stdout


FRAME = re.compile(rb"^ *#(\d+) (0x[0-9a-f]+|<null>) .*\(([^()\s]+)\+(0x[0-9a-f]+)\)", re.M)


def name_frames(texts: list[bytes], binary: Path) -> list[bytes]:
    """As a farm does: jobs print addresses, and one llvm-symbolizer has the names afterwards."""
    def place_of(frame: re.Match) -> tuple[bytes, bytes] | None:
        """TSan leaves folders out."""
        module = frame[3] if frame[3] != binary.name.encode() else os.fsencode(binary)
        return (module, frame[4]) if module.startswith(b"/") else None

    frames = (frame for text in texts for frame in FRAME.finditer(text))
    places = sorted(set(filter(None, map(place_of, frames))))
    tool = next(filter(None, map(shutil.which, ("llvm-symbolizer-19", "llvm-symbolizer"))))
    done = subprocess.run([tool], input=b"".join(b'"%s" %s\n' % place for place in places),
                          stdout=subprocess.PIPE, check=True)
    blocks = done.stdout.decode(errors="replace").rstrip("\n").split("\n\n")
    assert len(blocks) == len(places), texts
    names = dict(zip(places, blocks))
    number = 0

    def named(frame: re.Match) -> bytes:
        nonlocal number
        number = 0 if frame[1] == b"0" else number
        pc = "0x1" if frame[2] == b"<null>" else frame[2].decode()
        lines = names.get(place_of(frame), "").split("\n") if place_of(frame) else []
        told = []
        for function, where in zip(lines[::2], lines[1::2]):
            where = f"({frame[3].decode()}+{frame[4].decode()})" if where.startswith("??") else where
            told.append(f"    #{number} {pc} in {function} {where}".encode())
            number += 1
        number += not told
        return b"\n".join(told) or frame[0]

    return [FRAME.sub(named, text) for text in texts]


def crashes_of(program: Program, build: Build, home: Path) -> list[Crash]:
    """Every way, which must fail."""
    binary = compile_program(program, build, home)
    texts = []
    for way, bug in program.ways.items():
        code, text = run_way(binary, way)
        assert code != 0, f"{program.name}, way {way} of bug {bug}, {build}: does not fail"
        texts.append(text)
    crashes = []
    for (way, bug), text in zip(program.ways.items(), name_frames(texts, binary)):
        report = binary.parent / f"{way}.txt"
        report.write_bytes(text)
        crashes.append(Crash(program.name, build, way, bug, report))
    return crashes


def prove(program: Program, build: Build, home: Path) -> list[str]:
    """With each fix exactly the ways of its bug end well: what is wrong with that."""
    wrong = []
    for fix in program.bugs:
        binary = compile_program(program, build, home, fix)
        for way, bug in program.ways.items():
            code, _ = run_way(binary, way)
            if (code == 0) != (bug == fix):
                wrong.append(f"{program.name}, {build}, fix {fix}: way {way} of {bug} ends with {code}")
    return wrong


def run_all(programs: Iterable[Program], builds: Iterable[Build], home: Path) -> list[Crash]:
    jobs = [(p, b) for p in programs for b in builds if b.tool in p.tools]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = pool.map(lambda job: crashes_of(*job, home), jobs)
        return [crash for crashes in found for crash in crashes]


# -- who is one bug ------------------------------------------------------------------------------


def ours(ironworks: Path, crashes: list[Crash]) -> list[object]:
    """The number of each one's bug; what nobody understands is a bug of its own."""
    done = subprocess.run([ironworks, "triage", "--json", *(c.report for c in crashes)],
                          capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    bugs = {path: bug["number"] for bug in json.loads(done.stdout)["bugs"] for path in bug["files"]}
    return [bugs.get(str(c.report), str(c.report)) for c in crashes]


def clusterfuzz(ironworks: Path, crashes: list[Crash]) -> list[object]:
    """Its key: the crash's type and state."""
    done = subprocess.run([ironworks, "parse", "--clusterfuzz", *(c.report for c in crashes)],
                          capture_output=True, text=True, check=False)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(rows) == len(crashes), done.stderr
    return [(row["crash_type"], row["crash_state"]) if row["crash_type"] else str(i)
            for i, row in enumerate(rows)]


@dataclass
class Score:
    """Pairs of crashes: said to be one bug, being one bug, and both."""

    both: int = 0
    said: int = 0
    true: int = 0

    def __iadd__(self, other: Score) -> Score:
        self.both += other.both
        self.said += other.said
        self.true += other.true
        return self

    @property
    def precision(self) -> float:
        return self.both / self.said if self.said else 1

    @property
    def recall(self) -> float:
        return self.both / self.true if self.true else 1


def pairs(crashes: list[Crash], keys: list[object], across: bool) -> tuple[Score, Counter]:
    """Of pairs that one build made, or two; and what disagrees: (kind, bug, bug) -> pairs."""
    score, wrong = Score(), Counter()
    for i, a in enumerate(crashes):
        for j in range(i):
            b = crashes[j]
            if (a.build != b.build) != across or a.program != b.program:
                continue
            is_said, is_true = keys[i] == keys[j], a.bug == b.bug
            score += Score(is_said and is_true, is_said, is_true)
            if is_said != is_true:
                ways = tuple(sorted((f"{a.bug}{a.way}", f"{b.bug}{b.way}")))
                wrong["joined" if is_said else "parted", *ways] += 1
    return score, wrong


def by(crashes: list[Crash], what) -> dict[object, list[Crash]]:
    groups = defaultdict(list)
    for crash in crashes:
        groups[what(crash)].append(crash)
    return dict(groups)
