"""A bug seen again: on another machine by way of the farm's HTTP side, from the cache alone, on
another commit, under every sanitizer, under a debugger; and what is not exact is refused."""

from __future__ import annotations

import hashlib
import http.server
import shutil
import threading
import urllib.request

import pytest

from conftest import end_processes_of, git, wait_until
from farm_api import Api
from test_by_hand import A, Place


class Farm(Place):
    """One bug is known; `token` may fetch what it needs."""

    def __init__(self, home):
        super().__init__(home)
        source = self.adapter.source
        git(source, "checkout", "-q", "-b", "mended")
        text = (source / "parser.c").read_text(encoding="utf-8")
        self.adapter.commit({"parser.c": text.replace("abort()", "(void)0")})
        git(source, "checkout", "-q", "main")
        self.run()
        (home / "input").write_bytes(A + b"!")
        assert self("crash", "add", home / "input", "--target", "tiny/parser").rc == 0
        (bug,) = self.run()["bugs"]
        self.bug = bug["id"]
        self.token = self("token", "create", "alice", "--role", "triage", "--json").json["token"]
        self.log = home / "stderr"
        with self.log.open("w", encoding="utf-8") as err:
            self.process = self.ironworks.start(
                "serve", self.adapter, "--cores", 1, "--no-sandbox", "--state", self.state,
                "--http", "127.0.0.1:0", stderr=err)
        wait_until(lambda: "fuzzing 1 target" in self.log.read_text(encoding="utf-8"), 60, "it serves")
        self.url = Api(self.state).url

    def repro(self, cache, *words, url=None, **options):
        return self.ironworks("repro", self.bug, "--host", url or self.url, "--no-sandbox", *words,
                              env={"XDG_CACHE_HOME": str(cache), "IRONWORKS_TOKEN": self.token}, **options)


@pytest.fixture(scope="module", name="farm")
def _farm(binaries, tmp_path_factory):  # pylint: disable=unused-argument
    home = tmp_path_factory.mktemp("repro")
    farm = None
    try:
        farm = Farm(home)
        yield farm
    finally:
        end_processes_of(home / "state")


@pytest.fixture(scope="module", name="filled")
def _filled(farm, tmp_path_factory):
    """A cache that holds the bug."""
    cache = tmp_path_factory.mktemp("cache")
    assert farm.repro(cache, "--runs", 1).rc == 0
    return cache


class Between(http.server.BaseHTTPRequestHandler):
    """Stands between and flips one bit of what a path contains."""

    def do_GET(self):  # pylint: disable=invalid-name
        request = urllib.request.Request(self.server.url + self.path, headers={
            "Authorization": self.headers["Authorization"]})
        with urllib.request.urlopen(request, timeout=30) as answer:
            body = bytearray(answer.read())
        if self.server.flips in self.path:
            body[len(body) // 2] ^= 1
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture(name="between")
def _between(farm):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Between)
    server.url, server.flips = farm.url.rstrip("/"), "nothing"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_the_exact_build_is_fetched_and_kept(farm, tmp_path):
    done = farm.repro(tmp_path, "--json")
    told = done.json
    assert done.rc == 0, done.stderr
    assert (told["runs"], told["hits"], told["cached"], told["host"]) == (5, 5, False, farm.url)
    assert told["frames"][0] == "read_a" and "fails in 5 of 5 runs" in told["paragraph"]
    bug = Api(farm.state, is_socket=True).get(f"/api/v1/bugs/{farm.bug}")
    assert told["build"] == bug["closure"] and not told["cached"]
    fetched = tmp_path / "ironworks" / "builds" / bug["closure"] / "parser"
    assert fetched.read_bytes() == (farm.state / "builds" / bug["closure"] / "parser").read_bytes()
    assert not (fetched.parent / "parser_seed_corpus").exists(), "one input needs no seeds"


def test_it_works_without_the_host_afterwards(farm, filled):
    folder = filled / "ironworks" / "hosts"
    (host,) = folder.iterdir()
    gone = "http://127.0.0.1:1"
    other = farm.repro(filled, url=gone)
    assert other.rc == 3 and gone in other.stderr, "of that host nothing is kept"
    # The same host by a name that does not answer any more.
    shutil.copytree(host, folder / hashlib.sha256(gone.encode()).hexdigest()[:16])
    done = farm.repro(filled, "--runs", 2, url=gone)
    assert done.rc == 0 and "from the cache" in done.stderr
    assert "2 of 2 runs fail with this bug" in done.stdout and "To see it:" in done.stdout


@pytest.mark.parametrize("flips, name", [("path=parser", "parser"), ("/input", "the input")])
def test_what_is_not_exact_is_refused(farm, between, tmp_path, flips, name):
    between.flips = flips
    url = f"http://127.0.0.1:{between.server_port}"
    farm.repro(tmp_path, url=url).fails_with(name, "SHA-256", "the host says")
    assert not list(tmp_path.rglob("*.part-*"))


def test_a_damaged_cache_is_mended_or_refused(farm, between, tmp_path):
    url = f"http://127.0.0.1:{between.server_port}"
    assert farm.repro(tmp_path, "--runs", 1, url=url).rc == 0
    (program,) = (tmp_path / "ironworks" / "builds").glob("*/parser")
    data = bytearray(program.read_bytes())
    data[len(data) // 2] ^= 1
    program.write_bytes(data)
    between.server_close()
    between.shutdown()
    farm.repro(tmp_path, url=url).fails_with("'parser' in the cache", "not the same any more")


def test_who_may_fetch(farm, tmp_path):
    read = farm("token", "create", "bob", "--role", "read", "--json").json["token"]
    done = farm.ironworks("repro", farm.bug, "--host", farm.url, env={
        "XDG_CACHE_HOME": str(tmp_path), "IRONWORKS_TOKEN": read})
    done.fails_with("triage")
    file = tmp_path / "token"
    file.write_text(farm.token + "\n", encoding="ascii")
    farm.ironworks("repro", 99, "--host", farm.url, "--token-file", file,
                   env={"XDG_CACHE_HOME": str(tmp_path)}).fails_with("99")


def test_only_files_of_builds_are_given(farm):
    admin = Api(farm.state, is_socket=True)
    closure = admin.get(f"/api/v1/bugs/{farm.bug}/repro")["builds"][0]["closure"]
    path = f"/api/v1/builds/file?closure={closure}&path="
    assert admin.raw("GET", path + "parser").status == 200
    for wrong in ("../../ironworks.db", "/etc/passwd", "", ".", "..", "parser/..", "nothing", "parser/x"):
        assert admin.raw("GET", path + wrong).status in (400, 404), wrong
    for wrong in ("..", "x" * 64, closure[:-1], "0" * 64):
        assert admin.raw("GET", f"/api/v1/builds/file?closure={wrong}&path=parser").status in (400, 404)
    assert Api(farm.state)("GET", path + "parser").status == 401


def test_every_sanitizer(farm, tmp_path):
    told = farm.repro(tmp_path, "--all-sanitizers", "--runs", 2, "--json").json
    assert {t["flavour"]: t["hits"] for t in told["tries"]} == {"libfuzzer": 2, "libfuzzer+asan+ubsan": 2}
    done = farm("repro", farm.bug, "--all-sanitizers", "--commit", "main", "--runs", 1, "--no-sandbox")
    assert done.rc == 0 and len([x for x in done.stdout.splitlines() if "read_a" in x and "1/1" in x]) == 2


def test_another_commit(farm):
    done = farm("repro", farm.bug, "--commit", "mended", "--runs", 3, "--no-sandbox")
    assert done.rc == 1 and "0 of 3 runs" in done.stdout, done.stderr
    farm("repro", farm.bug, "--commit", "nowhere").fails_with("nowhere")


def test_under_a_debugger(farm):
    """On the very command; gdb reads what to do from its standard input, which is empty here."""
    if shutil.which("gdb"):
        done = farm("repro", farm.bug, "--gdb")
        assert "outside the sandbox" in done.stderr and "parser" in done.stdout + done.stderr
    if not shutil.which("rr"):
        farm("repro", farm.bug, "--rr").fails_with("rr", "install it")


@pytest.mark.parametrize("words, told", [
    (["--host", "farm"], "URL"), (["--host", "http://x", "--commit", "c"], "--commit"),
    (["--gdb", "--rr"], "--rr"), (["--gdb", "--all-sanitizers"], "debugger"), (["--token-file", "x"], "--host")])
def test_what_does_not_go_together(farm, words, told):
    done = farm.ironworks("repro", 1, *words)
    assert done.rc == 2 and told in done.stderr
