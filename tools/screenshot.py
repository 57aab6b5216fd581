"""Take the figure of report/index.html that README.md shows.

Run `python -m tools.screenshot` after the page has changed visibly. It needs Playwright, which
`make environment-dev` installs, and a Chromium or Chrome: one on the PATH, or the one that
WINENET_CHROMIUM names.
"""

import io
import os
import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Error as BrowserError
from playwright.sync_api import sync_playwright

from winenet.errors import InputError

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "report" / "index.html"
PICTURE = ROOT / "docs" / "images" / "page.png"
ELEMENT = "#neuron-training"  # the part of the page that the figure shows, as a CSS selector
WIDTH, HEIGHT = 1280, 715  # pixels
MARGIN = 24  # pixels above the element
COLOURS = 192
MAX_BYTES = 200_000
PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
OPTIONS = (
    *("--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
)


class ScreenshotError(InputError):
    """The figure cannot be taken."""


def find_browser() -> str:
    """Return the path of the browser; raise ScreenshotError if there is none."""
    named = os.environ.get("WINENET_CHROMIUM")
    for program in [named] if named else PROGRAMS:
        path = shutil.which(program)
        if path is not None:
            return path
    raise ScreenshotError(
        f"No browser found ({named or ', '.join(PROGRAMS)}). Install Chromium or Chrome, or set "
        "WINENET_CHROMIUM to its path."
    )


def screenshot(page: Path) -> bytes:
    """Return a PNG of the page, scrolled so that ELEMENT is at the top of the window."""
    if not page.is_file():
        raise ScreenshotError(f"{page.name} is missing. Run `dvc repro` to create it.")
    program = find_browser()
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=program, chromium_sandbox=False, args=OPTIONS
            )
            tab = browser.new_page(
                viewport={"width": WIDTH, "height": HEIGHT}, reduced_motion="reduce"
            )
            tab.goto(page.as_uri())
            top = tab.locator(ELEMENT).evaluate("element => element.getBoundingClientRect().top")
            tab.evaluate(f"window.scrollTo(0, {top - MARGIN})")
            picture: bytes = tab.screenshot()
            browser.close()
            return picture
    except BrowserError as error:
        raise ScreenshotError(f"The browser could not take the picture: {error}") from None


def reduce_colours(png: bytes) -> bytes:
    """Return the figure with a palette of COLOURS colours, which makes the file smaller."""
    with Image.open(io.BytesIO(png)) as image:
        palette = image.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    target = io.BytesIO()
    palette.save(target, format="PNG", optimize=True)
    return target.getvalue()


def main() -> int:
    """Write the figure; return the exit code."""
    try:
        picture = reduce_colours(screenshot(PAGE))
        if len(picture) > MAX_BYTES:
            raise ScreenshotError(
                f"The picture has {len(picture):,} bytes, more than {MAX_BYTES:,}. Lower COLOURS "
                "or HEIGHT."
            )
    except ScreenshotError as error:
        print(error, file=sys.stderr)
        return 1
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    PICTURE.write_bytes(picture)
    print(f"{PICTURE.relative_to(ROOT).as_posix()}: {len(picture):,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
