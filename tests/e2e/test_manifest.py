# SPDX-License-Identifier: MIT
"""Manifests of every form, from files, pipes and packed files; headers, methods
and bodies as the server saw them; killed and gone on with, signed again."""
import bz2
import csv
import gzip
import http.server
import io
import json
import lzma
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import threading
import time

import pytest

from harness import SPATE, assert_files, body, wait_until


class Echo(http.server.BaseHTTPRequestHandler):
    """Remembers what it was asked, and redirects or fails as the path says."""
    protocol_version = "HTTP/1.1"

    def answer(self):
        length = int(self.headers.get("Content-Length") or 0)
        self.server.seen.append((self.command, self.path, dict(self.headers),
                                 self.rfile.read(length)))
        path = self.path.split("?")[0]
        kind, _, rest = path.strip("/").partition("/")
        if kind == "drop":
            self.connection.close()
            self.close_connection = True
            return
        code, location = 200, None
        if kind in ("301", "302", "303", "307", "308"):
            code, location = int(kind), self.server.target + "/" + rest
        elif kind == "fail" and sum(
                s[1].startswith("/fail") for s in self.server.seen) < 3:
            code = 500
        self.send_response(code)
        if location:
            self.send_header("Location", location)
        text = b"%s %s" % (self.command.encode(), self.path.encode())
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = do_PUT = do_DELETE = answer

    def log_message(self, *args):
        pass


@pytest.fixture
def echo():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    server.daemon_threads = True
    server.seen = []
    server.origin = server.target = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def jsonl(rows):
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def table(rows, separator=","):
    out = io.StringIO()
    names = sorted({name for row in rows for name in row})
    writer = csv.DictWriter(out, names, delimiter=separator)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def aria2(rows):
    lines = []
    for row in rows:
        lines.append(row["url"])
        lines += [f"  {k}={v}" for k, v in row.items() if k != "url"]
    return ("\n".join(lines) + "\n").encode()


def text(rows):
    return "".join(
        row["url"] + ("\t" + row["out"] if "out" in row else "") + "\n"
        for row in rows).encode()


FORMS = {"text": text, "aria2": aria2, "jsonl": jsonl, "csv": table,
         "tsv": lambda rows: table(rows, "\t")}


def rows_of(server, count, sig="1", size=300, **options):
    return [{"url": server.data(i, size, f"f{i}", **options)
             + ("&" if options else "?") + f"X-Amz-Signature={sig}", "out": f"n/{i}"}
            for i in range(count)]


def check(out, count, size=300):
    for i in range(count):
        with open(out / f"n/{i}", "rb") as f:
            assert f.read() == body(i, size), i


@pytest.mark.every
@pytest.mark.parametrize("form", FORMS)
def test_every_form_from_a_file_and_from_a_pipe(spate, faultd, tmp_path, form):
    data = FORMS[form](rows_of(faultd, 40))
    (tmp_path / "list").write_bytes(data)
    out = tmp_path / "a"
    result = spate("-d", out, "-i", tmp_path / "list", "--progress=json")
    assert result.code == 0, result
    check(out, 40)
    out = tmp_path / "b"
    with open(tmp_path / "list", "rb") as stdin:
        result = spate("-d", out, "-i", "-", "--progress=json", stdin=stdin)
    assert result.code == 0, result
    check(out, 40)


PACK = {"gz": gzip.compress, "xz": lzma.compress, "bz2": bz2.compress}
if shutil.which("zstd"):
    PACK["zst"] = lambda data: subprocess.run(
        ["zstd", "-q", "-c"], input=data, stdout=subprocess.PIPE,
        check=True).stdout


@pytest.mark.every
@pytest.mark.parametrize("pack", PACK)
def test_packed_lists(spate, faultd, tmp_path, pack):
    path = tmp_path / f"list.csv.{pack}"
    path.write_bytes(PACK[pack](table(rows_of(faultd, 40))))
    for name in "ab":
        with open(path, "rb") as stdin:
            result = spate("-d", tmp_path / name, "-i",
                               path if name == "a" else "-",
                               "--progress=json", stdin=stdin)
        assert result.code == 0, result
        check(tmp_path / name, 40)
    faultd.reset()
    result = spate("-d", tmp_path / "a", "-i", path, "--progress=json")
    assert result.code == 0 and faultd.stats()["requests"] <= 2


@pytest.mark.slow
def test_cut_packed_list_is_said_and_put_right(spate, faultd, tmp_path):
    whole = gzip.compress(jsonl(rows_of(faultd, 4000)))
    path = tmp_path / "list.gz"
    path.write_bytes(whole[:len(whole) // 2])
    result = spate("-d", tmp_path / "o", "-i", path, "--progress=json")
    assert result.code == 1
    assert b"damaged or cut off" in result.out
    done = result.summary["done"]
    assert 0 < done < 4000
    result = spate("-d", tmp_path / "o", "-i", path, "--strict")
    assert result.code == 2, result
    path.write_bytes(whole)
    result = spate("-d", tmp_path / "o", "-i", path, "--progress=json")
    assert result.code == 0, result
    assert len(os.listdir(tmp_path / "o/n")) == 4000


@pytest.mark.slow
@pytest.mark.parametrize("form", ["aria2", "jsonl", "csv", "jsonl.gz", "pipe"])
def test_killed_and_gone_on_with(spate, faultd, tmp_path, form):
    count = 20000 if form in ("aria2", "csv") else 9000
    kind = "jsonl" if form in ("pipe", "jsonl.gz") else form
    path = tmp_path / f"list.{form}"
    data = FORMS[kind](rows_of(faultd, count))
    path.write_bytes(gzip.compress(data, 1) if form == "jsonl.gz" else data)
    out = tmp_path / "o"
    args = ["-d", out, "-i", "-" if form == "pipe" else path, "-j", "32",
            "--progress=json"]
    run = spate.start(*args, stdin=open(path, "rb"))
    wait_until(lambda: (out / "n/3000").exists(), 60, what="some files")
    run.kill()
    had = sum(len(files) for _, _, files in os.walk(out / "n"))
    assert had < count
    if form == "pipe":
        result = spate(*args, stdin=open(path, "rb"), timeout=120)
    else:
        result = spate("resume", out, "--progress=json", timeout=120)
    assert result.code == 0, result
    assert result.summary["requests"] < count - 1000
    check(out, count)


@pytest.mark.parametrize("form", ["aria2", "jsonl", "csv", "tsv"])
def test_signed_again_keeps_what_is_done(spate, faultd, tmp_path, form):
    path = tmp_path / f"list.{form}"
    path.write_bytes(FORMS[form](rows_of(faultd, 300, "old")))
    out = tmp_path / "o"
    assert spate("-d", out, "-i", path, "--progress=json").code == 0
    (tmp_path / "longer").write_bytes(
        FORMS[form](rows_of(faultd, 310, "new")))
    faultd.reset()
    result = spate("-d", out, "-i", tmp_path / "longer", "--progress=json")
    assert result.code == 0, result
    asked = [e["target"] for e in faultd.journal()]
    assert len(asked) == 10 and all("Signature=new" in t for t in asked)
    other = rows_of(faultd, 310, "new")
    other[200]["out"] = "n/elsewhere"
    path.write_bytes(FORMS[form](other))
    result = spate("-d", out, "-i", path)
    assert result.code == 2 and b"list" in result.err, result


def follow(spate, tmp_path, path, *args):
    return spate.start("-d", tmp_path / "o", "-i", path, "--follow",
                       "--progress=json", *args)


def wait_for(path):
    wait_until(path.exists, 20, what=str(path))


def recorded_tasks(out):
    with sqlite3.connect(out / ".spate/session.db") as db:
        return db.execute("SELECT coalesce(sum(settled),0) FROM chunks").fetchone()[0]


def test_pause_of_a_pipe(spate, faultd, out):
    """The only line there is waits for no other; one that goes on does."""
    one, two = (faultd.data(i, 100, f"f{i}").encode() for i in (1, 2))
    run = spate.start("-d", out, "-i", "-", "--no-tui", stdin=subprocess.PIPE)
    os.write(run.process.stdin.fileno(), one + b"\n")
    wait_until(lambda: (out / "f1").exists(), 5, what="the first file")
    os.write(run.process.stdin.fileno(), two + b"\n")
    run.process.stdin.close()
    assert run.wait().code == 0
    assert_files(out, {"f1": body(1, 100), "f2": body(2, 100)})

    again = out.parent / "again"
    run = spate.start("-d", again, "-i", "-", "--no-tui", stdin=subprocess.PIPE)
    os.write(run.process.stdin.fileno(), one + b"\n ou")
    time.sleep(0.6)
    assert len(faultd.journal()) == 2 and run.process.poll() is None
    os.write(run.process.stdin.fileno(), b"t=named\n")
    run.process.stdin.close()
    assert run.wait().code == 0
    assert_files(again, {"named": body(1, 100)})


@pytest.mark.parametrize("form", ["text", "aria2", "jsonl", "csv"])
def test_growing_list_is_followed(spate, faultd, tmp_path, form):
    lines = FORMS[form](rows_of(faultd, 30)).splitlines(True)
    path, out = tmp_path / "list", tmp_path / "o"
    cut = len(lines) // 2
    path.write_bytes(b"".join(lines[:cut]) + lines[cut][:9])
    run = follow(spate, tmp_path, path)
    wait_for(out / "n/9")
    time.sleep(0.4)
    assert not (out / "n/20").exists() and run.process.poll() is None
    with open(path, "ab") as f:
        f.write(lines[cut][9:] + b"".join(lines[cut + 1:]))
    wait_for(out / "n/28")
    run.signal(signal.SIGINT)
    result = run.wait()
    assert result.code == 4, result
    assert result.summary["bad_lines"] == 0 and result.summary["failed"] == 0
    faultd.reset()
    result = spate("resume", out, "--follow=no", "--progress=json")
    assert result.code == 0, result
    assert len(faultd.journal()) <= 1
    check(out, 30)


def test_followed_list_killed_while_it_is_compared(spate, faultd, tmp_path):
    """What the killed run had of it does not end it."""
    path, out = tmp_path / "list", tmp_path / "o"
    path.write_bytes(text(rows_of(faultd, 10)))
    run = follow(spate, tmp_path, path)
    wait_for(out / "n/9")
    wait_until(lambda: recorded_tasks(out) == 10)
    run.kill()
    with sqlite3.connect(out / ".spate/session.db") as db:
        db.execute("INSERT INTO sources SELECT 1,kind,path,size,mtime_ns,digest,"
                   "0,2,0,0,format FROM sources")
    shutil.copy(out / ".spate/spool-1", out / ".spate/spool-2")
    for _ in range(2):
        result = spate("resume", out, "--follow=no", "--progress=json")
        assert result.code == 0, result
    with sqlite3.connect(out / ".spate/session.db") as db:
        assert db.execute("SELECT count(*) FROM sources").fetchone() == (1,)
    check(out, 10)


@pytest.mark.parametrize("how", ["truncated", "replaced"])
def test_followed_list_that_changes_is_said(spate, faultd, tmp_path, how):
    path = tmp_path / "list"
    path.write_bytes(text(rows_of(faultd, 10)))
    run = follow(spate, tmp_path, path, "--input-format=text")
    wait_for(tmp_path / "o/n/9")
    if how == "replaced":
        os.rename(path, tmp_path / "list.1")
    path.write_bytes(b"")
    result = run.wait(20)
    assert result.code in (1, 4), result
    assert "followed no further" in result.event("failed")[0]["reason"]
    assert result.summary["done"] == 10


def test_follow_takes_one_file(spate, tmp_path):
    for args in (["-i", "-"], ["http://127.0.0.1:1/x"]):
        result = spate("-d", tmp_path / "o", "--follow", *args)
        assert result.code == 2 and b"--follow" in result.err


def test_table_without_url_starts_nothing(spate, tmp_path):
    (tmp_path / "l.csv").write_text("name,link\na,http://h/a\n")
    result = spate("-d", tmp_path / "o", "-i", tmp_path / "l.csv")
    assert result.code == 2
    assert b"l.csv" in result.err and b"name, link" in result.err


def test_unknown_names_are_warned_of_once(spate, faultd, tmp_path):
    rows = [dict(row, colour="red") for row in rows_of(faultd, 50)]
    for form in ("aria2", "jsonl", "csv"):
        (tmp_path / form).write_bytes(FORMS[form](rows))
        result = spate("-d", tmp_path / ("o" + form), "-i",
                           tmp_path / form, "--no-tui")
        assert result.code == 0, result
        assert result.err.count(b"'colour'") == 1


def test_two_tasks_never_share_an_output(spate, faultd, tmp_path):
    rows = [{"url": faultd.data(1, 5000, "a", delay=300), "out": "x"},
            {"url": faultd.data(2, 5000, "b", delay=300), "out": "x"}]
    (tmp_path / "l").write_bytes(jsonl(rows))
    result = spate("-d", tmp_path / "o", "-i", tmp_path / "l",
                       "--overwrite", "--progress=json")
    assert result.code == 1
    assert "line 1 has the same output" in result.event("failed")[0]["reason"]
    assert (tmp_path / "o/x").read_bytes() == body(1, 5000)
    result = spate("-d", tmp_path / "p", "-i", tmp_path / "l",
                       "--auto-rename", "--progress=json")
    assert result.code == 0
    assert (tmp_path / "p/x").read_bytes() == body(1, 5000)
    assert (tmp_path / "p/x.1").read_bytes() == body(2, 5000)


def test_failed_tasks_come_back_with_all_they_said(spate, echo, tmp_path):
    rows = [{"url": echo.origin + "/drop/a", "out": "a", "dir": "d",
             "body": "x\ny", "headers": {"X-A": "1"}, "priority": 3},
            {"url": echo.origin + "/ok/b", "out": "b"}]
    (tmp_path / "l.csv").write_bytes(table(
        [dict(r, headers=json.dumps(r.get("headers", {}))) for r in rows]))
    result = spate("-d", tmp_path / "o", "-i", tmp_path / "l.csv")
    assert result.code == 1
    failed = spate("failed", tmp_path / "o").out
    lines = [l for l in failed.splitlines() if not l.startswith(b"#")]
    assert len(lines) == 1
    again = json.loads(lines[0])
    assert again["url"] == rows[0]["url"] and again["body"] == "x\ny"
    assert again["headers"] == ["X-A: 1"] and again["dir"] == "d"
    (tmp_path / "failed").write_bytes(failed)
    echo.seen.clear()
    with open(tmp_path / "failed", "rb") as stdin:
        spate("-d", tmp_path / "p", "-i", "-", stdin=stdin)
    method, _, headers, sent = echo.seen[0]
    assert (method, sent, headers["X-A"]) == ("POST", b"x\ny", "1")


# ---- what is sent ----------------------------------------------------------


def test_method_body_and_headers_are_sent(spate, echo, tmp_path):
    rows = [{"url": echo.origin + "/ok/1", "body": "q=1",
             "headers": {"Content-Type": "text/x", "X-Key": "task"}},
            {"url": echo.origin + "/ok/2", "method": "put"},
            {"url": echo.origin + "/ok/3"}]
    (tmp_path / "l").write_bytes(jsonl(rows))
    result = spate("-d", tmp_path / "o", "-i", tmp_path / "l", "-j", "1",
                       "-H", "X-Key: all", "-H", "X-Other: 1")
    assert result.code == 0, result
    post, put, get = echo.seen
    assert (post[0], post[3]) == ("POST", b"q=1")
    assert post[2]["Content-Type"] == "text/x" and post[2]["X-Key"] == "task"
    assert post[2]["X-Other"] == "1"
    assert (put[0], put[2]["Content-Length"]) == ("PUT", "0")
    assert (get[0], get[3], get[2]["X-Key"]) == ("GET", b"", "all")
    assert "Content-Length" not in get[2] and "Content-Type" not in get[2]


@pytest.mark.parametrize("code,method,sent", [
    (301, "GET", b""), (302, "GET", b""), (303, "GET", b""),
    (307, "POST", b"q=1"), (308, "POST", b"q=1")])
def test_redirects_of_a_post(spate, echo, tmp_path, code, method, sent):
    (tmp_path / "l").write_bytes(jsonl([
        {"url": f"{echo.origin}/{code}/x", "body": "q=1",
         "headers": {"X-Key": "k"}}]))
    assert spate("-d", tmp_path / "o", "-i", tmp_path / "l").code == 0
    assert [s[0] for s in echo.seen] == ["POST", method]
    assert echo.seen[1][3] == sent and echo.seen[1][2]["X-Key"] == "k"
    echo.seen.clear()
    echo.target = echo.origin.replace("127.0.0.1", "localhost")
    assert spate("-d", tmp_path / "p", "-i", tmp_path / "l").code == 0
    assert echo.seen[1][3] == sent and "X-Key" not in echo.seen[1][2]


def test_post_is_sent_again_only_when_it_surely_failed(spate, echo, tmp_path):
    def run(path, **more):
        echo.seen.clear()
        (tmp_path / "l").write_bytes(jsonl(
            [{"url": echo.origin + path, "body": "q=1", **more}]))
        shutil.rmtree(tmp_path / "o", ignore_errors=True)
        result = spate("-d", tmp_path / "o", "-i", tmp_path / "l",
                           "--retry-wait", "0.05", "-t", "3",
                           "--progress=json")
        return result, len(echo.seen)

    result, requests = run("/fail/x")  # two 500s, then good
    assert (result.code, requests) == (0, 3)
    result, requests = run("/drop/x")
    assert (result.code, requests) == (1, 1)
    assert "may have been carried out" in result.event("failed")[0]["reason"]
    result, requests = run("/drop/x", headers={"Idempotency-Key": "1"})
    assert (result.code, requests) == (1, 3)
    result, requests = run("/drop/x", method="PUT")
    assert (result.code, requests) == (1, 3)


def test_a_standard_input_that_cannot_be_read_ends_the_run(spate, out, tmp_path):
    fd = os.open(tmp_path, os.O_RDONLY)  # a directory
    try:
        result = spate("-i", "-", "-d", out, stdin=fd, timeout=10)
    finally:
        os.close(fd)
    assert result.code == 1, result


@pytest.mark.parametrize("options", [{}, {"status": 503}, {"status": 404}],
                         ids=["good", "held", "failed"])
def test_heavy_lines_do_not_fill_memory(spate, faultd, out, tmp_path, options):
    """Mirrors make these lines 55 KB each, 110 MB together; asked for in
    numbers alone the window would take 45 MB of them."""
    with open(SPATE, "rb") as program:
        if re.search(b"__[at]san_init", program.read()):
            pytest.skip("a sanitizer's memory is counted too")
    mirrors = [f"http://127.0.0.1:1/{'m' * 1800}{n}" for n in range(30)]
    count = 2000
    with open(tmp_path / "list", "w") as listing:
        for n in range(count):
            urls = [faultd.data(n, 100, f"f{n}", **options), *mirrors]
            listing.write(json.dumps({"urls": urls, "out": f"f{n}"}) + "\n")
    run = spate.start("--no-config", "-t", "2", "--retry-wait", "300",
                      "--retry-max-wait", "300", "--progress=json",
                      "--progress-interval", "0.1", "--input-format", "jsonl",
                      "-d", out, "-i", tmp_path / "list")
    seen = []

    def enough():
        whole = bytes(run.out).rpartition(b"\n")[0]
        seen[:] = map(json.loads, whole.splitlines())
        shots = [e for e in seen if e["event"] == "progress"]
        return shots and shots[-1]["t"] > 4 or run.process.poll() is not None

    wait_until(enough, 60, what="four seconds of the run")
    most = max(e["rss_bytes"] for e in seen if e["event"] == "progress")
    assert most < 56 << 20, f"{most >> 20} MB"
