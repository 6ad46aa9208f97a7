"""Pseudonyms: values that stand for persons, replaced by hashes that need a key to be made again.

Pseudonymous data stay personal data. GDPR article 4(5) calls it pseudonymisation when data can no
longer be attributed to a person *without additional information*, kept apart and protected; here
that information is the key. Recital 26 counts data that could be attributed to a person by the use
of additional information as information on an identifiable person; so for whoever holds the key,
or can come by it, all duties go on. EDPB Guidelines 01/2025 on Pseudonymisation say the same and
describe how the secret is to be guarded. What this does not do:

- Other columns still tell: a birth date, a post code and a rare disease single out a person whose
  name is hidden.
- Equal values have equal pseudonyms: how often each occurs, and which rows belong together, can be
  seen. That is what they are for.
- Whoever has the key can hash every possible telephone number or name and compare. Keep the key
  away from those who get the data.
- To forget the key does not by itself make the data anonymous.
"""

from __future__ import annotations

import hashlib
import os
import unicodedata
from collections.abc import Iterable, Mapping

import polars as pl

from evermodel.errors import DataError, InputError, nearest

__all__ = ["KEY_VARIABLE", "key_from_environment", "pseudonymise"]

KEY_VARIABLE = "EVERMODEL_PSEUDONYM_KEY"
_LEAST_KEY = 16
_LENGTH = 16
_SCHEME = b"evermodel-psn-1"
_LONGEST_KEY = 64
_EXACT = 2**53


def pseudonymise(
    frame: pl.DataFrame,
    columns: Iterable[str],
    key: bytes,
    *,
    purpose: str | Mapping[str, str] = "",
    normalise: bool = False,
    length: int = _LENGTH,
) -> pl.DataFrame:
    """Return the frame with the values of some columns replaced by pseudonyms; null stays null.

    A pseudonym is the keyed BLAKE2b of the value in UTF-8, of `length` bytes, in hexadecimal. The
    key of each purpose is the keyed BLAKE2b (32 bytes) of the purpose under the key given. Of n
    different values, two share a pseudonym with a probability below n² / 2^(8·length + 1): at 16
    bytes and a thousand million values, below 2e-21; at 8 bytes and a million, below 3e-8.

    Nothing but the value, the key and the purpose counts, so that files can be done batch after
    batch, and the same person has the same pseudonym in every file and column of one purpose.

    Parameters
    ----------
    frame : pl.DataFrame
        The table, or one batch of it.
    columns : iterable of str
        Which columns: texts, whole numbers, dates or times. Whole numbers count as their digits,
        so that 17850, 17850.0 and "17850" are one value; "017850" is another.
    key : bytes
        The secret, at least 16 random bytes. See `key_from_environment`.
    purpose : str or mapping of column name to str
        Pseudonyms of different purposes cannot be linked without the key. Columns that a mapping
        leaves out have the purpose "".
    normalise : bool
        Whether to bring texts to one writing first: Unicode NFKC, outer white space off, inner
        white space as one space, case folded. "Ada@Example.org " is then "ada@example.org".
    length : int
        Bytes of a pseudonym, 8 to 32.

    Raises
    ------
    DataError
        When a column is missing, or holds what cannot be an identifier (fractions, nested values).
    InputError
        When the key is too short or the length is out of range.

    References
    ----------
    RFC 7693, "The BLAKE2 Cryptographic Hash and Message Authentication Code", keyed hashing.

    Examples
    --------
    >>> people = pl.DataFrame({"mail": ["ada@example.org", None, "ada@example.org"]})
    >>> hidden = pseudonymise(people, ["mail"], bytes(range(16)))["mail"]
    >>> hidden[0] == hidden[2], hidden[1], len(hidden[0])
    (True, None, 32)
    """
    names = _columns(frame, [columns] if isinstance(columns, str) else list(columns))
    if not isinstance(key, bytes) or len(key) < _LEAST_KEY:
        raise InputError(
            f"the key must be at least {_LEAST_KEY} bytes",
            found=f"{len(key)} bytes" if isinstance(key, bytes) else type(key).__name__,
            hint="make one with: openssl rand -hex 32",
        )
    if not 8 <= length <= 32:
        raise InputError("a pseudonym has 8 to 32 bytes", found=str(length))
    if len(key) > _LONGEST_KEY:
        key = hashlib.blake2b(key).digest()
    done = []
    for name in names:
        aim = purpose if isinstance(purpose, str) else purpose.get(name, "")
        secret = hashlib.blake2b(aim.encode(), key=key, person=_SCHEME, digest_size=32).digest()
        done.append(_hidden(frame.get_column(name), secret, normalise=normalise, length=length))
    return frame.with_columns(done)


def key_from_environment(variable: str = KEY_VARIABLE) -> bytes:
    """Return the key from an environment variable that holds it in hexadecimal.

    A key is never read from a file of the project: whoever gets the project must not get the key.

    Raises
    ------
    InputError
        When the variable is not set, is no hexadecimal, is too short or is plainly not random.

    Examples
    --------
    >>> os.environ["EXAMPLE_KEY"] = "000102030405060708090a0b0c0d0e0f"
    >>> len(key_from_environment("EXAMPLE_KEY"))
    16
    >>> del os.environ["EXAMPLE_KEY"]
    """
    hint = "make one with: openssl rand -hex 32, and keep it apart from the data"
    text = os.environ.get(variable, "").strip()
    if not text:
        raise InputError("there is no key for pseudonyms", where=variable, hint=hint)
    # What was found is a secret, or nearly one: no message repeats it.
    try:
        key = bytes.fromhex(text)
    except ValueError:
        raise InputError("the key is not hexadecimal", where=variable, hint=hint) from None
    if len(key) < _LEAST_KEY:
        found = f"{len(key)} bytes"
        raise InputError(
            f"the key must be at least {_LEAST_KEY} bytes", where=variable, found=found, hint=hint
        )
    # Of 16 random bytes fewer than 8 are different less than once in 10^15.
    if len(set(key)) < 8:
        raise InputError("the key is not random", where=variable, hint=hint)
    return key


def _columns(frame: pl.DataFrame, names: list[str]) -> list[str]:
    if not names:
        raise DataError("no column is named", hint="say which columns stand for persons")
    for name in names:
        if name not in frame.columns:
            close = nearest(name, frame.columns)
            raise DataError(
                f"there is no column {name!r}", found=", ".join(frame.columns)[:200], hint=close
            )
    return list(dict.fromkeys(names))


def _hidden(series: pl.Series, secret: bytes, *, normalise: bool, length: int) -> pl.Series:
    texts = _texts(series)
    distinct = texts.drop_nulls().unique()
    values = distinct.to_list()
    if normalise:
        values = [_one_writing(value) for value in values]
    begun = hashlib.blake2b(key=secret, digest_size=length)
    hashes = []
    for value in values:
        one = begun.copy()
        one.update(value.encode())
        hashes.append(one.hexdigest())
    hidden = pl.DataFrame(
        {"value": distinct, "hidden": hashes}, schema={"value": pl.String, "hidden": pl.String}
    )
    joined = (
        texts.rename("value").to_frame().join(hidden, on="value", how="left", maintain_order="left")
    )
    return joined.get_column("hidden").rename(series.name)


def _one_writing(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _texts(series: pl.Series) -> pl.Series:
    """Return the values as texts that do not depend on how a file was read."""
    dtype = series.dtype
    if dtype == pl.Null or dtype == pl.String or isinstance(dtype, (pl.Categorical, pl.Enum)):
        return series.cast(pl.String)
    if dtype.is_float():
        # A column of whole numbers is read as decimals where some are missing.
        series = series.fill_nan(None)
        whole = (series == series.floor()) & (series.abs() <= _EXACT)
        if not whole.fill_null(value=True).all():
            raise DataError(
                f"the column {series.name!r} holds fractions or numbers too large to be exact",
                hint="a column that stands for persons is read as text or whole numbers",
            )
        return series.cast(pl.Int64).cast(pl.String)
    if dtype.is_integer() or dtype == pl.Boolean:
        return series.cast(pl.String)
    if dtype == pl.Date:
        return series.dt.to_string("%Y-%m-%d")
    if isinstance(dtype, pl.Datetime):
        if dtype.time_zone:
            series = series.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        return series.cast(pl.Datetime("us")).dt.to_string("%Y-%m-%dT%H:%M:%S%.6f")
    raise DataError(
        f"the column {series.name!r} cannot be made into pseudonyms",
        found=str(dtype),
        hint="texts, whole numbers, dates and times can",
    )
