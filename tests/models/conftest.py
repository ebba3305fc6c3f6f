"""A small table of people and models that learnt from it."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler


@pytest.fixture(scope="session")
def people() -> pd.DataFrame:
    random = np.random.default_rng(5)
    hours = random.normal(40, 10, 300).round(1)
    trade = random.choice(["baker", "clerk", "smith"], 300)
    hired = np.where(hours + 5 * (trade == "clerk") + random.normal(0, 5, 300) > 42, "yes", "no")
    return pd.DataFrame({"hours": hours, "trade": trade, "hired": hired})


@pytest.fixture(scope="session")
def pipeline(people: pd.DataFrame) -> Pipeline:
    columns = make_column_transformer((OneHotEncoder(), ["trade"]), (StandardScaler(), ["hours"]))
    model: Any = make_pipeline(columns, LogisticRegression())
    return model.fit(people[["hours", "trade"]], people["hired"])
