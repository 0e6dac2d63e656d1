# SPDX-License-Identifier: MIT
"""What a server can do wrong: passing failures are retried, permanent ones
are not, and nothing that is not whole is called done."""
import itertools

import pytest

from harness import (PATIENCE, assert_files, body, files_of, recorded, wait_until,
                     write_list)

FAST = ("--retry-wait", "0.05", "--retry-max-wait", "0.2", "--progress=json", "-v")


def gaps(entries):
    times = [e["t"] / 1e6 for e in entries]
    return [b - a for a, b in itertools.pairwise(times)]


# ---- passing failures ----------------------------------------------------


@pytest.mark.parametrize("size", [3000, 2_000_000])
@pytest.mark.parametrize("fault", [
    {"status": 500}, {"status": 502}, {"status": 503}, {"status": 504},
    {"status": 408}, {"status": 425}, {"reset": 1000}, {"truncate": 1000},
    {"empty": 1}, {"badchunk": 1000}, {"truncate": 0}, {"reset": 0}])
def test_passing_failures_are_retried(spate, faultd, out, fault, size):
    run = spate(*FAST, "-d", out, faultd.data(1, size, "f", fail=2, **fault))
    assert run.code == 0, run
    assert_files(out, {"f": body(1, size)})
    # libcurl may ask again by itself on a dead connection
    assert len(faultd.journal()) >= 3
    assert run.summary["done"] == 1 and run.summary["retries"] >= 2


def test_retries_back_off(spate, faultd, out):
    run = spate("--retry-wait", "0.4", "--retry-max-wait", "0.8", "-t", "8", "-d",
                out, faultd.data(1, 10, "f", status=500))
    assert run.code == 1, run
    # full jitter: each wait is anything up to the limit, never beyond it
    assert all(gap <= 4 for gap in gaps(faultd.journal()))
    assert len(faultd.journal()) == 8


@pytest.mark.parametrize("tries", [1, 3])
def test_attempts_are_counted(spate, faultd, out, tries):
    run = spate(*FAST, "-t", tries, "-d", out, faultd.data(1, 10, "f", status=500))
    assert run.code == 1, run
    assert len(faultd.journal()) == tries
    failed, = run.event("failed")
    assert failed["attempts"] == tries and failed["status"] == 500
    assert files_of(out) == {}


@pytest.mark.slow
def test_stalled_transfer_is_given_up_and_retried(spate, faultd, out):
    run = spate(*FAST, "--stall-timeout", "1", "-d", out,
                faultd.data(1, 5000, "f", stall=1000, fail=1))
    assert run.code == 0, run
    assert_files(out, {"f": body(1, 5000)})
    assert run.seconds < 40


# ---- permanent failures --------------------------------------------------


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 451])
def test_permanent_failures_take_one_request(spate, faultd, out, status):
    run = spate(*FAST, "-d", out, faultd.data(1, 10, "f", status=status))
    assert run.code == 1, run
    assert len(faultd.journal()) == 1
    failed, = run.event("failed")
    assert failed["status"] == status and str(status) in failed["reason"]
    assert files_of(out) == {}


def test_failures_do_not_stop_the_others(spate, faultd, out, tmp_path):
    urls = [faultd.data(i, 2000, f"f{i}", **({"status": 404} if i % 5 == 0 else {}))
            for i in range(100)]
    run = spate(*FAST, "-i", write_list(tmp_path / "l", urls), "-d", out)
    assert run.code == 1, run
    assert (run.summary["done"], run.summary["failed"]) == (80, 20)
    assert_files(out, {f"f{i}": body(i, 2000) for i in range(100) if i % 5})


# ---- what is not whole ---------------------------------------------------


@pytest.mark.parametrize("size", [3000, 2_000_000])
@pytest.mark.parametrize("fault", [{"truncate": 1000}, {"reset": 1000},
                                   {"badchunk": 1000}])
def test_what_is_cut_off_is_never_done(spate, faultd, out, fault, size):
    run = spate(*FAST, "-t", "2", "-d", out,
                faultd.data(1, size, "f", ranges="no", **fault))
    assert run.code == 1, run
    assert run.summary["done"] == 0
    assert "f" not in files_of(out)


def test_bytes_beyond_the_length_are_not_stored(spate, faultd, out):
    run = spate(*FAST, "-d", out, faultd.data(1, 3000, "f", longer=500))
    assert set(files_of(out)) <= {"f"}
    if run.code == 0:
        assert_files(out, {"f": body(1, 3000)})


def test_empty_answer_is_not_an_empty_file(spate, faultd, out):
    run = spate(*FAST, "-t", "2", "-d", out, faultd.data(1, 3000, "f", empty=1))
    assert run.code == 1, run
    assert files_of(out) == {}


def test_endless_headers_are_given_up(spate, faultd, out):
    run = spate(*FAST, "-t", "1", "-d", out,
                faultd.data(1, 10, "f", endless_headers=1), timeout=30)
    assert run.code == 1, run


# ---- ranges --------------------------------------------------------------


def partial(spate, faultd, out, url):
    """Fetches a part of url, then kills; returns the .part's path."""
    run = spate.start("-d", out, url)
    part = out / "f.part"
    wait_until(lambda: part.exists() and part.stat().st_size > 1_000_000,
               what="a partial file")
    wait_until(lambda: recorded(out) > 0, what="a record of it")
    assert run.process.poll() is None
    run.kill()
    return part


RATE = 2_000_000


@pytest.mark.parametrize("etag", ["strong", "weak", "none"])
def test_partial_file_goes_on_or_starts_over(spate, faultd, out, etag):
    url = faultd.data(1, "8M", "f", rate=RATE, etag=etag)
    partial(spate, faultd, out, url)
    run = spate("-d", out, url)
    assert run.code == 0, run
    assert_files(out, {"f": body(1, 8 << 20)})
    second = faultd.journal()[1]
    if etag == "strong":
        assert second["range"].startswith("bytes=") and second["status"] == 206
        assert second["if_range"] == '"1-8388608-0"'
        assert second["sent"] < 8 << 20


@pytest.mark.slow
def test_body_that_changed_meanwhile_starts_over(spate, faultd, out):
    url = faultd.data(1, "8M", "f", rate=RATE, etag="change", changeafter=1)
    partial(spate, faultd, out, url)
    run = spate("-d", out, url)
    assert run.code == 0, run
    assert_files(out, {"f": body(2, 8 << 20)})


@pytest.mark.slow
@pytest.mark.parametrize("ranges", ["lie", "wrong-total", "ignore", "no", "short"])
def test_lies_about_ranges_never_corrupt(spate, faultd, out, ranges):
    url = faultd.data(1, "8M", "f", rate=RATE, ranges=ranges)
    partial(spate, faultd, out, url)
    run = spate(*FAST, "-d", out, url)
    if run.code == 0:
        assert_files(out, {"f": body(1, 8 << 20)})
    else:
        assert run.code == 1 and "f" not in files_of(out), run


def test_cut_off_large_file_goes_on_by_itself(spate, faultd, out):
    run = spate(*FAST, "-t", "10", "-d", out,
                faultd.data(1, "8M", "f", reset="3M"))
    assert run.code == 0, run
    assert_files(out, {"f": body(1, 8 << 20)})
    entries = faultd.journal()
    assert [e["status"] for e in entries[:1]] == [200]
    assert all(e["status"] == 206 for e in entries[1:]), entries


# ---- redirects -----------------------------------------------------------


def test_redirects_are_followed(spate, faultd, out):
    run = spate(*FAST, "-d", out, faultd.data(1, 3000, "f", hops=3))
    assert run.code == 0, run
    assert_files(out, {"f": body(1, 3000)})
    assert len(faultd.journal()) == 4


def test_redirect_loop_ends(spate, faultd, out):
    run = spate(*FAST, "-t", "1", "-d", out, faultd.data(1, 10, "f", loop=1))
    assert run.code == 1, run
    assert len(faultd.journal()) <= 60
    assert "redirect" in run.text.lower()


@pytest.mark.parametrize("target", ["file:///etc/passwd", "gopher://127.0.0.1/",
                                    "ftp://127.0.0.1/x", "dict://127.0.0.1/"])
def test_redirects_to_other_protocols_are_refused(spate, faultd, out, target):
    run = spate(*FAST, "-t", "1", "-d", out,
                faultd.data(1, 10, "f", redirect=target))
    assert run.code == 1, run
    assert files_of(out) == {}


SECRETS = ("-H", "X-Api-Key: k3y", "-u", "user:pass", "-b", "session=c00kie")


def test_headers_reach_the_origin(spate, faultd, out):
    run = spate(*FAST, *SECRETS, "-d", out, faultd.data(1, 10, "f", hops=1))
    assert run.code == 0, run
    for entry in faultd.journal():
        assert entry["x-api-key"] == "k3y"
        assert entry["authorization"].startswith("Basic ")
        assert "session=c00kie" in entry["cookie"]


def test_headers_stay_with_the_origin(spate, faultd, out):
    """Another host name, even of the same machine and port."""
    target = faultd.data(2, 10, "g", host="other.test")
    run = spate(*FAST, *SECRETS, "-d", out,
                "--resolve", f"other.test:{faultd.port}:127.0.0.1",
                faultd.data(1, 10, "f", redirect=target))
    assert run.code == 0, run
    first, second = faultd.journal()
    assert first["x-api-key"] == "k3y" and first["authorization"]
    assert second["target"] == "/data/2/10/g"
    assert not {"x-api-key", "authorization", "cookie"} & second.keys(), second


def test_other_port_is_another_origin(spate, faultd, out, tmp_path):
    from harness import Faultd
    (tmp_path / "other").mkdir()
    other = Faultd(str(tmp_path / "other"))
    try:
        run = spate(*FAST, *SECRETS, "-d", out,
                    faultd.data(1, 10, "f", redirect=other.data(2, 10, "g")))
        assert run.code == 0, run
        entry, = other.journal()
        assert not {"x-api-key", "authorization", "cookie"} & entry.keys(), entry
    finally:
        other.stop()


def test_name_comes_from_the_url_asked_for(spate, faultd, out):
    """A redirect does not choose the name: that is a server's whim."""
    run = spate(*FAST, "-d", out,
                faultd.data(1, 10, "f", redirect=faultd.data(2, 10, ".bashrc")))
    assert run.code == 0, run
    assert_files(out, {"f": body(2, 10)})


# ---- throttling ----------------------------------------------------------


@pytest.mark.parametrize("form", ["2", "date:3"])
def test_retry_after_is_honoured(spate, faultd, out, form):
    run = spate(*FAST, "-t", "1", "-d", out,
                faultd.data(1, 10, "f", status=429, retry_after=form, fail=1))
    # a throttled answer is no failed attempt: one attempt is enough
    assert run.code == 0, run
    assert gaps(faultd.journal())[0] >= 1.9
    assert gaps(faultd.journal())[0] <= 15
    assert run.summary["throttled"] == 1


@pytest.mark.slow
def test_whole_host_waits_when_one_was_throttled(spate, faultd, out, tmp_path):
    urls = [faultd.data(0, 10, "f0", status=429, retry_after=4, fail=1)]
    urls += [faultd.data(i, 10, f"f{i}", delay=50) for i in range(1, 60)]
    run = spate(*FAST, "-j", "4", "-i", write_list(tmp_path / "l", urls), "-d", out)
    assert run.code == 0, run
    entries = faultd.journal()
    hit = next(e for e in entries if e["status"] == 429)
    during = [e for e in entries
              if hit["end"] + 1_500_000 < e["t"] < hit["end"] + 3_900_000]
    assert during == []


def test_503_with_retry_after_waits(spate, faultd, out):
    run = spate(*FAST, "-d", out,
                faultd.data(1, 10, "f", status=503, retry_after=2, fail=1))
    assert run.code == 0, run
    assert gaps(faultd.journal())[0] >= 1.9


@pytest.mark.slow
def test_list_against_a_token_bucket_loses_nothing(spate, faultd, out, tmp_path):
    urls = [faultd.data(i, 500, f"f{i}", limit="k,100,10") for i in range(150)]
    run = spate(*FAST, "-i", write_list(tmp_path / "l", urls), "-d", out)
    assert run.code == 0, run
    assert_files(out, {f"f{i}": body(i, 500) for i in range(150)})
    assert run.summary["failed"] == 0


# ---- limits --------------------------------------------------------------


def test_concurrency_is_never_exceeded(spate, faultd, out, tmp_path):
    urls = [faultd.data(i, 100, f"f{i}", delay=50) for i in range(60)]
    run = spate(*FAST, "-j", "5", "-i", write_list(tmp_path / "l", urls), "-d", out)
    assert run.code == 0, run
    assert faultd.stats()["max_active"] == 5


def test_per_host_limit(spate, faultd, out, tmp_path):
    urls = [faultd.data(i, 100, f"f{i}", delay=50) for i in range(30)]
    run = spate(*FAST, "-j", "16", "--per-host", "3", "-i",
                write_list(tmp_path / "l", urls), "-d", out)
    assert run.code == 0, run
    assert faultd.stats()["max_active"] == 3


@pytest.mark.alone
def test_rate_spaces_the_starts_evenly(spate, faultd, out, tmp_path):
    urls = [faultd.data(i, 100, f"f{i}") for i in range(100)]
    run = spate(*FAST, "--rate", "50/s", "-i", write_list(tmp_path / "l", urls),
                "-d", out)
    assert run.code == 0, run
    between = gaps(faultd.journal())
    assert 1.9 <= sum(between) <= 5  # 99 gaps of 20 ms
    # no bursts: gaps may be disturbed by the machine, not the most of them
    assert sum(0.010 <= gap <= 0.040 for gap in between) >= 60


def test_limit_rate_bounds_the_bytes(spate, faultd, out):
    run = spate("--limit-rate", "1M", "-d", out, faultd.data(1, "3M", "f"))
    assert run.code == 0, run
    assert 2.2 <= run.seconds <= 10 * PATIENCE
    assert_files(out, {"f": body(1, 3 << 20)})


# ---- the list of failures ------------------------------------------------


def test_failed_is_a_manifest_that_can_be_run_again(spate, faultd, out, tmp_path):
    urls = [faultd.data(i, 500, f"f{i}", **({"status": 500, "fail": 2}
                                            if i % 4 == 0 else {}))
            for i in range(40)]
    listing = write_list(tmp_path / "l", [
        u + (f"\tnamed-{i}" if i % 8 == 0 else "") for i, u in enumerate(urls)])
    run = spate(*FAST, "-t", "2", "-i", listing, "-d", out)
    assert run.code == 1 and run.summary["failed"] == 10, run
    failed = spate("failed", out)
    assert failed.code == 0, failed
    lines = failed.out.decode().splitlines()
    assert [l.split("\t")[0] for l in lines if l and l[0] != "#"] == urls[::4]
    again = tmp_path / "again"
    run = spate(*FAST, "-i", "-", "-d", again, input=failed.out)
    assert run.code == 0, run
    assert_files(again, {(f"named-{i}" if i % 8 == 0 else f"f{i}"): body(i, 500)
                         for i in range(0, 40, 4)})


def test_same_command_again_retries_what_failed(spate, faultd, out, tmp_path):
    urls = [faultd.data(1, 500, "a"), faultd.data(2, 500, "b", status=500, fail=1)]
    listing = write_list(tmp_path / "l", urls)
    assert spate(*FAST, "-t", "1", "-i", listing, "-d", out).code == 1
    faultd_before = len(faultd.journal())
    run = spate(*FAST, "-t", "1", "-i", listing, "-d", out)
    assert run.code == 0, run
    assert len(faultd.journal()) - faultd_before == 1
    assert_files(out, {"a": body(1, 500), "b": body(2, 500)})
