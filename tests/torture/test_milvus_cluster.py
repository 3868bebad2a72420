"""The tests of the engine beside a Milvus cluster of two query nodes, started for them.

They are skipped where the parts cannot be had. With TEST_ENGINE=required, as where all of them are
installed for it, that is a failure.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.support.milvus_cluster import missing_parts
from tests.support.milvus_server import TESTS, URI, unavailable_reason
from tests.support.repository import ROOT
from tests.support.tiers import full

LONGEST = 580  # seconds: below what one test may take
OUTAGES = "tests/torture/test_milvus_outage.py"
EACH_TIME = [f"{TESTS}/test_remote_vectors.py", OUTAGES]
"""The rest ran beside Milvus Lite."""
ALL = [TESTS, OUTAGES, "tests/torture/test_many_servers.py"]


@full
@pytest.mark.engine
@pytest.mark.slow
@pytest.mark.skipif(bool(URI), reason="MILVUS_URI names a server: run the tests against it")
@pytest.mark.timeout(600)
@pytest.mark.parametrize("tests", [EACH_TIME, pytest.param(ALL, marks=pytest.mark.torture)])
def test_a_cluster_keeps_the_contract_and_survives_a_lost_node(
    capfd: pytest.CaptureFixture[str], tests: list[str]
) -> None:
    missing = unavailable_reason("lite") or missing_parts()
    if missing:
        assert os.environ.get("TEST_ENGINE") != "required", missing
        pytest.skip(missing)
    pytest_command = [
        sys.executable,
        "-P",
        "-m",
        "pytest",
        "-q",
        "-rs",
        "-p",
        "no:cacheprovider",
        "-m",
        "not torture",
        *tests,
    ]
    ran = subprocess.run(
        [sys.executable, "-P", "-m", "tests.support.milvus_cluster", "--", *pytest_command],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=LONGEST,
        check=False,
    )
    with capfd.disabled():
        print("\n" + "\n".join(ran.stdout.splitlines()[-40:]))
    assert ran.returncode == 0, ran.stdout[-8000:] + ran.stderr[-2000:]
