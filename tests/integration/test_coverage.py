"""Which lines the corpora reach, and which of those that are staged nothing does: real builds, the
toolchain's own tools, in the sandbox."""

from __future__ import annotations

import json
import re

import pytest

from conftest import TARGET, Ironworks, end_processes_of, git, rows, tinies, wait_until
from farm_api import Api
from test_run_demo import stage

BUILD = """#!/bin/sh
set -eu
[ "$FLAVOUR" != coverage ] || CFLAGS="$CFLAGS -DDIES"
for name in parser starter; do
	$CC $CFLAGS -I"$SRC" "$SRC/$name.c" $LIB_FUZZING_ENGINE -pthread -o "$OUT/$name"
	cp -r "$SRC/seeds" "$OUT/${name}_seed_corpus"
done
"""

# Where each part is, is looked up in the text: a pull request moves what another one wrote.
PARSER = r"""
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
/* FIRST */
#include "sums.h"

/* MIDDLE */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
#ifdef DIES
	if (len > 3 && data[0] == 'D')
		abort(); /* a death */
#endif
	if (len > 1 && data[0] == 'y')
		return sum(data, len) < 0;
	if (len > 2)
		data++;
	/* END */
	return 0;
}
"""
SUMS = """#include <stddef.h>
#include <stdint.h>
static inline int sum(const uint8_t *data, size_t len)
{
	int total = 0;

	for (size_t i = 0; i < len; i++)
		total += data[i];
	return total;
}
"""
REACHED = """static int reached(const uint8_t *data)
{
	return data[0] == 'y'; /* reached */
}
"""
UNREACHED = """static int unreached(const uint8_t *data)
{
	int value = data[1]; /* not reached, first */

	return value + 1; /* not reached, last */
}
"""
# A thread of its own makes the driver start a process for each death; and it plants what is no profile.
STARTER = r"""
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

static void *wait_on(void *arg)
{
	pause();
	return arg;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	pthread_t thread;

	(void)argc, (void)argv;
	pthread_create(&thread, NULL, wait_on, NULL);
	if (symlink("/etc/passwd", "ironworks-profile-0") == 0)
		return 0;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
#ifdef DIES
	if (len > 3 && data[0] == 'D')
		abort(); /* a death */
#endif
	return len > 0 && data[0] == 'y' ? 0 : -1;
}
"""


def line_of(text, words):
    (number,) = [n for n, line in enumerate(text.splitlines(), 1) if words in line]
    return number


class Reached:
    """An adapter with three pull requests, and what one run says of it."""

    def __init__(self, ironworks, place):
        self.ironworks, self.state = ironworks, place / "state"
        self.adapter = tinies(place)("tiny", {
            "parser.c": PARSER, "starter.c": STARTER, "sums.h": SUMS,
            "seeds/a": b"abc", "seeds/d": b"Died", "seeds/y": b"yes"}, BUILD,
            flavours=["libfuzzer", "coverage"])
        document = self.adapter.document
        document["source"] |= {"branch": "staging", "base": "main"}
        self.adapter.write(document)
        source = self.adapter.source
        git(source, "checkout", "-q", "-b", "staging")
        text = PARSER.replace("/* FIRST */\n", REACHED + "/* FIRST */\n").replace(
            "sum(data, len) < 0", "sum(data, len) < 0 || reached(data)")
        stage(self.adapter, 11, "Something that seeds reach", {"parser.c": text})
        # What follows is merged by git, so its numbers are others in the snapshot.
        stage(self.adapter, 12, "Something that nothing does", {"parser.c": PARSER.replace(
            "/* MIDDLE */\n", "/* MIDDLE */\n" + UNREACHED).replace(
            "\t/* END */\n", "\tif (len > 1000)\n\t\treturn unreached(data);\n\t/* END */\n")})
        stage(self.adapter, 13, "Words", {"README": "words", "parser.c": "/* Words.\n *\n */" + PARSER})
        self.parser = (source / "parser.c").read_text(encoding="utf-8")

    def run(self, *words):
        done = self.ironworks("run", self.adapter, "--for", "1s", "--coverage", "5m", "--cores", "2",
                              "--state", self.state, *words, timeout=400)
        assert done.rc == 0, done.stderr
        return done

    def json(self, *words):
        done = self.ironworks("coverage", *words, "--state", self.state, "--json")
        assert done.rc == 0, done.stderr
        return done.json


@pytest.fixture(scope="module", name="farm")
def _farm(binaries, tmp_path_factory):  # pylint: disable=unused-argument
    place = tmp_path_factory.mktemp("coverage")
    home = place / "home"
    home.mkdir()
    farm = Reached(Ironworks(home), place)
    try:
        farm.done = farm.run()
        yield farm
    finally:
        end_processes_of(farm.state)


def test_staged_lines(farm):
    """By their numbers in the snapshot, whatever was merged behind them."""
    (adapter,) = farm.json("tiny")["adapters"]
    prs = {p["pr"]: p["coverage"] for p in adapter["prs"]}
    assert set(prs) == {11, 12, 13}
    assert prs[11]["lines"] == prs[11]["lines_reached"] > 2 and prs[11]["gaps"] == []
    begin = line_of(farm.parser, "static int unreached") + 1
    call = line_of(farm.parser, "return unreached(data);")
    assert prs[12]["gaps"] == [
        {"path": "parser.c", "first": begin, "last": line_of(farm.parser, "not reached, last") + 1},
        {"path": "parser.c", "first": call, "last": call}]
    # The condition itself is reached.
    assert prs[12]["lines_reached"] == 1 and prs[12]["lines"] > 4
    assert prs[13]["lines"] == 0
    told = farm.ironworks("coverage", "--state", farm.state)
    assert f"#12: 1 of {prs[12]['lines']} changed lines reached; not reached: parser.c:{begin}-" in told.stdout
    assert re.search(r"#11: (\d+) of \1 changed lines reached\n", told.stdout)


def staged(farm, *words):
    return farm.ironworks("staged", *words, "--state", farm.state)


def test_staged_list(farm):
    """What each changes and who reaches it, as a table and as JSON."""
    prs = {p["pr"]: p for p in staged(farm, "list", "--json").json["prs"]}
    assert set(prs) == {11, 12, 13} and all(p["is_current"] for p in prs.values())
    assert prs[11]["title"] == "Something that seeds reach"
    assert prs[11]["url"] == "https://example.org/pebble/pull/11"
    assert prs[12]["changed"]["files"] == 1 and prs[12]["changed"]["functions"] >= 2
    assert prs[13]["changed"] == {"files": 2, "added": 4, "removed": 1, "functions": 0}
    (parser,) = [t for t in prs[11]["targets"] if t["target"] == "parser"]
    assert parser["is_near"] and parser["lines"] == prs[11]["coverage"]["lines_reached"]
    assert not prs[13]["targets"], "words are reached by nothing"
    told = staged(farm, "list", "tiny").stdout
    for words in ("#12", "Something that nothing does", prs[12]["head"][:10]):
        assert words in told
    assert staged(farm, "list", "other").rc == 4


def test_staged_show(farm):
    """With the functions, and what was run with it in the tree."""
    (pr,) = staged(farm, "show", "12", "--json").json["prs"]
    (change,) = pr["changes"]
    assert change["path"] == "parser.c" and "unreached" in change["functions"]
    assert sum(w["core_ms"] for w in pr["tested"] if w["engine"] != "replay") == pr["core_ms"]
    assert {w["target"] for w in pr["tested"]} == {"parser", "starter"}
    assert {w["flavour"] for w in pr["tested"]} == {"libfuzzer"}
    told = staged(farm, "show", "#12").stdout
    for words in ("#12 Something that nothing does", "unreached", "tiny/parser", "core-hours",
                  "bugs: none"):
        assert words in told, told
    staged(farm, "show", "999").fails_with("never staged", rc=4)
    staged(farm, "show", "x").fails_with("is a number", rc=2)


def test_targets_and_files(farm):
    (adapter,) = farm.json()["adapters"]
    targets = {t["target"]: t for t in adapter["targets"]}
    assert set(targets) == {"parser", "starter"}
    for row in (adapter, *targets.values()):
        assert 0 < row["lines"]["reached"] <= row["lines"]["count"]
        # A death takes nothing with it, neither with what ran before nor its own lines.
        assert row["units"] >= 3 and row["died"] >= 1, row
        with open(row["summary"], encoding="utf-8") as file:
            totals = json.load(file)["data"][0]["totals"]
        assert (totals["lines"]["count"], totals["lines"]["covered"]) == tuple(row["lines"].values())
        with open(row["html"], encoding="utf-8") as file:
            assert "parser.c" in (text := file.read()) or "starter.c" in text
    hits = lcov(targets["parser"]["lcov"])
    assert set(hits) == {"parser.c", "sums.h"}
    assert hits["parser.c"][line_of(farm.parser, "/* a death */")] >= 1
    assert hits["parser.c"][line_of(farm.parser, "return value + 1")] == 0
    assert hits["sums.h"][line_of(SUMS, "total +=")] >= 3
    assert lcov(targets["starter"]["lcov"])["starter.c"][line_of(STARTER, "/* a death */")] >= 1
    assert set(lcov(adapter["lcov"])) == {"parser.c", "starter.c", "sums.h"}
    assert not list((farm.state / "coverage").glob(".*"))


def lcov(path):
    files, name = {}, None
    with open(path, encoding="utf-8") as file:
        for line in file:
            if line.startswith("SF:"):
                name = files.setdefault(line[3:].strip(), {})
            elif line.startswith("DA:"):
                number, hits = line[3:].split(",")
                name[int(number)] = int(hits)
    return files


def test_exports(farm, tmp_path):
    done = farm.ironworks("coverage", "tiny", "--target", "parser", "--html", tmp_path / "pages",
                          "--lcov", tmp_path / "lcov.info", "--state", farm.state)
    assert done.rc == 0 and "tiny/parser" in done.stdout and "starter" not in done.stdout
    assert (tmp_path / "pages/index.html").exists() and lcov(tmp_path / "lcov.info")["parser.c"]
    farm.ironworks("coverage", "tiny", "--html", tmp_path / "pages", "--state", farm.state).fails_with("there already")
    farm.ironworks("coverage", "tiny", "--target", "none", "--state", farm.state).fails_with("'none'", "target list")
    farm.ironworks("coverage", "other", "--state", farm.state).fails_with("'other'")


def test_api(farm):
    """The same over HTTP as on the command line, and with each target and pull request."""
    with (farm.state / "said").open("w", encoding="utf-8") as log:
        service = farm.ironworks.start("serve", farm.adapter, "--cores", "1", "--state", farm.state,
                                       "--http", "127.0.0.1:0", stderr=log)
    try:
        wait_until(lambda: "fuzzing 2 targets" in (farm.state / "said").read_text(encoding="utf-8"), 60, "it serves")
        api = Api(farm.state)
        expected = farm.json()
        prs = expected["adapters"][0].pop("prs")
        assert api.get("/api/v1/coverage") == expected
        assert api.get("/api/v1/coverage?adapter=none") == {"adapters": []}
        one = api.get("/api/v1/coverage?target=parser")["adapters"][0]["targets"]
        assert [t["target"] for t in one] == ["parser"]
        assert {p["pr"]: p["coverage"] for p in api.get("/api/v1/prs")["prs"]} == {
            p["pr"]: p["coverage"] for p in prs}
        targets = {t["id"]: t["coverage"] for t in api.get("/api/v1/targets")["targets"]}
        for t in expected["adapters"][0]["targets"]:
            assert targets[t["id"]]["lines_reached"] == t["lines"]["reached"]
    finally:
        farm.ironworks("stop", "--state", farm.state)
        service.wait(60)


def test_looked_at_again(farm):
    """Not when nothing has changed; else everything is replaced, whatever a kill had left behind."""
    (before,) = farm.json()["adapters"]
    for target in ("tiny/parser", "tiny/starter"):
        assert farm.ironworks("target", "hold", target, "--state", farm.state).rc == 0
    assert "the corpus reaches" not in farm.run().stderr
    assert farm.json()["adapters"][0]["at_ms"] == before["at_ms"]
    junk = farm.state / "coverage/.making/fresh/targets/junk"
    junk.mkdir(parents=True)
    stage(farm.adapter, 14, "One more", {"more.h": "int more;\n"})
    assert "the corpus reaches" in farm.run().stderr
    (after,) = farm.json()["adapters"]
    assert after["at_ms"] > before["at_ms"] and after["snapshot"] != before["snapshot"]
    assert {p["pr"] for p in after["prs"]} == {11, 12, 13, 14}
    assert sorted(p.name for p in (farm.state / "coverage/tiny/targets").iterdir()) == ["parser", "starter"]
    assert [p.name for p in (farm.state / "coverage").iterdir()] == ["tiny"]


def test_broken_build_stops_coverage_only(ironworks, tiny, state):
    adapter = tiny("tiny", {"parser.c": TARGET, "seeds/a": b"abc"}, """#!/bin/sh
set -eu
if [ "$FLAVOUR" = coverage ]; then
	echo "parser.c:1:1: error: no coverage here" >&2
	exit 1
fi
$CC $CFLAGS "$SRC/parser.c" $LIB_FUZZING_ENGINE -o "$OUT/parser"
cp -r "$SRC/seeds" "$OUT/parser_seed_corpus"
""", flavours=["libfuzzer", "coverage"])
    done = ironworks("run", adapter, "--for", "1s", "--coverage", "5m", "--state", state, timeout=400)
    assert done.rc in (0, 1), done.stderr
    assert "tiny: no coverage report: its coverage build failed: parser.c:1:1: error: no coverage here" in done.stderr
    assert done.stderr.count("no coverage report") == 1
    assert rows(state, "SELECT sum(executions) FROM target")[0][0] > 0
    told = ironworks("coverage", "--state", state)
    assert told.rc == 1 and "nobody has looked" in told.stdout
    assert ironworks("coverage", "--json", "--state", state).json == {"adapters": []}


def test_usage(ironworks, state):
    for words in (["a", "b"], ["--target", "x"], ["--html", "x"], ["--lcov", "x"]):
        assert ironworks("coverage", *words, "--state", state).rc == 2
    assert ironworks("run", "x", "--coverage", "soon", "--state", state).rc == 2
    assert ironworks("serve", "--coverage", "1m", "--state", state).rc == 2
    ironworks("coverage", "--state", state).fails_with("there is no state")
