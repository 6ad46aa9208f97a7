"""What a model is made with: Evermodel's own source, the interpreter, and every package."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping
from functools import cache
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import msgspec

from evermodel.protocols import Blobs

__all__ = ["changed_packages", "changed_since", "code_digest", "environment_digest", "packages"]


@cache
def code_digest() -> str:
    """Return a digest of Evermodel's own source as it runs; read once, as it was imported once."""
    home = Path(__file__).resolve().parents[1]
    total = hashlib.sha256()
    for path in sorted(home.rglob("*.py")):
        total.update(path.relative_to(home).as_posix().encode())
        total.update(path.read_bytes())
    return total.hexdigest()


@cache
def environment_digest() -> str:
    """Return a digest of the interpreter and of every installed distribution's version."""
    lines = [f"{name}=={version}" for name, version in packages().items()]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


@cache
def packages() -> dict[str, str]:
    """Return the versions of the interpreter ("python") and of every installed distribution."""
    found = {d.metadata["Name"].lower(): d.version for d in distributions()}
    return {"python": sys.version.split()[0], **dict(sorted(found.items()))}


def changed_packages(then: Mapping[str, str], now: Mapping[str, str]) -> list[dict[str, str]]:
    """Return what differs between two lists of packages: name, then, now; "" where it is not there.

    Examples
    --------
    >>> changed_packages({"numpy": "2.1", "old": "1"}, {"numpy": "2.2"})
    [{'name': 'numpy', 'then': '2.1', 'now': '2.2'}, {'name': 'old', 'then': '1', 'now': ''}]
    """
    return [
        {"name": name, "then": then.get(name, ""), "now": now.get(name, "")}
        for name in sorted({*then, *now})
        if then.get(name) != now.get(name)
    ]


def changed_since(blobs: Blobs, trained: Mapping[str, Any]) -> list[dict[str, str]] | None:
    """Return the packages that differ since a training; None where they were not written down."""
    if "packages" not in trained:
        return None
    content = blobs.path(trained["packages"]).read_bytes()
    return changed_packages(msgspec.json.decode(content, type=dict[str, str]), packages())
