"""A last row of totals is set aside and said with its line; no other row is."""

from pathlib import Path

import polars as pl
import pytest

from evermodel import tables
from evermodel.data import check


def _table(tmp_path: Path, last: str, *, rows: int = 20, header: str = "id;city;paid;left") -> Path:
    lines = [
        f"K{place};{'Ulm' if place % 2 else 'Bonn'};{place},50;" for place in range(1, 1 + rows)
    ]
    path = tmp_path / "table.csv"
    path.write_text("\n".join([header, *lines, last]) + "\n")
    return path


_SUM = "220,00"  # of 1.50 to 20.50


@pytest.mark.parametrize(
    "last",
    [
        f"Summe;;{_SUM};",
        "Total:;;999,99;",  # whatever was summed
        f";Gesamt;{_SUM};",
        f"Grand Total;20;{_SUM};",
        f";;{_SUM};",
    ],
)
def test_a_row_of_totals_is_set_aside_with_its_line(tmp_path: Path, last: str) -> None:
    path = _table(tmp_path, last)
    table = tables.read(path)
    assert table.frame.height == 20
    (gone,) = table.understood.rejected
    assert gone.line == 22
    assert gone.reason.startswith("a row of totals")
    assert any("line 22: a row of totals" in note for note in table.understood.notes)
    assert check(table).find("rejected_rows").evidence["rows"] == [22]


def test_batches_are_read_without_the_row_of_totals_too(tmp_path: Path) -> None:
    path = _table(tmp_path, f"Summe;;{_SUM};")
    whole = tables.read(path).frame
    assert pl.concat(tables.scan(path, batch_rows=6)).equals(whole)
    assert tables.understand(path).rejected_rows == 1


@pytest.mark.parametrize(
    "last",
    [
        "K21;;220,00;",  # it has a key
        ";;17,00;",  # its number is no sum
        "Summe;Ulm;3,00;left",  # a row like any other
        ";;;",
        "Summe;;;",  # nothing is summed
    ],
)
def test_a_last_row_that_holds_no_totals_is_kept(tmp_path: Path, last: str) -> None:
    assert tables.read(_table(tmp_path, last)).frame.height == 21


def test_a_word_that_stands_above_too_is_a_value(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    rows = "".join(f"{kind};;{place}\n" for place in range(9) for kind in ("Part", "Total"))
    path.write_text("kind;note;n\n" + rows)
    assert tables.read(path).frame.height == 18


def test_a_row_without_a_key_among_others_without_one_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("key;note;n\na;;0\n;;0\nb;;5\nc;;0\n;;5\n")
    assert tables.read(path).frame.height == 5
