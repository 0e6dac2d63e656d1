# SPDX-License-Identifier: MIT
"""Full and read-only disks: said, survived, nothing lost."""
import os
import signal
import time

from harness import assert_files, body, files_of, wait_until, write_list

MB = 1 << 20


def mentions_full(run):
    return b"full" in bytes(run.out) + bytes(run.err)


def full_run(spate, faultd, disk, tmp_path, size, count, *options):
    """A run on a disk of 8 MB that has 4.5 MB of something else on it."""
    ballast = os.path.join(disk.path, "ballast")
    with open(ballast, "wb") as f:
        f.write(b"\1" * (4 * MB + MB // 2))
    out = tmp_path / "out"
    os.symlink(disk.path, out)
    urls = [faultd.data(i, size, f"f{i}") for i in range(count)]
    args = ["-i", write_list(tmp_path / "l", urls), "-d", os.path.join(disk.path, "o"),
            *options]
    return ballast, args


def check(disk, size, count):
    assert_files(os.path.join(disk.path, "o"),
                 {f"f{i}": body(i, size) for i in range(count)})


def test_full_disk_is_said_and_goes_on_after_space_is_freed(
        spate, faultd, small_disk, tmp_path):
    disk = small_disk("8m")
    ballast, args = full_run(spate, faultd, disk, tmp_path, 20_000, 250)
    run = spate.start(*args)
    wait_until(lambda: mentions_full(run) or run.process.poll() is not None, 20,
               what="a word about the full disk")
    assert run.process.poll() is None, run.wait()
    time.sleep(1)  # it must wait, not burn its tasks
    os.unlink(ballast)
    result = run.wait(30)
    assert result.code == 0, result
    check(disk, 20_000, 250)


def test_full_disk_with_large_files(spate, faultd, small_disk, tmp_path):
    disk = small_disk("8m")
    ballast, args = full_run(spate, faultd, disk, tmp_path, 2 * MB, 3, "-j", "2")
    run = spate.start(*args)
    wait_until(lambda: mentions_full(run) or run.process.poll() is not None, 20,
               what="a word about the full disk")
    assert run.process.poll() is None, run.wait()
    os.unlink(ballast)
    result = run.wait(30)
    assert result.code == 0, result
    check(disk, 2 * MB, 3)


def test_full_disk_then_stopped_then_resumed(spate, faultd, small_disk, tmp_path):
    disk = small_disk("8m")
    ballast, args = full_run(spate, faultd, disk, tmp_path, 100_000, 60)
    run = spate.start(*args)
    wait_until(lambda: mentions_full(run) or run.process.poll() is not None, 20,
               what="a word about the full disk")
    if run.process.poll() is None:
        run.signal(signal.SIGTERM)
    result = run.wait(15)
    assert result.code in (3, 4), result
    for name in files_of(os.path.join(disk.path, "o")):
        if not name.endswith(".part"):
            path = os.path.join(disk.path, "o", name)
            with open(path, "rb") as f:
                data = f.read()
            # a name without .part may be unfinished, but never wrong
            assert body(int(name[1:]), 100_000).startswith(data)
    os.unlink(ballast)
    resumed = spate("resume", os.path.join(disk.path, "o"))
    assert resumed.code == 0, resumed
    check(disk, 100_000, 60)


def test_disk_too_full_for_a_session(spate, faultd, small_disk):
    disk = small_disk("64k")
    with open(os.path.join(disk.path, "ballast"), "wb") as f:
        f.write(b"\1" * (64 << 10))
    run = spate("-d", os.path.join(disk.path), faultd.data(1, 10, "f"))
    assert run.code == 3, run
    assert b"full" in run.err
    assert faultd.journal() == []


def test_read_only_directory(spate, faultd, small_disk):
    disk = small_disk("1m")
    disk.remount("ro")
    run = spate("-d", disk.path, faultd.data(1, 10, "f"))
    assert run.code == 3, run
    assert disk.path in run.err.decode()
    assert faultd.journal() == []


def test_directory_cannot_be_made(spate, faultd, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    run = spate("-d", tmp_path / "file" / "out", faultd.data(1, 10, "f"))
    assert run.code in (2, 3), run
    assert faultd.journal() == []


def test_damaged_session_is_named_and_not_overwritten(spate, faultd, out, tmp_path):
    listing = write_list(tmp_path / "l", [faultd.data(1, 10, "f")])
    assert spate("-i", listing, "-d", out).code == 0
    database = out / ".spate" / "session.db"
    database.write_bytes(b"not a database " * 1000)
    for extra in ("-wal", "-shm"):
        if os.path.exists(str(database) + extra):
            os.unlink(str(database) + extra)
    damaged = database.read_bytes()
    run = spate("-i", listing, "-d", out)
    assert run.code == 3, run
    assert b"damaged" in run.err or b"corrupt" in run.err
    assert database.read_bytes() == damaged
    assert (out / "f").read_bytes() == body(1, 10)
