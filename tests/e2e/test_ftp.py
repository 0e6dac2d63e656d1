# SPDX-License-Identifier: MIT
"""FTP and FTPS: whole files, resume, replies, many at once, credentials."""
import json
import os
import signal
import socket
import sqlite3
import subprocess
import time

import pytest

import harness
from harness import assert_files, body, files_of, wait_until, write_list

pytest.importorskip("pyftpdlib", reason="python3-pyftpdlib is not installed")
SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "ftp_server.py")
FAST = ("--no-tui", "--progress=json", "--retry-wait", "0", "-v")
FTP = (*FAST, "--allow-protocols", "http,https,ftp,ftps")
BIG = 24 << 20


class Ftp:
    def __init__(self, directory, root, scheme="ftp", **options):
        self.root, self.scheme, self.options = str(root), scheme, options
        self.log = os.path.join(directory, "ftp.log")
        self.port = 0
        self.start()

    def start(self):
        self.process = harness.popen(
            ["/usr/bin/python3", "-W", "ignore", SCRIPT, self.root, str(self.port),
             self.log, *(f"{k}={v}" for k, v in self.options.items())],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        word, _, port = self.process.stdout.readline().decode().partition(" ")
        assert word == "PORT", "the FTP server did not start"
        self.port = int(port)

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def url(self, path, user="user:s3cr3t@", host="127.0.0.1"):
        return f"{self.scheme}://{user}{host}:{self.port}/{path}"

    def commands(self, *names):
        with open(self.log) as log:
            lines = log.read().splitlines()
        return [line for line in lines if line.split(" ")[0] in names]


@pytest.fixture
def root(tmp_path):
    path = tmp_path / "root"
    path.mkdir()
    return path


@pytest.fixture
def start_ftp(tmp_path_factory, root):
    servers = []

    def start(**options):
        servers.append(Ftp(str(tmp_path_factory.mktemp("ftp")), root, **options))
        return servers[-1]

    yield start
    for server in servers:
        if server.process.poll() is None:
            server.kill()


@pytest.fixture
def ftp(start_ftp):
    return start_ftp()


def put(root, name, data, when=1_600_000_000):
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    os.utime(path, (when, when))
    return data


def failure(run):
    failed = run.event("failed")
    assert run.code == 1 and len(failed) == 1, run
    return failed[0]


def wait_for_partial(out):
    """Until the session knows of some bytes on the disk."""
    def known():
        try:
            with sqlite3.connect(f"file:{out}/.spate/session.db?mode=ro",
                                 uri=True) as db:
                rows = db.execute("SELECT durable FROM partials").fetchall()
        except sqlite3.OperationalError:
            return False
        return rows and rows[0][0] > 0
    wait_until(known, timeout=40, step=0.05, what="a partial file on record")


# ---- what is allowed -----------------------------------------------------------


def test_ftp_is_not_fetched_unless_allowed(spate, ftp, root, out):
    put(root, "f", b"data")
    run = spate(*FAST, "-d", out, ftp.url("f"))
    assert run.code == 2 and b"--allow-protocols" in run.err, run
    assert b"s3cr3t" not in run.err
    assert ftp.commands("CONNECT") == [] and not out.exists()


def test_ftp_line_of_a_list_fails_unless_allowed(spate, ftp, faultd, root, out,
                                                 tmp_path):
    put(root, "f", b"data")
    lines = write_list(tmp_path / "list", [ftp.url("f"), faultd.data(1, 9, "g")])
    run = spate(*FAST, "-d", out, "-i", lines)
    assert "--allow-protocols" in failure(run)["reason"]
    assert_files(out, {"g": body(1, 9)})
    run = spate(*FAST, "--strict", "-d", tmp_path / "other", "-i", lines)
    assert run.code == 2 and b"--allow-protocols" in run.err, run
    # allowed later, the session goes on with it
    run = spate("retry", out, "--allow-protocols", "http,ftp", "--no-tui")
    assert run.code == 0, run
    assert_files(out, {"g": body(1, 9), "f": b"data"})


@pytest.mark.parametrize("names", ["gopher", "http,,ftp", "http;ftp", "file"])
def test_lists_that_are_none_are_refused(spate, names):
    run = spate("--allow-protocols", names, "http://127.0.0.1:9/")
    assert run.code == 2 and b"http, https, ftp, ftps, sftp" in run.err, run


def test_http_may_be_forbidden(spate, faultd, out):
    run = spate(*FAST, "--allow-protocols", "https", "-d", out, faultd.data(1, 9))
    assert run.code == 2 and b"http is not among" in run.err, run


@pytest.mark.parametrize("path", ["", "dir/", "dir%2f", "f;type=a", "f?x=1"])
def test_what_names_no_file_is_refused(spate, ftp, out, path):
    run = spate(*FTP, "-d", out, ftp.url(path))
    assert run.code == 2, run
    assert ftp.commands("CONNECT") == []


def test_redirect_to_ftp_needs_permission(spate, ftp, faultd, root, out, tmp_path):
    put(root, "f", b"data")
    url = faultd.data(1, 10, "f", redirect=ftp.url("f", user=""))
    assert "allow-protocols" in failure(spate(*FAST, "-d", out, url))["reason"]
    assert ftp.commands("CONNECT") == []
    run = spate(*FTP, "-u", "user:s3cr3t", "-d", tmp_path / "two", url)
    assert run.code == 0, run
    assert_files(tmp_path / "two", {"f": b"data"})
    assert ftp.commands("USER") == ["USER anonymous"], "-u is for the origin"


def test_method_is_for_http(spate, ftp, root, out):
    """libcurl would send it in place of RETR."""
    put(root, "f", b"data")
    line = json.dumps({"url": ftp.url("f"), "method": "DELE"}) + "\n"
    run = spate(*FTP, "-d", out, "-i", "-", "--input-format", "jsonl",
                input=line.encode())
    assert "method" in failure(run)["reason"]
    assert ftp.commands("CONNECT") == []


# ---- files ---------------------------------------------------------------------


def test_files_come_byte_for_byte(spate, ftp, root, out):
    want = {"big.bin": put(root, "big.bin", body(1, 3 << 20)),
            "small.txt": put(root, "a/b/small.txt", b"one\r\ntwo\n\x00\xff"),
            "empty": put(root, "empty", b""),
            "with blank": put(root, "with blank", b"blank")}
    run = spate(*FTP, "-d", out, ftp.url("big.bin"), ftp.url("a/b/small.txt"),
                ftp.url("empty"), ftp.url("with%20blank"))
    assert run.code == 0, run
    assert_files(out, want)
    for name in want:
        assert os.stat(out / name).st_mtime == 1_600_000_000
    assert {e["status"] for e in run.event("done")} <= {226, 213, 250}, run


def test_anonymous_is_the_default(spate, ftp, root, out):
    put(root, "f", b"data")
    run = spate(*FTP, "-d", out, ftp.url("f", user=""))
    assert run.code == 0, run
    assert ftp.commands("USER") == ["USER anonymous"]


def test_user_and_netrc(spate, ftp, root, out, tmp_path):
    put(root, "f", b"data")
    run = spate(*FTP, "-u", "user:s3cr3t", "-d", out, ftp.url("f", user=""))
    assert run.code == 0, run
    with open(os.path.join(spate.home, ".netrc"), "w") as netrc:
        netrc.write("machine 127.0.0.1 login user password s3cr3t\n")
    run = spate(*FTP, "--netrc", "-d", tmp_path / "2", ftp.url("f", user=""))
    assert run.code == 0, run
    assert ftp.commands("USER") == ["USER user"] * 2


def test_fifty_files_eight_at_once(spate, ftp, root, out, tmp_path):
    want = {f"f{i}": put(root, f"f{i}", body(i, 10_000 + i)) for i in range(50)}
    lines = write_list(tmp_path / "list", [ftp.url(name) for name in want])
    run = spate(*FTP, "-j", "8", "-d", out, "-i", lines)
    assert run.code == 0, run
    assert_files(out, want)
    assert len(ftp.commands("CONNECT")) <= 8, "connections are used again"


def test_per_host_limit_holds(spate, ftp, root, out, tmp_path):
    want = {f"f{i}": put(root, f"f{i}", body(i, 5000)) for i in range(12)}
    lines = write_list(tmp_path / "list", [ftp.url(name) for name in want])
    run = spate(*FTP, "--per-host", "2", "-d", out, "-i", lines)
    assert run.code == 0, run
    assert_files(out, want)
    assert len(ftp.commands("CONNECT")) <= 2


def test_ftps(spate, start_ftp, root, out, tmp_path):
    pytest.importorskip("OpenSSL", reason="python3-openssl is not installed")
    pem = tmp_path / "pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
         "-keyout", pem, "-out", str(pem) + ".crt"], check=True,
        capture_output=True)
    with open(pem, "a") as both, open(str(pem) + ".crt") as crt:
        both.write(crt.read())
    server = start_ftp(pem=pem, scheme="ftps")
    want = {"f": put(root, "f", body(1, 300_000))}
    url = server.url("f", host="localhost")
    run = spate(*FTP, "-t", "1", "-d", tmp_path / "no", url)
    assert run.code == 1 and not files_of(tmp_path / "no"), "not trusted"
    run = spate(*FTP, "-t", "1", "--cacert", str(pem) + ".crt", "-d", out, url)
    assert run.code == 0, run
    assert_files(out, want)


def test_mirrors_over_http_and_ftp(spate, ftp, faultd, root, out, tmp_path):
    """The FTP source cannot be asked for ranges, and takes over as a whole."""
    want = put(root, "f", body(3, 100_000))
    lines = tmp_path / "list"
    lines.write_text(f"{faultd.data(3, 100_000, 'f', status=404)}\t{ftp.url('f')}\n")
    run = spate(*FTP, "--input-format", "aria2", "-d", out, "-i", lines)
    assert run.code == 0, run
    assert_files(out, {"f": want})
    # and where it is not allowed the others have to do
    lines.write_text(f"{ftp.url('f')}\t{faultd.data(3, 100_000, 'f')}\n")
    run = spate(*FAST, "--input-format", "aria2", "-d", tmp_path / "2", "-i", lines)
    assert run.code == 0, run
    assert_files(tmp_path / "2", {"f": want})


# ---- failures ------------------------------------------------------------------


def test_missing_file_fails_for_good(spate, ftp, out):
    failed = failure(spate(*FTP, "-d", out, ftp.url("missing")))
    assert failed["status"] == 550 and failed["attempts"] == 1, failed
    assert failed["reason"].startswith("FTP 550"), failed
    assert b"ftp-550" in spate("status", out).out


def test_missing_directory_fails_for_good(spate, ftp, out):
    failed = failure(spate(*FTP, "-d", out, ftp.url("no/such/f")))
    assert failed["status"] == 550 and failed["attempts"] == 1, failed


def test_wrong_password_fails_for_good(spate, ftp, root, out):
    put(root, "f", b"data")
    failed = failure(spate(*FTP, "-d", out, ftp.url("f", user="user:wr0ng@")))
    assert failed["status"] == 530 and failed["attempts"] == 1, failed


def test_busy_file_is_tried_again(spate, start_ftp, root, out, tmp_path):
    server = start_ftp(busy=tmp_path / "busy")
    want = put(root, "f", b"data")
    run = spate(*FTP, "-d", out, server.url("f"))
    assert run.code == 0 and run.summary["retries"] == 1, run
    assert_files(out, {"f": want})


def test_too_many_connections_make_the_host_wait(spate, start_ftp, root, out,
                                                 tmp_path):
    server = start_ftp(most=2, rate=200_000)
    want = {f"f{i}": put(root, f"f{i}", body(i, 20_000)) for i in range(12)}
    lines = write_list(tmp_path / "list", [server.url(name) for name in want])
    run = spate(*FTP, "-t", "1", "-j", "6", "-d", out, "-i", lines)
    assert run.code == 0, run
    assert_files(out, want)
    assert run.summary["throttled"] > 0, run


def test_server_that_nobody_listens_on(spate, ftp, out):
    ftp.kill()
    failed = failure(spate(*FTP, "-t", "2", "-d", out, ftp.url("f")))
    assert failed["attempts"] == 2, failed


# ---- resume --------------------------------------------------------------------


def killed_in_the_middle(spate, server, root, out, *args):
    put(root, "f", body(1, BIG))
    run = spate.start(*FTP, "--limit-rate", "4M", *args, "-d", out, server.url("f"))
    wait_for_partial(out)
    run.kill()
    assert not (out / "f").exists() and (out / "f.part").exists()


def offsets(server):
    return [int(line.split()[1]) for line in server.commands("REST")
            if line != "REST 0"]


def test_killed_run_goes_on_where_it_was(spate, ftp, root, out):
    killed_in_the_middle(spate, ftp, root, out)
    run = spate(*FTP, "--limit-rate", "0", "-d", out, ftp.url("f"))
    assert run.code == 0, run
    assert_files(out, {"f": body(1, BIG)})
    assert len(offsets(ftp)) == 1 and offsets(ftp)[0] > 0
    assert run.summary["bytes"] == BIG - offsets(ftp)[0], "only what was missing"


@pytest.mark.parametrize("change", ["time", "size", "shorter"])
def test_changed_file_starts_over(spate, ftp, root, out, change):
    killed_in_the_middle(spate, ftp, root, out)
    size = {"time": BIG, "size": BIG + 5, "shorter": 1000}[change]
    when = 1_600_000_007 if change == "time" else 1_600_000_000
    put(root, "f", body(2, size), when)
    run = spate(*FTP, "--limit-rate", "0", "-d", out, ftp.url("f"))
    assert run.code == 0, run
    assert_files(out, {"f": body(2, size)})


def test_server_without_a_time_is_not_resumed_at(spate, start_ftp, root, out):
    """The size alone could be another file's."""
    server = start_ftp(without="MDTM")
    put(root, "f", body(1, BIG))
    run = spate.start(*FTP, "--limit-rate", "4M", "-d", out, server.url("f"))
    wait_for_partial(out)
    run.kill()
    put(root, "f", body(2, BIG))
    run = spate(*FTP, "--limit-rate", "0", "-d", out, server.url("f"))
    assert run.code == 0 and offsets(server) == [], run
    assert_files(out, {"f": body(2, BIG)})


@pytest.mark.slow
def test_server_without_rest_starts_over(spate, ftp, start_ftp, root, out):
    killed_in_the_middle(spate, ftp, root, out)
    ftp.kill()
    ftp.options["without"] = "REST"
    ftp.start()
    run = spate(*FTP, "--limit-rate", "0", "-d", out, ftp.url("f"))
    assert run.code == 0, run
    assert_files(out, {"f": body(1, BIG)})


@pytest.mark.slow
def test_server_dies_and_comes_back(spate, ftp, root, out):
    put(root, "f", body(1, BIG))
    run = spate.start(*FTP, "--limit-rate", "6M", "-t", "60", "--retry-max-wait",
                      "1", "--retry-wait", "0.3", "-d", out, ftp.url("f"))
    wait_for_partial(out)
    ftp.kill()
    time.sleep(0.5)
    ftp.start()
    ended = run.wait(90)
    assert ended.code == 0, ended
    assert_files(out, {"f": body(1, BIG)})
    assert offsets(ftp) and offsets(ftp)[0] > 0


@pytest.mark.slow
def test_pause_and_go_on(spate, ftp, root, out):
    put(root, "f", body(1, BIG))
    run = spate.start(*FTP, "--limit-rate", "6M", "-d", out, ftp.url("f"))
    wait_for_partial(out)
    assert spate("ctl", out, "pause").code == 0
    wait_until(lambda: json.loads(spate("ctl", out, "status").out)["paused"],
               timeout=40)
    time.sleep(0.5)
    assert spate("ctl", out, "resume").code == 0
    assert spate("set", out, "limit-rate", "0").code == 0
    ended = run.wait(90)
    assert ended.code == 0, ended
    assert_files(out, {"f": body(1, BIG)})


@pytest.mark.slow
def test_interrupted_and_resumed(spate, ftp, root, out):
    put(root, "f", body(1, BIG))
    run = spate.start(*FTP, "--limit-rate", "4M", "-d", out, ftp.url("f"))
    wait_for_partial(out)
    run.signal(signal.SIGINT)
    assert run.wait().code == 4
    ended = spate("resume", out, "--limit-rate", "0", "--no-tui")
    assert ended.code == 0, ended
    assert_files(out, {"f": body(1, BIG)})
    assert len(offsets(ftp)) == 1


def test_rate_limit_holds(spate, ftp, root, out):
    put(root, "f", body(1, 2 << 20))
    begun = time.monotonic()
    run = spate(*FTP, "--limit-rate", "1M", "-d", out, ftp.url("f"))
    assert run.code == 0 and time.monotonic() - begun > 1.2, run


# ---- names and secrets ---------------------------------------------------------


@pytest.mark.parametrize("path", ["%2f..%2f..%2fescaped", "..%2f..%2fescaped",
                                  "a/%2e%2e/escaped", "%1b%5b2Jescaped",
                                  "x%0d%0aDELE%20escaped"])
def test_hostile_paths_stay_inside(spate, ftp, root, out, path, tmp_path):
    put(root, "escaped", b"data")
    before = set(os.listdir(tmp_path))
    spate(*FTP, "-t", "1", "-d", out, ftp.url(path))
    assert set(os.listdir(tmp_path)) - before <= {"out"}
    for name in files_of(out):
        assert "\x1b" not in name and "\n" not in name
        assert ".." not in name.split("/")
    assert ftp.commands("DELE") == []
    assert (root / "escaped").exists()


def test_credentials_are_shown_nowhere(spate, ftp, root, out, tmp_path):
    put(root, "f", body(1, 4 << 20))
    run = spate.start(*FTP, "--limit-rate", "2M", "-d", out, "--results",
                      "results", ftp.url("f"), ftp.url("missing"))
    wait_until(lambda: ftp.commands("RETR"), timeout=40, what="the transfer")
    with open(f"/proc/{run.pid}/cmdline", "rb") as words:
        assert b"s3cr3t" not in words.read()
    shown = b"".join(spate("ctl", out, *words).out
                     for words in (("status",), ("snapshot",)))
    shown += spate("status", out, "--json").out
    ended = run.wait()
    assert ended.code == 1, ended
    shown += ended.out + ended.err + spate("status", out).out
    shown += (out / ".spate" / "log").read_bytes()
    results = [os.path.join(at, "results") for at, _, names in os.walk(tmp_path)
               if "results" in names]
    assert len(results) == 1
    with open(results[0], "rb") as lines:
        shown += lines.read()
    with sqlite3.connect(f"file:{out}/.spate/session.db?mode=ro", uri=True) as db:
        shown += "\n".join(db.iterdump()).encode()
    assert b"missing" in shown and b"s3cr3t" not in shown


# ---- servers that do not behave ------------------------------------------------


class Rude(harness.OwnServer):
    """An FTP server by hand: sends the files, and then leaves out what its
    faults say: the word at the end of a file, or any word to QUIT."""

    def __init__(self, data, faults):
        self.data, self.faults = data, faults
        super().__init__()

    def serve(self, peer, turn):
        reader, start, passive = peer.makefile("rb"), 0, None

        def say(text):
            peer.sendall(text.encode() + b"\r\n")

        say("220 ready")
        answers = {"USER": "331 ?", "PASS": "230 in", "PWD": '257 "/"', "CWD": "250 .",
                   "TYPE": "200 .", "MDTM": "213 20200913122640",
                   "SIZE": f"213 {len(self.data)}"}
        for line in reader:
            word, _, rest = line.decode().strip().partition(" ")
            if word == "EPSV":
                passive = socket.create_server(("127.0.0.1", 0))
                say(f"229 ok (|||{passive.getsockname()[1]}|)")
            elif word == "REST":
                start = int(rest)
                say("350 .")
            elif word == "RETR":
                say("150 here")
                data, _ = passive.accept()
                data.sendall(self.data[start:])
                data.close()
                start = 0
                if "end" not in self.faults:
                    say("226 done")
            elif word != "QUIT":
                say(answers.get(word, "502 no"))
            elif "quit" not in self.faults:
                say("221 bye")


@pytest.mark.slow
@pytest.mark.parametrize("faults", [("end",), ("quit",), ("end", "quit")])
def test_server_that_goes_silent_holds_nobody_up(spate, faultd, out, tmp_path, faults):
    """libcurl waits a minute and more for such words, and the loop with it."""
    rude = Rude(body(1, 50_000), faults)
    lines = write_list(tmp_path / "list", [
        f"ftp://127.0.0.1:{rude.port}/f",
        *(faultd.data(i, 100, f"h{i}", delay=500) for i in range(2, 12))])
    begun = time.monotonic()
    run = spate(*FTP, "-t", "3", "-j", "2", "-d", out, "-i", lines)
    rude.stop()
    assert time.monotonic() - begun < 45, "it waited for the server"
    have = files_of(out)
    have.pop("f", None)
    assert len(have) == 10, run
    if "end" not in faults:
        assert run.code == 0, run
        assert (out / "f").read_bytes() == body(1, 50_000)
