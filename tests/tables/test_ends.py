"""Titles, notes, totals and empty rows around a table are no rows of it, and nothing else is."""

from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evermodel import tables
from evermodel.data import check
from evermodel.errors import DataError


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
        "K21;;;",  # all that is known of it is who it is
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


def test_empty_rows_at_the_end_are_passed_over_and_totals_above_them_are_found(
    tmp_path: Path,
) -> None:
    path = _table(tmp_path, f"Summe;;{_SUM};\n;;;\r\n ; ;;\n\n;;;")
    path.write_text(path.read_text().replace("K7;Ulm;", ";;;\nK7;Ulm;"))
    table = tables.read(path)
    ids = [f"K{place}" for place in range(1, 21)]
    assert table.frame["id"].to_list() == [*ids[:6], None, *ids[6:]], "a row with gaps between rows"
    assert [row.line for row in table.understood.rejected] == [23]
    assert pl.concat(tables.scan(path, batch_rows=6)).equals(table.frame)


@pytest.mark.parametrize("last", ["", "K31;Ulm;1,00;\n"])
def test_blocks_of_empty_rows_are_passed_over_at_the_end_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, last: str
) -> None:
    monkeypatch.setattr("evermodel.tables.delimited._BLOCK", 64)
    path = _table(tmp_path, ";;;\n" * 100 + last)
    table = tables.read(path)
    assert table.frame.height == (121 if last else 20)
    assert tables.understand(path).rows == table.frame.height


def test_a_note_below_the_totals_is_set_aside_as_they_are(tmp_path: Path) -> None:
    table = tables.read(_table(tmp_path, f"Summe;;{_SUM};\n;;;\nQuelle: Kasse 2;;;"))
    assert table.frame.height == 20
    reasons = {row.line: row.reason for row in table.understood.rejected}
    assert reasons.keys() == {22, 24}
    assert reasons[24] == "a note below the table: nothing but its first cell is filled"


def test_a_last_row_with_nothing_but_a_name_is_kept_where_names_stand_above(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    rows = "".join(f"Ann Li {place};Ulm;{place};no\n" for place in range(9))
    path.write_text(f"name;city;n;left\n{rows}Bo Ek;;;\n")
    assert tables.read(path).frame.height == 10


@pytest.mark.parametrize(
    "above",
    [
        "Customers 2026\n",
        "Customers 2026;;;\n;;;\n",
        "Customers 2026\nof 3 March\n\n",
        ";;;\n",
        "\ufeffCustomers, sorted\n\n",
    ],
)
def test_a_title_above_the_header_is_passed_over_and_said(tmp_path: Path, above: str) -> None:
    path = tmp_path / "table.csv"
    path.write_text(f"{above}id;city;paid;left\n" + "".join(f"{n};Ulm;{n},5;\n" for n in range(9)))
    table = tables.read(path)
    assert table.frame.columns == ["id", "city", "paid", "left"]
    assert table.frame["paid"].to_list() == [n + 0.5 for n in range(9)]
    said = [note for note in table.understood.notes if "above the header" in note]
    assert len(said) == 1
    assert ("Customers" in said[0]) == ("Customers" in above)
    assert pl.concat(tables.scan(path, batch_rows=4)).equals(table.frame)


@pytest.mark.parametrize("row", ["Ann, Ulm;x", "1,5;y", "a,b;", "x y;1"])
def test_commas_in_cells_make_no_title_of_the_header(tmp_path: Path, row: str) -> None:
    path = tmp_path / "table.csv"
    path.write_text("name;address\n" + f"{row}\n" * 9)
    table = tables.read(path)
    assert table.frame.columns == ["name", "address"]
    assert table.frame.height == 9


@pytest.mark.parametrize(
    ("text", "columns", "rows"),
    [
        ("name\n" + "Müller, Anna\nLang, Dora\n" * 3, ["name"], 6),
        ("comment\n" + "Nice product, works well\n" * 5, ["comment"], 5),
        ("name,,\n" + "Anna,Berlin,x\nBob,Ulm,y\n" * 3, ["name", "column_2", "column_3"], 6),
        (",paid\n" + "0,1.5\n1,2.5\n" * 3, ["column_1", "paid"], 6),
        ('"Full\nname";"age";"city"\n' + "p;1;c\nq;2;d\n" * 3, ["Full\nname", "age", "city"], 6),
        ("name\n" + "a\nb\n" * 3, ["name"], 6),
    ],
)  # fmt: skip
def test_a_header_is_no_title_and_no_row_is_lost(
    tmp_path: Path, text: str, columns: list[str], rows: int
) -> None:
    path = tmp_path / "table.csv"
    path.write_text(text)
    table = tables.read(path)
    assert (table.frame.columns, table.frame.height) == (columns, rows)
    assert not [note for note in table.understood.notes if "above the header" in note]


@pytest.mark.parametrize("last", ["2024-01-06 10:00;;;", "Mary Jane;;;", "7;;;"])
def test_a_last_row_whose_values_have_not_come_yet_is_no_note(tmp_path: Path, last: str) -> None:
    assert tables.read(_table(tmp_path, last)).frame.height == 21


def test_all_notes_below_a_table_are_set_aside(tmp_path: Path) -> None:
    ends = f"Summe;;{_SUM};\n;;;\nSource: till 2;;;\n;;;\nNote: net of tax;;;\n;;;\n;;;"
    table = tables.read(_table(tmp_path, ends))
    assert table.frame.height == 20
    assert [row.line for row in table.understood.rejected] == [22, 24, 26]
    assert "empty rows below totals or the last row passed over: 4" in table.understood.notes


_ROW = st.sampled_from(
    ["a;1;2;x", "b;3;4;y", "c;5;6;", ";;;", "Summe;6;8;", "Source: till;;;", "d;;;"]
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(_ROW, min_size=1, max_size=40), block=st.integers(8, 200))
def test_where_a_block_ends_makes_no_difference(
    tmp_path: Path, rows: list[str], block: int
) -> None:
    path = tmp_path / "table.csv"
    path.write_text("\n".join(["k;n;m;t", *rows]) + "\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("evermodel.tables.ends._TAIL", 3 * len(rows))
        try:
            whole = tables.read(path)
        except DataError:
            return
        patch.setattr("evermodel.tables.delimited._BLOCK", block)
        parts = tables.read(path)
    assert parts.frame.equals(whole.frame)
    assert parts.understood == whole.understood


@pytest.mark.parametrize("note", ["Quelle: Kasse 2", "Stand: heute", "* geschätzt"])
@pytest.mark.parametrize("width", [2, 3])
def test_a_plain_note_below_a_narrow_table_is_no_row(tmp_path: Path, note: str, width: int) -> None:
    path = tmp_path / "a.csv"
    rows = [f"k{i};{i / 2};A".split(";")[:width] for i in range(40)]
    head = ["who", "kg", "town"][:width]
    lines = [head, *rows, [note, *[""] * (width - 1)]]
    path.write_text("\n".join(map(";".join, lines)) + "\n")
    table = tables.read(path)
    assert table.frame.height == 40
    assert table.understood.rejected[0].line == 42
    lines[5][1:] = [""] * (width - 1)  # rows have gaps: then it may be one
    path.write_text("\n".join(map(";".join, lines)) + "\n")
    assert tables.read(path).frame.height == 41
