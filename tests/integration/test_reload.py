"""`ironworks serve --config DIR` and SIGHUP: what it works on changes, engines and finds stay."""

from __future__ import annotations

import contextlib
import json
import signal
import time

import pytest

from conftest import end_processes_of, rows, wait_until
from farm_oracle import assert_nothing_lost, make_adapter, read_ledger, stored_units
from test_serve import CORES, SLOW, Service


class Configured(Service):
    def __init__(self, ironworks, tiny, state, tmp_path):
        super().__init__(ironworks, tiny, state, tmp_path)
        self.config = tmp_path / "config"
        self.config.mkdir()
        self.words = ["--config", self.config]
        self.write(self.adapter)

    def write(self, *adapters, cores=CORES):
        self.write_text(json.dumps({
            "cores": cores, "adapters": [{"adapter": str(a.dir)} for a in adapters]}))

    def write_text(self, text):
        (self.config / "ironworks.json").write_text(text, encoding="utf-8")

    def full_house(self, cores=CORES):
        return wait_until(lambda: len(self.engines()) == cores and self.engines(), 30,
                          f"{cores} engines run")


@pytest.fixture
def service(ironworks, tiny, state, tmp_path):
    service = Configured(ironworks, tiny, state, tmp_path)
    yield service
    end_processes_of(state)
    with contextlib.suppress(OSError):
        print(service.log.read_text(encoding="utf-8", errors="replace")[-4000:])


def stopped(ledger):
    return read_ledger(ledger)["stopped"]


def stop_and_check(service, *ledgers):
    service.stop()
    service.process.communicate(timeout=10)
    assert service.process.returncode == 0
    service.assert_over()
    assert not list((service.state / "jobs").iterdir())
    assert rows(service.state, "PRAGMA integrity_check") == [("ok",)]
    if len(ledgers) == 1:
        assert_nothing_lost(service.state, ledgers[0])
    stored = set(stored_units(service.state))
    for ledger in ledgers:
        assert read_ledger(ledger)["unit"] <= stored


def test_adapters_come_and_go(service, tiny, tmp_path):
    """A new adapter costs no engine of the others; one that goes takes its engines with it,
    and what they found is kept."""
    other_ledger = tmp_path / "other-ledger"
    other = make_adapter(tiny, other_ledger, name="other", more=SLOW)
    service.start()
    before = service.full_house()
    service.write(service.adapter, other)
    service.reload()
    service.await_fuzzing(targets=2)
    assert service.adopted() == CORES, service.said()
    assert before <= service.engines() and not stopped(service.ledger)
    service.write(other)
    service.reload()
    service.await_fuzzing()
    wait_until(lambda: not before & service.engines(), 20, "engines of who has gone end")
    wait_until(lambda: read_ledger(other_ledger)["unit"], 30, "the other one is fuzzed")
    wait_until(lambda: read_ledger(service.ledger)["unit"] <= set(stored_units(service.state)),
               20, "what the engines of who has gone found is stored")
    stop_and_check(service, service.ledger, other_ledger)


def test_cores_change(service):
    service.start()
    before = service.full_house()
    service.write(service.adapter, cores=1)
    service.reload()
    service.await_fuzzing()
    wait_until(lambda: len(service.engines()) == 1, 20, "one engine is left")
    assert service.engines() < before and len(stopped(service.ledger)) == 1
    service.write(service.adapter, cores=2)
    service.reload()
    service.await_fuzzing()
    assert service.engines() & before
    service.full_house()
    stop_and_check(service, service.ledger)


@pytest.mark.parametrize("text, words", [
    ("{", ["ironworks.json"]),
    ("[]", ["ironworks.json", "expected an object"]),
    ('{"adapters": []}', ["adapters"]),
    ('{"adapters": [{"adapter": "nothing-of-this-name"}]}', ["nothing-of-this-name"]),
    ('{"adapters": [{"adapter": "demo"}], "core": 1}', ["core"]),
])
def test_bad_configuration_is_refused(service, text, words):
    """One sentence, and the farm that runs is as it was."""
    service.start()
    before = service.full_house()
    service.write_text(text)
    service.reload()
    wait_until(lambda: "refused, the old one stays" in service.said(), 10, "it is refused")
    (sentence,) = [x for x in service.said().splitlines() if "refused, the old" in x
                   and not x.startswith("{")]
    for word in words:
        assert word in sentence
    assert before <= service.engines() and service.process.poll() is None
    stop_and_check(service, service.ledger)


def test_configuration_that_does_not_work(service, tiny, tmp_path):
    """That an adapter cannot be built shows late; then the old configuration comes back, and
    its engines have gone on."""
    broken = make_adapter(tiny, tmp_path / "none", name="broken")
    broken.script("#!/bin/sh\nexit 9\n")
    service.start()
    before = service.full_house()
    service.write(service.adapter, broken)
    service.reload()
    wait_until(lambda: "going back to the old one" in service.said(), 60, "it is given up")
    service.await_fuzzing()
    assert service.adopted() == CORES, service.said()
    assert before <= service.engines() and not stopped(service.ledger)
    # It is not lost for the next one.
    service.write(service.adapter, cores=1)
    service.reload()
    service.await_fuzzing()
    stop_and_check(service, service.ledger)


def test_many_reloads_at_any_moment(service):
    """As with a service manager that does it again and again; nobody is ended."""
    service.start()
    before = service.full_house()
    for _ in range(20):
        service.reload()
    service.await_fuzzing()
    wait_until(lambda: service.engines(), 10, "an engine runs")
    assert service.process.poll() is None
    assert not stopped(service.ledger)
    assert before & service.engines()
    stop_and_check(service, service.ledger)


def test_last_of_two_configurations_counts(service, tiny, tmp_path):
    """Also when the second one comes while the farm leaves for the first."""
    other_ledger = tmp_path / "other-ledger"
    other = make_adapter(tiny, other_ledger, name="other", more=SLOW)
    service.start()
    service.full_house()
    service.reload()
    for words in ([service.adapter, other], [other], [other, service.adapter]):
        service.write(*words)
        service.process.send_signal(signal.SIGHUP)
        time.sleep(0.02)
    service.await_fuzzing(targets=2)
    stop_and_check(service, service.ledger, other_ledger)


def test_start_without_configuration(ironworks, state, tmp_path):
    ironworks("serve", "--config", tmp_path, "--state", state).fails_with(
        "there is no configuration", "--config")


def test_words_and_configuration(ironworks, state, tmp_path):
    ironworks("serve", "demo", "--config", tmp_path, "--state", state).fails_with(
        "--config", rc=2)
