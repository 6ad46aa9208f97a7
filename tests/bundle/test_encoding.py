"""Records and frames become the same blocks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evermodel import tables
from evermodel.bundle import Blocks, Input
from evermodel.bundle.blocks import MISSING_TIME
from evermodel.bundle.encode import Encoder
from evermodel.errors import DataError
from tests.bundle.graphs import COLUMNS, ROW, manifest
from tests.real import real_data

ENCODER = Encoder(manifest())
TYPES: dict[str, Any] = {
    "tenure": pl.Float64,
    "charges": pl.Float64,
    "paperless": pl.Boolean,
    "plan": pl.String,
    "joined": pl.Datetime("us"),
}


def same(a: Blocks, b: Blocks) -> None:
    np.testing.assert_array_equal(a.numbers, b.numbers)
    np.testing.assert_array_equal(a.strings, b.strings)
    np.testing.assert_array_equal(a.times, b.times)


@st.composite
def pairs(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the same row as a client sends it and as a frame holds it."""
    numbers = st.none() | st.floats(allow_infinity=False, allow_nan=False)
    tenure, charges = draw(numbers), draw(numbers)
    paperless = draw(st.none() | st.booleans())
    plan = draw(st.none() | st.sampled_from(["", "unknown"]) | st.text(max_size=5))
    # Of an earlier year, a text may as well be one of two digits.
    moment = draw(st.none() | st.datetimes(datetime(1001, 1, 1)))
    zone = draw(st.sampled_from([None, UTC, timezone(timedelta(hours=-9, minutes=-30))]))
    joined = None
    if moment is not None:
        local = moment if zone is None else moment.replace(tzinfo=UTC)
        try:
            joined = (local if zone is None else local.astimezone(zone)).isoformat()
        except OverflowError:
            joined = moment.isoformat()
    word = draw(st.sampled_from([None, " ", "n/a"]))
    sent = {
        "tenure": tenure,
        "charges": word if charges is None else charges,
        "paperless": paperless,
        "plan": plan,
        "joined": draw(st.sampled_from([None, "never"])) if joined is None else joined,
    }
    held = {
        "tenure": tenure,
        "charges": charges,
        "paperless": paperless,
        "plan": plan,
        "joined": moment,
    }
    return sent, held


@given(st.lists(pairs(), max_size=6))
def test_records_and_frames_become_identical_blocks(
    rows: list[tuple[dict[str, Any], dict[str, Any]]],
) -> None:
    sent = [record for record, _ in rows]
    frame = pl.DataFrame([record for _, record in rows], schema=TYPES)
    blocks = ENCODER.records(sent)
    same(blocks, ENCODER.frame(frame))
    assert len(blocks) == len(rows)
    decoded = msgspec.json.decode(msgspec.json.encode(sent), type=list[ENCODER.row_type])  # type: ignore[name-defined]
    same(blocks, ENCODER.rows(decoded))


def test_rows_one_by_one_are_the_rows_together() -> None:
    records = [ROW, {**ROW, "tenure": None, "plan": None}, {**ROW, "joined": None, "charges": " "}]
    same(Blocks.concat([ENCODER.records([row]) for row in records]), ENCODER.records(records))


def test_real_rows_are_read_the_same_as_records_and_as_a_frame() -> None:
    table = tables.read(real_data("churn/telco_churn.csv"))
    frame = table.frame.drop("Churn").head(500)
    inputs = tuple(
        Input(
            name=name,
            type="category"
            if dtype == pl.String
            else "boolean"
            if dtype == pl.Boolean
            else "number",
        )
        for name, dtype in frame.schema.items()
    )
    encoder = Encoder(manifest(inputs=inputs))
    records = [
        {
            k: float(v) if isinstance(v, int) and not isinstance(v, bool) else v
            for k, v in row.items()
        }
        for row in frame.iter_rows(named=True)
    ]
    same(encoder.records(records), encoder.frame(frame))


def test_a_missing_value_is_nan_the_empty_text_and_the_missing_time() -> None:
    nothing = dict.fromkeys(ROW)
    blocks = ENCODER.records([nothing, nothing])
    assert np.isnan(blocks.numbers).all()
    assert (blocks.strings == "").all()
    assert (blocks.times == MISSING_TIME).all()
    frame = pl.DataFrame({name: [None, None] for name in ROW})
    same(blocks, ENCODER.frame(frame))


def test_nan_in_a_python_record_is_a_missing_number() -> None:
    blocks = ENCODER.records([{**ROW, "tenure": float("nan")}])
    assert np.isnan(blocks.numbers[0, 0])


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-31T12:00:00", datetime(2026, 1, 31, 12, tzinfo=UTC)),
        ("2026-01-31 12:00", datetime(2026, 1, 31, 12, tzinfo=UTC)),
        ("2026-01-31", datetime(2026, 1, 31, tzinfo=UTC)),
        ("2026-01-31T12:00:00Z", datetime(2026, 1, 31, 12, tzinfo=UTC)),
        ("2026-01-31T12:00:00+05:30", datetime(2026, 1, 31, 6, 30, tzinfo=UTC)),
        ("2026-01-01T00:30:00-08:00", datetime(2026, 1, 1, 8, 30, tzinfo=UTC)),
        ("1903-02-28T23:59:59.999999", datetime(1903, 2, 28, 23, 59, 59, 999999, tzinfo=UTC)),
    ],
)
def test_a_time_is_read_in_its_zone_and_as_utc_without_one(text: str, moment: datetime) -> None:
    blocks = ENCODER.records([{**ROW, "joined": text}])
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    assert blocks.times[0, 0] == (moment - epoch) // timedelta(microseconds=1)


def test_a_frame_with_zones_or_other_units_is_the_same_moment() -> None:
    naive = pl.Series("joined", [datetime(2026, 7, 1, 12), datetime(1969, 12, 31, 23, 59)])
    base = pl.DataFrame([ROW, ROW]).drop("joined")
    expected = ENCODER.frame(base.with_columns(naive))
    zoned = naive.dt.replace_time_zone("UTC").dt.convert_time_zone("Asia/Kolkata")
    for other in (zoned, naive.cast(pl.Datetime("ns")), naive.cast(pl.Datetime("ms"))):
        same(expected, ENCODER.frame(base.with_columns(other)))


def test_a_frame_may_hold_categories_as_polars_enums_and_numbers_of_any_width() -> None:
    frame = pl.DataFrame([ROW]).with_columns(pl.col("joined").str.to_datetime())
    other = frame.with_columns(
        pl.col("plan").cast(pl.Enum(["monthly", "yearly"])),
        pl.col("tenure").cast(pl.Int8),
        pl.col("charges").cast(pl.Decimal(10, 2)),
        pl.col("paperless").cast(pl.UInt8),
    )
    same(ENCODER.frame(frame), ENCODER.frame(other))


def test_words_for_missing_are_missing_in_a_frame_too() -> None:
    frame = pl.DataFrame({**ROW, "plan": "unknown", "charges": " ", "joined": "never"})
    same(
        ENCODER.frame(frame),
        ENCODER.records([{**ROW, "plan": None, "charges": None, "joined": None}]),
    )


def test_columns_that_the_model_does_not_read_are_passed_by_in_a_frame() -> None:
    frame = pl.DataFrame([{**ROW, "joined": None, "extra": [1, 2]}])
    assert len(ENCODER.frame(frame)) == 1


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("tenure", ["five", "six"], "another type"),
        ("plan", [1, 2], "another type"),
        ("joined", [1.5, 2.5], "another type"),
        ("tenure", [1.0, float("inf")], "not a number"),
        ("paperless", [0, 7], "not true, false"),
    ],
)
def test_a_frame_with_a_wrong_column_is_refused_by_name(
    column: str, values: list[Any], message: str
) -> None:
    frame = pl.DataFrame([{**ROW, "joined": None}] * 2).with_columns(pl.Series(column, values))
    with pytest.raises(DataError, match=message) as caught:
        ENCODER.frame(frame)
    assert repr(column) in caught.value.what


def test_a_frame_that_lacks_a_column_is_told_which_one_it_may_be() -> None:
    frame = pl.DataFrame([ROW]).rename({"tenure": "tenur"})
    with pytest.raises(DataError) as caught:
        ENCODER.frame(frame)
    assert caught.value.where == "tenure"
    assert caught.value.hint == "is 'tenur' the column 'tenure'?"


def test_the_order_of_columns_within_a_record_does_not_matter() -> None:
    same(ENCODER.records([ROW]), ENCODER.records([dict(reversed(ROW.items()))]))


def test_blocks_are_in_the_order_of_the_manifest_s_inputs_of_each_type() -> None:
    turned = Encoder(manifest(inputs=tuple(reversed(COLUMNS))))
    np.testing.assert_array_equal(
        turned.records([ROW]).numbers, ENCODER.records([ROW]).numbers[:, ::-1]
    )


def test_one_column_of_each_type_alone_is_read() -> None:
    for item in COLUMNS:
        encoder = Encoder(manifest(inputs=(item,)))
        for rows in ([], [ROW], [ROW, {item.name: None}]):
            blocks = encoder.records([{item.name: row[item.name]} for row in rows])
            assert len(blocks) == len(rows)
            assert list(blocks.feed()) == [
                {"number": "numbers", "boolean": "numbers", "category": "strings"}.get(
                    item.type, "times"
                )
            ]
