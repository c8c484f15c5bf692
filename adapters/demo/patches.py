"""Reads a change (changes/README.md shows the form) and combines several on one tree.

A tree is a dict from path to text. Every change is written against the base alone. Changes
are combined in the base's line numbers, as a merge does, so their order does not matter; two
that touch the same or neighbouring lines are refused.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from pathlib import Path

Tree = dict[str, str]
Edit = tuple[int, int, list[str]]  # replace base lines [start, end) by these


class PatchError(Exception):
    """A change does not fit its tree."""


@dataclass
class Hunk:
    path: str
    old: list[str] = field(default_factory=list)
    new: list[str] = field(default_factory=list)
    is_new_file: bool = False


@dataclass
class Commit:
    subject: str
    body: str
    hunks: list[Hunk]


@dataclass
class Change:
    name: str
    commits: list[Commit]

    @property
    def title(self) -> str:
        return self.commits[0].subject


def parse_change(name: str, text: str) -> Change:
    return Change(name, [parse_commit(part) for part in text.split("====\n")])


def parse_commit(text: str) -> Commit:
    head, _, diff = text.partition("\n--- ")
    subject, _, body = head.strip().partition("\n")
    return Commit(subject, body.strip(), parse_diff(("--- " + diff).splitlines()))


def parse_diff(lines: list[str]) -> list[Hunk]:
    hunks: list[Hunk] = []
    path, is_new_file = "", False
    for line in lines:
        if line.startswith("--- "):
            is_new_file = line == "--- /dev/null"
        elif line.startswith("+++ "):
            path = line.removeprefix("+++ b/")
        elif line == "@@":
            hunks.append(Hunk(path, is_new_file=is_new_file))
        else:
            add_line(hunks[-1], line)
    return hunks


def add_line(hunk: Hunk, line: str) -> None:
    mark, text = line[:1] or " ", line[1:]
    if mark not in " +-":
        raise PatchError(f"'{hunk.path}': a line starts with '{mark}'")
    if mark != "+":
        hunk.old.append(text)
    if mark != "-":
        hunk.new.append(text)


def apply_commit(tree: Tree, commit: Commit) -> Tree:
    tree = dict(tree)
    for hunk in commit.hunks:
        if hunk.is_new_file:
            tree[hunk.path] = join(hunk.new)
        else:
            tree[hunk.path] = apply_hunk(tree[hunk.path], hunk)
    return tree


def apply_hunk(text: str, hunk: Hunk) -> str:
    lines = text.splitlines()
    size = len(hunk.old)
    places = [i for i in range(len(lines) - size + 1) if lines[i : i + size] == hunk.old]
    if len(places) != 1:
        where = hunk.old[0] if hunk.old else ""
        raise PatchError(f"'{hunk.path}': {len(places)} places fit the hunk at '{where}'")
    return join(lines[: places[0]] + hunk.new + lines[places[0] + size :])


def edits_between(old: str, new: str) -> list[Edit]:
    before, after = old.splitlines(), new.splitlines()
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    return [
        (i1, i2, after[j1:j2])
        for kind, i1, i2, j1, j2 in matcher.get_opcodes()
        if kind != "equal"
    ]


class Merger:
    """A base and the changes that were merged into it so far."""

    def __init__(self, base: Tree) -> None:
        self.base = base
        self.edits: dict[str, list[Edit]] = {}
        self.added: Tree = {}

    def merge(self, head: Tree) -> Tree:
        """Takes a head that was made from the base; returns the files it changes now."""
        changed: Tree = {}
        for path, text in head.items():
            if path not in self.base:
                self.added[path] = changed[path] = text
            elif text != self.base[path]:
                mine = self.edits.setdefault(path, [])
                mine.extend(edits_between(self.base[path], text))
                changed[path] = apply_edits(path, self.base[path], mine)
        return changed


def apply_edits(path: str, text: str, edits: list[Edit]) -> str:
    lines = text.splitlines()
    result: list[str] = []
    done = 0
    for number, (start, end, new) in enumerate(sorted(edits, key=lambda edit: edit[:2])):
        if number > 0 and start <= done:
            raise PatchError(f"'{path}': two changes meet at line {start + 1}")
        result += lines[done:start] + new
        done = end
    return join(result + lines[done:])


def join(lines: list[str]) -> str:
    return "".join(line + "\n" for line in lines)


def read_changes(folder: Path) -> dict[str, Change]:
    return {
        path.stem: parse_change(path.stem, path.read_text())
        for path in sorted(folder.glob("*.patch"))
    }


def read_tree(folder: Path) -> Tree:
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
