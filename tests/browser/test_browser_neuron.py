"""The neuron by hand in a browser: what the slider shows, and the training that runs there."""

import re
import time

import numpy as np
import pandas as pd
import pytest
from conftest import copy_to

from winenet.notebook import claims, handmade

pytestmark = pytest.mark.browser

PATH = "data/handmade_path.csv"
SLIDER, LIVE = "#neuron-training", "#neuron-live"
PARAMETERS = ("bias", "weight_X1", "weight_X2", "weight_X3")
ROWS = range(6)
COLUMNS = (
    *("epoch", "loss", "held_out_loss", *PARAMETERS),
    *(f"raw_{row}" for row in ROWS),
    *(f"probability_{row}" for row in ROWS),
)


@pytest.fixture(scope="module")
def handmade_folder(tmp_path_factory):
    """A copy in which the stage `handmade` has run with the committed parameters."""
    folder = copy_to(tmp_path_factory.mktemp("handmade"))
    assert folder.run("stages.handmade")[0] == 0
    return folder.path


@pytest.fixture(scope="module")
def path(handmade_folder):
    return pd.read_csv(handmade_folder / PATH)


@pytest.fixture(scope="module")
def exact(handmade_folder, path):
    """The path's first epochs to all digits, computed again from its start."""
    rows, held_out = (
        (table[["X1", "X2", "X3"]].to_numpy(), table[["y"]].to_numpy(dtype=float))
        for table in (
            pd.read_csv(handmade_folder / f"data/{name}.csv")
            for name in ("handmade", "handmade_held_out")
        )
    )
    bias, *weights = path.loc[0, list(PARAMETERS)]
    W1, B1 = np.array(weights).reshape(3, 1), np.array([[bias]])
    parameters, _ = handmade.grad_desc(W1, B1, 3, 0.01, *rows)
    return claims.trajectory(parameters, rows, held_out, [])


def read(page, block):
    """Return all that a block shows: name -> (the value with all digits, its text)."""
    cells = page.eval_on_selector_all(
        f"{block} [data-shows]",
        "cells => cells.map(cell => [cell.dataset.shows, cell.dataset.value, cell.textContent])",
    )
    return {name: (float(value), text) for name, value, text in cells}


def assert_shows(page, block, line, within):
    """The block shows a line of the path: every number, and its text to four digits."""
    found = read(page, block)
    assert set(COLUMNS) <= set(found)
    for name in COLUMNS:
        value, text = found[name]
        assert value == pytest.approx(line[name], abs=within, rel=0), name
        if name == "epoch":
            assert text == f"{line[name]:,.0f}"
        else:
            assert float(text) == pytest.approx(line[name], abs=0.5e-4 * (1 + 1e-6)), name
    right = sum((line[f"probability_{row}"] > 0.5) == found[f"label_{row}"][0] for row in ROWS)
    assert found["right"][1] == f"{right} of 6"
    for row in ROWS:
        assert found[f"predicted_{row}"][0] == (line[f"probability_{row}"] > 0.5)


def set_field(page, name, value):
    field = page.locator(f'{LIVE} [name="{name}"]')
    field.fill(str(value))
    field.press("Tab")


def choose_start(page, start):
    page.select_option(f'{LIVE} [name="start"]', start)


def click(page, block, what):
    page.locator(f"{block} [data-{what}]").click()


def run_to_the_end(page):
    click(page, LIVE, "end")
    page.wait_for_function(
        """block => {
          const root = document.querySelector(block);
          const epoch = root.querySelector('[data-shows="epoch"]').dataset.value;
          return epoch === root.querySelector('[name="epochs"]').value
            && root.querySelector('[data-play]').textContent === 'Play';
        }""",
        arg=LIVE,
    )


def wait_for_epoch(page, epoch):
    page.wait_for_function(
        """([block, epoch]) => {
          const shown = document.querySelector(block + ' [data-shows="epoch"]');
          return Number(shown.dataset.value) > epoch;
        }""",
        arg=[LIVE, epoch],
    )


def verdict(page):
    return page.locator(f"{LIVE} [data-verdict]").get_attribute("data-verdict")


# The slider over the run that the pipeline kept.


def test_the_slider_begins_where_the_notebook_s_code_ends(page, path):
    assert_shows(page, SLIDER, path[path["epoch"] == 500].iloc[0], 0)


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        (["Home"], 1),
        (["End"], -1),
        (["Home", "ArrowRight"], 2),
        (["End", "ArrowLeft"], -2),
        (["Home", *["ArrowUp"] * 5], 6),
    ],
)
def test_keys_move_the_slider_along_the_path(page, path, keys, line):
    slider = page.locator(f"{SLIDER} input[type=range]")
    slider.focus()
    for key in keys:
        slider.press(key)
    expected = path.iloc[line]
    assert_shows(page, SLIDER, expected, 0)
    told = slider.get_attribute("aria-valuetext")
    assert told == f"epoch {expected['epoch']:,.0f}, loss {expected['loss']:.4f}"


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_the_mouse_moves_the_slider_along_the_path(page, path, share):
    slider = page.locator(f"{SLIDER} input[type=range]")
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    before = read(page, SLIDER)["epoch"][0]
    page.mouse.click(box["x"] + share * box["width"], box["y"] + box["height"] / 2)
    line = path.iloc[1 + int(slider.input_value())]
    assert line["epoch"] != before
    assert 1 + int(slider.input_value()) == pytest.approx(share * (len(path) - 1), abs=6)
    assert_shows(page, SLIDER, line, 0)


def test_a_button_leads_to_each_epoch_of_the_exercises(page, path):
    buttons = page.locator(f"{SLIDER} button[data-epoch]")
    epochs = [int(one.get_attribute("data-epoch")) for one in buttons.all()]
    assert {500, 1000, 10_000, 100_000} < set(epochs)
    assert path.loc[path["held_out_loss"].idxmin(), "epoch"] in epochs
    for button, epoch in zip(buttons.all(), epochs, strict=True):
        button.click()
        assert_shows(page, SLIDER, path[path["epoch"] == epoch].iloc[0], 0)
        assert button.get_attribute("aria-pressed") == "true"
        assert page.locator(f'{SLIDER} [aria-pressed="true"]').count() == 1


def test_it_plays_pauses_and_then_tells_once(page, path):
    button = page.locator(f"{SLIDER} [data-play]")
    status = page.locator(f'{SLIDER} [role="status"]')
    page.locator(f"{SLIDER} input[type=range]").press("Home")
    page.wait_for_function(
        "([block]) => document.querySelector(block + ' [role=status]').textContent"
        ".startsWith('Epoch 1:')",
        arg=[SLIDER],
    )
    button.click()
    assert button.inner_text() == "Pause"
    page.wait_for_function(
        "([block]) => Number(document.querySelector(block + ' input[type=range]').value) > 20",
        arg=[SLIDER],
    )
    assert status.inner_text().startswith("Epoch 1:")  # quiet while it plays
    button.click()
    assert button.inner_text() == "Play"
    line = path.iloc[1 + int(page.locator(f"{SLIDER} input[type=range]").input_value())]
    assert_shows(page, SLIDER, line, 0)
    page.wait_for_timeout(700)
    assert_shows(page, SLIDER, line, 0)  # it has stopped
    assert status.inner_text().startswith(f"Epoch {line['epoch']:,.0f}: loss {line['loss']:.4f}")


def test_the_drawn_dots_stand_at_their_probabilities(page, path):
    """In the drawing a label of 1 is a circle, 0 a square; both stand on a line from 0 to 1."""
    page.locator(f"{SLIDER} input[type=range]").press("End")
    drawn = page.eval_on_selector(
        f'{SLIDER} [data-chart="probabilities"] svg',
        """svg => {
          const all = (what, of) => [...svg.querySelectorAll(what)].map(of);
          const number = name => node => Number(node.getAttribute(name));
          return {
            ends: all('.grid, .cut-off', number('x1')),
            ones: all('circle.label-1', number('cx')),
            zeros: all('rect.label-0', number('x')).map(x => x + 5),
            texts: all('.number', text => text.textContent),
          };
        }""",
    )
    left, right = min(drawn["ends"]), max(drawn["ends"])
    places = [(x - left) / (right - left) for x in drawn["zeros"] + drawn["ones"]]
    expected = [path.iloc[-1][f"probability_{row}"] for row in ROWS]
    assert places == pytest.approx(expected, abs=0.002)
    assert drawn["texts"] == [f"{probability:.4f}" for probability in expected]


# The training in the page.


@pytest.mark.parametrize("epochs", [500, 1000, 10_000, 100_000])
def test_the_training_in_the_page_is_the_pipeline_s(page, path, epochs):
    set_field(page, "epochs", epochs)
    run_to_the_end(page)
    assert_shows(page, LIVE, path[path["epoch"] == epochs].iloc[0], 1e-9)
    assert verdict(page) == "converges"
    agreement = page.locator(f"{LIVE} [data-agreement]")
    assert float(agreement.get_attribute("data-value")) < 1e-9
    assert re.search(r"all numbers (agree|equal)", agreement.inner_text())


def test_each_single_epoch_is_the_pipeline_s(page, exact):
    for epoch in range(1, 4):
        click(page, LIVE, "step")
        assert_shows(page, LIVE, exact.iloc[epoch], 1e-12)


@pytest.mark.parametrize(
    ("preset", "told"),
    [(0, "converges"), (1, "crawls"), (2, "diverges"), (3, "converges"), (4, "diverges")],
)
def test_what_the_presets_do_is_told(page, preset, told):
    page.locator(f"{LIVE} button[data-preset]").nth(preset).click()
    run_to_the_end(page)
    assert verdict(page) == told
    assert page.locator(f"{LIVE} [data-verdict]").inner_text().lower().startswith(told)


@pytest.mark.parametrize(
    ("rate", "epochs", "told"),
    [
        (0.00001, 500, "crawls"),
        (0.01, 500, "converges"),
        (1, 30, "diverges"),
        (1, 100, "overshoots"),
        (1, 500, "converges"),
        (10, 30, "diverges"),
    ],
)
def test_the_learning_rate_decides_how_it_goes(page, rate, epochs, told):
    set_field(page, "learning_rate", rate)
    set_field(page, "epochs", epochs)
    assert verdict(page) == "start"
    run_to_the_end(page)
    assert verdict(page) == told
    agreement = page.locator(f"{LIVE} [data-agreement]")
    assert (agreement.get_attribute("data-value") != "") == (rate == 0.01)


def test_it_plays_pauses_and_resets(page, exact):
    button = page.locator(f"{LIVE} [data-play]")
    set_field(page, "epochs", 100_000)
    button.click()
    assert button.inner_text() == "Pause"
    wait_for_epoch(page, 50)
    button.click()
    assert button.inner_text() == "Play"
    epoch = read(page, LIVE)["epoch"][0]
    assert 50 < epoch < 100_000
    page.wait_for_timeout(300)
    assert read(page, LIVE)["epoch"][0] == epoch
    click(page, LIVE, "reset")
    assert_shows(page, LIVE, exact.iloc[0], 0)
    assert verdict(page) == "start"
    button.click()
    wait_for_epoch(page, 5)
    click(page, LIVE, "reset")  # while it plays
    assert button.inner_text() == "Play"
    assert_shows(page, LIVE, exact.iloc[0], 0)


def test_the_page_stays_alive_while_it_trains(page):
    set_field(page, "epochs", 1_000_000)
    longest, turns = page.evaluate(
        """async block => {
          const button = document.querySelector(block + ' [data-play]');
          document.querySelector(block + ' [data-end]').click();
          let [longest, turns, before] = [0, 0, performance.now()];
          while (button.textContent === 'Pause') {
            await new Promise(done => setTimeout(done, 0));
            longest = Math.max(longest, performance.now() - before);
            before = performance.now();
            turns += 1;
          }
          return [longest, turns];
        }""",
        LIVE,
    )
    assert read(page, LIVE)["epoch"] == (1_000_000, "1,000,000")
    assert turns > 10
    assert longest < 500  # a slice takes a few hundredths of a second; the machine may be busy


def test_a_start_of_zeros_of_a_seed_and_of_one_s_own(page):
    shown = lambda: [read(page, LIVE)[name][0] for name in PARAMETERS]  # noqa: E731
    choose_start(page, "zeros")
    assert shown() == [0, 0, 0, 0]
    assert read(page, LIVE)["loss"][1] == "0.6931"
    choose_start(page, "random")
    first = shown()
    assert all(0 <= value < 0.1 for value in first)
    assert len(set(first)) == 4
    set_field(page, "seed", 2)
    assert shown() != first
    set_field(page, "seed", 1)
    assert shown() == first
    set_field(page, "weight_X2", -1.5)
    assert page.input_value(f'{LIVE} [name="start"]') == "own"
    assert shown() == [*first[:2], -1.5, first[3]]


def test_a_label_can_be_turned_round(page):
    button = page.locator(f'{LIVE} [data-label-of="4"]')
    before = read(page, LIVE)
    button.click()
    assert read(page, LIVE)["label_4"] == (0, "0")
    assert read(page, LIVE)["loss"] != before["loss"]
    assert button.get_attribute("aria-pressed") == "true"
    button.press("Enter")
    assert read(page, LIVE) == before


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("learning_rate", "-1", "The learning rate is -1, so nothing was run; it is a number"),
        ("learning_rate", "", "The learning rate is nothing, so nothing was run; it is a number"),
        ("epochs", "2.5", "The number of epochs is 2.5, so nothing was run; it is a whole number"),
        ("epochs", "0", "The number of epochs is 0, so nothing was run; it is a whole number"),
        ("weight_X1", "1e9", "The weight of X1 is 1e9, so nothing was run; it is a number from"),
    ],
)
def test_a_value_that_cannot_be_is_told(page, name, value, told):
    field = page.locator(f'{LIVE} [name="{name}"]')
    before = field.input_value()
    set_field(page, name, value)
    fault = page.locator(f"{LIVE} [data-fault]")
    assert fault.inner_text().startswith(told)
    assert page.locator(f"{LIVE} [data-play]").is_disabled()
    assert field.get_attribute("aria-invalid") == "true"
    set_field(page, name, before)
    assert fault.is_hidden()
    assert page.locator(f"{LIVE} [data-play]").is_enabled()
    assert field.get_attribute("aria-invalid") is None


def test_who_wants_no_motion_sees_steps_instead(page):
    page.emulate_media(reduced_motion="reduce")
    slider = page.locator(f"{SLIDER} input[type=range]")
    slider.press("Home")
    click(page, SLIDER, "play")
    seen, start = set(), time.monotonic()
    for _ in range(15):
        page.wait_for_timeout(100)
        seen.add(slider.input_value())
    # One picture a second; a busy machine waits for longer than it is asked.
    assert len(seen) <= 2 + (time.monotonic() - start)
    click(page, SLIDER, "play")
