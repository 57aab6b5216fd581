"""Headless Chromium for the tests marked `browser`, and what may not happen on a page.

A plugin of pytest, and functions. WINENET_CHROMIUM names the program; else it is looked for on the
PATH. Where there is none the tests are skipped, and fail instead with WINENET_BROWSER=required, as
in .ci/run.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from committed import REPOSITORY, ROOT

if TYPE_CHECKING:  # Playwright takes a while, and most test files need none
    from playwright.sync_api import Browser, Page

INDEX = ROOT / "report" / "index.html"
AXE = REPOSITORY / "node_modules" / "axe-core" / "axe.min.js"
PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


# ---- the plugin


# A module, not the session: Playwright's event loop is in the way of nbclient's.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Headless Chromium."""
    with launched() as started:
        yield started


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """report/index.html in a fresh context; no error and no request may have come up at the end."""
    with opened(browser) as shown:
        yield shown


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    """Turn a skip into a failure where browser tests are required, whatever it was skipped for."""
    report = yield
    required = os.environ.get("WINENET_BROWSER") == "required"
    if report.skipped and required and item.get_closest_marker("browser"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{reason}\nWINENET_BROWSER=required lets no browser test be skipped."
    return report


# ---- the browser and its pages


def program() -> str:
    """Return the path of Chromium; skip the test where there is none."""
    asked = os.environ.get("WINENET_CHROMIUM")
    found = next(filter(None, map(shutil.which, [asked] if asked else PROGRAMS)), None)
    if found is None and asked:
        pytest.fail(
            f"WINENET_CHROMIUM={asked} is no program that can be run. Set it to the path of a "
            f"Chromium or Chrome, or unset it: then {', '.join(PROGRAMS)} are looked for."
        )
    if found is None:
        pytest.skip(
            "Chromium is not here: on Debian `apt-get install chromium` brings it, elsewhere "
            "WINENET_CHROMIUM may name a Chrome"
        )
    return found


@contextmanager
def launched() -> Iterator[Browser]:
    """Run Chromium without a window for as long as the context lasts."""
    path = program()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # Root, as in a container, may not use the sandbox; the page is our own file.
        started = playwright.chromium.launch(executable_path=path, chromium_sandbox=False)
        try:
            yield started
        finally:
            started.close()


@contextmanager
def opened(browser: Browser, file: Path = INDEX, **options: Any) -> Iterator[Page]:
    """Open a file in a fresh context; fail at the end for a line on the console, or a request.

    options: of Playwright's new_context: color_scheme, viewport, reduced_motion,
    java_script_enabled, ...
    """
    address = file.as_uri()
    faults: list[str] = []

    def note_request(request: Any) -> None:
        if request.url.split("#")[0] != address:
            faults.append(f"request: {request.url[:200]}")

    context = browser.new_context(**options)
    try:
        # The context hears every page and frame, also one that a script opens.
        context.on("console", lambda message: faults.append(f"{message.type}: {message.text}"))
        context.on("weberror", lambda error: faults.append(f"error: {error.error}"))
        context.on("request", note_request)
        shown = context.new_page()
        shown.on("websocket", lambda socket: faults.append(f"request: {socket.url[:200]}"))
        shown.set_default_timeout(20_000)
        shown.goto(address)
        yield shown
    finally:
        context.close()
    assert faults == []


def axe(page: Page) -> list[str]:
    """Return what axe-core finds wrong with a page: rule, and the elements that break it."""
    if not AXE.exists():
        pytest.skip("axe-core is not here: `make browser` brings it")
    page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate("axe.run()")
    judged = {one["id"] for one in found["passes"] + found["violations"]}
    assert "color-contrast" in judged  # it does not come true by looking at nothing
    return [
        f"{one['id']}: {node['target']}: {node.get('failureSummary')}"
        for one in found["violations"]
        for node in one["nodes"]
    ]
