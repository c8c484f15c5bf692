"""Jobs for the keeper: supervisor/base/keeper_format.h in Python."""

import json
import os
import select
import subprocess
import time
from pathlib import Path

OK = "ok\n"


def spec(args, env=None, **keys):
    entries = [f"arg={a}" for a in args]
    entries += [f"env={k}={v}" for k, v in (env or {"PATH": "/usr/bin:/bin"}).items()]
    entries += [f"{k}={v}" for k, v in keys.items()]
    return b"".join(e.encode() + b"\0" for e in entries)


def bwrap(args):
    """A sandbox like the real one, without its filter."""
    return ["/usr/bin/bwrap", "--unshare-all", "--die-with-parent", "--ro-bind", "/usr", "/usr",
            "--symlink", "usr/bin", "/bin", "--symlink", "usr/lib", "/lib",
            "--symlink", "usr/lib64", "/lib64", "--ro-bind", "/proc", "/proc",
            "--dev", "/dev", "--tmpfs", "/tmp", "--json-status-fd", "4", *args]


class Job:
    """A keeper that was started on a directory."""

    def __init__(self, program, directory, text):
        self.dir = Path(directory)
        self.dir.mkdir(parents=True, exist_ok=True)
        if text is not None:
            (self.dir / "spec").write_bytes(text)
        self.status_fd, end = os.pipe()
        # bash puts the pipe where the keeper expects it, whatever its number is here.
        self.keeper = subprocess.Popen(
            ["bash", "-c", f'exec "$0" "$1" 3>&{end} {end}>&-', str(program), str(self.dir)],
            pass_fds=(end,), stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
        os.close(end)
        self.started = self._read_status()

    def _read_status(self):
        text = b""
        while select.select([self.status_fd], [], [], 5)[0]:
            chunk = os.read(self.status_fd, 4096)
            if not chunk:
                break
            text += chunk
        os.close(self.status_fd)
        return text.decode()

    def wait(self, timeout=10):
        self.code = self.keeper.wait(timeout)
        self.stderr = self.keeper.stderr.read().decode()
        self.keeper.stderr.close()
        path = self.dir / "exit"
        return json.loads(path.read_text()) if path.exists() else None

    def command(self):
        """Pid of the command, the keeper's only child."""
        pid = self.keeper.pid
        return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])

    def log(self, name="log"):
        """What is kept, and how many bytes are missing."""
        parts = [(0, self.dir / name)]
        parts += [(int(p.suffix[1:]), p) for p in self.dir.glob(f"{name}.*")]
        data = [p.read_bytes() for _, p in sorted(parts)]
        return data

    def await_log(self, text, timeout=5):
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            if text in b"".join(self.log()):
                return
            time.sleep(0.01)
        raise AssertionError(f"{text} not in {self.log()}")


def state(pid):
    """The state letter of a process, or None when there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return None


def is_gone(pid, timeout=3):
    """Whether the process ends in time; a zombie that nobody reaps has ended."""
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        if state(pid) in (None, "Z", "X"):
            return True
        time.sleep(0.01)
    return False


def find(marker):
    """Pids of the processes with this word in their command line."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if marker.encode() in path.read_bytes() and state(path.parent.name) != "Z":
                found.append(int(path.parent.name))
        except OSError:
            pass
    return found
