"""Replace what stands for persons in a file by pseudonyms, a batch at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl

from evermodel.data.personal.hiding import of_persons
from evermodel.data.personal.pseudonyms import key_from_environment, pseudonymise
from evermodel.errors import InputError, masked
from evermodel.loop.beginning import refuse_to_replace
from evermodel.loop.workspace import silent
from evermodel.protocols import Progress
from evermodel.records import CheckResult, Report
from evermodel.tables import Rejected, scan_texts, write
from evermodel.tables.values import MISSING_WORDS

__all__ = ["data_pseudonymise"]

_SHOWN = 20


def data_pseudonymise(
    source: str | Path,
    target: str | Path,
    columns: str | Sequence[str],
    *,
    purpose: str = "",
    normalise: bool = False,
    force: bool = False,
    spreadsheet_safe: bool = False,
    progress: Progress = silent,
) -> Report:
    """Write a table to a new file in which some columns hold keyed hashes of their values.

    The key is what the environment variable EVERMODEL_PSEUDONYM_KEY holds. The source stays as it
    is, and what is written are still personal data for whoever can come by the key. All other
    columns stay as they are written; rows that are none of the table (they cannot be read, or hold
    totals) are left out and told.

    Parameters
    ----------
    source : path or URL
    target : path
        A .csv, .tsv or .parquet file.
    columns : str or sequence of str
    purpose : str
        Pseudonyms of different purposes cannot be linked without the key.
    normalise : bool
        Bring texts to one writing first: case, blanks, Unicode.
    force : bool
        Replace a file that is there.
    spreadsheet_safe : bool
        Put an apostrophe before texts that a spreadsheet would run as formulas.

    Raises
    ------
    DataError
        When a column is missing, or holds what cannot be an identifier.
    InputError
        When there is no key, the file is there already, or it is the source itself.
    """
    columns = [columns] if isinstance(columns, str) else list(columns)
    path = Path(target)
    refuse_to_replace(path, source, force=True)
    if path.exists() and not force:
        what = "there is a file already"
        raise InputError(what, where=str(target), hint="name another, or replace it with --force")
    key = key_from_environment()

    left_out: list[Rejected] = []
    still: list[str] | None = None

    def hidden() -> Iterator[pl.DataFrame]:
        nonlocal still
        for batch in scan_texts(source, rejects=left_out.append):
            if still is None:
                others = batch.select(name for name in batch.columns if name not in columns)
                still = sorted(of_persons(others))
            progress("replacing", 0.5)
            known = _with_gaps(batch, columns)
            yield pseudonymise(known, columns, key, purpose=purpose, normalise=normalise)

    rows = write(hidden(), path, spreadsheet_safe=spreadsheet_safe)
    why = "whoever has the key can make the same pseudonyms again: keep it away from these data"
    results = tuple(
        CheckResult(name="pseudonymised", subject=name, value=float(rows), unit="rows", why=why)
        for name in columns
    )
    subject = masked(str(source))
    if left_out:
        results += (_without(left_out, subject),)
    results += tuple(map(_in_clear, still or ()))
    return Report(verb="data.pseudonymise", subject=subject, results=results)


def _in_clear(column: str) -> CheckResult:
    return CheckResult(
        name="personal_data_left",
        subject=column,
        verdict="warn",
        why="it holds something of persons, too, by its first rows: name it in --columns, or leave "
        "it out of the file",
    )


def _with_gaps(batch: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    """Return the batch with words for missing as gaps: "n/a" is nobody's address."""
    frame = batch
    for name in columns:
        if name in frame.columns and frame[name].dtype == pl.String:
            texts = frame[name].alias("it")
            gap = texts.str.strip_chars().str.to_lowercase().is_in(list(MISSING_WORDS))
            frame = frame.with_columns(texts.set(gap, None).alias(name))
    return frame


def _without(left_out: Sequence[Rejected], subject: str) -> CheckResult:
    first = left_out[0]
    lines = [row.line for row in left_out]
    return CheckResult(
        name="rows_left_out",
        subject=subject,
        value=float(len(left_out)),
        unit="rows",
        verdict="warn",
        why=f"they are not written; the first, on line {first.line}: {first.reason}",
        evidence={"lines": lines[:_SHOWN]},
    )
