"""Is a table broken rather than changed: the same gate before training and before scoring."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

import msgspec
import polars as pl

from evermodel.bundle import Model
from evermodel.data import gate
from evermodel.errors import DataError
from evermodel.loop.aside import Aside
from evermodel.loop.faults import (
    UNREAD,
    Fault,
    broken_sentences,
    columns_of,
    reasons_of,
    row_sentences,
    unread,
)
from evermodel.loop.state import State, load_version
from evermodel.loop.workspace import Workspace
from evermodel.project import Project
from evermodel.records import CheckResult
from evermodel.tables import Lined, Misfits, Profile

__all__ = ["Breaks", "broken_since"]

_PREDICTION = "prediction"
_SHOWN = 5


_MINOR = 0.05
"""A part of the rows up to this may be learned from: it is told, and a model survives it."""


def broken_since(workspace: Workspace, state: State, frame: pl.DataFrame) -> list[CheckResult]:
    """Return what looks broken in a table that is to be learned from, beside what is live.

    A column that is no longer there, and a slip in up to 5 % of the rows, are warned of: whoever
    brings the table knows of the one, and a model does not fail for the other. To learn from more
    slipped rows than that is worse than not to learn.
    """
    if state.live is None:
        return []
    model = load_version(workspace, state.version(state.live))
    found = [each for each in _gated(model, frame) if each.verdict == "fail"]
    return [
        msgspec.structs.replace(each, verdict="warn") if _minor(each) else each for each in found
    ]


def _minor(result: CheckResult) -> bool:
    slight = result.unit == "share" and (result.value or 0) <= _MINOR
    return result.name == "column_missing" or (result.name == "unit_slip" and slight)


def _gated(
    model: Model, frame: pl.DataFrame, marks: dict[tuple[str, str], pl.Series] | None = None
) -> tuple[CheckResult, ...]:
    reference = msgspec.json.decode(model.part("reference") or b"", type=Profile)
    known = [column.name for column in reference.columns if column.name in frame.columns]
    return gate(frame.select(known), reference, ignore=(_PREDICTION,), marks=marks).results


def _among(rest: pl.Series, wrong: pl.Series) -> pl.Series:
    """Return which of all rows are wrong, where `wrong` says it of those in `rest`."""
    found = rest.to_numpy().copy()
    found[found] = wrong.to_numpy()
    return pl.Series(found)


class Breaks:
    """What looks broken in a file that is scored in batches, and what becomes of it.

    Parameters
    ----------
    model : Model
        Whose training rows are the measure.
    project : Project
        Whose sentences rows are held to, and whose `[data] gate_scoring` says what becomes of those
        that are broken: write nothing, predict all the same, or set them aside.
    aside : Aside
        Where rows are set aside.
    source : str
        What the file is called.
    misfits : Misfits
        Of the reader of the batches.
    """

    def __init__(
        self, model: Model, project: Project, aside: Aside, source: str, misfits: Misfits
    ) -> None:
        self._model = model
        self._level = project.data.gate_scoring
        self._asked = row_sentences(project.data.checks, project.data.target)
        self._inputs = [item.name for item in model.manifest.inputs]
        self._aside = aside
        self._source = source
        self._misfits = misfits
        self._found: dict[tuple[str, str, str], CheckResult] = {}
        self._rows: Counter[tuple[str, str, str]] = Counter()
        self._reasons: Counter[str] = Counter()
        self._lines: dict[str, list[int]] = {}
        self._seen = 0

    @property
    def set_aside(self) -> frozenset[str]:
        """The columns of which a cell that cannot be read sets its row aside."""
        return frozenset(self._inputs if self._level == "quarantine" else ())

    def whole(self, batches: Iterable[Lined]) -> Iterator[pl.DataFrame]:
        """Yield the rows that are to be predicted, batch by batch.

        Raises
        ------
        DataError
            When one looks broken and the level is "fail", or all do and are set aside.
        """
        kept = 0
        for batch in batches:
            wrong = self._wrong(batch)
            self._seen += batch.frame.height
            if self._level == "fail" and any(e.verdict == "fail" for e in self._found.values()):
                what = "the rows look broken, not only changed: nothing was written"
                raise self._refusal(what)
            right = batch.frame.filter(~wrong) if wrong.any() else batch.frame
            kept += right.height
            if right.height:
                yield right
        if self._aside.rows and not kept:
            self._aside.close()
            what = f"all rows look broken: they are in {self._aside.path}, and none was predicted"
            raise self._refusal(what)

    def _wrong(self, batch: Lined) -> pl.Series:
        """Return which rows of a batch are set aside, after they were."""
        rows = batch.frame.height
        marks: dict[tuple[str, str], pl.Series] = {}
        every = pl.repeat(value=True, n=rows, dtype=pl.Boolean, eager=True)
        faults: list[Fault] = []
        for each, wrong in broken_sentences(batch.frame, self._asked):
            self._remember(each, int(wrong.sum()))
            if each.verdict == "fail":
                faults.append((each.subject, f"{each.subject}: {each.why}", wrong))
        for name, wrong in unread(self._misfits.latest, batch.lines, self._inputs):
            faults.append((name, f"{name}: {UNREAD}", wrong))
        alone, _ = reasons_of(faults, rows)
        # What is set aside for itself is no fault of all rows.
        rest = ~alone if self._level == "quarantine" else every
        for each in _gated(self._model, batch.frame.filter(rest), marks):
            if each.verdict == "fail":
                self._remember(each, int(rest.sum()))
                some = marks.get((each.name, each.subject))
                wrong = rest if some is None else _among(rest, some)
                faults.append((each.subject, f"{each.subject}: {each.why}", wrong))
        if self._level != "quarantine" or not faults:
            return ~every
        wrong, reasons = reasons_of(faults, rows)
        for _, reason, which in faults:
            self._reasons[reason] += int(which.sum())
            shown = self._lines.setdefault(reason, [])
            shown += batch.lines[which.to_numpy()][: _SHOWN - len(shown)].tolist()
        columns = columns_of(faults, rows)
        lines = batch.lines[wrong.to_numpy()]
        self._aside.add(batch.written.filter(wrong), lines, reasons, columns)
        return wrong

    def _refusal(self, what: str) -> DataError:
        found = [each for each in self._found.values() if each.verdict == "fail"]
        said = "; ".join(f"{each.subject}: {each.why}" for each in found) or "; ".join(self._lines)
        hint = 'mend the feed, or set [data] gate_scoring = "warn" to predict them all the same'
        return DataError(what, where=self._source, found=said, hint=hint)

    def _remember(self, each: CheckResult, rows: int) -> None:
        # Of one column several sentences may be asked, of which each is told by itself.
        key = each.name, each.subject, each.why if each.name == "expectation" else each.slice
        places = [row + self._seen for row in each.evidence.get("rows", ())]
        placed = msgspec.structs.replace(each, evidence={**each.evidence, "rows": places})
        self._found.setdefault(key, placed)
        self._rows[key] += rows

    def results(self) -> tuple[CheckResult, ...]:
        """Return one warning for each break, with how many rows it is about, and what is set aside.

        A fault of a whole batch is about all rows of it.
        """
        then = "the rows were predicted all the same"
        told = []
        for key, each in self._found.items():
            more: dict[str, float] = {"n": self._rows[key]}
            if each.name == "expectation":
                more = {"n": self._seen, "value": float(self._rows[key])}
            aside = self._level == "quarantine" and each.verdict == "fail"
            why = f"{each.why}; {'such rows are set aside' if aside else then}"
            told.append(msgspec.structs.replace(each, verdict="warn", why=why, **more))
        return (*told, *self._set_aside())

    def _what_became(self, left: int) -> str:
        """Return where rows set aside are, and how many of them have no prediction yet."""
        path, answered = self._aside.path, self._aside.answered
        if not left:
            return f"They were set aside in {path}, and all of them were predicted since"
        then = f"repair them there, then: evermodel data replay-quarantine {path}"
        if not answered:
            return f"They are set aside in {path} and not predicted; {then}"
        were = "1 of them was" if answered == 1 else f"{answered:,} of them were"
        return f"They are set aside in {path}; {were} predicted since, {left:,} not; {then}"

    def _set_aside(self) -> tuple[CheckResult, ...]:
        if not self._aside.rows:
            return ()
        reasons = [
            f"{reason} ({count:,} {'row' if count == 1 else 'rows'}: line "
            + ", ".join(map(str, self._lines[reason]))
            + (", ...)" if count > len(self._lines[reason]) else ")")
            for reason, count in self._reasons.most_common(_SHOWN)
        ]
        more = len(self._reasons) - len(reasons)
        why = "; ".join(reasons) + (f"; and {more} other reasons" if more else "")
        left = self._aside.rows - self._aside.answered
        why += f". {self._what_became(left)}"
        return (
            CheckResult(
                name="rows set aside",
                subject="rows",
                value=float(left),
                unit="rows",
                n=self._seen,
                verdict="warn" if left else "pass",
                why=why,
            ),
        )
