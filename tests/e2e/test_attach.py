# SPDX-License-Identifier: MIT
"""spate attach: the screen on a run that goes on elsewhere; and what a client
of the control socket may and may not do to it."""
import json
import os
import re
import signal
import socket
import stat
import struct
import time

import pytest

from harness import assert_files, body, wait_until, write_list

SLOW = {"rate": 150_000}


def listing(faultd, tmp_path, count=60, size="200k", **options):
    urls = [faultd.data(i, size, f"file-{i:03d}.bin", **(SLOW | options)) for i in range(count)]
    return write_list(tmp_path / "list", urls)


def net(text):
    found = re.search(r"\bnet\b[^\n]*?(\d+)/(\d+)", text)
    return found and tuple(map(int, found.groups()))


@pytest.fixture
def headless(spate, faultd, out, tmp_path):
    """A run without a screen: 60 tasks, 8 at a time, 20 s."""
    run = spate.start("-i", listing(faultd, tmp_path, size="400k"), "-d", out, "-j", "8", "-q")
    wait_until(lambda: spate("ctl", out, "status").code == 0)
    return run


def leave(tui, keys=":detach\r"):
    tui.send(keys)
    return tui.wait_exit(10)


def test_the_screen_shows_and_steers_a_run_elsewhere(terminal, spate, faultd, out, headless):
    tui = terminal("attach", out)
    tui.wait_for("file-000.bin")
    tui.wait_for(lambda t: net(t) == (8, 8))
    tui.wait_for(lambda t: re.search(r"file-\d+\.bin.*\s([1-9]\d?)%", t))
    tui.send("++")
    tui.wait_for(lambda t: net(t) == (10, 10))
    wait_until(lambda: faultd.stats()["active"] == 10)
    tui.send("P")
    tui.wait_for(lambda t: "paused" in t.lower())
    before = faultd.stats()["requests"]
    tui.settle(0.7)
    assert faultd.stats()["requests"] == before
    tui.send("P")
    wait_until(lambda: tui.settle(0.1) or faultd.stats()["requests"] > before + 2)
    assert spate("ctl", out, "get", "concurrency").out == b"10\n"
    assert leave(tui) == 0
    assert tui.modes_restored()
    assert "goes on" in tui.raw.decode(errors="replace")
    assert headless.process.poll() is None
    headless.kill()


def test_a_long_paste_into_a_screen_elsewhere_is_added_whole(terminal, faultd, out, headless):
    """More than one line of the control socket takes; none of it is lost."""
    tui = terminal("attach", out)
    tui.wait_for("file-000.bin")
    tail = "x" * 60
    pasted = "".join(f"{faultd.data(i, 10, f'p{i}-{tail}')}\r" for i in range(1500))
    assert len(pasted) > 130_000
    tui.send("a")
    tui.wait_for("Paste or type")
    for at in range(0, len(pasted), 2000):
        tui.send(("\x1b[200~" if at == 0 else "") + pasted[at:at + 2000])
        tui.settle(0.01)
    tui.send("\x1b[201~")
    tui.wait_for("1500 URLs")
    tui.send("\r")
    log = out / ".spate" / "log"
    wait_until(lambda: sum(map(int, re.findall(r"(\d+) URLs added", log.read_text()))) == 1500)
    assert leave(tui) == 0


@pytest.mark.slow
def test_several_at_once_and_one_is_killed(terminal, faultd, out, headless):
    screens = [terminal("attach", out, rows=24 + 3 * i, columns=80 + 10 * i) for i in range(4)]
    for tui in screens:
        tui.wait_for("file-0")
    screens[0].process.kill()
    screens[1].process.send_signal(signal.SIGHUP)
    for tui in screens[2:]:
        done = int(re.search(r"(\d+) done", tui.settle(0.2) or tui.text)[1])
        tui.wait_for(lambda t: int(re.search(r"(\d+) done", t)[1]) > done)
    screens[2].send("-")
    screens[3].wait_for(lambda t: (net(t) or (0, 0))[1] == 7)
    for tui in screens[2:]:
        assert leave(tui) == 0
    assert headless.process.poll() is None
    headless.kill()


def test_a_second_terminal_on_a_run_whose_own_is_busy(terminal, spate, faultd, out, tmp_path):
    """The run has its own screen; the attached one stops it on request alone."""
    own = terminal("-i", listing(faultd, tmp_path), "-d", out, "-j", "8")
    own.wait_for("file-000.bin")
    tui = terminal("attach", out)
    tui.wait_for("file-000.bin")
    tui.send("q")
    tui.wait_for("goes on")
    tui.send("\x1b")
    tui.settle(0.3)
    assert tui.process.poll() is None
    tui.send(":stop\r")
    tui.wait_for("stop")
    tui.send("y")
    assert tui.wait_exit(15) == 4
    assert own.wait_exit(15) == 4
    assert "exit status is 4" in tui.raw.decode(errors="replace")


def test_the_end_of_the_run_ends_the_screen(terminal, spate, faultd, out, tmp_path):
    urls = [*(faultd.data(i, "100k", f"f{i}", rate=60_000) for i in range(4)),
            faultd.data(9, 10, "bad", status=404)]
    run = spate.start("-i", write_list(tmp_path / "l", urls), "-d", out, "-q")
    wait_until(lambda: spate("ctl", out, "status").code == 0)
    tui = terminal("attach", out)
    tui.wait_for("f0")
    assert tui.wait_exit(20) == 1
    assert run.wait(10).code == 1
    text = tui.raw.decode(errors="replace")
    assert "4 done, 1 failed" in text and "exit status is 1" in text
    assert tui.modes_restored()


def test_a_killed_run_is_said_at_once(terminal, faultd, out, headless):
    tui = terminal("attach", out)
    tui.wait_for("file-000.bin")
    headless.kill()
    assert tui.wait_exit(5) == 3
    assert "killed" in tui.raw.decode(errors="replace")
    assert tui.modes_restored()


def test_a_screen_that_the_run_dropped_does_not_say_the_run_was_killed(terminal, out, headless):
    """What comes between screen and run closes; the run goes on."""
    ctl = out / ".spate" / "ctl"
    real = out / ".spate" / "real"
    ctl.rename(real)
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as run:
        listener.bind(str(ctl))
        listener.listen(1)
        tui = terminal("attach", out)
        screen, _ = listener.accept()
        run.connect(str(real))
        run.settimeout(5)
        with screen:
            screen.settimeout(5)
            run.sendall(screen.recv(65536))
            screen.sendall(run.recv(65536))
            tui.settle(0.5)
        assert tui.wait_exit(10) == 3
    text = tui.raw.decode(errors="replace")
    assert "the run goes on" in text and "killed" not in text
    assert tui.modes_restored()
    real.rename(ctl)


def test_a_stopped_run_is_waited_for_and_left(terminal, faultd, out, headless):
    """SIGSTOP: no frames come; the keys of the screen work all the same."""
    tui = terminal("attach", out)
    tui.wait_for("file-000.bin")
    headless.signal(signal.SIGSTOP)
    tui.send("?")
    tui.settle(0.5)
    tui.send("\x1b")
    assert leave(tui, ":detach\r") == 0
    headless.signal(signal.SIGCONT)
    headless.kill()


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_signals_end_the_screen_alone(terminal, faultd, out, headless, sig):
    tui = terminal("attach", out)
    tui.wait_for("file-000.bin")
    tui.process.send_signal(sig)
    tui.wait_exit(5)
    assert tui.modes_restored()
    time.sleep(0.3)
    assert headless.process.poll() is None
    headless.kill()


def test_without_a_run_or_a_terminal(terminal, spate, faultd, out):
    tui = terminal("attach", out)
    assert tui.wait_exit(5) == 3
    bad = spate(faultd.data(1, 10, "f", status=404), "-d", out)
    assert bad.code == 1
    tui = terminal("attach", out)
    assert tui.wait_exit(5) == 3
    assert "no spate is running" in tui.raw.decode(errors="replace")
    headless = spate("attach", out)
    assert headless.code == 2 and b"terminal" in headless.err


# ---- frames ------------------------------------------------------------------


class Frames:
    """A client that attaches and reads frames."""

    def __init__(self, out):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(5)
        here = os.open(out / ".spate", os.O_RDONLY)
        self.socket.connect(f"/proc/self/fd/{here}/ctl")
        os.close(here)
        self.file = self.socket.makefile("rb")

    def ask(self, method, **params):
        self.socket.sendall(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method,
                                        "params": params}).encode() + b"\n")

    def version(self):
        """What the run says when another one is asked for."""
        self.ask("attach", wire=1)
        text = json.loads(self.file.readline())["error"]["message"]
        return int(re.search(r"wire ([0-9a-f]{8})", text)[1], 16)

    def attach(self, interval_ms=100):
        self.ask("attach", wire=self.version(), interval_ms=interval_ms)
        assert "result" in json.loads(self.file.readline())

    def frame(self):
        kind, size = struct.unpack("<cI", self.file.read(5))
        return kind, self.file.read(size)


@pytest.mark.slow
def test_frames_are_small_and_a_slow_reader_is_skipped(spate, faultd, out, headless):
    frames = Frames(out)
    frames.attach()
    kind, first = frames.frame()
    assert kind == b"S" and len(first) < 40_000
    sizes = [len(frames.frame()[1]) for _ in range(20)]
    assert sum(sizes) / len(sizes) < 2500, sizes
    frames.ask("get", name="concurrency")
    answers = [frames.frame() for _ in range(10)]
    said = [json.loads(data) for kind, data in answers if kind == b"J"]
    assert said and said[0]["result"]["value"] == "8"
    # does not read for two seconds: nothing piles up, the run goes on
    got = json.loads(spate("ctl", out, "status").out)["bytes"]
    time.sleep(2)
    wait_until(lambda: json.loads(spate("ctl", out, "status").out)["bytes"] > got)
    frames.socket.settimeout(0.15)
    late = 0
    try:
        while True:
            late += len(frames.frame()[1])
            if late > 3_000_000:
                break
            if late > 400_000:
                raise AssertionError(late)
            frames.socket.settimeout(0.09)
    except (TimeoutError, OSError):
        pass
    headless.kill()


def test_attaching_twice_or_wrongly(spate, out, headless):
    frames = Frames(out)
    for params in ({}, {"wire": "x"}, {"wire": -1}, {"wire": 1 << 40},
                   {"wire": 1, "interval_ms": 1}):
        frames.ask("attach", **params)
        assert "error" in json.loads(frames.file.readline()), params
    frames.ask("watch", tasks=[1])
    assert "attach" in json.loads(frames.file.readline())["error"]["message"]
    frames.attach()
    for method, params in (("attach", {"wire": 1}), ("watch", {"tasks": "x"}),
                           ("watch", {"tasks": [0]}), ("watch", {"tasks": [1] * 600})):
        frames.ask(method, **params)
        while True:
            kind, data = frames.frame()
            if kind == b"J":
                assert "error" in json.loads(data), (method, params)
                break
    frames.ask("watch", tasks=[1, 2, 3], interval_ms=50)
    headless.kill()


def test_garbage_does_no_harm(spate, faultd, out, headless):
    rest = os.urandom(200_000)
    for junk in (b"\0" * 70_000, rest, b"\xff" * 1000 + b"\n", b"{" * 5000 + b"\n",
                 b'{"jsonrpc":"2.0","method":"attach","params":{"wire":1}}\n' * 50):
        client = Frames(out)
        try:
            client.socket.sendall(junk)
            client.socket.shutdown(socket.SHUT_WR)
            while client.socket.recv(65536):
                pass
        except OSError:
            pass
    assert spate("ctl", out, "status").code == 0
    assert headless.process.poll() is None
    headless.kill()


def test_only_the_owner_may_come_in(spate, out, headless):
    assert stat.S_IMODE((out / ".spate").stat().st_mode) == 0o700
    assert stat.S_IMODE((out / ".spate" / "ctl").stat().st_mode) == 0o600
    if os.getuid() != 0:
        pytest.skip("needs another user")
    # even where somebody has opened the doors
    os.chmod(out / ".spate", 0o755)
    os.chmod(out / ".spate" / "ctl", 0o666)
    for folder in [out, *out.parents]:
        if folder.stat().st_mode & 0o001 == 0:
            os.chmod(folder, folder.stat().st_mode | 0o111)
    here = os.open(out / ".spate", os.O_RDONLY)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setuid(65534)
            client = socket.socket(socket.AF_UNIX)
            client.settimeout(5)
            client.connect(f"/proc/self/fd/{here}/ctl")
            os.write(write, client.recv(1000))
            client.sendall(b'{"jsonrpc":"2.0","id":1,"method":"stop"}\n')
        except OSError as error:
            os.write(write, str(error).encode())
        os._exit(0)
    os.close(write)
    os.waitpid(child, 0)
    said = os.read(read, 2000)
    os.close(read)
    os.close(here)
    assert b"owner" in said, said
    assert spate("ctl", out, "status").code == 0
    assert not json.loads(spate("ctl", out, "status").out)["stopping"]
    headless.kill()
