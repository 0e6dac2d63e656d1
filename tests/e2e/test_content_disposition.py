# SPDX-License-Identifier: MIT
"""Names that come with the answer: cleaned, never over somebody's file, found
again by later runs."""
import hashlib
import os
import random
import time
from urllib.parse import quote

import pytest

from harness import (assert_files, body, files_of, recorded, sha, tree,
                     wait_until, write_list)


def named(faultd, seed, size, value, url_name="download", **options):
    return faultd.data(seed, size, url_name, disposition=quote(value, safe=""), **options)


def test_answers_name_files_only_when_asked_to(spate, faultd, out, tmp_path):
    urls = [named(faultd, 1, 100, 'attachment; filename="a b.txt"', "one"),
            named(faultd, 2, 1_000_000, "inline; filename=big.bin", "two"),
            faultd.data(3, 100, "three"),
            named(faultd, 4, 0, "attachment; filename=empty", "four"),
            named(faultd, 5, 100, "attachment", "five"),
            named(faultd, 6, 100, "attachment; filename=x", "six") + "\tmine"]
    listing = write_list(tmp_path / "l", urls)
    run = spate("-i", listing, "-d", out, "--content-disposition", "-v")
    assert run.code == 0, run
    assert_files(out, {"a b.txt": body(1, 100), "big.bin": body(2, 1_000_000),
                       "three": body(3, 100), "empty": b"", "five": body(5, 100),
                       "mine": body(6, 100)})
    assert len(faultd.journal()) == 6
    # all of it is done, and stays so without the option too
    assert spate("-i", listing, "-d", out).code == 0
    assert len(faultd.journal()) == 6

    plain = tmp_path / "plain"
    assert spate("-i", listing, "-d", plain).code == 0
    assert set(files_of(plain)) == {"one", "two", "three", "four", "five", "mine"}


def test_one_path_many_names(spate, faultd, out, tmp_path):
    """What it is for: all URLs have the same last component."""
    urls = [named(faultd, i, 1000, f"attachment; filename=f{i}")
            for i in range(300)]
    run = spate("-i", write_list(tmp_path / "l", urls), "-d", out,
                "--content-disposition")
    assert run.code == 0, run
    assert_files(out, {f"f{i}": body(i, 1000) for i in range(300)})


HOSTILE = {
    'attachment; filename="../../escaped"': "escaped",
    'attachment; filename="/etc/escaped"': "escaped",
    "attachment; filename*=UTF-8''..%2F..%2Fescaped": "escaped",
    'attachment; filename="..\\\\..\\\\escaped"': "escaped",
    'attachment; filename=".."': "__",
    'attachment; filename=".bashrc"': "_bashrc",
    'attachment; filename=".spate"': "_spate",
    "attachment; filename*=UTF-8''a%0Ab%1B%5B2Jc": "a_b_[2Jc",
    "attachment; filename*=UTF-8''%E2%80%AEgnp.exe": "_gnp.exe",
    "attachment; filename*=UTF-8''x%00y; filename=z": "z",
    'attachment; filename=""': "download",
    'attachment; filename="a/"': "download",
    'attachment; filename="con"': "_con",
    "attachment; filename*=UTF-8''na%C3%AFve.txt; filename=x": "naïve.txt",
}


@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_names_stay_inside(spate, faultd, tmp_path, value):
    around = tmp_path / "around"
    out = around / "deep" / "out"
    out.mkdir(parents=True)
    (around / "escaped").write_bytes(b"victim")
    run = spate("-d", out, "--content-disposition", named(faultd, 1, 50, value))
    assert run.code == 0, run
    assert "\x1b" not in run.text
    assert files_of(out) == {HOSTILE[value]: sha(body(1, 50))}
    assert (out / HOSTILE[value]).read_bytes() == body(1, 50)
    outside = {k for k in tree(around) if not k.startswith("deep/out/")}
    assert outside == {"deep/", "deep/out/", "escaped"} or outside == {"deep/", "escaped"}
    assert (around / "escaped").read_bytes() == b"victim"
    assert not os.path.exists("/etc/escaped")


@pytest.mark.parametrize("layout", ["path", "hash"])
def test_layouts_hold(spate, faultd, out, layout):
    url = named(faultd, 1, 50, "attachment; filename=new")
    assert spate("-d", out, "--content-disposition", "--layout", layout,
                 url).code == 0
    (name,) = files_of(out)
    if layout == "hash":
        digest = hashlib.sha256(b"new").hexdigest()
        assert name == f"{digest[:2]}/{digest[2:4]}/new"
    else:
        assert name.endswith("/new") and name.startswith("127.0.0.1_")


@pytest.mark.parametrize("size", [50, 3_000_000])
def test_files_that_are_there(spate, faultd, tmp_path, size):
    url = named(faultd, 1, size, "attachment; filename=mine", rate=4_000_000)
    rules = {None: 1, "--overwrite": 0, "--skip-existing": 0, "--auto-rename": 0}
    for flag, code in rules.items():
        out = tmp_path / f"out{flag}"
        out.mkdir()
        (out / "mine").write_bytes(b"victim")
        (out / "download").write_bytes(b"victim too")
        run = spate("-d", out, "--content-disposition", url,
                    *([flag] if flag else []))
        assert run.code == code, (flag, run)
        assert (out / "download").read_bytes() == b"victim too"
        kept = body(1, size) if flag == "--overwrite" else b"victim"
        assert (out / "mine").read_bytes() == kept, flag
        others = set(files_of(out)) - {"mine", "download"}
        assert others == ({"mine.1"} if flag == "--auto-rename" else set()), flag
        if flag == "--auto-rename":
            assert (out / "mine.1").read_bytes() == body(1, size)
        if flag is None:
            assert "exists" in run.text
    # nothing of a body came that had no place to go to
    sent = [e["sent"] for e in faultd.journal()]
    assert size == 50 or min(sent) < size


@pytest.mark.parametrize("size", [50, 3_000_000])
def test_two_tasks_never_write_one_file(spate, faultd, tmp_path, size):
    urls = [named(faultd, i, size, "attachment; filename=same", f"u{i}",
                  ttfb=300) for i in range(2)]
    listing = write_list(tmp_path / "l", urls)
    out = tmp_path / "out"
    run = spate("-i", listing, "-d", out, "--content-disposition")
    assert run.code == 1, run
    assert "same output" in run.text
    assert set(files_of(out)) == {"same"}
    assert (out / "same").read_bytes() in (body(0, size), body(1, size))
    out = tmp_path / "renamed"
    run = spate("-i", listing, "-d", out, "--content-disposition",
                "--auto-rename")
    assert run.code == 0, run
    assert set(files_of(out)) == {"same", "same.1"}
    assert {(out / n).read_bytes() for n in files_of(out)} == {
        body(0, size), body(1, size)}


@pytest.mark.slow
def test_kill_9_finds_its_part(spate, faultd, out):
    size = 8 << 20
    url = named(faultd, 1, size, "attachment; filename=file", rate=1_200_000)
    args = ["-d", out, "--content-disposition", url]
    for _ in range(2):
        known = recorded(out)
        run = spate.start(*args)
        wait_until(lambda: recorded(out) > known, what="a record of it")
        run.kill()
        assert (out / "file.part").exists() or (out / "file").exists()
    # the server's second thoughts about the name change nothing
    assert spate("resume", out).code == 0
    assert_files(out, {"file": body(1, size)})
    resumed = [e for e in faultd.journal() if e["status"] == 206]
    assert resumed
    assert sum(e["sent"] for e in faultd.journal()) < 2 * size


@pytest.mark.slow
def test_kill_9_with_small_files(spate, faultd, out, tmp_path):
    rng = random.Random(5)
    count = 400
    urls = [named(faultd, i, 2000, f"attachment; filename=f{i}", delay=20)
            for i in range(count)]
    args = ["-i", write_list(tmp_path / "l", urls), "-d", out, "-j", "16",
            "--content-disposition"]
    for _ in range(5):
        run = spate.start(*args)
        before = len(faultd.journal())
        wait_until(lambda: len(faultd.journal()) > before + 20, what="answers")
        time.sleep(rng.random() * 0.05)
        run.kill()
    run = spate(*args)
    assert run.code == 0, run
    assert_files(out, {f"f{i}": body(i, 2000) for i in range(count)})


def test_a_later_name_does_not_count(spate, faultd, out):
    """Between two attempts the server changes its mind."""
    size = 2_000_000
    url = named(faultd, 1, size, "attachment; filename=first", fail=1,
                truncate=900_000)
    run = spate("-d", out, "--content-disposition", "--retry-wait", "0.1", url)
    assert run.code == 0, run
    assert_files(out, {"first": body(1, size)})


def test_unpacked_under_the_answers_name(spate, faultd, tmp_path):
    out = tmp_path / "packed"
    args = ["--content-disposition", "--decompress", "-t", "1"]
    url = named(faultd, 1, 5000, "attachment; filename=data.txt.gz", gzip=1)
    run = spate("-d", out, *args, url)
    assert run.code == 0, run
    assert_files(out, {"data.txt": body(1, 5000)})
    out = tmp_path / "not"
    url = named(faultd, 1, 5000, "attachment; filename=data.txt.gz")
    run = spate("-d", out, *args, url)
    assert run.code == 1, run
    assert files_of(out) == {}
    # by the answer's name, not the URL's
    out = tmp_path / "plain"
    url = named(faultd, 1, 5000, "attachment; filename=data.txt", "x.gz")
    run = spate("-d", out, *args, url)
    assert run.code == 0, run
    assert_files(out, {"data.txt": body(1, 5000)})


def test_killed_while_there_is_no_name_yet(spate, faultd, out):
    url = named(faultd, 1, 100_000, "attachment; filename=file", ttfb=1500)
    run = spate.start("-d", out, "--content-disposition", url)
    time.sleep(0.5)
    run.kill()
    assert files_of(out) == {}
    assert spate("-d", out, "--content-disposition", url).code == 0
    assert_files(out, {"file": body(1, 100_000)})
