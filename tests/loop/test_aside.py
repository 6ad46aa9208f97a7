"""Rows of a scored file that are wrong are set aside one by one, and taken back after a repair."""

import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from evermodel.errors import DataError, NotFoundError
from evermodel.loop import aside as aside_file
from evermodel.loop import replaying
from evermodel.loop.corrections import data_replay
from evermodel.loop.predictions import logged
from evermodel.loop.releasing import promote, register
from evermodel.loop.scoring import score
from evermodel.loop.state import read_state
from evermodel.loop.training import train
from evermodel.loop.workspace import Workspace
from evermodel.records import Report
from evermodel.tables import texts, versions
from tests.loop.shop import Shop, customers

Make = Callable[..., Shop]
SENTENCES = 'checks = ["amount is between 0 and 1000", "plan is one of basic, plus, pro (warn)"]'
ASIDE = (("data", 'gate_scoring = "quarantine"'), ("data", SENTENCES))


def _file(one: Shop, rows: int = 300, cells: dict[tuple[int, str], str] | None = None) -> Path:
    """Write rows with some cells changed, by line; decimals with a comma."""
    frame = customers(rows, seed=11, first=10_000).drop("churned").cast(pl.String)
    frame = frame.with_columns(pl.col("amount").str.replace(".", ",", literal=True))
    for (line, column), text in (cells or {}).items():
        frame = frame.with_columns(
            pl.when(pl.int_range(pl.len()) == line - 2)
            .then(pl.lit(text)).otherwise(pl.col(column)).alias(column)
        )  # fmt: skip
    path = one.folder / "new.csv"
    frame.write_csv(path, separator=";")
    return path


WRONG = {(5, "amount"): "5000,5", (9, "visits"): "abc", (12, "plan"): "gold"}


def _logged(one: Shop) -> int:
    found = logged(one.workspace)
    return 0 if found is None else found.height


def _scored(one: Shop, cells: dict[tuple[int, str], str] | None = None) -> Report:
    source = _file(one, cells=WRONG if cells is None else cells)
    return score(source, one.folder / "out.csv", one.workspace)


def _sheet(report: Report) -> pl.DataFrame:
    return texts(report.facts["quarantine"])


def _repair(report: Report, line: int, column: str, text: str) -> None:
    sheet = _sheet(report)
    changed = pl.when(pl.col("line") == str(line)).then(pl.lit(text)).otherwise(pl.col(column))
    sheet.with_columns(changed.alias(column)).write_csv(report.facts["quarantine"], separator=";")


def _ids(workspace: Workspace) -> list[str]:
    workspace.forget()
    log = logged(workspace)
    assert log is not None
    return sorted(key for key in log["key"].to_list())


def test_rows_that_are_wrong_are_set_aside_as_they_stand_and_the_others_predicted(
    shop: Make,
) -> None:
    one = shop(*ASIDE)
    report = _scored(one)
    sheet = _sheet(report)
    assert sheet.columns == [
        "line", "reason", "delivery", "customer", "amount", "visits", "plan",
    ]  # fmt: skip
    assert sheet["line"].to_list() == ["5", "9"]
    assert (sheet["amount"][0], sheet["visits"][1]) == ("5000,5", "abc")
    assert "between 0 and 1000" in sheet["reason"][0]
    assert "visits: not of the type" in sheet["reason"][1]
    assert sheet["delivery"][0].startswith("new.csv at ")
    path = Path(report.facts["quarantine"])
    assert path.parent == one.workspace.set_aside
    assert {stat.S_IMODE(each.stat().st_mode) for each in path.parent.iterdir()} == {0o600}
    out = pl.read_csv(one.folder / "out.csv", separator=";", decimal_comma=True)
    assert out.height == report.facts["rows"] == report.facts["logged"] == 298
    assert not set(sheet["customer"]) & set(out["customer"])
    said = report.find("rows set aside", "rows")
    assert (said.value, said.n) == (2, 300)
    assert "line 5" in said.why
    assert f"replay-quarantine {path}" in said.why
    warned = next(each for each in report.results if each.slice == "one of")
    assert (warned.value, warned.verdict) == (1, "warn")
    assert "predicted all the same" in warned.why


def test_a_slip_in_a_part_of_the_rows_sets_these_aside_alone(shop: Make) -> None:
    one = shop(("data", 'gate_scoring = "quarantine"'))
    frame = customers(400, seed=11, first=10_000).drop("churned")
    slipped = pl.int_range(pl.len()) % 8 == 0
    frame = frame.with_columns(
        pl.when(slipped).then(pl.col("amount") * 1000).otherwise(pl.col("amount"))
    )
    source, out = one.folder / "new.parquet", one.folder / "out.parquet"
    frame.write_parquet(source)
    report = score(source, out, one.workspace)
    assert _sheet(report)["line"].to_list() == [str(n + 1) for n in range(0, 400, 8)]
    assert pl.read_parquet(out)["amount"].max() < 1000  # type: ignore[operator]
    # Repaired texts of a source that has types are read in these.
    sheet = _sheet(report)
    amount = (pl.col("amount").cast(pl.Float64) / 1000).cast(pl.String)
    sheet.with_columns(amount).write_csv(report.facts["quarantine"], separator=";")
    back = data_replay(report.facts["quarantine"], one.workspace)
    assert back.facts["rows"] == back.facts["logged"] == 50
    plain = one.folder / "plain.parquet"
    frame.with_columns(
        pl.when(slipped).then(pl.col("amount") / 1000).otherwise(pl.col("amount"))
    ).write_parquet(source)
    score(source, plain, one.workspace, log=False)
    right = dict(pl.read_parquet(plain).select("customer", "probability").iter_rows())
    again = dict(pl.read_parquet(back.facts["output"]).select("customer", "probability").rows())
    assert again == pytest.approx({name: right[name] for name in again}, abs=1e-9)


@pytest.mark.parametrize(("level", "rows"), [("fail", 0), ("warn", 300)])
def test_sentences_are_asked_of_files_by_the_level_of_the_gate(
    shop: Make, level: str, rows: int
) -> None:
    one = shop(("data", f'gate_scoring = "{level}"'), ("data", SENTENCES))
    if level == "fail":
        with pytest.raises(DataError, match="amount is between 0 and 1000"):
            _scored(one)
        assert not (one.folder / "out.csv").exists()
        return
    report = _scored(one)
    assert report.facts["rows"] == rows
    assert "predicted all the same" in report.find("expectation", "amount").why
    assert not one.workspace.set_aside.exists()


def test_repaired_rows_are_predicted_once_and_the_others_stay(shop: Make) -> None:
    one = shop(*ASIDE)
    report = _scored(one)
    path = report.facts["quarantine"]
    with pytest.raises(DataError, match="line 5: it stands as it was"):
        data_replay(path, one.workspace)
    _repair(report, 5, "amount", "50,05")
    back = data_replay(path, one.workspace)
    assert (back.facts["rows"], back.facts["logged"], back.facts["left"]) == (1, 1, 1)
    assert pl.read_csv(back.facts["output"], separator=";", decimal_comma=True)[
        "amount"
    ].to_list() == [50.05]
    _repair(report, 9, "visits", "still none")
    with pytest.raises(DataError, match="line 9: visits: not of the type"):
        data_replay(path, one.workspace)
    _repair(report, 9, "visits", "3")
    second = data_replay(path, one.workspace)
    assert second.facts["output"] != back.facts["output"]
    ids = _ids(one.workspace)
    assert len(ids) == len(set(ids)) == 300
    third = data_replay(path, one.workspace)
    assert (third.facts["rows"], third.facts["left"]) == (0, 0)
    assert _ids(one.workspace) == ids


def test_a_row_whose_reason_was_emptied_is_taken_as_it_stands(shop: Make) -> None:
    one = shop(*ASIDE)
    report = _scored(one, {(5, "amount"): "5000,5"})
    _repair(report, 5, "reason", "")
    back = data_replay(report.facts["quarantine"], one.workspace)
    assert pl.read_csv(back.facts["output"], separator=";", decimal_comma=True)[
        "amount"
    ].to_list() == [5000.5]


def test_the_same_file_scored_again_sets_its_rows_aside_once(shop: Make) -> None:
    one = shop(*ASIDE)
    report = _scored(one)
    _repair(report, 5, "amount", "50,05")
    before = _sheet(report)
    again = _scored(one)
    assert again.facts["quarantine"] == report.facts["quarantine"]
    assert _sheet(report).equals(before)
    assert len(list(one.workspace.set_aside.iterdir())) == 2


def test_a_file_of_another_project_is_refused(shop: Make) -> None:
    one, other = shop(*ASIDE), shop(*ASIDE)
    report = _scored(one)
    with pytest.raises(NotFoundError, match="another project"):
        data_replay(report.facts["quarantine"], other.workspace)


class Killed(BaseException):
    """What stands for kill -9: nothing is tidied up that a process does not tidy up."""


def test_a_file_that_is_scored_again_tells_what_was_predicted_since(shop: Make) -> None:
    one = shop(*ASIDE)
    report = _scored(one)
    aside = report.facts["aside"]
    assert "predicted since" not in report.find("rows set aside", "rows").why
    _repair(report, 5, "amount", "50,5")
    data_replay(report.facts["quarantine"], one.workspace)
    said = _scored(one).find("rows set aside", "rows")
    assert (said.value, said.verdict) == (aside - 1, "warn")
    assert f"1 of them was predicted since, {aside - 1} not; repair" in said.why
    for line, column, text in ((9, "visits", "3"), (12, "plan", "pro")):
        _repair(report, line, column, text)
    data_replay(report.facts["quarantine"], one.workspace)
    again = _scored(one)
    said = again.find("rows set aside", "rows")
    assert (said.value, said.verdict) == (0, "pass")
    assert "all of them were predicted since" in said.why
    assert again.facts["aside"] == aside


def test_what_is_set_aside_lies_on_the_disk_before_a_prediction_is_logged(
    shop: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = shop(*ASIDE)

    def stopped(*args: Any, **settings: Any) -> Any:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(versions, "append", stopped)
        with pytest.raises(Killed):
            _scored(one)
    (path,) = one.workspace.set_aside.glob("*.csv")
    assert pl.read_csv(path, separator=";", decimal_comma=True).height == 2
    report = _scored(one)
    assert report.facts["quarantine"] == str(path)
    assert report.facts["logged"] == 298


POINTS = (
    (aside_file, "write_durably", 0),
    (aside_file, "write_durably", 1),
    (versions, "append", 0),
    (replaying, "write", 0),
    (replaying, "keep_delivery", 1),
)


@pytest.mark.parametrize(("room", "name", "call"), POINTS)
@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("promoted", [False, True])
def test_a_taking_back_that_is_cut_short_ends_as_one_that_is_not(
    shop: Make, monkeypatch: pytest.MonkeyPatch, room: Any, name: str, call: int, after: bool,
    promoted: bool,
) -> None:  # fmt: skip
    one = shop(*ASIDE)
    report = _scored(one)
    path = report.facts["quarantine"]
    _repair(report, 5, "amount", "50,05")
    calls, real = [0], getattr(room, name)

    def stopped(*args: Any, **settings: Any) -> Any:
        calls[0] += 1
        if calls[0] - 1 != call:
            return real(*args, **settings)
        if after:
            real(*args, **settings)
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(room, name, stopped)
        with pytest.raises(Killed):
            data_replay(path, one.workspace)
    if promoted:
        train(one.workspace, seed=1)
        register("", one.workspace)
        promote(2, one.workspace, force=True)
    # Meanwhile somebody repairs the other row, and the first once more.
    _repair(report, 9, "visits", "3")
    data_replay(path, one.workspace)
    ids = _ids(one.workspace)
    assert len(ids) == len(set(ids)) == 300
    outputs = sorted(one.folder.glob("out.*-*.csv"))
    rows = pl.concat([pl.read_csv(each, separator=";", decimal_comma=True) for each in outputs])
    assert 50.05 in rows["amount"].to_list()
    assert rows.height == 2
    log = logged(one.workspace)
    assert log is not None
    state = read_state(one.workspace)
    chances = {
        row["key"]: (row["output"], row["version"], row["deployment"])
        for row in log.iter_rows(named=True)
    }
    for row in rows.iter_rows(named=True):
        said, version, reign = chances[f'{{"customer":"{row["customer"]}"}}']
        assert f"{row['probability']:.6f}"[:7] in said
        assert (version == state.live) == (reign == state.reign("shop"))


def test_a_sentence_that_only_warns_hides_none_that_fails(shop: Make) -> None:
    sentences = 'checks = ["amount is at least 1 (warn)", "amount is at least 0"]'
    one = shop(("data", 'gate_scoring = "fail"'), ("data", sentences))
    with pytest.raises(DataError, match="at least 0"):
        _scored(one, {(5, "amount"): "-50,5"})


def test_a_repair_with_other_marks_than_the_column_has_is_no_other_number(shop: Make) -> None:
    one = shop(*ASIDE)
    report = _scored(one)
    _repair(report, 5, "amount", "50.05")
    with pytest.raises(DataError, match="line 5: amount: not of the type"):
        data_replay(report.facts["quarantine"], one.workspace)
    assert _logged(one) == 298


def test_rows_of_a_typed_source_come_back_as_they_were(shop: Make) -> None:
    one = shop(*ASIDE, ("data.reading", 'decimal = ","'))
    rows = customers(300, seed=11, first=10_000).drop("churned")
    amount = rows["amount"].scatter([3, 7], [-41.125, 5000.5])
    rows.with_columns(amount).write_parquet(one.folder / "new.parquet")
    report = score(one.folder / "new.parquet", one.folder / "out.parquet", one.workspace)
    path = Path(report.facts["quarantine"])
    sheet = texts(path)
    changed = sheet["amount"].scatter(1, "50.125")
    sheet.with_columns(changed, reason=pl.lit("")).write_csv(path)
    back = data_replay(path, one.workspace)
    assert pl.read_parquet(back.facts["output"])["amount"].to_list() == [-41.125, 50.125]


def test_another_cell_than_the_one_at_fault_is_no_repair(shop: Make) -> None:
    one = shop(*ASIDE)
    report = _scored(one)
    _repair(report, 5, "plan", "pro ")
    with pytest.raises(DataError, match="line 5: it stands as it was"):
        data_replay(report.facts["quarantine"], one.workspace)


def test_what_is_set_aside_of_a_trial_is_not_logged_either(shop: Make) -> None:
    one = shop(*ASIDE)
    report = score(_file(one, cells=WRONG), one.folder / "out.csv", one.workspace, log=False)
    _repair(report, 5, "amount", "50,05")
    back = data_replay(report.facts["quarantine"], one.workspace)
    assert (back.facts["rows"], back.facts["logged"]) == (1, 0)
    assert _logged(one) == 0


def test_a_file_that_went_away_comes_back_without_losing_what_was_taken_back(shop: Make) -> None:
    one = shop(*ASIDE)
    report = _scored(one)
    _repair(report, 5, "amount", "50,05")
    data_replay(report.facts["quarantine"], one.workspace)
    Path(report.facts["quarantine"]).unlink()
    again = _scored(one)
    _repair(again, 9, "visits", "3")
    back = data_replay(again.facts["quarantine"], one.workspace)
    assert (back.facts["rows"], back.facts["logged"]) == (1, 1)
    assert _logged(one) == 300
    assert not list(one.workspace.set_aside.glob("*.parquet"))


def test_files_of_one_name_in_two_folders_are_two_deliveries(
    shop: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = shop(*ASIDE)
    named = []
    for folder in ("a", "b"):
        (one.folder / folder).mkdir()
        _file(one, cells=WRONG).rename(one.folder / folder / "new.csv")
        monkeypatch.chdir(one.folder / folder)
        named.append(score("new.csv", "out.csv", one.workspace).facts["quarantine"])
    assert len(set(named)) == 2


def test_cells_that_are_set_aside_for_themselves_are_no_fault_of_all_rows(shop: Make) -> None:
    one = shop(*ASIDE)
    cells = {(line, "visits"): "abc" for line in range(5, 65)}
    report = _scored(one, cells)
    assert (report.facts["aside"], report.facts["rows"]) == (60, 240)


def test_what_a_later_version_set_aside_is_refused(shop: Make) -> None:
    one = shop(*ASIDE)
    path = Path(_scored(one).facts["quarantine"])
    known = path.with_suffix(".json")
    known.write_text(known.read_text().replace("evermodel.aside/1", "evermodel.aside/2"))
    with pytest.raises(DataError, match="a later Evermodel"):
        data_replay(path, one.workspace)
