"""Pictures: what is drawn, said to those who do not see it, and calm about odd numbers."""

import math
import xml.etree.ElementTree as ET

import pytest
from syrupy.assertion import SnapshotAssertion

from evermodel.records import CheckResult
from evermodel.report import bars, compare, course, intervals, reliability
from evermodel.report.svg import COLOURS, Canvas, Scale, extent, ticks
from tests.report.sample import BINS, COURSE, METRICS, MONITOR

NS = "{http://www.w3.org/2000/svg}"
DRIFT = [r for r in MONITOR.results if r.name == "drift"]
ODD = [
    CheckResult(name="nan", value=math.nan, low=math.nan, high=math.nan),
    CheckResult(name="none"),
    CheckResult(name="inf", value=math.inf),
]


def _parsed(svg: str) -> ET.Element:
    root = ET.fromstring(svg)
    assert root.tag == f"{NS}svg"
    assert root.get("role") == "img"
    assert root.get("aria-label")
    assert root.find(f"{NS}title") is not None
    assert "nan" not in svg.replace(">nan<", "").lower().split('aria-label="')[-1].split('">')[-1]
    assert not list(root.iter(f"{NS}script"))
    assert not [key for e in root.iter() for key in e.attrib if "href" in key or key == "style"]
    return root


def _texts(root: ET.Element) -> list[str]:
    return [element.text or "" for element in root.iter(f"{NS}text")]


def test_an_interval_picture_stays_as_it_is(snapshot: SnapshotAssertion) -> None:
    assert intervals(METRICS[:2], width=480) == snapshot


def test_a_reliability_picture_stays_as_it_is(snapshot: SnapshotAssertion) -> None:
    assert reliability(BINS[:2], width=328) == snapshot


def test_a_course_stays_as_it_is(snapshot: SnapshotAssertion) -> None:
    lines = {"this loop": [("2026-01-01", 0.0), ("2026-03-01", 10.0), ("2026-06-01", 25.0)]}
    assert course(lines, marks=[("2026-02-10", "bad release")], unit="EUR", width=480) == snapshot


@pytest.mark.parametrize("width", [328, 824])
def test_all_pictures_are_well_formed_and_named(width: int) -> None:
    for svg in (
        intervals(METRICS, width=width),
        reliability(BINS, width=width),
        bars(DRIFT, width=width),
        compare(["a", "b", "missing"], [0.5, 0.3, 0.2], [0.2, 0.3, 0.5], width=width),
        compare(["a", "b"], [0.5, 0.5], [0.2, 0.8], ordered=True, width=width),
        course(COURSE.lines, marks=COURSE.marks, width=width),
    ):
        root = _parsed(svg)
        assert float(root.get("width", "0")) == width
        sizes = [float(e.get("font-size", "0")) for e in root.iter(f"{NS}text")]
        assert min(sizes) >= 12


def test_the_shape_alone_tells_the_verdict() -> None:
    shapes = {}
    for verdict in ("pass", "warn", "fail", "unknown"):
        result = CheckResult(name="a", value=0.5, verdict=verdict)
        root = _parsed(intervals([result]))
        drawn = [e.tag.removeprefix(NS) for e in root if e.tag != f"{NS}text"]
        ring = any(e.get("fill") == "none" for e in root.iter(f"{NS}circle"))
        shapes[verdict] = (tuple(drawn), ring)
    assert len(set(shapes.values())) == 4


def test_a_number_that_nothing_was_asked_of_is_not_drawn_as_passed() -> None:
    measured = CheckResult(name="recall", subject="plan", value=0.6, low=0.5, high=0.7)
    asked = CheckResult(name="recall", subject="plan", value=0.6, low=0.5, high=0.7, min=0.4)
    for draw in (intervals, bars):
        assert "(measured)" in draw([measured])
        assert "Pass" not in draw([measured])
        assert COLOURS["pass"] not in draw([measured])
        assert "(Pass)" in draw([asked])
        assert COLOURS["pass"] in draw([asked])


@pytest.mark.parametrize("draw", [intervals, bars], ids=["intervals", "bars"])
def test_results_without_a_number_are_said_to_be_missing(draw) -> None:  # type: ignore[no-untyped-def]
    assert any("yet" in text for text in _texts(_parsed(draw(ODD))))
    assert any("yet" in text for text in _texts(_parsed(draw([]))))


def test_one_point_is_a_dot_and_a_gap_breaks_the_line() -> None:
    assert _parsed(course({"a": [(1.0, 2.0)]})).find(f"{NS}circle") is not None
    root = _parsed(course({"a": [(1.0, 2.0), (2.0, math.nan), (3.0, 4.0), (4.0, 5.0)]}))
    paths = [e.get("d", "") for e in root.iter(f"{NS}path")]
    assert [d.count("M") for d in paths] == [2]


def test_no_points_at_all_are_said() -> None:
    nothing: list[dict[str, list[tuple[float, float]]]] = [{}, {"a": []}, {"a": [(1.0, math.nan)]}]
    for lines in nothing:
        assert "Nothing has been recorded yet." in course(lines)


def test_all_zero_shares_and_equal_values_are_drawn_without_dividing_by_zero() -> None:
    _parsed(compare(["a"], [0.0], [0.0]))
    _parsed(bars([CheckResult(name="drift", subject="a", value=0.0, low=0.0, high=0.0)]))
    _parsed(course({"a": [("2026-01-01", 5.0), ("2026-01-01", 5.0)]}))


def test_words_of_strangers_are_escaped() -> None:
    evil = '</text><script>alert("1")</script>'
    result = CheckResult(name="drift", subject=evil, slice=evil, value=0.5)
    for svg in (
        intervals([result]),
        bars([result]),
        compare([evil], [1.0], [1.0]),
        course({evil: [(1.0, 1.0)]}, marks=[(1.0, evil)], title=evil),
    ):
        assert "<script" not in svg
        _parsed(svg)


def test_marks_close_to_one_another_do_not_overlap() -> None:
    days = [(f"2026-01-{d:02d}", "event") for d in (10, 11, 12)]
    lines = {"a": [("2026-01-01", 1.0), ("2026-12-01", 2.0)]}
    circles = list(_parsed(course(lines, marks=days)).iter(f"{NS}circle"))
    places = [(float(e.get("cx", "0")), float(e.get("cy", "0"))) for e in circles]
    assert len(places) == 3
    for i, one in enumerate(places):
        for other in places[i + 1 :]:
            assert math.dist(one, other) >= 18


def test_many_columns_are_cut_to_the_longest_bars() -> None:
    many = [CheckResult(name="drift", subject=f"c{i}", value=i / 100) for i in range(40)]
    texts = _texts(_parsed(bars(many)))
    assert "c39" in texts
    assert "c1" not in texts
    assert any("28 more columns" in text for text in texts)


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-3, 7), (1e-9, 2e-9), (1e8, 5e9), (0.1, 0.11)])
def test_ticks_are_few_round_and_inside(low: float, high: float) -> None:
    for most in (2, 3, 5, 8):
        found = ticks(low, high, most)
        assert 1 <= len(found) <= most
        assert low - 1e-12 <= min(found)
        assert max(found) <= high * (1 + 1e-9)


def test_a_range_of_nothing_is_still_a_range() -> None:
    assert extent([]) == (0.0, 1.0)
    assert extent([math.nan, None]) == (0.0, 1.0)
    low, high = extent([2.0])
    assert low < 2.0 < high
    assert Scale(1, 1, 0, 10)(1) == 5


def test_what_has_no_place_is_not_drawn() -> None:
    board = Canvas(10, 10, "t")
    board.line(math.nan, 0, 1, 1)
    board.rect(0, 0, -1, 5, "red")
    board.circle(math.inf, 0, 1, "red")
    board.path([(math.nan, 1.0)], "red")
    board.text(math.nan, 0, "x")
    assert len(_parsed(board.svg())) == 1
