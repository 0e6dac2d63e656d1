# SPDX-License-Identifier: MIT
"""Runs pytest over the end-to-end tests and says the results as TAP.

The tests wait more than they work, so several run at once, where pytest-xdist
is installed; those marked `alone`, which look at rates, times or the load, run
one by one afterwards. A test that fails while others run is run once more by
itself, and the second result counts: both are said on standard error. When
more than MERCY tests fail it is not the company they were in, and nobody gets
a second chance; neither does a test of which a sanitizer has said something.
Environment:

SPATE_E2E_JOBS   so many tests at once; 1: one by one, in order, no second chance
SPATE_E2E_QUICK  without the tests marked `slow`, and of a test with parameters
                 the first set alone, unless it is marked `every`

Compiled tests are kept in the build directory: to compile them takes longer than
to start pytest, and each worker would do it. The source directory stays as it is.

The files of the tests are in a directory of the run's own, below TMPDIR, which
goes at its end unless a test has failed.

What pytest prints goes to standard error; results come from conftest.py through
a pipe, a JSON object in a line.
"""
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
MERCY = 5
BUILD = os.environ.get("SPATE_BUILD") or os.path.join(HERE, "..", "..", "build")
PYTEST = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider",
          f"--rootdir={HERE}"]
ENVIRON = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
ENVIRON["PYTHONPYCACHEPREFIX"] = os.path.join(os.path.abspath(BUILD), "tests/pycache")


def say(text):
    print(f"e2e: {text}", file=sys.stderr, flush=True)


class Place:
    """Where the files of the tests are. Paths are short: those of sockets must
    be."""

    def __init__(self):
        self.path, self.parts = tempfile.mkdtemp(prefix="e2e-"), 0

    def part(self):
        self.parts += 1
        return f"{self.path}/{self.parts}"

    def leave(self, failed):
        if failed:
            say(f"the files of the tests are in {self.path}")
        else:
            shutil.rmtree(self.path, ignore_errors=True)


class Tap:
    """Lines of results, numbered, with the plan at the end."""

    def __init__(self):
        self.number, self.failed = 0, 0

    @staticmethod
    def line(text):
        print(text.replace("\n", " "), flush=True)

    def result(self, entry):
        self.number += 1
        self.failed += entry["outcome"] == "failed"
        name = entry["id"].replace("#", "_")
        word = "not ok" if entry["outcome"] == "failed" else "ok"
        skip = f" # SKIP {entry['why']}" if entry["outcome"] == "skipped" else ""
        self.line(f"{word} {self.number} - {name}{skip}")

    def plan(self):
        self.line(f"1..{self.number}")

    def bail_out(self, why):
        self.line(f"Bail out! {why}")


class Part:
    """One run of pytest; `each` gets every result as it comes."""

    place = None

    def __init__(self, name, arguments, each, only=None):
        self.name, self.count, self.seen = name, 0, 0
        read, write = os.pipe()
        environ = ENVIRON | {"SPATE_RESULTS": str(write), "SPATE_E2E_PART": name}
        if only:
            environ["SPATE_E2E_ONLY"] = only
        begun = time.monotonic()
        process = subprocess.Popen(
            [*PYTEST, f"--basetemp={self.place.part()}", *arguments],
            stdout=sys.stderr, env=environ, pass_fds=(write,))
        os.close(write)
        with open(read, encoding="utf-8") as lines:
            for line in lines:
                entry = json.loads(line)
                if "count" in entry:
                    self.count = entry["count"]
                else:
                    self.seen += 1
                    if entry["outcome"] == "failed":  # pytest says why at its end
                        say(f"{entry['id']} failed: {entry['why'][:300]}")
                    each(entry)
        self.status = process.wait()
        say(f"{name}: {self.seen} tests in {time.monotonic() - begun:.0f} s")

    @property
    def trouble(self):
        """What is wrong besides failed tests; None when nothing is."""
        if self.status not in (0, 1, 5):  # 5: there was nothing to run
            return f"pytest ended with status {self.status}"
        if self.seen != self.count:
            return f"{self.seen} results of {self.count} tests ({self.name})"
        if self.status == 1 and self.seen == 0:
            return "pytest failed before any test"
        return None


def jobs():
    if os.environ.get("SPATE_E2E_JOBS"):
        return int(os.environ["SPATE_E2E_JOBS"])
    if importlib.util.find_spec("xdist") is None:
        say("pytest-xdist is not installed: the tests run one by one")
        return 1
    each = 5 if os.environ.get("SPATE_E2E_QUICK") else 3
    return each * max(1, len(os.sched_getaffinity(0)))


def again(tap, arguments, failed):
    """The second chance of tests that failed in company."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as names:
        json.dump([entry["id"] for entry in failed], names)
        names.flush()

        def each(entry):
            said = "failed again" if entry["outcome"] == "failed" else "passed"
            say(f"{entry['id']} failed while others ran, {said} by itself")
            tap.result(entry)

        return Part("again", arguments, each, names.name).trouble


def compile_tests():
    """One does it before there are many; what is wrong the others will say."""
    subprocess.run(PYTEST + ["--collect-only", HERE], stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, env=ENVIRON, check=False)


def with_alone():
    """The files that have tests marked `alone`: nobody waits for the others."""
    paths = []
    for name in sorted(os.listdir(HERE)):
        if re.fullmatch(r"test_\w+\.py", name):
            path = os.path.join(HERE, name)
            with open(path, encoding="utf-8") as source:
                if "mark.alone" in source.read():
                    paths.append(path)
    return paths


def run(tap, arguments):
    """All tests; what is wrong besides failed tests, or None."""
    whole = not arguments
    arguments = arguments or [HERE]
    at_once = jobs()
    if at_once == 1:
        return Part("all", arguments, tap.result).trouble
    failed = []

    def together(entry):
        if entry["outcome"] == "failed" and not entry["final"]:
            failed.append(entry)
        else:
            tap.result(entry)

    if whole:
        compile_tests()
    trouble = Part("together", ["-n", str(at_once), *arguments], together).trouble
    trouble = trouble or Part("alone", with_alone() if whole else arguments,
                              tap.result).trouble
    if not trouble and 0 < len(failed) <= MERCY:
        return again(tap, arguments, failed)
    for entry in failed:
        tap.result(entry)
    return trouble


def main(arguments):
    tap = Tap()
    place = Place()
    Part.place = place
    trouble = run(tap, arguments)
    if trouble:
        tap.bail_out(trouble)
    else:
        tap.plan()
    place.leave(trouble or tap.failed)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
