# SPDX-License-Identifier: MIT
"""What is done with bodies before they are called done: checksums, digests."""
import base64
import gzip
import hashlib
import http.server
import json
import subprocess
import threading
import time
import urllib.parse

import pytest

from harness import assert_files, body, files_of, write_list

FAST = ("--retry-wait", "0.05", "--retry-max-wait", "0.2", "--progress=json", "-v")
SIZES = [0, 3000, 200_000, 3_000_000]
TYPES = {"md5": "md5", "sha-1": "sha1", "sha-256": "sha256", "sha-512": "sha512"}


def digest(data, name="sha-256"):
    return f"{name}={hashlib.new(TYPES[name], data).hexdigest()}"


# ---- checksums -----------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", TYPES)
def test_right_checksum(spate, faultd, out, name, size):
    run = spate(*FAST, "-d", out, "--checksum", digest(body(1, size), name),
                faultd.data(1, size, "f"))
    assert run.code == 0, run
    assert_files(out, {"f": body(1, size)})
    done, = run.event("done")
    assert done["digest"] == digest(body(1, size), name)


@pytest.mark.parametrize("size", SIZES)
def test_wrong_checksum_keeps_nothing(spate, faultd, out, size):
    wrong = digest(b"something else")
    run = spate(*FAST, "-d", out, "--checksum", wrong, faultd.data(1, size, "f"))
    assert run.code == 1, run
    assert files_of(out) == {}
    failed, = run.event("failed")
    assert wrong.partition("=")[2] in failed["reason"]
    assert digest(body(1, size)).partition("=")[2] in failed["reason"]
    # once more from scratch, since a proxy may have damaged it; then never
    assert len(faultd.journal()) == 2


@pytest.mark.parametrize("size", SIZES[1:])
def test_damaged_once_is_fetched_again(spate, faultd, out, size):
    run = spate(*FAST, "-d", out, "--checksum", digest(body(1, size)),
                faultd.data(1, size, "f", wrong=1, fail=1))
    assert run.code == 0, run
    assert_files(out, {"f": body(1, size)})
    assert len(faultd.journal()) == 2


def test_checksum_of_what_comes_in_two_parts(spate, faultd, out):
    """The kept beginning is read back for the digest."""
    size = 3_000_000
    for reset in 1_000_000, 2_900_000:
        run = spate(*FAST, "-d", out, "--overwrite", "--checksum",
                    digest(body(1, size)),
                    faultd.data(1, size, "f", reset=reset, fail=1))
        assert run.code == 0, run
        assert_files(out, {"f": body(1, size)})


def test_checksum_survives_a_stop_and_resume(spate, faultd, out):
    size = 3_000_000
    run = spate(*FAST, "-t", 1, "-d", out, "--checksum", digest(b"no"),
                faultd.data(1, size, "f", reset=1_000_000, fail=1))
    assert run.code == 1, run
    run = spate("resume", *FAST, out)
    assert run.code == 1, run
    assert "checksum" in run.event("failed")[0]["reason"]
    assert files_of(out) == {}


def test_checksum_as_the_fragment_of_a_url(spate, faultd, out, tmp_path):
    lines = [faultd.data(1, 100, "a") + "#" + digest(body(1, 100), "md5"),
             faultd.data(2, 100, "b") + "#sha256=" + "0" * 64,
             faultd.data(3, 100, "c") + "#section"]
    run = spate(*FAST, "-d", out, "-i", write_list(tmp_path / "list", lines))
    assert run.code == 1, run
    assert_files(out, {"a": body(1, 100), "c": body(3, 100)})
    assert len(run.event("failed")) == 1


@pytest.mark.parametrize("args", [
    ("--checksum", "md5=12"), ("--checksum", "crc=00"), ("--checksum", "x"),
    ("--digest", "md6"),
    ("--checksum", digest(b""), "http://127.0.0.1:1/b"),
    ("--checksum", digest(b""), "-i", "/dev/null")])
def test_bad_checksum_options(spate, out, args):
    run = spate("-d", out, "http://127.0.0.1:1/a", *args)
    assert run.code == 2, run
    assert "checksum" in run.text or "--digest" in run.text


def b64(data, name="sha-256"):
    raw = hashlib.new(TYPES[name], data).digest()
    return urllib.parse.quote(base64.b64encode(raw).decode(), safe="")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("form", ["Digest: SHA-256={}", "Repr-Digest: sha-256=:{}:",
                                  "Content-Digest: sha-256=:{}:"])
def test_digest_that_the_server_promises(spate, faultd, out, form, size):
    form = urllib.parse.quote(form, safe="{}")
    run = spate(*FAST, "-d", out, "-i", "-", input="\n".join([
        faultd.data(1, size, "good", header=form.format(b64(body(1, size)))),
        faultd.data(1, size, "bad", header=form.format(b64(b"other")))]).encode())
    assert run.code == 1, run
    assert_files(out, {"good": body(1, size)})
    assert "the server's digest does not agree" in run.event("failed")[0]["reason"]


def test_checksum_files(spate, faultd, out, tmp_path):
    made = tmp_path / "made"
    (made / "sub").mkdir(parents=True)
    names = {"a": 1, "b c": 2, "sub/d": 3}
    for name, seed in names.items():
        (made / name).write_bytes(body(seed, 5000))
    sums = tmp_path / "SHA256SUMS"
    with open(sums, "wb") as f:
        subprocess.run(["sha256sum", "--", *names], cwd=made, stdout=f, check=True)
    tagged = tmp_path / "MD5SUMS"
    with open(tagged, "wb") as f:
        f.write(b"rubbish\nMD5 (wrong) = " + b"0" * 32 + b"\n")
    lines = [faultd.data(seed, 5000) + "\t" + name for name, seed in names.items()]
    lines += [faultd.data(4, 5000) + "\twrong", faultd.data(5, 5000) + "\tother"]
    run = spate(*FAST, "-d", out, "--checksum-file", sums, "--checksum-file", tagged,
                "-i", write_list(tmp_path / "list", lines))
    assert run.code == 1, run
    assert_files(out, {n: body(s, 5000) for n, s in names.items()} |
                 {"other": body(5, 5000)})
    failed, = run.event("failed")
    assert "0" * 32 in failed["reason"]
    digests = {e["path"]: e["digest"] for e in run.event("done")}
    assert digests["a"] == digest(body(1, 5000)) and digests["other"] is None


class Pages(http.server.BaseHTTPRequestHandler):
    """Answers by path: (status, text or Location), each list's next one."""
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.asked.append(self.path)
        answers = self.server.pages.get(self.path, [(404, "")])
        status, text = answers.pop(0) if len(answers) > 1 else answers[0]
        moved = 300 <= status < 400
        data = b"" if moved else text.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        if moved:
            self.send_header("Location", text)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args):
        pass


@pytest.fixture
def pages():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    server.pages, server.asked = {}, []
    server.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def sums_of(**files):
    return "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n"
                   for name, data in files.items())


def test_checksum_file_is_fetched(spate, faultd, out, pages):
    sums = sums_of(a=body(1, 3000), b=b"something else", c=body(3, 3_000_000))
    pages.pages = {"/SUMS": [(503, ""), (302, "/moved"), (302, "/moved")],
                   "/moved": [(200, sums)]}
    urls = [faultd.data(n, size, name) for n, size, name in
            [(1, 3000, "a"), (2, 3000, "b"), (3, 3_000_000, "c")]]
    run = spate(*FAST, "-t", "2", "-d", out, "--checksum-file", pages.url + "/SUMS",
                *urls)
    assert run.code == 1, run
    assert_files(out, {"a": body(1, 3000), "c": body(3, 3_000_000)})
    failed, = run.event("failed")
    assert "does not agree" in failed["reason"]
    assert pages.asked == ["/SUMS", "/SUMS", "/moved"]


@pytest.mark.parametrize("answers, asked, why", [
    ([(404, "")], 1, "404"), ([(500, "")], 3, "500"),
    ([(200, "no such line\n")], 1, "no line of the form")])
def test_checksum_file_that_cannot_be_had_starts_nothing(spate, faultd, out, pages,
                                                         answers, asked, why):
    pages.pages = {"/SUMS": answers}
    url = pages.url + "/SUMS"
    run = spate(*FAST, "-t", "3", "-d", out, "--checksum-file", url,
                faultd.data(1, 3000, "a"))
    assert run.code == 2, run
    warning, = run.event("warning")
    assert warning["source"] == "--checksum-file"
    assert url in warning["reason"] and why in warning["reason"]
    assert len(pages.asked) == asked
    assert faultd.journal() == []
    assert files_of(out) == {}
    pages.pages = {"/SUMS": [(200, sums_of(a=body(1, 3000)))]}
    run = spate("resume", out)
    assert run.code == 0, run
    assert_files(out, {"a": body(1, 3000)})


def test_useless_checksum_file(spate, out, tmp_path):
    (tmp_path / "empty").write_text("# nothing\n")
    for path in tmp_path / "empty", tmp_path / "missing", tmp_path:
        run = spate("-d", out, "http://127.0.0.1:1/a", "--checksum-file", path)
        assert run.code == 2, run
        assert "--checksum-file" in run.text


@pytest.mark.every
@pytest.mark.parametrize("name", TYPES)
def test_digest_of_every_file(spate, faultd, out, tmp_path, name):
    sizes = [i * 700 for i in range(300)] + [1_000_000, 5_000_000]
    urls = [faultd.data(i, size, f"f{i}") for i, size in enumerate(sizes)]
    run = spate(*FAST, "-d", out, "--digest", name, "-i",
                write_list(tmp_path / "list", urls))
    assert run.code == 0, run
    found = {e["path"]: e["digest"] for e in run.event("done")}
    assert found == {f"f{i}": digest(body(i, size), name)
                     for i, size in enumerate(sizes)}


# ---- well-formedness -----------------------------------------------------


def put(root, name, data):
    root.mkdir(exist_ok=True)
    (root / name).write_bytes(data)
    return name


BIG_JSON = json.dumps([{"n": i, "text": "x" * 50} for i in range(40000)]).encode()
CHECKED = {
    "json": ([b"{}", b"[1, 2]", b" 3 ", BIG_JSON],
             [b"", b"{", b"<html>", BIG_JSON[:-1], BIG_JSON + b"]",
              b"[" + b"\xff" * 10 + b"]"]),
    "gzip": ([gzip.compress(b""), gzip.compress(b"x" * 1000) * 2,
              gzip.compress(BIG_JSON, 1), gzip.compress(bytes(30_000_000))],
             [b"", b"x", gzip.compress(b"x" * 1000)[:-1],
              gzip.compress(BIG_JSON, 1)[:-9],
              gzip.compress(b"x" * 1000)[:-5] + b"00000"]),
}


@pytest.mark.parametrize("form", CHECKED)
def test_check_takes_what_is_well_formed_alone(spate, start_nginx, out, tmp_path,
                                               form):
    good, bad = CHECKED[form]
    root = tmp_path / "root"
    names = [put(root, f"good{i}", data) for i, data in enumerate(good)]
    wrong = [put(root, f"bad{i}", data) for i, data in enumerate(bad)]
    nginx = start_nginx(root)
    run = spate(*FAST, "-t", 2, "-d", out, "--check", form, "-i",
                write_list(tmp_path / "list", [nginx.url("/" + n)
                                               for n in names + wrong]))
    assert run.code == 1, run
    assert_files(out, {f"good{i}": data for i, data in enumerate(good)})
    failed = run.event("failed")
    assert sorted(e["url"].rpartition("/")[2] for e in failed) == wrong
    assert all(f"this is no {form}" in e["reason"].lower() and e["attempts"] == 2
               for e in failed)


# ---- unpacking -----------------------------------------------------------

PACK = {"gz": ["gzip", "-1"], "zst": ["zstd", "-q", "-1"],
        "xz": ["xz", "-1"], "bz2": ["bzip2", "-1"]}


def packed(suffix, data):
    return subprocess.run(PACK[suffix] + ["-c"], input=data, check=True,
                          stdout=subprocess.PIPE).stdout


@pytest.mark.parametrize("suffix", PACK)
def test_unpacking(spate, start_nginx, out, tmp_path, suffix):
    """Small, large, what is small but unpacks to much, and two in one."""
    bodies = {"empty": b"", "small": body(1, 5000), "large": body(2, 5_000_000),
              "text": BIG_JSON, "dense": bytes(10_000_000)}
    root = tmp_path / "root"
    names = [put(root, f"{n}.{suffix}", packed(suffix, d))
             for n, d in bodies.items()]
    names.append(put(root, f"two.{suffix}", packed(suffix, body(3, 3000)) +
                     packed(suffix, body(4, 3000))))
    names.append(put(root, "plain.txt", body(5, 3000)))
    bodies |= {"two": body(3, 3000) + body(4, 3000), "plain.txt": body(5, 3000)}
    nginx = start_nginx(root)
    lines = [nginx.url("/" + n) + "#" + digest((root / n).read_bytes())
             for n in names]
    run = spate(*FAST, "-d", out, "--decompress", "--digest", "md5", "-i",
                write_list(tmp_path / "list", lines))
    assert run.code == 0, run
    assert_files(out, bodies)
    assert {e["path"]: e["digest"] for e in run.event("done")} == {
        n: digest(d, "md5") for n, d in bodies.items()}


@pytest.mark.slow
@pytest.mark.parametrize("size", [5000, 3_000_000])
@pytest.mark.parametrize("suffix", PACK)
def test_damaged_or_cut_leaves_nothing(spate, start_nginx, out, tmp_path, suffix,
                                       size):
    whole = packed(suffix, body(1, size))
    root = tmp_path / "root"
    names = [put(root, f"cut.{suffix}", whole[:-5]),
             put(root, f"other.{suffix}", body(2, size)),
             put(root, f"more.{suffix}", whole + b"rubbish"),
             put(root, f"none.{suffix}", b"")]
    nginx = start_nginx(root)
    run = spate(*FAST, "-t", 2, "-d", out, "--decompress", "-i",
                write_list(tmp_path / "list", [nginx.url("/" + n) for n in names]))
    assert run.code == 1, run
    assert files_of(out) == {}
    assert len(run.event("failed")) == 4
    assert all("damaged" in e["reason"] for e in run.event("failed"))


@pytest.mark.slow
@pytest.mark.parametrize("suffix", PACK)
def test_bombs_leave_nothing(spate, start_nginx, out, tmp_path, suffix):
    root = tmp_path / "root"
    names = [put(root, f"bomb.{suffix}", packed(suffix, bytes(40_000_000))),
             put(root, f"wide.{suffix}", packed(suffix, body(1, 3_000_000)))]
    nginx = start_nginx(root)
    run = spate(*FAST, "-t", 1, "-d", out, "--decompress", "--max-unpacked", "1M",
                "--max-ratio", "0", nginx.url("/" + names[1]))
    assert run.code == 1, run
    assert "--max-unpacked" in run.event("failed")[0]["reason"]
    assert files_of(out) == {}
    if suffix != "bz2":
        out = tmp_path / "out2"
        run = spate(*FAST, "-d", out, "--decompress", "--max-ratio", "100",
                    nginx.url("/" + names[0]))
        assert run.code == 1, run
        assert "--max-ratio" in run.event("failed")[0]["reason"]
    assert files_of(out) == {}


def test_unpacked_json_is_checked(spate, start_nginx, out, tmp_path):
    root = tmp_path / "root"
    for n, data in {"good": b"[1]", "bad": b"[1", "big": BIG_JSON,
                    "bigbad": BIG_JSON[:-1]}.items():
        put(root, f"{n}.json.gz", gzip.compress(data))
    nginx = start_nginx(root)
    run = spate(*FAST, "-t", 1, "-d", out, "--decompress", "--check", "json", "-i",
                write_list(tmp_path / "list", [nginx.url("/" + n)
                                               for n in sorted(files_of(root))]))
    assert run.code == 1, run
    assert_files(out, {"good.json": b"[1]", "big.json": BIG_JSON})
    assert all("no JSON" in e["reason"] for e in run.event("failed"))


@pytest.mark.slow
def test_packed_body_goes_on_after_a_kill(spate, start_nginx, out, tmp_path):
    """What is kept is the packed body; killed at any moment it goes on."""
    whole = body(1, 20_000_000)
    root = tmp_path / "root"
    name = put(root, "f.gz", packed("gz", whole))
    nginx = start_nginx(root)
    listing = write_list(tmp_path / "list", [nginx.url("/" + name)])
    args = (*FAST, "-d", out, "--decompress", "--limit-rate", "15M", "-i", listing)
    for after in 0.3, 0.6, 0.9, 1.2:
        process = spate.start(*args)
        time.sleep(after)
        process.kill()
    run = spate(*args)
    assert run.code == 0, run
    assert_files(out, {"f": whole})


def test_check_of_a_line_wins(spate, start_nginx, out, tmp_path):
    """The list says what each body must be, the option the rest of them."""
    root = tmp_path / "root"
    for name in "a", "b", "c", "d":
        put(root, name, b"no JSON")
    put(root, "e", b"[1]")
    nginx = start_nginx(root)
    checks = {"a": "none", "b": "json", "c": None, "d": "gzip", "e": "json"}
    listing = write_list(tmp_path / "list", [json.dumps(
        {"url": nginx.url("/" + name)} | ({"check": check} if check else {}))
        for name, check in checks.items()])
    run = spate(*FAST, "-t", 1, "-d", out, "--check", "json", "--input-format", "jsonl",
                "-i", listing)
    assert run.code == 1, run
    assert_files(out, {"a": b"no JSON", "e": b"[1]"})
    why = {e["url"].rsplit("/", 1)[1]: e["reason"] for e in run.event("failed")}
    assert "no JSON" in why["b"] and "no JSON" in why["c"] and "no gzip" in why["d"]
    again = [json.loads(line) for line in spate("failed", out).out.splitlines()
             if line.startswith(b"{")]
    assert {"b": "json", "d": "gzip"}.items() <= {
        e["url"].rsplit("/", 1)[1]: e.get("check") for e in again}.items()


def test_jobs_of_the_pool_are_shown(spate, faultd, out, tmp_path):
    urls = [faultd.data(i, 3_000_000, f"f{i}") for i in range(20)]
    run = spate(*FAST, "--progress-interval", "0.1", "-d", out, "--digest",
                "sha-512", "--limit-rate", "60M", "-i",
                write_list(tmp_path / "list", urls))
    assert run.code == 0, run
    told = [{j["name"]: j for j in e["jobs"]} for e in run.event("progress")]
    jobs = told[-1]
    digests = jobs["digests"]
    assert digests["kind"] == "cpu" and digests["jobs"] >= 20
    assert 0.005 < digests["cpu_s"] < 20
    assert 0 < digests["longest_cpu_ms"] < 200
    assert any(t["digests"]["waiting"] == 0 for t in told if "digests" in t)
    assert jobs["block written"]["kind"] == "disk"
