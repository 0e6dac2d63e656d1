# SPDX-License-Identifier: MIT
"""The order of tasks: priorities, deadlines, at random, hosts side by side."""
import json
import shutil
import subprocess
import time

import pytest

from harness import wait_until


def named(faultd, host, name, **options):
    return faultd.data(1, 20, name, host=host, **options)


def resolved(faultd, *hosts):
    args = []
    for host in hosts:
        args += ["--resolve", f"{host}:{faultd.port}:127.0.0.1"]
    return args


def asked(faultd):
    """Names in the order of their requests."""
    return [e["target"].partition("?")[0].rsplit("/", 1)[1]
            for e in faultd.journal()]


def test_a_list_sorted_by_host_keeps_all_hosts_busy(spate, faultd, out, tmp_path):
    hosts = [f"h{i}.test" for i in range(8)]
    with open(tmp_path / "list", "w") as f:
        for host in hosts:
            for i in range(5000):
                f.write(named(faultd, host, f"{host}-{i}", delay=100) + "\n")
    run = spate.start("-i", tmp_path / "list", "-d", out, "--layout", "hash",
                      "-j", "64", "--per-host", "2", *resolved(faultd, *hosts))

    def hosts_asked():
        return [name.split("-")[0] for name in asked(faultd)]

    wait_until(lambda: set(hosts_asked()) == set(hosts), what="all hosts")
    before = len(hosts_asked())
    wait_until(lambda: len(hosts_asked()) >= before + 100, what="some requests")
    since = hosts_asked()[before:]
    counts = {host: since.count(host) for host in hosts}
    assert max(counts.values()) <= 3 * min(counts.values()), counts
    run.signal(15)
    assert run.wait().code == 4


@pytest.mark.slow
def test_passing_over_full_hosts_loses_no_line(spate, faultd, out, tmp_path):
    hosts = [f"h{i}.test" for i in range(4)]
    with open(tmp_path / "list", "w") as f:
        for host in hosts:
            for i in range(1500):
                f.write(named(faultd, host, f"{host}-{i}") + "\n")
    result = spate("-i", tmp_path / "list", "-d", out, "--layout", "hash",
                   "--per-host", "1", *resolved(faultd, *hosts),
                   "--progress=json")
    assert result.code == 0, result
    assert result.summary["done"] == 6000
    names = asked(faultd)
    assert len(names) == len(set(names)) == 6000


def requests_of(spate, faultd, out, listing):
    """The names in the order of their requests, of a run of which hardly any
    left before its list was read to the end: what nobody has read cannot go
    first, and on a busy machine reading takes a while."""
    run = spate.start("-i", listing, "-d", out, "-j", "2", "--rate", "4/s")

    def read():
        shown = spate("status", out, "--json")
        live = json.loads(shown.out)["run"] if shown.code == 0 else None
        return live and live["tasks"] == 3000

    wait_until(read, what="the list")
    assert spate("set", out, "rate", "0").code == 0
    result = run.wait()
    assert result.code == 0, result
    return asked(faultd)


def test_higher_priorities_go_first(spate, faultd, out, tmp_path):
    with open(tmp_path / "list.jsonl", "w") as f:
        for i in range(3000):
            f.write(json.dumps({"url": faultd.data(i, 20, f"f{i}"),
                                "priority": 7 if i >= 2900 else 0}) + "\n")
    names = requests_of(spate, faultd, out, tmp_path / "list.jsonl")
    assert sorted(names) == sorted(f"f{i}" for i in range(3000))
    last = max(names.index(f"f{i}") for i in range(2900, 3000))
    assert last < 1500, last


def test_the_earliest_deadline_goes_first(spate, faultd, out, tmp_path):
    late, early = int(time.time()) + 86400 * 7, int(time.time()) + 3600
    with open(tmp_path / "list.jsonl", "w") as f:
        for i in range(3000):
            f.write(json.dumps({"url": faultd.data(i, 20, f"f{i}"),
                                "deadline": early if i >= 2900 else late}) + "\n")
    names = requests_of(spate, faultd, out, tmp_path / "list.jsonl")
    last = max(names.index(f"f{i}") for i in range(2900, 3000))
    assert len(names) == 3000 and last < 1500, last


@pytest.mark.slow
def test_shuffled_and_stopped_each_comes_once(spate, faultd, out, tmp_path):
    count = 20000
    with open(tmp_path / "list", "w") as f:
        for i in range(count):
            f.write(faultd.data(i, 20, f"f{i}") + "\n")
    args = ["-i", tmp_path / "list", "-d", out, "--layout", "hash", "-j", "16"]
    run = spate.start(*args, "--shuffle")
    wait_until(lambda: len(faultd.journal()) > 2000, what="2000 requests")
    run.signal(15)
    assert run.wait().code == 4
    first = [int(name[1:]) for name in asked(faultd)][:2000]
    steps = sum(b == a + 1 for a, b in zip(first, first[1:]))
    assert steps < 200, steps
    assert max(first) > count * 3 // 4 and min(first) < count // 4
    result = spate("resume", out, "--progress=json")
    assert result.code == 0, result
    assert sum(1 for _ in out.glob("*/*/f*")) == count
    names = asked(faultd)
    assert len(set(names)) == count and len(names) < count + 100


@pytest.mark.slow
def test_half_a_line_of_a_shuffled_pipe_is_no_task(spate, faultd, out, tmp_path):
    """Killed while it came in, gone on with, and piped in again whole."""
    count = 9000
    text = "".join(faultd.data(1, 20, f"f{i}") + "\n" for i in range(count))
    args = ["-i", "-", "-d", out, "--layout", "hash", "--shuffle"]
    run = spate.start(*args, "--rate", "500", stdin=subprocess.PIPE)
    run.process.stdin.write(text[:-15].encode())
    run.process.stdin.flush()
    wait_until(lambda: len(faultd.journal()) > 200, what="200 requests")
    run.kill()
    result = spate("resume", out, "--rate", "0", "--progress=json")
    assert result.code == 1, result
    assert result.summary["done"] == count - 1
    assert set(asked(faultd)) == {f"f{i}" for i in range(count - 1)}
    assert ["cut off" in e["reason"] for e in result.event("failed")] == [True]
    result = spate(*args, "--progress=json", input=text.encode())
    assert result.code == 0, result
    assert result.summary["done"] == count


# ---- what is in memory -----------------------------------------------------

SLOW_FLUSH = "int syncfs(int);unsigned sleep(unsigned);" \
             "int syncfs(int fd){sleep(60);return fd>=0?0:-1;}"


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")
def test_a_flush_that_takes_long_does_not_fill_the_memory(
        spate, faultd, out, tmp_path):
    """Files that are written and not committed yet count too."""
    (tmp_path / "slow.c").write_text(SLOW_FLUSH)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", tmp_path / "slow.so",
                    tmp_path / "slow.c"], check=True)
    with open(tmp_path / "list", "w") as f:
        for i in range(40000):
            f.write(faultd.data(1, 20, f"f{i}") + "\n")
    run = spate.start(
        "-i", tmp_path / "list", "-d", out, "--layout", "hash", "-j", "64",
        env={"LD_PRELOAD": str(tmp_path / "slow.so"),
             "ASAN_OPTIONS": "verify_asan_link_order=0:detect_leaks=0"})
    wait_until(lambda: faultd.stats()["requests"] > 1000, what="requests")
    seen = -1
    while (now := faultd.stats()["requests"]) != seen:
        seen = now
        time.sleep(1)
    assert run.process.poll() is None
    assert 1000 < seen <= 17000, seen
    run.kill()
