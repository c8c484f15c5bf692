"""The mill: small programs of ours that fail, each with its expectation beside it
(tests/data/mill). Here they are read, built under a tool, and run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "data" / "mill"
COMPILERS = ("clang-14", "clang-19", "gcc")
ACCESSES = ("read", "write")
ROLES = ("crash", "alloc", "free", "other-access", "thread", "origin", "place", "live", "other")


# -- what is expected ------------------------------------------------------------------------


@dataclass
class Expectation:
    """What a tool says of a failure: one line of the comment before it."""

    kind: str
    access: str = "none"
    size: int = 0
    has_address: bool = False
    is_security: bool = False
    words: str = ""  # in the message
    also: list = field(default_factory=list)  # kinds of the findings beside the primary
    stacks: list = field(default_factory=list)  # roles, in the text's order
    unmarked: set = field(default_factory=set)  # numbers of those without a line of ours


@dataclass
class Failure:
    name: str
    file: str
    expected: list  # (tools, each perhaps @ a compiler; Expectation or None)
    marks: dict  # role: {(function, line)}

    def under(self, tool, compiler):
        """The expectation, or None where this tool has none. The last line that fits counts."""
        fits = [e for tools, e in self.expected for name, _, where in [t.partition("@") for t in tools]
                if name == tool and compiler.startswith(where)]
        return fits[-1] if fits else None


def read_expectation(text):
    """'KIND words…', or '-' for what a compiler does not tell."""
    words = re.search(r'"((?:\\.|[^"\\])*)"', text)
    rest = text.replace(words[0], "") if words else text
    kind, *rest = rest.split()
    if kind == "-":
        return None
    e = Expectation(kind, words=words[1].replace('\\"', '"') if words else "")
    while rest:
        word = rest.pop(0)
        if word in ACCESSES:
            e.access = word
            e.size = int(rest.pop(0)) if rest and rest[0].isdigit() else 0
        elif word == "size":
            e.size = int(rest.pop(0))
        elif word == "address":
            e.has_address = True
        elif word == "security":
            e.is_security = True
        elif word.startswith("+"):
            e.also.append(word[1:])
        elif word.rstrip("~") in ROLES:
            if word.endswith("~"):
                e.unmarked.add(len(e.stacks))
            e.stacks.append(word.rstrip("~"))
        else:
            raise ValueError(f"'{word}' in the expectation '{text}' means nothing")
    return e


EXPECTATION = re.compile(r"^(?:/\*| \*) ([a-z0-9,@-]+) +(-|[a-z-]+)(?= |$)(.*?)(?: \*/)?$")
FUNCTION = re.compile(r"^(?:FAILURE\((\w+)\)|(?=[^\s/#}])[^(]*?([\w:~]+)\()")
ATTRIBUTES = re.compile(r"__attribute__\(\(.*?\)\) ")
MARK = re.compile(r"/\* ([A-Z-]+(?: [A-Z-]+)*) \*/\s*$")


def read_file(path):
    """The failures of one file. What stands between two expectations belongs to the first."""
    failures, function, in_comment = [], None, False
    for number, line in enumerate(path.read_text().splitlines(), 1):
        begins = line.startswith("/* ") and EXPECTATION.match(line)
        if begins:
            failures.append(Failure("", path.name, [], {}))
        in_comment = begins or (in_comment and line.startswith(" *"))
        if in_comment:
            tools, kind, rest = EXPECTATION.match(line).groups()
            failures[-1].expected.append((tools.split(","), read_expectation(kind + rest)))
            in_comment = not line.endswith("*/")
            continue
        if found := FUNCTION.match(ATTRIBUTES.sub("", line)):
            function = found[1] or found[2]
            if found[1]:
                assert failures and not failures[-1].name, f"{path}:{number}: expects nothing"
                failures[-1].name = found[1]
        for role in (MARK.search(line) or ["", ""])[1].lower().split():
            assert role in ROLES, f"{path}:{number}: '{role}' is no role of a stack"
            failures[-1].marks.setdefault(role, set()).add((function, number))
    return failures


def failures():
    return [f for path in sorted(FOLDER.glob("*.c")) + sorted(FOLDER.glob("*.cc"))
            for f in read_file(path)]


# -- tools -----------------------------------------------------------------------------------


@dataclass
class Tool:
    """Flags, what runs the program, and the variables that it reads."""

    flags: list
    compilers: tuple = COMPILERS
    clang_flags: list = field(default_factory=list)
    gcc_flags: list = field(default_factory=list)
    runner: list = field(default_factory=list)
    options: str = ""  # of the sanitizer's own variable
    own: str = ""  # the dialect of what is the tool's own
    of: str = ""  # whose expectations, when not its own
    files: str = ""  # what their names begin with
    has_stacks: bool = True

    def build_flags(self, compiler):
        return [*self.flags, *(self.gcc_flags if compiler == "gcc" else self.clang_flags)]


CLANGS = ("clang-14", "clang-19")
UNDEFINED = {
    "flags": ["-O1", "-fno-inline", "-fno-optimize-sibling-calls", "-fno-sanitize-recover=all",
              "-D_GLIBCXX_ASSERTIONS"],
    "clang_flags": ["-fsanitize=undefined,float-divide-by-zero,unsigned-integer-overflow,"
                    "implicit-conversion,nullability"],
    "gcc_flags": ["-fsanitize=undefined,float-divide-by-zero,float-cast-overflow"],
    "own": "ubsan",
}
# What the C library checks by itself.
HARDENED = ["-O1", "-fno-inline", "-fstack-protector-all", "-D_FORTIFY_SOURCE=2", "-D_GLIBCXX_ASSERTIONS"]
SIGNALS = "handle_abort=1:handle_sigtrap=1:handle_sigill=1:handle_sigfpe=1"
TOOLS = {
    "asan": Tool(
        ["-fsanitize=address", "-DMILL_ASAN", "-D_GLIBCXX_ASSERTIONS"], own="asan",
        clang_flags=["-mllvm", "-asan-detect-invalid-pointer-pair", "-fsized-deallocation"],
        gcc_flags=["-fsanitize=pointer-compare", "-fsanitize=pointer-subtract"],
        options=f"detect_stack_use_after_return=1:detect_invalid_pointer_pairs=2:{SIGNALS}"),
    "hwasan": Tool(
        # x86-64 has no tags in its addresses; aliases of pages stand in for them, for the heap.
        ["-fsanitize=hwaddress", "-fsanitize-hwaddress-experimental-aliasing"], CLANGS,
        own="hwasan", options=SIGNALS),
    "ubsan": Tool(**UNDEFINED, options=f"print_stacktrace=1:{SIGNALS}"),
    "ubsan-bare": Tool(**UNDEFINED, options="print_stacktrace=0", of="ubsan", files="undefined",
                       has_stacks=False),
    "msan": Tool(["-fsanitize=memory", "-fsanitize-memory-track-origins=2"], CLANGS,
                 own="msan", options=SIGNALS),
    "tsan": Tool(["-fsanitize=thread", "-DMILL_TSAN", "-D_GLIBCXX_ASSERTIONS"], own="tsan",
                 options=f"second_deadlock_stack=1:report_signal_unsafe=1:{SIGNALS}"),
    "lsan": Tool(["-fsanitize=leak"], own="lsan"),
    "libfuzzer": Tool(["-fsanitize=fuzzer,address"], CLANGS, own="libfuzzer"),
    "libc": Tool(HARDENED, has_stacks=False),
    "memcheck": Tool([], ("gcc",), own="valgrind", runner=[
        "valgrind", "--track-origins=yes", "--leak-check=full", "--show-mismatched-frees=yes"]),
    "helgrind": Tool([], ("gcc",), own="valgrind", runner=["valgrind", "--tool=helgrind"]),
    "drd": Tool([], ("gcc",), own="valgrind", runner=["valgrind", "--tool=drd"]),
    "gdb": Tool([], ("gcc",), own="debugger", runner=[
        "gdb", "-nx", "-batch", "-ex", "run", "-ex", "bt", "--args"]),
}
FUZZER = ["-rss_limit_mb=300", "-malloc_limit_mb=200", "-runs=1"]


def missing(tool, compiler):
    """Why a tool cannot be tried here: one sentence, or nothing."""
    if not shutil.which(compiler) or not shutil.which(driver(compiler, "x.cc")):
        return f"there is no {compiler} here"
    runner = TOOLS[tool].runner
    return f"there is no {runner[0]} here" if runner and not shutil.which(runner[0]) else None


def driver(compiler, source):
    if not source.endswith(".cc"):
        return compiler
    return "g++" if compiler == "gcc" else compiler.replace("clang", "clang++")


# -- building and running --------------------------------------------------------------------


class Mill:
    """Programs under one tool and one compiler, in a folder of their own."""

    def __init__(self, home, name, compiler):
        self.home, self.name, self.compiler, self.tool = home, name, compiler, TOOLS[name]
        tool = self.tool.of or name
        self.failures = [f for f in failures() if f.file.startswith(self.tool.files)
                         and f.under(tool, compiler)]
        self.expected = {f.name: f.under(tool, compiler) for f in self.failures}
        # One name may stand in two files.
        assert len(self.expected) == len(self.failures)

    def program(self, source):
        return self.home / source.replace(".", "-")

    def build(self, source):
        flags = ["-g", "-O0", "-w", "-pthread", "-fno-omit-frame-pointer",
                 *self.tool.build_flags(self.compiler)]
        compiler = [driver(self.compiler, source)]
        ccache = ["ccache"] if shutil.which("ccache") else []
        target = self.program(source)
        for argv in ([*ccache, *compiler, *flags, "-c", source, "-o", f"{target}.o"],
                     [*compiler, *flags, f"{target}.o", "-o", target]):
            done = subprocess.run(argv, cwd=FOLDER, capture_output=True, text=True, timeout=300,
                                  check=False)
            assert done.returncode == 0, done.stderr

    def environment(self):
        clang = shutil.which("clang-19") or shutil.which("clang-14")
        beside = Path(os.path.realpath(clang)).parent / "llvm-symbolizer" if clang else None
        options = self.tool.options
        # gcc's own reader of debug information cannot be asked for by a path.
        if beside and self.compiler != "gcc":
            options += f":external_symbolizer_path={beside}"
        names = ("ASAN", "HWASAN", "UBSAN", "MSAN", "TSAN", "LSAN")
        return {"PATH": os.environ["PATH"], "HOME": str(self.home),
                **{f"{n}_OPTIONS": options.strip(":") for n in names}}

    def run(self, failure):
        """What it prints, in a file of the failure's name."""
        text, argument = self.home / f"{failure.name}.txt", [failure.name]
        if self.name == "libfuzzer":
            (self.home / failure.name).write_text(failure.name)
            limit = 1 if self.expected[failure.name].kind == "timeout" else 60
            argument += [*FUZZER, f"-timeout={limit}"]
        # High-entropy randomisation is more than some of the runtimes can take.
        runner = self.tool.runner or (["setarch", "-R"] if shutil.which("setarch") else [])
        with open(text, "wb") as out:
            subprocess.run([*runner, self.program(failure.file), *argument], cwd=self.home, stdout=out,
                           stderr=out, stdin=subprocess.DEVNULL, env=self.environment(), timeout=120,
                           check=False)
        return text

    def reports(self):
        """Builds all, runs all: {name of the failure: file with what it printed}."""
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(self.build, sorted({f.file for f in self.failures})))
            return dict(zip(self.expected, pool.map(self.run, self.failures)))
