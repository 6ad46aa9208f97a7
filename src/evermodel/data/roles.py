"""Which columns are keys, which cannot teach anything, and which are to be named protected."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import polars as pl

from evermodel.data.intake import average
from evermodel.data.naming import (
    entity_rank,
    is_identifier,
    is_numbered,
    is_row_number,
    protected_reason,
)
from evermodel.data.personal.columns import Personal
from evermodel.data.proposal import Advice
from evermodel.records import ColumnType

__all__ = ["Roles", "find_roles", "is_text", "names_rows", "protected_columns", "split_column"]

_SPLIT_TRAIN = {"train", "training", "tr", "fit", "learn", "dev", "development"}
_SPLIT_TEST = {"test", "testing", "holdout", "hold-out", "hold out", "eval", "evaluation", "te"}
_SPLIT_MORE = {"valid", "validation", "val", "tune", "calibration", "unused"}
_SEXES = ({"m", "male", "man", "men", "boy"}, {"f", "female", "woman", "women", "girl", "w"})
_SEX_MORE = {"other", "unknown", "u", "x", "diverse", "nonbinary", "non-binary", "o", "?", "na"}
_RACES = {
    "white",
    "black",
    "asian",
    "hispanic",
    "latino",
    "latina",
    "caucasian",
    "african-american",
}
_HARDLY_REPEATS = 0.95
_LEAST_ROWS = 50
_FEW = 20
_HANDFUL = 5
_OWN = 0.99
_NUMBERED = r"^[A-Za-z]{0,5}[-_/. ]?\d{4,}$"
_ANSWERS = "prediction"
_MOST_GAPS = 0.05


class Roles(msgspec.Struct, frozen=True, kw_only=True):
    """Keys and columns to leave out, each with its reason; texts and names stand apart."""

    key: tuple[Advice, ...] = ()
    leave_out: tuple[Advice, ...] = ()
    texts: tuple[Advice, ...] = ()
    names: tuple[Advice, ...] = ()
    types: dict[str, ColumnType] = msgspec.field(default_factory=dict)


def is_text(series: pl.Series) -> bool:
    """Say whether a column holds free text: many words, nearly every row its own.

    Examples
    --------
    >>> said = [f"I would like to know when my card number {i} will come" for i in range(60)]
    >>> is_text(pl.Series(said)), is_text(pl.Series(["Very good", "Bad"] * 30))
    (True, False)
    """
    if series.dtype != pl.String:
        return False
    known = series.drop_nulls()
    distinct = known.n_unique()
    if known.len() < 20 or distinct < 0.5 * known.len():
        return False
    some = known.head(2000)
    many_words = average(some.str.count_matches(r"\S+"))
    long = average(some.str.len_chars())
    return many_words >= 5 or long >= 60


def split_column(columns: Mapping[str, pl.Series]) -> tuple[str, str]:
    """Return the column that names training and test rows with its reason, or two empty texts.

    Examples
    --------
    >>> split_column({"part": pl.Series(["train", "test"])})[0]
    'part'
    """
    for name, series in columns.items():
        if series.dtype != pl.String:
            continue
        counts = series.drop_nulls().alias("value").value_counts(sort=True, name="n")
        if not 2 <= counts.height <= 4:
            continue
        said = {str(word).strip().lower(): int(n) for word, n in counts.iter_rows()}
        known = _SPLIT_TRAIN | _SPLIT_TEST | _SPLIT_MORE
        if set(said) <= known and _SPLIT_TRAIN & set(said) and _SPLIT_TEST & set(said):
            shown = ", ".join(f"{word} {n:,}" for word, n in said.items())
            return name, f"it names the rows to train on and to test on: {shown}"
    return "", ""


def protected_columns(columns: Mapping[str, pl.Series]) -> tuple[Advice, ...]:
    """Return the columns that speak of a protected trait, by their name or their values.

    Examples
    --------
    >>> who = pl.Series(["male", "female", "male"])
    >>> [found.why for found in protected_columns({"applicant": who})]
    ['sex']
    """
    found = []
    for name, series in columns.items():
        trait = protected_reason(name) or _protected_values(series)
        if trait:
            found.append(Advice(column=name, why=trait))
    return tuple(found)


def _protected_values(series: pl.Series) -> str:
    if series.dtype != pl.String:
        return ""
    values = series.drop_nulls().unique()
    if not 2 <= values.len() <= 12:
        return ""
    said = {str(word).strip().lower() for word in values}
    if said <= _SEXES[0] | _SEXES[1] | _SEX_MORE and said & _SEXES[0] and said & _SEXES[1]:
        return "sex"
    return "race" if len(said & _RACES) >= 2 else ""


def find_roles(
    columns: Mapping[str, pl.Series], personal: Mapping[str, Personal] | None = None
) -> Roles:
    """Sort out keys, personal data, row numbers, constants and what each row has of its own.

    `personal` is what `personal_columns` found: such columns are never learned from. One that
    stands for a person, such as an e-mail address, is the key where no better one is there.

    Examples
    --------
    >>> ids = pl.Series("customer_id", [f"c{i}" for i in range(60)])
    >>> [advice.column for advice in find_roles({"customer_id": ids}).key]
    ['customer_id']
    """
    held = {name: one for name, one in (personal or {}).items() if one.away}
    unique: list[Advice] = []
    repeated: list[Advice] = []
    out: list[Advice] = []
    texts: list[Advice] = []
    names: list[Advice] = []
    types: dict[str, ColumnType] = {}
    hardly: set[str] = set()
    for name, series in columns.items():
        known = series.drop_nulls()
        distinct = known.n_unique()
        per_row = distinct / max(known.len(), 1)
        if name == _ANSWERS:
            out.append(Advice(column=name, why="the model's own answers are called so"))
        elif distinct <= 1 and series.null_count() in (0, series.len()):
            why = held[name].why if name in held else _constant(series)
            out.append(Advice(column=name, why=why))
        elif name in held:
            which, advice = _of_persons(series, held[name])
            if which == "repeated" and per_row >= _HARDLY_REPEATS:
                hardly.add(name)
            {"unique": unique, "repeated": repeated, "names": names, "": out}[which].append(advice)
        elif _row_number(name, series, per_row):
            out.append(Advice(column=name, why="it numbers the rows"))
        elif _identifies(name, series, known, per_row):
            if _one_each(known):
                why = f"it names each row: {distinct:,} values in {known.len():,} rows"
                why += _exceptions(series, known)
                unique.append(Advice(column=name, why=why))
            elif distinct >= _FEW:
                repeated.append(Advice(column=name, why=_repeats(series, known)))
            elif series.dtype.is_numeric():
                types[name] = "category"
        elif is_text(series):
            texts.append(Advice(column=name, why="free text, which is not learned from yet"))
        elif series.dtype == pl.String and per_row >= 0.95 and known.len() >= _LEAST_ROWS:
            why = f"nearly every row has its own value: {distinct:,} in {known.len():,}"
            out.append(Advice(column=name, why=why))
    if any(advice.column not in held for advice in unique):
        # A few persons who stand there twice do not make the telephone whom a row is about.
        unique += [advice for advice in repeated if advice.column in hardly]
        repeated = [advice for advice in repeated if advice.column not in hardly]
    key, spare = _one_key(unique, repeated, held)
    return Roles(
        key=key, leave_out=(*out, *spare), texts=tuple(texts), names=tuple(names), types=types
    )


def names_rows(series: pl.Series) -> str:
    """Say how a column numbers or names the rows, "" where it does neither.

    These are the columns that `find_roles` leaves out, or makes a key.

    Examples
    --------
    >>> names_rows(pl.Series("No", [1, 2, 3])), names_rows(pl.Series("age", [31, 52, 31]))
    ('it numbers the rows', '')
    """
    known = series.drop_nulls()
    per_row = known.n_unique() / max(known.len(), 1)
    if _row_number(series.name, series, per_row):
        return "it numbers the rows"
    if known.n_unique() < _FEW or not _identifies(series.name, series, known, per_row):
        return ""
    return "it names each row" if _one_each(known) else ""


def _one_each(known: pl.Series) -> bool:
    return known.len() - known.n_unique() <= max(0.01 * known.len(), _handful(known))


def _repeats(series: pl.Series, known: pl.Series) -> str:
    distinct, none = known.n_unique(), series.null_count()
    gaps = f"; {none:,} {'row has' if none == 1 else 'rows have'} none" if none else ""
    return f"rows repeat by it: {distinct:,} values, {known.len() / distinct:.1f} rows each{gaps}"


def _of_persons(series: pl.Series, held: Personal) -> tuple[str, Advice]:
    """Return where a personal column belongs, with a reason that shows none of its values."""
    known = series.drop_nulls()
    name, never = series.name, f"; {held.phrase}, never learned from"
    if held.hint:
        return "names", Advice(column=name, why=held.why)
    if held.key and _one_each(known) and series.null_count() <= _MOST_GAPS * series.len():
        why = f"it names each row: {known.n_unique():,} values in {known.len():,} rows{never}"
        return "unique", Advice(column=name, why=why)
    if held.key and not _one_each(known) and known.n_unique() >= _FEW:
        return "repeated", Advice(column=name, why=_repeats(series, known) + never)
    return "", Advice(column=name, why=held.why)


def _one_key(
    unique: list[Advice], repeated: list[Advice], held: Mapping[str, Personal]
) -> tuple[tuple[Advice, ...], list[Advice]]:
    """Take who the rows are about as the key: what repeats, for its rows must stay together."""
    candidates = repeated or unique
    if not candidates:
        return (), []
    # Rows of one person must stay together; where each row is another, a plain number is enough.
    personal = -0.5 if repeated else 0.5

    def rank(advice: Advice) -> float:
        return entity_rank(advice.column) + personal * (advice.column in held)

    best = min(candidates, key=rank)
    spare = [
        Advice(
            column=a.column,
            why=held[a.column].why if a.column in held else f"an identifier; {a.why}",
        )
        for a in (*unique, *repeated)
        if a is not best
    ]
    return (best,), spare


def _constant(series: pl.Series) -> str:
    if series.null_count() == series.len():
        return "it is empty"
    value = repr(series.drop_nulls()[0])
    return f"it is {value if len(value) <= 40 else value[:37] + '...'} in every row"


def _row_number(name: str, series: pl.Series, per_row: float) -> bool:
    if not series.dtype.is_integer() or series.null_count() or per_row < 1 or series.len() < 3:
        return False
    if is_row_number(name):
        return True
    steps = series.diff().drop_nulls()
    return not is_identifier(name) and series.len() >= _LEAST_ROWS and bool((steps == 1).all())


def _identifies(name: str, series: pl.Series, known: pl.Series, per_row: float) -> bool:
    """Say whether a column names something, by its name or by every row having its own number."""
    if is_identifier(name) and _can_be_key(series):
        return True
    if is_numbered(name) and known.dtype.is_integer() and known.len() >= _LEAST_ROWS:
        return per_row >= _OWN
    return _numbered(known, per_row)


def _handful(known: pl.Series) -> int:
    return _HANDFUL if known.len() >= _LEAST_ROWS else 0


def _numbered(known: pl.Series, per_row: float) -> bool:
    """Say whether texts are such as "M100234": each row its own, all of one shape."""
    if known.dtype != pl.String or known.len() < _LEAST_ROWS or per_row < _OWN:
        return False
    shape = known.str.replace(r"\d+$", "") + "#" + known.str.len_chars().cast(pl.String)
    most = int(shape.alias("value").value_counts(sort=True)["count"][0])
    return most >= 0.99 * known.len() and average(known.str.contains(_NUMBERED)) >= 0.99


def _exceptions(series: pl.Series, known: pl.Series) -> str:
    """Name the few rows of a key that repeat a value or have none; rows count from 1."""
    said = ""
    twice = known.filter(~known.is_first_distinct()).unique(maintain_order=True)
    if twice.len():
        shown = ", ".join(repr(value) for value in twice.head(3).to_list())
        said += f"; more than once: {shown}" + (", ..." if twice.len() > 3 else "")
    gaps = (series.is_null().arg_true().head(3) + 1).to_list()
    if gaps:
        many = series.null_count()
        rows = ", ".join(map(str, gaps)) + (", ..." if many > 3 else "")
        said += f"; none in row{'' if many == 1 else 's'} {rows}"
    return said


def _can_be_key(series: pl.Series) -> bool:
    if series.dtype.is_float():
        return bool((series.drop_nulls() % 1 == 0).all())
    return series.dtype == pl.String or series.dtype.is_integer()
