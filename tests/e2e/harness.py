# SPDX-License-Identifier: MIT
"""What the end-to-end tests are made of: servers, runs of spate, terminals.

Nothing here knows a test. Servers listen on 127.0.0.1, on ports of their own,
keep all their files below a directory given, and die with the process that
started them.
"""
import ctypes
import fcntl
import glob
import hashlib
import json
import os
import pty
import random
import select
import shutil
import signal
import socket
import sqlite3
import struct
import subprocess
import termios
import threading
import time
import urllib.request

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("SPATE_BUILD") or os.path.join(TOP, "build")
SPATE = os.path.abspath(os.environ.get("SPATE") or os.path.join(BUILD, "spate"))
FAULTD = os.path.abspath(
    os.environ.get("SPATE_FAULTD") or os.path.join(BUILD, "tests/faultd"))
NGINX = "/usr/sbin/nginx"

# ---- bodies: the generator of tests/faultd-body.h ------------------------

PERIOD = 65521
_M64 = (1 << 64) - 1


def _make_base():
    x, out = 1, bytearray()
    for _ in range(PERIOD):
        x = (x * 6364136223846793005 + 1442695040888963407) & _M64
        out.append(x >> 56)
    return bytes(out)


_BASE = _make_base()
_MASKS = [bytes(i ^ m for i in range(256)) for m in range(256)]


def _mix(x):
    x = (x + 0x9E3779B97F4A7C15) & _M64
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & _M64
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & _M64
    return x ^ (x >> 31)


def body(seed, size, start=0):
    """Bytes start .. start+size-1 of the body that faultd makes of a seed."""
    pos = start + (_mix(seed) & ((1 << 40) - 1))
    parts = []
    while size > 0:
        turn, at = divmod(pos, PERIOD)
        n = min(size, PERIOD - at)
        parts.append(_BASE[at:at + n].translate(
            _MASKS[(turn * 167 + (turn >> 8) * 59) & 0xFF]))
        pos += n
        size -= n
    return b"".join(parts)


# ---- what sanitizers say ---------------------------------------------------


def _instrumented():
    """Whether the programs are built with a sanitizer."""
    try:
        with open(SPATE, "rb") as program:
            code = program.read()
    except OSError:
        return False
    return any(mark in code for mark in (b"__asan_init", b"__tsan_init",
                                         b"__ubsan_handle"))


INSTRUMENTED = _instrumented()
VALGRIND = bool(os.environ.get("SPATE_VALGRIND"))


REPORTED = "a sanitizer reports"


class Reports:
    """What sanitizers (and valgrind, see run) say about the programs of a test
    goes to files of its own: what would be seen by nobody, as of a run that is
    killed or a detached one, is a failure too, and one without a second chance
    (runner.py)."""

    def __init__(self, directory):
        self.path = os.path.join(directory, "sanitizer")
        names = ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS")
        self.env = {name: f"{os.environ.get(name, '')}:log_path={self.path}"
                    for name in names} if INSTRUMENTED else {}

    def check(self):
        for name in sorted(glob.glob(glob.escape(self.path) + ".*")):
            with open(name, errors="replace") as report:
                # valgrind's own words, on calls it does not know
                said = "".join(line for line in report if line[:2] != "--")
            assert not said, f"{REPORTED}:\n{said}"


# ---- processes -----------------------------------------------------------

_LIBC = ctypes.CDLL(None, use_errno=True)
_SETPRIV, _SETSID = shutil.which("setpriv"), shutil.which("setsid")


def _die_with_parent(terminal=False):
    if terminal:
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    if hasattr(_LIBC, "prctl"):
        _LIBC.prctl(1, signal.SIGTERM, 0, 0, 0)  # PR_SET_PDEATHSIG


def popen(args, env=None, terminal=False, **options):
    """A process that ends when this one does; with `terminal` its standard
    input is its terminal.

    What runs between fork and exec makes Python copy itself, which costs more
    than most of what is started here: other programs do it. Not where a library
    is preloaded, which would be loaded into those too."""
    first = []
    if _SETPRIV and _SETSID and "LD_PRELOAD" not in (os.environ if env is None
                                                     else env):
        first = [_SETPRIV, "--pdeathsig", "TERM"]
        if terminal:
            first += [_SETSID, "-c"]
    else:
        options["preexec_fn"] = lambda: _die_with_parent(terminal)
    return subprocess.Popen([*first, *args], env=env, **options)


# How many times as long as on an idle machine a test waits before it says that
# something never comes; more of it for programs under valgrind.
PATIENCE = float(os.environ.get("SPATE_E2E_PATIENCE") or 3)


def wait_until(condition, timeout=10.0, step=0.01, what="a condition"):
    """The first true value of condition(); fails loudly after the timeout."""
    timeout *= PATIENCE
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {timeout} s in vain for {what}")
        time.sleep(step)


def free_port():
    """A port that is free, below those the system gives to connections."""
    while True:
        port = random.SystemRandom().randrange(10000, 32000)
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


class OwnServer:
    """A server by hand: a thread of its own runs serve(peer, turn) for each
    connection, turn counting from 1. A client that goes away is no error."""

    def __init__(self):
        self.turn, self.over = 0, threading.Event()
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def serve(self, peer, turn):
        raise NotImplementedError

    def _accept(self):
        while not self.over.is_set():
            try:
                peer, _ = self.socket.accept()
            except OSError:
                return
            self.turn += 1
            threading.Thread(target=self._serve, daemon=True,
                             args=(peer, self.turn)).start()

    def _serve(self, peer, turn):
        with peer:
            try:
                self.serve(peer, turn)
            except OSError:
                pass

    def stop(self):
        self.over.set()
        self.socket.close()


class Server:
    process = None
    port = 0

    def url(self, path, host="127.0.0.1"):
        return f"http://{host}:{self.port}{path}"

    def get(self, path, timeout=5):
        with urllib.request.urlopen(self.url(path),
                                    timeout=timeout * PATIENCE) as answer:
            return answer.read()

    def stop(self):
        if self.process:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None


class Faultd(Server):
    """tests/fault-server.c; its options are described in faultd-request.h."""

    def __init__(self, directory, *args):
        self.log = os.path.join(directory, "faultd.log")
        self.errors = open(os.path.join(directory, "faultd.err"), "w+b")
        self.process = popen([FAULTD, "--log", self.log, *args],
                             stdout=subprocess.PIPE, stderr=self.errors)
        word, _, port = self.process.stdout.readline().decode().partition(" ")
        assert word == "PORT", open(self.errors.name).read()
        self.port = int(port)
        self.skip = 0

    def data(self, seed, size, name=None, host="127.0.0.1", **options):
        """The URL of a body; names of options may have _ for -."""
        query = "&".join(f"{k}={v}" for k, v in options.items())
        name = "" if name is None else "/" + name
        return self.url(f"/data/{seed}/{size}{name}" + ("?" + query) * bool(query),
                        host)

    def stats(self):
        return json.loads(self.get("/stats"))

    def reset(self):
        self.get("/reset")
        self.journal()
        self.skip = os.path.getsize(self.log)

    def journal(self):
        """Answers that have ended, in the order of their arrival."""
        self.stats()
        self.stats()  # by now an iteration has passed: the file is written
        with open(self.log, "rb") as log:
            log.seek(self.skip)
            entries = [json.loads(line) for line in log]
        return sorted((e for e in entries if e["target"].startswith("/data/")),
                      key=lambda e: e["t"])

    def complaints(self):
        self.errors.flush()
        with open(self.errors.name, errors="replace") as errors:
            return errors.read()


NGINX_CONF = """
daemon off;
master_process off;
pid {dir}/nginx.pid;
error_log {dir}/error.log warn;
worker_rlimit_nofile 16384;
events {{ worker_connections 8192; }}
http {{
  client_body_temp_path {dir}/tmp;
  proxy_temp_path {dir}/tmp;
  fastcgi_temp_path {dir}/tmp;
  uwsgi_temp_path {dir}/tmp;
  scgi_temp_path {dir}/tmp;
  log_format e2e '$msec\\t$request_method\\t$request_uri\\t$http_range\\t'
                 '$status\\t$body_bytes_sent\\t$connection';
  access_log {log};
  keepalive_requests 1000000;
  keepalive_timeout 60s;
  sendfile on;
  tcp_nopush on;
  default_type application/octet-stream;
  {http}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    root {root};
    {server}
  }}
}}
"""


class Nginx(Server):
    """nginx on a document root, without any of the system's configuration."""

    def __init__(self, directory, root, http="", server="", log=True, port=0):
        os.makedirs(os.path.join(directory, "tmp"), exist_ok=True)
        self.directory, self.root = directory, str(root)
        self.log = os.path.join(directory, "access.log")
        for _ in range(5):
            self.port = port or free_port()
            with open(os.path.join(directory, "nginx.conf"), "w") as f:
                f.write(NGINX_CONF.format(
                    dir=directory, port=self.port, root=root, http=http,
                    server=server, log=f"{self.log} e2e" if log else "off"))
            self.process = popen(
                [NGINX, "-p", directory, "-c", f.name, "-e", self._path("error.log")],
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            wait_until(lambda: self._listens() or self.process.poll() is not None,
                       what="nginx")
            if self._listens():
                return
        raise AssertionError(open(self._path("error.log")).read())

    def _path(self, name):
        return os.path.join(self.directory, name)

    def _listens(self):
        """It writes its number down when it has its port."""
        return (os.path.exists(self._path("nginx.pid")) and
                self.process.poll() is None)

    def requests(self):
        """Entries of the access log: dicts with msec, method, uri, ..."""
        keys = ("msec", "method", "uri", "range", "status", "bytes", "conn")
        with open(self.log) as log:
            return [dict(zip(keys, line.rstrip("\n").split("\t")))
                    for line in log]


# ---- runs of spate -------------------------------------------------------


class Result:
    """What a run that has ended left: code, out and err (bytes), events."""

    def __init__(self, code, out, err, seconds):
        self.code, self.out, self.err, self.seconds = code, out, err, seconds

    @property
    def text(self):
        return (self.out + self.err).decode("utf-8", "replace")

    @property
    def events(self):
        return [json.loads(line) for line in self.out.splitlines()]

    def event(self, kind):
        return [e for e in self.events if e["event"] == kind]

    @property
    def summary(self):
        last = self.events[-1]
        assert last["event"] == "summary", last
        return last

    def __repr__(self):
        return (f"<exit {self.code} after {self.seconds:.2f} s\n"
                f"stdout: {self.out[-3000:]!r}\nstderr: {self.err[-3000:]!r}>")


class Running:
    """A spate that is running; its output is read by threads, so it never
    waits for us."""

    def __init__(self, args, cwd, env, stdin=subprocess.DEVNULL):
        self.started = time.monotonic()
        self.out, self.err = bytearray(), bytearray()
        self.process = popen(
            [SPATE, *map(str, args)], cwd=cwd, env=env, stdin=stdin,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.threads = [
            threading.Thread(target=self._read, args=pair, daemon=True)
            for pair in ((self.process.stdout, self.out),
                         (self.process.stderr, self.err))]
        for thread in self.threads:
            thread.start()

    @staticmethod
    def _read(stream, into):
        while True:
            data = os.read(stream.fileno(), 65536)
            if not data:
                return
            into += data

    @property
    def pid(self):
        return self.process.pid

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        """kill -9, then the result."""
        self.process.kill()
        return self.wait()

    def wait(self, timeout=60):
        timeout *= PATIENCE
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
            self._finish()
            raise AssertionError(
                f"spate was still running after {timeout} s\n"
                f"stdout: {bytes(self.out[-2000:])!r}\n"
                f"stderr: {bytes(self.err[-2000:])!r}") from None
        self._finish()
        return Result(code, bytes(self.out), bytes(self.err),
                      time.monotonic() - self.started)

    def _finish(self):
        for thread in self.threads:
            thread.join(5)
        self.process.stdout.close()
        self.process.stderr.close()


class Spate:
    """Starts spate with an empty home, no proxies and a plain locale."""

    def __init__(self, directory):
        self.home = os.path.join(directory, "home")
        self.xdg = os.path.join(self.home, "xdg")
        os.makedirs(self.xdg)
        self.cwd = os.path.join(directory, "cwd")
        os.makedirs(self.cwd)
        self.reports = Reports(directory)
        keep = ("PATH", "LD_LIBRARY_PATH", "TMPDIR")
        self.env = {k: os.environ[k] for k in keep if k in os.environ}
        self.env |= self.reports.env | {
            "HOME": self.home, "XDG_CONFIG_HOME": self.xdg, "LANG": "C.UTF-8",
            "TERM": "xterm-256color"}
        self.running = []

    def start(self, *args, cwd=None, stdin=subprocess.DEVNULL, env=None):
        run = Running(args, cwd or self.cwd, self.env | (env or {}), stdin)
        self.running.append(run)
        return run

    def __call__(self, *args, timeout=60, input=None, **kw):
        if input is None:
            return self.start(*args, **kw).wait(timeout)
        run = self.start(*args, stdin=subprocess.PIPE, **kw)
        try:
            run.process.stdin.write(input)
            run.process.stdin.close()
        except BrokenPipeError:
            pass
        return run.wait(timeout)

    def stop(self):
        for run in self.running:
            if run.process.poll() is None:
                run.process.kill()
                run.process.wait()


def recorded(out):
    """How many bytes of unfinished files the session in `out` knows of."""
    try:
        with sqlite3.connect(f"file:{out}/.spate/session.db?mode=ro", uri=True,
                             timeout=10) as db:
            found = db.execute("SELECT sum(durable) FROM partials").fetchone()
    except sqlite3.OperationalError:  # not there yet
        return 0
    return found[0] or 0


# ---- files ---------------------------------------------------------------


def write_list(path, lines):
    with open(path, "w") as f:
        f.writelines(f"{line}\n" for line in lines)
    return path


def make_docs(root, count, size=2048, fanout=0):
    """count distinct documents; returns their paths relative to root."""
    names = []
    for i in range(count):
        name = f"doc-{i:06d}.bin"
        if fanout:
            name = f"d{i % fanout:03d}/{name}"
        path = os.path.join(root, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(body(i, size))
        names.append(name)
    return names


def tree(root, session=False):
    """{relative path: SHA-256 of the file, or what else it is}. A .spate
    directory is left out unless session is true."""
    found = {}
    for at, dirs, files in os.walk(root):
        if not session and ".spate" in dirs:
            dirs.remove(".spate")
        for name in dirs + files:
            path = os.path.join(at, name)
            rel = os.path.relpath(path, root)
            if os.path.islink(path):
                found[rel] = "-> " + os.readlink(path)
            elif os.path.isdir(path):
                found[rel + "/"] = "dir"
            elif os.path.isfile(path):
                with open(path, "rb") as f:
                    found[rel] = hashlib.file_digest(f, "sha256").hexdigest()
            else:
                found[rel] = "special"
    return found


def files_of(root):
    return {k: v for k, v in tree(root).items() if v != "dir"}


def sha(data):
    return hashlib.sha256(data).hexdigest()


def assert_files(root, expected):
    """root holds exactly these files: {relative path: bytes}."""
    want = {name: sha(data) for name, data in expected.items()}
    have = files_of(root)
    missing = sorted(set(want) - set(have))
    extra = sorted(set(have) - set(want))
    wrong = sorted(n for n in set(want) & set(have) if want[n] != have[n])
    assert not (missing or extra or wrong), (
        f"missing {len(missing)} {missing[:5]}, extra {len(extra)} {extra[:5]},"
        f" wrong {len(wrong)} {wrong[:5]}")


class Tmpfs:
    """A small file system of its own; needs the right to mount."""

    def __init__(self, path, size, options=""):
        os.makedirs(path, exist_ok=True)
        self.path = str(path)
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size}{options}", "spate-test",
             self.path], capture_output=True, text=True)
        self.error = done.stderr.strip() if done.returncode else None

    def remount(self, options):
        subprocess.run(["mount", "-o", f"remount,{options}", self.path],
                       check=True)

    def close(self):
        if self.error is None:
            subprocess.run(["umount", "-l", self.path], check=False)
            self.error = "closed"


class Ext4(Tmpfs):
    """An ext4 in a file; needs the right to make loop devices and to mount."""

    def __init__(self, path, size, options="loop", make=()):
        os.makedirs(path, exist_ok=True)
        self.path, self.image = str(path), str(path) + ".img"
        with open(self.image, "wb") as image:
            image.truncate(size)
        self.error = self._run("mkfs.ext4", "-q", *make, self.image) or \
            self._run("mount", "-o", options, self.image, self.path)

    @staticmethod
    def _run(*args):
        try:
            done = subprocess.run(args, capture_output=True, text=True)
        except OSError as error:
            return str(error)
        return done.stderr.strip() or "failed" if done.returncode else None

    def remount(self, options="loop"):
        """Taken off and put on again: a copy. Programs in mount namespaces of
        their own, as other tests have, may hold on to what was taken off, and
        would hand it on in the state that it was in."""
        subprocess.run(["umount", self.path], check=True)
        self.image = shutil.copyfile(self.image, self.image + "+")
        subprocess.run(["mount", "-o", options, self.image, self.path], check=True)

    def set_quota(self, uid, size):
        """A user's limit, by quotactl(2): no tool is needed."""
        class Dqblk(ctypes.Structure):
            _fields_ = [(n, ctypes.c_uint64) for n in (
                "bhardlimit", "bsoftlimit", "curspace", "ihardlimit",
                "isoftlimit", "curinodes", "btime", "itime")] + [
                    ("valid", ctypes.c_uint32)]
        limits = Dqblk(bhardlimit=size // 1024, valid=1)
        device = subprocess.run(["findmnt", "-no", "SOURCE", self.path],
                                capture_output=True, text=True).stdout.strip()
        command = 0x800008 << 8  # Q_SETQUOTA for users
        return _LIBC.quotactl(ctypes.c_int(command), device.encode(), uid,
                              ctypes.byref(limits)) == 0


# ---- terminals -----------------------------------------------------------


class Terminal:
    """spate on a pseudo terminal, its output drawn by pyte."""

    def __init__(self, args, cwd, env, rows=30, columns=100):
        import pyte
        self.screen = pyte.Screen(columns, rows)
        self.stream = pyte.ByteStream(self.screen)
        self.raw = bytearray()
        self.master, self.slave = pty.openpty()
        self._size(rows, columns)
        self.before = termios.tcgetattr(self.slave)
        self.process = popen(
            [SPATE, *map(str, args)], cwd=cwd, env=env, stdin=self.slave,
            stdout=self.slave, stderr=self.slave, terminal=True)

    def _size(self, rows, columns):
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ,
                    struct.pack("HHHH", rows, columns, 0, 0))

    def resize(self, rows, columns):
        self.screen.resize(rows, columns)
        self._size(rows, columns)
        self.process.send_signal(signal.SIGWINCH)

    def send(self, text):
        os.write(self.master, text.encode())

    def pump(self, seconds=0.05):
        """Reads what has come; true when there was something."""
        ready, _, _ = select.select([self.master], [], [], seconds)
        if not ready:
            return False
        try:
            data = os.read(self.master, 65536)
        except OSError:
            return False
        self.raw += data
        self.stream.feed(data)
        return bool(data)

    @property
    def lines(self):
        return [line.rstrip() for line in self.screen.display]

    @property
    def text(self):
        return "\n".join(self.lines)

    def wait_for(self, what, timeout=10):
        """Until `what` (text, or a function of the screen's text) holds."""
        test = what if callable(what) else lambda text: what in text
        end = time.monotonic() + timeout * PATIENCE
        while True:
            value = test(self.text)
            if value:
                return value
            if time.monotonic() > end:
                raise AssertionError(
                    f"the screen never showed {what!r}:\n{self.text}")
            self.pump()

    def settle(self, seconds=0.3):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.pump(0.02)

    def wait_exit(self, timeout=10):
        end = time.monotonic() + timeout * PATIENCE
        while self.process.poll() is None:
            self.pump()
            assert time.monotonic() < end, (
                f"spate did not end within {timeout} s:\n{self.text}")
        while self.pump(0.05):
            pass
        return self.process.returncode

    def modes_restored(self):
        return termios.tcgetattr(self.slave) == self.before

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.master)
        os.close(self.slave)
