# SPDX-License-Identifier: MIT
"""Fixtures of the end-to-end tests, a time limit for each test, and TAP.

With SPATE_TAP=N in the environment the results are written as TAP lines to
file descriptor N, for automake's tap-driver.sh (see tests/e2e/run).
"""
import os
import shutil
import signal

import pytest

import harness

TIME_LIMIT = 120

# ---- TAP -----------------------------------------------------------------


class Tap:
    def __init__(self, config, fd):
        self.config, self.fd, self.number = config, fd, 0
        self.reports = {}

    def line(self, text):
        data = (text.replace("\n", " ") + "\n").encode("utf-8", "replace")
        capture = self.config.pluginmanager.getplugin("capturemanager")
        if self.fd == 1 and capture:
            with capture.global_and_fixture_disabled():
                os.write(1, data)
        else:
            os.write(self.fd, data)

    def pytest_collection_finish(self, session):
        self.line(f"1..{len(session.items)}")

    def pytest_runtest_logreport(self, report):
        """The worst of set-up, call and tear-down is the test's result."""
        known = self.reports.get(report.nodeid)
        if known is None or report.failed or (known.passed and report.skipped):
            self.reports[report.nodeid] = report

    def pytest_runtest_logfinish(self, nodeid, location):
        report = self.reports.pop(nodeid)
        self.number += 1
        name = nodeid.replace("#", "_")
        if report.skipped:
            why = report.longrepr[2] if isinstance(report.longrepr, tuple) else ""
            self.line(f"ok {self.number} - {name} # SKIP "
                      f"{why.removeprefix('Skipped: ')}")
        else:
            word = "not ok" if report.failed else "ok"
            self.line(f"{word} {self.number} - {name}")

    def pytest_sessionfinish(self, exitstatus):
        if exitstatus not in (0, 1):
            self.line(f"Bail out! pytest ended with status {int(exitstatus)}")


def pytest_configure(config):
    config.addinivalue_line("markers", "limit(seconds): time limit of a test")
    if os.environ.get("SPATE_TAP"):
        tap = Tap(config, int(os.environ["SPATE_TAP"]))
        config.pluginmanager.register(tap, "spate-tap")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item):
    marker = item.get_closest_marker("limit")
    seconds = marker.args[0] if marker else TIME_LIMIT

    def over(number, frame):
        raise AssertionError(f"the test's time limit of {seconds} s is over")

    before = signal.signal(signal.SIGALRM, over)
    signal.alarm(seconds)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


# ---- fixtures ------------------------------------------------------------


@pytest.fixture
def spate(tmp_path):
    if not os.access(harness.SPATE, os.X_OK):
        pytest.fail(f"{harness.SPATE} is missing: build it, or set SPATE")
    runner = harness.Spate(str(tmp_path))
    yield runner
    runner.stop()


@pytest.fixture
def faultd(tmp_path_factory):
    if not os.access(harness.FAULTD, os.X_OK):
        pytest.fail(f"{harness.FAULTD} is missing: build it, or set SPATE_FAULTD")
    server = harness.Faultd(str(tmp_path_factory.mktemp("faultd")))
    yield server
    server.stop()
    assert "bad option" not in server.complaints(), server.complaints()


@pytest.fixture
def start_nginx(tmp_path_factory):
    """A function that starts nginx on a document root."""
    if not os.access(harness.NGINX, os.X_OK):
        pytest.skip("nginx is not installed")
    servers = []

    def start(root, **options):
        directory = str(tmp_path_factory.mktemp("nginx"))
        servers.append(harness.Nginx(directory, root, **options))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture(scope="session")
def docs_root(tmp_path_factory):
    """3,000 distinct documents of 2 KB; read only, shared by tests."""
    root = tmp_path_factory.mktemp("docs")
    harness.make_docs(str(root), 3000, fanout=10)
    yield root
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
def out(tmp_path):
    """The output directory; not made yet."""
    return tmp_path / "out"


@pytest.fixture
def terminal(spate):
    """A function that runs spate on a pseudo terminal."""
    pytest.importorskip("pyte")
    terminals = []

    def start(*args, rows=30, columns=100, env=None):
        terminals.append(harness.Terminal(
            args, spate.cwd, spate.env | (env or {}), rows, columns))
        return terminals[-1]

    yield start
    for each in terminals:
        each.close()


@pytest.fixture
def ext4(tmp_path):
    """A function that mounts an ext4 of a size in bytes, or skips."""
    disks = []

    def mount(size, **options):
        disk = harness.Ext4(str(tmp_path / f"ext4-{len(disks)}"), size, **options)
        if disk.error:
            pytest.skip(f"cannot mount an ext4: {disk.error}")
        disks.append(disk)
        return disk

    yield mount
    for disk in disks:
        disk.close()


@pytest.fixture
def small_disk(tmp_path):
    """A function that mounts a tmpfs of a size; skips where that is not
    allowed."""
    disks = []

    def mount(size, options=""):
        disk = harness.Tmpfs(str(tmp_path / f"disk{len(disks)}"), size, options)
        if disk.error:
            pytest.skip(f"cannot mount a tmpfs: {disk.error}")
        disks.append(disk)
        return disk

    yield mount
    for disk in disks:
        disk.close()
