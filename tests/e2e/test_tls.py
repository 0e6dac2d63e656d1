# SPDX-License-Identifier: MIT
"""HTTPS: whom spate trusts, what it says when it does not, and what is left of
a transfer that TLS or the server cut."""
import json
import re
import socket
import subprocess
import threading

import pytest

import harness
from harness import assert_files, body, files_of, wait_until, write_list

FAST = ("--no-config", "--retry-wait", "0.05", "--retry-max-wait", "0.1")
EC = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")  # quickly made
AUTHORITY = """
[ca]
default_ca = here
[here]
database = {dir}/index
new_certs_dir = {dir}
serial = {dir}/serial
default_md = sha256
policy = any
copy_extensions = copy
unique_subject = no
[any]
commonName = supplied
"""


def openssl(*args):
    done = subprocess.run(["openssl", *map(str, args)], capture_output=True)
    assert done.returncode == 0, done.stderr.decode()


class Authority:
    """Signs certificates of localhost; others it would not be trusted for."""

    def __init__(self, directory):
        directory.mkdir()
        self.dir, self.pem = directory, directory / "ca.pem"
        (directory / "index").touch()
        (directory / "serial").write_text("01")
        (directory / "conf").write_text(AUTHORITY.format(dir=directory))
        openssl("req", "-x509", *EC, "-nodes", "-days", 2,
                "-subj", "/CN=authority", "-keyout", directory / "ca.key",
                "-out", self.pem)

    def sign(self, name, until="20991231235959Z"):
        base = self.dir / f"{name}-{until}"
        openssl("req", *EC, "-nodes", "-subj", f"/CN={name}",
                "-addext", f"subjectAltName=DNS:{name}",
                "-keyout", f"{base}.key", "-out", f"{base}.csr")
        openssl("ca", "-batch", "-notext", "-config", self.dir / "conf",
                "-cert", self.pem, "-keyfile", self.dir / "ca.key",
                "-startdate", "20200101000000Z", "-enddate", until,
                "-in", f"{base}.csr", "-out", f"{base}.crt")
        return base


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("tls") / "authority")


class Https(harness.Nginx):
    """nginx with a second port that speaks TLS."""

    def __init__(self, directory, root, certificate, server=""):
        self.tls_port = harness.free_port()
        super().__init__(str(directory), root, server=f"""
            listen 127.0.0.1:{self.tls_port} ssl;
            ssl_certificate {certificate}.crt;
            ssl_certificate_key {certificate}.key; {server}""")

    def tls(self, path, port=None):
        return f"https://localhost:{port or self.tls_port}{path}"


@pytest.fixture
def start_https(tmp_path):
    started = []

    def start(certificate, server=""):
        root = tmp_path / "root"
        root.mkdir(exist_ok=True)
        for n in range(20):
            (root / f"doc-{n}").write_bytes(body(n, 3000))
        (root / "large").write_bytes(body(99, 24 << 20))
        started.append(Https(tmp_path / f"nginx-{len(started)}", root, certificate,
                             server))
        return started[-1]

    yield start
    for server in started:
        server.stop()


def failed_of(run):
    events = [json.loads(line) for line in run.out.splitlines()]
    return [e for e in events if e["event"] == "failed"]


def test_small_and_split_files(spate, start_https, authority, out, tmp_path):
    # one connection alone would take three seconds: long enough to be split
    server = start_https(authority.sign("localhost"),
                         "location = /large { limit_rate 8m; }")
    urls = [server.tls(f"/doc-{n}") for n in range(20)] + [server.tls("/large")]
    run = spate(*FAST, "--cacert", authority.pem, "-d", out, "--min-split-size", "2M",
                "-i", write_list(tmp_path / "list", urls))
    assert run.code == 0, run
    want = {f"doc-{n}": body(n, 3000) for n in range(20)}
    assert_files(out, want | {"large": body(99, 24 << 20)})
    ranges = {line.split("\t")[3] for line in open(server.log)
              if "/large" in line}
    assert len(ranges) > 1, "not split"


@pytest.mark.parametrize("name", ["CURL_CA_BUNDLE", "SSL_CERT_FILE"])
def test_authority_of_the_environment(spate, start_https, authority, out, name):
    server = start_https(authority.sign("localhost"))
    run = spate(*FAST, "-d", out, server.tls("/doc-1"), env={name: str(authority.pem)})
    assert run.code == 0, run
    assert_files(out, {"doc-1": body(1, 3000)})


# name: (certificate's name, until, options, words of the reason)
UNTRUSTED = {
    "nobody's authority": ("localhost", "20991231235959Z", False, "issuer|self.signed"),
    "another's name": ("example.org", "20991231235959Z", True, "subject name|not match"),
    "expired": ("localhost", "20210101000000Z", True, "expired"),
}


@pytest.mark.parametrize("case", UNTRUSTED)
def test_server_that_is_not_trusted(spate, start_https, authority, faultd, out,
                                    tmp_path, case):
    name, until, trusted, words = UNTRUSTED[case]
    server = start_https(authority.sign(name, until))
    urls = [server.tls("/doc-1"), faultd.data(7, 100, "other")]
    args = ("-d", out, "-i", write_list(tmp_path / "list", urls))
    trust = ("--cacert", authority.pem) if trusted else ()
    run = spate(*FAST, *trust, "--progress=json", *args)
    assert run.code == 1, run
    (failed,) = failed_of(run)
    assert re.search(words, failed["reason"]), failed
    assert failed["attempts"] == 1, "a certificate does not change by asking again"
    assert_files(out, {"other": body(7, 100)})
    assert not open(server.log).read(), "it was sent a request"
    run = spate(*FAST, "-k", *args)
    assert run.code == 0, run
    assert_files(out, {"other": body(7, 100), "doc-1": body(1, 3000)})


def test_authority_file_that_is_missing(spate, start_https, authority, out):
    server = start_https(authority.sign("localhost"))
    run = spate(*FAST, "--cacert", "/nonexistent.pem", "-d", out, server.tls("/doc-1"))
    assert run.code != 0 and b"/nonexistent.pem" in run.err, run


def test_plain_port_is_no_tls(spate, start_https, authority, out):
    server = start_https(authority.sign("localhost"))
    run = spate(*FAST, "-t", "2", "--progress=json", "-d", out,
                server.tls("/doc-1", port=server.port))
    assert run.code == 1, run
    (failed,) = failed_of(run)
    assert "SSL" in failed["reason"] or "TLS" in failed["reason"], failed
    assert not files_of(out)


@pytest.fixture
def hanging_up():
    """Takes the first message of each connection and hangs up."""
    listener = socket.create_server(("127.0.0.1", 0))
    met = []

    def serve():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                met.append(connection.recv(4096))

    threading.Thread(target=serve, daemon=True).start()
    yield listener.getsockname()[1], met
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def test_handshake_that_is_cut_is_tried_again(spate, hanging_up, out):
    port, met = hanging_up
    run = spate(*FAST, "-t", "3", "--progress=json", "-d", out,
                f"https://127.0.0.1:{port}/f")
    assert run.code == 1, run
    (failed,) = failed_of(run)
    assert failed["attempts"] == 3 and len(met) >= 3, failed
    assert all(hello[:1] == b"\x16" for hello in met), "not a TLS handshake"


def test_server_killed_in_the_middle(spate, start_https, authority, out, tmp_path):
    certificate = authority.sign("localhost")
    server = start_https(certificate, "limit_rate 8m;")
    run = spate.start(*FAST, "-t", "100", "-s", "1", "--cacert", authority.pem,
                      "-d", out, server.tls("/large"))
    part = out / "large.part"
    wait_until(lambda: part.exists() and part.stat().st_size > 4 << 20,
               what="a part of the file")
    server.process.kill()
    server.process.wait()
    conf = tmp_path / "nginx-0" / "nginx.conf"
    conf.write_text(conf.read_text().replace("limit_rate 8m;", ""))
    again = subprocess.Popen([harness.NGINX, "-p", str(conf.parent), "-c", str(conf)],
                             stderr=subprocess.DEVNULL)
    try:
        ended = run.wait(60)
    finally:
        again.kill()
        again.wait()
    assert ended.code == 0, ended
    assert_files(out, {"large": body(99, 24 << 20)})
    ranges = [line.split("\t")[3] for line in open(server.log)]
    assert any(r.startswith("bytes=") for r in ranges), "it began anew"
