"""Clean columns and real tables are left in peace, and large ones are sampled in time."""

from __future__ import annotations

import hashlib
import re
import time
import uuid
from collections.abc import Callable

import numpy as np
import polars as pl
import pytest

from evermodel.data.personal import personal_data
from evermodel.data.personal.values import MOST, draw
from tests.data.identifiers_made import (
    claims,
    luhn_digit,
    scan,
)
from tests.real import real_data


def clean_columns(seed: int, n: int) -> dict[str, object]:
    """Return columns of a shop or a laboratory that hold nothing personal."""
    rng = np.random.default_rng(seed)

    def digits(length: int) -> list[str]:
        return ["".join(map(str, rng.integers(0, 10, length))) for _ in range(n)]

    def each(form: Callable[..., str], *of: object) -> list[str]:
        return [form(*row) for row in zip(*of, strict=True)]

    start, step = int(rng.integers(10**9, 9 * 10**9)), int(rng.choice([1, 7, 10, 11, 97, 100]))
    seconds = rng.integers(10**9, 2 * 10**9, n)
    stamps = pl.from_epoch(pl.Series(seconds))
    north, east = rng.uniform(-90, 90, n), rng.uniform(-180, 180, n)
    price = rng.lognormal(6, 2, n)
    columns: dict[str, object] = {f"d{k}": digits(k) for k in (8, 9, 10, 11, 12, 13, 15, 16, 19)}
    columns |= {f"i{k}": rng.integers(10 ** (k - 1), 10**k, n) for k in (8, 9, 10, 11, 12, 16)}
    columns |= {
        "rising": start + np.arange(n) * step,
        "price": price.round(2),
        "price_text": each("{:.2f}".format, price),
        "price_words": each("{:,.2f} EUR".format, price),
        "unix": seconds,
        "milliseconds": each(str, seconds * 1000),
        **{
            f"time{i}": stamps.dt.to_string(form)
            for i, form in enumerate(
                ["%Y-%m-%dT%H:%M:%S+01:00", "%m/%d/%Y %H:%M", "%d.%m.%Y", "%Y%m%d%H%M%S",
                 "%y%m%d%H%M", "%H:%M:%S", "%d-%m-%y"]
            )
        },
        "area": each("{:05d}".format, rng.integers(0, 99999, n)),
        "area_long": each(lambda a: f"{a[:5]}-{a[5:]}", digits(9)),
        "place": each("{:.6f},{:.6f}".format, north, east),
        "place_iso": each("{:+.4f}{:+.4f}/".format, north, east),
        "place_signed": each("{:+.8f}".format, abs(north)),
        "change": each("{:+d}".format, rng.integers(-(10**8), 10**8, n)),
        "order_a": each(lambda a: f"{a[:3]}-{a[3:6]}-{a[6:]}", digits(10)),
        "order_b": each(lambda a: f"{a[:3]}-{a[3:10]}-{a[10:]}", digits(17)),
        "order_c": each(lambda a: f"{a[:4]}-{a[4:8]}-{a[8:12]}-{a[12:]}", digits(16)),
        "order_d": each(lambda a: f"0{a[:3]}-{a[3:]}", digits(9)),
        "order_e": each("Order no {} in parcel {}".format, digits(10), digits(12)),
        "tax_of_firms": each("DE{}".format, digits(9)),
        "account_like": each("DE{}".format, digits(20)),
        "article": each(lambda a: "35" + a + luhn_digit("35" + a), digits(12)),
        "md5": each(lambda a: hashlib.md5(a.encode()).hexdigest(), digits(9)),
        "sha": each(lambda a: hashlib.sha256(a.encode()).hexdigest(), digits(9)),
        "uuid": [str(uuid.UUID(bytes=rng.bytes(16))) for _ in range(n)],
        "print": [":".join(f"{x:02x}" for x in rng.bytes(20)) for _ in range(n)],
        "version": [".".join(map(str, rng.integers(0, 20, 4))) for _ in range(n)],
        "software_version": [".".join(map(str, rng.integers(0, 200, 4))) for _ in range(n)],
        "lottery": ["-".join(f"{x:02d}" for x in rng.integers(1, 50, 6)) for _ in range(n)],
        "size": each("{:.1f} x {:.1f} mm".format, price, price),
        "phone_minutes": rng.integers(0, 3000, n),
        "mobile_revenue": rng.integers(0, 10**8, n),
        "phone_contacted": stamps.dt.to_string("%Y-%m-%d"),
        "last_phone_call": stamps.dt.to_string("%d.%m.%Y"),
        "phone_sales": each(str, rng.integers(10**7, 10**8, n)),
        "tel_cost": each("{:.2f}".format, rng.uniform(0, 1e6, n)),
        "picture": [f"icon{i}@2x.png" for i in range(n)],
    }  # fmt: skip
    return columns


@pytest.mark.parametrize("n", [3, 30, 400])
def test_clean_columns_of_many_sorts_raise_no_alarm(n: int) -> None:
    alarms = [claims(scan(**clean_columns(seed, n))) for seed in range(6)]
    assert alarms == [set()] * 6


def test_large_columns_are_sampled_by_a_seed_and_say_so() -> None:
    series = pl.Series("a", [f"user{n}@example.org" for n in range(100_000)] * 2)
    first, again, other = draw(series, seed=1), draw(series, seed=1), draw(series, seed=2)
    assert first is not None
    assert again is not None
    assert other is not None
    assert first.n == MOST == other.n
    assert not first.complete
    assert first.values.equals(again.values)
    assert not first.values.equals(other.values)
    assert series.gather(first.rows).equals(first.values)
    found, last = personal_data(series.to_frame())
    assert "20000 distinct values drawn at random (seed 0" in found.method
    assert last.evidence["sampled"] == ["a"]
    assert (found.n, found.value) == (MOST, 1.0)


@pytest.mark.parametrize("numbers", [True, False])
def test_the_sample_is_uniform_over_distinct_values_however_often_they_occur(numbers: bool) -> None:
    # Half of the distinct values occur once, half of them nine times.
    values = np.concatenate([np.arange(50_000), np.repeat(np.arange(50_000, 100_000), 9)])
    series = pl.Series("a", values)
    drawn = draw(series if numbers else series.cast(pl.String), seed=3)
    assert drawn is not None
    often = int((drawn.values.cast(pl.Int64) >= 50_000).sum())
    assert abs(often / drawn.n - 0.5) < 4 * 0.5 / np.sqrt(drawn.n)
    # The share that carries a trait is met by the interval.
    quarter = int((drawn.values.cast(pl.Int64) % 4 == 0).sum())
    assert abs(quarter / drawn.n - 0.25) < 4 * np.sqrt(0.1875 / drawn.n)


def test_a_million_rows_of_thirty_columns_take_less_than_three_seconds() -> None:
    rng = np.random.default_rng(0)
    n = 1_000_000
    number_text = pl.Series(rng.integers(10**10, 10**11, n)).cast(pl.String)
    words = pl.Series(["please call", "order of", "shop no", "late parcel"])
    text = words.gather(rng.integers(0, 4, n)) + " " + number_text + " thanks"
    kinds = [
        pl.Series(rng.normal(size=n)),
        pl.Series(rng.integers(0, 100, n)),
        pl.Series(rng.integers(10**9, 10**10, n)),
        number_text,
        "u" + number_text + "@example.org",
        words.gather(rng.integers(0, 4, n)),
        text,
        pl.Series(rng.integers(0, 10**9, n)).cast(pl.Datetime("us")),
        pl.Series(rng.integers(0, 10**8, n).astype(float)),
        pl.Series(rng.integers(0, 10**6, n)).cast(pl.String),
    ]
    frame = pl.DataFrame({f"c{i}": kinds[i % 10] for i in range(30)})
    list(personal_data(frame.head(100)))
    # CPU time of all threads, so that neighbours on the machine do not decide.
    begun = time.process_time()
    results = list(personal_data(frame))
    assert time.process_time() - begun < 3.0
    assert claims(results) == {(f"c{i}", "email") for i in (4, 14, 24)}


def read(relative: str) -> pl.DataFrame:
    path = real_data(relative)
    if path.suffix == ".parquet":
        return pl.read_parquet(path)
    return pl.read_csv(path, infer_schema_length=None)


@pytest.mark.real
@pytest.mark.parametrize(
    "relative",
    [
        "retail/online_retail.parquet", "churn/telco_churn.csv", "adult/adult.parquet",
        "credit/default_credit_card.parquet", "credit/german_credit.csv",
        "acs/acs_gov_2018.parquet", "bike/hour.csv", "beers/dirty.csv", "beers/clean.csv",
        "flights/dirty.csv", "elec2/elec2.parquet", "pm25/beijing_pm25.csv",
        "banking77/train.csv", "weather/noaa_bellevue.csv",
    ],
)  # fmt: skip
def test_real_tables_without_personal_data_raise_no_alarm(relative: str) -> None:
    assert [one.name for one in personal_data(read(relative))] == ["personal_data_scan"]


@pytest.mark.real
@pytest.mark.parametrize("which", ["dirty", "clean"])
def test_authors_who_gave_their_address_are_found_and_nothing_else(which: str) -> None:
    frame = read(f"rayyan/{which}.csv")
    results = list(personal_data(frame))
    assert claims(results) == {("author_list", "email")}
    rows = results[0].evidence["rows"]
    assert all("@" in frame["author_list"][row] for row in rows)
    assert len(rows) == 2


@pytest.mark.real
@pytest.mark.parametrize(
    ("which", "phone", "street"),
    [("clean", "PhoneNumber", "Address1"), ("dirty", "phone", "address_1")],
)
def test_hospitals_have_telephones_and_streets(which: str, phone: str, street: str) -> None:
    frame = read(f"hospital/{which}.csv")
    assert claims(list(personal_data(frame))) == {(phone, "phone"), (street, "postal_address")}


@pytest.mark.real
def test_telephone_numbers_inside_messages_are_found() -> None:
    frame = read("sms/sms_spam.csv")
    results = list(personal_data(frame))
    assert claims(results) == {("text", "phone"), ("text", "email")}
    phone = next(one for one in results if one.evidence["kind"] == "phone")
    assert phone.evidence["within_text"]
    assert phone.value is not None
    # Unsolicited messages ask to be called; of 653 different ones about half give ten digits.
    assert 200 <= phone.value * (phone.n or 0) <= 600
    for row in phone.evidence["rows"]:
        assert re.search(r"\d[\d ]{8,}", frame["text"][row])
