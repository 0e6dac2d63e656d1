# SPDX-License-Identifier: MIT
"""Several URLs of one file: segments from all of them, the next one when one
fails; and what else a finished file gets: its time, its space."""
import base64
import hashlib
import json
import os
import subprocess
import time
import urllib.parse

import pytest

from harness import Faultd, assert_files, body, files_of, wait_until

FAST = ("--retry-wait", "0.05", "--retry-max-wait", "0.2", "--progress=json", "-v")
SIZE = 12 << 20


@pytest.fixture
def other(tmp_path_factory):
    server = Faultd(str(tmp_path_factory.mktemp("other")))
    yield server
    server.stop()


def manifest(tmp_path, *urls, **fields):
    path = tmp_path / "list.jsonl"
    path.write_text(json.dumps({"urls": urls, "out": "f", **fields}) + "\n")
    return path


def sent(server):
    return sum(e["sent"] for e in server.journal())


def test_segments_come_from_all_mirrors(spate, faultd, other, out, tmp_path):
    run = spate(*FAST, "-s", "4", "--min-split-size", "1M", "-d", out, "-i", manifest(
        tmp_path, faultd.data(1, SIZE, "a", rate=700_000),
        other.data(1, SIZE, "b", rate=700_000)))
    assert run.code == 0, run
    assert_files(out, {"f": body(1, SIZE)})
    assert sent(faultd) > SIZE // 8 and sent(other) > SIZE // 8


@pytest.mark.slow
def test_quicker_mirror_sends_more(spate, faultd, other, out, tmp_path):
    run = spate(*FAST, "-s", "4", "--min-split-size", "1M", "-d", out, "-i", manifest(
        tmp_path, faultd.data(1, "24M", "a", rate=500_000),
        other.data(1, "24M", "b", rate=4_000_000)))
    assert run.code == 0, run
    assert_files(out, {"f": body(1, 24 << 20)})
    assert sent(other) > 2 * sent(faultd)


@pytest.mark.parametrize("size", [3000, SIZE])
@pytest.mark.parametrize("fault", [{"status": 404}, {"status": 500}, {"empty": 1},
                                   {"reset": 1000}])
def test_bad_mirror_is_left_for_the_next(spate, faultd, other, out, tmp_path, fault,
                                         size):
    run = spate(*FAST, "-t", "3", "-d", out, "-i", manifest(
        tmp_path, faultd.data(1, size, "a", **fault), other.data(1, size, "b")))
    assert run.code == 0, run
    assert_files(out, {"f": body(1, size)})
    assert len(faultd.journal()) <= 2
    log = (out / ".spate/log").read_text()
    assert f"127.0.0.1:{faultd.port}" in log


def test_all_mirrors_bad_is_a_failure(spate, faultd, other, out, tmp_path):
    run = spate(*FAST, "-t", "3", "-d", out, "-i", manifest(
        tmp_path, faultd.data(1, 3000, "a", status=404),
        other.data(1, 3000, "b", status=410)))
    assert run.code == 1, run
    assert len(faultd.journal()) == len(other.journal()) == 1
    failed, = run.event("failed")
    assert "410" in failed["reason"]


@pytest.mark.slow
def test_attempts_count_where_others_take_the_permit(spate, faultd, other, out,
                                                     tmp_path):
    """Good heads and no bodies: without a permit for the next connection a
    task goes back to the queue, but not without end."""
    lines = [{"urls": [faultd.data(n, SIZE, f"a{n}", reset=0),
                       other.data(n, SIZE, f"b{n}", reset=0)], "out": f"f{n}"}
             for n in range(4)]
    path = tmp_path / "list.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    run = spate(*FAST, "-j", "1", "-t", "3", "--min-split-size", "1M", "-d", out,
                "-i", path)
    assert run.code == 1, run
    assert len(run.event("failed")) == 4
    assert len(faultd.journal()) + len(other.journal()) <= 4 * 3 * (2 * 3 + 1)


def test_mirror_with_another_size_is_dropped(spate, faultd, other, out, tmp_path):
    run = spate(*FAST, "-s", "4", "--min-split-size", "1M", "-d", out, "-i", manifest(
        tmp_path, faultd.data(1, SIZE, "a", rate=3_000_000),
        other.data(1, SIZE + 1, "b", rate=3_000_000)))
    assert run.code == 0, run
    assert_files(out, {"f": body(1, SIZE)})
    assert len(other.journal()) == 1
    assert "another size" in (out / ".spate/log").read_text()


def test_cut_off_mirror_is_continued_at_the_next(spate, faultd, other, out, tmp_path):
    """What one has sent is kept: the sizes agree."""
    run = spate(*FAST, "-s", "1", "-d", out, "-i", manifest(
        tmp_path, faultd.data(1, SIZE, "a", truncate="8M", ranges="no"),
        other.data(1, SIZE, "b")))
    assert run.code == 0, run
    assert_files(out, {"f": body(1, SIZE)})
    entry, = other.journal()
    assert entry["range"] == f"bytes={8 << 20}-" and "if_range" not in entry


def test_secrets_do_not_go_to_mirrors(spate, faultd, other, out, tmp_path):
    run = spate(*FAST, "-H", "X-Api-Key: k3y", "-u", "user:pass", "-s", "4",
                "--min-split-size", "1M", "-d", out, "-i", manifest(
                    tmp_path, faultd.data(1, SIZE, "a", rate=3_000_000),
                    other.data(1, SIZE, "b", rate=3_000_000)))
    assert run.code == 0, run
    assert all(e["x-api-key"] == "k3y" for e in faultd.journal())
    assert other.journal()
    for entry in other.journal():
        assert not {"x-api-key", "authorization"} & entry.keys(), entry


# ---- time and space ------------------------------------------------------

MODIFIED = 1704164645  # Tue, 02 Jan 2024 03:04:05 GMT


@pytest.mark.parametrize("size", [3000, 2_000_000, SIZE])
def test_files_get_the_servers_time(spate, faultd, out, size):
    run = spate(*FAST, "--min-split-size", "1M", "-d", out,
                faultd.data(1, size, "f", lm=1), faultd.data(2, size, "g"))
    assert run.code == 0, run
    assert_files(out, {"f": body(1, size), "g": body(2, size)})
    assert int((out / "f").stat().st_mtime) == MODIFIED
    assert time.time() - (out / "g").stat().st_mtime < 60


def test_or_keep_their_own(spate, faultd, out):
    run = spate(*FAST, "--no-remote-time", "-d", out, faultd.data(1, 3000, "f", lm=1))
    assert run.code == 0, run
    assert time.time() - (out / "f").stat().st_mtime < 60


@pytest.mark.slow
def test_space_is_reserved(spate, faultd, out):
    url = faultd.data(1, SIZE, "f", rate=2_000_000)
    run = spate.start(*FAST, "--file-allocation", "falloc", "-d", out, url)
    part = out / "f.part"
    wait_until(lambda: part.exists() and part.stat().st_size > 0, what="a part")
    used = int(subprocess.check_output(["du", "-k", part]).split()[0])
    run.kill()
    if used < SIZE >> 10:
        pytest.skip("this file system reserves nothing")
    run = spate(*FAST, "--file-allocation", "falloc", "-d", out, url)
    assert run.code == 0, run
    assert_files(out, {"f": body(1, SIZE)})


def test_file_without_room_fails_before_it_is_begun(spate, faultd, small_disk):
    disk = small_disk("16m")
    out = os.path.join(disk.path, "out")
    run = spate(*FAST, "-d", out, faultd.data(1, "100M", "f", rate=10_000_000),
                faultd.data(2, "1M", "g"))
    assert run.code == 1, run
    failed, = run.event("failed")
    assert "no space" in failed["reason"]
    assert files_of(out) == {"g": files_of(out)["g"]}
    assert sent(faultd) < 8 << 20


# ---- mirrors that the answer names (RFC 6249) ----------------------------

SPLIT = (*FAST, "-s", "4", "--min-split-size", "1M")
RATE = 2_000_000


def link(*urls, digest=None):
    """Options that make a server send Link fields, and a digest."""
    lines = ["Link: " + ", ".join(f"<{url}>; rel=duplicate; pri={n}"
                                  for n, url in enumerate(urls, 1))]
    if digest is not None:
        encoded = base64.b64encode(hashlib.sha256(digest).digest()).decode()
        lines.append(f"Repr-Digest: sha-256=:{encoded}:")
    return {"header": urllib.parse.quote("\r\n".join(lines), safe="")}


def asks_both(spate, faultd, other, out, options, *args, mirror="b", **more):
    run = spate(*SPLIT, *args, "-d", out, faultd.data(
        1, SIZE, "a", rate=RATE,
        **link(other.data(1, SIZE, mirror, rate=RATE, **more), **options)))
    assert run.code == 0, run
    assert_files(out, {"a": body(1, SIZE)})
    return sent(other)


def test_mirrors_of_the_head_are_asked(spate, faultd, other, out):
    options = {"digest": body(1, SIZE)}
    assert asks_both(spate, faultd, other, out, options) > SIZE // 8


def test_a_checksum_of_ours_vouches_for_them(spate, faultd, other, out):
    checksum = "sha-256=" + hashlib.sha256(body(1, SIZE)).hexdigest()
    assert asks_both(spate, faultd, other, out, {}, "--checksum", checksum) > 0


@pytest.mark.slow
def test_without_a_digest_the_strong_etag_has_to_agree(spate, faultd, other, out):
    """The servers make them of seed and size."""
    assert asks_both(spate, faultd, other, out / "same", {}) > 0
    other.reset()
    asks_both(spate, faultd, other, out / "none", {}, etag="none")
    assert len(other.journal()) == 1
    other.reset()
    asks_both(spate, faultd, other, out / "weak", {}, etag="weak")
    assert len(other.journal()) == 1


def test_or_nobody_is_asked(spate, faultd, other, out):
    run = spate(*SPLIT, "-d", out, faultd.data(
        1, SIZE, "a", rate=RATE, etag="weak", **link(other.data(1, SIZE, "b"))))
    assert run.code == 0, run
    assert other.journal() == []


def test_mirrors_of_the_head_can_be_switched_off(spate, faultd, other, out):
    assert asks_both(spate, faultd, other, out, {"digest": body(1, SIZE)},
                     "--no-mirrors-from-headers") == 0


@pytest.mark.slow
def test_secrets_do_not_go_to_mirrors_of_the_head(spate, faultd, other, out):
    asks_both(spate, faultd, other, out, {"digest": body(1, SIZE)},
              "-H", "X-Api-Key: k3y", "-u", "user:pass")
    assert all(e["x-api-key"] == "k3y" for e in faultd.journal())
    assert other.journal()
    for e in other.journal():
        assert not {"x-api-key", "authorization"} & e.keys(), e


@pytest.mark.slow
def test_a_wrong_mirror_of_the_head_is_not_asked_again(spate, faultd, other, out):
    """Same size, other bytes: the digest tells, and the file is right."""
    run = spate(*SPLIT, "-d", out, faultd.data(
        1, SIZE, "a", rate=RATE,
        **link(other.data(2, SIZE, "b", rate=RATE), digest=body(1, SIZE))))
    assert run.code == 0, run
    assert_files(out, {"a": body(1, SIZE)})
    count = len(other.journal())
    assert count > 0
    assert faultd.journal()[-1]["t"] > max(e["t"] for e in other.journal())


def test_a_cut_off_file_goes_on_at_a_mirror_of_the_head(spate, faultd, other, out):
    run = spate(*FAST, "-s", "1", "-d", out, faultd.data(
        1, SIZE, "a", truncate="8M", ranges="no",
        **link(other.data(1, SIZE, "b"), digest=body(1, SIZE))))
    assert run.code == 0, run
    assert_files(out, {"a": body(1, SIZE)})
    entry, = other.journal()
    assert entry["range"] == f"bytes={8 << 20}-"
