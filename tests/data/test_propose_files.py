"""What init proposes for files as people write them, and that the proposal reads them alike."""

from pathlib import Path

import polars as pl
import pytest

from evermodel.data import check, propose, render
from evermodel.data.proposal import Proposal
from evermodel.errors import DataError
from evermodel.project import Project, parse_project
from evermodel.tables import Table, read

_ROWS = 60


def _file(tmp_path: Path, **columns: list[str]) -> Path:
    path = tmp_path / "rows.csv"
    lines = [";".join(columns), *map(";".join, zip(*columns.values(), strict=True))]
    path.write_text("\n".join(lines) + "\n")
    return path


def _proposed(path: Path, target: str = "y") -> tuple[Proposal, Project, Table]:
    proposal = propose(read(path), source=path.name, target=target, name="p")
    project = parse_project(render(proposal))
    data = project.data
    again = read(path, reading=data.reading, repairs=data.repairs, types=data.types)
    return proposal, project, again


_Y = ["yes" if place % 3 else "no" for place in range(_ROWS)]
_FEES = [f"{20 + place},{place:02d}" for place in range(_ROWS)]
_DAYS = [f"{1 + place % 28:02d}.{1 + place % 12:02d}.2024" for place in range(_ROWS)]


def test_words_for_missing_become_visible_repairs(tmp_path: Path) -> None:
    fees, ages = [*_FEES[2:], "k.A.", "k.A."], [*map(str, range(20, 79)), "keine Angabe"]
    days = [*_DAYS[1:], "unbekannt"]
    path = _file(tmp_path, fee=fees, age=ages, day=days, y=_Y)
    _, project, again = _proposed(path)
    repairs = project.data.repairs
    assert (repairs["fee"].missing, repairs["fee"].type) == (("k.A.",), "number")
    assert (repairs["age"].missing, repairs["age"].type) == (("keine Angabe",), "number")
    assert (repairs["day"].missing, repairs["day"].type) == (("unbekannt",), "timestamp")
    assert again.frame["fee"][:2].to_list() == [22.02, 23.03]
    assert [again.frame[name].null_count() for name in ("fee", "age", "day")] == [2, 1, 1]


def test_a_target_with_a_currency_sign_is_a_number_and_its_sign_is_declared(tmp_path: Path) -> None:
    prices = [f"{1000 + place * 37 % 61} €" for place in range(_ROWS)]
    path = _file(tmp_path, fee=_FEES, y=prices)
    proposal, project, again = _proposed(path)
    assert proposal.task == "regression"
    assert (project.data.repairs["y"].strip, project.data.repairs["y"].type) == ("€", "number")
    assert again.frame["y"][:2].to_list() == [1000, 1037]
    assert 'y = { strip = "€", type = "number" }' in render(proposal)


def test_a_sign_of_letters_is_declared_with_the_words_that_are_left_of_it(tmp_path: Path) -> None:
    fees = [*[f"{fee} EUR" for fee in _FEES[1:]], "UNBEKANNT"]
    _, _, again = _proposed(_file(tmp_path, fee=fees, y=_Y))
    assert again.frame["fee"].null_count() == 1
    assert again.frame["fee"][0] == 21.01


def test_check_says_each_column_that_is_mostly_numbers(tmp_path: Path) -> None:
    odd = [*_FEES[2:], "abc", "5 kg"]
    table = read(_file(tmp_path, fee=odd, other=odd, plain=_FEES, y=_Y))
    found = [r for r in check(table).results if r.name == "mixed_values"]
    assert [(r.subject, r.verdict) for r in found] == [("fee", "warn"), ("other", "warn")]
    assert "2 of 60 values are not numbers ('abc' on line 60, '5 kg' on line 61)" in found[0].why


def test_a_target_of_mixed_currencies_is_refused_with_examples_and_a_repair(tmp_path: Path) -> None:
    prices = [f"{1000 + place} {'€' if place % 2 else '$'}" for place in range(_ROWS)]
    with pytest.raises(DataError) as caught:
        _proposed(_file(tmp_path, fee=_FEES, y=prices))
    assert "'1000 $' and '1001 €'" in caught.value.found
    assert 'strip = "kg"' in caught.value.hint


@pytest.mark.parametrize(
    ("task", "values"), [("regression", ["1", "2", "3"] * 20), ("multiclass", ["0", "1"] * 30)]
)
def test_a_task_that_is_asked_for_is_not_guessed(task: str, values: list[str]) -> None:
    frame = pl.DataFrame(
        {"x": [place * 37 % 61 for place in range(60)], "y": list(map(int, values))}
    )
    guessed = propose(frame, source="a.csv", target="y", name="p")
    asked = propose(frame, source="a.csv", target="y", name="p", task=task)  # type: ignore[arg-type]
    assert guessed.task != task
    assert asked.task == task
    assert parse_project(render(asked)).data.task == task


@pytest.mark.parametrize(
    ("task", "values", "said"),
    [
        ("regression", ["a", "b", "c"], "holds no numbers"),
        ("binary", ["1", "2", "3"], "two values"),
    ],
)
def test_a_task_that_does_not_fit_the_target_is_refused(
    task: str, values: list[str], said: str
) -> None:
    frame = pl.DataFrame({"x": [place * 37 % 61 for place in range(60)], "y": values * 20})
    with pytest.raises(DataError, match=said):
        propose(frame, source="a.csv", target="y", name="p", task=task)  # type: ignore[arg-type]


def test_every_spelling_of_yes_and_no_is_mapped(tmp_path: Path) -> None:
    coach = ["Ja", "Ja", "ja", "nein", "nein", "NEIN"] * 10
    _, project, again = _proposed(_file(tmp_path, coach=coach, fee=_FEES, y=_Y))
    assert project.data.repairs["coach"].map == {
        "ja": "Ja", "NEIN": "nein", "JA": "Ja", "Nein": "nein",
    }  # fmt: skip
    assert set(again.frame["coach"]) == {"Ja", "nein"}


def test_a_row_of_totals_is_neither_counted_nor_learned_from(tmp_path: Path) -> None:
    ids = [f"M{100000 + place}" for place in range(_ROWS - 1)]
    fees = ["1,00"] * (_ROWS - 1)
    path = _file(
        tmp_path,
        nummer=[*ids, "Summe"],
        fee=[*_FEES[1:], "4.720,00"],
        shop=["Süd"] * (_ROWS - 1) + [""],
        paid=[*fees, "59,00"],
        y=[*_Y[1:], ""],
    )
    proposal, project, _ = _proposed(path)
    assert (proposal.rows, proposal.outcome.missing) == (_ROWS - 1, 0)
    assert project.data.key == ("nummer",)
    assert "shop" in project.data.leave_out


@pytest.mark.parametrize("name", ["Kundennummer", "Mitgliedsnr", "Auftrags-Nr.", "vermerk"])
def test_a_number_of_each_row_is_the_key_though_a_few_rows_share_one(
    tmp_path: Path, name: str
) -> None:
    ids = [f"K{10000 + place}" for place in range(300)]
    ids[7] = ids[3]
    path = _file(
        tmp_path, **{name: ids, "fee": _FEES * 5, "y": ["a" if p % 7 else "b" for p in range(300)]}
    )
    proposal, project, _ = _proposed(path)
    assert project.data.key == (name,)
    assert proposal.key[0].why.endswith("299 values in 300 rows; more than once: 'K10003'")


def test_a_category_of_very_many_values_is_said(tmp_path: Path) -> None:
    towns = [f"town {chr(97 + place % 26)}{chr(97 + place // 26)}" for place in range(100)]
    path = _file(
        tmp_path,
        town=[towns[place * 37 % 100] for place in range(300)],
        fee=_FEES * 5,
        y=["a" if place % 7 else "b" for place in range(300)],
    )
    proposal, _, _ = _proposed(path)
    assert any(
        note.startswith("'town' has 100 different values in 300 rows, 3.0 rows each")
        for note in proposal.notes
    )


def test_a_header_of_two_separators_is_said(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("a;b,c\n1;2,3\n4;5,6\n")
    with pytest.raises(DataError) as caught:
        propose(read(path), source="rows.csv", target="b", name="p")
    assert "line 1) holds two separators, as in 'a;b'" in caught.value.hint
