"""What a farm records for whoever looks at it later: targets over time, what was staged, the
life and the cost of a bug, which targets are held."""

from __future__ import annotations

from conftest import rows
from farm_oracle import make_adapter


def test_history_of_a_target(ironworks, tiny, state, tmp_path):
    """A run leaves a curve: it begins where the run before ended, never falls, and its last
    point is what the target's row says."""
    adapter = make_adapter(tiny, tmp_path / "ledger")
    for run in (1, 2):
        done = ironworks("run", adapter, "--for", "4s", "--no-sandbox", "--state", state)
        assert done.rc in (0, 1), done.stderr
        points = rows(state, "SELECT executions, features, units FROM target_history "
                      "ORDER BY at_ms")
        assert len(points) == 2 * run, points
        assert points == sorted(points), "what was done is not undone"
        assert points[-1][0] > points[-2][0] and points[-1][2] > points[-2][2], points
        (total,) = rows(state, "SELECT executions, (SELECT count(*) FROM target_unit "
                        "WHERE state = 'good') FROM target")
        assert (points[-1][0], points[-1][2]) == total
    times = [t for (t,) in rows(state, "SELECT at_ms FROM target_history ORDER BY 1")]
    assert 3000 < times[1] - times[0] < 60000
