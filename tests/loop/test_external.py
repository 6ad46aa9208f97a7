"""Predictions of any model in the world are measured from a file, without a bundle or project."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import sklearn.metrics as reference
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import evermodel as em
from evermodel.cli.main import main
from evermodel.errors import InputError
from tests.real import real_data


def _binary(n: int = 400) -> pl.DataFrame:
    rng = np.random.default_rng(0)
    p = rng.random(n)
    y = (rng.random(n) < p).astype(int)
    row = np.arange(n)
    day = pl.Series(row // 8).cast(pl.Int32).cast(pl.Date)
    sex = np.where(row % 2 == 0, "F", "M")
    return pl.DataFrame(
        {"y": y, "p": p, "w": 1.0 + row % 3, "id": row // 4, "day": day, "sex": sex}
    )


def _run(frame: pl.DataFrame, folder: Path, *flags: str) -> tuple[int, list[str]]:
    frame.write_csv(folder / "p.csv")
    return main(["evaluate", "--data", str(folder / "p.csv"), "--json", *flags]), list(flags)


def _results(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    return {each["name"]: each for each in json.loads(capsys.readouterr().out)["results"]}


def test_a_file_of_outcomes_and_scores_is_measured_and_a_missed_line_exits_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = _binary()
    assert _run(frame, tmp_path, "--truth", "y", "--score", "p")[0] == 0
    found = _results(capsys)
    area = reference.roc_auc_score(frame["y"].to_numpy(), frame["p"].to_numpy())
    assert found["roc_auc"]["value"] == pytest.approx(area, abs=1e-9)
    assert found["roc_auc"]["method"].startswith("DeLong")
    assert found["accuracy"]["method"].startswith("Wilson")
    flags = ("--truth", "y", "--score", "p", "--require", "roc_auc >= 0.99")
    assert _run(frame, tmp_path, *flags)[0] == 1
    assert _results(capsys)["roc_auc"]["verdict"] == "fail"
    assert not (tmp_path / ".evermodel").exists()


def test_weight_key_time_and_group_are_columns_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--truth", "y", "--score", "p", "--weight", "w", "--group", "sex"]
    assert _run(_binary(), tmp_path, *flags, "--key", "id", "--time", "day")[0] == 0
    document = json.loads(capsys.readouterr().out)
    first = document["results"][0]
    assert "cluster bootstrap" in first["method"]
    assert "block bootstrap" in first["method"]
    assert {each["slice"] for each in document["results"]} == {"", "sex=F", "sex=M"}


def test_python_takes_a_frame_and_gives_the_same_as_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = _binary()
    _run(frame, tmp_path, "--truth", "y", "--score", "p", "--key", "id")
    typed = {name: each["low"] for name, each in _results(capsys).items()}
    for data in (frame, tmp_path / "p.csv", frame.to_pandas()):
        report = em.evaluate(data=data, truth="y", score="p", key="id")
        assert {each.name: each.low for each in report.results} == pytest.approx(typed)


def test_each_task_is_seen_from_its_columns() -> None:
    rng = np.random.default_rng(1)
    n = 300
    p = rng.dirichlet([1.0, 1.0, 1.0], n)
    color = np.array(["blue", "green", "red"])[(p.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1)]
    y = rng.normal(size=n)
    frame = pl.DataFrame({
        **{f"p_{name}": p[:, i] for i, name in enumerate(["blue", "green", "red"])},
        "color": color, "said": np.array(["blue", "green", "red"])[p.argmax(axis=1)],
        "y": y, "value": y + 0.5 * rng.normal(size=n), "low": y - rng.random(n),
        "high": y + rng.random(n), "q90": np.full(n, 1.2816),
        "a": (p[:, 0] > 0.4) * 1, "b": (p[:, 1] > 0.2) * 1, "sa": p[:, 0], "sb": p[:, 1],
        "query": np.arange(n) // 6, "gain": rng.integers(0, 3, n),
    })  # fmt: skip

    def tell(**named: Any) -> tuple[str, set[str]]:
        report = em.evaluate(data=frame, **named)
        assert all(each.value is not None for each in report.results), named
        return report.facts["task"], {each.name for each in report.results}

    task, names = tell(truth="color", score=["p_red", "p_blue", "p_green"])
    assert task == "multiclass"
    assert "log_loss" in names
    assert tell(truth="y", prediction="value")[0] == "regression"
    task, names = tell(truth="y", prediction="value", low="low", high="high", held=0.9)
    assert task == "regression"
    assert {"interval_coverage", "interval_width", "interval_score"} <= names
    task, names = tell(truth="y", quantiles={"q90": 0.9})
    assert (task, names) == ("quantile", {"pinball_loss", "quantile_coverage"})
    task, names = tell(truth="a,b", score="sa,sb")
    assert task == "multilabel"
    assert {"hamming_loss", "f1_micro", "roc_auc"} <= names
    task, names = tell(truth="gain", score="sa", query="query", at=3)
    assert (task, names) == ("ranking", {"ndcg_at_3", "map_at_3", "mrr_at_3", "hit_rate_at_3"})
    columns = report_of_labels(frame)
    assert columns[0] == "multiclass"


def report_of_labels(frame: pl.DataFrame) -> tuple[str, Any]:
    report = em.evaluate(data=frame, truth="color", prediction="said")
    return report.facts["task"], report


@pytest.mark.parametrize(
    ("named", "says"),
    [
        ({"truth": "yy", "score": "p"}, "did you mean 'y'"),
        ({"truth": "y"}, "needs a column of outcomes and of what was predicted"),
        ({"score": "p"}, "a table with a column of outcomes"),
        ({"truth": "y", "score": "sex"}, "'sex' must hold numbers"),
        ({"truth": "code", "score": "p"}, "say it: positive 2"),
        ({"truth": "y", "score": "p", "require": ["roc_acu >= 1"]}, "did you mean 'roc_auc'"),
        ({"truth": "y", "score": "p", "threshold": 3.0}, "between 0 and 1"),
        ({"truth": "y", "score": "p", "task": "binray"}, "did you mean 'binary'"),
        ({"truth": "y", "score": "p", "time": "sex"}, "must hold times or numbers"),
        ({"truth": "y", "prediction": "p", "low": "p"}, "two ends"),
        ({"truth": "p", "prediction": "sex"}, "'sex' must hold numbers"),
        ({"truth": "y", "score": "p", "costs": {"2": {"1": 1.0}}}, "no class"),
        ({"truth": "y", "quantiles": {"p": 90.0}}, "between 0 and 1"),
    ],
)
def test_what_does_not_go_together_is_said_in_words(named: dict[str, Any], says: str) -> None:
    frame = _binary().with_columns(code=pl.col("y") + 1)
    with pytest.raises(InputError) as error:
        em.evaluate(data=frame, **named)
    assert says in str(error.value)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (pl.lit(None, pl.Int64).alias("y"), "no row with a known outcome"),
        (pl.lit(1).alias("y"), "one class"),
        (pl.lit(0).alias("y"), "one class"),
        (pl.when(pl.col("id") == 3).then(None).otherwise(pl.col("p")).alias("p"), "missing"),
        ((pl.col("p") * 2).alias("p"), "outside 0 and 1"),
        ((pl.col("w") - 2).alias("w"), "negative"),
    ],
)
def test_columns_that_cannot_be_measured_are_unknown_with_the_reason(
    change: pl.Expr, reason: str
) -> None:
    report = em.evaluate(data=_binary().with_columns(change), truth="y", score="p", weight="w")
    assert report.verdict == "unknown"
    for each in report.results:
        assert each.verdict == "unknown"
        assert reason in each.why, each


@pytest.mark.parametrize(
    "named",
    [
        {"truth": "y,z", "score": "p,p"},
        {"truth": "y", "score": "p", "query": "id", "at": 2},
        {"truth": "p", "quantiles": {"p": 0.5}, "low": "p", "high": "p", "held": 0.5},
    ],
)
def test_bad_input_of_every_other_task_is_unknown_as_well(named: dict[str, Any]) -> None:
    frame = _binary().with_columns(z=1 - pl.col("y"))
    broken = frame.with_columns(
        p=pl.when(pl.col("id") == 3).then(float("nan")).otherwise(pl.col("p"))
    )
    both: list[tuple[pl.DataFrame, dict[str, Any]]] = [
        (broken, {}),
        (frame.with_columns(w=-1.0), {"weight": "w"}),
    ]
    for data, more in both:
        if data is broken and "quantiles" in named:
            continue  # there the outcome itself is missing, and the row is left out
        report = em.evaluate(data=data, **named, **more)
        assert report.results
        assert {each.verdict for each in report.results} == {"unknown"}
        assert all(each.why and each.value is None for each in report.results)


def test_a_required_line_that_cannot_be_told_exits_1(tmp_path: Path) -> None:
    few = _binary(12)
    flags = ("--truth", "y", "--score", "p", "--require", "roc_auc >= 0.1")
    assert _run(few, tmp_path, *flags)[0] == 1


def test_german_credit_costs_five_to_one_and_the_threshold_follows() -> None:
    frame = pl.read_csv(real_data("credit/german_credit.csv"))
    x, y = frame.drop("class").to_pandas(), frame["class"].to_numpy()
    texts = list(frame.drop("class").select(pl.col(pl.String)).columns)
    learner = make_pipeline(
        make_column_transformer(
            (OneHotEncoder(handle_unknown="ignore"), texts), remainder=StandardScaler()
        ),
        LogisticRegression(max_iter=2000),
    )
    p = cross_val_predict(learner, x, y, cv=10, method="predict_proba")[:, 1]
    table = pl.DataFrame({"class": y, "bad": p})
    costs = {"2": {"1": 5.0}, "1": {"2": 1.0}}
    report = em.evaluate(data=table, truth="class", score="bad", positive="2", costs=costs)
    cost = report.find("cost")
    called_bad = p >= 1 / 6
    paid = np.where(y == 2, ~called_bad * 5.0, called_bad * 1.0).mean()
    assert cost.value == pytest.approx(paid)
    assert cost.evidence == {"never": pytest.approx(1.5), "always": pytest.approx(0.7)}
    assert cost.high is not None
    assert cost.high < 0.7  # less than refusing everybody
    half = em.evaluate(
        data=table, truth="class", score="bad", positive="2", costs=costs, threshold=0.5
    )
    assert (half.find("cost").value or 0) > paid
