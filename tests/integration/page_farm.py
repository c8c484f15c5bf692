"""A farm for the dashboard's tests: real targets, one with a name made of HTML, and bugs that
are public and private."""

from __future__ import annotations

import http.client
import json
import re
import socket
import time
import urllib.error
import urllib.request

from conftest import BUILD, Ironworks, Tiny, end_processes_of, git, wait_until
from test_run_demo import stage

#: What a stranger may call a function: an assembler takes any name. (Frames lose what stands in
#: parentheses.)
HTML = "<img src=x onerror=hacked=1>"

# A target of the base: its bug is there without any pull request, so it stays private.
HEADER = r"""
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

__attribute__((noinline)) static void read_header(const uint8_t *data, size_t len)
{
	if (len > 3 && memcmp(data, "bug!", 4) == 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	read_header(data, len);
	return 0;
}
"""
HARMLESS = r"""
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	(void)data, (void)len;
	return 0;
}
"""
# What a pull request makes of that one.
NAMED = r"""
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

void strange(const uint8_t *data) __asm__("%s");

__attribute__((noinline)) void strange(const uint8_t *data)
{
	if (memcmp(data, "odd!", 4) == 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (len > 3)
		strange(data);
	return 0;
}
""" % HTML


class Unix(http.client.HTTPConnection):
    """HTTP on the farm's own socket: who can open it is admin."""

    def __init__(self, path):
        super().__init__("localhost")
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(30)
        self.sock.connect(self.path)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


class PageFarm:
    def __init__(self, home):
        self.state, self.log = home / "state", home / "stderr"
        (home / "home").mkdir()
        self.ironworks = Ironworks(home / "home")
        self.adapter = self.make_adapter(home)
        self.url = f"http://127.0.0.1:{free_port()}"
        self.process, self.tokens = None, {}

    def begin(self):
        self.start()
        wait_until(self.is_ready, 180, "two bugs are attributed")
        self.tokens = {role: self.make_token(role) for role in ("read", "triage")}

    def make_adapter(self, home):
        adapter = Tiny(home, "tiny", {
            "header.c": HEADER, "named.c": HARMLESS, "seeds/a": b"bug!", "seeds/b": b"odd!"},
            BUILD, {"flavours": ["libfuzzer"]})
        adapter.write(adapter.document | {
            "source": {"git": str(adapter.source), "branch": "staging", "base": "main"}})
        git(adapter.source, "checkout", "-q", "-b", "staging")
        stage(adapter, 6, "A harmless change", {"README": "x"})
        stage(adapter, 7, "Name things", {"named.c": NAMED})
        return adapter

    def start(self):
        before = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("a", encoding="utf-8") as err:
            self.process = self.ironworks.start(
                "serve", self.adapter, "--cores", 2, "--no-sandbox", "--state", self.state,
                "--http", self.url.removeprefix("http://"), stderr=err)
        wait_until(lambda: b"fuzzing" in self.log.read_bytes()[before:] or self.process.poll() is not None,
                   120, "the farm fuzzes")
        assert self.process.poll() is None, self.said()

    def is_ready(self):
        bugs = self.get("/bugs", unix=True)["bugs"]
        return len(bugs) >= 2 and all(b["outcome"] for b in bugs)

    def said(self):
        return self.log.read_text(encoding="utf-8", errors="replace")[-4000:]

    def kill(self):
        self.process.kill()
        self.process.communicate(timeout=10)

    def get(self, path, token=None, unix=False):
        if unix:
            return self.ask_unix("GET", path)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        with urllib.request.urlopen(urllib.request.Request(
                f"{self.url}/api/v1{path}", headers=headers), timeout=30) as answer:
            return json.load(answer)

    def ask_unix(self, method, path, body=None):
        connection = Unix(self.state / "socket")
        connection.request(method, f"/api/v1{path}", json.dumps(body) if body else None,
                           {"Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        assert answer.status < 300, (path, answer.status, text)
        return json.loads(text)

    def make_token(self, role):
        return self.ask_unix("POST", "/tokens", {"name": f"page {role}", "role": role})["token"]

    def bug(self, **fields):
        """The one bug that is so, with all that is known of it."""
        (bug,) = [b for b in self.get("/bugs", unix=True)["bugs"]
                  if all(b[k] == v for k, v in fields.items())]
        return bug

    def close(self):
        end_processes_of(self.state)
