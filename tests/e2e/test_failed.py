# SPDX-License-Identifier: MIT
"""What failed: named by class, listed, tried again, in a run or after it."""
import json
import signal

import pytest

from harness import assert_files, body, files_of, wait_until, write_list

FAST = ("--retry-wait", "0.01", "--retry-max-wait", "0.02", "-t", "2")


@pytest.fixture
def mixed(spate, faultd, out, tmp_path):
    """A session that has ended: 4 done, 3 not found, 2 errors of the server,
    2 refused connections. Faults last for a while, so that they go away."""
    urls = [faultd.data(i, 100, f"f{i}") for i in range(4)]
    urls += [faultd.data(i, 100, f"f{i}", status=404, fail=1) for i in (4, 5, 6)]
    urls += [faultd.data(i, 100, f"f{i}", status=503, fail=2) for i in (7, 8)]
    urls += [f"http://127.0.0.1:1/f{i}" for i in (9, 10)]
    listing = write_list(tmp_path / "l", urls)
    run = spate(*FAST, "-i", listing, "-d", out)
    assert run.code == 1, run
    faultd.skip_to = len(faultd.journal())
    return faultd


def lines_of(run):
    assert run.code == 0, run
    return [l for l in run.out.decode().splitlines() if not l.startswith("#")]


def names_of(run):
    return sorted(l.split("?")[0].rsplit("/", 1)[1] for l in lines_of(run))


def test_status_counts_classes(spate, mixed, out):
    answer = json.loads(spate("status", out, "--json").out)
    assert answer["failed"] == 7
    assert answer["failures"] == {"http-404": 3, "http-503": 2, "connection": 2}
    text = spate("status", out).out.decode()
    assert "http-404" in text and "connection" in text


@pytest.mark.parametrize("options,names", [
    ((), ["f10", "f4", "f5", "f6", "f7", "f8", "f9"]),
    (("--status", "404"), ["f4", "f5", "f6"]),
    (("--status", "5xx"), ["f7", "f8"]),
    (("--status", "404,503"), ["f4", "f5", "f6", "f7", "f8"]),
    (("--reason", "connection"), ["f10", "f9"]),
    (("--reason", "http-503"), ["f7", "f8"]),
    (("--reason", "not found"), ["f4", "f5", "f6"]),
    (("--reason", "not found", "--status", "5xx"), []),
    (("--expired",), [])])
def test_failed_lists_what_is_asked_for(spate, mixed, out, options, names):
    assert names_of(spate("failed", out, *options)) == names


def asked(faultd):
    return sorted({e["target"].split("?")[0].rsplit("/", 1)[1]
                   for e in faultd.journal()[faultd.skip_to:]})


def test_retry_tries_only_what_is_meant(spate, mixed, out):
    run = spate("retry", out, "--status", "404")
    assert run.code == 1, run  # the others still stand as failed
    assert asked(mixed) == ["f4", "f5", "f6"]
    assert_files(out, {f"f{i}": body(i, 100) for i in range(7)})
    answer = json.loads(spate("status", out, "--json").out)
    assert answer["failures"] == {"http-503": 2, "connection": 2}
    run = spate("retry", out, "--reason", "http-503")
    assert run.code == 1, run
    assert asked(mixed) == ["f4", "f5", "f6", "f7", "f8"]
    assert_files(out, {f"f{i}": body(i, 100) for i in range(9)})


def test_retry_of_all(spate, mixed, out):
    run = spate("retry", out, "--progress=json")
    assert run.code == 1, run
    assert run.summary["failed"] == 2 and run.summary["done"] == 9
    assert asked(mixed) == ["f4", "f5", "f6", "f7", "f8"]


def test_retry_where_nothing_fits(spate, mixed, out):
    run = spate("retry", out, "--reason", "no such thing", "--progress=json")
    assert run.code == 1, run
    assert run.summary["requests"] == 0
    assert asked(mixed) == []


@pytest.mark.parametrize("words", [
    ("failed", "--status", "40"), ("failed", "--status", "x"),
    ("retry", "--status", "404,")])
def test_what_is_not_understood(spate, out, words):
    run = spate(words[0], out, *words[1:])
    assert run.code == 2, run
    assert b"--status" in run.err


def test_retry_without_a_session(spate, out):
    run = spate("retry", out)
    assert run.code == 3, run
    assert b"no session" in run.err


def test_retry_in_a_run_that_is_going_on(spate, faultd, out, tmp_path):
    urls = [faultd.data(i, 100, f"f{i}", status=404, fail=1) for i in range(3)]
    urls += [faultd.data(i, 100, f"f{i}", status=410, fail=1) for i in range(3, 5)]
    urls += [faultd.data(i, 100, f"f{i}", delay=200) for i in range(5, 60)]
    run = spate.start(*FAST, "-i", write_list(tmp_path / "l", urls), "-d", out,
                      "-j", "5")
    wait_until(lambda: json.loads(
        spate("status", out, "--json").out or b"{}").get("failed") == 5)
    told = spate("retry", out, "--status", "404")
    assert told.code == 0, told
    assert b"3 failed tasks" in told.out
    result = run.wait(30)
    assert result.code == 1, result
    assert_files(out, {f"f{i}": body(i, 100) for i in range(60) if i not in (3, 4)})
    assert spate("status", out, "--json").code == 0


def test_retry_goes_on_with_an_interrupted_session(spate, faultd, out, tmp_path):
    urls = [faultd.data(0, 100, "f0", status=404, fail=1)]
    urls += [faultd.data(i, 100, f"f{i}", delay=100) for i in range(1, 40)]
    run = spate.start(*FAST, "-i", write_list(tmp_path / "l", urls), "-d", out,
                      "-j", "2")
    wait_until(lambda: len(faultd.journal()) > 6)
    run.signal(signal.SIGINT)
    assert run.wait(10).code == 4
    assert "f0" not in files_of(out)
    assert spate("retry", out, "-j", "16").code == 0
    assert_files(out, {f"f{i}": body(i, 100) for i in range(40)})
