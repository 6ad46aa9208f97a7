"""Every error that Evermodel raises on purpose, in one tree.

::

    EvermodelError                 exit code 3
    ├── InputError             2   a file, a flag or a value of the user's is wrong
    │   ├── ProjectError       2   evermodel.toml, with every mistake and its line
    │   ├── DataError          2   a data file or a column in it
    │   └── RequestError       2   one request to a served model (HTTP 4xx)
    ├── SurroundingsError      2   the machine says no: port in use, disk full, server silent
    │   └── MissingExtraError  2   an optional part of Evermodel is not installed
    ├── BundleError            2   a bundle is altered, unsigned, refused or of an unknown format
    ├── NotFoundError          2   a version, job or event that does not exist
    └── BusyError              2   another process holds the lease

A check or a gate that says no is not an error: it is a verdict in a report, and exit code 1.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches

__all__ = [
    "BundleError",
    "BusyError",
    "DataError",
    "EvermodelError",
    "InputError",
    "MissingExtraError",
    "Mistake",
    "NotFoundError",
    "ProjectError",
    "RequestError",
    "SurroundingsError",
    "masked",
    "nearest",
]


class EvermodelError(Exception):
    """Base of the tree: says what happened, where, what was found and what to try.

    Parameters
    ----------
    what : str
        What happened, as one sentence without a full stop.
    where : str
        File, line, column, field or address.
    found : str
        What was there instead of what was expected.
    hint : str
        What to try next.

    Examples
    --------
    >>> print(DataError("the file is empty", where="orders.csv", hint="export it again"))
    the file is empty
      where: orders.csv
      try:   export it again
    """

    exit_code = 3

    def __init__(self, what: str, *, where: str = "", found: str = "", hint: str = "") -> None:
        # An address may come from anywhere: its password is hidden here, once for all.
        self.what = masked(what)
        self.where = masked(where)
        self.found = masked(found)
        self.hint = masked(hint)
        super().__init__(self.what, self.where, self.found, self.hint)

    def __str__(self) -> str:
        rows = (("where: ", self.where), ("found: ", self.found), ("try:   ", self.hint))
        return "\n".join([self.what, *(f"  {label}{text}" for label, text in rows if text)])


class InputError(EvermodelError):
    """A file, a flag or a value that the user gave is wrong."""

    exit_code = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """One mistake in a project file: line and column count from 1, 0 where there is none."""

    what: str
    line: int = 0
    column: int = 0
    found: str = ""
    hint: str = ""

    def place(self, path: str) -> str:
        """Return where in the file at `path` it is."""
        return f"{path}:{self.line}:{self.column}" if self.line else path

    def told(self) -> str:
        """Return what is wrong, what was found and what to try, in one line."""
        found = f" (found {self.found})" if self.found else ""
        return f"{self.what}{found}" + (f"; {self.hint}" if self.hint else "")


class ProjectError(InputError):
    """A project file with one or more mistakes; all of them are in `mistakes`."""

    def __init__(self, path: str, mistakes: Iterable[Mistake]) -> None:
        self.path = path
        self.mistakes = tuple(mistakes)
        only = self.mistakes[0] if len(self.mistakes) == 1 else None
        self._of_the_whole = only is not None and not only.line
        if only is not None and not only.line:
            super().__init__(only.what, where=path, found=only.found, hint=only.hint)
        else:
            many = "" if len(self.mistakes) == 1 else "s"
            super().__init__(f"{len(self.mistakes)} mistake{many} in the project file", where=path)

    def __str__(self) -> str:
        if self._of_the_whole:
            return super().__str__()
        rows = [f"  {each.place(self.path)}: {each.told()}" for each in self.mistakes]
        return "\n".join([self.what, *rows])


class DataError(InputError):
    """A data file or a column in it cannot be used as asked."""


class RequestError(InputError):
    """One request to a served model is wrong; `status` is the HTTP status to answer with."""

    def __init__(
        self, what: str, *, where: str = "", found: str = "", hint: str = "", status: int = 422
    ) -> None:
        self.status = status
        super().__init__(what, where=where, found=found, hint=hint)


class SurroundingsError(EvermodelError):
    """The machine or a server around Evermodel says no: port, disk, network, permission."""

    exit_code = 2


class MissingExtraError(SurroundingsError):
    """An optional part of Evermodel is needed and not installed.

    Examples
    --------
    >>> print(MissingExtraError("evermodel train", "loop"))
    evermodel train needs a part of Evermodel that is not installed
      try:   pip install 'evermodel[loop]'
    """

    def __init__(self, needed_by: str, extra: str, *, found: str = "") -> None:
        self.extra = extra
        super().__init__(
            f"{needed_by} needs a part of Evermodel that is not installed",
            found=found,
            hint=f"pip install 'evermodel[{extra}]'",
        )


class BundleError(EvermodelError):
    """A bundle is altered, unsigned, wrongly signed, refused or of an unknown format."""

    exit_code = 2


class NotFoundError(EvermodelError):
    """A version, job, event or project that was asked for does not exist."""

    exit_code = 2


class BusyError(EvermodelError):
    """Another process holds the lease on the same work."""

    exit_code = 2


_LOGIN = re.compile(r"([\w+.-]*)://[^/\s:]*:")
_KEYS = (
    r"(?i)([?&](?:[\w.-]*(?:password|passwd|passphrase|pwd|token|secret|signature"
    r"|(?:access|account|api|private|secret)[_-]?key)|pass|sig)=)([^&#{blank}]+)"
)
_AMONG_WORDS, _ALONE = (re.compile(_KEYS.format(blank=blank)) for blank in (r"\s", ""))
_BLANK = re.compile(r"\s|$")
_IS_ADDRESS = re.compile(r"[\w+.-]+://")
_PORT = re.compile(r"\d+(?:[/?#\s]|$)")
_WEB = ("http", "https", "ws", "wss", "ftp")
_VARIABLE = re.compile(r"\$\{\w+\}")


def masked(text: str) -> str:
    """Return text with the passwords and access tokens of all addresses in it as ``***``.

    A password may hold any signs: it ends at the last @ of its word, or of the text where that
    begins with the address. In an address of the web, "host:8000/..." is a port and no password.
    Variables of the environment are no secret and stay as they are written.

    Examples
    --------
    >>> masked("postgresql://me:secret@db/shop?table=orders")
    'postgresql://me:***@db/shop?table=orders'
    >>> masked("no answer from mysql://me:p@ss?word@db")
    'no answer from mysql://me:***@db'
    >>> masked("https://shop.example/orders.csv?access_token=secret&year=2026")
    'https://shop.example/orders.csv?access_token=***&year=2026'
    >>> masked("postgresql://me:${SHOP_PASSWORD}@db/shop")
    'postgresql://me:${SHOP_PASSWORD}@db/shop'
    """
    if "://" not in text:
        return text
    alone = _IS_ADDRESS.match(text) is not None
    hidden = "".join(_without_logins(text, alone=alone))
    return (_ALONE if alone else _AMONG_WORDS).sub(_hide_value, hidden)


def _without_logins(text: str, *, alone: bool) -> Iterator[str]:
    """Yield the parts of a text, each password as ``***``.

    A password may hold any sign, an @ too: it reaches up to the last one, which hides too much of
    an address with another @ behind the host rather than too little.
    """
    begin = 0
    while found := _LOGIN.search(text, begin):
        blank = _BLANK.search(text, found.end())
        end = len(text) if alone or blank is None else blank.start()
        at = text.rfind("@", found.end(), end)
        # Behind a port a slash ends the authority of a web address: no client sees a password.
        port = found[1].lower() in _WEB and _PORT.match(text, found.end())
        yield text[begin : found.end()]
        begin = found.end()
        if at > begin and not port:
            password = text[begin:at]
            yield password if _VARIABLE.fullmatch(password) else "***"
            begin = at
    yield text[begin:]


def _hide_value(found: re.Match[str]) -> str:
    return found[0] if _VARIABLE.fullmatch(found[2]) else f"{found[1]}***"


def nearest(word: str, words: Iterable[str]) -> str:
    """Return the valid word nearest to `word`, or "" when none is near.

    Examples
    --------
    >>> nearest("targt", ["target", "task"])
    'target'
    """
    near = get_close_matches(word, list(words), n=1, cutoff=0.6)
    return near[0] if near else ""
