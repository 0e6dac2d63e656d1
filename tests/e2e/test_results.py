# SPDX-License-Identifier: MIT
"""--results: a line for each task that ends, once, whatever happens to the
run in between."""
import json
import os
import random
import signal
import subprocess
import time

import pytest

from harness import assert_files, body, files_of, wait_until, write_list

FAST = ("--retry-wait", "0.01", "--retry-max-wait", "0.02", "-t", "2")


def results(path):
    with open(path, "rb") as f:
        data = f.read()
    assert data == b"" or data.endswith(b"\n"), data[-200:]
    return [json.loads(line) for line in data.splitlines()]


def test_what_a_line_says(spate, faultd, out, tmp_path):
    before = time.time() * 1000
    listing = write_list(tmp_path / "l", [
        faultd.data(1, 1000, "good", X_Amz_Signature="S3CR3T"),
        faultd.data(2, 10, "bad", status=404),
        faultd.data(3, 10, "again", status=500, fail=1),
        faultd.url("/data/4/300000/sp%20%C3%A4")])
    run = spate(*FAST, "-i", listing, "-d", out, "--results", tmp_path / "r")
    assert run.code == 1, run
    lines = {r["url"].split("?")[0].rsplit("/", 1)[1]: r for r in results(tmp_path / "r")}
    assert len(lines) == 4 and len(results(tmp_path / "r")) == 4
    good, bad, again = lines["good"], lines["bad"], lines["again"]
    assert "S3CR3T" not in json.dumps(lines)
    assert (good["state"], good["path"], good["bytes"], good["status"],
            good["attempts"], good["error"]) == ("done", "good", 1000, 200, 1, None)
    assert before <= good["started"] <= good["ended"] <= time.time() * 1000
    assert bad["state"] == "failed" and "404" in bad["error"] and bad["path"] is None
    assert again["attempts"] == 2 and again["status"] == 200
    other = lines["sp%20%C3%A4"]
    assert other["bytes"] == 300000
    assert (out / other["path"]).stat().st_size == 300000
    assert len({r["task"] for r in lines.values()}) == 4


@pytest.mark.slow
@pytest.mark.limit(240)
def test_once_over_kills(spate, faultd, out, tmp_path):
    count = 3000
    listing = write_list(tmp_path / "l", [
        faultd.data(i, 500, f"f{i}", delay=5) for i in range(count)])
    args = ["-i", listing, "-d", out, "-j", "32", "--results", tmp_path / "r"]
    rng = random.Random(4711)
    kills = 0
    for _ in range(20):
        run = spate.start(*args)
        try:
            run.process.wait(rng.uniform(0.05, 0.25))
        except subprocess.TimeoutExpired:
            run.kill()
            kills += 1
    assert kills >= 3
    assert spate(*args).code == 0
    names = [r["path"] for r in results(tmp_path / "r")]
    assert len(names) == len(set(names)) == count
    assert all(r["state"] == "done" for r in results(tmp_path / "r"))
    assert_files(out, {f"f{i}": body(i, 500) for i in range(count)})


def test_interrupted_and_resumed_from_elsewhere(spate, faultd, out, tmp_path):
    listing = write_list(tmp_path / "l", [
        faultd.data(i, 50, f"f{i}", delay=20) for i in range(150)])
    run = spate.start("-i", listing, "-d", out, "-j", "4", "--results", "r",
                      cwd=tmp_path)
    wait_until(lambda: len(faultd.journal()) > 30)
    run.signal(signal.SIGTERM)
    assert run.wait(10).code == 4
    part = results(tmp_path / "r")
    assert {r["path"] for r in part} == set(files_of(out)) and part
    assert spate("resume", out).code == 0  # another working directory
    names = [r["path"] for r in results(tmp_path / "r")]
    assert len(names) == len(set(names)) == 150


def test_failed_task_gets_another_line_when_tried_again(spate, faultd, out,
                                                        tmp_path):
    listing = write_list(tmp_path / "l", [
        faultd.data(1, 50, "f", status=404, fail=1), faultd.data(2, 50, "g")])
    args = ["-i", listing, "-d", out, "--results", tmp_path / "r"]
    assert spate(*args).code == 1
    assert spate(*args).code == 0
    assert sorted((r["url"].split("?")[0][-1], r["state"])
                  for r in results(tmp_path / "r")) == [
        ("f", "done"), ("f", "failed"), ("g", "done")]


def test_file_of_somebody_else_is_added_to(spate, faultd, out, tmp_path):
    (tmp_path / "r").write_text('{"mine":1}\n')
    assert spate("-d", out, "--results", tmp_path / "r",
                 faultd.data(1, 10, "f")).code == 0
    mine, line = results(tmp_path / "r")
    assert mine == {"mine": 1} and line["path"] == "f"


@pytest.mark.parametrize("where", ["no/such/dir/r", "."])
def test_cannot_be_written(spate, faultd, out, tmp_path, where):
    run = spate("-d", out, "--results", tmp_path / where, faultd.data(1, 10, "f"))
    assert run.code == 3, run
    assert b"results" in run.err
    assert faultd.journal() == []


@pytest.mark.slow
def test_full_disk_of_the_results(spate, faultd, out, tmp_path, small_disk):
    disk = small_disk("64k")
    ballast = os.path.join(disk.path, "ballast")
    with open(ballast, "wb") as f:
        f.write(b"\1" * (40 << 10))
    listing = write_list(tmp_path / "l", [
        faultd.data(i, 50, f"f{i}") for i in range(200)])
    run = spate.start("-i", listing, "-d", out, "--results",
                      os.path.join(disk.path, "r"))
    wait_until(lambda: b"results cannot be written" in run.out + run.err, 20)
    assert run.process.poll() is None
    os.unlink(ballast)
    assert run.wait(30).code == 0
    names = [r["path"] for r in results(os.path.join(disk.path, "r"))]
    assert len(names) == len(set(names)) == 200


def test_two_sessions_keep_one_file(spate, faultd, tmp_path):
    """What another session has added is not what a kill left behind."""
    args = (*FAST, "--results", tmp_path / "r")
    for name in "ab":
        urls = [faultd.data(1, 10, name), faultd.data(2, 10, name + "x", status=404)]
        run = spate(*args, "-i", write_list(tmp_path / f"l{name}", urls), "-d", tmp_path / name)
        assert run.code == 1, run
    assert len(results(tmp_path / "r")) == 4
    assert spate("resume", tmp_path / "a").code == 1
    urls = [r["url"].split("?")[0].rsplit("/", 1)[1] for r in results(tmp_path / "r")]
    assert sorted(urls) == ["a", "ax", "ax", "b", "bx"], urls


BAD_FLUSH = "#include <errno.h>\nint syncfs(int fd){static int n;" \
            "if(++n==2){errno=EIO;return -1;}return fd>=0?0:-1;}"


def test_what_a_failed_flush_has_lost_is_told_as_failed(spate, faultd, out, tmp_path):
    """And has a line that says "done", and one with its digest, when the next
    run has fetched it."""
    (tmp_path / "bad.c").write_text(BAD_FLUSH)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", tmp_path / "bad.so",
                    tmp_path / "bad.c"], check=True)
    urls = [faultd.data(i, 2000, f"f{i}") for i in range(120)]
    args = ("-i", write_list(tmp_path / "l", urls), "-d", out, "--no-tui", "--results",
            tmp_path / "r", "--write-checksums", tmp_path / "sums", "--rate", "100/s")
    run = spate(*args, env={"LD_PRELOAD": str(tmp_path / "bad.so"),
                            "ASAN_OPTIONS": "verify_asan_link_order=0:detect_leaks=0"})
    assert run.code == 1, run
    told = results(tmp_path / "r")
    assert len(told) == 120
    done = {r["path"] for r in told if r["state"] == "done"}
    lost = [r for r in told if r["state"] == "failed"]
    assert done and lost and len(done) + len(lost) == 120
    assert all("lost data" in r["error"] and r["path"] is None for r in lost)
    sums = (tmp_path / "sums").read_text().splitlines()
    assert {line.split(None, 1)[1] for line in sums} == done and len(sums) == len(done)
    assert spate(*args).code == 0
    assert_files(out, {f"f{i}": body(i, 2000) for i in range(120)})
    told = [r["path"] for r in results(tmp_path / "r") if r["state"] == "done"]
    assert sorted(told) == sorted(f"f{i}" for i in range(120))
    assert len((tmp_path / "sums").read_text().splitlines()) == 120
