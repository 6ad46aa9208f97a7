"""Columns of numbers or dates among which other texts stand: signs, and words for "missing"."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from evermodel.project.signs import is_unit
from evermodel.tables.evidence import Evidence

__all__ = ["Settled", "has_slips", "settle"]

# Written without blanks and points, in lower case: "k. A." is "ka".
_ABSENT = frozenset(
    {
        "ka", "na", "nan", "nv", "nb", "keineangabe", "keineangaben", "ohneangabe", "keinewerte",
        "keinwert", "nichtangegeben", "unbekannt", "nichtbekannt", "nichtverfügbar",
        "nichtvorhanden", "fehlt", "fehlend", "leer", "offen", "entfällt", "unknown", "unk",
        "notavailable", "notapplicable", "notknown", "notgiven", "notspecified", "unspecified",
        "undefined", "notreported", "notrecorded", "notprovided", "nodata", "noanswer", "novalue",
        "missing", "empty", "blank", "tba", "tbd", "tbc", "refused", "nd", "inconnu",
        "nondisponible", "nonrenseigné", "nc", "nsp", "desconocido", "sd", "sindato", "sindatos",
        "nsnc", "oa", "nodisponible", "sconosciuto", "onbekend",
        "okänd", "ukendt", "brakdanych", "nieznany", "neznámé",
    }
)  # fmt: skip
# An amount in words: to call it missing would lose what it says.
_AMOUNTS = frozenset(
    {
        "free", "gratis", "kostenlos", "kostenfrei", "umsonst", "inklusive", "included", "zero",
        "null", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
        "eins", "zwei", "drei", "vier", "fünf", "never", "nie", "always", "immer", "unlimited",
        "unbegrenzt", "infinite", "inf", "infinity", "max", "min", "low", "medium", "high",
        "niedrig", "mittel", "hoch", "small", "large", "some", "many", "more", "less", "few",
        "several", "studio", "ground", "basement",
    }
)  # fmt: skip
_MOST_ABSENT, _MOST_ABSENT_SHARE = 4, 0.5
_MOST_OTHER, _MOST_OTHER_SHARE = 3, 0.1
_FEW_NUMBERS = 10
_MOST_TIMES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """The evidence without what can be set aside: the sign at numbers, words for missing."""

    evidence: Evidence
    sign: str = ""
    missing: tuple[str, ...] = ()


def settle(one: Evidence, *, told: bool = False) -> Settled:
    """Return the evidence without one consistent sign and without clear words for missing.

    A column whose type was told keeps its signs and any word that is not a known one: dollars must
    not become the euros of earlier data, nor a slip a gap.

    Words are clear where all other values are numbers (or dates) and the words are known ones, or
    few, rare and each of them repeated.
    """
    if one.declared:
        return Settled(evidence=one)
    sign = "" if told else _sign(one)
    bare = _unsigned(one) if sign else one
    words = _missing(bare, told=told)
    if words:
        rows = sum(words.values())
        bare = replace(bare, others=bare.others - rows, wordy=0)
    return Settled(
        evidence=bare, sign=sign, missing=tuple(sorted({word.strip() for word in words}))
    )


def has_slips(one: Evidence, most: float) -> bool:
    """Whether the words beside numbers or dates are notes and slips: few, and hardly one twice.

    A word that comes back is a value of its own, or one for "missing".
    """
    forms = {re.sub(r"[^\w]", "", word.lower()) for word in one.odd}
    return (
        0 < one.wordy <= most
        and one.wordy == one.odd.total()
        and max(one.odd.values()) <= _MOST_TIMES
        and not forms & _AMOUNTS
        and all(len(form) > 1 for form in forms)
        and max(one.most_numbers, one.dates) > _FEW_NUMBERS
    )


def _sign(one: Evidence) -> str:
    """Return the sign of all amounts, or "": two currencies are never taken for one."""
    if len(one.signs) != 1:
        return ""
    (sign,) = one.signs
    plain = one.all_numbers
    # 0.5 beside 50% may be the same share, 5 beside 5000 g the same weight: only where each has the
    # sign is it clear.
    return "" if plain and (sign == "%" or is_unit(sign)) else sign


def _unsigned(one: Evidence) -> Evidence:
    found = one.amounts
    if found is None:
        return one
    return replace(
        one,
        numbers=one.numbers + found.numbers,
        integers=one.integers + found.integers,
        infinite=one.infinite + found.infinite,
        leading_zeros=one.leading_zeros + found.leading_zeros,
        long_integers=one.long_integers + found.long_integers,
        points=one.points + found.points,
        grouped_points=one.grouped_points + found.grouped_points,
        marked=one.marked + found.marked,
        others=one.others - one.signs.total(),
        most_numbers=max(one.most_numbers, found.most_numbers),
    )


def _missing(one: Evidence, *, told: bool) -> Mapping[str, int]:
    """Return the words that clearly mean "missing", with their rows; none where any is unclear."""
    rest, numbers = one.others - one.wordy, one.all_numbers
    alike = rest == 0 if numbers else rest == one.dates
    amount = numbers or one.dates
    if not (one.wordy and amount and alike and one.wordy == one.odd.total()):
        return {}
    forms = {re.sub(r"[^\w]", "", word.lower()) for word in one.odd}
    share = one.wordy / (one.wordy + amount)
    if forms <= _ABSENT:
        return one.odd if len(forms) <= _MOST_ABSENT and share <= _MOST_ABSENT_SHARE else {}
    new = forms - _ABSENT
    clear = (
        not told
        and len(forms) <= _MOST_OTHER
        and share <= _MOST_OTHER_SHARE
        and not new & _AMOUNTS
        and all(len(form) > 1 for form in new)
        and min(one.odd.values()) > 1
        and max(one.most_numbers, one.dates) > _FEW_NUMBERS
    )
    return one.odd if clear else {}
