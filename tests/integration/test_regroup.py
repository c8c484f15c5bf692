"""Bugs are merged and taken apart beside a running farm, which follows in memory."""

from __future__ import annotations

import pytest

from conftest import rows, wait_until
from test_by_hand import A, B, TARGET, Place, sum_of

#: Other ways to the first bug, which no engine guesses either.
WAYS = [b"a bug, another way.", b"a bug, a third way."]
FIRST_WAY = f"sum == {sum_of(A)}u"
OTHER_WAYS = " || ".join(f"sum == {sum_of(way)}u" for way in WAYS)


@pytest.fixture(name="place")
def _place(binaries, tmp_path):  # pylint: disable=unused-argument
    """Two bugs, the first of which was fixed in one of three ways to it."""
    place = Place(tmp_path)
    source = TARGET % (sum_of(A), sum_of(B))
    place.adapter.commit({"parser.c": source.replace(FIRST_WAY, f"{FIRST_WAY} || {OTHER_WAYS}"),
                          "seeds/a": A + b"1", "seeds/b": B + b"1"})
    place.run()
    place.adapter.commit({"parser.c": source.replace(FIRST_WAY, OTHER_WAYS)})
    yield place
    place.ironworks.clean_up()


def test_fixed_bug_that_was_merged_for_a_while(place, tmp_path):
    bugs = dict(rows(place.state, "SELECT json_extract(frames, '$[0]'), id FROM bug"))
    assert set(bugs) == {"read_a", "read_b"}
    fixed, other = bugs["read_a"], bugs["read_b"]
    farm = place.ironworks.start("run", place.adapter, "--for", "300s", "--cores", 2, "--no-sandbox",
                                 "--state", place.state)

    def state_of(bug):
        return rows(place.state, "SELECT state FROM bug WHERE id = ?", bug)[0][0]

    def add(data):
        """Its verdict, and as whose sighting it counts."""
        path = tmp_path / "crash"
        path.write_bytes(data + b"1")
        (crash,) = place("crash", "add", path, "--target", "tiny/parser", "--json").json["crashes"]
        wait_until(lambda: rows(place.state, "SELECT 1 FROM crash WHERE id = ? AND state = 'judged'",
                                crash["id"]), 60, "the crash is judged")

    wait_until(lambda: state_of(fixed) == "fixed", 60, "its own input shows it no more")
    before = place("bug", "show", other, "--json").json["sightings"]
    assert place("bug", "merge", other, fixed).rc == 0
    add(WAYS[0])
    assert place("bug", "show", other, "--json").json["sightings"] > before
    assert state_of(fixed) == "fixed", "what stands for it has seen it"
    assert place("bug", "unmerge", fixed).rc == 0
    add(WAYS[1])
    assert state_of(fixed) == "regressed"
    # Only who knows that it was fixed finds out how often the new input shows it.
    text = rows(place.state, "SELECT runs, hits FROM bug WHERE id = ?", fixed)[0]
    assert text[0] == text[1] >= 5, text
    farm.terminate()
    farm.communicate(timeout=60)
