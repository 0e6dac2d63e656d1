# SPDX-License-Identifier: MIT
"""The command line and the configuration, without transfers worth a name."""
import hashlib
import json
import os
import re
import subprocess

import pytest

from harness import SPATE, TOP, assert_files, body, write_list

OPTIONS = """input-file input-format dir out layout concurrency per-host rate
per-host-rate limit-rate tries retry-wait retry-max-wait
adaptive deadline throttle-status throttle-words
connect-timeout stall-timeout max-time header user netrc oauth2-bearer aws-sigv4 proxy
noproxy cacert insecure user-agent cookie http1.1 http2 interface resolve
durability overwrite skip-existing auto-rename tui no-tui progress
progress-interval color config no-config profile log strict""".split()


def test_help_names_every_option(spate):
    run = spate("--help")
    assert run.code == 0 and run.err == b"", run
    missing = [o for o in OPTIONS if f"--{o}" not in run.out.decode()]
    assert not missing
    for command in ("resume", "status", "failed", "set", "ctl"):
        assert command in run.out.decode()
    assert max(map(len, run.out.decode().splitlines())) <= 80


def test_version_names_the_libraries(spate):
    run = spate("--version")
    assert run.code == 0, run
    for name in ("spate", "libcurl", "libuv", "ncurses", "sqlite"):
        assert re.search(rf"{name}\W+\d+\.\d+", run.out.decode(), re.I), name


@pytest.mark.parametrize("args,named", [
    (["--no-such-option"], ["--no-such-option"]),
    (["--concurrency", "many"], ["concurrency", "many"]),
    (["-j", "0"], ["concurrency", "0"]),
    (["-j", "-3"], ["concurrency", "-3"]),
    (["-j", "99999999"], ["concurrency", "99999999", "10000"]),
    (["-j", "1.5"], ["concurrency", "1.5"]),
    (["--rate", "10/fortnight"], ["rate", "10/fortnight", "/s"]),
    (["--rate", "nan"], ["rate", "nan"]),
    (["--limit-rate", "5X"], ["limit-rate", "5X"]),
    (["--limit-rate", "99999999999999999999999G"], ["limit-rate"]),
    (["--layout", "round"], ["layout", "round", "flat"]),
    (["--progress", "dots"], ["progress", "dots", "json"]),
    (["--durability", "maybe"], ["durability", "maybe", "batch"]),
    (["-t", "0"], ["tries", "0"]),
    (["--output", "jsonl", "--exec", "true {}"], ["exec", "--output jsonl"]),
    (["--connect-timeout", "soon"], ["connect-timeout", "soon"]),
    (["-H", "no colon"], ["header", "Name: value"]),  # it may hold a secret
    (["-H", "X: a\r\nY: b"], ["header"]),
    (["--color", "blue"], ["color", "blue", "never"]),
    (["-j"], ["concurrency"]),
])
def test_bad_options_name_option_value_and_remedy(spate, faultd, out, args, named):
    run = spate(faultd.data(1, 10, "f"), "-d", out, *args)
    assert run.code == 2, run
    for word in named:
        assert word in run.err.decode(), (word, run)
    assert b"\x1b" not in run.err and run.out == b""
    assert faultd.journal() == []
    assert not out.exists()


def test_bad_url_on_the_command_line(spate, out):
    run = spate("-d", out, "not a url")
    assert run.code == 2, run
    assert "not a url" in run.err.decode()


def test_options_after_urls_and_double_dash(spate, faultd, out):
    run = spate(faultd.data(1, 10, "a"), "-d", out, "--", faultd.data(2, 10, "b"))
    assert run.code == 0, run
    assert_files(out, {"a": body(1, 10), "b": body(2, 10)})


def test_standard_output_that_is_closed_is_no_crash(spate, faultd, out):
    import subprocess
    from harness import SPATE
    done = subprocess.run(f'exec "{SPATE}" --help >&-', shell=True,
                          stderr=subprocess.PIPE, env=spate.env)
    assert done.returncode >= 0, done


# ---- configuration -------------------------------------------------------


def write_ini(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.mark.parametrize("text,named", [
    ("[default]\nconcurrencyy = 4\n", ["concurrencyy"]),
    ("[default]\nconcurrency = lots\n", ["concurrency", "lots"]),
    ("[default]\nconcurrency = 0\n", ["concurrency", "0"]),
    ("[defaults]\nconcurrency = 4\n", ["defaults"]),
    ("[default]\nrate = 5/x\n", ["rate", "5/x"]),
    ("[ui]\ncolour = x\n", ["colour"]),
    ("concurrency 4\n[default\n", []),
    ("[host h.example]\ntries = x\n", ["tries"]),
])
def test_bad_configuration_names_file_key_and_value(spate, faultd, out, tmp_path,
                                                    text, named):
    ini = write_ini(tmp_path / "my.ini", text)
    run = spate("--config", ini, "-d", out, faultd.data(1, 10, "f"))
    assert run.code == 2, run
    for word in ["my.ini", *named]:
        assert word in run.err.decode(), (word, run)
    assert faultd.journal() == []
    assert not out.exists()


def test_missing_configuration_file(spate, out, faultd):
    run = spate("--config", "/nonexistent/x.ini", "-d", out, faultd.data(1, 1, "f"))
    assert run.code == 2, run
    assert b"/nonexistent/x.ini" in run.err


def dumped(spate, *args):
    run = spate(*args, "--dump-config")
    assert run.code == 0, run
    return dict(re.findall(r"^\s*([\w.-]+)\s*=\s*(.*?)\s*(?:;.*)?$",
                           run.out.decode(), re.M))


def test_precedence(spate, tmp_path):
    from pathlib import Path
    assert dumped(spate)["concurrency"] == "16"
    write_ini(Path(spate.xdg) / "spate" / "spate.ini",
              "[default]\nconcurrency = 20\ntries = 7\nretry-wait = 2\n"
              "[profile gentle]\nconcurrency = 2\n")
    assert dumped(spate)["concurrency"] == "20"
    ini = write_ini(tmp_path / "c.ini", "[default]\nconcurrency = 30\ntries = 8\n")
    shown = dumped(spate, "--config", ini)
    assert (shown["concurrency"], shown["tries"]) == ("30", "8")
    assert shown["retry-wait"] == "2"
    shown = dumped(spate, "--config", ini, "-j", "40")
    assert (shown["concurrency"], shown["tries"]) == ("40", "8")
    assert dumped(spate, "--profile", "gentle")["concurrency"] == "2"
    assert dumped(spate, "--no-config")["concurrency"] == "16"


def test_unknown_profile(spate, out, faultd):
    run = spate("--profile", "nobody", "-d", out, faultd.data(1, 1, "f"))
    assert run.code == 2, run
    assert b"nobody" in run.err


def test_dumped_configuration_can_be_read_again(spate, tmp_path):
    first = spate("--dump-config", "-j", "9", "--rate", "5/m", "--limit-rate", "5M")
    assert first.code == 0, first
    (tmp_path / "d.ini").write_bytes(first.out)
    second = spate("--dump-config", "--config", tmp_path / "d.ini")
    assert second.out == first.out, second


def test_configuration_is_used(spate, faultd, out, tmp_path):
    ini = write_ini(tmp_path / "c.ini",
                    "[default]\nconcurrency = 3\nheader = X-From: ini\n")
    urls = [faultd.data(i, 10, f"f{i}", delay=50) for i in range(30)]
    run = spate("--config", ini, "-i", write_list(tmp_path / "l", urls), "-d", out)
    assert run.code == 0, run
    assert faultd.stats()["max_active"] == 3
    assert {e["x-from"] for e in faultd.journal()} == {"ini"}


# ---- status and failed ---------------------------------------------------


@pytest.mark.parametrize("command", ["status", "failed", "resume"])
def test_no_session_here(spate, tmp_path, command):
    run = spate(command, tmp_path)
    assert run.code in (2, 3), run
    assert "session" in run.err.decode()
    assert not (tmp_path / ".spate").exists()


def test_status_of_a_finished_run(spate, faultd, out, tmp_path):
    urls = [faultd.data(i, 10, f"f{i}") for i in range(7)]
    urls += [faultd.data(9, 10, "x", status=404), faultd.data(9, 10, "y", status=404)]
    run = spate("-i", write_list(tmp_path / "l", urls), "-d", out)
    assert run.code == 1, run
    status = spate("status", out)
    assert status.code == 0, status
    assert re.search(r"\b7\b", status.out.decode()), status
    assert re.search(r"\b2\b", status.out.decode()), status
    status = spate("status", out, "--json")
    assert status.code == 0, status
    shown = json.loads(status.out)
    assert (shown["done"], shown["failed"], shown["pending"]) == (7, 2, 0)
    failed = spate("failed", cwd=out)
    assert failed.code == 0, failed
    lines = [l for l in failed.out.decode().splitlines() if l and l[0] != "#"]
    assert lines == urls[7:]


def test_status_counts_what_is_left(spate, faultd, out, tmp_path):
    urls = [faultd.data(i, 10, f"f{i}", delay=100) for i in range(50)]
    run = spate.start("-i", write_list(tmp_path / "l", urls), "-d", out, "-j", "2")
    from harness import wait_until
    wait_until(lambda: len(faultd.journal()) >= 6)
    run.signal(2)
    assert run.wait(10).code == 4
    shown = json.loads(spate("status", out, "--json").out)
    assert shown["done"] >= 5 and shown["failed"] == 0
    assert shown["done"] + shown["pending"] == 50


@pytest.mark.every
@pytest.mark.parametrize("option", [
    "--proxy=gopher://h", "--proxy=http://u:s3cret@a b", "--proxy=http://",
    "--resolve=h:80:nonsense", "--resolve=h:80:1.2.3", "--resolve=h:80:::1,",
    "--shard-size=0", "--aws-sigv4=a/b"])
def test_values_that_libcurl_would_stumble_over(spate, faultd, out, option):
    """Each task would fail for them; they are said at once, secrets left out."""
    run = spate(option, "-u", "k:s", "-d", out, faultd.data(1, 10, "f"))
    assert run.code == 2, run
    assert option.split("=")[0] + ":" in run.text and "s3cret" not in run.text
    assert not faultd.journal() and not out.exists()


def test_values_that_are_good(spate, faultd, out):
    for n, args in enumerate([
            (), ("--proxy=127.0.0.1:1", "--noproxy=127.0.0.1"),
            ("--proxy=socks5h://u:p@[::1]:1", "--noproxy=*"),
            ("--resolve=h:80:[::1],127.0.0.1",), ("--resolve=+h:80:::1",)]):
        run = spate(*args, "-d", out / str(n), faultd.data(1, 10, "f"))
        assert run.code == 0, run


def test_files_of_options_are_found_from_elsewhere(spate, faultd, out, tmp_path):
    """What was named from where the run was started."""
    digest = hashlib.sha256(body(1, 10)).hexdigest()
    (tmp_path / "SUMS").write_text(f"{digest}  f\n")
    listing = write_list(tmp_path / "l", [faultd.data(1, 10, "f", status=503,
                                                      fail=1)])
    run = spate("-t", "1", "--checksum-file", "SUMS", "-d", out, "-i", listing,
                cwd=tmp_path)
    assert run.code == 1, run
    run = spate("resume", out, cwd="/")
    assert run.code == 0, run
    assert_files(out, {"f": body(1, 10)})


def test_output_directory_that_is_a_file(spate, faultd, tmp_path):
    (tmp_path / "f").write_text("")
    run = spate("-d", tmp_path / "f", faultd.data(1, 10, "a"))
    assert run.code == 3 and "f: Not a directory" in run.text, run


@pytest.mark.slow
def test_progress_comes_once_a_second(spate, faultd, out):
    """Not sooner, so that a program may count the lines."""
    run = spate("--progress=json", "-d", out, faultd.data(1, "5M", "f", rate=1 << 20))
    at = [event["t"] for event in run.event("progress")][1:]  # and one at once
    assert len(at) >= 4 and (at[-1] - at[0]) / (len(at) - 1) >= 0.95, at


def test_every_event_is_in_the_manual(spate, faultd, out, tmp_path):
    listing = write_list(tmp_path / "l", [
        "no url", faultd.data(1, 10, "a"), "  odd=1", faultd.data(2, 9, "b", status=404)])
    run = spate("--progress=json", "-v", "-d", out, "-i", listing,
                "--input-format=aria2")
    assert run.code == 1, run
    kinds = {event["event"] for event in run.events} | {"progress"}
    assert kinds == {"start", "progress", "done", "failed", "warning", "summary"}
    with open(os.path.join(TOP, "man/spate.1"), encoding="utf-8") as page:
        text = page.read().split(".SH PROGRESS FOR PROGRAMS")[1].split(".SH ")[0]
    for kind in kinds:
        assert f".B {kind}\n" in text, kind


@pytest.mark.parametrize("command", [
    ["--help"], ["--version"], ["--dump-config"], ["status", "."], ["failed", "."],
    ["status", ".", "--json"], ["ctl", "--help"]])
def test_output_that_cannot_be_written(spate, faultd, out, command):
    """A full disk behind a > is said, and does not look like success."""
    spate("-t", "1", "-d", out, faultd.data(1, 10, "f", status=404))
    with open("/dev/full", "w") as full:
        run = subprocess.run([SPATE, *command], cwd=out, env=spate.env, stdout=full,
                             stderr=subprocess.PIPE, timeout=60)
    assert run.returncode == 3
    assert run.stderr == b"spate: standard output cannot be written to\n"


@pytest.mark.parametrize("words,says", [
    (("-L", "http://h/"), "unknown option -L: redirects are followed without it"),
    (("-fsSL", "http://h/"), "unknown option -f: an error of the server"),
    (("-o", "-", "http://h/"), "a file of that name is ./-"),
    (("help",), "did you mean 'spate --help'?")])
def test_what_fingers_know_from_elsewhere_is_answered(spate, words, says):
    run = spate("--no-tui", *words)
    assert run.code == 2 and says in run.text, run
