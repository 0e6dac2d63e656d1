# SPDX-License-Identifier: MIT
"""A task gets another URL or a mirror, a run another manifest, and a run with
a screen goes on without: by `spate ctl` and by keys."""
import gzip
import json
import os
import re
import signal
import time

import pytest

from harness import assert_files, body, wait_until, write_list

GONE = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=20200101T000000Z" \
       "&X-Amz-Expires=60&X-Amz-Signature=5ec12e7"
SLOW = {"rate": 400_000}


def expired(faultd, seed, name):
    url = faultd.data(seed, "20k", name)
    return url + ("&" if "?" in url else "?") + GONE


def tasks_of(spate, out):
    run = spate("ctl", out, "snapshot")
    assert run.code == 0, run
    return {task["name"]: task for task in json.loads(run.out)["task"]}


def state_of(spate, out, name):
    return tasks_of(spate, out).get(name, {}).get("state")


@pytest.fixture
def listing(faultd, tmp_path):
    """A slow file, one whose URL has expired, one that is not there."""
    return write_list(tmp_path / "list", [
        faultd.data(1, "4M", "slow.bin", **SLOW),
        expired(faultd, 2, "expired.bin"),
        faultd.data(3, "20k", "lost.bin", status=404)])


@pytest.fixture
def running(spate, faultd, out, listing):
    run = spate.start("-i", listing, "-d", out, "-q")
    wait_until(lambda: (out / ".spate" / "ctl").exists())
    wait_until(lambda: state_of(spate, out, "expired.bin") == "expired" and
               state_of(spate, out, "lost.bin") == "failed")
    return run


def test_another_url_brings_back_what_has_expired_or_failed(spate, faultd, out, running):
    tasks = tasks_of(spate, out)
    for name, seed in (("expired.bin", 2), ("lost.bin", 3)):
        fresh = faultd.data(seed, "20k", f"elsewhere-{seed}.bin")
        asked = spate("ctl", out, "url", str(tasks[name]["task"]), fresh)
        assert asked.code == 0, asked
    wait_until(lambda: state_of(spate, out, "expired.bin") == "done" and
               state_of(spate, out, "lost.bin") == "done")
    assert spate("ctl", out, "stop").code == 0
    assert running.wait().code == 4
    # names are those of the list
    assert (out / "expired.bin").read_bytes() == body(2, 20480)
    assert (out / "lost.bin").read_bytes() == body(3, 20480)


@pytest.mark.slow
def test_another_url_is_kept_for_the_next_run(spate, faultd, out, running, listing):
    tasks = tasks_of(spate, out)
    nowhere = faultd.data(2, "20k", "either.bin", status=404)
    task = str(tasks["expired.bin"]["task"])
    assert spate("ctl", out, "url", task, nowhere).code == 0
    wait_until(lambda: state_of(spate, out, "expired.bin") == "failed")
    mirror = faultd.data(2, "20k", "mirror.bin")
    assert spate("ctl", out, "mirror", task, mirror).code == 0
    wait_until(lambda: state_of(spate, out, "expired.bin") == "done")
    slow = str(tasks["slow.bin"]["task"])
    running.kill()
    running.wait()
    assert os.stat(out / ".spate" / "urls").st_mode & 0o777 == 0o600
    before = len(faultd.journal())
    run = spate("resume", out, "--no-tui")
    assert run.code == 1, run  # lost.bin
    assert_files(out, {"slow.bin": body(1, 4 << 20), "expired.bin": body(2, 20480)})
    assert slow and len(faultd.journal()) > before


@pytest.mark.slow
def test_a_url_that_was_given_goes_on_after_a_kill(spate, faultd, out, running):
    """Killed before the new place has answered: the next run asks there."""
    task = str(tasks_of(spate, out)["lost.bin"]["task"])
    fresh = faultd.data(3, "20k", "there.bin", ttfb=20_000)
    assert spate("ctl", out, "url", task, fresh).code == 0
    wait_until(lambda: state_of(spate, out, "lost.bin") == "active")
    running.kill()
    running.wait()
    run = spate("resume", out, "--no-tui", "--stall-timeout", "1", "-t", "1", timeout=60)
    assert run.code == 1, run
    assert any("there.bin" in entry["target"] for entry in faultd.journal())


def test_a_running_task_goes_on_from_another_place(spate, faultd, out, running):
    task = str(tasks_of(spate, out)["slow.bin"]["task"])
    wait_until(lambda: tasks_of(spate, out)["slow.bin"]["got"] > 200_000)
    asked = spate("ctl", out, "url", task, faultd.data(1, "4M", "slow.bin", ttfb=1))
    assert asked.code == 0, asked
    assert running.wait(30).code == 1
    assert (out / "slow.bin").read_bytes() == body(1, 4 << 20)
    last = [entry for entry in faultd.journal() if "ttfb" in entry["target"]]
    assert last and all(entry["range"] and entry["status"] == 206 for entry in last), last


def test_what_is_no_url_is_refused(spate, faultd, out, running):
    tasks = tasks_of(spate, out)
    task = str(tasks["lost.bin"]["task"])
    for words, part in ((["gopher://x/y"], "http"), (["http://h/x?sig=***"], "secret"),
                        (["nonsense"], "URL")):
        run = spate("ctl", out, "url", task, *words)
        assert run.code != 0 and part in run.err.decode(), run
    assert spate("ctl", out, "url", task).code == 2
    assert state_of(spate, out, "lost.bin") == "failed"


def test_failed_lists_the_url_that_is_in_force(spate, faultd, out, running):
    """As a manifest that brings the same file under the same name."""
    tasks = tasks_of(spate, out)
    lost, expired_one = (str(tasks[name]["task"]) for name in ("lost.bin", "expired.bin"))
    nowhere = faultd.data(3, "20k", "elsewhere.bin", status=404, fail=1)
    again = faultd.data(2, "20k", "expired.bin", status=410)
    assert spate("ctl", out, "url", lost, nowhere).code == 0
    assert spate("ctl", out, "url", expired_one, again).code == 0
    wait_until(lambda: spate("failed", out).out.count(b"http") == 2)
    listed = spate("failed", out).out.decode()
    lines = [line for line in listed.splitlines() if line.startswith("http")]
    assert lines == [again, nowhere + "\tlost.bin"], listed
    running.kill()
    running.wait()
    urls = out / ".spate" / "urls"
    urls.chmod(0o400)
    assert spate("failed", out).out.decode() == listed
    other = out.parent / "other"
    run = spate("-i", "-", "-d", other, "-q", input=(lines[1] + "\n").encode())
    assert run.code == 0, run
    assert (other / "lost.bin").read_bytes() == body(3, 20480)


# ---- manifests ----------------------------------------------------------------

def test_manifests_of_each_form_are_added_while_it_runs(spate, faultd, out, running, tmp_path):
    lines = [faultd.data(10 + i, "20k", f"more-{i}.bin") for i in range(3)]
    text = write_list(tmp_path / "more", lines)
    rows = tmp_path / "rows.jsonl"
    rows.write_text(json.dumps({"url": faultd.data(20, "20k", "x"), "out": "row.bin"}) + "\n")
    packed = tmp_path / "packed.gz"
    packed.write_bytes(gzip.compress((faultd.data(30, "20k", "packed.bin") + "\n").encode()))
    for path in (text, rows, packed):
        asked = spate("ctl", out, "add-list", path)
        assert asked.code == 0, asked
    again = spate("ctl", out, "add-list", text)
    assert again.code != 0 and "already" in again.err.decode()
    missing = spate("ctl", out, "add-list", tmp_path / "none")
    assert missing.code == 2 and "none" in missing.err.decode()
    assert running.wait(60).code == 1
    assert_files(out, {"slow.bin": body(1, 4 << 20), "row.bin": body(20, 20480),
                       "packed.bin": body(30, 20480)} |
                 {f"more-{i}.bin": body(10 + i, 20480) for i in range(3)})


@pytest.mark.slow
def test_a_manifest_that_was_added_is_part_of_the_session(spate, faultd, out, running, tmp_path):
    lines = [faultd.data(40 + i, "1M", f"long-{i}.bin", **SLOW) for i in range(3)]
    assert spate("ctl", out, "add-list", write_list(tmp_path / "long", lines)).code == 0
    running.kill()
    running.wait()
    assert spate("resume", out, "--no-tui").code == 1
    assert all((out / f"long-{i}.bin").read_bytes() == body(40 + i, 1 << 20) for i in range(3))


def test_a_list_signed_again_is_not_mixed_into_a_run(spate, out, running, listing, tmp_path):
    lines = [line + ("&" if "?" in line else "?") + "token=2"
             for line in listing.read_text().split()]
    asked = spate("ctl", out, "add-list", write_list(tmp_path / "again", lines))
    assert asked.code != 0 and "spate -i" in asked.err.decode()


# ---- the screen -----------------------------------------------------------------

def test_u_and_A_on_the_screen(terminal, spate, faultd, out, listing, tmp_path):
    more = write_list(tmp_path / "a list of more", [faultd.data(50, "20k", "more.bin")])
    tui = terminal("-i", listing, "-d", out)
    tui.wait_for("expired.bin")
    tui.send("/expired\r")
    tui.wait_for("filter: expired")
    tui.send("u")
    tui.wait_for("new URL of expired.bin:")
    tui.send("\x1b[200~" + faultd.data(2, "20k", "fresh.bin") + "\x1b[201~\r")
    tui.wait_for(lambda t: re.search(r"C expired.bin", t))
    tui.send("A" + str(more)[:-3] + "\t")
    tui.wait_for("a list of more")
    tui.send("\r")
    tui.send("/\x15\r")
    tui.wait_for(lambda t: re.search(r"C more.bin", t))
    tui.send("qy")
    assert tui.wait_exit(15) == 4
    assert (out / "expired.bin").read_bytes() == body(2, 20480)
    assert (out / "more.bin").read_bytes() == body(50, 20480)


def test_detach_hands_the_run_to_the_background(terminal, spate, faultd, out, tmp_path):
    urls = [faultd.data(i, "2M", f"file-{i}.bin", **SLOW) for i in range(4)]
    tui = terminal("-i", write_list(tmp_path / "l", urls), "-d", out, "-j", "4")
    tui.wait_for(lambda t: re.search(r"file-0.bin.*\s[1-9]\d?%", t))
    tui.send("+")
    tui.wait_for(lambda t: re.search(r"\bnet\b[^\n]*/5", t))
    tui.send(":detach\r")
    assert tui.wait_exit(20) == 0
    assert tui.modes_restored()
    said = tui.raw.decode(errors="replace")
    found = re.search(r"in the background as process (\d+)", said)
    assert found and "spate attach" in said
    pid = int(found[1])
    assert pid != tui.process.pid
    try:
        wait_until(lambda: spate("ctl", out, "get", "concurrency").out == b"5\n")
        wait_until(lambda: not os.path.exists(f"/proc/{pid}"), 60)
    finally:
        if os.path.exists(f"/proc/{pid}"):
            os.kill(pid, signal.SIGKILL)
    assert_files(out, {f"file-{i}.bin": body(i, 2 << 20) for i in range(4)})
    # what was there when it changed hands was not fetched again
    assert any(entry["status"] == 206 for entry in faultd.journal())


def test_detach_says_why_it_cannot(terminal, faultd, out, tmp_path):
    urls = [faultd.data(i, "2M", f"file-{i}.bin", **SLOW) for i in range(6)]
    tui = terminal("-i", write_list(tmp_path / "l", urls), "-d", out)
    tui.wait_for("file-0.bin")
    tui.send("P")
    tui.wait_for("paused")
    tui.send(":detach\r")
    tui.wait_for("P first")
    assert tui.process.poll() is None
    tui.send("qy")
    assert tui.wait_exit(15) == 4


def test_lists_are_written_to_new_files(terminal, faultd, out, tmp_path):
    good = [faultd.data(i, "20k", f"good-{i}.bin") for i in range(3)]
    bad = [faultd.data(i, 10, f"bad-{i}.bin", status=404) + "&X-Amz-Signature=5ec12e7"
           for i in range(2)]
    slow = [faultd.data(9, "4M", "slow.bin", **SLOW)]
    tui = terminal("-i", write_list(tmp_path / "l", good + bad + slow), "-d", out)
    tui.wait_for(lambda t: "2 err" in t and "3 done" in t)
    tui.settle(0.5)
    tui.send(f":write {tmp_path}/failed failed\r")
    tui.wait_for("2 tasks were written")
    text = (tmp_path / "failed").read_text()
    assert [line for line in text.split("\n") if line.startswith("http")] == bad
    assert "# failed: HTTP 404" in text
    tui.send(f":write {tmp_path}/rows\r")
    tui.wait_for("6 rows were written")
    assert "5ec12e7" not in (tmp_path / "rows").read_text()
    tui.send(f":write {tmp_path}/rows\r")
    tui.wait_for("File exists")
    tui.send("qy")
    assert tui.wait_exit(15) == 4
