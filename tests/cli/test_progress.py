"""Progress is seen to go on, tells the rows read, and leaves nothing behind."""

from __future__ import annotations

import io
import sys
import time
from pathlib import Path

import pytest

from evermodel.cli.output import Output
from evermodel.loop.beginning import check
from evermodel.tables import read


class Terminal(io.StringIO):
    """Standard error as if somebody sat before it."""

    def isatty(self) -> bool:
        return True

    def drawn(self) -> list[str]:
        return [line for line in self.getvalue().split("\r\x1b[K") if line]


def before_a_terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    # Not as a fixture: what pytest captures stands in its place once the test begins.
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    return terminal


def interrupted(output: Output) -> None:
    with output.ticking():
        output.progress("reading the data", 0.1)
        raise KeyboardInterrupt


def test_a_long_step_is_drawn_again_each_second_until_the_bar_is_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = before_a_terminal(monkeypatch)
    output = Output("check")
    with output.ticking():
        time.sleep(0.7)
        assert not terminal.drawn()  # nothing is known yet
        output.progress("reading the data: 5 rows", 0.1)
        time.sleep(1.3)
        drawn = len(terminal.drawn())
        assert drawn >= 2
        assert all(line.endswith("reading the data: 5 rows") for line in terminal.drawn())
        output.close()
        time.sleep(0.7)
        assert len(terminal.drawn()) == drawn
    assert terminal.getvalue().endswith("\r\x1b[K")


def test_the_bar_ends_with_the_work_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = before_a_terminal(monkeypatch)
    output = Output("check")
    with pytest.raises(KeyboardInterrupt):
        interrupted(output)
    drawn = len(terminal.drawn())
    time.sleep(0.7)
    assert len(terminal.drawn()) == drawn


def test_nothing_is_drawn_where_json_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = before_a_terminal(monkeypatch)
    output = Output("check", json=True)
    with output.ticking():
        output.progress("reading the data", 0.1)
    assert terminal.getvalue() == ""


def test_a_reader_tells_after_each_batch_how_many_rows_it_has(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    words = "a few words that take room, " * 6
    path.write_text("n,words\n" + "".join(f'{i},"{words}"\n' for i in range(200_000)))
    told: list[tuple[int, int]] = []
    table = read(path, seen=lambda rows, typed: told.append((rows, typed)))
    assert told == sorted(told)
    assert told[-1] == (table.frame.height, table.frame.height) == (200_000, 200_000)
    assert len({rows for rows, typed in told if not typed}) > 1


def test_check_tells_rows_and_stages_in_order(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("n,word,y\n" + "".join(f"{i % 7},w{i % 5},{i % 2}\n" for i in range(300)))
    told: list[tuple[str, float]] = []
    check(path, tmp_path, target="y", progress=lambda step, share: told.append((step, share)))
    steps = [step for step, _ in told]
    assert [share for _, share in told] == sorted(share for _, share in told)
    assert "reading the data: 300 rows" in steps
    for stage in ("column 2 of 3", "predicted", "personal data", "single cells", "done"):
        assert any(stage in step for step in steps), stage
