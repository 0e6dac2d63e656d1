# SPDX-License-Identifier: MIT
"""The screens behind the first one, on a pseudo terminal and a real session:
the whole list, the add box, what destroys, the mouse, keys and looks of the
INI file, and a terminal that stops reading while transfers run."""
import json
import os
import re
import time

import pytest

from harness import body, wait_until, write_list

MOUSE_ON = b"\x1b[?1006;1000h"
MOUSE_OFF = b"\x1b[?1006;1000l"


def stop(tui):
    tui.send("q")
    end = time.monotonic() + 3
    while tui.process.poll() is None and time.monotonic() < end:
        tui.pump()
        if "stop " in tui.text:
            break
    if tui.process.poll() is None:
        tui.send("y")
    return tui.wait_exit(15)


def slow_list(faultd, tmp_path, count, size="200k", rate=20_000):
    return write_list(tmp_path / "list", [
        faultd.data(i, size, f"file-{i:05d}.bin", rate=rate)
        for i in range(count)])


def test_the_whole_list_is_paged(terminal, faultd, out, tmp_path):
    """Quick files, then some that keep the run going when all was read."""
    urls = [faultd.data(i, 20, f"file-{i:05d}.bin") for i in range(1990)]
    urls += [faultd.data(i, "200k", f"file-{i:05d}.bin", rate=9000)
             for i in range(1990, 2000)]
    tui = terminal("-i", write_list(tmp_path / "list", urls), "-d", out,
                   "-j", "20")
    tui.wait_for("file-01999.bin", 60)
    tui.send("H")
    tui.wait_for("all tasks")
    tui.wait_for(lambda t: re.search(r"\b1 of 2000\b", t), 20)
    tui.wait_for("file-00000.bin")
    tui.send("G")
    tui.wait_for("file-01999.bin")
    tui.send(":goto 1000\r")
    tui.wait_for("file-00999.bin")
    tui.wait_for(lambda t: "1000 of 2000" in t and "50%" in t)
    tui.send("/01234\r")
    tui.wait_for("file-01234.bin", 20)
    tui.send("\r")
    tui.wait_for("q: back")
    tui.wait_for("done")
    tui.send("q")
    assert stop_from(tui) == 4


def stop_from(tui):
    tui.send("1")
    tui.settle(0.3)
    return stop(tui)


def test_pasted_urls_are_added(terminal, faultd, out, tmp_path):
    tui = terminal("-i", slow_list(faultd, tmp_path, 2), "-d", out)
    tui.wait_for("file-00000.bin")
    tui.send("a")
    tui.wait_for("Paste or type URLs")
    urls = [faultd.data(900 + i, 1000, f"more-{i}.bin") for i in range(3)]
    tui.send("\x1b[200~" + "\r".join(urls + [urls[0], "nonsense"]) + "\x1b[201~")
    tui.wait_for("3 URLs")
    tui.wait_for("1 twice")
    tui.wait_for("is no URL")
    tui.send("\r")
    tui.wait_for("3 URLs added")
    wait_until(lambda: (out / "more-2.bin").exists())
    assert (out / "more-0.bin").read_bytes() == body(900, 1000)
    assert stop(tui) == 4


def test_data_is_deleted_after_yes_alone(terminal, faultd, out, tmp_path):
    tui = terminal("-i", slow_list(faultd, tmp_path, 1, "400M", 3_000_000),
                   "-d", out)
    part = out / "file-00000.bin.part"
    wait_until(lambda: part.exists() and part.stat().st_size > 1_000_000)
    tui.wait_for("▸D file-00000.bin")
    tui.send("D")
    tui.wait_for("delete its data")
    tui.send("y\r")
    tui.settle(0.5)
    assert part.exists()
    tui.send("Dyes\r")
    wait_until(lambda: not part.exists())
    tui.wait_exit(15)
    assert not (out / "file-00000.bin").exists()


def test_mouse_is_off_until_asked_for(terminal, faultd, out, tmp_path):
    tui = terminal("-i", slow_list(faultd, tmp_path, 12), "-d", out, "-j", "4",
                   env={"TERM": "xterm-256color"})
    tui.wait_for("file-00003.bin")
    assert MOUSE_ON not in tui.raw
    tui.send("m")
    wait_until(lambda: (tui.pump(), MOUSE_ON in tui.raw)[1])
    tui.settle(0.5)
    row = next(i for i, line in enumerate(tui.lines) if "file-00002" in line)
    tui.send(f"\x1b[<0;20;{row + 1}M\x1b[<0;20;{row + 1}m")
    tui.wait_for(lambda t: re.search(r"[>▸]\s*D\s+file-00002", t))
    tui.send("m")
    wait_until(lambda: (tui.pump(), MOUSE_OFF in tui.raw)[1])
    assert stop(tui) == 4
    assert tui.raw.rfind(MOUSE_OFF) > tui.raw.rfind(MOUSE_ON)


def test_keys_and_looks_of_the_ini_file(terminal, faultd, out, tmp_path):
    ini = tmp_path / "x.ini"
    ini.write_text("[ui]\nglyphs = ascii\ntitle = yes\nprogress = yes\n"
                   "mouse = yes\n[keys]\ngauges = Z\n")
    tui = terminal("-i", slow_list(faultd, tmp_path, 4), "-d", out,
                   "--config", ini, env={"TERM": "xterm-256color"})
    tui.wait_for("file-00000.bin")
    tui.settle(1)
    assert "|" in tui.text and "│" not in tui.text
    assert MOUSE_ON in tui.raw
    assert b"\x1b]2;spate" in tui.raw
    assert b"\x1b]9;4;1;" in tui.raw
    tui.send("3")
    tui.settle(0.5)
    assert "semaphores" not in tui.text
    tui.send("Z")
    tui.wait_for("semaphores")
    assert stop_from(tui) == 4
    # All of it is taken back.
    assert tui.raw.rstrip().rfind(b"\x1b]9;4;0") > tui.raw.rfind(b"\x1b]9;4;1;")
    assert b"\x1b[23;2t" in tui.raw


def on_disk(out):
    total = 0
    for entry in os.scandir(out):
        try:
            total += entry.stat().st_size
        except FileNotFoundError:
            pass
    return total


def status(spate, out):
    run = spate("ctl", out, "snapshot")
    return json.loads(run.out)


@pytest.mark.slow
@pytest.mark.alone
def test_a_terminal_that_stops_reading_slows_no_transfer(
        terminal, spate, faultd, out, tmp_path):
    """64 transfers at a pace that the server sets; three times nobody reads
    the terminal for a while. Held up by it, they would stand still. A server
    catches up after a pause, so a window may well be faster than the pace,
    and one of three may suffer from what else this machine does."""
    rate, count = 100_000, 64
    path = write_list(tmp_path / "list", [
        faultd.data(i, "12M", f"file-{i:03d}.bin", rate=rate)
        for i in range(count)])
    tui = terminal("-i", path, "-d", out, "-j", str(count))
    tui.wait_for(lambda t: re.search(r"64/64", t), 60)
    tui.settle(2)

    def measure(seconds, read):
        before, begun = on_disk(out), time.monotonic()
        while time.monotonic() - begun < seconds:
            if read:
                tui.pump(0.05)
            else:
                time.sleep(0.05)
        return (on_disk(out) - before) / (time.monotonic() - begun)

    reading, stopped = [], []
    for _ in range(3):
        reading.append(measure(3, True))
        # Frames pile up at once: every key asks for one.
        for _ in range(40):
            tui.send("j")
        stopped.append(measure(3, False))
    tui.settle(1)
    loop = status(spate, out)["loop"]
    print(f"bytes/s while read {reading}, while not {stopped}, loop {loop}")
    pace = min(rate * count, sorted(reading)[1])
    assert sorted(stopped)[1] >= 0.85 * pace
    assert min(stopped) >= 0.5 * pace
    # A loop that waited for the terminal would have been late by seconds.
    assert loop["lag_ms_p99"] < 250
    assert stop(tui) == 4
