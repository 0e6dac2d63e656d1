# SPDX-License-Identifier: MIT
"""The terminal interface on a pseudo terminal, its screens read by pyte."""
import os
import re
import signal
import time

import pytest

from harness import assert_files, body, files_of, wait_until, write_list

RMCUP = b"\x1b[?1049l"


def listing(faultd, tmp_path, count=60, size="200k", **options):
    options = {"rate": 150_000} | options
    urls = [faultd.data(i, size, f"file-{i:03d}.bin", **options)
            for i in range(count)]
    return write_list(tmp_path / "list", urls)


def net(text):
    """(used, limit) of the net semaphore, wherever the screen has it."""
    found = re.search(r"\bnet\b[^\n]*?(\d+)/(\d+)", text)
    return found and tuple(map(int, found.groups()))


@pytest.fixture(params=[(30, 100), (24, 80)], ids=["100x30", "80x24"])
def screen(request, terminal, faultd, out, tmp_path):
    rows, columns = request.param
    tui = terminal("-i", listing(faultd, tmp_path), "-d", out, "-j", "8",
                   rows=rows, columns=columns)
    tui.wait_for("file-000.bin")
    return tui


def stop(tui):
    """q, and y where it asks."""
    tui.send("q")
    end = time.monotonic() + 3
    while tui.process.poll() is None and time.monotonic() < end:
        tui.pump()
        if re.search(r"\by\b", tui.text):
            break
    if tui.process.poll() is None:
        tui.send("y")
    return tui.wait_exit(15)


def test_tasks_and_progress_are_shown(screen, faultd):
    screen.wait_for(lambda t: net(t) == (8, 8))
    percent = screen.wait_for(lambda t: re.search(r"file-\d+\.bin.*\s(\d+)%", t))
    assert percent
    screen.wait_for(lambda t: re.search(r"[1-9]\d* done", t), 20)
    assert faultd.stats()["max_active"] == 8
    assert stop(screen) == 4


def test_plus_and_minus_change_the_net_limit(screen, faultd):
    screen.wait_for(lambda t: net(t) == (8, 8))
    screen.send("++")
    screen.wait_for(lambda t: net(t) == (10, 10))
    wait_until(lambda: faultd.stats()["active"] == 10)
    screen.send("---")
    screen.wait_for(lambda t: net(t) == (7, 7), 20)
    assert stop(screen) == 4


def test_adaptive_is_typed_completed_and_shown(screen):
    screen.wait_for(lambda t: net(t) == (8, 8))
    screen.send(":set adaptive fast\r")
    screen.wait_for("give on or off")
    screen.send(":set ad\ton\r")
    screen.wait_for(lambda t: re.search(r"adaptive on$|adaptive off -> on", t, re.M))
    screen.send("L")
    screen.wait_for(lambda t: re.search(r"^ *adaptive +on ", t, re.M))
    screen.send("G-")
    screen.wait_for(lambda t: re.search(r"adaptive +off ", t))
    screen.send("q")
    assert stop(screen) == 4


def test_pause_all_and_resume(screen, faultd):
    screen.wait_for(lambda t: net(t) == (8, 8))
    screen.send("P")
    screen.wait_for(lambda t: "pause" in t.lower())
    time.sleep(0.5)
    before = faultd.stats()["requests"]
    screen.settle(1)
    assert faultd.stats()["requests"] == before
    screen.send("P")
    wait_until(lambda: screen.settle(0.1) or
               faultd.stats()["requests"] > before + 4, 10)
    assert stop(screen) == 4


def test_pause_of_one_task(screen):
    screen.wait_for(lambda t: net(t) == (8, 8))
    screen.send("p")
    screen.wait_for(lambda t: re.search(r"^.{0,2}P +file-|paused", t, re.M))
    assert stop(screen) == 4


def test_help_and_back(screen):
    screen.send("?")
    screen.wait_for(lambda t: "pause" in t.lower() and "file-000.bin" not in t or
                    "help" in t.lower())
    screen.send("\x1b")
    screen.wait_for("file-0")
    assert stop(screen) == 4


@pytest.mark.parametrize("key", ["2", "3", "4"])
def test_other_screens(screen, key):
    screen.send(key)
    screen.settle(0.5)
    if key == "2":
        screen.wait_for("127.0.0.1")
    if key == "3":
        screen.wait_for("net")
    screen.send("1")
    screen.wait_for("file-0")
    assert stop(screen) == 4


def test_quit_then_run_again_finishes(terminal, spate, faultd, out, tmp_path):
    path = listing(faultd, tmp_path, 20, rate=100_000)
    tui = terminal("-i", path, "-d", out, "-j", "4")
    tui.wait_for("file-000.bin")
    assert stop(tui) == 4
    assert RMCUP in tui.raw
    assert tui.modes_restored()
    run = spate("-i", path, "-d", out, "--no-tui")
    assert run.code == 0, run
    assert_files(out, {f"file-{i:03d}.bin": body(i, 204800) for i in range(20)})


def test_run_that_finishes_gives_the_terminal_back(terminal, faultd, out, tmp_path):
    tui = terminal("-i", listing(faultd, tmp_path, 8, rate=100_000), "-d", out)
    tui.wait_for("file-00")
    end = time.monotonic() + 20
    while tui.process.poll() is None and time.monotonic() < end:
        tui.pump()
        if len(files_of(out)) == 8 and not list(out.glob("*.part")):
            tui.settle(1.5)
            if tui.process.poll() is None:
                tui.send("q")  # where it stays to be looked at
    assert tui.wait_exit() == 0
    assert RMCUP in tui.raw and tui.modes_restored()
    assert_files(out, {f"file-{i:03d}.bin": body(i, 204800) for i in range(8)})


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signals_give_the_terminal_back(screen, number):
    screen.wait_for(lambda t: net(t) == (8, 8))
    screen.process.send_signal(number)
    assert screen.wait_exit(15) == 4
    assert RMCUP in screen.raw and screen.modes_restored()


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT])
def test_crash_gives_the_terminal_back(screen, number):
    screen.wait_for(lambda t: net(t) == (8, 8))
    screen.process.send_signal(number)
    code = screen.wait_exit(15)
    assert code != 0
    assert RMCUP in screen.raw and screen.modes_restored()


def test_any_size_works(screen):
    for rows, columns in ((50, 200), (10, 40), (3, 20), (1, 1), (24, 80)):
        screen.resize(rows, columns)
        screen.settle(0.4)
        assert screen.process.poll() is None
    screen.wait_for("file-0")
    screen.wait_for(lambda t: net(t) == (8, 8))
    assert stop(screen) == 4


def test_names_cannot_drive_the_terminal(terminal, faultd, out, tmp_path):
    urls = [faultd.data(1, "200k", "%1b%5d0;owned%07%1b%5b2Jx", rate=50_000),
            faultd.data(2, "200k", "plain.bin", rate=50_000)]
    tui = terminal("-i", write_list(tmp_path / "l", urls), "-d", out)
    tui.wait_for("plain.bin")
    tui.settle(1)
    assert b"\x1b]0;owned" not in tui.raw
    assert b"\x1b[2Jx" not in tui.raw
    assert stop(tui) == 4


@pytest.mark.slow
@pytest.mark.alone
def test_nothing_is_painted_while_nothing_changes(terminal, faultd, out, tmp_path):
    tui = terminal("-i", write_list(tmp_path / "l", [
        faultd.data(1, 10, "f", delay=20000)]), "-d", out)
    tui.wait_for("f")
    tui.settle(1.5)
    before = len(tui.raw)
    cpu = cpu_seconds(tui.process.pid)
    tui.settle(3)
    assert len(tui.raw) - before < 6000  # clocks and figures, no full paints
    assert cpu_seconds(tui.process.pid) - cpu < 0.6
    assert stop(tui) == 4


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_closed_terminal_stops_cleanly(terminal, spate, faultd, out, tmp_path):
    path = listing(faultd, tmp_path, 20, rate=100_000)
    tui = terminal("-i", path, "-d", out, "-j", "4")
    tui.wait_for("file-000.bin")
    os.close(tui.slave)
    os.close(tui.master)
    assert tui.process.wait(15) in (4, -signal.SIGHUP)
    tui.master, tui.slave = os.openpty()  # for the fixture's clean-up
    run = spate("-i", path, "-d", out, "--no-tui")
    assert run.code == 0, run
    assert_files(out, {f"file-{i:03d}.bin": body(i, 204800) for i in range(20)})
