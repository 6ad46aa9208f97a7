"""Read a table, whole or in batches, and say how it was understood.

Types are found from all values, never from the first rows, and nothing is altered in silence:
each conversion is in the `Understanding` that comes with the table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

import polars as pl

from evermodel.errors import DataError
from evermodel.project import Reading, Repair
from evermodel.records import Column, ColumnType, Schema
from evermodel.tables.convert import apply_repairs, convert, repair_values
from evermodel.tables.decide import decide
from evermodel.tables.delimited import Delimited, follow
from evermodel.tables.ends import rows_alone
from evermodel.tables.evidence import Evidence, missing_words
from evermodel.tables.headings import is_apart
from evermodel.tables.patches import Patch, patched
from evermodel.tables.raw import Lined, RawBatch, RawSource, TypedSource, lines_of, noted
from evermodel.tables.room import require_room, size_of, too_large
from evermodel.tables.sources import open_source, require_same, state_of
from evermodel.tables.typed import as_raw, type_of
from evermodel.tables.understanding import ColumnReading, Misfits, Rejected, Table, Understanding

__all__ = ["raw_batches", "read", "scan", "scan_lines", "understand"]

_MOST_REJECTED = 1_000
_NAMED = 5
_UNTOLD = Reading()


def read(
    source: object,
    *,
    reading: Reading = _UNTOLD,
    repairs: Mapping[str, Repair] | None = None,
    types: Mapping[str, ColumnType] | None = None,
    patches: Sequence[Patch] = (),
    rejects: Callable[[Rejected], object] | None = None,
    misfits: Misfits | None = None,
    like: Mapping[str, ColumnReading] | None = None,
    seen: Callable[[int, int], object] | None = None,
) -> Table:
    r"""Return the table at a path or address, with its types and how they were found.

    Parameters
    ----------
    source : str, Path or DataFrame
        CSV, TSV, JSON lines, parquet, Arrow or Excel file (``book.xlsx#sheet=Orders``), folder of a
        Delta table, a database such as ``sqlite:///shop.db?table=orders``, or a frame of pandas,
        polars, pyarrow and any other library that speaks Arrow.
    reading : Reading
        What is known about how a text file is written; the rest is found out.
    repairs : mapping of str to Repair, optional
        Declared changes to the values of columns, made before types are found.
    types : mapping of str to ColumnType, optional
        Types that columns must have; columns that are not in the source are passed over.
    patches : sequence of Patch
        Corrections of people, made before anything else.
    rejects : callable, optional
        Called with every row that could not be read, as it stands in the source.
    misfits : Misfits, optional
        Where given, cells that are not of the type that their column was told to have, or that
        nearly all cells of a spreadsheet have, are missing and counted there, unless they are too
        many.
    like : mapping of str to ColumnReading, optional
        How columns of those names were read before; decides what this source leaves open, such as
        which number of 03/04/2025 is the month.
    seen : callable, optional
        Called after each batch with how many rows have been read, and how many have their types.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> path = Path(tempfile.mkdtemp()) / "bills.csv"
    >>> _ = path.write_text("id;total\n007;1,50\n008; \n")
    >>> table = read(path)
    >>> table.frame["total"].to_list(), table.understood.missing["total"]
    ([1.5, None], {' ': 1})

    Raises
    ------
    DataError
        When there is no table there, or a value is not of the type that was asked for.
    """
    before = state_of(source)
    opened = open_source(source, reading)
    forced = _forced(repairs or {}, types or {})
    if isinstance(opened, Delimited):
        opened.settle()
        opened.require_modest()
    batches: Iterator[RawBatch | pl.DataFrame] = (
        iter([opened.frame()]) if isinstance(opened, TypedSource) else raw_batches(opened, 65_536)
    )
    notes: list[str] = []
    if patches:
        parts, notes = patched(batches, patches, where=opened.where)
        batches = iter(parts)
    gathered = _Gathered(reading, notes=notes, rejects=rejects, like=like, seen=seen)
    table = _whole(opened, batches, gathered, reading, repairs or {}, forced, misfits)
    require_same(before)
    return table


def scan(
    source: object,
    *,
    reading: Reading = _UNTOLD,
    repairs: Mapping[str, Repair] | None = None,
    types: Mapping[str, ColumnType] | None = None,
    understood: Understanding | None = None,
    batch_rows: int = 65_536,
    misfits: Misfits | None = None,
    like: Mapping[str, ColumnReading] | None = None,
) -> Iterator[pl.DataFrame]:
    r"""Yield the table in batches of at most `batch_rows` rows, in memory that does not grow.

    Where `understood` is not given, the source is looked through once before, so that types are
    found from all values here too. Where `misfits` is given, cells that are not of their column's
    type are missing and counted there, unless they are too many.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> path = Path(tempfile.mkdtemp()) / "days.csv"
    >>> _ = path.write_text("day,n\n1,5\n2,6\n3,7.5\n")
    >>> [batch["n"].to_list() for batch in scan(path, batch_rows=2)]
    [[5.0, 6.0], [7.5]]

    Raises
    ------
    DataError
        As `read`; also when the source no longer is as it was understood.
    """
    for rows in scan_lines(
        source,
        reading=reading,
        repairs=repairs,
        types=types,
        understood=understood,
        batch_rows=batch_rows,
        misfits=misfits,
        like=like,
    ):
        yield rows.frame


def scan_lines(
    source: object,
    *,
    reading: Reading = _UNTOLD,
    repairs: Mapping[str, Repair] | None = None,
    types: Mapping[str, ColumnType] | None = None,
    understood: Understanding | None = None,
    batch_rows: int = 65_536,
    misfits: Misfits | None = None,
    like: Mapping[str, ColumnReading] | None = None,
) -> Iterator[Lined]:
    """Yield what `scan` does, beside the lines of the rows and what stands there.

    Examples
    --------
    >>> [rows.lines.tolist() for rows in scan_lines(pl.DataFrame({"n": ["5", "6"]}))]
    [[1, 2]]
    """
    before = state_of(source)
    forced = _forced(repairs or {}, types or {})
    if understood is None:
        understood = understand(
            source,
            reading=reading,
            repairs=repairs,
            types=types,
            batch_rows=batch_rows,
            like=like,
            lenient=misfits is not None,
        )
    if misfits is not None:
        misfits.expected = understood.rows
    opened = open_source(source, reading)
    if isinstance(opened, Delimited):
        follow(opened, understood)
    came: list[pl.DataFrame] = []
    batches = noted(raw_batches(opened, batch_rows), came)
    for raw, done in _texts(batches, repairs or {}, forced, reading):
        frame = _typed(raw, done, understood.columns, reading, repairs or {}, opened.where, misfits)
        for start in range(0, frame.height, batch_rows):
            lines = raw.lines[start : start + batch_rows]
            written = came[0].slice(start, batch_rows)
            yield Lined(frame.slice(start, batch_rows), lines, written)
    require_same(before)


def understand(
    source: object,
    *,
    reading: Reading = _UNTOLD,
    repairs: Mapping[str, Repair] | None = None,
    types: Mapping[str, ColumnType] | None = None,
    batch_rows: int = 65_536,
    like: Mapping[str, ColumnReading] | None = None,
    lenient: bool = False,
) -> Understanding:
    r"""Return how a source is understood, looking through all of it in bounded memory.

    Where `lenient`, as for a `read` or `scan` with `misfits`, a few cells that are not of the type
    of all others do not change it.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> path = Path(tempfile.mkdtemp()) / "days.csv"
    >>> _ = path.write_text("day;price\n31.01.2020;1,5\n")
    >>> found = understand(path)
    >>> found.separator, found.decimal, found.dates
    (';', ',', 'day first')

    Raises
    ------
    DataError
        When there is no table there.
    """
    before = state_of(source)
    opened = open_source(source, reading)
    if isinstance(opened, Delimited):
        opened.settle()
    forced = _forced(repairs or {}, types or {})
    gathered = _Gathered(reading, like=like)
    for raw, done in _texts(raw_batches(opened, batch_rows), repairs or {}, forced, reading):
        gathered.add(raw, done)
    require_same(before)
    return gathered.verdict(opened, reading, forced, lenient=lenient)


def raw_batches(
    opened: RawSource | TypedSource, batch_rows: int
) -> Iterator[RawBatch | pl.DataFrame]:
    """Return the rows of a source as texts, or as they are where it has types."""
    if isinstance(opened, TypedSource):
        return opened.frames(batch_rows)
    if isinstance(opened, Delimited):
        file = opened
        return rows_alone(lambda: file.batches(batch_rows))
    return opened.batches(batch_rows)


def _forced(
    repairs: Mapping[str, Repair], types: Mapping[str, ColumnType]
) -> dict[str, ColumnType]:
    told = {name: repair.type for name, repair in repairs.items() if repair.type is not None}
    return told | dict(types)


def _texts(
    batches: Iterator[RawBatch | pl.DataFrame],
    repairs: Mapping[str, Repair],
    forced: Mapping[str, ColumnType],
    reading: Reading,
) -> Iterator[tuple[RawBatch, dict[str, pl.Series]]]:
    """Divide batches into texts that await a type, repaired, and columns that have one."""
    row = 1
    for batch in batches:
        done: dict[str, pl.Series] = {}
        if isinstance(batch, pl.DataFrame):
            raw, done = as_raw(batch, repairs, forced, reading.missing, first_row=row)
            row += batch.height
        else:
            raw = batch
        frame = apply_repairs(raw.frame, repairs)
        before = {
            name: raw.frame[name]
            for name, repair in repairs.items()
            if name in raw.frame.columns and (repair.map or repair.missing)
        }
        yield replace(raw, frame=frame, before=before), done


class _Gathered:
    """The evidence of all batches, column by column in the order of the source."""

    def __init__(
        self,
        reading: Reading,
        *,
        notes: Sequence[str] = (),
        rejects: Callable[[Rejected], object] | None = None,
        like: Mapping[str, ColumnReading] | None = None,
        seen: Callable[[int, int], object] | None = None,
    ) -> None:
        self.like = like
        self.seen = seen
        self.patch_notes = list(notes)
        self.rejects = rejects
        self.extra = frozenset(reading.missing)
        self.evidence: dict[str, Evidence] = {}
        self.done: dict[str, ColumnType] = {}
        self.order: list[str] = []
        self.rows = 0
        self.empty = 0
        self.rejected: list[Rejected] = []
        self.rejected_rows = 0
        self.unread: list[Rejected] = []
        self.unread_rows = 0
        self.doubts: list[Rejected] = []

    def add(self, raw: RawBatch, done: Mapping[str, pl.Series]) -> None:
        native = raw.native()
        for name in raw.frame.columns:
            one = self.evidence.setdefault(name, Evidence(name, self.extra))
            one.kinds |= raw.kinds.get(name, frozenset())
            one.add(raw.frame[name], raw.lines, native.get(name))
        for name, series in done.items():
            self.done[name] = type_of(series)
        self.rows += len(raw.lines)
        self.empty += raw.empty
        rejected = raw.rejected
        self.rejected_rows += len(rejected)
        unread = [row for row in rejected if not is_apart(row)]
        self.unread_rows += len(unread)
        self.unread = self.unread or unread[:1]
        # What is in doubt as it is read may be found to be an end of the table later.
        gone = {row.line for row in rejected}
        self.doubts += raw.doubts[: _MOST_REJECTED - len(self.doubts)]
        self.doubts = [row for row in self.doubts if row.line not in gone]
        if self.rejects is not None:
            for row in rejected:
                self.rejects(row)
        if self.seen is not None:
            self.seen(self.rows, 0)
        for row in rejected[: _MOST_REJECTED - len(self.rejected)]:
            self.rejected.append(Rejected(line=row.line, reason=row.reason))
        self.order = self.order or list(raw.names or raw.frame.columns)

    def verdict(
        self,
        opened: RawSource | TypedSource,
        reading: Reading,
        forced: Mapping[str, ColumnType],
        *,
        lenient: bool = False,
    ) -> Understanding:
        if self.unread_rows > self.rows:
            first = self.unread[0]
            what = f"{self.unread_rows} of {self.rows + self.unread_rows} rows cannot be read"
            hint = "set reading.separator, take away lines above the header, or name every column"
            where = f"{opened.where}:{first.line}"
            raise DataError(what, where=where, found=first.reason, hint=hint)
        if not self.rows:
            what = "the table has a header and no rows" if self.order else "the table is empty"
            raise DataError(what, where=opened.where, hint="export it with its rows")
        dialect = opened.dialect if isinstance(opened, Delimited) else None
        readings, notes = decide(
            list(self.evidence.values()),
            reading=reading,
            forced=forced,
            separator=dialect.separator if dialect else ",",
            like=self.like,
            lenient=lenient,
        )
        by_name = {one.name: one for one in readings} | {
            name: ColumnReading(name=name, type=kind) for name, kind in self.done.items()
        }
        columns = tuple(by_name[name] for name in self.order)
        missing = {name: missing_words(one, by_name[name]) for name, one in self.evidence.items()}
        notes = [*self._notes(opened), *notes]
        notes += _missing_notes(missing)
        decimals = {one.decimal for one in columns if one.type == "number"}
        orders = {one.dates for one in columns if one.dates}
        return Understanding(
            kind=opened.kind,
            separator=dialect.separator if dialect else "",
            encoding=dialect.encoding if dialect else "",
            quote=dialect.quote if dialect else "",
            decimal="," if "," in decimals else "." if decimals else "",
            dates=orders.pop() if len(orders) == 1 else "",
            header=dialect.header if dialect else True,
            rows=self.rows,
            columns=columns,
            missing={name: words for name, words in missing.items() if words},
            notes=tuple(notes),
            rejected=tuple(self.rejected),
            rejected_rows=self.rejected_rows,
            unread_rows=self.unread_rows,
            odd_lines=dialect.odd_lines if dialect else 0,
        )

    def _notes(self, opened: RawSource | TypedSource) -> list[str]:
        notes = list(opened.notes) if isinstance(opened, RawSource) else []
        if self.rejected_rows:
            notes.append(
                f"{_rows(self.rejected_rows)} left out: "
                + "; ".join(f"line {row.line}: {row.reason}" for row in self.rejected[:_NAMED])
                + ("; ..." if self.rejected_rows > _NAMED else "")
            )
        if self.doubts:
            notes.append(
                f"{_rows(len(self.doubts))} kept that may be none: "
                + "; ".join(f"line {row.line}: {row.reason}" for row in self.doubts[:_NAMED])
                + ("; ..." if len(self.doubts) > _NAMED else "")
            )
        if isinstance(opened, RawSource) and opened.blank_lines:
            notes.append(f"empty lines passed over: {opened.blank_lines}")
        if self.empty:
            notes.append(f"empty rows below totals or the last row passed over: {self.empty}")
        if self.rows == 1:
            notes.append("the table has only one row")
        return [*notes, *self.patch_notes]


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count} rows"


def _missing_notes(missing: Mapping[str, Mapping[str, int]]) -> list[str]:
    notes = []
    for name, words in missing.items():
        shown = [f"{word!r} in {_rows(count)}" for word, count in words.items() if word]
        if shown:
            notes.append(f"{name}: taken as missing: {', '.join(shown)}")
    return notes


def _whole(
    opened: RawSource | TypedSource,
    batches: Iterator[RawBatch | pl.DataFrame],
    gathered: _Gathered,
    reading: Reading,
    repairs: Mapping[str, Repair],
    forced: Mapping[str, ColumnType],
    misfits: Misfits | None,
) -> Table:
    kept: list[tuple[RawBatch, dict[str, pl.Series]]] = []
    held = 0
    try:
        for raw, done in _texts(batches, repairs, forced, reading):
            gathered.add(raw, done)
            kept.append((raw, done))
            held += size_of(raw.frame)
            require_room(held, where=opened.where)
        understood = gathered.verdict(opened, reading, forced, lenient=misfits is not None)
        in_lines = isinstance(opened, RawSource) and opened.kind != "database"
        lines = lines_of([raw.lines for raw, _ in kept]) if in_lines else ()
        if misfits is not None:
            misfits.expected = understood.rows
        seen = gathered.seen
        frame = _values(kept, understood, reading, repairs, opened.where, misfits, seen)
    except MemoryError:
        raise too_large(held, where=opened.where) from None
    schema = Schema(
        columns=tuple(
            Column(
                name=one.name,
                type=one.type,
                missing=tuple(understood.missing.get(one.name, {})),
            )
            for one in understood.columns
        )
    )
    return Table(
        frame=frame,
        schema=schema,
        understood=understood,
        lines=lines,
        misfits=misfits or Misfits(),
    )


def _values(
    kept: list[tuple[RawBatch, dict[str, pl.Series]]],
    understood: Understanding,
    reading: Reading,
    repairs: Mapping[str, Repair],
    where: str,
    misfits: Misfits | None,
    seen: Callable[[int, int], object] | None,
) -> pl.DataFrame:
    """Return batches of texts as one table of values; they are taken out of `kept`."""
    frames: list[pl.DataFrame] = []
    rows = sum(raw.frame.height for raw, _ in kept)
    values, texts = 0, sum(size_of(raw.frame) for raw, _ in kept)
    while kept:
        raw, done = kept.pop(0)  # texts are let go of as soon as they are values
        frames.append(_typed(raw, done, understood.columns, reading, repairs, where, misfits))
        values += size_of(frames[-1])
        require_room(texts + values, where=where)
        if seen is not None:
            seen(rows, sum(frame.height for frame in frames))
    if len(frames) == 1:
        return frames[0]
    require_room(texts + values, where=where, more=values)
    return pl.concat(frames, rechunk=True)


def _typed(
    raw: RawBatch,
    done: Mapping[str, pl.Series],
    columns: tuple[ColumnReading, ...],
    reading: Reading,
    repairs: Mapping[str, Repair],
    where: str,
    misfits: Misfits | None = None,
) -> pl.DataFrame:
    known = {one.name: one for one in columns}
    texts = [known[name] for name in raw.frame.columns if name in known]
    again = [
        repair_values(before, repairs[name], known[name]).alias(name)
        for name, before in raw.before.items()
        if name in known and known[name].type in ("number", "timestamp")
    ]
    values = convert(
        raw.frame.with_columns(again),
        texts,
        extra=reading.missing,
        lines=raw.lines,
        where=where,
        misfits=misfits,
        native=raw.native(),
    )
    by_name = {series.name: series for series in values.get_columns()} | dict(done)
    return pl.DataFrame([by_name[one.name] for one in columns if one.name in by_name])
