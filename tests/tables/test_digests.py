"""The digest says whether two tables hold the same rows, however they are kept."""

from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evermodel import tables
from evermodel.records import ColumnType

_CELLS = st.fixed_dictionaries(
    {
        "n": st.integers(-(2**63), 2**63 - 1) | st.none(),
        "x": st.floats(allow_nan=False) | st.none(),
        "s": st.text(alphabet="abé ;,\"'", max_size=5) | st.none(),
        "t": st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)) | st.none(),
        "b": st.booleans() | st.none(),
    }
)
_SCHEMA: dict[str, Any] = {
    "n": pl.Int64,
    "x": pl.Float64,
    "s": pl.String,
    "t": pl.Datetime("us"),
    "b": pl.Boolean,
}
_TABLES = st.lists(_CELLS, min_size=1, max_size=12).map(lambda rows: pl.DataFrame(rows, _SCHEMA))
_LAW = settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@_LAW
@given(frame=_TABLES, seed=st.integers(0, 99))
def test_the_order_of_rows_and_columns_does_not_matter(frame: pl.DataFrame, seed: int) -> None:
    shuffled = frame.sample(fraction=1, shuffle=True, seed=seed)[:, ::-1]
    assert tables.digest(shuffled) == tables.digest(frame)


@_LAW
@given(frame=_TABLES, cut=st.integers(0, 12))
def test_the_partition_does_not_matter(frame: pl.DataFrame, cut: int) -> None:
    parts = [frame[:cut], frame[cut:]]
    assert tables.digest_batches(parts) == tables.digest(frame)


@_LAW
@given(frame=_TABLES, row=st.integers(0, 11), name=st.sampled_from(sorted(_SCHEMA)), other=_CELLS)
def test_a_changed_cell_changes_it(
    frame: pl.DataFrame, row: int, name: str, other: dict[str, object]
) -> None:
    row %= frame.height
    values = frame[name].to_list()
    same = values[row] == other[name]
    values[row] = other[name]
    changed = frame.with_columns(pl.Series(name, values, dtype=_SCHEMA[name]))
    assert (tables.digest(changed) == tables.digest(frame)) == same


def test_cells_exchanged_between_rows_or_columns_change_it() -> None:
    frame = pl.DataFrame({"a": [1, 2], "b": [3, 4]})
    assert tables.digest(frame) != tables.digest(pl.DataFrame({"a": [2, 1], "b": [3, 4]}))
    assert tables.digest(frame) != tables.digest(pl.DataFrame({"b": [1, 2], "a": [3, 4]}))


def test_equal_numbers_are_equal_however_they_are_stored() -> None:
    kinds = [pl.Int64, pl.Float64, pl.Int8, pl.Float32, pl.UInt16]
    digests = {tables.digest(pl.DataFrame({"a": pl.Series([1, 2, None], dtype=k)})) for k in kinds}
    assert len(digests) == 1
    zero = pl.DataFrame({"a": [0.0]})
    assert tables.digest(zero) == tables.digest(pl.DataFrame({"a": [-0.0]}))
    assert tables.digest(zero) != tables.digest(pl.DataFrame({"a": [False]}))
    assert tables.digest(zero) != tables.digest(pl.DataFrame({"a": ["0.0"]}))


def test_a_missing_row_and_a_repeated_row_change_it() -> None:
    frame = pl.DataFrame({"a": [1, 1, 2]})
    assert len({tables.digest(frame[:n]) for n in range(4)}) == 4


def test_it_stays_the_same_over_versions() -> None:
    frame = pl.DataFrame(
        {"n": [1, None], "x": [0.5, 2.0], "s": ["é", None], "b": [True, False]}
        | {"t": [datetime(2020, 1, 31), None]}
    )
    assert (
        tables.digest(frame) == "cee25d2dc84aca86a57cc3237f6aec72a9e3b9ad71ed3ab7e0254d3e408df9e5"
    )


@_LAW
@given(frame=_TABLES)
def test_files_of_two_formats_give_the_same(tmp_path: Path, frame: pl.DataFrame) -> None:
    types: dict[str, ColumnType] = {
        "n": "number",
        "x": "number",
        "s": "category",
        "t": "timestamp",
        "b": "boolean",
    }
    # What a CSV file cannot hold: texts that are blank, and infinite numbers are kept apart.
    frame = frame.with_columns(pl.col("s").str.strip_chars().replace("", None))
    # Empty rows at its end are none there.
    filled = frame.select(~pl.all_horizontal(pl.all().is_null())).to_series().arg_true()
    frame = frame.head(filled[-1] + 1) if len(filled) else frame
    digests = set()
    for name in ("a.csv", "a.parquet"):
        tables.write(frame, tmp_path / name)
        digests.add(tables.digest(tables.read(tmp_path / name, types=types).frame))
    assert digests == {tables.digest(frame)}


@pytest.mark.real
def test_a_real_set_keeps_its_digest_through_every_format(tmp_path: Path) -> None:
    from tests.real import real_data

    table = tables.read(real_data("churn/telco_churn.csv"))
    expected = tables.digest(table.frame)
    tables.write(table.frame, tmp_path / "a.parquet")
    tables.versions.save(tmp_path / "delta", table.frame, digest=expected)
    order = np.random.default_rng(0).permutation(table.frame.height)
    tables.write(table.frame[order], tmp_path / "a.csv")
    for name in ("a.parquet", "delta", "a.csv"):
        assert tables.digest(tables.read(tmp_path / name).frame) == expected
    assert tables.digest_batches(tables.scan(tmp_path / "a.csv", batch_rows=999)) == expected
