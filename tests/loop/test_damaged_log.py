"""A prediction log that was damaged: what is whole counts, what is not is kept and told."""

import fcntl
from collections.abc import Callable
from pathlib import Path

from evermodel.loop.predictions import compact, logged
from evermodel.loop.telling import status
from evermodel.loop.watching import monitor
from evermodel.records import CheckResult, Report
from tests.loop.shop import Shop, customers

Make = Callable[..., Shop]


def asked(one: Shop, rows: int = 4) -> tuple[Path, list[bytes]]:
    """Ask for some predictions; return the sealed segment and its lines."""
    one.ask(customers(rows, seed=1))
    (path,) = one.workspace.segments.glob("*.jsonl")
    return path, path.read_bytes().splitlines(keepends=True)


def damage(report: Report) -> list[CheckResult]:
    return [result for result in report.results if result.name == "prediction_log"]


def test_damaged_lines_are_set_aside_and_told_and_whole_ones_count(shop: Make) -> None:
    one = shop()
    path, lines = asked(one)
    path.write_bytes(lines[0] + b"\x00\x00\n" + lines[2] + lines[3][:-9])
    assert compact(one.workspace) == 2
    log = logged(one.workspace)
    assert log is not None
    assert log.height == 2
    assert not path.exists()
    aside = one.workspace.segments / "quarantine"
    assert (aside / path.name).read_bytes() == b"\x00\x00\n" + lines[3][:-9] + b"\n"
    for report in (status(one.workspace, repair=False), monitor(one.workspace)):
        (told,) = damage(report)
        assert (told.value, told.unit, told.verdict) == (2, "lines", "warn")
        assert str(aside) in told.why
    (aside / path.name).unlink()
    assert damage(status(one.workspace, repair=False)) == []


def test_a_segment_without_a_whole_line_is_kept_too(shop: Make) -> None:
    one = shop()
    path, _ = asked(one)
    path.write_bytes(b"\x00" * 300)
    assert compact(one.workspace) == 0
    aside = one.workspace.segments / "quarantine" / path.name
    assert aside.read_bytes() == b"\x00" * 300 + b"\n"
    (told,) = damage(monitor(one.workspace))
    assert told.value == 1


def test_a_whole_log_warns_of_nothing(shop: Make) -> None:
    one = shop()
    asked(one)
    assert compact(one.workspace) == 4
    assert damage(status(one.workspace, repair=False)) == []
    assert not (one.workspace.segments / "quarantine").exists()


def test_a_segment_that_is_being_written_is_left_alone(shop: Make) -> None:
    one = shop()
    path, lines = asked(one)
    path.write_bytes(lines[0] + lines[1][:-9])
    before = path.read_bytes()
    with path.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert compact(one.workspace) == 0
        assert path.read_bytes() == before
        assert damage(status(one.workspace, repair=False)) == []
    assert compact(one.workspace) == 1


def test_a_segment_that_cannot_be_read_stays_and_is_told(shop: Make) -> None:
    one = shop()
    asked(one)
    (one.workspace.segments / "0.jsonl").mkdir()
    assert compact(one.workspace) == 4
    assert (one.workspace.segments / "0.jsonl").is_dir()
    (told,) = damage(status(one.workspace, repair=False))
    assert (told.value, told.unit, told.verdict) == (1, "segments", "warn")
    assert "0.jsonl" in told.why
