# SPDX-License-Identifier: MIT
"""Lists and single URLs to files, byte for byte; what is printed; exit codes."""
import hashlib
import json
import os
import subprocess
import time
import urllib.parse

import pytest

from harness import (assert_files, body, files_of, make_docs, sha, wait_until,
                     write_list)

FAST = ("--retry-wait", "0.05", "--retry-max-wait", "0.2")


def nginx_list(nginx, names, path):
    return write_list(path, [nginx.url("/" + urllib.parse.quote(n)) for n in names])


# ---- layouts -------------------------------------------------------------


def test_list_flat(spate, start_nginx, docs_root, out, tmp_path):
    names = sorted(files_of(docs_root))[:500]
    nginx = start_nginx(docs_root)
    run = spate("-i", nginx_list(nginx, names, tmp_path / "list"), "-d", out)
    assert run.code == 0, run
    assert_files(out, {os.path.basename(n): (docs_root / n).read_bytes()
                       for n in names})
    assert len(nginx.requests()) == 500


def test_list_path_layout(spate, start_nginx, docs_root, out, tmp_path):
    names = sorted(files_of(docs_root))[:50]
    nginx = start_nginx(docs_root)
    run = spate("-i", nginx_list(nginx, names, tmp_path / "list"), "-d", out,
                "--layout", "path")
    assert run.code == 0, run
    assert_files(out, {f"127.0.0.1_{nginx.port}/{n}": (docs_root / n).read_bytes()
                       for n in names})


def test_list_hash_layout(spate, start_nginx, docs_root, out, tmp_path):
    names = sorted(files_of(docs_root))[:50]
    nginx = start_nginx(docs_root)
    run = spate("-i", nginx_list(nginx, names, tmp_path / "list"), "-d", out,
                "--layout", "hash")
    assert run.code == 0, run
    expected = {}
    for name in names:
        leaf = os.path.basename(name)
        digest = hashlib.sha256(leaf.encode()).hexdigest()
        expected[f"{digest[:2]}/{digest[2:4]}/{leaf}"] = (
            docs_root / name).read_bytes()
    assert_files(out, expected)


def test_whole_docroot_with_many_at_once(spate, start_nginx, docs_root, out,
                                         tmp_path):
    names = sorted(files_of(docs_root))
    nginx = start_nginx(docs_root)
    run = spate("-i", nginx_list(nginx, names, tmp_path / "list"), "-d", out,
                "-j", "64")
    assert run.code == 0, run
    assert_files(out, {os.path.basename(n): (docs_root / n).read_bytes()
                       for n in names})
    assert len(nginx.requests()) == len(names)


# ---- single URLs ---------------------------------------------------------


def test_single_url_into_current_directory(spate, faultd):
    run = spate(faultd.data(1, 5000, "one.bin"))
    assert run.code == 0, run
    assert_files(spate.cwd, {"one.bin": body(1, 5000)})


def test_out_names_a_single_url(spate, faultd, out):
    run = spate("-o", "other.dat", "-d", out, faultd.data(1, 5000, "one.bin"))
    assert run.code == 0, run
    assert_files(out, {"other.dat": body(1, 5000)})


def test_out_with_two_urls_is_a_usage_error(spate, faultd, out):
    run = spate("-o", "x", "-d", out, faultd.data(1, 1, "a"), faultd.data(2, 1, "b"))
    assert run.code == 2, run
    assert faultd.journal() == []


def test_adhoc_success_leaves_no_session(spate, faultd, out):
    run = spate("-d", out, faultd.data(1, 10, "a"), faultd.data(2, 10, "b"))
    assert run.code == 0, run
    assert sorted(os.listdir(out)) == ["a", "b"]


def test_manifest_leaves_a_private_session(spate, faultd, out, tmp_path):
    run = spate("-i", write_list(tmp_path / "l", [faultd.data(1, 10, "a")]),
                "-d", out)
    assert run.code == 0, run
    assert (out / ".spate").stat().st_mode & 0o777 == 0o700


# ---- bodies --------------------------------------------------------------


def test_small_and_large_files_mixed(spate, faultd, out, tmp_path):
    sizes = [0, 1, 2047, 65536, 65537, 1 << 20, 5_000_000, 40_000_000]
    sizes += [2048] * 100
    urls = [faultd.data(i, n, f"f{i}") for i, n in enumerate(sizes)]
    run = spate("-i", write_list(tmp_path / "l", urls), "-d", out)
    assert run.code == 0, run
    assert_files(out, {f"f{i}": body(i, n) for i, n in enumerate(sizes)})


@pytest.mark.parametrize("options", [{"nolength": 1}, {"chunked": 1},
                                     {"closeafter": 1}, {"1xx": 1},
                                     {"ranges": "no"}, {"etag": "none"},
                                     {"etag": "weak"}, {"lm": 1},
                                     {"ttfb": 300}, {"ranges": "ignore"}])
@pytest.mark.parametrize("size", [3000, 3_000_000])
def test_ways_a_server_may_send(spate, faultd, out, options, size):
    run = spate("-d", out, faultd.data(5, size, "f", **options))
    assert run.code == 0, run
    assert_files(out, {"f": body(5, size)})


def test_gzip_encoded_body_without_being_asked_for(spate, faultd, out):
    """No Accept-Encoding is sent; what arrives is stored as it came."""
    url = faultd.data(5, 3000, "f.gz", gzip=1)
    run = spate("-d", out, url)
    assert run.code == 0, run
    assert_files(out, {"f.gz": faultd.get(url[len(faultd.url("")):])})


def test_part_file_while_it_grows_and_none_at_the_end(spate, faultd, out):
    run = spate.start("-d", out,
                      faultd.data(1, "3M", "big.bin", rate=1_500_000))
    part = out / "big.bin.part"
    wait_until(lambda: part.exists() and part.stat().st_size > 0, what="a .part")
    assert not (out / "big.bin").exists()
    assert run.wait().code == 0
    assert_files(out, {"big.bin": body(1, 3 << 20)})


def test_server_that_lies_about_gzip_keeps_the_bytes(spate, faultd, out):
    run = spate("-d", out, faultd.data(5, 3000, "f", gzip="lie"))
    assert run.code == 0, run
    assert_files(out, {"f": body(5, 3000)})


# ---- names ---------------------------------------------------------------


def test_query_is_no_part_of_the_name(spate, faultd, out):
    run = spate("-d", out, faultd.data(1, 10, "a.bin", X_Token="b/c?d"))
    assert run.code == 0, run
    assert_files(out, {"a.bin": body(1, 10)})
    assert faultd.journal()[0]["target"] == "/data/1/10/a.bin?X_Token=b/c?d"


def test_percent_encoded_names(spate, start_nginx, out, tmp_path):
    names = ["with space.txt", "grün€.txt", "100%.txt", "a+b&c=d.txt", "#h?.txt"]
    docs = tmp_path / "docs"
    docs.mkdir()
    for i, name in enumerate(names):
        (docs / name).write_bytes(body(i, 100))
    nginx = start_nginx(docs)
    run = spate("-i", nginx_list(nginx, names, tmp_path / "l"), "-d", out)
    assert run.code == 0, run
    assert_files(out, {n: body(i, 100) for i, n in enumerate(names)})


def test_url_without_a_name_is_index_html(spate, start_nginx, out, tmp_path):
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "index.html").write_bytes(b"<p>")
    nginx = start_nginx(docs)
    run = spate("-d", out, nginx.url("/"))
    assert run.code == 0, run
    assert_files(out, {"index.html": b"<p>"})


def test_names_in_the_manifest(spate, faultd, out, tmp_path):
    run = spate("-i", write_list(tmp_path / "l", [
        faultd.data(1, 10, "x") + "\tfirst.bin",
        faultd.data(2, 10, "x") + "\tsub/dir/second.bin"]), "-d", out)
    assert run.code == 0, run
    assert_files(out, {"first.bin": body(1, 10), "sub/dir/second.bin": body(2, 10)})


# ---- manifests -----------------------------------------------------------


def test_blank_lines_comments_and_crlf(spate, faultd, out, tmp_path):
    listing = tmp_path / "l"
    listing.write_bytes(b"\r\n# a comment\r\n\n   \n" +
                        faultd.data(1, 10, "a").encode() + b"\r\n\r\n#x\n" +
                        faultd.data(2, 10, "b").encode())  # no newline at the end
    run = spate("-i", listing, "-d", out)
    assert run.code == 0, run
    assert_files(out, {"a": body(1, 10), "b": body(2, 10)})


@pytest.mark.parametrize("content", [b"", b"\n\n", b"# nothing\n"])
def test_manifest_without_tasks(spate, out, tmp_path, content):
    (tmp_path / "l").write_bytes(content)
    run = spate("-i", tmp_path / "l", "-d", out, "--progress=json")
    assert run.code == 0, run
    assert run.summary["done"] == run.summary["failed"] == 0
    assert files_of(out) == {}


def test_bad_lines_are_named_and_the_rest_is_done(spate, faultd, out, tmp_path):
    run = spate("-i", write_list(tmp_path / "l", [
        faultd.data(1, 10, "a"), "# fine", "not a url", faultd.data(2, 10, "b"),
        "gopher://127.0.0.1/x", faultd.data(3, 10, "c")]), "-d", out)
    assert run.code == 1, run
    assert_files(out, {"a": body(1, 10), "b": body(2, 10), "c": body(3, 10)})
    err = run.err.decode()
    assert "line 3" in err or ":3:" in err, run
    assert "line 5" in err or ":5:" in err, run


def test_missing_manifest_names_it_and_starts_nothing(spate, out, tmp_path):
    run = spate("-i", tmp_path / "nowhere.list", "-d", out)
    assert run.code in (2, 3), run
    assert b"nowhere.list" in run.err


def test_list_from_standard_input(spate, faultd, out):
    urls = [faultd.data(i, 100, f"f{i}") for i in range(200)]
    run = spate("-i", "-", "-d", out, input="".join(u + "\n" for u in urls).encode())
    assert run.code == 0, run
    assert_files(out, {f"f{i}": body(i, 100) for i in range(200)})


def test_first_request_leaves_before_a_pipe_ends(spate, faultd, out):
    run = spate.start("-i", "-", "-d", out, stdin=subprocess.PIPE)
    pipe = run.process.stdin
    for i in range(3):
        pipe.write(faultd.data(i, 100, f"f{i}").encode() + b"\n")
        pipe.flush()
        wait_until(lambda: len(faultd.journal()) == i + 1, 5,
                   what=f"request {i + 1} while the pipe is open")
        assert run.process.poll() is None
        time.sleep(0.1)
    pipe.write(faultd.data(3, 100, "f3").encode())  # no newline
    pipe.close()
    result = run.wait()
    assert result.code == 0, result
    assert_files(out, {f"f{i}": body(i, 100) for i in range(4)})


# ---- files that are there ------------------------------------------------


def test_existing_file_fails_the_task_by_default(spate, faultd, out, tmp_path):
    out.mkdir()
    (out / "a").write_bytes(b"mine")
    run = spate("-i", write_list(tmp_path / "l", [
        faultd.data(1, 10, "a"), faultd.data(2, 10, "b")]), "-d", out)
    assert run.code == 1, run
    assert_files(out, {"a": b"mine", "b": body(2, 10)})
    assert "exist" in run.text


def test_existing_large_file_fails_the_task_by_default(spate, faultd, out):
    out.mkdir()
    (out / "a").write_bytes(b"mine")
    run = spate("-d", out, faultd.data(1, "3M", "a"))
    assert run.code == 1, run
    assert (out / "a").read_bytes() == b"mine"


@pytest.mark.parametrize("size", [10, 3_000_000])
def test_overwrite(spate, faultd, out, size):
    out.mkdir()
    (out / "a").write_bytes(b"mine, and longer than the ten bytes")
    run = spate("--overwrite", "-d", out, faultd.data(1, size, "a"))
    assert run.code == 0, run
    assert_files(out, {"a": body(1, size)})


def test_skip_existing(spate, faultd, out):
    out.mkdir()
    (out / "a").write_bytes(b"mine")
    run = spate("--skip-existing", "-d", out, faultd.data(1, 10, "a"),
                faultd.data(2, 10, "b"))
    assert run.code == 0, run
    assert_files(out, {"a": b"mine", "b": body(2, 10)})


def test_the_last_of_contradicting_options_wins(spate, faultd, out):
    out.mkdir()
    (out / "a").write_bytes(b"mine")
    url = faultd.data(1, 10, "a")
    assert spate("--overwrite", "--skip-existing", "-d", out, url).code == 0
    assert_files(out, {"a": b"mine"})
    assert spate("--skip-existing", "--overwrite", "-d", out, url).code == 0
    assert_files(out, {"a": body(1, 10)})


@pytest.mark.parametrize("size", [10, 3_000_000])
def test_auto_rename(spate, faultd, out, size):
    out.mkdir()
    (out / "a.bin").write_bytes(b"mine")
    run = spate("--auto-rename", "-d", out, faultd.data(1, size, "a.bin"))
    assert run.code == 0, run
    assert_files(out, {"a.bin": b"mine", "a.1.bin": body(1, size)})


def test_two_urls_of_one_name_never_mix(spate, faultd, out):
    run = spate("-d", out, faultd.data(1, 500_000, "same"),
                faultd.data(2, 700_000, "same"))
    whole = {sha(body(1, 500_000)), sha(body(2, 700_000))}
    assert set(files_of(out).values()) <= whole, run
    assert run.code == (0 if len(files_of(out)) == 2 else 1), run


# ---- what is printed -----------------------------------------------------

PROGRESS_KEYS = {"event", "t", "pending", "active", "done", "failed", "bytes",
                 "bytes_per_s", "requests_per_s", "eta_s", "net", "disk", "cpu",
                 "rate", "loop"}
SUMMARY_KEYS = {"event", "t", "done", "failed", "cancelled", "pending", "bytes",
                "requests", "retries", "throttled", "exit"}


def test_json_events(spate, faultd, out, tmp_path):
    urls = [faultd.data(i, 1000, f"f{i}", delay=300) for i in range(40)]
    urls += [faultd.data(90, 10, "gone", status=404)]
    run = spate("-i", write_list(tmp_path / "l", urls), "-d", out, "-j", "8",
                "--progress=json", "--progress-interval", "0.2", "-v")
    assert run.code == 1, run
    events = run.events
    assert events[0]["event"] == "start"
    assert events[0]["session"] and events[0]["tasks"] in (41, None)
    assert [e["event"] for e in events].count("start") == 1
    assert run.summary.keys() >= SUMMARY_KEYS
    summary = run.summary
    assert (summary["done"], summary["failed"], summary["cancelled"],
            summary["pending"], summary["exit"]) == (40, 1, 0, 0, 1)
    assert summary["bytes"] >= 40_000 and summary["requests"] == 41
    assert summary["retries"] == summary["throttled"] == 0
    progress = run.event("progress")
    assert len(progress) >= 3
    for event in progress:
        assert event.keys() >= PROGRESS_KEYS, event
        assert event["net"].keys() >= {"used", "limit", "waiting"}
        assert event["rate"].keys() >= {"limit", "level"}
        assert 0 <= event["loop"]["busy"] <= 1
        assert event["loop"]["lag_ms_p99"] >= 0
        assert event["net"]["limit"] == 8 and event["net"]["used"] <= 8
    assert max(e["active"] for e in progress) > 0
    done = run.event("done")
    assert sorted(e["path"] for e in done) == sorted(f"f{i}" for i in range(40))
    for event in done:
        assert event["status"] == 200 and event["attempts"] == 1
        assert event["bytes"] == 1000 and event["task"] and "digest" in event
        assert event["url"].startswith("http://127.0.0.1")
    failed, = run.event("failed")
    assert failed["status"] == 404 and failed["attempts"] == 1
    assert "404" in failed["reason"] and "gone" in failed["url"]
    times = [e["t"] for e in events if "t" in e]
    assert times == sorted(times)


def test_json_without_v_has_no_done_events(spate, faultd, out):
    run = spate("-d", out, "--progress=json", faultd.data(1, 10, "a"))
    assert run.code == 0, run
    assert run.event("done") == []
    assert run.summary["done"] == 1


def test_json_hides_secrets_of_urls(spate, faultd, out):
    secret = "s3cr3tsignature"
    run = spate("-d", out, "--progress=json", "-v", "--log", out.parent / "log",
                faultd.data(1, 10, "a") + f"?X-Amz-Signature={secret}",
                faultd.data(1, 10, "b") + f"?status=404&X-Amz-Signature={secret}")
    assert run.code == 1, run
    assert secret in faultd.journal()[0]["target"]
    assert secret not in run.text
    assert secret not in (out.parent / "log").read_text()


def test_quiet_says_nothing(spate, faultd, out):
    run = spate("-q", "-d", out, faultd.data(1, 10, "a"))
    assert (run.code, run.out, run.err) == (0, b"", b"")


def test_progress_none_prints_nothing_on_standard_output(spate, faultd, out):
    run = spate("--progress=none", "-d", out,
                faultd.data(1, 10, "a", status=404), faultd.data(2, 10, "b"))
    assert (run.code, run.out) == (1, b""), run


def test_line_progress_ends_with_the_counts(spate, faultd, out):
    run = spate("-d", out, faultd.data(1, 10, "a"), faultd.data(1, 10, "b"))
    assert run.code == 0, run
    assert b"\x1b" not in run.out + run.err
    assert "2" in run.text.splitlines()[-1], run


# ---- exit codes (0, 3 and 4 have tests of their own elsewhere too) -------


def test_exit_1_when_a_task_failed(spate, faultd, out):
    assert spate("-d", out, faultd.data(1, 1, "a", status=404)).code == 1


def test_exit_2_without_arguments(spate):
    run = spate()
    assert run.code == 2, run
    assert run.err


def test_exit_1_when_nobody_listens(spate, out):
    run = spate(*FAST, "-t", "2", "-d", out, "http://127.0.0.1:1/x")
    assert run.code == 1, run
    assert "refused" in run.text.lower() or "connect" in run.text.lower()
