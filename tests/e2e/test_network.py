# SPDX-License-Identifier: MIT
"""The network goes away and comes back: one pause of the whole, no task fails
for it. Server and client live in network namespaces of their own; the client's
route is taken away and given back. Needs the right to make them."""
import json
import os
import signal
import subprocess
import time

import pytest

import harness
from harness import assert_files, body, files_of, wait_until, write_list


class Network:
    """Two namespaces with a cable between them: 192.0.2.1 has the server,
    192.0.2.2 the client. Without its route the client is cut off."""
    server, client = "192.0.2.1", "192.0.2.2"

    def __init__(self):
        self.origin = f"spate-o-{os.getpid()}"
        self.user = f"spate-u-{os.getpid()}"

    @staticmethod
    def ip(*words):
        return subprocess.run(["ip", *words], capture_output=True, text=True)

    def make(self):
        """What went wrong; None when all is well."""
        link = f"so{os.getpid()}", f"su{os.getpid()}"
        steps = [("netns", "add", self.origin), ("netns", "add", self.user),
                 ("link", "add", link[0], "netns", self.origin, "type", "veth",
                  "peer", "name", link[1], "netns", self.user)]
        for space, name, address in ((self.origin, link[0], self.server),
                                     (self.user, link[1], self.client)):
            steps += [("-n", space, "link", "set", "lo", "up"),
                      ("-n", space, "addr", "add", address + "/32", "dev", name),
                      ("-n", space, "link", "set", name, "up")]
        steps.append(("-n", self.origin, "route", "add", self.client, "dev", link[0]))
        self.route = (self.server, "dev", link[1])
        for step in steps:
            try:
                done = self.ip(*step)
            except OSError as error:
                return str(error)
            if done.returncode:
                return done.stderr.strip()
        self.up()
        return None

    def up(self):
        done = self.ip("-n", self.user, "route", "add", *self.route)
        assert done.returncode == 0, done.stderr

    def down(self):
        done = self.ip("-n", self.user, "route", "del", *self.route)
        assert done.returncode == 0, done.stderr

    def remove(self):
        for space in (self.origin, self.user):
            self.ip("netns", "del", space)

    @staticmethod
    def run_in(space, *words):
        return ["ip", "netns", "exec", space, *map(str, words)]


@pytest.fixture
def network():
    wires = Network()
    trouble = wires.make()
    if trouble:
        wires.remove()
        pytest.skip(f"no network namespaces can be made: {trouble}")
    yield wires
    wires.remove()


class Origin:
    """faultd inside; its journal is read from its file, not asked for."""

    def __init__(self, network, directory):
        self.log = os.path.join(directory, "faultd.log")
        self.process = harness.popen(
            network.run_in(network.origin, harness.FAULTD, "--log", self.log,
                           "--listen", network.server),
            stdout=subprocess.PIPE)
        self.host = network.server
        self.port = int(self.process.stdout.readline().split()[1])

    def data(self, seed, size, name, **options):
        query = "&".join(f"{k}={v}" for k, v in options.items())
        return (f"http://{self.host}:{self.port}/data/{seed}/{size}/{name}"
                + "?" * bool(query) + query)

    def answers(self):
        with open(self.log) as log:
            return [json.loads(line) for line in log if line.endswith("\n")]


@pytest.fixture
def origin(network, tmp_path):
    server = Origin(network, str(tmp_path))
    yield server
    server.process.terminate()
    server.process.wait()


@pytest.fixture
def inside(network, spate):
    """Starts spate on the client's side."""
    def start(*args):
        words = network.run_in(network.user, harness.SPATE, *args)
        run = harness.Running.__new__(harness.Running)
        run.started = time.monotonic()
        run.out, run.err = bytearray(), bytearray()
        run.process = harness.popen(
            words, cwd=spate.cwd, env=spate.env, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        run.threads = [
            harness.threading.Thread(target=run._read, args=pair, daemon=True)
            for pair in ((run.process.stdout, run.out),
                         (run.process.stderr, run.err))]
        for thread in run.threads:
            thread.start()
        spate.running.append(run)
        return run
    return start


def holds(run):
    """What the progress lines say of waiting, in their order."""
    lines = bytes(run.out).split(b"\n")[:-1]
    return [json.loads(l).get("hold", "") for l in lines if b'"progress"' in l]


def down(text):
    return "network is down" in text


@pytest.mark.slow
@pytest.mark.parametrize("tries", [2, 4])
def test_network_goes_and_comes_back(network, origin, inside, out, tmp_path,
                                     tries):
    count = 400
    listing = write_list(tmp_path / "l", [
        origin.data(i, 1000, f"f{i}", delay=20) for i in range(count)])
    run = inside("-i", listing, "-d", out, "-j", "4", "-t", tries,
                 "--stall-timeout", "2", "--retry-wait", "0.1",
                 "--progress=json", "--progress-interval", "0.2")
    wait_until(lambda: len(origin.answers()) > 40, what="40 answers")
    network.down()
    wait_until(lambda: any(map(down, holds(run))), 20, what="a word about it")
    before = len(origin.answers())
    time.sleep(5)
    assert len(origin.answers()) == before
    assert run.process.poll() is None
    assert all(map(down, holds(run)[-10:]))  # one pause, not a dance
    network.up()
    result = run.wait(40)
    assert result.code == 0, result
    assert result.event("failed") == []
    assert not down(holds(run)[-1])
    assert_files(out, {f"f{i}": body(i, 1000) for i in range(count)})


@pytest.mark.slow
def test_stopped_while_the_network_is_down(network, origin, inside, out,
                                           tmp_path):
    listing = write_list(tmp_path / "l", [
        origin.data(i, 1000, f"f{i}", delay=20) for i in range(200)])
    run = inside("-i", listing, "-d", out, "-j", "4", "--stall-timeout", "2",
                 "--progress=json", "--progress-interval", "0.2")
    wait_until(lambda: len(origin.answers()) > 40)
    network.down()
    wait_until(lambda: any(map(down, holds(run))), 20)
    run.signal(signal.SIGTERM)
    result = run.wait(10)
    assert result.code in (1, 4), result
    assert result.event("failed") == []
    network.up()
    again = inside("resume", out).wait(30)
    assert again.code == 0, again
    assert_files(out, {f"f{i}": body(i, 1000) for i in range(200)})


@pytest.mark.slow
def test_large_file_goes_on_where_it_was(network, origin, inside, out):
    size = 6 << 20
    run = inside("-d", out, "-t", "2", "--stall-timeout", "2",
                 "--progress=json", "--progress-interval", "0.2",
                 origin.data(7, size, "big", rate=2_000_000))
    wait_until(lambda: (out / "big.part").exists() and
               (out / "big.part").stat().st_size > 1 << 20, 20)
    network.down()
    wait_until(lambda: any(map(down, holds(run))), 20)
    network.up()
    result = run.wait(40)
    assert result.code == 0, result
    assert_files(out, {"big": body(7, size)})
    assert 206 in [e["status"] for e in origin.answers()]


def test_unreachable_address_is_no_network_failure(network, origin, inside,
                                                   out):
    """A host that never answered says nothing about the network."""
    run = inside("-d", out, "-t", "2", "--retry-wait", "0.05",
                 "--progress=json", "http://198.51.100.1/never",
                 origin.data(1, 10, "f")).wait(20)
    assert run.code == 1, run
    failed, = run.event("failed")
    assert "198.51.100.1" in failed["url"] and failed["attempts"] == 2
    assert files_of(out) == {"f": harness.sha(body(1, 10))}
