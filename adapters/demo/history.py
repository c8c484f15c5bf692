"""Writes a plan as a git repository: a base, one branch per pull request, and staging."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from patches import Change, Merger, Tree, apply_commit
from plan import Plan
from units import unit_bytes

FIRST_DAY = 1_704_103_200  # 2024-01-01T10:00:00Z
PEOPLE = [
    ("Ada Quist", "ada@example.invalid"),
    ("Ben Oduya", "ben@example.invalid"),
    ("Chiara Lund", "chiara@example.invalid"),
    ("Dov Maren", "dov@example.invalid"),
]
KEEPER = ("Staging", "staging@example.invalid")
STEP = 5400  # seconds between two merges

# The machine's own settings of git must not reach the ids of the commits.
GIT_ENV = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C"}


@dataclass
class Entry:
    """One commit to write. Marks are positive numbers; files are those that differ."""

    branch: str
    mark: int
    who: tuple[str, str]
    time: int
    message: str
    files: Tree
    parents: list[int]


class Writer:
    def __init__(self, dest: Path, plan: Plan) -> None:
        self.dest = dest
        self.plan = plan
        self.time = FIRST_DAY + plan.seed % 10_000 * 3600
        self.marks = 0

    def git(self, *args: str, data: bytes | None = None) -> bytes:
        command = ["git", "-C", str(self.dest), *args]
        done = subprocess.run(command, input=data, env=os.environ | GIT_ENV,
                              capture_output=True, check=False)
        if done.returncode != 0:
            raise OSError(f"git {args[0]}: {done.stderr.decode(errors='replace').strip()}")
        return done.stdout

    def next_mark(self) -> int:
        self.marks += 1
        return self.marks

    def next_time(self) -> int:
        self.time += STEP
        return self.time

    def write(self, entries: list[Entry]) -> dict[int, str]:
        """Adds the commits; returns the id of every mark so far."""
        marks = self.dest / ".git" / "marks"
        stream = b"".join(self.render(entry) for entry in entries)
        self.git("fast-import", "--quiet", "--import-marks-if-exists=.git/marks",
                 "--export-marks=.git/marks", data=stream)
        pairs = (line.split() for line in marks.read_text().splitlines())
        return {int(mark[1:]): commit for mark, commit in pairs}

    def render(self, entry: Entry) -> bytes:
        name, mail = entry.who
        person = f"{name} <{mail}> {entry.time} +0000"
        lines = [
            f"commit refs/heads/{entry.branch}",
            f"mark :{entry.mark}",
            f"author {person}",
            f"committer {person}",
        ]
        head = "\n".join(lines).encode() + b"\n" + counted(entry.message.encode())
        for word, parent in zip(["from", *["merge"] * 9], entry.parents):
            head += f"{word} :{parent}\n".encode()
        return head + b"".join(self.render_file(*item) for item in entry.files.items())

    def render_file(self, path: str, text: str) -> bytes:
        if path.endswith(".hex"):
            path, data = path.removesuffix(".hex"), unit_bytes(text, self.plan)
        else:
            data = self.plan.in_source(text).encode()
        return f"M 100644 inline {path}\n".encode() + counted(data)


def counted(data: bytes) -> bytes:
    return f"data {len(data)}\n".encode() + data + b"\n"


@dataclass
class Head:
    change: Change
    number: int
    mark: int
    tree: Tree


def write_history(dest: Path, plan: Plan, base: Tree, changes: dict[str, Change],
                  only: list[str]) -> None:
    writer = Writer(dest, plan)
    writer.git("init", "--quiet", "--initial-branch=main")
    heads, entries = plan_heads(writer, base, changes)
    ids = writer.write(entries)
    staged = [head for head in heads if not only or head.change.name in only]
    writer.write(plan_merges(writer, base, staged, ids))
    (dest / ".git" / "marks").unlink()
    writer.git("checkout", "--quiet", "--force", "main")


def plan_heads(writer: Writer, base: Tree,
               changes: dict[str, Change]) -> tuple[list[Head], list[Entry]]:
    root = writer.next_mark()
    entries = [Entry("main", root, PEOPLE[0], writer.next_time(), "A small node\n", base, [])]
    heads = []
    for name in writer.plan.order:
        head, commits = plan_head(writer, base, changes[name], root)
        heads.append(head)
        entries += commits
    return heads, entries


def plan_head(writer: Writer, base: Tree, change: Change,
              root: int) -> tuple[Head, list[Entry]]:
    number = writer.plan.numbers[change.name]
    who = PEOPLE[number % len(PEOPLE)]
    tree, parent, entries = base, root, []
    for commit in change.commits:
        before, tree = tree, apply_commit(tree, commit)
        files = {path: text for path, text in tree.items() if before.get(path) != text}
        message = "\n\n".join(part for part in (commit.subject, commit.body) if part) + "\n"
        entry = Entry(f"pr/{number}", writer.next_mark(), who, writer.next_time(),
                      writer.plan.rename(message), files, [parent])
        entries.append(entry)
        parent = entry.mark
    return Head(change, number, parent, tree), entries


def plan_merges(writer: Writer, base: Tree, heads: list[Head],
                ids: dict[int, str]) -> list[Entry]:
    merger = Merger(base)
    tip = 1
    entries = []
    for head in heads:
        time = writer.next_time()
        message = merge_message(head, ids[head.mark], time)
        entry = Entry("staging", writer.next_mark(), KEEPER, time, message,
                      merger.merge(head.tree), [tip, head.mark])
        entries.append(entry)
        tip = entry.mark
    return entries


def merge_message(head: Head, commit: str, time: int) -> str:
    when = datetime.fromtimestamp(time, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    return (
        f"Promote PR #{head.number} to staging: {head.change.title}\n"
        "\n"
        f"PR: https://example.invalid/demo/pull/{head.number}\n"
        f"Head: {commit}\n"
        f"Head-Ref: pr/{head.number}\n"
        f"Promoted-At: {when}\n"
    )
