"""Tables that a check may meet: empty ones, odd ones, large ones, and a clean one."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal

import polars as pl

from evermodel.errors import InputError
from evermodel.project import Project, parse_project

__all__ = ["MANY", "frames", "frames_like", "project_of"]

MANY = 10_000
"""Rows of the large tables."""

Made = Callable[[], pl.DataFrame]


def frames() -> dict[str, Made]:
    """Return tables by what is odd about them, each as a function that makes it anew.

    They hold no random numbers, so that a failure comes back whenever it is looked for.

    Examples
    --------
    >>> [kind for kind in frames() if kind.startswith("odd")]
    ['odd types', 'odd names', 'odd texts']
    >>> frames()["no rows"]().shape
    (0, 4)
    """
    return {
        "a clean table": lambda: _shop(200),
        "clean numbers": lambda: _numbers(200),
        "no rows": lambda: _shop(0),
        "no columns": pl.DataFrame,
        "one row": lambda: _shop(1),
        "one column": lambda: pl.DataFrame({"amount": [3.5, 1.25, None, 2.0]}),
        "every value missing": _missing,
        "one value everywhere": lambda: pl.DataFrame({"price": [1.0] * 50, "plan": ["a"] * 50}),
        "every row twice": lambda: pl.concat([_shop(50), _shop(50)]),
        "numbers at the edge": _edges,
        "odd types": _odd_types,
        "nested values": _nested,
        "odd names": _odd_names,
        "odd texts": _odd_texts,
        f"{MANY} rows": lambda: _shop(MANY),
    }


def frames_like(table: pl.DataFrame) -> dict[str, Made]:
    """Return tables made from one that a check is meant for: they have its columns and types.

    Raises
    ------
    InputError
        When it has no rows.

    Examples
    --------
    >>> made = frames_like(pl.DataFrame({"age": [31, 52]}))
    >>> made["no rows"]().shape, made["every value missing"]()["age"].to_list()
    ((0, 1), [None, None])
    """
    rows = table.height
    if not rows:
        raise InputError("a table to test with has no rows", hint="give it a few, such as ten")
    return {
        "the table itself": table.clone,
        "no rows": table.clear,
        "one row": lambda: table.head(1),
        "every value missing": lambda: table.clear(table.height),
        "its rows in reverse": table.reverse,
        f"{MANY} rows": lambda: pl.concat([table] * (MANY // rows + 1)).head(MANY),
    }


def _shop(rows: int) -> pl.DataFrame:
    day = datetime(2026, 1, 1)
    plans = ("basic", "plus", "pro")
    return pl.DataFrame(
        {
            "age": [18 + (number * 7) % 60 for number in range(rows)],
            "spent": [round((number * 37 % 1000) / 7, 2) for number in range(rows)],
            "plan": [plans[number * 5 % 3] for number in range(rows)],
            "joined": [day + timedelta(hours=number % 8000) for number in range(rows)],
        },
        schema={"age": pl.Int64, "spent": pl.Float64, "plan": pl.String, "joined": pl.Datetime},
    )


def _numbers(rows: int) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "height": [150 + (number * 13 % 500) / 10 for number in range(rows)],
            "weight": [50 + (number * 29 % 600) / 10 for number in range(rows)],
            "children": [number * 11 % 4 for number in range(rows)],
        }
    )


def _missing() -> pl.DataFrame:
    kinds = {"nothing": pl.Null, "amount": pl.Float64, "plan": pl.String, "on": pl.Datetime}
    return pl.DataFrame({name: [None] * 20 for name in kinds}, schema=kinds)


def _edges() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "endless": [float("inf"), float("-inf"), 0.0, -0.0, 1.0],
            "not a number": [float("nan"), 1.0, None, float("nan"), 2.0],
            "large": [1.7e308, -1.7e308, 5e-324, 2.0**53 + 2, 1.0],
            "whole": [2**63 - 1, -(2**63), 0, None, 1],
            "all wrong": [float("nan")] * 5,
        }
    )


def _odd_types() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "switch": pl.Series([True, False, None]),
            "day": pl.Series([date(1900, 1, 1), date(2262, 4, 11), None]),
            "hour": pl.Series([time(0), time(23, 59, 59), None]),
            "lasted": pl.Series([timedelta(days=-1), timedelta(0), None]),
            "zoned": pl.Series([datetime(2026, 3, 29, 2), None, datetime(1, 1, 1)]).cast(
                pl.Datetime("us", "UTC")
            ),
            "money": pl.Series([Decimal("1.10"), Decimal("-2.25"), None]),
            "category": pl.Series(["a", "b", None], dtype=pl.Categorical),
            "listed": pl.Series(["low", "high", None], dtype=pl.Enum(["low", "high"])),
            "bytes": pl.Series([b"\x00\xff", b"", None]),
            "small": pl.Series([0, 255, None], dtype=pl.UInt8),
            "short": pl.Series([0.5, -1.5, None], dtype=pl.Float32),
        }
    )


def _nested() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "items": pl.Series([["a", "b"], [], None]),
            "place": pl.Series([{"city": "Ulm", "zip": 1}, {"city": None, "zip": 2}, None]),
            "pair": pl.Series([[1, 2], [3, 4], None], dtype=pl.Array(pl.Int64, 2)),
        }
    )


def _odd_names() -> pl.DataFrame:
    names = (
        "größe", "цена", "价格", "سعر", "🙂", " ", "a b", "a.b[0]", 'say "so"', "it's", "*", "^.*$",
        "{0}", "%s", "count", "x" * 300,
    )  # fmt: skip
    return pl.DataFrame({name: [place, None, place + 1] for place, name in enumerate(names)})


def _odd_texts() -> pl.DataFrame:
    words = [
        "", " ", "NaN", "null", "\x00", "line\nbreak", "tab\t", "é", "e\u0301", "\u202eright", "🙂",
        "1,5", "'; drop table", "x" * 5000, None,
    ]  # fmt: skip
    return pl.DataFrame({"said": words, "again": list(reversed(words))})


def project_of(frame: pl.DataFrame) -> Project:
    """Return a project that predicts the last column of a table, its first one being protected.

    Examples
    --------
    >>> made = project_of(pl.DataFrame({"sex": ["f", "m"], "left": ["yes", "no"]}))
    >>> made.data.target, made.data.task, made.data.protected
    ('left', 'binary', ('sex',))
    """
    target = frame.columns[-1] if frame.width else "outcome"
    known = frame[target].drop_nulls() if frame.width else pl.Series([], dtype=pl.String)
    plain = known.dtype.is_numeric() or known.dtype in (pl.String, pl.Boolean)
    kinds = known.n_unique() if plain else 2
    task = "binary" if kinds <= 2 else "regression" if known.dtype.is_numeric() else "multiclass"
    protected = [name for name in frame.columns[:1] if name != target]
    words = [
        "[project]", 'name = "table"', "[data]", 'source = "table.csv"',
        f"target = {json.dumps(target)}", f'task = "{task}"',
        f"protected = {json.dumps(protected)}",
    ]  # fmt: skip
    return parse_project("\n".join(words))
