"""Pseudonyms are the same for the same value, key and purpose, and for nothing else."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evermodel.data.personal.pseudonyms import KEY_VARIABLE, key_from_environment, pseudonymise
from evermodel.errors import DataError, InputError

KEY = bytes(range(7, 39))
OTHER = bytes(range(8, 40))
# What the first release made of these values: files made then must go on joining.
GOLDEN = ["94fc76ad26bc04e465551b407262ea1d", "e44c613a8cbba4156c82b9e3229223b8"]


def hidden(values: object, key: bytes = KEY, **more: object) -> list[str | None]:
    frame = pl.DataFrame({"a": values})
    return pseudonymise(frame, ["a"], key, **more)["a"].to_list()  # type: ignore[arg-type]


def test_a_pseudonym_is_the_keyed_hash_that_the_documentation_states() -> None:
    purpose_key = hashlib.blake2b(
        b"loyalty", key=KEY, person=b"evermodel-psn-1", digest_size=32
    ).digest()
    stated = hashlib.blake2b(b"ada@example.org", key=purpose_key, digest_size=16).hexdigest()
    assert hidden(["ada@example.org"], purpose="loyalty") == [stated]


def test_pseudonyms_stay_the_same_from_release_to_release() -> None:
    assert hidden(["ada@example.org", "17850"]) == GOLDEN


@given(st.lists(st.one_of(st.none(), st.text(max_size=30)), max_size=30), st.integers(0, 30))
def test_batches_give_what_the_whole_gives(values: list[str | None], cut: int) -> None:
    frame = pl.DataFrame(
        {"a": values, "row": range(len(values))}, schema_overrides={"a": pl.String}
    )
    whole = pseudonymise(frame, ["a"], KEY)
    parts = [pseudonymise(part, ["a"], KEY) for part in (frame[:cut], frame[cut:])]
    assert pl.concat(parts).equals(whole)
    assert whole["row"].equals(frame["row"])
    assert [value is None for value in whole["a"]] == [value is None for value in values]
    known = [value for value in values if value is not None]
    assert whole["a"].drop_nulls().n_unique() == len(set(known))


def test_key_and_purpose_separate_and_columns_of_one_purpose_join() -> None:
    frame = pl.DataFrame({"buyer": ["x", "y"], "seller": ["y", "x"], "paid": [1, 2]})
    done = pseudonymise(frame, ["buyer", "seller"], KEY)
    assert done["buyer"].to_list() == done["seller"].to_list()[::-1]
    assert done["paid"].equals(frame["paid"])
    apart = pseudonymise(frame, ["buyer", "seller"], KEY, purpose={"seller": "sales"})
    assert apart["buyer"].equals(done["buyer"])
    assert not set(apart["seller"]) & set(done["seller"])
    assert not set(pseudonymise(frame, ["buyer"], OTHER)["buyer"]) & set(done["buyer"])


def test_an_identifier_counts_however_its_file_was_read() -> None:
    text = hidden(["17850", None])
    assert hidden([17850, None]) == text
    assert hidden([17850.0, None]) == text
    assert hidden([17850.0, float("nan")]) == text
    assert hidden(pl.Series(["17850", None], dtype=pl.Categorical)) == text
    assert hidden(["017850", None]) != text
    assert hidden([date(1990, 2, 1)]) == hidden(["1990-02-01"])
    noon = datetime(2026, 1, 2, 12, tzinfo=UTC)
    assert hidden([noon]) == hidden([noon.replace(tzinfo=None)])
    assert hidden(pl.Series([None, None])) == [None, None]


def test_normalising_is_a_choice_and_does_what_is_stated() -> None:
    spellings = ["Ada@Example.org ", "ada@example.org", " ADA@EXAMPLE.ORG", "ada@example.org\u00a0"]
    assert len(set(hidden(spellings))) == 4
    assert set(hidden(spellings, normalise=True)) == set(hidden(["ada@example.org"]))
    # One letter with an accent, or a letter and an accent.
    assert len(set(hidden(["Zo\u00eb  Kravitz", "zoe\u0308 kravitz"], normalise=True))) == 1


def test_no_value_and_no_key_can_be_seen_in_what_comes_out() -> None:
    values = [f"user{n}@example.org" for n in range(1000)]
    out = hidden(values)
    assert len(set(out)) == 1000
    assert all(one is not None and len(one) == 32 and int(one, 16) >= 0 for one in out)
    # Each bit is set in half of them, as far as chance allows.
    ones = sum(int(one or "0", 16).bit_count() for one in out)
    assert abs(ones / 128_000 - 0.5) < 5 * 0.5 / 128_000**0.5


@pytest.mark.parametrize("length", [8, 16, 32])
def test_the_length_is_as_asked(length: int) -> None:
    assert [len(one or "") for one in hidden(["x"], length=length)] == [2 * length]


def test_short_pseudonyms_collide_as_often_as_stated() -> None:
    # The stated bound, n²/2^(bits+1), on the first 2 bytes, where collisions can be counted.
    n, rounds, collided = 40, 2000, 0
    for number in range(rounds):
        heads = [str(one)[:4] for one in hidden([f"{number} {i}" for i in range(n)])]
        collided += len(set(heads)) < n
    bound = n**2 / 2**17
    assert 0.5 * bound < collided / rounds < bound + 4 * (bound / rounds) ** 0.5


@pytest.mark.parametrize("key", [b"", b"short", bytes(15), "0123456789abcdef"])
def test_short_keys_are_refused(key: bytes) -> None:
    with pytest.raises(InputError, match="at least 16 bytes"):
        hidden(["x"], key)


def test_long_keys_are_used_to_their_last_byte() -> None:
    long = bytes(range(100))
    assert hidden(["x"], long) != hidden(["x"], long[:64])
    assert hidden(["x"], long) != hidden(["x"], long[:99] + b"x")


@pytest.mark.parametrize("length", [0, 7, 33])
def test_other_lengths_are_refused(length: int) -> None:
    with pytest.raises(InputError, match="8 to 32"):
        hidden(["x"], length=length)


@pytest.mark.parametrize(
    "values", [[1.5], [2.0**60], [float("inf")], [["x"]], [{"x": 1}], [b"x"]], ids=str
)
def test_what_is_no_identifier_is_refused(values: list[object]) -> None:
    with pytest.raises(DataError, match="column 'a'"):
        hidden(values)


def test_a_wrong_column_is_told_with_the_nearest_name() -> None:
    with pytest.raises(DataError, match="there is no column 'mial'") as told:
        pseudonymise(pl.DataFrame({"mail": ["x"]}), ["mial"], KEY)
    assert told.value.hint == "mail"
    with pytest.raises(DataError, match="no column is named"):
        pseudonymise(pl.DataFrame({"mail": ["x"]}), [], KEY)


def test_the_key_comes_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text(f"{KEY_VARIABLE}={KEY.hex()}\n")
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    with pytest.raises(InputError, match="there is no key") as told:
        key_from_environment()
    assert KEY_VARIABLE in str(told.value)
    monkeypatch.setenv(KEY_VARIABLE, KEY.hex() + "\n")
    assert key_from_environment() == KEY


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("correct horse battery staple", "not hexadecimal"),
        ("0123456789abcdef0123", "at least 16 bytes"),
        ("ab" * 32, "not random"),
    ],
)
def test_a_bad_key_is_refused_and_never_shown(
    monkeypatch: pytest.MonkeyPatch, text: str, what: str
) -> None:
    monkeypatch.setenv(KEY_VARIABLE, text)
    with pytest.raises(InputError, match=what) as told:
        key_from_environment()
    assert text not in str(told.value)
