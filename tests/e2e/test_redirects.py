# SPDX-License-Identifier: MIT
"""--no-private-redirects: who may send us where. Loopback has names and ports
enough for redirects from one private host to another; a public origin lives in
a network namespace, where any address can be given to the loopback device."""
import json
import os
import subprocess
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import threading

import pytest

import harness
from harness import body


class Redirecter:
    """Answers each request with a redirect to where /to/... says."""

    def __init__(self):
        outer = self
        self.target, self.seen = "", []

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                outer.seen.append(self.path)
                self.send_response(302)
                self.send_header("Location", outer.target)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def redirecter():
    server = Redirecter()
    yield server
    server.stop()


def fetch(spate, out, *urls, extra=()):
    return spate(*extra, "--no-tui", "--progress=json", "-d", str(out),
                     "--tries", "3", "--retry-wait", "0", *urls)


def assert_refused(ended, faultd, out):
    assert ended.code == 1, ended
    failed = ended.event("failed")
    assert len(failed) == 1 and "private address" in failed[0]["reason"], ended
    assert "--no-private-redirects" in failed[0]["reason"]
    assert faultd.journal() == [], "the private host was asked"
    assert not (out / "f").exists() and not (out / "f.part").exists()


SAME = [  # seen from an origin called localhost, these are other hosts
    "http://127.0.0.1:{port}",
    "http://[::ffff:127.0.0.1]:{port}"]


@pytest.mark.parametrize("form", SAME)
def test_redirect_to_a_private_address_is_refused(spate, faultd, redirecter, out,
                                                  form):
    redirecter.target = form.format(port=faultd.port) + "/data/1/1000/f"
    ended = fetch(spate, out, f"http://localhost:{redirecter.port}/f",
                  extra=("--no-private-redirects",))
    assert_refused(ended, faultd, out)
    assert len(redirecter.seen) == 1, "a refusal is for good"


def test_redirect_by_name_is_refused_after_the_look_up(spate, faultd, redirecter,
                                                       out):
    redirecter.target = f"http://localhost:{faultd.port}/data/1/1000/f"
    ended = fetch(spate, out, f"http://127.0.0.1:{redirecter.port}/f",
                  extra=("--no-private-redirects",))
    assert_refused(ended, faultd, out)


def test_redirect_is_refused_where_libcurl_resolves(spate, faultd, redirecter, out):
    """--resolve leaves the look-up to libcurl: the socket itself is checked."""
    redirecter.target = f"http://inside.test:{faultd.port}/data/1/1000/f"
    ended = fetch(spate, out, f"http://127.0.0.1:{redirecter.port}/f", extra=(
        "--no-private-redirects", "--resolve",
        f"inside.test:{faultd.port}:127.0.0.1"))
    assert_refused(ended, faultd, out)


def test_kept_connection_is_no_way_around(spate, faultd, redirecter, out):
    """A connection that a task of the list may have is not for a redirect."""
    name = f"inside.test:{faultd.port}"
    redirecter.target = f"http://{name}/data/1/1000/f"
    ended = fetch(spate, out, f"http://{name}/data/2/10/first",
                  f"http://127.0.0.1:{redirecter.port}/f",
                  extra=("--no-private-redirects", "-j", "1", "--resolve",
                         name + ":127.0.0.1"))
    assert ended.code == 1 and (out / "first").read_bytes() == body(2, 10)
    assert "private address" in ended.event("failed")[0]["reason"]
    assert [e["target"] for e in faultd.journal()] == ["/data/2/10/first"]


def test_private_host_may_redirect_to_itself(spate, faultd, redirecter, out):
    redirecter.target = f"http://127.0.0.1:{faultd.port}/data/1/1000/f"
    ended = fetch(spate, out, f"http://127.0.0.1:{redirecter.port}/f",
                  extra=("--no-private-redirects",))
    assert ended.code == 0 and (out / "f").read_bytes() == body(1, 1000), ended


def test_without_the_option_it_is_followed(spate, faultd, redirecter, out):
    redirecter.target = f"http://127.0.0.1:{faultd.port}/data/1/1000/f"
    ended = fetch(spate, out, f"http://localhost:{redirecter.port}/f")
    assert ended.code == 0 and (out / "f").read_bytes() == body(1, 1000), ended


def test_mirror_takes_over_when_a_redirect_is_refused(spate, faultd, redirecter,
                                                      out, tmp_path):
    redirecter.target = f"http://localhost:{faultd.port}/data/1/1000/f"
    lines = tmp_path / "list"
    lines.write_text(f"http://127.0.0.1:{redirecter.port}/f\t"
                     f"http://127.0.0.1:{faultd.port}/data/1/1000/f\n")
    ended = fetch(spate, out, "-i", str(lines), extra=(
        "--no-private-redirects", "--input-format", "aria2"))
    assert ended.code == 0 and (out / "f").read_bytes() == body(1, 1000), ended


def test_key_of_the_configuration_file(spate, faultd, redirecter, out, tmp_path):
    ini = tmp_path / "spate.ini"
    ini.write_text("[default]\nno-private-redirects = yes\n")
    redirecter.target = f"http://127.0.0.1:{faultd.port}/data/1/1000/f"
    ended = fetch(spate, out, f"http://localhost:{redirecter.port}/f",
                  extra=("--config", str(ini)))
    assert_refused(ended, faultd, out)


# ---- a public origin ---------------------------------------------------------

PUBLIC, OTHER = "11.0.0.1", "11.0.0.2"
PRIVATE = ["169.254.169.254", "10.1.2.3", "100.64.0.1", "fd00:1::1", "127.0.0.1"]


@pytest.fixture
def world():
    """A namespace whose loopback device has all of these addresses."""
    name = f"spate-w-{os.getpid()}"
    steps = [["netns", "add", name], ["-n", name, "link", "set", "lo", "up"]]
    for address in (PUBLIC, OTHER, *PRIVATE[:-1]):
        steps.append(["-n", name, "addr", "add",
                      address + ("/128" if ":" in address else "/32"), "dev", "lo"])
    trouble = None
    for step in steps:
        try:
            done = subprocess.run(["ip", *step], capture_output=True, text=True)
        except OSError as error:
            trouble = str(error)
            break
        if done.returncode:
            trouble = done.stderr.strip()
            break
    if trouble:
        subprocess.run(["ip", "netns", "del", name], capture_output=True)
        pytest.skip(f"no network namespace can be made: {trouble}")
    yield name
    subprocess.run(["ip", "netns", "del", name], capture_output=True)


SERVER = r"""
import socket, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        print(self.path, flush=True)
        if self.path.startswith("/to/"):
            self.send_response(302)
            self.send_header("Location", "http://" + self.path[4:])
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            self.send_response(200)
            self.send_header("Content-Length", "5")
            self.end_headers()
            self.wfile.write(b"inner")
    def log_message(self, *args): pass
class Both(ThreadingHTTPServer):
    address_family = socket.AF_INET6
    daemon_threads = True
    def server_bind(self):
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()
server = Both(("::", 8080), Handler)
print("ready", flush=True)
server.serve_forever()
"""


@pytest.fixture
def worldly(world, spate, tmp_path):
    """run(urls...) inside; seen() what was asked there."""
    log = open(tmp_path / "asked", "w+")
    server = harness.popen(
        ["ip", "netns", "exec", world, "/usr/bin/python3", "-c", SERVER],
        stdout=log)
    harness.wait_until(lambda: "ready" in (tmp_path / "asked").read_text(),
                       timeout=40, what="the server")

    class World:
        @staticmethod
        def run(*args):
            return subprocess.run(
                ["ip", "netns", "exec", world, harness.SPATE, "--no-tui",
                 "--progress=json", "--tries", "2", "--retry-wait", "0", *args],
                capture_output=True, env=spate.env, cwd=spate.cwd,
                timeout=60 * harness.PATIENCE)

        @staticmethod
        def seen():
            return (tmp_path / "asked").read_text().split()[1:]

    yield World
    server.terminate()
    server.wait()


@pytest.mark.parametrize("address", PRIVATE)
def test_public_origin_may_not_redirect_inside(worldly, out, address):
    host = f"[{address}]" if ":" in address else address
    url = f"http://{PUBLIC}:8080/to/{host}:8080/f"
    ended = worldly.run("--no-private-redirects", "-d", str(out), url)
    events = [json.loads(line) for line in ended.stdout.splitlines()]
    failed = [e for e in events if e["event"] == "failed"]
    assert ended.returncode == 1 and "private address" in failed[0]["reason"]
    assert worldly.seen() == [f"/to/{host}:8080/f"]
    assert worldly.run("-d", str(out) + "2", url).returncode == 0, "reachable"


def test_public_origin_may_redirect_to_a_public_one(worldly, out):
    ended = worldly.run("--no-private-redirects", "-d", str(out),
                        f"http://{PUBLIC}:8080/to/{OTHER}:8080/f")
    assert ended.returncode == 0, ended
    assert (out / "f").read_bytes() == b"inner"


def test_second_hop_is_checked_too(worldly, out):
    ended = worldly.run(
        "--no-private-redirects", "-d", str(out),
        f"http://{PUBLIC}:8080/to/{OTHER}:8080/to/10.1.2.3:8080/f")
    assert ended.returncode == 1 and b"private address" in ended.stdout
    assert len(worldly.seen()) == 2
