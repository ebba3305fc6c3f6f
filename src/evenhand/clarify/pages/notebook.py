"""notebook: the report of a run as a Jupyter notebook that reads analysis.json and has its outputs stored."""

import hashlib
import inspect
import json
from collections.abc import Callable, Iterator
from typing import Any

from evenhand.clarify.analysis import Analysis, Section
from evenhand.clarify.pages import notebook_cells as cells
from evenhand.clarify.pages.page import config_text
from evenhand.core.visible import visible
from evenhand.renderers.markdown import plain

_STAGES = ("pre_training_bias_metrics", "post_training_bias_metrics")
# A heading, the code below it, and what the code shows.
_PARTS: tuple[tuple[str, str, Callable[[Any], cells.Shown]], ...] = (
    ("Which group is which", "polarity(document)", cells.polarity),
    ("Labels, facets and model performance", "statistics(document)", cells.statistics),
    ("Bias in the labels", f'bias(document, "{_STAGES[0]}")', lambda found: cells.bias(found, _STAGES[0])),
    ("Bias in the predictions", f'bias(document, "{_STAGES[1]}")', lambda found: cells.bias(found, _STAGES[1])),
    ("Where the two arithmetics differ", "differences(document)", cells.differences),
    ("SHAP values", "shap(document)", cells.shap),
    ("Partial dependence", "pdp(document)", cells.pdp),
    ("Segments", "segments(document)", cells.segments),
    ("Notes and dropped rows", "notes(document)", cells.notes),
)


def notebook(analysis: Analysis, *, title: str) -> str:
    """The notebook as JSON in nbformat 4; its code needs nothing but the standard library."""
    found = list(_cells(analysis, title))
    for place, cell in enumerate(found):
        cell["id"] = hashlib.sha256(f"{place} {cell['cell_type']}".encode()).hexdigest()[:8]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    book = {
        "cells": found,
        "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(book, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _cells(analysis: Analysis, title: str) -> Iterator[Section]:
    # As a reader of analysis.json sees it; the notebook must not depend on how Python holds it.
    document = json.loads(json.dumps(analysis.document, default=str))
    yield _markdown(
        f"# {plain(title)}\n\n**Values listed under `facet` are the disadvantaged group *d*; all other rows are group "
        "*a*.** Every number comes from `analysis.json` beside this notebook; its code needs only the standard library."
    )
    yield _code(inspect.getsource(cells).rstrip(), 1)
    yield _code("document = read()", 2)
    for place, (heading, code, show) in enumerate(_PARTS, start=3):
        yield _markdown(f"## {heading}")
        yield _code(code, place, show(document))
    yield _markdown(f"## Analysis configuration\n\n```json\n{_fenced(config_text(analysis))}\n```")


def _fenced(text: str) -> str:
    """JSON that cannot end the fence it stands in, and in which nothing hides."""
    lines = (visible(line) for line in text.split("\n"))
    return "\n".join(lines).replace("`", "\\u0060").replace("<", "\\u003c")


def _markdown(text: str) -> Section:
    return {"cell_type": "markdown", "id": "", "metadata": {}, "source": text}


def _code(source: str, count: int, shown: cells.Shown | None = None) -> Section:
    return {
        "cell_type": "code", "execution_count": count, "id": "", "metadata": {}, "outputs": _outputs(shown, count),
        "source": source,
    }  # fmt: skip


def _outputs(shown: cells.Shown | None, count: int) -> list[Section]:
    if shown is None:
        return []
    data = {"text/html": shown.page, "text/plain": shown.text}
    return [{"data": data, "execution_count": count, "metadata": {}, "output_type": "execute_result"}]
