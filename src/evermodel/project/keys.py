"""Names as they are written in the project file."""

from __future__ import annotations

import json
import re

__all__ = ["key_of"]


def key_of(name: str) -> str:
    """Return a column's name as a key of the project file, in quotes where it needs them.

    Examples
    --------
    >>> key_of("age"), key_of("price €")
    ('age', '"price €"')
    """
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(name, ensure_ascii=False)
