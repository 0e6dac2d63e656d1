# SPDX-License-Identifier: MIT
"""INI files that are read again while a run goes on."""
import json
import signal

import pytest

from harness import wait_until, write_list


@pytest.fixture
def run_with(spate, faultd, out, tmp_path):
    """Starts a slow run whose INI file says what is given."""
    ini = tmp_path / "my.ini"

    def start(text, *args):
        ini.write_text(text)
        urls = [faultd.data(i, 10, f"f{i}", delay=200) for i in range(2000)]
        run = spate.start("-i", write_list(tmp_path / "l", urls), "-d", out, "-q",
                          "--config", ini, *args)
        wait_until(lambda: (out / ".spate/ctl").exists() and faultd.journal(),
                   what="the first answer")
        return run, ini

    return start


def logged(out):
    log = out / ".spate/log"
    return log.read_text() if log.exists() else ""


def limit(spate, out, name):
    return spate("ctl", out, "get", name).text.strip()


def test_limits_that_changed_in_the_file_hold_at_once(spate, out, run_with):
    run, ini = run_with("[default]\nconcurrency = 2\nrate = 50/s\n")
    ini.write_text("[default]\nconcurrency = 3\nrate = 40/s\n")
    done = spate("ctl", out, "reload")
    assert (done.code, done.out) == (0, b"2 limits changed\n"), done
    assert limit(spate, out, "concurrency") == "3"
    assert limit(spate, out, "rate") == "40/s"
    ini.write_text("[default]\nrate = 40/s\n")  # gone: as without the file
    done = spate("ctl", out, "reload")
    assert (done.code, done.out) == (0, b"concurrency 16\n"), done
    wait_until(lambda: "concurrency was 3, is 16" in logged(out), what="the log")
    run.signal(signal.SIGTERM)
    assert run.wait(10).code == 4


def test_what_a_person_said_stays(spate, out, run_with):
    run, ini = run_with("[default]\nconcurrency = 2\nrate = 50/s\n", "-j", "4")
    assert spate("set", out, "rate", "30/s").code == 0
    ini.write_text("[default]\nconcurrency = 9\nrate = 50/s\ntries = 7\n"
                   "user-agent = other\n")
    done = spate("ctl", out, "reload")
    assert done.code == 0, done
    assert done.text == ("tries 7; 1 left to what the command line gives; 1 other "
                         "key holds from the next start on\n"), done
    assert limit(spate, out, "concurrency") == "4"
    assert limit(spate, out, "rate") == "30/s"
    run.kill()


def test_a_mistake_changes_nothing_and_names_its_line(spate, out, run_with):
    run, ini = run_with("[default]\nconcurrency = 2\n")
    ini.write_text("[default]\nconcurrency = 8\nrate = fast\n")
    done = spate("ctl", out, "reload")
    assert done.code == 1, done
    assert "my.ini:3:" in done.text and '"fast"' in done.text, done
    assert limit(spate, out, "concurrency") == "2"
    ini.write_text("[default]\nconcurrency = 8\nrate = 20/s\n")
    assert spate("ctl", out, "reload").out == b"2 limits changed\n"
    run.kill()


def test_a_host_gets_another_limit(spate, faultd, out, run_with):
    run, ini = run_with("[default]\nconcurrency = 8\n\n"
                        "[host 127.0.0.1]\nper-host = 2\n")
    assert faultd.stats()["max_active"] == 2
    ini.write_text("[default]\nconcurrency = 8\n\n[host 127.0.0.1]\nper-host = 5\n")
    run.signal(signal.SIGUSR1)
    wait_until(lambda: faultd.stats()["max_active"] == 5, what="five at once")
    wait_until(lambda: "signal: 127.0.0.1: per-host is 5" in logged(out),
               what="the log")
    run.kill()


def hosts_of(spate, out):
    return json.loads(spate("ctl", out, "snapshot").out)["host"]


def test_adaptive_changes_with_the_file(spate, out, run_with):
    run, ini = run_with("[default]\nconcurrency = 4\n")
    assert limit(spate, out, "adaptive") == "off"
    ini.write_text("[default]\nconcurrency = 4\nadaptive = yes\n")
    done = spate("ctl", out, "reload")
    assert (done.code, done.out) == (0, b"adaptive on\n"), done
    assert hosts_of(spate, out)[0]["adaptive"]
    ini.write_text("[default]\nconcurrency = 4\nadaptive = yes\n\n"
                   "[host 127.0.0.1]\nadaptive = no\n")
    done = spate("ctl", out, "reload")
    assert (done.code, done.out) == (0, b"127.0.0.1: adaptive off\n"), done
    assert not hosts_of(spate, out)[0]["adaptive"]
    ini.write_text("[default]\nadaptive = sometimes\n")
    done = spate("ctl", out, "reload")
    assert done.code == 1 and "give on or off" in done.text, done
    ini.write_text("[default]\nconcurrency = 4\n")  # gone: off, the default
    done = spate("ctl", out, "reload")
    assert done.code == 0 and done.text.startswith("adaptive off"), done
    run.kill()


def test_a_run_without_files_says_so(spate, faultd, out, tmp_path):
    urls = [faultd.data(i, 10, f"f{i}", delay=200) for i in range(500)]
    run = spate.start("-i", write_list(tmp_path / "l", urls), "-d", out, "-q",
                      "--no-config")
    wait_until(lambda: (out / ".spate/ctl").exists())
    done = spate("ctl", out, "reload")
    assert done.code == 1 and "no configuration files" in done.text, done
    run.kill()
