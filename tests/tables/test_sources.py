"""Sources that are no delimited text: JSON lines, parquet, Delta tables, databases."""

import gc
import json
import sqlite3
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from evermodel import tables
from evermodel.errors import DataError, SurroundingsError


def test_json_lines_keep_their_types(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    rows = [
        {"n": 1, "x": 1.5, "ok": True, "code": "007", "when": "2020-01-31T10:00:00Z"},
        {"n": 2, "x": None, "ok": None, "code": "8", "when": "2020-02-01T10:00:00Z"},
        {"n": 3, "ok": False, "code": "9", "when": None},
    ]
    path.write_text("\n".join(map(json.dumps, rows)) + "\nnot json\n[1]\n")
    table = tables.read(path)
    assert [column.type for column in table.schema.columns] == [
        "number",
        "number",
        "boolean",
        "category",
        "timestamp",
    ]
    assert table.frame["ok"].to_list() == [True, None, False]
    assert table.frame["when"][0] == datetime(2020, 1, 31, 10)
    assert [(row.line, row.reason) for row in table.understood.rejected] == [
        (4, "not valid JSON"),
        (5, "not a JSON object"),
    ]


def test_json_texts_of_digits_stay_texts_and_this_is_said(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"id": "12"}\n{"id": "13"}\n')
    table = tables.read(path)
    assert table.frame["id"].to_list() == ["12", "13"]
    assert "id: numbers are stored as text: kept as category" in table.understood.notes


def test_an_array_of_json_objects_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('[{"a": 1, "b": {"c": 2}}, {"a": NaN}]')
    table = tables.read(path)
    assert table.frame.to_dict(as_series=False) == {"a": [1, None], "b": ['{"c": 2}', None]}


@pytest.mark.parametrize("text", ["[1, 2", "[1, 2]", "{}\n", '{"a": 1\n'])
def test_json_without_rows_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(DataError):
        tables.read(path)


def test_parquet_columns_become_the_types_of_the_house(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    zoned = pl.Series([datetime(2020, 1, 31, 10)]).dt.replace_time_zone("Europe/Berlin")
    pl.DataFrame(
        {
            "small": pl.Series([1], dtype=pl.Int8),
            "real": pl.Series([float("nan")], dtype=pl.Float32),
            "day": pl.Series([datetime(2020, 1, 31)]).cast(pl.Date),
            "zoned": zoned,
            "kind": pl.Series(["a"], dtype=pl.Categorical),
            "list": [[1, 2]],
            "ok": [True],
            "nothing": pl.Series([None], dtype=pl.Null),
        }
    ).write_parquet(path)
    table = tables.read(path)
    assert table.frame.rows() == [
        (1, None, datetime(2020, 1, 31), datetime(2020, 1, 31, 9), "a", "[1, 2]", True, None)
    ]
    assert [str(dtype) for dtype in table.frame.dtypes[:3]] == [
        "Int64",
        "Float64",
        "Datetime(time_unit='us', time_zone=None)",
    ]


def test_types_of_parquet_columns_can_be_told(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pl.DataFrame(
        {"code": [1, 2], "n": ["1,5", "2"], "ok": [1, 0], "b": [True, False]}
    ).write_parquet(path)
    types = {"code": "category", "ok": "boolean", "b": "number"}
    table = tables.read(path, types=types)  # type: ignore[arg-type]
    assert table.frame.rows() == [("1", "1,5", True, 1), ("2", "2", False, 0)]


def test_a_delta_table_is_read_by_its_folder(tmp_path: Path) -> None:
    tables.versions.save(tmp_path / "t", pl.DataFrame({"a": [1, 2]}), digest="d")
    assert tables.read(tmp_path / "t").frame["a"].to_list() == [1, 2]
    assert [batch.height for batch in tables.scan(tmp_path / "t")] == [2]


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    path = tmp_path / "shop.db"
    connection = sqlite3.connect(path)
    connection.execute("create table orders (id integer, total real, day text, note text)")
    connection.executemany(
        "insert into orders values (?, ?, ?, ?)",
        [(i, i / 2, f"2020-01-{i:02d}", None if i == 3 else f"n{i}") for i in range(1, 21)],
    )
    connection.commit()
    connection.close()
    return path


def test_a_table_of_sqlite_is_read(shop: Path) -> None:
    table = tables.read(f"sqlite:///{shop}?table=orders")
    assert table.frame.shape == (20, 4)
    assert [column.type for column in table.schema.columns] == [
        "number",
        "number",
        "timestamp",
        "category",
    ]
    assert table.frame["note"].null_count() == 1


@pytest.mark.parametrize(
    "form", ["?query=select+id+from+orders+where+id<4", "#query=select id from orders where id < 4"]
)
def test_a_query_of_sqlite_is_read(shop: Path, form: str) -> None:
    assert tables.read(f"sqlite:///{shop}{form}").frame["id"].to_list() == [1, 2, 3]


def test_a_database_is_read_in_batches(shop: Path) -> None:
    batches = list(tables.scan(f"sqlite:///{shop}?table=orders", batch_rows=6))
    assert [batch.height for batch in batches] == [6, 6, 6, 2]


def test_mistakes_in_an_address_of_a_database_are_refused(shop: Path, tmp_path: Path) -> None:
    for address, word in [
        (f"sqlite:///{shop}?table=order", "did you mean 'orders'"),
        (f"sqlite:///{shop}", "add ?table=NAME"),
        (f"sqlite:///{shop}?query=selec+1", "check the address"),
        (f"sqlite:///{tmp_path / 'none.db'}?table=a", "check the path"),
    ]:
        with pytest.raises(DataError) as caught:
            tables.read(address)
        assert word in caught.value.hint
    assert not (tmp_path / "none.db").exists()


def test_a_table_of_postgresql_is_read_with_its_types(postgres: str) -> None:
    import psycopg

    with psycopg.connect(postgres) as connection:
        connection.execute(
            "create table orders (id bigint, total numeric(8,2), day date, at timestamptz,"
            " paid boolean, code text)"
        )
        connection.execute(
            "insert into orders select i, i * 1.25, date '2020-01-01' + i,"
            " timestamptz '2020-01-01 10:00+02' + i * interval '1 hour', i % 2 = 0, '0' || i"
            " from generate_series(1, 2500) i"
        )
    table = tables.read(f"{postgres}?table=orders")
    assert table.frame.shape == (2500, 6)
    assert [column.type for column in table.schema.columns] == [
        "number",
        "number",
        "timestamp",
        "timestamp",
        "boolean",
        "category",
    ]
    assert table.frame["at"][0] == datetime(2020, 1, 1, 9)
    batches = list(tables.scan(f"{postgres}?query=select+id+from+orders", batch_rows=1000))
    assert [batch.height for batch in batches] == [1000, 1000, 500]


def test_a_database_that_does_not_answer_is_said(postgres: str) -> None:
    with pytest.raises(SurroundingsError, match="does not answer"):
        tables.read("postgresql://shop@127.0.0.1:1/postgres?table=orders")


# The driver's own cursor complains when it is let go of after its connection.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_database_that_drops_the_connection_is_said_in_one_sentence(postgres: str) -> None:
    psycopg = pytest.importorskip("psycopg")
    query = "select+n,+repeat('x',1000)+as+t+from+generate_series(1,200000)+as+n"
    batches = tables.scan(f"{postgres}?query={query}", understood=_wide(), batch_rows=1000)
    next(batches)
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid()"
            " and backend_type = 'client backend'"
        )
    with pytest.raises(SurroundingsError, match="database") as caught:
        list(batches)
    assert "correct-horse" not in str(caught.value)
    del batches, caught
    gc.collect()


def _wide() -> tables.Understanding:
    columns = (
        tables.ColumnReading(name="n", type="number"),
        tables.ColumnReading(name="t", type="category"),
    )
    return tables.Understanding(kind="database", columns=columns, rows=200_000)


def test_a_name_twice_in_a_json_line_is_rejected(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"a": 1, "a": 2}\n{"a": 3, "b": "10:30"}\n{"a": 4, "b": "{\\"a\\": 1}"}\n')
    table = tables.read(path)
    assert [(row.line, row.reason) for row in table.understood.rejected] == [
        (1, "a name stands twice in the object")
    ]
    assert table.frame["a"].to_list() == [3, 4]
    path = tmp_path / "a.json"
    path.write_text('[{"a": 1, "a": 2}]')
    with pytest.raises(DataError, match="stands twice"):
        tables.read(path)
