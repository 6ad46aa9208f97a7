"""Files and folders by the SHA-256 of their content."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import stat
from pathlib import Path

from evermodel.errors import InputError, NotFoundError
from evermodel.store.durable import refusals, sync_folder, temporary

__all__ = ["FolderBlobs", "digest_of"]

_CHUNK = 1 << 20
_FOLDER_PREFIX = b"evermodel.folder/1\n"


def digest_of(path: str | Path) -> str:
    """Return the digest of a file or a folder: 64 hex digits.

    A file's is the SHA-256 of its bytes. A folder's is the SHA-256 of `evermodel.folder/1`, a line
    feed and, sorted by the bytes of the path, one entry per file: its SHA-256, its relative path
    with `/`, and a zero byte. Names, times and rights of the folder itself do not count, nor do
    empty folders.

    Raises
    ------
    InputError
        When there is a symbolic link or anything else that is neither file nor folder.
    NotFoundError
        When the path does not exist.
    SurroundingsError
        When a file cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "hello.txt").write_bytes(b"hello")
    ...     digest_of(Path(folder, "hello.txt"))[:12]
    '2cf24dba5fb0'
    """
    source = Path(path)
    with refusals(source):
        files = _files(source)
        if files is None:
            return _through(source, None)
        return _of_folder({name: _through(source / name, None) for name in files})


def _of_folder(digests: dict[str, str]) -> str:
    whole = hashlib.sha256(_FOLDER_PREFIX)
    for name, digest in sorted(digests.items(), key=lambda entry: os.fsencode(entry[0])):
        whole.update(digest.encode() + os.fsencode(name) + b"\0")
    return whole.hexdigest()


def _files(source: Path) -> list[str] | None:
    """Return the relative paths of the files in a folder, or None for a single file."""
    try:
        mode = source.lstat().st_mode
    except FileNotFoundError:
        raise NotFoundError("there is no such file or folder", where=str(source)) from None
    if stat.S_ISREG(mode):
        return None
    if not stat.S_ISDIR(mode):
        raise _refused(source)
    found = []
    pending = [source]
    while pending:
        with os.scandir(pending.pop()) as entries:
            for entry in entries:
                path = Path(entry.path)
                if entry.is_dir(follow_symlinks=False):
                    pending.append(path)
                elif entry.is_file(follow_symlinks=False):
                    found.append(path.relative_to(source).as_posix())
                else:
                    raise _refused(path)
    return found


def _refused(path: Path) -> InputError:
    what = "only plain files and folders are stored, no links, pipes or devices"
    return InputError(what, where=str(path), hint="put the file itself in its place")


def _through(source: Path, target: Path | None) -> str:
    """Return the digest of one file; what is hashed is what is written to `target`, durably."""
    digest = hashlib.sha256()
    try:
        reader = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        if source.is_symlink():
            raise _refused(source) from error
        raise
    with os.fdopen(reader, "rb") as file:
        if target is None:
            while part := file.read(_CHUNK):
                digest.update(part)
            return digest.hexdigest()
        writer = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o444)
        with os.fdopen(writer, "wb") as copy:
            while part := file.read(_CHUNK):
                digest.update(part)
                copy.write(part)
            copy.flush()
            os.fsync(copy.fileno())
    return digest.hexdigest()


class FolderBlobs:
    """Content by digest in one folder: written whole or not at all, and never twice.

    Parameters
    ----------
    folder : Path
        Where the content lies, usually `.evermodel/blobs`.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     blobs = FolderBlobs(folder)
    ...     digest = blobs.put(b"content")
    ...     blobs.path(digest).read_bytes()
    b'content'
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    def put(self, content: bytes | Path) -> str:
        """Store bytes, a file or a folder durably and return its digest.

        Raises
        ------
        InputError
            When there is a symbolic link or anything else that is neither file nor folder.
        NotFoundError
            When the path does not exist.
        SurroundingsError
            When the disk is full or read-only; nothing is then left behind.
        """
        with refusals(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            new = temporary(self.folder / "new")
            try:
                digest = _fill(new, content)
                self._place(new, digest)
            finally:
                _remove(new)
        return digest

    def path(self, digest: str) -> Path:
        """Return where the content lies.

        Raises
        ------
        NotFoundError
            When there is no such content.
        """
        place = self._place_of(digest)
        if not place.exists():
            raise NotFoundError("there is no such content", where=str(self.folder), found=digest)
        return place

    def _place_of(self, digest: str) -> Path:
        # A digest is also a path: nothing but a digest may become one.
        if not re.fullmatch(r"[0-9a-f]{64}", digest):
            raise NotFoundError("this is not a digest", found=digest, hint="64 hex digits")
        return self.folder / digest[:2] / digest

    def _place(self, new: Path, digest: str) -> None:
        place = self._place_of(digest)
        place.parent.mkdir(exist_ok=True)
        sync_folder(self.folder)
        if place.exists() and digest_of(place) == digest:
            return
        # What lies there was damaged: the whole content takes its place.
        _remove(place)
        new.rename(place)
        sync_folder(place.parent)


def _fill(new: Path, content: bytes | Path) -> str:
    if isinstance(content, bytes):
        with new.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        new.chmod(0o444)
        return hashlib.sha256(content).hexdigest()
    source = Path(content)
    files = _files(source)
    if files is None:
        return _through(source, new)
    new.mkdir()
    digests = {}
    for name in files:
        target = new / name
        target.parent.mkdir(parents=True, exist_ok=True)
        digests[name] = _through(source / name, target)
    for here, _, _ in os.walk(new):
        sync_folder(Path(here))
    return _of_folder(digests)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
