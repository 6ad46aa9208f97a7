"""What is no table is refused by name and place, with what to do; never by a traceback."""

import csv
import io
import sqlite3
import string
from contextlib import closing
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evermodel import tables
from evermodel.errors import DataError
from evermodel.project import Reading

_ANY_EXAMPLES = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def _refused(path: Path, content: bytes | str) -> DataError:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(DataError) as caught:
        tables.read(path)
    return caught.value


def test_a_missing_file_names_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text("a\n1\n")
    with pytest.raises(DataError, match="no such file") as caught:
        tables.read(tmp_path / "order.csv")
    assert "orders.csv" in caught.value.hint


def test_a_missing_file_in_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        tables.read(tmp_path / "no" / "order.csv")


@pytest.mark.parametrize("content", ["", "\n\n", "   \n"])
def test_an_empty_file_is_refused(tmp_path: Path, content: str) -> None:
    assert "empty" in _refused(tmp_path / "a.csv", content).what


def test_an_empty_file_named_parquet_is_refused(tmp_path: Path) -> None:
    assert "empty" in _refused(tmp_path / "a.parquet", "").what


def test_a_header_alone_is_refused(tmp_path: Path) -> None:
    assert "no rows" in _refused(tmp_path / "a.csv", "a,b\n").what


def test_equal_column_names_are_refused_by_name(tmp_path: Path) -> None:
    error = _refused(tmp_path / "a.csv", "a,b,a,b,c\n1,2,3,4,5\n")
    assert error.found == "'a', 'b'"


def test_a_quote_that_is_never_closed_is_refused_with_its_line(tmp_path: Path) -> None:
    error = _refused(tmp_path / "a.csv", 'a,b\n1,x\n2,"cut off\nhere,')
    assert "never closed" in error.what
    assert error.where.endswith(":3")


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n\x00\x00", "PNG"),
        (b"PK\x03\x04\x14\x00", "zip archive or an Excel"),
        (b"%PDF-1.7\n", "PDF"),
        (b"SQLite format 3\x00", "SQLite"),
    ],
)
def test_a_binary_file_is_called_what_it_is(tmp_path: Path, content: bytes, kind: str) -> None:
    assert kind in _refused(tmp_path / "a.csv", content).what


def test_a_nul_byte_is_refused_with_its_line(tmp_path: Path) -> None:
    error = _refused(tmp_path / "a.csv", b"a,b\n1,x\n2,\x00\n")
    assert "binary" in error.what
    assert error.where.endswith(":3")


def test_a_nul_byte_far_behind_the_head_is_refused(tmp_path: Path) -> None:
    assert (
        "binary" in _refused(tmp_path / "a.csv", b"a,b\n" + b"1,x\n" * 400_000 + b"2,\x00\n").what
    )


def test_a_fake_parquet_file_is_refused(tmp_path: Path) -> None:
    assert "not a parquet file" in _refused(tmp_path / "a.parquet", "a,b\n1,2\n").what


def test_a_truncated_parquet_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pl.DataFrame({"a": range(1000)}).write_parquet(path)
    assert "cut off" in _refused(path, path.read_bytes()[:-100]).what


def test_a_damaged_parquet_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pl.DataFrame({"a": range(1000)}).write_parquet(path)
    content = bytearray(path.read_bytes())
    content[-60:-8] = b"\xff" * 52
    assert "damaged" in _refused(path, bytes(content)).what


def test_a_truncated_compressed_file_is_refused(tmp_path: Path) -> None:
    import gzip

    content = gzip.compress(b"a,b\n" + b"1,x\n" * 10_000)
    assert "to its end" in _refused(tmp_path / "a.csv.gz", content[:-20]).what


def test_a_folder_that_is_no_table_names_a_file(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("a\n1\n")
    with pytest.raises(DataError, match="folder") as caught:
        tables.read(tmp_path)
    assert "x.csv" in caught.value.hint


def test_a_separator_that_fits_few_rows_is_refused(tmp_path: Path) -> None:
    error = _refused(tmp_path / "a.csv", "Report of May,2020\n" + "a,b,c\n" * 10)
    assert "10 of 10 rows" in error.what


def test_an_unknown_address_is_refused() -> None:
    with pytest.raises(DataError, match="cannot be read"):
        tables.read("https://example.org/a.csv")


def test_an_unknown_encoding_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match="names no encoding"):
        tables.read(tmp_path / "a.csv", reading=Reading(encoding="utf-99"))


def test_a_wrong_encoding_is_refused_with_a_better_one(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes("a,b\né,2\n".encode("latin-1"))
    with pytest.raises(DataError, match="encoding") as caught:
        tables.read(tmp_path / "a.csv", reading=Reading(encoding="utf-8"))
    assert "cp1252" in caught.value.hint


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.parquet"])
@_ANY_EXAMPLES
@given(content=st.binary(max_size=300))
def test_any_bytes_are_a_table_or_a_data_error(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    try:
        table = tables.read(path)
    except DataError:
        return
    assert table.frame.height == table.understood.rows > 0


_TEXT = st.text(alphabet=string.ascii_letters + "0123456789 ,;\"\t|\n'-./:?éß", max_size=12)


@_ANY_EXAMPLES
@given(content=st.text(alphabet='ab1.,;"\t|\n\r -/:?N', max_size=200))
def test_any_text_is_a_table_or_a_data_error(tmp_path: Path, content: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(content.encode())
    try:
        table = tables.read(path)
    except DataError:
        return
    assert table.frame.height == table.understood.rows > 0


@_ANY_EXAMPLES
@given(
    rows=st.lists(st.tuples(_TEXT, _TEXT, _TEXT), min_size=1, max_size=20),
    separator=st.sampled_from([",", ";", "\t", "|"]),
    end=st.sampled_from(["\n", "\r\n"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_what_the_csv_module_writes_is_read_back_equal(
    tmp_path: Path, rows: list[tuple[str, ...]], separator: str, end: str, quoting: int
) -> None:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=separator, lineterminator=end, quoting=quoting)  # type: ignore[arg-type]
    writer.writerows([("one", "two", "three"), *rows])
    path = tmp_path / "a.csv"
    path.write_bytes(text.getvalue().encode())
    names = ("one", "two", "three")
    table = tables.read(
        path, reading=Reading(separator=separator), types=dict.fromkeys(names, "category")
    )
    missing = ("", "?", "NA", "N/A", "null")
    # Rows of nothing but blanks below the last row are none, unless all are such.
    filled = [any(cell.strip() for cell in row) for row in rows]
    rows = rows[: len(rows) - filled[::-1].index(True)] if any(filled) else rows
    expected = [tuple(None if cell.strip() in missing else cell for cell in row) for row in rows]
    padded = {column.name for column in table.understood.columns if column.padded}
    found = table.frame.rows()
    assert len(found) == len(expected)
    for got, want in zip(found, expected, strict=True):
        for name, a, b in zip(names, got, want, strict=True):
            assert a == (b.strip() if b is not None and name in padded else b)
    assert not table.understood.rejected


@_ANY_EXAMPLES
@given(
    numbers=st.lists(
        st.floats(allow_nan=False, allow_infinity=False) | st.none(), min_size=2, max_size=30
    ).filter(lambda values: any(value is not None for value in values))
)
def test_numbers_written_are_read_back_exactly(tmp_path: Path, numbers: list[float | None]) -> None:
    frame = pl.DataFrame(
        {"x": numbers, "y": ["a"] * len(numbers)}, schema={"x": pl.Float64, "y": pl.String}
    )
    path = tmp_path / "a.csv"
    tables.write(frame, path)
    assert tables.read(path).frame["x"].cast(pl.Float64).to_list() == numbers


def test_a_database_named_as_a_file_says_which_address_reads_its_tables(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    with closing(sqlite3.connect(path)) as opened:
        opened.execute("CREATE TABLE orders (a)")
        opened.execute("CREATE TABLE people (a)")
        opened.execute("INSERT INTO orders VALUES (7)")
        opened.commit()
    with pytest.raises(DataError) as caught:
        tables.read(path)
    assert caught.value.found == "the tables orders, people"
    address = caught.value.hint.split('"')[1]
    assert tables.read(address).frame["a"].to_list() == [7]


def test_a_missing_file_is_compared_with_names_without_their_endings(tmp_path: Path) -> None:
    (tmp_path / "one.csv").write_text("a\n1\n")
    (tmp_path / "customers.csv").write_text("a\n1\n")
    with pytest.raises(DataError) as caught:
        tables.read(tmp_path / "nope.csv")
    assert "did you mean" not in caught.value.hint
    with pytest.raises(DataError, match="no such file") as caught:
        tables.read(tmp_path / "custmers.cvs")
    assert caught.value.hint == f"did you mean {tmp_path / 'customers.csv'}?"


def test_every_left_out_line_is_named_as_long_as_they_are_few(tmp_path: Path) -> None:
    path = tmp_path / "ragged.csv"
    path.write_text("a;b;c\n1;2;3\n1;2\n1;2;3\n1;2;3;4\n")
    (note,) = tables.read(path).understood.notes
    assert note == (
        "2 rows left out: line 3: 2 cells where the header has 3;"
        " line 5: 4 cells where the header has 3"
    )


@pytest.mark.parametrize("how", ["replaced", "grown"])
def test_a_file_that_changes_while_it_is_read_is_never_half_of_each(
    tmp_path: Path, how: str
) -> None:
    path = tmp_path / "a.csv"
    path.write_text("a,b\n" + "1,x\n" * 50_000)
    other = tmp_path / "b.csv"
    other.write_text("a,b\n" + "2,y\n" * 50_000)

    def disturb() -> None:
        if how == "replaced":
            other.replace(path)
        else:
            with path.open("a") as file:
                file.write("3,z\n")

    batches = tables.scan(path, batch_rows=1000)
    next(batches)
    disturb()
    with pytest.raises(DataError, match="changed while it was read"):
        list(batches)
    path.write_text("a,b\n1,x\n")
    assert tables.read(path).frame.rows() == [(1, "x")]


@pytest.mark.parametrize("name", ["^a$", "^.*$", "^\\1}$"])
def test_a_name_that_is_a_pattern_is_refused_in_plain_words(tmp_path: Path, name: str) -> None:
    path = tmp_path / "odd.csv"
    path.write_text(f"{name},b\n" + "1.5,x\n2.5,y\n" * 20)
    with pytest.raises(DataError, match="written as a pattern"):
        tables.read(path)
