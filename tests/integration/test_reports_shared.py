"""Scores the report parser on the cases that peers assert in their own tests.

The cases are not part of this repository: they are looked for in ../shared/reports, or
where IRONWORKS_REPORTS points, and the test is skipped without them."""
import json
import os
import pathlib
import subprocess

import pytest

REPO = pathlib.Path(__file__).resolve().parents[2]
CASES = pathlib.Path(os.environ.get("IRONWORKS_REPORTS", REPO.parent / "shared/reports"))
FLOORS = {"crash_type": 0.98, "crash_state": 0.95, "is_security": 0.95}


def predictor():
    """The built tests/lib/report_clusterfuzz."""
    named = os.environ.get("REPORT_CLUSTERFUZZ")
    if named:
        return named
    for build in sorted(REPO.glob("build*")):
        for path in build.rglob("report_clusterfuzz"):
            if path.is_file() and os.access(path, os.X_OK):
                return str(path)
    pytest.skip("report_clusterfuzz is not built")


def test_clusterfuzz_cases():
    cases = CASES / "clusterfuzz_dev.jsonl"
    if not cases.exists():
        pytest.skip(f"no shared reports at {CASES}")
    lines = cases.read_text().splitlines()
    run = subprocess.run(
        [predictor()], input="\n".join(lines) + "\n", capture_output=True, text=True,
        timeout=60, check=True)
    found = {p["id"]: p for p in map(json.loads, run.stdout.splitlines())}
    wanted = [json.loads(line) for line in lines]
    for field, floor in FLOORS.items():
        missed = [
            case["id"] for case in wanted
            if found.get(case["id"], {}).get(field) != case["expected"][field]]
        score = 1 - len(missed) / len(wanted)
        assert score >= floor, f"{field}: {score:.1%}, missed {missed}"
