"""A bundle in the form of an MLflow model: its folder as data, a loader by name, no pickle."""

from __future__ import annotations

import math
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import msgspec

from evermodel.errors import BundleError
from evermodel.records import MULTICLASS, REGRESSION

__all__ = ["LOADER", "save_as_mlflow"]

LOADER = "evermodel.register.pyfunc"
_EXAMPLES = 5


class _Input(msgspec.Struct, frozen=True):
    name: str
    type: str
    values: tuple[str, ...] | None = None


class _Part(msgspec.Struct, frozen=True):
    role: str
    path: str


class _Manifest(msgspec.Struct, frozen=True):
    """What is needed of `bundle.json` here; the bundle itself lies above this room."""

    task: str
    inputs: tuple[_Input, ...]
    classes: tuple[str, ...] = ()
    parts: tuple[_Part, ...] = ()


def save_as_mlflow(bundle: Path, target: Path, model: Any) -> None:
    """Write the MLflow model of a bundle to a new folder `target`.

    Parameters
    ----------
    bundle : Path
        The registered bundle.
    target : Path
        Must not exist yet.
    model : mlflow.models.Model
        The entry that is filled in, with its ids.

    Raises
    ------
    BundleError
        When the manifest cannot be read.
    """
    import mlflow.pyfunc

    try:
        manifest = msgspec.json.decode((bundle / "bundle.json").read_bytes(), type=_Manifest)
    except (OSError, msgspec.DecodeError) as error:
        what = "the bundle's manifest cannot be read"
        raise BundleError(what, where=str(bundle), found=str(error)) from error
    model.metadata = {"evermodel.inputs": {item.name: item.type for item in manifest.inputs}}
    mlflow.pyfunc.save_model(
        path=str(target),
        loader_module=LOADER,
        data_path=str(bundle),
        mlflow_model=model,
        signature=_signature(manifest),
        input_example=_example(bundle, manifest),
        # Named here: MLflow would find them out by loading the model in another process.
        pip_requirements=[_requirement(), "pandas"],
    )


def _requirement() -> str:
    try:
        return f"evermodel=={version('evermodel')}"
    except PackageNotFoundError:
        return "evermodel"


def _signature(manifest: _Manifest) -> Any:
    from mlflow.models import ModelSignature
    from mlflow.types.schema import ColSpec, DataType, Schema

    inputs = [ColSpec(_type(item), name=item.name, required=True) for item in manifest.inputs]
    if manifest.task == REGRESSION:
        outputs = [ColSpec(DataType.double, name=name) for name in ("prediction", "low", "high")]
    elif manifest.task == MULTICLASS:
        names = [f"probability_{name}" for name in manifest.classes]
        outputs = [ColSpec(DataType.string, name="prediction")]
        outputs += [ColSpec(DataType.double, name=name) for name in names]
    else:
        outputs = [ColSpec(DataType.string, name="prediction")]
        outputs += [ColSpec(DataType.double, name="probability")]
    return ModelSignature(inputs=Schema(inputs), outputs=Schema(outputs))


def _type(item: _Input) -> Any:
    from mlflow.types.schema import AnyType, DataType

    if item.type == "boolean":
        return DataType.boolean
    if item.type == "category" and not any(map(_looks_like_number, item.values or ("",))):
        return DataType.string
    # MLflow refuses whole numbers (int64, as pandas reads them) where a double is declared, and
    # missing ones where a long is; numbers that stand for categories, and times as text, likewise.
    # The loader checks these columns itself, by the types in the bundle, and names what is wrong.
    return AnyType()


def _looks_like_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return not text
    return True


def _example(bundle: Path, manifest: _Manifest) -> Any:
    """Return the first sample rows as a DataFrame, or None where the bundle has no sample."""
    import pandas as pd

    paths = [part.path for part in manifest.parts if part.role == "sample"]
    if not paths:
        return None
    rows = msgspec.json.decode((bundle / paths[0]).read_bytes())[:_EXAMPLES]
    names = [item.name for item in manifest.inputs]
    columns = {name: [_value(row.get(name)) for row in rows] for name in names}
    return pd.DataFrame({name: pd.Series(column, dtype=object) for name, column in columns.items()})


def _value(value: Any) -> Any:
    return None if isinstance(value, float) and math.isnan(value) else value
