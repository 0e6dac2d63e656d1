# SPDX-License-Identifier: MIT
"""Metalink 4 documents as manifests."""
import hashlib
import time
from xml.sax.saxutils import escape, quoteattr

import pytest

from harness import assert_files, body, files_of, wait_until

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
