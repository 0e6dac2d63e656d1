# SPDX-License-Identifier: MIT
"""Killed with -9 while a large file came: what was written goes on where it
stopped, flushed or not, and only where it is the same file and the same boot."""
import os
import random
import signal
import tarfile

import pytest

from harness import assert_files, body, recorded, wait_until

SIZE = 64 << 20
RATE = 40 << 20
# What of the file a kill may lose: the job under way, of four blocks.
JOB = 4 << 20


def killed_at(spate, out, *args, least=20 << 20):
    """A run that is killed when so much is in f.part; how much there is."""
    part = out / "f.part"
    run = spate.start(*args)
    wait_until(lambda: part.exists() and part.stat().st_size >= least, 60,
               what="a good part of it")
    run.kill()
    return part.stat().st_size


def first_byte(entry):
    """Where an answer began, by its request."""
    return int(entry.get("range", "bytes=0-")[6:].split("-")[0])


def in_part(out, seed):
    """How many bytes of f.part are those of the body, by blocks of 64 KB."""
    step, good = 64 << 10, 0
    want, have = body(seed, SIZE), (out / "f.part").read_bytes()
    for at in range(0, len(have), step):
        piece = have[at:at + step]
        good += len(piece) if piece == want[at:at + step] else 0
    return good


def finish(spate, faultd, out, *args):
    """Runs it to the end; what was asked for."""
    faultd.reset()
    run = spate(*args)
    assert run.code == 0, run
    assert_files(out, {"f": body(1, SIZE)})
    return faultd.journal()


@pytest.mark.every
def test_killed_file_goes_on_where_it_was(spate, faultd, out):
    args = "-s", "1", "-d", out, faultd.data(1, SIZE, "f", rate=RATE)
    size = killed_at(spate, out, *args)
    (asked,) = finish(spate, faultd, out, *args)
    assert size - JOB <= first_byte(asked) <= size
    assert asked["if_range"] == f'"1-{SIZE}-0"'


@pytest.mark.slow
def test_killed_again_and_again(spate, faultd, out):
    """Also before anything is flushed, and before the session has a row."""
    args = "-s", "1", "-d", out, faultd.data(1, SIZE, "f", rate=RATE)
    size = 0
    while size < SIZE - (16 << 20):
        before = size
        size = killed_at(spate, out, *args,
                         least=before + random.randrange(JOB, 12 << 20))
        if before:
            assert first_byte(faultd.journal()[-1]) >= before - JOB
    (asked,) = finish(spate, faultd, out, *args)
    assert size - JOB <= first_byte(asked) <= size


def test_killed_in_segments(spate, faultd, out):
    args = ("-s", "4", "--min-split-size", "1M", "-d", out,
            faultd.data(1, SIZE, "f", rate=RATE // 4))
    run = spate.start(*args)
    part = out / "f.part"
    wait_until(lambda: part.exists() and part.stat().st_blocks > 40 << 11, 60,
               what="a good part of it")
    run.kill()
    there = in_part(out, 1)
    asked = finish(spate, faultd, out, "-s", "1", *args[2:])
    again = sum(e["sent"] for e in asked) - (SIZE - there)
    assert -(1 << 20) < again <= JOB + (1 << 20), (again, there)
    assert all(e["if_range"] for e in asked)


def test_second_signal_loses_nothing(spate, faultd, out):
    args = "-s", "1", "-d", out, faultd.data(1, SIZE, "f", rate=RATE)
    run = spate.start(*args)
    part = out / "f.part"
    wait_until(lambda: part.exists() and part.stat().st_size >= 20 << 20, 60)
    for number in (signal.SIGINT, signal.SIGTERM):
        if run.process.poll() is None:
            run.signal(number)
    run.wait()
    size = part.stat().st_size
    (asked,) = finish(spate, faultd, out, *args)
    assert size - JOB <= first_byte(asked) <= size


# ---- not to be trusted -----------------------------------------------------


def reboot(out):
    """What is there is of another boot: the id is behind the file's magic."""
    with open(out / ".spate/unflushed", "r+b") as file:
        file.seek(8)
        file.write(b"\0another")


def touch_later(out):
    now = (out / "f.part").stat().st_mtime
    os.utime(out / "f.part", (now, now + 60))


def copied(out):
    data = (out / "f.part").read_bytes()
    (out / "new").write_bytes(data)
    os.replace(out / "new", out / "f.part")


def cut_short(out):
    """To what is known to be on the disk."""
    os.truncate(out / "f.part", recorded(out))


@pytest.mark.slow
@pytest.mark.parametrize("change", [reboot, touch_later, copied, cut_short])
def test_only_what_was_flushed_is_trusted(spate, faultd, out, change):
    args = "-s", "1", "-d", out, faultd.data(1, SIZE, "f", rate=RATE)
    killed_at(spate, out, *args, least=44 << 20)
    change(out)
    flushed = recorded(out)
    (asked,) = finish(spate, faultd, out, *args)
    assert first_byte(asked) == flushed, asked


@pytest.mark.slow
def test_changed_on_the_server(spate, faultd, out):
    """The validator is kept with what was written: another file starts over."""
    url = faultd.data(1, SIZE, "f", rate=RATE, etag="change", changeafter=1)
    args = "-s", "1", "-d", out, url
    killed_at(spate, out, *args)
    run = spate(*args)
    assert run.code == 0, run
    asked = faultd.journal()[-1]
    assert first_byte(asked) > 0 and asked["status"] == 200, asked
    assert_files(out, {"f": body(2, SIZE)})


def test_small_files_leave_no_word(spate, faultd, out):
    urls = [faultd.data(i, 200_000, f"f{i}", delay=i * 200) for i in range(4)]
    run = spate.start("-d", out, *urls)
    wait_until(lambda: (out / "f2").exists(), what="a file or two")
    run.kill()
    with open(out / ".spate/unflushed", "rb") as file:
        assert not any(file.read()[4096:])


@pytest.mark.slow
def test_body_of_a_shard_goes_on(spate, faultd, out, tmp_path):
    """It is in the session's directory, and nobody looks for its name."""
    url = faultd.data(1, SIZE, "f", rate=RATE)
    args = ("-s", "1", "-d", out, "--output", "tar", "--compress", "none", url)
    run = spate.start(*args)
    part = out / ".spate/body-1.part"
    wait_until(lambda: part.exists() and part.stat().st_size > 20 << 20, 60)
    run.kill()
    size = part.stat().st_size
    faultd.reset()
    last = spate(*args)
    assert last.code == 0, last
    (asked,) = faultd.journal()
    assert size - JOB <= first_byte(asked) <= size
    (shard,) = out.glob("*.tar")
    with tarfile.open(shard) as tar:
        member = max(tar.getmembers(), key=lambda m: m.size)
        assert tar.extractfile(member).read() == body(1, SIZE)
