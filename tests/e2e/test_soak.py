# SPDX-License-Identifier: MIT
"""Some seconds of what bench/soak does for hours, and what its verdict rests on."""
import importlib.machinery
import importlib.util
import os
import subprocess
import sys

import pytest

from harness import PATIENCE, TOP

SOAK = os.path.join(TOP, "bench", "soak")


@pytest.fixture(scope="module")
def soak():
    loader = importlib.machinery.SourceFileLoader("soak", SOAK)
    module = importlib.util.module_from_spec(
        importlib.util.spec_from_loader("soak", loader))
    loader.exec_module(module)
    return module


@pytest.mark.slow
@pytest.mark.limit(200)
def test_some_seconds_of_everything():
    done = subprocess.run(
        [sys.executable, "-B", SOAK, "--minutes", "0.1", "--rate", "60"],
        capture_output=True, text=True, timeout=190 * max(1, PATIENCE / 2))
    print(done.stdout, done.stderr)
    assert done.returncode == 0
    assert "0 wrong, 0 missing, 0 too many" in done.stdout
    assert done.stdout.endswith("verdict: good\n")


def rows(pid, first, last, **more):
    """Ten minutes of one process; `more` goes evenly from one to the other."""
    usual = {"rss": (20e6, 20e6), "fds": (40, 40), "threads": (20, 20),
             "session": (1e6, 2e6), "done": (10e3, 20e3)} | more
    return [{"pid": pid, "age": t} | {
        key: a + (b - a) * (t - first) / (last - first)
        for key, (a, b) in usual.items()} for t in range(first, last, 3)]


@pytest.mark.parametrize("more, word", [
    ({}, None),
    ({"rss": (20e6, 29e6)}, None),
    ({"rss": (20e6, 60e6)}, "memory"),
    ({"fds": (40, 100)}, "fds"),
    ({"threads": (20, 30)}, "threads"),
    ({"session": (1e6, 9e6)}, "session"),
])
def test_what_has_grown_is_said(soak, more, word):
    samples = soak.Samples(None)
    samples.rows = rows(1, 0, 120) + rows(2, 0, 600, **more)
    bad = soak.grown(*samples.quarters())
    assert len(bad) == (word is not None), bad
    assert not word or word in bad[0]


def test_a_file_is_the_same_each_time(soak):
    kinds = [soak.plan(i, 80) for i in range(3000)]
    assert kinds == [soak.plan(i, 80) for i in range(3000)]
    assert {"nginx", "limited", "fault", "gone", "medium"} <= {k[2] for k in kinds}
