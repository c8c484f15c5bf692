"""The dashboard in a terminal, on a farm of the fake engine whose reports are hostile."""

from __future__ import annotations

import contextlib
import fcntl
import http.server
import json
import os
import re
import signal
import socketserver
import termios
import threading

import pytest

from conftest import IRONWORKS, Ironworks, end_processes_of, tinies, wait_until
from farm_api import Api
from farm_oracle import BUILD, SOURCE
from terminal import ENTER, LEAVE, Terminal

#: What a stranger may call his function: it turns text around and is wide.
NAME = "evil\u202e日本"
#: What no farm says, but a daemon that was taken over could: clear, reset, a title, a C1 control.
HOSTILE = "\x1b[2J\x1bc\x1b]0;owned\x07\x9b31m\r\n\u202ex"
IN_C = "".join(c if c.isascii() and c.isprintable() else
               "".join(f"\\{b:03o}" for b in c.encode()) for c in NAME)


class Farm:
    def __init__(self, place):
        self.state, self.log = place / "state", place / "stderr"
        self.ironworks = Ironworks(place)
        source = SOURCE.read_text(encoding="utf-8")
        assert source.count("in fake_fault ") == 1
        self.adapter = tinies(place)(
            "fake", {"engine.c": source.replace("in fake_fault ", f"in {IN_C} ")},
            build=BUILD.format(ledger=place / "ledger",
                               more="-DUNIT_PAUSE_US=2000 -DUNITS_PER_CRASH=100"),
            targets=[{"name": "engine", "max_len": 64, "timeout_s": 2, "leaks": False}])
        self.process = None

    def start(self):
        with self.log.open("w", encoding="utf-8") as err:
            self.process = self.ironworks.start(
                "serve", self.adapter, "--cores", 1, "--no-sandbox", "--state", self.state,
                "--http", "off", stderr=err)
        wait_until(self.has_a_bug, 120, "a bug")

    def has_a_bug(self):
        assert self.process.poll() is None, self.log.read_text(encoding="utf-8")
        with contextlib.suppress(OSError):
            return Api(self.state, is_socket=True).raw("GET", "/api/v1/bugs").json["bugs"]

    def kill(self):
        self.process.kill()
        self.process.wait(20)


@pytest.fixture(scope="module", name="farm")
def _farm(binaries, tmp_path_factory):  # pylint: disable=unused-argument
    farm = Farm(tmp_path_factory.mktemp("top"))
    try:
        farm.start()
        yield farm
    finally:
        end_processes_of(farm.state)


@pytest.fixture(name="terminal")
def _terminal(binaries):  # pylint: disable=unused-argument
    """terminal(state, columns, rows) starts it on one and waits for its first frame."""
    terminals = []

    def start(state, columns, rows, **env):
        terminal = Terminal(columns, rows)
        terminals.append(terminal)
        terminal.start([IRONWORKS, "top", "--state", state],
                       {"HOME": str(state), "PATH": os.environ["PATH"], "LC_ALL": "C",
                        "TERM": "xterm"} | env)
        terminal.wait_for(lambda text: "q quit" in text, "its first frame")
        return terminal
    yield start
    for terminal in terminals:
        terminal.close()


@pytest.fixture(name="top")
def _top(farm, terminal):
    return lambda columns=100, rows=30, **env: terminal(farm.state, columns, rows, **env)


def elapsed(text):
    return re.search(r"fuzzing (\S+( \S+s)?)", text).group(1)


def test_it_shows_the_farm_and_goes_on(farm, top):
    t = top()
    assert t.raw.startswith(ENTER)
    assert "NO SANDBOX" in t.text and re.search(r"engines [01]/1 ", t.text)
    # Engines come and go, and their reproducing takes turns with them.
    t.wait_for(lambda text: re.search(r"core time \S+.* reproduce [0-9.]+%", text), "core time")
    t.wait_for(lambda text: re.search(
        r"^ +\d+  fuzz +\S+  fake/engine, libfuzzer +the only target", text, re.M), "an engine")
    target, = Api(farm.state, is_socket=True).get("/api/v1/targets")["targets"]
    row = re.search(r"^fake/engine .*", t.text, re.M)
    assert row and target["crashes"] > 0
    units = int(row.group().replace(",", "").split()[5])
    then = elapsed(t.text)
    t.wait_for(lambda text: elapsed(text) != then, "another second")
    t.wait_for(lambda text: (row := re.search(r"^fake/engine .*", text, re.M)) and
               int(row.group().replace(",", "").split()[5]) > units, "more units")


def test_keys_lead_to_targets_bugs_cores_and_help(top):
    t = top()
    for key, words in (("b", "bugs 1, by age\n"), ("s", "bugs 1, by target\n"), ("t", "targets 1, by name\n"),
                       ("s", "targets 1, by exec/s\n"), ("c", "cores\ncore "), ("?", "any key goes back"),
                       ("x", "cores\ncore ")):
        t.type(key)
        t.wait_for(lambda text, words=words: words in text, f"'{key}': {words!r}")
    t.type("\x1b[B\x1b[A\x1b[6~jk\x1b[5~\x1b[FgG\x1b[99;7~\x1b")
    t.type("b")
    t.wait_for(lambda text: "bugs 1, by target" in text, "still alive")


def test_a_name_that_turns_text_around(top):
    t = top(140)
    t.type("b")
    t.wait_for(lambda text: "in evil\ufffd日 本 " in text, "the name as text")


class Impostor(socketserver.ThreadingUnixStreamServer):
    """Answers on a state folder's socket as a daemon does, with strings that no daemon has."""

    daemon_threads = True

    def __init__(self, state):
        state.mkdir()
        self.lock = (state / "lock").open("w", encoding="ascii")
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        self.lock.write(f"{os.getpid()}\n")
        self.lock.flush()
        self.answers = threading.Event()
        self.answers.set()
        super().__init__(str(state / "socket"), ImpostorAnswers)
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        self.answers.set()
        self.shutdown()
        self.server_close()
        self.lock.close()


class ImpostorAnswers(http.server.BaseHTTPRequestHandler):
    work = {"purpose": HOSTILE, "since_ms": 1, "what": HOSTILE, "why": HOSTILE}
    documents = {
        "/api/v1/farm": {"phase": HOSTILE, "now_ms": 9, "elapsed_ms": 5, "left_ms": None, "sandbox": True,
                         "slots": [{"slot": 0, "core": 0, "engine": work, "front": work}], "waiting": 0,
                         "engines": 1, "core_ms": {HOSTILE: 3}, "messages": [{"at_ms": 1, "text": HOSTILE}]},
        "/api/v1/targets": {"targets": [{"adapter": HOSTILE, "target": HOSTILE, "status": HOSTILE}]},
        "/api/v1/bugs?limit=200": {"bugs": [{"id": 1, "adapter": HOSTILE, "target": HOSTILE, "state": HOSTILE,
                                             "type": HOSTILE, "frames": [HOSTILE], "outcome": HOSTILE}]},
    }

    def do_GET(self):  # pylint: disable=invalid-name
        self.server.answers.wait()
        body = json.dumps(self.documents[self.path]).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self):
        return "socket"

    def log_message(self, *_args):
        pass


@pytest.fixture(name="impostor")
def _impostor(state):
    impostor = Impostor(state)
    yield impostor
    impostor.close()


@pytest.mark.parametrize("columns", [60, 200])
def test_hostile_strings_are_text(impostor, state, terminal, columns):
    """The terminal of this test fails on every sequence that is not ours."""
    del impostor
    t = terminal(state, columns, 30)
    for key, words in (("t", "targets 1, "), ("b", "bugs 1, "), ("c", "cores\ncore")):
        t.type(key)
        t.wait_for(lambda text, words=words: words in text, words)
        assert "\\x1b[2J" in t.text
    assert "owned" in t.raw


def test_once_is_plain_whatever_is_said(impostor, state, ironworks):
    del impostor
    once = ironworks("top", "--once", "--state", state).stdout
    assert all(c.isprintable() or c == "\n" for c in once), once
    assert "\\x1b]0;owned\\x07\ufffd31m\\x0d \ufffdx" in once


def test_a_daemon_that_does_not_answer_keeps_nobody_waiting(impostor, state, terminal):
    t = terminal(state, 80, 30)
    impostor.answers.clear()
    t.type("b")
    t.wait_for(lambda text: "bugs 1, " in text, "keys work", 5)
    t.type("q")
    assert t.wait(5) == 0 and t.is_restored()


@pytest.mark.parametrize("size", [(60, 20), (140, 50), (20, 5), (1, 1), (80, 3)])
def test_it_follows_the_size(top, size):
    t = top()
    t.resize(*size)
    t.raw = ""
    t.wait_for(lambda text: "\x1b[2J" in t.raw and
               t.raw.count("\x1b[2K") >= size[1], "a frame of the new size")
    assert f"\x1b[{size[1]};1H" in t.raw and f"\x1b[{size[1] + 1};1H" not in t.raw
    if size[0] >= 60:
        assert "fuzzing" in t.lines[0] and "q quit" in t.lines[-1]
        assert size[1] < 10 or "fake/engine" in t.text


@pytest.mark.parametrize("end", ["q", "\x03", signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_every_end_gives_the_terminal_back(top, end):
    t = top()
    assert not t.is_restored() and t.modes == {"?1049": True, "?25": False, "?7": False}
    if isinstance(end, str):
        t.type(end)
    else:
        t.signal(end)
    assert t.wait() == 0
    assert t.is_restored(), (t.raw[-80:], t.modes)


def test_a_fault_of_our_own_gives_it_back_too(top):
    t = top()
    t.signal(signal.SIGABRT)
    assert t.wait() == -signal.SIGABRT
    assert t.is_restored()


def test_the_shell_has_it_while_we_are_stopped(top):
    t = top()
    os.kill(t.process.pid, signal.SIGTSTP)
    assert os.WIFSTOPPED(os.waitpid(t.process.pid, os.WUNTRACED)[1])
    t.read()
    assert t.is_restored()
    # What a shell does to the terminal is not what we come back to.
    t.raw = ""
    t.signal(signal.SIGCONT)
    t.wait_for(lambda text: t.raw.startswith(ENTER) and "q quit" in t.raw, "it is back")
    assert not termios.tcgetattr(t.slave)[3] & termios.ECHO
    t.type("q")
    assert t.wait() == 0 and t.is_restored()


def test_a_terminal_that_goes_away_ends_it(top):
    t = top()
    os.close(t.master)
    try:
        assert t.process.wait(20) in (0, -signal.SIGHUP)
    finally:
        t.master = os.open(os.devnull, os.O_RDONLY)


def test_no_color(top):
    plain = top(NO_COLOR="1")
    assert not plain.styles & {"2", "31"}, "NO_COLOR"
    assert "2" in top(NO_COLOR="").styles


def test_once_and_json_need_no_terminal(farm):
    once = farm.ironworks("top", "--once", "--state", farm.state)
    assert once.rc == 0 and once.stderr == ""
    assert "\x1b" not in once.stdout and "\x07" not in once.stdout
    for words in ("fuzzing", "core time", "targets 1, by name", "fake/engine", "bugs 1, by age", "evil"):
        assert words in once.stdout, once.stdout
    told = farm.ironworks("top", "--json", "--state", farm.state).json
    assert told["farm"]["phase"] == "fuzzing" and len(told["bugs"]) == 1
    assert [t["target"] for t in told["targets"]] == ["engine"]
    assert "\x1b" not in farm.ironworks("top", "--json", "--state", farm.state).stdout


def test_live_needs_a_terminal(farm):
    farm.ironworks("top", "--state", farm.state).fails_with("no terminal", "--once")


def test_where_no_farm_runs(ironworks, state):
    for words in ((), ("--once",), ("--json",)):
        ironworks("top", *words, "--state", state).fails_with("no farm runs", "ironworks serve", rc=3)
    assert not state.exists()
    ironworks("top", "now").fails_with("no arguments", rc=2)
    assert ironworks("top", "--help").stdout.startswith("Examples:\n")


def test_it_waits_for_the_next_farm(farm, top):
    """The last test here: it ends the farm."""
    t = top()
    farm.kill()
    t.wait_for(lambda text: "waiting for the next one" in text, "it says that the farm is gone")
    assert "fake/engine" in t.text, "what was known is still there"
    t.type("b")
    t.wait_for(lambda text: "bugs 1, by age" in text, "keys work")
    farm.start()
    t.wait_for(lambda text: "waiting for the next one" not in text and "fuzzing" in text,
               "the next farm", 60)
    t.type("q")
    assert t.wait() == 0 and t.is_restored()
    assert LEAVE in t.raw
