# SPDX-License-Identifier: MIT
"""What a run must survive: servers that answer out of turn, names that are
nobody's, redirects by the hundred, files of other people."""
import resource
import socket
import subprocess
import threading
import time

import pytest

from harness import (PATIENCE, SPATE, OwnServer, assert_files, body, files_of,
                     recorded, wait_until, write_list)

FAST = ("--retry-wait", "0.05", "--retry-max-wait", "0.1")


class Odd(OwnServer):
    """A server that answers every request with the same bytes."""

    def __init__(self, answer):
        self.answer, self.requests = answer, 0
        super().__init__()

    def serve(self, peer, turn):
        data = b""
        while True:
            while b"\r\n\r\n" not in data:
                got = peer.recv(65536)
                if not got:
                    return
                data += got
            data = data.split(b"\r\n\r\n", 1)[1]
            self.requests += 1
            peer.sendall(self.answer)

    def url(self, path="/f"):
        return f"http://127.0.0.1:{self.port}{path}"


@pytest.fixture
def odd():
    servers = []

    def start(answer):
        servers.append(Odd(answer))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


def test_range_that_nobody_asked_for_is_a_failure(spate, odd, out):
    server = odd(b"HTTP/1.1 206 Partial Content\r\nContent-Length: 5\r\n"
                 b"Content-Range: bytes 0-4/9\r\n\r\nhello")
    run = spate.start(*FAST, "-t", "3", "-d", out, server.url())
    try:
        result = run.wait(8)
    finally:
        assert server.requests <= 6, server.requests
    assert result.code == 1 and files_of(out) == {}, result


def test_redirects_are_no_retries(spate, faultd, out, tmp_path):
    count = 60
    urls = [faultd.data(n, 100, f"f{n}", hops=1) for n in range(count)]
    run = spate("-d", out, "-i", write_list(tmp_path / "list", urls))
    assert run.code == 0, run
    assert len(files_of(out)) == count
    assert run.seconds < 20, run.seconds  # each retry would wait


def test_name_that_is_nobodys_ends(spate, faultd, out, tmp_path):
    urls = [faultd.data(1, 100, "f"), "http://nobody.invalid/g"]
    run = spate(*FAST, "-t", "2", "-d", out, "-i",
                write_list(tmp_path / "list", urls), timeout=25)
    assert run.code == 1, run
    assert_files(out, {"f": body(1, 100)})


@pytest.mark.parametrize("family", [(), ("--ipv4",)])
def test_names_of_this_machine_need_no_resolver(spate, faultd, out, family):
    """RFC 6761, 6.3: below .localhost all is loopback, known to no resolver."""
    url = faultd.data(1, 100, "f").replace("127.0.0.1", "mine.localhost")
    run = spate(*FAST, *family, "-t", "1", "-d", out, url)
    assert run.code == 0, run
    assert_files(out, {"f": body(1, 100)})


def test_ends_when_libcurl_asks_for_a_name_in_vain(spate, faultd, out):
    """With a proxy it is libcurl that resolves, over sockets of its own."""
    run = spate(*FAST, "-t", "1", "--proxy", "http://nobody.invalid:1",
                "-d", out, faultd.data(1, 100, "f"), timeout=15)
    assert run.code == 1, run


PROXIED = "http://origin.invalid/data/7/100/f"  # a name that nobody has


def test_proxy_of_the_environment_is_asked(spate, faultd, out):
    run = spate(*FAST, "-t", "1", "-d", out, PROXIED,
                env={"http_proxy": faultd.url("")})
    assert run.code == 0, run
    assert_files(out, {"f": body(7, 100)})


def test_noproxy_goes_before_the_environment(spate, faultd, out):
    args = (*FAST, "-t", "1", "-d", out, faultd.data(7, 100, "f"))
    env = {"http_proxy": "http://127.0.0.1:1"}  # where nobody listens
    assert spate(*args, env=env).code == 1
    assert spate(*args, "--noproxy", "*", env=env).code == 0
    assert_files(out, {"f": body(7, 100)})


# ---- open files ------------------------------------------------------------


def with_open_files(spate, soft, hard, *args):
    def limit():
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return subprocess.run([SPATE, *map(str, args)], env=spate.env, cwd=spate.cwd,
                          capture_output=True, preexec_fn=limit, timeout=100 * PATIENCE)


@pytest.mark.parametrize("least", [16, 20, 40, 55])
def test_too_few_open_files_are_said(spate, faultd, out, least):
    run = with_open_files(spate, least, least, "--no-config", "-d", out,
                          faultd.data(1, 100, "f"))
    assert run.returncode == 3 and b"ulimit -n" in run.stderr, run


def test_fewer_transfers_where_open_files_are_few(spate, faultd, out, tmp_path):
    """Each has a socket and a file; failing for want of them helps nobody."""
    urls = [faultd.data(n, 400_000, f"f{n}", rate=800_000) for n in range(150)]
    run = with_open_files(spate, 128, 128, *FAST, "-j", "150", "-d", out, "-i",
                          write_list(tmp_path / "list", urls))
    assert run.returncode == 0, run
    assert_files(out, {f"f{n}": body(n, 400_000) for n in range(150)})
    assert faultd.stats()["max_active"] <= 40
    assert "ulimit -n" in (out / ".spate" / "log").read_text()


def test_soft_limit_of_open_files_is_raised(spate, faultd, out, tmp_path):
    urls = [faultd.data(n, 100, f"f{n}", delay=1500) for n in range(120)]
    run = with_open_files(spate, 64, 1024, *FAST, "-j", "120", "-d", out, "-i",
                          write_list(tmp_path / "list", urls))
    assert run.returncode == 0, run
    assert faultd.stats()["max_active"] > 60


# ---- files of others -------------------------------------------------------


def test_auto_rename_after_a_kill_spares_the_file(spate, faultd, out):
    out.mkdir()
    (out / "f").write_bytes(b"mine")
    url = faultd.data(1, "4M", "f", rate=2_000_000)
    run = spate.start("--auto-rename", "-d", out, url)
    wait_until(lambda: (out / "f.part").exists(), what="a partial file")
    time.sleep(0.3)
    run.kill()
    run = spate("--auto-rename", "-d", out, url)
    assert (out / "f").read_bytes() == b"mine"
    assert run.code == 0, run


def test_file_made_meanwhile_is_spared_next_time(spate, faultd, out, tmp_path):
    url = faultd.data(1, 100, "f", delay=2000)
    args = ("-d", out, "-i", write_list(tmp_path / "list", [url]))
    run = spate.start(*args)
    wait_until(lambda: faultd.stats()["active"] == 1, what="the request")
    (out / "f").write_bytes(b"mine")
    assert run.wait().code == 1
    assert (out / "f").read_bytes() == b"mine"
    run = spate(*args)
    assert (out / "f").read_bytes() == b"mine", run


def test_failed_namesake_spares_the_first_next_time(spate, faultd, out,
                                                    tmp_path):
    urls = [faultd.data(1, 100, "f"), faultd.data(2, 100, "f", delay=1500)]
    args = ("-d", out, "-i", write_list(tmp_path / "list", urls))
    assert spate(*args).code == 1
    assert_files(out, {"f": body(1, 100)})
    run = spate(*args)
    assert_files(out, {"f": body(1, 100)})


def test_auto_rename_of_namesakes(spate, faultd, out):
    run = spate("--auto-rename", "-d", out, faultd.data(1, 100, "f"),
                faultd.data(2, 100, "f", delay=1500))
    assert run.code == 0, run
    assert_files(out, {"f": body(1, 100), "f.1": body(2, 100)})


def test_partial_file_that_went_away_starts_over(spate, faultd, out):
    url = faultd.data(1, "3M", "f", reset="2M", fail=1)
    run = spate.start("--retry-wait", "3", "--retry-max-wait", "3", "-t", "4",
                      "-d", out, url)
    wait_until(lambda: (out / "f.part").exists(), what="a partial file")
    wait_until(lambda: len(faultd.journal()) >= 1, what="the first answer")
    time.sleep(0.2)
    if (out / "f.part").exists():
        (out / "f.part").unlink()
    result = run.wait(40)
    assert result.code == 0, result
    assert_files(out, {"f": body(1, 3 << 20)})


def test_small_file_after_a_partial_one_leaves_no_part(spate, faultd, out):
    url = faultd.data(1, "8M", "f", rate=2_400_000)
    run = spate.start("-d", out, url)
    part = out / "f.part"
    wait_until(lambda: part.exists() and part.stat().st_size > 1_000_000,
               what="a partial file")
    wait_until(lambda: recorded(out) > 0, what="a record of it")
    run.kill()
    port = faultd.port
    faultd.stop()
    small = socket.create_server(("127.0.0.1", port))

    def serve():
        peer, _ = small.accept()
        peer.recv(65536)
        peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
        peer.close()

    threading.Thread(target=serve, daemon=True).start()
    result = spate("-d", out, url)
    small.close()
    assert result.code == 0, result
    assert files_of(out).keys() == {"f"}
