"""The deployable: what was evaluated is what runs.

A bundle is a folder with `bundle.json` (the `Manifest`) and its parts, each with its digest, signed
as one by the project's key. This room writes, reads, checks and runs it with the small runtime
alone: nothing of training is ever imported here.
"""

from __future__ import annotations

from evermodel.bundle.blocks import Blocks, Predictions
from evermodel.bundle.checks import Checks, Rule, rules_of
from evermodel.bundle.files import read_manifest, sign_bundle, verify_bundle, write_bundle
from evermodel.bundle.manifest import FORMAT_VERSION, Input, Manifest, Part, Repair, Step
from evermodel.bundle.model import Model, load

__all__ = [
    "FORMAT_VERSION",
    "Blocks",
    "Checks",
    "Input",
    "Manifest",
    "Model",
    "Part",
    "Predictions",
    "Repair",
    "Rule",
    "Step",
    "load",
    "read_manifest",
    "rules_of",
    "sign_bundle",
    "verify_bundle",
    "write_bundle",
]
