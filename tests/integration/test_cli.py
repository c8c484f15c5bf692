"""The command line: help that starts with examples, JSON that parses, one sentence for
every mistake."""

from __future__ import annotations

import contextlib
import hashlib
import re
import shutil
import sqlite3

import pytest

from conftest import TARGET, Ironworks, Tiny

# Where a command wants more words before it looks at its options.
WORDS = {"run": ["demo"], "bug": ["list"], "crash": ["list"], "repro": ["1"],
         "adapter": ["check", "demo"], "corpus": ["distil", "in"], "token": ["list"],
         "target": ["list"], "campaign": ["list"]}


@pytest.fixture(scope="module")
def help_text(binaries, tmp_path_factory):
    done = Ironworks(tmp_path_factory.mktemp("home"))("--help")
    assert done.rc == 0 and done.stderr == ""
    return done.stdout


@pytest.fixture(scope="module")
def commands(help_text):
    """The commands that --help lists."""
    table = help_text[help_text.index("usage:"):]
    found = re.findall(r"^  ([a-z]+) +\S", table, re.MULTILINE)
    assert {"run", "status", "bug", "crash", "repro", "doctor"} <= set(found)
    return found


def test_help_starts_with_examples(ironworks, help_text, commands):
    """Whoever asks for help sees first what to type."""
    assert help_text.startswith("Examples:\n")
    for command in commands:
        done = ironworks(command, "--help")
        assert (done.rc, done.stderr) == (0, "")
        assert done.stdout.startswith("Examples:\n  ironworks "), command
        assert f"usage: ironworks {command}" in done.stdout
        assert "exit status:" in done.stdout
        # These are for a shell and for man(1), and have one form.
        assert "--json" in done.stdout or command in ("completion", "man")
        for line in done.stdout.splitlines():
            assert len(line) <= 90, line


def test_examples_are_possible(ironworks, commands):
    """Each option of an example is one that the command explains."""
    for command in commands:
        text = ironworks(command, "--help").stdout
        examples, _, rest = text.partition("usage:")
        for option in re.findall(r"--[a-z-]+", examples):
            assert option in rest, f"{command}: {option}"


def test_no_command(ironworks):
    """Without one: the help, on stderr, and exit code 2; with a wrong one: a sentence."""
    done = ironworks()
    assert done.rc == 2 and done.stdout == "" and done.stderr.startswith("Examples:\n")
    ironworks("frobnicate").fails_with("'frobnicate'", "ironworks --help", rc=2)
    ironworks("--frobnicate").fails_with("ironworks --help", rc=2)
    assert ironworks("--version").stdout.startswith("ironworks ")


def test_wrong_options(ironworks, commands, state):
    """Exit code 2, one sentence, and where to read on; nothing is made."""
    for command in commands:
        words = WORDS.get(command, [])
        for wrong in (["--frobnicate"], ["-x"], ["--state"]):
            done = ironworks(command, *words, *wrong)
            assert done.rc == 2, (command, wrong, done.stderr)
            assert done.stdout == ""
            assert len(done.stderr.strip().splitlines()) == 1, (command, wrong, done.stderr)
            assert f"'{wrong[0]}' is no option of it" in done.stderr, (command, wrong)
            assert f"ironworks {command} --help" in done.stderr, (command, wrong, done.stderr)
    for args in (["run", "--state", state], ["run", "demo", "--for", "soon", "--state", state],
                 ["run", "demo", "--for", "-5s"], ["run", "demo", "--for", "0s"],
                 ["run", "demo", "--for", "99999999999999999999d"],
                 ["run", "demo", "--cores", "0"], ["run", "demo", "--cores", "many"],
                 ["diff", "demo"], ["diff", "demo", "--pr", "0"], ["diff", "a", "b", "--pr", "1"],
                 ["bug"], ["bug", "show"], ["bug", "show", "x"], ["bug", "list", "more"],
                 ["bug", "frobnicate"], ["crash", "show", "-1"], ["repro"],
                 ["repro", "1", "2"], ["repro", "crash:"], ["repro", "crash:x"],
                 ["repro", "1", "--runs", "0"], ["repro", "0"], ["status", "more"],
                 ["doctor", "more"], ["adapter"], ["adapter", "check"], ["token"],
                 ["token", "create", "a"], ["token", "create", "--role", "read"],
                 ["token", "create", "1", "--role", "read"],
                 ["token", "create", "a", "--role", "root"], ["token", "revoke"],
                 ["token", "list", "--role", "read"], ["token", "frobnicate"],
                 ["target"],
                 ["target", "hold"], ["target", "list", "more"], ["target", "resume", "a/b", "c"],
                 ["target", "list", "--why", "x"], ["campaign"], ["campaign", "show"],
                 ["campaign", "start", "a"], ["campaign", "start", "a", "--budget", "1h"],
                 ["campaign", "start", "a", "--target", "a/b"],
                 ["campaign", "stop", "a", "--budget", "1h"]):
        done = ironworks(*args).fails_with("--help", rc=2)
        assert done.stdout == "" and len(done.stderr.strip().splitlines()) == 1, args
    assert not state.exists()


def test_values_of_options(ironworks, tiny, state):
    """A value that is empty, forgotten or there twice is one sentence, wherever an option has one."""
    for args, told in (
            (["bug", "list", "--state", ""], "--state wants a value, and it is empty"),
            (["run", "demo", "--state="], "--state wants a value, and it is empty"),
            (["serve", "--config", ""], "--config wants a value"),
            (["diff", "demo", "--pr", "1", "--keep", ""], "--keep wants a value"),
            (["bug", "wontfix", "1", "--why", "--state", state], "--why lacks its value: '--state'"),
            (["run", "demo", "--for", "--json"], "--for lacks its value: '--json'"),
            (["bug", "list", "--state", "a", "--state", state], "--state is there twice, 'a' and "),
            (["run", "demo", "--state", state, "--state", "b"], "--state is there twice"),
            (["diff", "demo", "--pr", "1", "--budget", "1"], "--budget wants a time like"),
            (["run", "demo", "--for", "30"], "--for wants a time like"),
            (["run"], "which adapter? 'ironworks run --help'")):
        done = ironworks(*args).fails_with(told, "--help", rc=2)
        assert done.stdout == "" and len(done.stderr.strip().splitlines()) == 1, args
    # A default is no first value, and where nothing means something it may be given.
    ironworks("triage", "none", "--out", state, "--args", "").fails_with("'none'")
    adapter = tiny()
    done = ironworks("run", adapter, adapter, "--for", "1s", "--state", state)
    done.fails_with("adapter 'tiny' is there twice")
    assert not state.exists()


def test_no_state_yet(ironworks, state):
    """Looking at a state that is not there says how to get one, and makes none."""
    for command in (["status"], ["bug", "list"], ["bug", "show", "1"], ["crash", "list"],
                    ["crash", "show", "1"], ["repro", "1"], ["repro", "crash:1"],
                    ["token", "list"], ["token", "revoke", "a"],
                    ["target", "list"],
                    ["target", "hold", "a/b"], ["campaign", "list"], ["campaign", "stop", "a"],
                    ["campaign", "start", "a", "--target", "a", "--budget", "1h"]):
        for more in ([], ["--json"]):
            done = ironworks(*command, *more, "--state", state)
            done.fails_with(str(state), "ironworks run", "--state")
            assert done.stdout == ""
    assert not state.exists()


@pytest.fixture(scope="module")
def used(binaries, tmp_path_factory):
    """A state after one short run that found one bug."""
    home = tmp_path_factory.mktemp("used")
    ironworks = Ironworks(home)
    adapter = Tiny(home, "tiny", {"parser.c": TARGET, "seeds/a": b"bug!", "seeds/b": b"x"})
    done = ironworks("run", adapter, "--for", "1s", "--state", home / "state", "--json")
    yield home / "state", done
    ironworks.clean_up()


def test_run_tells_the_same_as_the_nouns(ironworks, used):
    """What a run prints as JSON is what status and bug list say afterwards."""
    state, done = used
    assert done.rc == 1, done.stderr
    assert done.json["new_bugs"] == 1 and done.json["state"] == str(state)
    assert done.json["bugs"] == ironworks("bug", "list", "--json", "--state", state).json["bugs"]
    (target,) = done.json["targets"]
    (row,) = ironworks("status", "--json", "--state", state).json["targets"]
    for key in ("adapter", "target", "executions", "features", "units"):
        assert target[key] == row[key], key
    assert row["bugs"] == 1 and row["crashes"] == target["crashes"] >= 1 and row["executions"] > 0


def test_bug_and_crash(ironworks, used):
    """A bug by its number, its crashes, and the file that holds the input."""
    state, _ = used
    (bug,) = ironworks("bug", "list", "--json", "--state", state).json["bugs"]
    shown = ironworks("bug", "show", bug["id"], "--json", "--state", state).json
    assert shown == bug and bug["frames"][0] == "parse_header"
    text = ironworks("bug", "show", bug["id"], "--state", state)
    assert text.rc == 0 and "parse_header" in text.stdout
    table = ironworks("bug", "list", "--state", state).stdout
    assert "parse_header" in table and "tiny/parser" in table
    crashes = ironworks("crash", "list", "--json", "--state", state).json["crashes"]
    assert len(ironworks("crash", "list", "--all", "--state", state).stdout.splitlines()) == len(crashes) + 1
    groups = ironworks("crash", "list", "--state", state).stdout.splitlines()[1:]
    assert sum(int(line.split()[1]) for line in groups) == len(crashes)
    mine = [c for c in crashes if c["bug"] == bug["id"]]
    assert mine
    for crash in mine:
        with open(crash["path"], "rb") as f:
            assert f.read().startswith(b"bug!")
        shown = ironworks("crash", "show", crash["id"], "--json", "--state", state).json
        assert shown == crash
        assert ironworks("crash", "show", crash["id"], "--state", state).rc == 0


def test_what_is_not_there(ironworks, used):
    """Names that nobody knows, a farm that does not run, a target that is not held."""
    state, _ = used
    for noun in ("staged", "coverage"):
        words = [noun, "list", "nope"] if noun == "staged" else [noun, "nope"]
        ironworks(*words, "--state", state).fails_with("there is no adapter 'nope'")
    done = ironworks("stop", "--state", state)
    assert (done.rc, done.stdout) == (0, "no farm runs here, and none has left anything behind\n")
    done = ironworks("target", "resume", "tiny/parser", "--state", state)
    assert (done.rc, done.stdout) == (0, "tiny/parser was not held\n")


def test_hints_are_commands_that_work(ironworks, used, tmp_path):
    """Also where the adapter is a folder and the state folder is another than the user's."""
    state = tmp_path / "state"
    shutil.copytree(used[0], state, symlinks=True)
    for build in (state / "builds").iterdir():
        if build.is_dir():
            shutil.rmtree(build)
    said = ironworks("repro", "1", "--state", state).fails_with("left to make room").stderr
    hint = re.search(r"'ironworks (build [^']*)'", said).group(1).split()
    assert ironworks(*hint, timeout=120).rc == 0
    assert ironworks("repro", "1", "--state", state).rc == 0


def test_repro(ironworks, used):
    """0: it fails again, with its report. By bug and by crash, for people and programs."""
    state, _ = used
    done = ironworks("repro", "1", "--state", state)
    assert done.rc == 0 and "parse_header" in done.stdout and "5 of 5" in done.stdout
    answer = ironworks("repro", "1", "--runs", "2", "--json", "--state", state).json
    assert (answer["runs"], answer["hits"]) == (2, 2) and answer["frames"][0] == "parse_header"
    crash = ironworks("crash", "list", "--json", "--state", state).json["crashes"][0]["id"]
    assert ironworks("repro", f"crash:{crash}", "--state", state).rc == 0


def test_repro_of_what_is_mended(ironworks, used, tmp_path):
    """1: it does not fail. The input of a crash that the build has no bug for."""
    state = tmp_path / "state"
    shutil.copytree(used[0], state, symlinks=True)
    sha = hashlib.sha256(b"fine").digest()
    path = state / "artifacts" / sha.hex()[:2] / sha.hex()[2:]
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"fine")
    with contextlib.closing(sqlite3.connect(state / "ironworks.db")) as db, db:
        db.execute("INSERT INTO crash (target_id, build_id, kind, input, size, state, found_ms) "
                   "SELECT target_id, build_id, kind, ?, 4, 'new', found_ms FROM crash LIMIT 1",
                   (sha,))
        (crash,) = db.execute("SELECT max(id) FROM crash").fetchone()
    done = ironworks("repro", f"crash:{crash}", "--runs", "2", "--state", state)
    assert done.rc == 1 and "0 of 2" in done.stdout and "does not reproduce" in done.stdout
    answer = ironworks("repro", f"crash:{crash}", "--runs", "1", "--json", "--state", state)
    assert answer.rc == 1 and answer.json["hits"] == 0


def test_unknown_number(ironworks, used):
    """Which numbers there are is one command away."""
    state, _ = used
    ironworks("bug", "show", "99", "--state", state).fails_with("no bug 99", "bug list")
    ironworks("crash", "show", "99", "--state", state).fails_with("no crash 99", "crash list")
    ironworks("repro", "99", "--state", state).fails_with("no bug 99", "bug list")
    ironworks("repro", "crash:99", "--state", state).fails_with("no crash 99", "crash list")


def test_doctor(ironworks, state):
    """Every check has a verdict and says what was found; it makes no state."""
    done = ironworks("doctor", "--json", "--state", state)
    assert done.rc == (0 if done.json["works"] else 1)
    names = [check["check"] for check in done.json["checks"]]
    assert {"own programs", "compiler", "sandbox", "git", "disk"} <= set(names)
    assert all(c["verdict"] in ("ok", "warning", "missing") and c["found"]
               for c in done.json["checks"])
    text = ironworks("doctor", "--state", state)
    assert text.rc == done.rc and "compiler" in text.stdout
    assert not state.exists()
