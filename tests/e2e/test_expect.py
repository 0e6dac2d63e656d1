# SPDX-License-Identifier: MIT
"""Error pages, login forms and endless bodies that come with status 200."""
import pytest

from harness import assert_files, body, files_of

FAST = ("--retry-wait", "0.05", "--retry-max-wait", "0.1", "--progress=json", "-v")


def test_page_of_another_type_fails_after_all_tries(spate, faultd, out):
    run = spate(*FAST, "-t", 3, "--expect-type", "image/*,application/pdf", "-d",
                out, faultd.data(1, 5000, "f", type="text/html"))
    assert run.code == 1, run
    assert files_of(out) == {}
    assert len(faultd.journal()) == 3
    failed, = run.event("failed")
    assert failed["status"] == 200 and failed["attempts"] == 3
    assert "image/*" in failed["reason"] and "text/html" in failed["reason"]


@pytest.mark.parametrize("type", ["image/png", "IMAGE/PNG", "image/png;%20q=1"])
def test_expected_type_passes(spate, faultd, out, type):
    run = spate(*FAST, "--expect-type", "image/png", "-d", out,
                faultd.data(1, 5000, "f", type=type))
    assert run.code == 0, run
    assert_files(out, {"f": body(1, 5000)})


def test_page_that_goes_away_is_tried_again(spate, faultd, out):
    """A login page once, the file at the second try."""
    login = faultd.data(1, 100, "f", type="text/html")
    good = faultd.data(1, 100, "f", type="text/csv")
    run = spate(*FAST, "-t", 1, "--expect-type", "text/csv", "-d", out, login)
    assert run.code == 1, run
    again = spate(*FAST, "--expect-type", "text/csv", "-d", out, good)
    assert again.code == 0, again
    assert_files(out, {"f": body(1, 100)})


@pytest.mark.parametrize("options", [{}, {"chunked": 1}, {"nolength": 1}])
@pytest.mark.parametrize("size", [99, 0])
def test_too_small(spate, faultd, out, size, options):
    run = spate(*FAST, "-t", 2, "--min-size", "100", "-d", out,
                faultd.data(1, size, "f", **options))
    assert run.code == 1, run
    assert files_of(out) == {}
    failed, = run.event("failed")
    assert "at least 100 bytes" in failed["reason"]
    assert str(size) in failed["reason"]
    assert len(faultd.journal()) == 2


@pytest.mark.parametrize("options", [{}, {"chunked": 1}, {"nolength": 1}])
def test_too_large(spate, faultd, out, options):
    run = spate(*FAST, "-t", 2, "--max-size", "1M", "-d", out,
                faultd.data(1, "9M", "f", **options))
    assert run.code == 1, run
    assert files_of(out) == {}  # no .part either
    failed, = run.event("failed")
    assert "at most 1048576 bytes" in failed["reason"]
    assert all(e["sent"] < 9 << 20 for e in faultd.journal())


def test_endless_body_is_cut_while_it_comes(spate, faultd, out):
    run = spate(*FAST, "-t", 1, "--max-size", "2M", "-d", out,
                faultd.data(1, 10, "f", endless=1), timeout=20)
    assert run.code == 1, run
    assert files_of(out) == {}
    assert "at most 2097152 bytes" in run.event("failed")[0]["reason"]


def test_sizes_at_the_bounds(spate, faultd, out):
    run = spate(*FAST, "--min-size", "1k", "--max-size", "300k", "-d", out,
                faultd.data(1, 1024, "a"), faultd.data(2, 300 << 10, "b"),
                faultd.data(3, 300 << 10, "c", chunked=1))
    assert run.code == 0, run
    assert_files(out, {"a": body(1, 1024), "b": body(2, 300 << 10),
                       "c": body(3, 300 << 10)})


@pytest.mark.parametrize("option,value", [
    ("--expect-type", "png"), ("--expect-type", "a/b,"), ("--min-size", "-1"),
    ("--max-size", "lots"), ("--max-size", "5X")])
def test_what_is_not_understood_starts_nothing(spate, faultd, out, option, value):
    run = spate(option, value, "-d", out, faultd.data(1, 10, "f"))
    assert run.code == 2, run
    assert option.encode() in run.err
    assert faultd.journal() == []
