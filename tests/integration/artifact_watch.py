"""What engines leave as artifacts, seen by the kernel's word before the farm takes it away."""

from __future__ import annotations

import contextlib
import ctypes
import fnmatch
import hashlib
import os
import re
import select
import struct
import threading

# Folders on the way to artifacts, below <state>/jobs, a pattern for each level.
WAYS = (("fuzz-*", "work", "artifacts"), ("fuzz-*", "work", "out", "*", "crashes"),
        ("fuzz-*", "work", "out", "*", "hangs"))
# libFuzzer names an artifact by its content, so that its name alone is enough.
NAMED_BY_CONTENT = re.compile(r"(?:crash|leak|timeout|oom)-([0-9a-f]{40})$")
OURS = re.compile(r"id:|(?:crash|leak|timeout|oom)-")

IN_CLOSE_WRITE, IN_MOVED_TO, IN_CREATE, IN_NONBLOCK = 0x8, 0x80, 0x100, 0o4000
EVENT = struct.Struct("iIII")
LIBC = ctypes.CDLL(None, use_errno=True)


def is_on_the_way(parts):
    return any(len(parts) <= len(way) and all(map(fnmatch.fnmatch, parts, way)) for way in WAYS)


def is_at_its_end(parts):
    return any(len(parts) == len(way) and all(map(fnmatch.fnmatch, parts, way)) for way in WAYS)


class ArtifactWatch(threading.Thread):
    """`seen` maps what is known of an artifact, a sha1 as hexadecimal text, to its path;
    `missed` are those that were gone before they could be read and whose names say nothing."""

    def __init__(self, jobs):
        super().__init__(daemon=True)
        self.jobs, self.seen, self.missed = jobs, {}, []
        self.folders, self.is_over = {}, False
        self.fd = LIBC.inotify_init1(IN_NONBLOCK)
        assert self.fd >= 0, os.strerror(ctypes.get_errno())
        self.add(())

    def add(self, parts):
        path = self.jobs.joinpath(*parts)
        watch = LIBC.inotify_add_watch(self.fd, bytes(path),
                                       IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE)
        if watch < 0:
            return  # it is gone already
        self.folders[watch] = parts
        # What came before the watch did.
        with contextlib.suppress(OSError):
            for name in os.listdir(path):
                self.look((*parts, name))

    def look(self, parts):
        if is_on_the_way(parts):
            self.add(parts)
        elif is_at_its_end(parts[:-1]) and OURS.match(parts[-1]):
            self.read(self.jobs.joinpath(*parts))

    def read(self, path):
        named = NAMED_BY_CONTENT.match(path.name)
        if named:
            self.seen[named[1]] = str(path)
            return
        try:
            self.seen[hashlib.sha1(path.read_bytes()).hexdigest()] = str(path)
        except OSError:
            self.missed.append(str(path))

    def run(self):
        while not self.is_over:
            select.select([self.fd], [], [], 0.2)
            with contextlib.suppress(BlockingIOError):
                self.take(os.read(self.fd, 1 << 16))

    def take(self, events):
        at = 0
        while at < len(events):
            watch, mask, _, length = EVENT.unpack_from(events, at)
            at += EVENT.size
            name = events[at:at + length].rstrip(b"\0").decode(errors="surrogateescape")
            at += length
            # A new file is not whole yet; its end is told by another event.
            parts = (*self.folders.get(watch, ()), name)
            if not mask & IN_CREATE or is_on_the_way(parts):
                self.look(parts)

    def end(self):
        self.is_over = True
        self.join()
        os.close(self.fd)
