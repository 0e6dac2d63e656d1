# SPDX-License-Identifier: MIT
"""One URL into one file, asked for twice: no failure, and no second request."""
import json

import pytest

from harness import assert_files, body, wait_until, write_list

SLOW = {"rate": 200_000}


def asked(faultd):
    return len(faultd.journal())


def test_a_line_that_stands_twice_is_one_file(spate, faultd, out, tmp_path):
    url, other = faultd.data(1, 5000, "f", delay=200), faultd.data(2, 100, "g")
    lines = [url, other, url, f"{url}\tf", other]
    run = spate("--progress=json", "-d", out, "-i", write_list(tmp_path / "l", lines))
    assert run.code == 0 and run.summary["done"] == 5, run
    assert_files(out, {"f": body(1, 5000), "g": body(2, 100)})
    assert asked(faultd) == 2


def test_queries_that_differ_are_no_twins(spate, faultd, out, tmp_path):
    lines = [faultd.data(1, 500, "f", delay=200), faultd.data(1, 500, "f", delay=201)]
    run = spate("--progress=json", "-d", out, "-i", write_list(tmp_path / "l", lines))
    assert run.code == 1, run
    assert "line 1 has the same output, f" in run.event("failed")[0]["reason"]


def test_headers_of_their_own_make_no_twins(spate, faultd, out, tmp_path):
    url = faultd.data(1, 500, "f", delay=200)
    lines = [json.dumps({"url": url}),
             json.dumps({"url": url, "headers": {"Accept": "a/b"}})]
    run = spate("--progress=json", "-d", out, "-i", write_list(tmp_path / "l", lines))
    assert run.code == 1, run
    assert "line 1 has the same output, f" in run.event("failed")[0]["reason"]


def test_what_fails_fails_for_both(spate, faultd, out, tmp_path):
    url = faultd.data(1, 500, "f", delay=200, status=404)
    run = spate("--progress=json", "-d", out, "-t", "1",
                "-i", write_list(tmp_path / "l", [url, url]))
    assert run.code == 1, run
    assert [e["reason"].count("404") for e in run.event("failed")] == [1, 1]
    assert asked(faultd) == 2


def test_a_checksum_of_its_own_is_looked_at(spate, faultd, out, tmp_path):
    url = faultd.data(1, 500, "f", delay=200)
    lines = [url, f"{url}#sha-256={'0' * 64}"]
    run = spate("--progress=json", "-d", out, "-t", "1",
                "-i", write_list(tmp_path / "l", lines))
    assert run.code == 1 and len(run.event("failed")) == 1, run
    assert_files(out, {"f": body(1, 500)})


def test_typed_once_more_while_the_list_fetches_it(spate, faultd, out, tmp_path):
    url = faultd.data(1, 600_000, "f", **SLOW)
    run = spate.start("--progress=json", "-d", out, "-i",
                      write_list(tmp_path / "l", [url]))
    wait_until(lambda: (out / "f.part").exists(), what="a .part")
    added = spate("ctl", out, "add", url)
    assert added.code == 0, added
    run = run.wait()
    assert run.code == 0 and run.event("failed") == [], run
    assert_files(out, {"f": body(1, 600_000)})
    assert asked(faultd) == 1


def test_typed_once_more_when_the_list_has_it(spate, faultd, out, tmp_path):
    url, slow = faultd.data(1, 100, "f"), faultd.data(2, 600_000, "g", **SLOW)
    run = spate.start("--progress=json", "-d", out, "-i",
                      write_list(tmp_path / "l", [url, slow]))
    wait_until(lambda: (out / "f").exists() and (out / "g.part").exists(),
               what="a file")
    assert spate("ctl", out, "add", url).code == 0
    run = run.wait()
    assert run.code == 0 and run.event("failed") == [], run
    assert asked(faultd) == 2


@pytest.mark.parametrize("there", [False, True])
def test_lines_that_come_again_far_behind(spate, faultd, out, tmp_path, there):
    """Where nothing is there no name is looked up; and where something is."""
    urls = [faultd.data(i, 50, f"f{i}") for i in range(1500)]
    if there:
        out.mkdir()
        (out / "mine").write_bytes(b"mine")
    run = spate("--progress=json", "-d", out, "-i",
                write_list(tmp_path / "l", urls + urls))
    assert run.code == 0 and run.summary["done"] == 3000, run
    assert asked(faultd) == 1500


@pytest.mark.parametrize("word", ["cancel", "discard"])
def test_the_other_goes_on_when_the_first_is_dropped(spate, faultd, out, tmp_path,
                                                     word):
    url = faultd.data(1, 600_000, "f", **SLOW)
    run = spate.start("--progress=json", "-d", out, "-i",
                      write_list(tmp_path / "l", [url, url]))
    wait_until(lambda: (out / "f.part").exists(), what="a .part")
    assert spate("ctl", out, word, "1").code == 0
    run = run.wait()
    assert run.code in (0, 1), run
    assert_files(out, {"f": body(1, 600_000)})


def test_the_one_that_waits_is_dropped(spate, faultd, out, tmp_path):
    url = faultd.data(1, 600_000, "f", **SLOW)
    run = spate.start("--progress=json", "-d", out, "-i",
                      write_list(tmp_path / "l", [url, url]))
    wait_until(lambda: (out / "f.part").exists(), what="a .part")
    assert spate("ctl", out, "discard", "2").code == 0
    run = run.wait()
    assert_files(out, {"f": body(1, 600_000)})
    assert asked(faultd) == 1


def test_on_the_next_command_line(spate, faultd, out, tmp_path):
    url = faultd.data(1, 600_000, "f", **SLOW)
    run = spate.start("--progress=json", "-d", out, "-i",
                      write_list(tmp_path / "l", [url]))
    wait_until(lambda: (out / "f.part").exists(), what="a .part")
    run.signal(2)
    assert run.wait().code == 4
    run = spate("--progress=json", "-d", out, url)
    assert run.code == 0 and run.event("failed") == [], run
    assert_files(out, {"f": body(1, 600_000)})
