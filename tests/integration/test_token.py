"""Tokens: who has which role over HTTP, beside a farm that runs and without one; what guessing
is worth; and that the secret is nowhere but with whom it was told to."""

from __future__ import annotations

import collections
import contextlib
import fcntl
import hashlib
import json
import os
import re
import secrets
import signal
import socket
import statistics
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from conftest import Ironworks, end_processes_of, processes_of, rows, tinies, wait_until
from farm_api import Api
from farm_oracle import make_adapter
from test_api import ENGINE, Service

GUESSES = 10_000
GUESSERS = 4
#: What the guard takes for mistakes, of one address and of all.
EACH, ALL = 10, 100


class Farm(Service):
    """Every token that was ever told here is remembered: all are looked for at the end."""

    def __init__(self, ironworks, adapter, place):
        # Longer than the address of a socket may be.
        super().__init__(ironworks, adapter, place / ("long" * 30) / "state", place / "stderr")
        self.told = {}

    def token(self, verb, *args):
        return self.ironworks("token", verb, *args, "--state", self.state)

    def create(self, name, role):
        done = self.token("create", name, "--role", role, "--json")
        assert done.rc == 0, done.stderr
        self.told[name] = done.json["token"]
        return done.json

    def api(self, name=None, source="127.0.0.1"):
        return Api(self.state, token=self.told[name] if name else None, source=source)

    def log_lines(self, sentence):
        lines = [json.loads(line) for line in (self.state / "log").read_text().splitlines()]
        return [line for line in lines if sentence in line.values()]


@pytest.fixture(scope="module", name="farm")
def _farm(binaries, tmp_path_factory):  # pylint: disable=unused-argument
    place = tmp_path_factory.mktemp("token")
    farm = Farm(Ironworks(place), make_adapter(tinies(place), place / "ledger", more=ENGINE), place)
    # No farm runs yet, and there is not even a state.
    farm.create("early", "read")
    farm.create("gone early", "admin")
    assert farm.token("revoke", "gone early").rc == 0
    farm.start()
    try:
        for role in ("read", "triage", "admin"):
            farm.create(role, role)
        yield farm
        farm.stop()
    finally:
        end_processes_of(farm.state)


def test_each_role_may_what_it_may(farm):
    for name in ("early", "read", "triage", "admin"):
        role = "read" if name == "early" else name
        assert farm.api(name).get("/api/v1/farm")["role"] == role
        for method, path, body in (("GET", "/api/v1/tokens", None),
                                   ("POST", "/api/v1/tokens", {"name": "x", "role": "bad"}),
                                   ("POST", "/api/v1/tokens/999999/revoke", None),
                                   ("POST", "/api/v1/stop", {"drain": "bad"})):
            answer = farm.api(name)(method, path, body)
            if role == "admin":
                assert answer.status in (200, 400, 404), path
            else:
                assert answer.status == 403 and "'admin'" in answer.json["error"], path
                assert f"'{role}'" in answer.json["error"], "it says what the token has"
    assert farm.api().get("/api/v1/farm")["role"] == "none"
    answer = farm.api(source="127.0.0.4")("GET", "/api/v1/tokens")
    assert answer.status == 401 and "'admin'" in answer.json["error"]
    refused = farm.log_lines("a request was refused")
    assert {(line["wants"], line["has"]) for line in refused} >= {
        ("admin", "none"), ("admin", "read"), ("admin", "triage")}


def test_who_may_read_sees_what_is_private(farm):
    def path_of(name):
        return [c["path"] for c in farm.api(name).get("/api/v1/crashes")["crashes"] if c["id"] == 1]
    wait_until(lambda: path_of("read"), 60, "there is a crash")
    assert Path(path_of("read")[0]).is_relative_to(farm.state) and path_of(None) == [None]


def test_the_command_and_the_api_are_one(farm):
    listed = farm.token("list", "--json").json
    assert listed == farm.api("admin").get("/api/v1/tokens")
    table = farm.token("list").stdout
    assert [t["name"] for t in listed["tokens"] if t["revoked_ms"]] == ["gone early"]
    assert all(t["name"] in table for t in listed["tokens"])
    made = farm.api("admin")("POST", "/api/v1/tokens", {"name": "by api", "role": "read"})
    assert made.status == 201
    farm.told["by api"] = made.json["token"]
    assert farm.api("by api").get("/api/v1/farm")["role"] == "read"
    assert farm.api("admin")("POST", "/api/v1/tokens", {"name": "by api", "role": "read"}).status == 409
    farm.token("create", "by api", "--role", "read").fails_with("'by api' already")
    assert farm.api("admin")("POST", f"/api/v1/tokens/{made.json['id']}/revoke").json["revoked_ms"]
    assert farm.api("by api", "127.0.0.2").raw("GET", "/api/v1/farm").status == 401


@pytest.mark.parametrize("body", [None, {}, {"name": "a"}, {"role": "read"}, {"name": 1, "role": "read"},
                                  {"name": "a", "role": "root"}, {"name": "1", "role": "read"},
                                  {"name": "a\n", "role": "read"}, {"name": "a" * 65, "role": "read"}])
def test_what_is_no_token_to_make(farm, body):
    before = farm.api("admin").get("/api/v1/tokens")
    assert farm.api("admin")("POST", "/api/v1/tokens", body).status == 400
    assert farm.api("admin").get("/api/v1/tokens") == before


def test_revoking_works_at_once(farm):
    """Also on a connection that was let in before."""
    token = farm.create("leaver", "admin")
    connection = farm.api().connect()

    def status():
        connection.request("GET", "/api/v1/tokens",
                           headers={"Authorization": f"Bearer {token['token']}"})
        response = connection.getresponse()
        return response.status, json.loads(response.read()).get("error", "")
    with contextlib.closing(connection):
        assert status()[0] == 200
        assert farm.token("revoke", "leaver").rc == 0
        code, sentence = status()
        assert code == 401 and "revoked" in sentence
    assert farm.log_lines("a token was refused")[-1]["token"] == token["id"]
    farm.token("revoke", "leaver").fails_with("'leaver'", "token list")
    assert farm.token("revoke", token["id"]).rc == 0, "again, by its number"
    farm.token("revoke", "999999").fails_with("999999", "token list")
    farm.create("leaver", "read")
    assert farm.api("leaver").get("/api/v1/farm")["role"] == "read", "its name is free again"


def test_wrong_tokens_are_refused(farm):
    """Also where none is needed."""
    good = farm.told["admin"]
    wrong = ["", "iw_", "iw_" + "0" * 64, good[:-1], good + "0", good.upper(), good[3:],
             hashlib.sha256(good.encode()).hexdigest(), farm.told["gone early"]]
    assert len(wrong) < EACH
    api = farm.api(source="127.0.0.3")
    for text in wrong:
        answer = api("GET", "/api/v1/farm", Authorization=f"Bearer {text}")
        assert answer.status == 401 and answer.headers["WWW-Authenticate"] == "Bearer", text
        assert not text or text not in answer.json["error"]
    for scheme in ("Basic", "Digest", "", "Bearer"):
        header = f"{scheme} {good}" if scheme != "Bearer" else f"Bearer{good}"
        assert api("GET", "/api/v1/farm", Authorization=header).status == 401, scheme
    assert api("GET", "/api/v1/farm", Authorization=f"bEaReR {good}").json["role"] == "admin"
    assert Api(farm.state, is_socket=True).get("/api/v1/farm")["role"] == "admin"


def test_a_proxys_clients_need_a_token(farm):
    """Loopback is where the proxy is, not who asks it."""
    for header in ("X-Forwarded-For", "Forwarded"):
        forwarded = {header: "for=192.0.2.7"}
        answer = farm.api()("GET", "/api/v1/farm", **forwarded)
        assert answer.status == 401 and "'read'" in answer.json["error"]
        assert farm.api("read")("GET", "/api/v1/farm", **forwarded).status == 200
        assert farm.api().raw("GET", "/", headers=forwarded).status == 200


# -- guessing -----------------------------------------------------------------------------


def guess(address, count, statuses, waits):
    """As fast as it can, with a new connection whenever the farm has closed the last one."""
    stream, closed = None, True
    for _ in range(count):
        if closed:
            stream = socket.create_connection(address, timeout=60)
        stream.sendall(b"GET /api/v1/tokens HTTP/1.1\r\nHost: localhost\r\n"
                       b"Authorization: Bearer iw_" + secrets.token_hex(32).encode() + b"\r\n\r\n")
        answer = b""
        while b"}" not in answer:
            piece = stream.recv(4096)
            assert piece, "no answer"
            answer += piece
        statuses[int(answer.split()[1])] += 1
        closed = b"\r\nConnection: close" in answer
        wait = re.search(rb"\r\nRetry-After: (\d+)", answer)
        waits.add(int(wait[1]) if wait else 0)
        if closed:
            stream.close()
    stream.close()


def test_guessing_is_worth_nothing(farm):
    """All refused, nearly all told to wait, a bounded part of it in the log; and meanwhile a right
    token works at once, from the same address."""
    address = urlsplit(farm.api().url)
    statuses, waits = collections.Counter(), set()
    guessers = [threading.Thread(target=guess, args=((address.hostname, address.port),
                                                     GUESSES // GUESSERS, statuses, waits))
                for _ in range(GUESSERS)]
    lines = len(farm.log_lines("a token was refused"))
    took = []
    for thread in guessers:
        thread.start()
    while any(thread.is_alive() for thread in guessers) or not took:
        began = time.monotonic()
        assert farm.api("admin").get("/api/v1/farm")["role"] == "admin"
        assert farm.api().get("/healthz")["status"] == "ok"
        took.append(time.monotonic() - began)
    for thread in guessers:
        thread.join()
    assert sum(statuses.values()) == GUESSES and set(statuses) <= {401, 429}, statuses
    assert statuses[401] <= EACH, statuses
    assert waits - {0} == {1, 2, 4, 8, 16, 32, 60}
    assert statistics.median(took) < 1 and max(took) < 10, (statistics.median(took), max(took))
    logged = farm.log_lines("a token was refused")[lines:]
    assert EACH < len(logged) < 40 and logged[-1]["so_far"] > GUESSES // 4
    assert all(line["from"] == "127.0.0.1" for line in logged)


def test_a_guessers_address_is_not_everybodys(farm):
    """Who errs somewhere else is told that he errs, as long as not all are guessing."""
    answer = farm.api(source="127.0.0.9")("GET", "/api/v1/farm", Authorization="Bearer iw_1")
    assert answer.status == 429 and int(answer.headers["Retry-After"]) <= 60
    assert answer.headers["Connection"] == "close"
    assert farm.api("read", source="127.0.0.9").get("/api/v1/farm")["role"] == "read"


# -- the secret ---------------------------------------------------------------------------


def files_of(folder):
    return [p for p in Path(folder).rglob("*") if p.is_file() and not p.is_symlink()]


def test_a_restart_knows_the_same_tokens(farm):
    used = {t["name"]: t["last_used_ms"] for t in farm.token("list", "--json").json["tokens"]
            if not t["revoked_ms"]}
    assert used["admin"] and used["read"] and used["early"]
    farm.process.send_signal(signal.SIGTERM)
    farm.process.wait(60)
    # Nobody runs: it is done here, and the next farm knows.
    farm.create("between", "triage")
    assert farm.token("revoke", "triage").rc == 0
    farm.start()
    assert farm.api("between").get("/api/v1/farm")["role"] == "triage"
    assert farm.api("admin").get("/api/v1/farm")["role"] == "admin"
    assert farm.api("triage").raw("GET", "/api/v1/farm").status == 401
    assert {t["name"]: t["last_used_ms"] for t in farm.api("admin").get("/api/v1/tokens")["tokens"]
            if t["name"] == "read"} == {"read": used["read"]}


def test_the_secret_is_nowhere(farm):
    """Not in the state folder, not in what the farm says, not in the command line or environment
    of any process. Last, when all of them have been used."""
    needles = [token.encode() for token in farm.told.values()]
    needles += [needle[3:] for needle in needles]
    for path in [*files_of(farm.state), farm.log]:
        # Folders of jobs that have just ended go away.
        with contextlib.suppress(FileNotFoundError):
            text = path.read_bytes()
            assert not any(needle in text for needle in needles), path
    assert rows(farm.state, "SELECT count(*) FROM token WHERE typeof(hash) = 'blob'") >= [(len(farm.told),)]
    jobs = processes_of(farm.state)
    assert len(jobs) > 1, "engines run"
    for process in Path("/proc").iterdir():
        for name in ("cmdline", "environ") if process.name.isdigit() else ():
            with contextlib.suppress(OSError):
                text = (process / name).read_bytes()
                assert not any(needle in text for needle in needles), process


# -- a farm that does not answer ----------------------------------------------------------


@contextlib.contextmanager
def held(state):
    """A state folder that somebody works on."""
    state.mkdir(mode=0o700, exist_ok=True)
    with open(state / "lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield


def create(ironworks, state, **options):
    return ironworks("token", "create", "a", "--role", "read", "--state", state, **options)


def test_nobody_listens(ironworks, state):
    with held(state):
        create(ironworks, state).fails_with(str(state), str(os.getpid()), "ironworks stop", rc=3)
    assert create(ironworks, state).rc == 0, "now it works alone"
    other = state.parent / "mistyped"
    for told in (True, False):
        done = create(ironworks, other) if told else ironworks(
            "token", "create", "b", "--role", "read", "--state", other)
        assert done.rc == 0 and (f"no state folder '{other}' and it has been made" in done.stderr) is told


def test_whoever_listens_talks_nonsense(ironworks, state):
    with held(state), socket.socket(socket.AF_UNIX) as server:
        server.bind(str(state / "socket"))
        server.listen()

        def answer():
            for text in (b"", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]"):
                stream, _ = server.accept()
                stream.recv(65536)
                stream.sendall(text)
                stream.close()
        thread = threading.Thread(target=answer)
        thread.start()
        create(ironworks, state).fails_with(str(state), rc=3)
        create(ironworks, state).fails_with("no JSON object", rc=3)
        thread.join()


def test_who_holds_it_ends(ironworks, state):
    """As a command does that changes something at the same moment."""
    with held(state):
        process = ironworks.start("token", "create", "a", "--role", "read", "--state", state)
        time.sleep(0.3)
        assert process.poll() is None
    assert ironworks.finish(process).rc == 0
    assert ironworks("token", "list", "--state", state, "--json").json["tokens"][0]["name"] == "a"
