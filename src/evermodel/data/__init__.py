"""Data: propose a project file, check a table, and gate a new batch."""

from evermodel.data.check import check
from evermodel.data.gate import gate
from evermodel.data.proposal import Proposal
from evermodel.data.propose import propose
from evermodel.data.toml_text import render

__all__ = ["Proposal", "check", "gate", "propose", "render"]
