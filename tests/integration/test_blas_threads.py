"""NumPy told to multiply with one thread: seen from outside, in a process of its own."""

import json
import os
import subprocess
import sys

_ASKED = """
import json, numpy
from threadpoolctl import threadpool_info
from qa.loading import one_thread_for_numpy
def threads():
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]
before = threads()
one_thread_for_numpy()
print(json.dumps([before, threads()]))
"""


def test_numpy_multiplies_with_one_thread_for_good() -> None:
    asked = [sys.executable, "-c", _ASKED]
    env = {"OPENBLAS_NUM_THREADS": "2", "PATH": ""}
    before, after = json.loads(subprocess.run(asked, env=env, check=True, capture_output=True).stdout)
    assert before == [min(2, os.cpu_count() or 1)]
    assert after == [1]
