# SPDX-License-Identifier: MIT
"""A sample of bench/torture-calls: one allocation, file operation or call of
SQLite fails, and the run ends as the manual says, with nothing called done that
is not."""
import os
import re
import subprocess
import sys

import pytest

from harness import NGINX, PATIENCE, TOP


def torture(*args):
    done = subprocess.run(
        [sys.executable, "-B", os.path.join(TOP, "bench", "torture-calls"), *args],
        capture_output=True, text=True, timeout=280 * max(1, PATIENCE / 2))
    print(done.stdout, done.stderr)
    if done.returncode == 77:
        pytest.skip(done.stdout.strip().splitlines()[-1])
    return done


@pytest.mark.limit(300)
def test_one_allocation_of_each_scenario():
    done = torture("--each", "1", "--only", "alloc-ENOMEM-own")
    assert done.returncode == 0
    assert re.search("^[0-9]+ runs with [1-9]", done.stdout, re.M)


@pytest.mark.skipif(not os.access(NGINX, os.X_OK), reason="nginx is missing")
@pytest.mark.limit(300)
def test_a_run_over_all_goes_on_where_it_was_stopped(tmp_path):
    book = tmp_path / "book"
    series = ("--only", "unpack-alloc-ENOMEM-libbz2", "--state", book)
    first = torture(*series)
    assert first.returncode == 0
    assert re.search("^[1-9][0-9]* runs with [1-9]", first.stdout, re.M)
    lines = book.read_text().splitlines()
    book.write_text("\n".join(line for line in lines if '"nth": 2,' not in line) + "\n")
    again = torture(*series)
    assert again.returncode == 0
    assert re.search("^1 runs with 1 failed calls", again.stdout, re.M)
    table = torture("--state", book, "--table").stdout
    assert re.search(r"^unpack +alloc of libbz2 +2 +4 +2 +0$", table, re.M)


@pytest.mark.slow
@pytest.mark.limit(300)
def test_a_sample_of_failing_calls():
    done = torture("--sample", "70")
    assert done.returncode == 0
    assert re.search("^[0-9]+ runs with [1-9]", done.stdout, re.M)


@pytest.mark.slow
@pytest.mark.limit(300)
def test_tasks_without_memory_are_not_called_done():
    done = torture("--only", "files-alloc-ENOMEM-own", "--sample", "16")
    assert done.returncode == 0
    assert "16 runs with" in done.stdout
