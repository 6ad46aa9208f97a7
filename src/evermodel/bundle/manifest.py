"""The manifest of a bundle, `bundle.json`: format version 1."""

from __future__ import annotations

import hashlib
from typing import Any, Literal

import msgspec

from evermodel.records import Task

__all__ = [
    "FILE_NAME",
    "FORMAT_VERSION",
    "DateOrder",
    "Input",
    "Manifest",
    "Part",
    "Repair",
    "Step",
    "canonical",
    "manifest_digest",
]

FILE_NAME = "bundle.json"
FORMAT_VERSION = 1
DateOrder = Literal["", "year first", "day first", "month first"]


class Repair(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is done to a raw value before it is read: `strip`, then `map`, then `missing`.

    `decimal` and `thousands` are the marks of numbers that come as text, `sign` the currency or
    percent sign that may stand at them; `padded` says that blanks around words mean nothing.
    `dates` is the order in which times are written; "" reads ISO 8601 alone. Years of two digits
    are those of the hundred years from `first_year`; `serials` says that a number of five digits is
    a day as spreadsheets count them.
    """

    strip: str = ""
    map: dict[str, str] = msgspec.field(default_factory=dict)
    missing: tuple[str, ...] = ()
    decimal: Literal[".", ","] = "."
    thousands: str = ""
    padded: bool = False
    sign: str = ""
    dates: DateOrder = ""
    # Of the format, not of the reader, whose default is 1969 and is written out: bundles that lack
    # it were made with 1970, so this never changes.
    first_year: int = 1970
    serials: bool = False


class Input(msgspec.Struct, frozen=True, kw_only=True):
    """One raw column that the graph reads.

    `low`, `high` and `values` describe the training rows (for the gate), never one person's.
    `repair` is None only in bundles that were made before repairs were written into them.
    """

    name: str
    type: Literal["number", "boolean", "category", "timestamp"]
    missing: tuple[str, ...] = ()
    source: Literal["request", "view", "derived"] = "request"
    low: float | None = None
    high: float | None = None
    values: tuple[str, ...] | None = None
    repair: Repair | None = None


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One file of the bundle. A reader refuses a required part whose role it does not know."""

    role: str
    path: str
    sha256: str
    media_type: str
    private: bool = False
    required: bool = False


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One call in the run of the bundle, so that a cascade or a text model fits later."""

    part: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    when: str = ""


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What the bundle is, what it reads, what it answers, and who signed it."""

    format_version: int = FORMAT_VERSION
    kind: Literal["tabular"] = "tabular"
    project: str
    version: int | None = None
    task: Task
    target: str
    inputs: tuple[Input, ...]
    keys: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    positive: str = ""
    threshold: float | None = None
    parts: tuple[Part, ...] = ()
    steps: tuple[Step, ...] = ()
    metrics: dict[str, float] = msgspec.field(default_factory=dict)
    training: dict[str, Any] = msgspec.field(default_factory=dict)
    created: str = ""
    run: str = ""
    data: str = ""
    key_id: str = ""
    signature: str = ""

    def part(self, role: str) -> Part | None:
        """Return the part with that role, or None."""
        return next((part for part in self.parts if part.role == role), None)


def canonical(manifest: Manifest) -> bytes:
    """Return the bytes that are signed: the manifest without its signature, keys in order."""
    unsigned = msgspec.structs.replace(manifest, signature="")
    return msgspec.json.encode(unsigned, order="sorted")


def manifest_digest(manifest: Manifest) -> str:
    """Return the bundle's digest: it covers every part through the parts' own digests."""
    unnamed = msgspec.structs.replace(manifest, signature="", key_id="")
    return hashlib.sha256(msgspec.json.encode(unnamed, order="deterministic")).hexdigest()
