"""The checks of the browser tests can fail: a fault of a page is seen, and a skip is a failure."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import browser as chromium
import pytest
from browser import PROGRAMS, ROOT, axe, opened

TESTS = Path(__file__).parents[1]
BODY = "<!DOCTYPE html><html lang=en><title>t</title><main><h1>t</h1><p>Some text.</p>{}</main>"


def written(folder, body):
    file = folder / "page.html"
    file.write_text(BODY.format(body), "utf-8")
    return file


# ---- what may not happen on a page


@pytest.mark.browser
def test_a_page_without_faults_is_good(browser, tmp_path):
    with opened(browser, written(tmp_path, "<a href='#t'>to t</a><p id=t>t</p>")) as page:
        page.click("a")
        assert page.url.endswith("#t")
        assert axe(page) == []


@pytest.mark.browser
@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("<script>throw new Error('broken')</script>", "error: broken"),
        ("<script>Promise.reject(new Error('later'))</script>", "error: later"),
        ("<script>console.error('look')</script>", "error: look"),
        ("<script>console.warn('look')</script>", "warning: look"),
        ("<img src='http://127.0.0.1:9/one.png' alt='one'>", "request: http://127.0.0.1:9/one.png"),
        ("<img src='other.png' alt='other'>", "/other.png"),
        ("<script>fetch('http://127.0.0.1:9/').catch(() => {})</script>", "http://127.0.0.1:9/"),
        ("<script>new WebSocket('ws://127.0.0.1:9/')</script>", "request: ws://127.0.0.1:9/"),
        ("<iframe title=t srcdoc='<script>console.log(1)</script>'></iframe>", "log: 1"),
        ("<link rel=stylesheet href='page.css'>", "/page.css"),
    ],
)
def test_a_fault_on_a_page_is_told(browser, tmp_path, body, told):
    file = written(tmp_path, body)
    with pytest.raises(AssertionError) as seen, opened(browser, file) as page:
        page.wait_for_load_state("networkidle")
    assert told in str(seen.value)


@pytest.mark.browser
def test_a_fault_of_the_test_itself_is_told_first(browser, tmp_path):
    file = written(tmp_path, "<script>console.warn('look')</script>")
    with pytest.raises(ZeroDivisionError), opened(browser, file):
        1 / 0  # noqa: B018
    assert browser.contexts == []


@pytest.mark.browser
@pytest.mark.parametrize(
    ("body", "rule"),
    [
        ("<input>", "label"),
        ("<p style='color: #999; background: #fff'>pale</p>", "color-contrast"),
        ("<img src='data:image/gif;base64,R0lGODlhAQABAAAAACw='>", "image-alt"),
    ],
)
def test_axe_sees_what_some_cannot_use(browser, tmp_path, body, rule):
    with opened(browser, written(tmp_path, body)) as page:
        found = axe(page)
    assert len(found) == 1
    assert found[0].startswith(rule)


@pytest.mark.browser
def test_the_options_reach_the_page(browser, tmp_path):
    file = written(tmp_path, "<p id=p>seen</p><script>p.hidden = true</script>")
    ask = "name => matchMedia(name).matches"
    options = {"color_scheme": "dark", "reduced_motion": "reduce"}
    with opened(browser, file, viewport={"width": 320, "height": 500}, **options) as page:
        for name in ("prefers-color-scheme: dark", "prefers-reduced-motion", "width: 320px"):
            assert page.evaluate(ask, f"({name})"), name
        assert not page.get_by_text("seen").is_visible()
    with opened(browser, file, java_script_enabled=False) as page:
        assert page.get_by_text("seen").is_visible()


@pytest.mark.browser
def test_nothing_of_playwright_s_event_loop_is_left():
    chromium.program()
    script = (
        "import asyncio, browser\n"
        "with browser.launched() as started: print(started.is_connected())\n"
        "asyncio.run(asyncio.sleep(0))\n"
        "print(started.is_connected())\n"
    )
    environment = os.environ | {"PYTHONPATH": str(TESTS)}
    said = subprocess.check_output([sys.executable, "-c", script], env=environment, text=True)
    assert said.split() == ["True", "False"]


# ---- a browser that is missing


SUITE = """
import pytest

@pytest.mark.browser
def test_of_the_page(page):
    pass

@pytest.mark.browser
def test_of_axe(monkeypatch, tmp_path):
    import browser
    monkeypatch.setattr(browser, "AXE", tmp_path / "axe.min.js")
    browser.axe(None)

@pytest.mark.browser
@pytest.mark.skip(reason="not today")
def test_left_out():
    pass

@pytest.mark.skip(reason="not here")
def test_of_something_else():
    pass
"""


def suite(folder, **variables):
    """Run a small suite where no Chromium is on the PATH; return the exit code and what it said."""
    (folder / "test_small.py").write_text(SUITE, "utf-8")
    (folder / "pytest.ini").write_text("[pytest]\nmarkers = browser\n", "utf-8")
    # Where CI is set, pytest repeats whole messages in its summary, so they would count twice.
    own = ("WINENET_CHROMIUM", "WINENET_BROWSER", "CI")
    kept = {name: value for name, value in os.environ.items() if name not in own}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "browser", "-p", "no:cacheprovider", "-rsfE"],
        cwd=folder,
        env=kept | {"PYTHONPATH": str(TESTS), "PATH": str(folder)} | variables,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    return done.returncode, done.stdout


def test_without_chromium_the_tests_are_skipped_with_the_reason(tmp_path):
    code, said = suite(tmp_path)
    assert code == 0, said
    assert "4 skipped" in said
    assert "Chromium is not here: on Debian `apt-get install chromium` brings it" in said
    assert "axe-core is not here: `make browser` brings it" in said


def test_where_they_are_required_no_browser_test_may_be_skipped(tmp_path):
    code, said = suite(tmp_path, WINENET_BROWSER="required")
    assert code == 1, said
    assert "1 failed, 1 skipped, 2 errors in" in said
    assert said.count("\nWINENET_BROWSER=required lets no browser test be skipped.") == 3
    assert "Chromium is not here" in said
    assert "axe-core is not here" in said
    assert "not today" in said


def test_a_wrong_name_of_chromium_is_a_fault(tmp_path):
    code, said = suite(tmp_path, WINENET_CHROMIUM="/nowhere/chromium")
    assert code == 1, said
    assert "WINENET_CHROMIUM=/nowhere/chromium is no program that can be run. Set it to" in said


def test_a_chromium_that_is_named_is_taken(monkeypatch):
    monkeypatch.setenv("WINENET_CHROMIUM", sys.executable)
    assert chromium.program() == sys.executable


# ---- what is installed for them


def test_the_lock_of_npm_holds_the_pins_hashes_and_no_address():
    text = (ROOT / "package-lock.json").read_text("utf-8")
    assert "://" not in text
    packages = json.loads(text)["packages"]
    pins = json.loads((ROOT / "package.json").read_text("utf-8"))["devDependencies"]
    locked = {name.removeprefix("node_modules/"): one for name, one in packages.items() if name}
    assert {name: one["version"] for name, one in locked.items()} == pins
    assert all(one["integrity"].startswith("sha512-") for one in locked.values())


def test_ci_looks_for_the_same_programs():
    assert f"missing {' '.join(PROGRAMS)};" in (ROOT / ".ci" / "run").read_text("utf-8")


@pytest.mark.skipif(os.name == "nt", reason=".ci/run is for systems with bash and apt-get")
def test_ci_says_what_it_cannot_install(tmp_path):
    for name in ("bash", "dirname"):
        (tmp_path / name).symlink_to(shutil.which(name))
    done = subprocess.run(
        [tmp_path / "bash", ROOT / ".ci" / "run"],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "The browser tests need chromium npm, and only root can install that, with apt-get. "
        "Install Chromium or Chrome (WINENET_CHROMIUM may name it) and npm, then run .ci/run "
        "again.\n"
    )
