"""The crash shield's page: supervisor/engine/shield_format.h in Python."""

import struct
from collections import namedtuple
from pathlib import Path

MAGIC, VERSION, SLOTS = 0x444c4853, 1, 64
ABSENT, WORKS, RENEWS = range(3)
HEAD = struct.Struct("<IIIIIIQIIQQQ")
SLOT = struct.Struct("<5Q")

Slot = namedtuple("Slot", "key input deaths swallowed us")
Page = namedtuple("Page", "state executions warm_us slots")


def page(known=(), deaths_max=0, rss_limit_mb=2048, samples=1, warm=1):
    head = HEAD.pack(MAGIC, VERSION, len(known), deaths_max, rss_limit_mb, samples, warm,
                     0, 0, 0, 0, 0)
    slots = b"".join(SLOT.pack(key, 0, 0, 0, 0) for key in known)
    return head + slots.ljust(SLOTS * SLOT.size, b"\0")


def read(path):
    data = Path(path).read_bytes()
    fields = HEAD.unpack_from(data)
    slots = [Slot(*SLOT.unpack_from(data, HEAD.size + i * SLOT.size)) for i in range(SLOTS)]
    return Page(fields[7], fields[9], fields[10], [s for s in slots if s.key])


def hash_of(data):
    """FNV-1a of a unit."""
    h = 0xcbf29ce484222325
    for byte in data:
        h = (h ^ byte) * 0x100000001b3 & (1 << 64) - 1
    return h or 1
