"""Dates of birth and names of persons: by a column's name and writing, and by a model of language.

The model is optional: a spaCy pipeline that the user installed. Without one, names inside texts
are not seen, and the scan says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from importlib import import_module
from typing import Any
from warnings import catch_warnings

import polars as pl

from evermodel.data.intake import average
from evermodel.data.naming import words
from evermodel.data.personal.names import is_names
from evermodel.data.personal.values import Drawn, Finding

__all__ = ["births", "hints", "pipeline", "recognised"]

_BIRTH = {
    "dob", "birthdate", "birthday", "dateofbirth", "geburtsdatum", "geburtstag", "geburtsdat",
    "naissance", "nacimiento", "nascita", "nascimento", "geboortedatum", "födelsedatum",
}  # fmt: skip
_BIRTH_PAIRS = ({"date", "birth"}, {"birth", "dt"}, {"born", "on"}, {"day", "birth"})
_BIRTH_YEARS = ({"birthyear"}, {"yob"}, {"geburtsjahr"}, {"year", "birth"}, {"year", "born"})
_DATED = (
    r"(?:^|\D)((?:19|20)\d\d)-?[01]\d-?[0-3]\d|[0-3]?\d[./-][0-3]?\d[./-]((?:19|20)?\d\d)(?:\D|$)"
)

_NAME_WORDS = {
    "firstname", "lastname", "surname", "forename", "fullname", "givenname", "familyname",
    "middlename", "vorname", "nachname", "familienname", "prenom", "prénom", "apellido",
    "apellidos", "cognome", "voornaam", "achternaam", "sobrenome", "förnamn", "efternamn",
    "rufname", "geburtsname", "nomdefamille", "nomeecognome",
}  # fmt: skip
_NAME_PAIRS = (
    {"first", "name"}, {"last", "name"}, {"given", "name"}, {"family", "name"}, {"full", "name"},
    {"middle", "name"}, {"maiden", "name"}, {"patient", "name"}, {"employee", "name"},
    {"passenger", "name"}, {"student", "name"},
)  # fmt: skip
# Such columns hold firms or groups of persons as often as one person.
_MAYBE_NAMES = ({"customer", "name"}, {"client", "name"}, {"contact", "name"}, {"author"},
                {"authors"}, {"username"}, {"user", "name"})  # fmt: skip
_WRITTEN_NAME = r"^\p{L}[\p{L}\p{M}.,'\x{2019} -]{1,60}$"
_PLACES = {
    "zip": "post codes", "zipcode": "post codes", "postcode": "post codes",
    "postalcode": "post codes", "plz": "post codes", "postleitzahl": "post codes",
    "address": "postal addresses", "street": "postal addresses", "adresse": "postal addresses",
    "strasse": "postal addresses", "straße": "postal addresses", "anschrift": "postal addresses",
}  # fmt: skip
_NO_PLACE = {"ip", "ipv4", "ipv6", "mac", "email", "mail", "type", "id", "count", "web", "url"}
_TEXTS = 200
_DATED_SHARE = 0.9
_NAMES_SHARE = 0.8
_MODEL_SHARE = 0.5


def births(series: pl.Series, drawn: Drawn | None) -> Iterator[Finding]:
    """Yield dates of birth: by the column's name, where its values are dates from 1900 to 2100.

    Examples
    --------
    >>> from evermodel.data.personal.values import draw
    >>> born = pl.Series("dob", ["1971-03-02", "1988-11-30"])
    >>> [one.kind for one in births(born, draw(born))]
    ['date_of_birth']
    """
    split = words(series.name)
    name = frozenset((*split, "".join(split)))
    years = _any(_BIRTH_YEARS, name)
    if not (years or name & _BIRTH or _any(_BIRTH_PAIRS, name)):
        return
    if series.dtype.is_temporal() and series.dtype not in (pl.Time, pl.Duration):
        year = series.dt.year()
        hits = year.is_between(1900, 2100).fill_null(value=False)
        known = series.len() - series.null_count()
        shown = tuple(series.filter(hits).head(5).dt.to_string("%Y-%m-%d").to_list())
        if known and int(hits.sum()) >= _DATED_SHARE * known:
            yield _birth(hits, shown, dated=True)
    elif drawn is not None and drawn.n:
        hits = drawn.values.str.contains(_DATED) if drawn.written else drawn.values == ""
        dated = average(hits) >= _DATED_SHARE
        if not dated and years:
            hits = drawn.values.str.contains(r"^(?:19|20)\d\d$")
        if average(hits) >= _DATED_SHARE:
            yield _birth(hits, tuple(drawn.values.filter(hits).head(5).to_list()), dated=dated)


def _any(pairs: tuple[set[str], ...], name: frozenset[str]) -> bool:
    return any(pair <= name for pair in pairs)


def _birth(hits: pl.Series, found: tuple[str, ...], *, dated: bool) -> Finding:
    return Finding(
        kind="date_of_birth" if dated else "year_of_birth",
        said="dates of birth" if dated else "years of birth",
        hits=hits,
        found=found,
        basis="name and form",
        verdict="warn" if dated else "pass",
        needed=_DATED_SHARE,
    )


def hints(
    drawn: Drawn, found: frozenset[str], *, rows: int = 0, beside: bool = False
) -> Iterator[Finding]:
    """Yield names of persons that name and writing tell, and what only the column's name hints at.

    `found` are the kinds that were found in the column already, `rows` how many rows hold a value;
    `beside` says that other columns are such as only persons have.

    Examples
    --------
    >>> from evermodel.data.personal.values import draw
    >>> first = draw(pl.Series("first_name", ["Ada", "Alan", "Grace"]))
    >>> [(one.kind, one.verdict) for one in hints(first, frozenset())]
    [('person_name', 'warn')]
    """
    if drawn.n < 2 or not drawn.written:
        names = maybe = False
    else:
        names = bool(drawn.words & _NAME_WORDS) or _any(_NAME_PAIRS, drawn.words)
        maybe = _any(_MAYBE_NAMES, drawn.words)
    alike = None if names or found else is_names(drawn, rows or drawn.n, beside=beside)
    if alike is not None:
        yield Finding(
            kind="person_name",
            said="names of persons or firms",
            hits=alike,
            found=tuple(drawn.values.filter(alike).head(5).to_list()),
            basis="name and form",
            verdict="pass",
        )
    elif names or maybe:
        hits = drawn.values.str.contains(_WRITTEN_NAME)
        written = names and average(hits) >= _NAMES_SHARE
        yield Finding(
            kind="person_name",
            said="names of persons",
            hits=hits if written else hits | True,
            found=tuple(drawn.values.filter(hits).head(5).to_list()) if written else (),
            basis="name and form" if written else "name",
            verdict="warn" if written else "pass",
            needed=_NAMES_SHARE,
        )
    place = next((_PLACES[word] for word in sorted(drawn.words) if word in _PLACES), "")
    if place and "postal_address" not in found and not drawn.words & _NO_PLACE and drawn.n >= 2:
        yield Finding(
            kind="postal_code" if place == "post codes" else "postal_address",
            said=place,
            hits=drawn.values == drawn.values,
            basis="name",
            verdict="pass",
        )


@lru_cache(maxsize=1)
def pipeline() -> tuple[Any, str]:
    """Return an installed spaCy pipeline that knows persons, and its name; (None, "") without one.

    Examples
    --------
    >>> model, name = pipeline()
    >>> (model is None) == (name == "")
    True
    """
    try:
        spacy = import_module("spacy")
    except ImportError:
        return None, ""
    # Those of many languages first, then the small ones: enough to say that there are names.
    order = sorted(
        spacy.util.get_installed_models(), key=lambda name: (name[:3] != "xx_", "_sm" not in name)
    )
    for name in order:
        try:
            # One made for another version of spaCy is warned of, and does for this.
            with catch_warnings(action="ignore"):
                model = spacy.load(
                    name, exclude=["parser", "lemmatizer", "attribute_ruler", "tagger"]
                )
        except (OSError, ValueError, ImportError):
            continue
        for step in ("ner", "entity_ruler"):
            labels = getattr(model.get_pipe(step), "labels", ()) if model.has_pipe(step) else ()
            if {"PERSON", "PER"} & set(labels):
                return model, name
    return None, ""


def recognised(drawn: Drawn, model: Any) -> Iterator[Finding]:
    """Yield names of persons that the model of language recognises, in at most 200 values.

    A model errs: a column is reported only where half of its values are names as a whole.
    """
    if not drawn.written or not drawn.n:
        return
    capital = drawn.values.str.contains(r"\p{Lu}\p{L}+.*\s.*\p{Lu}\p{L}*") & (drawn.digits == 0)
    at = capital.arg_true().head(_TEXTS)
    if at.len() < 10 or at.len() < 0.25 * min(_TEXTS, drawn.n):
        return
    texts = drawn.values.gather(at).to_list()
    persons = []
    for row, text in zip(at.to_list(), model.pipe(texts, batch_size=64), strict=True):
        names = [entity.text for entity in text.ents if entity.label_ in ("PERSON", "PER")]
        if sum(map(len, names)) >= 0.8 * len(text.text):
            persons.append(row)
    if len(persons) >= _MODEL_SHARE * at.len():
        hits = pl.Series(range(drawn.n)).is_in(persons)
        yield Finding(
            kind="person_name",
            said="names of persons",
            hits=hits,
            found=tuple(drawn.values.filter(hits).head(5).to_list()),
            basis="model",
            detail={"looked_at": at.len()},
            needed=_MODEL_SHARE,
        )
