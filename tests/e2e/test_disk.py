# SPDX-License-Identifier: MIT
"""Full and read-only disks: said, survived, nothing lost."""
import json
import os
import random
import signal
import sqlite3
import subprocess
import time

import pytest

from harness import SPATE, assert_files, body, files_of, wait_until, write_list

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


@pytest.mark.slow
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


@pytest.mark.slow
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


# ---- --min-free-space ----------------------------------------------------


def free(disk):
    st = os.statvfs(disk.path)
    return st.f_bavail * st.f_frsize


def says(run, word):
    return word in bytes(run.out) + bytes(run.err)


@pytest.mark.slow
@pytest.mark.parametrize("size,count", [(20_000, 400), (3 * MB, 3)])
def test_reserve_is_kept_and_the_run_goes_on(spate, faultd, small_disk, tmp_path,
                                             size, count):
    disk = small_disk("16m")
    ballast, args = full_run(spate, faultd, disk, tmp_path, size, count,
                             "-j", "16", "--min-free-space", "4M")
    run = spate.start(*args)
    wait_until(lambda: says(run, b"min-free-space") or
               run.process.poll() is not None, 20, what="a word about the disk")
    assert run.process.poll() is None, run.wait()
    time.sleep(0.5)
    asked = len(faultd.journal())
    # what is in memory has its place on the disk, and may go there
    in_memory = 0 if size < MB else count * MB
    for _ in range(25):
        assert 3.5 * MB < free(disk) < 4.5 * MB + in_memory, free(disk)
        time.sleep(0.1)
    assert len(faultd.journal()) <= asked + 16
    os.unlink(ballast)
    result = run.wait(30)
    assert result.code == 0, result
    check(disk, size, count)


@pytest.mark.slow
def test_reserve_can_be_lowered_while_it_waits(spate, faultd, small_disk,
                                               tmp_path):
    disk = small_disk("16m")
    ballast, args = full_run(spate, faultd, disk, tmp_path, 20_000, 100,
                             "--min-free-space", "15M")
    run = spate.start(*args)
    wait_until(lambda: says(run, b"min-free-space"), 20)
    out = os.path.join(disk.path, "o")
    assert json.loads(spate("status", out, "--json").out)["done"] < 100
    assert b"waits" in spate("status", out).out
    assert spate("set", out, "min-free-space", "1M").code == 0
    result = run.wait(20)
    assert result.code == 0, result
    check(disk, 20_000, 100)


@pytest.mark.slow
def test_stopped_while_it_waits_for_space(spate, faultd, small_disk, tmp_path):
    disk = small_disk("16m")
    ballast, args = full_run(spate, faultd, disk, tmp_path, 2 * MB, 3,
                             "--min-free-space", "9M", "--limit-rate", "2M")
    run = spate.start(*args)
    wait_until(lambda: says(run, b"min-free-space"), 20)
    run.signal(signal.SIGTERM)
    result = run.wait(10)
    assert result.code == 3, result
    os.unlink(ballast)
    assert spate("resume", os.path.join(disk.path, "o"), "--limit-rate", "0",
                 "--min-free-space", "1M").code == 0
    check(disk, 2 * MB, 3)


# ---- quota, read-only, busy, damaged ---------------------------------------


def test_quota(faultd, ext4, spate, tmp_path):
    """A user's quota of 4 MB on a disk with room: a pause, no failure, and it
    goes on when there is more."""
    uid = 54321
    disk = ext4(64 * MB, options="loop,usrquota",
                make=("-O", "quota", "-E", "quotatype=usrquota"))
    os.chown(disk.path, uid, uid)
    for at in (tmp_path, *list(tmp_path.parents)[:2]):
        os.chmod(at, 0o755)
    if not disk.set_quota(uid, 4 * MB):
        pytest.skip("quotas cannot be set")
    listing = write_list(tmp_path / "l", [
        faultd.data(i, 50_000, f"f{i}") for i in range(150)])
    out = os.path.join(disk.path, "o")
    run = subprocess.Popen(
        ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", SPATE,
         "-i", str(listing), "-d", out, "--no-config"], cwd=disk.path,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env=spate.env | {"HOME": disk.path})
    os.set_blocking(run.stdout.fileno(), False)
    said = b""

    def named():
        nonlocal said
        said += run.stdout.read() or b""
        return b"quota" in said or run.poll() is not None

    try:
        wait_until(named, 20, what="a word about the quota")
        assert run.poll() is None, said
        time.sleep(2)
        assert run.poll() is None
        done = [n for n in files_of(out) if not n.endswith(".part")]
        assert 0 < len(done) < 150
        assert disk.set_quota(uid, 40 * MB)
        assert run.wait(40) == 0, said + (run.stdout.read() or b"")
    finally:
        if run.poll() is None:
            run.kill()
            run.wait()
    assert_files(out, {f"f{i}": body(i, 50_000) for i in range(150)})


@pytest.mark.slow
def test_file_system_that_becomes_read_only(spate, faultd, ext4, tmp_path):
    """As after an error of the disk: no task fails for it, nothing is called
    done that is not there when the disk is mounted again."""
    disk = ext4(64 * MB)
    out = os.path.join(disk.path, "o")
    listing = write_list(tmp_path / "l", [
        faultd.data(i, 2000, f"f{i}", delay=20) for i in range(900)])
    run = spate.start("-i", listing, "-d", out, "-j", "4", "--progress=json")
    wait_until(lambda: len(faultd.journal()) > 100)
    subprocess.run(["mount", "-o", "remount,abort", disk.path])
    wait_until(lambda: b"hold" in run.out or run.process.poll() is not None, 20,
               what="a word about the disk")
    assert run.process.poll() is None, run.wait()
    asked = len(faultd.journal())
    time.sleep(1)
    assert len(faultd.journal()) <= asked + 100  # it waits
    run.signal(signal.SIGTERM)
    result = run.wait(20)
    assert result.code == 3, result
    # what a failed flush may have taken is counted as failed; no other is
    assert all("lost" in e["reason"] for e in result.event("failed")), result
    disk.remount()
    again = spate("resume", out, "--progress=json")
    failed = again.event("failed")
    # The disk may have kept a file's name and not the mark that it is ours: one
    # of those that were being written then. It is left alone, and said.
    assert again.code == (1 if failed else 0) and len(failed) <= 4, again
    assert all("not of this session" in e["reason"] for e in failed), again
    if failed:
        again = spate("resume", out, "--overwrite")
        assert again.code == 0, again
    check(disk, 2000, 900)


@pytest.mark.slow
def test_database_held_by_another_program(spate, faultd, out, tmp_path):
    listing = write_list(tmp_path / "l", [
        faultd.data(i, 2000, f"f{i}", delay=20) for i in range(400)])
    run = spate.start("-i", listing, "-d", out, "-j", "4", "--progress=json")
    wait_until(lambda: len(faultd.journal()) > 40)
    held = sqlite3.connect(out / ".spate" / "session.db", timeout=10,
                           isolation_level=None)
    held.execute("BEGIN IMMEDIATE")
    wait_until(lambda: b"another program has it open" in run.out, 20)
    held.execute("ROLLBACK")
    held.close()
    result = run.wait(60)
    assert result.code == 0, result
    assert_files(out, {f"f{i}": body(i, 2000) for i in range(400)})


def interrupted_session(spate, faultd, out, tmp_path, count):
    urls = [faultd.data(i, 300, f"f{i}", **({"status": 404} if i % 5 == 0 else {}))
            for i in range(count)]
    listing = write_list(tmp_path / "l", urls)
    run = spate.start("-i", listing, "-d", out, "-j", "8", "-t", "1")
    wait_until(lambda: len(faultd.journal()) > count * 2 // 3, 30)
    run.kill()


def folded(out):
    """The database in one file, without a log beside it."""
    database = sqlite3.connect(out / ".spate" / "session.db")
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    return out / ".spate" / "session.db"


@pytest.mark.slow
@pytest.mark.limit(240)
def test_damaged_pages_never_make_a_false_done(spate, faultd, out, tmp_path):
    """Whatever page is overwritten: an error that says what to do, or a run
    that ends with everything in place."""
    count = 3000
    interrupted_session(spate, faultd, out, tmp_path, count)
    database = folded(out)
    whole = database.read_bytes()
    kept = {p: p.read_bytes() for p in out.iterdir() if p.is_file()}
    want = {f"f{i}": body(i, 300) for i in range(count) if i % 5}
    rng = random.Random(20)
    refused = 0
    pages = len(whole) // 4096
    for turn in range(12):
        damaged = bytearray(whole)
        if turn < 3:
            del damaged[rng.randrange(1, pages) * 4096 + rng.randrange(4096):]
        else:
            at = rng.randrange(pages) * 4096
            damaged[at:at + 4096] = rng.randbytes(4096)
        database.write_bytes(damaged)
        run = spate("resume", out, "-t", "1")
        if run.code == 3:
            refused += 1
            assert b"damaged" in run.err and b"--skip-existing" in run.err, run
            assert database.read_bytes() == damaged
        else:
            assert run.code == 1, run  # a fifth is not found
            assert_files(out, want)
        for path in list(out.iterdir()):
            if path.is_file():
                path.unlink()
        for path, data in kept.items():
            path.write_bytes(data)
        for extra in ("-wal", "-shm"):
            (out / ".spate" / f"session.db{extra}").unlink(missing_ok=True)
    assert refused >= 3, refused


@pytest.mark.slow
def test_database_damaged_while_it_runs(spate, faultd, out, tmp_path):
    """Truncated under a run, which may or may not notice: nothing is taken for
    done by the next one."""
    listing = write_list(tmp_path / "l", [
        faultd.data(i, 300, f"f{i}", delay=10) for i in range(20_000)])
    run = spate.start("-i", listing, "-d", out, "-j", "8", "--progress=json")
    wait_until(lambda: len(faultd.journal()) > 500, 30)
    for name in ("session.db", "session.db-wal"):
        with open(out / ".spate" / name, "r+b") as f:
            f.truncate(4096 if name == "session.db" else 0)
    time.sleep(3)
    if run.process.poll() is None:
        run.signal(signal.SIGTERM)
    result = run.wait(20)
    assert result.code in (3, 4), result
    again = spate("resume", out)
    assert again.code == 3, again
    assert b"damaged" in again.err and b"--skip-existing" in again.err


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
