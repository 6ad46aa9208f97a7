"""`pip install evermodel` alone serves: small, and without any of the training libraries."""

import importlib.util
import subprocess
import sys
from importlib.metadata import Distribution, PackageNotFoundError, packages_distributions

import pytest
from packaging.requirements import Requirement

LARGEST = 200_000_000
RUNTIME = [
    "evermodel",
    "evermodel.bundle",
    "evermodel.serve",
    "evermodel.store",
    "evermodel.cli.main",
]
HEAVY = ["polars", "pandas", "pyarrow", "mlflow", "sklearn", "lightgbm", "scipy", "optuna", "onnx"]


def _key(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")


def _base() -> dict[str, Distribution]:
    """Return what `pip install evermodel` brings: the closure of its requirements, no extras."""
    found: dict[str, Distribution] = {}
    waiting = ["evermodel"]
    while waiting:
        name = waiting.pop()
        if _key(name) in found:
            continue
        found[_key(name)] = distribution = Distribution.from_name(name)
        for line in distribution.requires or []:
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                waiting.append(requirement.name)
    return found


def _there() -> list[str]:
    names = [name for name in RUNTIME if importlib.util.find_spec(name.rsplit(".main")[0])]
    assert names
    return names


def _python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_base_installation_is_at_most_200_megabytes() -> None:
    try:
        base = _base()
    except PackageNotFoundError as missing:
        pytest.skip(f"not installed by pip: {missing}")
    sizes = {
        name: sum(file.size or 0 for file in distribution.files or [])
        for name, distribution in base.items()
    }
    assert sizes["onnxruntime"] > 10_000_000, "sizes are not recorded on this machine"
    assert sum(sizes.values()) <= LARGEST, sorted(sizes.items(), key=lambda item: -item[1])[:5]


def test_no_training_library_is_imported_by_what_serves() -> None:
    imports = "; ".join(f"import {name}" for name in _there())
    loaded = _python(f"import sys; {imports}; print(*sorted(sys.modules))").split()
    assert not set(HEAVY) & set(loaded)


def test_importing_evermodel_alone_imports_no_third_party_package_but_msgspec() -> None:
    base = {module for module, owners in packages_distributions().items() if owners}
    loaded = set(_python("import sys, evermodel; print(*sys.modules)").split())
    began = set(_python("import sys; print(*sys.modules)").split())
    assert (loaded - began) & base <= {"evermodel", "msgspec"}


def test_what_serves_imports_where_only_the_base_installation_is_there() -> None:
    base = set(_base())
    foreign = [
        module
        for module, owners in packages_distributions().items()
        if not {_key(owner) for owner in owners} & base and module.isidentifier()
    ]
    blocks = f"import sys; sys.modules.update(dict.fromkeys({sorted(foreign)!r}))"
    _python(f"{blocks}; " + "; ".join(f"import {name}" for name in _there()))
