"""The crashes of tests/bench/minimize.py: inputs, programs, and who says that two are one bug.

Eight are bugs of the demo project (seed 1), each found by libFuzzer with fixed seeds on the staged
tree. Ten are faults planted into zstd's decoder, in the places where such bugs live: lengths,
tables, checksums, repeated offsets, the order of blocks. Their inputs are what a compressor made
of text and records, a few hundred bytes to tens of KB.

Each program is built twice: for libFuzzer and us with clang, for afl-tmin with AFL++'s compiler,
both with ASan and UBSan. All of it is kept in build/bench/.
"""

from __future__ import annotations

import hashlib
import os
import random
import re
import shutil
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "integration"))

import demo_repo  # noqa: E402
from distil import ADAPTER, COMMON, SANITIZE, made_once, run, say  # noqa: E402

DEMO_BUGS = ("use-after-free", "heap-overflow", "assert", "signed-overflow", "recursion",
             "bad-shift", "block-pair", "old-overflow")
HUNTS = 2           # runs of libFuzzer for each bug of the demo; the largest input stays
HUNT_S = 30         # of CPU time each

HARNESS = r"""
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include "zstd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t room = 1 << 17;
	void *out = malloc(room);

	ZSTD_decompress(out, room, data, size);
	free(out);
	return 0;
}
"""
PLANTED = r"""
#include <stdlib.h>
static char *volatile planted_sink;
static unsigned planted_types;
#define PLANT(name) \
	__attribute__((noinline)) static void planted_##name(size_t n) \
	{ \
		planted_sink = malloc(n); \
		planted_sink[n] = 1; \
		free(planted_sink); \
	}
"""
BLOCK, FRAME = "decompress/zstd_decompress_block.c", "decompress/zstd_decompress.c"
ENTROPY = "common/entropy_common.c"
#: name: file, the line behind which the fault goes (or, with "<", before), the fault's condition
FAULTS = {
    "literals": (BLOCK, "                dctx->litEntropy = 1;\n",
                 "!singleStream && (litSize & 15) == 5"),
    "sequences": (BLOCK, "            ip += mlhSize;\n",
                  "nbSeq > 0x7F && (nbSeq & 7) == 3 && OFtype == set_compressed"),
    "repeat": (BLOCK, "<                        temp += !temp; ",
               "ll0 && seqState->prevOffset[0] > 500"),
    "counts": (ENTROPY, "    *maxSVPtr = charnum-1;\n",
               "charnum > 18 && *tableLogPtr <= 7 && (charnum & 1)"),
    "weights": (ENTROPY, "    *nbSymbolsPtr = (U32)(oSize+1);\n",
                "oSize > 100 && *tableLogPtr >= 9 && (rankStats[2] & 1)"),
    "checksum": (FRAME, "            RETURN_ERROR_IF(checkRead != checkCalc, checksum_wrong, \"\");\n",
                 "op - ostart > 200 && (checkRead & 3) == 1"),
    "blocks": (FRAME, "<        switch(blockProperties.blockType)\n",
               "((planted_types = planted_types << 2 | blockProperties.blockType) & 0x3f) == 0x24"),
    "content_size": (FRAME, "<    if (dctx->fParams.frameContentSize != ZSTD_CONTENTSIZE_UNKNOWN) {\n",
                     "dctx->fParams.frameContentSize - (U64)(op-ostart) - 1 < 64 &&"
                     " op - ostart > 300"),
    "dictionary": (FRAME, "<    ZSTD_DCtx_trace_end(dctx, (U64)(op-ostart), (U64)(ip-istart), "
                   "/* streaming */ 0);\n",
                   "dctx->fParams.dictID > 0xFFFF && op - ostart > 100"),
    "skippable": (FRAME, "                assert(skippableSize <= srcSize);\n",
                  "moreThan1Frame && skippableSize > 40"),
}


@dataclass
class Crash:
    name: str
    file: Path
    binary: Path        # of libFuzzer
    afl_binary: Path
    bug: dict | None    # of the demo's truth; None: a planted fault

    def shows(self, file: Path, scratch: Path) -> bool:
        """Whether this input, alone in a fresh process, is the same bug: nobody of ours is
        asked."""
        if self.bug:
            return demo_repo.run(self.binary, str(file), cwd=scratch).shows(self.bug)
        return fault_of(self.binary, file) == self.name


def fault_of(binary: Path, file: Path) -> str | None:
    """The planted fault that this input meets first."""
    done = subprocess.run([binary, file], capture_output=True, text=True, errors="replace",
                          check=False, timeout=60)
    found = re.search(r"#\d+ 0x[0-9a-f]+ in planted_(\w+)", done.stderr)
    return found.group(1) if found else None


# -- zstd ----------------------------------------------------------------------------------

def plant(lib: Path) -> None:
    for file in (BLOCK, FRAME, ENTROPY):
        path = lib / file
        text = path.read_text()
        # Behind the last include at the top.
        at = text.index("\n", text.rindex("\n#include", 0, 12_000) + 1) + 1
        mine = [name for name, fault in FAULTS.items() if fault[0] == file]
        head = PLANTED + "".join(f"PLANT({name})\n" for name in mine)
        text = text[:at] + head + text[at:]
        for name in mine:
            _, anchor, condition = FAULTS[name]
            before, anchor = anchor.startswith("<"), anchor.removeprefix("<")
            if anchor not in text:
                raise SystemExit(f"this zstd has no '{anchor.strip()}' in {file}")
            at = text.index(anchor) + (0 if before else len(anchor))
            text = text[:at] + f"if ({condition}) planted_{name}(8);\n" + text[at:]
        path.write_text(text.replace(
            "    /* Loop on each block */\n", "    planted_types = 0x3f;\n", 1))


def build_zstd(out: Path, cache: Path) -> None:
    say("building zstd's decoder with planted faults")
    out.mkdir()
    with tempfile.TemporaryDirectory(dir=cache, prefix="building-") as name:
        tree = Path(name)
        shutil.copytree(cache / "src" / "lib", tree / "lib")
        plant(tree / "lib")
        (tree / "harness.c").write_text(HARNESS)
        sources = [tree / "harness.c", *sorted((tree / "lib/common").glob("*.c")),
                   *sorted((tree / "lib/decompress").glob("*.c"))]
        for compiler, binary in (("clang-19", "zstd"), ("afl-clang-fast", "zstd-afl")):
            flags = COMMON if compiler == "clang-19" else COMMON.rpartition(" ")[0]
            run([compiler, *flags.split(), *SANITIZE.split(), "-fsanitize=fuzzer", "-w",
                 "-fno-sanitize=pointer-overflow", "-DMEM_FORCE_MEMORY_ACCESS=0",
                 "-DZSTD_DISABLE_ASM=1", "-DFUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION",
                 f"-I{tree}/lib", f"-ffile-prefix-map={tree}=.", *sources, "-o", out / binary],
                env={**os.environ, "AFL_QUIET": "1"})


def text_of(size: int, chance: random.Random) -> bytes:
    """Words that come again, as in a log or a program."""
    words = ["".join(chance.choices("etaoinshrdlucmfwyp", k=chance.randrange(2, 9)))
             for _ in range(120)]
    lines = []
    while sum(map(len, lines)) < size:
        lines.append(f"{chance.randrange(10_000):05} " + " ".join(
            chance.choices(words, k=chance.randrange(3, 12))) + "\n")
    return "".join(lines).encode()[:size]


def records_of(size: int, chance: random.Random) -> bytes:
    """A table of numbers, near to each other."""
    rows, value = [], 1000
    while len(rows) * 16 < size:
        value += chance.randrange(50)
        rows.append(struct.pack("<IIHHI", value, len(rows), chance.randrange(8),
                                chance.randrange(300), value * 3))
    return b"".join(rows)[:size]


def compress(content: bytes, *options: str) -> bytes:
    return subprocess.run(["zstd", "-q", "-c", *options], input=content, capture_output=True,
                          check=True).stdout


def blocks_of(content: bytes, level: int) -> list[bytes]:
    """What is between the header and the end of a frame, block by block, none the last."""
    frame = compress(content, "--no-check", f"-{level}")
    head = frame[4]
    at = 5 + (not head & 0x20) + (0, 1, 2, 4)[head & 3] + (
        (1 if head & 0x20 else 0), 2, 4, 8)[head >> 6]
    blocks = []
    while True:
        word = int.from_bytes(frame[at:at + 3], "little")
        size = 3 + (1 if word >> 1 & 3 == 1 else word >> 3)
        blocks.append((word & ~1).to_bytes(3, "little") + frame[at + 3:at + size])
        at += size
        if word & 1:
            return blocks


def raw_block(data: bytes) -> bytes:
    return (len(data) << 3).to_bytes(3, "little") + data


def rle_block(byte: int, count: int) -> bytes:
    return (count << 3 | 2).to_bytes(3, "little") + bytes([byte])


def frame_of(blocks: list[bytes], content_size: int | None = None,
             dictionary: int | None = None) -> bytes:
    """A frame with these blocks; content_size and dictionary take four bytes each."""
    head = (0x80 if content_size is not None else 0) | (3 if dictionary is not None else 0)
    out = struct.pack("<IBB", 0xFD2FB528, head, 0x50)
    if dictionary is not None:
        out += struct.pack("<I", dictionary)
    if content_size is not None:
        out += struct.pack("<I", content_size)
    last = blocks[-1]
    return out + b"".join(blocks[:-1]) + bytes([last[0] | 1]) + last[1:]


def skippable_of(payload: bytes) -> bytes:
    return struct.pack("<II", 0x184D2A53, len(payload)) + payload


def zstd_inputs(fault: str, chance: random.Random) -> Iterator[bytes]:
    """Inputs one of which will meet the fault."""
    sizes = {"literals": 3000, "sequences": 20_000, "repeat": 50_000, "counts": 9000,
             "weights": 9000, "checksum": 2500}
    while True:
        make = records_of if fault in ("weights", "counts") or chance.random() < 0.2 else text_of
        level = chance.randrange(1, 19)
        size = sizes.get(fault, 2000) + chance.randrange(500)
        content = make(size, chance)
        if fault == "checksum":
            yield (skippable_of(text_of(300, chance)) + compress(text_of(700, chance), "--no-check")
                   + compress(content, "--check", f"-{level}"))
        elif fault == "blocks":
            yield frame_of([raw_block(chance.randbytes(200)), *blocks_of(content, level),
                            rle_block(65, 900), raw_block(chance.randbytes(300)),
                            *blocks_of(text_of(1500, chance), level)])
        elif fault == "content_size":
            yield (compress(text_of(900, chance), "--no-check") +
                   frame_of([*blocks_of(content, level), raw_block(chance.randbytes(500)),
                             rle_block(7, 400)], len(content) + 400 + 500 + 9))
        elif fault == "dictionary":
            yield frame_of([*blocks_of(content, level), rle_block(9, 100)],
                           dictionary=chance.randrange(1 << 20, 1 << 32))
        elif fault == "skippable":
            yield (compress(content, "--no-check") + skippable_of(chance.randbytes(700)) +
                   compress(text_of(1200, chance), "--no-check"))
        else:
            yield compress(content, "--no-check", f"-{level}")


def find_zstd(out: Path, binary: Path) -> None:
    out.mkdir()
    for fault in FAULTS:
        chance, file = random.Random(f"zstd {fault}"), out / fault
        for tries, data in enumerate(zstd_inputs(fault, chance), 1):
            file.write_bytes(data)
            if fault_of(binary, file) == fault:
                break
            if tries == 400:
                raise SystemExit(f"no input for the fault '{fault}' in {tries} tries")
        say(f"{fault}: {len(data)} bytes after {tries} tries")


# -- the demo ------------------------------------------------------------------------------

def build_demo(out: Path, repo: Path) -> None:
    say("building the demo")
    out.mkdir()
    made = demo_repo.build(repo, "staging", "libfuzzer+asan+ubsan", out / "libfuzzer")
    assert made == out / "libfuzzer" / "out"
    shutil.copytree(out / "libfuzzer" / "src", out / "afl-src")
    (out / "afl").mkdir()
    flags = f"-O1 -g -fno-omit-frame-pointer -DFUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION {SANITIZE}"
    run([demo_repo.ADAPTER / "build.sh"], cwd=out / "afl-src", env={
        **os.environ, "SRC": str(out / "afl-src"), "OUT": str(out / "afl"), "JOBS": "2",
        "CC": "afl-clang-fast", "CXX": "afl-clang-fast++", "CFLAGS": flags, "CXXFLAGS": flags,
        "LIB_FUZZING_ENGINE": "-fsanitize=fuzzer", "FLAVOUR": "aflpp", "AFL_QUIET": "1"})


def write_units(folder: Path, seeds: Path, chance: random.Random) -> None:
    """The seeds, each with others behind it: what has been fuzzed for a while is long."""
    units = [file.read_bytes() for file in sorted(seeds.iterdir())]
    folder.mkdir()
    for i, unit in enumerate(units):
        while len(unit) < 300:
            unit += chance.choice(units)
        (folder / str(i)).write_bytes(unit[:480])


def hunt(bug: dict, binary: Path, folder: Path) -> bytes:
    """The largest input for the bug that so many runs of libFuzzer found."""
    best = b""
    for seed in range(1, HUNTS + 1):
        with tempfile.TemporaryDirectory(dir=folder) as name:
            cwd = Path(name)
            write_units(cwd / "units", Path(f"{binary}_seed_corpus"), random.Random(seed))
            done = demo_repo.run(binary, f"-seed={seed}", "-len_control=0", "units",
                                 f"{binary}_seed_corpus", cwd=cwd, cpu_s=HUNT_S)
            for file in cwd.glob("crash-*"):
                if done.shows(bug) and file.stat().st_size > len(best):
                    best = file.read_bytes()
    return best


def lengthen(bug: dict, binary: Path, data: bytes, folder: Path) -> bytes:
    """Other units before and behind it, as far as the bug still shows."""
    chance = random.Random(bug["id"])
    units = [file.read_bytes() for file in sorted(Path(f"{binary}_seed_corpus").iterdir())]
    with tempfile.TemporaryDirectory(dir=folder) as name:
        file = Path(name) / "input"
        for i in range(12):
            other = b"".join(chance.choices(units, k=4))[:150]
            longer = (data + other if i % 2 else other + data)[:500]
            file.write_bytes(longer)
            if len(data) < 300 and demo_repo.run(binary, str(file), cwd=Path(name)).shows(bug):
                data = longer
    return data


def find_demo(out: Path, programs: Path, truth: dict) -> None:
    out.mkdir()
    for bug in truth["bugs"]:
        if bug["id"] in DEMO_BUGS:
            binary = programs / f"fuzz_{bug['targets'][0]}"
            found = hunt(bug, binary, out) or bytes.fromhex(bug["trigger"])
            data = lengthen(bug, binary, found, out)
            say(f"{bug['id']}: {len(data)} bytes, found with {len(found)}")
            (out / bug["id"]).write_bytes(data)


# -- all -----------------------------------------------------------------------------------

def key() -> str:
    """Of what the programs and inputs are made of."""
    return hashlib.sha256(repr((FAULTS, PLANTED, HARNESS, COMMON, SANITIZE, HUNTS)).encode()
                          ).hexdigest()[:12]


def all_crashes(cache: Path, zstd: Path) -> list[Crash]:
    """cache: this bench's own folder; zstd: the one with zstd's sources."""
    cache.mkdir(parents=True, exist_ok=True)
    made_once(zstd / "src", lambda dest: run([ADAPTER / "fetch", dest]))
    programs = made_once(cache / "zstd", lambda out: build_zstd(out, zstd))
    inputs = made_once(cache / "zstd-inputs", lambda out: find_zstd(out, programs / "zstd"))
    crashes = [Crash(fault, inputs / fault, programs / "zstd", programs / "zstd-afl", None)
               for fault in FAULTS]
    with tempfile.TemporaryDirectory(dir=cache, prefix="repo-") as name:
        repo, truth = demo_repo.generate_with_truth(Path(name), 1)
        demo = made_once(cache / "demo", lambda out: build_demo(out, repo))
    found = made_once(cache / "demo-inputs",
                      lambda out: find_demo(out, demo / "libfuzzer" / "out", truth))
    for bug in truth["bugs"]:
        if bug["id"] in DEMO_BUGS:
            target = f"fuzz_{bug['targets'][0]}"
            crashes.append(Crash(bug["id"], found / bug["id"],
                                 demo / "libfuzzer" / "out" / target, demo / "afl" / target, bug))
    return crashes
