"""Texts in Clarify's shapes: linear models of words have known answers."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evenhand.clarify.analysis import Dataset, Explained
from evenhand.clarify.config.analysis_config import AnalysisConfig
from evenhand.clarify.explanations.budgets import evaluations
from evenhand.clarify.explanations.texts import WORKING, explain_texts
from evenhand.core.errors import DataError, ModelError, SpecError
from evenhand.models.loaded import LoadedModel

WEIGHTS = {"good": 1.0, "fine": 0.5, "bad": -2.0}


def config(**shap: Any) -> AnalysisConfig:
    text = {"granularity": "token", "language": "English"} | shap.pop("text_config", {})
    keys = {"save_local_shap_values": True, "seed": 1, "text_config": text} | shap
    return AnalysisConfig.model_validate({"dataset_type": "text/csv", "label": "liked", "methods": {"shap": keys}})


def scores(rows: pd.DataFrame) -> Any:
    words = [sum(WEIGHTS.get(word, 0.0) for word in text.lower().split()) for text in rows["review"]]
    return np.array(words) + 0.1 * rows["stars"].to_numpy() + (rows["shop"] == "b")


def model(answer: Any = scores) -> LoadedModel:
    return LoadedModel("words", lambda rows: {"label": answer(rows)})


def dataset(texts: list[str], **columns: Any) -> Dataset:
    count = len(texts)
    rows = pd.DataFrame(
        {"stars": range(count), "shop": ["ab"[row % 2] for row in range(count)], "review": texts} | columns
    )
    return Dataset(rows, ("stars", "shop", "review"), label="liked", join="id" if "id" in columns else None)


TEXTS = ["good plot but bad sound", "a fine film on the whole", "bad bad film from the start"]
BASELINE = [[1, "a", ""]]


def lines(output: Path) -> list[Any]:
    text = (output / "explanations_shap" / "out.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


def explained(output: Path, texts: list[str] = TEXTS, **shap: Any) -> Explained:
    return explain_texts(config(**{"baseline": BASELINE} | shap), dataset(texts), model(), output)


def test_a_linear_model_gives_each_word_its_weight(tmp_path: Path) -> None:
    explained(tmp_path)
    first, second, third = lines(tmp_path)
    stars, shop, review = first["explanations"]
    assert [each["feature_name"] for each in first["explanations"]] == ["stars", "shop", "review"]
    assert [each["data_type"] for each in first["explanations"]] == ["numerical", "categorical", "free_text"]
    assert stars["attributions"][0]["attribution"] == pytest.approx([-0.1])
    assert shop["attributions"][0]["attribution"] == pytest.approx([0.0])
    said = {each["description"]["partial_text"]: each["attribution"][0] for each in review["attributions"]}
    assert said == pytest.approx({"good": 1.0, "plot": 0.0, "but": 0.0, "bad": -2.0, "sound": 0.0}, abs=1e-9)
    assert second["explanations"][1]["attributions"][0]["attribution"] == pytest.approx([1.0])
    assert [each["attribution"][0] for each in third["explanations"][2]["attributions"][:2]] == pytest.approx([-2, -2])


def test_the_section_holds_global_values_expected_value_and_top_texts(tmp_path: Path) -> None:
    section = explained(tmp_path, text_config={"max_top_tokens": 2}).sections["kernel_shap"]["liked"]
    assert section["expected_value"] == pytest.approx(0.1)  # one star, shop a, no text
    assert section["global_shap_values"] == pytest.approx(
        {"stars": 0.2 / 3, "shop": 1 / 3, "review": (3 + 0.5 + 4) / 3}
    )
    assert section["global_top_shap_text"] == pytest.approx({"bad": 2.0, "good": 1.0})


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from([*WEIGHTS, "film", "naïve", "日本", "🙂"]), min_size=4, max_size=9))
def test_values_add_up_and_starts_point_into_the_text(tmp_path: Path, words: list[str]) -> None:
    text = "  ".join(words)
    result = explain_texts(config(baseline=BASELINE), dataset([text]), model(), tmp_path)
    features = lines(tmp_path)[0]["explanations"]
    total = sum(each["attribution"][0] for feature in features for each in feature["attributions"])
    base = result.sections["kernel_shap"]["liked"]["expected_value"]
    assert base + total == pytest.approx(scores(dataset([text]).rows)[0], abs=1e-8)
    for each in features[2]["attributions"]:
        start, part = each["description"]["start_idx"], each["description"]["partial_text"]
        assert text[start : start + len(part)] == part


def test_a_mask_stands_for_absent_units_and_an_empty_baseline_drops_them(tmp_path: Path) -> None:
    seen: set[str] = set()

    def watching(rows: pd.DataFrame) -> Any:
        seen.update(rows["review"])
        return scores(rows)

    explain_texts(config(baseline=[[0, "a", "[MASK]"]]), dataset(["so very good it is"]), model(watching), tmp_path)
    assert "[MASK] [MASK] good [MASK] [MASK]" in seen
    seen.clear()
    explain_texts(
        config(baseline={"review": "", "stars": 0, "shop": "a"}),
        dataset(["so very good it is"]),
        model(watching),
        tmp_path,
    )
    assert {"", "good", "so is"} <= seen


def test_several_baseline_rows_are_averaged(tmp_path: Path) -> None:
    result = explained(tmp_path, baseline=[[0, "a", ""], [10, "b", ""]])
    assert result.sections["kernel_shap"]["liked"]["expected_value"] == pytest.approx((0 + 2) / 2)
    assert lines(tmp_path)[0]["explanations"][0]["attributions"][0]["attribution"] == pytest.approx([-0.5])


def test_a_baseline_may_lie_in_a_file_or_leave_columns_out(tmp_path: Path) -> None:
    (tmp_path / "baseline.csv").write_text('1,a,""\n')
    found = explained(tmp_path, baseline=str(tmp_path / "baseline.csv"))
    assert found.facts["baseline"] == [{"stars": 1.0, "shop": "a", "review": ""}]
    assert found.sections["kernel_shap"]["liked"]["expected_value"] == pytest.approx(0.1)
    explained(tmp_path, baseline={"review": ""})
    stars, shop, review = lines(tmp_path)[0]["explanations"]
    assert stars["attributions"] == shop["attributions"] == []
    assert len(review["attributions"]) == 5


def test_sentences_and_join_values(tmp_path: Path) -> None:
    data = dataset(["It is good. The end was bad."], id=["x\n1"])
    explain_texts(config(baseline=BASELINE, text_config={"granularity": "SENTENCE", "language": "en"}), data,
                  model(lambda rows: scores(rows.assign(review=rows["review"].str.replace(".", "")))), tmp_path)  # fmt: skip
    (line,) = lines(tmp_path)
    assert line["join_source_value"] == "x\n1"
    assert [each["description"] for each in line["explanations"][2]["attributions"]] == [
        {"partial_text": "It is good.", "start_idx": 0},
        {"partial_text": "The end was bad.", "start_idx": 12},
    ]
    assert [each["attribution"][0] for each in line["explanations"][2]["attributions"]] == pytest.approx([1.0, -2.0])


def test_classes_have_a_section_each(tmp_path: Path) -> None:
    def three(rows: pd.DataFrame) -> Any:
        return np.stack([scores(rows), 2 * scores(rows), np.zeros(len(rows))], axis=1)

    result = explain_texts(
        config(baseline=BASELINE), dataset(TEXTS), model(three), tmp_path, label_names=["x", "y", "z"]
    )
    sections = result.sections["kernel_shap"]
    assert list(sections) == ["x", "y", "z"]
    assert sections["y"]["global_shap_values"]["review"] == pytest.approx(
        2 * sections["x"]["global_shap_values"]["review"]
    )
    assert len(lines(tmp_path)[0]["explanations"][2]["attributions"][0]["attribution"]) == 3


def test_a_row_without_text_still_explains_its_other_columns(tmp_path: Path) -> None:
    explained(tmp_path, texts=[*TEXTS, " "])
    stars, shop, review = lines(tmp_path)[3]["explanations"]
    assert review["attributions"] == []
    assert stars["attributions"][0]["attribution"] == pytest.approx([0.2])
    assert shop["attributions"][0]["attribution"] == pytest.approx([1.0])


def test_a_run_that_failed_goes_on_and_writes_the_same_file(tmp_path: Path) -> None:
    explained(tmp_path / "whole")
    asked: list[str] = []

    def failing(rows: pd.DataFrame) -> Any:
        if any(text.startswith("bad bad") for text in rows["review"]):
            raise RuntimeError("out of memory")
        return scores(rows)

    def counting(rows: pd.DataFrame) -> Any:
        asked.extend(rows["review"])
        return scores(rows)

    with pytest.raises(ModelError, match="out of memory"):
        explain_texts(config(baseline=BASELINE), dataset(TEXTS), model(failing), tmp_path)
    assert not (tmp_path / "explanations_shap" / "out.jsonl").exists()
    with (tmp_path / WORKING).open("a") as file:
        file.write('{"key": "2", "part": {"expl')  # torn by a kill
    explain_texts(config(baseline=BASELINE), dataset(TEXTS), model(counting), tmp_path)
    assert not any("plot" in text for text in asked)  # the first row was not asked for again
    assert lines(tmp_path) == lines(tmp_path / "whole")
    assert not (tmp_path / WORKING).exists()


def test_another_dataset_does_not_go_on(tmp_path: Path) -> None:
    def failing(rows: pd.DataFrame) -> Any:
        if any("bad" in text for text in rows["review"]):
            raise RuntimeError("no")
        return scores(rows)

    with pytest.raises(ModelError):
        explain_texts(
            config(baseline=BASELINE), dataset(["good and fine and good", TEXTS[0]]), model(failing), tmp_path
        )
    explained(tmp_path)
    assert lines(tmp_path)[0]["explanations"][2]["attributions"][0]["description"]["partial_text"] == "good"
    assert len(lines(tmp_path)[0]["explanations"][2]["attributions"]) == 5


def test_local_values_are_written_where_they_are_asked_for(tmp_path: Path) -> None:
    assert explained(tmp_path, save_local_shap_values=False).files == ()
    assert not (tmp_path / "explanations_shap").exists()


def test_the_budget_is_theirs() -> None:
    assert [evaluations(None, players) for players in (10, 20)] == [1022, 2088]
    assert evaluations(100, 10) == 100
    assert evaluations(5000, 10) == 1022


def test_bad_input_is_told(tmp_path: Path) -> None:
    table = Dataset(pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}), ("a", "b"))
    with pytest.raises(DataError, match="free text"):
        explain_texts(config(), table, model(), tmp_path)
    with pytest.raises(SpecError, match="features_to_explain"):
        explained(tmp_path, features_to_explain=["stars"])
    with pytest.raises(SpecError, match="2 values"):
        explained(tmp_path, baseline=[["", 1]])
    with pytest.raises(SpecError, match="language"):
        explained(tmp_path, text_config={"language": "klingon"})
