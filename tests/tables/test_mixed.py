"""Columns of numbers or dates in which words for missing or signs of a currency stand."""

from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from evermodel import tables
from evermodel.errors import DataError
from evermodel.project import Repair


def _read(tmp_path: Path, cells: list[str], **how: object) -> tables.Table:
    path = tmp_path / "table.csv"
    lines = [f'{place};"{cell}"' for place, cell in enumerate(cells)]
    path.write_text("\n".join(["row;x", *lines]) + "\n")
    return tables.read(path, **how)  # type: ignore[arg-type]


def _about(table: tables.Table) -> list[str]:
    return [note for note in table.understood.notes if note.startswith("x: ")]


_AGES = [str(18 + place) for place in range(60)]
_FEES = [f"{20 + place},{place:02d}" for place in range(60)]


@pytest.mark.parametrize(
    "word",
    ["k.A.", "k. A.", "keine Angabe", "n.v.", "o.A.", "s/d", "sin dato", "ns/nc", "UNBEKANNT"],
)
@pytest.mark.parametrize("values", [_AGES, _FEES])
def test_a_known_word_for_missing_leaves_a_column_of_numbers(
    tmp_path: Path, values: list[str], word: str
) -> None:
    table = _read(tmp_path, [*values, word, word, ""])
    assert table.schema.columns[1].type == "number"
    assert table.frame["x"].null_count() == 3
    assert table.understood.missing["x"] == {"": 1, word: 2}
    assert f"x: taken as missing: {word!r} in 2 rows" in _about(table)


def test_a_word_for_missing_leaves_a_column_of_dates(tmp_path: Path) -> None:
    days = [f"{1 + place % 28:02d}.03.2024" for place in range(60)]
    table = _read(tmp_path, [*days, "k.A.", "offen"])
    assert table.frame["x"].dtype == pl.Datetime("us")
    assert table.frame["x"][:2].to_list() == [datetime(2024, 3, 1), datetime(2024, 3, 2)]
    assert table.understood.missing["x"] == {"k.A.": 1, "offen": 1}


def test_an_unlisted_word_that_repeats_among_many_numbers_is_missing(tmp_path: Path) -> None:
    table = _read(tmp_path, [*_AGES, "verweigert", "verweigert"])
    assert table.understood.missing["x"] == {"verweigert": 2}


@pytest.mark.parametrize(
    "cells",
    [
        [*_AGES, "abc"],  # once is a slip, not a word
        [*_AGES, *["abc", "defg", "hijk", "lmno"] * 2],  # too many different ones
        [*_AGES, *["abc"] * 20],  # too large a share
        [*_AGES, *["free"] * 3],  # an amount in words
        [*_AGES, *["A"] * 3],  # a grade or a code
        [*_AGES, *["12 kg"] * 3],  # a number with a unit
        [*["1", "2", "3"] * 20, *["other"] * 3],  # codes, not amounts
    ],
)
def test_what_is_not_clearly_missing_keeps_the_column_as_it_is_and_is_said(
    tmp_path: Path, cells: list[str]
) -> None:
    table = _read(tmp_path, cells)
    assert table.schema.columns[1].type == "category"
    assert table.frame["x"].null_count() == 0
    (note,) = _about(table)
    assert "values are not numbers" in note
    assert note.endswith("kept as category")


def test_every_column_of_decimal_commas_with_odd_words_is_said(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    rows = [f"{fee};{fee};{age}" for fee, age in zip(_FEES, _AGES, strict=True)]
    path.write_text("\n".join(["a;b;c", *rows, "abc;abc;abc"]) + "\n")
    notes = tables.read(path).understood.notes
    assert [note[0] for note in notes if "are not numbers ('abc' on line 62)" in note] == [*"abc"]


def test_words_for_missing_are_read_alike_in_batches(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("\n".join(["x", *_AGES, "k.A.", "k.A."]) + "\n")
    whole = tables.read(path).frame
    assert pl.concat(tables.scan(path, batch_rows=7)).equals(whole)
    part = tmp_path / "part.csv"
    part.write_text("x\nk.A.\n5\n")
    (batch,) = tables.scan(part, types={"x": "number"})
    assert batch["x"].to_list() == [None, 5.0]


@pytest.mark.parametrize(
    ("cells", "sign", "values"),
    [
        (["$1,221.55", "-$5.00", "($7.25)", "$-3"], "$", [1221.55, -5.0, -7.25, -3.0]),
        (["215084 €", "1.234,50 €", "-0,5€"], "€", [215084.0, 1234.5, -0.5]),
        (["EUR 12", "EUR 1.234.567", "EUR 0,25"], "EUR", [12.0, 1234567.0, 0.25]),
        (["5%", "12.5 %", "-3%"], "%", [5.0, 12.5, -3.0]),
        (["$5", "7", "$9"], "$", [5.0, 7.0, 9.0]),
        (["5 kr", "7 kr"], "kr", [5.0, 7.0]),
    ],
)
def test_one_currency_sign_is_taken_off_and_said(
    tmp_path: Path, cells: list[str], sign: str, values: list[float]
) -> None:
    table = _read(tmp_path, cells)
    assert table.frame["x"].to_list() == values
    assert table.understood.columns[1].sign == sign
    assert any(f"numbers have {sign!r}: taken off" in note for note in _about(table))
    declared = _read(tmp_path, cells, repairs={"x": Repair(strip=sign, type="number")})
    assert declared.frame["x"].to_list() == values


def test_mixed_currencies_are_never_taken_for_one(tmp_path: Path) -> None:
    cells = [*["$5.00", "$7.00"] * 10, *["9.00 €"] * 3]
    table = _read(tmp_path, cells)
    assert table.frame["x"].to_list() == cells
    (note,) = _about(table)
    assert "amounts have several signs ('$' in 20 rows, '€' in 3 rows)" in note


def test_a_share_beside_percents_is_no_number(tmp_path: Path) -> None:
    assert _read(tmp_path, ["50%", "0.5", "20%"]).schema.columns[1].type == "category"


def test_a_sign_and_a_word_for_missing_may_stand_together(tmp_path: Path) -> None:
    table = _read(tmp_path, ["$5.00", "$7.00", "k.A."])
    assert table.frame["x"].to_list() == [5.0, 7.0, None]


def test_a_currency_within_a_text_is_no_number(tmp_path: Path) -> None:
    cells = ["5$ off", "$5 or $7", "US 5"]
    assert _read(tmp_path, cells).frame["x"].to_list() == cells


def test_a_bad_cell_still_refuses_a_column_told_to_hold_numbers(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="1 of 61 values of column 'x' are not numbers"):
        _read(tmp_path, [*_AGES, "abc"], types={"x": "number"})


def test_a_few_bad_cells_do_not_hide_how_the_dates_of_a_column_are_written(tmp_path: Path) -> None:
    days = [f"{1 + place % 12}/{1 + place % 28}/2024" for place in range(60)]
    misfits = tables.Misfits()
    path = tmp_path / "table.csv"
    path.write_text("\n".join(["x", *days, "abc"]) + "\n")
    (batch,) = tables.scan(path, types={"x": "timestamp"}, misfits=misfits)
    assert batch["x"][:2].to_list() == [datetime(2024, 1, 1), datetime(2024, 2, 2)]
    assert batch["x"][14] == datetime(2024, 3, 15)
    assert (misfits.cells, misfits.shown) == ({"x": 1}, {"x": [(62, "abc")]})


@pytest.mark.parametrize("unit", ["km", "kg", "Std.", "m²", "min", "Stück", "°C", "km/h"])
def test_a_unit_at_all_numbers_is_taken_off_and_said(tmp_path: Path, unit: str) -> None:
    table = _read(tmp_path, [*(f"{fee} {unit}" for fee in _FEES), "k.A."])
    assert table.schema.columns[1].type == "number"
    assert table.frame["x"][:2].to_list() == [20.0, 21.01]
    assert table.frame["x"].null_count() == 1
    assert f"x: 60 of 60 numbers have {unit!r}: taken off" in _about(table)


@pytest.mark.parametrize(
    "cells",
    [
        [*(f"{age} kg" for age in _AGES), "500 g"],
        [*(f"{age} kg" for age in _AGES), "5"],  # of what?
        [f"{age}A" for age in _AGES],  # house numbers
        [f"{age} m2" for age in _AGES],
        [f"PS{age}" for age in _AGES],
        [f"m{age}" for age in _AGES],
        [f"{age}h" for age in _AGES],
        [f"MB-{age}" for age in _AGES],
    ],
)
def test_numbers_of_two_units_or_of_none_stay_words(tmp_path: Path, cells: list[str]) -> None:
    assert _read(tmp_path, cells).frame["x"].dtype == pl.String


def test_a_word_that_is_declared_as_it_stands_is_not_stripped_first(tmp_path: Path) -> None:
    cells = ["5 km", "kein Weg", "7,5 km", "k.A."]
    repair = Repair(strip="km", missing=("k.A.",), map={"kein Weg": "0"}, type="number")
    assert _read(tmp_path, cells, repairs={"x": repair}).frame["x"].to_list() == [5, 0, 7.5, None]


def test_a_unit_that_was_found_is_taken_off_as_a_word_and_no_other_unit_with_it(
    tmp_path: Path,
) -> None:
    repair = Repair(strip="kg", type="number")
    with pytest.raises(DataError, match="1 of 3 values of column 'x' are not numbers"):
        _read(tmp_path, ["5 kg", "7kg", "600 g"], repairs={"x": repair})
    understood = _read(tmp_path, [f"{age} kg" for age in _AGES]).understood
    path = tmp_path / "later.csv"
    path.write_text("row;x\n1;5 kg\n2;600 g\n" + "3;7 kg\n" * 40)
    misfits = tables.Misfits()
    later = pl.concat(tables.scan(path, understood=understood, misfits=misfits))
    assert later["x"].to_list() == [5.0, None, *[7.0] * 40]
    assert misfits.cells == {"x": 1}
