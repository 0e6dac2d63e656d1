# SPDX-License-Identifier: MIT
"""The benchmarks run, at a scale that tells nothing about speed."""
import json
import os
import subprocess
import sys

import pytest

import harness


def bench(name, *args):
    return subprocess.run(
        [sys.executable, "-B", os.path.join(harness.TOP, "bench", name), *map(str, args)],
        capture_output=True, text=True, timeout=100 * max(1, harness.PATIENCE / 2))


@pytest.mark.slow
@pytest.mark.limit(120)
def test_articles(tmp_path):
    run = bench("articles", "--rounds", 1, "--latency", 5, "--pages", 3, "--images", 2,
                "--image-bytes", 300000, "--widths", "1,3", "--cores", "1,2",
                "--block-ms", 2, "--every-ms", 20, "--seconds", 1, "--lists", 6,
                "--numbers", 500, "--sums", 3, "--squares", 2500000, "--tasks", 100,
                "--steps", 3, "--dir", tmp_path, "--json", tmp_path / "results")
    assert run.returncode == 0, run
    assert "all bodies and sums are right" in run.stdout
    with open(tmp_path / "results") as results:
        told = {tuple(r["what"]): r["runs"] for r in json.load(results)}
    fetched = {key[2] for key in told if key[0] == "fetch"}
    assert {"spate", "python threads"} <= fetched
    key = "counter", "100 tasks, 3 steps each"
    assert told[(*key, "on the loop")][0]["got"] == 300
    # All read the counter before the first of them has written it.
    held = told[(*key, "on the loop, value kept over a suspension")][0]["got"]
    assert 3 <= held < 300
    assert not [n for n in os.listdir(tmp_path) if n.startswith("bench-articles")]


@pytest.mark.slow
@pytest.mark.limit(120)
def test_pool(tmp_path):
    run = bench("pool", "--files", 2, "--megabytes", 2, "--rounds", 1, "--dir", tmp_path)
    assert run.returncode == 0, run
    for what in "digest", "zstd", "gzip":
        assert f"{what}, 1 core\n" in run.stdout and f"{what}, 2 cores\n" in run.stdout
    assert not os.listdir(tmp_path)
