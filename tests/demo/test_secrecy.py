"""The plan stays with the simulator: no stage could know the answer."""

import ast
from pathlib import Path

import evermodel

HOME = Path(evermodel.__file__).parent
SIMULATOR_AND_STORY = {
    "__init__", "batch", "calendar", "days", "judging", "playing", "shop", "story", "year",
}  # fmt: skip


def _imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{name.name}" for name in node.names} | {str(node.module)}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found |= {node.value} if node.value.startswith("evermodel.") else set()
    return found


def test_nothing_outside_the_demo_reads_it_but_the_command_that_plays_it() -> None:
    readers = {
        path.relative_to(HOME).as_posix()
        for path in HOME.rglob("*.py")
        if path.parent.name != "demo"
        and any(name.startswith("evermodel.demo") for name in _imports(path))
    }
    assert readers == {"cli/demo.py"}
    assert "evermodel.demo.plan" not in _imports(HOME / "cli" / "demo.py")


def test_within_the_demo_only_simulator_and_story_read_the_plan() -> None:
    readers = {
        path.stem
        for path in (HOME / "demo").glob("*.py")
        if any(name.startswith("evermodel.demo.plan") for name in _imports(path))
    }
    assert readers <= SIMULATOR_AND_STORY
