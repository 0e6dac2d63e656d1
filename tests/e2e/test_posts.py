# SPDX-License-Identifier: MIT
"""Requests that may not be repeated: cut in the middle, they are not sent again
of its own accord, by this run or the next, since nobody knows what they have
done."""
import http.server
import json
import os
import signal
import threading
import time

import pytest

from harness import body, wait_until

MB = 1 << 20
SIZE = 5 * MB


class Slow(http.server.BaseHTTPRequestHandler):
    """Answers a POST with SIZE bytes, the last ones when it may end."""
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.posts += 1
        if self.server.posts <= self.server.refused:
            self.send_response(503)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        content = body(0, SIZE)
        self.send_response(200)
        self.send_header("Content-Length", str(SIZE))
        self.end_headers()
        try:
            self.wfile.write(content[:-1000])
            self.server.go.wait(60)
            self.wfile.write(content[-1000:])
        except OSError:
            pass

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Slow)
    server.daemon_threads = True
    server.posts, server.refused, server.go = 0, 0, threading.Event()
    server.url = f"http://127.0.0.1:{server.server_port}/f0"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.go.set()
    server.shutdown()
    server.server_close()
    thread.join()


def write_post(tmp_path, server):
    path = tmp_path / "l"
    path.write_text(json.dumps({"url": server.url, "body": "q=1"}) + "\n")
    return path


def wait_for_body(out):
    part = out / "f0.part"
    wait_until(lambda: part.exists() and part.stat().st_size >= MB)


def task_of(spate, out):
    rows = json.loads(spate("ctl", out, "snapshot").out or b"{}").get("task")
    return rows[0] if rows else {"state": "", "task": 0}


def test_a_post_that_a_pause_cut_is_not_sent_again(spate, server, out, tmp_path):
    run = spate.start("-i", write_post(tmp_path, server), "-d", out)
    wait_for_body(out)
    assert spate("ctl", out, "pause", str(task_of(spate, out)["task"])).code == 0
    time.sleep(0.3)
    spate("ctl", out, "resume", str(task_of(spate, out)["task"]))
    server.go.set()
    result = run.wait(20)
    assert server.posts == 1, "it was sent again"
    assert result.code == 1, result
    assert b"may have been carried out" in result.err, result


def test_a_post_is_begun_again_when_somebody_says_so(spate, server, out, tmp_path):
    run = spate.start("-i", write_post(tmp_path, server), "-d", out)
    wait_for_body(out)
    assert spate("ctl", out, "restart", str(task_of(spate, out)["task"])).code == 0
    server.go.set()
    assert run.wait(20).code == 0
    assert server.posts == 2
    assert (out / "f0").read_bytes() == body(0, SIZE)


def test_a_post_that_the_full_disk_cut_is_not_sent_again(
        spate, server, small_disk, tmp_path):
    disk = small_disk("8m")
    ballast = os.path.join(disk.path, "ballast")
    with open(ballast, "wb") as f:
        f.write(b"\1" * (4 * MB))
    server.go.set()
    run = spate.start("-i", write_post(tmp_path, server),
                      "-d", os.path.join(disk.path, "o"))
    wait_until(lambda: b"full" in bytes(run.out) + bytes(run.err)
               or run.process.poll() is not None, 20)
    os.unlink(ballast)
    result = run.wait(30)
    assert server.posts == 1, "it was sent again"
    assert result.code == 1, result
    assert b"may have been carried out" in result.err, result


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM], ids=["kill", "stop"])
def test_a_post_that_was_cut_is_not_sent_by_the_next_run(spate, server, out, tmp_path, how):
    listing = write_post(tmp_path, server)
    run = spate.start("-i", listing, "-d", out)
    wait_for_body(out)
    run.signal(how)
    run.wait(20)
    server.go.set()
    for again in (["resume", out, "--no-tui"], ["-i", listing, "-d", out]):
        run = spate(*again)
        assert server.posts == 1, "it was sent again"
        assert run.code == 1, run
        assert b"may have been carried out" in run.err, run
    run = spate("retry", out, "--no-tui")
    assert run.code == 0, run
    assert server.posts == 2
    assert (out / "f0").read_bytes() == body(0, SIZE)
    assert spate("resume", out, "--no-tui").code == 0 and server.posts == 2


def test_a_post_that_was_refused_is_sent_by_the_next_run(spate, server, out, tmp_path):
    server.refused = 1
    run = spate.start("-i", write_post(tmp_path, server), "-d", out,
                      "--retry-wait", "50", "--retry-max-wait", "50")
    wait_until(lambda: task_of(spate, out)["state"] == "waiting")
    run.kill()
    run.wait()
    server.go.set()
    run = spate("resume", out, "--no-tui", "--retry-wait", "0.1")
    assert run.code == 0 and server.posts == 2, run
    assert (out / "f0").read_bytes() == body(0, SIZE)


def test_a_post_in_doubt_is_sent_again_when_the_run_is_told(spate, server, out, tmp_path):
    listing = write_post(tmp_path, server)
    run = spate.start("-i", listing, "-d", out)
    wait_for_body(out)
    run.kill()
    run.wait()
    slow = {"url": server.url.replace("f0", "f1"), "body": "q=2"}
    listing.write_text(listing.read_text() + json.dumps(slow) + "\n")
    run = spate.start("-i", listing, "-d", out)
    wait_until(lambda: server.posts == 2)  # f1
    wait_until(lambda: json.loads(spate("status", out, "--json").out)["failed"] == 1)
    assert spate("ctl", out, "retry-failed").out.startswith(b"1 failed task")
    wait_until(lambda: server.posts == 3)
    server.go.set()
    assert run.wait(20).code == 0
    assert (out / "f0").read_bytes() == (out / "f1").read_bytes() == body(0, SIZE)
