# SPDX-License-Identifier: MIT
"""Programs on finished files: --exec."""
import os
import signal
import time

import pytest

from harness import (
    PATIENCE, VALGRIND, assert_files, body, files_of, wait_until, write_list)

FAST = ("--retry-wait", "0.05", "--retry-max-wait", "0.2", "--progress=json", "-v")


def lines_of(path):
    return path.read_text().splitlines() if path.exists() else []


def urls(faultd, tmp_path, count, size=1000, **options):
    return write_list(tmp_path / "list", [faultd.data(i, size, f"f{i}", **options)
                                          for i in range(count)])


def script(tmp_path, text):
    path = tmp_path / "program"
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)
    return str(path)


def test_program_sees_each_file_whole(spate, faultd, out, tmp_path):
    seen = tmp_path / "seen"
    seen.mkdir()
    run = spate(*FAST, "-d", out, "-i", urls(faultd, tmp_path, 50, 300_000),
                "--exec", f"cp {{}} {seen}/")
    assert run.code == 0, run
    assert_files(seen, {f"f{i}": body(i, 300_000) for i in range(50)})


def test_path_is_the_last_word_without_braces(spate, faultd, out, tmp_path):
    program = script(tmp_path, f'echo "$@" >>{tmp_path}/log\n')
    run = spate(*FAST, "-d", out, faultd.data(1, 10, "f"), "--exec",
                f"{program} 'a  b'")
    assert run.code == 0, run
    assert lines_of(tmp_path / "log") == [f"a  b {out}/f"]


def test_shell_and_names_that_want_to_be_commands(spate, faultd, out, tmp_path):
    name = "$(touch no) `touch no`; touch no; 'x"
    listing = write_list(tmp_path / "list", [faultd.data(1, 10) + "\t" + name])
    log = tmp_path / "log"
    run = spate(*FAST, "-d", out, "-i", listing, "--exec-shell", "--exec",
                f"wc -c <{{}} >>{log} && basename '{{}}' >>{log}")
    assert run.code == 0, run
    (only,) = [n for n in files_of(out)]
    assert lines_of(log) == ["10", only]
    assert not os.path.exists("no")


@pytest.mark.parametrize("program,words", [
    ("echo went wrong >&2; exit 7", "status 7: went wrong"),
    ("kill -TERM $$", "signal 15")])
def test_failing_program_fails_the_task(spate, faultd, out, tmp_path, program,
                                        words):
    run = spate(*FAST, "-d", out, faultd.data(1, 10, "f"), "--exec",
                script(tmp_path, program + "\n"))
    assert run.code == 1, run
    failed, = run.event("failed")
    assert words in failed["reason"]
    assert_files(out, {"f": body(1, 10)})  # it stays: the transfer was good
    assert len(faultd.journal()) == 1
    log = (out / ".spate" / "log").read_text()
    assert words.partition(": ")[2] in log


@pytest.mark.skipif(VALGRIND, reason="it loses the error of posix_spawn()")
def test_program_that_is_not_there(spate, faultd, out):
    run = spate(*FAST, "-d", out, faultd.data(1, 10, "f"), "--exec", "/no/such")
    assert run.code == 1, run
    assert "could not be started" in run.event("failed")[0]["reason"]


def test_hanging_program_is_ended_with_its_children(spate, faultd, out, tmp_path):
    mark = tmp_path / "mark"
    program = script(tmp_path, f"(sleep {PATIENCE}; touch {mark}) & sleep 9999\n")
    run = spate(*FAST, "-d", out, faultd.data(1, 10, "f"), "--exec", program,
                "--exec-timeout", "0.3")
    assert run.code == 1, run
    assert "longer than 0.3 s" in run.event("failed")[0]["reason"]
    time.sleep(PATIENCE + 0.2)
    assert not mark.exists()


@pytest.mark.slow
def test_slow_program_does_not_hold_transfers_up(spate, faultd, out, tmp_path):
    """200 files are all there long before the programs are through."""
    listing = urls(faultd, tmp_path, 200)
    process = spate.start("-d", out, "-i", listing, "--exec", script(tmp_path, "sleep 0.2\n"),
                          "--exec-jobs", "4", "--progress=json",
                          "--progress-interval", "0.2")
    wait_until(lambda: len([n for n in files_of(out) if n.startswith("f")]) == 200,
               what="all files")
    run = process.wait(60)
    assert run.code == 0, run
    assert run.seconds > 9.5  # 200 times 0.2 s, four at once
    busy = [e["exec"] for e in run.event("progress")]
    assert max(e["used"] for e in busy) == 4
    assert max(e["waiting"] for e in busy) > 100


def test_stop_ends_programs_and_resume_runs_them_again(spate, faultd, out,
                                                       tmp_path):
    log, go = tmp_path / "log", tmp_path / "go"
    program = script(tmp_path, f'[ -e {go} ] || sleep 9999\n'
                               f'echo "$1" >>{log}\n')
    process = spate.start("-d", out, "-i", urls(faultd, tmp_path, 20), "--exec",
                          program, *FAST)
    wait_until(lambda: len([n for n in files_of(out) if n.startswith("f")]) == 20,
               what="all files")
    process.signal(signal.SIGTERM)
    run = process.wait(20)
    assert run.code == 4, run
    assert lines_of(log) == []
    go.touch()
    run = spate("resume", out, *FAST)
    assert run.code == 0, run
    assert sorted(lines_of(log)) == sorted(f"{out}/f{i}" for i in range(20))
    assert len(faultd.journal()) == 20  # nothing was fetched twice


@pytest.mark.parametrize("args", [("--exec", "'a"), ("--exec", " "),
                                  ("--exec-timeout", "-1")])
def test_bad_exec_options(spate, out, args):
    run = spate("-d", out, "http://127.0.0.1:1/a", *args)
    assert run.code == 2, run
