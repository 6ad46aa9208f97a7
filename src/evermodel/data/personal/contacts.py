"""Ways to reach a person or a device: e-mail, telephone, network addresses, streets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import IPv6Address

import polars as pl

from evermodel.data.intake import average
from evermodel.data.personal.identifiers import CERTAIN, by_chance
from evermodel.data.personal.values import Drawn, Finding

__all__ = ["addresses", "devices", "emails", "phones"]

_EMAIL = r"(?i)[a-z0-9._%+'-]*[a-z0-9_]@(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,24}"
# Pictures of double size are named icon@2x.png, repositories git@host.
_NO_EMAIL = r"(?i)^git@|@\dx\.|\.(?:png|jpe?g|gif|svg|webp|css|js|py|html?)$"

_PHONE_WORDS = {
    "phone", "phones", "telephone", "tel", "mobile", "cell", "cellphone", "fax", "telefon",
    "handy", "mobil", "mobiltelefon", "telefonnummer", "handynummer", "rufnummer", "telefono",
    "teléfono", "celular", "móvil", "téléphone", "tél", "telefoon", "telefone", "cellulare",
    "whatsapp", "msisdn", "landline", "phonenumber", "telephonenumber", "mobilenumber",
}  # fmt: skip
_PHONE_TAIL = {
    "number",
    "no",
    "nr",
    "num",
    "home",
    "work",
    "office",
    "private",
    "primary",
    "1",
    "2",
}
# Decimal numbers and days are written with the same signs.
_OTHER = r"^\d+\.\d+$|^(?:19|20)\d\d[./-]\d\d?[./-]\d\d?$|^\d\d?[./-]\d\d?[./-](?:19|20)?\d\d$"
_PHONE_ANY = r"^\+?[\d\s().\-/]*\d(?:\s*(?:x|ext\.?)\s*\d{1,5})?$"
# E.164 country codes: one digit (1, 7), the two-digit ones, and the blocks of three digits.
_CODES = (
    r"(?:1|7|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|2[1-689]\d|3[578]\d|42\d|5[09]\d"
    r"|6[789]\d|8[0578]\d|9[679]\d)"
)
_ABROAD = rf"\+{_CODES}(?:[\s.\-/]?\(?\d{{1,5}}\)?){{2,6}}"
_SIGNED = r"(?:^|[\s(:,;])\+\d{5}"
_NANP_SHAPE = r"\(?\d{3}\)?[ .-]{1,2}\d{3}[ .-]\d{4}"
_NANP = (
    r"(?:\([2-9](?:[02-9]\d|1[02-9])\) ?-?|[2-9](?:[02-9]\d|1[02-9])[ .-])"
    r"[2-9](?:[02-9]\d|1[02-9])[ .-]\d{4}"
)
_NAMED_SHARE = 0.5
_NANP_RATE = (8 * 99 / 1000) ** 2  # of the ways to write ten digits
_PAIRS = r"0[1-9](?:[ .]\d{2}){4}"  # as in France
_TRUNK = r"\(?0[1-9]\d{1,4}\)?[ /]\d{2,4}(?: ?\d{2,4}){1,3}"
_TRUNK_TEXT = r"\(?0[1-9]\d{1,4}\)?(?:[ /-]?\d{2,8}){1,4}"
_SPOKEN = (
    r"(?i)\b(?:call|phone|ring|tel|telephone|mobile|mob|cell|fax|txt|text|sms|whatsapp|dial"
    r"|contact|hotline|helpline|landline|line|customer services?|cust(?:omer)? ?care|anruf\w*"
    r"|ruf\w*|telefon\w*|handy\w*|erreichbar"
    r"|mobil\w*|appel\w*|téléphon\w*|tél|portable|joindre|llam\w*|teléfono|móvil|celular|chiam\w*"
    r"|cellulare|bel|telefoon\w*|ligue|telefone)\b"
)

_IPV4 = r"(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?:25[0-5]|2[0-4]\d|1?\d?\d)){3}"
_DOTTED = r"\d{1,3}(?:\.\d{1,3}){3}"
_IPV6 = r"(?:[0-9A-Fa-f]{0,4}:){3,7}[0-9A-Fa-f]{0,4}"
_MAC = r"(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}|(?:[0-9A-Fa-f]{2}-){5}[0-9A-Fa-f]{2}"
_MAC_DOTS = r"(?:[0-9A-Fa-f]{4}\.){2}[0-9A-Fa-f]{4}"

_STREETS = (
    r"(?i)^\d{1,6}[a-z]?,?\s+(?:[\p{L}\d.'-]+\s+){0,5}(?:street|st|avenue|ave|road|rd|boulevard"
    r"|blvd|drive|dr|lane|ln|court|ct|place|pl|square|sq|highway|hwy|parkway|pkwy|way|terrace|ter"
    r"|circle|cir|crescent|close|trail|trl|route)\b",
    r"(?i)^\p{L}[\p{L}. -]*(?:straße|strasse|str\.|weg|platz|allee|gasse|damm|ufer|chaussee"
    r"|straat|laan|plein|gracht|kade|dijk|gatan|vägen)\s*\d{1,4}\s?[a-z]?(?:$|,|\s)",
    r"(?i)^(?:\d{1,4}\s*(?:bis|ter)?,?\s+)(?:rue|avenue|av\.|boulevard|bd|impasse|chemin|allée"
    r"|quai)\s+\p{L}",
    r"(?i)^(?:calle|c/|avda\.?|plaza|paseo|via|viale|piazza|corso|rua|avenida|travessa|ulica|ul\.)"
    r"\s+\p{L}[\p{L}.' -]*,?\s+(?:n\.?º?\s*)?\d{1,4}\b",
)
_STREET_WORDS = {
    "address", "street", "adresse", "strasse", "straße", "anschrift", "dirección", "direccion",
    "indirizzo", "endereço", "endereco", "adres", "addr", "rue", "calle", "via",
}  # fmt: skip
_NO_STREET = {
    "ip",
    "ipv4",
    "ipv6",
    "mac",
    "email",
    "mail",
    "e",
    "type",
    "id",
    "count",
    "web",
    "url",
}


def _bounded(pattern: str) -> str:
    return rf"(?:^|[^\w+.])(?:{pattern})(?:$|\.(?:$|\s)|[^\w.])"


def _some(values: pl.Series, hits: pl.Series, pattern: str) -> tuple[str, ...]:
    some = values.filter(hits).head(5).str.extract(f"({pattern})", 1)
    return tuple(some.drop_nulls().to_list())


def _whole(drawn: Drawn, hits: pl.Series, pattern: str) -> bool:
    """Say whether most of the values that were hit are nothing but what was found."""
    return average(drawn.values.filter(hits).str.contains(rf"^(?:{pattern})$")) >= 0.5


def emails(drawn: Drawn) -> Iterator[Finding]:
    """Yield e-mail addresses, alone or inside texts.

    Examples
    --------
    >>> from evermodel.data.personal.values import draw
    >>> [one.kind for one in emails(draw(pl.Series("a", ["ask ada@example.org", "icon@2x.png"])))]
    ['email']
    """
    values = drawn.values
    hits = values.str.contains(_EMAIL)
    if not hits.any():
        return
    hits = hits & ~values.str.extract(f"({_EMAIL})", 1).str.contains(_NO_EMAIL).fill_null(True)
    if hits.any():
        yield Finding(
            kind="email",
            said="e-mail addresses",
            hits=hits,
            found=_some(values, hits, _EMAIL),
            within=not _whole(drawn, hits, _EMAIL),
        )


def phones(drawn: Drawn) -> Iterator[Finding]:
    """Yield telephone numbers: by their international writing, by name, by a country's writing.

    Examples
    --------
    >>> from evermodel.data.personal.values import draw
    >>> [one.kind for one in phones(draw(pl.Series("phone", ["2053258100", "2565938310"])))]
    ['phone']
    """
    if not (drawn.digits >= 7).any():
        return
    hits, pattern = _named(drawn), _PHONE_ANY
    needed = _NAMED_SHARE
    if hits is None and drawn.written:
        hits, pattern, needed = _national(drawn)
    if hits is not None:
        named = pattern == _PHONE_ANY
        yield Finding(
            kind="phone",
            said="telephone numbers",
            hits=hits,
            found=_some(drawn.values, hits, pattern.strip("^$")),
            basis="name and form" if named else "form",
            needed=needed,
        )
        return
    if drawn.written:
        yield from _spoken(drawn)


def _named(drawn: Drawn) -> pl.Series | None:
    """Return which values of a column named after telephones are numbers of a fitting length."""
    named = drawn.words & _PHONE_WORDS
    if not named:
        return None
    digits = drawn.digits
    hits = drawn.values.str.contains(_PHONE_ANY) & digits.is_between(7, 15)
    hits = hits & ~drawn.values.str.contains(_OTHER)
    plain = drawn.values.str.contains(r"^\d+$")
    if average(plain) >= 0.5:
        # Amounts may bear the word as well; numbers to dial have one or two lengths.
        lengths = digits.filter(plain).value_counts(sort=True).get_column("count")
        if int(lengths.head(2).sum()) < 0.8 * int(lengths.sum()):
            return None
        if not _last_word_fits(drawn.name):
            return None
    return hits if average(hits) >= _NAMED_SHARE else None


def _last_word_fits(name: str) -> bool:
    last = re.split(r"[^0-9a-zà-ÿ]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower().strip())
    return (last[-1].rstrip("0123456789") or last[-1]) in _PHONE_WORDS | _PHONE_TAIL


def _national(drawn: Drawn) -> tuple[pl.Series | None, str, float]:
    """Return which values a country writes so, how, and the share of them that had to be."""
    values, digits = drawn.values, drawn.digits
    shaped = values.str.contains(rf"^(?:1[ .-])?{_NANP_SHAPE}$")
    if shaped.sum() >= 0.5 * drawn.n:
        hits = values.str.contains(rf"^(?:1[ .-])?{_NANP}$")
        tried, right = int(shaped.sum()), int(hits.sum())
        bracketed = int(values.str.contains(r"^\(\d{3}\)").sum()) >= 0.5 * tried
        certain = by_chance(right, tried, _NANP_RATE) <= CERTAIN or (bracketed and tried >= 3)
        if right >= 0.9 * tried and certain:
            return hits, _NANP, 0.9 * tried / drawn.n
    pairs = values.str.contains(rf"^{_PAIRS}$")
    if drawn.n >= 5 and pairs.sum() >= 0.8 * drawn.n:
        return pairs, _PAIRS, 0.8
    trunk = values.str.contains(rf"^{_TRUNK}$") & digits.is_between(9, 12)
    if drawn.n >= 20 and trunk.sum() >= 0.9 * drawn.n:
        return trunk, _TRUNK, 0.9
    return None, "", 0.0


def _spoken(drawn: Drawn) -> Iterator[Finding]:
    values = drawn.values
    hits = _abroad(values) | _at_home(drawn)
    if hits.any():
        anyone = rf"{_ABROAD}|{_NANP}|{_TRUNK_TEXT}"
        yield Finding(
            kind="phone",
            said="telephone numbers",
            hits=hits,
            found=_some(values, hits, anyone),
            within=not _whole(drawn, hits, anyone),
        )


def _none(values: pl.Series) -> pl.Series:
    return pl.Series([False]).new_from_index(0, values.len())


def _abroad(values: pl.Series) -> pl.Series:
    """Return which values hold a number with + and a country code (E.164, E.123)."""
    signed = values.str.contains(_SIGNED)
    if not signed.any() and not values.str.contains(r"\+\d").any():
        return _none(values)
    token = values.str.extract(rf"(?:^|[^\w+.])({_ABROAD})(?:$|[^\d.]|\.(?:$|\s))", 1)
    size = token.str.count_matches(r"\d")
    dots = token.str.count_matches(r"\.")
    # Places on a map and decimal numbers have one point, or a point and another sign.
    mixed = (dots == 1) | ((dots > 0) & token.str.contains("-"))
    # A number with a sign may be an amount: without any break it must be as long as numbers are.
    bare = values.str.contains(r"^\+\d+$") & (size < 10)
    found = (size.is_between(9, 15) & ~mixed & ~bare).fill_null(value=False)
    amounts = values.str.contains(r"^-[\d.]+$").any()
    few = int(found.sum()) < 0.5 * int((signed | found).sum())
    return _none(values) if amounts or few else found


def _at_home(drawn: Drawn) -> pl.Series:
    """Return which texts hold a number without a country code and a word for calling."""
    values = drawn.values
    near = drawn.texts & (drawn.digits >= 9)
    if near.any():
        near = near & values.str.contains(_SPOKEN)
    if not near.any():
        return near
    plain = values.str.contains(rf"(?:^|[^\w.+-]){_NANP}(?:$|[^\w-])")
    trunk = values.str.extract(rf"(?:^|[^\w.+-])({_TRUNK_TEXT})(?:$|[^\d-])", 1)
    long = trunk.str.count_matches(r"\d").is_between(10, 11).fill_null(value=False)
    return near & (plain | long)


def devices(drawn: Drawn) -> Iterator[Finding]:
    """Yield IP and MAC addresses; versions and rows of small numbers are none.

    Examples
    --------
    >>> from evermodel.data.personal.values import draw
    >>> [one.kind for one in devices(draw(pl.Series("a", ["192.0.2.17", "198.51.100.4"])))]
    ['ip_address']
    """
    values = drawn.values
    hits = _ipv4(drawn) | _ipv6(values)
    if hits.any():
        yield Finding(
            kind="ip_address",
            said="IP addresses",
            hits=hits,
            found=_some(values, hits, f"{_IPV4}|{_IPV6}"),
            within=not _whole(drawn, hits, f"{_IPV4}|{_IPV6}"),
        )
    if not values.str.contains(r"(?:[0-9A-Fa-f]{2}[:.-].*){2}").any():
        return
    mac = values.str.contains(rf"(?:^|[^\w:.-])(?:{_MAC})(?:$|[^\w:-])") | values.str.contains(
        rf"^{_MAC_DOTS}$"
    )
    if mac.any():
        # Six pairs of digits may be a lottery's; of hardware addresses 99.6 % hold a letter.
        token = values.filter(mac).str.extract(f"({_MAC}|{_MAC_DOTS})", 1)
        if average(token.str.contains("[A-Fa-f]")) >= 0.8:
            yield Finding(
                kind="mac_address",
                said="hardware addresses of devices (MAC)",
                hits=mac,
                found=_some(values, mac, f"{_MAC}|{_MAC_DOTS}"),
                within=not _whole(drawn, mac, f"{_MAC}|{_MAC_DOTS}"),
            )


def _ipv4(drawn: Drawn) -> pl.Series:
    values = drawn.values
    none = _none(values)
    if drawn.words & {"version", "versions", "release", "oid", "build", "firmware"}:
        return none
    dotted = values.str.contains(_bounded(_DOTTED))
    if not dotted.any():
        return none
    hits = values.str.contains(_bounded(_IPV4)) & ~values.str.contains(r"(?i)\bv(?:ersion)?\.? ?\d")
    token = values.filter(hits).str.extract(f"({_IPV4})", 1)
    # Of random addresses all but one in 256 hold a part of 64 or more; versions hardly ever do.
    large = average(token.str.contains(r"(?:^|\.)(?:6[4-9]|[7-9]\d|\d{3})(?:\.|$)"))
    good = int(hits.sum()) >= 0.9 * int(dotted.sum()) and large >= 0.5
    return hits if good else none


def _ipv6(values: pl.Series) -> pl.Series:
    if not values.str.contains(r":.*:.*:").any():
        return _none(values)
    shaped = values.str.contains(rf"(?:^|[^\w:])(?:{_IPV6})(?:$|[^\w:])")
    token = values.str.extract(rf"(?:^|[^\w:])({_IPV6})(?:$|[^\w:])", 1)

    def valid(text: str | None) -> bool:
        if text is None or len(re.findall("[0-9A-Fa-f]", text)) < 6:
            return False
        try:
            IPv6Address(text)
        except ValueError:
            return False
        return True

    known = {text: valid(text) for text in token.filter(shaped).unique().to_list()}
    return pl.Series([known.get(text, False) for text in token.to_list()], dtype=pl.Boolean)


def addresses(drawn: Drawn) -> Iterator[Finding]:
    """Yield streets with house numbers, as some European languages and English write them.

    Examples
    --------
    >>> from evermodel.data.personal.values import draw
    >>> held = draw(pl.Series("address", ["12 High Street", "7 Mill Lane", "Hauptstraße 5"]))
    >>> [one.kind for one in addresses(held)]
    ['postal_address']
    """
    named = bool(drawn.words & _STREET_WORDS) and not drawn.words & _NO_STREET
    enough = max(3, 0.2 * drawn.n) if named else max(10, 0.5 * drawn.n)
    # A street has a name and a number.
    if int((drawn.texts & (drawn.digits > 0)).sum()) < enough:
        return
    hits = _none(drawn.values)
    for pattern in _STREETS:
        hits = hits | drawn.values.str.contains(pattern)
    if int(hits.sum()) >= enough:
        yield Finding(
            kind="postal_address",
            said="streets with house numbers",
            hits=hits,
            found=tuple(drawn.values.filter(hits).head(5).to_list()),
            basis="name and form" if named else "form",
            needed=enough / drawn.n,
        )
