# SPDX-License-Identifier: MIT
"""Fixtures of the end-to-end tests, a time limit for each test, which tests
run together, and their results for runner.py.
"""
import fcntl
import json
import os
import signal
import zlib

import pytest

import harness

TIME_LIMIT = 120

# ---- results -------------------------------------------------------------


class Results:
    """Says the number of tests, and the result of each when it is known, to
    the file descriptor SPATE_RESULTS: a JSON object in a line."""

    def __init__(self, fd):
        self.fd, self.reports = fd, {}

    def line(self, **entry):
        os.write(self.fd, (json.dumps(entry) + "\n").encode())

    def pytest_collection_finish(self, session):
        if session.items:
            self.line(count=len(session.items))

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node, ids):
        self.line(count=len(ids))

    def pytest_runtest_logreport(self, report):
        """The worst of set-up, call and tear-down is the test's result. A
        worker that died says one thing only ("???")."""
        known = self.reports.get(report.nodeid)
        if known is None or report.failed or (known.passed and report.skipped):
            self.reports[report.nodeid] = report
        if report.when not in ("setup", "call"):
            self.result(self.reports.pop(report.nodeid))

    def result(self, report):
        why = report.longrepr[2] if isinstance(report.longrepr, tuple) else ""
        if report.failed:
            why = next((line[1:].strip() for line in report.longreprtext.split("\n")
                        if line.startswith("E ")), "")
        self.line(id=report.nodeid, outcome=report.outcome, why=why.removeprefix("Skipped: "),
                  final=harness.REPORTED in report.longreprtext)


def stop_signals_reach_programs():
    """A shell's background job, or one under nohup, has these ignored, and so
    would have the programs under test: they would never hear a test's SIGINT.
    With a handler here the job ignores them still; what it starts does not."""
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda *_: None)


def pytest_configure(config):
    stop_signals_reach_programs()
    for line in ("limit(seconds): time limit of a test",
                 "alone: looks at rates, times or the load; never in company",
                 "slow: not in a quick run",
                 "every: with all its parameters in a quick run too"):
        config.addinivalue_line("markers", line)
    if os.environ.get("SPATE_RESULTS") and not hasattr(config, "workerinput"):
        results = Results(int(os.environ["SPATE_RESULTS"]))
        config.pluginmanager.register(results, "spate-results")


# ---- which tests, in which order -----------------------------------------


def wanted(item):
    part = os.environ.get("SPATE_E2E_PART", "all")
    alone = item.get_closest_marker("alone") is not None
    return part not in ("together", "alone") or alone == (part == "alone")


def quick(items):
    """Without the slow ones, and each test with its first parameters alone."""
    kept, seen = [], set()
    for item in items:
        if item.get_closest_marker("slow"):
            continue
        name = item.nodeid.split("[", 1)[0]
        if name not in seen or item.get_closest_marker("every"):
            kept.append(item)
        seen.add(name)
    return kept


def turn(item):
    """Tests that run together are mixed, the same way in each worker, so that
    neither the long ones nor those of one kind come all at once; none of the
    long ones is left for the end."""
    share = zlib.crc32(item.nodeid.encode()) / 2 ** 32
    if item.get_closest_marker("limit"):
        return share * 0.4
    return share * 0.7 if item.get_closest_marker("slow") else share


def pytest_collection_modifyitems(config, items):
    keep = [item for item in items if wanted(item)]
    if os.environ.get("SPATE_E2E_QUICK"):
        keep = quick(keep)
    if os.environ.get("SPATE_E2E_ONLY"):
        with open(os.environ["SPATE_E2E_ONLY"], encoding="utf-8") as names:
            only = set(json.load(names))
        keep = [item for item in keep if item.nodeid in only]
    if os.environ.get("SPATE_E2E_PART") == "together":
        keep.sort(key=turn)
    kept = set(keep)
    config.hook.pytest_deselected(items=[i for i in items if i not in kept])
    items[:] = keep


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item):
    marker = item.get_closest_marker("limit")
    seconds = marker.args[0] if marker else TIME_LIMIT
    seconds = round(seconds * max(1, harness.PATIENCE / 2))

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
    runner.reports.check()


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
    """3,000 distinct documents of 2 KB; read only, shared by tests and by
    pytest-xdist's workers: the first that wants them makes them."""
    top = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        top = top.parent
    root = top / "docs"
    with open(top / "docs.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not root.exists():
            harness.make_docs(str(top / "docs.part"), 3000, fanout=10)
            (top / "docs.part").rename(root)
    return root


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
