"""The walkthrough is kept without outputs, and run as a whole it gives the notebook's numbers."""

import csv
import re
from pathlib import Path

import nbformat
import pytest
from committed import ROOT
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode

PATH = ROOT / "notebooks/walkthrough.ipynb"
LIMIT = 300  # seconds a cell; the longest takes twenty on two idle cores


def notebook() -> NotebookNode:
    return nbformat.read(PATH, as_version=nbformat.NO_CONVERT)


def code_cells(content: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in content.cells if cell.cell_type == "code"]


def printed(content: NotebookNode, name: str) -> str:
    """Return what an executed cell shows, as text."""
    [cell] = [cell for cell in content.cells if cell.id == name]
    return "".join(
        output.text if output.output_type == "stream" else output.data.get("text/plain", "")
        for output in cell.outputs
    )


def test_it_is_valid_and_holds_no_output_and_nothing_of_a_machine():
    content = notebook()
    nbformat.validate(content)
    help_text = "clear it: python -m jupyter nbconvert --clear-output --inplace notebooks/*.ipynb"
    for cell in code_cells(content):
        assert (cell.outputs, cell.execution_count) == ([], None), help_text
    assert [cell.metadata for cell in content.cells if cell.metadata] == []
    assert content.metadata == {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    assert (content.nbformat, content.nbformat_minor) == (4, 5)


def test_it_is_written_as_nbformat_writes_it():
    """So that a saved notebook differs only where a person changed it."""
    text = PATH.read_bytes().decode("utf-8")
    assert text == nbformat.writes(notebook(), indent=1).rstrip("\n") + "\n"


def test_the_ids_are_words_and_each_stands_once():
    ids = [cell.id for cell in notebook().cells]
    assert len(set(ids)) == len(ids)
    assert [name for name in ids if not re.fullmatch("[a-z]+(-[a-z]+)*", name)] == []


def test_cells_are_short():
    for cell in code_cells(notebook()):
        lines = cell.source.splitlines()
        assert len(lines) <= 20, cell.id
        assert max((len(line) for line in lines), default=0) <= 100, cell.id


@pytest.fixture(scope="module")
def executed() -> NotebookNode:
    """The whole notebook, run where Jupyter runs it: in the folder that it lies in."""
    return run(notebook(), PATH.parent)


def run(content: NotebookNode, folder: Path) -> NotebookNode:
    client = NotebookClient(
        content, timeout=LIMIT, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    )
    done: NotebookNode = client.execute()
    return done


@pytest.mark.slow
def test_it_gives_the_numbers_that_the_course_notebook_prints(executed):
    with (ROOT / "data/reference/notebook.csv").open(encoding="utf-8", newline="") as file:
        golden = {row["quantity"]: row["value"] for row in csv.DictReader(file)}
    accuracies = {
        "baseline": golden["logistic.accuracy"],
        "network-fit": golden["mlp.notebook.accuracy"],
        "search": golden["grid_search.accuracy"],
    }
    assert accuracies == {"baseline": "0.9823", "network-fit": "0.9954", "search": "0.9923"}
    for name, value in accuracies.items():
        assert re.findall(r"accuracy: (\S+)", printed(executed, name)) == [value]
    best = "{'hidden_layer_sizes': (50, 25), 'learning_rate_init': 0.001}"
    assert f"best: {best}" in printed(executed, "search")


@pytest.mark.slow
def test_its_other_numbers_are_the_pipeline_s(executed):
    assert "359 of 1,300 test rows have a copy in training" in printed(executed, "copies")
    assert printed(executed, "copies").split()[-1] == "0.9904"
    assert printed(executed, "always-white") == "always white: 0.7377\n"
    told = "wrong in the network alone: 0, in the tuned: 4\np = 0.12\n"
    assert printed(executed, "paired") == told


@pytest.mark.slow
def test_no_cell_warns_or_writes_an_error(executed):
    noise = [
        (cell.id, output.text)
        for cell in code_cells(executed)
        for output in cell.outputs
        if output.get("name") == "stderr"
    ]
    assert noise == []


@pytest.mark.slow
def test_it_finds_the_package_from_the_root_and_says_so_where_there_is_none(tmp_path):
    content = notebook()
    names = ("setup", "imports", "six-rows")
    content.cells = [cell for cell in content.cells if cell.id in names]
    assert "X1" in printed(run(content, ROOT), "six-rows")
    with pytest.raises(CellExecutionError, match="start Jupyter inside the repository"):
        run(content, tmp_path)
