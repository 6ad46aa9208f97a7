"""The demo's folder: made anew each time, never at the cost of a file that no demo wrote."""

from __future__ import annotations

import shutil
from fnmatch import fnmatch
from pathlib import Path

from evermodel.errors import InputError, SurroundingsError

__all__ = ["PAGE", "fresh_folder"]

PAGE = "report.html"
"""The page that the demo ends with."""

_MARK = ".evermodel-demo"
_TEXT = "Made by `evermodel demo`, which replaces this folder when it is called again.\n"
_OURS = (
    _MARK,
    PAGE,
    ".evermodel",
    "evermodel.toml",
    "customers.csv",
    "release.csv",
    "outcomes-????-??-??.csv",
    "corrections-????-??-??.csv",
)


def fresh_folder(path: str | Path) -> Path:
    """Return the folder, empty but for its mark; what a former demo left there is taken away.

    Raises
    ------
    InputError
        When it holds anything that a demo did not write: nothing is touched then.
    SurroundingsError
        When it cannot be made.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as home:
    ...     folder = fresh_folder(Path(home, "demo"))
    ...     _ = Path(folder, "customers.csv").write_text("customer")
    ...     sorted(entry.name for entry in fresh_folder(folder).iterdir())
    ['.evermodel-demo']
    """
    folder = Path(path)
    try:
        if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
            raise _not_ours(folder, "this is no folder of its own")
        entries = sorted(folder.iterdir()) if folder.exists() else []
        _refuse_others(folder, entries)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _MARK).write_text(_TEXT)
        for entry in entries:
            if entry.name == _MARK:
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()
    except OSError as error:
        found = error.strerror or str(error)
        raise SurroundingsError(
            "the demo's folder cannot be made", where=str(folder), found=found
        ) from None
    return folder


def _refuse_others(folder: Path, entries: list[Path]) -> None:
    if not entries:
        return
    if folder / _MARK not in entries:
        raise _not_ours(folder, "this folder is not empty, and no demo made it")
    others = [
        entry.name for entry in entries if not any(fnmatch(entry.name, each) for each in _OURS)
    ]
    if others:
        shown = ", ".join(others[:5])
        raise _not_ours(folder, "this demo folder holds files that the demo did not write", shown)


def _not_ours(folder: Path, what: str, found: str = "") -> InputError:
    hint = "give another folder with --keep, or move what is in it"
    return InputError(what, where=str(folder), found=found, hint=hint)
