"""Commits of a table that outlast a power cut: Delta Lake writes them and leaves them to chance."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote

from evermodel.store.durable import refusals, sync_file, sync_folder

__all__ = ["make_durably", "sync_commits"]

_LOG = "_delta_log"
_WRITTEN = 600 * 10**9
"""Nanoseconds after which the system has written a file by itself; Linux takes half a minute."""

_synced: dict[Path, tuple[str, int]] = {}
"""The newest entry of each table's log that this process has synced, and when it was written."""


def make_durably(folder: Path) -> None:
    """Make a folder and those above it, and make their names durable."""
    missing = [each for each in (folder, *folder.parents) if not each.is_dir()]
    folder.mkdir(parents=True, exist_ok=True)
    for made in missing:
        sync_folder(made.parent)


def sync_commits(folder: Path) -> None:
    """Make what was committed to a table durable: rows first, then the log that names them.

    A process that was killed may have left a commit behind that is not on the disk, on which the
    newest one builds: all those of the last ten minutes are looked after, and of a table that this
    process looked after before, all since then. What is older the system has written by itself.

    Parameters
    ----------
    folder : Path
        Of the table; where there is none, nothing is done.

    Raises
    ------
    SurroundingsError
        When the disk refuses.
    """
    log = folder / _LOG
    if not log.is_dir():
        return
    with refusals(folder):
        young = _young(folder, sorted(path for path in log.iterdir() if path.is_file()))
        entries = [path for path in young if path.suffix == ".json"]
        for path in (folder / name for entry in entries for name in _added(entry)):
            with suppress(FileNotFoundError):  # joined with others or freed since
                sync_file(path)
        sync_folder(folder)
        for path in young:
            with suppress(FileNotFoundError):
                sync_file(path)
        sync_folder(log)
        if entries:
            _synced[folder] = (entries[-1].name, entries[-1].stat().st_mtime_ns)


def _young(folder: Path, files: Sequence[Path]) -> list[Path]:
    """Return the files of a log that may not be on the disk yet, the newest entry always."""
    entries = [path for path in files if path.suffix == ".json"]
    last, since = entries[-1].name if entries else "", time.time_ns() - _WRITTEN
    known = _synced.get(folder)
    if known is not None and _changed(folder / _LOG / known[0]) == known[1]:
        last, since = known
    return [path for path in files if path.name >= last or _changed(path) >= since]


def _changed(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def _added(entry: Path) -> Iterator[str]:
    """Yield the paths of the files that a commit added."""
    for line in entry.read_text(encoding="utf-8").splitlines():
        if line.startswith('{"add"'):
            yield unquote(str(json.loads(line)["add"]["path"]))
