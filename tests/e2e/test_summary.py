# SPDX-License-Identifier: MIT
"""What `spate status` says of all runs: counts by status, host and type, sizes
and times."""
import json
import random
import subprocess

import pytest

from harness import wait_until, write_list


def summary(spate, out):
    run = spate("status", out, "--json")
    assert run.code == 0, run
    return json.loads(run.out)["summary"]


def counts(said, member):
    found = {entry["name"]: entry["tasks"] for entry in said[member]}
    assert len(found) == len(said[member])
    tasks = [entry["tasks"] for entry in said[member]]
    assert tasks == sorted(tasks, reverse=True)
    return found


def test_what_is_counted(spate, faultd, out, tmp_path):
    listing = write_list(tmp_path / "l", [
        *(faultd.data(i, 1000 + i, f"f{i}", delay=20) for i in range(40)),
        faultd.data(50, 10, "bad", status=404),
        faultd.data(51, 3_000_000, "large", host="localhost")])
    assert spate("-t", "1", "-i", listing, "-d", out).code == 1
    said = summary(spate, out)
    assert counts(said, "status") == {"200": 41, "404": 1}
    assert counts(said, "host") == {
        f"http://127.0.0.1:{faultd.port}": 41,
        f"http://localhost:{faultd.port}": 1}
    assert sum(counts(said, "type").values()) == 42
    assert said["status_others"] == said["host_others"] == said["type_others"] == 0
    size, latency = said["size"], said["latency_us"]
    assert size["count"] == 41 and size["max"] == 3_000_000
    assert 970 <= size["p50"] <= 1060 and size["p99"] == 3_000_000
    assert latency["count"] == 42
    assert 19_000 <= latency["p50"] <= latency["p90"] <= latency["p99"] <= latency["max"]
    text = spate("status", out).out.decode()
    assert "statuses   200 41, 404 1\n" in text
    assert f"http://localhost:{faultd.port} 1\n" in text
    assert "sizes " in text and "first byte p50 " in text


@pytest.mark.slow
@pytest.mark.limit(240)
def test_over_kills(spate, faultd, out, tmp_path):
    count = 1500
    listing = write_list(tmp_path / "l", [
        faultd.data(i, 500, f"f{i}", delay=5) for i in range(count)])
    args = ["-i", listing, "-d", out, "-j", "8"]
    rng = random.Random(816)
    kills = 0
    for _ in range(8):
        run = spate.start(*args)
        try:
            run.process.wait(rng.uniform(0.05, 0.2))
        except subprocess.TimeoutExpired:
            run.kill()
            kills += 1
    assert kills >= 3
    assert spate(*args).code == 0
    said = summary(spate, out)
    status = counts(said, "status")
    # What was whole, and not yet settled when it was killed, takes no request.
    assert set(status) <= {"200", "none"} and sum(status.values()) == count
    assert said["size"]["count"] == count
    assert said["size"]["p50"] == pytest.approx(500, rel=0.04)
    assert said["latency_us"]["count"] == status["200"]


def test_many_hosts_are_bounded(spate, faultd, out, tmp_path):
    hosts = [f"h{i}.example" for i in range(60)]
    listing = write_list(tmp_path / "l", [
        *(faultd.data(i, 10, f"f{i}", host=h) for i, h in enumerate(hosts)),
        *(faultd.data(i, 10, f"g{i}", host="h7.example") for i in range(50))])
    resolve = [word for h in hosts
               for word in ("--resolve", f"{h}:{faultd.port}:127.0.0.1")]
    assert spate(*resolve, "-i", listing, "-d", out).code == 0
    said = summary(spate, out)
    found = counts(said, "host")
    assert len(found) == 32
    assert said["host"][0] == {"name": f"http://h7.example:{faultd.port}",
                               "tasks": 51}
    assert sum(found.values()) + said["host_others"] == 110


def test_while_it_runs(spate, faultd, out, tmp_path):
    hosts = [f"h{i}.example" for i in range(12)]
    listing = write_list(tmp_path / "l", [
        *(faultd.data(i, 700, f"f{i}", host=h) for i, h in enumerate(hosts)),
        *(faultd.data(20 + i, 700, f"g{i}") for i in range(9)),
        faultd.data(50, 10, "bad", status=404),
        faultd.data(51, 10, "late", delay=60000)])
    resolve = [word for h in hosts
               for word in ("--resolve", f"{h}:{faultd.port}:127.0.0.1")]
    run = spate.start(*resolve, "-t", "1", "-i", listing, "-d", out, "-j", "40",
                      "--output", "jsonl")
    def shown():
        said = spate("ctl", out, "snapshot")
        told = json.loads(said.out) if said.code == 0 else {}
        return told if told.get("done") == 21 and told.get("failed") == 1 else None
    told = wait_until(shown)
    run.kill()
    said = told["summary"]
    assert counts(said, "status") == {"200": 21, "404": 1}
    found = counts(said, "host")
    assert said["host"][0] == {"name": f"http://127.0.0.1:{faultd.port}", "tasks": 10}
    assert len(found) == 8
    assert sum(found.values()) + said["host_others"] == 22
    assert said["size"]["count"] == 21 and said["size"]["max"] == 700
    assert said["latency_us"]["count"] == 22
    writing = told["shards"]["writing"]
    assert writing["name"].startswith("shard-00000.jsonl")
    assert writing["records"] == told["shards"]["records"] == 21
    assert writing["bytes"] == told["shards"]["bytes"] > 0
    assert told["shards"]["shards"] == 0


def test_of_nothing(spate, faultd, out, tmp_path):
    listing = write_list(tmp_path / "l", [faultd.data(1, 10, "f", delay=60000)])
    run = spate.start("-i", listing, "-d", out)
    wait_until(lambda: (out / ".spate/session.db").exists())
    wait_until(lambda: spate("status", out).code == 0)
    run.kill()
    assert summary(spate, out) is None
