"""What a seed decides: which changes exist, in which order, under which numbers and names."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

# Changes that travel together, so that a seed has all of a group or none of it. The other
# changes are plain: a seed has at least PLAIN_MIN of them.
GROUPS: dict[str, list[str]] = {
    "tagged-texts": ["message-tagged-texts"],
    "probes": ["message-probes"],
    "long-batches": ["message-long-batches"],
    "fee-hints": ["transaction-fee-hints"],
    "relative-locks": ["transaction-relative-locks"],
    "notes": ["transaction-notes"],
    "templates": ["script-templates"],
    "skip": ["script-skip"],
    "pad": ["script-pad"],
    "step-hints": ["block-step-hints"],
    "block-size": ["block-larger", "block-ranks"],
    "any-slot": ["addrbook-any-slot"],
    "urgent": ["relay-urgent"],
    "settings": ["settings-target"],
}
# Of the base itself. A seed without it gets the base with mends/<name>.patch applied.
BASE_GROUPS = {"recent": "addrbook-recent"}
# Targets that a pull request adds, through which a bug of the base can be found, too. They are
# staged last and draw nothing, so that numbers and names of a seed do not depend on them.
LATE = {"recent": ["addrbook-target"]}

GROUPS_MIN = 9
PLAIN_MIN = 12
FULL_SEEDS = {1, 2, 3}

# Bytes from where the protocol tells things apart. Within a row all values differ, so that a
# switch over them compiles; the width is in bytes.
VALUES: list[tuple[int, list[str]]] = [
    (4, ["net_magic", "mark_probe"]),
    (1, [f"type_{x}" for x in
         "version reject ping pong inventory headers batch features unknown".split()]),
    (2, [f"tag_{x}" for x in "memo expiry group fee delay note".split()]),
    (2, [f"hint_{x}" for x in "height weight step".split()]),
    (1, [f"op_{x}" for x in
         "push add sub dup drop equal verify jump call return digest end template "
         "literal skip clear swap".split()]),
    (1, ["mark_service", "mark_template", "haste_urgent"]),
    (1, [f"event_{x}" for x in "add remove strike expire dial recent any".split()]),
    (2, ["mark_text", "version_sorted"]),
]

# The first word of an identifier says its module; the first of each row is the base's.
MODULES = [
    ["cur", "rd", "scan"],
    ["msg", "wire", "packet"],
    ["tx", "txn", "transfer"],
    ["vm", "interp", "machine"],
    ["blk", "block", "chunk"],
    ["book", "addr", "directory"],
    ["relay", "gossip", "spread"],
    ["conf", "settings", "prefs"],
    ["sum", "mix", "fold"],
]
# The words after it. A word must not occur in two rows.
WORDS = [
    ["read", "parse", "decode"],
    ["keep", "store", "retain"],
    ["settle", "finish", "close"],
    ["tagged", "marked", "labelled"],
    ["batch", "bulk", "bundle"],
    ["scale", "convert", "adjust"],
    ["apply", "handle", "enact"],
    ["delay", "wait", "hold"],
    ["note", "record", "mark"],
    ["weigh", "measure", "size"],
    ["part", "piece", "member"],
    ["skip", "pass", "leap"],
    ["clear", "wipe", "reset"],
    ["step", "stride", "notch"],
    ["fill", "write", "set"],
    ["ranks", "positions", "places"],
    ["recent", "newest", "latest"],
    ["slot", "seat", "cell"],
    ["urgent", "hurried", "express"],
    ["work", "serve", "process"],
    ["take", "copy", "fetch"],
]

IDENTIFIER = re.compile(r"\b[a-z]+(?:_[a-z0-9]+)+\b")
PLACEHOLDER = re.compile(r"@([a-z]+(?:_[a-z]+)+)@")


@dataclass
class Plan:
    seed: int
    groups: list[str]
    base_groups: list[str]
    order: list[str]
    numbers: dict[str, int]
    values: dict[str, int]
    widths: dict[str, int]
    words: dict[str, str]

    def rename(self, text: str) -> str:
        """Gives every identifier of the project its name under this seed."""
        return IDENTIFIER.sub(lambda match: self.identifier(match.group()), text)

    def identifier(self, name: str) -> str:
        module, *rest = name.split("_")
        if module not in self.words or module not in MODULE_WORDS:
            return name
        return "_".join([self.words[module], *(self.words.get(x, x) for x in rest)])

    def in_source(self, text: str) -> str:
        return PLACEHOLDER.sub(lambda match: self.number(match.group(1)), self.rename(text))

    def number(self, name: str) -> str:
        return f"0x{self.values[name]:0{2 * self.widths[name]}x}"

    def in_bytes(self, name: str) -> bytes:
        return self.values[name].to_bytes(self.widths[name], "little")


MODULE_WORDS = {row[0] for row in MODULES}


def make_plan(seed: int, changes: list[str]) -> Plan:
    # A string keeps seeds apart from each other and from Python's hashing.
    rng = random.Random(f"pebble {seed}")
    base_groups, groups = choose_groups(rng, seed)
    grouped = {name for names in [*GROUPS.values(), *LATE.values()] for name in names}
    plain = [name for name in changes if name not in grouped]
    order = [name for group in groups for name in GROUPS[group]]
    order += rng.sample(plain, rng.randint(PLAIN_MIN, len(plain)))
    rng.shuffle(order)
    numbers = choose_numbers(rng, order)
    late = [name for group in base_groups for name in LATE.get(group, [])]
    last = max(numbers.values())
    return Plan(
        seed=seed,
        groups=groups,
        base_groups=base_groups,
        order=order + late,
        numbers=numbers | {name: last + i for i, name in enumerate(late, 1)},
        values=choose_values(rng),
        widths={name: width for width, names in VALUES for name in names},
        words=choose_words(rng),
    )


def choose_groups(rng: random.Random, seed: int) -> tuple[list[str], list[str]]:
    every = [*BASE_GROUPS, *GROUPS]
    size = rng.randint(GROUPS_MIN, len(every))
    chosen = set(every if seed in FULL_SEEDS else rng.sample(every, size))
    return ([x for x in BASE_GROUPS if x in chosen], [x for x in GROUPS if x in chosen])


def choose_numbers(rng: random.Random, order: list[str]) -> dict[str, int]:
    """Rising, with gaps; now and then an older pull request is promoted later."""
    first = rng.randint(20, 900)
    numbers = sorted(rng.sample(range(first, first + 4 * len(order)), len(order)))
    for i in range(len(numbers) - 1):
        if rng.random() < 0.25:
            numbers[i], numbers[i + 1] = numbers[i + 1], numbers[i]
    return dict(zip(order, numbers))


def choose_values(rng: random.Random) -> dict[str, int]:
    values: dict[str, int] = {}
    for width, names in VALUES:
        taken: set[int] = set()
        for name in names:
            values[name] = choose_value(rng, width, taken)
    return values


def choose_value(rng: random.Random, width: int, taken: set[int]) -> int:
    # No byte is one that a fuzzer writes by itself, and 0xf8 upwards is kept for "unknown".
    while True:
        value = int.from_bytes(bytes(rng.randint(0x11, 0xf7) for _ in range(width)), "big")
        if value not in taken:
            taken.add(value)
            return value


def choose_words(rng: random.Random) -> dict[str, str]:
    return {row[0]: rng.choice(row) for row in MODULES + WORDS}
