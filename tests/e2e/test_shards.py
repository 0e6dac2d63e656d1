# SPDX-License-Identifier: MIT
"""Shards: every body is in them exactly once and as it was sent, readable by
the usual tools and by the index, whatever was killed, full or resumed."""
import base64
import collections
import gzip
import hashlib
import io
import json
import os
import random
import re
import sqlite3
import subprocess
import tarfile
import time
import zlib

import pytest

from harness import body, wait_until, write_list
from test_disk import mentions_full
from test_kill import run_until_done

SEED = int(os.environ.get("SPATE_TEST_SEED", random.randrange(1 << 30)))
MB = 1 << 20

# ---- reading ---------------------------------------------------------------


def shards(out, part=False):
    pattern = r"shard-\d{5,}\.(jsonl|tar|warc)(\.zst|\.gz)?" + (r"\.part" if part else "")
    return sorted(n for n in os.listdir(out) if re.fullmatch(pattern, n))


def unpack(path):
    if ".zst" in path:
        test = subprocess.run(["zstd", "-tq", path], capture_output=True)
        assert test.returncode == 0, test.stderr
        return subprocess.run(["zstd", "-dcq", path], check=True,
                              capture_output=True).stdout
    data = open(path, "rb").read()
    return b"".join(d for _, d in members(data)) if ".gz" in path else data


def members(data):
    """gzip members with their offsets; each must be whole."""
    at = 0
    while at < len(data):
        z = zlib.decompressobj(31)
        text = z.decompress(data[at:])
        assert z.eof, f"the member at {at} is not whole"
        yield at, text
        at = len(data) - len(z.unused_data)


def body_of(line):
    if "body_base64" in line:
        return base64.b64decode(line["body_base64"], validate=True)
    return line["body"]


def read_jsonl(out, names=None):
    """key -> lines with it."""
    found = collections.defaultdict(list)
    for name in names or shards(out):
        text = unpack(os.path.join(out, name))
        assert text == b"" or text.endswith(b"\n")
        for line in text.split(b"\n")[:-1]:
            line = json.loads(line)
            found[line["key"]].append(line)
    return found


def read_tar(out, names=None):
    """key -> (body, sidecar); none twice."""
    found, sides = {}, {}
    for name in names or shards(out):
        data = unpack(os.path.join(out, name))
        assert data.endswith(bytes(1024))
        listed = subprocess.run(["tar", "tf", "-"], input=data, capture_output=True)
        assert listed.returncode == 0 and listed.stderr == b"", listed.stderr
        members_in = tarfile.open(fileobj=io.BytesIO(data)).getmembers()
        assert len(members_in) == len(listed.stdout.splitlines())
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            for i, member in enumerate(tar):
                into = sides if i % 2 else found
                assert member.name not in into
                into[member.name] = tar.extractfile(member).read()
    assert set(sides) == {k + ".json" for k in found}
    return {k: (v, json.loads(sides[k + ".json"])) for k, v in found.items()}


def parse_warc(data):
    """Strictly one record: fields, block. Returns what follows as well."""
    head, _, rest = data.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0] == b"WARC/1.1"
    fields = dict(l.decode().split(": ", 1) for l in lines[1:])
    assert len(fields) == len(lines) - 1
    size = int(fields["Content-Length"])
    assert rest[size:size + 4] == b"\r\n\r\n"
    assert re.fullmatch(r"<urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}>",
                        fields["WARC-Record-ID"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", fields["WARC-Date"])
    return fields, rest[:size], rest[size + 4:]


def read_warc(out):
    """URL -> (status line, fields, body); none twice, no id twice."""
    found, ids = {}, set()
    for name in shards(out):
        data = open(os.path.join(out, name), "rb").read()
        records = [d for _, d in members(data)] if name.endswith(".gz") else None
        if records is None:
            rest, records = unpack(os.path.join(out, name)), []
            while rest:
                _, _, after = parse_warc(rest)
                records.append(rest[:len(rest) - len(after)])
                rest = after
        info, block, rest = parse_warc(records[0])
        assert info["WARC-Type"] == "warcinfo" and rest == b""
        assert info["WARC-Filename"] == name
        assert block.startswith(b"software: spate/")
        for record in records[1:]:
            fields, block, rest = parse_warc(record)
            assert rest == b"", "a member is one record"
            assert fields["WARC-Type"] == "response"
            assert fields["Content-Type"] == "application/http; msgtype=response"
            head, _, payload = block.partition(b"\r\n\r\n")
            status, *http = head.decode().split("\r\n")
            http = {l.split(": ", 1)[0].lower(): l.split(": ", 1)[1] for l in http}
            assert int(http["content-length"]) == len(payload)
            digest = base64.b32encode(hashlib.sha1(payload).digest()).decode()
            assert fields["WARC-Payload-Digest"] == "sha1:" + digest
            assert fields["WARC-Record-ID"] not in ids
            ids.add(fields["WARC-Record-ID"])
            assert fields["WARC-Target-URI"] not in found
            found[fields["WARC-Target-URI"]] = (status, http, payload)
    return found


def read_index(out):
    """Lines of all index files; each belongs to its shard."""
    rows = []
    for name in sorted(n for n in os.listdir(out) if n.endswith(".idx")):
        lines = open(os.path.join(out, name)).read().split("\n")
        assert lines[0] == "key\tshard\tframe\toffset\tlength" and lines[-1] == ""
        for line in lines[1:-1]:
            key, shard, frame, offset, length = line.split("\t")
            assert shard.startswith(name[:-4] + ".")
            rows.append((key, shard, int(frame), int(offset), int(length)))
    return rows


def at_index(out, row):
    """The record that an index line names, out of its frame alone."""
    _, shard, frame, offset, length = row
    data = open(os.path.join(out, shard), "rb").read()[frame:]
    if shard.endswith(".gz"):
        data = zlib.decompressobj(31).decompress(data)
    elif shard.endswith(".zst"):
        data = subprocess.run(["zstd", "-dcq"], input=data, check=True,
                              capture_output=True).stdout
    assert len(data) >= offset + length
    return data[offset:offset + length]


# ---- bodies -----------------------------------------------------------------


def document(i):
    """Bodies of all kinds; most are JSON of a few KB."""
    kind = i % 10
    value = {"id": i, "text": "grün \u2028 \"q\" \\ " * (i % 50), "n": [1.50, -0, 1e400],
             "deep": [[[{"a": None}]]]}
    if kind == 7:
        return body(i, 1 + i * 37 % 5000)  # no text at all
    if kind == 8:
        return f"plain text \t {i}\r\n\x01\x7f ü".encode()
    if kind == 9:
        return b"" if i % 20 == 9 else b'{"id": 1, "broken": '
    text = json.dumps(value, indent=2 if kind % 2 else None, ensure_ascii=i % 3 == 0)
    return text.replace("Infinity", "1e400").encode()


@pytest.fixture(scope="module")
def documents(tmp_path_factory):
    root = tmp_path_factory.mktemp("documents")
    all_of_them = {}
    for i in range(3000):
        name = f"d{i % 7}/doc-{i:05d}.json"
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_bytes(document(i))
        all_of_them[name] = document(i)
    return root, all_of_them


def run_args(nginx, documents, tmp_path, out, form, *more):
    lines = [f"{nginx.url('/' + n)}\t{n}" for n in documents[1]]
    return ["-i", write_list(tmp_path / "l", lines), "-d", out, "--no-tui",
            "--output", form, "-j", "16", *more]


def check_jsonl(found, expected):
    assert set(found) == set(expected)
    for key, data in expected.items():
        assert len(found[key]) == 1, f"{key} is there {len(found[key])} times"
        got = body_of(found[key][0])
        if isinstance(got, bytes):
            assert got == data
            with pytest.raises(UnicodeDecodeError):
                data.decode()
        elif isinstance(got, str):
            assert got == data.decode()
        else:
            assert got == json.loads(data)


def check_bodies(found, expected):
    assert set(found) == set(expected)
    for key, data in expected.items():
        assert found[key] == data, key


# ---- complete runs ------------------------------------------------------------


@pytest.mark.parametrize("compress", ["zstd", "gzip", "none"])
def test_jsonl_holds_every_body_once(spate, start_nginx, documents, out, tmp_path,
                                     compress):
    nginx = start_nginx(documents[0])
    result = spate(*run_args(nginx, documents, tmp_path, out, "jsonl", "--compress",
                             compress, "--shard-size", "1M", "--shard-headers",
                             "Content-Type,ETag"))
    assert result.code == 0, result
    names = shards(out)
    assert sorted(n for n in os.listdir(out) if not n.endswith(".idx")) == \
        [".spate", *names]
    assert len(names) >= 2 or compress != "none"
    assert all(os.path.getsize(out / n) <= MB for n in names)
    found = read_jsonl(out)
    check_jsonl(found, documents[1])
    line = found["d0/doc-00000.json"][0]
    assert line["status"] == 200 and line["url"].endswith("/d0/doc-00000.json")
    assert line["headers"]["ETag"].startswith('"')
    assert line["headers"]["Content-Type"]
    rows = read_index(out)
    assert sorted(r[0] for r in rows) == sorted(documents[1])
    for row in random.Random(1).sample(rows, 25):
        assert json.loads(at_index(out, row))["key"] == row[0]


def test_numbers_and_members_of_json_bodies_stay_as_sent(spate, start_nginx, out,
                                                         tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    text = b'{ "a" : 1.10,\n "a": 100000000000000000000000000, "e": 1E+02,\r\n' \
           b'"s": " kept  \\n \\u00e9 " }\n'
    (root / "x").write_bytes(text)
    nginx = start_nginx(root)
    result = spate(nginx.url("/x"), "-d", out, "--no-tui", "--output", "jsonl",
                   "--compress", "none")
    assert result.code == 0, result
    line = open(out / shards(out)[0], "rb").read()
    assert b'"body":{"a":1.10,"a":100000000000000000000000000,"e":1E+02,' \
           b'"s":" kept  \\n \\u00e9 "}}\n' in line


@pytest.mark.parametrize("compress", ["zstd", "none"])
def test_tar_is_read_by_tar(spate, start_nginx, documents, out, tmp_path, compress):
    nginx = start_nginx(documents[0])
    result = spate(*run_args(nginx, documents, tmp_path, out, "tar", "--compress",
                             compress, "--shard-count", "2", "--shard-size", "4M"))
    assert result.code == 0, result
    found = read_tar(out)
    check_bodies({k: v[0] for k, v in found.items()}, documents[1])
    for data, side in found.values():
        assert side["digest"] == "sha-256=" + hashlib.sha256(data).hexdigest()
        assert side["status"] == 200
    rows = read_index(out)
    assert sorted(r[0] for r in rows) == sorted(documents[1])
    for row in random.Random(1).sample(rows, 25):
        tar = tarfile.open(fileobj=io.BytesIO(at_index(out, row) + bytes(1024)))
        assert tar.getnames() == [row[0], row[0] + ".json"]


def test_names_that_tar_needs_extended_headers_for(spate, start_nginx, out, tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    (root / "x").write_bytes(b"x" * 700)
    nginx = start_nginx(root)
    keys = ["grün/ü.txt", "a" * 100, "b" * 101, "c/" + "d" * 130, "e" * 150 + "/" + "f" * 99,
            "g" * 200 + "/h", "/".join(["i" * 90] * 5)]
    lines = [f"{nginx.url('/x')}?{i}\t{k}" for i, k in enumerate(keys)]
    result = spate("-i", write_list(tmp_path / "l", lines), "-d", out, "--no-tui",
                   "--output", "tar", env={"LC_ALL": "C"})
    assert result.code == 0, result
    found = read_tar(out)
    assert set(found) == set(keys)
    assert all(v[0] == b"x" * 700 for v in found.values())


@pytest.mark.parametrize("compress", [None, "none"])
def test_warc_holds_what_was_received(spate, start_nginx, documents, out, tmp_path,
                                      compress):
    nginx = start_nginx(documents[0])
    more = ["--compress", compress] if compress else []
    result = spate(*run_args(nginx, documents, tmp_path, out, "warc", "--shard-size",
                             "1M", *more))
    assert result.code == 0, result
    assert len(shards(out)) >= 2
    assert all(n.endswith(".warc" if compress else ".warc.gz") for n in shards(out))
    found = read_warc(out)
    check_bodies({u[len(nginx.url("/")):]: v[2] for u, v in found.items()},
                 documents[1])
    for status, fields, _ in found.values():
        assert status == "HTTP/1.1 200 OK"
        assert fields["server"].startswith("nginx")
    for row in random.Random(1).sample(read_index(out), 25):
        fields, _, rest = parse_warc(at_index(out, row))
        assert fields["WARC-Target-URI"].endswith("/" + row[0]) and rest == b""


def test_secrets_of_urls_are_not_in_shards(spate, start_nginx, out, tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    (root / "x").write_bytes(b"x")
    nginx = start_nginx(root)
    for form in ("jsonl", "tar", "warc"):
        result = spate(nginx.url("/x?X-Amz-Signature=topsecret&a=1"), "-d", out / form,
                       "--no-tui", "--output", form, "--compress", "none")
        assert result.code == 0, result
        data = b"".join(open(out / form / n, "rb").read()
                        for n in os.listdir(out / form) if n.startswith("shard"))
        assert b"a=1" in data
        assert b"topsecret" not in data


@pytest.mark.parametrize("size", [5, 5000, 3_000_000])
@pytest.mark.parametrize("dense", [False, True])
def test_decompress_puts_the_unpacked_body_into_the_shard(
        spate, start_nginx, out, tmp_path, size, dense):
    data = b"\xff" * size if dense else b"\xff" + body(1, size)
    root = tmp_path / "root"
    root.mkdir()
    (root / "a.bin.gz").write_bytes(gzip.compress(data))
    nginx = start_nginx(root)
    result = spate(nginx.url("/a.bin.gz"), "-d", out, "--no-tui", "--decompress",
                   "--output", "jsonl")
    assert result.code == 0, result
    assert body_of(read_jsonl(out)["a.bin"][0]) == data


def test_chunked_answers_are_told_as_they_are_kept(spate, faultd, out):
    url = faultd.data(1, 5000, "c", chunked=1)
    result = spate(url, "-d", out, "--no-tui", "--output", "warc")
    assert result.code == 0, result
    (status, fields, payload), = read_warc(out).values()
    assert payload == body(1, 5000)
    assert "transfer-encoding" not in fields
    assert fields["x-crawl-transfer-encoding"] == "chunked"


# ---- large bodies ---------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("form,compress", [("jsonl", "zstd"), ("tar", "zstd"),
                                           ("tar", "none"), ("warc", "gzip")])
def test_large_bodies_pass_through_in_pieces(spate, faultd, out, tmp_path, form,
                                             compress):
    sizes = [300_000, 3 * MB + 7, 12 * MB, 20, 5 * MB, 4000]
    expected = {f"b{i}": body(i, s) for i, s in enumerate(sizes)}
    urls = [faultd.data(i, s, f"b{i}") for i, s in enumerate(sizes)]
    result = spate("-i", write_list(tmp_path / "l", urls), "-d", out, "--no-tui",
                   "--output", form, "--compress", compress, "--shard-size", "8M")
    assert result.code == 0, result
    if form == "jsonl":
        check_jsonl(read_jsonl(out), expected)
    elif form == "tar":
        check_bodies({k: v[0] for k, v in read_tar(out).items()}, expected)
    else:
        check_bodies({u.split("/")[-1].split("?")[0]: v[2]
                      for u, v in read_warc(out).items()}, expected)
    assert sorted(r[0] for r in read_index(out)) == sorted(expected)
    assert [n for n in os.listdir(out / ".spate") if n.startswith("body")] == []


# ---- kills ------------------------------------------------------------------------


@pytest.mark.limit(300)
@pytest.mark.parametrize("form,options", [
    ("jsonl", ["--shard-size", "300k"]),
    ("tar", ["--shard-count", "2", "--shard-size", "2M"]),
    ("warc", ["--shard-size", "1M"]),
    ("jsonl", ["--compress", "none", "--durability", "none"]),
])
@pytest.mark.slow
def test_killed_at_any_moment_each_record_is_there_once(
        spate, start_nginx, documents, out, tmp_path, form, options):
    print("SPATE_TEST_SEED =", SEED)
    rng = random.Random(SEED)
    nginx = start_nginx(
        documents[0],
        http="limit_req_zone $binary_remote_addr zone=z:1m rate=800r/s;",
        server="limit_req zone=z burst=5000;")
    args = run_args(nginx, documents, tmp_path, out, form, *options)
    kills = run_until_done(spate, rng, args, 0.1, 0.35)
    assert kills >= 5, "the runs were hardly killed"
    assert shards(out, part=True) == []
    if form == "jsonl":
        check_jsonl(read_jsonl(out), documents[1])
    elif form == "tar":
        check_bodies({k: v[0] for k, v in read_tar(out).items()}, documents[1])
    else:
        check_bodies({u[len(nginx.url("/")):]: v[2]
                      for u, v in read_warc(out).items()}, documents[1])
    rows = read_index(out)
    assert sorted(r[0] for r in rows) == sorted(documents[1])
    status = json.loads(spate("status", out, "--json").text)["shards"]
    assert status["records"] == len(documents[1]) and status["open"] == 0
    assert status["shards"] == len(shards(out))
    print(f"{kills} kills")


@pytest.mark.slow
@pytest.mark.limit(240)
def test_large_bodies_survive_kills(spate, faultd, out, tmp_path):
    print("SPATE_TEST_SEED =", SEED)
    rng = random.Random(SEED)
    sizes = [2 * MB + i * 1000 for i in range(12)]
    expected = {f"b{i}": body(i, s) for i, s in enumerate(sizes)}
    urls = [faultd.data(i, s, f"b{i}", rate=4 * MB) for i, s in enumerate(sizes)]
    args = ["-i", write_list(tmp_path / "l", urls), "-d", out, "--no-tui",
            "--output", "tar", "--shard-size", "6M", "-j", "3"]
    assert run_until_done(spate, rng, args, 0.2, 0.9) >= 2
    check_bodies({k: v[0] for k, v in read_tar(out).items()}, expected)
    assert [n for n in os.listdir(out / ".spate") if n.startswith("body")] == []


# ---- stopped and resumed --------------------------------------------------------------


def interrupted(spate, nginx, documents, tmp_path, out, form, *more):
    run = spate.start(*run_args(nginx, documents, tmp_path, out, form, "--rate",
                                "1000", *more))
    wait_until(lambda: out.exists() and any(
        os.path.getsize(out / n) > 0 for n in os.listdir(out) if n.endswith(".part")
        and ".idx" not in n), what="a shard with something in it")
    run.signal(2)
    result = run.wait(30)
    assert result.code == 4, result


def test_resume_goes_on_within_the_shard(spate, start_nginx, documents, out, tmp_path):
    nginx = start_nginx(documents[0])
    interrupted(spate, nginx, documents, tmp_path, out, "jsonl")
    part, = shards(out, part=True)
    assert shards(out) == []
    before = read_jsonl(out, [part])
    asked = len(nginx.requests())
    result = spate("resume", out, "--no-tui", "--rate", "0")
    assert result.code == 0, result
    assert shards(out) == [part[:-5]], "the same shard was gone on with"
    check_jsonl(read_jsonl(out), documents[1])
    assert len(nginx.requests()) <= len(documents[1]) + asked - len(before)


@pytest.mark.slow
@pytest.mark.parametrize("more", [["--shard-size", "100k"], ["--compress", "gzip"],
                                  ["--shard-count", "3"], ["--output", "tar"]])
def test_resume_with_other_shards(spate, start_nginx, documents, out, tmp_path, more):
    nginx = start_nginx(documents[0])
    interrupted(spate, nginx, documents, tmp_path, out, "jsonl")
    result = spate("resume", out, "--no-tui", "--rate", "0", *more)
    assert result.code == 0, result
    assert shards(out, part=True) == []
    found = read_jsonl(out, [n for n in shards(out) if ".jsonl" in n])
    keys = [k for k, lines in found.items() for _ in lines]
    tars = [n for n in shards(out) if ".tar" in n]
    keys += read_tar(out, tars) if tars else []
    assert sorted(keys) == sorted(documents[1])
    assert bool(tars) == ("tar" in more)


@pytest.mark.slow
def test_the_rest_may_become_files(spate, start_nginx, documents, out, tmp_path):
    nginx = start_nginx(documents[0])
    interrupted(spate, nginx, documents, tmp_path, out, "tar")
    result = spate("resume", out, "--no-tui", "--rate", "0", "--output", "files")
    assert result.code == 0, result
    assert shards(out, part=True) == []
    gathered = read_tar(out)
    files = [os.path.relpath(os.path.join(d, n), out) for d, _, names in os.walk(out)
             for n in names if n.startswith("doc-")]
    assert len(gathered) > 0 and len(files) > 0
    assert sorted([*gathered, *files]) == sorted(documents[1])


def test_a_shard_of_somebody_else_is_left_alone(spate, start_nginx, documents, out,
                                                tmp_path):
    nginx = start_nginx(documents[0])
    out.mkdir()
    (out / "shard-00000.jsonl.zst").write_bytes(b"mine")
    (out / "shard-00001.jsonl.zst.part").write_bytes(b"mine too")
    (out / "shard-00002.idx").write_bytes(b"and this")
    result = spate(*run_args(nginx, documents, tmp_path, out, "jsonl"))
    assert result.code == 0, result
    assert (out / "shard-00000.jsonl.zst").read_bytes() == b"mine"
    assert (out / "shard-00001.jsonl.zst.part").read_bytes() == b"mine too"
    assert (out / "shard-00002.idx").read_bytes() == b"and this"
    check_jsonl(read_jsonl(out, ["shard-00003.jsonl.zst"]), documents[1])


def test_a_shard_that_was_cut_is_not_gone_on_with(spate, start_nginx, documents, out,
                                                  tmp_path):
    nginx = start_nginx(documents[0])
    interrupted(spate, nginx, documents, tmp_path, out, "jsonl")
    part, = shards(out, part=True)
    os.truncate(out / part, 10)
    result = spate("resume", out, "--no-tui")
    assert result.code != 0
    assert b"records are missing" in result.err
    assert os.path.getsize(out / part) == 10


# ---- full disks -------------------------------------------------------------------------


def full_disk_run(spate, faultd, disk, tmp_path, count, size, *options):
    ballast = os.path.join(disk.path, "ballast")
    with open(ballast, "wb") as f:
        f.write(b"\1" * (5 * MB))
    urls = [faultd.data(i, size, f"f{i}") for i in range(count)]
    out = os.path.join(disk.path, "o")
    args = ["-i", write_list(tmp_path / "l", urls), "-d", out, "--no-tui", *options]
    return ballast, out, args, {f"f{i}": body(i, size) for i in range(count)}


@pytest.mark.slow
@pytest.mark.parametrize("size,count", [(20_000, 250), (400_000, 12)])
def test_full_disk_pauses_and_nothing_is_twice(spate, faultd, small_disk, tmp_path,
                                               size, count):
    disk = small_disk("12m")
    ballast, out, args, expected = full_disk_run(
        spate, faultd, disk, tmp_path, count, size, "--output", "tar", "--compress",
        "none", "--shard-size", "1M")
    with open(os.path.join(disk.path, "more"), "wb") as f:
        f.write(b"\1" * (3 * MB))
    run = spate.start(*args)
    wait_until(lambda: mentions_full(run) or run.process.poll() is not None, 20,
               what="a word about the full disk")
    assert run.process.poll() is None, run.wait()
    time.sleep(1)
    os.unlink(ballast)
    os.unlink(os.path.join(disk.path, "more"))
    result = run.wait(30)
    assert result.code == 0, result
    check_bodies({k: v[0] for k, v in read_tar(out).items()}, expected)


@pytest.mark.slow
def test_stopped_while_the_disk_is_full(spate, faultd, small_disk, tmp_path):
    disk = small_disk("12m")
    ballast, out, args, expected = full_disk_run(
        spate, faultd, disk, tmp_path, 250, 26_000, "--output", "jsonl", "--compress",
        "none")
    run = spate.start(*args)
    wait_until(lambda: mentions_full(run) or run.process.poll() is not None, 20,
               what="a word about the full disk")
    assert run.process.poll() is None, run.wait()
    run.signal(2)
    assert run.wait(20).code in (3, 4)
    os.unlink(ballast)
    result = spate(*args)
    assert result.code == 0, result
    check_jsonl(read_jsonl(out), expected)


# ---- what is told -------------------------------------------------------------------------


@pytest.mark.slow
def test_figures_are_told(spate, start_nginx, documents, out, tmp_path):
    nginx = start_nginx(documents[0])
    result = spate(*run_args(nginx, documents, tmp_path, out, "jsonl",
                             "--progress=json"))
    told = result.summary["shards"]
    assert told["records"] == told["records_run"] == len(documents[1])
    assert told["bytes_in"] == sum(map(len, documents[1].values()))
    assert told["bytes_out"] == told["bytes"] == \
        sum(os.path.getsize(out / n) for n in shards(out))
    assert told["open"] == told["waiting"] == 0
    assert told["shards"] == len(shards(out)) == 1
    text = spate("status", out).text
    assert "1, 0 open: 3000 records in" in text, text


def test_keys_may_repeat(spate, faultd, out, tmp_path):
    urls = [faultd.data(i, 100 + i) + "\tsame" for i in range(5)]
    result = spate("-i", write_list(tmp_path / "l", urls), "-d", out, "--no-tui",
                   "--output", "jsonl")
    assert result.code == 0, result
    assert sorted(len(body_of(l)) for l in read_jsonl(out)["same"]) == \
        [100, 101, 102, 103, 104]


def test_an_empty_shard_is_not_left(spate, faultd, out, tmp_path):
    urls = [faultd.data(0, 100, "good", delay=500), faultd.url("/nothing-here")]
    args = ["-i", write_list(tmp_path / "l", urls), "-d", out, "--no-tui",
            "--output", "tar"]
    assert spate(*args).code == 1
    assert shards(out) == ["shard-00000.tar.zst"]
    # as a kill leaves it that comes between the announcement and a record
    with sqlite3.connect(out / ".spate" / "session.db") as db:
        db.executemany("INSERT INTO files VALUES(?, 0, 0)",
                       [("shard-00001.tar.zst.part",), ("shard-00001.idx.part",)])
    (out / "shard-00001.tar.zst.part").write_bytes(b"cut")
    (out / "shard-00001.idx.part").write_bytes(b"cut")
    assert spate("resume", out, "--no-tui").code == 1
    assert sorted(n for n in os.listdir(out) if n[0] != ".") == \
        ["shard-00000.idx", "shard-00000.tar.zst"]
    assert json.loads(spate("status", out, "--json").text)["shards"] == \
        {"shards": 1, "open": 0, "records": 1,
         "bytes": os.path.getsize(out / "shard-00000.tar.zst")}


def test_failed_bodies_are_in_no_shard(spate, faultd, out, tmp_path):
    urls = [faultd.data(0, 100, "good"), faultd.url("/nothing-here"),
            faultd.data(2, 100, "also")]
    result = spate("-i", write_list(tmp_path / "l", urls), "-d", out, "--no-tui",
                   "--output", "jsonl")
    assert result.code == 1, result
    assert set(read_jsonl(out)) == {"good", "also"}


# ---- lost data --------------------------------------------------------------

BAD_FLUSH = "#include <errno.h>\nint syncfs(int fd){static int n;" \
            "if(++n==%d){errno=EIO;return -1;}return fd>=0?0:-1;}"


@pytest.mark.parametrize("at", [1, 3])
def test_a_failed_flush_ends_the_run_and_the_next_has_it_all(
        spate, faultd, out, tmp_path, at):
    """Whatever waits for a shard's name or length waits in vain then."""
    (tmp_path / "bad.c").write_text(BAD_FLUSH % at)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", tmp_path / "bad.so",
                    tmp_path / "bad.c"], check=True)
    urls = [faultd.data(i, 20000, f"f{i}") for i in range(600)]
    run = spate.start("-i", write_list(tmp_path / "list", urls), "-d", out,
                      "--no-tui", "--rate", "0", "--output", "jsonl",
                      env={"LD_PRELOAD": str(tmp_path / "bad.so"),
                           "ASAN_OPTIONS": "verify_asan_link_order=0:"
                                           "detect_leaks=0"})
    code = run.wait(20).code  # the third one covers no record, but a name
    assert code in (1, 3, 4) if at == 1 else code is not None
    result = spate("resume", out, "--no-tui", "--rate", "0")
    assert result.code == 0, result
    found = read_jsonl(out)
    assert set(found) == {f"f{i}" for i in range(600)}
    assert all(len(lines) == 1 for lines in found.values())
