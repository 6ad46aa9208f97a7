"""Replace what stands for persons in a file by pseudonyms, a batch at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl

from evermodel.data.personal.pseudonyms import key_from_environment, pseudonymise
from evermodel.errors import InputError, masked
from evermodel.loop.workspace import silent
from evermodel.protocols import Progress
from evermodel.records import CheckResult, Report
from evermodel.tables import scan, write

__all__ = ["data_pseudonymise"]


def data_pseudonymise(
    source: str | Path,
    target: str | Path,
    columns: str | Sequence[str],
    *,
    purpose: str = "",
    normalise: bool = False,
    force: bool = False,
    progress: Progress = silent,
) -> Report:
    """Write a table to a new file in which some columns hold keyed hashes of their values.

    The key is what the environment variable EVERMODEL_PSEUDONYM_KEY holds. The source stays as it
    is, and what is written are still personal data for whoever can come by the key.

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

    Raises
    ------
    DataError
        When a column is missing, or holds what cannot be an identifier.
    InputError
        When there is no key, the file is there already, or it is the source itself.
    """
    columns = [columns] if isinstance(columns, str) else list(columns)
    path = Path(target)
    if path.exists() and Path(str(source)).exists() and path.samefile(str(source)):
        what = "the output would replace the input"
        raise InputError(what, where=str(target), hint="name another file")
    if path.exists() and not force:
        what = "there is a file already"
        raise InputError(what, where=str(target), hint="name another, or replace it with --force")
    key = key_from_environment()

    def hidden() -> Iterator[pl.DataFrame]:
        for batch in scan(source):
            progress("replacing", 0.5)
            yield pseudonymise(batch, columns, key, purpose=purpose, normalise=normalise)

    rows = write(hidden(), path, spreadsheet_safe=True)
    why = "whoever has the key can make the same pseudonyms again: keep it away from these data"
    results = tuple(
        CheckResult(name="pseudonymised", subject=name, value=float(rows), unit="rows", why=why)
        for name in columns
    )
    return Report(verb="data.pseudonymise", subject=masked(str(source)), results=results)
