"""Tables that speak Arrow: files, DuckDB, and the frames of other libraries."""

from datetime import datetime, time
from pathlib import Path
from typing import Any

import duckdb
import narwhals
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from evermodel import tables
from evermodel.errors import DataError

FRAME = pl.DataFrame(
    {
        "id": [1, 2, 3],
        "price": [1.5, None, 3.0],
        "plan": ["a", "?", None],
        "paid": [True, None, False],
        "at": [datetime(2026, 1, 31, 10), None, datetime(2026, 2, 1)],
    }
)
READ = FRAME.with_columns(plan=pl.Series(["a", None, None]))


class Foreign:
    """A frame of a library of which nobody has heard, with Arrow's PyCapsule interface alone."""

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return FRAME.__arrow_c_stream__(requested_schema)


@pytest.mark.parametrize(
    "frame",
    [
        FRAME,
        FRAME.lazy(),
        FRAME.to_arrow(),
        FRAME.to_pandas(),
        FRAME.to_arrow().to_reader(),
        narwhals.from_native(FRAME.to_pandas()),
        Foreign(),
    ],
    ids=["polars", "lazy", "pyarrow", "pandas", "stream", "narwhals", "foreign"],
)
def test_a_frame_of_any_library_is_read_as_a_file_would_be(frame: Any) -> None:
    table = tables.read(frame)
    assert table.frame.equals(READ)
    assert table.understood.missing == {"plan": {"?": 1}}
    assert table.understood.kind == "frame"


def test_a_pandas_column_of_mixed_objects_is_read_as_the_texts_of_a_file() -> None:
    mixed = [1, "x", None, 2.5, datetime(2026, 1, 31, 10), float("nan")]
    frame = pd.DataFrame({"a": pd.Series(mixed, dtype=object), "b": range(6)})
    table = tables.read(frame)
    assert table.frame["a"].to_list() == ["1", "x", None, "2.5", "2026-01-31 10:00:00", None]
    assert table.frame["b"].to_list() == list(range(6))


def test_two_columns_of_one_name_and_what_is_no_table_are_refused() -> None:
    with pytest.raises(DataError, match="stand more than once"):
        tables.read(pd.DataFrame([[1, 2]], columns=["a", "a"]))
    with pytest.raises(DataError, match="give a path, an address, or a DataFrame"):
        tables.read([1, 2])


@pytest.mark.parametrize("form", ["file", "stream"])
def test_an_arrow_file_is_read_whole_and_in_batches(tmp_path: Path, form: str) -> None:
    path = tmp_path / ("a.feather" if form == "file" else "a.arrows")
    big = pl.concat([FRAME] * 400)
    if form == "file":
        big.write_ipc(path, compression="zstd")
    else:
        big.write_ipc_stream(path)
    parts = list(tables.scan(path, batch_rows=100))
    assert max(part.height for part in parts) <= 100
    assert pl.concat(parts).equals(pl.concat([READ] * 400))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DataError, match="damaged"):
        tables.read(path)


@pytest.fixture
def duck(tmp_path: Path) -> Path:
    path = tmp_path / "shop.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.register("frame", FRAME.to_arrow())
        connection.execute("create table orders as select * from frame")
        connection.execute("create view large as select * from orders, range(5000)")
        connection.execute('create schema "old"')
        connection.execute('create table old."odd ""name" as select 1 as a')
    return path


def test_a_table_of_duckdb_is_read_and_streamed(duck: Path) -> None:
    table = tables.read(f"duckdb:///{duck}?table=orders")
    assert table.frame.equals(READ)
    parts = list(tables.scan(f"duckdb:///{duck}?table=large", batch_rows=4096))
    assert sum(part.height for part in parts) == 15_000
    assert max(part.height for part in parts) <= 4096
    query = "select id, price * 2 as twice from orders where price is not null"
    found = tables.read(f"duckdb:///{duck}#query={query}")
    assert found.frame["twice"].to_list() == [3.0, 6.0]
    assert tables.read(f'duckdb:///{duck}?table=old.odd "name').frame.rows() == [(1,)]


def test_what_duckdb_refuses_is_said_in_one_sentence(duck: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="did you mean 'orders'"):
        tables.read(f"duckdb:///{duck}?table=order")
    with pytest.raises(DataError, match="refuses the query"):
        tables.read(f"duckdb:///{duck}#query=selekt 1")
    with pytest.raises(DataError, match="names no table"):
        tables.read(f"duckdb:///{duck}")
    with pytest.raises(DataError, match="no such database"):
        tables.read("duckdb:///nowhere.duckdb?table=a")
    other = tmp_path / "other.duckdb"
    other.write_text("hello " * 4000)
    with pytest.raises(DataError, match="not a DuckDB database"):
        tables.read(f"duckdb:///{other}?table=a")


def test_a_query_can_neither_write_nor_reach_another_file(duck: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("a\n1\n")
    with pytest.raises(DataError):
        tables.read(f"duckdb:///{duck}#query=select * from read_csv('{secret}')")
    with pytest.raises(DataError):
        tables.read(f"duckdb:///{duck}#query=drop table orders")
    assert tables.read(f"duckdb:///{duck}?table=orders").frame.height == 3


def test_a_pyarrow_table_with_nested_values_is_read_as_texts() -> None:
    table = tables.read(pa.table({"a": [[1, 2], None]}))
    assert table.frame["a"].to_list() == ["[1, 2]", None]


def test_a_pyarrow_table_with_equal_names_is_refused_by_its_names() -> None:
    table = pa.table([pa.array(["Jane Doe"]), pa.array([1])], names=["a", "a"])
    with pytest.raises(DataError, match="more than once") as refused:
        tables.read(table)
    assert "Jane" not in str(refused.value)


def test_objects_are_written_as_a_file_would_hold_them() -> None:
    mixed = pd.DataFrame({"x": [1, "a", pd.NA], "at": [time(10, 30), "noon", None]})
    found = tables.read(mixed).frame
    assert found["x"].to_list() == ["1", "a", None]
    assert found["at"].to_list() == ["10:30:00", "noon", None]
