# SPDX-License-Identifier: MIT
#
# The interface on a real pseudo-terminal: what it shows, how it bears
# resizing, hang-ups, signals, job control, odd terminals and slow readers,
# and that the terminal is always given back. Runs tests/ui_driver.c, whose
# path is taken from SPATE_UI_DRIVER.

import fcntl
import os
import pty
import random
import select
import signal
import struct
import subprocess
import termios
import time

import pyte
import pytest

from harness import PATIENCE, Reports

DRIVER = os.path.abspath(
    os.environ.get("SPATE_UI_DRIVER", "build/tests/ui_driver"))
RMCUP = b"\x1b[?1049l"
SMCUP = b"\x1b[?1049h"


def set_size(fd, rows, cols):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))


class Terminal:
    """A pseudo-terminal with a program on it."""

    def __init__(self, argv, rows=24, cols=80, term="xterm-256color", env=None,
                 **more):
        self.master, self.slave = pty.openpty()
        set_size(self.master, rows, cols)
        self.before = termios.tcgetattr(self.slave)
        self.screen = pyte.Screen(cols, rows)
        self.stream = pyte.ByteStream(self.screen)
        self.seen = b""
        self.reads = []
        environ = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8",
                   "TZ": "UTC", "HOME": "/nonexistent"}
        if term is not None:
            environ["TERM"] = term
        environ.update(env or {})
        streams = {"stdin": self.slave, "stdout": self.slave,
                   "stderr": self.slave}
        streams.update(more)
        self.process = subprocess.Popen(
            argv, env=environ, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(1, termios.TIOCSCTTY, 0), **streams)

    def pump(self, seconds):
        """Reads for so long."""
        end = time.monotonic() + seconds
        while True:
            left = end - time.monotonic()
            if left <= 0:
                return
            ready, _, _ = select.select([self.master], [], [], left)
            if ready:
                data = os.read(self.master, 65536)
                self.reads.append((time.monotonic(), len(data)))
                self.seen += data
                self.stream.feed(data)

    def text(self):
        return "\n".join(self.screen.display)

    def wait_text(self, text, seconds=5):
        end = time.monotonic() + seconds * PATIENCE
        while text not in self.text():
            assert time.monotonic() < end, \
                "no %r on the screen:\n%s" % (text, self.text())
            self.pump(0.05)

    def send(self, keys):
        os.write(self.master, keys)

    def resize(self, rows, cols):
        set_size(self.master, rows, cols)
        self.screen.resize(rows, cols)

    def wait_end(self, seconds=5):
        end = time.monotonic() + seconds * PATIENCE
        while self.process.poll() is None:
            assert time.monotonic() < end, "it does not end:\n" + self.text()
            self.pump(0.05)
        self.pump(0.2)
        return self.process.returncode

    def cpu_seconds(self):
        with open("/proc/%d/stat" % self.process.pid) as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def assert_given_back(self):
        assert termios.tcgetattr(self.slave) == self.before
        assert self.seen.count(RMCUP) >= self.seen.count(SMCUP) > 0
        assert self.seen.rindex(RMCUP) > self.seen.rindex(SMCUP)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for fd in (self.master, self.slave):
            if fd >= 0:
                os.close(fd)


@pytest.fixture
def start(tmp_path):
    made = []
    reports = Reports(str(tmp_path))

    def make(*args, env=None, **options):
        terminal = Terminal([DRIVER, "--log", str(tmp_path / "log"), *args],
                            env=reports.env | (env or {}), **options)
        terminal.log = tmp_path / "log"
        made.append(terminal)
        return terminal

    yield make
    for terminal in made:
        terminal.close()
    reports.check()


def log_of(terminal):
    return [line.split() for line in terminal.log.read_text().splitlines()]


def test_screen_and_orderly_end(start):
    ui = start()
    ui.wait_text("[1 Tasks]")
    ui.wait_text("shard-00000001")
    assert "? help" in ui.screen.display[23]
    ui.send(b"q")
    ui.wait_text("stop 1000 running transfers?")
    ui.send(b"q")
    assert ui.wait_end() == 0
    ui.assert_given_back()
    assert "ui: finished" in ui.text()


@pytest.mark.alone
def test_escape_cancels_the_question(start):
    ui = start()
    ui.wait_text("shard-")
    ui.send(b"q")
    ui.wait_text("stop 1000")
    asked = time.monotonic()
    ui.send(b"\x1b")
    while "stop 1000" in ui.text():
        ui.pump(0.01)
    assert time.monotonic() - asked < 2
    assert ui.process.poll() is None


def test_it_ends_by_itself_when_the_run_is_finished(start):
    ui = start("--finish", "1")
    assert ui.wait_end() == 0
    ui.assert_given_back()
    assert "ui: finished" in ui.text()


def test_keys_and_commands_reach_the_engine(start):
    ui = start()
    ui.wait_text("shard-")
    ui.send(b"jjp")
    ui.send(b":set concurrency 32\r")
    ui.wait_text("concurrency 1000 -> 32")
    ui.send(b"\x1b[B\x1bOB+P")
    ui.wait_text("PAUS")
    sent = [line[1:] for line in log_of(ui) if line[1] != "tick"]
    assert sent[0][0] == "pause-task"
    assert ["set", "32"] in sent
    assert ["set", "35"] in sent
    assert ["pause", "0"] in sent


def test_several_keys_in_one_write_are_all_read(start):
    ui = start()
    ui.wait_text("shard-")
    ui.send(b"j" * 10)
    ui.wait_text("row   11 of 1000")


def test_pasted_text_does_nothing(start):
    ui = start()
    ui.wait_text("shard-")
    assert b"\x1b[?2004h" in ui.seen
    ui.send(b"\x1b[200~qqdyP\r:quit\r\x1b[201~")
    ui.pump(0.6)
    assert ui.process.poll() is None
    assert [line for line in log_of(ui) if line[1] != "tick"] == []


def test_resize_storm(start):
    ui = start("--tasks", "1000", rows=30, cols=100)
    ui.wait_text("shard-")
    generator = random.Random(7)
    for i in range(150):
        rows, cols = generator.choice(
            [(1, 1), (2, 3), (4, 30), (24, 80), (60, 250),
             (generator.randint(1, 60), generator.randint(1, 250))])
        ui.resize(rows, cols)
        ui.pump(generator.choice([0, 0, 0.001, 0.02, 0.05]))
    ui.resize(1, 1)
    ui.pump(0.4)
    assert ui.process.poll() is None
    ui.resize(24, 80)
    ui.wait_text("? help")
    ui.wait_text("[1 Tasks]")
    ui.pump(0.4)
    assert ui.screen.display[0].startswith("spate [1 Tasks]")
    assert ui.screen.display[23].startswith("? help")
    ui.send(b"qy")
    assert ui.wait_end() == 0
    ui.assert_given_back()


def test_starts_at_one_by_one(start):
    ui = start(rows=1, cols=1)
    ui.pump(0.5)
    assert ui.process.poll() is None
    ui.send(b"qq")
    assert ui.wait_end() == 0


def test_exported_lines_and_columns_do_not_freeze_the_size(start):
    ui = start(env={"LINES": "10", "COLUMNS": "40"})
    ui.wait_text("[1 Tasks]")
    ui.wait_text("? help")
    assert "? help" in ui.screen.display[23]


@pytest.mark.alone
def test_hangup_ends_it_without_burning_the_processor(start):
    ui = start()
    ui.wait_text("shard-")
    os.close(ui.slave)
    ui.slave = -1
    before = ui.cpu_seconds()
    os.close(ui.master)
    ui.master = -1
    assert ui.process.wait(5) == 0
    ends = [line for line in log_of(ui) if line[1] == "hangup"]
    assert len(ends) == 1
    cpu = [float(line[2]) for line in log_of(ui) if line[1] == "cpu"]
    assert cpu[0] - before < 0.3


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT,
                                    signal.SIGQUIT, signal.SIGABRT,
                                    signal.SIGBUS])
def test_a_deadly_signal_gives_the_terminal_back(start, number):
    ui = start()
    ui.wait_text("shard-")
    ui.process.send_signal(number)
    assert ui.wait_end() == -number
    ui.assert_given_back()


@pytest.mark.parametrize("option,number", [("--crash", signal.SIGSEGV),
                                           ("--abort", signal.SIGABRT)])
def test_a_crash_of_another_thread_gives_the_terminal_back(
        start, option, number):
    ui = start(option, "800")
    assert ui.wait_end() == -number
    ui.assert_given_back()


@pytest.mark.parametrize("keys", [b"\x03", None])
def test_handlers_of_the_program_stay(start, keys):
    """^C and SIGTERM are the program's business."""
    ui = start("--handlers")
    ui.wait_text("shard-")
    if keys:
        ui.send(keys)
    else:
        ui.process.send_signal(signal.SIGTERM)
    assert ui.wait_end() == 0
    ui.assert_given_back()
    assert "ui: finished" in ui.text()


def test_suspend_and_foreground(tmp_path):
    log = tmp_path / "log"
    shell = Terminal(["bash", "--norc", "--noprofile", "-i"],
                     env={"PS1": "ready$ "})
    try:
        shell.wait_text("ready$")
        shell.send(("%s --log %s\n" % (DRIVER, log)).encode())
        shell.wait_text("shard-")
        shell.send(b"\x1a")
        shell.wait_text("Stopped")
        assert RMCUP in shell.seen
        modes = termios.tcgetattr(shell.slave)
        # Readline has its own modes; what counts is that lines come through.
        shell.send(b"echo typed-$((40+2))\n")
        shell.wait_text("typed-42")
        assert modes[1] & termios.OPOST
        shell.seen = b""
        shell.resize(30, 100)
        shell.send(b"fg\n")
        shell.wait_text("[1 Tasks]")
        shell.pump(0.6)
        assert "q stop" in shell.screen.display[29]
        names = [line.split()[1] for line in log.read_text().splitlines()]
        assert "suspended" in names
        shell.send(b"j")
        shell.wait_text("row    2 of 1000")
        shell.send(b"qq")
        shell.wait_text("ui: finished")
    finally:
        shell.close()


def test_background_leaves_the_terminal_alone(tmp_path):
    log = tmp_path / "log"
    shell = Terminal(["bash", "--norc", "--noprofile", "-i"],
                     env={"PS1": "ready$ "})
    try:
        shell.wait_text("ready$")
        shell.send(("%s --log %s\n" % (DRIVER, log)).encode())
        shell.wait_text("shard-")
        shell.send(b"\x1a")
        shell.wait_text("Stopped")
        shell.send(b"bg\n")
        shell.pump(0.5)
        shell.seen = b""
        ticks = len(log.read_text().splitlines())
        shell.pump(1.5)
        assert SMCUP not in shell.seen and b"shard" not in shell.seen
        assert len(log.read_text().splitlines()) > ticks
        shell.send(b"fg\n")
        shell.wait_text("[1 Tasks]")
        shell.send(b"qq")
        shell.wait_text("ui: finished")
    finally:
        shell.close()


def test_stop_and_continue_from_outside(start):
    ui = start()
    ui.wait_text("shard-")
    ui.process.send_signal(signal.SIGSTOP)
    ui.pump(0.3)
    termios.tcsetattr(ui.slave, termios.TCSANOW, ui.before)
    ui.process.send_signal(signal.SIGCONT)
    ui.pump(0.5)
    ui.send(b"j")
    ui.wait_text("row    2 of 1000")


@pytest.mark.parametrize("term", ["dumb", "no-such-terminal", None])
def test_a_terminal_that_cannot_do_it_is_refused(start, term):
    # Curses itself loses a block when it does not know the terminal.
    ui = start(term=term, env={"ASAN_OPTIONS": "detect_leaks=0"})
    assert ui.wait_end() == 2
    assert "--no-tui" in ui.text()
    assert termios.tcgetattr(ui.slave) == ui.before
    assert b"\x1b" not in ui.seen


@pytest.mark.parametrize("term", ["vt100", "linux", "screen", "xterm-256color",
                                  "tmux-256color"])
def test_terminal_types(start, term):
    try:
        subprocess.run(["infocmp", term], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no description of " + term)
    ui = start(term=term)
    ui.wait_text("[1 Tasks]")
    ui.wait_text("? help")
    ui.wait_text("row    1 of 1000")  # the frame may stand before its figures
    ui.send(b"j")
    ui.wait_text("row    2 of 1000")
    ui.send(b"qq")
    assert ui.wait_end() == 0
    assert termios.tcgetattr(ui.slave) == ui.before


def test_without_any_terminal(tmp_path):
    done = subprocess.run([DRIVER], stdin=subprocess.DEVNULL,
                          capture_output=True, start_new_session=True,
                          timeout=10 * PATIENCE, text=True)
    assert done.returncode == 2
    assert "--no-tui" in done.stdout


def test_standard_input_may_be_a_list(start):
    ui = start(stdin=subprocess.DEVNULL)
    ui.wait_text("shard-")
    ui.send(b"j")
    ui.wait_text("row    2 of 1000")


def test_standard_descriptors_stay_blocking(start):
    ui = start()
    ui.wait_text("shard-")
    assert not fcntl.fcntl(ui.slave, fcntl.F_GETFL) & os.O_NONBLOCK


@pytest.mark.slow
@pytest.mark.alone
def test_a_reader_that_stops_holds_up_frames_only(start):
    ui = start("--handlers", rows=60, cols=200)
    ui.wait_text("shard-")
    ui.send(b"GgGgGg")
    stop = time.monotonic()
    time.sleep(3)
    ticks = [float(line[0]) for line in log_of(ui) if line[1] == "tick"]
    ticks = [tick for tick in ticks if tick > stop]
    assert len(ticks) >= 2  # one a second
    ui.send(b":set concurrency 77\r")
    ui.wait_text("/77")


@pytest.mark.slow
def test_it_ends_although_nobody_reads(start):
    ui = start("--handlers", rows=60, cols=250)
    for _ in range(40):
        ui.send(b"\x0c")
        time.sleep(0.11)
    ui.process.send_signal(signal.SIGTERM)
    end = time.monotonic() + 15
    while not any(line[1] == "finished" for line in log_of(ui)):
        assert time.monotonic() < end, "a terminal that is stuck holds it up"
        time.sleep(0.05)
    assert ui.wait_end() == 0
    ui.assert_given_back()


@pytest.mark.slow
@pytest.mark.alone
def test_nothing_is_written_when_nothing_changes(start):
    ui = start("--still")
    ui.wait_text("shard-")
    ui.pump(0.7)
    written = len(ui.seen)
    before = ui.cpu_seconds()
    ui.pump(2)
    assert len(ui.seen) == written
    assert ui.cpu_seconds() - before <= 0.05


@pytest.mark.slow
@pytest.mark.alone
def test_figures_alone_are_painted_twice_a_second(start):
    ui = start()
    ui.wait_text("shard-")
    ui.pump(1)
    ui.reads.clear()
    ui.pump(4)
    frames = 0
    last = 0
    for when, _ in ui.reads:
        if when - last > 0.05:
            frames += 1
        last = when
    assert 3 <= frames <= 10


@pytest.mark.alone
def test_keys_are_painted_ten_times_a_second_at_most(start):
    ui = start()
    ui.wait_text("shard-")
    ui.reads.clear()
    begin = time.monotonic()
    while time.monotonic() - begin < 2:
        ui.send(b"j")
        ui.pump(0.01)
    seconds = time.monotonic() - begin
    frames = 0
    last = 0
    for when, _ in ui.reads:
        if when - last > 0.03:
            frames += 1
        last = when
    assert 5 <= frames <= 11 * seconds


def test_what_libraries_print_is_kept_from_the_screen(start):
    ui = start("--noise", "--finish", "2")
    ui.wait_text("shard-")
    ui.pump(1)
    assert "a library says" not in ui.text()
    assert b"a library says" not in ui.seen
    assert ui.wait_end() == 0
    assert b"a library says" in ui.seen
    assert b"says \x1b[2J" not in ui.seen


def test_no_color(start):
    ui = start(env={"NO_COLOR": "1"})
    ui.wait_text("shard-")
    ui.pump(0.5)
    colored = start()
    colored.wait_text("shard-")
    colored.pump(0.5)
    assert b"\x1b[36m" in colored.seen
    for color in range(30, 38):
        assert b"\x1b[%dm" % color not in ui.seen


def test_ascii_when_the_locale_is_not_utf8(start):
    ui = start(env={"LC_ALL": "C"})
    ui.wait_text("shard-")
    ui.pump(0.5)
    assert all(byte < 128 for byte in ui.seen)
