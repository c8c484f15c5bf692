"""The rules of the house that a machine can check: layers, sizes, names, SQL, the schema.

Each rule says in its message which file breaks it, so that a failure is a list of what to do.
"""

import os
import re
import sqlite3
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# Who may include whom: a room sees those with a smaller number, and itself.
LAYERS = {
    "base": 1,
    "sanitizers": 2, "engine": 2, "tracker": 2,
    "adapters": 3,
    "corpus": 4,
    "triage": 5,
    "farm": 6, "scheduler": 6,
    "web": 7, "cli": 7,
    "program": 8,
}
IN_SUPERVISOR = ["base", "engine", "tracker", "scheduler", "web", "cli"]

TOP_LEVEL = {
    "CMakeLists.txt", "README.md", "quickstart", "check", "CMakePresets.json", "flake.nix",
    "flake.lock", "LICENSE", "CHANGELOG.md",
    "supervisor", "corpus", "triage", "sanitizers", "adapters", "nix", "tests",
}

MAX_LINES = 600
MAX_README_LINES = 60

# Hosts that a reader may be sent to. All others are somebody's machine.
PUBLIC_HOSTS = re.compile(
    r"(^|\.)(llvm\.org|json-schema\.org|github\.com|kernel\.org|sqlite\.org|libgit2\.org"
    r"|gnu\.org|rfc-editor\.org|debian\.org|nixos\.org|keepachangelog\.com|semver\.org|oasis-open\.org)$")
RESERVED_HOSTS = re.compile(
    r"(^|\.)(example(\.(org|com|net))?|invalid|test|localhost)$|^127\.0\.0\.1$")


def listed():
    """What is, or would be, in the repository; without git whatever lies here."""
    git = ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others",
           "--exclude-standard"]
    try:
        out = subprocess.run(git, cwd=ROOT, capture_output=True, check=True).stdout.decode()
        names = {Path(n) for n in out.split("\0") if n}
    except (OSError, subprocess.CalledProcessError):
        names = {p.relative_to(ROOT) for p in ROOT.rglob("*")}
        names = {p for p in names if p.parts[0] not in (".git", "build")}
    return sorted(p for p in names if (ROOT / p).is_file())


FILES = listed()


def read(path):
    return (ROOT / path).read_text(encoding="utf-8", errors="replace")


def is_in(path, folder):
    return Path(folder) in path.parents


def is_projects_own(path):
    """Files that an adapter carries belong to its project and keep that one's style."""
    return len(path.parts) > 2 and path.parts[0] == "adapters"


def is_data(path):
    return is_in(path, "tests/data") or is_in(path, "tests/fuzz/corpus")


def our_c(*suffixes):
    return [p for p in FILES if p.suffix in (suffixes or (".c", ".h", ".inc"))
            and not is_projects_own(p) and not is_data(p)]


def product_c(*suffixes):
    return [p for p in our_c(*suffixes) if not is_in(p, "tests")]


def shebang(path):
    with open(ROOT / path, "rb") as f:
        return f.read(2) == b"#!"


def without_comments(text):
    """C without comments; strings stay, and so do the line numbers."""
    def blank(match):
        found = match[0]
        return found if found[0] in "\"'" else re.sub(r"[^\n]", " ", found)
    return re.sub(r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|/\*.*?\*/|//[^\n]*', blank, text,
                  flags=re.S)


def without_strings(text):
    return re.sub(r'"(?:\\.|[^"\\\n])*"', '""', without_comments(text))


def line_of(text, at):
    return text.count("\n", 0, at) + 1


def none(found):
    """A rule holds when nothing was found that breaks it."""
    found = sorted(found)
    assert not found, "\n" + "\n".join(found)


# Layers


def room_of_file(path):
    # It wires the rooms that do not know each other.
    if path == Path("supervisor/cli/main.c"):
        return "program"
    if path.parts[0] == "supervisor":
        inner = path.parts[1]
        return inner if inner in IN_SUPERVISOR else "farm"
    return path.parts[0]


def room_of_include(name, path):
    first = name.split("/")[0] if "/" in name else ""
    if first in LAYERS and first != "farm":
        return first
    # A header of supervisor/ itself has no folder; a room's own needs one.
    return "farm" if not first and (ROOT / "supervisor" / name).exists() else None


@pytest.mark.parametrize("room", sorted(LAYERS))
def test_layers(room):
    found = []
    for path in product_c():
        if room_of_file(path) != room:
            continue
        for name in re.findall(r'^#include "([^"]+)"', read(path), re.M):
            seen = room_of_include(name, path)
            if seen is None:
                found.append(f"{path}: includes \"{name}\", which names no room")
            elif seen != room and LAYERS[seen] >= LAYERS[room]:
                found.append(f"{path}: {room} must not know {seen} (\"{name}\")")
    none(found)


def test_layers_of_libraries():
    """A room's library links only rooms below it."""
    found = []
    for folder in (".", "supervisor"):
        text = read(Path(folder) / "CMakeLists.txt")
        for room, links in re.findall(r"^ironworks_room\((\w+) \S+([^)]*)\)", text, re.M):
            for link in re.findall(r"\biw_(\w+)", links):
                if link not in LAYERS or LAYERS[link] >= LAYERS[room]:
                    found.append(f"{folder}/CMakeLists.txt: {room} links {link}")
    none(found)


def test_keeper_and_driver_stand_alone():
    """Both are programs of their own: no library of ours, only the words they share."""
    allowed = {
        "supervisor/base/keeper": r"base/(keeper/\w+|keeper_format|banned)\.h$",
        "supervisor/engine/preload": r"(engine/(preload/\w+|driver_format|shield_format)|base/banned)\.h$",
    }
    none(f"{path}: includes \"{name}\""
         for path in product_c() for folder, pattern in allowed.items()
         if is_in(path, folder)
         for name in re.findall(r'^#include "([^"]+)"', read(path), re.M)
         if not re.match(pattern, name))


def test_truth_is_for_tests():
    """What the demo knows of its own bugs must never reach the farm that looks for them."""
    generator = {"generate", "README.md"}
    found = []
    for path in FILES:
        if is_in(path, "adapters/demo") and len(path.parts) == 3 and (
                path.suffix == ".py" or path.name in generator):
            continue
        if not is_in(path, "tests") and (
                path.suffix in (".c", ".h", ".inc") or path.parts[0] == "adapters"):
            found += [f"{path}:{n}: {line.strip()}"
                      for n, line in enumerate(read(path).splitlines(), 1)
                      if re.search(r"truth", line, re.I)]
    none(found)


# Folders and files


def folders():
    """Every folder that holds files, apart from data and what belongs to a project."""
    parents = {p.parent for p in FILES if not is_data(p) and len(p.parts) > 1}
    return sorted(f for f in parents if not is_projects_own(f / "x" / "y")
                  or len(f.parts) == 2)


def test_readme_everywhere():
    found = []
    for folder in folders():
        readme = ROOT / folder / "README.md"
        if not readme.exists():
            found.append(f"{folder}: has no README.md")
        elif (lines := len(readme.read_text().splitlines())) > MAX_README_LINES:
            found.append(f"{folder}/README.md: {lines} lines, more than {MAX_README_LINES}")
    none(found)


def test_top_level():
    names = {p.parts[0] for p in FILES}
    none(f"{n}: not one of the names at the top" for n in names
         if n not in TOP_LEVEL and not n.startswith("."))


def test_file_sizes():
    found = []
    for path in FILES:
        if is_data(path) or not (path.suffix in (".c", ".h", ".inc", ".py", ".sh") or
                                 (not path.suffix and shebang(path))):
            continue
        if (lines := len(read(path).splitlines())) > MAX_LINES:
            found.append(f"{path}: {lines} lines, more than {MAX_LINES}")
    none(found)


def test_no_catch_all_names():
    none(f"{p}: says nothing of what is in it" for p in FILES
         if re.search(r"(^|_)(utils?|misc|helpers?|manager|common)(_|$)", p.stem))


def test_scripts_are_executable():
    none(f"{p}: begins with #! and is not executable" for p in FILES
         if not is_data(p) and shebang(p) and not os.access(ROOT / p, os.X_OK))


def test_hosts():
    """No address of a machine: only documentation, reserved names and what tests make up."""
    found = []
    for path in FILES:
        text = read(path)
        for match in re.finditer(r"\bhttps?://([^\s/\"'<>)`\\,;\]|]+)", text):
            host = match[1].rpartition("@")[2].rpartition(":")[0] or match[1].rpartition("@")[2]
            is_name = re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", host)
            is_made_up = path.parts[0] == "tests" and re.fullmatch(r"[a-z](\.[a-z])*", host)
            if is_name and not is_made_up and not PUBLIC_HOSTS.search(host) \
                    and not RESERVED_HOSTS.search(host):
                found.append(f"{path}:{line_of(text, match.start())}: {match[0]}")
        if not is_data(path):
            found += [f"{path}:{line_of(text, m.start())}: {m[0]}" for m in re.finditer(
                r"\b(10\.\d+|192\.168|172\.(1[6-9]|2\d|3[01]))\.\d+\.\d+\b", text)]
    none(found)


# C


def banned():
    names = re.findall(r"^#define (\w+)\(.*IW_BANNED", read("supervisor/base/banned.h"), re.M)
    assert "strcpy" in names and "system" in names
    return names


def test_no_banned_functions():
    call = re.compile(r"(?<![\w.>])(" + "|".join(banned()) + r")\s*\(")
    found = []
    for path in our_c():
        if path.name == "banned.h":
            continue
        text = without_strings(read(path))
        found += [f"{path}:{line_of(text, m.start())}: {m[1]}" for m in call.finditer(text)]
    none(found)


def test_banned_is_included_last():
    """It redefines names, so whatever is included behind it may not compile."""
    found = []
    for path in product_c(".c"):
        if is_in(path, "supervisor/engine/preload"):
            continue
        # A .inc is a table, which stands where it is needed.
        includes = re.findall(r"^#include\s+(\S+\.h\S)", read(path), re.M)
        if not includes or includes[-1] != '"base/banned.h"':
            found.append(f"{path}: does not end its includes with \"base/banned.h\"")
    none(found)


def test_header_guards():
    found = []
    for path in our_c(".h"):
        if "#ifndef" not in read(path):
            found.append(f"{path}: has no include guard")
    none(found)


# SQL


SQL = re.compile(
    r'"\s*(SELECT\s|INSERT\s+(OR\s+\w+\s+)?INTO\s|UPDATE\s+\w+\s+SET\b|DELETE\s+FROM\s'
    r"|CREATE\s+(TABLE|INDEX)\s|PRAGMA\s)")


def test_sql_has_a_home():
    found = []
    for path in product_c():
        if path.name.endswith("_db.c") or str(path) == "supervisor/base/db.c":
            continue
        text = without_comments(read(path))
        found += [f"{path}:{line_of(text, m.start())}: {m[1].strip()} …"
                  for m in SQL.finditer(text)]
    none(found)


SCHEMA = ROOT / "supervisor" / "schema"


def steps():
    return sorted(SCHEMA.glob("[0-9]*.sql"))


def objects_of(*scripts):
    """What a database made by these scripts consists of, without layout and comments."""
    with sqlite3.connect(":memory:") as db:
        for script in scripts:
            db.executescript(script.read_text())
        rows = db.execute("SELECT type, name, tbl_name, sql FROM sqlite_master").fetchall()
    def plain(sql):
        sql = re.sub(r"\s+", " ", re.sub(r"--[^\n]*", "", sql or ""))
        return re.sub(r" ?([(),]) ?", r"\1", sql).strip()
    return {row[:3]: plain(row[3]) for row in rows}


def needs_strict():
    if sqlite3.sqlite_version_info < (3, 37):
        pytest.skip("this SQLite has no STRICT tables")


def test_schema_is_its_steps():
    needs_strict()
    assert objects_of(*steps()) == objects_of(SCHEMA / "schema.sql")


def test_schema_steps_are_numbered():
    numbers = [int(p.name[:4]) for p in steps()]
    assert numbers == list(range(1, len(numbers) + 1))


def test_schema_tables_are_strict():
    needs_strict()
    objects = objects_of(SCHEMA / "schema.sql")
    none(f"{name}: not STRICT" for (kind, name, _), sql in objects.items()
         if kind == "table" and not re.search(r"\bSTRICT\b", sql))


def test_schema_survives_its_embedding():
    """embed.cmake takes everything behind -- for a comment, so no text in a step may hold it."""
    token = re.compile(r"'(?:''|[^'])*'|--[^\n]*")
    none(f"{step.name}: {match[0]}" for step in steps()
         for match in token.finditer(step.read_text())
         if match[0][0] == "'" and "--" in match[0])
