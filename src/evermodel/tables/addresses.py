"""Addresses as they are written, and with what the environment knows of them."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote, unquote, urlencode

from evermodel.errors import DataError, masked

__all__ = ["Address", "expanded", "hidden", "parsed"]

_VARIABLE = re.compile(r"\$\{(\w+)\}")
_TABLE = re.compile(r"[?&#](?:table|query)=")
_HOST_ALONE = re.compile(r"[^/:@?#]*[/?#]")
_PLACE = re.compile(r"(?s)([^/?#]*)([^?#]*)(?:\?([^#]*))?(?:#(.*))?")
_SHORTEST_PIECE = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """The parts of the address of a table in a database; `user` and `password` are decoded.

    `written` is the password as it stands in the address.
    """

    scheme: str
    user: str = ""
    password: str | None = None
    written: str = ""
    host: str = ""
    path: str = ""
    options: dict[str, str] = field(default_factory=dict)
    table: str = ""
    query: str = ""

    @property
    def where(self) -> str:
        """The address as it may be shown: without user, password, port and options."""
        host = re.sub(r":\d*$", "", self.host).lower()
        return f"{self.scheme}://{host}{self.path}"

    def url(self, scheme: str) -> str:
        """Return the address of the database alone, every sign of user and password encoded."""
        user = quote(self.user, safe="")
        if self.password is not None:
            user += f":{quote(self.password, safe='')}"
        rest = f"?{urlencode(self.options)}" if self.options else ""
        return f"{scheme}://{user + '@' if user else ''}{self.host}{self.path}{rest}"


def parsed(address: str) -> Address:
    """Return the parts of an address, whatever signs its password holds.

    A password reaches up to the last @ before the name of the table or the query; an @ in the name
    of a database behind a port is to be encoded. As in the
    addresses of SQLAlchemy, signs may be encoded (%40) and need not be.

    Examples
    --------
    >>> found = parsed("postgresql://me:p@ss?word@db:5432/shop?table=orders")
    >>> found.password, found.host, found.path, found.table
    ('p@ss?word', 'db:5432', '/shop', 'orders')
    >>> found.where
    'postgresql://db/shop'
    >>> parsed("duckdb:///a@b.duckdb#query=select 1").query
    'select 1'
    """
    scheme, _, rest = address.partition("://")
    *_, named = (None, *_TABLE.finditer(rest))
    at = rest.rfind("@", 0, named.start() if named else len(rest))
    if rest.startswith("/") or _HOST_ALONE.match(rest[: at + 1]):
        at = -1  # an @ in a path
    login, place = rest[: max(at, 0)], rest[at + 1 :]
    user, colon, password = login.partition(":")
    found = _PLACE.fullmatch(place)
    assert found is not None  # noqa: S101 - it fits any text
    host, path, options, fragment = (part or "" for part in found.groups())
    told = dict(parse_qsl(options, keep_blank_values=True))
    below = dict([fragment.split("=", 1)]) if "=" in fragment else {}
    return Address(
        scheme=scheme,
        user=unquote(user),
        password=unquote(password) if colon else None,
        written=password,
        host=host,
        path=path,
        table=told.pop("table", "") or unquote(below.get("table", "")),
        query=told.pop("query", "") or unquote(below.get("query", "")),
        options=told,
    )


def expanded(address: str) -> str:
    """Return an address with each ``${NAME}`` replaced from the environment.

    Before an @, where user and password stand, signs that would mean something in an address are
    encoded: a password is given as it is. The result is for connecting alone, never for showing.

    Raises
    ------
    DataError
        When a variable is not set.

    Examples
    --------
    >>> os.environ["SHOP_PASSWORD"] = "p@ss/word"
    >>> expanded("postgresql://me:${SHOP_PASSWORD}@db/shop?table=orders")
    'postgresql://me:p%40ss%2Fword@db/shop?table=orders'
    """
    begin, end = address.find("://"), address.rfind("@")

    def value(found: re.Match[str]) -> str:
        name = found[1]
        if name not in os.environ:
            raise DataError(
                f"the environment variable {name} is not set",
                where=masked(address),
                hint=f"set it, such as export {name}=...",
            )
        inside = 0 <= begin < found.start() < end
        return quote(os.environ[name], safe="") if inside else os.environ[name]

    return _VARIABLE.sub(value, address)


def hidden(text: str, address: str) -> str:
    """Return what somebody else said of an address, without what the address keeps secret.

    Parameters
    ----------
    text : str
        Such as the message of a database driver.
    address : str
        As it is written, with its variables.

    Examples
    --------
    >>> hidden("no such user me with pw", "postgresql://me:pw@db/shop")
    'no such user me with ***'
    """
    variables = _VARIABLE.findall(address)
    secrets = {os.environ.get(name, "") for name in variables}
    for form in (address, _VARIABLE.sub(lambda found: os.environ.get(found[1], ""), address)):
        found = parsed(form)
        for password in (found.password or "", found.written):
            # A driver that divides the address otherwise quotes a piece of it.
            pieces = re.split(r"[/:@?#\s]", password)
            secrets |= {password, *(piece for piece in pieces if len(piece) >= _SHORTEST_PIECE)}
    for secret in sorted(secrets - {""}, key=len, reverse=True):
        for form in (secret, quote(secret, safe=""), repr(secret)[1:-1]):
            text = text.replace(form, "***")
    return masked(text)
