"""The hash chain of the ledger: how an event is written down, sealed and looked at again.

The hash of an event is the SHA-256 of `evermodel.event/1`, a line feed and the event as JSON with
sorted keys and no spaces: every field but `hash` and `signature`, the previous event's hash among
them. The signature (Ed25519) covers `evermodel.event/1`, a line feed and the hash; it is kept as
`key id:hex`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Protocol

import msgspec

from evermodel.errors import InputError
from evermodel.records import Event
from evermodel.store.keys import verify

__all__ = ["GENESIS", "Findings", "Row", "Signer", "canonical", "event_of", "inspect", "seal"]

GENESIS = "0" * 64
"""The "previous hash" of the first event."""

_PREFIX = b"evermodel.event/1\n"

Row = tuple[int, str, str, str, str, str, str, str, str]
"""seq, time, project, kind, actor, body as JSON text, previous, hash, signature."""


class Signer(Protocol):
    """What signs events: `Keys` does."""

    @property
    def key_id(self) -> str:
        """The short name of the key."""
        ...

    def sign(self, data: bytes) -> bytes:
        """Return the signature of `data`."""
        ...


def canonical(value: Any) -> str:
    """Return JSON with sorted keys and no spaces; records become objects, NaN becomes null.

    Raises
    ------
    InputError
        When something in `value` has no form in JSON.

    Examples
    --------
    >>> canonical({"b": 1.5, "a": (True, None)})
    '{"a":[true,null],"b":1.5}'
    """
    try:
        plain = msgspec.to_builtins(value, str_keys=True)
        text = msgspec.json.encode(plain, order="deterministic").decode()
        msgspec.json.decode(text)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        what = "an event holds something that cannot be written as JSON"
        raise InputError(what, where="body of the event", found=str(error)) from error
    return text


def _hash(fields: Mapping[str, Any]) -> str:
    return hashlib.sha256(_PREFIX + canonical(fields).encode()).hexdigest()


def seal(
    seq: int,
    time: str,
    project: str,
    kind: str,
    actor: str,
    body: Mapping[str, Any],
    previous: str,
    signer: Signer | None,
) -> Row:
    """Return one event as a row, hashed, and signed where there is a signer.

    Examples
    --------
    >>> row = seal(1, "2026-01-01T00:00:00Z", "churn", "trained", "me", {}, GENESIS, None)
    >>> inspect([row], None).last == row[7]
    True
    """
    # What is hashed is what will be read back: tuples are lists by then, and NaN is null.
    text = canonical(body)
    fields = _fields(seq, time, project, kind, actor, msgspec.json.decode(text), previous)
    found = _hash(fields)
    signature = ""
    if signer is not None:
        signature = f"{signer.key_id}:{signer.sign(_PREFIX + found.encode()).hex()}"
    return (seq, time, project, kind, actor, text, previous, found, signature)


def _fields(
    seq: int, time: str, project: str, kind: str, actor: str, body: Any, previous: str
) -> dict[str, Any]:
    return {
        "seq": seq,
        "time": time,
        "project": project,
        "kind": kind,
        "actor": actor,
        "body": body,
        "previous": previous,
    }


def event_of(row: Row) -> Event:
    """Return the record of a row."""
    seq, time, project, kind, actor, body, previous, found, signature = row
    return Event(
        seq=seq,
        time=time,
        project=project,
        kind=kind,
        actor=actor,
        body=msgspec.json.decode(body),
        previous=previous,
        hash=found,
        signature=signature,
    )


class Findings(NamedTuple):
    """What a look at a chain found; a seq of 0 says that nothing is wrong."""

    events: int
    last: str
    hashes: dict[int, str]
    broken: int = 0
    broken_why: str = ""
    unsigned: int = 0
    unsigned_why: str = ""


def inspect(
    rows: Iterable[Row],
    trusted: Mapping[str, bytes] | None,
    *,
    after: int = 0,
    previous: str = GENESIS,
) -> Findings:
    """Return the first event that breaks the chain and the first without a trusted signature.

    Parameters
    ----------
    rows : iterable of Row
        The events in order of seq, beginning with the one after `after`, whose hash is `previous`.
    trusted : mapping or None
        Raw public keys by key id; None when the chain is not signed.
    """
    broken, broken_why, unsigned, unsigned_why = 0, "", 0, ""
    hashes: dict[int, str] = {}
    for row in rows:
        seq = row[0]
        why = _broken(row, after + 1, previous)
        if why and not broken:
            # A gap is named by the event that is not there.
            broken, broken_why = min(seq, after + 1) if isinstance(seq, int) else after + 1, why
        why = "" if trusted is None else _unsigned(row, trusted)
        if why and not unsigned:
            unsigned, unsigned_why = seq, why
        after, previous = seq, row[7]
        hashes[seq] = previous
    return Findings(len(hashes), previous, hashes, broken, broken_why, unsigned, unsigned_why)


def _broken(row: Row, expected: int, previous: str) -> str:
    seq = row[0]
    if type(seq) is not int or not all(isinstance(field, str) for field in row[1:]):
        return f"event {seq} holds a field of another type than was written"
    if seq > expected:
        gone = (
            f"event {expected} is" if seq == expected + 1 else f"events {expected} to {seq - 1} are"
        )
        return f"{gone} missing"
    if seq < expected:
        return f"event {seq} is out of order"
    try:
        body = msgspec.json.decode(row[5])
        if canonical(body) != row[5]:
            return f"the body of event {seq} was altered"
        found = _hash(_fields(*row[:5], body, row[6]))
    except (msgspec.DecodeError, InputError, UnicodeError):
        return f"the body of event {seq} was altered"
    if found != row[7]:
        return f"event {seq} was altered after it was written"
    if row[6] != previous:
        return f"event {seq} does not follow the event before it"
    return ""


def _unsigned(row: Row, trusted: Mapping[str, bytes]) -> str:
    key, _, hexed = str(row[8]).partition(":")
    public = trusted.get(key)
    if public is None:
        return f"event {row[0]} is not signed by a trusted key"
    try:
        signature = bytes.fromhex(hexed)
    except ValueError:
        signature = b""
    # The same bytes in another spelling would be an alteration that nobody sees.
    if signature.hex() != hexed or not verify(public, signature, _PREFIX + str(row[7]).encode()):
        return f"the signature of event {row[0]} does not fit it"
    return ""
