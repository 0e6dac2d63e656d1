# SPDX-License-Identifier: MIT
"""Metalink 4 documents as manifests."""
import gzip
import hashlib
import sqlite3
import subprocess
import time
from xml.sax.saxutils import escape, quoteattr

import pytest

from harness import Faultd, assert_files, body, files_of, wait_until

NAMESPACE = "urn:ietf:params:xml:ns:metalink"


def entry(name, urls, size=None, sha256=None):
    text = f"<file name={quoteattr(name)}>"
    if size is not None:
        text += f"<size>{size}</size>"
    if sha256 is not None:
        text += f'<hash type="sha-256">{sha256}</hash>'
    for priority, url in enumerate(urls, 1):
        text += f'<url priority="{priority}">{escape(url)}</url>'
    return text + "</file>"


def write_metalink(path, entries):
    path.write_text('<?xml version="1.0" encoding="UTF-8"?>\n'
                    f'<metalink xmlns="{NAMESPACE}">' + "\n".join(entries)
                    + "</metalink>")
    return path


def sha(data):
    return hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("option", [[], ["--input-format", "metalink"],
                                    ["--strict"]])
def test_files_of_a_metalink(spate, faultd, out, tmp_path, option):
    good = body(1, 100_000)
    listing = write_metalink(tmp_path / "x.meta4", [
        entry("dir/one", [faultd.data(9, 100_000, status=404),
                          faultd.data(1, 100_000)], len(good), sha(good)),
        entry("../../two", [faultd.data(2, 50)]),
        entry("three", ["ftp://127.0.0.1/x", faultd.data(3, 50)])])
    run = spate("-i", listing, "-d", out, *option)
    assert run.code == 0, run
    assert_files(out, {"dir/one": good, "__/__/two": body(2, 50),
                       "three": body(3, 50)})
    before = len(faultd.journal())
    assert spate("-i", listing, "-d", out, *option).code == 0
    assert len(faultd.journal()) == before


def test_a_wrong_digest_keeps_nothing(spate, faultd, out, tmp_path):
    listing = write_metalink(tmp_path / "x.meta4", [
        entry("bad", [faultd.data(1, 1000)], 1000, sha(b"another")),
        entry("good", [faultd.data(2, 1000)], 1000, sha(body(2, 1000)))])
    run = spate("-i", listing, "-d", out, "-t", "1")
    assert run.code == 1, run
    assert_files(out, {"good": body(2, 1000)})


def test_broken_documents_start_nothing(spate, faultd, out, tmp_path):
    listing = tmp_path / "x.meta4"
    whole = write_metalink(listing, [entry("a", [faultd.data(1, 10)])]).read_text()
    listing.write_text(whole[:-20])
    run = spate("-i", listing, "-d", out)
    assert run.code == 2, run
    assert "metalink" in run.text
    listing.write_text(whole)
    run = spate("-i", listing, "-d", out, "--follow")
    assert run.code == 2, run
    run = spate("-i", "-", "-d", out, "--input-format", "metalink",
                input=whole.encode())
    assert run.code == 2, run
    listing.write_text("http://127.0.0.1/a\n")
    run = spate("-i", listing, "-d", out, "--input-format", "metalink")
    assert run.code == 2, run
    assert faultd.journal() == []


def test_a_file_without_a_usable_url_is_told(spate, faultd, out, tmp_path):
    listing = write_metalink(tmp_path / "x.meta4", [
        entry("none", ["ftp://127.0.0.1/none"]), entry("a", [faultd.data(1, 10)])])
    run = spate("-i", listing, "-d", out)
    assert run.code == 1, run
    assert files_of(out).keys() == {"a"}
    run = spate("-i", listing, "-d", tmp_path / "strict", "--strict")
    assert run.code == 2, run


@pytest.mark.parametrize("again", ["resume", "list"])
def test_kill_9_and_on(spate, faultd, out, tmp_path, again):
    count = 300
    listing = write_metalink(tmp_path / "x.meta4", [
        entry(f"f{i}", [faultd.data(i, 2000, delay=30)], 2000, sha(body(i, 2000)))
        for i in range(count)])
    args = ["-i", listing, "-d", out, "-j", "8"]
    for _ in range(3):
        run = spate.start(*args)
        before = len(faultd.journal())
        wait_until(lambda: len(faultd.journal()) > before + 30, what="answers")
        time.sleep(0.03)
        run.kill()
    run = spate("resume", out) if again == "resume" else spate(*args)
    assert run.code == 0, run
    assert_files(out, {f"f{i}": body(i, 2000) for i in range(count)})
    assert len(faultd.journal()) < count + 200


# ---- digests of pieces ---------------------------------------------------

SIZE = 12 << 20
PIECE = 1 << 20
FAST = ["--retry-wait", "0.05", "--retry-max-wait", "0.2", "--progress=json", "-v"]


@pytest.fixture
def other(tmp_path_factory):
    server = Faultd(str(tmp_path_factory.mktemp("other")))
    yield server
    server.stop()


def with_pieces(urls, data, whole=True, size=None):
    pieces = "".join(f"<hash>{sha(data[at:at + PIECE])}</hash>"
                     for at in range(0, len(data), PIECE))
    text = entry("f", urls, size or len(data), sha(data) if whole else None)
    return text.replace("<url", f'<pieces type="sha-256" length="{PIECE}">'
                                f"{pieces}</pieces><url", 1)


@pytest.mark.parametrize("whole", [True, False], ids=["digest", "pieces-alone"])
def test_a_bad_piece_alone_is_fetched_again(spate, faultd, out, tmp_path, whole):
    data = body(1, SIZE)
    listing = write_metalink(tmp_path / "x.meta4", [with_pieces(
        [faultd.data(1, SIZE, "f", corrupt=5 * PIECE + 77, fail=1)], data, whole)])
    run = spate(*FAST, "-s", "1", "-i", listing, "-d", out)
    assert run.code == 0, run
    assert_files(out, {"f": data})
    first, second = faultd.journal()
    assert "range" not in first
    assert second["range"] == f"bytes={5 * PIECE}-{6 * PIECE - 1}"
    done, = run.event("done")
    assert done["attempts"] == 1


@pytest.mark.parametrize("damaged", [False, True], ids=["good", "damaged"])
def test_with_pieces_a_part_without_a_validator_is_kept(spate, faultd, out, tmp_path, damaged):
    data = body(1, SIZE)
    listing = write_metalink(tmp_path / "x.meta4", [with_pieces(
        [faultd.data(1, SIZE, "f", etag="none", rate=4_000_000)], data)])
    run = spate.start(*FAST, "-s", "1", "-i", listing, "-d", out)
    database = out / ".spate/session.db"

    def durable():
        try:
            rows = sqlite3.connect(f"file:{database}?mode=ro", uri=True).execute(
                "SELECT durable FROM partials").fetchall()
        except sqlite3.OperationalError:  # it is being made
            return 0
        return rows[0][0] if rows else 0
    wait_until(lambda: durable() > 2 * PIECE, timeout=30)
    run.kill()
    run.wait()
    kept = durable()
    if damaged:
        with open(out / "f.part", "r+b") as part:
            part.seek(PIECE + 5)
            part.write(b"another")
    before = len(faultd.journal())
    again = spate("resume", out, *FAST)
    assert again.code == 0, again
    assert_files(out, {"f": data})
    asked = [entry["range"] for entry in faultd.journal()[before:]]
    assert asked == [f"bytes={kept}-"] + [f"bytes={PIECE}-{2 * PIECE - 1}"] * damaged


def test_bad_pieces_of_segments_come_from_another_mirror(spate, faultd, other, out,
                                                         tmp_path):
    data = body(1, SIZE)
    listing = write_metalink(tmp_path / "x.meta4", [with_pieces(
        [faultd.data(1, SIZE, "a", corrupt=1000, rate=3_000_000),
         other.data(1, SIZE, "b", rate=3_000_000)], data)])
    run = spate(*FAST, "-s", "4", "--min-split-size", "1M", "-i", listing, "-d", out)
    assert run.code == 0, run
    assert_files(out, {"f": data})
    log = (out / ".spate/log").read_text()
    assert f"127.0.0.1:{faultd.port} sent damaged pieces" in log
    assert f"127.0.0.1:{other.port} sent damaged pieces" not in log
    assert f"{PIECE} of {SIZE} bytes are damaged" in log
    last = max(faultd.journal() + other.journal(), key=lambda e: e["t"])
    assert last in other.journal()
    assert last["range"] == f"bytes=0-{PIECE - 1}"


def test_a_server_that_always_damages_is_given_up(spate, faultd, out, tmp_path):
    listing = write_metalink(tmp_path / "x.meta4", [with_pieces(
        [faultd.data(1, SIZE, "f", corrupt=5 * PIECE)], body(1, SIZE))])
    run = spate(*FAST, "-s", "1", "-i", listing, "-d", out)
    assert run.code == 1, run
    assert files_of(out) == {}
    failed, = run.event("failed")
    assert "does not agree" in failed["reason"]
    entries = faultd.journal()
    assert len(entries) == 1 + 3 + 1  # the whole, three rounds, the whole again
    assert sum(e["sent"] for e in entries) <= 2 * SIZE + 3 * PIECE


def test_another_size_than_promised_is_a_failure(spate, faultd, other, out, tmp_path):
    data = body(1, SIZE)
    listing = write_metalink(tmp_path / "x.meta4", [
        with_pieces([faultd.data(1, SIZE + 1, "a"), other.data(1, SIZE, "b")], data)])
    run = spate(*FAST, "-i", listing, "-d", out)
    assert run.code == 0, run
    assert_files(out, {"f": data})
    assert len(faultd.journal()) == 1
    listing = write_metalink(tmp_path / "y.meta4", [
        entry("g", [faultd.data(1, 3000, "g")], 3001),
        entry("h", [faultd.data(1, 3000, "h", chunked=1)], 3001)])
    run = spate(*FAST, "-i", listing, "-d", tmp_path / "y")
    assert run.code == 1, run
    assert files_of(tmp_path / "y") == {}
    for failed in run.event("failed"):
        assert "3000 bytes, not the 3001" in failed["reason"]
    assert len(run.event("failed")) == 2


BAD_READ = """
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/syscall.h>
ssize_t pread64(int fd, void *data, size_t size, off_t at) {
  static int failed;
  char name[64], path[512] = "";
  snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
  if (readlink(name, path, sizeof path - 1) > 0 && strstr(path, "unreadable") &&
      !failed++) {
    errno = EIO;
    return -1;
  }
  return syscall(SYS_pread64, fd, data, size, at);
}
ssize_t pread(int fd, void *data, size_t size, off_t at) {
  return pread64(fd, data, size, at);
}
"""


@pytest.mark.parametrize("packed", [False, True])
def test_what_cannot_be_read_is_not_taken_for_lines(spate, faultd, out, tmp_path, packed):
    (tmp_path / "bad.c").write_text(BAD_READ)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", tmp_path / "bad.so",
                    tmp_path / "bad.c"], check=True)
    listing = tmp_path / "unreadable"
    write_metalink(listing, [entry("a", [faultd.data(1, 10)])])
    if packed:
        listing.write_bytes(gzip.compress(f"{faultd.data(1, 10, 'a')}\n".encode()))
    run = spate("-i", listing, "-d", out, env={
        "LD_PRELOAD": str(tmp_path / "bad.so"),
        "ASAN_OPTIONS": "verify_asan_link_order=0:detect_leaks=0"})
    assert run.code == 3, run
    assert "Input/output error" in run.text
    assert spate("-i", listing, "-d", out).code == 0
    assert_files(out, {"a": body(1, 10)})
