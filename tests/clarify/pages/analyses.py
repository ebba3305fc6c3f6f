"""Analyses as a run makes them: one of every day, one where every text is hostile, one of nothing at all."""

import math
from dataclasses import replace
from typing import Any

from evenhand.clarify.analysis import Analysis, Bias, Explained, MetricDifference, Section
from evenhand.clarify.config.analysis_config import AnalysisConfig
from evenhand.clarify.document import document_of
from tests.renderers.reports import binary

PRE = {
    "CDDL": ("Conditional Demographic Disparity in Labels (CDDL)", -0.0612),
    "CI": ("Class Imbalance (CI)", 0.3385),
    "DPL": ("Difference in Positive Proportions in Labels (DPL)", 0.1945),
    "JS": ("Jensen-Shannon Divergence (JS)", 0.0261),
    "KL": ("Kullback-Liebler Divergence (KL)", 0.1106),
    "KS": ("Kolmogorov-Smirnov Distance (KS)", 0.1945),
    "LP": ("L-p Norm (LP)", 0.2751),
    "TVD": ("Total Variation Distance (TVD)", 0.1945),
}
POST = {
    "AD": ("Accuracy Difference (AD)", -0.0812),
    "CDDPL": ("Conditional Demographic Disparity in Predicted Labels (CDDPL)", None),
    "DAR": ("Difference in Acceptance Rates (DAR)", -0.0131),
    "DCA": ("Difference in Conditional Acceptance (DCA)", 0.0742),
    "DCR": ("Difference in Conditional Rejection (DCR)", "-Infinity"),
    "DI": ("Disparate Impact (DI)", 0.3051),
    "DPPL": ("Difference in Positive Proportions in Predicted Labels (DPPL)", 0.1803),
    "DRR": ("Difference in Rejection Rates (DRR)", 0.0521),
    "FT": ("Flip Test (FT)", -0.3237),
    "GE": ("Generalized Entropy (GE)", 0.0492),
    "RD": ("Recall Difference (RD)", 0.1204),
    "SD": ("Specificity Difference (SD)", 0.0611),
    "TE": ("Treatment Equality (TE)", 1.1667),
}
FEATURES = [
    "Age", "Workclass", "fnlwgt", "Education", "Education-Num", "Marital Status", "Occupation", "Relationship", "Sex",
    "Race", "Capital Gain", "Capital Loss", "Hours per week", "Country",
]  # fmt: skip
ADDRESS = "https://reader:hunter2@models.example.org/invocations?sig=s3cr3t#frag"


def metrics(known: dict[str, tuple[str, Any]], factor: float = 1.0) -> list[Section]:
    found = []
    for name, (description, value) in known.items():
        entry: Section = {"name": name, "description": description, "value": value}
        if value is None:
            entry["error"] = "Group variable is empty or not provided"
        elif isinstance(value, float):
            entry["value"] = round(value * factor, 6)
        found.append(entry)
    return found


def sections(facets: dict[str, list[str]], factor: float = 1.0) -> Section:
    def stage(known: dict[str, tuple[str, Any]]) -> Section:
        return {
            "label": "Target",
            "label_value_or_threshold": "1",
            "facets": {
                facet: [
                    {"value_or_threshold": value, "metrics": metrics(known, factor * (1 - 0.3 * place))}
                    for place, value in enumerate(values)
                ]
                for facet, values in facets.items()
            },
        }

    return {"pre_training_bias_metrics": stage(PRE), "post_training_bias_metrics": stage(POST)}


def statistics(facets: dict[str, list[str]], classes: tuple[str, str] = (">50K", "<=50K")) -> Section:
    high, low = classes
    shares = [0.1481, 0.0519, 0.0927, 0.7073]
    return {
        "label": "Target",
        "label_value_or_threshold": high,
        "positive_is": "values",
        "observed_label_distribution": [0.2408, 0.7592],
        "label_distribution": {low: 24720, high: 7841},
        "model_performance_metrics": {
            "Accuracy": 0.8554,
            "Proportion of Positive Predictions in Labels": 0.2,
            "Proportion of Negative Predictions in Labels": 0.8,
            "True Positive Rate / Recall": 0.615,
            "True Negative Rate / Specificity": 0.9316,
            "Acceptance Rate / Precision": 0.7405,
            "Rejection Rate": 0.8841,
            "Conditional Acceptance": 1.204,
            "Conditional Rejection": math.inf,
            "F1 Score": math.nan,
        },
        "binary_confusion_matrix": shares,
        "confusion_matrix": {high: {high: 4822.0, low: 3018.0}, low: {high: 1690.0, low: 23031.0}},
        "facets": {
            facet: [
                {
                    "value": value,
                    "rows": 10771 // (place + 1),
                    "proportion": 0.3308 / (place + 1),
                    "observed_label_distribution": [0.1095, 0.8905],
                    "confusion_matrix": shares,
                }
                for place, value in enumerate([*values, "all others"])
            ]
            for facet, values in facets.items()
        },
        "notes": ["The label was read as values."],
    }


def explanations(features: list[str], labels: list[str], texts: dict[str, float] | None = None) -> Section:
    shap = {
        label: {
            "global_shap_values": {name: 0.12 / (place + 1) ** 1.3 for place, name in enumerate(features)},
            "expected_value": 0.2408 + 0.1 * number,
            **({"global_top_shap_text": texts} if texts else {}),
        }
        for number, label in enumerate(labels)
    }
    numbers = [20.0 + 4.5 * place for place in range(15)]
    curve = [0.05 + 0.4 * math.exp(-(((value - 48) / 16) ** 2)) for value in numbers]
    rows = [math.exp(-(((value - 35) / 14) ** 2)) for value in numbers]
    jobs = ["Admin", "Craft and repair", "Managerial", "Farming", "Sales", "Service", labels[0]]
    return {
        "kernel_shap": shap,
        "pdp": [
            {
                "feature_name": features[0], "data_type": "numerical", "feature_values": numbers,
                "data_distribution": [row / sum(rows) for row in rows],
                "model_predictions": [curve, [0.7 - value for value in curve]][: len(labels)], "label_headers": labels,
            },
            {
                "feature_name": features[1], "data_type": "categorical", "feature_values": jobs,
                "data_distribution": [0.2, 0.16, 0.22, 0.05, 0.17, 0.15, 0.05],
                "model_predictions": [[0.14, 0.22, 0.48, 0.11, 0.28, 0.04, 0.2]], "label_headers": labels,
            },
            {
                "feature_name": features[2], "data_type": "numerical", "feature_values": [0, 1, 2, 3],
                "data_distribution": [0.94, 0.03, 0.02, 0.01], "model_predictions": [[0.2, 0.42, 0.61, 0.66]],
                "label_headers": labels,
            },
            {
                "feature_name": features[3], "data_type": "free_text",
                "error": "Detected data type is not supported for PDP. PDP can only be computed for numerical or"
                " categorical columns", "label_headers": labels,
            },
        ],
    }  # fmt: skip


def intervals(found: Section) -> Section:
    """An interval around every value that has one."""
    return {
        stage: {
            facet: {
                entry["value_or_threshold"]: {
                    metric["name"]: [metric["value"] - 0.02, metric["value"] + 0.02]
                    for metric in entry["metrics"]
                    if isinstance(metric["value"], float)
                }
                for entry in entries
            }
            for facet, entries in section["facets"].items()
        }
        for stage, section in found.items()
    }


def config(
    facets: list[Section], name: str = "report", title: str = "Census income: analysis", **more: Any
) -> AnalysisConfig:
    return AnalysisConfig.model_validate(
        {
            "dataset_type": "text/csv",
            "dataset_uri": "s3://bucket/census/train.csv",
            "label": "Target",
            "label_values_or_threshold": [1],
            "facet": facets,
            "predictor": {"model_name": ADDRESS, "custom_attributes": "token=abcdef", "accept_type": "text/csv"},
            "methods": {
                "pre_training_bias": {"methods": "all"},
                "post_training_bias": {"methods": "all"},
                "shap": {"num_clusters": 1, "agg_method": "mean_abs"},
                "pdp": {"grid_resolution": 15},
                "report": {"name": name, "title": title},
            },
            **more,
        }
    )


def whole(analysis: Analysis) -> Analysis:
    """The same with the document that a run writes."""
    return replace(analysis, document=document_of(analysis))


def everyday() -> Analysis:
    """Three facets, errors, an infinity, both arithmetics, two labels, curves, segments, dropped rows."""
    facets = {"Sex": ["0"], "Age": ["(40, 90]"], "Race": ["White", "Black", "Other"]}
    found = sections(facets)
    why = "The sign of smclarify is the reverse of its documentation, and it measures distances without scaling."
    differences = (
        MetricDifference("Sex", "0", "FT", -0.3237, 0.2981, why),
        MetricDifference("Sex", "0", "KL", 0.1106, "Infinity", "A class occurs in one of the groups alone."),
        MetricDifference("Race", "Other", "DCA", None, 0.0742, "NaN is not handled in smclarify."),
    )
    bias = Bias("correct", found, found, differences, statistics=statistics(facets), intervals=intervals(found))
    parts = {"Country: 1": 0.8, "Country: 2, 3": 1.4, "__default__": 1.05}
    segments: dict[str, Bias] = {
        name: Bias("correct", sections({"Sex": ["0"], "Race": ["White"]}, factor), {}) for name, factor in parts.items()
    }
    segments["Country: 9"] = Bias("correct", {}, {}, statistics={"error": "Facet group has no rows", "rows": 3})
    asked: list[Section] = [
        {"name_or_index": "Sex", "value_or_threshold": [0]},
        {"name_or_index": "Age", "value_or_threshold": [40]},
        {"name_or_index": "Race"},
    ]
    return whole(
        Analysis(
            config=config(asked),
            document={},
            rows=32561,
            dropped=17,
            bias=bias,
            explained=Explained(explanations(FEATURES, [">50K", "<=50K"])),
            segments=segments,
            notes=(
                "The column Country has 583 missing values; they are a group of their own.",
                f"The model at {ADDRESS} answered in 12 batches.",
            ),
        )
    )


def hostile(text: str) -> Analysis:
    """Every text that can come from outside is the given one."""
    facets = {text: [text, f"{text} 2"]}
    found = sections(facets)
    for stage in found.values():
        stage["label"] = text
        for entry in stage["facets"][text]:
            entry["metrics"].append({"name": text, "description": text, "value": None, "error": text})
    differences = (MetricDifference(text, text, text, text, "-Infinity", text),)
    bias = Bias(
        "compat", found, {}, differences, statistics=statistics(facets, (text, f"{text}!")) | {text: {text: 1.5}}
    )
    asked = config(
        [{"name_or_index": text, "value_or_threshold": [text]}, {"name_or_index": f"{text}?"}],
        title=text,
        headers=[text],
    )
    features = [text, *(f"{text}{place}" for place in range(14))]
    explained = explanations(features, [text, f"{text} b"], {text: 0.04, "b": -0.2})
    explained["pdp"].append({"feature_name": text, "data_type": text, "error": text})
    explained["asymmetric_shapley_value"] = {"explanation_results_path": text, "direction": text}
    segments = {
        text: Bias("compat", sections(facets, 0.9), {}),
        f"{text}~": Bias("compat", {}, {}, statistics={"error": text}),
    }
    return whole(Analysis(asked, {}, 99, 1, bias, Explained(explained), segments, notes=(text,)))


def reported() -> Analysis:
    """With the house's own report behind the numbers."""
    report = binary()
    facet = report.findings[0].facet
    found = next(item for item in report.findings if item.facet == facet and item.interval is not None)
    section = {
        "facets": {
            facet: [
                {
                    "value_or_threshold": found.group.split("=")[-1],
                    "metrics": [{"name": found.metric, "description": found.metric, "value": found.value}],
                }
            ]
        }
    }
    stage = "pre_training_bias_metrics" if found.stage == "labels" else "post_training_bias_metrics"
    asked = config([{"name_or_index": facet, "value_or_threshold": [found.group.split("=")[-1]]}])
    return whole(Analysis(asked, {}, report.provenance.rows, bias=Bias("correct", {stage: section}, {}, report=report)))


def empty() -> Analysis:
    """A run that was asked for nothing but a report."""
    asked = AnalysisConfig.model_validate({"dataset_type": "text/csv", "methods": {}})
    return whole(Analysis(asked, {}, rows=0))


def wide() -> Analysis:
    """Many features and labels: the usual run at its largest."""
    features = [f"feature number {place}" for place in range(60)]
    bias = everyday()
    return whole(replace(bias, explained=Explained(explanations(features, [f"class {place}" for place in range(12)]))))


ALL = {"everyday": everyday, "reported": reported, "empty": empty, "wide": wide}
