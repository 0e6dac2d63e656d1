# SPDX-License-Identifier: MIT
"""SFTP from an sshd of the test's own: host keys, logins, resume."""
import getpass
import os
import shutil
import socket
import sqlite3
import subprocess

import pytest

import harness
from harness import assert_files, body, files_of, wait_until, write_list

SSHD = "/usr/sbin/sshd"
FAST = ("--no-tui", "--progress=json", "--retry-wait", "0", "-v",
        "--allow-protocols", "http,https,sftp")
BIG = 24 << 20

CONF = """
Port {port}
ListenAddress 127.0.0.1
HostKey {dir}/host_key
PidFile none
AuthorizedKeysFile {dir}/authorized
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin yes
MaxStartups 100
Subsystem sftp internal-sftp
"""


def keygen(path):
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path],
                   check=True)
    with open(path + ".pub") as public:
        return public.read().split()[:2]


class Sshd:
    """Its user is who runs the tests, with a key made for them."""

    def __init__(self, directory):
        self.dir = directory
        self.port = harness.free_port()
        self.host_key = keygen(os.path.join(directory, "host_key"))
        self.user_key = os.path.join(directory, "user_key")
        with open(os.path.join(directory, "authorized"), "w") as f:
            f.write(" ".join(keygen(self.user_key)) + "\n")
        with open(os.path.join(directory, "conf"), "w") as f:
            f.write(CONF.format(port=self.port, dir=directory))
        if os.getuid() == 0:
            os.makedirs("/run/sshd", exist_ok=True)  # where sshd changes root to
        self.start()

    def start(self):
        self.log = open(os.path.join(self.dir, "sshd.log"), "ab")
        self.process = harness.popen(
            [SSHD, "-D", "-e", "-f", os.path.join(self.dir, "conf")],
            stderr=self.log)
        wait_until(self._answers, timeout=40, what="sshd")

    def _answers(self):
        assert self.process.poll() is None, self.said()
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True

    def said(self):
        with open(os.path.join(self.dir, "sshd.log"), errors="replace") as log:
            return log.read()

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.log.close()

    def known(self, path, key=None):
        with open(path, "w") as f:
            f.write(f"[127.0.0.1]:{self.port} {' '.join(key or self.host_key)}\n")
        return path

    def url(self, path, user=""):
        return f"sftp://{user}127.0.0.1:{self.port}{path}"


@pytest.fixture
def sshd(tmp_path_factory):
    if not os.access(SSHD, os.X_OK):
        pytest.skip("openssh-server is not installed")
    if not shutil.which("ssh-keygen"):
        pytest.skip("ssh-keygen is not installed")
    if not has_sftp():
        pytest.skip("this libcurl has no sftp")
    server = Sshd(str(tmp_path_factory.mktemp("sshd")))
    yield server
    server.stop()


def has_sftp():
    done = subprocess.run([harness.SPATE, "--allow-protocols", "sftp", "--no-tui",
                           "--dump-config"], capture_output=True)
    return b"has no sftp" not in done.stderr


@pytest.fixture
def login(sshd, tmp_path):
    """The options with which it works."""
    return ("--sftp-known-hosts", sshd.known(tmp_path / "known"),
            "--sftp-key", sshd.user_key)


@pytest.fixture
def root(tmp_path):
    path = tmp_path / "root"
    path.mkdir()
    return path


def put(path, data, when=1_600_000_000):
    path.write_bytes(data)
    os.utime(path, (when, when))
    return data


def failure(run):
    failed = run.event("failed")
    assert run.code == 1 and len(failed) == 1, run
    return failed[0]


def test_files_come_byte_for_byte(spate, sshd, login, root, out):
    want = {"big": put(root / "big", body(1, 3 << 20)),
            "empty": put(root / "empty", b""),
            "with blank": put(root / "with blank", b"blank\r\n")}
    run = spate(*FAST, *login, "-d", out, *(
        sshd.url(f"{root}/{name}".replace(" ", "%20")) for name in want))
    assert run.code == 0, (run, sshd.said())
    assert_files(out, want)
    assert os.stat(out / "big").st_mtime == 1_600_000_000


def test_sftp_is_not_fetched_unless_allowed(spate, sshd, root, out):
    put(root / "f", b"data")
    run = spate("--no-tui", "-d", out, sshd.url(f"{root}/f"))
    assert run.code == 2 and b"--allow-protocols" in run.err, run


def test_unknown_host_key_is_refused(spate, sshd, root, out, tmp_path):
    put(root / "f", b"data")
    for words in ((), ("--insecure",)):
        failed = failure(spate(*FAST, *words, "--sftp-key", sshd.user_key, "-d", out,
                               sshd.url(f"{root}/f")))
        assert "host key is not known" in failed["reason"], failed
        assert "--sftp-known-hosts" in failed["reason"]
        assert failed["attempts"] == 1, "that is for good"
        assert not files_of(out)
        shutil.rmtree(out)
    assert "Accepted" not in sshd.said()
    assert not os.path.exists(os.path.join(spate.home, ".ssh")), "nothing is added"


def test_changed_host_key_is_refused(spate, sshd, login, root, out, tmp_path):
    put(root / "f", b"data")
    other = keygen(str(tmp_path / "other"))
    run = spate(*FAST, *login, "--sftp-known-hosts",
                sshd.known(tmp_path / "wrong", other), "-d", out,
                sshd.url(f"{root}/f"))
    failed = failure(run)
    assert "not the one that is known" in failed["reason"], failed
    assert failed["attempts"] == 1 and "Accepted" not in sshd.said()


def test_known_hosts_and_key_of_the_home(spate, sshd, root, out):
    put(root / "f", b"data")
    ssh = os.path.join(spate.home, ".ssh")
    os.mkdir(ssh)
    sshd.known(os.path.join(ssh, "known_hosts"))
    shutil.copy(sshd.user_key, os.path.join(ssh, "id_ed25519"))
    run = spate(*FAST, "-d", out,
                sshd.url(f"{root}/f", user=getpass.getuser() + "@"))
    assert run.code == 0, (run, sshd.said())
    assert_files(out, {"f": b"data"})


def test_key_of_an_agent(spate, sshd, root, out, tmp_path):
    if not shutil.which("ssh-agent"):
        pytest.skip("ssh-agent is not installed")
    put(root / "f", b"data")
    path = str(tmp_path / "agent")
    agent = harness.popen(["ssh-agent", "-D", "-a", path],
                          stdout=subprocess.DEVNULL)
    try:
        wait_until(lambda: os.path.exists(path), timeout=40, what="the agent")
        subprocess.run(["ssh-add", "-q", sshd.user_key], check=True,
                       env={**os.environ, "SSH_AUTH_SOCK": path},
                       stdin=subprocess.DEVNULL)
        run = spate(*FAST, "--sftp-known-hosts", sshd.known(tmp_path / "known"),
                    "-d", out, sshd.url(f"{root}/f"), env={"SSH_AUTH_SOCK": path})
    finally:
        agent.kill()
        agent.wait()
    assert run.code == 0, (run, sshd.said())


def test_wrong_key_fails_for_good(spate, sshd, login, root, out, tmp_path):
    put(root / "f", b"data")
    keygen(str(tmp_path / "stranger"))
    failed = failure(spate(*FAST, *login, "--sftp-key", tmp_path / "stranger", "-d",
                           out, sshd.url(f"{root}/f")))
    assert failed["attempts"] == 1, failed
    assert b"login" in spate("status", out).out


def test_missing_file_fails_for_good(spate, sshd, login, root, out):
    failed = failure(spate(*FAST, *login, "-d", out, sshd.url(f"{root}/missing")))
    assert failed["attempts"] == 1, failed


def test_thirty_files_eight_at_once(spate, sshd, login, root, out, tmp_path):
    want = {f"f{i}": put(root / f"f{i}", body(i, 10_000 + i)) for i in range(30)}
    lines = write_list(tmp_path / "list", [sshd.url(f"{root}/{n}") for n in want])
    run = spate(*FAST, *login, "-j", "8", "-d", out, "-i", lines)
    assert run.code == 0, (run, sshd.said())
    assert_files(out, want)
    assert sshd.said().count("Accepted") <= 8, "connections are used again"


@pytest.mark.parametrize("changed", [False, True])
def test_killed_run_goes_on_if_the_file_is_the_same(spate, sshd, login, root, out,
                                                    changed):
    put(root / "f", body(1, BIG))
    words = (*FAST, *login, "-d", out, sshd.url(f"{root}/f"))
    run = spate.start(*words, "--limit-rate", "4M")

    def known():
        assert run.process.poll() is None, run.wait()
        try:
            with sqlite3.connect(f"file:{out}/.spate/session.db?mode=ro",
                                 uri=True) as db:
                rows = db.execute("SELECT durable FROM partials").fetchall()
        except sqlite3.OperationalError:
            return False
        return rows and rows[0][0] > 0

    wait_until(known, timeout=40, step=0.05, what="a partial file on record")
    run.kill()
    want = body(1, BIG)
    if changed:
        want = put(root / "f", body(2, BIG), 1_600_000_001)
    ended = spate(*words, "--limit-rate", "0")
    assert ended.code == 0, (ended, sshd.said())
    assert_files(out, {"f": want})
    if not changed:
        assert ended.summary["bytes"] < BIG, "only what was missing"


def test_redirects_never_lead_to_sftp(spate, sshd, login, faultd, root, out):
    """They would be followed with the user's key."""
    put(root / "f", b"data")
    run = spate(*FAST, *login, "-d", out,
                faultd.data(1, 10, "f", redirect=sshd.url(f"{root}/f")))
    assert "sftp" in failure(run)["reason"]
    assert "Accepted" not in sshd.said()
