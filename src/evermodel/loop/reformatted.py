"""What a spreadsheet program makes of texts that look like numbers or dates, noticed in time."""

from __future__ import annotations

import re

import polars as pl

from evermodel.errors import DataError

__all__ = ["require_as_written"]

_DATE = r"^\d{1,4}([-./])\d{1,2}[-./]\d{1,4}"
_POWER = re.compile(r"\d([.,]\d+)?[eE]\+\d+")
_HINT = (
    "review into an .xlsx (--out review.xlsx), whose cells no program rewrites, or mend the file"
)


def require_as_written(
    column: pl.Series, row: int, shown: str, now: str, place: str, *, suggestion: str = ""
) -> None:
    """Refuse a correction that a spreadsheet program rewrote, or whose value it rewrote.

    Parameters
    ----------
    column : polars.Series
        The texts of the column, as they stand in the data.
    row : int
        Of the cell.
    shown : str
        What the review says that the cell holds.
    now : str
        What it is to hold.
    place : str
        Where in the review this stands.
    suggestion : str
        What the review proposes for the cell.

    Examples
    --------
    >>> zips = pl.Series("zip", ["01067", "01069", "x"])
    >>> require_as_written(zips, 2, "x", "01067", "review.csv:2")
    >>> require_as_written(zips, 2, "x", "1067", "review.csv:2")
    Traceback (most recent call last):
    evermodel.errors.DataError: a correction of 'zip' seems to have lost its leading zeros in a ...

    Raises
    ------
    DataError
        When it was rewritten.
    """
    stands = str(column[row])
    if shown.strip() != stands.strip() and not _same_number(shown, stands):
        what = f"the value of this cell in {column.name!r} is not as it stands in the data"
        found = f"{shown!r} for {stands!r}: the program that saved the file rewrote it"
        raise DataError(what, where=place, found=found, hint=_HINT)
    if not now:
        return
    lost = ""
    if now.isdigit() and now.isascii():
        padded = rf"^0+{now}$"
        longer, alike = column.str.contains(padded).sum(), (column == now).sum()
        # The cell itself may be the one that lost them before.
        if longer > alike or re.match(padded, suggestion.strip()):
            lost = "its leading zeros"
    elif (column == now).any():
        return
    elif _POWER.fullmatch(now) and not column.str.contains(r"[eE]\+").any():
        lost = "its digits"
    elif found_date := re.match(_DATE, now):
        dates = column.str.extract(_DATE, 1).drop_nulls()
        if dates.len() and not (dates == found_date[1]).any():
            lost = "the form of its date"
    if lost:
        what = f"a correction of {column.name!r} seems to have lost {lost} in a spreadsheet program"
        raise DataError(what, where=place, found=repr(now), hint=_HINT)


def _same_number(one: str, other: str) -> bool:
    """Whether two texts are one number, and neither is a code whose zeros count."""
    if other.strip()[:1] == "0" and other.strip().isdigit():
        return False
    try:
        return float(one) == float(other)
    except ValueError:
        return False
