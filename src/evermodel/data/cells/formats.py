"""Cells written otherwise than the rest of their column: units, stray letters, other date forms."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import polars as pl

from evermodel.data.cells.claims import Claim, Kind
from evermodel.data.cells.columns import Ints, Values
from evermodel.project.signs import CURRENCIES, SHORT_UNITS, UNITS

__all__ = ["damaged", "date_shape", "formats"]

_MOSTLY = 0.95
_RARE = 0.05
_ONE_FORM = 0.8
_ONE_PATTERN = 0.99
_MOST_FORMS = 40

_WITH_UNIT = re.compile(
    r"([+-]?\d[\d,]*\.?\d*)(\s*)(%|[^\W\d_]+\.?|\W?\p{Sc})(.{0,20})".replace(
        r"\p{Sc}", "[$\u00a2-\u00a5\u20a0-\u20bf]"
    )
)
_KNOWN_UNIT = re.compile(
    rf"(?:%|{UNITS}|{SHORT_UNITS}|{CURRENCIES}|ounces?|pounds?|gram(?:me)?s?|kilo(?:gram)?s?|feet"
    r"|foot|inch(?:es)?|in|met(?:er|re)s?|lit(?:er|re)s?|percent|pct|gal|yd|kcal|cal|kb|mb|gb"
    r"|centimet(?:er|re)s?|kilomet(?:er|re)s?|millilit(?:er|re)s?|[$\u00a2-\u00a5\u20a0-\u20bf])\.?",
    re.IGNORECASE,
)
_SAME_UNIT = {
    "ounce": "oz", "gram": "g", "gramme": "g", "kilogram": "kg", "kilo": "kg", "pound": "lb",
    "percent": "%", "pct": "%", "inch": "in", "inche": "in", "foot": "ft", "feet": "ft",
    "meter": "m", "metre": "m", "liter": "l", "litre": "l", "centimeter": "cm",
    "centimetre": "cm", "kilometer": "km", "kilometre": "km", "milliliter": "ml",
    "millilitre": "ml", "hour": "h", "hr": "h", "minute": "min", "euro": "eur", "€": "eur",
    "mile": "mi", "year": "yr", "dollar": "usd", "$": "usd",
}  # fmt: skip

_DAMAGE = re.compile(
    "\ufffd|\u00c3[\u0080-\u00bf]|\u00e2\u20ac|\u00c2[\u0080-\u00bf]|[\x00-\x08\x0e-\x1f]"
)
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_SHEET_DATE = re.compile(rf"\d{{1,2}}-{_MONTH}|{_MONTH}-\d{{2}}")


def damaged(column: Values) -> Iterator[Claim]:
    """Yield cells whose letters were lost or doubled by a wrong encoding.

    Examples
    --------
    >>> import polars as pl
    >>> from evermodel.data.cells.columns import read_columns
    >>> [column] = read_columns(pl.DataFrame({"a": ["Jos\ufffd", "Jose", "JosÃ©"]}))
    >>> [(claim.rows.tolist(), claim.suggestions) for claim in damaged(column)]
    [([0, 2], ('', 'José'))]
    """
    odd = pl.Series(column.texts, dtype=pl.String).str.contains(_DAMAGE.pattern)
    bad = odd.arg_true().to_list()
    if bad:
        fixed = {code: _undone(column.texts[code]) for code in bad}
        reason = "Some letters are damaged: the file was read or written in a wrong encoding."
        yield _claim(column, bad, 0.97, "damaged", reason, lambda code: fixed[code])


def _undone(text: str) -> str:
    for wrong in ("latin-1", "cp1252"):
        try:
            made = text.encode(wrong).decode("utf-8")
        except UnicodeError:
            continue
        if made != text and not _DAMAGE.search(made):
            return made
    return ""


def formats(column: Values, known: frozenset[int] = frozenset()) -> Iterator[Claim]:
    """Yield cells written in another form than the rest; `known` are codes that mean "missing"."""
    yield from _units(column)
    yield from _not_numbers(column, known)
    yield from _moments(column, known)
    yield from _off_pattern(column, known)


def _claim(
    column: Values,
    codes: Sequence[int],
    score: float,
    kind: Kind,
    reason: str,
    suggest: Callable[[int], str] | None = None,
) -> Claim:
    rows: Ints = column.rows_of(codes)
    made = tuple(suggest(int(column.codes[row])) for row in rows) if suggest else ()
    return Claim(column.place, rows, score, kind, reason, made)


def _units(column: Values) -> Iterator[Claim]:
    """Find numbers that carry a unit where others carry none, or one in another spelling."""
    bare: list[int] = [int(code) for code in np.flatnonzero(~np.isnan(column.numbers))]
    forms: dict[str, list[int]] = {}
    plain: dict[int, str] = {}
    units: dict[str, str] = {}
    if not any(text[-1:] and not text[-1].isdigit() for text in column.texts[:1000]):
        return
    for code, text in enumerate(column.texts):
        found = _WITH_UNIT.fullmatch(text)
        if found and _KNOWN_UNIT.fullmatch(found[3]) and not re.match(r"\w", found[4][:1]):
            # Without a blank, one letter behind a whole number makes a code, not a unit.
            if not found[2] and re.fullmatch(r"[A-Za-z]", found[3]) and "." not in found[1]:
                continue
            tail = text[found.end(1) :]
            forms.setdefault(tail, []).append(code)
            plain[code] = _trimmed(found[1])
            units[tail] = _unit(found[3])
    rows = {tail: int(column.counts[codes].sum()) for tail, codes in forms.items()}
    n_bare = int(column.counts[bare].sum())
    total = n_bare + sum(rows.values())
    if not forms or total < _ONE_FORM * column.filled or total < 10 or len(forms) > _MOST_FORMS:
        return
    top = max(rows, key=lambda tail: rows[tail])
    if n_bare >= rows[top]:
        if n_bare >= 0.5 * total:
            codes = [code for found in forms.values() for code in found]
            reason = "A unit stands in the cell, and most numbers of this column carry none."
            yield _claim(column, codes, 0.9, "format", reason, lambda code: plain[code])
        return
    kin = [tail for tail in forms if units[tail] == units[top]]
    share = rows[top] / total
    if len({_bare_unit(tail) for tail in kin}) > 1 and share < _ONE_FORM:
        codes = [code for found in forms.values() for code in found]
        reason = (
            f"The number carries its unit, and the column spells it in {len(kin)} ways: "
            "write the number alone."
        )
        yield _claim(column, codes, 0.88, "format", reason, lambda code: plain[code])
    elif share >= _ONE_FORM:
        odd = bare + [
            code for tail in kin if _bare_unit(tail) != _bare_unit(top) for code in forms[tail]
        ]
        if odd and column.counts[odd].sum() <= _RARE * total:
            given = {code: plain.get(code, _trimmed(column.texts[code])) + top for code in odd}
            reason = f"Nearly all numbers of this column end in {top.strip()!r}, this one does not."
            yield _claim(column, odd, 0.8, "format", reason, lambda code: given[code])


def _bare_unit(tail: str) -> str:
    """Return a unit's spelling without what one and many differ in."""
    return re.sub(r"(?<=[^\W\d])s$", "", tail.strip())


def _unit(word: str) -> str:
    plain = word.lower().rstrip(".")
    plain = plain if plain in _SAME_UNIT else re.sub(r"(?<=..)s$", "", plain)
    return _SAME_UNIT.get(plain, plain)


def _trimmed(number: str) -> str:
    number = (
        number.replace(",", "")
        if re.fullmatch(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?", number)
        else number
    )
    if len(number) > 14:
        # So many digits are the rounding of a computer, not a measurement.
        return f"{float(number):.12g}"
    return re.sub(r"\.0*$|(?<=\.\d)0+$", "", number) if "." in number else number


def _not_numbers(column: Values, known: frozenset[int]) -> Iterator[Claim]:
    """Find what is no number where all but a few are; a form that repeats is a code of its own."""
    if column.numeric_share < _MOSTLY or column.numeric_share == 1.0:
        return
    odd = [
        int(code)
        for code in np.flatnonzero(np.isnan(column.numbers))
        if code != column.empty and code not in known
    ]
    rest = _without_codes(column, odd)
    if rest:
        dates = [code for code in rest if _SHEET_DATE.fullmatch(column.texts[code])]
        if dates:
            reason = (
                "A date stands among numbers: a spreadsheet may have turned the value into one."
            )
            yield _claim(column, dates, 0.85, "format", reason)
        plain = [code for code in rest if code not in set(dates)]
        if plain:
            reason = "All but a few values of this column are numbers, this one is none."
            yield _claim(column, plain, 0.87, "format", reason)


def _without_codes(column: Values, odd: Sequence[int]) -> list[int]:
    """Return the odd values without those whose form repeats and makes up most of them."""
    forms = {code: re.sub(r"\d+", "9", column.texts[code]) for code in odd}
    rows: dict[str, int] = {}
    for code, form in forms.items():
        rows[form] = rows.get(form, 0) + int(column.counts[code])
    total = sum(rows.values())
    usual = {form for form, n in rows.items() if n >= 5 and n >= 0.3 * total}
    return [code for code in odd if forms[code] not in usual and column.counts[code] < 5]


def _off_pattern(column: Values, known: frozenset[int]) -> Iterator[Claim]:
    """Find codes that do not follow the one pattern, sign by sign, of nearly all the others."""
    if column.prose or column.moment or column.numeric_share > 0.5:
        return
    texts = pl.Series(column.texts, dtype=pl.String)
    forms = (
        texts.str.replace_all(r"\p{Nd}", "9")
        .str.replace_all(r"\p{Ll}", "a")
        .str.replace_all(r"\p{Lu}", "A")
        .to_list()
    )
    rows = column.tally(forms)
    top = max(rows, key=lambda form: rows[form], default="")
    if "9" not in top or len(top) < 5 or rows[top] < _ONE_PATTERN * column.filled:
        return
    odd = [
        c for c, form in enumerate(forms) if form != top and c != column.empty and c not in known
    ]
    rest = _without_codes(column, odd)
    if rest and rows[top] >= 200:
        example = column.texts[forms.index(top)]
        reason = f"Nearly all values of this column are written like {example!r}, this one is not."
        yield _claim(column, rest, 0.86, "format", reason)


def date_shape(text: str) -> str:
    """Return the form of a date or time: two digits count as one, a.m. as p.m.

    Examples
    --------
    >>> date_shape("7:10 a.m.") == date_shape("11:10 p.m."), date_shape("3 May 2020")
    (True, '9 B 9999')
    """
    text = re.sub(rf"\b{_MONTH}[a-z]*", "B", text)
    text = re.sub(r"\b[ap](?=\.?m)", "p", text)
    return re.sub(r"\d{3,4}", "9999", re.sub(r"(?<!\d)\d{1,2}(?!\d)", "9", text))


def _moments(column: Values, known: frozenset[int]) -> Iterator[Claim]:
    if not column.moment:
        return
    shapes = [date_shape(text) for text in column.texts]
    rows = column.tally(shapes)
    total = sum(rows.values())
    top = max(rows, key=lambda shape: rows[shape])
    if rows[top] < 0.6 * total:
        return
    odd = [
        code
        for code, shape in enumerate(shapes)
        if shape != top and code != column.empty and code not in known
    ]
    # Two forms that are both common are two conventions, and neither is the mistake.
    common = {shape for shape, n in rows.items() if n > 0.2 * total}
    odd = [code for code in odd if shapes[code] not in common]
    if odd:
        example = column.texts[
            int(np.argmax([column.counts[i] * (s == top) for i, s in enumerate(shapes)]))
        ]
        reason = (
            f"Most dates or times of this column are written like {example!r}, this one is not."
        )
        yield _claim(column, odd, 0.85, "format", reason)
