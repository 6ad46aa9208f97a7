"""Addresses as they are written, and with what the environment knows of them."""

from __future__ import annotations

import os
import re
from urllib.parse import quote, unquote, urlsplit

from evermodel.errors import DataError, masked

__all__ = ["expanded", "hidden"]

_VARIABLE = re.compile(r"\$\{(\w+)\}")


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
    secrets = {os.environ.get(name, "") for name in _VARIABLE.findall(address)}
    for form in (address, _VARIABLE.sub(lambda found: os.environ.get(found[1], ""), address)):
        try:
            secrets.add(unquote(urlsplit(form).password or ""))
        except ValueError:
            continue
    for secret in sorted(secrets - {""}, key=len, reverse=True):
        text = text.replace(secret, "***").replace(quote(secret, safe=""), "***")
    return masked(text)
