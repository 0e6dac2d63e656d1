# SPDX-License-Identifier: MIT
"""--aws-sigv4: requests that a server which checks signatures accepts, whatever
is in their URLs, and keys that go nowhere else."""
import hashlib
import hmac
import http.server
import threading
import urllib.parse

import pytest

from harness import body, files_of, tree, write_list

KEY, SECRET = "AKIDEXAMPLE", "s3cr3t/wJalrXUtnFEMI"
SIGN = ("--aws-sigv4", "aws:amz:eu-test-1:s3", "--user", f"{KEY}:{SECRET}")
FAST = ("--no-config", "--progress=json", "-v", "--retry-wait", "0.05",
        "--retry-max-wait", "0.1")


def encode(text):
    return urllib.parse.quote(text, safe="-._~")


def expected(handler):
    """The signature of a request, worked out from what has come."""
    got = dict((k.lower(), v) for k, v in handler.headers.items())
    names = got["authorization"].split("SignedHeaders=")[1].split(",")[0]
    area = got["authorization"].split("Credential=")[1].split(",")[0].split("/", 1)[1]
    path, _, query = handler.path.partition("?")
    path = "/".join(encode(urllib.parse.unquote(p)) for p in path.split("/"))
    pairs = urllib.parse.parse_qsl(query, keep_blank_values=True)
    query = "&".join("=".join(p) for p in sorted(
        (encode(k), encode(v)) for k, v in pairs))
    request = "\n".join([
        handler.command, path, query,
        *(f"{n}:{' '.join(got[n].split())}" for n in names.split(";")), "", names,
        got["x-amz-content-sha256"]])
    to_sign = "\n".join(["AWS4-HMAC-SHA256", got["x-amz-date"], area,
                         hashlib.sha256(request.encode()).hexdigest()])
    key = ("AWS4" + SECRET).encode()
    for word in (*area.split("/"), to_sign):
        key = hmac.new(key, word.encode(), "sha256").digest()
    return key.hex()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def answer(self, status, data, *fields):
        self.send_response(status)
        for name, value in fields:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.server.cut and data is self.server.data:
            data, self.server.cut = data[:len(data) // 2], False
            self.close_connection = True
        self.wfile.write(data)

    def do_GET(self):
        self.server.seen.append((self.path, dict(self.headers)))
        line = self.headers.get("Authorization", "")
        if self.server.leads_to:
            return self.answer(302, b"", ("Location", self.server.leads_to))
        if self.server.failures > 0:
            self.server.failures -= 1
            return self.answer(500, b"")
        if not line.startswith("AWS4-HMAC-SHA256 ") or \
                not line.endswith("Signature=" + expected(self)):
            return self.answer(403, b"SignatureDoesNotMatch")
        if not self.headers.get("Range"):
            return self.answer(200, self.server.data, ("ETag", '"a"'),
                               ("Accept-Ranges", "bytes"))
        first, _, last = self.headers["Range"].split("=")[1].partition("-")
        end = min(int(last or len(self.server.data) - 1),
                  len(self.server.data) - 1) + 1
        self.answer(206, self.server.data[int(first):end], ("ETag", '"a"'), (
            "Content-Range", f"bytes {first}-{end - 1}/{len(self.server.data)}"))

    def do_POST(self):
        data = self.rfile.read(int(self.headers["Content-Length"]))
        assert self.headers["X-Amz-Content-Sha256"] == \
            hashlib.sha256(data).hexdigest()
        self.do_GET()


@pytest.fixture
def store():
    """A function that starts a server which checks signatures."""
    servers = []

    def start(data=b"kept", leads_to=None, failures=0, cut=False):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        server.seen, server.data, server.cut = [], data, cut
        server.leads_to, server.failures = leads_to, failures
        server.base = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


PATHS = ["/b/k", "/b/a%20b%2Bc", "/b/a+b,c;d@e:f=g!$'()*", "/b/%e4%B8%96",
         "/b/x/../y", "/b//double/", "/b/k?list-type=2&prefix=a%2Fb",
         "/b/k?z=1&a-=2&a=3&a=1", "/b/k?lifecycle", "/b/k?v=a%3Db~c", "/?x"]


def test_signatures_are_right_whatever_the_url(spate, store, out, tmp_path):
    server = store()
    lines = [f"{server.base}{path}\tf{i}" for i, path in enumerate(PATHS)]
    run = spate(*FAST, *SIGN, "-d", out, "-i", write_list(tmp_path / "l", lines))
    assert run.code == 0, run
    assert len(files_of(out)) == len(PATHS)
    assert all(SECRET not in str(seen) for seen in server.seen)


def test_a_wrong_secret_is_refused(spate, store, out):
    """Or the server of these tests would take anything."""
    server = store()
    run = spate(*FAST, *SIGN[:-1], f"{KEY}:other", "-d", out, server.base + "/b/k")
    assert run.code == 1, run
    assert run.event("failed")[0]["status"] == 403


def test_ranges_tries_and_posts_are_signed(spate, store, out, tmp_path):
    server = store(body(1, 900_000), failures=1, cut=True)
    run = spate(*FAST, *SIGN, "-d", out, "-H", "x-amz-meta-a:  b   c", server.base + "/b/large")
    assert run.code == 0, run
    assert (out / "large").read_bytes() == body(1, 900_000)
    assert all(h["x-amz-meta-a"] for _, h in server.seen)
    assert any("Range" in headers for _, headers in server.seen)
    posts = tmp_path / "posts.jsonl"
    posts.write_text('{"url": "%s/q", "body": "h\\u00e9llo"}\n' % server.base)
    run = spate(*FAST, *SIGN, "-d", tmp_path / "other", "-i", posts)
    assert run.code == 0, run


def test_the_key_stays_with_the_origin(spate, store, out):
    other = store()
    server = store(leads_to=other.base + "/stolen")
    run = spate(*FAST, *SIGN, "-H", "X-Amz-Security-Token: t0k3n", "-d", out,
                server.base + "/b/k")
    assert run.code == 1, run
    assert server.seen[0][1]["Authorization"].startswith("AWS4-HMAC-SHA256 Cred")
    _, headers = other.seen[0]
    assert not [h for h in headers if h.lower().startswith(("auth", "x-amz"))]
    written = "".join(p.read_text("latin-1") for p in out.rglob("*")
                      if p.is_file() and p.name == "log")
    assert SECRET not in run.text + written and "Signature=" not in written


def test_resume_signs_too(spate, store, out, tmp_path):
    server = store(failures=100)
    listing = write_list(tmp_path / "l", [server.base + "/b/k"])
    assert spate(*FAST, *SIGN, "-t", "1", "-d", out, "-i", listing).code == 1
    server.failures = 0
    run = spate("resume", out, "--progress=json")
    assert run.code == 0, run
    assert tree(out)["k"] == hashlib.sha256(b"kept").hexdigest()


@pytest.mark.parametrize("args, why", [
    (("--aws-sigv4", "aws:amz"), "--user KEY:SECRET"),
    (("--aws-sigv4", "aws:amz", "-u", "key"), "--user KEY:SECRET"),
    (("--aws-sigv4", "a b", "-u", "k:s"), "'a b' should be PROVIDER"),
    (("--aws-sigv4", "aws", "-u", "k:s", "--oauth2-bearer", "t"), "excludes")])
def test_what_cannot_be_signed_is_not_started(spate, store, out, args, why):
    server = store()
    run = spate("--no-config", *args, "-d", out, server.base + "/b/k")
    assert run.code == 2 and why in run.text, run
    assert not server.seen
