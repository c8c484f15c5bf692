"""What `ironworks triage` writes for other programs, judged by their rules: SARIF by its official
schema, JUnit by what CI systems read, CASR's reports by their fields."""

from __future__ import annotations

import json
import os
import re
import shutil
import urllib.parse
import xml.etree.ElementTree as ElementTree

import pytest

import npm_packages
from conftest import Ironworks
from plain_programs import CLANG
from test_plain import programs  # noqa: F401  (a fixture)

jsonschema = pytest.importorskip("jsonschema")
pytestmark = pytest.mark.skipif(not CLANG, reason="no clang")

SCHEMA = "node_modules/@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json"
#: Names that mean something to XML, URIs, terminals and Markdown.
NAMES = ["plain", "two words", "<b>&\"'", "per%cent#hash?", "\x1b[31mred", "`code`|bar", "ümlaut"]


@pytest.fixture(scope="module")
def written(binaries, programs, tmp_path_factory):  # noqa: F811
    """One run with everything: files that fail in two ways, pass, hang, and are no UTF-8."""
    home = tmp_path_factory.mktemp("formats")
    ironworks = Ironworks(home)
    files = home / "files"
    files.mkdir()
    for i, name in enumerate(NAMES):
        (files / name).write_bytes(b"die" + b"oa"[i % 2:i % 2 + 1])
    with open(os.fsencode(files) + b"/\xff\xfe", "wb") as f:
        f.write(b"diel")
    (files / "fine").write_bytes(b"fine")
    done = ironworks("triage", files, "--binary", programs / "fuzz", "--out", home / "out",
                     "--no-minimize", "--sarif", home / "bugs.sarif", "--junit",
                     home / "bugs.xml", "--markdown", home / "bugs.md", "--casrep",
                     home / "reports", "--json", cwd=programs)
    assert done.rc == 1, done.stderr
    (home / "answer").write_text(done.stdout)
    return home


@pytest.fixture(scope="module")
def answer(written):
    return json.loads((written / "answer").read_text())


def test_sarif_is_valid(written, answer):
    if not shutil.which("npm"):
        pytest.skip("SARIF's schema comes with npm; .ci/install check installs it")
    schema = json.loads((npm_packages.install("sarif") / SCHEMA).read_text())
    document = json.loads((written / "bugs.sarif").read_text())
    wrong = [f"{list(e.path)}: {e.message}" for e in jsonschema.Draft4Validator(
        schema, format_checker=jsonschema.FormatChecker()).iter_errors(document)]
    assert not wrong, "\n".join(wrong)
    # That it can fail.
    document["runs"][0]["results"][0]["level"] = "disaster"
    assert not jsonschema.Draft4Validator(schema).is_valid(document)


def test_sarif_says_what_was_found(written, answer):
    (run,) = json.loads((written / "bugs.sarif").read_text())["runs"]
    rules = [r["id"] for r in run["tool"]["driver"]["rules"]]
    assert len(run["results"]) == len(answer["bugs"]) == 3
    prints = set()
    for result, bug in zip(run["results"], answer["bugs"]):
        assert rules[result["ruleIndex"]] == result["ruleId"]
        assert bug["headline"] in result["message"]["text"]
        assert result["occurrenceCount"] == len(bug["files"])
        place = result["locations"][0]["physicalLocation"]
        # Relative to where the command ran, as code hosts want it.
        artifact = place["artifactLocation"]
        base = urllib.parse.urlparse(run["originalUriBaseIds"][artifact["uriBaseId"]]["uri"])
        assert artifact["uri"] == "target.c" and base.path.endswith("/")
        assert os.path.exists(urllib.parse.unquote(base.path) + artifact["uri"])
        assert place["region"]["startLine"] == int(bug["place"].rpartition(":")[2])
        uri = urllib.parse.urlparse(result["attachments"][0]["artifactLocation"]["uri"])
        assert os.path.exists(urllib.parse.unquote(uri.path)), uri
        assert result["stacks"][0]["frames"]
        prints.add(result["partialFingerprints"]["ironworksSignature/v1"])
        assert result["properties"]["severity"] == bug["severity"]
    assert len(prints) == 3
    # A write behind the end of a buffer is a security matter to a code host, an abort is not.
    ranks = {r["ruleId"]: r["rank"] for r in run["results"]}
    assert ranks["heap-buffer-overflow"] > ranks["abrt"] > 0, ranks
    scores = {r["id"]: r["properties"]["security-severity"]
              for r in run["tool"]["driver"]["rules"] if "properties" in r}
    assert set(scores) == {"heap-buffer-overflow"} and float(scores["heap-buffer-overflow"]) >= 7


def test_junit_counts_what_it_lists(written, answer):
    root = ElementTree.parse(written / "bugs.xml").getroot()
    assert root.tag == "testsuites"
    (suite,) = root.findall("testsuite")
    cases = suite.findall("testcase")
    failures = [c for c in cases if c.find("failure") is not None]
    for element in (root, suite):
        assert int(element.get("tests")) == len(cases) == answer["files"]
        assert int(element.get("failures")) == len(failures) == answer["failed"]
        assert element.get("errors") == "0" and float(element.get("time")) > 0
        assert int(element.get("skipped")) == len(suite.findall("testcase/skipped"))
    assert all(c.get("classname") == "fuzz" and c.get("name") for c in cases)
    names = {os.path.basename(c.get("name")) for c in cases}
    assert {n for n in NAMES if "\x1b" not in n} <= names
    # The report stands once for each bug, so that many files do not make it long.
    assert sum(bool(c.find("failure").text) for c in failures) == len(answer["bugs"])


def test_casrep_has_casrs_fields(written, answer):
    reports = sorted((written / "reports").iterdir())
    assert {p.name for p in reports} == {b["folder"] + ".casrep" for b in answer["bugs"]}
    for path in reports:
        report = json.loads(path.read_text())
        assert {"Date", "Uname", "Architecture", "ExecutablePath", "ProcCmdline",
                "CrashSeverity", "Stacktrace", "AsanReport", "CrashLine"} <= set(report)
        severity = report["CrashSeverity"]
        assert set(severity) == {"Type", "ShortDescription", "Description", "Explanation"}
        assert severity["Type"] in ("EXPLOITABLE", "PROBABLY_EXPLOITABLE", "NOT_EXPLOITABLE",
                                    "UNDEFINED")
        assert severity["Type"] == next(b["severity"] for b in answer["bugs"] if path.stem == b["folder"])
        assert report["Stacktrace"][0].strip().startswith("#0 0x")
        assert any("target.c" in line for line in report["Stacktrace"])
        assert report["CrashLine"].count(":") == 2


def test_markdown_stays_markdown(written, answer):
    """Names of files can do nothing in it."""
    for path in [written / "bugs.md", *(written / "out").glob("**/*.md")]:
        text = path.read_bytes().decode()
        assert "\x1b" not in text
        assert all(re.fullmatch(r"- `[^`]*<b>[^`]*`", x) for x in text.splitlines() if "<b>" in x)
    table = [x for x in (written / "bugs.md").read_text().splitlines() if x.startswith("| [")]
    assert len(table) == len(answer["bugs"])
    assert {row.count("|") for row in table} == {9}
