"""Batches in and out: readers, digests, versioned tables, streaming profiles, writers.

Everything public is loaded on first use, so that importing the package costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evermodel.tables import versions
    from evermodel.tables.as_written import scan_texts, texts
    from evermodel.tables.digests import digest, digest_batches, row_hashes
    from evermodel.tables.patches import CellPatch, Patch, RowPatch
    from evermodel.tables.profiles import ColumnProfile, Profile, profile
    from evermodel.tables.raw import Lined
    from evermodel.tables.reader import read, scan, scan_lines, understand
    from evermodel.tables.summaries import Summarising, summarise
    from evermodel.tables.summarised import ColumnSummary, Summary
    from evermodel.tables.understanding import (
        ColumnReading,
        Misfits,
        Rejected,
        Table,
        Understanding,
    )
    from evermodel.tables.writer import write

__all__ = [
    "CellPatch",
    "ColumnProfile",
    "ColumnReading",
    "ColumnSummary",
    "Lined",
    "Misfits",
    "Patch",
    "Profile",
    "Rejected",
    "RowPatch",
    "Summarising",
    "Summary",
    "Table",
    "Understanding",
    "digest",
    "digest_batches",
    "ordered_digests",
    "profile",
    "read",
    "row_hashes",
    "scan",
    "scan_lines",
    "scan_texts",
    "summarise",
    "texts",
    "understand",
    "versions",
    "write",
]

_ROOMS = {
    "CellPatch": "patches",
    "Patch": "patches",
    "ColumnSummary": "summarised",
    "RowPatch": "patches",
    "Summarising": "summaries",
    "Summary": "summarised",
    "summarise": "summaries",
    "ColumnProfile": "profiles",
    "ColumnReading": "understanding",
    "Lined": "raw",
    "Misfits": "understanding",
    "Profile": "profiles",
    "Rejected": "understanding",
    "Table": "understanding",
    "Understanding": "understanding",
    "digest": "digests",
    "digest_batches": "digests",
    "ordered_digests": "digests",
    "row_hashes": "digests",
    "profile": "profiles",
    "read": "reader",
    "scan": "reader",
    "scan_lines": "reader",
    "scan_texts": "as_written",
    "texts": "as_written",
    "understand": "reader",
    "write": "writer",
}


def __getattr__(name: str) -> Any:
    if name == "versions":
        return importlib.import_module("evermodel.tables.versions")
    if name in _ROOMS:
        return getattr(importlib.import_module(f"evermodel.tables.{_ROOMS[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
