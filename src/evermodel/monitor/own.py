"""The user's own measures of drift, as the project file names them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from evermodel.protocols import DriftMethod
from evermodel.records import CheckResult

if TYPE_CHECKING:
    import polars as pl

__all__ = ["own_drift"]


def own_drift(
    methods: Mapping[str, DriftMethod], reference: pl.DataFrame, current: pl.DataFrame
) -> Iterator[CheckResult]:
    """Yield each method's result for each column of both tables, its known values as arrays.

    A method that breaks says so once, under its own name, and the other methods go on.

    Examples
    --------
    >>> import polars as pl
    >>> def means(before, after):
    ...     return CheckResult(name="means", value=float(after.mean() - before.mean()))
    >>> old, new = pl.DataFrame({"x": [1.0, 2.0]}), pl.DataFrame({"x": [2.0, 3.0]})
    >>> [(found.subject, found.value) for found in own_drift({"means": means}, old, new)]
    [('x', 1.0)]
    """
    columns = [name for name in reference.columns if name in current.columns]
    for name, method in methods.items():
        for column in columns:
            before = reference[column].drop_nulls().to_numpy()
            after = current[column].drop_nulls().to_numpy()
            try:
                found: Any = method(before, after)
            except Exception as error:  # noqa: BLE001 - it is the user's code
                yield _broken(name, f"it ended with {type(error).__name__} on column {column!r}")
                break
            if not isinstance(found, CheckResult):
                yield _broken(name, f"it returned no CheckResult but {type(found).__name__}")
                break
            subject, said = found.subject or column, found.method or f"drift method {name}"
            yield msgspec.structs.replace(found, subject=subject, method=said)


def _broken(name: str, what: str) -> CheckResult:
    why = f"the drift method {name!r} is broken: {what}"
    return CheckResult(name=name, subject="drift method", verdict="warn", why=why)
