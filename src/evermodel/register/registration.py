"""Naming and signing a candidate: from then on it is a version, and never changes."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import msgspec

from evermodel.bundle import Manifest, Model, load, sign_bundle, verify_bundle, write_bundle
from evermodel.errors import BundleError, BusyError
from evermodel.records import ModelVersion
from evermodel.store import Keys
from evermodel.store.durable import refusals, sync_folder, temporary
from evermodel.store.holders import alive

__all__ = ["next_number", "register", "versions"]

_LEFTOVER = re.compile(r"\.+\d+\.(\d+)\.[0-9a-f]{8}\.tmp(-.*)?")
_PICKLE_NAMES = (".pkl", ".pickle", ".joblib", ".pt", ".pth", ".npy", ".npz")
_PICKLE_HEADS = tuple(bytes([0x80, protocol]) for protocol in range(2, 6))


class _Parity(msgspec.Struct, frozen=True):
    limit: float
    real_gap: float
    threshold_gap: float


def versions(destination: str | Path) -> tuple[int, ...]:
    """Return the numbers of the registered versions in a project's folder, in order.

    Examples
    --------
    >>> versions("no/such/folder")
    ()
    """
    folder = Path(destination)
    names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    return tuple(sorted(int(name) for name in names if re.fullmatch(r"[1-9]\d*", name)))


def next_number(destination: str | Path) -> int:
    """Return the number that the next version of a project gets.

    Examples
    --------
    >>> next_number("no/such/folder")
    1
    """
    return max(versions(destination), default=0) + 1


def register(
    candidate: str | Path, *, destination: str | Path, number: int, keys: Keys, created: str
) -> ModelVersion:
    """Copy, name and sign a candidate; return the version that stands then.

    The version appears in one step: a crash leaves no part of it to be seen, and the next
    registration clears away what was begun. The same candidate registered again under the same
    number is the same version.

    Parameters
    ----------
    candidate : Path
        An unsigned bundle from training.
    destination : Path
        The folder of the project's versions, `bundles/<project>`.
    number : int
        Counts from 1 within the project.
    keys : Keys
        Sign the manifest.
    created : str
        When, as ISO 8601 in UTC.

    Raises
    ------
    BundleError
        When the candidate is altered, holds a pickle, or its graph differs from what was trained.
    BusyError
        When another candidate has that number already.
    SurroundingsError
        When the disk is full or read-only; nothing is then left behind.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> register("no/such/bundle", destination=mkdtemp(), number=1, keys=Keys("k"), created="")
    Traceback (most recent call last):
    evermodel.errors.BundleError: this is not a bundle
      where: no/such/bundle
      found: No such file or directory
    """
    source, home = Path(candidate), Path(destination)
    manifest, contents = verify_bundle(source, None)
    _refuse(source, manifest, contents)
    with refusals(home):
        home.mkdir(parents=True, exist_ok=True)
        _clear(home)
    place = home / str(number)
    new = temporary(place)
    try:
        # Written anew from what was verified: a file that no manifest names is not carried along.
        parts = {part.role: (part, contents[part.role]) for part in manifest.parts}
        write_bundle(new, manifest, parts)
        with refusals(place):
            named = {"project": home.name, "version": number, "created": created}
            sign_bundle(new, keys.sign, keys.key_id, **named)
        model = load(new, trusted=keys.trusted())
        _reveal(new, place, model, keys)
    finally:
        shutil.rmtree(new, ignore_errors=True)
    return ModelVersion(
        project=home.name,
        number=number,
        digest=model.digest,
        run=model.manifest.run,
        created=created,
    )


def _refuse(source: Path, manifest: Manifest, contents: dict[str, bytes]) -> None:
    for part in manifest.parts:
        content = contents[part.role]
        if part.path.lower().endswith(_PICKLE_NAMES) or content.startswith(_PICKLE_HEADS):
            hint = "train again; a bundle holds ONNX and JSON only"
            what = "the candidate holds a pickle, which could run anything when it is read"
            raise BundleError(what, where=str(source / part.path), hint=hint)
    if "parity" not in contents:
        what = "the candidate does not say whether its graph equals what was trained"
        raise BundleError(what, where=str(source), hint="train again")
    try:
        parity = msgspec.json.decode(contents["parity"], type=_Parity)
    except msgspec.DecodeError as error:
        what = "the candidate's parity cannot be read"
        raise BundleError(what, where=str(source), found=str(error), hint="train again") from error
    gaps = (parity.real_gap, parity.threshold_gap)
    # Not `gap > limit`: a gap that is not a number passes no limit.
    if not all(gap <= parity.limit for gap in gaps):
        raise BundleError(
            "the graph does not predict what the trained model predicts",
            where=str(source),
            found=f"they differ by up to {max(gaps):.2g}, accepted is {parity.limit:g}",
            hint="train again with other candidates",
        )


def _clear(home: Path) -> None:
    """Remove what registrations that were killed have left behind."""
    for path in home.iterdir():
        found = _LEFTOVER.fullmatch(path.name)
        if found and not alive(int(found[1])):
            shutil.rmtree(path, ignore_errors=True)


def _reveal(new: Path, place: Path, model: Model, keys: Keys) -> None:
    with refusals(place):
        try:
            new.rename(place)
        except OSError:
            # A folder never takes the place of another that holds something.
            if not place.exists():
                raise
            if load(place, trusted=keys.trusted()).digest != model.digest:
                what = f"version {place.name} of {place.parent.name} exists already"
                hint = f"the next free number is {next_number(place.parent)}"
                raise BusyError(what, where=str(place), hint=hint) from None
        sync_folder(place.parent)
