"""Every unit is seen under every sanitizer within some time: kept, or told."""

from __future__ import annotations

import contextlib
import json
import re

import pytest

from conftest import BUILD, ROOT, end_processes_of, rows, wait_until
from farm_api import Api

#: Each unit costs half a second under ASan, and nothing elsewhere.
SLOW = r"""
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	volatile int sum = 0;

	for (size_t i = 0; i < len; i++)
		sum += data[i] > 'm';
#if __has_feature(address_sanitizer)
	if (len > 0 && data[0] == 's')
		usleep(500000);
#endif
	return 0;
}
"""
SEEDS = {f"seeds/{i}": f"s{i}" for i in range(7)}
#: Its MSan build leaves the target out.
PARTIAL = BUILD.replace("set -eu\n", "set -eu\ncase $FLAVOUR in *msan*) exit 0;; esac\n")
ASAN, MSAN = "libfuzzer+asan+ubsan", "libfuzzer+msan"


class Watched:
    """A service with its deadline in the configuration, and its API."""

    def __init__(self, ironworks, state, tmp_path, adapter, within):
        self.state, self.log = state, tmp_path / "stderr"
        config = tmp_path / "config"
        config.mkdir()
        (config / "ironworks.json").write_text(json.dumps(
            {"cores": 1, "judge_within": within, "adapters": [{"adapter": str(adapter)}]}))
        with self.log.open("w", encoding="utf-8") as err:
            self.process = ironworks.start(
                "serve", "--config", config, "--no-sandbox", "--http", "127.0.0.1:0",
                "--state", state, stderr=err)
        wait_until(lambda: (state / "http").exists() or self.process.poll() is not None, 60,
                   "the service listens")
        self.api = Api(state, is_socket=True)

    def said(self):
        return self.log.read_text(encoding="utf-8", errors="replace")

    def judges(self):
        targets = self.api.get("/api/v1/targets")["targets"]
        return targets[0]["judging"] if targets else {}

    def metric(self, name, flavour):
        text = self.api.raw("GET", "/metrics").body.decode()
        found = re.search(rf'^{name}{{[^}}]*flavour="{re.escape(flavour)}"}} (\S+)$', text, re.M)
        return float(found.group(1)) if found else None


@pytest.fixture
def watch(ironworks, state, tmp_path):
    def start(adapter, within):
        return Watched(ironworks, state, tmp_path, adapter, within)
    yield start
    end_processes_of(state)
    with contextlib.suppress(OSError):
        print((tmp_path / "stderr").read_text(encoding="utf-8", errors="replace")[-3000:])


def test_a_flavour_that_cannot_keep_up_is_told(tiny, watch, ironworks, state):
    """Seven units of half a second each within one second: some are late, and everybody is told who
    waits for what and why; then all are seen, and that is told, too."""
    adapter = tiny(files={"slow.c": SLOW, **SEEDS}, flavours=["libfuzzer", ASAN])
    farm = watch(adapter, "1s")
    judge = wait_until(lambda: next((j for j in [farm.judges().get(ASAN)] if j and j["late"]), None),
                       60, "units are late")
    assert judge["waiting"] >= judge["late"] > 0 and judge["missed"] > 0
    assert judge["oldest_ms"] > 1000 and judge["delay_ms"] > 1000 and judge["why"]
    assert farm.metric("ironworks_judging_delay_seconds", ASAN) > 1
    assert farm.metric("ironworks_judging_missed_total", ASAN) > 0
    wait_until(lambda: "tiny/slow: " in farm.said(), 10, "somebody is told")
    assert re.search(rf"tiny/slow: \d+ units? waited longer than 1s to be seen under "
                     rf"{re.escape(ASAN)}: \S", farm.said()), farm.said()
    assert any("waited longer than 1s" in m["text"]
               for m in farm.api.get("/api/v1/farm")["messages"])
    shown = ironworks("status", "--state", state, "--json").json
    assert shown["targets"][0]["judging"][ASAN]["late"] > 0 or farm.judges()[ASAN]["late"] == 0
    assert farm.api.get("/healthz")["status"] == "ok"
    # Nothing was given up: with time all are seen.
    wait_until(lambda: f"units are seen under {ASAN} in time again" in farm.said(), 90,
               "all units are seen")
    assert farm.judges()[ASAN]["missed"] >= judge["missed"]


def test_a_flavour_without_the_target_is_told(tiny, watch, ironworks, state):
    adapter = tiny(build=PARTIAL, files={"fast.c": SLOW.replace("usleep(500000)", "(void)0"), **SEEDS},
                   flavours=["libfuzzer", ASAN, MSAN])
    farm = watch(adapter, "3s")
    wait_until(lambda: farm.judges().get(MSAN, {}).get("late"), 60, "units are late")
    why = "its build has no such program"
    wait_until(lambda: f"to be seen under {MSAN}: {why}" in farm.said(), 10, "it is told")
    assert farm.judges()[MSAN]["why"] == why
    assert farm.metric("ironworks_judging_late", MSAN) >= 7
    # The other one judges meanwhile.
    wait_until(lambda: farm.metric("ironworks_judging_waiting", ASAN) is not None
               and rows(state, "SELECT count(*) FROM measure m JOIN build b ON b.id = m.build_id "
                        "WHERE b.flavour = ?", ASAN)[0][0] >= 7, 30, "ASan judges")
    text = ironworks("status", "--state", state).stdout
    assert re.search(rf"tiny/fast +{re.escape(MSAN)} +\d+ ", text), text
    assert "waited longer than 3s" in text


def test_after_a_run_every_unit_was_seen_by_every_flavour(tiny, ironworks, state):
    """And none was late: a run ends when all is judged."""
    adapter = tiny(files={"fast.c": SLOW.replace("usleep(500000)", "(void)0"), **SEEDS},
                   flavours=["libfuzzer", ASAN, MSAN])
    done = ironworks("run", adapter, "--for", "2s", "--no-sandbox", "--state", state, timeout=120)
    assert done.rc == 0, done.stderr
    unseen = rows(state, """SELECT j.flavour, count(*) FROM judging j JOIN target_unit t
        ON t.target_id = j.target_id AND t.state = 'good' WHERE NOT EXISTS (SELECT 1 FROM measure m
        WHERE m.build_id = j.build_id AND m.target_id = t.target_id AND m.unit_id = t.unit_id)
        GROUP BY j.flavour""")
    assert unseen == [] and "waited longer" not in done.stderr
    shown = ironworks("status", "--state", state, "--json").json["targets"][0]["judging"]
    assert set(shown) == {ASAN, MSAN}
    assert all(j == {"waiting": 0, "oldest_ms": 0, "late": 0} for j in shown.values()), shown


def test_rules_name_metrics_that_there_are():
    """The alerts that come with the service watch what /metrics has."""
    rules = (ROOT / "supervisor/service/alerts.yml").read_text(encoding="utf-8")
    source = (ROOT / "supervisor/web/metrics.c").read_text(encoding="utf-8")
    names = set(re.findall(r"ironworks_\w+", rules))
    assert names and all(f'"{name}"' in source for name in names), names
