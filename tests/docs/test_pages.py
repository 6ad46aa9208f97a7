"""The reader of pages sees what a person sees, and the directions meant for it."""

from pathlib import Path

from tests.docs.pages import read

TEXT = """# Page
<!-- start: data -->

```console
$ evermodel check \\
    --json
3 columns
$ cat a.csv
```

<!-- test: exit 1 -->
```console
$ evermodel evaluate
```

<!-- test: skip there is no server here -->
```python
print("never")
```

```toml
$ not = "a command"
```

<!-- test: set -->
```toml
[train]
trials = 3
```
"""


def _page(folder: Path) -> Path:
    path = folder / "page.md"
    path.write_text(TEXT)
    return path


def test_commands_are_read_with_their_continued_lines_and_without_their_output(
    tmp_path: Path,
) -> None:
    steps = read(_page(tmp_path)).steps
    assert [(step.text, step.line) for step in steps[:2]] == [
        ("evermodel check --json", 5),
        ("cat a.csv", 8),
    ]


def test_directions_hold_for_the_next_block_only(tmp_path: Path) -> None:
    page = read(_page(tmp_path))
    assert page.start == "data"
    assert [step.code for step in page.steps] == [0, 0, 1, 0, 0]
    assert [step.skip for step in page.steps] == ["", "", "", "there is no server here", ""]
    assert page.steps[-2].kind == "python"
    assert (page.steps[-1].kind, page.steps[-1].text) == ("settings", "[train]\ntrials = 3")
