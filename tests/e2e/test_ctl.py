# SPDX-License-Identifier: MIT
"""The control socket: retuning a run from elsewhere, and clients that are
clumsy, hostile or asleep; deadlines, rules of single hosts and paths."""
import json
import os
import re
import select
import shutil
import signal
import socket
import sqlite3
import stat
import subprocess
import time

import pytest

from harness import (
    PATIENCE, Faultd, OwnServer, assert_files, body, recorded, wait_until,
    write_list)

GONE = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=20200101T000000Z" \
       "&X-Amz-Expires=60&X-Amz-Signature=00"


class Client:
    """A connection that speaks lines."""

    def __init__(self, directory):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(10 * PATIENCE)
        here = os.open(directory / ".spate", os.O_RDONLY)
        try:
            self.socket.connect(f"/proc/self/fd/{here}/ctl")
        finally:
            os.close(here)
        self.file = self.socket.makefile("rb")
        self.last = 0

    def send(self, data):
        self.socket.sendall(data)

    def read(self):
        line = self.file.readline()
        return json.loads(line) if line else None

    def ask(self, method, **params):
        self.last += 1
        self.send(json.dumps({"jsonrpc": "2.0", "id": self.last, "method": method,
                              "params": params}).encode() + b"\n")
        answer = self.read()
        assert answer["id"] == self.last, answer
        return answer

    def close(self):
        self.file.close()
        self.socket.close()


def socket_of(directory):
    return directory / ".spate" / "ctl"


@pytest.fixture
def slow_run(spate, faultd, out, tmp_path):
    """A run of 400 tasks of 100 ms, two at a time."""
    urls = [faultd.data(i, 10, f"f{i}", delay=100) for i in range(400)]
    run = spate.start("-i", write_list(tmp_path / "l", urls), "-d", out, "-j", "2",
                      "--progress=json")
    wait_until(lambda: len(faultd.journal()) >= 4)
    return run


def busy_at_once(journal, since_us):
    """The most requests that were open at one time."""
    edges = []
    for entry in journal:
        if entry["t"] >= since_us:
            edges += [(entry["t"], 1), (entry["t"] + 95_000, -1)]
    most = now = 0
    for _, step in sorted(edges):
        now += step
        most = max(most, now)
    return most


# ---- changing a run ------------------------------------------------------


def test_concurrency_is_changed_and_the_server_sees_it(spate, faultd, out, slow_run):
    assert faultd.stats()["max_active"] == 2
    done = spate("set", out, "concurrency", "9")
    assert (done.code, done.out) == (0, b"concurrency 9\n"), done
    wait_until(lambda: faultd.stats()["max_active"] == 9)
    spate("set", out, "--", "--concurrency", "1")
    time.sleep(0.3)
    since = faultd.journal()[-1]["t"]
    time.sleep(1)
    assert busy_at_once(faultd.journal(), since) == 1
    slow_run.signal(2)
    assert slow_run.wait(10).code == 4
    log = (out / ".spate" / "log").read_text()
    assert re.search(r"socket pid \d+ uid \d+: concurrency was 2, is 9", log), log


def test_rate_is_changed_and_the_server_sees_it(spate, faultd, out, slow_run):
    assert spate("set", "rate", "5/s", cwd=out).code == 0
    time.sleep(0.5)
    since = len(faultd.journal())
    wait_until(lambda: len(faultd.journal()) > since + 10)
    came = [e["t"] for e in faultd.journal()[since:]]
    assert 1_700_000 <= came[10] - came[0] <= 6_000_000, came
    shown = spate("ctl", out, "get", "rate")
    assert (shown.code, shown.out) == (0, b"5/s\n"), shown
    slow_run.kill()


def test_pause_and_resume(spate, faultd, out, slow_run):
    done = spate("ctl", out, "pause")
    assert done.code == 0 and b"paused" in done.out, done
    time.sleep(0.4)
    before = len(faultd.journal())
    time.sleep(0.5)
    assert len(faultd.journal()) == before
    shown = json.loads(spate("ctl", out, "status").out)
    assert shown["paused"] is True and shown["active"] <= 2
    assert b"paused" in spate("status", out).out
    assert spate("ctl", "resume", cwd=out).code == 0
    wait_until(lambda: len(faultd.journal()) > before + 4)
    slow_run.kill()


def test_stop(spate, out, slow_run):
    assert spate("ctl", out, "stop").code == 0
    assert slow_run.wait(10).code == 4
    assert not socket_of(out).exists()


def test_one_task(spate, faultd, out, tmp_path):
    urls = [faultd.data(1, 10, "bad", status=404),
            faultd.data(2, 10, "slow", delay=round(1000 * PATIENCE)),  # for all that
            *(faultd.data(i, 10, f"f{i}") for i in range(3, 9))]       # is asked below
    run = spate.start("-i", write_list(tmp_path / "l", urls), "-d", out, "-j", "1")
    wait_until(lambda: len(faultd.journal()) >= 1)
    rows = wait_until(lambda: {t["name"]: t for t in json.loads(
        spate("ctl", out, "snapshot").out)["task"]})
    name = next(n for n in rows if "f8" in n)
    done = spate("ctl", out, "cancel", str(rows[name]["task"]))
    assert done.code == 0, done
    other = next(n for n in rows if "f7" in n)
    assert spate("ctl", out, "retry", str(rows[other]["task"])).code == 1
    assert spate("ctl", out, "cancel", "99999999").code == 1
    assert b"failed" in spate("ctl", out, "retry", "failed").out
    result = run.wait(20)
    assert result.code == 1, result
    assert not (out / "f8").exists() and (out / "f7").exists()
    assert len([e for e in faultd.journal() if "/bad" in e["target"]]) == 2


def test_limits_changed_live_are_kept_for_resume(spate, faultd, out, slow_run):
    assert spate("set", out, "concurrency", "3").code == 0
    assert spate("set", out, "limit-rate", "5M").code == 0
    slow_run.signal(2)
    assert slow_run.wait(10).code == 4
    run = spate.start("resume", out)
    wait_until(lambda: socket_of(out).exists())
    assert spate("ctl", out, "get", "concurrency").out == b"3\n"
    assert spate("ctl", out, "get", "limit-rate").out == b"5M\n"
    run.kill()


# ---- what is refused -----------------------------------------------------


@pytest.mark.parametrize("args,code,said", [
    (["set"], 2, "NAME VALUE"),
    (["set", "rate"], 2, "NAME VALUE"),
    (["set", "OUT", "rate", "fast"], 2, "fast"),
    (["set", "OUT", "concurrency", "0"], 2, "range"),
    (["set", "OUT", "concurency", "3"], 2, "concurrency"),
    (["set", "OUT", "adaptive", "fast"], 2, "give on or off"),
    (["set", "OUT", "adaptive", "2"], 2, "give on or off"),
    (["ctl", "OUT", "set-host", "h", "adaptive", "5/s"], 2, "give on or off"),
    (["set", "OUT", "adaptive", "on"], 3, "no spate is running"),
    (["set", "OUT", "layout", "flat"], 2, "limit"),
    (["set", "OUT", "a", "b", "c"], 2, "words"),
    (["set", "OUT", "rate", "1", "--json"], 2, "--json"),
    (["ctl"], 2, "COMMAND"),
    (["ctl", "OUT", "explode"], 2, "explode"),
    (["ctl", "OUT", "cancel"], 2, "argument"),
    (["ctl", "OUT", "stop", "7"], 2, "argument"),
    (["ctl", "OUT", "cancel", "x"], 2, "no task"),
    (["ctl", "OUT", "priority", "1"], 2, "argument"),
    (["ctl", "OUT", "set-host", "h", "concurrency", "2"], 3, "no spate"),
    (["ctl", "OUT", "set-host", "h", "per-host", "x"], 2, "per-host"),
    (["ctl", "OUT", "task-rate", "1", "fast"], 2, "fast"),
    (["ctl", "OUT", "get", "speed"], 2, "speed"),
    (["set", "OUT", "rate", "1"], 3, "no spate is running"),
    (["ctl", "OUT", "status"], 3, "no spate is running"),
    (["ctl", "/nonexistent", "get", "rate"], 3, "session"),
])
def test_errors_without_a_run(spate, faultd, out, args, code, said):
    bad = spate(faultd.data(1, 10, "f", status=404), "-d", out)
    assert bad.code == 1, bad
    run = spate(*[str(out) if a == "OUT" else a for a in args])
    assert run.code == code and said in run.err.decode(), run
    assert run.out == b""


def test_no_session_at_all(spate, tmp_path):
    run = spate("set", tmp_path, "rate", "1")
    assert run.code == 3 and b"session" in run.err, run


def test_stale_socket_of_a_killed_run_is_replaced(spate, out, slow_run):
    slow_run.kill()
    assert socket_of(out).exists()
    run = spate("set", out, "rate", "1")
    assert run.code == 3 and b"no spate is running" in run.err, run
    again = spate.start("resume", out)
    wait_until(lambda: spate("ctl", out, "get", "rate").code == 0)
    again.signal(15)
    assert again.wait(10).code == 4
    assert not socket_of(out).exists()


def test_a_run_without_a_socket_goes_on_and_set_says_so(spate, out, slow_run):
    slow_run.kill()
    socket_of(out).unlink()
    socket_of(out).mkdir()  # so that none can be made
    again = spate.start("resume", out, "-v", "--no-tui")
    wait_until(lambda: b"done" in again.out)
    run = spate("set", out, "rate", "1")
    assert run.code == 3 and b"no control socket" in run.err, run
    assert str(again.pid).encode() in run.err
    status = spate("status", out, "--json")
    assert status.code == 0 and json.loads(status.out)["run"] is None
    again.signal(2)
    result = again.wait(10)
    assert result.code == 4 and b"no control socket" in result.err, result


# ---- the socket ----------------------------------------------------------


def test_only_the_owner_may_connect(out, slow_run):
    mode = os.lstat(socket_of(out))
    assert stat.S_ISSOCK(mode.st_mode) and stat.S_IMODE(mode.st_mode) == 0o600
    assert stat.S_IMODE(os.stat(out / ".spate").st_mode) == 0o700
    slow_run.kill()


def test_a_path_longer_than_a_socket_address(spate, faultd, tmp_path):
    out = tmp_path / ("d" * 100) / ("e" * 100)
    urls = [faultd.data(i, 10, f"f{i}", delay=200) for i in range(50)]
    run = spate.start("-i", write_list(tmp_path / "l", urls), "-d", out, "-j", "1")
    wait_until(lambda: socket_of(out).exists())
    assert spate("set", out, "concurrency", "50").code == 0
    assert run.wait(20).code == 0


def test_two_clients_and_what_they_see(out, slow_run):
    one, two = Client(out), Client(out)
    assert one.ask("set", name="tries", value="3")["result"]["text"] == "tries 3"
    assert two.ask("get", name="tries")["result"]["value"] == "3"
    names = [row["name"] for row in two.ask("list")["result"]]
    assert "concurrency" in names and "limit-rate" in names
    status = one.ask("status")["result"]
    assert status["tasks"] == 400 and status["net"]["limit"] == 2
    assert status["deadline"] is None
    whole = two.ask("snapshot", tasks=5)["result"]
    assert len(whole["task"]) == 5 and whole["host"][0]["name"].startswith("http://")
    one.close()
    assert two.ask("pause")["result"]["text"]
    two.close()
    slow_run.kill()


def test_refusals_are_errors_with_a_sentence(out, slow_run):
    client = Client(out)
    for method, params, code in [
            ("explode", {}, -32601), ("get", {"name": "speed"}, -32602),
            ("set", {"name": "rate", "value": "fast"}, -32602),
            ("cancel", {"task": "x"}, -32602), ("cancel", {"task": 1 << 60}, -32000)]:
        error = client.ask(method, **params)["error"]
        assert error["code"] == code and len(error["message"]) > 10, error
    client.close()
    slow_run.kill()


def test_junk_is_answered_and_does_no_harm(out, slow_run):
    client = Client(out)
    for junk in (b"rubbish", b"\x00\x01\xff", b"{}", b"[]", b"[" * 5000, b"\x1b[2J",
                 b'{"jsonrpc":"2.0","id":1,"method":{}}'):
        client.send(junk + b"\n")
        answer = client.read()
        assert answer["error"]["code"] in (-32700, -32600), (junk, answer)
    client.send(b'{"jsonrpc":"2.0","method":"no-such"}\n\n\r\n')  # no answer is due
    assert client.ask("get", name="rate")["result"]["value"] == "0"
    client.close()
    slow_run.kill()


def test_a_line_without_end_ends_the_connection(out, slow_run):
    client = Client(out)
    try:
        client.send(b"x" * 200_000)
    except (BrokenPipeError, ConnectionResetError):
        pass
    try:
        answer = client.read()
        assert answer is None or "65536" in answer["error"]["message"]
        assert client.read() is None
    except ConnectionResetError:
        pass
    client.close()
    other = Client(out)
    assert "result" in other.ask("status")
    other.close()
    slow_run.kill()


def test_pieces_pipelines_and_a_closed_end(out, slow_run):
    client = Client(out)
    line = b'{"jsonrpc":"2.0","id":"a","method":"get","params":["tries"]}'
    for at in range(len(line)):
        client.send(line[at:at + 1])
    client.send(b"\n" + b"\n".join([line] * 200))
    client.socket.shutdown(socket.SHUT_WR)
    answers = [client.read() for _ in range(201)]
    assert all(a["result"]["value"] == "5" for a in answers)
    assert client.read() is None
    client.close()
    slow_run.kill()


def test_subscription(out, slow_run):
    client = Client(out)
    assert client.ask("subscribe", interval_ms=100)["result"]["interval_ms"] == 100
    begin = time.monotonic()
    seen = [client.read() for _ in range(12)]
    assert 0.8 < time.monotonic() - begin < 4 * PATIENCE
    assert all(s["method"] == "snapshot" and "id" not in s for s in seen)
    times = [s["params"]["t"] for s in seen]
    assert times == sorted(times) and len(set(times)) > 4
    client.close()
    slow_run.kill()


def test_too_many_clients(out, slow_run):
    clients = [Client(out) for _ in range(16)]
    assert all("result" in c.ask("get", name="rate") for c in clients)
    more = Client(out)
    assert "too many" in more.read()["error"]["message"]
    assert more.read() is None
    clients[3].close()
    wait_until(lambda: served(out))
    for client in clients:
        client.close()
    slow_run.kill()


def served(out):
    client = Client(out)
    try:
        return "result" in client.ask("status")
    except (AssertionError, KeyError, TypeError, OSError):
        return False
    finally:
        client.close()


@pytest.mark.limit(60)
def test_a_client_that_never_reads_is_dropped_and_delays_nobody(
        spate, faultd, out, slow_run):
    asleep = Client(out)
    asleep.send(b'{"jsonrpc":"2.0","method":"subscribe","params":[50,2000]}\n')
    other = Client(out)
    begin = time.monotonic()
    for _ in range(5):
        assert "result" in other.ask("status")
    assert time.monotonic() - begin < 10
    other.close()
    before = len(faultd.journal())
    wait_until(lambda: len(faultd.journal()) > before)
    gone = select.poll()
    gone.register(asleep.socket, select.POLLHUP)
    wait_until(lambda: gone.poll(0), timeout=30, what="being dropped")
    asleep.close()
    slow_run.kill()


def test_answers_come_while_the_output_is_not_read(spate, faultd, out, tmp_path):
    """The reader of --progress has stopped; the socket goes on."""
    urls = [faultd.data(i, 10, f"f{i}", delay=50) for i in range(200)]
    read_end, write_end = os.pipe()
    import subprocess
    from harness import SPATE
    process = subprocess.Popen(
        [SPATE, "-i", str(write_list(tmp_path / "l", urls)), "-d", str(out),
         "--progress=json", "--progress-interval", "0.1", "-j", "1"],
        env=spate.env, stdout=write_end, stderr=subprocess.DEVNULL)
    os.close(write_end)
    try:
        wait_until(lambda: socket_of(out).exists())
        assert spate("ctl", out, "get", "concurrency").out == b"1\n"
    finally:
        os.close(read_end)
        process.kill()
        process.wait()


# ---- deadlines -----------------------------------------------------------


def test_expired_urls_are_not_asked_for(spate, faultd, out, tmp_path):
    dead = [faultd.data(i, 10, f"old{i}") + "?" + GONE for i in range(3)]
    live = [faultd.data(9, 10, "new"), faultd.data(8, 10, "bad", status=404)]
    run = spate("-i", write_list(tmp_path / "l", dead + live), "-d", out,
                "--progress=json")
    assert run.code == 1, run
    assert run.summary["expired"] == 3 and run.summary["failed"] == 1, run
    assert len(faultd.journal()) == 2
    assert {e["state"] for e in run.event("failed")} == {"expired", "failed"}
    lines = spate("failed", out, "--expired").out.decode().splitlines()
    assert [l for l in lines if l[0] != "#"] == dead
    lines = spate("failed", out).out.decode().splitlines()
    assert [l for l in lines if l[0] != "#"] == live[1:]
    assert json.loads(spate("status", out, "--json").out)["expired"] == 3
    assert re.search(r"expired +3", spate("status", out).out.decode())


def test_a_deadline_in_the_past_expires_everything(spate, faultd, out):
    run = spate("-d", out, "--deadline", "2020-01-01T00:00Z",
                faultd.data(1, 10, "f"))
    assert run.code == 1, run
    assert faultd.journal() == []


def test_deadline_none_asks_all_the_same(spate, start_nginx, docs_root, out,
                                         tmp_path):
    server = start_nginx(docs_root)
    url = server.url("/d000/doc-000000.bin?" + GONE)
    assert spate("-d", out, url).code == 1
    assert server.requests() == []
    ini = tmp_path / "c.ini"
    ini.write_text("[default]\ndeadline = none\n")
    run = spate("--config", ini, "-d", tmp_path / "other", url)
    assert run.code == 0, run
    assert len(server.requests()) == 1


@pytest.mark.slow
def test_a_deadline_that_is_near_is_shown(spate, faultd, out, tmp_path):
    urls = [faultd.data(i, 10, f"f{i}", delay=300) for i in range(200)]
    soon = str(int(time.time()) + 30)
    run = spate.start("-i", write_list(tmp_path / "l", urls), "-d", out, "-j", "1",
                      "--deadline", soon, "--progress=json", "--progress-interval",
                      "0.2")
    wait_until(lambda: socket_of(out).exists())

    def asked():  # the rate is not known in the first seconds
        shown = json.loads(spate("status", out, "--json").out)["run"]["deadline"]
        return shown if shown["will_miss"] is not None else None

    shown = wait_until(asked, step=0.2, timeout=20)
    assert 5 <= shown["in_s"] <= 30 and shown["needed_per_s"] > 5
    assert shown["will_miss"] > 50
    assert b"deadline" in spate("status", out).out
    run.signal(2)
    lines = run.wait(10).event("progress")
    assert lines[-1]["deadline"]["in_s"] <= 30
    assert lines[-1]["throttled"] == 0 and lines[-1]["retries"] == 0


# ---- rules of hosts and paths --------------------------------------------


def test_buckets_and_hosts_of_the_configuration(spate, faultd, out, tmp_path):
    ini = tmp_path / "c.ini"
    ini.write_text("[host 127.0.0.1]\nheader = X-Rule: host\nper-host = 3\n"
                   "[bucket one]\nhost = 127.0.0.1\npath = /data/1/\n"
                   "per-host = 1\nheader = X-Rule: one\n"
                   "[bucket longer]\nhost = 127.0.0.1\npath = /data/1/11/\n"
                   "header = X-Rule: longer\n")
    urls = [faultd.data(1, 10, f"a{i}", delay=50) for i in range(6)]
    urls += [faultd.data(1, 11, "b")]
    urls += [faultd.data(2, 10, f"c{i}", delay=50) for i in range(12)]
    run = spate("--config", ini, "-i", write_list(tmp_path / "l", urls), "-d", out)
    assert run.code == 0, run
    rules = {e["target"].split("?")[0].split("/")[-1]: e["x-rule"]
             for e in faultd.journal()}
    assert {v for k, v in rules.items() if k[0] == "a"} == {"one"}
    assert rules["b"] == "longer"
    assert {v for k, v in rules.items() if k[0] == "c"} == {"host"}
    first = [e for e in faultd.journal() if "/a" in e["target"]]
    assert all(b["t"] - a["t"] >= 45_000 for a, b in zip(first, first[1:]))


def test_bucket_for_those_who_send_a_header(spate, faultd, out, tmp_path):
    ini = tmp_path / "c.ini"
    ini.write_text("[bucket gold]\nhost = 127.0.0.1\n"
                   "when-header = X-Api-Key: gold\nheader = X-Rule: gold\n")
    for key, rule in ((None, ""), ("lead", ""), ("gold", "gold")):
        faultd.reset()
        sent = ["-H", f"x-api-key:  {key}"] if key else []
        run = spate("--config", ini, "-d", out / str(key), *sent,
                    faultd.data(1, 10, "f"))
        assert run.code == 0, run
        assert [e.get("x-rule", "") or "" for e in faultd.journal()] == [rule]


def test_throttle_status(spate, faultd, out):
    url = faultd.data(1, 10, "f", status=509, fail=1)
    run = spate("-d", out, "-t", "1", "--progress=json", "--throttle-status",
                "418,509", url)
    assert run.code == 0, run
    assert run.summary["throttled"] == 1
    assert_files(out, {"f": body(1, 10)})


@pytest.mark.parametrize("args,said", [
    (["--throttle-status", "200"], "400 to 599"),
    (["--throttle-status", "403,"], "400 to 599"),
    (["--throttle-words", "a,,b"], "commas"),
    (["--deadline", "tomorrow"], "tomorrow"),
    (["--adaptive=maybe"], "maybe"),
])
def test_bad_values(spate, faultd, out, args, said):
    run = spate("-d", out, *args, faultd.data(1, 10, "f"))
    assert run.code == 2 and said in run.err.decode(), run


# ---- one task, one host ------------------------------------------------------


def ctl(spate, out, *args):
    done = spate("ctl", out, *args)
    assert done.code == 0, done
    return done.out.decode().strip()


def tasks_of(spate, out):
    shown = wait_until(lambda: spate("ctl", out, "snapshot").out)
    return {t["name"]: t for t in json.loads(shown)["task"]}


def test_cancel_keeps_what_is_there_and_discard_deletes_it(spate, faultd, out):
    urls = [faultd.data(i, 4_000_000, f"big{i}", stall=3_000_000) for i in (1, 2, 3)]
    run = spate.start(*urls, "-d", out, "-j", "3")
    parts = [out / f"big{i}.part" for i in (1, 2, 3)]
    wait_until(lambda: all(p.exists() and p.stat().st_size >= 1 << 20 for p in parts))
    rows = tasks_of(spate, out)
    ctl(spate, out, "cancel", str(rows["big1"]["task"]))
    ctl(spate, out, "discard", str(rows["big2"]["task"]))
    ctl(spate, out, "pause", str(rows["big3"]["task"]))
    wait_until(lambda: not parts[1].exists())
    wait_until(lambda: tasks_of(spate, out)["big3"]["state"] == "paused")
    ctl(spate, out, "discard", str(rows["big3"]["task"]))
    assert run.wait(20).code == 0
    assert parts[0].exists() and parts[0].stat().st_size > 0
    assert not parts[1].exists() and not parts[2].exists()
    # asked for again, the kept part is gone on with
    again = spate(faultd.data(1, 4_000_000, "big1", rate=90_000_000), "-d", out)
    assert again.code == 0, again
    assert (out / "big1").read_bytes() == body(1, 4_000_000)
    ranges = [e for e in faultd.journal() if "big1" in e["target"] and e.get("range")]
    assert ranges, faultd.journal()


def test_discard_deletes_what_a_killed_run_had_begun(spate, faultd, out, tmp_path):
    """Nothing is known of its bytes, and this run has not come to it."""
    urls = [faultd.data(0, 10, "slow", stall=5), faultd.data(1, 4_000_000, "big", stall=3_000_000)]
    run = spate.start("-i", write_list(tmp_path / "l", urls), "-d", out, "-j", "2")
    part = out / "big.part"
    wait_until(lambda: part.exists() and part.stat().st_size >= 1 << 20)
    run.kill()
    (out / ".spate/unflushed").unlink()
    with sqlite3.connect(out / ".spate/session.db") as db:
        db.execute("DELETE FROM partials")
    run = spate.start("resume", out, "-j", "1")
    wait_until(lambda: tasks_of(spate, out).get("big", {}).get("state") == "queued")
    assert part.exists()
    ctl(spate, out, "discard", tasks_of(spate, out)["big"]["task"])
    wait_until(lambda: not part.exists())
    run.kill()


def rows(out, table):
    with sqlite3.connect(out / ".spate/session.db") as db:
        return db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]


def leave_part(spate, faultd, out, tmp_path, *others):
    """A list's task is cancelled half-way, and its file stays."""
    url = faultd.data(1, 4_000_000, "big", stall=3_000_000, fail=1)
    run = spate.start("-i", write_list(tmp_path / "l", [url, *others]), "-d", out)
    part = out / "big.part"
    wait_until(lambda: part.exists() and part.stat().st_size >= 1 << 20)
    task = tasks_of(spate, out)["big"]["task"]
    ctl(spate, out, "cancel", task)
    return url, run, task


@pytest.mark.parametrize("when", ["within the run", "by the next run", "after a kill"])
def test_a_url_goes_on_with_what_its_cancelled_task_left(spate, faultd, out, tmp_path, when):
    """The list has it; the one that is added is another task."""
    slow = [] if when == "by the next run" else [faultd.data(0, 10, "slow", stall=5, fail=1)]
    url, run, _ = leave_part(spate, faultd, out, tmp_path, *slow)
    if when == "within the run":
        assert ctl(spate, out, "add", url) == "1 URL added"
        wait_until(lambda: (out / "big").exists() and rows(out, "leftovers") == 0)
        run.kill()
    else:
        if when == "after a kill":
            wait_until(lambda: rows(out, "leftovers") == 1)
            run.kill()
        run.wait(20)
        done = spate(url, "-d", out)
        assert done.code == 0, done
    assert (out / "big").read_bytes() == body(1, 4_000_000)
    assert not (out / "big.part").exists()
    asked = [e for e in faultd.journal() if "big" in e["target"]]
    assert asked[-1].get("range"), asked
    if when != "within the run":  # else killed, maybe before the last commit
        assert rows(out, "leftovers") == rows(out, "partials") == 0


def test_what_a_cancelled_task_left_is_not_for_another_url(spate, faultd, out, tmp_path):
    _, run, task = leave_part(spate, faultd, out, tmp_path)
    run.wait(20)
    kept = (out / "big.part").read_bytes()
    other = faultd.data(2, 4_000_000, "x/big")
    run = spate("-d", out, other)
    assert run.code == 1 and f"task {task}, of another URL".encode() in run.err, run
    assert (out / "big.part").read_bytes() == kept and not (out / "big").exists()
    run = spate.start(faultd.data(0, 10, "slow", stall=5, fail=1), "-d", out)
    wait_until(lambda: "slow" in tasks_of(spate, out))
    ctl(spate, out, "discard", task)
    wait_until(lambda: not (out / "big.part").exists())
    run.kill()
    done = spate("-d", out, other)
    assert done.code == 0, done
    assert (out / "big").read_bytes() == body(2, 4_000_000)


class Poster(OwnServer):
    """Another body for each method, cut short for a POST, and one validator."""

    def serve(self, peer, turn):
        data = b""
        while b"\r\n\r\n" not in data:
            data += peer.recv(65536)
        post, found = data.startswith(b"POST"), re.search(rb"Range: bytes=(\d+)-", data)
        at = int(found[1]) if found else 0
        part = f"Content-Range: bytes {at}-3999999/4000000\r\n" if found else ""
        peer.sendall((f"HTTP/1.1 {206 if found else 200} OK\r\nETag: \"x\"\r\n{part}"
                      f"Accept-Ranges: bytes\r\nContent-Length: {4_000_000 - at}\r\n"
                      "Connection: close\r\n\r\n").encode())
        peer.sendall(body(1 if post else 2, 3_000_000 if post else 4_000_000)[at:])
        self.over.wait(60 if post else 0)


def test_what_a_cancelled_post_left_is_not_for_a_get(spate, faultd, out, tmp_path):
    server = Poster()
    url = f"http://127.0.0.1:{server.port}/big"
    lines = [json.dumps(o) for o in (
        {"url": url, "method": "POST", "body": "a=1"},
        {"url": faultd.data(0, 10, "slow", stall=5)})]
    run = spate.start("-i", write_list(tmp_path / "l", lines), "-d", out)
    part = out / "big.part"
    wait_until(lambda: part.exists() and part.stat().st_size >= 1 << 20)
    ctl(spate, out, "cancel", tasks_of(spate, out)["big"]["task"])
    wait_until(lambda: tasks_of(spate, out)["big"]["state"] == "cancelled")
    ctl(spate, out, "add", url)
    wait_until(lambda: "failed" in {t["state"] for t in json.loads(
        spate("ctl", out, "snapshot").out)["task"]})
    run.kill()
    server.stop()
    kept = part.read_bytes()
    assert kept == body(1, len(kept)) and not (out / "big").exists()


def test_a_second_discard_leaves_what_is_another_tasks(spate, faultd, out, tmp_path):
    """The name has gone to another URL meanwhile; and what is dropped twice
    stays dropped."""
    slow = faultd.data(0, 10, "slow", stall=5)
    _, run, task = leave_part(spate, faultd, out, tmp_path, slow)
    ctl(spate, out, "discard", task)
    part = out / "big.part"
    wait_until(lambda: not part.exists())
    other = faultd.data(2, 4_000_000, "x/big", stall=3_000_000, fail=1)
    ctl(spate, out, "add", other)
    wait_until(lambda: recorded(out) >= 1 << 20)
    ctl(spate, out, "discard", task)
    wait_until(lambda: {t["state"] for t in json.loads(
        spate("ctl", out, "snapshot").out)["task"] if t["task"] == task} == {"cancelled"})
    assert part.stat().st_size >= 1 << 20
    run.kill()
    before = len(faultd.journal())
    run = spate.start("resume", out)
    wait_until(lambda: (out / "big").exists())
    run.kill()
    assert (out / "big").read_bytes() == body(2, 4_000_000)
    asked = [e for e in faultd.journal()[before:] if "big" in e["target"]]
    assert len(asked) == 1 and asked[0]["range"], asked


def test_a_part_belongs_to_who_made_it_last(spate, faultd, out, tmp_path):
    """Removed by hand, made anew by another URL's task: the first has none."""
    def partials():
        with sqlite3.connect(out / ".spate/session.db") as db:
            return db.execute("SELECT source << 40 | task FROM partials").fetchall()

    _, run, task = leave_part(spate, faultd, out, tmp_path, faultd.data(0, 10, "slow", stall=5))
    wait_until(lambda: rows(out, "leftovers") == 1 and partials() == [(task,)])
    part = out / "big.part"
    part.unlink()
    ctl(spate, out, "add", faultd.data(2, 4_000_000, "x/big", stall=3_500_000))
    wait_until(lambda: part.exists() and part.stat().st_size >= 3 << 20)
    wait_until(lambda: partials() not in ([], [(task,)]))  # said while it goes on
    (other,), = partials()
    assert rows(out, "leftovers") == 0
    ctl(spate, out, "cancel", other)
    wait_until(lambda: rows(out, "leftovers") == 1)
    kept = part.read_bytes()
    ctl(spate, out, "retry", task)
    wait_until(lambda: b"of another URL" in spate("failed", out).out)
    assert part.read_bytes() == kept and not (out / "big").exists()
    run.kill()
    part.unlink()
    spate("retry", out, "--tries", "1", "--stall-timeout", "1")
    assert (out / "big").read_bytes() == body(1, 4_000_000)


def test_restart_begins_from_nothing(spate, faultd, out):
    url = faultd.data(1, 4_000_000, "big", stall=3_000_000, fail=1)
    run = spate.start(url, "-d", out)
    part = out / "big.part"
    wait_until(lambda: part.exists() and part.stat().st_size >= 1 << 20)
    ctl(spate, out, "restart", str(tasks_of(spate, out)["big"]["task"]))
    assert run.wait(20).code == 0
    assert (out / "big").read_bytes() == body(1, 4_000_000)
    asked = [e for e in faultd.journal() if "big" in e["target"]]
    assert len(asked) == 2 and not asked[1].get("range"), asked


def test_a_failed_task_is_dropped_or_begun_again(spate, faultd, out, tmp_path):
    urls = [faultd.data(1, 10, "gone", status=404), faultd.data(2, 10, "never", status=404),
            *(faultd.data(i, 10, f"f{i}") for i in range(3, 6)),
            faultd.data(9, 10, "last", delay=600_000)]
    run = spate.start("-i", write_list(tmp_path / "l", urls), "-d", out, "-j", "2")
    wait_until(lambda: [t["state"] for t in tasks_of(spate, out).values()].count("failed") == 2)
    rows = tasks_of(spate, out)
    ctl(spate, out, "cancel", str(rows["gone"]["task"]))
    ctl(spate, out, "restart", str(rows["never"]["task"]))
    wait_until(lambda: len([e for e in faultd.journal() if "never" in e["target"]]) == 2)
    assert ctl(spate, out, "retry-failed", "status:503").startswith("0 failed tasks")
    ctl(spate, out, "cancel", str(rows["last"]["task"]))
    result = run.wait(20)
    assert result.code == 1, result
    assert len([e for e in faultd.journal() if "gone" in e["target"]]) == 1
    listed = spate("failed", out).out
    assert b"never" in listed and b"gone" not in listed


def test_a_host_is_paused_and_limited(spate, faultd, out, slow_run):
    before = len(faultd.journal())
    wait_until(lambda: len(faultd.journal()) > before)
    assert "paused" in ctl(spate, out, "pause-host", "127.0.0.1")
    time.sleep(0.4)
    count = len(faultd.journal())
    time.sleep(0.5)
    assert len(faultd.journal()) == count
    ctl(spate, out, "resume-host", "127.0.0.1")
    wait_until(lambda: len(faultd.journal()) > count + 2)
    ctl(spate, out, "set-host", "127.0.0.1", "per-host", "1")
    time.sleep(0.4)
    since = faultd.journal()[-1]["t"]
    time.sleep(0.8)
    assert busy_at_once(faultd.journal(), since) == 1
    assert spate("ctl", out, "pause-host", "nowhere.example").code == 1
    assert spate("ctl", out, "set-host", "127.0.0.1", "tries", "3").code == 1
    slow_run.kill()


def test_limits_changed_meanwhile_survive_a_kill(spate, faultd, out, slow_run):
    ctl(spate, out, "set", "concurrency", "7")
    ctl(spate, out, "set-host", "127.0.0.1", "per-host", "3")
    ctl(spate, out, "set-host", "127.0.0.1", "per-host", "1")
    time.sleep(0.5)
    slow_run.kill()
    again = spate.start("resume", out, "--progress=json")
    wait_until(lambda: spate("ctl", out, "get", "concurrency").out == b"7\n")
    time.sleep(0.3)
    since = faultd.journal()[-1]["t"]
    time.sleep(0.8)
    assert busy_at_once(faultd.journal(), since) == 1
    again.kill()


# ---- adaptive ------------------------------------------------------------


def hosts_of(spate, out):
    return json.loads(ctl(spate, out, "snapshot"))["host"]


def kept(out, name):
    """What the session keeps of an option."""
    with sqlite3.connect(out / ".spate/session.db") as db:
        found = db.execute("SELECT value FROM options WHERE name=?", (name,))
        return [value for value, in found]


@pytest.fixture
def limited_run(spate, faultd, out, tmp_path):
    """A long run against a server that bears 40 requests a second."""
    urls = [faultd.data(i, 10, f"f{i}", delay=20, limit="k,40,5") for i in range(4000)]
    run = spate.start("-i", write_list(tmp_path / "l", urls), "-d", out, "-j", "8",
                      "--per-host-rate", "35/s", "--no-config", "--progress=json")
    wait_until(lambda: len(faultd.journal()) >= 4)
    return run


def test_adaptive_is_turned_on_and_off_in_a_run(spate, faultd, out, limited_run):
    assert ctl(spate, out, "get", "adaptive") == "off"
    host = hosts_of(spate, out)[0]
    assert (host["adaptive"], host["limit"], host["rate_limit"]) == (False, 0, 35), host
    ctl(spate, out, "set", "per-host-rate", "0")
    wait_until(lambda: any(e["status"] == 429 for e in faultd.journal()), what="a 429")
    done = spate("set", out, "adaptive", "yes")
    assert (done.code, done.out) == (0, b"adaptive on\n"), done
    host = hosts_of(spate, out)[0]
    assert host["adaptive"] and 0 < host["limit"] <= 8 and host["rate_limit"] > 0, host
    wait_until(lambda: hosts_of(spate, out)[0]["governor"] in ("search", "hold"),
               what="a governor that searches")
    assert hosts_of(spate, out)[0]["rate_limit"] < 80
    ctl(spate, out, "set", "per-host-rate", "30/s")
    ctl(spate, out, "set", "per-host", "3")
    done = spate("set", out, "adaptive", "off")
    assert (done.code, done.out) == (0, b"adaptive off\n"), done
    host = hosts_of(spate, out)[0]
    assert (host["adaptive"], host["limit"], host["rate_limit"]) == (False, 3, 30), host
    count = len(faultd.journal())
    wait_until(lambda: len(faultd.journal()) > count + 5, what="more requests")
    log = (out / ".spate" / "log").read_text()
    assert re.search(r"adaptive was off, is on.*adaptive was on, is off", log, re.S), log
    limited_run.signal(2)
    assert limited_run.wait(10).code == 4


def test_adaptive_turned_on_survives_a_kill(spate, faultd, out, limited_run):
    ctl(spate, out, "set", "adaptive", "on")
    wait_until(lambda: kept(out, "adaptive") == ["on"], what="the session")
    limited_run.kill()
    again = spate.start("resume", out, "--no-config", "--progress=json")
    wait_until(lambda: spate("ctl", out, "get", "adaptive").out == b"on\n")
    wait_until(lambda: hosts_of(spate, out) and hosts_of(spate, out)[0]["adaptive"])
    ctl(spate, out, "set-host", "127.0.0.1", "adaptive", "off")
    host = hosts_of(spate, out)[0]
    assert (host["adaptive"], host["rate_limit"]) == (False, 35), host
    wait_until(lambda: kept(out, "host-limit") == ["127.0.0.1,adaptive=off"],
               what="the session")
    again.kill()
    third = spate.start("resume", out, "--no-config", "--progress=json")
    wait_until(lambda: spate("ctl", out, "get", "adaptive").out == b"on\n")
    wait_until(lambda: hosts_of(spate, out), what="a host")
    assert not hosts_of(spate, out)[0]["adaptive"]
    third.kill()


def test_an_order_given_by_hand(spate, faultd, out, slow_run):
    assert spate("ctl", out, "pause").code == 0  # nothing ends meanwhile
    rows = tasks_of(spate, out)
    queued = [t for t in rows.values() if t["state"] == "queued"]
    assert ctl(spate, out, "priority", str(queued[0]["task"]), "5") == "priority 5"
    assert ctl(spate, out, "raise", str(queued[0]["task"])) == "priority 6"
    assert ctl(spate, out, "top", str(queued[1]["task"])) == "priority 7"
    assert ctl(spate, out, "lower", str(queued[1]["task"])) == "priority 6"
    assert ctl(spate, out, "bottom", str(queued[2]["task"])) == "priority -1"
    slow_run.kill()


def test_an_order_given_by_hand_outlives_a_kill(spate, faultd, out, slow_run):
    rows = [t for t in tasks_of(spate, out).values() if t["state"] == "queued"]
    assert ctl(spate, out, "top", str(rows[-1]["task"])) == "priority 1"
    assert ctl(spate, out, "pause") and ctl(spate, out, "priority", str(rows[-2]["task"]), "7")
    database = out / ".spate" / "session.db"

    def kept():
        return sqlite3.connect(f"file:{database}?mode=ro", uri=True).execute(
            "SELECT task,priority FROM priorities ORDER BY task").fetchall()
    wait_until(lambda: (rows[-2]["task"], 7) in kept())
    slow_run.kill()
    slow_run.wait()
    wait_until(lambda: faultd.stats()["open"] == 1)  # that of the question
    before = len(faultd.journal())
    again = spate.start("resume", out, "-j", "1", "--no-tui")
    wait_until(lambda: len(faultd.journal()) > before)
    ctl(spate, out, "set", "concurrency", "60")
    result = again.wait(60)
    assert result.code == 0, result
    first = [entry["target"] for entry in faultd.journal()[before:]][0]
    assert f"/{rows[-2]['name']}?" in first, (rows[-2], first)
    assert kept() == []


def test_the_first_of_the_order_starts_first(spate, faultd, out, slow_run):
    rows = [t for t in tasks_of(spate, out).values() if t["state"] == "queued"]
    last = rows[-1]
    ctl(spate, out, "top", str(last["task"]))
    count = len(faultd.journal())

    def asked():
        return [e["target"] in last["url"] for e in faultd.journal()]

    wait_until(lambda: True in asked())
    assert asked().index(True) - count < 8
    slow_run.kill()


def test_one_transfer_is_slowed_down(spate, faultd, out):
    size = int(80_000_000 * PATIENCE)  # for longer than the commands may take
    run = spate.start(faultd.data(1, size, "big", rate=8_000_000), "-d", out)
    wait_until(lambda: tasks_of(spate, out).get("big", {}).get("got", 0) > 500_000)
    ctl(spate, out, "task-rate", str(tasks_of(spate, out)["big"]["task"]), "100k")
    time.sleep(0.5)
    begun = time.monotonic()
    before = tasks_of(spate, out)["big"]["got"]
    time.sleep(1.5)
    got = tasks_of(spate, out)["big"]["got"] - before
    assert got < 550_000 + 100_000 * (time.monotonic() - begun)
    run.kill()


# ---- adding ------------------------------------------------------------------


def lines_file(tmp_path, text):
    path = tmp_path / "lines"
    path.write_text(text)
    return path.open("rb")


def test_urls_are_added_to_a_manifest_run(spate, faultd, out, slow_run, tmp_path):
    url = faultd.data(7001, 10, "extra")
    assert ctl(spate, out, "add", url) == "1 URL added"
    assert ctl(spate, out, "add", url, url + "?X-sig=2") == "0 URLs added, 2 in the list already"
    lines = "".join(f"{faultd.data(i, 10, f'g{i}')}\tsub/g{i}\n" for i in range(7100, 7200))
    done = spate("ctl", out, "add", "-", stdin=lines_file(tmp_path, lines))
    assert done.code == 0 and done.out == b"100 URLs added\n", done
    bad = spate("ctl", out, "add", "-",
                stdin=lines_file(tmp_path, "http://a.invalid/x\nnonsense:/\n"))
    assert bad.code == 1 and b"nonsense" in bad.err, bad
    ctl(spate, out, "set", "concurrency", "50")
    result = slow_run.wait(30)
    assert result.code == 0, result
    assert (out / "extra").read_bytes() == body(7001, 10)
    for i in range(7100, 7200):
        assert (out / "sub" / f"g{i}").read_bytes() == body(i, 10)
    assert len([e for e in faultd.journal() if "extra" in e["target"]]) == 1


@pytest.mark.slow
def test_what_was_called_added_survives_a_kill(spate, faultd, out):
    """Adds, kills at once, goes on; again and again."""
    names = []
    run = spate.start(faultd.data(1, 5_000_000, "slow", rate=200_000), "-d", out)
    for turn in range(6):
        wait_until(lambda: spate("ctl", out, "status").code == 0)
        for i in range(3):
            number = 8000 + turn * 10 + i
            names.append(number)
            ctl(spate, out, "add", faultd.data(number, 10, f"n{number}"))
        run.kill()
        run = spate.start("resume", out, "--limit-rate=0")
    ctl_ready = wait_until(lambda: spate("ctl", out, "status").code == 0)
    assert ctl_ready
    wait_until(lambda: all((out / f"n{n}").exists() for n in names))
    run.signal(2)
    assert run.wait(10).code == 4
    for n in names:
        assert (out / f"n{n}").read_bytes() == body(n, 10)


@pytest.mark.slow
def test_added_one_by_one_while_it_runs(spate, faultd, out):
    """The list is read to its end and grows again, many times."""
    size = int(1_000_000 * PATIENCE)  # for as long as the others take to add
    run = spate.start(faultd.data(1, size, "slow", rate=200_000), "-d", out)
    wait_until(lambda: spate("ctl", out, "status").code == 0)
    for i in range(40):
        ctl(spate, out, "add", faultd.data(9000 + i, 10, f"n{i}"))
        if i % 7 == 0:
            time.sleep(0.15)
    wait_until(lambda: all((out / f"n{i}").exists() for i in range(40)))
    result = run.wait(30)
    assert result.code == 0, result
    assert not (out / ".spate").exists()
    assert_files(out, {"slow": body(1, size),
                       **{f"n{i}": body(9000 + i, 10) for i in range(40)}})


@pytest.mark.slow
def test_a_failed_url_is_added_again(spate, faultd, out):
    run = spate.start(faultd.data(1, 3_000_000, "slow", rate=200_000), "-d", out)
    url = faultd.data(1, 10, "flaky", status=404, fail=1)
    wait_until(lambda: spate("ctl", out, "status").code == 0)
    ctl(spate, out, "add", url)
    wait_until(lambda: tasks_of(spate, out).get("flaky", {}).get("state") == "failed")
    assert "already" in ctl(spate, out, "add", url)
    wait_until(lambda: (out / "flaky").exists())
    assert run.wait(20).code == 0


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("order", ["add", "retry"])
def test_a_cancelled_url_that_is_wanted_after_all_outlives_the_run(spate, faultd, out,
                                                                   how, order):
    """Its turn does not come before the run ends; the next one fetches it."""
    url = faultd.data(1, 10, "wanted")
    slow = faultd.data(0, 10, "slow", stall=5, fail=1)
    run = spate.start(slow, url, faultd.data(2, 10, "dropped"), "-d", out, "-j", "1", "-q",
                      "--stall-timeout", "600")
    wait_until(lambda: {"wanted", "dropped"} <= set(tasks_of(spate, out)))
    for name in ("wanted", "dropped"):
        ctl(spate, out, "cancel", tasks_of(spate, out)[name]["task"])
    if order == "add":
        assert ctl(spate, out, "add", url) == "0 URLs added, 1 in the list already"
    else:
        ctl(spate, out, "retry", tasks_of(spate, out)["wanted"]["task"])
        wait_until(lambda: tasks_of(spate, out)["wanted"]["state"] == "queued")
    run.signal(how)
    assert run.wait(20).code in (4, -signal.SIGKILL)
    again = spate("resume", out)
    assert again.code == 0, again
    assert (out / "wanted").exists() and not (out / "dropped").exists()


SLOW_PART = r"""
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
int fdatasync(int fd) {
  char link[40], name[4096] = "";
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  if (readlink(link, name, sizeof name - 1) > 0 && strstr(name, ".part"))
    sleep(3);
  return (int)syscall(SYS_fdatasync, fd);
}
"""


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")
def test_a_url_is_added_again_while_it_is_being_cancelled(spate, faultd, out, tmp_path):
    """What came of it is still on its way to a slow disk."""
    (tmp_path / "slow.c").write_text(SLOW_PART)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", tmp_path / "slow.so",
                    tmp_path / "slow.c"], check=True)
    url = faultd.data(1, 3_000_000, "kept", rate=round(3_000_000 / PATIENCE))
    run = spate.start(
        faultd.data(0, 10, "slow", ttfb=round(20_000 * PATIENCE)), url, "-d", out, "-q",
        env={"LD_PRELOAD": str(tmp_path / "slow.so"),
             "ASAN_OPTIONS": "verify_asan_link_order=0:detect_leaks=0"})
    wait_until(lambda: tasks_of(spate, out).get("kept", {}).get("state") == "active")
    wait_until(lambda: (out / "kept.part").exists())
    ctl(spate, out, "cancel", tasks_of(spate, out)["kept"]["task"])
    assert ctl(spate, out, "add", url) == "0 URLs added, 1 in the list already"
    assert tasks_of(spate, out)["kept"]["state"] == "active"
    wait_until(lambda: (out / "kept").exists())
    assert run.process.poll() is None
    run.kill()


@pytest.mark.slow
def test_many_lines_at_once(spate, faultd, out, slow_run, tmp_path):
    """More than one chunk of the list, more than one request."""
    lines = "".join(f"{faultd.data(i, 1, f'm{i}')}\n" for i in range(20000, 30000))
    done = spate("ctl", out, "add", "-", stdin=lines_file(tmp_path, lines))
    assert done.code == 0, done
    assert done.out == b"10000 URLs added\n", done
    again = spate("ctl", out, "add", "-", stdin=lines_file(tmp_path, lines))
    assert again.out == b"0 URLs added, 10000 in the list already\n", again
    ctl(spate, out, "set", "concurrency", "200")
    result = slow_run.wait(60)
    assert result.code == 0, result
    assert len(list(out.iterdir())) == 10400 + 1


def test_read_ahead_knows_the_list_to_its_end(spate, faultd, out, tmp_path):
    lines = [faultd.data(i, 10, f"f{i}") for i in range(40000)]
    run = spate.start("-i", write_list(tmp_path / "l", lines), "-d", out,
                      "-j", "1", "--rate", "2/s", "--no-config", "-q")
    wait_until(lambda: faultd.journal(), what="the first request")

    def known():
        with sqlite3.connect(out / ".spate/session.db") as db:
            return db.execute("SELECT sum(tasks) FROM chunks").fetchone()[0] or 0

    time.sleep(0.5)
    assert known() < 40000
    assert spate("ctl", out, "read-ahead").code == 0
    wait_until(lambda: known() == 40000, what="all lines in the session")
    assert len(faultd.journal()) < 30
    run.signal(signal.SIGTERM)
    assert run.wait(10).code == 4


def test_paused_before_the_answer_comes(spate, faultd, out, tmp_path):
    """A pause between request and answer costs neither."""
    urls = [faultd.data(i, "300k", f"f{i}", ttfb=2100) for i in range(4)]
    run = spate.start("-i", write_list(tmp_path / "l", urls), "-d", out, "-t", "1")
    wait_until(lambda: faultd.stats()["max_active"] == 4, what="the requests")
    assert spate("ctl", out, "pause").code == 0
    time.sleep(2.6)
    assert spate("ctl", out, "resume").code == 0
    result = run.wait(10)
    assert result.code == 0, result
    assert_files(out, {f"f{i}": body(i, 300 << 10) for i in range(4)})
    assert len(faultd.journal()) == 4


def signed(url, signature):
    return f"{url}{'&' if '?' in url else '?'}X-Signature={signature}"


def test_a_failed_or_waiting_task_is_added_again_signed_anew(spate, faultd, out):
    """It is asked with the new query; one that is done is left alone."""
    slow = faultd.data(0, 10, "slow", ttfb=60_000)
    done, lost, late = (faultd.data(i, 10, name) for i, name in
                        enumerate(("done", "lost", "late"), 1))
    run = spate.start(slow, signed(done, "old"), signed(lost + "?status=403", "old"),
                      signed(late + "?status=503", "old"), "-d", out, "-q",
                      "--retry-wait", "50", "--retry-max-wait", "50")
    wait_until(lambda: {"done", "failed", "waiting"} <=
               {row["state"] for row in tasks_of(spate, out).values()})
    asked = len(faultd.journal())
    for url in (done, lost, late):
        text = ctl(spate, out, "add", signed(url, "new"))
        assert text == "0 URLs added, 1 in the list already"
    wait_until(lambda: (out / "lost").exists() and (out / "late").exists())
    since = [entry["target"] for entry in faultd.journal()[asked:]]
    assert len(since) == 2 and all("X-Signature=new" in at for at in since), since
    assert run.process.poll() is None
    run.kill()


def test_a_task_that_expired_is_signed_anew_for_the_next_run_too(spate, faultd, out):
    slow = faultd.data(0, 10, "slow", ttfb=60_000)
    late = faultd.data(1, 10, "late")
    run = spate.start(slow, late + "?" + GONE, "-d", out, "-q")
    wait_until(lambda: "expired" in [row["state"] for row in tasks_of(spate, out).values()])
    ctl(spate, out, "add", late + "?ttfb=60000&X-Signature=new")
    wait_until(lambda: tasks_of(spate, out)["late"]["state"] == "active")
    run.kill()
    run.wait()
    again = spate.start("resume", out, "--no-tui")
    wait_until(lambda: (out / ".spate" / "ctl").exists())
    wait_until(lambda: "late" in tasks_of(spate, out))
    wait_until(lambda: tasks_of(spate, out)["late"]["state"] == "active")
    again.kill()


def counts_of(spate, out):
    run = spate("status", out, "--json")
    return json.loads(run.out) if run.code == 0 else dict.fromkeys(("done", "failed"))


def test_all_that_failed_is_tried_again_not_the_last_thousand(spate, faultd, out, tmp_path):
    """2,300 tasks have failed, the first of them in the run before."""
    gone = {"status": 404, "fail": 2}
    urls = [faultd.data(i, 10, f"f{i}", **gone) for i in range(2300)]
    listing = write_list(tmp_path / "l", urls)
    assert spate("-i", listing, "-d", out, "-j", "64", "-q").code == 1
    slow = write_list(tmp_path / "slow", [faultd.data(0, 10, "slow", ttfb=60_000)])
    run = spate.start("-i", slow, "-d", out, "-j", "64", "-q")
    wait_until(lambda: len(faultd.journal()) >= 2 * 2300, timeout=60)
    wait_until(lambda: counts_of(spate, out)["failed"] == 2300)
    assert ctl(spate, out, "retry-failed", "err:404 host:other.example").startswith("those")
    assert ctl(spate, out, "retry-failed", "status:503") == "0 failed tasks are tried again"
    assert ctl(spate, out, "retry-failed") == "2300 failed tasks are tried again"
    wait_until(lambda: counts_of(spate, out)["done"] == 2300,
               timeout=60)
    assert counts_of(spate, out)["failed"] == 0
    rows = tasks_of(spate, out).values()
    assert "failed" not in [row["state"] for row in rows]
    assert ctl(spate, out, "retry-failed") == "0 failed tasks are tried again"
    run.kill()
    assert len([e for e in faultd.journal() if e["target"].startswith("/data/7/")]) == 3


def test_failed_tasks_of_one_host_are_tried_again(spate, out, tmp_path):
    server = Faultd(str(tmp_path), "--listen", "127.0.0.1", "--listen", "127.0.0.2")
    urls = [server.data(i, 10, f"f{i}", f"127.0.0.{i % 2 + 1}", status=404, fail=1)
            for i in range(1200)]
    slow = server.data(0, 10, "slow", ttfb=60_000)
    run = spate.start("-i", write_list(tmp_path / "l", [slow] + urls), "-d", out,
                      "-j", "64", "-q")
    wait_until(lambda: counts_of(spate, out)["failed"] == 1200, timeout=60)
    assert ctl(spate, out, "retry-failed", "host:127.0.0.2") == \
        "those of the host are tried again, of 1200 failed tasks"
    wait_until(lambda: counts_of(spate, out)["done"] == 600, timeout=60)
    assert counts_of(spate, out)["failed"] == 600
    assert not (out / "f0").exists() and (out / "f1").exists()
    run.kill()
    server.stop()


def test_a_command_about_no_task_is_refused(spate, faultd, out, tmp_path):
    """A number that no list has, and tasks that have ended well."""
    urls = [faultd.data(i, 10, f"f{i}") for i in range(200)]
    slow = faultd.data(0, 10, "slow", ttfb=60_000)
    run = spate.start("-i", write_list(tmp_path / "l", urls + [slow]), "-d", out,
                      "-j", "8", "-q")
    wait_until(lambda: counts_of(spate, out)["done"] == 200)
    words = {"url": ["http://127.0.0.1/x"], "mirror": ["http://127.0.0.1/x"],
             "priority": ["3"], "task-rate": ["1k"], "task-split": ["2"]}
    for command in ("retry", "restart", "cancel", "discard", "pause-task", "resume-task",
                    "raise", "lower", "top", "bottom", *words):
        for task in ("4711", str(7 << 40 | 1)):
            asked = spate("ctl", out, command, task, *words.get(command, []))
            assert asked.code == 1, (command, asked)
            assert f"there is no task {task}" in asked.err.decode(), (command, asked)
        asked = spate("ctl", out, command, "3", *words.get(command, []))
        assert asked.code == 1 and "complete already" in asked.err.decode(), (command, asked)
    assert spate("ctl", out, "stop").code == 0
    run.kill()


def test_a_task_that_failed_long_ago_is_retried_dropped_or_begun_again(spate, faultd, out,
                                                                       tmp_path):
    """More have failed since than the run remembers."""
    names = ("retried", "dropped", "restarted")
    urls = [faultd.data(i, 10, name, status=404, fail=1) for i, name in enumerate(names)]
    urls += [faultd.data(i, 10, f"f{i}", status=404) for i in range(3, 1400)]
    slow = faultd.data(0, 10, "slow", ttfb=60_000)
    run = spate.start("-i", write_list(tmp_path / "l", [slow] + urls), "-d", out,
                      "-j", "16", "-q")
    wait_until(lambda: counts_of(spate, out)["failed"] == 1400,
               timeout=60)
    assert not set(names) & set(tasks_of(spate, out))
    ctl(spate, out, "retry", "2")
    ctl(spate, out, "discard", "3")
    ctl(spate, out, "restart", "4")
    wait_until(lambda: (out / "retried").exists() and (out / "restarted").exists())
    wait_until(lambda: counts_of(spate, out)["cancelled"] == 1)
    assert not (out / "dropped").exists()
    run.kill()


@pytest.mark.parametrize("words,says", [
    (("set", "rate"), "'set' needs another argument; it is: spate ctl [DIR] set NAME"),
    (("stop", "now"), "'stop' takes no argument"),
    (("get", "a", "b"), "'get' takes fewer arguments"),
    (("add",), "'add' needs an argument"),
    (("pausee",), "no command 'pausee'; did you mean 'pause'?"),
    (("priorty", "1", "2"), "no command 'priorty'; did you mean 'priority'?"),
    (("xyz",), "no command 'xyz'; 'spate ctl --help' names them"),
    (("/",), "spate ctl [DIR] COMMAND")])
def test_what_is_mistyped_is_named(spate, words, says):
    run = spate("ctl", *words)
    assert run.code == 2 and says in run.text, run


@pytest.mark.parametrize("command", ["ctl", "failed", "status"])
def test_a_directory_given_as_an_option_is_told_its_place(spate, command, out):
    run = spate(command, "-d", out)
    assert run.code == 2 and f"as in 'spate {command} DIR'" in run.text, run
