"""How much memory is left, so that a table too large for it is refused and no program killed."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import polars as pl

from evermodel.errors import DataError

__all__ = ["left", "require_room", "size_of", "too_large"]

_MUCH, _MARGIN = 1 << 30, 1 << 29
_GROUP = Path("/sys/fs/cgroup")
_HINT = "take a part of its rows; `evermodel data profile` and `score` read tables of any size"


def left() -> int:
    """Return how many bytes this process may still take; very many where nothing says so.

    Examples
    --------
    >>> left() > 0
    True
    """
    return min(_of_machine(), _of_process(), _of_group())


def require_room(held: int, *, where: str, more: int = 0) -> None:
    """Raise `DataError` when a table of which so much is in memory has no room for the rest.

    `more` is what the next step takes beyond the room that any needs.

    Examples
    --------
    >>> require_room(1_000, where="small.csv")
    """
    if held > _MUCH and left() < _MARGIN + more:
        raise too_large(held, where=where)


def size_of(frame: pl.DataFrame) -> int:
    """Return about how many bytes a table takes.

    Examples
    --------
    >>> size_of(pl.DataFrame({"a": ["x"] * 1_000})) >= 16_000
    True
    """
    # The engine counts letters of a text, and not the 16 bytes that stand for it in any case.
    texts = sum(kind == pl.String for kind in frame.dtypes)
    return int(frame.estimated_size()) + 16 * texts * frame.height


def too_large(held: int, *, where: str) -> DataError:
    """Return what to say of a table that is larger than the memory, of which so much is there.

    Examples
    --------
    >>> too_large(3 << 30, where="big.csv").found
    'more than 3,072 MB in memory'
    """
    what = "the table is larger than the memory that is left"
    found = f"more than {held / 2**20:,.0f} MB in memory"
    return DataError(what, where=where, found=found, hint=_HINT)


def _of_machine() -> int:
    known = dict(re.findall(r"(\w+):\s+(\d+) kB", _text(Path("/proc/meminfo"))))
    if "MemAvailable" not in known:
        return sys.maxsize
    return 1024 * (int(known["MemAvailable"]) + int(known.get("SwapFree", 0)))


def _of_process() -> int:
    try:
        import resource
    except ImportError:  # not on Windows
        return sys.maxsize
    most = resource.getrlimit(resource.RLIMIT_AS)[0]
    pages = _text(Path("/proc/self/statm")).split()
    if most == resource.RLIM_INFINITY or not pages:
        return sys.maxsize
    return most - int(pages[0]) * resource.getpagesize()


def _of_group() -> int:
    """Return what the container leaves; files that it holds in memory can be let go of."""
    most, used = (_text(_GROUP / f"memory.{name}").strip() for name in ("max", "current"))
    if not most.isdigit() or not used.isdigit():
        return sys.maxsize
    files = re.search(r"(?m)^file (\d+)$", _text(_GROUP / "memory.stat"))
    return int(most) - int(used) + (int(files[1]) if files else 0)


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
