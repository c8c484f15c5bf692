"""Batches for the driver and results from it: supervisor/engine/driver_format.h in Python."""

import os
import struct
import subprocess
from collections import namedtuple
from pathlib import Path

MEASURED, DIED, TIMEOUT, OOM, LEAK, EXIT, SKIPPED, UNFIT, FAILED, END = range(1, 11)
DEATHS = {DIED, TIMEOUT, OOM, LEAK, EXIT}
REJECTED, WROTE = 1, 2
HAS_LSAN, HAS_HOOKS, HAS_STACKS, SPAWNS, OTHER_COUNTERS = 1, 2, 4, 8, 16
EXIT_STOPPED, EXIT_UNFIT, EXIT_BAD_INPUT, EXIT_IO = 110, 111, 112, 113

Record = namedtuple("Record", "kind flags run index us status count payload")


def batch(units):
    head = struct.pack("<8sII", b"IWBATCH", 1, len(units))
    return head + b"".join(struct.pack("<I", len(u)) + u for u in units)


def features(payload):
    found, last, value, shift = [], 0, 0, 0
    for byte in payload:
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            last += value
            found.append(last)
            value = shift = 0
    assert shift == 0, "payload ends within a number"
    return found


class Result:
    """A parsed result file; parsing asserts its form."""

    def __init__(self, data):
        magic, version, self.units, self.counters, self.flags, _ = struct.unpack_from(
            "<8sIIQII", data)
        assert magic == b"IWRESLT\0" and version == 1
        self.records = []
        at = 32
        while at < len(data):
            kind, flags, run, index, us, status, count, size = struct.unpack_from(
                "<BBHIIIII", data, at)
            at += 24
            assert at + size <= len(data), "torn record"
            self.records.append(
                Record(kind, flags, run, index, us, status, count, data[at:at + size]))
            at += size

    def of(self, *kinds):
        return [r for r in self.records if r.kind in kinds]

    @property
    def deaths(self):
        return {r.index: r for r in self.of(*DEATHS)}

    @property
    def measured(self):
        return {r.index: r for r in self.of(MEASURED)}

    @property
    def features(self):
        return {r.index: features(r.payload) for r in self.of(MEASURED)}

    @property
    def is_complete(self):
        return bool(self.records) and self.records[-1].kind == END


def prepare(directory, units, **options):
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "batch").write_bytes(units if isinstance(units, bytes) else batch(units))
    (directory / "spec").write_bytes(
        b"".join(f"{k}={v}".encode() + b"\0" for k, v in options.items()))


def environment(directory, preload, env=None):
    return {"PATH": os.environ["PATH"], "LD_PRELOAD": str(preload),
            "IRONWORKS_DRIVER": str(directory), **(env or {})}


def run(binary, directory, preload, units, env=None, timeout=30, **options):
    """Runs a batch. Returns (exit status, Result or None, text of stderr)."""
    directory = Path(directory)
    prepare(directory, units, **options)
    done = subprocess.run([str(binary), "-runs=0"], env=environment(directory, preload, env),
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=timeout, check=False)
    path = directory / "result"
    result = Result(path.read_bytes()) if path.exists() and path.stat().st_size else None
    return done.returncode, result, done.stdout.decode(errors="replace")
