"""Numbers that are given to one person: found by their check digits, judged against chance.

A random number of ten digits passes a test modulo 11 one time in eleven, so one number says
nothing and a column says much: the share that passes is held against that rate by a binomial test.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

import msgspec
import numpy as np
import polars as pl

from evermodel.data.personal.account_numbers import iban, iban_length, payment_card
from evermodel.data.personal.check_digits import (
    Bools,
    aadhaar,
    bsn,
    codice_fiscale,
    cpf,
    dni,
    german_tax_id,
    nhs_number,
    nir,
    personnummer,
    ssn,
)
from evermodel.data.personal.values import Drawn, Finding

__all__ = ["CERTAIN", "KINDS", "Identifier", "by_chance", "identifiers"]

CERTAIN = 1e-6
_LIKELY = 1e-3
_NAMED = 1e-2
_IN_TEXT = 0.11  # one number that passes one test of ten, beside a word that says what it is
_SEPARATORS = r"[\s.\-/+]"


class Identifier(msgspec.Struct, frozen=True, kw_only=True):
    """One kind: its form without separators, its test, and how often chance passes the test.

    `names` are words of column names that say the kind; `text` is how it is written inside texts,
    and `near` the word that must stand in the same text.
    """

    kind: str
    said: str
    form: str
    valid: Callable[[Sequence[str]], Bools]
    chance: float
    names: tuple[frozenset[str], ...] = ()
    text: str = ""
    near: str = ""


def _names(*given: str) -> tuple[frozenset[str], ...]:
    return tuple(frozenset(one.split()) for one in given)


KINDS = (
    Identifier(
        kind="payment_card",
        said="numbers of payment cards",
        form=r"^\d{13,19}$",
        valid=payment_card,
        chance=1 / 10,
        names=_names("pan", "card number", "card no", "cardnumber", "cc number", "creditcard"),
        text=r"\d{4}[ -]?\d{4}[ -]?\d{4}[ -]?\d{1,7}|\d{4}[ -]?\d{6}[ -]?\d{4,5}",
        near=r"(?i)\b(?:card|visa|master|mastercard|amex|credit|debit|carte|karte|kreditkarte"
        r"|tarjeta|carta|cartão)\b",
    ),
    Identifier(
        kind="iban",
        said="bank account numbers (IBAN)",
        form=r"^[A-Z]{2}\d{2}[A-Z0-9]{11,30}$",
        valid=iban,
        chance=1 / 97,
        names=_names("iban"),
        text=r"[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?",
    ),
    Identifier(
        kind="us_ssn",
        said="US social security numbers",
        form=r"^\d{9}$",
        valid=ssn,
        # Areas, groups and serials that may be given out, of all that can be written.
        chance=(898 / 1000) * (99 / 100) * (9999 / 10000),
        names=_names("ssn", "social security", "socialsecuritynumber"),
        text=r"\d{3}-\d{2}-\d{4}",
        near=r"(?i)\bssn\b|social security",
    ),
    Identifier(
        kind="uk_nhs",
        said="NHS numbers",
        form=r"^\d{10}$",
        valid=nhs_number,
        chance=1 / 11,
        names=_names("nhs"),
        text=r"\d{3}[ -]?\d{3}[ -]?\d{4}",
        near=r"(?i)\bnhs\b",
    ),
    Identifier(
        kind="de_tax_id",
        said="German tax identifiers",
        form=r"^[1-9]\d{10}$",
        valid=german_tax_id,
        chance=1 / 10,
        names=_names("idnr", "steuerid", "steuer id", "steueridentifikationsnummer"),
        text=r"\d{2} ?\d{3} ?\d{3} ?\d{3}",
        near=r"(?i)steuer-?id|\bidnr\b|identifikationsnummer",
    ),
    Identifier(
        kind="fr_nir",
        said="French social security numbers",
        form=r"^[123478]\d{4}(?:\d\d|2[AB])\d{8}$",
        valid=nir,
        chance=1 / 97,
        names=_names("nir", "securite sociale", "sécurité sociale"),
        text=r"[12] ?\d{2} ?\d{2} ?(?:\d{2}|2[AB]) ?\d{3} ?\d{3} ?\d{2}",
        near=r"(?i)\bnir\b|sécurité sociale|securite sociale|\bsécu\b",
    ),
    Identifier(
        kind="es_dni",
        said="Spanish identity numbers (DNI, NIE)",
        form=r"^[0-9XYZ]\d{7}[A-Z]$",
        valid=dni,
        chance=1 / 23,
        names=_names("dni", "nie"),
        text=r"[0-9XYZ]-?\d{7}-?[A-Z]",
        near=r"(?i)\b(?:dni|nie|nif)\b",
    ),
    Identifier(
        kind="it_codice_fiscale",
        said="Italian tax codes",
        form=r"^[A-Z]{6}[0-9L-NP-V]{2}[A-EHLMPR-T][0-9L-NP-V]{2}[A-Z][0-9L-NP-V]{3}[A-Z]$",
        valid=codice_fiscale,
        chance=1 / 26,
        names=_names("codice fiscale", "codicefiscale"),
        text=r"[A-Z]{6}\d{2}[A-EHLMPR-T]\d{2}[A-Z]\d{3}[A-Z]",
    ),
    Identifier(
        kind="nl_bsn",
        said="Dutch citizen service numbers",
        form=r"^\d{9}$",
        valid=bsn,
        chance=1 / 11,
        names=_names("bsn", "burgerservicenummer"),
        text=r"\d{9}",
        near=r"(?i)\bbsn\b|burgerservicenummer",
    ),
    Identifier(
        kind="se_personnummer",
        said="Swedish personal numbers",
        form=r"^(?:\d{10}|\d{12})$",
        valid=personnummer,
        chance=1 / 10,
        names=_names("personnummer", "pnr"),
        text=r"(?:\d{2})?\d{6}[-+]?\d{4}",
        near=r"(?i)\bpnr\b|personn(?:ummer|r)",
    ),
    Identifier(
        kind="in_aadhaar",
        said="Indian Aadhaar numbers",
        form=r"^[2-9]\d{11}$",
        valid=aadhaar,
        chance=1 / 10,
        names=_names("aadhaar", "aadhar"),
        text=r"\d{4} ?\d{4} ?\d{4}",
        near=r"(?i)aadh?aar?\b",
    ),
    Identifier(
        kind="br_cpf",
        said="Brazilian CPF",
        form=r"^\d{11}$",
        valid=cpf,
        chance=1 / 100,
        names=_names("cpf"),
        text=r"\d{3}\.\d{3}\.\d{3}-\d{2}",
    ),
)


def by_chance(passed: int, tried: int, rate: float) -> float:
    """Return how likely so many or more of `tried` pass a test that chance passes at `rate`.

    The upper tail of the binomial distribution.

    Examples
    --------
    >>> round(by_chance(2, 2, 0.1), 6), by_chance(0, 5, 0.1)
    (0.01, 1.0)
    """
    from scipy.special import bdtrc

    return float(bdtrc(passed - 1, tried, rate)) if passed > 0 else 1.0


def identifiers(drawn: Drawn) -> Iterator[Finding]:
    """Yield the kinds of identifiers that a column holds as its values or inside its texts.

    Examples
    --------
    >>> from evermodel.data.personal.values import draw
    >>> held = draw(pl.Series("a", ["529.982.247-25", "111.444.777-35", "123.456.789-09"] * 2))
    >>> [finding.kind for finding in identifiers(held)]
    ['br_cpf']
    """
    plain = drawn.values.str.replace_all(_SEPARATORS, "")
    if drawn.written:
        plain = plain.str.to_uppercase()
    long = drawn.digits >= 7
    if not long.any():
        return
    # An ISBN of ten digits has the test of NHS numbers, but one in eleven ends in X.
    isbn = "isbn" in drawn.words or bool(plain.str.contains(r"^\d{9}X$").any())
    texts = drawn.texts & long if drawn.written else None
    for one in KINDS:
        if one.kind == "uk_nhs" and isbn:
            continue
        whole = _whole(drawn, one, plain)
        if whole is not None:
            yield whole
        elif texts is not None and texts.any():
            yield from _inside(drawn, one, texts)


def _whole(drawn: Drawn, one: Identifier, plain: pl.Series) -> Finding | None:
    named = any(names <= drawn.words for names in one.names)
    shaped = plain.str.contains(one.form)
    if one.kind == "us_ssn" and not named:
        shaped = drawn.values.str.contains(r"^\d{3}-\d{2}-\d{4}$")
    at = shaped.arg_true()
    if at.is_empty():
        return None
    right = one.valid(plain.gather(at).to_list())
    tried, passed = at.len(), int(right.sum())
    likely = by_chance(passed, tried, one.chance)
    share = passed / tried
    # Without a check digit all that can be asked of a named column is that hardly any is wrong.
    ranges_only = one.kind == "us_ssn"
    limit = (1.0 if ranges_only else _NAMED) if named else CERTAIN
    needed = 0.98 if ranges_only else 0.5 if named else 0.8
    if not passed or share < needed or likely > max(limit, _LIKELY):
        return None
    hits = np.zeros(drawn.n, dtype=bool)
    hits[at.to_numpy()[right]] = True
    return Finding(
        kind=one.kind,
        said=one.said,
        hits=pl.Series(hits),
        found=tuple(drawn.values.filter(pl.Series(hits)).head(5).to_list()),
        basis="name and form" if ranges_only and named else "check digits",
        verdict="warn" if likely <= limit else "unknown",
        detail=_counts(tried, passed, one.chance, likely) | {"largest_p_value": limit},
        needed=needed * tried / drawn.n,
    )


def _inside(drawn: Drawn, one: Identifier, texts: pl.Series) -> Iterator[Finding]:
    looked = texts & drawn.values.str.contains(one.text)
    if one.near:
        looked = looked & drawn.values.str.contains(one.near)
    at = looked.arg_true()
    if at.is_empty():
        return
    pattern = re.compile(rf"(?<![\w-])(?:{one.text})(?![\w-])")
    tried, passed = 0, 0
    hits, found = np.zeros(drawn.n, dtype=bool), []
    for row, text in zip(at.to_list(), drawn.values.gather(at).to_list(), strict=True):
        tokens = [match[0] for match in pattern.finditer(text)]
        plain = [re.sub(_SEPARATORS, "", token) for token in tokens]
        if one.kind == "iban":
            # Capitals that follow the number are not part of it.
            plain = [token[: iban_length(token[:2])] for token in plain]
        right = one.valid(plain)
        tried, passed = tried + len(tokens), passed + int(right.sum())
        hits[row] = bool(right.any())
        found += [token for token, good in zip(tokens, right, strict=True) if good]
    likely = by_chance(passed, tried, one.chance)
    said_near = one.kind == "us_ssn" and passed >= 0.98 * tried
    if passed and passed >= 0.5 * tried and (likely <= _IN_TEXT or said_near):
        yield Finding(
            kind=one.kind,
            said=one.said,
            hits=pl.Series(hits),
            found=tuple(found[:5]),
            within=True,
            basis="check digits" if not said_near else "form",
            detail=_counts(tried, passed, one.chance, likely),
        )


def _counts(tried: int, passed: int, rate: float, likely: float) -> dict[str, float]:
    return {"of_this_form": tried, "valid": passed, "by_chance": rate, "p_value": likely}
