"""The HTTP side of a farm on the fake engine: every answer is what the served document promises,
agrees with the command line, and tells nothing private to who has no role."""

from __future__ import annotations

import base64
import hashlib
import re
import socket
import stat
import time
from urllib.parse import urlsplit

import pytest

from conftest import Ironworks, end_processes_of, processes_of, tinies, wait_until
from farm_api import Api
from farm_oracle import make_adapter

ENGINE = "-DUNIT_PAUSE_US=2000 -DUNITS_PER_CRASH=100"
CAMPAIGN = {"name": "first", "targets": ["fake/engine"], "budget_core_hours": 100}
FIELDS_THAT_TELL = ("type", "security", "frames", "input", "input_size", "proof", "issue", "prs")


class Service:
    def __init__(self, ironworks, adapter, state, log):
        self.ironworks, self.adapter, self.state, self.log = ironworks, adapter, state, log
        self.process = None

    def start(self, *words):
        with self.log.open("w", encoding="utf-8") as err:
            self.process = self.ironworks.start(
                "serve", self.adapter, "--cores", 1, "--no-sandbox", "--state", self.state,
                *(words or ("--http", "127.0.0.1:0")), stderr=err)
        wait_until(lambda: "fuzzing 1 target" in self.said() or self.process.poll() is not None,
                   60, "the service fuzzes")

    def said(self):
        return self.log.read_text(encoding="utf-8", errors="replace")

    def stop(self):
        done = self.ironworks("stop", "--state", self.state, timeout=90)
        assert done.rc == 0, done.stderr
        self.process.wait(30)


@pytest.fixture(scope="module", name="service")
def _service(binaries, tmp_path_factory):  # pylint: disable=unused-argument
    place = tmp_path_factory.mktemp("api")
    ironworks = Ironworks(place)
    adapter = make_adapter(tinies(place), place / "ledger", more=ENGINE)
    service = Service(ironworks, adapter, place / "state", place / "stderr")
    service.start()
    try:
        wait_until(lambda: any(b["state"] != "new" for b in
                               Api(service.state, is_socket=True).get("/api/v1/bugs")["bugs"]),
                   120, "a bug is settled")
        begun = Api(service.state, is_socket=True)("POST", "/api/v1/campaigns", CAMPAIGN)
        built = Api(service.state, is_socket=True)("POST", "/api/v1/builds", {"adapter": "fake"})
        assert (built.status, built.json["id"]) == (202, 1)
        assert (begun.status, begun.json["id"], begun.json["state"]) == (201, 1, "active")
        yield service
        service.stop()
        assert not processes_of(service.state)
    finally:
        end_processes_of(service.state)


@pytest.fixture(name="api", params=["loopback", "socket"])
def _api(service, request):
    return Api(service.state, is_socket=request.param == "socket")


@pytest.fixture(name="public")
def _public(service):
    return Api(service.state)


@pytest.fixture(name="admin")
def _admin(service):
    return Api(service.state, is_socket=True)


def test_every_path_answers_as_documented(api):
    """Whatever the document says that can be read is read, with numbers that exist."""
    seen = 0
    for path, item in api.document["paths"].items():
        # The one never ends; the other wants to know which file.
        if "get" not in item or path.endswith(("/events", "/builds/file")):
            continue
        answer = api("GET", path.replace("{id}", "1"))
        expected = {200} if api.is_socket else {200, 401, 404}
        assert answer.status in expected | {404 if path.endswith("/issue") else 200}, path
        seen += 1
    assert seen >= 12


def test_what_is_not_there(api):
    for path in ("targets", "bugs", "crashes", "campaigns"):
        answer = api("GET", f"/api/v1/{path}/999999")
        assert answer.status == 404 and "999999" in answer.json["error"]
    for path in ("/api/v1/bugs/0", "/api/v1/bugs/-1", "/api/v1/bugs/1x", "/api/v1/bugs/01",
                 "/api/v1/bugs/99999999999999999999", "/api/v1/", "/nothing", "/../../etc/passwd",
                 "/api/v1/bugs/1/", "/app.js/"):
        assert api.raw("GET", path).status == 404, path
    assert api.raw("DELETE", "/api/v1/farm").status == 405


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "pr=-1", "before=1e3"])
def test_bad_parameters_are_refused_with_a_sentence(api, query):
    answer = api("GET", f"/api/v1/bugs?{query}")
    assert answer.status == 400 and query.split("=")[0] in answer.json["error"]


def test_it_agrees_with_the_command_line(service, admin):
    def told():
        bugs = service.ironworks("bug", "list", "--state", service.state, "--json").json["bugs"]
        return sorted(bugs, key=lambda b: b["id"])

    def is_the_same():
        # The farm works on: only what stands before and after can be compared.
        before = told()
        answered = sorted(admin.get("/api/v1/bugs")["bugs"], key=lambda b: b["id"])
        return before == told() and before == answered
    wait_until(is_the_same, 30, "both say the same of bugs")
    target, = admin.get("/api/v1/targets")["targets"]
    assert (target["adapter"], target["target"]) == ("fake", "engine")
    assert target["executions"] > 0 and target["units"] > 0 and target["crashes"] > 0
    moving = {"executions", "units", "crashes", "per_second", "features", "core_ms", "bug_core_ms",
              "found_ms", "status", "engines", "judging"}
    again = admin.get(f"/api/v1/targets/{target['id']}")
    assert {k: v for k, v in target.items() if k not in moving} == {
        k: again[k] for k in target if k not in moving}


def test_lists_go_on_where_a_page_ended(admin):
    def all_of_them():
        return [c["id"] for c in admin.get("/api/v1/crashes?limit=1000")["crashes"]]
    wait_until(lambda: len(all_of_them()) > 3, 60, "there are some crashes")
    everything = all_of_them()
    assert everything == sorted(everything, reverse=True)
    newest = everything[0]
    first = admin.get(f"/api/v1/crashes?limit=2&before={newest + 1}")
    second = admin.get(f"/api/v1/crashes?limit=2&before={first['next']}")
    assert [c["id"] for c in first["crashes"] + second["crashes"]] == everything[:4]


def test_private_bugs_tell_nothing_to_who_has_no_role(public, admin):
    """A bug that no staged pull request is proven to have brought is private."""
    for bug in admin.get("/api/v1/bugs")["bugs"]:
        assert bug["private"] and bug["type"] and bug["input"]
        seen = public.get(f"/api/v1/bugs/{bug['id']}")
        assert seen["private"] and all(seen[field] is None for field in FIELDS_THAT_TELL)
        for what in ("issue", "input"):
            assert public("GET", f"/api/v1/bugs/{bug['id']}/{what}").status == 401
    for crash in public.get("/api/v1/crashes")["crashes"]:
        assert crash["path"] is None and crash["type"] is None
    secrets = [word for bug in admin.get("/api/v1/bugs")["bugs"]
               for word in [bug["type"], bug["input"], *bug["frames"]]]
    everything = b"".join(
        public.raw("GET", path.replace("{id}", "1")).body for path in public.document["paths"]
        if not path.endswith(("/events", "openapi.json")))
    assert not [word for word in secrets if word.encode() in everything]


def test_its_input_is_the_reproducer(service, admin):
    bug = admin.get("/api/v1/bugs")["bugs"][0]
    answer = admin("GET", f"/api/v1/bugs/{bug['id']}/input")
    assert len(answer.body) == bug["input_size"]
    assert answer.headers["Content-Disposition"].startswith("attachment")
    digest = bug["input"]
    assert (service.state / "artifacts" / digest[:2] / digest[2:]).read_bytes() == answer.body


def test_nobody_changes_anything_without_a_role(public):
    for path, role in (("stop", "admin"), ("campaigns", "triage"), ("campaigns/1/stop", "triage"),
                       ("targets/1/hold", "triage"), ("targets/1/resume", "triage"),
                       ("bugs/1/wontfix", "triage"), ("bugs/1/reopen", "triage"), ("crashes", "triage")):
        answer = public("POST", f"/api/v1/{path}", {})
        assert answer.status == 401 and role in answer.json["error"]
        assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("change, status, word", [
    ({"name": "first"}, 409, "'first' already"),
    ({"name": ""}, 400, "name"),
    ({"name": "12"}, 400, "'12'"),
    ({"name": 7}, 400, "name"),
    ({"targets": []}, 400, "one target"),
    ({"targets": ["fake/none"]}, 404, "'fake/none'"),
    ({"targets": ["fake/engine", 1]}, 400, "strings"),
    ({"targets": "fake/engine"}, 400, "strings"),
    ({"budget_core_hours": 0}, 400, "budget"),
    ({"budget_core_hours": -1}, 400, "budget"),
    ({"budget_core_hours": 1e300}, 400, "budget"),
    ({"budget_core_hours": "1"}, 400, "number"),
])
def test_campaigns_that_cannot_be(admin, change, status, word):
    answer = admin("POST", "/api/v1/campaigns", {**CAMPAIGN, "name": "second"} | change)
    assert answer.status == status and word in answer.json["error"]
    assert [c["name"] for c in admin.get("/api/v1/campaigns")["campaigns"]][-1:] == ["first"]


def test_campaigns_begin_and_end(admin, public):
    begun = admin("POST", "/api/v1/campaigns",
                  {"name": "<b>short</b>", "targets": ["fake"], "budget_core_hours": 1e-9}).json
    assert (begun["targets"], begun["budget_core_ms"]) == (["fake/engine"], 1)
    path = f"/api/v1/campaigns/{begun['id']}"
    ended = wait_until(lambda: (c := public.get(path))["state"] == "done" and c, 120, "it is done")
    assert ended["used_core_ms"] >= 1 and ended["outcome"]["core_ms"] == ended["used_core_ms"]
    stop = admin("POST", path + "/stop", {})
    assert stop.status == 400 and "done" in stop.json["error"]
    assert admin("POST", "/api/v1/campaigns/999/stop", {}).status == 404


def test_hold_and_resume(admin, public):
    held = admin("POST", "/api/v1/targets/1/hold", {"why": "bug 1 looks bad"}).json
    assert (held["is_held"], held["status"]) == (True, "held")
    assert admin.get("/api/v1/targets/1")["held_why"] == "bug 1 looks bad"
    seen = public.get("/api/v1/targets/1")
    assert (seen["is_held"], seen["status"], seen["held_why"]) == (True, "held", None)
    for why in ("", "a\nb", "x" * 201, 1):
        assert admin("POST", "/api/v1/targets/1/hold", {"why": why}).status == 400
    assert admin("POST", "/api/v1/targets/1/resume", {}).json["is_held"] is False
    for what in ("hold", "resume"):
        assert admin("POST", f"/api/v1/targets/999/{what}", {}).status == 404


def issue_of(admin, bug):
    return admin("GET", f"/api/v1/bugs/{bug}/issue").body.decode()


def test_people_decide(service, admin, public):
    """Each decision is in the answer, the timeline and the issue, with who and why; each is
    undone; who has no role learns that there is one, and no more."""
    bug = next(b["id"] for b in admin.get("/api/v1/bugs")["bugs"] if b["issue"])
    path = f"/api/v1/bugs/{bug}"
    token = admin("POST", "/api/v1/tokens", {"name": "alice", "role": "triage"}).json["token"]
    alice = Api(service.state, token=token)
    for verb, what in (("wontfix", "wontfix"), ("expected", "expected"), ("close", "closed")):
        told = alice("POST", f"{path}/{verb}", {"why": f"because of {verb}"}).json
        assert (told["decision"], told["decision_by"], told["decision_why"]) == (
            what, "alice", f"because of {verb}")
        last = told["timeline"][-1]
        assert (last["what"], last["by"], last["why"]) == (what, "alice", f"because of {verb}")
        issue = issue_of(admin, bug)
        assert f"**{what}**, decided by `alice`" in issue and f"`because of {verb}`" in issue
    seen = public.get(path)
    assert (seen["decision"], seen["decision_by"], seen["decision_why"]) == ("closed", None, None)
    assert {(e["by"], e["why"]) for e in seen["timeline"]} == {(None, None)}
    assert alice("POST", f"{path}/reopen", {}).json["decision"] is None
    assert "decided by" not in issue_of(admin, bug)
    again = alice("POST", f"{path}/reopen", {})
    assert again.status == 400 and f"bug {bug}" in again.json["error"]
    for why in ("", "a\nb", "x" * 201, 1):
        assert alice("POST", f"{path}/close", {"why": why}).status == 400
    assert alice("POST", "/api/v1/bugs/999/close", {}).status == 404


def test_bugs_are_regrouped(admin):
    """A crash of a bug becomes one of its own, which the farm takes up; merging undoes it."""
    bug = max(admin.get("/api/v1/bugs")["bugs"], key=lambda b: b["sightings"])["id"]
    crash = admin.get(f"/api/v1/crashes?bug={bug}&limit=1")["crashes"][0]["id"]
    split = admin("POST", f"/api/v1/bugs/{bug}/split", {"crashes": [crash], "why": "another stack"}).json
    assert split["id"] != bug and split["sightings"] == 1 and split["state"] == "new"
    assert admin.get(f"/api/v1/crashes/{crash}")["bug"] == split["id"]
    merged = admin("POST", f"/api/v1/bugs/{bug}/merge", {"with": split["id"]})
    assert merged.status == 200 and merged.json["timeline"][-1]["what"] in ("merged", "sighting")
    assert admin.get(f"/api/v1/bugs/{split['id']}")["merged_into"] == bug
    apart = admin("POST", f"/api/v1/bugs/{split['id']}/unmerge", {}).json
    assert apart["merged_into"] is None and apart["sightings"] >= 1
    admin("POST", f"/api/v1/bugs/{bug}/merge", {"with": split["id"]})
    for path, body in ((f"{bug}/merge", {"with": bug}), (f"{bug}/merge", {"with": "1"}), (f"{bug}/merge", {}),
                       (f"{bug}/unmerge", {}), (f"{bug}/split", {"crashes": []}),
                       (f"{bug}/split", {"crashes": ["1"]})):
        assert admin("POST", f"/api/v1/bugs/{path}", body).status == 400, (path, body)
    assert admin("POST", f"/api/v1/bugs/{bug}/merge", {"with": 999}).status == 404


def test_what_is_muted_is_not_rewritten(service, admin):
    """The command line asks the farm; sightings are counted, and the issue stays as it is."""
    bug = max((b for b in admin.get("/api/v1/bugs")["bugs"] if b["issue"]),
              key=lambda b: b["sightings"])["id"]
    told = service.ironworks("bug", "mute", bug, "--why", "too loud", "--state", service.state, "--json").json
    assert told["muted_ms"] and told["decision"] is None
    issue, sightings = issue_of(admin, bug), admin.get(f"/api/v1/bugs/{bug}")["sightings"]
    assert "**muted**" in issue
    wait_until(lambda: admin.get(f"/api/v1/bugs/{bug}")["sightings"] > sightings + 2, 60, "it is seen again")
    assert issue_of(admin, bug) == issue
    done = service.ironworks("bug", "reopen", bug, "--state", service.state)
    assert (done.rc, done.stdout) == (0, f"bug {bug} is open again\n")
    wait_until(lambda: issue_of(admin, bug) != issue.replace(issue[issue.index("<!-- ironworks-d"):
               issue.index("\n\n", issue.index("**muted**")) + 2], ""), 30, "the issue tells of them")


def test_crashes_are_brought(service, admin, public, tmp_path):
    """By HTTP one by one, by the command line a folder; the farm judges them at once."""
    def base64_of(data):
        return base64.b64encode(data).decode()
    inputs = [b"brought by HTTP %d" % i for i in range(3)] + [b"", bytes(range(256)) * 4000]
    body = {"target": "fake/engine", "inputs": [base64_of(data) for data in inputs]}
    told = admin("POST", "/api/v1/crashes", body).json
    assert [c["input"] for c in told["crashes"]] == [hashlib.sha256(i).hexdigest() for i in inputs]
    for data in inputs:
        digest = hashlib.sha256(data).hexdigest()
        assert (service.state / "artifacts" / digest[:2] / digest[2:]).read_bytes() == data
    again = admin("POST", "/api/v1/crashes", body).json
    assert [c["is_new"] for c in again["crashes"]] == [False] * 5
    for i in range(4):
        (tmp_path / f"file{i}").write_bytes(b"brought in a folder %d" % i)
    done = service.ironworks("crash", "add", tmp_path, "--target", "fake/engine", "--state", service.state)
    assert (done.rc, done.stdout) == (0, "4 crashes added to fake/engine; the farm judges them\n")
    mine = admin("POST", "/api/v1/crashes", {**body, "inputs": [base64_of(b"brought in a folder 3")]}).json
    wait_until(lambda: admin.get(f"/api/v1/crashes/{mine['crashes'][0]['id']}")["state"] != "new",
               60, "it is judged")
    for wrong, word in (({"inputs": []}, "inputs"), ({"inputs": ["*"]}, "input 1"), ({"inputs": [1]}, "input 1"),
                        ({"target": 1}, "target"), ({"target": "fake"}, "ADAPTER/TARGET"),
                        ({"kind": "sneeze"}, "kind"), ({"flavour": 1}, "flavour")):
        answer = admin("POST", "/api/v1/crashes", {**body, **wrong})
        assert answer.status == 400 and word in answer.json["error"], wrong
    assert admin("POST", "/api/v1/crashes", {**body, "target": "fake/none"}).status == 404
    assert admin("POST", "/api/v1/crashes", b"x" * (13 << 20)).status == 413
    # Who may not send so much is not listened to for so long.
    assert public("POST", "/api/v1/crashes", b"x" * 100000).status in (401, 413)


def test_bodies_that_are_none(admin):
    for body in (b"{", b"[]", b"\xff\xfe", b'{"drain": 1}', b'{"a": 1, "a": 2}'):
        assert admin("POST", "/api/v1/stop", body).status == 400, body
    assert admin.raw("POST", "/api/v1/stop", b"x" * 100000).status == 413
    assert admin.get("/healthz")["status"] == "ok"


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8420", "localhost.evil.example",
                                  "127.0.0.1.evil.example", ""])
def test_a_page_of_somebody_elses_cannot_reach_it(public, host):
    """DNS rebinding: the browser believes that his name is our address."""
    assert public.raw("GET", "/api/v1/farm", headers={"Host": host}).status in (400, 403)


def test_only_loopback(service, ironworks, tmp_path):
    for address in ("0.0.0.0:0", "[::]:0", "192.0.2.1:80", "example.com:80", "8420", "127.0.0.1:x"):
        done = ironworks("serve", service.adapter, "--no-sandbox", "--state", tmp_path / "s",
                         "--http", address)
        assert done.rc == 4 and address in done.stderr.splitlines()[-1], address


def test_the_socket_is_its_owners(service):
    mode = (service.state / "socket").stat().st_mode
    assert stat.S_ISSOCK(mode) and stat.S_IMODE(mode) == 0o600


def test_headers_keep_strangers_out(public):
    for path in ("/api/v1/farm", "/"):
        headers = public.raw("GET", path).headers
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "Access-Control-Allow-Origin" not in headers


def test_events_tell_what_happens(public):
    clock, executions = set(), set()
    deadline = time.monotonic() + 60
    for name, data in public.events():
        if name == "farm":
            clock.add(data["now_ms"])
        elif name == "targets":
            executions.add(data["targets"][0]["executions"])
        if len(clock) > 2 and len(executions) > 2:
            return
        assert time.monotonic() < deadline, (clock, executions)


def test_metrics_are_what_prometheus_reads(public):
    text = public("GET", "/metrics").body.decode()
    line = re.compile(r'(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? '
                      r'-?[0-9.e+]+)')
    assert all(line.fullmatch(part) for part in text.splitlines()), text
    assert re.search(r'^ironworks_target_executions_total\{adapter="fake",target="engine"\} '
                     r'[1-9]', text, re.M)
    assert "ironworks_up 1\n" in text


def test_many_ask_at_once_and_some_ask_for_nothing(service, public):
    """Connections that never send a request do not keep others out."""
    address = urlsplit(public.url)
    idle = [socket.create_connection((address.hostname, address.port)) for _ in range(40)]
    for one in idle[::2]:
        one.sendall(b"GET /api/v1/farm HTTP/1.1\r\n")
    try:
        for _ in range(50):
            assert public.raw("GET", "/api/v1/targets").status == 200
    finally:
        for one in idle:
            one.close()
    assert service.process.poll() is None


def test_a_port_that_is_taken(service, ironworks, tmp_path, public):
    address = urlsplit(public.url).netloc
    done = ironworks("serve", service.adapter, "--no-sandbox", "--state", tmp_path / "other",
                     "--http", address)
    assert done.rc == 4 and f"'{address}' is taken" in done.stderr


def test_stopping_by_the_socket(ironworks, tiny, state, tmp_path):
    """It ends in peace, streams end with it, and what lies where its socket was is replaced."""
    adapter = make_adapter(tiny, tmp_path / "ledger", more=ENGINE)
    state.mkdir(mode=0o700)
    (state / "socket").write_text("left behind by a killed one", encoding="ascii")
    service = Service(ironworks, adapter, state, tmp_path / "stderr")
    try:
        service.start()
        admin = Api(state, is_socket=True)
        assert admin.document, "the answer is held against it, and by then the farm may be gone"
        stream = admin.events()
        next(stream)
        assert admin("POST", "/api/v1/stop", {"drain": False}).status == 202
        assert [data["text"] for name, data in stream if name == "message"][-1:] == [
            "stopping now, as asked"]
        assert service.process.wait(60) == 0
        assert not (state / "socket").exists() and not (state / "http").exists()
        assert not processes_of(state)
    finally:
        end_processes_of(state)


def test_builds_are_ordered_and_asked_after(admin, public):
    built = wait_until(lambda: (a := admin.get("/api/v1/builds/1"))["done"] and a, 30, "it is built")
    assert [b["state"] for b in built["builds"]] == ["cached"] and not built["error"]
    for body in ({}, {"adapter": 1}, {"adapter": "fake", "flavours": []},
                 {"adapter": "fake", "flavours": [1]}, {"adapter": "fake", "commit": 1},
                 {"adapter": "nobody"}, {"adapter": "fake", "flavours": ["plain"]}):
        assert admin("POST", "/api/v1/builds", body).status == 400, body
    nowhere = admin("POST", "/api/v1/builds", {"adapter": "fake", "commit": "nowhere"})
    path = f"/api/v1/builds/{nowhere.json['id']}"
    assert "nowhere" in wait_until(lambda: admin.get(path)["error"], 30, "it fails")
    assert admin("GET", "/api/v1/builds/999999").status == 404
    assert public("POST", "/api/v1/builds", {"adapter": "fake"}).status == 401
    assert public("GET", "/api/v1/builds/1").status == 401
