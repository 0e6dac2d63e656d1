# SPDX-License-Identifier: MIT
"""Each command that README.md and the EXAMPLES of spate(1) show, as it stands
there, in a directory of its own: with what it talks about prepared, and
example.org on this machine."""
import gzip
import hashlib
import http.server
import os
import re
import shutil
import subprocess
import threading
import time

import pytest

from harness import PATIENCE, SPATE, TOP, wait_until

ISO = bytes(range(256)) * 400


def lines_of_readme():
    with open(os.path.join(TOP, "README.md"), encoding="utf-8") as file:
        text = file.read()
    part = text.split("## Things people do with it", 1)[1]
    block = re.search(r"^```sh\n(.*?)^```$", part, flags=re.M | re.S)[1]
    return [line.partition("#")[0].strip() for line in block.splitlines()]


def lines_of_manual():
    with open(os.path.join(TOP, "man/spate.1"), encoding="utf-8") as file:
        text = file.read()
    part = text.split(".SH EXAMPLES", 1)[1].split(".SH ", 1)[0]
    blocks = re.findall(r"^\.RS\n(.*?)^\.RE$", part, flags=re.M | re.S)
    return [line.replace("\\-", "-").replace("\\(aq", "'").replace("\\(dq", '"')
            for block in blocks for line in block.splitlines() if line != ".br"]


class Origin(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        path = self.path.partition("?")[0]
        if path.startswith("/slow"):
            self.server.over.wait(0.3)
        content = ISO if path.endswith(".iso") else b'{"path": "%s"}' % path.encode()
        self.send_response(404 if "missing" in path else 200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


@pytest.fixture
def origin():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Origin)
    server.daemon_threads = True
    server.over = threading.Event()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.over.set()
    server.shutdown()
    server.server_close()


def prepare(here, origin, command):
    """urls.txt and its kin; the words that only stand for something."""
    urls = [f"{origin}/{i}.json" for i in range(5)]
    if "failed" in command:
        urls.append(f"{origin}/missing.json")
    (here / "urls.txt").write_text("".join(f"{url}\n" for url in urls))
    with gzip.open(here / "tasks.csv.gz", "wt") as table:
        table.write("url,out,header\n")
        table.writelines(f"{url},{i}.json,X-Number: {i}\n" for i, url in enumerate(urls))
    (here / "slow.txt").write_text("".join(f"{origin}/slow/{i}\n" for i in range(400)))
    command = command.replace("https://example.org", origin)
    command = command.replace("9b74…", hashlib.sha256(ISO).hexdigest())
    return "make-urls() { cat urls.txt; }\n" + command


def needs(command):
    """What must have been before: '' nothing, 'done', 'running'."""
    words = command.split()
    if words[1] in ("set", "ctl", "attach"):
        return "running"
    return "done" if words[1] in ("resume", "status", "failed") else ""


def run(spate, here, command, expected=(0,)):
    done = subprocess.run(["bash", "-c", command], cwd=here, capture_output=True,
                          stdin=subprocess.DEVNULL, timeout=60 * PATIENCE, env=environment(spate))
    assert done.returncode in expected, done
    return done


def environment(spate):
    return spate.env | {"PATH": os.path.dirname(SPATE) + ":" + os.environ["PATH"]}


def files(directory):
    return sorted(p.name for p in directory.rglob("*")
                  if p.is_file() and ".spate" not in p.parts)


def json_names(here):
    return [line.rpartition("/")[2] for line in
            (here / "urls.txt").read_text().split() if "missing" not in line]


def test_the_lines_are_found():
    assert len(lines_of_readme()) >= 15 and len(lines_of_manual()) >= 7
    assert all("spate" in line for line in lines_of_readme() + lines_of_manual())


@pytest.mark.every
@pytest.mark.parametrize("command", lines_of_readme() + lines_of_manual())
def test_command(spate, terminal, origin, tmp_path, command):
    here = tmp_path / "here"
    here.mkdir()
    text = prepare(here, origin, command)
    before = needs(command)
    if "jq" in command and not shutil.which("jq"):
        text = "jq() { cat; }\n" + text
    if before == "done":
        run(spate, here, "spate -d data -i urls.txt -q", (0, 1))
    if before == "running":
        spate.start("-d", "data", "-i", "slow.txt", "-j", "2", "-q", cwd=here)
        wait_until(lambda: spate("ctl", "data", "status", cwd=here).code == 0)
    if " attach " in command:
        attach(terminal, here, command)
    elif "--follow" in command:
        follow(spate, here, text)
    else:
        done = run(spate, here, text, (1,) if "failed data" in command else (0,))
        look(spate, here, command, done)


def attach(terminal, here, command):
    tui = terminal(*(here / "data" if word == "data" else word
                     for word in command.split()[1:]))
    tui.wait_for("slow")
    tui.send(":detach\r")
    assert tui.wait_exit(10) == 0


def follow(spate, here, text):
    child = spate.start(*text.splitlines()[-1].split()[1:], cwd=here)
    wait_until(lambda: files(here / "data") == json_names(here))
    with open(here / "urls.txt", "a") as listing:
        listing.write((here / "urls.txt").read_text().split()[0] + ".later\n")
    wait_until(lambda: "0.json.later" in files(here / "data"))
    child.signal(2)
    assert child.wait().code == 4


def look(spate, here, command, done):
    """That it did what its comment says."""
    if "a.iso" in command or "c.iso" in command:
        for name in re.findall(r"\w\.iso", command):
            assert (here / name).read_bytes() == ISO
    elif " -D " in command:
        wait_until(lambda: files(here / "data") == json_names(here))
    elif "--output tar" in command:
        assert any(".tar" in name for name in files(here / "data"))
    elif command.startswith("spate set") or command.startswith("spate ctl"):
        status = spate("ctl", "data", "get", "rate", cwd=here)
        assert status.code == 0 and (" set " not in command or status.out == b"20/s\n")
    elif "failed data" in command:  # what is missing is missing again
        assert files(here / "again") == [] and b"missing.json" in done.stdout + done.stderr
    elif command.startswith("spate status"):
        assert re.search(rb"done +5\b", done.stdout)
    else:
        assert set(json_names(here)) <= set(files(here / "data")), done
    if "--results" in command:
        assert len((here / "done.jsonl").read_text().splitlines()) == 5
