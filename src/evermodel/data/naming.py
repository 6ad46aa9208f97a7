"""What a column's name gives away: identifiers, calendar parts, protected traits, weights.

Names only ever suggest: every rule that leaves a column out looks at its values as well.
"""

from __future__ import annotations

import re

__all__ = [
    "calendar_part",
    "entity_rank",
    "is_identifier",
    "is_numbered",
    "is_row_number",
    "is_weight",
    "may_be_turned",
    "not_below_zero",
    "percent",
    "protected_reason",
    "time_rank",
    "words",
]

_SPLIT = re.compile(r"[^0-9A-Za-z\u00c0-\uffff]+|(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")

_ID_WORDS = {"id", "ids", "uuid", "guid", "identifier", "key", "pk", "ssn", "iban"}
_NUMBER_WORDS = {"no", "nr", "number", "num"}
_NUMBERED = re.compile("no|number|(.*[a-zäöü])?n(umme)?r")
_DOCUMENTS = {
    "invoice", "order", "ticket", "transaction", "account", "customer", "client", "phone",
    "policy", "case", "contract", "provider", "member", "record", "serial", "receipt", "booking",
    "passport", "licence", "license", "card",
}  # fmt: skip
# German writes such names in one word.
_GERMAN_NUMBER = re.compile(
    "(kunden?|mitglieds?|mitglieder|vertrags?|auftrags?|rechnungs?|bestell|personal|konto"
    "|patienten|fall|versicherungs?|versicherten|vorgangs?|beleg|serien|policen|debitoren"
    "|teilnehmer|nutzer|benutzer|matrikel|geräte)(nummer|nr|no|id|kennung|schlüssel)"
)
_ROW_WORDS = {
    "", "index", "idx", "row", "rownum", "rowid", "instant", "no", "nr", "number", "unnamed",
    "line", "rec", "record", "seq", "sequence", "obs", "observation", "sno", "column",
}  # fmt: skip
_ENTITIES = (
    "customer", "client", "user", "patient", "person", "member", "subject", "player", "student",
    "employee", "household", "account", "subscriber", "guest", "driver", "borrower", "device",
    "machine", "engine", "sensor", "meter", "vehicle", "store", "shop", "provider", "brewery",
    "hospital", "company", "product", "item", "sku",
)  # fmt: skip
_GERMAN_ENTITIES = {
    "kunde": "customer", "nutzer": "user", "patient": "patient", "mitglied": "member",
    "teilnehmer": "subject", "matrikel": "student", "personal": "employee", "konto": "account",
    "versicherte": "person", "debitor": "customer", "gerät": "device",
}  # fmt: skip

_PROTECTED = {
    "sex": "sex", "gender": "sex", "male": "sex", "female": "sex",
    "race": "race", "ethnicity": "ethnic origin", "ethnic": "ethnic origin",
    "hispanic": "ethnic origin", "ancestry": "ethnic origin",
    "age": "age", "ages": "age", "senior": "age", "elderly": "age", "birthdate": "age",
    "birthday": "age", "birthyear": "age", "dob": "age", "yob": "age",
    "nationality": "national origin", "nativity": "national origin",
    "citizenship": "national origin", "immigrant": "national origin",
    "immigration": "national origin", "foreigner": "national origin",
    "birthplace": "national origin",
    "marital": "marital status", "marriage": "marital status", "married": "marital status",
    "religion": "religion", "religious": "religion", "faith": "religion",
    "disability": "disability", "disabled": "disability", "handicap": "disability",
    "pregnant": "pregnancy", "pregnancy": "pregnancy",
    "veteran": "veteran status", "orientation": "sexual orientation",
    "geschlecht": "sex", "alter": "age", "geburtsdatum": "age", "geburtsjahr": "age",
    "geburtstag": "age", "naissance": "age", "nacimiento": "age", "nascita": "age",
    "staatsangehörigkeit": "national origin", "nationalität": "national origin",
    "familienstand": "marital status", "konfession": "religion", "behinderung": "disability",
}  # fmt: skip
_PROTECTED_PAIRS = {
    ("native", "country"): "national origin", ("country", "birth"): "national origin",
    ("foreign", "worker"): "national origin", ("country", "origin"): "national origin",
    ("year", "birth"): "age", ("date", "birth"): "age", ("birth", "date"): "age",
    ("birth", "year"): "age", ("civil", "status"): "marital status",
}  # fmt: skip
# An age of a thing is no age of a person.
_THINGS = {
    "account", "vehicle", "car", "house", "building", "machine", "device", "company", "product",
    "policy", "file", "loan", "credit", "firm", "engine", "property", "battery", "cache", "stone",
    "screen", "image", "map", "page", "paper", "horse", "arms", "condition",
}  # fmt: skip

_CALENDAR = {
    "year": "year", "yr": "year", "yyyy": "year",
    "month": "month", "mnth": "month", "mon": "month",
    "day": "day", "hour": "hour", "hr": "hour", "minute": "minute", "min": "minute",
    "weekday": "weekday", "dow": "weekday", "week": "week", "quarter": "quarter",
    "season": "season", "date": "date", "holiday": "holiday", "workingday": "weekday",
}  # fmt: skip
_TIME_WORDS = {
    "date", "time", "timestamp", "datetime", "ts", "dt", "dteday", "day", "created", "ordered",
    "event", "order", "invoice", "transaction", "purchase", "observed", "measured", "recorded",
    "start", "month", "week",
}  # fmt: skip
_LATE_WORDS = {
    "updated", "modified", "closed", "resolved", "end", "ended", "expiry", "expires", "due",
    "birth", "birthdate", "birthday", "dob", "cancelled", "canceled", "churned", "shipped",
    "delivered", "paid", "deleted", "last", "until", "finish", "finished", "completed", "valid",
}  # fmt: skip
_NON_NEGATIVE = {
    "age", "count", "counts", "quantity", "qty", "price", "cost", "amount", "salary", "income",
    "distance", "duration", "height", "weight", "area", "population", "visits", "clicks",
    "tenure", "minutes", "hours", "days", "months", "years", "kilometers", "km", "miles", "size",
    "rooms", "stars", "rating", "orders", "purchases", "units", "items", "anzahl", "menge",
    "stück", "stückzahl", "bestellungen", "besuche", "preis", "kosten", "gewicht", "fläche",
    "alter", "dauer", "cantidad", "pedidos", "visitas", "compras", "precio", "peso", "edad",
    "quantité", "prix", "poids",
}  # fmt: skip
# A return or a refund has its sign turned, where many have.
_REVERSIBLE = {
    "quantity", "qty", "amount", "price", "cost", "income", "salary", "count", "orders",
    "purchases", "units", "items", "anzahl", "menge", "stück", "bestellungen", "preis", "kosten",
    "cantidad", "pedidos", "compras", "precio", "quantité", "prix",
}  # fmt: skip


def words(name: str) -> tuple[str, ...]:
    """Return the lower-case words of a column name.

    Examples
    --------
    >>> words("SeniorCitizen"), words("native_country"), words("customerID")
    (('senior', 'citizen'), ('native', 'country'), ('customer', 'id'))
    """
    return tuple(word.lower() for word in _SPLIT.split(name.strip()) if word)


def is_numbered(name: str) -> bool:
    """Say whether the name is that of a number which something bears: an identifier or a count.

    Examples
    --------
    >>> [is_numbered(name) for name in ("Buchungsnr", "Laufnummer", "no_claims", "nights")]
    [True, True, False, False]
    """
    found = words(name)
    return len(found) > 0 and _NUMBERED.fullmatch(found[-1]) is not None


def is_identifier(name: str) -> bool:
    """Say whether the name is that of an identifier.

    Examples
    --------
    >>> [is_identifier(name) for name in ("InvoiceNo", "Kundennummer", "education_num")]
    [True, True, False]
    """
    found = words(name)
    if not found:
        return False
    if _ID_WORDS & {found[0], found[-1]}:
        return True
    if re.fullmatch(r"[a-z]{3,}id", found[-1]) and found[-1][:-2] in _ENTITIES:
        return True
    if _GERMAN_NUMBER.fullmatch("".join(found)):
        return True
    return len(found) > 1 and found[-1] in _NUMBER_WORDS and bool(_DOCUMENTS & set(found[:-1]))


def is_row_number(name: str) -> bool:
    """Say whether the name is one that exports give to the row number.

    Examples
    --------
    >>> [is_row_number(name) for name in ("No", "instant", "Unnamed: 0", "", "ID")]
    [True, True, True, True, False]
    """
    found = words(name)
    return not found or (found[0] in _ROW_WORDS and all(w in _ROW_WORDS | {"0"} for w in found))


def entity_rank(name: str) -> int:
    """Return how likely the name is that of who or what rows are about: 0 is most likely.

    Examples
    --------
    >>> entity_rank("customer_id") == entity_rank("Kundennummer") < entity_rank("order_id")
    True
    """
    joined = " ".join(words(name))
    for rank, entity in enumerate(_ENTITIES):
        if entity in joined:
            return rank
    for word, entity in _GERMAN_ENTITIES.items():
        if word in joined:
            return _ENTITIES.index(entity)
    return len(_ENTITIES)


def protected_reason(name: str) -> str:
    """Return the protected trait that the name speaks of, or "".

    Examples
    --------
    >>> protected_reason("SeniorCitizen"), protected_reason("account_age"), protected_reason("wage")
    ('age', '', '')
    """
    found = words(name)
    for pair, trait in _PROTECTED_PAIRS.items():
        if set(pair) <= set(found):
            return trait
    for word in found:
        trait = _PROTECTED.get(word, "")
        if trait and not (trait == "age" and _THINGS & set(found)):
            return trait
    return "national origin" if found in (("citizen",), ("native",)) else ""


def is_weight(name: str) -> bool:
    """Say whether the name is that of a sampling weight.

    Examples
    --------
    >>> [is_weight(name) for name in ("fnlwgt", "sample_weight", "weight")]
    [True, True, False]
    """
    found = words(name)
    known = {"fnlwgt", "pwgtp", "perwt", "wgt", "wtfinl", "pweight", "finalweight"}
    survey = {"sample", "sampling", "survey", "person", "final", "replicate", "design"}
    heavy = {"weight", "weights", "wt", "wgt"}
    return bool(known & set(found)) or bool(heavy & set(found) and survey & set(found))


def calendar_part(name: str) -> str:
    """Return which part of a date the name speaks of, or "".

    Examples
    --------
    >>> calendar_part("yr"), calendar_part("mnth"), calendar_part("income")
    ('year', 'month', '')
    """
    found = words(name)
    whole = found and all(word in _CALENDAR or word in {"of", "the"} for word in found)
    return _CALENDAR.get(found[-1], "") if whole else ""


def time_rank(name: str) -> int:
    """Return 0 for a name of the time of an event, 1 for no hint, 2 for a later time."""
    found = set(words(name))
    if found & _LATE_WORDS:
        return 2
    return 0 if found & _TIME_WORDS else 1


def not_below_zero(name: str) -> bool:
    """Say whether the name is that of something which cannot be negative."""
    return bool(_NON_NEGATIVE & set(words(name)[-1:])) or "age" in words(name)


def may_be_turned(name: str) -> bool:
    """Say whether the name is that of something of which a return or a refund is below zero."""
    return bool(_REVERSIBLE & set(words(name)))


def percent(name: str) -> bool:
    """Say whether the name is that of a percentage."""
    found = set(words(name))
    return "%" in name or bool(found & {"percent", "percentage", "pct", "perc"})
