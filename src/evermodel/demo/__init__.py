"""The demo: one simulated year of a small online shop, with five events planted in it.

`Shop` is what the loop may see; `Plan` is what only the simulator, the narrator and tests may.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from evermodel.demo.batch import START
from evermodel.demo.money import Book, Terms, Total, money
from evermodel.demo.plan import OUTCOME_WEEKS, WEEKS, Plan, Window
from evermodel.demo.setting import project_text
from evermodel.demo.shop import LEAK, Shop, Week
from evermodel.demo.story import Chapter, chapters, tell

if TYPE_CHECKING:
    from evermodel.demo.playing import play

__all__ = [
    "LEAK",
    "OUTCOME_WEEKS",
    "START",
    "WEEKS",
    "Book",
    "Chapter",
    "Plan",
    "Shop",
    "Terms",
    "Total",
    "Week",
    "Window",
    "chapters",
    "money",
    "play",
    "project_text",
    "tell",
]


def __getattr__(name: str) -> Any:
    if name == "play":  # the whole loop comes with it
        return importlib.import_module("evermodel.demo.playing").play
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
