"""The page in a browser: no error, no request, every width, both colour schemes, by keyboard."""

import json

import browser as chromium
import pandas as pd
import pytest
from browser import INDEX, ROOT, axe, opened

pytestmark = pytest.mark.browser
SCHEMES = ("light", "dark")


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", [375, 1280])
def test_axe_finds_nothing(browser, scheme, width):
    size = {"width": width, "height": 900}
    with opened(browser, color_scheme=scheme, viewport=size) as page:
        page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        assert axe(page) == []


@pytest.mark.parametrize("width", [320, 375, 768, 1280, 1600])
def test_nothing_makes_the_page_scroll_sideways(browser, width):
    with opened(browser, viewport={"width": width, "height": 800}) as page:
        page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        wide = page.evaluate("document.scrollingElement.scrollWidth")
        assert wide <= width


def test_the_schemes_differ_in_the_page_and_in_its_pictures(browser):
    found = {}
    for scheme in SCHEMES:
        with opened(browser, color_scheme=scheme) as page:
            found[scheme] = page.evaluate(
                """() => [
                    getComputedStyle(document.body).backgroundColor,
                    getComputedStyle(document.querySelector('figure svg text')).fill,
                ]"""
            )
    assert found["light"][0] == "rgb(255, 255, 255)"
    assert found["light"][0] != found["dark"][0]
    assert found["light"][1] != found["dark"][1]


def test_it_prints_to_several_pages_without_its_controls(browser, tmp_path):
    with opened(browser) as page:
        page.emulate_media(media="print")
        shown = page.eval_on_selector_all(
            "input, select, nav", "all => all.filter((one) => one.checkVisibility()).length"
        )
        assert shown == 0
        made = page.pdf(path=str(tmp_path / "page.pdf"), format="A4")
        assert made.startswith(b"%PDF-")
        assert (
            made.count(b"/Type /Page\n")
            + made.count(b"/Type /Page /")
            + made.count(b"/Type /Page>>")
            > 3
            or len(made) > 100_000
        )


def test_without_script_every_section_and_result_is_there(browser):
    with opened(browser, java_script_enabled=False) as page:
        sections = page.locator("main > section")
        assert sections.count() >= 10
        for section in sections.all():
            assert section.is_visible()
        accuracy = json.loads((ROOT / "metrics" / "mlp.json").read_text("utf-8"))
        told = page.locator('[data-source="metrics/mlp.json#notebook.accuracy"]').first
        assert told.inner_text() == f"{accuracy['notebook']['accuracy']:.4f}"


def test_the_first_tab_skips_to_the_text_and_the_focus_is_seen(browser):
    with opened(browser) as page:
        page.keyboard.press("Tab")
        first = page.evaluate("document.activeElement.getAttribute('href')")
        assert first == "#main"
        seen = []
        for _ in range(40):
            page.keyboard.press("Tab")
            seen.append(page.evaluate("getComputedStyle(document.activeElement).outlineStyle"))
        assert set(seen) == {"solid"}


# ---- the threshold


def table_of(stage):
    return pd.read_csv(ROOT / "data" / f"{stage}_predictions.csv")


def counts(table, threshold):
    red, called = table.iloc[:, 1] == 1, table["probability"] > threshold
    return {
        "tn": int((~red & ~called).sum()),
        "fp": int((~red & called).sum()),
        "fn": int((red & ~called).sum()),
        "tp": int((red & called).sum()),
    }


def shown(page):
    cells = page.locator("#threshold [data-cell]").all()
    return {one.get_attribute("data-cell"): int(one.inner_text().replace(",", "")) for one in cells}


def test_the_threshold_moves_the_confusion_matrix(browser):
    mlp = table_of("mlp")
    tables = {
        "logistic": table_of("logistic"),
        "notebook": mlp[mlp["network"] == "notebook"],
        "one_hidden_layer": mlp[mlp["network"] == "one_hidden_layer"],
        "grid_search": table_of("grid_search"),
    }
    with opened(browser) as page:
        slider = page.locator("#threshold input[type=range]")
        choice = page.locator("#threshold select")
        assert shown(page) == counts(tables["notebook"], 0.5)
        for name, table in tables.items():
            choice.select_option(name)
            for value in ("0.03", "0.5", "0.98"):
                slider.fill(value)
                assert shown(page) == counts(table, float(value)), (name, value)
        before = float(slider.input_value())
        slider.focus()
        page.keyboard.press("ArrowLeft")
        assert float(slider.input_value()) == pytest.approx(before - 0.01)
        assert shown(page) == counts(tables["grid_search"], before - 0.01)
        page.keyboard.press("Home")
        assert shown(page) == counts(tables["grid_search"], 0)
        box = slider.bounding_box()
        page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        assert float(slider.input_value()) == pytest.approx(0.5, abs=0.02)
        assert shown(page) == counts(tables["grid_search"], float(slider.input_value()))


# ---- the checks themselves can fail

BROKEN = {
    "an error": "<script>throw new Error('broken')</script>",
    "a line on the console": "<script>console.warn('look')</script>",
    "a request": "<img src='file:///nowhere.png' alt='none'>",
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_fault_is_seen(browser, tmp_path, what):
    file = tmp_path / "page.html"
    file.write_text(f"<title>t</title><h1>t</h1>{BROKEN[what]}", "utf-8")
    with pytest.raises(AssertionError), opened(browser, file):
        pass


def test_axe_sees_an_input_without_a_name(browser, tmp_path):
    file = tmp_path / "page.html"
    file.write_text("<html lang=en><title>t</title><main><h1>t</h1><input></main>", "utf-8")
    with opened(browser, file) as page:
        assert [one.split(":")[0] for one in axe(page)] == ["label"]


def test_what_is_missing_is_skipped_or_fails_where_it_is_required(monkeypatch):
    monkeypatch.delenv("WINENET_CHROMIUM", raising=False)
    monkeypatch.setattr(chromium.shutil, "which", lambda name: None)
    monkeypatch.delenv("WINENET_BROWSER", raising=False)
    with pytest.raises(pytest.skip.Exception, match="Chromium is not here"):
        chromium.program()
    monkeypatch.setenv("WINENET_BROWSER", "required")
    with pytest.raises(pytest.fail.Exception, match="lets no test be skipped"):
        chromium.program()
    assert INDEX.name == "index.html"
