"""What the demo's truth says about the bugs that a farm reported.

Read by tests and benches only: the farm must find out by itself.
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "adapters" / "demo"

# The words of triage for the kinds of adapters/demo/truth.py.
TYPES = {
    "heap-buffer-overflow": "heap-buffer-overflow",
    "stack-buffer-overflow": "stack-buffer-overflow",
    "heap-use-after-free": "heap-use-after-free",
    "signed-integer-overflow": "integer-overflow",
    "invalid-shift": "undefined-shift",
    "use-of-uninitialized-value": "use-of-uninitialized-value",
    "data-race": "data race",
    "stack-overflow": "stack-overflow",
    "timeout": "timeout",
    "out-of-memory": "out-of-memory",
    "leak": "leak",
    "assert": "assert",
}

PROVEN = ("staged", "interaction", "pre-existing")


def make_truth(home: Path, seed: int) -> dict:
    """Generates the history once more, beside the farm's, for its truth."""
    path = home / f"truth-{seed}.json"
    subprocess.run([DEMO / "generate", "--seed", str(seed), "--truth", path,
                    home / f"history-{seed}"], check=True, timeout=60, capture_output=True)
    return json.loads(path.read_text(encoding="utf-8"))


def is_kind(bug: dict, kind: str) -> bool:
    return TYPES[kind] in bug["type"].lower()


def true_bug(truth: dict, bug: dict) -> dict | None:
    """The planted bug that was reported, by target and innermost functions; or None."""
    target = bug["target"].removeprefix("fuzz_")
    for row in truth["bugs"]:
        if target not in row["targets"] or not set(bug["frames"][:2]) & set(row["frames"]):
            continue
        # Elsewhere it may show in another shape: truth.py, `maybe`.
        if is_kind(bug, row["kind"]) or bug["flavour"] not in row["flavours"]:
            return row
    return None


@dataclass
class Verdict:
    """One farm's bugs, held against the truth."""

    found: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)  # not attributed, or not proven


def judge(truth: dict, bugs: list[dict]) -> Verdict:
    """Which planted bugs were found, which twice, and who was blamed wrongly."""
    verdict = Verdict()
    for bug in bugs:
        row = true_bug(truth, bug)
        words = f"{bug['type']} in {(bug['frames'] or ['?'])[0]}".replace("\n", " ")
        if row is None:
            verdict.unknown.append(words)
            continue
        if row["id"] in verdict.found:
            verdict.doubled.append(f"{row['id']}: {words}")
            continue
        verdict.found.append(row["id"])
        if bug["outcome"] not in PROVEN:
            verdict.open.append(row["id"])
        elif bug["outcome"] != row["outcome"] or sorted(bug["prs"]) != sorted(row["prs"]):
            verdict.wrong.append(f"{row['id']}: {bug['outcome']} {bug['prs']}, "
                                 f"truth {row['outcome']} {row['prs']}")
    return verdict
