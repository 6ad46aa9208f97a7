"""What a module offers is named in `__all__` and documented with an example."""

import ast
import inspect
from pathlib import Path

import pytest

import evermodel as em
from tests.docs.pages import ROOT

SOURCE = ROOT / "src" / "evermodel"
MODULES = [
    path
    for path in sorted(SOURCE.rglob("*.py"))
    if not path.stem.startswith("_") or path.stem == "__init__"
]
# Commands print and end; their examples are the pages of docs/, which are run.
WITHOUT_EXAMPLES = {"cli"}


def _exported(tree: ast.Module) -> list[str] | None:
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        if isinstance(node, ast.AnnAssign):
            targets = [node.target]
        if any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets):
            return [str(name) for name in ast.literal_eval(node.value)]  # type: ignore[attr-defined]
    return None


def _shown(path: Path) -> set[str]:
    """Return the names that a room shows to the others: those that need an example."""
    if path.parent == SOURCE:
        return set(_exported(ast.parse(path.read_text())) or [])
    if WITHOUT_EXAMPLES & set(path.relative_to(SOURCE).parts):
        return set()
    face = path.parent / "__init__.py"
    return set(_exported(ast.parse(face.read_text())) or []) if face.exists() else set()


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(SOURCE).as_posix())
def test_a_public_module_names_what_it_offers_and_shows_how_to_use_it(path: Path) -> None:
    tree = ast.parse(path.read_text())
    assert ast.get_docstring(tree), "the module says nothing about itself"
    names = _exported(tree)
    if names is None:
        assert not [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
        return
    shown = _shown(path)
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name in names:
            text = ast.get_docstring(node) or ""
            assert text, f"{node.name} has no docstring"
            if isinstance(node, ast.FunctionDef) and node.name in shown:
                assert ">>> " in text, f"{node.name} shows no example"


def test_the_package_shows_its_verbs_and_their_arguments() -> None:
    import evermodel.train  # noqa: F401 - a room of that name must not hide the verb

    assert {"train", "score", "monitor", "CheckResult"} <= set(dir(em))
    for name in ("train", "register", "report", "score"):
        parameters = inspect.signature(getattr(em, name)).parameters
        assert "folder" in parameters, name
