"""Evermodel keeps machine-learning models right after day one.

The Python API: everything that the command line does, with records in return.

>>> import evermodel as em
>>> em.parse_requirement("roc_auc >= 0.8").min
0.8
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evermodel.bundle import load
    from evermodel.loop.beginning import check, init
    from evermodel.loop.corrections import (
        data_corrections,
        data_replay,
        data_review,
        data_take,
        data_undo,
    )
    from evermodel.loop.datasets import data_diff, data_log, data_restore, data_show, data_tidy
    from evermodel.loop.doctor import doctor
    from evermodel.loop.documentation import data_document
    from evermodel.loop.outcomes import labels
    from evermodel.loop.profiling import data_profile
    from evermodel.loop.pseudonymising import data_pseudonymise
    from evermodel.loop.releasing import evaluate, promote, register, rollback
    from evermodel.loop.reproducing import reproduce
    from evermodel.loop.retraining import retrain
    from evermodel.loop.schedule import run_forever
    from evermodel.loop.scoring import score
    from evermodel.loop.serving import application
    from evermodel.loop.telling import history, report, status, verify_ledger
    from evermodel.loop.training import train
    from evermodel.loop.turning import run
    from evermodel.loop.watching import monitor
    from evermodel.loop.workspace import Workspace, open_workspace
    from evermodel.project import Project, load_project, parse_project, parse_requirement
    from evermodel.records import CheckResult, Report

__version__ = "0.1.0"

_ROOMS = {
    "CheckResult": "records",
    "Project": "project",
    "Report": "records",
    "Workspace": "loop.workspace",
    "application": "loop.serving",
    "check": "loop.beginning",
    "data_corrections": "loop.corrections",
    "data_diff": "loop.datasets",
    "data_document": "loop.documentation",
    "data_log": "loop.datasets",
    "data_profile": "loop.profiling",
    "data_pseudonymise": "loop.pseudonymising",
    "data_replay": "loop.corrections",
    "data_restore": "loop.datasets",
    "data_review": "loop.corrections",
    "data_show": "loop.datasets",
    "data_take": "loop.corrections",
    "data_tidy": "loop.datasets",
    "data_undo": "loop.corrections",
    "doctor": "loop.doctor",
    "evaluate": "loop.releasing",
    "history": "loop.telling",
    "init": "loop.beginning",
    "labels": "loop.outcomes",
    "load": "bundle",
    "load_project": "project",
    "monitor": "loop.watching",
    "open_workspace": "loop.workspace",
    "parse_project": "project",
    "parse_requirement": "project",
    "promote": "loop.releasing",
    "register": "loop.releasing",
    "report": "loop.telling",
    "reproduce": "loop.reproducing",
    "retrain": "loop.retraining",
    "rollback": "loop.releasing",
    "run": "loop.turning",
    "run_forever": "loop.schedule",
    "score": "loop.scoring",
    "status": "loop.telling",
    "train": "loop.training",
    "verify_ledger": "loop.telling",
}
"""Where each public name lives; nothing is imported before it is used."""

__all__ = [
    "CheckResult",
    "Project",
    "Report",
    "Workspace",
    "__version__",
    "application",
    "check",
    "data_corrections",
    "data_diff",
    "data_document",
    "data_log",
    "data_profile",
    "data_pseudonymise",
    "data_replay",
    "data_restore",
    "data_review",
    "data_show",
    "data_take",
    "data_tidy",
    "data_undo",
    "doctor",
    "evaluate",
    "history",
    "init",
    "labels",
    "load",
    "load_project",
    "monitor",
    "open_workspace",
    "parse_project",
    "parse_requirement",
    "promote",
    "register",
    "report",
    "reproduce",
    "retrain",
    "rollback",
    "run",
    "run_forever",
    "score",
    "status",
    "train",
    "verify_ledger",
]


class _Room(ModuleType):
    """A room that is named like a verb, such as `evermodel.train`: calling it is the verb."""

    def __call__(self, *arguments: Any, **settings: Any) -> Any:
        return _verb(self.__name__.rpartition(".")[2])(*arguments, **settings)

    @property
    def __signature__(self) -> Any:
        import inspect

        return inspect.signature(_verb(self.__name__.rpartition(".")[2]))


class _Package(ModuleType):
    """The package itself: an import of a room must not hide the verb of the same name."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _ROOMS and isinstance(value, ModuleType):
            value.__class__ = _Room
        super().__setattr__(name, value)


def _verb(name: str) -> Any:
    return getattr(importlib.import_module(f"evermodel.{_ROOMS[name]}"), name)


def __getattr__(name: str) -> Any:
    if name not in _ROOMS:
        raise AttributeError(f"module 'evermodel' has no attribute {name!r}")
    return _verb(name)


def __dir__() -> list[str]:
    return __all__


sys.modules[__name__].__class__ = _Package
