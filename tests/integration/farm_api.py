"""A client of the farm's HTTP side that holds every answer against the OpenAPI document that the
farm itself serves."""

from __future__ import annotations

import http.client
import json
import os
import re
import socket
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import jsonschema


@dataclass
class Answer:
    status: int
    headers: dict
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        folder = os.open(self.path.parent, os.O_PATH)
        try:
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.settimeout(self.timeout)
            # Its path may be longer than an address of a socket.
            self.sock.connect(f"/proc/self/fd/{folder}/{self.path.name}")
        finally:
            os.close(folder)


class Api:
    """By its address on loopback, or with is_socket by the socket in the state folder. source:
    the address on loopback that asks."""

    def __init__(self, state, is_socket=False, token=None, source="127.0.0.1"):
        self.state, self.is_socket, self.token = Path(state), is_socket, token
        self.source = source
        self._document = None

    @property
    def url(self):
        return (self.state / "http").read_text(encoding="ascii").strip()

    def connect(self, timeout=20):
        if self.is_socket:
            return _UnixConnection(self.state / "socket", timeout)
        return http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=timeout,
                                          source_address=(self.source, 0))

    def raw(self, method, path, body=None, headers=None):
        """Whatever comes, not held against anything."""
        headers = dict(headers or {})
        if self.token:
            headers.setdefault("Authorization", f"Bearer {self.token}")
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        connection = self.connect()
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return Answer(response.status, dict(response.getheaders()), response.read())
        finally:
            connection.close()

    @property
    def document(self):
        if self._document is None:
            self._document = self.raw("GET", "/api/v1/openapi.json").json
        return self._document

    def operation(self, method, path):
        for pattern, item in self.document["paths"].items():
            shape = "/".join(r"\d+" if part.startswith("{") else re.escape(part)
                             for part in pattern.split("/"))
            if re.fullmatch(shape, path) and method.lower() in item:
                return item[method.lower()]
        raise AssertionError(f"{method} {path} is not in the document")

    def check(self, answer, operation):
        responses = operation["responses"]
        assert str(answer.status) in responses, (answer.status, answer.body)
        response = responses[str(answer.status)]
        if "$ref" in response:
            response = self.document["components"]["responses"]["Error"]
        (kind, content), = response["content"].items()
        assert answer.headers["Content-Type"].split(";")[0] == kind, answer.headers
        if kind == "application/json":
            # References lead from the document's root.
            schema = {**self.document, **content["schema"]}
            jsonschema.Draft202012Validator(schema).validate(answer.json)

    def __call__(self, method, path, body=None, **headers):
        answer = self.raw(method, path, body, headers)
        self.check(answer, self.operation(method, path.split("?")[0]))
        return answer

    def get(self, path):
        answer = self("GET", path)
        assert answer.status == 200, (answer.status, answer.body)
        return answer.json

    def events(self, timeout=20):
        """(name, data) of each event, until the stream ends."""
        connection = self.connect(timeout)
        try:
            headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
            connection.request("GET", "/api/v1/events", headers=headers)
            response = connection.getresponse()
            assert response.status == 200 and response.headers["Content-Type"].startswith(
                "text/event-stream")
            name = None
            for line in response:
                word, _, rest = line.decode().rstrip("\n").partition(": ")
                if word == "event":
                    name = rest
                elif word == "data":
                    yield name, json.loads(rest)
        finally:
            connection.close()
