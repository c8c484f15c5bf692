"""The zstd adapter: fetched from the machine's own package source, built with upstream's makefile.

What needs the package source, a compiler and minutes carries the marker `full`.
"""

import importlib.machinery
import importlib.util
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ADAPTER = Path(__file__).resolve().parents[2] / "adapters/zstd"
CONFIG = json.loads((ADAPTER / "adapter.json").read_text(encoding="utf-8"))
TARGETS = [t["name"] for t in CONFIG["targets"]]
COMMON_FLAGS = ("-O1 -gline-tables-only -fno-omit-frame-pointer -fno-optimize-sibling-calls "
                "-DFUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION -fsanitize=fuzzer-no-link")
FLAVOUR_FLAGS = {
    "libfuzzer": "",
    "libfuzzer+asan+ubsan": " -fsanitize=address,undefined -fno-sanitize-recover=undefined",
}


def load(name):
    path = ADAPTER / name
    loader = importlib.machinery.SourceFileLoader(f"zstd_{path.stem}", str(path))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


def fetch(dest, **env):
    return subprocess.run([ADAPTER / "fetch", dest], capture_output=True, text=True, timeout=600,
                          env={**os.environ, **env}, check=False)


def git(repo, *args):
    return subprocess.run(["git", "-c", "safe.directory=*", "-C", repo, *args],
                          capture_output=True, text=True, timeout=60, check=True).stdout.strip()


def clang_version():
    for version in (19, 18, 17, 16, 15, 14):
        if shutil.which(f"clang-{version}"):
            return version
    pytest.skip("no clang between 14 and 19 is installed")


@pytest.fixture(scope="module")
def repo(tmp_path_factory):
    dest = tmp_path_factory.mktemp("zstd") / "repo"
    done = fetch(dest)
    if done.returncode == 4 and re.search("package source|source package", done.stderr):
        pytest.skip(f"the machine's package source cannot be used: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    return dest


@pytest.fixture(scope="module", params=list(FLAVOUR_FLAGS))
def build(request, repo, tmp_path_factory):
    """One build per flavour, as the farm makes it."""
    clang, base = clang_version(), tmp_path_factory.mktemp("build")
    src, out = base / "src", base / "out"
    out.mkdir()
    (base / "tmp").mkdir()
    subprocess.run(["git", "clone", "-q", repo, src], check=True, timeout=60)
    flags = COMMON_FLAGS + FLAVOUR_FLAGS[request.param]
    launcher = "ccache " if shutil.which("ccache") else ""
    env = {
        "PATH": "/usr/bin:/bin", "HOME": str(base), "TMPDIR": str(base / "tmp"), "SRC": str(src),
        "OUT": str(out), "CC": f"{launcher}clang-{clang}", "CXX": f"{launcher}clang++-{clang}",
        "CFLAGS": flags, "CXXFLAGS": flags, "LIB_FUZZING_ENGINE": "-fsanitize=fuzzer",
        "FLAVOUR": request.param, "JOBS": str(os.cpu_count()),
    }
    done = subprocess.run([ADAPTER / "build.sh"], cwd=src, env=env, capture_output=True, text=True,
                          timeout=CONFIG["build"]["timeout_s"], check=False)
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    return out


def test_adapter_json_names_its_files():
    assert os.access(ADAPTER / CONFIG["source"]["command"][0], os.X_OK)
    assert os.access(ADAPTER / CONFIG["build"]["command"][0], os.X_OK)
    assert len(set(TARGETS)) == len(TARGETS) >= 4
    assert set(CONFIG["flavours"]) == {*FLAVOUR_FLAGS, "aflpp", "aflpp+cmplog", "coverage"}


def test_entries_become_deb_src():
    fetcher = load("fetch")
    one_line = "# deb x\ndeb [arch=amd64] http://a.test/d s main # why\ndeb cdrom:[x]/ s main\n"
    assert list(fetcher.one_line_entries(one_line)) == [
        "deb-src [arch=amd64] http://a.test/d s main\n"]
    stanzas = ("Types: deb deb-src\n# a comment\nURIs: http://a.test/d\nSuites: s\n t\n"
               "Components: main\n\nTypes: deb\nURIs: http://b.test/d\nEnabled: no\nSuites: s\n")
    assert list(fetcher.deb822_entries(stanzas)) == [
        "Types: deb-src\nURIs: http://a.test/d\nSuites: s\n t\nComponents: main\n"]


def test_units_are_split_as_the_target_does():
    seeds = load("seeds.py")
    for size in (0, 1, 200, 253, 254, 255, 256, 300, 65530, 65535, 70000):
        for params in (b"", b"\x05", bytes(48)):
            data = bytes(size)
            unit = seeds.unit(data, params)
            # FUZZ_dataProducer_uint32Range and _reserveDataPrefix, in Python.
            rest, rolling, value = len(unit), len(unit), 0
            while rolling and rest:
                value, rolling, rest = value << 8 | unit[rest - 1], rolling >> 8, rest - 1
            kept = min(value % (len(unit) + 1), rest)
            assert (rest - kept, kept) == (len(data), len(params))


def test_fetch_refuses_what_is_not_empty(tmp_path):
    (tmp_path / "file").touch()
    done = fetch(tmp_path)
    assert done.returncode == 4
    assert done.stderr.count("\n") == 1 and "not empty" in done.stderr
    assert os.listdir(tmp_path) == ["file"]


def test_fetch_without_package_source_says_so(tmp_path):
    """An apt that knows no entry: one sentence, exit 4, nothing left behind."""
    (tmp_path / "empty").mkdir()
    config = tmp_path / "apt.conf"
    config.write_text(f'Dir::Etc::sourcelist "{tmp_path}/none";\n'
                      f'Dir::Etc::sourceparts "{tmp_path}/empty";\n', encoding="utf-8")
    done = fetch(tmp_path / "repo", APT_CONFIG=str(config))
    assert done.returncode == 4
    assert done.stderr.count("\n") == 1 and "no package source" in done.stderr
    assert not (tmp_path / "repo").exists()


@pytest.mark.full
def test_fetch_is_one_reproducible_commit(repo, tmp_path):
    assert git(repo, "rev-list", "--count", "main") == "1"
    assert git(repo, "status", "--porcelain") == ""
    assert "tests/fuzz/simple_decompress.c" in git(repo, "ls-files")
    again = tmp_path / "again"
    again.mkdir()       # an empty DEST is as good as none
    assert fetch(again).returncode == 0
    assert git(again, "rev-parse", "main") == git(repo, "rev-parse", "main")


@pytest.mark.full
def test_fetch_survives_a_dead_entry(repo, tmp_path):
    """A third party that does not answer must not stop the distribution's own entry."""
    parts = tmp_path / "parts"
    shutil.copytree("/etc/apt/sources.list.d", parts)
    if Path("/etc/apt/sources.list").is_file():
        shutil.copy("/etc/apt/sources.list", parts / "main.list")
    (parts / "third.list").write_text("deb http://127.0.0.1:9/debian stable main\n", encoding="ascii")
    config = tmp_path / "apt.conf"
    config.write_text(f'Dir::Etc::sourceparts "{parts}";\nDir::Etc::sourcelist "/dev/null";\n',
                      encoding="utf-8")
    done = fetch(tmp_path / "repo", APT_CONFIG=str(config))
    assert done.returncode == 0, done.stderr
    assert git(tmp_path / "repo", "rev-parse", "main") == git(repo, "rev-parse", "main")


@pytest.mark.full
def test_build_puts_everything_into_out(build):
    for name in TARGETS:
        assert os.access(build / name, os.X_OK)
        assert len(os.listdir(build / f"{name}_seed_corpus")) > 50
    assert (build / "simple_decompress.dict").is_file()


@pytest.mark.full
@pytest.mark.parametrize("name", TARGETS)
def test_target_runs_its_seeds_and_learns(build, name, tmp_path):
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    done = subprocess.run([build / name, "-max_total_time=6", "-seed=1", "-timeout=10",
                           f"-artifact_prefix={tmp_path}/", corpus, build / f"{name}_seed_corpus"],
                          capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    features = [int(n) for n in re.findall(r"\bft: (\d+)", done.stderr)]
    assert features[-1] > features[0] > 1000
    assert os.listdir(corpus)
