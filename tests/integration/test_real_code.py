"""Code that nobody here wrote, with staged changes of ours: what two of them broke is found by
fuzzing, minimized, and blamed on them; the harmless ones are never named.

Needs the machine's package source and minutes, so all of it carries the marker `full`.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys

import pytest

from conftest import ROOT, Ironworks

sys.path.insert(0, str(ROOT / "tests" / "lib"))
import real_code  # noqa: E402

pytestmark = pytest.mark.full

ZSTD_ADAPTER = ROOT / "adapters" / "zstd"
# Upstream builds with autotools; what these would find out is written down instead.
# A unit is 17 bytes of options, then the text: upstream's own texts become seeds.
JANSSON_BUILD = r"""#!/bin/bash
set -euo pipefail
printf '#define %s\n' 'HAVE_STDINT_H 1' 'HAVE_SYS_TYPES_H 1' 'INITIAL_HASHTABLE_ORDER 3' \
	> "$SRC/src/jansson_private_config.h"
objects=()
for file in "$SRC"/src/*.c; do
	objects+=("$(basename "$file" .c).o")
	$CC $CFLAGS -w -DHAVE_CONFIG_H -I"$SRC/android" -I"$SRC/src" -c "$file" -o "${objects[-1]}"
done
target=json_load_dump_fuzzer
$CXX $CXXFLAGS -w -DHAVE_CONFIG_H -I"$SRC/android" -I"$SRC/src" "$SRC/test/ossfuzz/$target.cc" "${objects[@]}" \
	$LIB_FUZZING_ENGINE -o "$OUT/$target"
mkdir "$OUT/${target}_seed_corpus"
n=0
for text in "$SRC"/test/suites/*/*/input; do
	n=$((n + 1))
	{ printf '\0%.0s' {1..17}; cat "$text"; } > "$OUT/${target}_seed_corpus/$n"
done
"""
FUZZ_S, MORE_S, ROUNDS = 60, 30, 12
RUN_S = 1800


def fetch(project, dest):
    done = subprocess.run([ZSTD_ADAPTER / "fetch", "--package", project.package, dest],
                          capture_output=True, text=True, timeout=600, check=False)
    if done.returncode == 4 and re.search("package source|source package", done.stderr):
        pytest.skip(f"the machine's package source cannot be used: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr


def make_adapter(folder, name, project, repo):
    if name == "zstd":
        shutil.copytree(ZSTD_ADAPTER, folder)
    else:
        folder.mkdir()
        (folder / "build.sh").write_text(JANSSON_BUILD, encoding="utf-8")
        (folder / "build.sh").chmod(0o755)
    (folder / "adapter.json").write_text(json.dumps({
        "name": name, "title": f"{name}, with changes staged",
        "source": {"git": str(repo), "branch": "staging", "base": "main"},
        "build": {"command": ["./build.sh"], "timeout_s": 1200},
        "flavours": ["libfuzzer", "libfuzzer+asan+ubsan"],
        "targets": project.targets,
    }), encoding="utf-8")


class Farm:
    def __init__(self, home, name, project):
        self.project = project
        self.ironworks = Ironworks(home)
        fetch(project, home / "source")
        real_code.stage(home / "source", project)
        make_adapter(home / "adapter", name, project, home / "source")
        self.home = home
        self.bugs = self.run(FUZZ_S)
        # Each run gives open triage a third of its time; a blame takes some builds of it.
        for _ in range(ROUNDS):
            if self.are_found() and all(bug["outcome"] for bug in self.bugs):
                break
            self.bugs = self.run(MORE_S)

    def run(self, seconds):
        done = self.ironworks(
            "run", self.home / "adapter", "--for", f"{seconds}s", "--coverage", "off", "--state",
            self.home / "state", "--json", timeout=RUN_S)
        assert done.rc in (0, 1), done.stderr
        return done.json["bugs"]

    def are_found(self):
        return all(any(frames & set(bug["frames"]) for bug in self.bugs)
                   for frames in self.project.frames.values())

    def bugs_of(self, pr):
        return [bug for bug in self.bugs if (bug["prs"] or []) == [pr]]


@pytest.fixture(scope="module", params=["zstd", "jansson"])
def farm(request, binaries, tmp_path_factory):
    project = {"zstd": real_code.ZSTD, "jansson": real_code.JANSSON}[request.param]
    farm = Farm(tmp_path_factory.mktemp(request.param), request.param, project)
    yield farm
    farm.ironworks.clean_up()


def test_planted_faults_are_found_and_blamed(farm):
    for pr, frames in farm.project.frames.items():
        bugs = [bug for bug in farm.bugs_of(pr) if frames & set(bug["frames"])]
        assert bugs, f"nothing is blamed on PR {pr}: {farm.bugs}"
        assert all(bug["outcome"] == "staged" for bug in bugs), bugs


def test_harmless_changes_are_never_named(farm):
    faulty = {change.pr for change in farm.project.changes if change.is_faulty}
    for bug in farm.bugs:
        assert set(bug["prs"] or []) <= faulty, bug
        assert bug["outcome"] != "pre-existing", bug


def test_inputs_are_made_small(farm):
    for bug in farm.bugs:
        assert bug["input_size"] <= min(200, bug["first_size"]), bug
