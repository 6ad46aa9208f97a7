"""Bundles on disk: written whole or not at all, read only when every digest fits."""

from __future__ import annotations

import errno
import hashlib
import shutil
import stat
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from evermodel.bundle.manifest import FILE_NAME, FORMAT_VERSION, Manifest, Part, canonical
from evermodel.errors import BundleError
from evermodel.store.durable import refusals, sync_folder, sync_tree, write_durably

__all__ = [
    "KNOWN_ROLES",
    "read_manifest",
    "read_part",
    "sign_bundle",
    "verify_bundle",
    "write_bundle",
]

KNOWN_ROLES = ("graph", "reference", "sample", "parity", "card", "report", "checks")
"""Roles that this version understands; a required part of another role is refused."""


def write_bundle(
    folder: Path, manifest: Manifest, parts: Mapping[str, tuple[Part, bytes]]
) -> Manifest:
    """Write a bundle and return its manifest with the parts' digests filled in.

    Parameters
    ----------
    folder : Path
        Where the bundle shall lie; it must not exist yet, and appears in one step.
    manifest : Manifest
        Without parts.
    parts : mapping of role to (part, content)

    Raises
    ------
    BundleError
        When `folder` exists, a part would lie outside it, or the manifest could not be read again.
    SurroundingsError
        When the disk refuses (full, read-only); nothing is left behind.

    Examples
    --------
    >>> import tempfile
    >>> graph = Part(role="graph", path="model.onnx", sha256="", media_type="application/onnx")
    >>> draft = Manifest(project="shop", task="binary", target="left", inputs=())
    >>> with tempfile.TemporaryDirectory() as home:
    ...     folder = Path(home) / "candidate"
    ...     written = write_bundle(folder, draft, {"graph": (graph, b"...")})
    ...     sorted(path.name for path in folder.iterdir()), written == read_manifest(folder)
    (['bundle.json', 'model.onnx'], True)
    """
    filled = tuple(
        msgspec.structs.replace(part, sha256=hashlib.sha256(content).hexdigest())
        for part, content in parts.values()
    )
    manifest = msgspec.structs.replace(manifest, parts=filled)
    written = _pretty(manifest)
    _understand(written, folder)
    if folder.exists():
        raise BundleError(
            "there is something already where the bundle shall lie", where=str(folder)
        )
    home = None
    try:
        with refusals(folder):
            folder.parent.mkdir(parents=True, exist_ok=True)
            home = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
            _fill(home, {part.path: raw for part, raw in parts.values()} | {FILE_NAME: written})
            home.chmod(0o755)
            home.rename(folder)
            home = folder
            sync_folder(folder.parent)
    except BaseException:
        if home is not None:
            shutil.rmtree(home, ignore_errors=True)
        raise
    return manifest


def _fill(home: Path, files: Mapping[str, bytes]) -> None:
    for name, content in files.items():
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    sync_tree(home)


def read_manifest(folder: Path) -> Manifest:
    """Read `bundle.json`.

    Raises
    ------
    BundleError
        When it is absent, damaged, of a later format, or needs a part that is not understood.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> manifest = Manifest(project="p", task="regression", target="y", inputs=())
    >>> with TemporaryDirectory() as home:
    ...     _ = write_bundle(Path(home) / "1", manifest, {})
    ...     read_manifest(Path(home) / "1").target
    'y'
    """
    return _understand(_read(folder), folder)


def _read(folder: Path) -> bytes:
    try:
        return (folder / FILE_NAME).read_bytes()
    except OSError as error:
        raise BundleError(
            "this is not a bundle", where=str(folder), found=error.strerror or str(error)
        ) from None


def _understand(raw: bytes, folder: Path) -> Manifest:
    try:
        version = msgspec.json.decode(raw, type=dict[str, msgspec.Raw]).get("format_version")
        if version is not None and int(bytes(version)) > FORMAT_VERSION:
            raise BundleError(
                "the bundle is of a later format than this Evermodel reads",
                where=str(folder),
                found=f"format {int(bytes(version))}, this reads up to {FORMAT_VERSION}",
                hint="pip install --upgrade evermodel",
            )
        manifest = msgspec.json.decode(raw, type=Manifest)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise BundleError(
            "the manifest is damaged", where=str(folder / FILE_NAME), found=str(error)
        ) from None
    for number, part in enumerate(manifest.parts):
        if part.required and part.role not in KNOWN_ROLES:
            raise BundleError(
                f"the bundle needs a part that this Evermodel does not know: {part.role!r}",
                where=str(folder),
                hint="pip install --upgrade evermodel",
            )
        if any(part.role == other.role for other in manifest.parts[:number]):
            raise BundleError("the bundle holds a part twice", where=str(folder), found=part.role)
        _place(folder, part)
    return manifest


def _place(folder: Path, part: Part) -> Path:
    """Return the path of a part, which a link or ".." must not lead out of the bundle."""
    try:
        path = (folder / part.path).resolve()
        inside = path.is_relative_to(folder.resolve()) and path != (folder / FILE_NAME).resolve()
    except (OSError, ValueError, RuntimeError):
        inside = False
    if not inside or path == folder.resolve():
        raise BundleError("a part lies outside the bundle", where=str(folder), found=part.path)
    return path


def read_part(folder: Path, part: Part) -> bytes:
    """Read one part and check its digest.

    Raises
    ------
    BundleError
        When it is absent, lies outside the bundle, or its content is not what was signed.
    """
    path = _place(folder, part)
    try:
        content = _content(path)
    except OSError as error:
        raise BundleError(
            f"the bundle's {part.role} cannot be read", where=str(path), found=str(error.strerror)
        ) from None
    if hashlib.sha256(content).hexdigest() != part.sha256:
        raise BundleError(
            f"the bundle's {part.role} was altered after it was made",
            where=str(path),
            hint="take the bundle from the workspace again, or register it anew",
        )
    return content


def _content(path: Path) -> bytes:
    if not stat.S_ISREG(path.stat().st_mode):
        # Reading a pipe would wait for ever.
        raise OSError(errno.EINVAL, "not a file")
    return path.read_bytes()


def sign_bundle(
    folder: Path, sign: Callable[[bytes], bytes], key_id: str, **named: object
) -> Manifest:
    """Name (`project`, `version`) and sign a bundle in place; return its new manifest.

    Raises
    ------
    BundleError
        When `folder` is no bundle.
    SurroundingsError
        When the disk refuses; the manifest is then as it was.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> manifest = Manifest(project="p", task="regression", target="y", inputs=())
    >>> with TemporaryDirectory() as home:
    ...     _ = write_bundle(Path(home) / "1", manifest, {})
    ...     signed = sign_bundle(Path(home) / "1", lambda text: b"signed", "mine", version=1)
    >>> signed.version, signed.key_id, bytes.fromhex(signed.signature)
    (1, 'mine', b'signed')
    """
    manifest = msgspec.structs.replace(read_manifest(folder), key_id=key_id, **named)
    signature = sign(canonical(manifest)).hex()
    manifest = msgspec.structs.replace(manifest, signature=signature)
    write_durably(folder / FILE_NAME, _pretty(manifest))
    return manifest


def verify_bundle(
    folder: Path,
    trusted: Mapping[str, bytes] | None,
) -> tuple[Manifest, dict[str, bytes]]:
    """Return manifest and the content of all parts, after every digest and the signature fit.

    Parameters
    ----------
    folder : Path
    trusted : mapping of key id to raw Ed25519 public key, or None
        None accepts an unsigned candidate: only the stages before registration may do so.

    Raises
    ------
    BundleError
        When anything was altered, or the signature is absent, wrong or by an unknown key.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> manifest = Manifest(project="p", task="regression", target="y", inputs=())
    >>> with TemporaryDirectory() as home:
    ...     _ = write_bundle(Path(home) / "1", manifest, {})
    ...     verify_bundle(Path(home) / "1", {})
    Traceback (most recent call last):
    evermodel.errors.BundleError: the bundle is not signed
    ...
    """
    raw = _read(folder)
    manifest = _understand(raw, folder)
    if trusted is not None:
        _check_signature(folder, raw, manifest, trusted)
    return manifest, {part.role: read_part(folder, part) for part in manifest.parts}


def _check_signature(
    folder: Path, raw: bytes, manifest: Manifest, trusted: Mapping[str, bytes]
) -> None:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    if not manifest.signature:
        raise BundleError("the bundle is not signed", where=str(folder), hint="evermodel register")
    public = trusted.get(manifest.key_id)
    if public is None:
        raise BundleError(
            "the bundle is signed by a key that is not trusted here",
            where=str(folder),
            found=f"key {manifest.key_id}",
            hint="add the public key to keys/trusted in the workspace, if it is yours",
        )
    try:
        key = Ed25519PublicKey.from_public_bytes(public)
        key.verify(bytes.fromhex(manifest.signature), _signed(raw, manifest.signature))
    except (InvalidSignature, ValueError):
        raise BundleError(
            "the bundle's signature does not fit its content",
            where=str(folder),
            hint="it was altered after signing: register it anew",
        ) from None


def _signed(raw: bytes, signature: str) -> bytes:
    """Return the bytes that are signed, from the file itself.

    They hold what this version does not know, too, so that nothing can be added unseen, and a later
    version, whose manifest has more fields, still reads what this one signed.
    """
    tree = msgspec.json.decode(raw)
    if raw != _formatted(tree) or bytes.fromhex(signature).hex() != signature:
        raise ValueError("the manifest is written in another way")
    return msgspec.json.encode({**tree, "signature": ""}, order="sorted")


def _pretty(manifest: Manifest) -> bytes:
    return _formatted(manifest)


def _formatted(content: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(content), indent=2)
