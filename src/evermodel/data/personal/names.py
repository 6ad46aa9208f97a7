"""Names of persons or firms without a model of language: a column's name and its writing together.

Three signs tell a person's name from that of a product, a town or a file: a column that is named
after persons and after nothing else; titles and common given names among the values; and columns
beside it that only persons have, such as a date of birth. A word that many values share speaks
against: "Red Shoe, Blue Shoe".
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

import polars as pl

from evermodel.data.intake import average
from evermodel.data.naming import words
from evermodel.data.personal.given_names import GIVEN_NAMES
from evermodel.data.personal.values import Drawn

__all__ = [
    "is_names",
    "looks_like_names",
    "named_after_persons",
    "persons_beside",
    "written_as_names",
]

_ROLES = {
    "customer", "customers", "client", "clients", "patient", "passenger", "employee", "student",
    "teacher", "pupil", "tenant", "landlord", "owner", "author", "authors", "contact", "person",
    "user", "guest", "host", "driver", "buyer", "seller", "applicant", "borrower", "candidate",
    "insured", "beneficiary", "member", "subscriber", "donor", "voter", "inhabitant", "doctor",
    "physician", "nurse", "manager", "supervisor", "advisor", "adviser", "salesperson", "clerk",
    "kunde", "kunden", "kundin", "ansprechpartner", "ansprechpartnerin", "kontaktperson",
    "mitarbeiter", "mitarbeiterin", "patientin", "schüler", "lehrer", "mieter", "vermieter",
    "eigentümer", "inhaber", "besitzer", "halter", "teilnehmer", "mitglied", "versicherter",
    "versicherungsnehmer", "antragsteller", "betreuer", "berater", "sachbearbeiter", "vertreter",
    "verkäufer", "käufer", "bearbeiter", "arzt", "empfänger", "absender", "autor", "fahrer",
    "bewerber", "spender", "gast", "cliente", "clienti", "clientes", "paciente", "empleado",
    "contacto", "propietario", "paziente", "dipendente", "titular", "klant",
    "medewerker", "contactpersoon", "kund", "salarié", "employé", "locataire", "propriétaire",
    "interlocuteur", "acheteur", "vendeur", "funcionário", "recipient", "sender", "assignee",
}  # fmt: skip
_NAMES = {
    "name", "names", "nom", "nombre", "nome", "naam", "namn", "imię", "nazwisko", "namen",
}  # fmt: skip
# Words that may stand beside a role or a name and change nothing.
_PLAIN = {
    "full", "first", "last", "sur", "family", "given", "person", "contact", "the", "of", "de",
    "du", "la", "le", "des", "del", "der", "complete", "completo", "complet", "et", "und", "and",
    "main", "rep", "display", "legal",
}  # fmt: skip
_JOINED = re.compile(
    "(kunden?|mitarbeiter|patienten|personen|schüler|mieter|vermieter|inhaber|mitglieds?"
    "|teilnehmer|fahrer|kontakt|customer|client|employee|patient|passenger|contact|host|guest"
    "|owner|student|person)name"
)
_BESIDE = {
    "gender", "sex", "geschlecht", "sexe", "sexo", "anrede", "salutation", "civilité", "dob",
    "birthdate", "birthday", "birthyear", "geburtsdatum", "geburtstag",
    "geburtsjahr", "naissance", "nacimiento", "nascita", "familienstand", "marital", "surname",
    "firstname", "lastname", "vorname", "nachname", "prénom", "prenom", "apellido", "apellidos",
    "cognome", "nationality", "staatsangehörigkeit", "salary", "gehalt", "email", "mail", "iban",
    "birth", "passport", "ssn", "employer", "arbeitgeber", "geboortedatum", "achternaam",
}  # fmt: skip
# What things have, and a table of persons hardly.
_OF_THINGS = {
    "price", "preis", "prix", "precio", "prezzo", "sku", "product", "produkt", "produit", "brand",
    "marke", "stock", "artikel", "article", "isbn", "ean", "manufacturer", "hersteller", "abv",
    "population", "latitude", "longitude", "lat", "lon", "lng", "breed", "rasse", "species",
    "colour", "color", "farbe", "material", "calories", "ingredients", "genre", "album",
}  # fmt: skip
_TITLE = r"(?i)^(?:mr|mrs|ms|miss|mme|m\.|mlle|dr|prof|herrn?|frau|sr|sra|sig|dhr|mevr|mx)\b"
# Up to four capitalised words, particles between them, a comma as in "Lovelace, Ada".
_PARTICLE = r"(?:von|van|de|der|den|del|della|di|da|dos|la|le|zu|zur|bin|al|el|y|und|and|&)"
_WORD = r"\p{Lu}[\p{L}\p{M}'\x{2019}.-]*"
_WRITTEN = rf"^{_WORD}(?:,?\s+(?:{_PARTICLE}\s+){{0,2}}{_WORD}){{0,3}}$"
_FEWEST = 8
_WRITTEN_SHARE = 0.8
_GIVEN_SHARE = 0.25
_TITLED_SHARE = 0.1
_SHARED_WORD = 0.25
_OWN = 0.5


def named_after_persons(name: str) -> bool | None:
    """Say whether a column is named after persons: True, or None where "name" alone stands.

    Examples
    --------
    >>> [named_after_persons(one) for one in ("Kunde", "name", "product name", "client_id")]
    [True, None, False, False]
    """
    found = [word.rstrip("0123456789") or word for word in words(name)]
    found = [word for word in found if not word.isdigit()]
    if not found:
        return False
    if _JOINED.fullmatch("".join(found)):
        return True
    known = set(found)
    if not known <= _ROLES | _NAMES | _PLAIN:
        return False
    if known & _ROLES:
        return True
    return None if known & _NAMES else False


def persons_beside(names: Iterable[str]) -> bool:
    """Say whether a table has a column that only persons have, such as a date of birth.

    Examples
    --------
    >>> persons_beside(["name", "Geburtsdatum"]), persons_beside(["name", "price"])
    (True, False)
    """
    found: set[str] = set()
    for name in names:
        found |= {*words(name), "".join(words(name))}
    return bool(found & _BESIDE) and not found & _OF_THINGS


def written_as_names(values: pl.Series) -> pl.Series:
    """Return which texts are one to four capitalised words, without a digit.

    Examples
    --------
    >>> said = ["Ada Lovelace", "Vincent van Gogh", "Hopper, Grace", "red shoe", "Tower 3"]
    >>> written_as_names(pl.Series(said)).to_list()
    [True, True, True, False, False]
    """
    return values.str.contains(_WRITTEN) & ~values.str.contains(r"\d")


def looks_like_names(values: Collection[str]) -> bool:
    """Say of a few words whether they name persons: two words and more, given names among them.

    Examples
    --------
    >>> looks_like_names(["Ada Lovelace", "Alan Turing"]), looks_like_names(["Basic", "Pro"])
    (True, False)
    """
    some = pl.Series(list(values), dtype=pl.String)
    if some.is_empty() or average(written_as_names(some)) < _WRITTEN_SHARE:
        return False
    several = average(some.str.contains(r"\s")) >= _OWN
    return several and max(_given(some), average(some.str.contains(_TITLE))) >= _GIVEN_SHARE


def is_names(drawn: Drawn, rows: int, *, beside: bool) -> pl.Series | None:
    """Return which values are written as names of persons or firms; None where too little tells.

    Parameters
    ----------
    drawn : Drawn
        The distinct values of a column.
    rows : int
        How many rows of the column hold a value.
    beside : bool
        Whether other columns are such as only persons have.

    Examples
    --------
    >>> from evermodel.data.personal.values import draw
    >>> people = [f"{one} {two}" for one in ("Ada", "Karl", "Eva") for two in ("Roe", "Poe", "Li")]
    >>> is_names(draw(pl.Series("Kunde", people)), 9, beside=False).sum()
    9
    >>> is_names(draw(pl.Series("product name", people)), 9, beside=False) is None
    True
    """
    named = named_after_persons(drawn.name)
    if named is False or not drawn.written or drawn.n < _FEWEST:
        return None
    hits = written_as_names(drawn.values)
    if average(hits) < _WRITTEN_SHARE:
        return None
    told = (
        _given(drawn.values) >= _GIVEN_SHARE
        or average(drawn.values.str.contains(_TITLE)) >= _TITLED_SHARE
    )
    if told:
        return hits
    # Without a given name the values must at least be many, and share no word.
    own = drawn.n >= _OWN * rows and _most_shared(drawn.values) <= _SHARED_WORD
    return hits if own and (named or beside) else None


def _given(values: pl.Series) -> float:
    """Return the share of values in which a word is a common given name."""
    first = values.str.to_lowercase().str.extract_all(r"[\p{L}\p{M}]+")
    plain = {"ö": "o", "ü": "u", "ä": "a", "é": "e", "è": "e", "ë": "e", "ø": "o", "å": "a",
             "í": "i", "ó": "o", "á": "a", "ú": "u", "ã": "a", "ç": "c"}  # fmt: skip
    spelt = first.list.eval(pl.element().str.replace_many(plain).is_in(list(GIVEN_NAMES)).any())
    return average(spelt.list.first().fill_null(value=False))


def _most_shared(values: pl.Series) -> float:
    """Return the share of values that hold the commonest word."""
    found = values.str.to_lowercase().str.extract_all(r"\p{L}{3,}").list.unique().explode()
    counts = found.drop_nulls().alias("word").value_counts(sort=True, name="n")
    return int(counts["n"][0]) / values.len() if counts.height else 1.0
