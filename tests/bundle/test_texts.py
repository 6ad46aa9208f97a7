"""A request's text for a number or a time is read as the training file's texts were, or refused."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evermodel import tables
from evermodel.bundle import Input, Manifest, Repair
from evermodel.bundle.dates import iso
from evermodel.bundle.encode import Encoder
from evermodel.bundle.manifest import DateOrder
from evermodel.bundle.repair import microseconds
from evermodel.errors import RequestError
from evermodel.loop.reading import bundle_repairs
from evermodel.project import parse_project
from evermodel.tables.dates import convert_dates
from tests.bundle.test_encoding import same

_PROJECT = '[project]\nname="p"\n[data]\nsource="a.csv"\ntarget="y"\ntask="binary"\n'


def encoder(kind: Any, repair: Repair | None) -> Encoder:
    item = Input(name="x", type=kind, repair=repair)
    return Encoder(Manifest(project="p", task="binary", target="y", inputs=(item,)))


def number(text: Any, repair: Repair) -> float:
    return float(encoder("number", repair).records([{"x": text}]).numbers[0, 0])


GERMAN = Repair(decimal=",", thousands=".")
EURO = Repair(decimal=",", thousands=".", sign="€")
ENGLISH = Repair(thousands=",", sign="$")
SPACED = Repair(decimal=",", thousands=" ")
COMMA = Repair(decimal=",")


@pytest.mark.parametrize(
    ("repair", "text", "value"),
    [
        (GERMAN, "1.234,50", 1234.5),
        (GERMAN, "1.234", 1234),
        (GERMAN, "-1.234.567,5", -1234567.5),
        (GERMAN, "1234,5", 1234.5),
        (GERMAN, " 7 ", 7),
        (EURO, "1.234,50 €", 1234.5),
        (EURO, "€ 3,5", 3.5),
        (EURO, "-€3", -3),
        (ENGLISH, "$1,234.50", 1234.5),
        (ENGLISH, "1.234", 1.234),
        (SPACED, "1 234,5", 1234.5),
        (SPACED, "1\u202f234\u202f567", 1234567),
        (COMMA, "1234,5", 1234.5),
        (COMMA, "12.5", 12.5),
        (GERMAN, 1.234, 1.234),
        (GERMAN, 1234, 1234),
    ],
)
def test_a_text_is_read_by_the_marks_of_the_training_file(
    repair: Repair, text: Any, value: float
) -> None:
    assert number(text, repair) == value


@pytest.mark.parametrize(
    ("repair", "text"),
    [
        (GERMAN, "1234.5"),
        (GERMAN, "1.23"),
        (GERMAN, "1,234.50"),
        (GERMAN, "12.34,5"),
        (GERMAN, "3 €"),
        (EURO, "$3"),
        (ENGLISH, "1,23"),
        (ENGLISH, "1.234,50"),
        (SPACED, "12 34"),
        (SPACED, "1.234"),
        (COMMA, "1.234"),
        (COMMA, "1.234,5"),
        (GERMAN, ""),
        (GERMAN, "nothing"),
    ],
)
def test_a_text_of_other_marks_is_refused_with_an_example(repair: Repair, text: str) -> None:
    with pytest.raises(RequestError) as caught:
        number(text, repair)
    assert "'x' has the wrong type or value" in caught.value.what
    assert "or a text such as" in caught.value.hint


@pytest.mark.parametrize("repair", [None, Repair()])
@pytest.mark.parametrize("text", ["5", "1.234,50"])
def test_numbers_that_had_no_marks_come_as_numbers(repair: Repair | None, text: str) -> None:
    with pytest.raises(RequestError, match="wrong type"):
        encoder("number", repair).records([{"x": text}])


WRITTEN = [
    "31.12.2025", "05.06.2025", "5/6/2025", "12/31/2025", "31-12-2025", "2025/12/31", "2025.12.31",
    "2025-12-31", "31 Dec 2025", "31-Dec-2025", "December 31, 2025", "Dec 31 2025",
    "31 December 2025", "31.12.2025 10:30", "31.12.2025 10:30:15", "31.12.2025 10:30:15.250",
    "31.12.2025T10:30", "5/6/2025 1:05 PM", "5/6/2025 12:05 AM", "31.12.2025 10:30+01:00",
    "31.12.2025 10:30 Z", "31.12.25", "5/6/25", "5/6/71", "2025-12-31 10:30:00 UTC",
    "5/6/2025 13:05 PM", "32.12.2025", "31.13.2025", "1.2.0999", "31.Dez.2025", "heute", "",
    "5.6-2025", "31 Foo 2025",
]  # fmt: skip
ORDERS: tuple[DateOrder, ...] = ("year first", "day first", "month first")


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("text", WRITTEN)
def test_a_time_is_read_as_the_reader_of_files_reads_it(text: str, order: DateOrder) -> None:
    expected = convert_dates(pl.Series([text]), order).to_physical()[0]
    try:
        found = microseconds(iso(text, order))
    except ValueError:
        two_ways = order == "year first" and not text.startswith("2025")
        assert expected is None or two_ways
    else:
        assert found == expected


@settings(deadline=None)
@given(
    st.datetimes(datetime(1000, 1, 1)),
    st.sampled_from(
        ["%d.%m.%Y", "%d/%m/%Y %H:%M", "%d-%m-%Y %H:%M:%S", "%d.%m.%Y %H:%M:%S.%f", "%Y/%m/%d"]
    ),
)
def test_any_time_day_first_is_read_as_in_a_file(moment: Any, form: str) -> None:
    text = moment.strftime(form)
    expected = convert_dates(pl.Series([text]), "day first").to_physical()[0]
    if expected is not None:
        assert microseconds(iso(text, "day first")) == expected


@pytest.mark.parametrize("repair", [None, Repair(), Repair(dates="year first")])
def test_day_and_month_that_nothing_tells_apart_are_refused(repair: Repair | None) -> None:
    with pytest.raises(RequestError, match="wrong type or value"):
        encoder("timestamp", repair).records([{"x": "05.06.2025"}])


def test_a_file_and_the_same_texts_in_a_request_become_the_same_blocks(tmp_path: Path) -> None:
    texts = {
        "number": ["1.234,50", "7,25", "12.000.000,00", "0,5"],
        "timestamp": ["31.12.2025", "05.06.2025", "01.02.2024", "13.03.2023"],
    }
    for kind, column in texts.items():
        path = tmp_path / f"{kind}.csv"
        path.write_text("\n".join(["x;n", *(f"{text};{n}" for n, text in enumerate(column))]))
        table = tables.read(path)
        repair = bundle_repairs(table, parse_project(_PROJECT))["x"]
        again = msgspec.json.decode(msgspec.json.encode(repair), type=Repair)
        one = encoder(kind, again)
        trained = one.frame(table.frame, repaired=True)
        same(trained, one.records([{"x": text} for text in column]))
        same(trained, one.frame(pl.DataFrame({"x": column})))


def test_what_was_signed_before_dates_were_kept_is_the_same_bytes_today() -> None:
    old = b'{"decimal":",","thousands":"."}'
    assert msgspec.json.encode(msgspec.json.decode(old, type=Repair)) == old
    assert msgspec.json.encode(Repair()) == b"{}"
