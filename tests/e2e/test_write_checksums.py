# SPDX-License-Identifier: MIT
"""--write-checksums: a line for each finished file, once, whatever happens to
the run in between; sha256sum is the judge."""
import gzip
import hashlib
import random
import subprocess

import pytest

from harness import body, sha, write_list


def check(program, listing, out):
    """The names that the program finds to be right; it finds none wrong."""
    run = subprocess.run([program, "--strict", "-c", listing], cwd=out,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert run.returncode == 0, run
    assert run.stderr == b"", run
    return sorted(line.rsplit(b": ", 1)[0].decode()
                  for line in run.stdout.splitlines())


@pytest.mark.slow
@pytest.mark.limit(240)
def test_once_over_kills(spate, faultd, out, tmp_path):
    count = 2000
    listing = write_list(tmp_path / "l", [
        faultd.data(i, 500, f"f{i}", delay=5) for i in range(count)])
    sums = tmp_path / "SHA256SUMS"
    args = ["-i", listing, "-d", out, "-j", "8", "--write-checksums", sums]
    rng = random.Random(815)
    kills = 0
    for _ in range(12):
        run = spate.start(*args)
        try:
            run.process.wait(rng.uniform(0.05, 0.2))
        except subprocess.TimeoutExpired:
            run.kill()
            kills += 1
    assert kills >= 3
    assert spate("resume", out).code == 0
    assert check("sha256sum", sums, out) == sorted(f"f{i}" for i in range(count))
    lines = sums.read_text().splitlines()
    assert sorted(lines) == sorted(
        f"{sha(body(i, 500))}  f{i}" for i in range(count))


def test_what_has_a_line(spate, faultd, out, tmp_path):
    out.mkdir(exist_ok=True)
    (out / "here").write_bytes(body(3, 70000))
    listing = write_list(tmp_path / "l", [
        faultd.data(1, 100, "small"),
        faultd.data(2, 30, "bad", status=404) + "\tbad",
        faultd.data(3, 70000, "here"),
        faultd.data(4, 3_000_000, "large") + "\tdir/large",
        faultd.data(5, 0, "empty"),
        faultd.data(6, 10, "dash") + "\t-",
        faultd.data(7, 10, "odd") + "\tback\\slash ä"])
    sums = tmp_path / "sums"
    run = spate("-t", "1", "-i", listing, "-d", out, "--skip-existing",
                "--write-checksums", sums)
    assert run.code == 1, run
    found = check("sha256sum", sums, out)
    assert [n for n in found if "slash" not in n] == [
        "./-", "dir/large", "empty", "here", "small"]
    assert len(found) == 6
    assert sha(body(4, 3_000_000)).encode() in sums.read_bytes()


def test_digest_of_another_kind(spate, faultd, out, tmp_path):
    sums = tmp_path / "MD5SUMS"
    assert spate("-d", out, "--digest", "md5", "--write-checksums", sums,
                 faultd.data(1, 1000, "f")).code == 0
    assert check("md5sum", sums, out) == ["f"]
    assert sums.read_text() == f"{hashlib.md5(body(1, 1000)).hexdigest()}  f\n"


def test_of_what_was_unpacked(spate, start_nginx, tmp_path, out):
    (tmp_path / "root").mkdir()
    (tmp_path / "root/t.gz").write_bytes(gzip.compress(b"plain text" * 100))
    server = start_nginx(tmp_path / "root")
    sums = tmp_path / "sums"
    assert spate("-d", out, "--decompress", "--write-checksums", sums,
                 server.url("/t.gz")).code == 0
    assert check("sha256sum", sums, out) == ["t"]


def test_file_of_somebody_else_is_added_to(spate, faultd, out, tmp_path):
    out.mkdir(exist_ok=True)
    (out / "mine").write_bytes(b"mine")
    (tmp_path / "sums").write_text(f"{sha(b'mine')}  mine\n")
    assert spate("-d", out, "--write-checksums", tmp_path / "sums",
                 faultd.data(1, 10, "f")).code == 0
    assert check("sha256sum", tmp_path / "sums", out) == ["f", "mine"]


def test_two_lists_in_one_file_are_refused(spate, faultd, out, tmp_path):
    run = spate("-d", out, "--results", tmp_path / "r", "--write-checksums",
                tmp_path / "r", faultd.data(1, 10, "f"))
    assert run.code == 2 and b"another list" in run.err, run
    assert faultd.journal() == []


def test_shards_are_no_files(spate, faultd, out, tmp_path):
    run = spate("-d", out, "--output", "jsonl", "--write-checksums",
                tmp_path / "sums", faultd.data(1, 10, "f"))
    assert run.code == 2 and b"--output" in run.err, run
    assert faultd.journal() == []


def test_results_beside_it(spate, faultd, out, tmp_path):
    listing = write_list(tmp_path / "l", [
        faultd.data(i, 50, f"f{i}") for i in range(100)])
    assert spate("-i", listing, "-d", out, "--results", tmp_path / "r",
                 "--write-checksums", tmp_path / "sums").code == 0
    assert len((tmp_path / "r").read_text().splitlines()) == 100
    assert len(check("sha256sum", tmp_path / "sums", out)) == 100
