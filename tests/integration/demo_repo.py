"""Generates, builds and runs the demo project, for its test and its bench."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ADAPTER = ROOT / "adapters" / "demo"

COMMON = ("-O1 -g -fno-omit-frame-pointer -fno-optimize-sibling-calls "
          "-DFUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION -fsanitize=fuzzer-no-link")
FLAVOURS = {
    "libfuzzer": "",
    "libfuzzer+asan+ubsan": "-fsanitize=address,undefined -fno-sanitize-recover=undefined",
    "libfuzzer+msan": "-fsanitize=memory -fsanitize-memory-track-origins",
    "libfuzzer+tsan": "-fsanitize=thread",
}

# What a report says of each kind of crash.
KINDS = {
    "heap-buffer-overflow": "ERROR: AddressSanitizer: heap-buffer-overflow",
    "stack-buffer-overflow": "ERROR: AddressSanitizer: stack-buffer-overflow",
    "heap-use-after-free": "(AddressSanitizer|ThreadSanitizer): heap-use-after-free",
    "signed-integer-overflow": "runtime error: signed integer overflow",
    "invalid-shift": "runtime error: shift exponent",
    "use-of-uninitialized-value": "MemorySanitizer: use-of-uninitialized-value",
    "data-race": "ThreadSanitizer: data race",
    "stack-overflow": "Sanitizer: stack-overflow",
    "timeout": "libFuzzer: timeout",
    "out-of-memory": "libFuzzer: out-of-memory",
    "leak": "LeakSanitizer: detected memory leaks",
    "assert": "Assertion `.*' failed",
}

# "#3 0x55d0 in name file:line" of most sanitizers, "#3 name file:line" of TSan.
FRAME = re.compile(r"^\s*#\d+ (?:0x[0-9a-f]+ in )?(\w+) \S*\b(?:src|fuzz)/", re.MULTILINE)


@dataclass
class Result:
    code: int
    report: str
    cpu_s: float

    def shows(self, bug: dict) -> bool:
        """Whether the report is one of this bug: its kind, and its frames on one stack."""
        if not re.search(KINDS[bug["kind"]], self.report):
            return False
        frames = FRAME.findall(self.report)
        return any(fits(frames[i:], bug) for i in range(len(frames)))


def best_flavour(bug: dict) -> str:
    address = "libfuzzer+asan+ubsan"
    return address if address in bug["flavours"] else bug["flavours"][0]


def fits(frames: list[str], bug: dict) -> bool:
    wanted = bug["frames"]
    size = len(wanted)
    if bug["kind"] == "stack-overflow":
        return set(frames[: 2 * size]) == set(wanted)
    return frames[:size] == wanted


def tool(name: str) -> str:
    for version in ("-19", "-18", "-17", "-16", "-15", "-14", ""):
        if shutil.which(name + version):
            return name + version
    return ""


def generate(dest: Path, seed: int, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(ADAPTER / "generate"), "--seed", str(seed), *options, str(dest)],
        capture_output=True, text=True, timeout=60, check=False)


def generate_with_truth(folder: Path, seed: int) -> tuple[Path, dict]:
    repo, truth = folder / f"repo-{seed}", folder / f"truth-{seed}.json"
    done = generate(repo, seed, "--truth", str(truth))
    assert done.returncode == 0, done.stderr
    return repo, json.loads(truth.read_text())


def git(repo: Path, *args: str) -> str:
    done = subprocess.run(["git", "-C", str(repo), *args], capture_output=True, text=True,
                          errors="replace", timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def targets() -> dict[str, dict]:
    listed = json.loads((ADAPTER / "adapter.json").read_text())["targets"]
    return {target["name"]: target for target in listed}


def checkout(repo: Path, commit: str, dest: Path) -> None:
    dest.mkdir(parents=True)
    archive = subprocess.run(["git", "-C", str(repo), "archive", commit],
                             capture_output=True, check=True).stdout
    subprocess.run(["tar", "x", "-C", str(dest)], input=archive, check=True)


def build(repo: Path, commit: str, flavour: str, folder: Path, target: str = "",
          engine: str = "-fsanitize=fuzzer") -> Path:
    """Builds all targets, or one alone. Returns the folder with the programs."""
    src, out = folder / "src", folder / "out"
    checkout(repo, commit, src)
    out.mkdir()
    if target:
        for harness in (src / "fuzz").glob("fuzz_*.c"):
            if harness.stem != f"fuzz_{target}":
                harness.unlink()
    ccache = "ccache " if shutil.which("ccache") else ""
    flags = f"{COMMON} {FLAVOURS[flavour]}"
    env = os.environ | {
        "SRC": str(src), "OUT": str(out), "JOBS": "2", "FLAVOUR": flavour,
        "CC": ccache + tool("clang"), "CXX": ccache + tool("clang++"),
        "CFLAGS": flags + " -Werror", "CXXFLAGS": flags,
        "LIB_FUZZING_ENGINE": engine,
        # The folder differs from build to build and must not make objects differ.
        "CCACHE_BASEDIR": str(src), "CCACHE_NOHASHDIR": "1",
    }
    done = subprocess.run(["nice", str(ADAPTER / "build.sh")], env=env, cwd=src,
                          capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return out


def hang_limit_s(bug: dict) -> int:
    """The engine's alarm, where a hang is expected; elsewhere one that a busy host never hears.

    An alarm in the midst of a report locks up: both want the symbolizer.
    """
    if bug["kind"] != "timeout":
        return 60
    return targets()[bug["targets"][0]]["timeout_s"]


def await_end(pid: int, report: Path):
    """The status and the resources of a child. TSan can lock up behind its report: libFuzzer's
    death callback then takes locks that the report still holds."""
    told = 0.0
    while True:
        done, status, usage = os.wait4(pid, os.WNOHANG)
        if done:
            return status, usage
        if not told and b"\nSUMMARY: ThreadSanitizer" in report.read_bytes():
            told = time.monotonic()
        if told and time.monotonic() - told > 5:
            os.kill(pid, signal.SIGTERM)  # timeout's, which passes it on
            told = time.monotonic()
        time.sleep(0.02)


def run(binary: Path, *args: str, cwd: Path, hang_s: int = 60, cpu_s: int = 30) -> Result:
    """Runs a target and counts its CPU time; one that takes too much of it is killed."""
    # The wall clock is generous, for a host that does other things as well.
    limits = ["timeout", "--kill-after=1", str(4 * cpu_s), "prlimit", f"--cpu={cpu_s}"]
    target = targets().get(binary.name.removeprefix("fuzz_"), {})
    options = [f"-timeout={hang_s}",
               f"-rss_limit_mb={target.get('rss_limit_mb', 512)}",
               f"-max_len={target.get('max_len', 512)}"]
    symbolizer = shutil.which(tool("llvm-symbolizer")) or ""
    env = os.environ | {
        "ASAN_OPTIONS": f"external_symbolizer_path={symbolizer}",
        "MSAN_OPTIONS": f"external_symbolizer_path={symbolizer}",
        # The engine's own handler of a deadly signal allocates; that is not our subject.
        "TSAN_OPTIONS": ("halt_on_error=1:report_signal_unsafe=0:"
                         f"external_symbolizer_path={symbolizer}"),
        "UBSAN_OPTIONS": f"print_stacktrace=1:external_symbolizer_path={symbolizer}",
    }
    with open(cwd / "report", "w+", errors="replace") as report:
        child = subprocess.Popen(
            [*limits, "nice", str(binary), *options, *args],
            stdout=report, stderr=report, cwd=cwd, env=env)
        status, usage = await_end(child.pid, cwd / "report")
        child.returncode = os.waitstatus_to_exitcode(status)
        report.seek(0)
        return Result(child.returncode, report.read(), usage.ru_utime + usage.ru_stime)
