# SPDX-License-Identifier: MIT
"""No name from a URL, a manifest or a server leaves the output directory, and
no byte of one reaches the terminal as a command."""
import os
import re
import unicodedata

import pytest

from harness import body, files_of, tree, write_list

ATTACKS = [
    "..%2f..%2fescaped", "..%2Fescaped", "%2e%2e/%2e%2e/escaped", "..%5cescaped",
    "%2fetc%2fescaped", "a%00b", "a%0ab", "a%0d%0ab", "%1b%5b2Jx", "%c2%9b31mx",
    "%e2%80%aegnp.exe", "%7f", ".spate", ".SPATE", ".spate%2fsession.db",
    ".spate/session.db", "CON", "nul.txt", "COM1", "%2e", "%2e%2e", "...", "x.",
    "x%20", "~root", "~", "%ff%fe", "%80", "n" * 300, "%c3%a4" * 200, "a:b", "-rf",
    "%24(touch%20escaped)", "`touch%20escaped`", "a%3bb", "a%7cb", "con.part"]


def names_are_clean(root):
    for rel in files_of(root):
        for part in rel.split("/"):
            assert part not in ("", ".", "..") and part.lower() != ".spate"
            assert len(os.fsencode(part)) <= 255
            assert not any(unicodedata.category(c) in ("Cc", "Cs") for c in part), (
                f"{part!r}")


@pytest.mark.parametrize("layout", ["flat", "path", "hash"])
def test_names_of_urls_stay_inside(spate, faultd, tmp_path, layout):
    around = tmp_path / "around" / "deep"
    out = around / "out"
    out.mkdir(parents=True)
    (around / "escaped").write_bytes(b"victim")
    urls = [faultd.data(i, 20) + "/" + a for i, a in enumerate(ATTACKS)]
    run = spate("-i", write_list(tmp_path / "l", urls), "-d", out, "--layout",
                layout, cwd=out)
    assert run.code in (0, 1), run
    outside = {k: v for k, v in tree(tmp_path / "around").items()
               if not k.startswith("deep/out/")}
    assert outside.keys() == {"deep/", "deep/escaped"}
    assert (around / "escaped").read_bytes() == b"victim"
    assert not os.path.exists("/etc/escaped")
    names_are_clean(out)
    # whatever was stored is one of the bodies, whole
    bodies = {body(i, 20) for i in range(len(ATTACKS))}
    for rel in files_of(out):
        assert (out / rel).read_bytes() in bodies, rel
    # the session was no target
    assert spate("status", out).code == 0


@pytest.mark.parametrize("name", ["../escaped", "/tmp/spate-escaped", "a/../../escaped",
                                  "..", "a/..", ".spate/session.db"])
def test_names_in_manifests_stay_inside(spate, faultd, tmp_path, name):
    out = tmp_path / "around" / "out"
    out.mkdir(parents=True)
    run = spate("-i", write_list(tmp_path / "l", [
        faultd.data(1, 20, "x") + "\t" + name, faultd.data(2, 20, "good")]),
        "-d", out)
    assert run.code == 1 and f"directory: '{name}'" in run.text, run
    assert set(os.listdir(tmp_path / "around")) == {"out"}
    assert not os.path.exists("/tmp/spate-escaped")
    assert (out / "good").read_bytes() == body(2, 20)
    assert spate("status", out).code == 0


@pytest.mark.parametrize("name", ["../escaped", "/tmp/spate-escaped"])
def test_out_option_stays_inside(spate, faultd, tmp_path, name):
    out = tmp_path / "around" / "out"
    out.mkdir(parents=True)
    run = spate("-o", name, "-d", out, faultd.data(1, 20, "x"))
    assert run.code == 2 and f"--out: '{name}': " in run.text, run
    assert not (out / ".spate").exists(), "no later run has it"
    assert set(os.listdir(tmp_path / "around")) == {"out"}
    assert not os.path.exists("/tmp/spate-escaped")


@pytest.mark.parametrize("size", [20, 3_000_000])
@pytest.mark.parametrize("flag", [None, "--overwrite"])
def test_link_in_the_place_of_a_file(spate, faultd, tmp_path, size, flag):
    out = tmp_path / "out"
    out.mkdir()
    (tmp_path / "victim").write_bytes(b"victim")
    for name in ("f", "f.part"):
        os.symlink(tmp_path / "victim", out / name)
    os.symlink(tmp_path / "unborn", out / "g")
    run = spate(*filter(None, [flag]), "-d", out, faultd.data(1, size, "f"),
                faultd.data(2, size, "g"))
    assert run.code in (0, 1) if flag else run.code == 1, run
    assert (tmp_path / "victim").read_bytes() == b"victim"
    assert not (tmp_path / "unborn").exists()


def test_link_in_the_place_of_a_directory(spate, faultd, tmp_path):
    out, outside = tmp_path / "out", tmp_path / "outside"
    out.mkdir()
    outside.mkdir()
    os.symlink(outside, out / f"127.0.0.1_{faultd.port}")
    os.symlink(outside, out / "sub")
    run = spate("-i", write_list(tmp_path / "l", [faultd.data(1, 20, "x")]),
                "-d", out, "--layout", "path")
    assert run.code == 1, run
    run = spate("-i", write_list(tmp_path / "m", [
        faultd.data(2, 20, "x") + "\tsub/x"]), "-d", out)
    assert run.code == 1, run
    assert os.listdir(outside) == []


def test_output_directory_itself_may_be_a_link(spate, faultd, tmp_path):
    (tmp_path / "real").mkdir()
    os.symlink(tmp_path / "real", tmp_path / "link")
    run = spate("-d", tmp_path / "link", faultd.data(1, 20, "x"))
    assert run.code == 0, run
    assert (tmp_path / "real" / "x").read_bytes() == body(1, 20)


# What a terminal could take for a command or a trick: C0 but newline and tab,
# DEL, C1 as UTF-8, bidirectional controls.
UNSAFE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@pytest.mark.parametrize("progress", ["line", "json", "none"])
def test_escapes_never_reach_the_output(spate, faultd, tmp_path, progress):
    out = tmp_path / "out"
    lines = [faultd.data(1, 20) + "/%1b%5d0;owned%07?status=404",
             faultd.data(2, 20) + "/%c2%9b2J",
             faultd.data(3, 20) + "/x\x1b]0;owned\x07y",
             faultd.data(4, 20) + "/%e2%80%aegpj.exe?status=404",
             "\x1b[2Jnot-a-url",
             faultd.data(5, 20, "n") + "\tna\x1b[31mme",
             faultd.data(6, 20, "r", redirect="http://127.0.0.1:1/%1b%5d0;owned%07")]
    run = spate("-i", write_list(tmp_path / "l", lines), "-d", out, "-t", "1", "-v",
                "--progress", progress)
    assert run.code == 1, run
    for text in (run.out.decode(), run.err.decode()):
        assert not UNSAFE.search(text.replace("\r", "")), run
    for args in (["status", out], ["status", out, "--json"]):
        shown = spate(*args)
        assert not UNSAFE.search(shown.out.decode() + shown.err.decode()), shown
    names_are_clean(out)
