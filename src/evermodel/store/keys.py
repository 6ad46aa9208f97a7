"""The key pair of a workspace (Ed25519, RFC 8032) and the public keys that it trusts."""

from __future__ import annotations

import hashlib
import os
import stat
from contextlib import suppress
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from evermodel.errors import SurroundingsError
from evermodel.store.durable import refusals, sync_folder, temporary, write_durably

__all__ = ["Keys", "key_id", "verify"]

_PRIVATE = "private.pem"
_PUBLIC = "public.pub"
_TRUSTED = "trusted"


def key_id(public: bytes) -> str:
    """Return the short name of a raw public key: 16 hex digits of its SHA-256.

    Examples
    --------
    >>> key_id(bytes(32))
    '66687aadf862bd77'
    """
    return hashlib.sha256(public).hexdigest()[:16]


def verify(public: bytes, signature: bytes, data: bytes) -> bool:
    """Return whether `signature` (64 bytes) of `data` was made with the key of `public` (32 bytes).

    Examples
    --------
    >>> verify(bytes(32), bytes(64), b"data")
    False
    """
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, data)
    except (InvalidSignature, ValueError):
        return False
    return True


class Keys:
    """The key pair of one workspace, made when it is first needed.

    The private key is readable by its owner only (file 0600, folder 0700). Public keys of others,
    as PEM files, are trusted when they lie in `trusted/*.pub`.

    Parameters
    ----------
    folder : Path
        Where the keys lie; usually `.evermodel/keys`.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     keys = Keys(Path(folder, "keys"))
    ...     signature = keys.sign(b"data")
    ...     verify(keys.trusted()[keys.key_id], signature, b"data")
    True
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self._private: Ed25519PrivateKey | None = None

    @property
    def public(self) -> bytes:
        """The raw public key, 32 bytes."""
        return _raw(self._own().public_key())

    @property
    def key_id(self) -> str:
        """The short name of the own key: 16 hex digits."""
        return key_id(self.public)

    def sign(self, data: bytes) -> bytes:
        """Return the signature of `data`, 64 bytes.

        Raises
        ------
        SurroundingsError
            When the key cannot be made or read, or when others may read it.
        """
        return self._own().sign(data)

    def trusted(self) -> dict[str, bytes]:
        """Return the raw public keys whose signatures count, by key id: the own and `trusted/`.

        A workspace that has no own key yet gets none by being asked.

        Raises
        ------
        SurroundingsError
            When a file in `trusted/` is not an Ed25519 public key.
        """
        paths = sorted((self.folder / _TRUSTED).glob("*.pub"))
        # The public file comes first: a server may check signatures with no private key at hand.
        if (self.folder / _PUBLIC).exists():
            paths.insert(0, self.folder / _PUBLIC)
        publics = [_read_public(path) for path in paths]
        if self._private is not None or (
            not (self.folder / _PUBLIC).exists() and (self.folder / _PRIVATE).exists()
        ):
            publics.append(self.public)
        return {key_id(public): public for public in publics}

    def _own(self) -> Ed25519PrivateKey:
        if self._private is None:
            path = self.folder / _PRIVATE
            with refusals(path):
                if not path.exists():
                    _make(self.folder)
                self._private = _read_private(path)
            _publish(self.folder / _PUBLIC, self._private)
        return self._private


def _raw(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def _make(folder: Path) -> None:
    """Make a key pair; where two processes do so at once, the first one's stays for both."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path = folder / _PRIVATE
    new = temporary(path)
    try:
        write_durably(new, private, mode=0o600)
        # A hard link, unlike a rename, never takes the place of a file that is already there.
        with suppress(FileExistsError):
            os.link(new, path)
    finally:
        new.unlink(missing_ok=True)
    sync_folder(folder)


def _publish(path: Path, private: Ed25519PrivateKey) -> None:
    """Lay the public key beside the private one, also where a crash left it out."""
    form = PublicFormat.SubjectPublicKeyInfo
    content = private.public_key().public_bytes(Encoding.PEM, form)
    # A workspace that may only be read is still good for checking signatures.
    with suppress(SurroundingsError):
        if not path.exists() or path.read_bytes() != content:
            write_durably(path, content)


def _read_public(path: Path) -> bytes:
    with refusals(path):
        content = path.read_bytes()
    try:
        key = load_pem_public_key(content)
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PublicKey):
        what = "a trusted key is not an Ed25519 public key in PEM form"
        hint = f"copy the other workspace's keys/{_PUBLIC} here, or remove the file"
        raise SurroundingsError(what, where=str(path), hint=hint)
    return _raw(key)


def _read_private(path: Path) -> Ed25519PrivateKey:
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        what = "the private key can be read by others than its owner"
        hint = f"chmod 600 {path}; if someone may have copied it, make a new key"
        raise SurroundingsError(what, where=str(path), found=f"mode {mode:03o}", hint=hint)
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        hint = "put back a copy of the file; without it older signatures cannot be renewed"
        raise SurroundingsError("the private key cannot be read", where=str(path), hint=hint)
    return key
