"""What moves outside of the neuron's section: the search's cells, pairs of models, epochs."""

import pandas as pd
import pytest
from browser import ROOT, opened

pytestmark = pytest.mark.browser


def text(page, selector):
    return " ".join(page.locator(selector).inner_text().split())


def test_a_cell_of_the_search_tells_its_folds_by_mouse_and_by_keyboard(page):
    page.locator("#search summary").click()
    folds = {}
    for row in page.locator("#search details tbody tr").all():
        cells = row.locator("th, td").all_inner_texts()
        folds[cells[0]] = (cells[2], cells[4:])  # name; mean; a score a fold
    cells = page.locator("#heat button")
    assert cells.count() == len(folds)
    told = set()
    for number, cell in enumerate(cells.all()):
        if number == 0:
            cell.focus()
        else:
            page.keyboard.press("Tab")
        assert cell.evaluate("one => one === document.activeElement")
        name = cell.get_attribute("data-name")
        mean, scores = folds[name]
        shown = text(page, "#heat-readout p")
        assert shown.startswith(f"{name}: mean {mean}; ")
        assert all(f"fold {i} {score} (" in shown for i, score in enumerate(scores, 1))
        assert page.locator("#heat-readout circle").count() == len(scores)
        told.add(shown)
    assert len(told) == len(folds)
    cells.first.hover()
    assert text(page, "#heat-readout p").startswith(cells.first.get_attribute("data-name"))


def test_a_pair_of_models_is_told_in_words(page):
    page.locator("#comparison summary").click()
    sentences = [" ".join(one.split()) for one in page.locator("#comparison li").all_inner_texts()]
    for cell in page.locator("#matrix button").all():
        cell.focus()
        shown = text(page, "#matrix-readout")
        assert shown in sentences
        errors = cell.locator(":scope > [data-source]").all_inner_texts()[:2]
        larger, smaller = sorted((int(one.replace(",", "")) for one in errors), reverse=True)
        assert f"({larger:,} against {smaller:,})" in shown or larger == smaller


def test_the_epochs_are_those_of_the_curves(page):
    slider = page.locator("#followed-epoch")
    for model in ("notebook", "one_hidden_layer"):
        page.locator("#followed-model").select_option(model)
        table = pd.read_csv(ROOT / "plots/curves.csv")
        table = table[table["model"] == model]

        def same(epoch, model=model, table=table):
            row = table[table["epoch"] == epoch].iloc[0]
            assert text(page, "#followed-epoch-text") == f"{epoch:,}"
            for cell in page.locator("#followed-facts dd").all():
                column = cell.get_attribute("data-column")
                assert cell.inner_text() == f"{row[column]:.4f}"
                source = f"plots/curves.csv#{column}@model={model},epoch={epoch}"
                assert cell.get_attribute("data-source") == source

        page.locator('[data-stop="best"]').click()
        same(int(table.loc[table["held_out_loss"].idxmin(), "epoch"]))
        slider.focus()
        page.keyboard.press("End")
        same(int(table["epoch"].max()))
        page.keyboard.press("ArrowLeft")
        same(int(table["epoch"].max()) - 1)
        page.keyboard.press("Home")
        same(1)
        box = slider.bounding_box()
        page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        middle = int(slider.input_value())
        assert 1 < middle < table["epoch"].max()
        same(middle)


def test_the_counts_name_the_metrics_at_one_half_only(page):
    cell = page.locator('[data-cell="fn"] > span')
    slider = page.locator("#threshold-value")
    assert cell.get_attribute("data-source") == "metrics/mlp.json#notebook.confusion_matrix.fn"
    slider.fill("0.51")
    assert cell.get_attribute("data-source") is None
    slider.fill("0.5")
    page.locator("#threshold-model").select_option("logistic")
    assert cell.get_attribute("data-source") == "metrics/logistic.json#confusion_matrix.fn"


def test_the_contents_mark_where_the_reader_is(browser):
    with opened(browser, viewport={"width": 1400, "height": 900}, reduced_motion="reduce") as page:
        for section in ("search", "threshold", "data"):
            page.locator(f'nav a[href="#{section}"]').click()
            here = page.locator('nav a[aria-current="true"]')
            here.and_(page.locator(f'[href="#{section}"]')).wait_for()
            assert here.count() == 1


def test_each_width_shows_each_figure_once(browser):
    for width, kind in ((1280, "column"), (375, "phone")):
        with opened(browser, viewport={"width": width, "height": 900}) as page:
            figures = page.locator("figure.figure:has(svg.column)")
            assert figures.count() > 8
            for figure in figures.all():
                shown = [one for one in figure.locator("svg").all() if one.is_visible()]
                assert [one.get_attribute("class") for one in shown] == [kind]
