"""What a farm must not lose, counted by a fake engine behind its back."""

from __future__ import annotations

import contextlib
import ctypes
import ctypes.util
import hashlib
import struct
from pathlib import Path

from conftest import ROOT, rows

SOURCE = ROOT / "tests" / "fake" / "engine.c"

# LEDGER goes into the binary: neither the state nor the adapter says where it is.
BUILD = """#!/bin/sh
set -eu
$CC -O1 -DLEDGER='"{ledger}"' {more} "$SRC/engine.c" -o "$OUT/engine"
"""

# struct record of corpus/pack.c.
RECORD = struct.Struct("<IIII32s")


def make_adapter(tiny, ledger, name="fake", more=""):
    """An adapter whose one target is the fake engine; more: words for its compiler."""
    return tiny(name, {"engine.c": SOURCE.read_text(encoding="utf-8")},
                build=BUILD.format(ledger=ledger, more=more),
                targets=[{"name": "engine", "max_len": 64, "timeout_s": 2, "leaks": False}])


def read_ledger(path):
    """{"unit": contents, "crash": contents}: what was complete on disk; and the
    engines, as PID.TIME, that "start", "end" by themselves and are "stopped"; "cpu" is
    PID.MILLISECONDS, where they count it."""
    found = {what: set() for what in ("unit", "crash", "start", "end", "stopped", "cpu")}
    # A line that was cut off is of a file that nobody said to be complete.
    text = path.read_text(encoding="ascii") if path.exists() else ""
    for line in text[:text.rfind("\n") + 1].splitlines():
        what, _, content = line.partition(" ")
        found[what].add(bytes.fromhex(content))
    return found


def decompress(frame, size):
    zstd = ctypes.CDLL(ctypes.util.find_library("zstd") or "libzstd.so.1")
    out = ctypes.create_string_buffer(size + 1)
    zstd.ZSTD_decompress.restype = ctypes.c_size_t
    n = zstd.ZSTD_decompress(out, ctypes.c_size_t(size), frame, ctypes.c_size_t(len(frame)))
    assert n == size, "a unit's record does not decompress"
    return out.raw[:size]


def stored_units(state):
    """The contents of all units, read from the packs themselves."""
    contents = []
    with contextlib.ExitStack() as stack:
        packs = {}
        for sha, size, pack, offset, stored in rows(
                state, "SELECT sha256, size, pack, offset, stored FROM unit"):
            if pack not in packs:
                path = next(p for p in (Path(state) / "units").glob("*.pack")
                            if int(p.stem) == pack)
                packs[pack] = stack.enter_context(path.open("rb"))
            packs[pack].seek(offset)
            record = packs[pack].read(stored)
            _, codec, n, body_len, sha_in_pack = RECORD.unpack_from(record)
            body = record[RECORD.size:]
            assert (n, len(body), sha_in_pack) == (size, body_len, sha)
            content = body if codec == 0 else decompress(body, n)
            assert hashlib.sha256(content).digest() == sha, "a unit is damaged"
            contents.append(content)
    return contents


def stored_crashes(state):
    """The inputs of all crashes, read from the artifacts."""
    contents = []
    for (sha,) in rows(state, "SELECT input FROM crash"):
        name = sha.hex()
        content = (Path(state) / "artifacts" / name[:2] / name[2:]).read_bytes()
        assert hashlib.sha256(content).digest() == sha, "an artifact is damaged"
        contents.append(content)
    return contents


def assert_nothing_lost(state, ledger):
    """Every finding of the ledger is in the store, whole, and only once."""
    wanted = read_ledger(ledger)
    units, crashes = stored_units(state), stored_crashes(state)
    assert len(units) == len(set(units)), "a unit is stored twice"
    assert len(crashes) == len(set(crashes)), "a crash is stored twice"
    lost_units, lost_crashes = wanted["unit"] - set(units), wanted["crash"] - set(crashes)
    assert not lost_units and not lost_crashes, (
        f"lost {len(lost_units)} of {len(wanted['unit'])} units "
        f"and {len(lost_crashes)} of {len(wanted['crash'])} crashes, "
        f"e.g. {sorted(lost_units | lost_crashes)[:3]}")
    return len(wanted["unit"]), len(wanted["crash"])
