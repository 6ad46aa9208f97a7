"""How MLflow loads and runs a bundle: pandas in, pandas out, through the one graph.

The signature is checked against the keys of the folder that `EVERMODEL_KEYS` names, otherwise of
the workspace (`.evermodel/keys`) in or above the current folder. Where there is neither, digests
are checked and a warning says that the signature was not.
"""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np

from evermodel.bundle import Input, Model, Predictions, load
from evermodel.bundle.repair import Mender
from evermodel.errors import RequestError
from evermodel.records import BINARY, REGRESSION
from evermodel.store import Keys

__all__ = ["BundleModel"]


class BundleModel:
    """A bundle with the `predict` that MLflow expects.

    Parameters
    ----------
    model : Model
        The loaded bundle.
    """

    def __init__(self, model: Model) -> None:
        self.model = model

    def predict(self, rows: Any, params: Mapping[str, Any] | None = None) -> Any:
        """Return a pandas DataFrame with one row per row given.

        Parameters
        ----------
        rows : pandas.DataFrame, dict of columns, list of records, or numpy array
            An array has the bundle's inputs as columns, in their order. Numbers may come as text.
        params : mapping, optional
            MLflow passes one; nothing is read from it.

        Returns
        -------
        pandas.DataFrame
            Binary: `prediction`, `probability` (of the positive class). Multiclass: `prediction`
            and `probability_<class>`. Regression: `prediction`, `low`, `high`.

        Raises
        ------
        RequestError
            Naming the row and the column that is absent, unknown or wrong.
        """
        import pandas as pd

        del params
        manifest = self.model.manifest
        if isinstance(rows, np.ndarray):
            rows = pd.DataFrame(rows, columns=[item.name for item in manifest.inputs])
        frame = rows if isinstance(rows, pd.DataFrame) else pd.DataFrame(rows)
        columns = {
            item.name: _column(item, frame, self.model.encoder.mender(item.name))
            for item in manifest.inputs
        }
        records = [
            dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)
        ]
        answers = self.model.predict(self.model.encode(records))
        return pd.DataFrame(_named(answers), index=frame.index)


def _named(answers: Predictions) -> dict[str, Any]:
    if answers.task == REGRESSION:
        found = {"prediction": answers.value, "low": answers.low, "high": answers.high}
        return {name: values for name, values in found.items() if values is not None}
    if answers.task == BINARY or answers.probability is None:
        return {"prediction": answers.label, "probability": answers.probability}
    each = zip(answers.classes, answers.probability.T, strict=True)
    return {"prediction": answers.label} | {f"probability_{name}": p for name, p in each}


def _column(item: Input, frame: Any, mender: Mender | None) -> list[Any]:
    if item.name not in frame.columns:
        hint = "send it, with missing values where it is not known"
        raise RequestError(f"column {item.name!r} is absent", hint=hint)
    values = frame[item.name].astype(object)
    missing = values.isna()
    reads = mender is not None and (mender.declared or mender.reads_text)
    convert = _as_it_comes if reads else _CONVERT[item.type]
    return [
        None if absent else convert(item, value)
        for value, absent in zip(values.tolist(), missing.tolist(), strict=True)
    ]


def _as_it_comes(item: Input, value: Any) -> Any:
    """Return a value for the bundle to repair, as a plain one of Python."""
    if isinstance(value, np.generic) and not isinstance(value, np.datetime64):
        value = value.item()
    if item.type == "timestamp":
        return _time(item, value)
    if isinstance(value, str) and not value:
        return None
    return value


def _number(item: Input, value: Any) -> Any:
    if isinstance(value, str):
        # A CSV column with one odd word in it is text from top to bottom.
        if value in item.missing or not value.strip():
            return None
        try:
            value = float(value)
        except ValueError:
            return value
    value = float(value) if isinstance(value, int | float | np.number | np.bool_) else value
    return None if isinstance(value, float) and math.isnan(value) else value


def _boolean(item: Input, value: Any) -> Any:
    words = {"true": True, "false": False, "1": True, "0": False, "1.0": True, "0.0": False}
    if str(value) in item.missing:
        return None
    return words.get(str(value).lower(), value)


def _category(item: Input, value: Any) -> Any:
    del item
    if isinstance(value, float | np.floating) and float(value).is_integer():
        # Whole codes become floats in pandas as soon as one of them is missing.
        value = int(value)
    return str(value)


def _time(item: Input, value: Any) -> Any:
    del item
    if isinstance(value, np.datetime64):
        return str(value.astype("datetime64[us]"))
    return value.isoformat() if isinstance(value, date | datetime) else value


_CONVERT = {"number": _number, "boolean": _boolean, "category": _category, "timestamp": _time}


def _keys() -> dict[str, bytes] | None:
    """Return the trusted keys that are to be had here, or None."""
    named = os.environ.get("EVERMODEL_KEYS")
    if named:
        return Keys(named).trusted()
    here = Path.cwd()
    for folder in (here, *here.parents):
        keys = folder / ".evermodel" / "keys"
        if keys.is_dir():
            return Keys(keys).trusted()
    return None


def _load_pyfunc(data_path: str) -> BundleModel:
    """Load the bundle for MLflow, which calls this by name."""
    trusted = _keys()
    if trusted is None:
        warnings.warn(
            "the bundle's digests fit, its signature was not checked: no keys are known here; "
            "set EVERMODEL_KEYS to the workspace's keys folder",
            stacklevel=2,
        )
    return BundleModel(load(Path(data_path), trusted=trusted))
