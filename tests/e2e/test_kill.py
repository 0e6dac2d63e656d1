# SPDX-License-Identifier: MIT
"""Killed, interrupted, resumed: nothing that was done is lost or asked for
again, and nothing half-done is taken for whole."""
import collections
import os
import random
import re
import signal
import sqlite3
import subprocess
import time

import pytest

from harness import (assert_files, body, files_of, recorded, sha, wait_until,
                     write_list)

SEED = int(os.environ.get("SPATE_TEST_SEED", random.randrange(1 << 30)))


@pytest.fixture
def rng():
    """SPATE_TEST_SEED repeats a run; the seed is shown when a test fails."""
    print("SPATE_TEST_SEED =", SEED)
    return random.Random(SEED)


def docs_of(docs_root):
    names = sorted(files_of(docs_root))
    return names, {os.path.basename(n): (docs_root / n).read_bytes() for n in names}


def ended_whole(faultd, size):
    return [e for e in faultd.journal() if e["sent"] == size]


# ---- kill -9 -------------------------------------------------------------

NET = 16
KILLED_AT_MOST = 40


def run_until_done(spate, rng, args, shortest, longest, killed=lambda: None):
    """Starts and kills at random moments until a run ends by itself; the later
    runs are given more time, so that it ends. Calls killed() after each."""
    for kills in range(KILLED_AT_MOST):
        run = spate.start(*args)
        span = rng.uniform(shortest, longest) * (1 + kills / 10)
        try:
            run.process.wait(span)
        except subprocess.TimeoutExpired:  # that is the point
            run.kill()
            killed()
            continue
        result = run.wait()
        assert result.code == 0, result
        return kills
    result = spate(*args)
    assert result.code == 0, result
    return KILLED_AT_MOST


@pytest.mark.slow
@pytest.mark.limit(240)
def test_small_files_survive_kill_9(spate, start_nginx, docs_root, out, tmp_path,
                                    rng):
    names, expected = docs_of(docs_root)
    # slow enough to be killed often
    nginx = start_nginx(
        docs_root, http="limit_req_zone $binary_remote_addr zone=z:1m rate=2000r/s;",
        server="limit_req zone=z burst=5000;")
    args = ["-i", write_list(tmp_path / "l", [nginx.url("/" + n) for n in names]),
            "-d", out, "-j", NET, "--no-tui"]
    states = []  # (requests so far, names that were whole) at each kill

    def killed():
        whole = {n for n, digest in files_of(out).items()
                 if n in expected and digest == sha(expected[n])}
        states.append((len(nginx.requests()), whole))

    kills = run_until_done(spate, rng, args, 0.05, 0.35, killed)
    assert kills >= 2, "the runs were never killed: nothing was tested"
    assert_files(out, expected)
    uris = [r["uri"] for r in nginx.requests()]
    assert set(uris) == {"/" + n for n in names}
    ends = [before for before, _ in states[1:]] + [len(uris)]
    refetched = sum(
        len({os.path.basename(u) for u in uris[before:end]} & whole)
        for (before, whole), end in zip(states, ends))
    print(f"{kills} kills, {len(uris) - len(names)} requests repeated, "
          f"{refetched} for files that were whole")
    # A file is on the disk a moment before the session knows: that much, for
    # each of the jobs under way (4 of up to 16 files), may be fetched again;
    # beyond it only what was in flight or waited in memory (1,024 bodies).
    assert refetched <= kills * 4 * 16
    assert len(uris) - len(names) <= kills * (NET + 1024)


@pytest.mark.slow
@pytest.mark.limit(240)
def test_large_files_survive_kill_9(spate, faultd, out, tmp_path, rng):
    size = 12 << 20
    urls = [faultd.data(i, size, f"big{i}", rate=4_000_000) for i in range(4)]
    args = ["-i", write_list(tmp_path / "l", urls), "-d", out]
    kills = run_until_done(spate, rng, args, 0.5, 2.5)
    assert kills >= 1
    assert_files(out, {f"big{i}": body(i, size) for i in range(4)})
    entries = faultd.journal()
    resumed = [e for e in entries if e["status"] == 206]
    assert resumed, "no transfer went on where it had stopped"
    for entry in resumed:
        assert re.fullmatch(r"bytes=[1-9]\d*-\d*", entry["range"]), entry
        assert re.fullmatch(rf'"\d-{size}-0"', entry["if_range"]), entry
    # a partial file is recorded every two seconds: no more is fetched again,
    # but for what the server had sent and the killed client not yet read
    sent = sum(e["sent"] for e in entries)
    lost = 4 * (2.5 * 4_000_000 + (1 << 20))
    assert sent <= 4 * size + kills * lost, (sent, kills)


def test_killed_when_a_file_gets_its_name(spate, faultd, out, tmp_path):
    """Killed about when the name is made: it is not 'in the way' later."""
    listing = write_list(tmp_path / "l", [
        faultd.data(i, 2048, f"f{i}", delay=100) for i in range(4)])
    for wait in range(100, 160, 5):
        run = spate.start("-i", listing, "-d", out)
        time.sleep(wait / 1000)
        run.kill()
    run = spate("-i", listing, "-d", out)
    assert run.code == 0, run
    assert_files(out, {f"f{i}": body(i, 2048) for i in range(4)})


@pytest.mark.slow
@pytest.mark.parametrize("options", [{}, {"chunked": 1}])
def test_large_file_killed_when_it_got_its_name(spate, faultd, out, tmp_path,
                                                options):
    """Between the naming and the word about it, and then again while it is
    fetched once more: its own file does not stand in its way."""
    size = 8 << 20
    listing = write_list(tmp_path / "l", [
        faultd.data(1, size, "f", rate=2_000_000, **options)])
    part = out / "f.part"
    run = spate.start("-d", out, "-i", listing)
    wait_until(lambda: recorded(out) > 0, what="a record of the .part")
    run.kill()
    assert part.exists()
    part.unlink()
    (out / "f").write_bytes(body(1, size))
    asked = len(faultd.journal())
    run = spate.start("-d", out, "-i", listing)
    time.sleep(1.5)
    run.kill()
    assert not (part.exists() and (out / "f").exists())
    last = spate("-d", out, "-i", listing)
    assert last.code == 0, last
    assert_files(out, {"f": body(1, size)})
    if not options:  # its size was known: no need to ask again
        assert len(faultd.journal()) <= asked + 1


# ---- finished ------------------------------------------------------------


@pytest.mark.slow
def test_finished_list_makes_no_request(spate, start_nginx, docs_root, out,
                                        tmp_path):
    names, expected = docs_of(docs_root)
    nginx = start_nginx(docs_root)
    args = ["-i", write_list(tmp_path / "l", [nginx.url("/" + n) for n in names]),
            "-d", out, "--progress=json"]
    assert spate(*args).code == 0
    before = len(nginx.requests())
    assert before == len(names)
    run = spate(*args)
    assert run.code == 0, run
    assert run.summary["requests"] == 0
    assert len(nginx.requests()) == before
    assert_files(out, expected)


def test_finished_list_with_two_lines_more(spate, faultd, out, tmp_path):
    urls = [faultd.data(i, 100, f"f{i}") for i in range(20)]
    listing = write_list(tmp_path / "l", urls[:18])
    assert spate("-i", listing, "-d", out).code == 0
    write_list(listing, urls)
    assert spate("-i", listing, "-d", out).code == 0
    assert len(faultd.journal()) == 20
    assert_files(out, {f"f{i}": body(i, 100) for i in range(20)})


# ---- signals -------------------------------------------------------------


def slow_list(faultd, tmp_path, count=200, **options):
    options = {"delay": 50} | options
    urls = [faultd.data(i, 2000, f"f{i}", **options) for i in range(count)]
    expected = {f"f{i}": body(i, 2000) for i in range(count)}
    return write_list(tmp_path / "list", urls), expected


@pytest.mark.every
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signal_stops_and_resume_goes_on(spate, faultd, out, tmp_path, number):
    listing, expected = slow_list(faultd, tmp_path)
    run = spate.start("-i", listing, "-d", out, "-j", "4")
    wait_until(lambda: len(faultd.journal()) > 30, what="30 answers")
    run.signal(number)
    result = run.wait(10)
    assert result.code == 4, result
    done = files_of(out)
    assert 0 < len(done) < len(expected)
    for name in done:
        assert (out / name).read_bytes() == expected[name]
    before = len(faultd.journal())
    resumed = spate("resume", out)
    assert resumed.code == 0, resumed
    assert_files(out, expected)
    # what was done is not asked for again, and nothing is forgotten
    again = len(faultd.journal()) - before
    assert again == len(expected) - len(done)


def test_resume_keeps_the_options(spate, faultd, out, tmp_path):
    listing, expected = slow_list(faultd, tmp_path, need="X-Key")
    run = spate.start("-i", listing, "-d", out, "-j", "3", "-H", "X-Key: v")
    wait_until(lambda: len(faultd.journal()) > 10)
    run.signal(signal.SIGINT)
    assert run.wait(10).code == 4
    faultd.reset()
    resumed = spate("resume", cwd=out)  # the current directory by default
    assert resumed.code == 0, resumed
    assert faultd.stats()["max_active"] <= 3
    assert all(e["x-key"] == "v" for e in faultd.journal())
    assert_files(out, expected)


def test_options_given_again_win(spate, faultd, out, tmp_path):
    listing, expected = slow_list(faultd, tmp_path)
    run = spate.start("-i", listing, "-d", out, "-j", "2")
    wait_until(lambda: len(faultd.journal()) > 4)
    run.signal(signal.SIGINT)
    assert run.wait(10).code == 4
    faultd.reset()
    resumed = spate("resume", out, "-j", "9")
    assert resumed.code == 0, resumed
    assert faultd.stats()["max_active"] == 9
    assert_files(out, expected)


@pytest.mark.slow
def test_second_signal_exits_at_once(spate, faultd, out, tmp_path):
    listing, expected = slow_list(faultd, tmp_path, 20, delay=8000)
    run = spate.start("-i", listing, "-d", out)
    wait_until(lambda: faultd.stats()["max_active"] >= 16)
    run.signal(signal.SIGINT)
    time.sleep(0.05)
    if run.process.poll() is None:
        run.signal(signal.SIGINT)
    asked = time.monotonic()
    result = run.wait(10)
    assert time.monotonic() - asked < 4, result
    assert result.code in (4, -signal.SIGINT, 128 + signal.SIGINT), result
    assert spate("resume", out).code == 0
    assert_files(out, expected)


@pytest.mark.slow
def test_interrupted_adhoc_urls_go_on(spate, faultd, out):
    url = faultd.data(1, "20M", "f", rate=5_000_000)
    run = spate.start("-d", out, url)
    wait_until(lambda: (out / "f.part").exists())
    time.sleep(0.5)
    run.signal(signal.SIGINT)
    assert run.wait(10).code == 4
    resumed = spate("resume", out)
    assert resumed.code == 0, resumed
    assert_files(out, {"f": body(1, 20 << 20)})
    assert faultd.journal()[-1]["status"] == 206


# ---- locks ---------------------------------------------------------------


def test_locked_directory_names_the_holder(spate, faultd, out, tmp_path):
    listing, expected = slow_list(faultd, tmp_path, 60)
    first = spate.start("-i", listing, "-d", out, "-j", "2")
    wait_until(lambda: faultd.journal(), what="the first answer")
    second = spate("-d", out, faultd.data(99, 10, "other"))
    assert second.code == 3, second
    assert str(first.pid) in second.err.decode()
    assert first.wait().code == 0
    assert_files(out, expected)


def test_lock_dies_with_its_holder(spate, faultd, out):
    run = spate.start("-d", out, faultd.data(1, 10, "f", delay=300))
    wait_until(lambda: (out / ".spate").exists())
    run.kill()
    assert spate("-d", out, faultd.data(1, 10, "f", delay=300)).code == 0
    assert_files(out, {"f": body(1, 10)})


def test_status_while_it_runs(spate, faultd, out, tmp_path):
    listing, expected = slow_list(faultd, tmp_path)
    run = spate.start("-i", listing, "-d", out, "-j", "4")
    wait_until(lambda: len(faultd.journal()) > 20)
    status = spate("status", out, "--json")
    assert status.code == 0, status
    assert run.wait().code == 0
    assert_files(out, expected)


# ---- manifests that were signed again, or changed ------------------------


def signed(faultd, key, count=120, **replace):
    lines = []
    for i in range(count):
        path = replace.get(f"line{i}", f"f{i}")
        lines.append(f"{faultd.url(f'/data/{i}/700/{path}')}"
                     f"?delay=30&X-Amz-Date=20260101T000000Z&X-Amz-Signature={key}{i}")
    return lines


def interrupted(spate, faultd, out, listing, at_least=20):
    run = spate.start("-i", listing, "-d", out, "-j", "4")
    wait_until(lambda: len(faultd.journal()) > at_least)
    run.signal(signal.SIGINT)
    result = run.wait(10)
    assert result.code == 4, result
    return set(files_of(out))


@pytest.mark.parametrize("same_name", [True, False])
def test_manifest_signed_again_keeps_progress(spate, faultd, out, tmp_path,
                                              same_name):
    first = write_list(tmp_path / "first", signed(faultd, "old"))
    done = interrupted(spate, faultd, out, first)
    second = first if same_name else tmp_path / "second"
    write_list(second, signed(faultd, "new"))
    faultd.reset()
    run = spate("-i", second, "-d", out)
    assert run.code == 0, run
    assert_files(out, {f"f{i}": body(i, 700) for i in range(120)})
    targets = [e["target"] for e in faultd.journal()]
    assert len(targets) == 120 - len(done)
    assert all("Signature=new" in t for t in targets), targets[:3]


def test_manifest_of_other_objects_is_refused(spate, faultd, out, tmp_path):
    listing = write_list(tmp_path / "l", signed(faultd, "a"))
    done = interrupted(spate, faultd, out, listing)
    write_list(listing, signed(faultd, "a", line6="another"))
    faultd.reset()
    run = spate("-i", listing, "-d", out)
    assert run.code == 2, run
    # The line's number; of an object one byte is known, which another has in
    # one of 256 cases: then the chunk's digest tells, and its last line is named.
    assert re.search(rb"line (7|120)\b", run.err), run
    assert faultd.journal() == []
    assert set(files_of(out)) == done


def test_piped_list_continues(spate, faultd, out):
    lines = "".join(l + "\n" for l in signed(faultd, "k")).encode()
    run = spate.start("-i", "-", "-d", out, "-j", "4", stdin=-1)
    run.process.stdin.write(lines)
    run.process.stdin.close()
    wait_until(lambda: len(faultd.journal()) > 20)
    run.signal(signal.SIGINT)
    assert run.wait(10).code == 4
    done = files_of(out)
    faultd.reset()
    run = spate("-i", "-", "-d", out, input=lines)
    assert run.code == 0, run
    assert len(faultd.journal()) == 120 - len(done)
    assert_files(out, {f"f{i}": body(i, 700) for i in range(120)})


def test_piped_list_resumes_from_its_spool(spate, faultd, out):
    lines = "".join(l + "\n" for l in signed(faultd, "k")).encode()
    run = spate.start("-i", "-", "-d", out, "-j", "4", stdin=-1)
    run.process.stdin.write(lines)
    run.process.stdin.close()
    wait_until(lambda: len(faultd.journal()) > 20)
    run.kill()
    assert spate("resume", out).code == 0
    assert_files(out, {f"f{i}": body(i, 700) for i in range(120)})


def test_unfinished_session_takes_more(spate, faultd, out, tmp_path):
    listing = write_list(tmp_path / "l", signed(faultd, "a"))
    interrupted(spate, faultd, out, listing)
    run = spate("-d", out, faultd.data(900, 10, "more"))
    assert run.code == 0, run
    assert_files(out, {f"f{i}": body(i, 700) for i in range(120)} |
                 {"more": body(900, 10)})


def kill_after_three(spate, out, args, lines):
    """A list comes in by a pipe, three of its files are there: kill -9."""
    run = spate.start(*args, "--rate", "10/s", stdin=subprocess.PIPE)
    run.process.stdin.write(lines)
    run.process.stdin.close()
    wait_until(lambda: (out / "f2").exists(), what="three files")
    run.process.kill()
    run.process.wait()


def test_killed_before_the_first_line_of_a_pipe(spate, faultd, tmp_path):
    """What such a run leaves is no list that the others wait for."""
    out = tmp_path / "out"
    lines = "".join(f"{faultd.data(i, 500)}\tf{i}\n" for i in range(12)).encode()
    args = ("-i", "-", "-d", out, "--no-tui")
    kill_after_three(spate, out, args, lines)
    second = spate.start(*args, stdin=subprocess.PIPE)
    wait_until(lambda: (out / ".spate" / "spool-2").exists(), what="its spool")
    second.process.kill()
    second.process.wait()
    second.process.stdin.close()
    last = spate(*args, input=lines, timeout=40)
    assert last.code == 0
    assert sum(1 for f in out.iterdir() if f.is_file()) == 12


def test_killed_before_the_first_line_of_a_pipe_is_recorded(spate, faultd, tmp_path):
    """Its files are there, what the session knows of the list is not yet."""
    out = tmp_path / "out"
    lines = "".join(f"{faultd.data(i, 500)}\tf{i}\n" for i in range(12)).encode()
    args = ("-i", "-", "-d", out, "--no-tui")
    kill_after_three(spate, out, args, lines)
    with sqlite3.connect(out / ".spate" / "session.db") as db:
        for table in ("chunks", "objects", "tasks"):
            db.execute(f"DELETE FROM {table}")
        db.execute("UPDATE sources SET first_object=0,received=0,ended=0,format='auto'")
    db.close()
    last = spate(*args, input=lines)
    assert last.code == 0, last
    assert b"12 done, 0 failed" in last.out, last
    assert_files(out, {f"f{i}": body(i, 500) for i in range(12)})


# ---- what came to stand under a name since --------------------------------


@pytest.mark.parametrize("how", ["whole, and wrong", "cut", "dropped"])
def test_a_file_put_in_the_place_of_one_that_failed_is_kept(spate, faultd, out,
                                                            tmp_path, how):
    """Had by other means: the same command again leaves it alone."""
    url = {"whole, and wrong": faultd.data(1, 4_000_000, "big") + "#sha-256=" + "0" * 64,
           "cut": faultd.data(1, 4_000_000, "big", reset=1_100_000),
           "dropped": faultd.data(1, 4_000_000, "big", truncate=300_000, ranges="no")}[how]
    args = ["-i", write_list(tmp_path / "l", [url]), "-d", out, "-t", "2",
            "--retry-wait", "0.01"]
    assert spate(*args).code == 1
    (out / "big.part").unlink(missing_ok=True)
    (out / "big").write_bytes(b"mine")
    again = spate(*args)
    assert again.code == 1 and b"not of this session" in again.err, again
    assert_files(out, {"big": b"mine"})
    (out / "big").unlink()
    over = spate(*args, "--overwrite")
    assert over.code == 1 and not (out / "big").exists(), over


@pytest.mark.parametrize("size", [20_000, 4_000_000])
def test_a_file_put_in_the_place_of_one_that_was_stopped_is_kept(
        spate, faultd, out, size):
    url = faultd.data(1, size, "f", stall=size // 4, fail=1)
    run = spate.start(url, "-d", out)
    wait_until(lambda: re.search(
        rb'"got": ?%d\b' % (size // 4), spate("ctl", out, "snapshot").out))
    run.signal(signal.SIGTERM)
    assert run.wait().code == 4
    (out / "f.part").unlink(missing_ok=True)
    (out / "f").write_bytes(b"mine")
    again = spate(url, "-d", out)
    assert again.code == 1 and b"not of this session" in again.err, again
    assert_files(out, {"f": b"mine"})


@pytest.mark.parametrize("option", ["--auto-rename", "--overwrite"])
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_file_that_an_option_concerned_is_kept_without_it(spate, faultd, out,
                                                            how, option):
    """What was begun beside it makes it no file of the session."""
    url = faultd.data(1, 20_000, "f", stall=5_000, fail=1)
    out.mkdir(exist_ok=True)
    (out / "f").write_bytes(b"mine")
    run = spate.start(url, "-d", out, option)
    wait_until(lambda: re.search(
        rb'"got": ?5000\b', spate("ctl", out, "snapshot").out))
    run.signal(how)
    run.wait()
    again = spate(url, "-d", out)
    assert again.code == 1 and b"not of this session" in again.err, again
    assert_files(out, {"f": b"mine"})
    done = spate(url, "-d", out, option)
    assert done.code == 0, done
    new = {"f": body(1, 20_000)}
    assert_files(out, new if option == "--overwrite" else
                 {"f": b"mine", "f.1": new["f"]})


# ---- names with numbers ------------------------------------------------------


@pytest.mark.parametrize("option", ["--auto-rename", None])
def test_names_with_numbers_stay_with_their_tasks(spate, faultd, out, tmp_path,
                                                  option):
    """Three files of one name and size: the first is done when the others are
    killed, so that the next run would give them other numbers."""
    rates = (90_000_000, 500_000, 500_000)
    args = ["-i", write_list(tmp_path / "l", [
        faultd.data(i, 2_000_000, f"{i}/f", rate=rate)
        for i, rate in enumerate(rates, 1)]), "-d", out]
    run = spate.start(*args, "--auto-rename")
    wait_until(lambda: (out / "f").exists() and recorded(out) >= 500_000)
    run.kill()
    kept = {p.name: p.stat().st_size for p in out.glob("*.part")}
    assert sorted(kept) == ["f.1.part", "f.2.part"], kept
    before = len(faultd.journal())
    done = spate(*args, *([option] if option else []), timeout=90)
    assert done.code == 0, done
    assert_files(out, {f"f{n}": body(i, 2_000_000)
                       for i, n in enumerate(("", ".1", ".2"), 1)})
    assert all(e.get("range") for e in faultd.journal()[before:])
