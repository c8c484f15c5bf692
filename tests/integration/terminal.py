"""A terminal that a program draws on: it knows the sequences that `ironworks top` may use, and
everything else is a mistake."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import termios
import time
import unicodedata

ENTER, LEAVE = "\x1b[?1049h", "\x1b[?1049l"
SEQUENCE = re.compile(r"\x1b\[(\??[0-9;]*)([A-Za-z])")
MODES = {"?1049", "?25", "?7"}
#: Bold, dim, reverse; red is the one colour.
STYLES = {"0", "1", "2", "7", "31"}


class Terminal:
    def __init__(self, columns, rows):
        self.master, self.slave = os.openpty()
        self.raw = ""            # all that came
        self.modes = {}          # private modes as they are set now
        self.styles = set()      # that were used
        self.process = None
        self._bytes, self._todo = b"", ""
        self.resize(columns, rows)
        self.before = termios.tcgetattr(self.slave)

    def resize(self, columns, rows):
        self.columns, self.rows = columns, rows
        self.cells = [[" "] * columns for _ in range(rows)]
        self.at = (0, 0)
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def start(self, argv, env):
        self.process = subprocess.Popen(argv, stdin=self.slave, stdout=self.slave,
                                        stderr=subprocess.PIPE, env=env, start_new_session=True,
                                        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        return self

    def type(self, text):
        os.write(self.master, text.encode())

    def signal(self, number):
        self.process.send_signal(number)

    # -- what comes -----------------------------------------------------------------------

    def read(self, seconds=0.05):
        """Takes what is there; waits a little for the first of it."""
        while select.select([self.master], [], [], seconds)[0]:
            try:
                data = os.read(self.master, 65536)
            except OSError as e:
                assert e.errno == errno.EIO
                return
            self._bytes += data
            seconds = 0
            with contextlib.suppress(UnicodeDecodeError):
                text = self._bytes.decode()
                self._bytes = b""
                self.raw += text
                self._todo += text
                self._draw()

    def _draw(self):
        while self._todo:
            if self._todo[0] == "\x1b":
                match = SEQUENCE.match(self._todo)
                if not match:
                    assert len(self._todo) < 16, f"not ours: {self._todo[:40]!r}"
                    return
                self._obey(*match.groups())
                self._todo = self._todo[match.end():]
            else:
                self._put(self._todo[0])
                self._todo = self._todo[1:]

    def _obey(self, words, verb):
        row, column = self.at
        if verb in "hl":
            assert words in MODES, f"a mode that is not ours: {words}"
            self.modes[words] = verb == "h"
        elif verb == "m":
            assert words in STYLES, f"a style that is not ours: {words}"
            self.styles.add(words)
        elif verb == "H":
            row, column = (int(w) - 1 for w in words.split(";"))
            self.at = (row, column)
        elif verb == "K" and words == "2":
            if row < self.rows:
                self.cells[row] = [" "] * self.columns
        elif verb == "J" and words in ("", "2"):
            for r in range(row if words == "" else 0, self.rows):
                self.cells[r] = [" "] * self.columns
        else:
            raise AssertionError(f"a sequence that is not ours: ESC [ {words} {verb}")

    def _put(self, character):
        assert character.isprintable(), f"a control character: {character!r}"
        row, column = self.at
        wide = 0 if unicodedata.combining(character) else \
            2 if unicodedata.east_asian_width(character) in "WF" else 1
        # A frame for the old size may still be on its way when the size changes.
        if row < self.rows and wide and column < self.columns:
            self.cells[row][column] = character
        self.at = (row, column + wide)

    @property
    def lines(self):
        return ["".join(row).rstrip() for row in self.cells]

    @property
    def text(self):
        return "\n".join(self.lines)

    def wait_for(self, condition, what, seconds=30):
        """Reads until condition(text) is true, and returns it."""
        deadline = time.monotonic() + seconds
        while True:
            self.read()
            value = condition(self.text)
            if value:
                return value
            assert self.process.poll() is None, (self.process.returncode, self.said())
            assert time.monotonic() < deadline, f"{what} within {seconds} s:\n{self.text}"

    def said(self):
        return self.process.stderr.read().decode()

    # -- how it ends ----------------------------------------------------------------------

    def wait(self, seconds=20):
        """The exit status; what the program still wrote is read."""
        deadline = time.monotonic() + seconds
        while self.process.poll() is None:
            self.read()
            assert time.monotonic() < deadline, f"it did not end:\n{self.text}"
        self.read()
        return self.process.returncode

    def is_restored(self):
        """Nothing of the program is left on the terminal."""
        return (termios.tcgetattr(self.slave) == self.before
                and self.modes == {"?1049": False, "?25": True, "?7": True}
                and self.raw.endswith(LEAVE))

    def close(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.send_signal(signal.SIGCONT)
            self.process.wait(10)
        if self.process:
            self.process.stderr.close()
        os.close(self.master)
        os.close(self.slave)
