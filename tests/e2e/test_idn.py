# SPDX-License-Identifier: MIT
"""Host names beyond ASCII: what is asked, and that they are one host and one
object in whatever form they are typed. Below .localhost all is loopback."""
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from harness import assert_files, write_list

TYPED = "münchen.localhost"
ASKED = "xn--mnchen-3ya.localhost"


class Server:
    """Answers each path with its name; /to goes where `target` says."""

    def __init__(self):
        outer = self
        self.target, self.seen = "", []

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                outer.seen.append((self.path, dict(self.headers.items())))
                text = self.path.encode()
                self.send_response(302 if self.path == "/to" else 200)
                if self.path == "/to":
                    text = b""
                    target = outer.target.encode().decode("latin-1")
                    self.send_header("Location", target)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def url(self, path, host=TYPED):
        return f"http://{host}:{self.port}{path}"

    def hosts(self):
        return [headers["Host"] for _, headers in self.seen]


@pytest.fixture
def server(spate):
    run = spate("--no-tui", "http://é.localhost:0/")
    if b"xn-- form" in run.err:
        pytest.skip("built without libidn2")
    server = Server()
    yield server
    server.server.shutdown()
    server.server.server_close()


def test_the_ascii_form_is_asked(spate, server, out):
    run = spate("--no-tui", "-d", out, "--layout", "path", server.url("/a/f"))
    assert run.code == 0, run
    assert server.hosts() == [f"{ASKED}:{server.port}"]
    assert_files(out, {f"{ASKED}_{server.port}/a/f": b"/a/f"})


@pytest.mark.parametrize("first,then", [(TYPED, ASKED), (ASKED, "MÜNCHEN.localhost")])
def test_both_forms_are_one_object(spate, server, out, tmp_path, first, then):
    one = write_list(tmp_path / "list", [server.url("/f", first)])
    run = spate("--no-tui", "-d", out, "-i", one)
    assert run.code == 0, run
    write_list(tmp_path / "list", [server.url("/f", then), server.url("/g", then)])
    run = spate("--no-tui", "-d", out, "-i", one)
    assert run.code == 0, run
    assert [path for path, _ in server.seen] == ["/f", "/g"]
    assert_files(out, {"f": b"/f", "g": b"/g"})


def test_redirects_lead_to_such_hosts(spate, server, out):
    server.target = server.url("/there")
    run = spate("--no-tui", "-d", out, server.url("/to", "127.0.0.1"))
    assert run.code == 0, run
    assert server.hosts()[1] == f"{ASKED}:{server.port}"
    assert_files(out, {"to": b"/there"})


def test_a_redirect_to_a_name_that_is_none_fails(spate, server, out):
    server.target = server.url("/there", "a\u2100b.é.localhost")
    run = spate("--no-tui", "--progress=json", "-t", "1", "-d", out,
                server.url("/to", "127.0.0.1"))
    assert run.code == 1, run
    assert "its host name has an odd character" in run.event("failed")[0]["reason"]
    assert len(server.seen) == 1


def test_limits_and_headers_of_such_hosts(spate, server, out, tmp_path):
    ini = tmp_path / "my.ini"
    ini.write_text(f"[host {TYPED}]\nheader = X-Mine: yes\n")
    run = spate("--no-tui", "-d", out, "--config", ini, "--progress=json",
                "--host-limit", f"{TYPED},per-host=1",
                server.url("/f"), server.url("/g", ASKED))
    assert run.code == 0, run
    assert [headers.get("X-Mine") for _, headers in server.seen] == ["yes"] * 2


def test_addresses_of_such_hosts(spate, server, out):
    name = "münchen.example"
    run = spate("--no-tui", "-d", out, "--resolve",
                f"{name}:{server.port}:127.0.0.1", server.url("/f", name))
    assert run.code == 0, run
    assert server.hosts() == [f"xn--mnchen-3ya.example:{server.port}"]


@pytest.mark.parametrize("name,says", [
    ("-é.example", "no international domain name may have"),
    ("é" * 64 + ".example", "63 letters"),
    ("a\u2100b.é.example", "odd character")])
def test_a_name_that_is_none_is_refused(spate, out, server, name, says):
    run = spate("--no-tui", "-d", out, server.url("/f", name))
    assert run.code == 2 and says in run.err.decode(), run


def test_a_name_that_is_none_in_a_list(spate, server, out, tmp_path):
    urls = [server.url("/f"), server.url("/g", "-é.example")]
    run = spate("--no-tui", "-d", out, "-i", write_list(tmp_path / "list", urls))
    assert run.code == 1, run
    assert "list:2: its host name has what" in run.err.decode(), run
    assert_files(out, {"f": b"/f"})
