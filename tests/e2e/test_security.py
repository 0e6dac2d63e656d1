# SPDX-License-Identifier: MIT
"""What docs/threat-model.md promises and no other test shows: races in the
output directory, escapes and secrets in all that is written, permissions, input
that is a bomb. And that each test named there exists."""
import base64
import gzip
import json
import os
import re
import resource
import socket
import sqlite3
import stat
import subprocess

import pytest

import harness
from harness import TOP, assert_files, body, files_of, wait_until, write_list

BIG = 8 << 20


def test_every_line_of_the_threat_model_has_its_test():
    with open(os.path.join(TOP, "docs/threat-model.md"), encoding="utf-8") as file:
        rows = [line for line in file if line.startswith("| ") and "`" in line]
    known = ""
    for folder in ("tests/e2e", "tests/unit"):
        for name in sorted(os.listdir(os.path.join(TOP, folder))):
            if name.startswith("test_"):
                with open(os.path.join(TOP, folder, name), encoding="utf-8") as file:
                    known += file.read()
    defined = set(re.findall(r"^(?:def|static void) (\w+)\(", known, flags=re.M))
    assert len(rows) > 30
    for row in rows:
        guards = re.findall(r"`(\w+)`", row.split("|")[3])
        assert guards and set(guards) <= defined, (row, set(guards) - defined)


# ---- the output directory --------------------------------------------------------


def test_part_that_becomes_a_link_meanwhile(spate, faultd, out, tmp_path):
    """The file being written stays the one that was opened; what is renamed at
    the end may be the link, but nothing goes through it."""
    victim = tmp_path / "victim"
    victim.write_bytes(b"victim")
    run = spate.start("--no-tui", "-t", "2", "--retry-wait", "0", "-d", out,
                      faultd.data(1, BIG, "f", rate=2_000_000))
    part = out / "f.part"
    wait_until(part.exists, timeout=40, what="the .part")
    part.unlink()
    part.symlink_to(victim)
    run.wait()
    assert victim.read_bytes() == b"victim"


@pytest.mark.parametrize("size", [2000, BIG])
def test_directory_that_becomes_a_link_meanwhile(spate, faultd, out, tmp_path, size):
    """`d` is a directory when the run begins and a link outside when the second
    file is to be put into it."""
    outside = tmp_path / "outside"
    outside.mkdir()
    lines = write_list(tmp_path / "list", [
        faultd.data(1, 10, "a") + "\td/a",
        faultd.data(2, size, "b", delay=1500) + "\td/b"])
    run = spate.start("--no-tui", "-t", "1", "-d", out, "-i", lines)
    wait_until((out / "d" / "a").exists, timeout=40, what="the first file")
    os.rename(out / "d", out / "was")
    os.symlink(outside, out / "d")
    ended = run.wait()
    assert os.listdir(outside) == []
    assert ended.code != 0 or (out / "was" / "b").exists(), ended


@pytest.mark.parametrize("size", [20, BIG])
@pytest.mark.parametrize("flag", [(), ("--overwrite",)])
def test_odd_things_under_the_name(spate, faultd, out, flag, size):
    out.mkdir()
    os.mkfifo(out / "pipe")
    os.mkfifo(out / "other.part")
    (out / "folder").mkdir()
    path = socket.socket(socket.AF_UNIX)
    here = os.open(out, os.O_PATH)
    path.bind(f"/proc/self/fd/{here}/sock")
    os.close(here)
    run = spate("--no-tui", "-t", "1", *flag, "-d", out, *(
        faultd.data(i, size, name)
        for i, name in enumerate(("pipe", "other", "folder", "sock", "good"))))
    path.close()
    assert run.code == 1, run
    assert (out / "good").read_bytes() == body(4, size)
    assert (out / "folder").is_dir()
    for name in ("pipe", "sock"):  # replaced where that was asked for, else left
        mode = os.lstat(out / name).st_mode
        assert stat.S_ISREG(mode) == bool(flag) or not stat.S_ISREG(mode)


# ---- text ------------------------------------------------------------------------

UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
ESCAPED = "%1b%5d0;owned%07%c2%9b2J%e2%80%ae%0d%0ax"


def test_escapes_in_everything_that_is_written(spate, faultd, out, tmp_path):
    lines = [faultd.data(1, 20) + f"/{ESCAPED}?status=404",
             faultd.data(2, 20) + f"/{ESCAPED}",
             faultd.data(3, 20, "n") + "\tna\x1b[31mme\x1b]0;owned\x07",
             "http://\x1b[2J/", "{\x1b]0;owned\x07",
             faultd.data(4, 20, "r", redirect="http://127.0.0.1:1/" + ESCAPED),
             faultd.data(5, 20, "q", redirect="nonsense://" + ESCAPED)]
    run = spate("-i", write_list(tmp_path / "l", lines), "-d", out, "-t", "2",
                "--retry-wait", "0", "-v", "--no-tui", "--results",
                tmp_path / "results", "--write-checksums", tmp_path / "sums")
    assert run.code == 1, run
    written = {
        "out": run.out, "err": run.err,
        "log": (out / ".spate" / "log").read_bytes(),
        "results": (tmp_path / "results").read_bytes(),
        "status": spate("status", out).out,
        "json": spate("status", out, "--json").out,
        "failed": spate("failed", out).out,
        "list": spate("--dump-config").out}
    for where, data in written.items():
        found = UNSAFE.search(data.decode("utf-8", "surrogateescape"))
        assert not found, (where, data[max(0, found.start() - 60):found.end() + 20])


# ---- secrets ---------------------------------------------------------------------

SECRET = "V3ryS3cr3t"
SECRET_OPTIONS = ("-u", f"user:{SECRET}", "-H", f"X-Api-Key: {SECRET}",
                  "-b", f"session={SECRET}", f"--oauth2-bearer={SECRET}")


def test_process_list_has_no_secrets(spate, faultd, out):
    url = faultd.data(1, 500_000, "f", rate=20_000) + f"#token={SECRET}"
    url = url.replace("http://", f"http://user:{SECRET}@")
    run = spate.start("--no-tui", *SECRET_OPTIONS, "-d", out, url)
    wait_until((out / ".spate" / "ctl").exists, timeout=40, what="the run")
    with open(f"/proc/{run.pid}/cmdline", "rb") as words:
        assert SECRET.encode() not in words.read()
    run.kill()


def test_secrets_are_written_nowhere(spate, faultd, out, tmp_path):
    """But in what the session needs to go on: its options and its lines."""
    urls = [faultd.data(1, 20, "a") + f"#token={SECRET}",
            faultd.data(2, 20, "b", status=404) + f"#signature={SECRET}",
            faultd.data(3, 20, "c").replace("//", f"//user:{SECRET}@"),
            faultd.data(4, 20, "d", status=500).replace("//", f"//u:{SECRET}@"),
            f"http://u:{SECRET}@127.0.0.1:1/refused?token={SECRET}"]
    lines = write_list(tmp_path / "l", urls)
    shown = b""
    for form in ("line", "json"):
        run = spate("-i", lines, "-d", out / form, "-t", "2", "--retry-wait", "0",
                    "-v", "--progress", form, "--results", out / f"{form}.results",
                    *SECRET_OPTIONS)
        assert run.code == 1, run
        shown += run.out + run.err + (out / f"{form}.results").read_bytes()
        shown += (out / form / ".spate" / "log").read_bytes()
        for words in (("status",), ("status", "--json")):
            shown += spate(words[0], out / form, *words[1:]).out
        shown += spate("resume", out / form, "--no-tui", "-v").out
        with sqlite3.connect(out / form / ".spate" / "session.db") as db:
            tables = [row[0] for row in db.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table'")]
            for table in set(tables) - {"options", "meta"}:
                for row in db.execute(f"SELECT * FROM {table}"):
                    shown += repr(row).encode()
    assert b"refused" in shown and SECRET.encode() not in shown


def test_secrets_of_redirects_are_hidden(spate, faultd, out):
    target = f"http://user:{SECRET}@127.0.0.1:1/x?token={SECRET}"
    run = spate("--no-tui", "-v", "-t", "1", "-d", out,
                faultd.data(1, 10, "f", redirect=target))
    assert run.code == 1, run
    shown = run.out + run.err + (out / ".spate" / "log").read_bytes()
    assert SECRET.encode() not in shown


def test_session_is_closed_to_others(spate, faultd, out, tmp_path):
    (out / ".spate").mkdir(parents=True)
    os.chmod(out / ".spate", 0o777)
    lines = write_list(tmp_path / "l", [
        faultd.data(1, 10, "a"), faultd.data(2, BIG, "b", rate=1_000_000)])
    before = os.umask(0)
    try:
        run = spate.start("--no-tui", "-d", out, "-i", lines, "--output", "files")
    finally:
        os.umask(before)
    wait_until((out / ".spate" / "ctl").exists, timeout=40, what="the run")
    wait_until((out / "b.part").exists, timeout=40, what="the large file")
    open_to_others = {}
    for at, _, names in os.walk(out / ".spate"):
        for path in [at, *(os.path.join(at, name) for name in names)]:
            mode = os.lstat(path).st_mode
            if mode & 0o077:
                open_to_others[os.path.relpath(path, out)] = oct(mode)
    run.kill()
    # Behind a directory that is closed others get at none of its files.
    assert ".spate" not in open_to_others
    assert not open_to_others, open_to_others


# ---- bombs -----------------------------------------------------------------------


def small_memory():
    resource.setrlimit(resource.RLIMIT_DATA, (512 << 20, 512 << 20))


def run_small(spate, *words, timeout=100):
    """With 512 MB for all its data (sanitizers need more)."""
    limited = None if harness.INSTRUMENTED else small_memory
    return subprocess.run([harness.SPATE, *map(str, words)], env=spate.env,
                          cwd=spate.cwd, capture_output=True,
                          preexec_fn=limited, timeout=timeout,
                          stdin=subprocess.DEVNULL)


def test_packed_list_that_is_a_bomb(spate, faultd, out, tmp_path):
    """256 MB of nothing in 250 KB: that is no list, and is not unpacked."""
    with gzip.open(tmp_path / "list.gz", "wb", compresslevel=9) as packed:
        zeros = b"\0" * (1 << 20)
        for _ in range(256):
            packed.write(zeros)
        packed.write(b"\n" + faultd.data(1, 10, "good").encode() + b"\n")
    run = run_small(spate, "--no-tui", "-d", out, "-i", tmp_path / "list.gz")
    assert run.returncode == 1 and b"no list" in run.stderr, run
    assert sum(os.path.getsize(os.path.join(at, name))
               for at, _, names in os.walk(out) for name in names) < 64 << 20, (
        "what was unpacked is not kept")


def test_line_without_end_in_a_list(spate, faultd, out, tmp_path):
    with open(tmp_path / "list", "wb") as lines:
        for _ in range(64):
            lines.write(b"http://127.0.0.1/" + b"x" * (1 << 20))
        lines.write(b"\n" + faultd.data(1, 10, "good").encode() + b"\n")
    run = run_small(spate, "--no-tui", "-d", out, "-i", tmp_path / "list")
    assert run.returncode == 1 and b"64 KB" in run.stderr, run
    assert_files(out, {"good": body(1, 10)})


BOMBS = {
    "deep": ("jsonl", b'{"url": "http://h/", "headers": ' + b"[" * 60_000 + b"\n"),
    "objects": ("jsonl", b'{"a":' * 9000 + b"1" + b"}" * 9000 + b"\n"),
    "columns": ("csv", b"url" + b",x" * 30_000 + b"\n"),
    "quotes": ("csv", b"url,out\n" + b'"' * 200_000 + b"\n"),
    "rubbish": ("text", bytes(range(1, 256)) * 4000 + b"\n"),
    "blanks": ("aria2", b"http://127.0.0.1:1/x\n" + b" a=b\n" * 20_000),
    "tabs": ("aria2", b"\t".join([b"http://127.0.0.1:1/x"] * 3000) + b"\n"),
    "numbers": ("jsonl", b'{"url": "http://h/", "size": 1' + b"0" * 60_000 + b"}\n"),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_lists_that_are_bombs(spate, faultd, out, tmp_path, bomb):
    form, data = BOMBS[bomb]
    good = faultd.data(1, 10, "good").encode()
    if form == "jsonl":
        good = json.dumps({"url": good.decode()}).encode()
    (tmp_path / "list").write_bytes(data + good + b"\n")
    run = run_small(spate, "--no-tui", "-t", "1", "-d", out, "--input-format", form,
                    "-i", tmp_path / "list")
    assert run.returncode in (1, 2), run
    if form not in ("csv", "aria2"):  # there the good line is part of the rubbish
        assert_files(out, {"good": body(1, 10)})
    else:
        assert set(files_of(out)) <= {"good"}


CONFIGURATIONS = {
    "long": b"[default]\nuser-agent = " + b"x" * 2_000_000 + b"\n",
    "keys": b"[default]\n" + b"".join(b"k%d = 1\n" % i for i in range(100_000)),
    "sections": b"".join(b"[host h%d]\nper-host = 1\n" % i for i in range(100_000)),
    "nul": b"[default]\nconcurrency = 1\0\n",
    "rubbish": bytes(range(256)) * 300,
    "brackets": b"[" * 100_000,
    "backslashes": b"[default]\nuser-agent = a" + b"\\\n" * 50_000,
}


@pytest.mark.parametrize("kind", [*CONFIGURATIONS, "device", "folder"])
def test_configurations_that_are_bombs(spate, faultd, out, tmp_path, kind):
    path = tmp_path / "spate.ini"
    if kind == "device":
        path = "/dev/zero"
    elif kind == "folder":
        path.mkdir()
    else:
        path.write_bytes(CONFIGURATIONS[kind])
    run = run_small(spate, "--no-tui", "--config", path, "-d", out,
                    faultd.data(1, 10, "f"))
    assert run.returncode == 2 and run.stderr, run
    assert len(run.stderr) < 4000 and not out.exists()
    assert faultd.journal() == []


def test_credentials_of_a_host_go_to_that_host(spate, faultd, out, tmp_path):
    """[host] of the INI file: in place of those for all, for no other host, not
    after a redirect, and shown nowhere."""
    ini = tmp_path / "spate.ini"
    ini.write_text(f"""
[host 127.0.0.1]
user   = me:{SECRET}
header = X-Who: host
[host b.test]
oauth2-bearer = {SECRET}2
""")
    names = ("a.test", "b.test")
    urls = [faultd.data(1, 10, "own")]
    urls += [faultd.data(i, 10, name, host=name) for i, name in enumerate(names)]
    urls.append(faultd.data(5, 10, "leads",
                            redirect=faultd.data(6, 10, "away", host="a.test")))
    run = spate("--config", ini, "-v", "-u", "you:else", "-H", "X-Who: all", "-d",
                out, "-i", write_list(tmp_path / "l", urls), *(
                    f"--resolve={n}:{faultd.port}:127.0.0.1" for n in names))
    assert run.code == 0, run
    got = {e["target"].split("?")[0].rsplit("/", 1)[1]: e for e in faultd.journal()}
    basic = "Basic " + base64.b64encode(f"me:{SECRET}".encode()).decode()
    assert (got["own"]["authorization"], got["own"]["x-who"]) == (basic, "host")
    assert got["leads"]["authorization"] == basic
    assert got["a.test"]["authorization"].startswith("Basic eW91")
    assert got["a.test"]["x-who"] == "all"
    assert got["b.test"]["authorization"] == f"Bearer {SECRET}2"
    assert not {"authorization", "x-who"} & got["away"].keys()
    dump = spate("--config", ini, "--dump-config")
    written = b"".join(p.read_bytes() for p in (out / ".spate").iterdir()
                       if p.is_file())
    assert SECRET not in run.text + dump.text
    assert SECRET.encode() not in written and basic[6:].encode() not in written


def test_cookies_of_a_file_go_where_they_belong(spate, faultd, out, tmp_path):
    """Each to its hosts and paths, after a redirect too; their values nowhere
    else, and a resume from elsewhere finds the file."""
    (tmp_path / "jar").write_text(
        "# Netscape HTTP Cookie File\n"
        f"127.0.0.1\tFALSE\t/data/1\tFALSE\t0\tsid\t{SECRET}\n"
        f"#HttpOnly_.b.test\tTRUE\t/\tFALSE\t0\tother\t{SECRET}2\n"
        f"127.0.0.1\tFALSE\t/\tTRUE\t0\tsecure\t{SECRET}3\n")
    away = faultd.data(4, 10, "away", host="x.b.test")
    urls = [faultd.data(1, 10, "own"), faultd.data(2, 10, "elsewhere"),
            faultd.data(1, 11, "leads", redirect=away),
            faultd.data(1, 12, "later", status=500, fail=1)]
    run = spate("-v", "-t", "1", "-b", "jar", "-d", out, "-i",
                write_list(tmp_path / "l", urls), "--resolve",
                f"x.b.test:{faultd.port}:127.0.0.1", cwd=tmp_path)
    assert run.code == 1, run
    assert spate("resume", out, cwd="/").code == 0
    got = {e["target"].split("?")[0].rsplit("/", 1)[1]: e.get("cookie")
           for e in faultd.journal()}
    own = f"sid={SECRET}"
    assert got == {"own": own, "elsewhere": None, "leads": own, "later": own,
                   "away": f"other={SECRET}2"}
    written = b"".join(p.read_bytes() for p in (out / ".spate").iterdir()
                       if p.is_file())
    assert SECRET not in run.text and SECRET.encode() not in written


@pytest.mark.parametrize("jar, why", [
    (None, "No such file"), ("\nno cookie\n", "jar:2: no cookie")])
def test_a_file_of_cookies_must_be_one(spate, faultd, out, tmp_path, jar, why):
    if jar:
        (tmp_path / "jar").write_text(jar)
    run = spate("-b", tmp_path / "jar", "-d", out, faultd.data(1, 10, "f"))
    assert run.code == 2 and why in run.text, run
    assert not faultd.journal()
