"""Packages of npm that tests need, in the versions of their locks."""

from __future__ import annotations

import shutil
import subprocess

from conftest import ROOT


def install(name):
    """Those of tests/<name>, into build/<name>; once for each lock. Returns that folder."""
    home, packages = ROOT / "tests" / name, ROOT / "build" / name
    packages.mkdir(parents=True, exist_ok=True)
    lock = (home / "package-lock.json").read_bytes()
    stamp = packages / "installed"
    if stamp.exists() and stamp.read_bytes() == lock:
        return packages
    for file in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copy(home / file, packages)
    done = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=packages,
                          capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, f"npm cannot install what tests/{name} needs:\n{done.stderr}"
    stamp.write_bytes(lock)
    return packages
