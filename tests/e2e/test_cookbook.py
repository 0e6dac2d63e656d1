# SPDX-License-Identifier: MIT
"""Every block of docs/cookbook.md that is marked as an example, run by a shell
in an empty directory. A block fails with the first command that does."""
import hashlib
import http.server
import os
import re
import subprocess
import threading
import time

import pytest

from harness import PATIENCE, SPATE, TOP, body

ISO = body(7, 3_000_000)
TOKEN = "a-secret-token"


def examples():
    with open(os.path.join(TOP, "docs/cookbook.md"), encoding="utf-8") as file:
        text = file.read()
    blocks = re.findall(r"^```sh\n(.*?)^```$", text, flags=re.M | re.S)
    named = {}
    for block in blocks:
        mark = re.match(r"# example: ([\w-]+)\n", block)
        assert mark, "a block without a name: " + block
        assert mark.group(1) not in named, mark.group(1)
        named[mark.group(1)] = block
    return named


class Origin(http.server.BaseHTTPRequestHandler):
    """By the first part of the path: what the examples talk to."""
    protocol_version = "HTTP/1.1"

    def send(self, status, content=b"", **headers):
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(content)

    def do_GET(self):
        path = self.path.partition("?")[0]
        first = path.split("/")[1]
        with self.server.lock:
            self.server.seen[path] = turn = self.server.seen.get(path, 0) + 1
        if first == "disk.iso":
            self.send_iso()
        elif path.endswith("/missing"):
            self.send(404)
        elif first == "once" and turn == 1:
            self.send(500)
        elif first == "api" and self.headers.get("X-Api-Key") != "1234":
            self.send(403)
        elif path == "/api/3" and turn == 1:
            self.send(429, Retry_After="1")
        elif first == "model" and self.headers["Authorization"] != "Bearer " + TOKEN:
            self.send(401)
        elif first == "slow":
            self.send_response(200)
            self.send_header("Content-Length", "1000000")
            self.end_headers()
            self.server.stop.wait(60)
        else:
            self.send(200, b'{"path": "%s"}' % path.encode())

    def send_iso(self):
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        first = int(asked.group(1)) if asked else 0
        last = int(asked.group(2) or len(ISO) - 1) if asked else len(ISO) - 1
        more = {"Accept_Ranges": "bytes", "ETag": '"7"'}
        if asked:
            more["Content_Range"] = f"bytes {first}-{last}/{len(ISO)}"
        self.send(206 if asked else 200, ISO[first:last + 1], **more)

    def log_message(self, *_):
        pass


@pytest.fixture
def origins():
    servers = []
    for _ in range(2):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Origin)
        server.daemon_threads = True
        server.seen, server.lock = {}, threading.Lock()
        server.stop = threading.Event()
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
    yield servers
    for server in servers:
        server.stop.set()
        server.shutdown()
        server.server_close()


def environment(spate, origins):
    origin, mirror = (f"http://127.0.0.1:{s.server_port}" for s in origins)
    return spate.env | {
        "PATH": os.path.dirname(SPATE) + ":" + os.environ["PATH"],
        "ORIGIN": origin, "MIRROR": mirror, "TOKEN": TOKEN,
        "KEY": "AKIDEXAMPLE", "SECRET": "a-secret",
        "ISO_SHA256": hashlib.sha256(ISO).hexdigest()}


@pytest.mark.every
@pytest.mark.parametrize("name", examples())
def test_example(spate, origins, tmp_path, name):
    here = tmp_path / "here"
    here.mkdir()
    began = time.monotonic()
    done = subprocess.run(["sh", "-eu", "-c", examples()[name]], cwd=here,
                          env=environment(spate, origins), capture_output=True,
                          stdin=subprocess.DEVNULL, timeout=60 * PATIENCE)
    assert done.returncode == 0, (done, time.monotonic() - began)
    seen = origins[0].seen
    if name == "sign-again":  # what was done was not fetched again
        assert seen == {"/bucket/1.json": 1, "/bucket/2.json": 1}
    if name == "api":
        assert seen["/api/3"] == 2
    if name == "retry":  # only the class that was named
        assert seen["/once/2.json"] == 2 and seen["/docs/missing"] == 1
    assert seen
