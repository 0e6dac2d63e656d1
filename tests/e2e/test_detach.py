# SPDX-License-Identifier: MIT
"""spate -D: a run that outlives its terminal."""
import json
import os
import re
import signal
import subprocess
import time

import pytest

from harness import SPATE, assert_files, body, wait_until, write_list


def pid_in(text):
    return int(re.search(r"process (\d+)", text)[1])


def alive(pid):
    """Running, and no zombie."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture
def detached(spate, faultd, out):
    """Starts one, and sees to its end."""
    pids = []

    def start(*args, **kw):
        done = spate("-D", *args, **kw)
        found = re.search(rb"process (\d+)", done.out)
        if found:
            pids.append(int(found[1]))
        return done
    yield start
    for pid in pids:
        if alive(pid):
            os.kill(pid, signal.SIGKILL)


@pytest.mark.slow
def test_it_says_how_to_look_and_goes_on(detached, spate, terminal, faultd, out):
    done = detached(faultd.data(1, "400k", "f", rate=60_000), "-d", out)
    assert done.code == 0 and done.err == b"", done
    text = done.out.decode()
    assert f"spate attach {out}" in text and f"spate ctl {out} stop" in text
    pid = pid_in(text)
    assert json.loads(spate("ctl", out, "status").out)["active"] == 1
    assert os.getsid(pid) == pid
    for fd in (0, 1, 2):
        assert os.readlink(f"/proc/{pid}/fd/{fd}") == "/dev/null"
    tui = terminal("attach", out)
    tui.wait_for("f ")
    assert tui.wait_exit(20) == 0
    wait_until(lambda: not alive(pid))
    assert_files(out, {"f": body(1, 400 << 10)})


def test_relative_names_hold(detached, spate, faultd, tmp_path):
    write_list(tmp_path / "list", [faultd.data(i, 10, f"f{i}", delay=200) for i in range(4)])
    done = detached("-i", "list", "-d", "sub/out", "--log", "events", cwd=tmp_path)
    assert done.code == 0, done
    assert "attach sub/out" in done.out.decode()
    wait_until(lambda: not alive(pid_in(done.out.decode())))
    for i in range(4):
        assert (tmp_path / "sub" / "out" / f"f{i}").read_bytes() == body(i, 10)
    assert (tmp_path / "events").exists()
    assert spate("status", "sub/out", cwd=tmp_path).code == 0


def test_a_list_from_a_pipe_goes_on_coming(detached, faultd, out):
    read, write = os.pipe()
    os.write(write, faultd.data(1, 10, "one").encode() + b"\n")
    done = detached("-i", "-", "--input-format", "text", "-d", out, stdin=read)
    os.close(read)
    assert done.code == 0, done
    wait_until(lambda: (out / "one").exists())
    os.write(write, faultd.data(2, 10, "two").encode() + b"\n")
    wait_until(lambda: (out / "two").exists())
    os.close(write)
    wait_until(lambda: not alive(pid_in(done.out.decode())))


@pytest.mark.parametrize("args,code,said", [
    ((), 2, "nothing to do"),
    (("--tui", "URL"), 2, "--detach excludes --tui"),
    (("--concurrency=0", "URL"), 2, "range"),
    (("-i", "/nonexistent"), 2, "nonexistent"),
    (("-d", "/proc/nowhere", "URL"), 3, "/proc/nowhere"),
])
def test_errors_come_back(spate, faultd, out, args, code, said):
    url = faultd.data(1, 10, "f")
    args = [url if a == "URL" else a for a in args]
    where = [] if "-d" in args else ["-d", out]
    done = spate("-D", *args, *where)
    assert done.code == code and said in done.err.decode(), done
    assert done.out == b""


def test_a_locked_session_comes_back(detached, spate, faultd, out):
    url = faultd.data(1, "400k", "f", rate=50_000)
    first = detached(url, "-d", out)
    assert first.code == 0
    second = spate("-D", url, "-d", out)
    assert second.code == 3 and b"another spate" in second.err, second
    assert spate("ctl", out, "stop").code == 0
    wait_until(lambda: not alive(pid_in(first.out.decode())))
    again = detached("resume", out, "-q")
    assert (again.code, again.out) == (2, b"") or again.code == 0, again


def test_resume_in_the_background(spate, faultd, out):
    run = spate.start(faultd.data(1, "400k", "f", rate=150_000), "-d", out)
    wait_until(lambda: spate("ctl", out, "status").code == 0)
    run.signal(2)
    assert run.wait(10).code == 4
    done = spate("resume", out, "-D")
    assert done.code == 0, done
    pid = pid_in(done.out.decode())
    wait_until(lambda: not alive(pid))
    assert_files(out, {"f": body(1, 400 << 10)})


def test_the_terminal_may_close(terminal, spate, faultd, out):
    """A hang-up of the terminal that started it does not reach it."""
    tui = terminal("-D", faultd.data(1, "400k", "f", rate=120_000), "-d", out)
    assert tui.wait_exit(5) == 0
    pid = pid_in(tui.raw.decode())
    os.close(tui.master)
    tui.master = os.open("/dev/null", os.O_RDWR)
    time.sleep(0.5)
    assert alive(pid)
    wait_until(lambda: not alive(pid))
    assert (out / "f").read_bytes() == body(1, 400 << 10)


def test_interrupted_before_it_begins(spate, faultd, out, tmp_path):
    """Whoever gives up on the command does not want the run either; but one
    that was killed between the run's word and its own has begun it."""
    for pause in (0.0, 0.001, 0.002, 0.004):
        done = subprocess.Popen([SPATE, "-D", faultd.data(1, "1M", "f", rate=50_000), "-d", out],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        time.sleep(pause)
        done.kill()
        text = done.communicate()[0].decode()
        if "process" in text:
            os.kill(pid_in(text), signal.SIGKILL)
        wait_until(lambda: spate("ctl", out, "status").code == 3, what=f"its end ({pause})")
