# SPDX-License-Identifier: MIT
"""What the manual pages say is so: the INI blocks of spate.ini(5) are read,
the schema of spate-session(7) is that of a session, and its queries answer."""
import os
import re
import sqlite3
import subprocess

import pytest

from harness import TOP, body, write_list

PAGES = ("spate.1", "spate.ini.5", "spate-manifest.5", "spate-session.7")


def page(name):
    with open(os.path.join(TOP, "man", name), encoding="utf-8") as file:
        return file.read()


def blocks(name):
    """The unfilled texts of a page, as a reader sees them."""
    found = re.findall(r"^\.nf\n(?:\.RS\n)?(.*?)^(?:\.RE\n)?\.fi$", page(name),
                       flags=re.M | re.S)
    return [re.sub(r"\\&", "", text).replace("\\-", "-") for text in found]


@pytest.mark.parametrize("name", PAGES)
def test_page_is_well_formed_and_ends_with_its_relatives(name):
    try:
        done = subprocess.run(
            ["groff", "-man", "-Tutf8", "-ww", "-z", os.path.join(TOP, "man", name)],
            capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip("groff is not installed")
    assert done.returncode == 0 and done.stderr == ""
    related = page(name).replace("\\-", "-").rpartition(".SH")[2]
    assert "SEE ALSO" in related
    for other in PAGES:
        stem, _, section = other.rpartition(".")
        assert other == name or f"{stem} ({section})" in related, other


def test_ini_blocks_are_read(spate, tmp_path):
    sections = [text for text in blocks("spate.ini.5") if text.startswith("[")]
    assert len(sections) == 6
    ini = tmp_path / "spate.ini"
    ini.write_text("\n".join(sections))
    run = spate("--no-config", "--config", ini, "--profile", "gentle", "--dump-config")
    assert run.code == 0, run
    said = run.out.decode()
    assert "concurrency = 2\n" in said and "limit-rate = 500k\n" in said, said
    for name in re.findall(r"^\.SS \[(\w+)", page("spate.ini.5"), flags=re.M):
        assert any(f"[{name}" in text for text in sections), name


def test_ini_fault_reads_as_the_page_says(spate, tmp_path):
    [promised] = [t for t in blocks("spate.ini.5") if t.startswith("spate: ")]
    (tmp_path / "spate.ini").write_text("[default]\n\nconcurency = 4\n")
    run = spate("--config", "spate.ini", "--dump-config", cwd=tmp_path)
    assert run.code == 2 and run.err.decode() == promised, run


@pytest.fixture
def session(spate, faultd, out):
    """The database of a run with every kind of end."""
    urls = write_list(out.parent / "urls.txt", [
        faultd.data(1, 100, "good"), faultd.data(2, 100, "gone", status=404),
        "no url at all", faultd.data(3, 100, "late")])
    run = spate("-d", out, "-i", urls, "-t", "1", "--no-tui")
    assert run.code == 1, run
    assert (out / "good").read_bytes() == body(1, 100)
    base = sqlite3.connect(f"file:{out}/.spate/session.db?mode=ro", uri=True)
    yield base
    base.close()


def test_schema_is_as_told(session):
    told = {name: columns.split(", ") for name, columns in re.findall(
        r"^\.SS (\w+) \((.*)\)$", page("spate-session.7"), flags=re.M)}
    tables = [name for name, in session.execute(
        "SELECT name FROM sqlite_schema WHERE type = 'table'")]
    assert told == {table: [column for column, in session.execute(
        "SELECT name FROM pragma_table_info(?)", (table,))] for table in tables}
    text = page("spate-session.7")
    format_, = session.execute("PRAGMA user_version").fetchone()
    assert re.search(rf"the format, {format_}\.", text)
    application, = session.execute("PRAGMA application_id").fetchone()
    assert hex(application) in text


def test_queries_answer(session):
    queries = [t for t in blocks("spate-session.7") if t.startswith("SELECT")]
    assert len(queries) == 8
    answers = [session.execute(query).fetchall() for query in queries]
    assert answers[0] == [(4, 4, 2)]  # known, settled, to try again
    assert [row[:3] for row in answers[1]] == [("http-404", 404, 1)]
    assert ("404", 1) in answers[2]
    assert [row[4:] for row in answers[4]] == [(0, 2)]  # nothing open, two failed
    assert [row[0] for row in answers[6]] == [1] and answers[6][0][3] == "ended"


def test_database_of_another_format_is_refused(spate, faultd, out, tmp_path):
    urls = write_list(tmp_path / "list", [faultd.data(1, 10, "a"), faultd.data(2, 10, "b")])
    assert spate("-i", urls, "-d", out).code == 0
    before = (out / "a").read_bytes()
    for format_, word in (2, b"older"), (99, b"newer"):
        with sqlite3.connect(out / ".spate/session.db") as db:
            db.execute(f"PRAGMA user_version = {format_}")
        for args in (["-i", urls, "-d", out], ["resume", out], ["status", out]):
            run = spate(*args)
            assert run.code == 3, run
            assert word in run.err and str(format_).encode() in run.err, run
    assert (out / "a").read_bytes() == before
