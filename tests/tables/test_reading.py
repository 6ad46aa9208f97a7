"""How values of text files become types, and what is said about it."""

from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from evermodel import tables
from evermodel.errors import DataError
from evermodel.project import Reading, Repair
from evermodel.tables.understanding import ColumnReading
from evermodel.tables.values import convert_numbers


def _read(tmp_path: Path, text: str | bytes, **how: object) -> tables.Table:
    path = tmp_path / "table.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return tables.read(path, **how)  # type: ignore[arg-type]


def _values(tmp_path: Path, text: str | bytes, **how: object) -> dict[str, list[object]]:
    return _read(tmp_path, text, **how).frame.to_dict(as_series=False)


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_separator_is_found(tmp_path: Path, separator: str) -> None:
    text = "a,b\n1,x\n2,y\n".replace(",", separator)
    assert _values(tmp_path, text) == {"a": [1, 2], "b": ["x", "y"]}


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "latin-1", "cp1252"]
)
def test_the_encoding_is_found(tmp_path: Path, encoding: str) -> None:
    text = "name,age\nZoë,3\nJosé,4\n"
    assert _values(tmp_path, text.encode(encoding)) == {"name": ["Zoë", "José"], "age": [3, 4]}


def test_a_letter_that_is_not_utf8_far_behind_the_head_is_still_read(tmp_path: Path) -> None:
    text = b"name,age\n" + b"x,1\n" * 400_000 + "José,2\n".encode("cp1252")
    table = _read(tmp_path, text)
    assert table.frame["name"][-1] == "José"
    assert table.understood.encoding == "cp1252"
    assert any("not UTF-8" in note for note in table.understood.notes)


def test_decimal_commas_and_thousands_points_are_found(tmp_path: Path) -> None:
    text = "a;b;c\n1,5;1.234,50;1.234\n2,25;12,00;5.000\n"
    table = _read(tmp_path, text)
    assert table.frame.rows() == [(1.5, 1234.5, 1234), (2.25, 12.0, 5000)]
    assert table.understood.decimal == ","
    assert any(note.startswith("c: points are thousands marks") for note in table.understood.notes)


def test_thousands_commas_are_found(tmp_path: Path) -> None:
    text = 'a,b\n"1,234.5",x\n"12,345",y\n7,z\n'
    assert _values(tmp_path, text)["a"] == [1234.5, 12345.0, 7.0]


def test_thousands_blanks_are_found(tmp_path: Path) -> None:
    assert _values(tmp_path, "a;b\n1 234,5;x\n12 345;y\n")["a"] == [1234.5, 12345.0]


def test_telephone_numbers_are_no_numbers(tmp_path: Path) -> None:
    table = _read(tmp_path, "a;b\n+49 170 123;x\n+49 171 456;y\n")
    assert table.frame["a"].to_list() == ["+49 170 123", "+49 171 456"]


def test_a_number_with_two_readings_is_said_to_have_them(tmp_path: Path) -> None:
    table = _read(tmp_path, 'a,b\n"1,234",x\n"5,678",y\n')
    assert table.frame["a"].to_list() == [1234.0, 5678.0]
    assert any("two ways" in note for note in table.understood.notes)
    told = _read(tmp_path, 'a,b\n"1,234",x\n"5,678",y\n', reading=Reading(decimal=","))
    assert told.frame["a"].to_list() == [1.234, 5.678]


def test_mixed_decimal_marks_are_never_guessed(tmp_path: Path) -> None:
    table = _read(tmp_path, "a;b\n1,5;x\n2.75;y\n")
    assert table.schema["a"].type == "category"
    assert any("mixed" in note for note in table.understood.notes)


@pytest.mark.parametrize(
    ("cells", "order", "first"),
    [
        (["2020-01-31", "2020-02-01"], "year first", datetime(2020, 1, 31)),
        (["2020/01/31", "2020/02/01"], "year first", datetime(2020, 1, 31)),
        (
            ["2020-01-31 10:05", "2020-02-01T11:00:30.25"],
            "year first",
            datetime(2020, 1, 31, 10, 5),
        ),
        (
            ["2020-01-31T10:05:00Z", "2020-01-31T10:05:00+02:00"],
            "year first",
            datetime(2020, 1, 31, 10, 5),
        ),
        (["31.01.2020", "1.2.2020"], "day first", datetime(2020, 1, 31)),
        (["31/01/2020 5:30 PM", "01/02/2020 6:00 am"], "day first", datetime(2020, 1, 31, 17, 30)),
        (["01/31/2020", "02/01/2020"], "month first", datetime(2020, 1, 31)),
        (["31-Jan-2020", "01-Feb-2020"], "year first", datetime(2020, 1, 31)),
        (["31 January 2020", "1 May 2020"], "year first", datetime(2020, 1, 31)),
        (["Jan 31 2020", "May 1 2020"], "year first", datetime(2020, 1, 31)),
    ],
)
def test_dates_are_found(tmp_path: Path, cells: list[str], order: str, first: datetime) -> None:
    table = _read(tmp_path, "d;n\n" + "".join(f"{cell};1\n" for cell in [*cells, ""]))
    assert table.frame["d"].dtype == pl.Datetime("us")
    assert table.frame["d"][0] == first
    assert table.frame["d"].null_count() == 1
    assert table.understood.dates == order


def test_a_zone_turns_a_time_to_utc(tmp_path: Path) -> None:
    table = _read(tmp_path, "t,n\n2020-01-31T10:05:00+02:00,1\n2020-01-31T10:05:00-0330,1\n")
    assert table.frame["t"].to_list() == [
        datetime(2020, 1, 31, 8, 5),
        datetime(2020, 1, 31, 13, 35),
    ]
    assert any("UTC" in note for note in table.understood.notes)


def test_dates_with_two_readings_are_said_to_have_them(tmp_path: Path) -> None:
    text = "d,n\n01/02/2020,1\n03/04/2020,2\n"
    table = _read(tmp_path, text)
    assert any("cannot be told apart" in note for note in table.understood.notes)
    told = _read(tmp_path, text, reading=Reading(dates="day first"))
    assert told.frame["d"][0] == datetime(2020, 2, 1)


def test_another_column_tells_the_order_of_dates(tmp_path: Path) -> None:
    table = _read(tmp_path, "d,e\n01/02/2020,25/12/2020\n03/04/2020,26/12/2020\n")
    assert table.frame["d"][0] == datetime(2020, 2, 1)


def test_dates_that_do_not_exist_keep_a_column_as_it_is(tmp_path: Path) -> None:
    table = _read(tmp_path, "d,n\n2020-02-30,1\n2020-02-01,2\n")
    assert table.schema["d"].type == "category"
    assert any("do not exist" in note for note in table.understood.notes)


def test_codes_with_leading_zeros_stay_categories(tmp_path: Path) -> None:
    table = _read(tmp_path, "zip,n\n02134,1\n90210,2\n")
    assert table.frame["zip"].to_list() == ["02134", "90210"]


def test_numbers_of_too_many_digits_stay_categories(tmp_path: Path) -> None:
    table = _read(tmp_path, "id,n\n12345678901234567890,1\n12345678901234567891,2\n")
    assert table.frame["id"].n_unique() == 2
    assert table.schema["id"].type == "category"


@pytest.mark.parametrize("word", ["", " ", "NA", "N/A", "?", "-", "null", "NaN", "#N/A", "None"])
def test_a_word_for_missing_among_numbers_is_missing_and_said(tmp_path: Path, word: str) -> None:
    table = _read(tmp_path, f"a,b\n1,x\n{word},y\n2.5,z\n")
    assert table.frame["a"].to_list() == [1.0, None, 2.5]
    assert table.understood.missing["a"] == {word: 1}


def test_among_words_only_few_words_mean_missing(tmp_path: Path) -> None:
    table = _read(tmp_path, "a,b\nNA,1\n?,2\n-,3\nnone,4\n ,5\nred,6\n")
    assert table.frame["a"].to_list() == [None, None, "-", "none", None, "red"]
    assert table.understood.missing["a"] == {"NA": 1, "?": 1, " ": 1}


def test_words_of_the_users_own_mean_missing(tmp_path: Path) -> None:
    table = _read(tmp_path, "a,b\n1,x\n-999,y\n", reading=Reading(missing=("-999",)))
    assert table.frame["a"].to_list() == [1, None]
    assert table.understood.missing["a"] == {"-999": 1}


def test_yes_and_true_stay_words_unless_told_otherwise(tmp_path: Path) -> None:
    text = "a,b\nyes,true\nno,false\n"
    assert _values(tmp_path, text) == {"a": ["yes", "no"], "b": ["true", "false"]}
    told = _values(tmp_path, text, types={"a": "boolean", "b": "boolean"})
    assert told == {"a": [True, False], "b": [True, False]}


def test_a_type_that_does_not_fit_is_an_error_with_lines(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        _read(tmp_path, "a,b\n1,x\nten,y\n", types={"a": "number"})
    assert "'ten' on line 3" in caught.value.found
    assert "'a'" in caught.value.what


def test_a_number_told_to_be_a_category_keeps_its_writing(tmp_path: Path) -> None:
    assert _values(tmp_path, "a,b\n1.50,x\n2,y\n", types={"a": "category"})["a"] == ["1.50", "2"]


def test_repairs_come_before_types(tmp_path: Path) -> None:
    repairs = {
        "size": Repair(strip=" oz."),
        "ok": Repair(map={"ja": "yes"}, missing=("?",)),
        "code": Repair(type="category"),
        "absent": Repair(strip="x"),
    }
    values = _values(tmp_path, "size,ok,code\n12.0 oz,ja,1\n8 oz.,?,2\n", repairs=repairs)
    assert values == {"size": [12.0, 8.0], "ok": ["yes", None], "code": ["1", "2"]}


def test_rows_with_another_number_of_cells_are_rejected_by_line(tmp_path: Path) -> None:
    text = 'a,b\n1,"x\ny"\n2\n3,z,9\n4,w\n'
    table = _read(tmp_path, text)
    assert table.frame["a"].to_list() == [1, 4]
    found = [(row.line, row.reason) for row in table.understood.rejected]
    assert found == [
        (4, "1 cell where the header has 2"),
        (5, "3 cells where the header has 2"),
    ]


def test_quotes_within_cells_are_read_row_by_row(tmp_path: Path) -> None:
    text = 'a,b\n5" pipe,1\n"q ""x"" q",2\n"bad"x,3\n"two\nlines",4\n1,2,3\n'
    table = _read(tmp_path, text)
    assert table.frame["a"].to_list() == ['5" pipe', 'q "x" q', "two\nlines"]
    assert [row.line for row in table.understood.rejected] == [4, 7]


def test_quotes_in_tab_separated_text_belong_to_it(tmp_path: Path) -> None:
    text = 'label\ttext\nham\t"so he said\nspam\tfree "prize" now\nham\tok\n'
    assert _values(tmp_path, text)["text"] == ['"so he said', 'free "prize" now', "ok"]


def test_blanks_behind_separators_are_taken_off_and_said(tmp_path: Path) -> None:
    table = _read(tmp_path, 'a, b, c\nx, 1, "k, l"\ny, 2, m\n')
    assert table.frame.rows() == [("x", 1, "k, l"), ("y", 2, "m")]
    bare = _read(tmp_path, "a, b\nx, red\ny, blue\n")
    assert bare.frame["b"].to_list() == ["red", "blue"]
    assert any("begins with a blank" in note for note in bare.understood.notes)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_kind_of_line_end_is_read(tmp_path: Path, end: str) -> None:
    assert _values(tmp_path, f"a,b{end}1,x{end}2,y{end}") == {"a": [1, 2], "b": ["x", "y"]}
    assert _values(tmp_path, f"a,b{end}1,x{end}2,y") == {"a": [1, 2], "b": ["x", "y"]}


def test_empty_lines_are_passed_over_and_counted(tmp_path: Path) -> None:
    table = _read(tmp_path, "\na,b\n1,x\n\n2,y\n\n\n")
    assert table.frame.rows() == [(1, "x"), (2, "y")]
    assert "empty lines passed over: 3" in table.understood.notes


def test_a_file_without_a_header_gets_names(tmp_path: Path) -> None:
    table = _read(tmp_path, "39, State-gov, 77516\n50, Private, 83311\n")
    assert table.frame.columns == ["column_1", "column_2", "column_3"]
    assert table.frame.height == 2
    assert not table.understood.header


def test_a_header_of_years_is_a_header(tmp_path: Path) -> None:
    assert _read(tmp_path, "city,2019,2020\nBonn,5,6\n").frame.columns == ["city", "2019", "2020"]


def test_one_column_is_a_table_too(tmp_path: Path) -> None:
    table = _read(tmp_path, "text\nhello, world\nyou; there\n")
    assert table.frame["text"].to_list() == ["hello, world", "you; there"]


def test_excel_says_its_separator(tmp_path: Path) -> None:
    assert _values(tmp_path, "sep=;\na;b\n1;x,y\n") == {"a": [1], "b": ["x,y"]}


def test_compressed_text_is_read(tmp_path: Path) -> None:
    import gzip

    assert _values(tmp_path, gzip.compress(b"a,b\n1,x\n")) == {"a": [1], "b": ["x"]}


def test_infinite_numbers_are_numbers_and_said(tmp_path: Path) -> None:
    table = _read(tmp_path, "a,b\n1.5,x\ninf,y\n")
    assert table.frame["a"].to_list() == [1.5, float("inf")]
    assert "a: infinite values: 1" in table.understood.notes


def test_a_table_of_one_row_says_so(tmp_path: Path) -> None:
    assert "the table has only one row" in _read(tmp_path, "a,b\n1,x\n").understood.notes


def test_points_before_three_digits_each_are_thousands_marks_beside_semicolons(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.csv"
    path.write_text("nr;sum\n1;341\n2;2.739\n3;12.001\n")
    table = tables.read(path)
    assert table.frame["sum"].to_list() == [341, 2739, 12001]
    assert any("three digits follow each" in note for note in table.understood.notes)
    path.write_text("nr;sum\n1;0.341\n2;2.739\n3;12.001\n")
    assert tables.read(path).frame["sum"].to_list() == [0.341, 2.739, 12.001]
    path.write_text("nr,sum\n1,341\n2,2.739\n3,12.001\n")
    assert tables.read(path).frame["sum"].to_list() == [341, 2.739, 12.001]


def test_a_thousands_mark_that_parts_no_three_digits_makes_no_number() -> None:
    how = ColumnReading(name="x", type="number", decimal=",", thousands=".")
    texts = pl.Series(["1.234,5", "50.05", "12.34.5", "7,5", "1.234.567", "-2.500"])
    assert convert_numbers(texts, how).to_list() == [1234.5, None, None, 7.5, 1234567.0, -2500.0]


def _thousands(mark: str, slip: str) -> list[str]:
    """Return 300 whole numbers with marks before three digits each, and one other among them."""
    cells = [f"{1 + row % 7}{mark}{row % 1000:03d}" for row in range(300)]
    cells[40] = slip
    return cells


@pytest.mark.parametrize(
    ("separator", "mark", "slip"),
    [(";", ".", "1.25"), (";", ".", "1.5"), (";", ".", "12.3456"), ("\t", ",", "1,25")],
)
def test_one_slip_does_not_divide_all_others_by_a_thousand(
    tmp_path: Path, separator: str, mark: str, slip: str
) -> None:
    lines = [f"{cell}{separator}x" for cell in _thousands(mark, slip)]
    text = "\n".join([f"units{separator}kind", *lines])
    table = _read(tmp_path, text, misfits=tables.Misfits())
    assert table.frame["units"].drop_nulls().to_list()[:2] == [1000, 2001]
    assert table.frame["units"].null_count() == 1
    assert any("thousands marks" in note for note in table.understood.notes)


def test_decimals_that_lose_their_last_zeros_stay_decimals(tmp_path: Path) -> None:
    numbers = [f"{number / 1000:.3f}".rstrip("0") for number in range(1001, 1400)]
    table = _read(tmp_path, "\n".join(["weight;kind", *(f"{n};x" for n in numbers)]))
    assert table.frame["weight"].max() == 1.399
    assert any("read as decimal points" in note for note in table.understood.notes)
