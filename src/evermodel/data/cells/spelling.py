"""Rare values that are a slip away from a frequent one, and frequent words written with a slip."""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from collections.abc import Iterator

import numpy as np
import polars as pl

from evermodel.data.cells.claims import Claim
from evermodel.data.cells.columns import Bools, Values
from evermodel.data.cells.likeness import distance, lookalike

__all__ = ["spelling", "strokes"]

_FREQUENT = 5
_RATIO = 20
_CASE_RATIO = 3
_MOST_VALUES = 20_000
_MOST_FREQUENT = 3_000
_DENSE = 0.02
_NEAREST = 50
_WORD = re.compile(r"[^\W\d_]{4,}")
_PIECE = re.compile(r"[^\W_]+|[\W_]+")


def spelling(
    column: Values, proven: Bools | None = None, skip: frozenset[int] = frozenset()
) -> Iterator[Claim]:
    """Yield rare values that differ by a slip from a value at least 20 times as frequent.

    `proven` says of each distinct value whether other columns show that it is one of its own;
    those in `skip` are passed over.

    Examples
    --------
    >>> import polars as pl
    >>> from evermodel.data.cells.columns import read_columns
    >>> [column] = read_columns(pl.DataFrame({"a": ["private"] * 60 + ["pirvate", "public"]}))
    >>> [(claim.rows.tolist(), claim.suggestions) for claim in spelling(column)]
    [([60], ('private',))]
    """
    distinct = len(column.texts)
    if distinct > _MOST_VALUES or distinct < 2 or column.numeric_share > 0.5 or column.alone > 0.9:
        return
    frequent = [
        int(code)
        for code in np.argsort(-column.counts, kind="stable")[:_MOST_FREQUENT]
        if column.counts[code] >= _FREQUENT and code != column.empty
    ]
    right: dict[int, int] = {}
    for rare, usual in _neighbours(column, frequent):
        if rare not in right and rare not in skip and not (proven is not None and proven[rare]):
            right[rare] = usual
    if right:
        rows = column.rows_of(list(right))
        usual_of = [right[int(column.codes[row])] for row in rows]
        n = np.asarray([column.counts[usual] for usual in usual_of])
        yield Claim(
            column.place,
            rows,
            0.8 + 0.15 * (1.0 - _RATIO / np.maximum(_RATIO, n)),
            "spelling",
            "A far more frequent value of this column differs only by a slip of the keyboard.",
            tuple(column.texts[usual] for usual in usual_of),
        )


def _neighbours(column: Values, frequent: list[int]) -> Iterator[tuple[int, int]]:
    """Yield rare values with the most frequent value that they may be a slip of."""
    ends: dict[tuple[str, str], list[int]] = defaultdict(list)
    folded: dict[str, list[int]] = defaultdict(list)
    for code in frequent:
        text = column.texts[code]
        folded[" ".join(text.casefold().split())].append(code)
        for key in _keys(text, 0):
            ends[key].append(code)
    dense = _dense(column, frequent)
    closed = _closed(column, frequent)
    few = 0.02 * column.rows
    counts = column.counts.tolist()
    words = _words(column)
    few_frequent = len(frequent) <= _NEAREST
    by_count = sorted(set(frequent), key=lambda c: (-counts[c], c)) if few_frequent else []
    for code, text in enumerate(column.texts):
        if not column.worded[code]:
            continue
        n = counts[code]
        same = folded.get(" ".join(text.casefold().split()), ())
        likely = [c for c in same if c != code and counts[c] >= _CASE_RATIO * n][:1]
        if not likely and code not in closed and n <= 2:
            likely = _one_stroke_off(column, text, closed)
        if not likely and not dense and n <= few and len(text) >= 5:
            if not few_frequent:
                near = {c for key in _keys(text, 2) for c in ends.get(key, ())[:_NEAREST]}
                by_count = sorted(near, key=lambda c: (-counts[c], c))
            likely = _first_slip(
                column, text, [c for c in by_count if counts[c] >= _RATIO * n], words
            )
        if likely:
            yield code, likely[0]


def _first_slip(column: Values, text: str, usual: list[int], words: dict[str, int]) -> list[int]:
    """Return the first of these values that the text may be a slip of."""
    n = int(column.counts[column.where[text]])
    for other in usual:
        # A slip in the first letter of a word is rare; Cortland is no Portland.
        rarer = 1 if text[:1] == column.texts[other][:1] else 5
        if column.counts[other] >= rarer * _RATIO * n and _slip(text, column.texts[other], words):
            return [other]
    return []


def _one_stroke_off(column: Values, text: str, closed: set[int]) -> list[int]:
    """Return the value, of the few that a column has, which the text misses by one stroke."""
    if not 1 < len(text) < 10:
        return []
    near = [code for code in closed if lookalike(text, column.texts[code])]
    near = [code for code in near if distance(text, column.texts[code], 1) <= 1]
    return sorted(near, key=lambda code: (-column.counts[code], code))[:1]


def _closed(column: Values, frequent: list[int]) -> set[int]:
    """Return the few values that a column has, where hardly a row has any other; or none."""
    own = [code for code in frequent if column.counts[code] >= max(20, 0.01 * column.filled)]
    covered = int(column.counts[own].sum()) if own else 0
    return set(own) if len(own) <= 10 and covered >= 0.99 * column.filled else set()


def _keys(text: str, slack: int) -> set[tuple[str, str]]:
    """Return the first and last parts of a text, one of which a slip or two leave as they are."""
    sizes = {
        (length // 2 if length < 10 else length // 3)
        for length in range(len(text) - slack, len(text) + slack + 1)
    }
    sizes.discard(0)
    return {("start", text[:n]) for n in sizes} | {("end", text[-n:]) for n in sizes}


def _allowed(length: int) -> int:
    return 0 if length < 5 else 1 if length < 10 else 2 if length < 24 else 3


def _slip(text: str, usual: str, words: dict[str, int]) -> bool:
    """Say whether `text` is `usual` with a slip: what differs is no word that others use."""
    most = _allowed(min(len(text), len(usual)))
    if not most or text + "s" == usual or usual + "s" == text:
        return False
    if distance(text, usual, most) > most or not lookalike(text, usual):
        return False
    odd = set(_WORD.findall(text.casefold())) - set(_WORD.findall(usual.casefold()))
    if not odd and set(re.findall(r"\w+", text)) - set(re.findall(r"\w+", usual)):
        return False
    return all(words.get(word, 0) <= 2 for word in odd)


def _words(column: Values) -> dict[str, int]:
    """Return in how many distinct values each longer word stands."""
    found: dict[str, int] = defaultdict(int)
    for text in column.texts:
        for word in set(_WORD.findall(text.casefold())):
            found[word] += 1
    return found


def _dense(column: Values, frequent: list[int]) -> bool:
    """Say whether values that are surely right lie a slip apart, as first names do."""
    some = sorted(column.texts[code] for code in frequent[:1000] if len(column.texts[code]) >= 5)
    if len(some) < 20:
        return False
    close = sum(
        len(a) < 24 and _same_but_digits(a, b) and distance(a, b, 1) <= 1
        for a, b in itertools.pairwise(some)
    )
    return close > _DENSE * len(some)


def _same_but_digits(one: str, other: str) -> bool:
    return re.sub(r"\D", "", one) == re.sub(r"\D", "", other)


def strokes(column: Values) -> Iterator[Claim]:
    """Yield cells with a slip in a word that most cells have, or letters where others have digits.

    Examples
    --------
    >>> import polars as pl
    >>> from evermodel.data.cells.columns import read_columns
    >>> texts = [f"{i} patients" for i in range(60)] + ["7 pxtients", "1x patients"]
    >>> [column] = read_columns(pl.DataFrame({"a": texts}))
    >>> [(claim.rows.tolist(), claim.suggestions) for claim in strokes(column)]
    [([60, 61], ('7 patients', ''))]
    """
    if column.numeric_share >= 0.95 or column.prose:
        return
    fixed = _fixed_words(column)
    usual = _usual_shapes(column)
    if not fixed and not usual:
        return
    bad: dict[int, str] = {}
    rare = column.counts <= max(3, 0.01 * column.rows)
    odd = ~pl.Series(column.shapes).is_in(list(usual)).to_numpy()
    for code in np.flatnonzero(rare & (odd | bool(fixed))):
        text = column.texts[code]
        if code == column.empty:
            continue
        mended = _mended(text, fixed)
        if mended:
            bad[int(code)] = mended
        elif odd[code] and column.counts[code] <= 5 and _digits_lost(text, fixed, usual):
            bad[int(code)] = ""
    rows = column.rows_of(list(bad)) if bad else np.zeros(0, dtype=np.int64)
    if 0 < rows.size <= 0.1 * column.filled and not _one_form(column, list(bad)):
        reason = (
            "It is written like the other values of this column but for a slip of the keyboard."
        )
        made = tuple(bad[int(column.codes[row])] for row in rows)
        yield Claim(column.place, rows, 0.86, "spelling", reason, made)


def _fixed_words(column: Values) -> set[str]:
    """Return the words that three of ten filled cells hold, in many different values."""
    rows: dict[str, int] = defaultdict(int)
    values: dict[str, int] = defaultdict(int)
    some = column.texts[:_MOST_VALUES]
    counts = column.counts[:_MOST_VALUES].tolist()
    for text, n in zip(some, counts, strict=True):
        for word in set(_WORD.findall(text)):
            rows[word] += n
            values[word] += 1
    known = 0.3 * sum(counts)
    return {w for w, n in rows.items() if n >= known and values[w] >= 10}


def _usual_shapes(column: Values) -> set[str]:
    """Return the shapes that make up a column of machine-written values, or none."""
    rows = column.tally(column.shapes)
    usual = {shape for shape, n in rows.items() if n >= max(10, 0.03 * column.filled)}
    covered = sum(rows[shape] for shape in usual)
    numbered = any("9" in shape for shape in usual)
    return usual if numbered and covered >= 0.9 * column.filled and len(usual) <= 6 else set()


def _mended(text: str, fixed: set[str]) -> str:
    """Return the text with a slip in one of the fixed words taken back, "" where there is none."""
    if not fixed or any(word in fixed for word in _WORD.findall(text)):
        return ""
    pieces = _PIECE.findall(text)
    for i, piece in enumerate(pieces):
        for word in fixed:
            most = max(1, len(word) // 4)
            if len(piece) >= 4 and not piece.isdigit() and distance(piece, word, most) <= most:
                # A digit that has grown together with the word cannot be put back.
                lost = any(sign.isdigit() for sign in piece)
                return text if lost else "".join([*pieces[:i], word, *pieces[i + 1 :]])
    return ""


def _digits_lost(text: str, fixed: set[str], usual: set[str]) -> bool:
    """Say whether the text has a usual shape once its few stray letters are digits."""
    letters = 0
    pieces = _PIECE.findall(text)
    for i, piece in enumerate(pieces):
        if piece not in fixed:
            stray = sum(letter.isalpha() for letter in piece)
            letters += stray
            pieces[i] = re.sub(r"[^\W\d_]", "0", piece)
    if not 0 < letters <= 2 or text.isalpha():
        return False
    if _shape(text.upper()) in usual:
        return False
    return _shape("".join(pieces)) in usual


def _shape(text: str) -> str:
    shape = re.sub(r"\d+", "9", re.sub(r"[A-Z]+", "A", re.sub(r"[a-z]+", "a", text)))
    return re.sub(r"\s+", "_", shape)


def _one_form(column: Values, codes: list[int]) -> bool:
    """Say whether the odd values have one form of their own, as cancelled invoices have."""
    rows: dict[str, int] = defaultdict(int)
    for code in codes:
        rows[column.shapes[code]] += int(column.counts[code])
    return max(rows.values()) >= 5 and max(rows.values()) >= 0.8 * sum(rows.values())
