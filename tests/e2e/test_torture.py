# SPDX-License-Identifier: MIT
"""A few rounds of what bench/ does in earnest: kill -9 at random moments, and
power cuts. Both compare every file and exit with 1 when one is not right."""
import os
import subprocess
import sys

import pytest

from harness import PATIENCE, TOP


def bench(name, *args):
    done = subprocess.run(
        [sys.executable, "-B", os.path.join(TOP, "bench", name), *args],
        capture_output=True, text=True, timeout=200 * max(1, PATIENCE / 2))
    print(done.stdout, done.stderr)
    if done.returncode == 77:
        pytest.skip(done.stdout.strip().splitlines()[-1])
    return done


@pytest.mark.slow
@pytest.mark.limit(200)
def test_killed_20_times():
    done = bench("torture-kill", "20")
    assert done.returncode == 0
    assert "20 kills -9" in done.stdout


@pytest.mark.slow
@pytest.mark.limit(200)
def test_power_cut():
    done = bench("power-cut", "3")
    assert done.returncode == 0
    assert "3 power cuts" in done.stdout
