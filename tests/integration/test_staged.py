"""A new snapshot: the targets near what it brings come first, and what was known is run again."""

from __future__ import annotations

from conftest import TARGET, git, rows, wait_until
from test_follow import QUIET, service  # noqa: F401  (a fixture)
from test_run_demo import stage

#: On a host that does other things as well.
PATIENCE_S = 180

WORK = """
static int work(const uint8_t *data, size_t len)
{
	return len > 0 && data[0] == 'q';
}
"""
#: Each has a function of its own, which its corpus reaches.
WORKER = QUIET.replace("int LLVMFuzzerTestOneInput", WORK.lstrip() + "\nint LLVMFuzzerTestOneInput").replace(
    "\treturn 0;\n}", "\tif (work(data, len))\n\t\treturn 0;\n\treturn 0;\n}")


def first_runs(service, adapter):  # noqa: F811
    """The corpora reach what they reach, and the bug is known."""
    done = service.ironworks("run", adapter, "--for", "2s", "--coverage", "5m", "--cores", "2",
                             "--no-sandbox", "--state", service.state, timeout=300)
    assert done.rc == 1, done.stderr
    assert rows(service.state, "SELECT count(*) FROM coverage")[0][0] == 4, done.stderr


def near(service, pr):  # noqa: F811
    return rows(service.state, "SELECT t.name FROM staged_target s JOIN target t ON t.id = s.target_id "
                "WHERE s.pr = ? AND s.is_near", pr)


def test_promotion_while_it_is_fuzzed(service):  # noqa: F811
    adapter = service.follow(files={"alpha.c": TARGET, "beta.c": WORKER, "gamma.c": WORKER,
                                    "seeds/bug": b"bug!", "seeds/q": b"quiet"}, cores=1)
    adapter.document["source"] |= {"branch": "staging", "base": "main"}
    adapter.document["build"]["timeout_s"] = 600
    adapter.write(adapter.document | {"flavours": ["libfuzzer", "coverage"]})
    git(adapter.source, "checkout", "-q", "-b", "staging")
    stage(adapter, 6, "A harmless change", {"README": "x"})
    first_runs(service, adapter)
    quarantined = rows(service.state, "SELECT target_id, unit_id FROM target_unit "
                       "WHERE state = 'quarantined'")
    assert quarantined
    service.start(is_awaited=False)
    service.await_said("fuzzing 3 targets", PATIENCE_S)
    assert near(service, 6) == []
    stage(adapter, 7, "Work is another one",
          {"gamma.c": WORKER.replace("== 'q'", "== 'q' || data[0] == 'w'")})
    service.reload()
    service.await_said("on to commit", PATIENCE_S)
    service.await_said("2 staged", PATIENCE_S)
    wait_until(lambda: near(service, 7), PATIENCE_S, "somebody looks who is near")
    assert near(service, 7) == [("gamma",)]
    # The farm of the reload said it, too.
    wait_until(lambda: service.count_said("fuzzing 3 targets") == 2, PATIENCE_S, "it is fuzzed")
    wait_until(lambda: service.engines("gamma"), PATIENCE_S, "the target near it is fuzzed")
    log = (service.state / "log").read_text(encoding="utf-8", errors="replace")
    assert "slice ended" not in log[log.rindex('"staged":2'):], "on the only core it comes first"
    (bug,) = rows(service.state, "SELECT id FROM bug")[0]
    tested = service.await_tested(bug, adapter)
    assert tested["tested_hits"] == tested["tested_runs"] == 5
    wait_until(lambda: "still shows on" in service.last_event(bug), 30, "it says so")
    # Each unit that was quarantined has run on the new build, and is so again.
    for target, unit in quarantined:
        assert wait_until(lambda: rows(  # pylint: disable=cell-var-from-loop
            service.state, "SELECT m.outcome FROM measure m JOIN build b ON b.id = m.build_id "
            "WHERE m.target_id = ? AND m.unit_id = ? AND b.tree = "
            "(SELECT tested_tree FROM bug WHERE id = ?)", target, unit, bug), 60,
            "it has run again") == [("died",)]
    shown = service.ironworks("staged", "show", "7", "--state", service.state).stdout
    assert "Work is another one" in shown and "gamma" in shown and "work" in shown
    service.finish()
