"""Data: propose a project file, check a table, and gate a new batch."""

from evermodel.data.changes import changes
from evermodel.data.check import check
from evermodel.data.gate import gate
from evermodel.data.proposal import Proposal
from evermodel.data.proposing.propose import propose
from evermodel.data.proposing.toml_text import render

__all__ = ["Proposal", "changes", "check", "gate", "propose", "render"]
