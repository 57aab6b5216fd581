"""Headless Chromium for the tests marked `browser`, and what may not happen on a page.

WINENET_CHROMIUM names the program; else it is looked for on the PATH. Where there is none, the
tests are skipped, and fail instead with WINENET_BROWSER=required, as in .ci/run.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).parents[1]
INDEX = ROOT / "report" / "index.html"
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def missing(what: str, cure: str) -> None:
    """Skip a test for want of something, or fail it where it must be there."""
    told = f"{what} is not here; {cure}"
    if os.environ.get("WINENET_BROWSER") == "required":
        pytest.fail(f"{told}, and WINENET_BROWSER=required lets no test be skipped for it")
    pytest.skip(told)


def program() -> str:
    """Return the path of Chromium."""
    asked = os.environ.get("WINENET_CHROMIUM")
    found = asked or next(filter(None, map(shutil.which, PROGRAMS)), None)
    if found is None:
        missing("Chromium", "on Debian `apt-get install chromium` brings it")
    return str(found)


@contextmanager
def launched() -> Iterator[Browser]:
    """Run Chromium without a window for as long as the context lasts."""
    path = program()
    with sync_playwright() as playwright:
        # Root, as in a container, may not use the sandbox; the page is our own file.
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def opened(browser: Browser, file: Path = INDEX, **options: Any) -> Iterator[Page]:
    """Open a file in a fresh context; fail at the end for an error, or a request for another file.

    options: of Playwright's new_context, such as color_scheme and viewport.
    """
    context = browser.new_context(**options)
    page = context.new_page()
    page.set_default_timeout(20_000)
    faults: list[str] = []
    page.on("console", lambda message: faults.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: faults.append(f"error: {error}"))
    address = file.as_uri()
    page.on(
        "request",
        lambda request: (
            None if request.url.split("#")[0] == address else faults.append(request.url[:200])
        ),
    )
    page.goto(address)
    yield page
    context.close()
    assert faults == []


def axe(page: Page) -> list[str]:
    """Return what axe-core finds wrong with a page: rule, and the elements that break it."""
    if not AXE.exists():
        missing("axe-core", "`npm ci` brings it")
    page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate("axe.run()")
    assert found["passes"]
    return [
        f"{one['id']}: {node['target']}: {node.get('failureSummary')}"
        for one in found["violations"]
        for node in one["nodes"]
    ]
