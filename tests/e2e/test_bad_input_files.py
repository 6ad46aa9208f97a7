"""Files that cannot be learned from: each is refused in plain words, and nothing is left behind."""

import random
import shutil
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from evermodel.loop.state import read_state
from evermodel.loop.workspace import open_workspace
from tests.cli.shell import evermodel
from tests.jobs import jobs_of
from tests.loop.shop import customers, setting


def _write_text(text: str) -> Callable[[Path], object]:
    return lambda path: path.write_text(text)


def _cut(path: Path) -> None:
    customers(300).write_parquet(path)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def _one_class(path: Path) -> None:
    customers(300).with_columns(churned=pl.lit("no")).write_csv(path)


def _no_outcome(path: Path) -> None:
    customers(300).with_columns(churned=pl.lit(None, pl.String)).write_csv(path)


def _same_names(path: Path) -> None:
    customers(300).write_csv(path)
    path.write_text(path.read_text().replace("visits", "amount", 1))


def _binary(path: Path) -> None:
    path.write_bytes(random.Random(0).randbytes(20_000))


BAD: dict[str, tuple[str, Callable[[Path], object], tuple[str, ...]]] = {
    "missing": ("nowhere.csv", lambda _: None, ("no such file", "nowhere.csv", "try:")),
    "empty": ("a.csv", _write_text(""), ("is empty", "a.csv", "export it again")),
    "header only": ("a.csv", _write_text("amount,churned\n"), ("no rows", "a.csv", "try:")),
    "one row": ("a.csv", _write_text("amount,churned\n3,yes\n"), ("too few rows", "1 row", "try:")),
    "binary": ("a.csv", _binary, ("binary file", "a.csv:", "NUL byte", "try:")),
    "cut off": ("a.parquet", _cut, ("cut off", "a.parquet", "copy it again")),
    "empty parquet": ("a.parquet", _write_text(""), ("is empty", "a.parquet", "try:")),
    "one class": ("a.csv", _one_class, ("one value only", "'no' in all 300 rows", "--target")),
    "no outcome": ("a.csv", _no_outcome, ("is missing", "300 empty rows", "--target")),
    "same names": ("a.csv", _same_names, ("more than once", "'amount'", "name of its own")),
    "a folder": ("data", lambda path: path.mkdir(), ("a folder", "data", "name a file")),
}


@pytest.mark.parametrize("case", BAD)
def test_init_refuses_and_writes_nothing(tmp_path: Path, case: str) -> None:
    name, make, words = BAD[case]
    make(tmp_path / name)
    before = sorted(path.name for path in tmp_path.iterdir())
    done = evermodel("init", name, "--target", "churned", folder=tmp_path)
    done.refuses(*words)
    assert done.out == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_an_unknown_target_is_answered_with_the_nearest_column(tmp_path: Path) -> None:
    customers(300).write_csv(tmp_path / "a.csv")
    done = evermodel("init", "a.csv", "--target", "chruned", "--json", folder=tmp_path)
    done.refuses("no column 'chruned'", "did you mean 'churned'?")
    assert done.document["error"]["where"] == "a.csv"
    assert not (tmp_path / "evermodel.toml").exists()


@pytest.mark.parametrize("case", ["missing", "empty", "binary", "one class", "same names"])
def test_a_project_whose_data_went_bad_keeps_what_is_live(live: Path, case: str) -> None:
    _, make, words = BAD[case]
    source = live / "customers.csv"
    source.unlink()
    make(source)
    done = evermodel("train", folder=live)
    assert done.code in (1, 2)
    done.refuses(code=done.code)
    if done.code == 2 and case != "missing":
        assert words[0] in done.err
    _nothing_new(live)


def _nothing_new(folder: Path) -> None:
    with open_workspace(folder) as workspace:
        state = read_state(workspace)
        assert (state.live, set(state.versions), len(state.candidates)) == (1, {1}, 1)
        assert len(list(workspace.candidates.iterdir())) == 1
        assert [path.name for path in workspace.bundles.iterdir()] == ["1"]
        assert not [job for job in jobs_of(workspace.root) if job.state == "running"]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_infinite_numbers_are_refused_and_named(live: Path, kind: str) -> None:
    rows = customers(400)
    amounts = rows["amount"].to_list()
    amounts[3], amounts[5], amounts[9] = float("inf"), float("-inf"), float("nan")
    rows = rows.with_columns(amount=pl.Series(amounts))
    rows.write_csv(live / "customers.csv")
    if kind == "parquet":
        rows.write_parquet(live / "customers.parquet")
        path = live / "evermodel.toml"
        path.write_text(path.read_text().replace("customers.csv", "customers.parquet"))
    done = evermodel("train", "--json", folder=live)
    done.refuses(code=1)
    found = [r for r in done.document["results"] if r["verdict"] == "fail"]
    assert [(r["name"], r["subject"], r["value"]) for r in found] == [("infinite", "amount", 2)]
    assert "make them missing" in found[0]["why"]
    _nothing_new(live)


def test_nan_is_missing_and_no_error(live: Path) -> None:
    rows = customers(400)
    amounts = [float("nan") if place % 7 == 0 else x for place, x in enumerate(rows["amount"])]
    rows.with_columns(amount=pl.Series(amounts)).write_csv(live / "customers.csv")
    assert evermodel("train", folder=live).code == 0


@pytest.mark.slow
def test_a_column_of_a_hundred_thousand_categories_is_learned_from_in_bounded_time(
    live: Path,
) -> None:
    rows = customers(110_000)
    plans = [f"v{place % 100_000}" for place in range(rows.height)]
    rows.with_columns(plan=pl.Series(plans)).write_csv(live / "customers.csv")
    refused = evermodel("train", "--json", folder=live, timeout=240)
    assert [r["name"] for r in refused.document["results"]] == ["values_changed"]
    path = live / "evermodel.toml"
    path.write_text(path.read_text().replace("[data]", '[data]\ngate_training = "warn"'))
    done = evermodel("train", "--json", folder=live, timeout=240)
    assert done.code == 0, done.err
    checked = evermodel("check", "--json", folder=live).document["results"]
    assert [r["subject"] for r in checked if r["name"] == "many_values"] == ["plan"]
    with open_workspace(live) as workspace:
        candidate = read_state(workspace).candidate
        assert candidate is not None
        assert candidate["bytes"] < 50_000_000


def _dated(live: Path, times: list[str]) -> None:
    rows = customers(len(times)).with_columns(at=pl.Series(times))
    rows.write_csv(live / "customers.csv")
    path = live / "evermodel.toml"
    path.write_text(
        path.read_text().replace('key = ["customer"]', 'key = ["customer"]\ntime = "at"')
    )


def test_dates_out_of_order_are_put_in_order(live: Path) -> None:
    begin = datetime(2025, 1, 1)
    times = [begin + timedelta(hours=hour) for hour in range(400)]
    random.Random(0).shuffle(times)
    _dated(live, [time.isoformat(sep=" ") for time in times])
    done = evermodel("train", "--json", folder=live)
    assert done.code == 0, done.err
    assert "by time" in done.document["facts"]["split"]
    with open_workspace(live) as workspace:
        recorded = read_state(workspace).candidate
        assert recorded is not None
        test = pl.read_parquet(workspace.ports.blobs.path(recorded["test"]))
    assert test["at"].min() == begin + timedelta(hours=240)


def test_dates_that_are_none_are_refused(live: Path) -> None:
    times = [f"2025-01-01 {hour % 24:02}:00:00" for hour in range(370)]
    _dated(live, [*times, *["31/02/2025", "2025-13-45"] * 15])
    done = evermodel("train", folder=live)
    done.refuses("at", "timestamp", "mend the data", code=1)
    _nothing_new(live)


def test_a_few_dates_that_are_none_are_told_and_their_rows_not_learned_from(live: Path) -> None:
    days = [date(2024, 1, 1) + timedelta(days=place) for place in range(397)]
    _dated(live, [*map(str, days), "2025-02-31", "yesterday", "2025-13-45"])
    done = evermodel("train", folder=live)
    assert done.code == 0, done.err
    assert "'yesterday' on line 400" in " ".join(done.out.split())


def test_a_score_of_a_bad_file_writes_nothing(live: Path) -> None:
    _binary(live / "new.csv")
    evermodel("score", "new.csv", "out.csv", folder=live).refuses("binary file")
    customers(30).drop("plan").write_csv(live / "less.csv")
    evermodel("score", "less.csv", "out.csv", folder=live).refuses("plan")
    customers(30).with_columns(amount=pl.lit("much")).write_csv(live / "words.csv")
    evermodel("score", "words.csv", "out.csv", folder=live).refuses("amount")
    customers(30).write_csv(live / "good.csv")
    evermodel("score", "good.csv", "out.xlsx", folder=live).refuses("out.xlsx", "try:")
    evermodel("score", "good.csv", "no/such/out.csv", folder=live).refuses("no/such")
    assert not list(live.glob("*out.*"))


@pytest.mark.parametrize("verb", ["labels", "evaluate"])
def test_outcomes_in_a_bad_file_change_nothing(live: Path, verb: str) -> None:
    words = ["labels"] if verb == "labels" else ["evaluate", "--data"]
    _cut(live / "bad.parquet")
    evermodel(*words, "bad.parquet", folder=live).refuses("cut off", "bad.parquet")
    evermodel(*words, "nowhere.csv", folder=live).refuses("no such file")
    customers(30).drop("churned").write_csv(live / "blind.csv")
    evermodel(*words, "blind.csv", folder=live).refuses("churned")
    with open_workspace(live) as workspace:
        assert not workspace.events("labels")
        assert not workspace.events("evaluated")


MISTAKES = {
    "words": (
        {"task": '"binry"', "postive": '"yes"', "trials": '"many"', "aprove": '"person"'},
        ("'binary'", "'positive'", "a whole number", "'approve'"),
    ),
    "meanings": (
        {"test": "1.5", "every": '"soon"', "require": '["roc_auc > 0.8"]'},
        ("1.5", "'soon'", "roc_auc > 0.8"),
    ),
}
SECTIONS = {
    "task": "data", "postive": "data", "trials": "train", "test": "train",
    "aprove": "loop", "every": "loop", "require": "evaluate",
}  # fmt: skip


@pytest.mark.parametrize("kind", MISTAKES)
def test_the_mistakes_of_a_project_file_are_said_at_once_with_their_lines(
    live: Path, kind: str
) -> None:
    path = live / "evermodel.toml"
    wrong, meant = MISTAKES[kind]
    for key, value in wrong.items():
        kept = [ln for ln in path.read_text().splitlines() if not ln.startswith(f"{key} =")]
        path.write_text("\n".join(kept) + "\n")
        setting(live, SECTIONS[key], f"{key} = {value}")
    done = evermodel("train", "--json", folder=live)
    done.refuses("mistakes in the project file")
    lines = path.read_text().splitlines()
    for key, word in zip(wrong, meant, strict=True):
        number = next(place for place, line in enumerate(lines, 1) if line.startswith(f"{key} ="))
        said = [line for line in done.err.splitlines() if f"evermodel.toml:{number}:" in line]
        assert said, f"line {number} ({key}) is not in\n{done.err}"
        assert word in said[0]
    assert done.document["error"]["what"]
    assert evermodel("doctor", folder=live).code == 1


def test_a_project_file_that_is_no_toml_is_said_with_its_line(live: Path) -> None:
    (live / "evermodel.toml").write_text('[project]\nname = "shop\n')
    evermodel("status", folder=live).refuses("evermodel.toml:2")
    (live / "evermodel.toml").write_bytes(b"\xff\xfe\x00broken")
    evermodel("status", folder=live).refuses("evermodel.toml", "cannot be read")


def test_a_source_that_is_gone_is_said_by_every_verb_that_needs_it(live: Path) -> None:
    (live / "customers.csv").unlink()
    for verb in ("check", "retrain"):
        evermodel(verb, folder=live).refuses("no such file", "customers.csv")
    assert evermodel("status", folder=live).code == 0
    shutil.rmtree(live / ".evermodel" / "bundles")
    evermodel("evaluate", "1", folder=live).refuses("not a bundle", "bundles/shop/1")
