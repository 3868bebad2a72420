"""The tests of `tests/engine` beside a Milvus cluster of two query nodes, started for them.

They are skipped where the parts cannot be had. With TEST_ENGINE=required, as where all of them are
installed for it, that is a failure.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.support.milvus_cluster import missing_parts
from tests.support.milvus_server import URI
from tests.support.milvus_server import missing_target as no_client
from tests.support.repository import ROOT

LONGEST = 580  # seconds: below what one test may take
# The rest needs no cluster of its own to be tried each time: it ran beside Milvus Lite, in this folder.
MOST_TELLING = "contract or outage"


@pytest.mark.engine
@pytest.mark.slow
@pytest.mark.skipif(bool(URI), reason="MILVUS_URI names a server: tests/engine runs against it")
@pytest.mark.timeout(600)
@pytest.mark.parametrize("which", [MOST_TELLING, pytest.param("", marks=pytest.mark.torture)])
def test_every_store_keeps_the_contract_and_survives_a_cluster(
    capfd: pytest.CaptureFixture[str], which: str
) -> None:
    missing = no_client("lite") or missing_parts()
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
        "tests/engine",
        "-k",
        which,
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
