"""The page in a browser: no error, no request, every width, both colour schemes, by keyboard."""

import json
import re

import pandas as pd
import pytest
from browser import ROOT, axe, opened

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
            "button:not(td > button), input, select, nav",
            "all => all.filter((one) => one.checkVisibility()).length",
        )
        assert shown == 0
        made = page.pdf(path=str(tmp_path / "page.pdf"), format="A4")
        assert made.startswith(b"%PDF-")
        assert int(re.search(rb"/Count (\d+)", made)[1]) > 3


@pytest.mark.parametrize("scheme", SCHEMES)
def test_it_prints_dark_on_white_and_cuts_nothing_off(browser, scheme):
    paper = {"width": 680, "height": 960}  # A4 with margins of 15 mm, at 96 px an inch
    with opened(browser, color_scheme=scheme, viewport=paper) as page:
        page.emulate_media(media="print")
        colours = page.evaluate(
            """() => {
                const { backgroundColor, color } = getComputedStyle(document.body);
                return [backgroundColor, color];
            }"""
        )
        assert colours == ["rgb(255, 255, 255)", "rgb(0, 0, 0)"]
        cut = page.eval_on_selector_all(
            "main *",
            """all => all.filter((one) => one.checkVisibility() && !one.ownerSVGElement
                && one.getBoundingClientRect().right > innerWidth + 1)
                .map((one) => one.outerHTML.slice(0, 120))""",
        )
        assert cut == []


def test_without_script_every_section_and_result_is_there(browser):
    with opened(browser, java_script_enabled=False) as page:
        sections = page.locator("main > section")
        assert sections.count() >= 10
        for section in sections.all():
            assert section.is_visible()
        accuracy = json.loads((ROOT / "metrics" / "mlp.json").read_text("utf-8"))
        told = page.locator('[data-source="metrics/mlp.json#notebook.accuracy"]').first
        assert told.inner_text() == f"{accuracy['notebook']['accuracy']:.4f}"


TABBED = "a[href], button, input, select, summary, textarea, [tabindex]:not([tabindex='-1'])"
LOOK = """one => {
    const style = getComputedStyle(one);
    const look = [style.outlineStyle, style.outlineWidth, style.outlineColor, style.boxShadow];
    return [one.dataset.place, look.join(' '), one.outerHTML.slice(0, 200)];
}"""


@pytest.mark.parametrize("scheme", SCHEMES)
def test_tab_reaches_all_in_reading_order_and_the_focus_is_seen(browser, scheme):
    with opened(browser, color_scheme=scheme) as page:
        page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        before = page.locator(TABBED).evaluate_all(
            """all => {
                const shown = all.filter((one) => one.checkVisibility() && !one.disabled);
                shown.forEach((one, place) => { one.dataset.place = place; });
                return shown.map(LOOK);
            }""".replace("LOOK", LOOK)
        )
        assert len(before) > 20
        places, unseen = [], []
        for _ in range(2 * len(before)):  # what scrolls is a stop as well, without a mark of ours
            page.keyboard.press("Tab")
            place, look, element = page.evaluate(f"({LOOK})(document.activeElement)")
            if element.startswith("<body"):  # past the last
                break
            if place is not None:
                places.append(int(place))
            if place is not None and look == before[int(place)][1]:
                unseen.append(element)
        assert places == list(range(len(before)))
        assert unseen == []


def test_the_first_stop_skips_to_the_text(browser):
    with opened(browser) as page:
        page.keyboard.press("Tab")
        first = page.locator(":focus")
        assert first.get_attribute("href") == "#main"
        assert first.bounding_box()["x"] >= 0
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        assert page.locator("main :focus").count() == 1


def test_who_wants_less_motion_sees_none(browser):
    with opened(browser, reduced_motion="reduce") as page:
        moving = page.eval_on_selector_all(
            "*",
            """all => all.filter((one) => {
                const style = getComputedStyle(one);
                const times = `${style.transitionDuration}, ${style.animationDuration}`.split(', ');
                return style.scrollBehavior === 'smooth' || times.some((t) => parseFloat(t) > 0.01);
            }).map((one) => one.outerHTML.slice(0, 200))""",
        )
        assert moving == []


# ---- the threshold


def table_of(folder, stage):
    return pd.read_csv(folder / "data" / f"{stage}_predictions.csv")


def counts(table, threshold):
    red, called = table.iloc[:, 1] == 1, table["probability"] > threshold
    return {
        "tn": int((~red & ~called).sum()),
        "fp": int((~red & called).sum()),
        "fn": int((red & ~called).sum()),
        "tp": int((red & called).sum()),
    }


def shown(page):
    cells = page.locator("#threshold-confusion [data-cell]").all()
    return {one.get_attribute("data-cell"): int(one.inner_text().replace(",", "")) for one in cells}


def test_the_slider_starts_at_the_threshold_of_the_model(browser, finished, tmp_path):
    text = (finished / "report/index.html").read_text(encoding="utf-8")
    start = text.index(">", text.index('id="threshold-data"')) + 1
    end = text.index("</script>", start)
    tables = json.loads(text[start:end])
    for name, own in (("notebook", 0.1234), ("logistic", 0.6)):
        table = table_of(finished, "logistic" if name == "logistic" else "mlp")
        tables[name] |= {
            "threshold": own,
            "counts": counts(table[table["network"] == name], own),
        }
    file = tmp_path / "index.html"
    file.write_text(text[:start] + json.dumps(tables) + text[end:], encoding="utf-8")
    with opened(browser, file) as page:
        slider, choice = page.locator("#threshold-value"), page.locator("#threshold-model")
        said = page.locator("#threshold-text")
        assert (said.inner_text(), shown(page)) == ("0.123", tables["notebook"]["counts"])
        cell = page.locator('[data-cell="tp"]').locator("[data-source]")
        assert cell.get_attribute("data-source").endswith("notebook.confusion_matrix.tp")
        choice.select_option("logistic")  # the slider stood at the threshold of the one before
        assert (said.inner_text(), shown(page)) == ("0.60", tables["logistic"]["counts"])
        slider.fill("0.03")
        assert cell.count() == 0
        choice.select_option("notebook")  # and here it was moved, so it stays
        assert said.inner_text() == "0.03"
        choice.select_option("grid_search")
        assert said.inner_text() == "0.03"


def test_the_threshold_moves_the_confusion_matrix(browser, finished):
    mlp = table_of(finished, "mlp")
    tables = {
        "logistic": table_of(finished, "logistic"),
        "notebook": mlp[mlp["network"] == "notebook"],
        "one_hidden_layer": mlp[mlp["network"] == "one_hidden_layer"],
        "grid_search": table_of(finished, "grid_search"),
    }
    with opened(browser, finished / "report/index.html") as page:
        slider = page.locator("#threshold-value")
        choice = page.locator("#threshold-model")
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
        slider.click()  # by mouse, in the middle
        assert float(slider.input_value()) == pytest.approx(0.5, abs=0.02)
        assert shown(page) == counts(tables["grid_search"], float(slider.input_value()))
