# SPDX-License-Identifier: MIT
"""What servers and networks do wrong, as a table: for each fault the exit code,
the reason, its class, the number of attempts, that nothing of a bad answer is
called done, and that other tasks go on while it lasts."""
import collections
import json
import re
import socket
import struct

import pytest

from harness import (OwnServer, assert_files, body, files_of, free_port,
                     write_list)

SHORT = ("--stall-timeout", "3")  # for the others too, on a busy machine
TRIES = 2


class Raw(OwnServer):
    """Hands each connection to answer(connection, turn, over)."""

    def __init__(self, answer):
        self.answer = answer
        super().__init__()

    def serve(self, peer, turn):
        self.answer(peer, turn, self.over)


def read_head(connection):
    head = b""
    while b"\r\n\r\n" not in head:
        data = connection.recv(4096)
        if not data:
            raise OSError
        head += data
    return head


def head(*fields, status="200 OK"):
    return "\r\n".join((f"HTTP/1.1 {status}", *fields, "", "")).encode()


GOOD = head("Content-Length: 5") + b"right"


def says(*pieces):
    """Answers with these bytes and closes."""
    def serve(connection, turn, over):
        read_head(connection)
        connection.sendall(b"".join(pieces))
    return serve


def once(serve):
    """Like serve at first, and then as it should be."""
    def mended(connection, turn, over):
        (serve if turn == 1 else says(GOOD))(connection, turn, over)
    return mended


def forever(piece, start=b"", pause=0.0):
    def serve(connection, turn, over):
        read_head(connection)
        connection.sendall(start)
        while not over.wait(pause):
            connection.sendall(piece)
    return serve


def silent(connection, turn, over):
    over.wait(60)


def shuts(connection, turn, over):
    pass


def blurts(connection, turn, over):
    connection.sendall(head("Content-Length: 0", status="400 Bad Request"))


def resets(connection, turn, over):
    read_head(connection)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                          struct.pack("ii", 1, 0))


Case = collections.namedtuple("Case", "name fault reason kind attempts args")


def case(name, fault, reason, kind, attempts=TRIES, args=()):
    """fault: what the test server is asked for, or how a raw one serves."""
    return Case(name, fault, reason, kind, attempts, args)


CASES = [
    # connections
    case("refused", "refused", "connect", "connection"),
    case("reset before an answer", {"reset": 0}, "reset|Empty reply", "connection"),
    case("reset in the body", {"reset": 1000},
         "reset|ended early|receiving|remaining", "connection|truncated"),
    case("reset by a raw server", resets, "reset|Empty reply|receiving",
         "connection"),
    case("closed at once", shuts, "Empty reply|reset", "connection"),
    case("empty reply", {"empty": 1}, "Empty reply", "connection"),
    case("closed within the head", says(b"HTTP/1.1 200 OK\r\nConte"),
         "no answer|Empty reply", "connection"),
    case("silent from the start", silent, "too slow", "timeout", args=SHORT),
    case("stalls in the body", {"stall": 1000}, "too slow", "timeout", args=SHORT),
    case("slow loris", forever(b"X", b"HTTP/1.1 200 OK\r\n", 0.2), "too slow",
         "timeout", args=SHORT),
    case("trickle", {"trickle": 50}, "timed out", "timeout",
         args=("--max-time", "3")),
    # lengths
    case("truncated", {"truncate": 1000}, "remaining|ended early", "truncated"),
    case("truncated before the body", {"truncate": 0}, "remaining|ended early",
         "truncated"),
    case("no number", says(head("Content-Length: abc") + b"wrong"),
         "Content-Length", "protocol"),
    case("a negative length", says(head("Content-Length: -5") + b"wrong"),
         "Content-Length", "protocol"),
    case("a length beyond all numbers",
         says(head("Content-Length: 99999999999999999999999") + b"wrong"),
         "Content-Length", "protocol"),
    case("two lengths",
         says(head("Content-Length: 3", "Content-Length: 5") + b"wrong"),
         "Content-Length", "protocol"),
    case("a length beyond all disks",
         says(head("Content-Length: 9000000000000000000") + b"wrong"),
         "no space", "disk|other", 1),
    # heads
    case("endless headers", {"endless_headers": 1},
         "header", "protocol|local"),
    case("endless interim answers", forever(head(status="100 Continue") * 64),
         "header", "protocol"),
    case("an interim answer and no more", says(head(status="100 Continue")),
         "Empty reply", "connection"),
    case("another protocol, agreed on by itself",
         says(head("Upgrade: x", "Connection: Upgrade",
                   status="101 Switching Protocols")), "Empty reply", "connection"),
    case("a header that fills the memory",
         says(head("X: " + "a" * 200_000, "Content-Length: 5") + b"wrong"),
         "header line", "protocol|local", 1),
    case("a header without a colon", says(head("x", "Content-Length: 5") + b"wrong"),
         "eader", "protocol"),
    case("a NUL in a header",
         says(b"HTTP/1.1 200 OK\r\nX: \0\r\nContent-Length: 5\r\n\r\nwrong"),
         "eader", "protocol"),
    case("no HTTP at all", says(b"SSH-2.0-OpenSSH_9.2\r\n"), "HTTP/0.9",
         "protocol", 1),
    case("a status that is no number", says(b"HTTP/1.1 abc OK\r\n\r\n"),
         "HTTP version|response", "protocol|other", 1),
    case("a status beyond all", says(head("Content-Length: 0", status="999 X")),
         "HTTP 999", "http-999", 1),
    case("304 unasked", says(head(status="304 Not Modified")), "HTTP 304",
         "http-304", 1),
    # chunks
    case("chunks that break off", {"badchunk": 1000}, "chunk", "protocol"),
    case("a chunk's size beyond all numbers",
         says(head("Transfer-Encoding: chunked") + b"fffffffffffffffff\r\nwrong"),
         "chunk", "protocol"),
    case("chunks without their ends",
         says(head("Transfer-Encoding: chunked") + b"5\r\nwrongXX0\r\n\r\n"),
         "chunk", "protocol"),
    case("chunks without the last one",
         says(head("Transfer-Encoding: chunked") + b"5\r\nwrong\r\n"),
         "chunk|remaining|closed", "protocol|truncated"),
    case("endless trailers",
         forever(b"X-T: " + b"a" * 50 + b"\r\n",
                 head("Transfer-Encoding: chunked") + b"5\r\nwrong\r\n0\r\n", 0.01),
         "too slow", "timeout", args=SHORT),
    case("an unknown transfer encoding",
         says(head("Transfer-Encoding: foo") + b"wrong"), "encoding", "other"),
    # bodies
    case("an endless body", {"endless": 1}, "expected ", "unexpected",
         args=("--max-size", "1M")),
    # ranges
    case("a part that nobody asked for",
         says(head("Content-Length: 5", "Content-Range: bytes 0-4/10",
                   status="206 Partial Content") + b"wrong"), "not asked for",
         "protocol"),
    case("another range", {"ranges": "other", "truncate": 3000},
         "starting over|remaining|ended early", "protocol|truncated"),
    case("206 and 200 mixed, cut off", {"ranges": "ignore", "truncate": 3000},
         "remaining|ended early|starting over", "truncated|protocol"),
    case("another file at each request", {"etag": "change", "truncate": 3000},
         "remaining|ended early|starting over", "truncated|protocol"),
    # redirects
    case("a loop", {"loop": 1}, "redirect", "redirect", 1),
    case("a redirect to nowhere", says(head("Content-Length: 0", status="302 Found")),
         "HTTP 302", "http-302|redirect", 1),
    case("a redirect to rubbish",
         says(head("Location: http://[::1", "Content-Length: 0",
                   status="302 Found")), "redirect", "redirect", 1),
    case("a redirect that drives the terminal",
         says(head("Location: http://127.0.0.1:1/\x1b[2Jx y", "Content-Length: 0",
                   status="302 Found")), "redirect", "redirect", 1),
    case("a redirect to a file",
         says(head("Location: file:///etc/passwd", "Content-Length: 0",
                   status="302 Found")), "redirect", "redirect", 1),
    case("a redirect to a closed port",
         says(head("Location: http://127.0.0.1:1/", "Content-Length: 0",
                   status="302 Found")), "connect", "connection"),
    # names and TLS
    case("a name that is not there", "http://no-such-host.invalid/f",
         "resol|look-up|known", "dns"),
    case("TLS that is none", ("https", blurts), "SSL|TLS|reset",
         "tls|connection"),
    case("TLS that is closed at once", ("https", shuts), "SSL|TLS|connect|reset",
         "tls|connection"),
    case("TLS that stays silent", ("https", silent), "SSL|TLS|timed? ?out|too slow",
         "timeout|tls", args=("--connect-timeout", "3", *SHORT)),
    # refusals
    case("404", {"status": 404}, "HTTP 404", "http-404", 1),
    case("500", {"status": 500}, "HTTP 500", "http-500"),
]


@pytest.fixture
def raw():
    """A function that starts a raw server; HOST:PORT of it."""
    servers = []

    def start(serve):
        servers.append(Raw(serve))
        return f"127.0.0.1:{servers[-1].port}"

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def place(faultd, raw):
    """A function that gives the URL of a case's fault."""
    def url(fault):
        if fault == "refused":
            return f"http://127.0.0.1:{free_port()}/bad"
        if isinstance(fault, str):
            return fault
        if isinstance(fault, tuple):
            return f"{fault[0]}://{raw(fault[1])}/bad"
        if isinstance(fault, dict):
            return faultd.data(1, 5000, "bad", **fault)
        return f"http://{raw(fault)}/bad"

    return url


class Others:
    """Tasks of the server that misbehaves, and of one that does not."""

    def __init__(self, faultd, raw):
        good = raw(says(GOOD))
        self.urls = [faultd.data(i, 2000, f"f{i}", delay=20) for i in range(8)]
        self.urls += [f"http://{good}/g{i}" for i in range(4)]
        self.files = {f"f{i}": body(i, 2000) for i in range(8)}
        self.files |= {f"g{i}": b"right" for i in range(4)}


@pytest.fixture
def others(faultd, raw):
    return Others(faultd, raw)


def run_list(spate, tmp_path, out, urls, *args):
    """Few places, so that a fault that keeps one is felt."""
    return spate("--progress=json", "-v", "-j", "3", "--retry-wait", "0.05",
                 "--retry-max-wait", "0.1", *args, "-d", out, "-i",
                 write_list(tmp_path / "l", urls))


def marks(fault):
    return {"id": fault.name.replace(" ", "-"),
            "marks": [pytest.mark.slow] * bool(fault.args)}


@pytest.mark.parametrize("fault", [pytest.param(c, **marks(c)) for c in CASES])
def test_fault_that_lasts(spate, others, out, tmp_path, place, fault):
    url = place(fault.fault)
    run = run_list(spate, tmp_path, out, [url, *others.urls], "-t", TRIES,
                   *fault.args)
    assert run.code == 1, run
    failed, = run.event("failed")
    assert failed["task"] == 1 and failed["state"] == "failed"
    assert re.search(fault.reason, failed["reason"]), failed
    assert failed["attempts"] == fault.attempts, failed
    assert not re.search(r"[\x00-\x1f\x7f]", failed["reason"]), failed
    assert run.summary["done"] == len(others.files) and run.summary["exit"] == 1
    (out / "bad.part").unlink(missing_ok=True)
    assert_files(out, others.files)
    if fault.args == SHORT:  # nobody waited for it
        assert run.events.index(run.event("done")[-1]) < run.events.index(failed)
    kinds = json.loads(spate("status", out, "--json").out)["failures"]
    (kind, count), = kinds.items()
    assert re.fullmatch(fault.kind, kind) and count == 1, kinds
    shown = spate("failed", out).out.decode()
    assert url in shown and failed["reason"][:40] in shown


@pytest.mark.parametrize("fault", [
    pytest.param(c, **marks(c)) for c in CASES
    if c.attempts == TRIES and not isinstance(c.fault, (str, tuple)) and
    "endless" not in c.name and "another file" not in c.name and "--max-time" not in c.args])
def test_fault_that_passes(spate, others, out, tmp_path, place, fault):
    """The same, once: nobody who only looks at the end sees it."""
    how, good = fault.fault, b"right"
    if isinstance(how, dict):
        how, good = {**how, "fail": 1}, body(1, 5000)
    else:
        how = once(how)
    run = run_list(spate, tmp_path, out, [place(how), *others.urls], "-t", "3",
                   *fault.args)
    assert run.code == 0, run
    assert run.summary["retries"] >= 1 and run.summary["failed"] == 0
    assert_files(out, others.files | {"bad": good})
