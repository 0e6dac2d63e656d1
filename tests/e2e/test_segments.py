# SPDX-License-Identifier: MIT
"""One large file in several connections: when it is split, what each server
misbehaviour ends in, and that no kill costs more than what was under way."""
import hashlib
import os
import random
import re
import time

import pytest

from harness import PATIENCE, assert_files, body, files_of, wait_until

FAST = ("--retry-wait", "0.05", "--retry-max-wait", "0.2", "--progress=json", "-v")
SPLIT = (*FAST, "--min-split-size", "1M")
SIZE = 16 << 20
RATE = 4_000_000


def ranges_of(entries):
    return [e["range"] for e in entries if e.get("range")]


# ---- when a file is split ------------------------------------------------


def test_large_file_comes_in_segments(spate, faultd, out):
    rate = round(RATE * 1.5 / PATIENCE)
    run = spate(*SPLIT, "-s", "4", "-d", out, faultd.data(1, SIZE, "f", rate=rate))
    assert run.code == 0, run
    assert_files(out, {"f": body(1, SIZE)})
    entries = faultd.journal()
    assert entries[0].get("range") is None and entries[0]["status"] == 200
    assert len(entries) >= 4
    assert all(e["status"] == 206 and e["if_range"] for e in entries[1:]), entries
    assert faultd.stats()["max_active"] == 4
    assert run.seconds < 0.8 * SIZE / rate
    # what a connection brings beyond its new end is all that comes twice
    assert sum(e["sent"] for e in entries) < SIZE + (4 << 20)


@pytest.mark.parametrize("args, options", [
    (("-s", "1"), {}), (("--min-split-size", "9M"), {}), ((), {"ranges": "no"}),
    ((), {"chunked": 1}), ((), {"nolength": 1}), ((), {"gzip": "lie"})])
def test_what_is_not_split(spate, faultd, out, args, options):
    run = spate(*SPLIT, *args, "-d", out,
                faultd.data(1, SIZE, "f", rate=3 * RATE, **options))
    assert run.code == 0, run
    assert_files(out, {"f": body(1, SIZE)})
    assert len(faultd.journal()) == 1


@pytest.mark.slow
@pytest.mark.alone
def test_splitting_is_given_up_when_it_brings_nothing(spate, faultd, out):
    run = spate(*SPLIT, "-s", "8", "--limit-rate", "4M", "-d", out,
                faultd.data(1, SIZE, "f"))
    assert run.code == 0, run
    assert_files(out, {"f": body(1, SIZE)})
    assert faultd.stats()["max_active"] <= 2
    assert len(faultd.journal()) <= 3


def test_refused_connections_are_not_forced(spate, faultd, out):
    run = spate(*SPLIT, "-s", "8", "-d", out,
                faultd.data(1, SIZE, "f", rate=RATE, conc="k,2"))
    assert run.code == 0, run
    assert_files(out, {"f": body(1, SIZE)})
    assert len([e for e in faultd.journal() if e["status"] == 503]) <= 4


@pytest.mark.slow
def test_connections_count_as_requests(spate, faultd, out):
    """Each takes a permit of net and of its host."""
    run = spate(*SPLIT, "-s", "8", "-j", "3", "-d", out,
                faultd.data(1, SIZE, "f", rate=RATE))
    assert run.code == 0, run
    assert faultd.stats()["max_active"] == 3
    faultd.reset()
    run = spate(*SPLIT, "-s", "8", "--per-host", "2", "-d", out / "2",
                faultd.data(1, SIZE, "f", rate=RATE))
    assert run.code == 0, run
    assert faultd.stats()["max_active"] == 2


def test_split_changes_while_it_runs(spate, faultd, out):
    run = spate.start(*SPLIT, "-s", "1", "-d", out,
                      faultd.data(1, SIZE, "f", rate=round(6_000_000 / PATIENCE)))
    wait_until(lambda: faultd.stats()["active"], what="the first connection")
    wait_until(lambda: (out / ".spate/ctl").exists(), what="the socket")
    time.sleep(1)
    assert faultd.stats()["max_active"] == 1
    assert spate("set", out, "split", "4").code == 0
    result = run.wait()
    assert result.code == 0, result
    assert faultd.stats()["max_active"] == 4
    assert_files(out, {"f": body(1, SIZE)})


# ---- what servers do wrong -----------------------------------------------

OLD, NEW = 1, 2  # seeds: etag=change makes another body with each version


@pytest.mark.parametrize("options, requests", [
    ({"etag": "none"}, None),
    ({"etag": "weak"}, None),
    ({"etag": "none", "lm": 1}, None),
    ({"etag": "change"}, 2),                       # another one at each request
    ({"etag": "change", "changeafter": 1}, 2),     # changed after the first
    ({"etag": "change", "changeafter": 3}, None),  # changed in the middle
    ({"ranges": "ignore"}, 2),                     # 200 instead of 206
    ({"ranges": "lie"}, 2),                        # another range than asked for
    ({"ranges": "wrong-total"}, 2),
    ({"ranges": "short"}, None),
    ({"truncate": "3M"}, None),
    ({"reset": "3M"}, None),
    ({"hops": 1}, None),
    ({"limit": "k,1,2"}, None),                    # 429
    ({"limit": "k,1,2,1"}, None),                  # with Retry-After
    ({"closeafter": 1}, None),
], ids=lambda v: "-".join(f"{k}={w}" for k, w in v.items())
    if isinstance(v, dict) else "")
@pytest.mark.slow
def test_misbehaviour_never_corrupts(spate, faultd, out, options, requests):
    run = spate(*SPLIT, "-s", "4", "-t", "20", "-d", out,
                faultd.data(OLD, SIZE, "f", rate=RATE, **options))
    assert run.code == 0, run
    found = (out / "f").read_bytes()
    if options.get("etag") == "change" and "changeafter" in options:
        assert found in (body(OLD, SIZE), body(NEW, SIZE))
    else:
        assert found == body(OLD, SIZE)
    assert set(files_of(out)) == {"f"}
    if requests:
        assert len(faultd.journal()) == requests


@pytest.mark.slow
def test_file_that_changes_while_segments_run(spate, faultd, out):
    """A part that comes later is of another version: all of one version."""
    run = spate(*SPLIT, "-s", "4", "-t", "20", "-d", out,
                faultd.data(OLD, SIZE, "f", rate=RATE, reset="2M",
                            etag="change", changeafter=5))
    assert run.code == 0, run
    assert (out / "f").read_bytes() == body(NEW, SIZE)


def test_other_bytes_in_ranges_are_found_by_the_digest(spate, faultd, out):
    """Right in form and wrong in content: the second try has no segments."""
    digest = hashlib.sha256(body(OLD, SIZE)).hexdigest()
    run = spate(*SPLIT, "-s", "4", "--checksum", f"sha-256={digest}", "-d", out,
                faultd.data(OLD, SIZE, "f", rate=2 * RATE, ranges="other"))
    assert run.code == 0, run
    assert_files(out, {"f": body(OLD, SIZE)})
    assert faultd.journal()[-1]["status"] == 200


# ---- killed and resumed --------------------------------------------------


@pytest.mark.slow
def test_resume_asks_for_what_is_missing_alone(spate, faultd, out):
    url = faultd.data(1, SIZE, "f", rate=600_000)
    run = spate.start(*SPLIT, "-s", "4", "-d", out, url)
    time.sleep(4.7)  # recorded every second
    run.kill()
    assert (out / "f.part").exists()
    faultd.reset()
    again = spate(*SPLIT, "-s", "4", "-d", out, url)
    assert again.code == 0, again
    assert_files(out, {"f": body(1, SIZE)})
    entries = faultd.journal()
    assert all(e["status"] == 206 and e["if_range"] for e in entries), entries
    assert entries[0]["range"] != "bytes=0-"
    assert sum(e["sent"] for e in entries) < SIZE - (3 << 20)


@pytest.mark.slow
@pytest.mark.limit(240)
def test_segments_survive_kill_9(spate, faultd, out):
    rng = random.Random(int(os.environ.get("SPATE_TEST_SEED", 5)))
    url = faultd.data(1, "96M", "f", rate=800_000)
    args = (*SPLIT, "-s", "4", "-d", out, url)
    for _ in range(6):
        run = spate.start(*args)
        time.sleep(rng.uniform(1.0, 3.2))
        assert run.process.poll() is None
        run.kill()
    run = spate(*args)
    assert run.code == 0, run
    assert_files(out, {"f": body(1, 96 << 20)})
    entries = faultd.journal()
    # recorded every second; besides, what was in sockets and buffers
    beyond = sum(e["sent"] for e in entries) - (96 << 20)
    assert beyond <= 6 * (4 * 2.5 * 800_000 + (4 << 20)), beyond
    for entry in entries[1:]:
        if entry["status"] == 206:
            assert re.fullmatch(r"bytes=\d+-\d*", entry["range"])
            assert entry["if_range"] == '"1-100663296-0"'


@pytest.mark.slow
def test_changed_file_is_not_resumed_in_pieces(spate, faultd, out):
    url = faultd.data(OLD, SIZE, "f", rate=1_000_000, etag="change",
                      changeafter=4)
    run = spate.start(*SPLIT, "-s", "4", "-d", out, url)
    wait_until(lambda: faultd.stats()["max_active"] == 4, what="four connections")
    time.sleep(2.5)
    run.kill()
    run = spate(*SPLIT, "-d", out, url)
    assert run.code == 0, run
    assert_files(out, {"f": body(NEW, SIZE)})


@pytest.mark.slow
def test_paused_and_interrupted_segments_go_on(spate, faultd, out):
    import signal
    url = faultd.data(1, SIZE, "f", rate=1_000_000)
    run = spate.start(*SPLIT, "-s", "4", "-d", out, url)
    time.sleep(1.5)
    run.signal(signal.SIGINT)
    result = run.wait()
    assert result.code == 4, result
    sent = sum(e["sent"] for e in faultd.journal())
    faultd.reset()
    result = spate(*SPLIT, "-s", "4", "-d", out, url)
    assert result.code == 0, result
    assert_files(out, {"f": body(1, SIZE)})
    again = sum(e["sent"] for e in faultd.journal())
    assert sent + again < SIZE + (6 << 20)
