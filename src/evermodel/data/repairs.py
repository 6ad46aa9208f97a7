"""Repairs to declare: words that mean missing, numbers read as text, labels spelled in two ways."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import msgspec
import polars as pl

from evermodel.data.intake import numbers
from evermodel.data.label_slips import label_slips
from evermodel.data.proposal import RepairAdvice
from evermodel.project import Repair
from evermodel.records import ColumnType
from evermodel.tables.convert import apply_repairs

__all__ = ["MISSING_WORDS", "mended", "repair_for", "with_label_slips"]

MISSING_WORDS = frozenset(
    {
        "", "na", "n/a", "#n/a", "nan", "null", "nil", "none", "?", "-", "--", ".", "..", "...",
        "missing", "unknown", "not available", "not applicable", "#value!", "#ref!", "#div/0!",
        "<na>", "n.a.", "undefined", "nat", "inf", "-inf",
    }
)  # fmt: skip
# "unknown" and "none" can be true answers in a category, so there only what never is an answer.
_NEVER_A_CATEGORY = frozenset(
    {"", "?", "n/a", "#n/a", "nan", "null", "<na>", "n.a.", "na", "k.a.", "keine angabe", "#nv"}
)
_ANSWERS = frozenset({"ja", "nein", "yes", "no", "oui", "non", "true", "false", "sí", "si"})
_BLANKS = " \t\r\n\u00a0"
_MOST_LEVELS = 200
_MOST_WORDS = 4


def repair_for(
    series: pl.Series, known: Mapping[str, int] | None = None, *, sign: str = ""
) -> RepairAdvice | None:
    """Return the repair that one column needs, or None.

    `known` are the words that the reader has already taken as missing here, with their rows;
    `sign` is the currency, unit or percent sign that it took off.

    Examples
    --------
    >>> repair_for(pl.Series("paid", ["1.5", " ", "2"] * 10)).repair.missing
    (' ',)
    >>> repair_for(pl.Series("income", [">50K", ">50K.", "<=50K", "<=50K."])).repair.strip
    '.'
    """
    known = {word: n for word, n in (known or {}).items() if word}
    if series.dtype != pl.String:
        return _already_read(series, known, sign)
    counts = series.drop_nulls().alias("value").value_counts(sort=True, name="count")
    if counts.is_empty():
        return None
    number = _number_repair(series.name, counts)
    if number is not None:
        return number
    if counts.height > _MOST_LEVELS:
        return _missing_words(series.name, counts.head(_MOST_LEVELS), known)
    return _spelling_repair(series.name, counts, known)


def with_label_slips(series: pl.Series, advice: RepairAdvice | None) -> RepairAdvice | None:
    """Return the repair of a target with what its misspelt labels are, where it has two classes.

    Examples
    --------
    >>> labels = pl.Series("left", ["yes", "no"] * 100 + ["yess"])
    >>> with_label_slips(labels, None).repair.map
    {'yess': 'yes'}
    """
    if series.dtype != pl.String:
        return advice
    repair = advice.repair if advice else Repair()
    counts = mended(series, repair).drop_nulls().alias("value").value_counts(name="count")
    slips = label_slips({str(word): int(n) for word, n in counts.iter_rows()})
    if not slips:
        return advice
    rows = int(counts.filter(pl.col("value").is_in(list(slips)))["count"].sum())
    said = [advice.why] if advice else []
    said += [f"{word!r} = {right!r}" for word, right in list(slips.items())[:3]]
    return RepairAdvice(
        column=series.name,
        repair=msgspec.structs.replace(repair, map={**repair.map, **slips}),
        rows=rows + (advice.rows if advice else 0),
        why="; ".join(said),
    )


def mended(series: pl.Series, repair: Repair | None) -> pl.Series:
    """Return the column as it will be once the repair is applied.

    Examples
    --------
    >>> mended(pl.Series([">50K.", "?"]), Repair(strip=".", missing=("?",))).to_list()
    ['>50K', None]
    """
    if repair is None or series.dtype != pl.String:
        return series
    out = apply_repairs(series.to_frame(), {series.name: repair}).to_series()
    return numbers(out) if repair.type == "number" else out


def _already_read(series: pl.Series, known: Mapping[str, int], sign: str) -> RepairAdvice | None:
    """Write down what the reader did, so that every later file is read the same way."""
    if not known and not sign:
        return None
    kind: ColumnType | None = "number" if series.dtype.is_numeric() else None
    if series.dtype.is_temporal():
        kind = "timestamp"
    said = []
    # Words that are declared are compared as they stand, but for blanks around them.
    odd = tuple(dict.fromkeys(w.strip(_BLANKS) if sign else w for w in known))
    if sign:
        said.append(f"{sign!r} at the numbers is taken off")
    if odd:
        shown = ", ".join(repr(word) for word in known)
        where = {"number": " in a column of numbers", "timestamp": " in a column of dates"}
        said.append(f"{shown}{where.get(kind or '', '')} is read as missing")
    rows = series.len() - series.null_count() if sign else 0
    return RepairAdvice(
        column=series.name,
        repair=Repair(strip=sign, missing=odd, type=kind),
        rows=rows + sum(known.values()),
        why="; ".join(said),
    )


def _number_repair(name: str, counts: pl.DataFrame) -> RepairAdvice | None:
    """Mend a column of numbers that a few words or blanks keep from being read as numbers."""
    values = counts.get_column("value")
    amounts = counts.get_column("count")
    bad = counts.filter(numbers(values).is_null())
    rows = int(bad.get_column("count").sum())
    if bad.is_empty() or bad.height > _MOST_WORDS or rows > 0.6 * int(amounts.sum()):
        return None
    found = bad.get_column("value").to_list()
    if not all(word.strip().lower() in MISSING_WORDS for word in found):
        return None
    if counts.height - bad.height < 3:
        return None
    shown = ", ".join(repr(word) for word in found)
    return RepairAdvice(
        column=name,
        repair=Repair(missing=tuple(found), type="number"),
        rows=rows,
        why=f"{shown} in a column of numbers",
    )


def _missing_words(
    name: str, counts: pl.DataFrame, known: Mapping[str, int]
) -> RepairAdvice | None:
    found = [
        word
        for word in counts.get_column("value").to_list()
        if word.strip().lower() in _NEVER_A_CATEGORY
    ]
    amount = int(counts.filter(pl.col("value").is_in(found)).get_column("count").sum())
    # An "NA" among country codes is Namibia: a category's own "NA" counts only beside others.
    if not known and all(word.lower() == "na" for word in found):
        return None
    unique = tuple(dict.fromkeys([*found, *known]))
    rows = amount + sum(known.values())
    shown = ", ".join(repr(word) for word in unique)
    return RepairAdvice(
        column=name, repair=Repair(missing=unique), rows=rows, why=f"{shown} stands for missing"
    )


def _spelling_repair(
    name: str, counts: pl.DataFrame, known: Mapping[str, int]
) -> RepairAdvice | None:
    """Labels that differ only by a full stop or blanks at an end, or by upper and lower case."""
    amount = {str(word): int(n) for word, n in counts.iter_rows()}
    absent = _missing_words(name, counts, known)
    missing = absent.repair.missing if absent else ()
    labels = {word: n for word, n in amount.items() if word not in missing}
    strip, examples, rows = _ends(labels)
    after: dict[str, int] = defaultdict(int)
    for word, n in labels.items():
        after[word.strip(strip) if strip else word] += n
    mapping, map_rows = _one_case(after)
    if mapping:
        there = [(a, b) for a, b in mapping.items() if a in after]
        examples.extend(f"{a!r} = {b!r}" for a, b in there[:2])
        rows += map_rows
    if absent:
        examples.append(absent.why)
        rows += absent.rows
    if not examples:
        return None
    if strip:
        # Words are compared after the strip, and an empty one is missing anyway.
        bare = (word.strip(_BLANKS).strip(strip) for word in missing)
        missing = tuple(dict.fromkeys(word for word in bare if word))
    return RepairAdvice(
        column=name,
        repair=Repair(strip=strip, missing=missing, map=mapping),
        rows=rows,
        why="; ".join(examples[:3]),
    )


def _ends(labels: Mapping[str, int]) -> tuple[str, list[str], int]:
    """Return the characters to strip, examples, and the number of rows that change."""
    strip = ""
    examples: list[str] = []
    for mark in (_BLANKS, "."):
        ended = [word for word in labels if word.strip(mark) != word and word.strip(mark)]
        twins = [w for w in ended if w.strip(mark + strip) in labels or w.strip(mark) in labels]
        if twins and 2 * len(twins) >= len(ended):
            strip += mark.rstrip("\t\r\n\u00a0") if mark != "." else mark
            odd = twins[0]
            examples.append(f"{odd!r} is {odd.strip(mark)!r}")
    rows = sum(n for word, n in labels.items() if strip and word.strip(strip) != word)
    return strip, examples, rows


def _one_case(labels: Mapping[str, int]) -> tuple[dict[str, str], int]:
    """Return a map from rarer spellings to the most frequent one, and the rows it changes.

    Where an answer of yes or no is spelled in two ways, a third is to be expected in later rows.
    """
    groups: dict[str, list[str]] = defaultdict(list)
    for word in labels:
        groups[" ".join(word.split()).casefold()].append(word)
    mapping: dict[str, str] = {}
    rows = 0
    for spellings in groups.values():
        best = max(spellings, key=lambda word: (labels[word], word))
        for word in spellings:
            if word != best:
                mapping[word] = best
                rows += labels[word]
    if mapping and {word.strip().casefold() for word in labels} <= _ANSWERS:
        for best in dict.fromkeys(word for word in labels if word not in mapping):
            others = (best.lower(), best.capitalize(), best.upper())
            mapping |= {word: best for word in others if word != best and word not in labels}
    # One-letter codes can differ by case on purpose, and a long map is for a person to write.
    if len(mapping) > 12 or any(len(word.strip()) == 1 for word in mapping):
        return {}, 0
    return mapping, rows
