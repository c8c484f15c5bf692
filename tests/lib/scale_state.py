"""A state folder as large as a farm's after years: rows by SQL, contents of units in real packs.

The farm itself has made the folder, its adapter, build and targets before."""

from __future__ import annotations

import hashlib
import json
import random
import sqlite3
import struct
import time
from pathlib import Path

# What a unit is in a pack, and the first byte of its features: corpus/pack.c, corpus/features.c.
RECORD = struct.Struct("<IIII32s")
MAGIC, PLAIN = 0x31555749, 0
PACK_BYTES = 200 << 20
#: Features of a unit and of a target; how many different units' worth of them there are.
FEATURES, REACHED, KINDS = 100, 20000, 2000
POINTS, BUILDS, STAGED, DEEDS = 200, 400, 300, 5
OUTCOMES = ["staged", "interaction", "pre-existing", "suspect", "flaky", None]


def features_blob(rng: random.Random) -> bytes:
    """Differences in base 128, as the store has them."""
    out, last = bytearray([PLAIN]), 0
    for feature in sorted(rng.sample(range(REACHED), FEATURES)):
        delta, last = feature - last, feature
        while delta > 127:
            out.append(delta & 127 | 128)
            delta >>= 7
        out.append(delta)
    return bytes(out)


class Filler:
    def __init__(self, state: Path, sizes: dict[str, int]):
        self.state, self.sizes = state, sizes
        self.rng = random.Random(1)
        self.now = int(time.time() * 1000)
        self.db = sqlite3.connect(state / "ironworks.db", isolation_level=None)
        self.db.execute("PRAGMA synchronous = OFF")
        self.targets = [row[0] for row in self.db.execute("SELECT id FROM target ORDER BY id")]
        self.adapter, = self.db.execute("SELECT id FROM adapter").fetchone()
        self.build, = self.db.execute("SELECT max(id) FROM build").fetchone()
        self.blobs = [features_blob(self.rng) for _ in range(KINDS)]

    def fill(self) -> None:
        self.db.execute("BEGIN")
        for table in ("measure", "target_unit", "unit", "target_engine", "target_history"):
            self.db.execute(f"DELETE FROM {table}")
        for part in (self.builds, self.units, self.totals, self.bugs, self.crashes, self.staged):
            part()
        self.db.execute("COMMIT")
        self.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self.db.close()

    def many(self, table: str, columns: str, rows) -> None:
        marks = ", ".join("?" * len(columns.split(",")))
        self.db.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", rows)

    def ago(self) -> int:
        return self.now - self.rng.randrange(365 * 86400 * 1000)

    def builds(self) -> None:
        self.many("build", "closure, adapter_id, tree, flavour, is_ok, core_ms, made_ms", (
            (f"{i:032x}", self.adapter, f"{i // 6:040x}", "libfuzzer+asan+ubsan", 1, 9000, self.ago())
            for i in range(BUILDS)))

    def units(self) -> None:
        """Each belongs to one target and was measured on the reference build."""
        pack = offset = 0
        file = (self.state / "units" / f"{pack:04d}.pack").open("wb")
        units, members, measures = [], [], []
        for i in range(1, self.sizes["units"] + 1):
            content = b"unit %d" % i
            sha = hashlib.sha256(content).digest()
            record = RECORD.pack(MAGIC, PLAIN, len(content), len(content), sha) + content
            if offset > PACK_BYTES:
                file.close()
                pack, offset = pack + 1, 0
                file = (self.state / "units" / f"{pack:04d}.pack").open("wb")
            file.write(record)
            target = self.targets[i * len(self.targets) // (self.sizes["units"] + 1)]
            units.append((i, sha, len(content), pack, offset, len(record), self.now - i))
            members.append((target, i, "fuzz", self.now - i))
            measures.append((self.build, target, i, "passed", 200, FEATURES, self.blobs[i % KINDS]))
            offset += len(record)
        file.close()
        self.many("unit", "id, sha256, size, pack, offset, stored, added_ms", units)
        self.many("target_unit", "target_id, unit_id, origin, added_ms", members)
        self.many("measure", "build_id, target_id, unit_id, outcome, us, feature_count, features",
                  measures)

    def totals(self) -> None:
        self.db.execute("UPDATE target SET executions = id * 1000000007, core_ms = id * 86400, "
                        "found_ms = ? - id * 60000", (self.now,))
        self.many("target_engine", "target_id, engine, executions, core_ms, received, kept", (
            (t, engine, 10**9, 10**7, 5000, 500) for t in self.targets for engine in ("aflpp", "libfuzzer")))
        self.many("target_history", "target_id, at_ms, executions, features, units, per_second", (
            (t, self.now - 3600000 * (POINTS - i), i * 10**6, 100 * i, 5 * i, 20000)
            for t in self.targets for i in range(POINTS)))

    def bugs(self) -> None:
        frames = json.dumps([f"{word}_of_the_parser" for word in ("read", "check", "parse")])
        proof = json.dumps({"steps": [{"tree": "0" * 40, "answer": "bad", "runs": 8}] * 8})
        rows = []
        for i in range(1, self.sizes["bugs"] + 1):
            outcome = OUTCOMES[i % len(OUTCOMES)]
            prs = {"staged": [i % STAGED + 1], "interaction": [i % STAGED + 1, i % 7 + 1]}.get(outcome, [])
            sha = hashlib.sha256(b"bug %d" % i).digest()
            rows.append((i, self.adapter, self.targets[i % len(self.targets)],
                         "flaky" if outcome == "flaky" else "open", f"Heap-use-after-free READ {i}", 1,
                         frames, "libfuzzer+asan+ubsan", self.build, sha, 40, 400, 1, 8, 8,
                         outcome or "suspect", json.dumps(prs), proof, sha, f"demo/bug-{i}.md",
                         self.ago(), self.now - i, 60000))
        self.many("bug", "id, adapter_id, target_id, state, type, is_security, frames, flavour, build_id, "
                  "best, best_size, first_size, is_minimized, runs, hits, outcome, prs, proof, report, issue, "
                  "found_ms, changed_ms, core_ms", rows)
        self.many("bug_event", "bug_id, at_ms, what, text", (
            (i, self.now - i, "sighting", f"seen again, for the {n}th time")
            for i in range(1, self.sizes["bugs"] + 1) for n in range(DEEDS)))
        self.many("verdict", "bug_id, tree, answer, runs, hits", (
            (i, f"{n:040x}", "bad", 8, 8) for i in range(1, self.sizes["bugs"] + 1) for n in range(8)))

    def crashes(self) -> None:
        def rows():
            for i in range(1, self.sizes["crashes"] + 1):
                sha = hashlib.sha256(b"crash %d" % i).digest()
                is_bug = i % 10 != 0
                # Some bugs are seen all the time.
                bug = int(self.sizes["bugs"] * self.rng.random() ** 3) + 1
                yield (self.targets[i % len(self.targets)], self.build, "crash", sha, 40, sha,
                       "judged" if is_bug else "unreproducible", 8, 8 if is_bug else 0, "Heap-use-after-free",
                       bug if is_bug else None, self.now - i)
        self.many("crash", "target_id, build_id, kind, input, size, report, state, runs, hits, type, bug_id, "
                  "found_ms", rows())

    def staged(self) -> None:
        self.many("staged_pr", "adapter_id, pr, head, head_ref, merge, tree, promoted_ms, position, is_current, "
                  "since_ms, core_ms, executions", (
                      (self.adapter, i, f"{i:040x}", f"branch-{i}", f"{i:040x}", "0" * 40, self.ago(), i, 1,
                       self.ago(), 10**7, 10**9) for i in range(1, STAGED + 1)))
