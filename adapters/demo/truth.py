"""What each pull request is to show. For tests alone; nothing else may import it.

A bug's frames are its top functions, innermost first, without those of libraries and of the
sanitizers. Of a recursion they are its cycle, which a report may enter anywhere. A trigger is
written as a unit (units.py): it crashes every build that has the bug.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from patches import Change
from plan import BASE_GROUPS, GROUPS, Plan
from units import unit_bytes

PLAIN, ADDRESS, MEMORY, THREAD = (
    "libfuzzer", "libfuzzer+asan+ubsan", "libfuzzer+msan", "libfuzzer+tsan")
EVERY = [PLAIN, ADDRESS, MEMORY, THREAD]
UNTHREADED = [PLAIN, ADDRESS, MEMORY]


@dataclass
class Bug:
    id: str
    kind: str
    target: str
    flavours: list[str]
    frames: list[str]
    triggers: list[str]  # more than one: ways to the same bug
    paths: list[list[str]] = field(default_factory=list)  # the callers of frames, per trigger
    # Other targets that show it, by the change that adds each.
    also: dict[str, str] = field(default_factory=dict)
    outcome: str = "staged"
    rate: float = 1.0
    slow: bool = False
    # Where it shows at times or in another shape: glibc may notice a broken heap; MSan
    # fills a large block, so that the engine's watch of the memory may be first, which prints
    # no stack; TSan delays the engine's alarm for ever in a loop without system calls, and
    # dies of a deep stack before it can print it.
    maybe: list[str] = field(default_factory=list)


# By the groups of plan.py.
BUGS: dict[str, Bug] = {
    "tagged-texts": Bug(
        id="heap-overflow",
        kind="heap-buffer-overflow",
        target="message",
        flavours=[ADDRESS],
        maybe=[PLAIN],
        frames=["msg_keep_tagged", "msg_keep_text"],
        paths=[["msg_read_version"], ["msg_read_reject"]],
        triggers=[
            '@net_magic@ @type_version@ 0d00 08000000 08 @mark_text@ 08 "abcde"',
            '@net_magic@ @type_reject@ 0a00 12 08 @mark_text@ 08 "abcde"',
        ],
    ),
    "probes": Bug(
        id="assert",
        kind="assert",
        target="message",
        flavours=EVERY,
        frames=["msg_settle_probe", "msg_read_pong"],
        triggers=["@net_magic@ @type_pong@ 0400 @mark_probe@"],
    ),
    "long-batches": Bug(
        id="allocation-bomb",
        kind="out-of-memory",
        target="message",
        flavours=[ADDRESS, THREAD],
        maybe=[MEMORY],
        frames=["msg_read_batch", "msg_apply"],
        triggers=["@net_magic@ @type_batch@ 0400 00002002"],
    ),
    "fee-hints": Bug(
        id="signed-overflow",
        kind="signed-integer-overflow",
        target="transaction",
        flavours=[ADDRESS],
        frames=["tx_scale_fee", "tx_read_fee"],
        triggers=["0200 00 00 00000000 01 @tag_fee@ 08 ffffffffffffff7f"],
    ),
    "relative-locks": Bug(
        id="uninitialised-memory",
        kind="use-of-uninitialized-value",
        target="transaction",
        flavours=[MEMORY],
        frames=["tx_apply_delay", "tx_read_delay"],
        triggers=["0200 00 00 00000000 01 @tag_delay@ 05 02 10000000"],
    ),
    "notes": Bug(
        id="leak",
        kind="leak",
        target="transaction",
        flavours=[ADDRESS],
        frames=["tx_read_note", "tx_read_extra"],
        triggers=['0200 00 00 00000000 01 @tag_note@ 03 "a" 00 "b"'],
    ),
    "templates": Bug(
        id="recursion",
        kind="stack-overflow",
        target="script",
        flavours=UNTHREADED,
        maybe=[THREAD],
        frames=["vm_weigh_template", "vm_weigh_part"],
        triggers=["@op_template@ @mark_template@ 01 01"],
    ),
    "skip": Bug(
        id="endless-skip",
        kind="timeout",
        target="script",
        flavours=UNTHREADED,
        maybe=[THREAD],
        frames=["vm_do_skip"],
        triggers=["@op_skip@ @op_literal@ fe 00"],
    ),
    "pad": Bug(
        id="endless-clear",
        kind="timeout",
        target="script",
        flavours=UNTHREADED,
        maybe=[THREAD],
        frames=["vm_clear", "vm_do_clear"],
        triggers=["@op_clear@ 2001"],
    ),
    "step-hints": Bug(
        id="bad-shift",
        kind="invalid-shift",
        target="block",
        flavours=[ADDRESS],
        frames=["blk_add_step", "blk_apply_hint"],
        triggers=["0100 00000000 00000000 00000000 ffff001d 00 01 @hint_step@ 50000000"],
    ),
    "block-size": Bug(
        id="block-pair",
        kind="heap-buffer-overflow",
        target="block",
        flavours=[ADDRESS],
        maybe=[PLAIN],
        frames=["blk_fill_ranks", "blk_rank"],
        triggers=["@version_sorted@ 00000000 00000000 00000000 ffff001d 14"
                  + " 0102030400" * 20],
        outcome="interaction",
    ),
    "any-slot": Bug(
        id="flaky-assert",
        kind="assert",
        target="addrbook",
        flavours=EVERY,
        frames=["book_slot", "book_dial_any"],
        triggers=["@event_any@ @mark_service@"],
        also={"addrbook-target": "brief"},
        rate=0.2,
    ),
    "urgent": Bug(
        id="data-race",
        kind="data-race",
        target="relay",
        flavours=[THREAD],
        frames=["relay_note_urgent", "relay_work"],
        triggers=["00 01 @haste_urgent@ 01020304 10 01 0100 05060708 10"],
    ),
    "settings": Bug(
        id="old-overflow",
        kind="stack-buffer-overflow",
        target="settings",
        flavours=[ADDRESS],
        frames=["conf_take_word", "conf_read_peer"],
        triggers=['"peer.' + "quartz" * 12 + '=1" 0a'],
        outcome="pre-existing",
    ),
    "recent": Bug(
        id="use-after-free",
        kind="heap-use-after-free",
        target="addrbook",
        flavours=[ADDRESS, THREAD],
        frames=["book_show_recent", "book_apply"],
        triggers=["@event_add@ 0a000001 8d20 01 " + "@event_strike@ 0a000001 " * 4
                  + "@event_expire@ @event_recent@"],
        also={"addrbook-target": "brief"},
        outcome="pre-existing",
    ),
}


def make_truth(plan: Plan, changes: dict[str, Change], only: list[str]) -> dict[str, object]:
    staged = [name for name in plan.order if not only or name in only]
    guilty = {name for names in GROUPS.values() for name in names}
    return {
        "seed": plan.seed,
        "bugs": [describe_bug(plan, group, staged) for group in present_groups(plan, staged)],
        "harmless": [
            {"pr": plan.numbers[name], "name": name, "title": changes[name].title}
            for name in staged
            if name not in guilty
        ],
    }


def present_groups(plan: Plan, staged: list[str]) -> list[str]:
    """Half a pair shows nothing; a bug of the base is there whatever is staged."""
    whole = [group for group in plan.groups if set(GROUPS[group]) <= set(staged)]
    return plan.base_groups + whole


def describe_bug(plan: Plan, group: str, staged: list[str]) -> dict[str, object]:
    bug = BUGS[group]
    names = [] if group in BASE_GROUPS else GROUPS[group]
    numbers = [plan.numbers[name] for name in names]
    is_old = bug.outcome == "pre-existing"
    triggers = [unit_bytes(trigger, plan).hex() for trigger in bug.triggers]
    return {
        "id": bug.id,
        "prs": [] if is_old else numbers,
        # The pull request that adds the target without which an old bug cannot be seen.
        "uncovered_by": numbers[0] if is_old and numbers else None,
        "changes": names,
        "outcome": bug.outcome,
        "targets": [bug.target, *(bug.also[name] for name in bug.also if name in staged)],
        "flavours": bug.flavours,
        "maybe": bug.maybe,
        "kind": bug.kind,
        "frames": [plan.identifier(frame) for frame in bug.frames],
        "paths": [[plan.identifier(frame) for frame in path] for path in bug.paths],
        "rate": bug.rate,
        "slow": bug.slow,
        "trigger": triggers[0],
        "triggers": triggers,
    }
