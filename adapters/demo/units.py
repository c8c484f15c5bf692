"""Turns the readable form of a unit into its bytes.

Hexadecimal digits, "text", and @name@ for a value of the seed, in any mix; # starts a comment.
"""

from __future__ import annotations

import re

from plan import Plan

TOKEN = re.compile(r'"([^"]*)"|@([a-z_]+)@|([0-9a-f]+)|(\s+)')


def unit_bytes(text: str, plan: Plan) -> bytes:
    return b"".join(line_bytes(line, plan) for line in text.splitlines())


def line_bytes(line: str, plan: Plan) -> bytes:
    data = b""
    place = 0
    while place < len(line) and line[place] != "#":
        match = TOKEN.match(line, place)
        if not match:
            raise ValueError(f"not a unit: '{line}'")
        words, name, digits, _ = match.groups()
        if words is not None:
            data += words.encode()
        elif name:
            data += plan.in_bytes(name)
        elif digits:
            data += bytes.fromhex(digits)
        place = match.end()
    return data
