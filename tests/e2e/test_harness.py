# SPDX-License-Identifier: MIT
"""The harness itself: the tests lean on what these assert."""
import re
import socket
import subprocess
import urllib.error
import urllib.request

import pytest

import harness


def fetch(url, headers=None):
    request = urllib.request.Request(url, headers=headers or {})
    with urllib.request.urlopen(request, timeout=5 * harness.PATIENCE) as answer:
        return answer.status, dict(answer.headers), answer.read()


@pytest.mark.parametrize("seed,size", [(0, 0), (1, 1), (7, 65521), (8, 300000)])
def test_body_is_the_same_in_both_languages(faultd, seed, size):
    assert fetch(faultd.data(seed, size))[2] == harness.body(seed, size)


def test_ranges_join_to_the_whole(faultd):
    whole = harness.body(3, 200000)
    url = faultd.data(3, 200000)
    for first, last in ((0, 0), (1, 70000), (131042, 199999)):
        status, headers, data = fetch(url, {"Range": f"bytes={first}-{last}"})
        assert status == 206
        assert headers["Content-Range"] == f"bytes {first}-{last}/200000"
        assert data == whole[first:last + 1]
        assert data == harness.body(3, last + 1 - first, first)


def test_bodies_of_two_seeds_differ():
    assert harness.body(1, 4096) != harness.body(2, 4096)


def test_journal_has_arrival_headers_and_end(faultd):
    fetch(faultd.data(1, 10, "a"), {"X-Api-Key": 'k"\\', "If-Range": '"e"'})
    entry, = faultd.journal()
    assert entry["target"] == "/data/1/10/a"
    assert entry["x-api-key"] == 'k"\\'
    assert entry["if_range"] == '"e"'
    assert (entry["status"], entry["sent"], entry["how"]) == (200, 10, "ok")
    assert entry["end"] >= entry["t"]
    faultd.reset()
    assert faultd.journal() == []


def test_stats_do_not_count_themselves(faultd):
    fetch(faultd.data(1, 10, "a"))
    stats = faultd.stats()
    assert (stats["requests"], stats["active"], stats["max_active"]) == (1, 0, 1)
    assert stats["by_status"] == {"200": 1}


def test_fail_counts_per_path(faultd):
    for path in ("a", "b"):
        with pytest.raises(urllib.error.HTTPError) as caught:
            fetch(faultd.data(1, 10, path, fail=1, status=503))
        caught.value.close()
        assert caught.value.code == 503
        assert fetch(faultd.data(1, 10, path, fail=1, status=503))[0] == 200


def test_pipelined_requests_are_answered_in_order(faultd):
    with socket.create_connection(("127.0.0.1", faultd.port)) as s:
        s.sendall(b"GET /data/1/3 HTTP/1.1\r\n\r\n"
                  b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nab")
        s.sendall(b"cdeGET /data/2/4 HTTP/1.1\r\nConnection: close\r\n\r\n")
        answer = b""
        while part := s.recv(65536):
            answer += part
    assert re.findall(rb"HTTP/1\.1 (\d+)", answer) == [b"200", b"405", b"200"]
    assert answer.endswith(harness.body(2, 4))


def test_docs_from_nginx(start_nginx, tmp_path):
    names = harness.make_docs(str(tmp_path / "docs"), 5, fanout=2)
    nginx = start_nginx(tmp_path / "docs")
    assert fetch(nginx.url("/" + names[3]))[2] == harness.body(3, 2048)
    assert [r["uri"] for r in nginx.requests()] == ["/" + names[3]]


def test_assert_files_sees_each_kind_of_difference(tmp_path):
    (tmp_path / "a").write_bytes(b"1")
    (tmp_path / ".spate").mkdir()
    (tmp_path / ".spate" / "x").write_bytes(b"2")
    harness.assert_files(tmp_path, {"a": b"1"})
    for wrong in ({"a": b"2"}, {}, {"a": b"1", "b": b""}):
        with pytest.raises(AssertionError):
            harness.assert_files(tmp_path, wrong)


def test_servers_end_with_sigterm(faultd):
    faultd.process.terminate()
    assert faultd.process.wait(5) == 0
    with pytest.raises((OSError, subprocess.SubprocessError)):
        faultd.get("/stats", timeout=1)
