"""The report in Markdown, and the content that it shares with the page for the browser."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from winenet.report import markdown, sentences
from winenet.report.comparison_section import ComparisonSection
from winenet.report.markdown import Metrics, Row, Table
from winenet.report.model_styles import Styles
from winenet.report.model_tables import ClassExtremes
from winenet.report.notebook_section import NotebookSection
from winenet.report.terms import Terms


@dataclass(frozen=True)
class ReportContent:
    """What the templates of both pages show. A template names a field by its name.

    Parameters
    ----------
    terms : Terms
        How the table's rows and classes are called.
    metrics : mapping
        By stage, what it measured.
    styles : mapping
        By model, its name and colours, in the order of every table.
    names : mapping
        By model, its name.
    reference : str
        The network that the search's winner is compared with.
    baselines, constant : list of str
        The models that only the comparison has, and those of them that learn nothing.
    scores : mapping
        By model, its scores on the test rows.
    sets : Table
        The training and the test set.
    split_claim : str
        Which claim the test set supports.
    extremes : ClassExtremes
        The codes of the least and the most frequent class.
    table_facts : list of str
        What became of the raw files' rows, columns and gaps.
    leaks : list of str
        A warning for each feature that alone decides nearly all rows.
    confusions : list of str
        By model, its most frequent errors; empty with two classes.
    stops : Table
        By network and epoch at which the training could stop, the losses and accuracies.
    early_stopping : mapping
        By network's name, whether early stopping would have helped.
    score_titles : mapping
        The scores in the table of models, by key with their titles.
    score_table : str
        The scores of the models in Markdown.
    class_cautions : list of str
        What to know of the scores where a class is rare, or a model predicts one class only.
    candidate_rows : list of Row
        The candidates of the search, the best first.
    comparison : ComparisonSection
        How certain the scores are.
    notebook : NotebookSection or None
        The comparison with the course notebook; None for another table.
    """

    terms: Terms
    metrics: Metrics
    styles: Styles
    names: Mapping[str, str]
    reference: str
    baselines: list[str]
    constant: list[str]
    scores: Mapping[str, Any]
    sets: Table
    split_claim: str
    extremes: ClassExtremes
    table_facts: list[str]
    leaks: list[str]
    confusions: list[str]
    stops: Table
    early_stopping: Mapping[str, str]
    score_titles: Mapping[str, str]
    score_table: str
    class_cautions: list[str]
    candidate_rows: list[Row]
    comparison: ComparisonSection
    notebook: NotebookSection | None


def render(content: ReportContent) -> str:
    """Return the report as Markdown.

    Parameters
    ----------
    content : ReportContent
        What the template shows.

    Returns
    -------
    str
        The text of report/report.md.
    """
    # The template is Markdown, so it escapes nothing; `markdown_table` escapes its cells.
    environment = markdown.jinja_environment(autoescape=False)
    environment.globals["table"] = markdown.markdown_table
    environment.filters |= {
        "tiny": markdown.format_tiny,
        "code": sentences.inline_code,
        "literal": sentences.escape_markdown,
    }
    return environment.get_template("report.md.jinja").render(vars(content))
