"""Results in the terminal: verdict first, aligned, never wider than asked, safe to print."""

import pytest
from syrupy.assertion import SnapshotAssertion

from evermodel.records import CheckResult
from evermodel.report import results_text, verdict_line
from tests.report.sample import METRICS, MONITOR


def test_metrics_read_as_one_verdict_and_aligned_rows(snapshot: SnapshotAssertion) -> None:
    assert results_text(METRICS, 100, title="shop-churn/2") == snapshot


def test_a_monitor_report_reads_the_same_way(snapshot: SnapshotAssertion) -> None:
    assert results_text(MONITOR.results, 80) == snapshot


@pytest.mark.parametrize("width", [72, 80, 100, 160])
def test_no_line_is_wider_than_asked(width: int) -> None:
    text = results_text([*METRICS, *MONITOR.results], width)
    assert max(map(len, text.splitlines())) <= width


def test_failures_stand_on_top() -> None:
    lines = results_text(METRICS).splitlines()
    assert lines[0].startswith(
        "FAIL  1 failed, 1 to look at, 1 too few to say, 1 passed, 3 measured"
    )
    words = [line.split()[0] for line in lines[3:] if not line.startswith(" ")]
    assert words == ["fail", "warn", "unknown", "pass"]


def test_nothing_to_show_is_said_in_one_line() -> None:
    assert results_text([]) == "UNKNOWN  nothing was looked at"


def test_colour_is_there_only_when_asked() -> None:
    assert "\x1b[" not in results_text(METRICS)
    assert "\x1b[1;31mFAIL\x1b[0m" in verdict_line(METRICS, colour=True)


def test_control_codes_in_names_and_reasons_do_not_reach_the_terminal() -> None:
    evil = CheckResult(name="drift", subject="a\x1b[2Jb\nc\x07", why="x\x1b[31m\ny")
    text = results_text([evil])
    assert "\x1b" not in text
    assert "\x07" not in text
    assert len(text.splitlines()) == 5


def test_numbers_that_are_none_leave_an_empty_cell() -> None:
    odd = CheckResult(name="a", value=float("nan"), low=float("nan"), high=float("inf"))
    assert "nan" not in results_text([odd, CheckResult(name="b")])
