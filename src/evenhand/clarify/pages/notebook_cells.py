"""What the notebook shows, with nothing but the standard library: this file is one of its cells."""

import html
import json
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

BLUE, ORANGE, GREY = "#3c6f92", "#d9822b", "#b9c9d4"


class Shown:
    """A table or chart: HTML where that can be seen, plain text elsewhere."""

    def __init__(self, page: str, text: str) -> None:
        self.page, self.text = page, text

    def _repr_html_(self) -> str:
        return self.page

    def __repr__(self) -> str:
        return self.text


def read(path: str = "analysis.json") -> Any:
    """The document of the run, which lies beside this notebook."""
    return json.loads(Path(path).read_text("utf-8"))


def visible(text: object) -> str:
    """A text in which nothing hides or turns around."""
    hidden = ("Cc", "Cf", "Cs", "Zl", "Zp")
    return "".join(f"⟨U+{ord(sign):04X}⟩" if unicodedata.category(sign) in hidden else sign for sign in str(text))


def safe(text: object) -> str:
    """A text from the data, as HTML."""
    return html.escape(visible(text))


def written(value: Any) -> str:
    """A number to four digits; an infinity or any other text as it stands."""
    if value is None:
        return "–"
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return visible(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"


def joined(parts: Iterable[Shown], nothing: str) -> Shown:
    """Several tables or charts, one below the other."""
    found = list(parts)
    if not found:
        return Shown(f"<p>{safe(nothing)}</p>", nothing)
    return Shown("\n".join(part.page for part in found), "\n\n".join(part.text for part in found))


def table(caption: str, heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> Shown:
    """A table with a caption; the first cell of each row is its name."""
    cells = [[written(cell) for cell in row] for row in rows]
    head = "".join(f'<th scope="col" style="text-align:left">{safe(name)}</th>' for name in heads)
    body = "".join(
        f'<tr><th scope="row" style="text-align:left">{safe(row[0])}</th>'
        + "".join(f'<td style="text-align:left">{safe(cell)}</td>' for cell in row[1:])
        + "</tr>"
        for row in cells
    )
    style = "caption-side:top;text-align:left;font-weight:bold"
    page = f'<table><caption style="{style}">{safe(caption)}</caption>'
    lines = [visible(caption), " | ".join(map(visible, heads)), *(" | ".join(row) for row in cells)]
    return Shown(f"{page}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>", "\n".join(lines))


def bars(caption: str, values: Sequence[tuple[str, float]]) -> Shown:
    """Horizontal bars from nothing to each value."""
    most = max((abs(value) for _, value in values), default=0.0) or 1.0
    left = 320 if any(value < 0 for _, value in values) else 200
    room = (600 - left) / most
    drawn, lines = "", [visible(caption)]
    for place, (name, value) in enumerate(values):
        size, y = abs(value) * room, 6 + 22 * place
        start = left if value >= 0 else left - min(size, 115)
        short = visible(name) if len(visible(name)) <= 26 else visible(name)[:25] + "…"
        drawn += f'<text x="0" y="{y + 12}" font-size="12" fill="currentColor">{html.escape(short)}</text>'
        drawn += f'<rect x="{start:.1f}" y="{y}" width="{size if value >= 0 else min(size, 115):.1f}" height="14"'
        drawn += f' fill="{BLUE if value >= 0 else ORANGE}"/>'
        end = (start + size if value >= 0 else left) + 5
        drawn += f'<text x="{end:.1f}" y="{y + 12}" font-size="11" fill="currentColor">{written(value)}</text>'
        lines.append(f"{short:<26} {'█' * max(round(24 * abs(value) / most), 0)} {written(value)}")
    return picture(caption, drawn, 680, 12 + 22 * len(values), "\n".join(lines))


def picture(caption: str, drawn: str, width: int, height: int, text: str) -> Shown:
    """An SVG with its title and description."""
    head = f'<svg role="img" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}">'
    words = f"<title>{safe(caption)}</title><desc>{html.escape(text)}</desc>"
    return Shown(f"<p><b>{safe(caption)}</b></p>{head}{words}{drawn}</svg>", text)


def polarity(document: Any) -> Shown:
    """Which group is which, and by which arithmetic."""
    ours = document.get("evenhand", {})
    rule = (
        ours.get("facet_polarity") or "The values listed under facet are the disadvantaged group d; all others are a."
    )
    listed = {}
    for stage in ("pre_training_bias_metrics", "post_training_bias_metrics"):
        for facet, entries in document.get(stage, {}).get("facets", {}).items():
            listed[facet] = ", ".join(str(entry.get("value_or_threshold")) for entry in entries)
    said = f"Arithmetic: {ours.get('arithmetic', 'correct')}."
    words = Shown(f"<p><b>{safe(rule)}</b></p><p>{safe(said)}</p>", f"{visible(rule)}\n{visible(said)}")
    return joined([words, table("Group d of each facet", ["Facet", "Disadvantaged group d"], listed.items())], "")


def bias(document: Any, stage: str) -> Shown:
    """The metrics of each group of each facet."""
    found = document.get(stage, {}).get("facets", {})
    heads = ["Metric", "Value", "Description", "Error"]
    return joined(
        (
            table(
                f"{facet}: {entry.get('value_or_threshold')} is group d",
                heads,
                [
                    (metric.get("name"), metric.get("value"), metric.get("description"), metric.get("error", ""))
                    for metric in entry.get("metrics", [])
                ],
            )
            for facet, entries in found.items()
            for entry in entries
        ),
        "No such metrics were asked for.",
    )


def differences(document: Any) -> Shown:
    """The values that the two arithmetics do not share."""
    found = document.get("evenhand", {}).get("differences", [])
    keys = ("facet", "value_or_threshold", "metric", "correct", "compat", "why")
    heads = ["Facet", "Group d", "Metric", "Correct", "smclarify 0.5", "Why"]
    rows = [[each.get(key) for key in keys] for each in found]
    return joined([table("Where the two arithmetics differ", heads, rows)] if rows else [], "They do not differ.")


def leaves(value: Any, path: str = "") -> list[tuple[str, Any]]:
    """Every number and text of a nested document, by its path."""
    if isinstance(value, dict):
        return [
            leaf for key, inside in value.items() for leaf in leaves(inside, f"{path} › {key}" if path else str(key))
        ]
    if isinstance(value, list):
        return [leaf for place, inside in enumerate(value) for leaf in leaves(inside, f"{path} {place + 1}")]
    return [(path, value)]


def statistics(document: Any) -> Shown:
    """Distributions of labels and facets, and the model's performance."""
    found = leaves(document.get("evenhand", {}).get("statistics", {}))[:300]
    return joined([table("Statistics", ["What", "Value"], found)] if found else [], "No statistics were computed.")


def shap(document: Any, most: int = 10) -> Shown:
    """The most important features of each label."""
    found = document.get("explanations", {}).get("kernel_shap", {})
    shown = []
    for label, entry in found.items():
        values = [(name, value) for name, value in entry.get("global_shap_values", {}).items() if value is not None]
        numbers = [(name, value) for name, value in values if isinstance(value, (int, float))]
        caption = f"{label}: SHAP values, expected value {written(entry.get('expected_value'))}"
        shown.append(bars(caption, sorted(numbers, key=lambda item: -abs(item[1]))[:most]))
        texts = entry.get("global_top_shap_text", {})
        if texts:
            shown.append(table(f"{label}: units of text", ["Unit", "SHAP value"], leaves(texts)[:50]))
    return joined(shown, "No SHAP values were computed.")


def curve(entry: Any) -> Shown:
    """One feature: mean prediction along its values, and the share of rows of each bucket below."""
    name, values = entry.get("feature_name"), entry.get("feature_values", [])
    if entry.get("error"):
        return Shown(f"<p>{safe(name)}: {safe(entry['error'])}</p>", f"{visible(name)}: {visible(entry['error'])}")
    lines, shares = entry.get("model_predictions", []), entry.get("data_distribution", [])
    headers = [str(header) for header in entry.get("label_headers", [])][: len(lines)]
    rows = zip(values, shares, *lines, strict=False)
    numbers = [value for line in lines for value in line if isinstance(value, (int, float))]
    low, high = min(numbers, default=0.0), max(numbers, default=1.0)
    step, span = 560 / max(len(values), 1), (high - low) or 1.0
    drawn = f'<text x="0" y="14" font-size="11" fill="currentColor">{written(high)}</text>'
    drawn += f'<text x="0" y="124" font-size="11" fill="currentColor">{written(low)}</text>'
    for place, share in enumerate(shares):
        size = 50 * share / (max(shares) or 1.0) if isinstance(share, (int, float)) else 0
        drawn += f'<rect x="{64 + place * step:.1f}" y="{190 - size:.1f}" width="{step * 0.8:.1f}" height="{size:.1f}"'
        drawn += f' fill="{GREY}"/>'
    for number, line in enumerate(lines):
        points = " ".join(
            f"{64 + (place + 0.4) * step:.1f},{120 - 110 * (value - low) / span:.1f}"
            for place, value in enumerate(line)
            if isinstance(value, (int, float))
        )
        dash = f' stroke-dasharray="{6 - number % 4} {2 + number % 4}"' if number else ""
        drawn += (
            f'<polyline points="{points}" fill="none" stroke="{(BLUE, ORANGE)[number % 2]}" stroke-width="2"{dash}/>'
        )
    text = table(str(name), ["Value", "Share of rows", *headers], rows)
    chart = picture(f"Partial dependence of {name}", drawn, 640, 196, text.text)
    return Shown(f"{chart.page}<details><summary>Numbers</summary>{text.page}</details>", text.text)


def pdp(document: Any) -> Shown:
    """Every partial dependence curve."""
    return joined(map(curve, document.get("explanations", {}).get("pdp", [])), "No curves were computed.")


def segments(document: Any) -> Shown:
    """The metrics of each segment."""
    found = document.get("evenhand", {}).get("segments", {})
    return joined(
        (
            table(f"Segment {name}", ["What", "Value"], [(path, value) for path, value in numbers(part)])
            for name, part in found.items()
        ),
        "No segments were asked for.",
    )


def numbers(part: Any) -> list[tuple[str, Any]]:
    """The metrics of a segment by facet, group and code; what else it says, such as an error, by its key."""
    rows = []
    for stage, section in part.items():
        if not stage.endswith("_bias_metrics"):
            rows += leaves({stage: section})
            continue
        for facet, entries in section.get("facets", {}).items():
            for entry in entries:
                where = f"{facet}: {entry.get('value_or_threshold')}"
                rows += [(f"{where} › {each.get('name')}", each.get("value")) for each in entry.get("metrics", [])]
    return rows


def notes(document: Any) -> Shown:
    """What to know beside the numbers."""
    ours = document.get("evenhand", {})
    said = [f"{written(ours.get('rows'))} rows analysed, {written(ours.get('rows_dropped', 0))} dropped."]
    said += [str(note) for note in ours.get("notes", [])]
    page = "".join(f"<li>{safe(note)}</li>" for note in said)
    return Shown(f"<ul>{page}</ul>", "\n".join(f"- {visible(note)}" for note in said))
