"""adapter.json: the schema and the loader give the same verdicts."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

jsonschema = pytest.importorskip("jsonschema")

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("IRONWORKS_BIN", ROOT / "build" / "release" / "bin"))
IRONWORKS = BIN / "ironworks"
SCHEMA = json.loads((ROOT / "adapters" / "schema.json").read_text(encoding="utf-8"))
DOCUMENTS = sorted((ROOT / "tests" / "data" / "adapters").glob("*.json"))
SHIPPED = sorted(path.parent for path in (ROOT / "adapters").glob("*/adapter.json"))

pytestmark = pytest.mark.skipif(not IRONWORKS.exists(), reason=f"no {IRONWORKS}")


def check(*args, env=None):
    return subprocess.run([IRONWORKS, "adapter", "check", *map(str, args)], timeout=30,
                          capture_output=True, text=True, check=False, env=env)


def schema_accepts(document):
    return jsonschema.Draft202012Validator(SCHEMA).is_valid(document)


@pytest.fixture(name="folder")
def fixture_folder(tmp_path):
    folder = tmp_path / "x"
    folder.mkdir()
    build = folder / "build.sh"
    build.write_text("#!/bin/sh\n")
    build.chmod(0o755)
    return folder


def test_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_verdicts(path, folder):
    document = json.loads(path.read_text(encoding="utf-8"))
    shutil.copy(path, folder / "adapter.json")
    is_good = path.stem.startswith("good-")
    assert schema_accepts(document) == (is_good or path.stem.startswith("loader-bad-"))
    done = check(folder, "--json")
    answer = json.loads(done.stdout)
    assert answer["ok"] == is_good
    if is_good:
        assert (done.returncode, done.stderr) == (0, "")
        assert answer["adapter"]["name"] == document["name"]
        assert len(answer["adapter"]["targets"]) == len(document.get("targets", []))
    else:
        assert done.returncode == 4
        assert done.stderr.startswith(f"{folder}/adapter.json: ")
        assert done.stderr.count("\n") == 1
        assert answer["error"] == done.stderr.strip()


def test_what_the_source_has(tiny, tmp_path):
    adapter = tiny()
    document = adapter.document | {"target_files": ["${target}.c"]}
    adapter.write(document)
    env = os.environ | {"TMPDIR": str(tmp_path / "tmp")}
    (tmp_path / "tmp").mkdir()
    done = check(adapter, "--fetch", env=env)
    assert done.returncode == 0 and "its source is there" in done.stdout, done
    adapter.write(document | {"target_files": ["fuzz/${target}.c"]})
    done = check(adapter, "--fetch", "--json", env=env)
    (misfit,) = json.loads(done.stdout)["fetched"]["misfits"]
    assert done.returncode == 1 and "no 'fuzz/parser.c'" in misfit
    source = {"git": str(adapter.source), "branch": "main"}
    for wrong in ({"branch": "nowhere"}, {"base": "nowhere"}, {"git": "/nowhere"}):
        adapter.write(document | {"source": source | wrong})
        assert check(adapter).returncode == 0
        done = check(adapter, "--fetch", env=env)
        assert done.returncode == 4 and "nowhere" in done.stderr, wrong
        assert done.stderr.count("\n") == 1
    assert not list((tmp_path / "tmp").iterdir()), "nothing stays"


@pytest.mark.parametrize("folder", SHIPPED, ids=lambda path: path.name)
def test_shipped(folder):
    assert schema_accepts(json.loads((folder / "adapter.json").read_text(encoding="utf-8")))
    done = check(folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{folder.name}: ")


def test_same_flavours(folder):
    """What the loader offers in its error is what the schema lists."""
    shutil.copy(ROOT / "tests/data/adapters/bad-flavours-unknown.json", folder / "adapter.json")
    offered = check(folder).stderr.strip().rpartition("there are: ")[2].split(", ")
    assert sorted(offered) == sorted(SCHEMA["properties"]["flavours"]["items"]["enum"])


def test_same_defaults(folder):
    shutil.copy(ROOT / "tests/data/adapters/good-smallest.json", folder / "adapter.json")
    adapter = json.loads(check(folder, "--json").stdout)["adapter"]
    fields = SCHEMA["$defs"]["target"]["properties"]
    for name, field in fields.items():
        if "default" in field:
            assert adapter["targets"][0][name] == field["default"]
    assert set(adapter["targets"][0]) == set(fields)
    build = SCHEMA["properties"]["build"]["properties"]
    assert adapter["build"]["timeout_s"] == build["timeout_s"]["default"]


def test_parameters_and_names(folder):
    shutil.copy(ROOT / "tests/data/adapters/good-full.json", folder / "adapter.json")
    env = {**os.environ, "IRONWORKS_ADAPTERS": str(folder.parent)}
    done = check("x:seed=7", "--json", env=env)
    adapter = json.loads(done.stdout)["adapter"]
    assert adapter["parameters"]["seed"] == "7"
    assert adapter["source"]["command"][1] == "--seed=7"
    assert adapter["dir"] == str(folder)
    done = check("x:sed=7", env=env)
    assert done.returncode == 4
    assert "has no parameter 'sed'" in done.stderr


@pytest.mark.parametrize("args", [[], ["--nonsense", "x"], ["x", "y"]])
def test_usage(args):
    done = check(*args)
    assert done.returncode == 2
    assert done.stdout == ""


def test_help():
    done = subprocess.run([IRONWORKS, "adapter", "--help"], timeout=30, capture_output=True,
                          text=True, check=False)
    assert done.returncode == 0
    assert done.stdout.startswith("Examples:\n")


def test_foreign_text_is_made_safe(folder):
    (folder / "adapter.json").write_text('{"name":"\\u001b[31m\\nx"}', encoding="utf-8")
    done = check(folder)
    assert done.returncode == 4
    assert "\x1b" not in done.stderr
    assert done.stderr.count("\n") == 1
